/* Ollama's own API: unlike its OpenAI one it takes the context's length, and tells what
 * models there are with their size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm/replied.h"
#include "wire/ndjson.h"
#include "wire/ollama.h"

#define SHOWN_MAX 64       /* models of a list of which more is asked */
#define KNOWN_MAX 128      /* of which the answer is kept */
#define ANSWER_TOKENS 1024 /* room for an answer whose length nobody said */
#define CONTEXT_STEP 2048
#define DIGEST_MAX 24 /* bytes of a digest that tell models apart */

/* Reading a model's head is work for the server: what it said is kept by its digest. */
struct known {
    size_t next;
    struct {
        char digest[DIGEST_MAX];
        uint64_t context;
    } models[KNOWN_MAX];
};

struct state {
    struct nc_replied replied; /* first, for those who share it */
    struct nc_ndjson lines;
    unsigned block;
    bool base64;            /* how embeddings are wanted */
    struct nc_str *digests; /* of q->models */
    size_t next;            /* of which more is asked */
};

/* ---- asking ----------------------------------------------------------------------- */

/* The answer needs room, too.  In steps: a model is loaded anew when this changes. */
static unsigned room_for(const struct nc_llm_ask *a)
{
    unsigned answer = a->max_tokens ? a->max_tokens : ANSWER_TOKENS;

    if (!a->context_tokens)
        return 0;
    return (a->context_tokens + answer + CONTEXT_STEP - 1) / CONTEXT_STEP * CONTEXT_STEP;
}

static void write_messages(struct nc_http_ask *q, struct nc_buf *body)
{
    const struct nc_llm_ask *a = &q->asked;
    struct nc_openai_message *m = nc_replied_messages(a);

    nc_ollama_write(body, &(struct nc_ollama_request){.model = nc_str(q->model),
                                                      .messages = m,
                                                      .n_messages = a->messages_n,
                                                      .max_tokens = a->max_tokens,
                                                      .context_tokens = room_for(a),
                                                      .temperature = a->temperature});
    free(m);
}

/* An Ollama beside us may pass on what it is asked, to the cloud of its makers. */
static bool limited(const struct nc_http_ask *q)
{
    return q->asked.furthest != NC_DEST_NOWHERE && q->asked.furthest < NC_DEST_CLOUD;
}

static void too_far(struct nc_http_ask *q)
{
    nc_http_ask_fail(q, NC_FAULT_TOO_FAR,
                     "this model is farther away than the text may go: Ollama passes on "
                     "what it is asked");
}

static bool ollama_write(struct nc_http_ask *q, struct nc_buf *path, struct nc_buf *body)
{
    const struct nc_llm_ask *a = &q->asked;
    struct state *s = q->state;
    char why[NC_OPENAI_REASON];
    enum nc_err e = NC_OK;

    if (limited(q) && nc_ollama_is_cloud(nc_str(q->model))) {
        too_far(q);
        return false;
    }
    s->lines.limit = NC_HTTP_EVENT_MAX;
    nc_buf_adds(path, a->request && a->embed ? NC_STR("/api/embed") : NC_STR("/api/chat"));
    if (!a->request) {
        write_messages(q, body);
    } else if (a->embed) {
        q->streamed = false;
        e = nc_ollama_embed(body, a->request, nc_str(q->model), &s->base64, why);
    } else {
        nc_replied_begin(&s->replied, q);
        e = nc_ollama_translate(body, a->request, nc_str(q->model), room_for(a), why);
    }
    if (e != NC_OK)
        nc_http_ask_fail(q, NC_FAULT_REQUEST, why);
    return e == NC_OK;
}

/* ---- what comes back -------------------------------------------------------------- */

/* "https://ollama.com:443": where the answer really comes from. */
static void passed_on(struct nc_http_ask *q, struct nc_str remote)
{
    const char *host = memmem(remote.p, remote.n, "://", 3);

    if (host)
        remote = (struct nc_str){host + 3, remote.n - (size_t)(host + 3 - remote.p)};
    size_t n = 0;
    while (n < remote.n && n < 200 && remote.p[n] > ' ' && remote.p[n] < 0x7F &&
           !strchr(":/?#\"<>\\", remote.p[n]))
        n++;
    snprintf(q->destination, sizeof(q->destination), "%s:%.*s",
             nc_destination_name(NC_DEST_CLOUD), (int)n, remote.p);
    q->end.passed_on = true;
    if (limited(q))
        too_far(q);
}

static void take(struct nc_http_ask *q, struct nc_str line)
{
    struct state *s = q->state;
    struct nc_reply r;

    if (nc_ollama_read(&r, line, nc_http_ask_secret(q), &s->block) != NC_OK) {
        nc_replied_senseless(q);
    } else {
        if (r.remote.n)
            passed_on(q, r.remote);
        if (!nc_http_ask_over(q))
            nc_replied_take(&s->replied, q, &r, line);
    }
    nc_reply_fini(&r);
}

static void ollama_data(struct nc_http_ask *q, struct nc_str piece)
{
    struct state *s = q->state;
    struct nc_str line;

    while (!nc_http_ask_over(q)) {
        enum nc_err e = nc_ndjson_next(&s->lines, &piece, &line);
        if (e == NC_AGAIN)
            return;
        if (e == NC_OK)
            take(q, line);
        else
            nc_http_ask_fail(q, NC_FAULT_SERVER, "the AI server sent a line without end");
    }
}

/* The last line need not end. */
static void ollama_rest(struct nc_http_ask *q)
{
    struct state *s = q->state;
    struct nc_str line = nc_ndjson_rest(&s->lines);

    if (line.n)
        take(q, line);
}

static void ollama_whole(struct nc_http_ask *q, struct nc_str body)
{
    struct state *s = q->state;
    struct nc_buf out = {0};
    uint64_t tokens = 0;

    if (!q->asked.embed) {
        take(q, body);
        return;
    }
    if (nc_ollama_embedded(&out, body, nc_str(q->model), s->base64, &tokens) == NC_OK) {
        q->end.has_usage = true;
        q->end.prompt_tokens = tokens;
        nc_http_ask_raw(q, nc_buf_str(&out));
        q->done = true;
    } else {
        nc_replied_senseless(q);
    }
    nc_buf_fini(&out);
}

static void ollama_close(struct nc_http_ask *q)
{
    struct state *s = q->state;

    nc_replied_close(&s->replied, q);
}

static void ollama_fini(struct nc_http_ask *q)
{
    struct state *s = q->state;

    nc_replied_fini(&s->replied);
    nc_ndjson_fini(&s->lines);
}

/* ---- models ----------------------------------------------------------------------- */

static void list_those(struct nc_http_ask *q, const json_t *root, size_t n, bool embeds)
{
    struct state *s = q->state;
    struct nc_ollama_model m;

    for (size_t i = 0; i < n; i++) {
        size_t at = q->models_n;
        if (!nc_ollama_model(root, i, &m) || m.embeds != embeds)
            continue;
        nc_http_ask_model(q, m.name, 0, m.bytes);
        if (m.digest.n > DIGEST_MAX)
            m.digest.n = DIGEST_MAX;
        if (q->models_n > at)
            s->digests[at] = nc_arena_str(&q->arena, m.digest);
    }
}

/* Those for embeddings last: the first one answers if none is named. */
static bool ollama_listed(struct nc_http_ask *q, const json_t *root)
{
    struct state *s = q->state;
    size_t n = nc_ollama_models(root);

    if (n > NC_HTTP_MODELS)
        n = NC_HTTP_MODELS;
    s->digests = nc_arena_alloc(&q->arena, (n + 1) * sizeof(*s->digests));
    list_those(q, root, n, false);
    list_those(q, root, n, true);
    return json_is_array(json_object_get(root, "models"));
}

static struct known *known_of(struct nc_http_ask *q) { return q->provider->kept; }

static bool recall(struct nc_http_ask *q, size_t at)
{
    const struct state *s = q->state;
    const struct known *k = known_of(q);
    struct nc_str digest = s->digests[at];

    for (size_t i = 0; digest.n && i < KNOWN_MAX; i++)
        if (memcmp(k->models[i].digest, digest.p, digest.n) == 0 &&
            (digest.n == DIGEST_MAX || !k->models[i].digest[digest.n])) {
            q->models[at].context = k->models[i].context;
            return true;
        }
    return false;
}

static void remember(struct nc_http_ask *q, size_t at)
{
    const struct state *s = q->state;
    struct known *k = known_of(q);
    struct nc_str digest = s->digests[at];
    size_t to = k->next++ % KNOWN_MAX;

    if (!digest.n)
        return;
    memset(k->models[to].digest, 0, DIGEST_MAX);
    memcpy(k->models[to].digest, digest.p, digest.n);
    k->models[to].context = q->models[at].context;
}

static bool ollama_more(struct nc_http_ask *q, struct nc_buf *path, struct nc_buf *body)
{
    struct state *s = q->state;

    while (s->next < q->models_n && recall(q, s->next))
        s->next++;
    if (s->next == q->models_n || s->next >= SHOWN_MAX)
        return false;
    nc_buf_adds(path, NC_STR("/api/show"));
    nc_ollama_show(body, q->models[s->next].name);
    return true;
}

static void ollama_told(struct nc_http_ask *q, const json_t *root)
{
    struct state *s = q->state;

    q->models[s->next].context = nc_ollama_context(root);
    if (root)
        remember(q, s->next);
    s->next++;
}

/* ---- opening ---------------------------------------------------------------------- */

static const struct nc_http_wire wire = {
    .auth = "Authorization: Bearer ", /* itself it has no keys, what stands before it may */
    .strip = {"/api/chat", "/api", "/v1", NULL},
    .models = "/api/tags",
    .type = "application/x-ndjson",
    .begins = "{",
    .state = sizeof(struct state),
    .kept = sizeof(struct known),
    .write = ollama_write,
    .data = ollama_data,
    .whole = ollama_whole,
    .rest = ollama_rest,
    .close = ollama_close,
    .fini = ollama_fini,
    .listed = ollama_listed,
    .more = ollama_more,
    .told = ollama_told,
};

static enum nc_err ollama_open(struct nc_provider **out, const struct nc_provider_opts *o)
{
    return nc_http_provider_open(out, o, &wire, &nc_provider_ollama);
}

const struct nc_provider_ops nc_provider_ollama = {
    .kind = "ollama",
    .open = ollama_open,
    .close = nc_http_provider_close,
    .ask = nc_http_provider_ask,
    .stop = nc_http_provider_stop,
    .pause = nc_http_provider_pause,
    .list = nc_http_provider_list,
};
