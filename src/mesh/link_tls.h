/*
 * mesh/link_tls: what a TLS connection to a broker is made of.
 *
 * Used on the thread that connects, one at a time.
 */
#pragma once

#include "base/base.h"

struct ssl_ctx_st;
struct ssl_st;

/* TLS 1.2 and 1.3, certificates verified, for that host (a name or an address) alone.
 * NULL: OpenSSL has none to give. */
struct ssl_ctx_st *nc_link_tls_new(const char *host);
/* Read what is trusted anew: `ca` alone, PEM; NULL: the system's.  NULL, or what is wrong
 * (valid until the next call on this thread). */
const char *nc_link_tls_trust(struct ssl_ctx_st *ctx, const char *ca);
/* Why the handshake failed. */
const char *nc_link_tls_why(const struct ssl_st *ssl);
