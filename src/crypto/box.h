/*
 * crypto/box: small secrets at rest, sealed with a key file of the node.
 *
 * XChaCha20-Poly1305.  What a secret is about (the id of its row) is authenticated with
 * it, so one that is moved elsewhere can't be opened.  Whoever has database and key file
 * has the secrets; a copy of the database alone gives nothing away.
 */
#pragma once

#include "base/base.h"

struct nc_box;
struct nc_buf;

#define NC_BOX_MAX (64u << 10) /* bytes that can be sealed */

/* Reads the key file.  NC_ENOENT: there is none.  NC_EINVAL: it isn't 32 bytes, or others
 * than the owner may read it; NC_EIO (both logged). */
NC_MUSTUSE enum nc_err nc_box_open(struct nc_box **out, const char *path);
/* Writes one with a new key; what was there is replaced.  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_box_make(struct nc_box **out, const char *path);
void nc_box_close(struct nc_box *b); /* wipes; NULL is fine */

/* Appends the sealed secret.  NC_ELIMIT over NC_BOX_MAX. */
NC_MUSTUSE enum nc_err nc_box_seal(const struct nc_box *b, struct nc_str plain,
                                   struct nc_str about, struct nc_buf *out);
/* Appends the secret.  NC_EINVAL: that is none of a version we know; NC_EACCESS: sealed
 * with another key, about something else, or changed.  On failure nothing is appended. */
NC_MUSTUSE enum nc_err nc_box_unseal(const struct nc_box *b, struct nc_str sealed,
                                     struct nc_str about, struct nc_buf *out);
