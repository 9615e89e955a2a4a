/* HTTP/1.1 on a socket pair: what goes in, what comes out, who is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "net/httpd.h"
#include "net/ws_conn.h"

/* A server with one of each kind of route, and a client that says its piece. */
struct world {
    struct nc_loop *loop;
    struct nc_httpd *httpd;
    struct nc_conn *client;
    struct nc_buf got;
    struct nc_str say;
    size_t say_at_once; /* 0: all */
    struct nc_task say_more;
    struct nc_deadline later;
    struct nc_req *held; /* /hold: to be answered later */
    unsigned heads, requests, ends, completes, gone, drained;
    int fd;       /* the client's */
    bool half;    /* the client ends its side once it has said all */
    bool hang_up; /* the client leaves once it has heard something */
    const char *why;
    struct nc_addr seen;
    bool secure;
    struct nc_ws ws;
    unsigned ws_gone, ws_code;
};

/* --- the server's side --- */

static void hold(struct world *w, struct nc_req *r)
{
    w->held = r;
    nc_loop_deadline(w->loop, &w->later, 20);
}

static void on_later(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);
    struct nc_req *r = w->held;

    w->held = NULL;
    if (r)
        nc_respond(r, &(struct nc_answer){.status = 200, .body = NC_STR("at last")});
}

static void stream(struct nc_req *r)
{
    struct nc_blob *b[70];

    nc_stream_begin(r, &(struct nc_answer){.status = 200, .type = NC_STR("text/plain")});
    assert_int_equal(nc_stream_write(r, NC_STR("one ")), NC_OK);
    assert_int_equal(nc_stream_write(r, NC_STR("")), NC_OK);
    for (int i = 0; i < 70; i++)
        b[i] = nc_blob_new("x", 1);
    assert_int_equal(nc_stream_blobs(r, b, 70), NC_OK);
    for (int i = 0; i < 70; i++)
        nc_blob_unref(b[i]);
    nc_stream_end(r);
}

static void flood(struct world *w, struct nc_req *r)
{
    struct nc_blob *b = nc_blob_alloc(100000);

    memset(b->p, 'f', b->n);
    nc_stream_limit(r, 1 << 20, 1 << 16);
    nc_stream_begin(r, &(struct nc_answer){.status = 200});
    while (nc_stream_blobs(r, &b, 1) == NC_OK)
        continue;
    assert_true(nc_stream_queued(r) <= (1 << 20));
    nc_blob_unref(b);
    w->held = r;
}

static void ws_message(struct nc_ws *ws, enum nc_ws_op op, struct nc_str data)
{
    assert_int_equal(op, NC_WS_TEXT);
    nc_ws_send_text(ws, data);
}

static void ws_gone(struct nc_ws *ws, unsigned code, const char *why)
{
    struct world *w = nc_of(ws, struct world, ws);

    (void)why;
    w->ws_gone++;
    w->ws_code = code;
}

static const struct nc_ws_ops ws_ops = {.message = ws_message, .gone = ws_gone};

static void on_head(void *arg, struct nc_req *r)
{
    struct world *w = arg;

    w->heads++;
    w->seen = r->peer;
    w->secure = r->secure;
    if (nc_str_eqz(r->head->path, "/refuse"))
        nc_respond_problem_code(r, NC_P_FORBIDDEN, "Not you.");
    else if (nc_str_eqz(r->head->path, "/ws"))
        nc_ws_begin(&w->ws, nc_req_upgrade(r, NC_STR("HTTP/1.1 101 Go\r\n\r\n")),
                    &(struct nc_ws_start){.role = NC_WS_SERVER, .message_max = 1000},
                    &ws_ops);
    else
        nc_req_accept(r, 100000);
}

static void on_request(void *arg, struct nc_req *r)
{
    struct world *w = arg;
    struct nc_str path = r->head->path;

    w->requests++;
    if (nc_str_eqz(path, "/hold"))
        hold(w, r);
    else if (nc_str_eqz(path, "/stream"))
        stream(r);
    else if (nc_str_eqz(path, "/flood"))
        flood(w, r);
    else if (nc_str_eqz(path, "/empty"))
        nc_respond(r, &(struct nc_answer){.status = 204});
    else if (nc_str_eqz(path, "/text")) {
        static char text[5000];
        memset(text, 'a', sizeof(text));
        nc_respond(r, &(struct nc_answer){.status = 200,
                                          .type = NC_STR("text/plain"),
                                          .body = {text, sizeof(text)},
                                          .gzip = true});
    } else {
        assert_int_equal(r->body.p[r->body.n], 0);
        nc_respond(r, &(struct nc_answer){.status = 200, .body = r->body});
    }
}

static void on_req_drained(void *arg, struct nc_req *r)
{
    struct world *w = arg;

    w->drained++;
    nc_stream_end(r);
    w->held = NULL;
}

static void on_end(void *arg, struct nc_req *r, bool complete)
{
    struct world *w = arg;

    if (w->held == r)
        w->held = NULL;
    w->ends++;
    w->completes += complete;
}

static const struct nc_httpd_ops ops = {on_head, on_request, on_req_drained, on_end};

/* --- the client's side --- */

static void say_more(struct nc_task *t)
{
    struct world *w = nc_of(t, struct world, say_more);
    size_t n = w->say_at_once && w->say_at_once < w->say.n ? w->say_at_once : w->say.n;
    struct nc_str piece = {w->say.p, n};

    if (!w->client || n == 0) {
        if (w->client && w->half)
            shutdown(w->fd, SHUT_WR);
        return;
    }
    nc_conn_send(w->client, &piece, 1);
    w->say = (struct nc_str){w->say.p + n, w->say.n - n};
    nc_loop_defer(w->loop, t);
}

static size_t on_answer(void *owner, char *p, size_t n)
{
    struct world *w = owner;

    nc_buf_add(&w->got, p, n);
    if (w->hang_up)
        nc_conn_abort(w->client, "hung up");
    return n;
}

static void on_client_gone(void *owner, const char *why)
{
    struct world *w = owner;

    w->gone++;
    w->why = why;
    w->client = NULL;
}

static const struct nc_conn_ops client_ops = {.data = on_answer, .gone = on_client_gone};

static const struct nc_httpd_opts quick = {
    .head_ms = 150, .body_idle_ms = 150, .idle_ms = 50, .body_ms = 300, .write_ms = 200};

static void start(struct world *w, const struct nc_httpd_opts *o, struct nc_addr peer)
{
    int fd[2];

    memset(w, 0, sizeof(*w));
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    w->httpd = nc_httpd_new(w->loop, o, &ops, w);
    w->fd = fd[1];
    w->later.fire = on_later;
    w->say_more.run = say_more;
    nc_httpd_accept(w->httpd, fd[0], &peer, NULL, NULL, NULL);
    w->client = nc_conn_new(w->loop, fd[1], &peer, NULL, NULL, &client_ops, w);
}

static void finish(struct world *w)
{
    assert_int_equal(w->gone, 1);
    assert_int_equal(nc_httpd_open(w->httpd), 0);
    assert_int_equal(w->heads, w->ends);
    nc_httpd_free(w->httpd);
    nc_loop_free(w->loop);
    nc_buf_fini(&w->got);
}

static void talk_by(struct world *w, const char *text, const struct nc_httpd_opts *limits)
{
    start(w, limits, (struct nc_addr){.kind = NC_ADDR_UNIX});
    w->say = nc_str(text);
    nc_loop_defer(w->loop, &w->say_more);
    nc_loop_run(w->loop);
    nc_buf_addc(&w->got, 0);
}

static void talk(struct world *w, const char *text) { talk_by(w, text, &quick); }

static unsigned count(const struct world *w, const char *needle)
{
    unsigned n = 0;

    for (const char *p = w->got.p; (p = strstr(p, needle)); p++)
        n++;
    return n;
}

/* --- the tests --- */

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void test_a_body_comes_back(void **state)
{
    struct world w;

    (void)state;
    talk(&w, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(count(&w, "HTTP/1.1 200 OK\r\n"), 1);
    assert_int_equal(count(&w, "Content-Length: 5\r\n"), 1);
    assert_int_equal(count(&w, "\r\n\r\nhello"), 1);
    assert_int_equal(count(&w, "Connection: close"), 0);
    assert_int_equal(w.completes, 1);
    finish(&w);
}

static void test_who_ends_their_side_still_gets_the_answer(void **state)
{
    static const char *const asks[] = {GET("/hold"), GET("/empty")};

    (void)state;
    for (size_t i = 0; i < NC_COUNT(asks); i++) {
        struct world w;
        start(&w, &quick, (struct nc_addr){.kind = NC_ADDR_UNIX});
        w.half = true;
        w.say = nc_str(asks[i]);
        nc_loop_defer(w.loop, &w.say_more);
        nc_loop_run(w.loop);
        nc_buf_addc(&w.got, 0);
        assert_int_equal(count(&w, i == 0 ? "at last" : "HTTP/1.1 204"), 1);
        assert_int_equal(w.completes, 1);
        finish(&w);
    }
}

static void test_byte_by_byte_it_is_the_same(void **state)
{
    struct world w;

    (void)state;
    start(&w, &quick, (struct nc_addr){.kind = NC_ADDR_UNIX});
    w.say = NC_STR(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" GET("/empty"));
    w.say_at_once = 1;
    nc_loop_defer(w.loop, &w.say_more);
    nc_loop_run(w.loop);
    nc_buf_addc(&w.got, 0);
    assert_int_equal(count(&w, "\r\n\r\nhello"), 1);
    assert_int_equal(count(&w, "204 No Content"), 1);
    assert_int_equal(w.completes, 2);
    finish(&w);
}

static void test_a_pipeline_is_answered_in_order(void **state)
{
    struct world w;

    (void)state;
    talk(&w, GET("/hold") GET("/empty") GET("/stream") GET("/text"));
    assert_int_equal(w.requests, 4);
    char *a = strstr(w.got.p, "at last"), *b = strstr(w.got.p, "204 No"),
         *c = strstr(w.got.p, "one "), *d = strstr(w.got.p, "aaaa");
    assert_true(a && b && c && d && a < b && b < c && c < d);
    assert_int_equal(w.completes, 4);
    finish(&w);
}

static void test_a_long_pipeline_waits_for_its_answers_to_leave(void **state)
{
    enum { N = 300 };
    struct nc_httpd_opts patient = quick;
    struct world w;
    struct nc_buf all = {0};

    (void)state;
    patient.idle_ms = patient.head_ms = patient.write_ms =
        2000; /* a busy machine's pauses */
    for (int i = 0; i < N; i++)
        nc_buf_adds(&all, NC_STR(GET("/text")));
    nc_buf_addc(&all, 0);
    talk_by(&w, all.p, &patient);
    assert_int_equal(w.completes, N);
    assert_int_equal(count(&w, "HTTP/1.1 200"), N);
    finish(&w);
    nc_buf_fini(&all);
}

static void test_chunks_and_until_close(void **state)
{
    struct world w;

    (void)state;
    talk(&w, GET("/stream"));
    assert_int_equal(count(&w, "Transfer-Encoding: chunked\r\n"), 1);
    assert_int_equal(count(&w, "\r\n\r\n4\r\none \r\n3e\r\nxxx"), 1);
    assert_int_equal(count(&w, "xx\r\n8\r\nxxxxxxxx\r\n0\r\n\r\n"), 1);
    finish(&w);
    talk(&w, "GET /stream HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_int_equal(count(&w, "chunked"), 0);
    assert_int_equal(count(&w, "Connection: close\r\n"), 1);
    assert_int_equal(count(&w, "\r\n\r\none xxx"), 1);
    finish(&w);
}

static void test_head_gets_no_body(void **state)
{
    struct world w;

    (void)state;
    talk(&w, "HEAD /text HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: "
             "a\r\n\r\n" GET("/empty"));
    assert_int_equal(count(&w, "Content-Length: 5000\r\n"), 1);
    assert_int_equal(count(&w, "aaaa"), 0);
    assert_int_equal(count(&w, "one"), 0);
    assert_int_equal(w.completes, 3);
    finish(&w);
}

static void test_gzip_when_it_is_wanted(void **state)
{
    struct world w;

    (void)state;
    talk(&w, "GET /text HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_non_null(memmem(w.got.p, w.got.n, "Content-Encoding: gzip\r\n", 24));
    assert_true(w.got.n < 1000);
    finish(&w);
    talk(&w, GET("/text"));
    assert_int_equal(count(&w, "Vary: Accept-Encoding\r\n"), 1);
    assert_int_equal(count(&w, "Content-Encoding"), 0);
    finish(&w);
}

static void test_continue_is_said_only_after_the_head_was_accepted(void **state)
{
    struct world w;

    (void)state;
    talk(&w, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
             "5\r\n\r\nhello");
    assert_ptr_equal(strstr(w.got.p, "HTTP/1.1 100 Continue\r\n\r\n"), w.got.p);
    assert_int_equal(count(&w, "200 OK"), 1);
    finish(&w);
    talk(&w, "POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
             "5\r\n\r\n");
    assert_int_equal(count(&w, "100 Continue"), 0);
    assert_int_equal(count(&w, "403 Forbidden"), 1);
    assert_int_equal(count(&w, "Connection: close"), 1);
    finish(&w);
}

static void test_a_body_over_the_limit_is_refused_unread(void **state)
{
    struct world w;

    (void)state;
    talk(&w, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\nhel");
    assert_int_equal(count(&w, "413 "), 1);
    assert_int_equal(count(&w, "\"code\":\"too_large\""), 1);
    assert_int_equal(count(&w, "Connection: close"), 1);
    assert_int_equal(w.requests, 0);
    finish(&w);
}

static void test_nonsense_is_refused_in_our_words(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "501 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\n", "400 "},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 "},
        {"\x16\x03\x01\x02", "400 "},
    };

    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++) {
        struct world w;
        talk(&w, cases[i].in);
        if (i < 4 || w.got.n > 1) {
            assert_int_equal(count(&w, cases[i].out), 1);
            assert_int_equal(count(&w, "application/problem+json"), 1);
        }
        assert_int_equal(w.heads, 0);
        finish(&w);
    }
}

static void test_a_head_too_large_is_431(void **state)
{
    struct world w;
    struct nc_buf all = {0};

    (void)state;
    nc_buf_adds(&all, NC_STR("GET / HTTP/1.1\r\nHost: a\r\nX: "));
    for (int i = 0; i < 20000; i++)
        nc_buf_addc(&all, 'x');
    nc_buf_adds(&all, NC_STR("\r\n\r\n"));
    nc_buf_addc(&all, 0);
    talk(&w, all.p);
    assert_int_equal(count(&w, "431 "), 1);
    finish(&w);
    nc_buf_fini(&all);
}

static void test_half_a_head_and_half_a_body_time_out(void **state)
{
    struct world w;

    (void)state;
    talk(&w, "GET / HTTP/1.1\r\nHos");
    assert_int_equal(count(&w, "408 "), 1);
    finish(&w);
    talk(&w, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    assert_int_equal(count(&w, "408 "), 1);
    assert_int_equal(w.requests, 0);
    finish(&w);
}

static void test_who_leaves_before_the_answer_is_told(void **state)
{
    struct world w;

    (void)state;
    start(&w, &quick, (struct nc_addr){.kind = NC_ADDR_UNIX});
    w.hang_up = true;
    w.say = NC_STR("POST /hold HTTP/1.1\r\nHost: a\r\nExpect: "
                   "100-continue\r\nContent-Length: 1\r\n\r\nx");
    nc_loop_defer(w.loop, &w.say_more);
    nc_loop_run(w.loop);
    assert_int_equal(w.requests, 1);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.completes, 0);
    assert_null(w.held);
    finish(&w);
}

static void test_a_stream_is_held_back_and_told_when_it_drained(void **state)
{
    struct world w;

    (void)state;
    talk(&w, GET("/flood"));
    assert_int_equal(w.drained, 1);
    assert_int_equal(w.completes, 1);
    assert_int_equal(count(&w, "\r\n0\r\n\r\n"), 1);
    finish(&w);
}

static void on_deaf_server_end(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    nc_conn_abort(w->client, "was deaf");
}

static void test_who_reads_nothing_is_dropped(void **state)
{
    struct world w;

    (void)state;
    start(&w, &quick, (struct nc_addr){.kind = NC_ADDR_UNIX});
    nc_conn_pause(w.client);
    w.say = NC_STR(GET("/flood"));
    w.later.fire = on_deaf_server_end;
    nc_loop_deadline(w.loop, &w.later, 600);
    nc_loop_defer(w.loop, &w.say_more);
    nc_loop_run(w.loop);
    assert_int_equal(w.ends, 1);
    assert_int_equal(w.completes, 0);
    finish(&w);
}

static void test_only_a_trusted_proxy_names_the_client(void **state)
{
    struct nc_nets trusted;
    struct nc_httpd_opts o = quick;
    char text[NC_ADDR_TEXT];

    (void)state;
    assert_int_equal(nc_nets_parse(NC_STR("10.0.0.0/8"), &trusted, NULL), NC_OK);
    o.trusted = &trusted;
    for (int known = 0; known < 2; known++) {
        struct world w;
        struct nc_addr peer = {.kind = NC_ADDR_V4, .ip = {known ? 10 : 11, 0, 0, 1}};
        start(&w, &o, peer);
        w.say = NC_STR(
            "GET /empty HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n"
            "X-Forwarded-For: 192.0.2.1, 10.0.0.9\r\nX-Forwarded-Proto: https\r\n\r\n");
        nc_loop_defer(w.loop, &w.say_more);
        nc_loop_run(w.loop);
        assert_string_equal(nc_addr_text(&w.seen, text), known ? "192.0.2.1" : "11.0.0.1");
        assert_int_equal(w.secure, known);
        finish(&w);
    }
}

static void test_an_upgrade_hands_over_what_came_behind(void **state)
{
    struct world w;

    (void)state;
    /* a masked "hi" with a zero mask, then a close with code 1000 */
    talk(&w, GET("/ws") "\x81\x82"
                        "aaaa"
                        "\x09\x08"
                        "\x88\x82"
                        "aaaa"
                        "\x62\x89");
    assert_int_equal(w.completes, 1);
    assert_int_equal(w.ws_gone, 1);
    assert_int_equal(w.ws_code, 1000);
    assert_non_null(memmem(w.got.p, w.got.n, "\r\n\r\n\x81\x02hi\x88\x02\x03\xe8", 12));
    finish(&w);
}

static void on_drain_done(void *arg) { (*(unsigned *)arg)++; }

static void drain_now(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    nc_httpd_drain(w->httpd, on_drain_done, &w->drained);
    w->later.fire = on_later;
    nc_loop_deadline(w->loop, &w->later, 20);
}

static void test_a_graceful_end_finishes_what_is_in_flight(void **state)
{
    struct world w;
    struct nc_httpd_opts slow = {0};

    (void)state;
    start(&w, &slow, (struct nc_addr){.kind = NC_ADDR_UNIX});
    w.say = NC_STR(GET("/hold") GET("/empty"));
    w.later.fire = drain_now;
    nc_loop_defer(w.loop, &w.say_more);
    nc_loop_run(w.loop);
    nc_buf_addc(&w.got, 0);
    assert_int_equal(w.drained, 1);
    assert_int_equal(count(&w, "at last"), 1);
    assert_int_equal(count(&w, "Connection: close"), 1);
    assert_int_equal(w.heads, 1); /* what stood behind it is the next node's */
    finish(&w);

    start(&w, &slow, (struct nc_addr){.kind = NC_ADDR_UNIX});
    w.later.fire = drain_now; /* an idle one */
    nc_loop_deadline(w.loop, &w.later, 1);
    nc_loop_run(w.loop);
    assert_int_equal(w.drained, 1);
    finish(&w);
}

static void free_now(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    nc_httpd_free(w->httpd);
    w->httpd = NULL;
    assert_int_equal(w->ends, 1);
    assert_int_equal(w->completes, 0);
}

static void test_freeing_tells_what_is_in_flight(void **state)
{
    struct world w;
    struct nc_httpd_opts slow = {0};

    (void)state;
    start(&w, &slow, (struct nc_addr){.kind = NC_ADDR_UNIX});
    w.say = NC_STR(GET("/hold"));
    w.later.fire = free_now;
    nc_loop_defer(w.loop, &w.say_more);
    nc_loop_run(w.loop);
    assert_int_equal(w.gone, 1);
    nc_loop_free(w.loop);
    nc_buf_fini(&w.got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_comes_back),
        cmocka_unit_test(test_who_ends_their_side_still_gets_the_answer),
        cmocka_unit_test(test_byte_by_byte_it_is_the_same),
        cmocka_unit_test(test_a_pipeline_is_answered_in_order),
        cmocka_unit_test(test_a_long_pipeline_waits_for_its_answers_to_leave),
        cmocka_unit_test(test_chunks_and_until_close),
        cmocka_unit_test(test_head_gets_no_body),
        cmocka_unit_test(test_gzip_when_it_is_wanted),
        cmocka_unit_test(test_continue_is_said_only_after_the_head_was_accepted),
        cmocka_unit_test(test_a_body_over_the_limit_is_refused_unread),
        cmocka_unit_test(test_nonsense_is_refused_in_our_words),
        cmocka_unit_test(test_a_head_too_large_is_431),
        cmocka_unit_test(test_half_a_head_and_half_a_body_time_out),
        cmocka_unit_test(test_who_leaves_before_the_answer_is_told),
        cmocka_unit_test(test_a_stream_is_held_back_and_told_when_it_drained),
        cmocka_unit_test(test_who_reads_nothing_is_dropped),
        cmocka_unit_test(test_only_a_trusted_proxy_names_the_client),
        cmocka_unit_test(test_an_upgrade_hands_over_what_came_behind),
        cmocka_unit_test(test_a_graceful_end_finishes_what_is_in_flight),
        cmocka_unit_test(test_freeing_tells_what_is_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
