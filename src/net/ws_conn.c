#include "net/ws_conn.h"

#include <string.h>

#include "base/entropy.h"

#define PING_MS 45000
/* After a ping, shorter: silence is suspicious now. */
#define PONG_MS 15000
#define PINGS_MISSED_MAX 2
#define CLOSE_MS 2000
/* Shorter messages don't shrink, longer ones would hold up the loop. */
#define DEFLATE_MIN 128
#define DEFLATE_MAX (64u << 10)
#define CODE_ABNORMAL 1006
#define CODE_LARGE 1009
/* Bytes of messages in a row: a small frame may inflate to a thousand times its size. */
#define TURN_BYTES (256u << 10)

static struct nc_loop *loop_of(const struct nc_ws *w) { return nc_conn_loop(w->conn); }

/* --- sending --- */

/* A frame is sent whole or not at all, so that frames never mix. */
static enum nc_err send_frame(struct nc_ws *w, enum nc_ws_op op, bool deflated,
                              struct nc_str payload)
{
    struct nc_buf masked = {0};
    struct nc_ws_opts o = {.op = op, .deflated = deflated};
    char head[NC_WS_HEAD_MAX];
    uint8_t mask[4];

    if (w->in.role == NC_WS_SERVER) {
        size_t n = nc_ws_write_head(head, &o, payload.n);
        struct nc_str v[] = {{head, n}, payload};
        return nc_conn_send(w->conn, v, 2);
    }
    nc_entropy(mask, sizeof(mask));
    o.mask = mask;
    nc_ws_write(&masked, &o, payload);
    struct nc_str all = nc_buf_str(&masked);
    enum nc_err e = nc_conn_send(w->conn, &all, 1);
    nc_buf_fini(&masked);
    return e;
}

static enum nc_err send_data(struct nc_ws *w, enum nc_ws_op op, struct nc_str data)
{
    struct nc_buf small = {0};
    enum nc_err e;

    if (!w->conn || w->closing)
        return NC_ECLOSED;
    if (w->out_bits && data.n >= DEFLATE_MIN && data.n <= DEFLATE_MAX &&
        nc_ws_deflate_run(&small, data, w->out_bits) == NC_OK)
        e = send_frame(w, op, true, nc_buf_str(&small));
    else
        e = send_frame(w, op, false, data);
    nc_buf_fini(&small);
    return e;
}

enum nc_err nc_ws_send_text(struct nc_ws *w, struct nc_str text)
{
    return send_data(w, NC_WS_TEXT, text);
}

enum nc_err nc_ws_send_binary(struct nc_ws *w, struct nc_str data)
{
    return send_data(w, NC_WS_BINARY, data);
}

enum nc_err nc_ws_send_blobs(struct nc_ws *w, struct nc_blob *const *v, unsigned n)
{
    if (!w->conn || w->closing)
        return NC_ECLOSED;
    return nc_conn_send_blobs(w->conn, v, n);
}

enum nc_err nc_ws_ping(struct nc_ws *w)
{
    if (!w->conn || w->closing)
        return NC_ECLOSED;
    return send_frame(w, NC_WS_PING, false, NC_STR(""));
}

size_t nc_ws_queued(const struct nc_ws *w) { return w->conn ? nc_conn_queued(w->conn) : 0; }

/* --- closing --- */

static void send_close(struct nc_ws *w, unsigned code, struct nc_str reason)
{
    struct nc_buf frame = {0};
    uint8_t mask[4];

    nc_entropy(mask, sizeof(mask));
    nc_ws_write_close(&frame, code, reason, w->in.role == NC_WS_CLIENT ? mask : NULL);
    struct nc_str v = nc_buf_str(&frame);
    /* The last frame finds room where others would not. */
    nc_conn_limit(w->conn, UINT32_MAX / 4, NC_CONN_QUEUE_LOW);
    nc_conn_send(w->conn, &v, 1);
    nc_buf_fini(&frame);
    w->closing = w->in.deaf = true;
}

void nc_ws_close(struct nc_ws *w, unsigned code, const char *reason)
{
    if (!w->conn || w->closing)
        return;
    if (w->dialling) {
        nc_conn_abort(w->conn, "closed before open");
        return;
    }
    w->close_code = (uint16_t)code;
    send_close(w, code, nc_str(reason));
    if (w->paused)
        nc_ws_resume(w); /* or the peer's answer would not be read */
    nc_loop_deadline(loop_of(w), &w->deadline, CLOSE_MS);
}

void nc_ws_abort(struct nc_ws *w, const char *why)
{
    if (w->conn)
        nc_conn_abort(w->conn, why);
}

/* The peer's close frame: answer it, unless it is the answer; then end. */
static void on_close_frame(struct nc_ws *w, const struct nc_ws_event *ev)
{
    if (!w->closing) {
        w->close_code = ev->code;
        /* 1005 says there was no code; it is never sent. */
        send_close(w, nc_ws_close_valid(ev->code) ? ev->code : 0, NC_STR(""));
    }
    nc_conn_close(w->conn, "closed");
}

static void on_failed(struct nc_ws *w, const struct nc_ws_event *ev)
{
    if (!w->closing) {
        w->close_code = ev->code;
        w->violated = true;
        send_close(w, ev->code, ev->data);
    }
    nc_conn_close(w->conn,
                  ev->code == CODE_LARGE ? "message too large" : "protocol violated");
}

/* --- input --- */

static bool handle(struct nc_ws *w, enum nc_ws_what what, const struct nc_ws_event *ev)
{
    switch (what) {
    case NC_WS_MORE: return false;
    case NC_WS_GOT_MESSAGE:
        if (!w->closing)
            w->ops->message(w, ev->op, ev->data);
        break;
    case NC_WS_GOT_PING:
        if (!w->closing) /* a peer that takes no pongs gets none: the queue's limit */
            send_frame(w, NC_WS_PONG, false, ev->data);
        break;
    case NC_WS_GOT_PONG: break;
    case NC_WS_GOT_CLOSE: on_close_frame(w, ev); break;
    case NC_WS_FAILED: on_failed(w, ev); break;
    }
    return !w->paused && nc_conn_is_open(w->conn);
}

static size_t on_data(void *owner, char *p, size_t n)
{
    struct nc_ws *w = owner;
    size_t had = n;
    struct nc_ws_event ev;

    if (w->paused)
        return 0;
    if (!w->closing) {
        w->missed = 0;
        nc_loop_deadline(loop_of(w), &w->deadline, w->ping_ms);
    }
    for (size_t handed = 0; handle(w, nc_ws_next(&w->in, &p, &n, &ev), &ev);) {
        handed += ev.data.n;
        if (handed > TURN_BYTES && n) {
            nc_conn_yield(w->conn);
            break;
        }
    }
    return had - n;
}

static void on_drained(void *owner)
{
    struct nc_ws *w = owner;

    if (w->ops->drained && !w->closing)
        w->ops->drained(w);
}

void nc_ws_pause(struct nc_ws *w)
{
    w->paused = true;
    if (w->conn)
        nc_conn_pause(w->conn);
}

void nc_ws_resume(struct nc_ws *w)
{
    w->paused = false;
    if (w->conn)
        nc_conn_resume(w->conn);
}

/* --- time --- */

static void on_deadline(struct nc_deadline *d)
{
    struct nc_ws *w = nc_of(d, struct nc_ws, deadline);

    if (w->closing) {
        /* Who does not even take what is queued is not waited for. */
        if (nc_conn_queued(w->conn) > 0)
            nc_conn_abort(w->conn, "close not answered");
        else
            nc_conn_close(w->conn, "close not answered");
        return;
    }
    if (w->paused) { /* we don't listen, so silence says nothing */
        nc_loop_deadline(loop_of(w), d, w->ping_ms);
        return;
    }
    if (w->missed == PINGS_MISSED_MAX) {
        nc_conn_abort(w->conn, "silent");
        return;
    }
    w->missed++;
    nc_ws_ping(w);
    nc_loop_deadline(loop_of(w), d, w->ping_ms < PONG_MS ? w->ping_ms : PONG_MS);
}

/* --- life --- */

static void on_gone(void *owner, const char *why)
{
    struct nc_ws *w = owner;

    nc_loop_deadline(loop_of(w), &w->deadline, 0);
    nc_ws_fini(&w->in);
    w->conn = NULL;
    w->ops->gone(w, w->close_code ? w->close_code : CODE_ABNORMAL, why);
}

static const struct nc_conn_ops conn_ops = {
    .data = on_data, .drained = on_drained, .gone = on_gone};

void nc_ws_begin(struct nc_ws *w, struct nc_conn *c, const struct nc_ws_start *s,
                 const struct nc_ws_ops *ops)
{
    *w = (struct nc_ws){
        .conn = c,
        .ops = ops,
        .deadline.fire = on_deadline,
        .ping_ms = s->ping_ms ? s->ping_ms : PING_MS,
        .in = {.role = s->role, .deflate = s->deflate.on, .limit = s->message_max},
    };
    if (s->deflate.on)
        w->out_bits =
            s->role == NC_WS_SERVER ? s->deflate.server_bits : s->deflate.client_bits;
    nc_conn_own(c, &conn_ops, w);
    nc_loop_deadline(loop_of(w), &w->deadline, w->ping_ms);
}
