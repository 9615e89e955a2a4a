/* Our HTTP client against our HTTP server, on loopback. */
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
#include "net/http_client.h"
#include "net/httpd.h"
#include "net/listener.h"
#include "net/tls.h"

static char dir[] = "/tmp/nc-http-XXXXXX";
static char cert[64], key[64], sock[64];

struct asked {
    struct nc_http_call *call;
    struct world *w;
    struct nc_buf got;
    unsigned heads, ends, status;
    enum nc_err e;
    char why[32];
    bool cancel_at_data, pause_at_data;
    char header[64];
    void (*when_done)(struct asked *a);
};

struct world {
    struct nc_loop *loop;
    struct nc_listeners *ls;
    struct nc_httpd *httpd;
    struct nc_tls *tls;
    struct nc_http_client *client;
    struct nc_addr at;
    struct nc_req *held;
    unsigned accepted, requests, incomplete;
    char base[80];
    struct asked a, b;
    struct nc_deadline later;
};

/* --- the server --- */

static void on_accept(void *arg, int fd, const struct nc_addr *peer, void *tag)
{
    struct world *w = arg;

    w->accepted++;
    nc_httpd_accept(w->httpd, fd, peer, tag ? w->tls : NULL, w->ls, NULL);
}

static void on_head(void *arg, struct nc_req *r)
{
    (void)arg;
    nc_req_accept(r, 1 << 20);
}

static void on_request(void *arg, struct nc_req *r)
{
    struct world *w = arg;
    struct nc_str path = r->head->path;
    struct nc_http_header h = {NC_STR("Location"), NC_STR("/echo")};

    w->requests++;
    if (nc_str_eqz(path, "/silent")) {
        w->held = r;
    } else if (nc_str_eqz(path, "/stream")) {
        nc_stream_begin(r, &(struct nc_answer){.status = 200});
        nc_stream_write(r, NC_STR("first "));
        w->held = r; /* and then nothing */
    } else if (nc_str_eqz(path, "/broken")) {
        nc_stream_begin(r, &(struct nc_answer){.status = 200});
        nc_stream_write(r, NC_STR("half"));
        nc_stream_abort(r, "test");
    } else if (nc_str_eqz(path, "/moved")) {
        nc_respond(r, &(struct nc_answer){.status = 302, .headers = &h, .n_headers = 1});
    } else {
        h = (struct nc_http_header){NC_STR("X-Method"), r->head->method_text};
        nc_respond(r, &(struct nc_answer){
                          .status = 200, .headers = &h, .n_headers = 1, .body = r->body});
    }
}

static void on_req_end(void *arg, struct nc_req *r, bool complete)
{
    struct world *w = arg;

    if (w->held == r)
        w->held = NULL;
    w->incomplete += !complete;
}

static const struct nc_httpd_ops server_ops = {on_head, on_request, NULL, on_req_end};

/* --- the client --- */

static void on_status(void *arg, unsigned status)
{
    struct asked *a = arg;
    struct nc_str h = nc_http_call_header(a->call, "x-method");

    a->heads++;
    a->status = status;
    snprintf(a->header, sizeof(a->header), "%.*s", NC_FMT(h));
}

static void on_piece(void *arg, struct nc_str piece)
{
    struct asked *a = arg;

    assert_int_equal(a->heads, 1);
    nc_buf_adds(&a->got, piece);
    if (a->cancel_at_data)
        nc_http_call_cancel(a->call);
    if (a->pause_at_data) {
        nc_http_call_pause(a->call);
        nc_loop_deadline(a->w->loop, &a->w->later, 30);
    }
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct asked *a = arg;

    a->ends++;
    a->e = e;
    snprintf(a->why, sizeof(a->why), "%s", why);
    if (a->when_done)
        a->when_done(a);
}

static const struct nc_http_call_ops client_ops = {
    .head = on_status, .data = on_piece, .end = on_end};

static void all_done(struct asked *a)
{
    struct world *w = a->w;

    nc_listeners_close(w->ls);
    nc_http_client_free(w->client);
    w->client = NULL;
    nc_httpd_free(w->httpd);
    w->httpd = NULL;
}

static void end_test(struct nc_deadline *d) { all_done(&nc_of(d, struct world, later)->a); }

/* Not from inside end(): a client cannot be freed there. */
static void end_soon(struct asked *a)
{
    a->w->later.fire = end_test;
    nc_loop_deadline(a->w->loop, &a->w->later, 1);
}

static void start_at(struct world *w, const char *where, const char *base)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(nc_tls_server(&w->tls, cert, key), NC_OK);
    w->httpd = nc_httpd_new(w->loop, &(struct nc_httpd_opts){0}, &server_ops, w);
    w->ls = nc_listeners_new(w->loop, &(struct nc_listeners_opts){0}, on_accept, w);
    bool tls = base && strstr(base, "https");
    assert_int_equal(nc_listeners_add(w->ls, nc_str(where), tls ? w : NULL, &w->at), NC_OK);
    if (base)
        snprintf(w->base, sizeof(w->base), "%s:%u", base, w->at.port);
    w->client = nc_http_client_new(w->loop);
    w->a.w = w->b.w = w;
    w->a.when_done = end_soon;
}

static void start(struct world *w) { start_at(w, "127.0.0.1:0", "http://127.0.0.1"); }

static void ask(struct asked *a, const char *path, struct nc_http_call_opts o)
{
    char url[128];

    snprintf(url, sizeof(url), "%s%s", a->w->base, path);
    if (!o.url)
        o.url = url;
    if (!o.method)
        o.method = "GET";
    a->call = nc_http_call_start(a->w->client, &o, &client_ops, a);
    assert_int_equal(a->ends, 0); /* never from inside the call */
}

static void finish(struct world *w)
{
    assert_int_equal(w->a.ends, 1);
    assert_null(w->client);
    nc_listeners_free(w->ls);
    nc_tls_free(w->tls);
    nc_loop_free(w->loop);
    nc_buf_fini(&w->a.got);
    nc_buf_fini(&w->b.got);
}

/* One question, to its end. */
static void once(struct world *w, const char *path, struct nc_http_call_opts o)
{
    start(w);
    ask(&w->a, path, o);
    nc_loop_run(w->loop);
}

/* --- the tests --- */

static void test_a_post_is_answered(void **state)
{
    struct world w;
    static const char *const headers[] = {"X-One: 1", "Content-Type: text/plain", NULL};

    (void)state;
    once(&w, "/echo",
         (struct nc_http_call_opts){
             .method = "POST", .body = NC_STR("hello"), .headers = headers});
    assert_int_equal(w.a.e, NC_OK);
    assert_int_equal(w.a.status, 200);
    assert_true(nc_str_eqz(nc_buf_str(&w.a.got), "hello"));
    assert_string_equal(w.a.header, "POST");
    assert_int_equal(w.a.heads, 1);
    finish(&w);
}

static void test_methods_go_out_as_named(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

    (void)state;
    for (size_t i = 0; i < NC_COUNT(methods); i++) {
        struct world w;
        once(&w, "/echo", (struct nc_http_call_opts){.method = methods[i]});
        assert_int_equal(w.a.e, NC_OK);
        assert_string_equal(w.a.header, methods[i]);
        finish(&w);
    }
}

static void ask_b(struct asked *a)
{
    a->w->b.when_done = end_soon;
    ask(&a->w->b, "/echo", (struct nc_http_call_opts){0});
}

static void test_the_connection_is_used_again(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    w.a.when_done = ask_b;
    ask(&w.a, "/echo", (struct nc_http_call_opts){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.b.e, NC_OK);
    assert_int_equal(w.requests, 2);
    assert_int_equal(w.accepted, 1);
    finish(&w);
}

/* The server closes while the next request is on its way. */
static void close_and_ask_b(struct asked *a)
{
    nc_conn_abort_all(a->w->ls, "test");
    ask_b(a);
}

static void test_a_kept_connection_that_was_closed_is_replaced(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    w.a.when_done = close_and_ask_b;
    ask(&w.a, "/echo", (struct nc_http_call_opts){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_OK);
    assert_int_equal(w.b.e, NC_OK);
    assert_int_equal(w.accepted, 2);
    finish(&w);
}

static void ask_b_narrowly(struct asked *a)
{
    a->w->b.when_done = end_soon;
    ask(&a->w->b, "/echo", (struct nc_http_call_opts){.reach = NC_REACH_PUBLIC});
}

static void test_what_may_not_be_reached_is_not(void **state)
{
    struct world w;

    (void)state;
    once(&w, "/echo",
         (struct nc_http_call_opts){.reach = NC_REACH_PUBLIC | NC_REACH_PRIVATE});
    assert_int_equal(w.a.e, NC_EACCESS);
    assert_int_equal(w.accepted, 0);
    finish(&w);

    once(&w, "", (struct nc_http_call_opts){.url = "http://169.254.169.254/latest"});
    assert_int_equal(w.a.e, NC_EACCESS);
    finish(&w);

    /* Nor over a connection that another call was allowed to open. */
    start(&w);
    w.a.when_done = ask_b_narrowly;
    ask(&w.a, "/echo", (struct nc_http_call_opts){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_OK);
    assert_int_equal(w.b.e, NC_EACCESS);
    assert_int_equal(w.requests, 1);
    finish(&w);
}

static void test_cancel_closes_the_connection_at_once(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    w.a.cancel_at_data = true;
    ask(&w.a, "/stream", (struct nc_http_call_opts){0});
    w.a.when_done = NULL;
    w.later.fire = end_test;
    nc_loop_deadline(w.loop, &w.later, 100);
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_ECLOSED);
    assert_int_equal(w.incomplete, 1); /* and the server knew before it was freed */
    assert_null(w.held);
    finish(&w);

    start(&w); /* before it ever began */
    ask(&w.a, "/echo", (struct nc_http_call_opts){0});
    nc_http_call_cancel(w.a.call);
    nc_http_call_cancel(w.a.call);
    assert_int_equal(w.a.ends, 0);
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_ECLOSED);
    assert_int_equal(w.accepted, 0);
    finish(&w);
}

static void cancel_a(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    nc_http_call_cancel(w->a.call);
}

static void test_cancel_from_outside_while_waiting(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    ask(&w.a, "/silent", (struct nc_http_call_opts){0});
    w.later.fire = cancel_a;
    nc_loop_deadline(w.loop, &w.later, 40);
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_ECLOSED);
    assert_int_equal(w.requests, 1);
    finish(&w);
}

static void test_each_kind_of_lateness_has_its_name(void **state)
{
    struct world w;

    (void)state;
    once(&w, "/silent", (struct nc_http_call_opts){.first_byte_ms = 60});
    assert_int_equal(w.a.e, NC_EIO);
    assert_string_equal(w.a.why, "first byte");
    finish(&w);
    once(&w, "/stream", (struct nc_http_call_opts){.idle_ms = 60});
    assert_string_equal(w.a.why, "idle");
    assert_true(nc_str_eqz(nc_buf_str(&w.a.got), "first "));
    finish(&w);
    once(&w, "/stream", (struct nc_http_call_opts){.total_ms = 60});
    assert_string_equal(w.a.why, "total");
    finish(&w);
}

static void test_failures_have_names(void **state)
{
    struct world w;

    (void)state;
    once(&w, "/broken", (struct nc_http_call_opts){0});
    assert_int_equal(w.a.e, NC_EIO);
    assert_string_equal(w.a.why, "broken");
    finish(&w);
    once(&w, "", (struct nc_http_call_opts){.url = "http://127.0.0.1:1/"});
    assert_int_equal(w.a.e, NC_EIO);
    assert_string_equal(w.a.why, "connect");
    finish(&w);
    once(&w, "", (struct nc_http_call_opts){.url = "ftp://127.0.0.1/"});
    assert_int_equal(w.a.e, NC_EINVAL);
    finish(&w);
    once(&w, "", (struct nc_http_call_opts){.url = "http://[bad"});
    assert_int_equal(w.a.e, NC_EINVAL);
    finish(&w);
    once(&w, "", (struct nc_http_call_opts){.url = "http://no-such-host.invalid/"});
    assert_string_equal(w.a.why, "resolve");
    finish(&w);
}

static void test_too_much_is_cut_off(void **state)
{
    struct world w;
    static char big[50000];

    (void)state;
    memset(big, 'x', sizeof(big));
    once(&w, "/echo",
         (struct nc_http_call_opts){
             .method = "POST", .body = {big, sizeof(big)}, .max_bytes = 40000});
    assert_int_equal(w.a.e, NC_ELIMIT);
    assert_true(w.a.got.n <= 40000);
    finish(&w);
}

static void test_redirects_are_not_followed_and_proxies_not_guessed(void **state)
{
    struct world w;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    once(&w, "/moved", (struct nc_http_call_opts){0});
    assert_int_equal(w.a.e, NC_OK);
    assert_int_equal(w.a.status, 302);
    assert_int_equal(w.requests, 1);
    finish(&w);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void go_on(struct nc_deadline *d)
{
    struct world *w = nc_of(d, struct world, later);

    assert_true(w->a.got.n < 500000);
    w->a.pause_at_data = false;
    nc_http_call_resume(w->a.call);
}

static void test_pause_holds_the_rest_back(void **state)
{
    struct world w;
    static char big[500000];

    (void)state;
    memset(big, 'x', sizeof(big));
    start(&w);
    w.later.fire = go_on;
    w.a.pause_at_data = true;
    ask(&w.a, "/echo",
        (struct nc_http_call_opts){
            .method = "POST", .body = {big, sizeof(big)}, .idle_ms = 5000});
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_OK);
    assert_int_equal(w.a.got.n, sizeof(big));
    finish(&w);
}

static void test_tls_with_a_pinned_authority(void **state)
{
    struct world w;

    (void)state;
    start_at(&w, "127.0.0.1:0", "https://localhost");
    ask(&w.a, "/echo", (struct nc_http_call_opts){.ca_file = cert});
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_OK);
    assert_int_equal(w.a.status, 200);
    finish(&w);
    start_at(&w, "127.0.0.1:0", "https://localhost");
    ask(&w.a, "/echo", (struct nc_http_call_opts){0});
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_EIO);
    assert_string_equal(w.a.why, "tls");
    finish(&w);
}

static void test_a_socket_file(void **state)
{
    struct world w;
    char where[80];

    (void)state;
    snprintf(where, sizeof(where), "unix:%s", sock);
    start_at(&w, where, NULL);
    snprintf(w.base, sizeof(w.base), "http://admin");
    ask(&w.a, "/echo", (struct nc_http_call_opts){.unix_socket = sock});
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_OK);
    assert_int_equal(w.requests, 1);
    finish(&w);
}

static void test_freeing_the_client_ends_what_runs(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    w.a.when_done = NULL;
    ask(&w.a, "/silent", (struct nc_http_call_opts){0});
    w.later.fire = end_test;
    nc_loop_deadline(w.loop, &w.later, 40);
    nc_loop_run(w.loop);
    assert_int_equal(w.a.e, NC_ECLOSED);
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
    snprintf(sock, sizeof(sock), "%s/admin.sock", dir);
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
        cmocka_unit_test(test_a_post_is_answered),
        cmocka_unit_test(test_methods_go_out_as_named),
        cmocka_unit_test(test_the_connection_is_used_again),
        cmocka_unit_test(test_a_kept_connection_that_was_closed_is_replaced),
        cmocka_unit_test(test_what_may_not_be_reached_is_not),
        cmocka_unit_test(test_cancel_closes_the_connection_at_once),
        cmocka_unit_test(test_cancel_from_outside_while_waiting),
        cmocka_unit_test(test_each_kind_of_lateness_has_its_name),
        cmocka_unit_test(test_failures_have_names),
        cmocka_unit_test(test_too_much_is_cut_off),
        cmocka_unit_test(test_redirects_are_not_followed_and_proxies_not_guessed),
        cmocka_unit_test(test_pause_holds_the_rest_back),
        cmocka_unit_test(test_tls_with_a_pinned_authority),
        cmocka_unit_test(test_a_socket_file),
        cmocka_unit_test(test_freeing_the_client_ends_what_runs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
