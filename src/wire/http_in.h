/*
 * wire/http_in: the body of a response, as a client reads it from its connection.
 *
 * By length, in chunks, or up to the connection's end; gzip and deflate undone.  Pieces
 * are views into the input unless they were packed.  Pure.
 */
#pragma once

#include "wire/http.h"

struct nc_http_in {
    bool done; /* the body is whole; what comes behind it is not its own */

    /* private */
    uint8_t state;
    uint8_t digits;    /* of a chunk's size */
    uint32_t lines;    /* bytes of sizes' extensions and trailers */
    uint64_t left;     /* of the body, or of the chunk */
    struct nc_z_in *z; /* NULL: not packed */
};

/*
 * none:    the answer has no body, whatever its head says (to HEAD).
 * returns: NC_EINVAL its length can't be told, or it is packed in a way unknown here.
 */
NC_MUSTUSE enum nc_err nc_http_in_begin(struct nc_http_in *b, const struct nc_http_reply *r,
                                        bool none);
/*
 * Take the next piece out of *in, which is moved past the bytes used.
 *
 * returns: NC_OK      *piece, valid until the next call and no longer than *in's bytes;
 *          NC_AGAIN   there is none (now): all input is used, or b->done;
 *          NC_EINVAL  malformed; for good.
 */
NC_MUSTUSE enum nc_err nc_http_in_next(struct nc_http_in *b, struct nc_str *in,
                                       struct nc_str *piece);
/* The connection has ended: is that the body's end, too? */
bool nc_http_in_may_end(const struct nc_http_in *b);
void nc_http_in_fini(struct nc_http_in *b); /* fine on a zeroed one */
