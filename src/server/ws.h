/*
 * server/ws: one person's WebSocket (protocol section 4).
 *
 *   upgrade --> (hello) --> welcome --> events and answers --> close
 *
 * ws.c is its life and what goes out, ws_frames.c has one row per frame that comes in.
 * There may be very many that say nothing: the struct is kept small.
 */
#pragma once

#include "chat/live/hub.h"
#include "net/ws_conn.h"
#include "server/call.h"

struct nc_socket {
    struct nc_listener l; /* user is NULL until somebody is known */
    /* What every delivery touches stands behind it. */
    struct nc_socket_out *out; /* answers of this turn; or NULL */
    uint16_t replies_n;
    bool verifying, paused, overflowed, gone;
    uint8_t language; /* enum nc_language; it came with the handshake */
    struct nc_ws ws;
    struct nc_server *srv;
    char *since;                 /* of the hello that is being looked into; or NULL */
    uint64_t expires_ms;         /* of the token; wall time; 0: never */
    struct nc_deadline deadline; /* hello is due, or the token ends */
    struct nc_list replies;      /* struct nc_reply, in the order of their frames */
    char address[];              /* of the peer, with its NUL */
};

static inline struct nc_actor nc_socket_actor(const struct nc_socket *s)
{
    return (struct nc_actor){
        .user = s->l.user, .address = nc_str(s->address), .language = s->language};
}

struct nc_socket_out {
    struct nc_socket *s;
    struct nc_buf frames;
    struct nc_task flush;
};

/* The answer that a frame with `ref` will get.  Answers go out in the order of what
 * they answer. */
struct nc_reply {
    struct nc_list node;
    struct nc_socket *s; /* NULL: the socket is gone, nobody waits */
    bool ready;
    struct nc_id room;    /* of a send, for its notice */
    struct nc_buf frames; /* ready ones that wait for those before */
    struct nc_buf ref;    /* JSON; empty: none */
};

/* GET /ws.  Refusals are answered; otherwise the connection becomes a socket. */
void nc_socket_open(struct nc_call *call);

/* The 101 with everything around it: for /ws and for the tests' echo.  Refuses a foreign
 * Origin (403) and what is no handshake.  NULL: the call has been answered; otherwise
 * nc_ws_begin and nc_call_done follow at once. */
struct nc_conn *nc_socket_upgrade(struct nc_call *call, const char *protocol,
                                  struct nc_ws_deflate *deflate);

/* ---- between ws.c and ws_frames.c ----------------------------------------- */

/* One message that came in. */
void nc_socket_frame(struct nc_socket *s, struct nc_str text);

/* Somebody is known: attach to the hub, from s->since on, and say welcome. */
void nc_socket_enter(struct nc_socket *s, const struct nc_auth *a);
/* A token that came by frame: hello, or auth for the time after. */
void nc_socket_verify(struct nc_socket *s, struct nc_str token);
void nc_socket_close(struct nc_socket *s, unsigned code, const char *reason);

/* JSON to send in this turn, after what is there already. */
void nc_socket_say(struct nc_socket *s, struct nc_str json);
struct nc_reply *nc_reply_new(struct nc_socket *s, struct nc_str ref);
void nc_reply_say(struct nc_reply *r, struct nc_str json); /* before its end, or as it */
void nc_reply_end(struct nc_reply *r); /* frees it, now or in its turn */
