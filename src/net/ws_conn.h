/*
 * net/ws_conn: WebSocket messages over a connection, for both roles.
 *
 * Answers pings, does the close handshake, asks silent peers whether they live.
 * Whoever fans one frame out to many sends it with nc_ws_send_blobs: frames are
 * queued whole, so they never mix.
 */
#pragma once

#include "base/blob.h"
#include "loop/loop.h"
#include "net/conn.h"
#include "wire/ws.h"
#include "wire/ws_deflate.h"

struct nc_ws;

struct nc_ws_ops {
    /* A whole message; a view, valid until the callback returns.  TEXT is UTF-8. */
    void (*message)(struct nc_ws *w, enum nc_ws_op op, struct nc_str data);
    /* The queue fell to its low-water mark.  May be NULL. */
    void (*drained)(struct nc_ws *w);
    /* Exactly once, last, never from inside a call.  code: that of the peer's close
     * frame, or ours; 1006 if there was none.  `w` may be freed inside. */
    void (*gone)(struct nc_ws *w, unsigned code, const char *why);
    /* A dialled one is ready (net/ws_client.h).  May be NULL. */
    void (*open)(struct nc_ws *w);
};

/* Embedded in its owner's struct. */
struct nc_ws {
    struct nc_conn *conn; /* NULL once gone */
    bool closing : 1;     /* our close frame is queued */
    bool paused : 1;
    bool violated : 1;   /* what the peer sent is against the protocol: it was ended */
    uint8_t missed : 5;  /* pings without any answer */
    uint8_t out_bits;    /* deflate window for output; 0: not agreed */
    uint16_t close_code; /* 0 until a close frame was received or sent */
    uint32_t ping_ms;
    const struct nc_ws_ops *ops;
    struct nc_deadline deadline;
    struct nc_ws_in in;
    struct nc_ws_dialling *dialling; /* ws_client.c's, until open */
};

struct nc_ws_start {
    enum nc_ws_role role;
    uint64_t message_max;         /* bytes, inflated */
    struct nc_ws_deflate deflate; /* as agreed in the handshake */
    uint32_t ping_ms; /* silence before we ask; 0: 45 s.  Two asked in vain: gone */
};

/* Take over a connection after the handshake. */
void nc_ws_begin(struct nc_ws *w, struct nc_conn *c, const struct nc_ws_start *s,
                 const struct nc_ws_ops *ops);

/* The returns of nc_conn_send; NC_ECLOSED also after nc_ws_close. */
enum nc_err nc_ws_send_text(struct nc_ws *w, struct nc_str text); /* deflated if it pays */
enum nc_err nc_ws_send_binary(struct nc_ws *w, struct nc_str data);
/* Whole frames, already encoded for a server (wire/ws.h). */
enum nc_err nc_ws_send_blobs(struct nc_ws *w, struct nc_blob *const *v, unsigned n);
enum nc_err nc_ws_ping(struct nc_ws *w);
size_t nc_ws_queued(const struct nc_ws *w);

/* No more messages are handed out until resumed; then from where it stopped. */
void nc_ws_pause(struct nc_ws *w);
void nc_ws_resume(struct nc_ws *w);

/* Send a close frame after what is queued, wait up to 2 s for the peer's, then gone.
 * No message comes any more.  Idempotent. */
void nc_ws_close(struct nc_ws *w, unsigned code, const char *reason);
void nc_ws_abort(struct nc_ws *w, const char *why); /* gone at the end of this turn */
