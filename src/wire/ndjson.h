/*
 * wire/ndjson: lines of JSON in a stream, as they come in pieces.
 */
#pragma once

#include "base/buf.h"

/* Set limit on a zeroed one; end with nc_ndjson_fini. */
struct nc_ndjson {
    size_t limit; /* bytes of one line */

    /* private */
    struct nc_buf line;
    bool given; /* the line was handed out */
};

/*
 * Take the next line that isn't blank out of *in, which is moved past the bytes used.
 *
 * returns: NC_OK      *line, without its end, valid until the next call or the end of
 *                     *in's bytes;
 *          NC_AGAIN   all input used;
 *          NC_ELIMIT  a line is over the limit; for good.
 */
NC_MUSTUSE enum nc_err nc_ndjson_next(struct nc_ndjson *s, struct nc_str *in,
                                      struct nc_str *line);
/* What stands behind the last line end, once the stream is over; may be empty. */
struct nc_str nc_ndjson_rest(struct nc_ndjson *s);
void nc_ndjson_fini(struct nc_ndjson *s); /* fine on a zeroed one */
