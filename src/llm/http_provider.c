/* The slots of a provider that all HTTP back ends share, and the list of models. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "llm/http_ask.h"
#include "net/http_client.h"

#define LIST_MS 9500u /* of the 10 s that were promised */
/* An answer that drips word by word holds its place no longer than that. */
#define ANSWER_MS (2u * 3600 * 1000)

static struct nc_http_ask *begin(struct nc_http_provider *p)
{
    struct nc_http_ask *q = nc_alloc(sizeof(*q));

    q->provider = p;
    q->state = p->wire->state ? nc_alloc(p->wire->state) : NULL;
    q->streamed = true;
    q->sse.limit = NC_HTTP_EVENT_MAX;
    q->ends_at = nc_loop_now_ms(p->loop) + ANSWER_MS;
    nc_list_add(&p->asks, &q->node);
    return q;
}

static void on_refusal(struct nc_task *t)
{
    nc_http_ask_conclude(nc_of(t, struct nc_http_ask, refusal));
}

/* Nothing is asked; whoever asked hears it on the loop. */
static void refuse_later(struct nc_http_ask *q)
{
    q->refusal.run = on_refusal;
    nc_loop_defer(q->provider->loop, &q->refusal);
}

static void send_question(struct nc_http_ask *q)
{
    struct nc_buf path = {0}, body = {0};

    q->step = NC_HTTP_ASKING;
    if (q->provider->wire->write(q, &path, &body)) {
        nc_buf_addc(&path, '\0');
        nc_http_ask_start(q, path.p, nc_buf_str(&body));
    } else {
        nc_http_ask_fail(q, NC_FAULT_REQUEST, "the question can't be said to this server");
        refuse_later(q);
    }
    nc_buf_fini(&path);
    nc_buf_fini(&body);
}

/* ---- models --------------------------------------------------------------- */

void nc_http_ask_model(struct nc_http_ask *q, struct nc_str name, uint64_t context,
                       uint64_t bytes)
{
    if (name.n == 0 || name.n >= NC_LLM_MODEL || q->models_n == NC_HTTP_MODELS)
        return;
    if ((q->models_n & (q->models_n - 1)) == 0)
        q->models =
            nc_realloc(q->models, (q->models_n ? q->models_n * 2 : 1) * sizeof(*q->models));
    q->models[q->models_n++] =
        (struct nc_llm_model){nc_arena_str(&q->arena, name), context, bytes};
}

static void ask_more(struct nc_http_ask *q)
{
    const struct nc_http_wire *wire = q->provider->wire;
    struct nc_buf path = {0}, body = {0};

    q->step = NC_HTTP_TELLING;
    if (wire->more && nc_loop_now_ms(q->provider->loop) < q->ends_at &&
        wire->more(q, &path, &body)) {
        nc_buf_addc(&path, '\0');
        nc_http_ask_start(q, path.p, nc_buf_str(&body));
    } else {
        nc_http_ask_conclude(q);
    }
    nc_buf_fini(&path);
    nc_buf_fini(&body);
}

void nc_http_ask_told(struct nc_http_ask *q, bool ok)
{
    json_t *root = ok && q->body.n ? json_loadb(q->body.p, q->body.n, 0, NULL) : NULL;

    q->end.status = 200; /* of the list itself */
    q->end.retry_ms = 0;
    q->provider->wire->told(q, root);
    json_decref(root);
    ask_more(q);
}

/* The first model listed answers, if none was named. */
static void choose_model(struct nc_http_ask *q)
{
    struct nc_http_provider *p = q->provider;

    if (q->models_n == 0) {
        nc_http_ask_fail(q, NC_FAULT_MODEL, "the AI server lists no model");
        nc_http_ask_conclude(q);
        return;
    }
    snprintf(p->model, sizeof(p->model), "%.*s", NC_FMT(q->models[0].name));
    snprintf(q->model, sizeof(q->model), "%s", p->model);
    p->model_found = true;
    send_question(q);
}

void nc_http_ask_listed(struct nc_http_ask *q)
{
    json_t *root = json_loadb(q->body.n ? q->body.p : "", q->body.n, 0, NULL);
    bool is_list = q->provider->wire->listed(q, root);

    json_decref(root);
    if (!is_list) {
        nc_http_ask_fail(q, NC_FAULT_SERVER, "the AI server's list of models is none");
        nc_http_ask_conclude(q);
    } else if (q->list) {
        ask_more(q);
    } else {
        choose_model(q);
    }
}

void nc_http_provider_list(struct nc_provider *base, struct nc_llm_list *l)
{
    struct nc_http_provider *p = (struct nc_http_provider *)base;
    struct nc_http_ask *q = begin(p);

    q->list = l;
    l->priv = q;
    q->ends_at = nc_loop_now_ms(p->loop) + LIST_MS;
    nc_http_ask_start(q, p->wire->models, (struct nc_str){0});
}

/* ---- questions ------------------------------------------------------------ */

/* The question waits for the list of models: what it points to may go meanwhile. */
static void keep(struct nc_http_ask *q)
{
    struct nc_llm_ask *a = &q->asked;
    struct nc_llm_message *m = nc_arena_alloc(&q->arena, (a->messages_n + 1) * sizeof(*m));

    for (size_t i = 0; i < a->messages_n; i++)
        m[i] = (struct nc_llm_message){a->messages[i].role,
                                       nc_arena_str(&q->arena, a->messages[i].name),
                                       nc_arena_str(&q->arena, a->messages[i].content)};
    a->messages = m;
    a->via = nc_arena_str(&q->arena, a->via);
    q->request = json_deep_copy(a->request);
    a->request = q->request;
}

void nc_http_provider_ask(struct nc_provider *base, struct nc_llm_ask *a)
{
    struct nc_http_provider *p = (struct nc_http_provider *)base;
    struct nc_http_ask *q = begin(p);

    q->ask = a;
    q->asked = *a;
    a->priv = q;
    if (a->model.n >= sizeof(q->model)) {
        nc_http_ask_fail(q, NC_FAULT_MODEL, "the model's name is too long");
    } else if (*p->proxy && a->furthest != NC_DEST_NOWHERE && a->furthest < NC_DEST_CLOUD) {
        nc_http_ask_fail(q, NC_FAULT_TOO_FAR,
                         "the AI server is asked through a proxy, which is farther away "
                         "than the text may go");
    }
    if (q->failed) {
        refuse_later(q);
        return;
    }
    snprintf(q->model, sizeof(q->model), "%.*s",
             NC_FMT(a->model.n ? a->model : nc_str(p->model)));
    if (q->model[0]) {
        send_question(q);
    } else {
        keep(q);
        nc_http_ask_start(q, p->wire->models, (struct nc_str){0});
    }
}

void nc_http_provider_stop(struct nc_provider *base, struct nc_llm_ask *a)
{
    struct nc_http_ask *q = a->priv;

    (void)base;
    if (!q || q->stopped)
        return;
    q->stopped = true;
    if (q->call)
        nc_http_call_cancel(q->call);
}

void nc_http_provider_pause(struct nc_provider *base, struct nc_llm_ask *a, bool on)
{
    struct nc_http_ask *q = a->priv;

    (void)base;
    if (!q || !q->call || q->stopped)
        return;
    nc_http_ask_pause(q, on);
}

/* ---- opening -------------------------------------------------------------- */

static bool strip(struct nc_str *url, const char *end)
{
    size_t n = strlen(end);

    if (url->n <= n || memcmp(url->p + url->n - n, end, n) != 0)
        return false;
    url->n -= n;
    return true;
}

static struct nc_str base_of(const struct nc_http_wire *wire, const char *base_url)
{
    struct nc_str url = nc_str(base_url);

    while (strip(&url, "/")) {
    }
    for (const char *const *s = wire->strip; *s; s++)
        if (strip(&url, *s))
            break;
    while (strip(&url, "/")) {
    }
    return url;
}

enum nc_err nc_http_provider_open(struct nc_provider **out,
                                  const struct nc_provider_opts *o,
                                  const struct nc_http_wire *wire,
                                  const struct nc_provider_ops *ops)
{
    struct nc_http_provider *p = nc_alloc(sizeof(*p));

    *p = (struct nc_http_provider){
        .base = {.ops = ops},
        .wire = wire,
        .loop = o->loop,
        .http = o->http,
        .name = nc_str_dup(nc_str(o->name)),
        .url = nc_str_dup(base_of(wire, o->base_url)),
        .key = nc_str_dup(nc_str(o->key)),
        .proxy = nc_str_dup(nc_str(o->proxy)),
        .node = nc_str_dup(nc_str(o->node)),
        .connect_ms = o->connect_ms,
        .first_byte_ms = o->first_byte_ms,
        .idle_ms = o->idle_ms,
        .kept = wire->kept ? nc_alloc(wire->kept) : NULL,
    };
    p->base.name = p->name;
    nc_list_init(&p->asks);
    snprintf(p->model, sizeof(p->model), "%s", o->model ? o->model : "");
    /* A key is one line of visible characters: anything else would break the request. */
    for (const char *c = p->key; *c; c++)
        if (*c <= ' ' || *c > '~') {
            nc_log(NC_ERROR, "ai.key", "reason=\"the key has a character no key has\"");
            ops->close(&p->base);
            *out = NULL;
            return NC_EINVAL;
        }
    *out = &p->base;
    return NC_OK;
}

void nc_http_provider_close(struct nc_provider *base)
{
    struct nc_http_provider *p = (struct nc_http_provider *)base;

    if (!p)
        return;
    while (!nc_list_empty(&p->asks))
        nc_http_ask_close(nc_of(p->asks.next, struct nc_http_ask, node));
    nc_wipe(p->key, strlen(p->key));
    free(p->key);
    free(p->name);
    free(p->url);
    free(p->proxy);
    free(p->node);
    free(p->kept);
    free(p);
}
