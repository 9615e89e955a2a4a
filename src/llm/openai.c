/* The OpenAI chat completions API, as Ollama, llama-server, vLLM and clouds serve it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "llm/provider.h"
#include "loop/loop.h"
#include "net/http_client.h"
#include "wire/openai.h"
#include "wire/sse.h"

#define EVENT_MAX (1u << 20)  /* bytes of one event of the stream */
#define ERROR_MAX (64u << 10) /* bytes of a refusal that are looked at */
#define MODELS_MAX (4u << 20)
#define MODEL_NAME 200

struct openai {
    struct nc_provider base;
    struct nc_loop *loop;
    struct nc_http_client *http;
    char *name, *url, *key, *proxy, *node;
    char model[MODEL_NAME]; /* configured, or found by asking */
    unsigned connect_ms, first_byte_ms, idle_ms;
    struct nc_list asks;
};

/* One question under way. */
struct question {
    struct nc_list node;
    struct openai *provider;
    struct nc_llm_ask *ask;
    struct nc_http_call *call;
    bool listing; /* asking for the models first */
    bool stopped, done, failed, whole_body;
    unsigned status;
    struct nc_sse sse;
    struct nc_buf body;    /* a refusal, a list of models, an answer that isn't streamed */
    struct nc_buf request; /* kept while the models are listed */
    char model[MODEL_NAME];
    char destination[300];
    struct nc_llm_end end;
    bool finished; /* the model said why it stopped */
    char reason[NC_OPENAI_REASON];
};

static struct nc_str secret(const struct openai *p) { return nc_str(p->key); }

/* ---- the end -------------------------------------------------------------- */

static void fail(struct question *q, const char *why)
{
    if (q->failed)
        return;
    q->failed = true;
    snprintf(q->reason, sizeof(q->reason), "%s", why);
}

static void release(struct question *q)
{
    nc_list_del(&q->node);
    nc_sse_fini(&q->sse);
    nc_buf_fini(&q->body);
    nc_buf_fini(&q->request);
    free(q);
}

static void tell(struct question *q, enum nc_err e)
{
    struct nc_llm_ask *a = q->ask;

    if (!a)
        return;
    q->end.e = q->stopped ? NC_ECLOSED : e;
    q->end.reason = q->end.e == NC_OK ? "" : q->reason;
    q->end.model = nc_str(q->model);
    q->end.destination = nc_str(q->destination);
    q->ask = NULL;
    a->priv = NULL;
    a->end(a, &q->end);
}

static void conclude(struct question *q, enum nc_err e)
{
    tell(q, e);
    release(q);
}

/* ---- what comes back ------------------------------------------------------ */

/* By the address, not the name: a name may lead anywhere. */
static void note_destination(struct question *q)
{
    struct nc_addr peer = nc_http_call_peer(q->call);
    const char *host = strstr(q->provider->url, "://");
    size_t n = host ? strcspn(host + 3, "/:?#") : 0;

    if (*q->provider->proxy) {
        snprintf(q->destination, sizeof(q->destination), "cloud:%.*s", (int)n, host + 3);
        return;
    }
    switch (nc_addr_reach(&peer)) {
    case NC_REACH_LOOPBACK:
        snprintf(q->destination, sizeof(q->destination), "this_node");
        break;
    case NC_REACH_PRIVATE:
        snprintf(q->destination, sizeof(q->destination), "lan:%.*s", (int)n,
                 host ? host + 3 : "");
        break;
    case NC_REACH_LINK_LOCAL:
    case NC_REACH_PUBLIC:
    case NC_REACH_NONE:
        snprintf(q->destination, sizeof(q->destination), "cloud:%.*s", (int)n,
                 host ? host + 3 : "");
        break;
    }
}

static void on_head(void *arg, unsigned status)
{
    struct question *q = arg;
    struct nc_str type = nc_http_call_header(q->call, "Content-Type");

    q->status = status;
    note_destination(q);
    if (status != 200 || !nc_str_starts(type, NC_STR("text/event-stream")))
        q->whole_body = true;
}

static enum nc_llm_finish finish_of(enum nc_openai_finish f)
{
    switch (f) {
    case NC_OPENAI_GOING:
    case NC_OPENAI_STOP: return NC_LLM_STOP;
    case NC_OPENAI_LENGTH: return NC_LLM_LENGTH;
    case NC_OPENAI_FILTER: return NC_LLM_FILTER;
    case NC_OPENAI_TOOLS: return NC_LLM_TOOLS;
    case NC_OPENAI_ODD: return NC_LLM_ODD;
    }
    return NC_LLM_ODD;
}

/* One payload: text goes on at once, the rest is remembered for the end. */
static void take(struct question *q, struct nc_str data)
{
    struct nc_openai_chunk c = {0};

    if (nc_openai_chunk(&c, data, secret(q->provider)) != NC_OK) {
        fail(q, "the AI server sent something that is no answer");
    } else if (c.failed) {
        fail(q, c.reason);
    } else {
        if (c.reasoning.n)
            q->ask->text(q->ask, NC_LLM_REASONING, c.reasoning);
        if (c.text.n)
            q->ask->text(q->ask, NC_LLM_TEXT, c.text);
        if (c.refusal.n)
            q->ask->text(q->ask, NC_LLM_TEXT, c.refusal);
        if (c.finish != NC_OPENAI_GOING) {
            q->finished = true;
            q->end.finish = finish_of(c.finish);
        }
        if (c.has_usage) {
            q->end.has_usage = true;
            q->end.prompt_tokens = c.prompt_tokens;
            q->end.completion_tokens = c.completion_tokens;
        }
        q->done = q->done || c.done;
    }
    nc_openai_chunk_fini(&c);
}

static void on_data(void *arg, struct nc_str piece)
{
    struct question *q = arg;
    struct nc_sse_event ev;

    if (q->stopped || q->failed || q->done)
        return;
    if (q->whole_body) {
        size_t max = q->listing ? MODELS_MAX : q->status == 200 ? EVENT_MAX : ERROR_MAX;
        if (q->body.n + piece.n <= max)
            nc_buf_adds(&q->body, piece);
        else if (q->status == 200)
            fail(q, "the AI server's answer is too large");
        return;
    }
    for (;;) {
        enum nc_err e = nc_sse_next(&q->sse, &piece, &ev);
        if (e == NC_AGAIN)
            return;
        if (e != NC_OK) {
            fail(q, "the AI server sent a line without end");
            break;
        }
        take(q, ev.data);
        if (q->stopped || q->failed || q->done)
            break;
    }
    if (q->failed && !q->stopped)
        nc_http_call_cancel(q->call);
    else if (q->done)
        tell(q, NC_OK); /* whole; the rest of the connection's life is not the asker's */
}

static const char *broken_words(const char *why)
{
    static const struct {
        const char *why, *words;
    } table[] = {
        {"connect", "the AI server can't be reached"},
        {"resolve", "the AI server's name can't be found"},
        {"first byte", "the AI server did not answer in time"},
        {"idle", "the AI server stopped in the middle of the answer"},
        {"tls", "the AI server's certificate was not accepted"},
        {"broken", "the connection to the AI server broke off"},
    };
    for (size_t i = 0; why && i < NC_COUNT(table); i++)
        if (strcmp(why, table[i].why) == 0)
            return table[i].words;
    return "the AI server failed";
}

static void request(struct question *q);

/* The first model listed answers, if none was named. */
static bool choose_model(struct question *q)
{
    json_t *root =
        json_loadb(q->body.p ? q->body.p : "", q->body.n, JSON_REJECT_DUPLICATES, NULL);
    json_t *first = json_array_get(json_object_get(root, "data"), 0);
    const char *id = json_string_value(json_object_get(first, "id"));

    if (id && *id && strlen(id) < MODEL_NAME)
        snprintf(q->provider->model, sizeof(q->provider->model), "%s", id);
    json_decref(root);
    return q->provider->model[0] != '\0';
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct question *q = arg;

    q->call = NULL;
    if (q->stopped || (e == NC_ECLOSED && !q->failed && !q->done)) {
        conclude(q, NC_ECLOSED);
        return;
    }
    if (!q->failed && e == NC_EACCESS)
        fail(q, "the AI server's address is one that is never connected to");
    else if (!q->failed && e != NC_OK && !q->done)
        fail(q, broken_words(why));
    if (!q->failed && q->status != 200) {
        nc_openai_reason(q->reason, q->status, nc_buf_str(&q->body), secret(q->provider));
        q->failed = true;
    }
    if (q->listing && !q->failed) {
        if (choose_model(q)) {
            request(q);
            return;
        }
        fail(q, "the AI server lists no model");
    }
    if (!q->failed && q->whole_body) {
        take(q, nc_buf_str(&q->body));
        q->done = true;
    }
    if (!q->failed && !q->done && !q->finished)
        fail(q, "the answer broke off");
    conclude(q, q->failed ? NC_EIO : NC_OK);
}

static const struct nc_http_call_ops http_ops = {on_head, on_data, on_end};

/* ---- asking --------------------------------------------------------------- */

static void start(struct question *q, const char *method, const char *path,
                  struct nc_str body)
{
    struct openai *p = q->provider;
    struct nc_buf url = {0}, auth = {0}, node = {0};
    const char *headers[6] = {"Accept: text/event-stream, application/json",
                              "Content-Type: application/json"};
    unsigned n = 2;

    nc_buf_printf(&url, "%s%s", p->url, path);
    nc_buf_addc(&url, '\0');
    if (*p->key) {
        nc_buf_printf(&auth, "Authorization: Bearer %s", p->key);
        nc_buf_addc(&auth, '\0');
        headers[n++] = auth.p;
    }
    nc_buf_printf(&node, "X-NeuralChat-Node: %s", p->node);
    nc_buf_addc(&node, '\0');
    headers[n++] = node.p;
    q->status = 0;
    q->whole_body = false;
    nc_buf_clear(&q->body);
    q->call = nc_http_call_start(p->http,
                                 &(struct nc_http_call_opts){
                                     .method = method,
                                     .url = url.p,
                                     .headers = headers,
                                     .body = body,
                                     .proxy = *p->proxy ? p->proxy : NULL,
                                     .connect_ms = p->connect_ms,
                                     .first_byte_ms = p->first_byte_ms,
                                     .idle_ms = p->idle_ms,
                                     .max_bytes = 256u << 20,
                                 },
                                 &http_ops, q);
    if (auth.p)
        nc_wipe(auth.p, auth.n);
    nc_buf_fini(&auth);
    nc_buf_fini(&node);
    nc_buf_fini(&url);
}

/* The messages were written when the question came; the model may be known only now. */
static void request(struct question *q)
{
    struct nc_buf body = {0};

    q->listing = false;
    if (!q->model[0])
        snprintf(q->model, sizeof(q->model), "%s", q->provider->model);
    json_t *root = json_loadb(q->request.p, q->request.n, 0, NULL);
    json_object_set_new(root, "model", json_string(q->model));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
    nc_buf_adds(&body, nc_str(text));
    free(text);
    json_decref(root);
    start(q, "POST", "/chat/completions", nc_buf_str(&body));
    nc_buf_fini(&body);
}

static void write_request(struct question *q)
{
    const struct nc_llm_ask *a = q->ask;
    struct nc_openai_message *m = nc_alloc((a->messages_n + 1) * sizeof(*m));

    for (size_t i = 0; i < a->messages_n; i++)
        m[i] = (struct nc_openai_message){(enum nc_openai_role)a->messages[i].role,
                                          a->messages[i].name, a->messages[i].content};
    nc_openai_write(&q->request,
                    &(struct nc_openai_request){.model = nc_str(q->model),
                                                .messages = m,
                                                .n_messages = a->messages_n,
                                                .stream = true,
                                                .max_tokens = a->max_tokens,
                                                .temperature = a->temperature});
    free(m);
}

static void openai_ask(struct nc_provider *base, struct nc_llm_ask *a)
{
    struct openai *p = (struct openai *)base;
    struct question *q = nc_alloc(sizeof(*q));

    q->provider = p;
    q->ask = a;
    q->sse.limit = EVENT_MAX;
    nc_list_add(&p->asks, &q->node);
    a->priv = q;
    if (a->model.n && a->model.n < MODEL_NAME)
        snprintf(q->model, sizeof(q->model), "%.*s", NC_FMT(a->model));
    else
        snprintf(q->model, sizeof(q->model), "%s", p->model);
    write_request(q);
    if (q->model[0]) {
        start(q, "POST", "/chat/completions", nc_buf_str(&q->request));
    } else {
        q->listing = true;
        start(q, "GET", "/models", (struct nc_str){0});
    }
}

static void openai_stop(struct nc_provider *base, struct nc_llm_ask *a)
{
    struct question *q = a->priv;

    (void)base;
    if (!q || q->stopped)
        return;
    q->stopped = true;
    nc_http_call_cancel(q->call);
}

/* ---- opening -------------------------------------------------------------- */

static enum nc_err openai_open(struct nc_provider **out, const struct nc_provider_opts *o)
{
    struct openai *p = nc_alloc(sizeof(*p));
    struct nc_str url = nc_str(o->base_url);

    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    *p = (struct openai){
        .base = {.ops = &nc_provider_openai},
        .loop = o->loop,
        .http = o->http,
        .name = nc_str_dup(nc_str(o->name)),
        .url = nc_str_dup(url),
        .key = nc_str_dup(nc_str(o->key)),
        .proxy = nc_str_dup(nc_str(o->proxy)),
        .node = nc_str_dup(nc_str(o->node)),
        .connect_ms = o->connect_ms,
        .first_byte_ms = o->first_byte_ms,
        .idle_ms = o->idle_ms,
    };
    p->base.name = p->name;
    nc_list_init(&p->asks);
    snprintf(p->model, sizeof(p->model), "%s", o->model);
    /* A key is one line of visible characters: anything else would break the request. */
    for (const char *c = p->key; *c; c++)
        if (*c <= ' ' || *c > '~') {
            nc_log(NC_ERROR, "ai.key", "reason=\"the key has a character no key has\"");
            p->base.ops->close(&p->base);
            *out = NULL;
            return NC_EINVAL;
        }
    *out = &p->base;
    return NC_OK;
}

static void openai_close(struct nc_provider *base)
{
    struct openai *p = (struct openai *)base;

    if (!p)
        return;
    for (struct nc_list *n; (n = nc_list_pop(&p->asks));) {
        struct question *q = nc_of(n, struct question, node);
        q->stopped = true;
        conclude(q, NC_ECLOSED);
    }
    nc_wipe(p->key, strlen(p->key));
    free(p->key);
    free(p->name);
    free(p->url);
    free(p->proxy);
    free(p->node);
    free(p);
}

const struct nc_provider_ops nc_provider_openai = {
    .kind = "openai",
    .open = openai_open,
    .close = openai_close,
    .ask = openai_ask,
    .stop = openai_stop,
};
