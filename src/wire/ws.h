/*
 * wire/ws: RFC 6455 frames and messages.
 *
 * Both roles: NC_WS_SERVER reads masked frames, NC_WS_CLIENT unmasked ones.
 */
#pragma once

#include "base/buf.h"
#include "wire/utf8.h"

enum nc_ws_role { NC_WS_SERVER, NC_WS_CLIENT };

enum nc_ws_op {
    NC_WS_CONT = 0,
    NC_WS_TEXT = 1,
    NC_WS_BINARY = 2,
    NC_WS_CLOSE = 8,
    NC_WS_PING = 9,
    NC_WS_PONG = 10,
};

#define NC_WS_HEAD_MAX 14

struct nc_ws_head {
    bool fin, rsv1, masked;
    uint8_t opcode;
    uint8_t size; /* of the head itself */
    uint8_t mask[4];
    uint64_t payload;
};

/*
 * Decode a frame's head.
 *
 * returns: NC_OK; NC_AGAIN incomplete; NC_ELIMIT the payload is over `limit`;
 *          NC_EINVAL against RFC 6455 section 5.2 (RSV1 passes: it is the
 *          reader's business, see nc_ws_next).
 */
NC_MUSTUSE enum nc_err nc_ws_head(struct nc_ws_head *head, struct nc_str in,
                                  enum nc_ws_role role, uint64_t limit);

/* XOR n bytes in place; `at` is how many bytes of the payload came before them. */
void nc_ws_mask(void *p, size_t n, const uint8_t mask[4], uint64_t at);

struct nc_ws_opts {
    enum nc_ws_op op;
    bool more;           /* FIN is clear */
    bool deflated;       /* RSV1 */
    const uint8_t *mask; /* 4 bytes for a client, NULL for a server */
};
/* Write a head; returns its size. */
size_t nc_ws_write_head(char out[NC_WS_HEAD_MAX], const struct nc_ws_opts *o,
                        uint64_t payload);
/* Append a whole frame. */
void nc_ws_write(struct nc_buf *out, const struct nc_ws_opts *o, struct nc_str payload);
/* Append a close frame; the reason is cut to 123 bytes between characters.  Code 0:
 * without a body. */
void nc_ws_write_close(struct nc_buf *out, unsigned code, struct nc_str reason,
                       const uint8_t *mask);
bool nc_ws_close_valid(unsigned code); /* may appear in a close frame */

/* Reads messages.  Set the first three fields of a zeroed one; end with nc_ws_fini.
 * About 100 bytes while idle; the rest only while something is incomplete. */
struct nc_ws_in {
    uint64_t limit; /* bytes of a message, after inflating too */
    bool deaf;      /* our close frame went: only the peer's is waited for */
    enum nc_ws_role role : 8;
    bool deflate; /* permessage-deflate was agreed */

    /* private; there may be very many that are idle: kept small */
    bool over;      /* closed or failed: everything later is discarded */
    bool in_frame;  /* head is valid, payload under way */
    bool deflated;  /* the message under way */
    bool given;     /* msg was handed out and is free again */
    uint8_t opcode; /* of the message under way, 0 if none */
    uint8_t n_part; /* bytes in part: of a head, or of a control payload */
    uint8_t *part;  /* while one of them is incomplete */
    uint32_t fragments;
    struct nc_utf8 utf8;
    struct nc_ws_head head;
    uint64_t got; /* payload bytes of this frame so far */
    struct nc_buf msg;
};

enum nc_ws_what {
    NC_WS_MORE,        /* all input used; call again when there is more */
    NC_WS_GOT_MESSAGE, /* op TEXT (valid UTF-8) or BINARY, data */
    NC_WS_GOT_PING,    /* answer with a PONG of data */
    NC_WS_GOT_PONG,
    NC_WS_GOT_CLOSE, /* code (1005 if there was none) and data, the reason */
    NC_WS_FAILED, /* send a close frame with code (1002, 1007, 1009) and data, then end */
};

struct nc_ws_event {
    enum nc_ws_op op;
    uint16_t code;
    struct nc_str data;
};

/*
 * Take the next event out of (*p, *n), which are moved past the bytes used.
 *
 * The bytes are unmasked in place.  A message that lies whole and uncompressed in
 * the input is a view into it, without a copy; every view is valid until the next
 * call.  Call until NC_WS_MORE, when nothing of the input is left: the caller
 * needs to keep no bytes.
 */
enum nc_ws_what nc_ws_next(struct nc_ws_in *w, char **p, size_t *n, struct nc_ws_event *ev);
void nc_ws_fini(struct nc_ws_in *w); /* fine on a zeroed one */
