#include "server/v1_answer.h"

#include <stdlib.h>
#include <string.h>

#include "ai/direct.h"
#include "server/hops.h"
#include "server/server.h"
#include "wire/openai_server.h"
#include "wire/sse.h"

enum {
    BEAT_MS = 15000, /* proxies give up on a line that is silent for longer */
    QUEUE_HIGH = 256 << 10,
    QUEUE_LOW = 64 << 10,
    QUEUE_MAX = 4 << 20, /* of a client whose provider can't be made to wait */
    PIECE_MAX = 64 << 10,
};

/* One question.  `out` holds what came in this turn, or the whole answer. */
struct asked {
    struct nc_direct direct;
    struct nc_call *call;
    struct nc_task flush;
    struct nc_deadline beat;
    struct nc_buf out;
    bool stream, embed, with_usage;
    bool begun;  /* the head is out */
    bool paused; /* the upstream waits for this client */
};

static struct nc_loop *loop_of(const struct asked *a) { return a->call->srv->loop; }

static void rest(struct asked *a)
{
    nc_loop_undefer(loop_of(a), &a->flush);
    nc_loop_deadline(loop_of(a), &a->beat, 0);
}

/* The call is on its own again. */
static struct nc_call *part(struct asked *a)
{
    struct nc_call *call = a->call;

    rest(a);
    nc_buf_fini(&a->out);
    call->left = call->drained = NULL;
    free(a);
    return call;
}

/* ---- a stream ------------------------------------------------------------- */

static void begin(struct asked *a)
{
    static const struct nc_http_header more[] = {
        {{"Cache-Control", 13}, {"no-store", 8}},
        {{"X-Accel-Buffering", 17}, {"no", 2}}, /* nginx: don't hold it back */
    };
    struct nc_call *call = a->call;
    struct nc_http_header headers[NC_COUNT(call->extra) + NC_COUNT(more)];

    memcpy(headers, call->extra, call->extra_n * sizeof headers[0]);
    memcpy(headers + call->extra_n, more, sizeof more);
    nc_stream_begin(call->req,
                    &(struct nc_answer){.status = 200,
                                        .type = NC_STR("text/event-stream; charset=utf-8"),
                                        .headers = headers,
                                        .n_headers = call->extra_n + NC_COUNT(more)});
    nc_stream_limit(call->req, QUEUE_MAX, QUEUE_LOW);
    a->begun = true;
}

/* What came in this turn, in one write. */
static void flush(struct asked *a)
{
    struct nc_call *call = a->call;

    if (!call->req || !a->out.n)
        return;
    if (!a->begun)
        begin(a);
    enum nc_err e = nc_stream_write(call->req, nc_buf_str(&a->out));
    nc_buf_fini(&a->out); /* between two pieces a stream holds nothing */
    nc_loop_deadline(loop_of(a), &a->beat, BEAT_MS);
    if (e == NC_ELIMIT)
        nc_stream_abort(call->req, "slow reader");
    else if (!a->paused && nc_stream_queued(call->req) > QUEUE_HIGH)
        a->paused = nc_direct_pause(&a->direct, true);
}

static void on_flush(struct nc_task *t) { flush(nc_of(t, struct asked, flush)); }

static void on_drained(struct nc_call *call)
{
    struct asked *a = call->owner;

    if (a->paused) {
        a->paused = false;
        nc_direct_pause(&a->direct, false);
    }
}

static void on_beat(struct nc_deadline *d)
{
    struct asked *a = nc_of(d, struct asked, beat);

    nc_sse_write_comment(&a->out, NC_STR("keep-alive"));
    flush(a);
}

static void add(struct asked *a, struct nc_str json)
{
    nc_buf_reserve(&a->out, json.n + 16);
    if (memchr(json.p, '\n', json.n) || memchr(json.p, '\r', json.n)) {
        nc_sse_write(&a->out, NC_STR(""), NC_STR(""), json);
    } else {
        nc_buf_adds(&a->out, NC_STR("data: "));
        nc_buf_adds(&a->out, json);
        nc_buf_adds(&a->out, NC_STR("\n\n"));
    }
    if (a->out.n > PIECE_MAX)
        flush(a);
    else
        nc_loop_defer(loop_of(a), &a->flush);
}

static int on_dump(const char *p, size_t n, void *arg)
{
    nc_buf_add(arg, p, n);
    return 0;
}

/* A chunk that has usage, for a client that did not ask for it: what else is in it. */
static void add_without_usage(struct asked *a, struct nc_str json)
{
    json_t *root = json_loadb(json.p, json.n, JSON_ALLOW_NUL, NULL);
    struct nc_buf rest = {0};

    json_object_del(root, "usage");
    if (json_array_size(json_object_get(root, "choices"))) {
        json_dump_callback(root, on_dump, &rest, JSON_COMPACT | JSON_REAL_PRECISION(15));
        add(a, nc_buf_str(&rest));
    }
    nc_buf_fini(&rest);
    json_decref(root);
}

/* A member of that name with an object in it: in a string its quotes would have
 * backslashes.  (`"usage":null` is in every chunk of some servers, and harms nobody.) */
static bool has_usage(struct nc_str json)
{
    static const char name[] = "\"usage\"";
    const char *p = json.p, *end = json.p + json.n;

    while ((p = memmem(p, (size_t)(end - p), name, sizeof name - 1))) {
        bool colon = false;
        for (p += sizeof name - 1; p < end && (*p == ' ' || (*p == ':' && !colon)); p++)
            colon = colon || *p == ':';
        if (colon && p < end && *p == '{')
            return true;
    }
    return false;
}

/* ---- what the model says -------------------------------------------------- */

static void on_raw(struct nc_direct *d, struct nc_str json)
{
    struct asked *a = nc_of(d, struct asked, direct);

    if (!a->call->req)
        return;
    if (!a->stream)
        nc_buf_adds(&a->out, json);
    else if (!a->with_usage && has_usage(json))
        add_without_usage(a, json);
    else
        add(a, json);
}

/* Sooner than at the turn's end, while all of it is at hand. */
static void on_lull(struct nc_direct *d)
{
    struct asked *a = nc_of(d, struct asked, direct);

    if (!a->stream)
        return;
    nc_loop_undefer(loop_of(a), &a->flush);
    flush(a);
}

/* Not the client's doing and not ours: what the server upstream says, and its status. */
static void explain(struct nc_call *call, const struct nc_llm_end *end,
                    struct nc_problem *why)
{
    static const struct {
        enum nc_problem_code code;
        const char *word, *param;
    } faults[] = {
        [NC_FAULT_NONE] = {NC_P_BAD_GATEWAY, NULL, NULL},
        [NC_FAULT_UNREACHABLE] = {NC_P_BAD_GATEWAY, NULL, NULL},
        [NC_FAULT_BUSY] = {NC_P_BUSY, NULL, NULL},
        [NC_FAULT_SERVER] = {NC_P_BAD_GATEWAY, NULL, NULL},
        [NC_FAULT_REQUEST] = {NC_P_BAD_REQUEST, NULL, NULL},
        [NC_FAULT_MODEL] = {NC_P_NOT_FOUND, "model_not_found", "model"},
        [NC_FAULT_CONTEXT] = {NC_P_BAD_REQUEST, "context_length_exceeded", "messages"},
        [NC_FAULT_KEY] = {NC_P_BAD_GATEWAY, NULL, NULL},
        [NC_FAULT_TOO_FAR] = {NC_P_FORBIDDEN, NULL, NULL},
        [NC_FAULT_LOOP] = {NC_P_LOOP, NULL, NULL},
    };
    enum nc_problem_code code = faults[end->fault].code;

    if (end->fault == NC_FAULT_BUSY && end->status == 429)
        code = NC_P_RATE_LIMITED;
    if (end->late || (end->fault == NC_FAULT_SERVER && end->status == 504))
        code = NC_P_GATEWAY_TIMEOUT;
    if (end->e == NC_ECLOSED)
        code = NC_P_UNAVAILABLE;
    nc_problem_set(why, code, "%s", end->e == NC_ECLOSED ? NC_SOURCE_CLOSED : end->reason);
    if (end->retry_ms && why->retry_after_s)
        why->retry_after_s = (end->retry_ms + 999) / 1000;
    call->openai_code = faults[end->fault].word;
    call->openai_param = faults[end->fault].param;
}

/* Why it was never asked, in OpenAI's words. */
static void explain_refusal(struct nc_call *call, const struct nc_problem *why)
{
    if (why->code == NC_P_RATE_LIMITED) {
        call->openai_code = "insufficient_quota";
    } else if (why->code == NC_P_NOT_FOUND) {
        call->openai_code = "model_not_found";
        call->openai_param = "model";
    }
}

static void end_stream(struct asked *a)
{
    flush(a);
    if (a->call->req)
        nc_stream_end(a->call->req);
    nc_call_done(part(a));
}

static void fail(struct asked *a, const struct nc_problem *why)
{
    struct nc_call *call = a->call;
    struct nc_buf error = {0};

    if (!a->begun) {
        struct nc_problem kept = *why; /* it may be in what goes now */
        nc_call_problem(part(a), &kept);
        return;
    }
    struct nc_problem said = *why;
    said.russian = nc_call_russian(call);
    nc_openai_error(&error, &said, call->openai_param, call->openai_code);
    add(a, nc_buf_str(&error));
    nc_buf_fini(&error);
    end_stream(a);
}

static void answer(struct asked *a)
{
    struct nc_buf whole = a->out, packed = {0};
    const json_t *v = json_object_get(a->call->body, "encoding_format");
    const char *format = json_string_value(v);
    bool pack = a->embed && format && strcmp(format, "base64") == 0;

    a->out = (struct nc_buf){0};
    if (pack && nc_openai_pack_embeddings(nc_buf_str(&whole), &packed))
        nc_call_json(part(a), 200, nc_buf_str(&packed));
    else
        nc_call_json(part(a), 200, nc_buf_str(&whole));
    nc_buf_fini(&whole);
    nc_buf_fini(&packed);
}

static void on_end(struct nc_direct *d, const struct nc_problem *no,
                   const struct nc_llm_end *end)
{
    struct asked *a = nc_of(d, struct asked, direct);
    struct nc_call *call = a->call;
    struct nc_problem why;

    if (call->gone) {
        nc_call_done(part(a));
    } else if (no) {
        explain_refusal(call, no);
        fail(a, no);
    } else if (end->e != NC_OK) {
        explain(call, end, &why);
        fail(a, &why);
    } else if (a->stream) {
        add(a, NC_STR("[DONE]"));
        end_stream(a);
    } else {
        answer(a);
    }
}

static void on_left(struct nc_call *call)
{
    struct asked *a = call->owner;

    rest(a);
    nc_direct_stop(&a->direct);
}

void nc_v1_ask(struct nc_call *call, bool embed)
{
    struct asked *a = nc_alloc(sizeof *a);
    const json_t *options = json_object_get(call->body, "stream_options");

    *a = (struct asked){
        .direct = {.request = call->body,
                   .embed = embed,
                   .via = nc_hops_via(call),
                   .user = call->actor.user->a.id,
                   .auth = &call->auth,
                   .raw = on_raw,
                   .lull = on_lull,
                   .end = on_end},
        .call = call,
        .flush = {.run = on_flush},
        .beat = {.fire = on_beat},
        .stream = !embed && json_is_true(json_object_get(call->body, "stream")),
        .embed = embed,
        .with_usage = json_is_true(json_object_get(options, "include_usage")),
    };
    nc_req_forget_body(call->req);
    call->owner = a;
    call->left = on_left;
    call->drained = on_drained;
    if (a->stream)
        nc_loop_deadline(loop_of(a), &a->beat, BEAT_MS);
    nc_direct_ask(call->srv->ai, &a->direct);
}
