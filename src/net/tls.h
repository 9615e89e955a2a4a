/*
 * net/tls: contexts for TLS 1.2 and 1.3, from files.
 *
 * What a context holds may be read anew while connections made from it go on.
 */
#pragma once

#include "base/base.h"

struct nc_tls;
struct ssl_st;

/* cert: PEM chain; key: PEM.  Errors are logged with the file's name.  NC_ENOENT
 * if a file is not there, NC_EINVAL if they don't fit, NC_EIO else. */
NC_MUSTUSE enum nc_err nc_tls_server(struct nc_tls **out, const char *cert,
                                     const char *key);
/* ca: PEM file that alone is trusted; NULL: the system's.  Names are verified. */
NC_MUSTUSE enum nc_err nc_tls_client(struct nc_tls **out, const char *ca);
/* Read the files again.  On failure the old ones stay in use. */
NC_MUSTUSE enum nc_err nc_tls_reload(struct nc_tls *t);
void nc_tls_free(struct nc_tls *t); /* connections go on; NULL is fine */

/* For conn.c: a new SSL on `fd`; `host` is the name to verify (client only). */
struct ssl_st *nc_tls_ssl(struct nc_tls *t, int fd, const char *host);
/* Take OpenSSL's error queue as one line, and empty it. */
const char *nc_tls_error(void);
