#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/live/hub.h"
#include "server/live.h"
#include "server/server.h"
#include "wire/sse.h"

enum {
    COMMENT_MS = 15000,
    COMMENTS_PER_CURSOR = 4, /* a quiet stream gets its cursor every 60 s */
    RETRY_MS = 2000,
};

struct stream {
    struct nc_listener l;
    struct nc_call *call;
    struct nc_deadline deadline; /* the next comment */
    unsigned quiet;              /* comments since the last event */
    bool overflowed;
};

static struct nc_hub *hub_of(const struct stream *s) { return s->call->chat->hub; }

static void stream_free(struct stream *s)
{
    struct nc_call *call = s->call;

    nc_hub_detach(hub_of(s), &s->l);
    nc_loop_deadline(call->srv->loop, &s->deadline, 0);
    call->left = call->drained = NULL;
    nc_call_done(call);
    free(s);
}

static void send_blobs(struct stream *s, struct nc_blob *const *v, unsigned n)
{
    if (nc_stream_blobs(s->call->req, v, n) == NC_ELIMIT)
        s->overflowed = true;
}

/* ---- what the hub calls -------------------------------------------------- */

static void on_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    struct stream *s = nc_of(l, struct stream, l);

    s->quiet = 0;
    send_blobs(s, frames, n);
}

static size_t on_queued(struct nc_listener *l)
{
    struct stream *s = nc_of(l, struct stream, l);
    return s->overflowed ? SIZE_MAX : nc_stream_queued(s->call->req);
}

/* The client comes again with its last id, and hears then what is the matter. */
static void on_end(struct nc_listener *l, unsigned code, const char *reason)
{
    struct stream *s = nc_of(l, struct stream, l);

    s->call->left = s->call->drained = NULL;
    if (code == 4408)
        nc_stream_abort(s->call->req, reason);
    else
        nc_stream_end(s->call->req);
    stream_free(s);
}

/* {"type":…,"cursor":…} with the cursor as id. */
static void write_cursor(struct stream *s, struct nc_buf *out, const char *type)
{
    struct nc_buf cursor = {0}, json = {0};

    nc_hub_cursor(hub_of(s), &s->l, &cursor);
    nc_buf_printf(&json, "{\"type\":\"%s\",\"cursor\":\"%.*s\"}", type,
                  NC_FMT(nc_buf_str(&cursor)));
    nc_sse_write(out, nc_buf_str(&cursor), nc_str(type), nc_buf_str(&json));
    nc_buf_fini(&cursor);
    nc_buf_fini(&json);
}

static void write_buf(struct stream *s, struct nc_buf *b)
{
    if (nc_stream_write(s->call->req, nc_buf_str(b)) == NC_ELIMIT)
        s->overflowed = true;
    nc_buf_fini(b);
}

static void on_resync(struct nc_listener *l)
{
    struct stream *s = nc_of(l, struct stream, l);
    struct nc_buf b = {0};

    write_cursor(s, &b, "resync");
    write_buf(s, &b);
}

static const struct nc_listener_ops listener_ops = {
    .deliver = on_deliver,
    .queued = on_queued,
    .end = on_end,
    .resync = on_resync,
};

/* ---- time ---------------------------------------------------------------- */

static bool is_over(const struct stream *s)
{
    uint64_t expires = s->call->auth.expires_ms;
    return expires && expires <= nc_wall_ms();
}

static void set_deadline(struct stream *s)
{
    uint64_t ms = COMMENT_MS, expires = s->call->auth.expires_ms, now = nc_wall_ms();

    if (expires && expires < now + ms)
        ms = expires > now ? expires - now : 1;
    nc_loop_deadline(s->call->srv->loop, &s->deadline, ms);
}

static void on_deadline(struct nc_deadline *d)
{
    struct stream *s = nc_of(d, struct stream, deadline);
    struct nc_buf b = {0};

    if (is_over(s)) {
        nc_hub_detach(hub_of(s), &s->l);
        on_end(&s->l, 4401, "token_expired");
        return;
    }
    if (++s->quiet % COMMENTS_PER_CURSOR == 0)
        write_cursor(s, &b, "cursor");
    else
        nc_sse_write_comment(&b, NC_STR(""));
    write_buf(s, &b);
    set_deadline(s);
}

/* ---- life ---------------------------------------------------------------- */

static void on_drained(struct nc_call *call)
{
    struct stream *s = call->owner;
    nc_hub_drained(hub_of(s), &s->l);
}

static void on_left(struct nc_call *call) { stream_free(call->owner); }

static void begin(struct stream *s)
{
    static const struct nc_http_header more[] = {
        {{"Cache-Control", 13}, {"no-store", 8}},
        {{"X-Accel-Buffering", 17}, {"no", 2}}, /* nginx: don't hold it back */
    };
    struct nc_call *call = s->call;
    struct nc_http_header headers[NC_COUNT(call->extra) + NC_COUNT(more)];
    struct nc_buf b = {0}, cursor = {0};

    memcpy(headers, call->extra, call->extra_n * sizeof headers[0]);
    memcpy(headers + call->extra_n, more, sizeof more);
    nc_stream_begin(call->req,
                    &(struct nc_answer){.status = 200,
                                        .type = NC_STR("text/event-stream"),
                                        .headers = headers,
                                        .n_headers = call->extra_n + NC_COUNT(more)});
    nc_stream_limit(call->req, (uint32_t)call->srv->cfg->queue_max, 0);
    /* An id without data is no event, yet what the client comes back with. */
    nc_hub_cursor(hub_of(s), &s->l, &cursor);
    nc_sse_write_retry(&b, RETRY_MS);
    nc_buf_printf(&b, "id: %.*s\n\n", NC_FMT(nc_buf_str(&cursor)));
    nc_buf_fini(&cursor);
    write_buf(s, &b);
}

void nc_live_sse(struct nc_call *call)
{
    struct nc_str last = nc_http_get(call->req->head, "Last-Event-ID"), since;
    bool found;

    if (call->req->head->method == NC_HTTP_HEAD) {
        nc_call_text(call, 200, NC_STR("text/event-stream"), NC_STR(""));
        return;
    }
    if (!call->actor.user) { /* the admin socket is nobody's stream */
        nc_call_fail(call, NC_P_UNAUTHORIZED, "this takes an access token or a key");
        return;
    }
    since = last.n ? last : nc_call_query(call, "since", &found);
    struct stream *s = nc_alloc(sizeof *s);
    s->call = call;
    s->l = (struct nc_listener){.ops = &listener_ops,
                                .user = call->actor.user,
                                .session = call->auth.ends_with,
                                .encoding = NC_ENC_SSE,
                                .wants_online = true};
    s->deadline.fire = on_deadline;
    enum nc_err e = nc_hub_attach(hub_of(s), &s->l, last.n || found ? &since : NULL);
    if (e != NC_OK) {
        free(s);
        nc_live_refuse(call, e);
        return;
    }
    call->owner = s;
    call->drained = on_drained;
    call->left = on_left;
    begin(s);
    set_deadline(s);
}
