/*
 * wire/signed: the signed documents that nodes keep at a broker.
 *
 * The payload is base64url(signature), a dot, then JSON.  Signed are the topic below the
 * root, a NUL and the JSON, so no document passes for another, and none for a token.
 * Every one carries "v", a stamp of the writer's clock (base/id, packed): of two about
 * one subject the higher is right, whoever of the trusted nodes signed it.
 */
#pragma once

#include "base/base.h"
#include "crypto/identity.h"

struct nc_buf;

#define NC_SIGNED_HEAD 87       /* bytes of signature and dot */
#define NC_SIGNED_MAX (1 << 20) /* bytes of a payload */

/* below: the topic without root and slash ("n/<node>/acl/<room>"). */

/* *json is a view into `payload`: not parsed, not even UTF-8 for sure.  NC_EINVAL: no
 * such form; NC_ELIMIT: over NC_SIGNED_MAX; NC_EACCESS: not signed with that key. */
NC_MUSTUSE enum nc_err nc_signed_open(const uint8_t key[NC_IDENTITY_KEY],
                                      struct nc_str below, struct nc_str payload,
                                      struct nc_str *json);
/* Appends the payload.  One writer, one stamp: sign anew only what has changed. */
void nc_signed_add(const struct nc_identity *i, struct nc_str below, struct nc_str json,
                   struct nc_buf *out);
