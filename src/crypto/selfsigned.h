/*
 * crypto/selfsigned: a TLS certificate for a node that has none.
 */
#pragma once

#include "base/base.h"

#define NC_SELFSIGNED_DAYS 397 /* the most that clients accept */

/*
 * Make an EC P-256 key and a certificate for it, as PEM files (0600).
 *
 * names:   host names and IP addresses, the first is the subject; at least one, at most 32.
 * returns: NC_OK; NC_EINVAL a name that is neither; NC_EIO (logged) not written.
 */
NC_MUSTUSE enum nc_err nc_selfsigned_make(const char *cert_path, const char *key_path,
                                          const char *const *names, size_t n);
/* Seconds of life that the certificate at `path` has left at now_ms (0: it is over).
 * NC_ENOENT no such file; NC_EINVAL not a certificate; NC_EIO (logged). */
NC_MUSTUSE enum nc_err nc_selfsigned_left(const char *path, uint64_t now_ms,
                                          uint64_t *seconds);
