/*
 * wire/openai_glance: what a chunk of a stream says, read in passing.
 *
 * For chunks that go on as they came: finds what matters for the way without decoding
 * the rest.  Sees exactly what a parser would; where it can't, it says so.  Pure.
 */
#pragma once

#include "wire/openai.h"

struct nc_openai_glance {
    bool done;     /* "[DONE]" */
    bool lines;    /* has line ends in it, between its parts */
    bool parse;    /* can't be told by a glance: nc_openai_chunk knows */
    bool error;    /* it carries an error */
    bool choices;  /* it has a list of choices */
    bool finished; /* the first of them has its finish_reason … */
    enum nc_openai_finish finish;
    struct nc_str usage; /* the object's text; empty: none */
};

/* NC_EINVAL: no JSON object.  (What stands deeper inside is checked only for its ends.) */
NC_MUSTUSE enum nc_err nc_openai_glance(struct nc_openai_glance *out, struct nc_str data);
/* The counts in an object of usage; false: it is none. */
bool nc_openai_usage(struct nc_str usage, uint64_t *prompt, uint64_t *completion);
