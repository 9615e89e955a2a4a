#include "wire/ws.h"

#include <stdlib.h>
#include <string.h>

#include "wire/ws_deflate.h"

/* A message of a million empty fragments costs no memory, but it costs time. */
#define FRAGMENTS_MAX 131072

enum { PART_MAX = 125 }; /* a control payload, the longer of the two */

static uint8_t *part_of(struct nc_ws_in *w)
{
    if (!w->part)
        w->part = nc_alloc(PART_MAX);
    return w->part;
}

static bool control(const struct nc_ws_in *w) { return w->head.opcode & 8; }

static enum nc_ws_what fail(struct nc_ws_in *w, struct nc_ws_event *ev, unsigned code,
                            const char *why)
{
    w->over = true;
    nc_buf_fini(&w->msg);
    ev->op = NC_WS_CLOSE;
    ev->code = (uint16_t)code;
    ev->data = nc_str(why);
    return NC_WS_FAILED;
}

static void advance(char **p, size_t *n, size_t used)
{
    *p += used;
    *n -= used;
}

/* What the message under way, if any, allows this frame to be (5.4). */
static const char *against(const struct nc_ws_in *w)
{
    const struct nc_ws_head *h = &w->head;
    bool first = h->opcode == NC_WS_TEXT || h->opcode == NC_WS_BINARY;

    if (h->rsv1 && !(w->deflate && first))
        return "RSV1 without meaning";
    if (first && w->opcode)
        return "a new message inside another";
    if (h->opcode == NC_WS_CONT && !w->opcode)
        return "a continuation of nothing";
    return NULL;
}

/* Heads may come byte by byte; then they gather in w->part. */
static enum nc_ws_what read_head(struct nc_ws_in *w, char **p, size_t *n,
                                 struct nc_ws_event *ev)
{
    struct nc_str in = {*p, *n};
    size_t had = w->n_part;

    if (had) {
        size_t take = NC_WS_HEAD_MAX - had < *n ? NC_WS_HEAD_MAX - had : *n;
        memcpy(part_of(w) + had, *p, take);
        in = (struct nc_str){(char *)w->part, had + take};
    }
    switch (nc_ws_head(&w->head, in, w->role, w->limit - w->msg.n)) {
    case NC_OK: break;
    case NC_AGAIN:
        if (!had)
            memcpy(part_of(w), *p, *n);
        w->n_part = (uint8_t)in.n;
        advance(p, n, *n);
        return NC_WS_MORE;
    case NC_ELIMIT: return fail(w, ev, 1009, "message too big");
    default: return fail(w, ev, 1002, "malformed frame");
    }
    advance(p, n, w->head.size - had);
    w->n_part = 0;

    const char *why = against(w);
    if (why)
        return fail(w, ev, 1002, why);
    if (!control(w)) {
        if (w->head.opcode != NC_WS_CONT) {
            w->opcode = w->head.opcode;
            w->deflated = w->head.rsv1;
            w->fragments = 0;
            w->utf8 = (struct nc_utf8){0};
        }
        if (++w->fragments > FRAGMENTS_MAX)
            return fail(w, ev, 1009, "too many fragments");
    }
    w->in_frame = true;
    w->got = 0;
    return NC_WS_MORE;
}

static enum nc_ws_what got_close(struct nc_ws_in *w, struct nc_str body,
                                 struct nc_ws_event *ev)
{
    if (body.n == 1)
        return fail(w, ev, 1002, "malformed close");
    ev->code = 1005;
    if (body.n) {
        ev->code = (uint16_t)((uint8_t)body.p[0] << 8 | (uint8_t)body.p[1]);
        ev->data = (struct nc_str){body.p + 2, body.n - 2};
        if (!nc_ws_close_valid(ev->code))
            return fail(w, ev, 1002, "invalid close code");
        if (!nc_utf8_valid(ev->data))
            return fail(w, ev, 1007, "invalid UTF-8");
    }
    w->over = true;
    return NC_WS_GOT_CLOSE;
}

static enum nc_ws_what read_control(struct nc_ws_in *w, char **p, size_t *n,
                                    struct nc_ws_event *ev)
{
    size_t want = (size_t)w->head.payload - w->n_part;
    size_t take = want < *n ? want : *n;
    struct nc_str body = {*p, take};

    nc_ws_mask(*p, take, w->head.mask, w->n_part);
    if (take < w->head.payload) {
        memcpy(part_of(w) + w->n_part, *p, take);
        w->n_part = (uint8_t)(w->n_part + take);
        body = (struct nc_str){(char *)w->part, w->n_part};
    }
    advance(p, n, take);
    if (take < want)
        return NC_WS_MORE;

    w->in_frame = false;
    w->n_part = 0;
    ev->op = (enum nc_ws_op)w->head.opcode;
    ev->data = body;
    if (ev->op == NC_WS_CLOSE) {
        ev->data = (struct nc_str){NULL, 0};
        return got_close(w, body, ev);
    }
    return ev->op == NC_WS_PING ? NC_WS_GOT_PING : NC_WS_GOT_PONG;
}

/* The message is complete: `body` is it, in the input or in w->msg. */
static enum nc_ws_what finish(struct nc_ws_in *w, struct nc_str body,
                              struct nc_ws_event *ev)
{
    enum nc_ws_op op = (enum nc_ws_op)w->opcode;

    w->opcode = 0;
    if (w->deaf) {
        nc_buf_fini(&w->msg);
        return NC_WS_MORE;
    }
    if (w->deflated) {
        struct nc_buf whole = {0};
        enum nc_err e = nc_ws_inflate(&whole, body, w->limit);

        nc_buf_fini(&w->msg);
        w->msg = whole;
        if (e == NC_ELIMIT)
            return fail(w, ev, 1009, "message too big");
        if (e != NC_OK)
            return fail(w, ev, 1007, "corrupt deflated data");
        body = nc_buf_str(&w->msg);
        if (op == NC_WS_TEXT && !nc_utf8_valid(body))
            return fail(w, ev, 1007, "invalid UTF-8");
    } else if (op == NC_WS_TEXT && !nc_utf8_whole(&w->utf8)) {
        return fail(w, ev, 1007, "invalid UTF-8");
    }
    w->given = w->msg.p != NULL;
    ev->op = op;
    ev->data = body;
    return NC_WS_GOT_MESSAGE;
}

static enum nc_ws_what read_data(struct nc_ws_in *w, char **p, size_t *n,
                                 struct nc_ws_event *ev)
{
    uint64_t want = w->head.payload - w->got;
    size_t take = want < *n ? (size_t)want : *n;
    struct nc_str piece = {*p, take};

    nc_ws_mask(*p, take, w->head.mask, w->got);
    advance(p, n, take);
    /* Bad text ends the talk as soon as it is seen, not when it is complete. */
    if (w->opcode == NC_WS_TEXT && !w->deflated && !nc_utf8_feed(&w->utf8, piece))
        return fail(w, ev, 1007, "invalid UTF-8");

    bool whole = take == w->head.payload && w->head.fin && w->msg.n == 0;
    if (!whole && take)
        nc_buf_add(&w->msg, piece.p, take);
    w->got += take;
    if (w->got < w->head.payload)
        return NC_WS_MORE;
    w->in_frame = false;
    if (!w->head.fin)
        return NC_WS_MORE;
    return finish(w, whole ? piece : nc_buf_str(&w->msg), ev);
}

enum nc_ws_what nc_ws_next(struct nc_ws_in *w, char **p, size_t *n, struct nc_ws_event *ev)
{
    *ev = (struct nc_ws_event){0};
    if (w->given) {
        nc_buf_fini(&w->msg);
        w->given = false;
    }
    if (w->part && w->n_part == 0) {
        free(w->part);
        w->part = NULL;
    }
    /* A frame without payload is complete with its head: look once more at n == 0. */
    while (!w->over && (*n || (w->in_frame && w->head.payload == 0))) {
        enum nc_ws_what what = !w->in_frame ? read_head(w, p, n, ev)
                               : control(w) ? read_control(w, p, n, ev)
                                            : read_data(w, p, n, ev);
        if (what != NC_WS_MORE)
            return what;
    }
    if (w->over)
        advance(p, n, *n);
    return NC_WS_MORE;
}

void nc_ws_fini(struct nc_ws_in *w)
{
    nc_buf_fini(&w->msg);
    free(w->part);
    w->part = NULL;
}
