/*
 * wire/sse: server-sent events, written and read (WHATWG HTML, section 9.2).
 */
#pragma once

#include "base/buf.h"

/* Append one event.  An empty id or event is left out; data may have several lines.
 * id and event hold no CR, LF or NUL. */
void nc_sse_write(struct nc_buf *out, struct nc_str id, struct nc_str event,
                  struct nc_str data);
void nc_sse_write_comment(struct nc_buf *out, struct nc_str text); /* one line */
void nc_sse_write_retry(struct nc_buf *out, unsigned ms);

/* Reads a stream in pieces.  Set limit on a zeroed one; end with nc_sse_fini. */
struct nc_sse {
    size_t limit; /* bytes of one line, and of one event's data */

    /* private */
    uint8_t bom; /* bytes of a byte order mark seen at the start; 3: past it */
    bool cr;     /* the last byte was CR: an LF now belongs to it */
    bool given;  /* data and event were handed out */
    bool has_data, failed;
    uint64_t retry_ms;
    struct nc_buf line, data, event, id;
};

struct nc_sse_event {
    struct nc_str id;    /* the last one seen in the stream, may be empty */
    struct nc_str event; /* "message" if none was given */
    struct nc_str data;
};

/*
 * Take the next event out of *in, which is moved past the bytes used.
 *
 * returns: NC_OK      *ev, valid until the next call and no longer than *in's bytes;
 *          NC_AGAIN   all input used;
 *          NC_ELIMIT  a line or event is over the limit; for good.
 */
NC_MUSTUSE enum nc_err nc_sse_next(struct nc_sse *s, struct nc_str *in,
                                   struct nc_sse_event *ev);
uint64_t nc_sse_retry_ms(const struct nc_sse *s); /* the stream's retry:, 0 if none */
void nc_sse_fini(struct nc_sse *s);
