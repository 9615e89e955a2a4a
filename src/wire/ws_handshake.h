/*
 * wire/ws_handshake: from HTTP to WebSocket and back (RFC 6455 section 4).
 *
 * Whether the Origin is welcome and who the user is are the server's to decide.
 */
#pragma once

#include "base/buf.h"
#include "wire/http.h"
#include "wire/ws_deflate.h"

#define NC_WS_ACCEPT 28

struct nc_ws_handshake {
    char accept[NC_WS_ACCEPT];
    struct nc_ws_deflate deflate; /* what the client offers and we can do */
};

/* Server: is this a WebSocket handshake?  NC_EINVAL with *why set: bad_request, or
 * upgrade_required (answer with Sec-WebSocket-Version: 13). */
NC_MUSTUSE enum nc_err nc_ws_handshake(struct nc_ws_handshake *hs,
                                       const struct nc_http_head *h,
                                       struct nc_problem *why);
bool nc_ws_offers(const struct nc_http_head *h, const char *protocol);
/* Server: append the 101 response.  protocol: chosen one or empty; date: nc_http_date. */
void nc_ws_welcome(struct nc_buf *out, const struct nc_ws_handshake *hs,
                   struct nc_str protocol, struct nc_str date);

/* Client: append the GET.  `headers` are further whole lines, or empty. */
struct nc_ws_request {
    struct nc_str host, target, protocol, headers;
    uint8_t nonce[16]; /* random */
    bool deflate;
};
void nc_ws_request(struct nc_buf *out, const struct nc_ws_request *r);
/* Client: is this reply the right 101?  NC_EINVAL if not. */
NC_MUSTUSE enum nc_err nc_ws_agreed(struct nc_ws_deflate *d, const struct nc_ws_request *r,
                                    const struct nc_http_reply *reply);
