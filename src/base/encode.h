/*
 * base/encode: base64url without padding (RFC 4648 section 5) and hexadecimal.
 *
 * Decoding is strict: one text per run of bytes, so a signed text has no twin.
 */
#pragma once

#include "base/base.h"

struct nc_buf;

#define NC_B64URL_LEN(n) (((n)*4 + 2) / 3) /* characters for n bytes */

void nc_b64url(const void *p, size_t n,
               char *out); /* NC_B64URL_LEN(n) characters, no NUL */
void nc_b64url_add(struct nc_buf *out, const void *p, size_t n);
/* At most `cap` bytes to `out`, their number to *n.  NC_EINVAL on a foreign
 * character, padding, an impossible length or stray low bits; NC_ELIMIT over cap. */
NC_MUSTUSE enum nc_err nc_b64url_decode(struct nc_str s, void *out, size_t cap, size_t *n);

void nc_hex(const void *p, size_t n, char *out); /* 2n lower-case characters, no NUL */
/* Exactly n bytes from exactly 2n characters of either case, else NC_EINVAL. */
NC_MUSTUSE enum nc_err nc_hex_decode(struct nc_str s, void *out, size_t n);
