/* The words in which the contract of every provider is told: a server that says what a
 * script tells it to, and somebody who asks. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "llm/provider.h"
#include "loop/loop.h"
#include "net/http_client.h"
#include "net/httpd.h"
#include "net/listener.h"

#define KEY "sk-test-Zq9w8e7r6t5y4u3i2o1p"
#define NODE "0197f0e0-1111-7222-8333-444455556666"

/* What one kind of server says; each in tests/contract/wire_<kind>.h. */
struct wire {
    const struct nc_provider_ops *ops;
    const char *base; /* behind host and port in base_url */
    const char *chat; /* where a question comes in */
    const char *list; /* where the models are asked for, without query */
    const char *type; /* of a stream */
    const char *key;  /* the header that carries the key, and what stands before it */
    const char *before_key;

    /* "Добрый день 🌍", in pieces; 11 tokens in, 7 out.  finish_reason as named. */
    const char *answer;
    const char *answer_length, *answer_tools;
    const char *thinks;       /* the same text, reasoning "hm so" before it */
    const char *cut;          /* "Добрый", and nothing more */
    const char *error_midway; /* "Добрый", then the error "it burns" */
    const char *whole;        /* the same answer in one piece, to a question not streamed;
                                 NULL: it is always asked to stream */
    const char *nonsense;     /* a stream of something else */

    /* Bodies of refusals. */
    const char *refused, *unknown_model, *too_long, *says_key, *busy;
    unsigned unknown_model_status, too_long_status;

    const char *models;           /* "first-model" and "second-model" */
    const char *more, *more_body; /* asked behind it, or NULL */
    uint64_t context, bytes;      /* of the first; 0: can't be told */
};

static const struct wire *wire; /* of the group that runs */

#define TEXT "Добрый день 🌍"

/* ---- the server ----------------------------------------------------------- */

enum how {
    AT_ONCE,
    BYTES,      /* one a turn of the loop */
    THEN_HOLD,  /* says nothing more */
    THEN_BREAK, /* the connection breaks */
    SILENT,     /* not even a head */
};

struct script {
    unsigned status;  /* 0: 200 */
    const char *type; /* NULL: the wire's */
    const char *body;
    size_t n; /* of body; 0: its length */
    enum how how;
    struct nc_http_header header;
};

static struct world {
    struct nc_loop *loop;
    struct nc_listeners *ls;
    struct nc_httpd *httpd;
    struct nc_http_client *http;
    struct nc_provider *provider;
    struct nc_addr at;
    struct nc_deadline guard;

    struct script script;
    struct nc_req *held[8];
    unsigned held_n, questions, lists, gone;
    uint64_t gone_ns;
    char key[100], node[60], path[60];
    struct nc_buf body; /* of the last question */
    size_t sent;
    struct nc_task next_byte;
} w;

static void on_accept(void *arg, int fd, const struct nc_addr *peer, void *tag)
{
    (void)arg;
    (void)tag;
    nc_httpd_accept(w.httpd, fd, peer, NULL, w.ls, NULL);
}

static void on_head(void *arg, struct nc_req *r)
{
    (void)arg;
    nc_req_accept(r, 1 << 20);
}

static size_t script_n(void) { return w.script.n ? w.script.n : strlen(w.script.body); }

static void on_next_byte(struct nc_task *t)
{
    if (!w.held_n)
        return;
    nc_stream_write(w.held[0], (struct nc_str){w.script.body + w.sent, 1});
    if (++w.sent < script_n())
        nc_loop_defer(w.loop, t);
    else
        nc_stream_end(w.held[0]);
}

static void play(struct nc_req *r)
{
    const struct script *s = &w.script;
    struct nc_answer a = {.status = s->status ? s->status : 200,
                          .type = nc_str(s->type ? s->type : wire->type),
                          .headers = &s->header,
                          .n_headers = s->header.name.n ? 1 : 0};

    w.held[w.held_n++] = r;
    nc_req_needs_reader(r);
    if (s->how == SILENT)
        return;
    nc_stream_begin(r, &a);
    if (s->how == BYTES) {
        w.sent = 0;
        nc_loop_defer(w.loop, &w.next_byte);
        return;
    }
    nc_stream_write(r, (struct nc_str){s->body, script_n()});
    if (s->how == AT_ONCE)
        nc_stream_end(r);
    else if (s->how == THEN_BREAK)
        nc_stream_abort(r, "test");
}

static void say(struct nc_req *r, const char *json)
{
    nc_respond(r, &(struct nc_answer){.status = 200,
                                      .type = NC_STR("application/json"),
                                      .body = nc_str(json)});
}

static void note_header(char *to, size_t n, struct nc_req *r, const char *name)
{
    struct nc_str v = nc_http_get(r->head, name);

    snprintf(to, n, "%.*s", NC_FMT(v));
}

static void on_request(void *arg, struct nc_req *r)
{
    (void)arg;
    note_header(w.key, sizeof(w.key), r, wire->key);
    note_header(w.node, sizeof(w.node), r, "X-NeuralChat-Node");
    if (nc_str_eqz(r->head->path, wire->list)) {
        w.lists++;
        if (w.script.status || w.script.how == SILENT)
            play(r);
        else
            say(r, wire->models);
    } else if (wire->more && nc_str_eqz(r->head->path, wire->more)) {
        say(r, wire->more_body);
    } else {
        w.questions++;
        snprintf(w.path, sizeof(w.path), "%.*s", NC_FMT(r->head->path));
        nc_buf_clear(&w.body);
        nc_buf_adds(&w.body, r->body);
        play(r);
    }
}

static void on_req_end(void *arg, struct nc_req *r, bool complete)
{
    (void)arg;
    for (unsigned i = 0; i < w.held_n; i++)
        if (w.held[i] == r)
            w.held[i--] = w.held[--w.held_n];
    if (!complete) {
        w.gone++;
        w.gone_ns = nc_mono_ns();
    }
}

static void on_guard(struct nc_deadline *d)
{
    (void)d;
    fail_msg("nothing has come of it for ten seconds");
}

static void open_provider(const char *base_url, const char *model, const char *proxy)
{
    struct nc_provider_opts o = {
        .loop = w.loop,
        .http = w.http,
        .name = "test",
        .base_url = base_url,
        .model = model,
        .key = KEY,
        .proxy = proxy,
        .node = NODE,
        .connect_ms = 500,
        .first_byte_ms = 300,
        .idle_ms = 300,
    };
    if (w.provider)
        w.provider->ops->close(w.provider);
    assert_int_equal(wire->ops->open(&w.provider, &o), NC_OK);
}

static void open_here(const char *model)
{
    char url[100];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", w.at.port, wire->base);
    open_provider(url, model, "");
}

static int world_up(void **state)
{
    static const struct nc_httpd_ops ops = {on_head, on_request, NULL, on_req_end};

    (void)state;
    nc_log_level(NC_ERROR);
    w = (struct world){.guard = {.fire = on_guard}, .next_byte = {.run = on_next_byte}};
    assert_int_equal(nc_loop_new(&w.loop), NC_OK);
    w.httpd = nc_httpd_new(w.loop, &(struct nc_httpd_opts){0}, &ops, NULL);
    w.ls = nc_listeners_new(w.loop, &(struct nc_listeners_opts){0}, on_accept, NULL);
    assert_int_equal(nc_listeners_add(w.ls, NC_STR("127.0.0.1:0"), NULL, &w.at), NC_OK);
    w.http = nc_http_client_new(w.loop);
    open_here("test-model");
    return 0;
}

static int world_down(void **state)
{
    (void)state;
    w.provider->ops->close(w.provider);
    nc_http_client_free(w.http);
    nc_listeners_close(w.ls);
    nc_httpd_free(w.httpd);
    nc_loop_settle(w.loop);
    nc_listeners_free(w.ls);
    nc_loop_deadline(w.loop, &w.guard, 0);
    nc_loop_free(w.loop);
    nc_buf_fini(&w.body);
    return 0;
}

/* Until somebody stops the loop. */
static void wait_for(void)
{
    nc_loop_deadline(w.loop, &w.guard, 10000);
    nc_loop_run(w.loop);
}

static void on_pause(struct nc_deadline *d)
{
    (void)d;
    nc_loop_stop(w.loop);
}

static void wait_ms(unsigned ms)
{
    struct nc_deadline d = {.fire = on_pause};

    nc_loop_deadline(w.loop, &d, ms);
    nc_loop_run(w.loop);
    nc_loop_deadline(w.loop, &d, 0);
}

/* ---- who asks ------------------------------------------------------------- */

struct asker {
    struct nc_llm_ask ask;
    struct nc_buf text, reasoning, raw; /* raw: a line each */
    unsigned pieces, ends;
    bool stops, pauses; /* at the first piece */
    uint64_t stopped_ns;
    struct nc_llm_end end;
    char reason[NC_LLM_REASON + 1], model[100], destination[100];
};

static void piece_came(struct asker *a)
{
    assert_int_equal(a->ends, 0);
    assert_int_equal(a->stopped_ns, 0);
    a->pieces++;
    if (a->stops) {
        a->stopped_ns = nc_mono_ns();
        w.provider->ops->stop(w.provider, &a->ask);
        w.provider->ops->stop(w.provider, &a->ask);
        assert_int_equal(a->ends, 0);
    }
    if (a->pauses && a->pieces == 1) {
        w.provider->ops->pause(w.provider, &a->ask, true);
        nc_loop_stop(w.loop);
    }
}

static void on_text(struct nc_llm_ask *ask, enum nc_llm_channel channel,
                    struct nc_str piece)
{
    struct asker *a = nc_of(ask, struct asker, ask);

    assert_true(piece.n > 0);
    nc_buf_adds(channel == NC_LLM_TEXT ? &a->text : &a->reasoning, piece);
    piece_came(a);
}

static void on_raw(struct nc_llm_ask *ask, struct nc_str json)
{
    struct asker *a = nc_of(ask, struct asker, ask);

    assert_true(json.n > 0 && !memchr(json.p, '\n', json.n));
    nc_buf_adds(&a->raw, json);
    nc_buf_addc(&a->raw, '\n');
    piece_came(a);
}

static void note_end(struct asker *a, const struct nc_llm_end *end)
{
    a->ends++;
    a->end = *end;
    snprintf(a->reason, sizeof(a->reason), "%s", end->reason);
    snprintf(a->model, sizeof(a->model), "%.*s", NC_FMT(end->model));
    snprintf(a->destination, sizeof(a->destination), "%.*s", NC_FMT(end->destination));
    assert_true((end->e == NC_OK || end->e == NC_ECLOSED) == (a->reason[0] == '\0'));
    assert_true((end->e == NC_OK || end->e == NC_ECLOSED) == (end->fault == NC_FAULT_NONE));
    assert_null(strstr(a->reason, "Zq9w8e7r"));
    nc_loop_stop(w.loop);
}

static void on_end(struct nc_llm_ask *ask, const struct nc_llm_end *end)
{
    note_end(nc_of(ask, struct asker, ask), end);
}

static void begin(struct asker *a)
{
    struct nc_llm_message messages[] = {
        {NC_LLM_SYSTEM, {NULL, 0}, NC_STR("You are \"Olga\".")},
        {NC_LLM_USER, NC_STR("ada"), NC_STR("hello")},
    };

    a->ask.messages = a->ask.request ? NULL : messages;
    a->ask.messages_n = a->ask.request ? 0 : NC_COUNT(messages);
    a->ask.temperature = -1;
    a->ask.text = on_text;
    a->ask.raw = on_raw;
    a->ask.end = on_end;
    w.provider->ops->ask(w.provider, &a->ask);
    assert_int_equal(a->ends, 0); /* never from inside */
}

static void ask(struct asker *a, struct script s)
{
    w.script = s;
    begin(a);
    while (!a->ends)
        wait_for();
    assert_int_equal(a->ends, 1);
}

static void forget(struct asker *a)
{
    nc_buf_fini(&a->text);
    nc_buf_fini(&a->reasoning);
    nc_buf_fini(&a->raw);
    *a = (struct asker){0};
}

static void has_text(const struct nc_buf *b, const char *want)
{
    if (!nc_str_eqz(nc_buf_str(b), want))
        fail_msg("got \"%.*s\", want \"%s\"", NC_FMT(nc_buf_str(b)), want);
}
