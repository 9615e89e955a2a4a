/*
 * crypto/key: one P-256 key: made, read, written, signing, verifying.
 *
 * Inside crypto/ only; what others see is the keyring.
 */
#pragma once

#include <openssl/evp.h>

#include "base/base.h"
#include "crypto/hash.h"
#include "crypto/keyring.h"

struct nc_buf;

#define NC_ES256 64 /* bytes of a signature: R, then S (RFC 7518 section 3.4) */

struct nc_eckey {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX
    *verifier; /* ready to verify; copied for each call, so shared by threads */
    bool is_private;
    uint64_t retire_ms; /* 0: the signer, or a trusted one */
    bool trusted;       /* somebody else's: not published, not kept */
    char kid[NC_KID + 1];
    char x[NC_KID + 1], y[NC_KID + 1]; /* base64url, as in a JWK */
};

struct nc_eckey *nc_eckey_new(void); /* NULL if the library fails (logged) */
void nc_eckey_free(struct nc_eckey *k);
/* A private key in PEM, P-256 or NULL. */
struct nc_eckey *nc_eckey_of_pem(struct nc_str pem);
/* A public key from a JWK's coordinates; NULL if they are no point of the curve. */
struct nc_eckey *nc_eckey_of_point(const char *x, const char *y);
/* PKCS#8, to be wiped by the caller. */
NC_MUSTUSE enum nc_err nc_eckey_pem(const struct nc_eckey *k, struct nc_buf *out);

NC_MUSTUSE enum nc_err nc_eckey_sign(const struct nc_eckey *k, struct nc_str text,
                                     uint8_t out[NC_ES256]);
bool nc_eckey_verify(const struct nc_eckey *k, struct nc_str text,
                     const uint8_t sig[NC_ES256]);

/* The ring's, for jws.c */
const struct nc_eckey *nc_keyring_find(const struct nc_keyring *r, struct nc_str kid);
const struct nc_eckey *nc_keyring_signer(const struct nc_keyring *r);
