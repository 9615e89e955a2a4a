/*
 * crypto/seal: a few bytes (the key files of a backup) under a passphrase.
 *
 * Argon2id makes the key, XChaCha20-Poly1305 seals; the header (magic, version,
 * cost, salt, nonce) is authenticated with the rest.  Takes up to a second: never
 * on the loop.  Any thread.
 */
#pragma once

#include "base/base.h"
#include "crypto/password.h"

#define NC_SEAL_MAX (16u << 20) /* bytes that can be sealed */

struct nc_buf;

/* Appends the sealed blob.  NC_ELIMIT over NC_SEAL_MAX; NC_EIO when there is no memory. */
NC_MUSTUSE enum nc_err nc_seal(struct nc_str plain, struct nc_str passphrase,
                               enum nc_pwcost cost, struct nc_buf *out);
/* Appends the plain bytes.  NC_EINVAL: not a sealed blob of a version we know;
 * NC_EACCESS: the wrong passphrase, or the blob was changed; NC_ELIMIT, NC_EIO as above.
 * On failure nothing is appended. */
NC_MUSTUSE enum nc_err nc_unseal(struct nc_str sealed, struct nc_str passphrase,
                                 struct nc_buf *out);
