/*
 * wire/ws_deflate: permessage-deflate (RFC 7692) without context takeover.
 *
 * One compressor and one decompressor per thread, reset for every message: a
 * connection keeps nothing.
 */
#pragma once

#include "base/buf.h"

struct nc_ws_deflate {
    bool on;
    uint8_t server_bits; /* 9..15: window the server may use; frames deflated at 15
                            may be shared only among connections with 15 */
    uint8_t client_bits;
};

/* Server: choose from one Sec-WebSocket-Extensions value (call for each header until
 * on).  An offer we cannot serve is passed over (RFC 7692 section 7). */
void nc_ws_deflate_choose(struct nc_ws_deflate *d, struct nc_str offers);
/* Server: append the extension's answer, without header name.  d->on. */
void nc_ws_deflate_answer(const struct nc_ws_deflate *d, struct nc_buf *out);
/* Client: what to offer, and reading the answer (NC_EINVAL: fail the connection). */
#define NC_WS_DEFLATE_OFFER                                                        \
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover; " \
    "client_max_window_bits"
NC_MUSTUSE enum nc_err nc_ws_deflate_agreed(struct nc_ws_deflate *d, struct nc_str answer);

/* Append the inflated message.  NC_ELIMIT over `limit` bytes, NC_EINVAL if corrupt; out is
 * then as before. */
NC_MUSTUSE enum nc_err nc_ws_inflate(struct nc_buf *out, struct nc_str in, size_t limit);
/* Append the deflated message with a window of `bits`.  NC_ELIMIT when that is not
 * shorter: out is as before, send it plain (without RSV1). */
NC_MUSTUSE enum nc_err nc_ws_deflate_run(struct nc_buf *out, struct nc_str in,
                                         unsigned bits);
