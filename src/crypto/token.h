/*
 * crypto/token: secrets that mean nothing by themselves: keys, invites, tickets.
 *
 * 256 random bits shown once; what is kept is their SHA-256.
 */
#pragma once

#include "base/base.h"
#include "crypto/hash.h"

#define NC_TOKEN_RANDOM 43 /* characters after the prefix */

/* out: strlen(prefix) + NC_TOKEN_RANDOM + 1 bytes, NUL-terminated. */
void nc_token_new(const char *prefix, char *out);
/* Whether the text has the form of such a token; says nothing of its being known. */
bool nc_token_formed(struct nc_str token, const char *prefix);
/* What is stored and looked up, over the whole text. */
void nc_token_hash(struct nc_str token, uint8_t out[NC_SHA256]);
/* A code people type: `groups` groups of four out of 32 clear characters (20 bits
 * each), joined by "-".  out: 5 * groups bytes, NUL-terminated. */
void nc_token_code(unsigned groups, char *out);
