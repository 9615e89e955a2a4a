/*
 * crypto/hash: digests, authentication, randomness, wiping.
 *
 * SHA-256 by OpenSSL (it has the CPU's instructions), the rest by libsodium.
 * Any thread.
 */
#pragma once

#include "base/base.h"

#define NC_SHA256 32

/* Readies the libraries; ends the process if one refuses.  Everything in crypto/ does
 * it by itself: call it at start so that the first user does not pay.  Any thread. */
void nc_crypto_init(void);

void nc_sha256(const void *p, size_t n, uint8_t out[NC_SHA256]);

struct nc_sha256; /* in steps */
struct nc_sha256 *nc_sha256_new(void);
void nc_sha256_add(struct nc_sha256 *s, const void *p, size_t n);
/* Writes the digest and frees; out NULL: only frees.  NULL is fine. */
void nc_sha256_end(struct nc_sha256 *s, uint8_t out[NC_SHA256]);

void nc_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n,
                    uint8_t out[NC_SHA256]);

bool nc_same(const void *a, const void *b, size_t n); /* in constant time */
void nc_random(void *out, size_t n);                  /* good for secrets */
void nc_wipe(void *p, size_t n);                      /* not optimised away */
