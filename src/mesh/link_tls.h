/*
 * mesh/link_tls: what a TLS connection to a broker is made of.
 *
 * Used on the thread that connects, one at a time.
 */
#pragma once

#include "base/base.h"

struct ssl_ctx_st;

/* TLS 1.2 and 1.3, certificates verified, for that host (a name or an address) alone.
 * verdict: where what is wrong with a certificate is noted (X509_V_ERR_…); it lives as
 * long. NULL: OpenSSL has none to give. */
struct ssl_ctx_st *nc_link_tls_new(const char *host, int *verdict);
/* Read what is trusted anew: `ca` alone, PEM; NULL: the system's.  NULL, or what is wrong
 * (valid until the next call on this thread). */
const char *nc_link_tls_trust(struct ssl_ctx_st *ctx, const char *ca);
/* Why the handshake failed, if it was the certificate; else NULL. */
const char *nc_link_tls_why(int verdict);
