#include "llm/http_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "llm/fault.h"
#include "net/http_client.h"
#include "wire/openai.h"

#define ERROR_MAX (64u << 10) /* bytes of a refusal that are looked at */
#define MODELS_MAX (4u << 20)
#define STREAM_MAX (256u << 20)
#define AFTER_MAX 16          /* bytes behind a whole answer: ends of lines */
#define TOKENS_MAX 100000000u /* of one answer: who claims more makes sums run over */
#define WHOLE_MS 600000u      /* until the first byte of an answer that isn't streamed */

struct nc_str nc_http_ask_secret(const struct nc_http_ask *q)
{
    return nc_str(q->provider->key);
}

/* ---- the end -------------------------------------------------------------- */

static void fail(struct nc_http_ask *q, enum nc_err e, enum nc_llm_fault fault,
                 const char *why)
{
    if (q->failed)
        return;
    q->failed = true;
    q->error = e;
    q->end.fault = fault;
    snprintf(q->reason, sizeof(q->reason), "%s", why);
}

void nc_http_ask_fail(struct nc_http_ask *q, enum nc_llm_fault fault, const char *why)
{
    fail(q, NC_EIO, fault, why);
}

void nc_http_ask_refused(struct nc_http_ask *q, struct nc_str body, const char *why)
{
    fail(q, NC_EIO, nc_llm_fault_of(q->end.status, body), why);
}

/* Told or about to be: the provider may be closed while the call still winds up. */
static void leave(struct nc_http_ask *q)
{
    if (q->provider)
        nc_loop_deadline(q->provider->loop, &q->patience, 0);
    if (q->provider && q->provider->wire->fini)
        q->provider->wire->fini(q);
    q->provider = NULL;
    nc_list_del(&q->node);
}

static void release(struct nc_http_ask *q)
{
    nc_sse_fini(&q->sse);
    nc_buf_fini(&q->body);
    nc_arena_fini(&q->arena);
    json_decref(q->request);
    free(q->models);
    free(q->state);
    free(q);
}

static uint64_t plausible(uint64_t tokens)
{
    return tokens < TOKENS_MAX ? tokens : TOKENS_MAX;
}

static void tell(struct nc_http_ask *q)
{
    struct nc_llm_ask *a = q->ask;
    struct nc_llm_list *l = q->list;
    struct nc_llm_end *end = &q->end;

    if (!q->stopped && !q->failed && a && q->provider->wire->close)
        q->provider->wire->close(q);
    end->e = q->stopped ? NC_ECLOSED : q->failed ? q->error : NC_OK;
    if (end->e == NC_ECLOSED)
        end->fault = NC_FAULT_NONE;
    end->reason = end->e == NC_ECLOSED ? "" : q->reason;
    end->prompt_tokens = plausible(end->prompt_tokens);
    end->completion_tokens = plausible(end->completion_tokens);
    end->model = nc_str(q->model);
    end->destination = nc_str(q->destination);
    q->ask = NULL;
    q->list = NULL;
    leave(q);
    if (a) {
        a->priv = NULL;
        a->end(a, end);
    } else if (l) {
        l->priv = NULL;
        l->done(l, end, q->models, end->e == NC_OK ? q->models_n : 0);
    }
}

void nc_http_ask_conclude(struct nc_http_ask *q)
{
    tell(q);
    release(q);
}

void nc_http_ask_close(struct nc_http_ask *q)
{
    bool calls = q->call != NULL;

    q->stopped = true;
    nc_loop_undefer(q->provider->loop, &q->refusal);
    if (calls)
        nc_http_call_cancel(q->call);
    tell(q);
    if (!calls)
        release(q); /* otherwise at the call's end */
}

/* ---- how long it may take ------------------------------------------------- */

static unsigned at_least(unsigned ms, unsigned least) { return ms > least ? ms : least; }

static void on_patience(struct nc_deadline *d)
{
    struct nc_http_ask *q = nc_of(d, struct nc_http_ask, patience);

    if (nc_http_ask_over(q))
        return;
    nc_http_call_cancel(q->call);
    if (q->finished) { /* only the stream's own end is missing */
        tell(q);
        return;
    }
    q->end.late = true;
    nc_http_ask_fail(q, NC_FAULT_SERVER,
                     q->heard ? "the AI server stopped in the middle of the answer"
                              : "the AI server did not answer in time");
}

/*
 * The client's own limits are of bytes, and there are servers that send comments, pings
 * and blanks for ever: these are of what is said.  From the head of the answer on; a
 * stream until its next word, anything else until its end.
 */
static void be_patient(struct nc_http_ask *q)
{
    const struct nc_http_provider *p = q->provider;
    unsigned ms = q->heard ? p->idle_ms : p->first_byte_ms;

    if (q->list)
        return; /* has a time for all of it */
    if (q->step != NC_HTTP_ASKING || q->end.status != 200)
        ms = p->idle_ms;
    else if (q->collects)
        ms = at_least(p->first_byte_ms, WHOLE_MS);
    q->patience.fire = on_patience;
    nc_loop_deadline(p->loop, &q->patience, ms);
}

static void hear(struct nc_http_ask *q)
{
    q->heard = true;
    if (!q->collects && q->provider)
        nc_loop_deadline(q->provider->loop, &q->patience, q->provider->idle_ms);
}

void nc_http_ask_pause(struct nc_http_ask *q, bool on)
{
    if (on) {
        nc_loop_deadline(q->provider->loop, &q->patience, 0);
        nc_http_call_pause(q->call);
    } else {
        if (q->end.status)
            be_patient(q);
        nc_http_call_resume(q->call);
    }
}

/* ---- what comes back ------------------------------------------------------ */

/* By the address, not the name: a name may lead anywhere. */
static void note_destination(struct nc_http_ask *q)
{
    struct nc_addr peer = nc_http_call_peer(q->call);
    const char *host = strstr(q->provider->url, "://");
    enum nc_reach reach = *q->provider->proxy ? NC_REACH_PUBLIC : nc_addr_reach(&peer);

    if (peer.kind == NC_ADDR_NONE)
        return;
    host = host ? host + 3 : q->provider->url;
    size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    if (reach == NC_REACH_LOOPBACK)
        snprintf(q->destination, sizeof(q->destination), "%s",
                 nc_destination_name(NC_DEST_THIS_NODE));
    else
        snprintf(
            q->destination, sizeof(q->destination), "%s:%.*s",
            nc_destination_name(reach == NC_REACH_PRIVATE ? NC_DEST_LAN : NC_DEST_CLOUD),
            (int)n, host);
}

static void on_head(void *arg, unsigned status)
{
    struct nc_http_ask *q = arg;

    if (!q->provider)
        return;
    q->end.status = status;
    note_destination(q);
    struct nc_str type = nc_http_call_header(q->call, "Content-Type");
    q->collects = status != 200 || q->step != NC_HTTP_ASKING || !q->streamed;
    q->sniffed = q->collects || nc_str_starts(type, nc_str(q->provider->wire->type));
    if (status != 200)
        q->end.retry_ms =
            nc_llm_retry_ms(nc_http_call_header(q->call, "Retry-After"), nc_wall_ms());
    be_patient(q);
}

enum nc_llm_finish nc_http_ask_finish(enum nc_openai_finish f)
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

void nc_http_ask_text(struct nc_http_ask *q, enum nc_llm_channel c, struct nc_str piece)
{
    if (!piece.n || q->stopped || !q->ask || !q->ask->text)
        return;
    hear(q);
    q->ask->text(q->ask, c, piece);
}

void nc_http_ask_raw(struct nc_http_ask *q, struct nc_str json)
{
    if (q->stopped || !q->ask || !q->ask->raw)
        return;
    hear(q);
    q->ask->raw(q->ask, json);
}

void nc_http_ask_events(struct nc_http_ask *q, struct nc_str piece)
{
    struct nc_sse_event ev;

    while (!nc_http_ask_over(q)) {
        enum nc_err e = nc_sse_next(&q->sse, &piece, &ev);
        if (e == NC_AGAIN)
            return;
        if (e == NC_OK)
            q->provider->wire->event(q, ev.event, ev.data);
        else
            fail(q, NC_ELIMIT, NC_FAULT_SERVER, "the AI server sent a line without end");
    }
}

/* What calls itself something else is a stream all the same if it begins as one. */
static void sniff(struct nc_http_ask *q, struct nc_str piece)
{
    struct nc_str s = nc_str_trim(piece);

    if (s.n == 0)
        return;
    q->sniffed = true;
    q->collects = !strchr(q->provider->wire->begins, s.p[0]);
    be_patient(q);
}

static void collect(struct nc_http_ask *q, struct nc_str piece)
{
    size_t max = q->end.status != 200        ? ERROR_MAX
                 : q->step == NC_HTTP_ASKING ? NC_HTTP_WHOLE_MAX
                                             : MODELS_MAX;

    if (q->body.n + piece.n <= max)
        nc_buf_adds(&q->body, piece);
    else if (q->end.status == 200)
        fail(q, NC_ELIMIT, NC_FAULT_SERVER, "the AI server's answer is too large");
}

static void on_data(void *arg, struct nc_str piece)
{
    struct nc_http_ask *q = arg;

    if (!q->provider && (q->after += piece.n) > AFTER_MAX)
        nc_http_call_cancel(q->call); /* it goes on all the same: it is not heard */
    if (!q->provider || nc_http_ask_over(q))
        return;
    if (!q->sniffed)
        sniff(q, piece);
    if (q->collects)
        collect(q, piece);
    else
        q->provider->wire->data(q, piece);
    if (!q->provider || q->stopped)
        return;
    if (q->failed)
        nc_http_call_cancel(q->call);
    else if (q->done)
        tell(q); /* whole; the rest of the connection's life is not the asker's */
}

static void on_lull(void *arg)
{
    struct nc_http_ask *q = arg;

    if (q->ask && q->ask->lull && !q->stopped)
        q->ask->lull(q->ask);
}

/* ---- the end of an exchange ----------------------------------------------- */

static const struct {
    const char *why;
    enum nc_llm_fault fault;
    const char *words;
    bool late;
} broken[] = {
    {"connect", NC_FAULT_UNREACHABLE, "the AI server can't be reached", false},
    {"resolve", NC_FAULT_UNREACHABLE, "the AI server's name can't be found", false},
    {"url", NC_FAULT_UNREACHABLE, "the AI server's URL can't be used", false},
    {"tls", NC_FAULT_UNREACHABLE, "the AI server's certificate was not accepted", false},
    {"first byte", NC_FAULT_SERVER, "the AI server did not answer in time", true},
    {"total", NC_FAULT_SERVER, "the AI server did not answer in time", true},
    {"idle", NC_FAULT_SERVER, "the AI server stopped in the middle of the answer", true},
    {"broken", NC_FAULT_SERVER, "the connection to the AI server broke off", false},
};

/* The connection failed, or its address was refused. */
static void fail_exchange(struct nc_http_ask *q, enum nc_err e, const char *why)
{
    bool limited = q->ask && q->asked.furthest != NC_DEST_NOWHERE;

    if (e == NC_EACCESS && limited)
        nc_http_ask_fail(q, NC_FAULT_TOO_FAR,
                         "the AI server is farther away than the text may go");
    else if (e == NC_EACCESS)
        nc_http_ask_fail(q, NC_FAULT_UNREACHABLE,
                         "the AI server's address is one that is never connected to");
    for (size_t i = 0; i < NC_COUNT(broken); i++)
        if (why && strcmp(why, broken[i].why) == 0) {
            nc_http_ask_fail(q, broken[i].fault, broken[i].words);
            q->end.late = broken[i].late;
        }
    fail(q, e == NC_ELIMIT ? NC_ELIMIT : NC_EIO, NC_FAULT_SERVER,
         e == NC_ELIMIT ? "the AI server's answer is too large" : "the AI server failed");
}

static void refuse(struct nc_http_ask *q)
{
    struct nc_str body = nc_buf_str(&q->body);
    char why[NC_OPENAI_REASON];

    nc_openai_reason(why, q->end.status, body, nc_http_ask_secret(q));
    nc_http_ask_refused(q, body, why);
    if (q->end.fault == NC_FAULT_MODEL && q->provider->model_found)
        q->provider->model[0] = '\0'; /* it listed others then */
}

static void answered(struct nc_http_ask *q)
{
    const struct nc_http_wire *wire = q->provider->wire;

    if (q->collects)
        wire->whole(q, nc_buf_str(&q->body));
    else if (wire->rest)
        wire->rest(q);
    if (!q->stopped && !q->failed && !q->collects && !q->done && !q->finished)
        nc_http_ask_fail(q, NC_FAULT_SERVER, "the answer broke off");
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct nc_http_ask *q = arg;

    if (q->provider && !*q->destination)
        note_destination(q);
    if (q->provider)
        nc_loop_deadline(q->provider->loop, &q->patience, 0);
    q->call = NULL;
    if (!q->provider) { /* told already */
        release(q);
        return;
    }
    if (e == NC_ECLOSED && !q->failed)
        q->stopped = true;
    if (!q->stopped && q->step == NC_HTTP_TELLING) {
        nc_http_ask_told(q, e == NC_OK && q->end.status == 200);
        return;
    }
    if (!q->stopped && e != NC_OK)
        fail_exchange(q, e, why);
    else if (!q->stopped && !q->failed && q->end.status != 200)
        refuse(q);
    if (!q->stopped && !q->failed && q->step == NC_HTTP_LISTING) {
        nc_http_ask_listed(q);
        return;
    }
    if (!q->stopped && !q->failed)
        answered(q);
    nc_http_ask_conclude(q);
}

/* ---- asking --------------------------------------------------------------- */

static unsigned reach_of(enum nc_destination furthest)
{
    switch (furthest) {
    case NC_DEST_NOWHERE: return 0; /* the client's own limit */
    case NC_DEST_THIS_NODE:
    case NC_DEST_OWN_NODE:
    case NC_DEST_OWN_WORKER: return NC_REACH_LOOPBACK;
    case NC_DEST_LAN: return NC_REACH_LOOPBACK | NC_REACH_PRIVATE;
    case NC_DEST_CLOUD: return NC_REACH_LOOPBACK | NC_REACH_PRIVATE | NC_REACH_PUBLIC;
    }
    return NC_REACH_LOOPBACK;
}

void nc_http_ask_start(struct nc_http_ask *q, const char *path, struct nc_str body)
{
    static const struct nc_http_call_ops ops = {on_head, on_data, on_end, on_lull};
    struct nc_http_provider *p = q->provider;
    struct nc_buf url = {0}, auth = {0}, node = {0};
    const char *headers[6] = {"Accept: text/event-stream, application/json",
                              "Content-Type: application/json"};
    uint64_t now = nc_loop_now_ms(p->loop);
    unsigned n = 2;

    nc_buf_adds(&url, nc_str(p->url));
    if (nc_str_starts(nc_str(path), NC_STR("/../"))) {
        while (url.n && url.p[url.n - 1] != '/')
            url.n--;
        path += sizeof("/../") - 1;
    }
    nc_buf_printf(&url, "%s%c", path, 0);
    nc_buf_printf(&node, "X-NeuralChat-Node: %.*s%s%s%c", NC_FMT(q->asked.via),
                  q->asked.via.n ? ", " : "", p->node, 0);
    headers[n++] = node.p;
    if (*p->key) {
        nc_buf_printf(&auth, "%s%s%c", p->wire->auth, p->key, 0);
        headers[n++] = auth.p;
    }
    if (p->wire->header)
        headers[n++] = p->wire->header;
    q->end.status = 0;
    nc_loop_deadline(p->loop, &q->patience, 0);
    q->collects = q->sniffed = true; /* until the head says otherwise */
    nc_buf_clear(&q->body);
    q->call = nc_http_call_start(
        p->http,
        &(struct nc_http_call_opts){
            .method = body.n ? "POST" : "GET",
            .url = url.p,
            .headers = headers,
            .body = body,
            .proxy = *p->proxy ? p->proxy : NULL,
            .reach = *p->proxy ? 0 : reach_of(q->asked.furthest),
            .connect_ms = p->connect_ms,
            .first_byte_ms =
                q->streamed ? p->first_byte_ms : at_least(p->first_byte_ms, WHOLE_MS),
            .idle_ms = at_least(p->idle_ms, p->first_byte_ms), /* the rest: be_patient() */
            .total_ms = q->ends_at > now ? (unsigned)(q->ends_at - now) : 1,
            .max_bytes = STREAM_MAX,
        },
        &ops, q);
    if (auth.p)
        nc_wipe(auth.p, auth.n);
    nc_buf_fini(&auth);
    nc_buf_fini(&node);
    nc_buf_fini(&url);
}
