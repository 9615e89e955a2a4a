/*
 * wire/http_gate: what a message head must look like before llhttp sees it.
 *
 * Internal to wire/http.  Refuses, for requests and replies, every form that two
 * implementations are known to read differently.
 */
#pragma once

#include "wire/http.h"

/* Find the end of the head and check each byte once.  skip: an empty line in front. */
NC_MUSTUSE enum nc_err nc_http_gate_scan(struct nc_http_scan *scan, struct nc_str in,
                                         size_t limit, size_t *skip,
                                         struct nc_http_head *out);
/* "METHOD target HTTP/1.x", without the line's end: fills method, target and minor. */
NC_MUSTUSE enum nc_err nc_http_gate_line(struct nc_str line, struct nc_http_head *out);
/* The header lines, each with its CRLF.  No Transfer-Encoding in a request. */
NC_MUSTUSE enum nc_err nc_http_gate_fields(struct nc_str lines, bool request,
                                           struct nc_http_head *out);
/* What the fields say together: Host, lengths, expectations.  After llhttp. */
NC_MUSTUSE enum nc_err nc_http_gate_request(struct nc_http_head *out);
