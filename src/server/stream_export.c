#include "server/stream_export.h"

#include "chat/people/export.h"
#include "chat/people/throttle.h"
#include "server/call.h"

/* A page is far below the first; the second lets the next one be read early. */
enum { QUEUE_MAX = 64 << 20, QUEUE_LOW = 128 << 10 };

/* Lives in the call's arena. */
struct stream {
    struct nc_call *call;
    struct nc_export *export;
    bool begun, reading; /* reading: a page is under way */
};

static void on_page(void *arg, const struct nc_problem *why, struct nc_str piece,
                    bool last);

static void end(struct stream *s)
{
    struct nc_call *call = s->call;

    nc_export_free(s->export);
    call->drained = NULL;
    call->left = NULL;
    nc_call_done(call);
}

static void read_on(struct stream *s)
{
    s->reading = true;
    nc_export_next(s->export, on_page, s);
}

static void on_drained(struct nc_call *call)
{
    struct stream *s = call->owner;

    if (!s->reading)
        read_on(s);
}

static void on_left(struct nc_call *call)
{
    struct stream *s = call->owner;

    if (!s->reading) /* otherwise when the page comes */
        end(s);
}

static void begin(struct stream *s)
{
    static const struct nc_http_header headers[] = {
        {{"Content-Disposition", 19},
         {"attachment; filename=\"neuralchat-export.json\"", 45}},
        {{"Cache-Control", 13}, {"no-store", 8}},
    };

    s->begun = true;
    nc_stream_begin(s->call->req, &(struct nc_answer){.status = 200,
                                                      .type = NC_STR("application/json"),
                                                      .headers = headers,
                                                      .n_headers = NC_COUNT(headers)});
    nc_stream_limit(s->call->req, QUEUE_MAX, QUEUE_LOW);
}

static void fail(struct stream *s, const struct nc_problem *why)
{
    struct nc_call *call = s->call;

    call->drained = NULL;
    call->left = NULL;
    if (s->begun) {
        nc_stream_abort(call->req, "export");
        end(s);
    } else {
        nc_export_free(s->export);
        nc_call_problem(call, why);
    }
}

static void on_page(void *arg, const struct nc_problem *why, struct nc_str piece, bool last)
{
    struct stream *s = arg;
    struct nc_call *call = s->call;

    s->reading = false;
    if (call->gone) {
        end(s);
        return;
    }
    if (why) {
        fail(s, why);
        return;
    }
    if (!s->begun)
        begin(s);
    if (nc_stream_write(call->req, piece) == NC_ELIMIT) {
        fail(s, why);
        return;
    }
    if (last) {
        call->drained = NULL;
        call->left = NULL;
        nc_stream_end(call->req);
        end(s);
    } else if (nc_stream_queued(call->req) <= QUEUE_LOW) {
        read_on(s);
    }
}

void nc_stream_export(struct nc_call *call)
{
    struct nc_problem why;

    if (!nc_rate_take(call->chat, call->actor.user, NC_RATE_HISTORY, &why)) {
        nc_call_problem(call, &why);
        return;
    }
    struct stream *s = nc_arena_alloc(call->arena, sizeof *s);
    s->call = call;
    s->export = nc_export_new(call->chat, call->actor.user);
    call->owner = s;
    call->drained = on_drained;
    call->left = on_left;
    read_on(s);
}
