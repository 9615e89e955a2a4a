/*
 * wire/http_body: gzip of a response body.
 *
 * One compressor per thread, reused: nothing is kept per connection.
 */
#pragma once

#include "base/buf.h"

/* Below this a body is not worth compressing. */
#define NC_GZIP_MIN 860

/* Append `body` as one gzip member to `out`.
 * NC_ELIMIT  it would not get smaller: out is as before, send it plain. */
NC_MUSTUSE enum nc_err nc_gzip(struct nc_buf *out, struct nc_str body);
/* Whether a Content-Type is text that shrinks (text, json, javascript, svg, wasm …). */
bool nc_gzip_pays(struct nc_str type);
