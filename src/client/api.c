#include "client/api.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/glyph.h"
#include "client/words.h"
#include "crypto/hash.h"
#include "net/http_client.h"
#include "wire/json_in.h"

enum { TOTAL_MS = 30000, CONNECT_MS = 10000, BODY_MAX = 16u << 20 };

struct call {
    struct nc_list node; /* in api->calls while it lives */
    struct nc_api *api;
    struct nc_token_wait wait;
    struct nc_http_call *http;
    char *method, *path, *json;
    unsigned flags, generation;
    bool again; /* tried a second time */
    struct nc_buf in;
    nc_api_fn *fn;
    void *arg;
};

bool nc_answer_ok(const struct nc_answer *a)
{
    return a->err == NC_OK && a->status >= 200 && a->status < 300;
}

bool nc_answer_passing(const struct nc_answer *a)
{
    return a->err == NC_EIO || a->status == 429 || a->status >= 500;
}

void nc_answer_fini(struct nc_answer *a)
{
    json_decref(a->body);
    *a = (struct nc_answer){0};
}

void nc_url_add(struct nc_buf *out, struct nc_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (isalnum(c) || (c && strchr("-._~", c)))
            nc_buf_addc(out, (char)c);
        else
            nc_buf_printf(out, "%%%02X", c);
    }
}

/* ---- ending --------------------------------------------------------------- */

static void say(struct nc_answer *a, struct nc_str words)
{
    struct nc_buf clean = {0};

    nc_text_clean(&clean, words, false);
    snprintf(a->detail, sizeof a->detail, "%.*s", NC_FMT(nc_buf_str(&clean)));
    nc_buf_fini(&clean);
}

static void free_call(struct call *c)
{
    nc_list_del(&c->node);
    nc_list_del(&c->wait.node);
    if (c->json)
        nc_wipe(c->json, strlen(c->json));
    if (c->in.p)
        nc_wipe(c->in.p, c->in.n);
    nc_buf_fini(&c->in);
    free(c->method);
    free(c->path);
    free(c->json);
    free(c);
}

/* "http://…: words", of the server that said it. */
static void add_name(const struct call *c, struct nc_answer *a)
{
    struct nc_buf b = {0};

    nc_buf_printf(&b, "%s: %s", c->api->url, a->detail);
    snprintf(a->detail, sizeof a->detail, "%.*s", NC_FMT(nc_buf_str(&b)));
    nc_buf_fini(&b);
}

static void finish(struct call *c, struct nc_answer *a)
{
    nc_list_del(&c->node);
    if (c->api->named && *a->detail && a->err != NC_EIO) /* that one has the name in it */
        add_name(c, a);
    c->fn(c->arg, a);
    nc_answer_fini(a);
    free_call(c);
}

static void fail(struct call *c, enum nc_err e, const char *why)
{
    struct nc_answer a = {.err = e};

    if (e == NC_EACCESS)
        say(&a, nc_str(nc_word(NC_W_LOGIN_OVER)));
    else if (e == NC_ECLOSED)
        say(&a, nc_str(nc_word(NC_W_CANCELLED)));
    else
        snprintf(a.detail, sizeof a.detail, "%s %s (%s)", nc_word(NC_W_UNREACHABLE),
                 c->api->unix_socket ? c->api->unix_socket : c->api->url, why);
    a.err = e == NC_EACCESS || e == NC_ECLOSED ? e : NC_EIO;
    finish(c, &a);
}

static void read_problem(struct nc_answer *a)
{
    struct nc_problem why;
    struct nc_str s = {0};

    if (a->body && nc_json_opt_str(a->body, "code", 0, 31, &s, &why) == NC_OK)
        snprintf(a->code, sizeof a->code, "%.*s", NC_FMT(s));
    s = (struct nc_str){0};
    if (a->body && (nc_json_opt_str(a->body, "detail", 1, 4096, &s, &why) != NC_OK || !s.n))
        s = (struct nc_str){0};
    if (a->body && !s.n && nc_json_opt_str(a->body, "title", 1, 4096, &s, &why) != NC_OK)
        s = (struct nc_str){0};
    if (s.n)
        say(a, s);
    else
        snprintf(a->detail, sizeof a->detail, "%s %u", nc_word(NC_W_STATUS), a->status);
}

static void start(struct call *c);

static void on_data(void *arg, struct nc_str piece)
{
    nc_buf_adds(&((struct call *)arg)->in, piece);
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct call *c = arg;
    struct nc_answer a = {0};
    struct nc_problem problem;
    uint64_t after;

    if (e != NC_OK) {
        c->http = NULL;
        fail(c, e == NC_ECLOSED ? e : NC_EIO, why ? why : nc_strerr(e));
        return;
    }
    a.status = nc_http_call_status(c->http);
    if (nc_str_u64(nc_http_call_header(c->http, "Retry-After"), 86400, &after) == NC_OK)
        a.retry_after_s = (unsigned)after;
    c->http = NULL;
    if (a.status == 401 && !(c->flags & NC_API_BARE) && !c->again && !c->api->unix_socket) {
        c->again = true;
        nc_session_stale(&c->api->session, c->generation);
        start(c);
        return;
    }
    if (c->in.n && nc_json_parse(nc_buf_str(&c->in), &a.body, &problem) != NC_OK)
        a.body = NULL;
    if (a.status >= 300)
        read_problem(&a);
    finish(c, &a);
}

/* ---- starting ------------------------------------------------------------- */

static void send_now(struct call *c)
{
    static const struct nc_http_call_ops ops = {.data = on_data, .end = on_end};
    static const char agent[] = "User-Agent: neuralchat/" NC_VERSION;
    struct nc_api *api = c->api;
    struct nc_buf url = {0}, token = {0};
    const char *headers[5] = {agent, nc_words_header()};
    unsigned n = 2;

    nc_buf_printf(&url, "%s%s", api->unix_socket ? "http://localhost" : api->url, c->path);
    nc_buf_addc(&url, '\0');
    if (c->json)
        headers[n++] = "Content-Type: application/json";
    if (!(c->flags & NC_API_BARE) && !api->unix_socket) {
        nc_buf_printf(&token, "Authorization: Bearer %s", api->session.tokens.access);
        nc_buf_addc(&token, '\0');
        headers[n++] = token.p;
        c->generation = api->session.generation;
    }
    nc_buf_clear(&c->in);
    c->http =
        nc_http_call_start(api->http,
                           &(struct nc_http_call_opts){
                               .method = c->method,
                               .url = url.p,
                               .headers = headers,
                               .body = nc_str(c->json),
                               .unix_socket = api->unix_socket,
                               .ca_file = api->ca_file,
                               .connect_ms = CONNECT_MS,
                               .total_ms = c->flags & NC_API_PATIENT ? 0 : api->total_ms,
                               .max_bytes = BODY_MAX,
                           },
                           &ops, c);
    if (token.p)
        nc_wipe(token.p, token.n);
    nc_buf_fini(&token);
    nc_buf_fini(&url);
}

static void on_token(struct nc_token_wait *w, enum nc_err e)
{
    struct call *c = nc_of(w, struct call, wait);

    if (e == NC_OK)
        send_now(c);
    else
        fail(c, e, "refresh");
}

static void start(struct call *c)
{
    if ((c->flags & NC_API_BARE) || c->api->unix_socket)
        send_now(c);
    else
        nc_session_wait(&c->api->session, &c->wait);
}

void nc_api_call(struct nc_api *a, const struct nc_api_ask *ask, nc_api_fn *fn, void *arg)
{
    struct call *c = nc_alloc(sizeof *c);

    c->api = a;
    c->wait.done = on_token;
    c->method = nc_str_dup(nc_str(ask->method));
    c->path = nc_str_dup(nc_str(ask->path));
    c->json = ask->json.p ? nc_str_dup(ask->json) : NULL;
    c->flags = ask->flags;
    c->fn = fn;
    c->arg = arg;
    nc_list_add(&a->calls, &c->node);
    start(c);
}

/* ---- waiting -------------------------------------------------------------- */

struct waiter {
    struct nc_api *api;
    struct nc_answer *out;
    bool done;
};

static void on_answer(void *arg, const struct nc_answer *a)
{
    struct waiter *w = arg;

    *w->out = *a;
    json_incref(w->out->body);
    w->done = true;
    nc_loop_stop(w->api->loop);
}

void nc_api_wait(struct nc_api *a, const struct nc_api_ask *ask, struct nc_answer *out)
{
    struct waiter w = {.api = a, .out = out};

    *out = (struct nc_answer){0};
    nc_api_call(a, ask, on_answer, &w);
    while (!w.done)
        nc_loop_run(a->loop);
}

void nc_api_init(struct nc_api *a, const struct nc_api_opts *o)
{
    *a = (struct nc_api){.loop = o->loop,
                         .total_ms = o->total_ms ? o->total_ms : TOTAL_MS,
                         .named = o->named};
    size_t n = strlen(o->url);

    while (n > 0 && o->url[n - 1] == '/')
        n--;
    a->url = nc_str_dup((struct nc_str){o->url, n});
    a->ca_file = o->ca_file && *o->ca_file ? nc_str_dup(nc_str(o->ca_file)) : NULL;
    a->unix_socket =
        o->unix_socket && *o->unix_socket ? nc_str_dup(nc_str(o->unix_socket)) : NULL;
    a->http = nc_http_client_new(o->loop);
    nc_list_init(&a->calls);
    nc_session_init(&a->session, a, a->url);
}

void nc_api_fini(struct nc_api *a)
{
    nc_session_fini(&a->session);
    nc_http_client_free(a->http);
    free(a->url);
    free(a->ca_file);
    free(a->unix_socket);
    *a = (struct nc_api){0};
}
