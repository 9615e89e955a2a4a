/*
 * net/ws_client: dialling a WebSocket.
 */
#pragma once

#include "net/ws_conn.h"

struct nc_socks_at;
struct nc_tls;

struct nc_ws_dial {
    const char *url;                 /* ws://host[:port]/path or wss://… */
    const char *protocol;            /* subprotocol that must be agreed; NULL: none */
    const char *headers;             /* further whole lines, each with CRLF; NULL: none */
    struct nc_tls *tls;              /* client context, needed for wss */
    const struct nc_socks_at *proxy; /* go over it; it resolves the name; NULL: no */
    const char *unix_socket;         /* connect there instead; NULL: no */
    unsigned timeout_ms;             /* 0: 15 s until open */
    uint64_t message_max;            /* 0: 4 MiB */
    uint32_t ping_ms;                /* as in struct nc_ws_start */
    bool deflate;
    /* May this address be connected to?  Asked with `arg` for each that the name has, or
     * the proxy's.  NULL: any. */
    bool (*may)(void *arg, const struct nc_addr *a);
    void *arg;
};

/*
 * Dial.  `w` is embedded in its owner's struct.  ops->open when ready, otherwise
 * gone with the reason: "refused 401" and the like in `why` until gone returns.
 *
 * returns: NC_EINVAL the URL; then nothing is called.
 */
NC_MUSTUSE enum nc_err nc_ws_dial(struct nc_ws *w, struct nc_loop *l,
                                  const struct nc_ws_dial *d, const struct nc_ws_ops *ops);
