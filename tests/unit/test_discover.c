/* Who runs beside us: servers of several makes, each on a port of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "llm/discover.h"
#include "loop/loop.h"
#include "net/http_client.h"
#include "net/httpd.h"
#include "net/listener.h"

/* What each says: at a path, a status and a body. */
struct make {
    const char *what, *server;
    struct {
        const char *path;
        unsigned status; /* 0: silence */
        const char *body;
    } says[3];
    const char *kind, *name, *suffix; /* what is found; kind NULL: nothing */
};

static const struct make makes[] = {
    {"Ollama",
     NULL,
     {{"/api/tags", 200, "{\"models\":[]}"}, {"/v1/models", 200, "{\"data\":[]}"}},
     "ollama",
     "ollama",
     ""},
    {"llama-server",
     "llama.cpp",
     {{"/api/tags", 200, "{\"models\":[],\"object\":\"list\",\"data\":[]}"},
      {"/v1/models", 200, "{\"data\":[]}"}},
     "openai",
     "llama-server",
     "/v1"},
    {"vLLM",
     "uvicorn",
     {{"/v1/models", 200, "{\"data\":[{\"id\":\"m\",\"owned_by\":\"vllm\"}]}"}},
     "openai",
     "vllm",
     "/v1"},
    {"another",
     NULL,
     {{"/v1/models", 200, "{\"data\":[{\"id\":\"m\"}]}"}},
     "openai",
     "openai-compatible",
     "/v1"},
    {"a NeuralChat node",
     NULL,
     {{"/api/v1/server", 200, "{\"node\":\"x\",\"protocol\":1}"},
      {"/v1/models", 200, "{\"data\":[]}"}},
     NULL,
     NULL,
     NULL},
    {"this very node",
     NULL,
     {{"/api/v1/server", 508, "{}"}, {"/v1/models", 200, "{\"data\":[]}"}},
     NULL,
     NULL,
     NULL},
    {"a web site", NULL, {{"/v1/models", 200, "<html>"}}, NULL, NULL, NULL},
    {"one that wants a key", NULL, {{"/v1/models", 401, "{}"}}, NULL, NULL, NULL},
    {"a silent one", NULL, {{"/api/v1/server", 0, NULL}}, NULL, NULL, NULL},
};

static struct {
    struct nc_loop *loop;
    struct nc_listeners *ls;
    struct nc_httpd *httpd;
    struct nc_http_client *http;
    struct nc_addr at[NC_COUNT(makes)];
    char urls[NC_COUNT(makes) + 1][60];
    const char *list[NC_COUNT(makes) + 1];
    unsigned done;
    size_t n;
    struct nc_found found[NC_COUNT(makes) + 1];
} w;

static void on_accept(void *arg, int fd, const struct nc_addr *peer, void *tag)
{
    (void)arg;
    nc_httpd_accept(w.httpd, fd, peer, NULL, w.ls, tag);
}

static void on_head(void *arg, struct nc_req *r)
{
    (void)arg;
    nc_req_accept(r, 0);
}

static void on_request(void *arg, struct nc_req *r)
{
    const struct make *m = r->tag;

    (void)arg;
    assert_true(nc_str_eqz(nc_http_get(r->head, "X-NeuralChat-Node"), "us"));
    for (size_t i = 0; i < 3; i++) {
        if (!m->says[i].path || !nc_str_eqz(r->head->path, m->says[i].path))
            continue;
        if (m->says[i].status)
            nc_respond(r, &(struct nc_answer){
                              .status = m->says[i].status,
                              .type = NC_STR("application/json"),
                              .headers = &(struct nc_http_header){NC_STR("Server"),
                                                                  nc_str(m->server)},
                              .n_headers = m->server ? 1 : 0,
                              .body = nc_str(m->says[i].body)});
        return;
    }
    nc_respond(r, &(struct nc_answer){.status = 404, .body = NC_STR("no")});
}

static void on_req_end(void *arg, struct nc_req *r, bool complete)
{
    (void)arg;
    (void)r;
    (void)complete;
}

static int up(void **state)
{
    static const struct nc_httpd_ops ops = {on_head, on_request, NULL, on_req_end};

    (void)state;
    memset(&w, 0, sizeof(w));
    assert_int_equal(nc_loop_new(&w.loop), NC_OK);
    w.httpd = nc_httpd_new(w.loop, &(struct nc_httpd_opts){0}, &ops, NULL);
    w.ls = nc_listeners_new(w.loop, &(struct nc_listeners_opts){0}, on_accept, NULL);
    for (size_t i = 0; i < NC_COUNT(makes); i++) {
        void *tag = (void *)(uintptr_t)&makes[i];
        assert_int_equal(nc_listeners_add(w.ls, NC_STR("127.0.0.1:0"), tag, &w.at[i]),
                         NC_OK);
        snprintf(w.urls[i], sizeof(w.urls[i]), "http://127.0.0.1:%u%s", w.at[i].port,
                 i % 2 ? "/" : "");
        w.list[i] = w.urls[i];
    }
    w.list[NC_COUNT(makes)] = "http://127.0.0.1:1"; /* nobody */
    w.http = nc_http_client_new(w.loop);
    return 0;
}

static int down(void **state)
{
    (void)state;
    nc_http_client_free(w.http);
    nc_listeners_close(w.ls);
    nc_httpd_free(w.httpd);
    nc_loop_settle(w.loop);
    nc_listeners_free(w.ls);
    nc_loop_free(w.loop);
    return 0;
}

static void on_found(void *arg, const struct nc_found *found, size_t n)
{
    (void)arg;
    w.done++;
    w.n = n;
    memcpy(w.found, found, n * sizeof(*found));
    nc_loop_stop(w.loop);
}

static void test_found(void **state)
{
    (void)state;
    size_t at = 0;
    uint64_t from = nc_mono_ns();

    nc_discover_start(w.loop, w.http, w.list, NC_COUNT(w.list), "us", on_found, NULL);
    assert_int_equal(w.done, 0);
    nc_loop_run(w.loop);
    assert_int_equal(w.done, 1);
    assert_in_range((nc_mono_ns() - from) / 1000000, 1900,
                    3000); /* the silent one's time */
    for (size_t i = 0; i < NC_COUNT(makes); i++) {
        char url[80];

        if (!makes[i].kind)
            continue;
        if (at == w.n)
            fail_msg("%s was not found", makes[i].what);
        snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", w.at[i].port, makes[i].suffix);
        assert_string_equal(w.found[at].ops->kind, makes[i].kind);
        assert_string_equal(w.found[at].name, makes[i].name);
        assert_string_equal(w.found[at].base_url, url);
        assert_null(nc_provider_url_problem(nc_str(w.found[at].base_url)));
        at++;
    }
    assert_int_equal(at, w.n);
}

static void test_nothing_to_look_at(void **state)
{
    (void)state;
    nc_discover_start(w.loop, w.http, w.list, 0, "us", on_found, NULL);
    assert_int_equal(w.done, 0);
    nc_loop_run(w.loop);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.n, 0);
}

static void test_cancelled(void **state)
{
    (void)state;
    struct nc_discover *d =
        nc_discover_start(w.loop, w.http, w.list, NC_COUNT(w.list), "us", on_found, NULL);

    nc_discover_cancel(d);
    d = nc_discover_start(w.loop, w.http, w.list, 0, "us", on_found, NULL);
    nc_discover_cancel(d);
    nc_discover_cancel(NULL);
    nc_loop_settle(w.loop);
    assert_int_equal(w.done, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_found),
        TEST(test_nothing_to_look_at),
        TEST(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
