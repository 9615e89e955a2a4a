/* Connections over socket pairs and loopback: bytes, queues, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "net/conn.h"
#include "net/listener.h"

/* One end of a connection, and what happened to it. */
struct end {
    struct nc_loop *loop;
    struct nc_conn *c;
    struct nc_buf got;
    size_t use_max; /* use at most so much per call; 0: all */
    bool leave;     /* use nothing */
    unsigned calls, drained, gone, opened;
    const char *why;
    void (*then)(struct end *e); /* after data */
    void (*when_gone)(struct end *e);
    struct end *other;
};

static void on_open(void *owner) { ((struct end *)owner)->opened++; }

static size_t on_data(void *owner, char *p, size_t n)
{
    struct end *e = owner;

    e->calls++;
    if (e->leave)
        n = 0;
    else if (e->use_max && n > e->use_max)
        n = e->use_max;
    nc_buf_add(&e->got, p, n);
    if (e->then)
        e->then(e);
    return n;
}

static void on_drained(void *owner) { ((struct end *)owner)->drained++; }

static void on_gone(void *owner, const char *why)
{
    struct end *e = owner;

    e->gone++;
    e->why = why;
    e->c = NULL;
    if (e->when_gone)
        e->when_gone(e);
}

static const struct nc_conn_ops end_ops = {
    .open = on_open, .data = on_data, .drained = on_drained, .gone = on_gone};

static void pair(struct nc_loop **l, struct end *a, struct end *b)
{
    struct nc_addr peer = {.kind = NC_ADDR_UNIX};
    int fd[2];

    memset(a, 0, sizeof(*a));
    memset(b, 0, sizeof(*b));
    assert_int_equal(nc_loop_new(l), NC_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    a->loop = b->loop = *l;
    a->other = b;
    b->other = a;
    a->c = nc_conn_new(*l, fd[0], &peer, NULL, NULL, &end_ops, a);
    b->c = nc_conn_new(*l, fd[1], &peer, NULL, NULL, &end_ops, b);
}

static void unpair(struct nc_loop *l, struct end *a, struct end *b)
{
    assert_int_equal(a->gone, 1);
    assert_int_equal(b->gone, 1);
    nc_buf_fini(&a->got);
    nc_buf_fini(&b->got);
    nc_loop_free(l);
}

static void close_when_got_5(struct end *e)
{
    if (e->got.n >= 5)
        nc_conn_close(e->c, "enough");
}

static void test_bytes_go_across_and_both_ends_are_told(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    struct nc_str v[] = {NC_STR("he"), NC_STR(""), NC_STR("llo")};

    (void)state;
    pair(&l, &a, &b);
    b.then = close_when_got_5;
    assert_int_equal(nc_conn_send(a.c, v, 3), NC_OK);
    assert_int_equal(nc_conn_queued(a.c), 0);
    assert_int_equal(b.got.n, 0); /* never from inside the call */
    nc_loop_run(l);
    assert_int_equal(b.got.n, 5);
    assert_memory_equal(b.got.p, "hello", 5);
    assert_string_equal(b.why, "enough");
    assert_string_equal(a.why, "peer closed");
    unpair(l, &a, &b);
}

struct feeder {
    struct nc_task task;
    struct end *to;
    unsigned left;
};
static void feed_more(struct nc_task *t)
{
    struct feeder *f = nc_of(t, struct feeder, task);
    struct nc_str s = NC_STR("0123456789");

    assert_int_equal(nc_conn_send(f->to->c, &s, 1), NC_OK);
    if (--f->left)
        nc_loop_defer(f->to->loop, t);
    else
        nc_conn_close(f->to->c, "fed");
}

static void test_unused_input_comes_again_with_more(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    struct feeder f = {.task.run = feed_more, .to = &a, .left = 50};

    (void)state;
    pair(&l, &a, &b);
    b.use_max = 3; /* falls ever further behind, then loses nothing but the tail */
    nc_loop_defer(l, &f.task);
    nc_loop_run(l);
    assert_true(b.got.n > 0 && b.got.n < 500);
    for (size_t i = 0; i < b.got.n; i++)
        assert_int_equal(b.got.p[i], '0' + (int)(i % 10));
    unpair(l, &a, &b);
}

#define BIG (3u << 20)

static void close_at_big(struct end *e)
{
    if (e->got.n >= BIG)
        nc_conn_close(e->c, "all here");
}

static void test_what_the_kernel_does_not_take_is_queued_in_order(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    char *big = malloc(BIG);
    struct nc_str head = NC_STR("HEAD");

    (void)state;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 7 + (i >> 11));
    memcpy(big, head.p, head.n);
    pair(&l, &a, &b);
    b.then = close_at_big;
    struct nc_blob *blob = nc_blob_new(big + 100, BIG - 100);
    struct nc_piece v[] = {{big, 50, NULL}, {big + 50, 50, NULL}, {blob->p, blob->n, blob}};
    assert_int_equal(nc_conn_send_pieces(a.c, v, 3), NC_OK); /* one is always accepted */
    assert_int_equal(blob->refs, 2);                         /* kept, not copied */
    assert_true(nc_conn_queued(a.c) > NC_CONN_QUEUE_MAX);
    assert_int_equal(nc_conn_send(a.c, &head, 1), NC_ELIMIT);
    nc_loop_run(l);
    assert_int_equal(blob->refs, 1);
    assert_int_equal(b.got.n, BIG);
    assert_memory_equal(b.got.p, big, BIG);
    assert_int_equal(a.drained, 1);
    nc_blob_unref(blob);
    free(big);
    unpair(l, &a, &b);
}

static void test_close_flushes_what_is_queued(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    struct nc_blob *blob = nc_blob_alloc(BIG);

    (void)state;
    memset(blob->p, 'x', BIG);
    pair(&l, &a, &b);
    assert_int_equal(nc_conn_send_blobs(a.c, &blob, 1), NC_OK);
    nc_conn_close(a.c, "done");
    nc_conn_close(a.c, "again");
    assert_int_equal(nc_conn_send_blobs(a.c, &blob, 1), NC_ECLOSED);
    assert_false(nc_conn_is_open(a.c));
    nc_loop_run(l);
    assert_int_equal(b.got.n, BIG);
    assert_string_equal(a.why, "done");
    nc_blob_unref(blob);
    unpair(l, &a, &b);
}

static void test_abort_comes_once_and_later(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    struct nc_blob *blob = nc_blob_alloc(BIG);

    (void)state;
    memset(blob->p, 'x', BIG);
    pair(&l, &a, &b);
    assert_int_equal(nc_conn_send_blobs(a.c, &blob, 1), NC_OK);
    nc_conn_abort(a.c, "enough");
    nc_conn_abort(a.c, "again");
    nc_conn_close(a.c, "again");
    assert_int_equal(a.gone, 0);
    nc_loop_run(l);
    assert_string_equal(a.why, "enough");
    assert_int_equal(blob->refs, 1);
    nc_blob_unref(blob);
    unpair(l, &a, &b);
}

static void abort_it(struct end *e) { nc_conn_abort(e->c, "rude"); }

static void test_a_conn_may_be_aborted_from_its_own_data(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    struct nc_str s = NC_STR("x");

    (void)state;
    pair(&l, &a, &b);
    b.then = abort_it;
    assert_int_equal(nc_conn_send(a.c, &s, 1), NC_OK);
    nc_loop_run(l);
    assert_string_equal(b.why, "rude");
    unpair(l, &a, &b);
}

static void pause_it(struct end *e) { nc_conn_pause(e->c); }

struct waker {
    struct nc_deadline d;
    struct end *e;
    size_t had;
};
static void wake_up(struct nc_deadline *d)
{
    struct waker *w = nc_of(d, struct waker, d);

    w->had = w->e->got.n;
    w->e->then = NULL;
    nc_conn_resume(w->e->c);
    nc_conn_close(w->e->other->c, "sent");
}

static void test_a_paused_conn_makes_the_peer_wait(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    struct nc_blob *blob = nc_blob_alloc(BIG);
    struct waker w = {.d.fire = wake_up, .e = &b};

    (void)state;
    memset(blob->p, 'x', BIG);
    pair(&l, &a, &b);
    b.then = pause_it;
    assert_int_equal(nc_conn_send_blobs(a.c, &blob, 1), NC_OK);
    nc_loop_deadline(l, &w.d, 50);
    nc_loop_run(l);
    assert_true(w.had > 0 && w.had <= 65536); /* one call, then silence */
    assert_int_equal(b.got.n, BIG);
    nc_blob_unref(blob);
    unpair(l, &a, &b);
}

static void abort_other(struct end *e) { nc_conn_abort(e->other->c, "left alone"); }

/* An owner that leaves its input is not fed for ever. */
static void test_an_owner_that_uses_nothing_stops_the_reading(void **state)
{
    struct nc_loop *l;
    struct end a, b;
    struct nc_blob *blob = nc_blob_alloc(BIG);

    (void)state;
    memset(blob->p, 'x', BIG);
    pair(&l, &a, &b);
    b.leave = true;
    a.when_gone = abort_other; /* not reading, b would not notice */
    nc_conn_write_timeout(a.c, 100);
    assert_int_equal(nc_conn_send_blobs(a.c, &blob, 1), NC_OK);
    nc_loop_run(l);
    assert_string_equal(a.why, "write timeout");
    assert_true(b.calls < 20);
    nc_blob_unref(blob);
    unpair(l, &a, &b);
}

struct heir {
    struct end first, second;
};

static void give_to_second(struct end *e)
{
    struct heir *h = nc_of(e, struct heir, first);

    h->second.c = e->c;
    nc_conn_own(e->c, &end_ops, &h->second);
}

static void test_a_new_owner_gets_what_the_old_one_left(void **state)
{
    struct nc_loop *l;
    struct end a;
    struct heir h;
    struct nc_str s = NC_STR("headrest");

    (void)state;
    memset(&h, 0, sizeof(h));
    pair(&l, &a, &h.first);
    h.second.loop = l;
    h.first.use_max = 4;
    h.first.then = give_to_second;
    assert_int_equal(nc_conn_send(a.c, &s, 1), NC_OK);
    nc_conn_close(a.c, "sent");
    nc_loop_run(l);
    assert_int_equal(h.first.got.n, 4);
    assert_int_equal(h.second.got.n, 4);
    assert_memory_equal(h.second.got.p, "rest", 4);
    assert_int_equal(h.first.gone, 0);
    assert_int_equal(h.second.gone, 1);
    nc_buf_fini(&h.first.got);
    unpair(l, &a, &h.second);
}

/* --- listeners and dialling --- */

struct door {
    struct nc_loop *loop;
    struct nc_listeners *ls;
    struct end inside[4];
    unsigned n;
};

static void on_accept(void *arg, int fd, const struct nc_addr *peer, void *tag)
{
    struct door *d = arg;
    struct end *e = &d->inside[d->n++];

    assert_ptr_equal(tag, d);
    e->loop = d->loop;
    e->then = close_when_got_5;
    e->c = nc_conn_new(d->loop, fd, peer, NULL, d->ls, &end_ops, e);
}

static void stop_listening(struct end *e)
{
    struct nc_listeners *ls = (struct nc_listeners *)(void *)e->other;

    nc_listeners_close(ls);
}

static void dial_and_talk(const char *where, const char *host, bool port)
{
    struct door d = {0};
    struct end out = {0};
    struct nc_addr at;
    struct nc_str hello = NC_STR("hello");

    assert_int_equal(nc_loop_new(&d.loop), NC_OK);
    d.ls = nc_listeners_new(d.loop, &(struct nc_listeners_opts){0}, on_accept, &d);
    assert_int_equal(nc_listeners_add(d.ls, nc_str(where), &d, &at), NC_OK);
    if (port)
        assert_int_not_equal(at.port, 0);
    out.loop = d.loop;
    out.other = (struct end *)(void *)d.ls;
    out.when_gone = stop_listening;
    out.c = nc_conn_dial(d.loop, host, port ? at.port : 0, NULL, 5000, &end_ops, &out);
    assert_int_equal(nc_conn_send(out.c, &hello, 1), NC_OK); /* queued until open */
    assert_int_equal(out.opened, 0);
    nc_loop_run(d.loop);
    assert_int_equal(out.opened, 1);
    assert_int_equal(out.gone, 1);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.inside[0].got.n, 5);
    assert_int_equal(nc_listeners_open(d.ls), 0);
    nc_buf_fini(&d.inside[0].got);
    nc_listeners_free(d.ls);
    nc_loop_free(d.loop);
}

static void test_dial_an_address(void **state)
{
    (void)state;
    dial_and_talk("127.0.0.1:0", "127.0.0.1", true);
}

static void test_dial_a_name(void **state)
{
    (void)state;
    dial_and_talk("localhost:0", "localhost", true);
}

static void test_dial_a_socket_file_that_replaces_a_dead_one(void **state)
{
    char path[64], where[80];
    struct stat st;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/nc-test-%d.sock", (int)getpid());
    snprintf(where, sizeof(where), "unix:%s", path);
    dial_and_talk(where, path, false);
    assert_int_not_equal(stat(path, &st), 0); /* removed on close */

    /* The leftover of a process that was killed. */
    struct door d = {0};
    assert_int_equal(nc_loop_new(&d.loop), NC_OK);
    d.ls = nc_listeners_new(d.loop, &(struct nc_listeners_opts){0}, on_accept, &d);
    assert_int_equal(nc_listeners_add(d.ls, nc_str(where), &d, NULL), NC_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(nc_listeners_add(d.ls, nc_str(where), &d, NULL), NC_EEXIST);
    char kept[80];
    snprintf(kept, sizeof(kept), "%s.kept", path);
    assert_int_equal(rename(path, kept), 0);
    nc_listeners_close(d.ls);
    assert_int_equal(rename(kept, path), 0);
    assert_int_equal(nc_listeners_add(d.ls, nc_str(where), &d, NULL), NC_OK);
    nc_listeners_free(d.ls);
    nc_loop_free(d.loop);
}

static void test_dialling_nobody_fails_with_a_reason(void **state)
{
    struct end out = {0};
    struct nc_listeners *ls;
    struct nc_addr at;

    (void)state;
    assert_int_equal(nc_loop_new(&out.loop), NC_OK);
    ls = nc_listeners_new(out.loop, &(struct nc_listeners_opts){0}, on_accept, NULL);
    assert_int_equal(nc_listeners_add(ls, NC_STR("127.0.0.1:0"), NULL, &at), NC_OK);
    nc_listeners_free(ls); /* a port where nobody is */
    out.c = nc_conn_dial(out.loop, "127.0.0.1", at.port, NULL, 5000, &end_ops, &out);
    nc_loop_run(out.loop);
    assert_int_equal(out.gone, 1);
    assert_int_equal(out.opened, 0);
    assert_string_equal(out.why, "connection refused");

    out.gone = 0;
    out.c = nc_conn_dial(out.loop, "no-such-host.invalid", 80, NULL, 5000, &end_ops, &out);
    nc_conn_abort(out.c, "changed my mind"); /* while it is being resolved */
    nc_loop_run(out.loop);
    assert_int_equal(out.gone, 1);
    assert_string_equal(out.why, "changed my mind");
    nc_loop_free(out.loop);
}

static void test_one_over_the_limit_is_closed_at_the_door(void **state)
{
    struct door d = {0};
    struct end out[2] = {{0}};
    struct nc_listeners_opts o = {.total_max = 1};
    struct nc_addr at;

    (void)state;
    assert_int_equal(nc_loop_new(&d.loop), NC_OK);
    d.ls = nc_listeners_new(d.loop, &o, on_accept, &d);
    assert_int_equal(nc_listeners_add(d.ls, NC_STR("127.0.0.1:0"), &d, &at), NC_OK);
    for (int i = 0; i < 2; i++) {
        out[i].loop = d.loop;
        out[i].c =
            nc_conn_dial(d.loop, "127.0.0.1", at.port, NULL, 5000, &end_ops, &out[i]);
    }
    out[1].other = (struct end *)(void *)d.ls;
    out[1].when_gone = stop_listening; /* the second is refused */
    struct nc_str hello = NC_STR("hello");
    assert_int_equal(nc_conn_send(out[0].c, &hello, 1), NC_OK);
    nc_loop_run(d.loop);
    assert_int_equal(d.n, 1);
    assert_int_equal(nc_listeners_refused(d.ls), 1);
    assert_int_equal(out[1].gone, 1);
    assert_int_equal(nc_listeners_open(d.ls), 0);
    nc_buf_fini(&d.inside[0].got);
    nc_listeners_free(d.ls);
    nc_loop_free(d.loop);
}

/* --- when descriptors run out --- */

struct shortage {
    struct door d;
    struct rlimit had;
    struct nc_deadline relief, end;
    int out[2];
    uint64_t refused;
};

static void let_more(struct nc_deadline *dl)
{
    struct shortage *s = nc_of(dl, struct shortage, relief);

    s->refused = nc_listeners_refused(s->d.ls);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &s->had), 0);
}

static void end_shortage(struct nc_deadline *dl)
{
    struct shortage *s = nc_of(dl, struct shortage, end);

    nc_listeners_close(s->d.ls);
    close(s->out[0]);
    close(s->out[1]);
}

static void test_without_descriptors_one_is_refused_and_the_rest_wait(void **state)
{
    struct shortage s = {.relief.fire = let_more, .end.fire = end_shortage};
    struct sockaddr_storage sa;
    struct nc_addr at;

    (void)state;
    assert_int_equal(nc_loop_new(&s.d.loop), NC_OK);
    s.d.ls = nc_listeners_new(s.d.loop, &(struct nc_listeners_opts){0}, on_accept, &s.d);
    assert_int_equal(nc_listeners_add(s.d.ls, NC_STR("127.0.0.1:0"), &s.d, &at), NC_OK);
    socklen_t n = nc_addr_to_sockaddr(&at, &sa);
    for (int i = 0; i < 2; i++) {
        s.out[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(s.out[i], (struct sockaddr *)&sa, n), 0);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &s.had), 0);
    struct rlimit now = {.rlim_cur = (rlim_t)s.out[1] + 1, .rlim_max = s.had.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    nc_loop_deadline(s.d.loop, &s.relief, 100);
    nc_loop_deadline(s.d.loop, &s.end, 400);
    nc_loop_run(s.d.loop);
    assert_int_equal(s.refused, 1); /* not a spinning loop of them */
    assert_int_equal(s.d.n, 1);
    assert_int_equal(s.d.inside[0].gone, 1);
    assert_int_equal(nc_listeners_open(s.d.ls), 0);
    nc_listeners_free(s.d.ls);
    nc_loop_free(s.d.loop);
}

static void test_a_taken_port_is_told(void **state)
{
    struct nc_loop *l;
    struct nc_addr at;
    char text[NC_ADDR_TEXT];

    (void)state;
    assert_int_equal(nc_loop_new(&l), NC_OK);
    struct nc_listeners *ls =
        nc_listeners_new(l, &(struct nc_listeners_opts){0}, on_accept, NULL);
    assert_int_equal(nc_listeners_add(ls, NC_STR("127.0.0.1:0"), NULL, &at), NC_OK);
    assert_int_equal(nc_listeners_add(ls, nc_str(nc_addr_text_port(&at, text)), NULL, NULL),
                     NC_EEXIST);
    assert_int_equal(nc_listeners_add(ls, NC_STR("127.0.0.1"), NULL, NULL), NC_EINVAL);
    nc_listeners_free(ls);
    nc_loop_free(l);
}

static void test_an_idle_conn_is_small(void **state)
{
    (void)state;
    print_message("%zu bytes per connection\n", nc_conn_footprint());
    assert_true(nc_conn_footprint() <= 450);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_go_across_and_both_ends_are_told),
        cmocka_unit_test(test_unused_input_comes_again_with_more),
        cmocka_unit_test(test_what_the_kernel_does_not_take_is_queued_in_order),
        cmocka_unit_test(test_close_flushes_what_is_queued),
        cmocka_unit_test(test_abort_comes_once_and_later),
        cmocka_unit_test(test_a_conn_may_be_aborted_from_its_own_data),
        cmocka_unit_test(test_a_paused_conn_makes_the_peer_wait),
        cmocka_unit_test(test_an_owner_that_uses_nothing_stops_the_reading),
        cmocka_unit_test(test_a_new_owner_gets_what_the_old_one_left),
        cmocka_unit_test(test_dial_an_address),
        cmocka_unit_test(test_dial_a_name),
        cmocka_unit_test(test_dial_a_socket_file_that_replaces_a_dead_one),
        cmocka_unit_test(test_dialling_nobody_fails_with_a_reason),
        cmocka_unit_test(test_one_over_the_limit_is_closed_at_the_door),
        cmocka_unit_test(test_without_descriptors_one_is_refused_and_the_rest_wait),
        cmocka_unit_test(test_a_taken_port_is_told),
        cmocka_unit_test(test_an_idle_conn_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
