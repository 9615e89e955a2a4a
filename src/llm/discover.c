#include "llm/discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "net/http_client.h"
#include "wire/json_in.h"

#define LOOK_MS 2000
#define BODY_MAX (1u << 20)
#define LOOP_DETECTED 508 /* our own node, which knows its own requests */

/* Asked in this order until one tells what it is. */
enum step { NEURALCHAT, OLLAMA, OPENAI, STEPS };
static const char *const paths[STEPS] = {"/api/v1/server", "/api/tags", "/v1/models"};

/* One address that is looked at. */
struct look {
    struct nc_discover *whole;
    char url[100];
    enum step step;
    uint64_t ends_at;
    struct nc_http_call *call;
    struct nc_buf body;
    struct nc_found found; /* ops set: there is something */
};

struct nc_discover {
    struct nc_loop *loop;
    struct nc_http_client *http;
    char *header; /* X-NeuralChat-Node */
    nc_discover_fn *done;
    void *arg;
    bool cancelled;
    struct nc_task finish;
    size_t n, open;
    struct look looks[];
};

static void release(struct nc_discover *d)
{
    for (size_t i = 0; i < d->n; i++)
        nc_buf_fini(&d->looks[i].body);
    free(d->header);
    free(d);
}

static void on_finish(struct nc_task *t)
{
    struct nc_discover *d = nc_of(t, struct nc_discover, finish);
    struct nc_found *found = nc_alloc((d->n + 1) * sizeof(*found));
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        if (d->looks[i].found.ops)
            found[n++] = d->looks[i].found;
    d->done(d->arg, found, n);
    free(found);
    release(d);
}

static void look_ended(struct look *k)
{
    struct nc_discover *d = k->whole;

    if (--d->open)
        return;
    if (d->cancelled)
        release(d);
    else
        nc_loop_defer(d->loop, &d->finish);
}

/* ---- what they say -------------------------------------------------------- */

/* What an OpenAI-compatible server is called, by what it says of itself, or else by the
 * port it is usually found at. */
static const char *name_of(struct look *k, const json_t *root)
{
    static const struct {
        const char *server, *owner, *port, *name;
    } table[] = {
        {"llama.cpp", "llamacpp", NULL, "llama-server"},
        {NULL, "vllm", NULL, "vllm"},
        {NULL, "TensorRT-LLM", NULL, "tensorrt-llm"},
        {NULL, "organization_owner", NULL, "lm-studio"},
        {NULL, NULL, ":8080", "llama-server"},
        {NULL, NULL, ":1234", "lm-studio"},
        {NULL, NULL, ":8000", "vllm"},
    };
    struct nc_str server = nc_http_call_header(k->call, "Server");
    const json_t *first = json_array_get(json_object_get(root, "data"), 0);
    struct nc_str owner = nc_json_text(json_object_get(first, "owned_by"));
    const char *port = strrchr(k->url, ':');

    for (size_t i = 0; i < NC_COUNT(table); i++)
        if ((table[i].server && nc_str_eqz(server, table[i].server)) ||
            (table[i].owner && nc_str_eqz(owner, table[i].owner)) ||
            (table[i].port && strcmp(port, table[i].port) == 0))
            return table[i].name;
    return "openai-compatible";
}

static void note(struct look *k, const char *kind, const char *name, const char *path)
{
    k->found.ops = nc_provider_kind(nc_str(kind));
    snprintf(k->found.name, sizeof(k->found.name), "%s", name);
    snprintf(k->found.base_url, sizeof(k->found.base_url), "%s%s", k->url, path);
}

/* True when it is certain what it is, or that it is nothing for us. */
static bool judge(struct look *k, unsigned status, const json_t *root)
{
    switch (k->step) {
    case NEURALCHAT:
        return status == LOOP_DETECTED ||
               (json_object_get(root, "node") && json_object_get(root, "protocol"));
    case OLLAMA:
        /* llama-server answers here, too, with "data" beside "models". */
        if (status != 200 || !json_is_array(json_object_get(root, "models")) ||
            json_object_get(root, "data"))
            return false;
        note(k, "ollama", "ollama", "");
        return k->found.ops != NULL;
    case OPENAI:
        if (status == 200 && json_is_array(json_object_get(root, "data")))
            note(k, "openai", name_of(k, root), "/v1");
        return true;
    case STEPS: break;
    }
    return true;
}

/* ---- looking -------------------------------------------------------------- */

static void ask(struct look *k);

static void on_data(void *arg, struct nc_str piece)
{
    struct look *k = arg;

    nc_buf_adds(&k->body, piece); /* no more than max_bytes */
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct look *k = arg;
    bool known = k->whole->cancelled;

    (void)why;
    if (!known && (e == NC_OK || e == NC_ELIMIT)) {
        unsigned status = nc_http_call_status(k->call);
        json_t *root =
            e == NC_OK && k->body.n ? json_loadb(k->body.p, k->body.n, 0, NULL) : NULL;
        known = judge(k, status, root);
        json_decref(root);
    } else {
        known = true; /* it is not there, or doesn't speak HTTP */
    }
    k->call = NULL;
    k->step++;
    if (known || k->step == STEPS)
        look_ended(k);
    else
        ask(k);
}

static void ask(struct look *k)
{
    static const struct nc_http_call_ops ops = {.data = on_data, .end = on_end};
    struct nc_discover *d = k->whole;
    const char *headers[] = {"Accept: application/json", d->header, NULL};
    uint64_t now = nc_loop_now_ms(d->loop);
    char url[sizeof(k->url) + 20];

    snprintf(url, sizeof(url), "%s%s", k->url, paths[k->step]);
    nc_buf_clear(&k->body);
    k->call = nc_http_call_start(
        d->http,
        &(struct nc_http_call_opts){.method = "GET",
                                    .url = url,
                                    .headers = headers,
                                    .total_ms =
                                        k->ends_at > now ? (unsigned)(k->ends_at - now) : 1,
                                    .max_bytes = BODY_MAX},
        &ops, k);
}

struct nc_discover *nc_discover_start(struct nc_loop *l, struct nc_http_client *http,
                                      const char *const *urls, size_t n, const char *node,
                                      nc_discover_fn *done, void *arg)
{
    struct nc_discover *d = nc_alloc(sizeof(*d) + n * sizeof(d->looks[0]));
    struct nc_buf header = {0};

    nc_buf_printf(&header, "X-NeuralChat-Node: %s%c", node, 0);
    d->loop = l;
    d->http = http;
    d->header = header.p;
    d->done = done;
    d->arg = arg;
    d->finish.run = on_finish;
    d->n = n;
    for (size_t i = 0; i < n; i++) {
        struct look *k = &d->looks[i];
        struct nc_str url = nc_str(urls[i]);

        k->whole = d;
        k->ends_at = nc_loop_now_ms(l) + LOOK_MS;
        while (url.n && url.p[url.n - 1] == '/')
            url.n--;
        if (url.n + sizeof("/v1") > sizeof(k->url))
            continue; /* no address of ours */
        snprintf(k->url, sizeof(k->url), "%.*s", NC_FMT(url));
        d->open++;
        ask(k);
    }
    if (d->open == 0)
        nc_loop_defer(l, &d->finish);
    return d;
}

void nc_discover_cancel(struct nc_discover *d)
{
    if (!d)
        return;
    d->cancelled = true;
    nc_loop_undefer(d->loop, &d->finish);
    if (d->open == 0) {
        release(d);
        return;
    }
    for (size_t i = 0; i < d->n; i++)
        if (d->looks[i].call)
            nc_http_call_cancel(d->looks[i].call);
}
