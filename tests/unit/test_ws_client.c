/* WebSocket: our client against our server, on loopback, plain and by TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypto/selfsigned.h"
#include "loop/loop.h"
#include "net/httpd.h"
#include "net/listener.h"
#include "net/tls.h"
#include "net/ws_client.h"
#include "wire/ws_handshake.h"

static char dir[] = "/tmp/nc-ws-XXXXXX";
static char cert[64], key[64];

struct side {
    struct nc_ws ws;
    struct world *w;
    unsigned opened, messages, gone, code, drained;
    char why[40];
    size_t bytes, last_n;
    char last[64];
    void (*then)(struct side *s);
};

struct world {
    struct nc_loop *loop;
    struct nc_listeners *ls;
    struct nc_httpd *httpd;
    struct nc_tls *server_tls, *client_tls;
    struct nc_addr at;
    struct nc_deadline later;
    struct side in, out; /* the server's end, the client's end */
    uint32_t server_ping_ms;
    bool tls, echo;
    bool end_client; /* once the server's end is gone */
    bool end_server; /* once the client's end is gone: it waits for what never comes */
    unsigned upgrades, deflated;
};

/* --- both ends --- */

static struct side *side_of(struct nc_ws *ws) { return nc_of(ws, struct side, ws); }

static void on_message(struct nc_ws *ws, enum nc_ws_op op, struct nc_str data)
{
    struct side *s = side_of(ws);

    s->messages++;
    s->bytes += data.n;
    s->last_n = data.n;
    snprintf(s->last, sizeof(s->last), "%.*s", data.n < 60 ? (int)data.n : 60, data.p);
    if (s == &s->w->in && s->w->echo) {
        if (op == NC_WS_TEXT)
            assert_int_equal(nc_ws_send_text(ws, data), NC_OK);
        else
            assert_int_equal(nc_ws_send_binary(ws, data), NC_OK);
    }
    if (s->then)
        s->then(s);
}

static void on_drained(struct nc_ws *ws) { side_of(ws)->drained++; }
static void on_open(struct nc_ws *ws) { side_of(ws)->opened++; }

static void on_gone(struct nc_ws *ws, unsigned code, const char *why)
{
    struct side *s = side_of(ws);

    s->gone++;
    s->code = code;
    snprintf(s->why, sizeof(s->why), "%s", why);
    if (s == &s->w->out) {
        nc_listeners_close(s->w->ls);
        if (s->w->end_server)
            nc_loop_stop(s->w->loop);
    } else if (s->w->end_client)
        nc_ws_abort(&s->w->out.ws, "test over");
}

static const struct nc_ws_ops ops = {on_message, on_drained, on_gone, on_open};

/* --- the server --- */

static void on_accept(void *arg, int fd, const struct nc_addr *peer, void *tag)
{
    struct world *w = arg;

    (void)tag;
    nc_httpd_accept(w->httpd, fd, peer, w->tls ? w->server_tls : NULL, w->ls, NULL);
}

static void on_head(void *arg, struct nc_req *r)
{
    struct world *w = arg;
    struct nc_ws_handshake hs;
    struct nc_problem why;
    struct nc_buf out = {0};

    if (nc_str_eqz(r->head->path, "/closed")) {
        nc_respond_problem_code(r, NC_P_UNAUTHORIZED, "No.");
        return;
    }
    if (nc_str_eqz(r->head->path, "/silent")) {
        nc_req_accept(r, 0);
        return;
    }
    assert_int_equal(nc_ws_handshake(&hs, r->head, &why), NC_OK);
    w->upgrades++;
    w->deflated += hs.deflate.on;
    nc_ws_welcome(&out, &hs,
                  nc_ws_offers(r->head, "neuralchat.v1") ? NC_STR("neuralchat.v1")
                                                         : NC_STR(""),
                  (struct nc_str){0});
    struct nc_ws_start s = {.role = NC_WS_SERVER,
                            .message_max = 400000,
                            .deflate = hs.deflate,
                            .ping_ms = w->server_ping_ms};
    struct nc_conn *c = nc_req_upgrade(r, nc_buf_str(&out));
    nc_buf_fini(&out);
    nc_ws_begin(&w->in.ws, c, &s, &ops);
}

static void on_request(void *arg, struct nc_req *r)
{
    (void)arg;
    (void)r; /* never answered */
}

static void on_end(void *arg, struct nc_req *r, bool complete)
{
    (void)arg;
    (void)r;
    (void)complete;
}

static const struct nc_httpd_ops server_ops = {on_head, on_request, NULL, on_end};

static void start(struct world *w, bool tls)
{
    memset(w, 0, sizeof(*w));
    w->tls = tls;
    w->in.w = w->out.w = w;
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(nc_tls_server(&w->server_tls, cert, key), NC_OK);
    assert_int_equal(nc_tls_client(&w->client_tls, cert), NC_OK);
    w->httpd = nc_httpd_new(w->loop, &(struct nc_httpd_opts){0}, &server_ops, w);
    w->ls = nc_listeners_new(w->loop, &(struct nc_listeners_opts){0}, on_accept, w);
    assert_int_equal(nc_listeners_add(w->ls, NC_STR("127.0.0.1:0"), NULL, &w->at), NC_OK);
}

static void dial(struct world *w, const char *path, struct nc_ws_dial o)
{
    char url[80];

    snprintf(url, sizeof(url), "%s://localhost:%u%s", w->tls ? "wss" : "ws", w->at.port,
             path);
    o.url = url;
    o.protocol = "neuralchat.v1";
    o.tls = w->client_tls;
    assert_int_equal(nc_ws_dial(&w->out.ws, w->loop, &o, &ops), NC_OK);
    assert_int_equal(w->out.gone, 0);
}

static void finish(struct world *w)
{
    assert_int_equal(w->out.gone, 1);
    assert_int_equal(w->in.gone, w->upgrades);
    nc_httpd_free(w->httpd);
    nc_loop_settle(w->loop); /* connections leave the listeners that let them in */
    nc_listeners_free(w->ls);
    nc_tls_free(w->server_tls);
    nc_tls_free(w->client_tls);
    nc_loop_free(w->loop);
}

/* --- talking --- */

static void talk_on(struct side *s)
{
    static char text[300000];
    static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 300000};

    if (s->messages > 0)
        assert_int_equal(s->last_n, sizes[(s->messages - 1) % NC_COUNT(sizes)]);
    if (s->messages == 2 * NC_COUNT(sizes)) {
        nc_ws_close(&s->ws, 1000, "done");
        nc_ws_close(&s->ws, 1001, "again");
        assert_int_equal(nc_ws_send_text(&s->ws, NC_STR("late")), NC_ECLOSED);
        return;
    }
    struct nc_str m = {text, sizes[s->messages % NC_COUNT(sizes)]};
    memset(text, 'a', sizeof(text));
    if (s->messages < NC_COUNT(sizes))
        assert_int_equal(nc_ws_send_text(&s->ws, m), NC_OK);
    else
        assert_int_equal(nc_ws_send_binary(&s->ws, m), NC_OK);
}

static void begin_talk(struct nc_ws *ws)
{
    struct side *s = side_of(ws);

    s->opened++;
    s->then = talk_on;
    talk_on(s);
}

static void run_talk(bool tls, bool deflate)
{
    static const struct nc_ws_ops talker = {on_message, on_drained, on_gone, begin_talk};
    struct world w;
    char url[80];

    start(&w, tls);
    w.echo = true;
    snprintf(url, sizeof(url), "%s://localhost:%u/ws", tls ? "wss" : "ws", w.at.port);
    assert_int_equal(nc_ws_dial(&w.out.ws, w.loop,
                                &(struct nc_ws_dial){
                                    .url = url, .tls = w.client_tls, .deflate = deflate},
                                &talker),
                     NC_OK);
    nc_loop_run(w.loop);
    assert_int_equal(w.out.opened, 1);
    assert_int_equal(w.out.messages, 14);
    assert_int_equal(w.deflated, deflate);
    assert_int_equal(w.out.code, 1000);
    assert_int_equal(w.in.code, 1000);
    finish(&w);
}

static void test_messages_of_all_sizes_come_back(void **state)
{
    (void)state;
    run_talk(false, false);
}

static void test_also_deflated(void **state)
{
    (void)state;
    run_talk(false, true);
}

static void test_also_by_tls(void **state)
{
    (void)state;
    run_talk(true, true);
}

/* --- ends --- */

static void server_closes(struct side *s) { nc_ws_close(&s->ws, 4401, "token expired"); }

static void send_one(struct nc_ws *ws)
{
    side_of(ws)->opened++;
    assert_int_equal(nc_ws_send_text(ws, NC_STR("hi")), NC_OK);
}

static const struct nc_ws_ops one = {on_message, on_drained, on_gone, send_one};

static void dial_one(struct world *w, const struct nc_ws_ops *o, struct nc_ws_dial d)
{
    char url[80];

    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws", w->at.port);
    d.url = url;
    assert_int_equal(nc_ws_dial(&w->out.ws, w->loop, &d, o), NC_OK);
}

static void test_the_servers_close_code_arrives(void **state)
{
    struct world w;

    (void)state;
    start(&w, false);
    w.in.then = server_closes;
    dial_one(&w, &one, (struct nc_ws_dial){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.out.code, 4401);
    assert_int_equal(w.in.code, 4401);
    finish(&w);
}

static void send_too_much(struct nc_ws *ws)
{
    static char big[400001];

    memset(big, 'x', sizeof(big));
    assert_int_equal(nc_ws_send_text(ws, (struct nc_str){big, sizeof(big)}), NC_OK);
}

static void test_a_message_over_the_limit_ends_it_with_1009(void **state)
{
    static const struct nc_ws_ops much = {on_message, on_drained, on_gone, send_too_much};
    struct world w;

    (void)state;
    start(&w, false);
    dial_one(&w, &much, (struct nc_ws_dial){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.in.code, 1009);
    assert_int_equal(w.out.code, 1009);
    assert_int_equal(w.in.messages, 0);
    finish(&w);
}

static void test_refusals_say_why(void **state)
{
    struct world w;
    struct nc_ws_dial bad = {.url = "http://localhost/"};
    static const char *const bad_urls[] = {"http://a/",     "ws://",     "ws://a:0/",
                                           "ws://a:99999/", "ws://a b/", "ws://me@a/",
                                           "ws://a/#x",     "ws://[::1/"};

    (void)state;
    start(&w, false);
    for (size_t i = 0; i < NC_COUNT(bad_urls); i++) {
        bad.url = bad_urls[i];
        assert_int_equal(nc_ws_dial(&w.out.ws, w.loop, &bad, &ops), NC_EINVAL);
    }
    dial(&w, "/closed", (struct nc_ws_dial){0});
    nc_loop_run(w.loop);
    assert_string_equal(w.out.why, "refused 401");
    assert_int_equal(w.out.opened, 0);
    finish(&w);

    start(&w, false);
    w.end_server = true;
    dial(&w, "/silent", (struct nc_ws_dial){.timeout_ms = 80});
    nc_loop_run(w.loop);
    assert_string_equal(w.out.why, "no answer in time");
    finish(&w);
}

static bool never(void *arg, const struct nc_addr *a)
{
    unsigned *asked = arg;

    ++*asked;
    assert_int_equal(nc_addr_reach(a), NC_REACH_LOOPBACK);
    return false;
}

static void test_an_address_that_may_not_be_dialled_is_not(void **state)
{
    struct world w;
    unsigned asked = 0;

    (void)state;
    start(&w, false);
    dial(&w, "/", (struct nc_ws_dial){.may = never, .arg = &asked});
    nc_loop_run(w.loop);
    assert_string_equal(w.out.why, "connect failed");
    assert_true(asked >= 1);
    assert_int_equal(w.upgrades, 0);
    finish(&w);
}

static void stop_later(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    assert_int_equal(w->in.gone, 0); /* pings were answered: still there */
    nc_ws_pause(&w->out.ws);         /* now they are not */
}

static void test_silence_is_asked_and_then_ended(void **state)
{
    struct world w;

    (void)state;
    start(&w, false);
    w.server_ping_ms = 30;
    w.later.fire = stop_later;
    w.end_client = true; /* paused, it does not notice */
    dial_one(&w, &one, (struct nc_ws_dial){0});
    nc_loop_deadline(w.loop, &w.later, 250);
    nc_loop_run(w.loop);
    assert_string_equal(w.in.why, "silent");
    assert_int_equal(w.in.code, 1006);
    finish(&w);
}

/* --- order --- */

static void send_blobs_and_pings(struct nc_ws *ws)
{
    static char body[70000];
    struct nc_buf frame = {0};
    struct nc_ws_opts o = {.op = NC_WS_TEXT};

    memset(body, 'b', sizeof(body));
    nc_ws_write(&frame, &o, (struct nc_str){body, sizeof(body)});
    struct nc_blob *b = nc_blob_new(frame.p, frame.n);
    struct nc_blob *three[] = {b, b, b};
    nc_buf_fini(&frame);
    for (int i = 0; i < 100; i++) {
        enum nc_err e = nc_ws_send_blobs(ws, three, 3);
        if (e == NC_ELIMIT)
            break;
        assert_int_equal(e, NC_OK);
        assert_int_equal(nc_ws_ping(ws), NC_OK);
    }
    assert_true(nc_ws_queued(ws) > 0); /* more than the kernel takes */
    nc_blob_unref(b);
}

static void flood_when_asked(struct side *s)
{
    if (s->messages == 1)
        send_blobs_and_pings(&s->ws);
}

static void count_to_end(struct side *s)
{
    assert_int_equal(s->last_n, 70000);
    if (s->w->in.ws.conn && nc_ws_queued(&s->w->in.ws) == 0 && s->w->in.drained)
        nc_ws_close(&s->ws, 1000, "");
}

static void test_frames_never_mix_however_slowly_they_leave(void **state)
{
    struct world w;

    (void)state;
    start(&w, false);
    w.in.then = flood_when_asked;
    w.out.then = count_to_end;
    dial_one(&w, &one, (struct nc_ws_dial){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.in.code, 1000);
    assert_int_equal(w.out.code, 1000);
    assert_true(w.out.messages > 6);
    assert_int_equal(w.in.drained, 1);
    finish(&w);
}

/* A slow consumer is told to go, and goes although it takes nothing. */
static void pause_reading(struct nc_ws *ws)
{
    send_one(ws);
    nc_ws_pause(ws);
}

static void flood_and_close(struct side *s)
{
    send_blobs_and_pings(&s->ws);
    nc_ws_close(&s->ws, 4408, "slow_consumer");
}

static void end_client(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    assert_int_equal(w->in.gone, 1);
    nc_ws_abort(&w->out.ws, "test over");
}

static void test_a_slow_consumer_does_not_stay(void **state)
{
    static const struct nc_ws_ops slow = {on_message, on_drained, on_gone, pause_reading};
    struct world w;

    (void)state;
    start(&w, false);
    w.in.then = flood_and_close;
    w.later.fire = end_client;
    dial_one(&w, &slow, (struct nc_ws_dial){0});
    nc_loop_deadline(w.loop, &w.later, 2500);
    nc_loop_run(w.loop);
    assert_int_equal(w.in.code, 4408);
    assert_string_equal(w.in.why, "close not answered");
    finish(&w);
}

static void pause_after_each(struct side *s)
{
    nc_ws_pause(&s->ws);
    nc_loop_deadline(s->w->loop, &s->w->later, 1);
}

static void resume_later(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    if (w->in.messages == 20)
        nc_ws_close(&w->in.ws, 1000, "");
    nc_ws_resume(&w->in.ws);
}

static void send_twenty(struct nc_ws *ws)
{
    for (int i = 0; i < 20; i++) {
        char text[8];
        int n = snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(nc_ws_send_text(ws, (struct nc_str){text, (size_t)n}), NC_OK);
    }
}

static void test_a_paused_end_gets_one_message_at_a_time(void **state)
{
    static const struct nc_ws_ops many = {on_message, on_drained, on_gone, send_twenty};
    struct world w;

    (void)state;
    start(&w, false);
    w.in.then = pause_after_each;
    w.later.fire = resume_later;
    dial_one(&w, &many, (struct nc_ws_dial){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.in.messages, 20);
    assert_string_equal(w.in.last, "19");
    finish(&w);
}

static int setup(void **state)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};

    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    return nc_selfsigned_make(cert, key, names, 2) == NC_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(cert);
    unlink(key);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_all_sizes_come_back),
        cmocka_unit_test(test_also_deflated),
        cmocka_unit_test(test_also_by_tls),
        cmocka_unit_test(test_the_servers_close_code_arrives),
        cmocka_unit_test(test_a_message_over_the_limit_ends_it_with_1009),
        cmocka_unit_test(test_refusals_say_why),
        cmocka_unit_test(test_an_address_that_may_not_be_dialled_is_not),
        cmocka_unit_test(test_silence_is_asked_and_then_ended),
        cmocka_unit_test(test_frames_never_mix_however_slowly_they_leave),
        cmocka_unit_test(test_a_slow_consumer_does_not_stay),
        cmocka_unit_test(test_a_paused_end_gets_one_message_at_a_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
