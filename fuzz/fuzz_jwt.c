/*
 * Tokens and key sets from strangers.  The first byte chooses what the rest is:
 * a whole token, a payload or a head that we truly sign (or nothing behind the
 * signature would ever be reached), or a JWKS.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/log.h"
#include "crypto/jwt.h"
#include "crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { NOW = 1700000010 };

static struct nc_keyring *ring;

/* Whatever is accepted is whole, and says the same when it is signed anew. */
static void hold_to_it(struct nc_str token)
{
    struct nc_jwt claims, again;
    struct nc_refresh refresh;
    enum nc_jwt_why why = nc_jwt_verify(ring, token, NOW * 1000ULL, 30, NULL, &claims);
    enum nc_jwt_why as_refresh =
        nc_refresh_verify(ring, token, NOW * 1000ULL, 30, NULL, &refresh);
    if (why == NC_JWT_OK) {
        struct nc_buf t = {0};
        if (as_refresh == NC_JWT_OK || !*claims.iss || !*claims.sub ||
            nc_jwt_sign(ring, &claims, &t) ||
            nc_jwt_verify(ring, nc_buf_str(&t), NOW * 1000ULL, 30, NULL, &again) ||
            memcmp(claims.name, again.name, sizeof claims.name) != 0 ||
            claims.exp != again.exp)
            abort();
        nc_buf_fini(&t);
    }
    if (as_refresh == NC_JWT_OK && refresh.exp + 30 <= NOW)
        abort();
}

static void sign_and_check(struct nc_str head, struct nc_str payload)
{
    struct nc_buf t = {0};
    uint8_t sig[NC_ES256];
    nc_b64url_add(&t, head.p, head.n);
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, payload.p, payload.n);
    if (nc_eckey_sign(nc_keyring_signer(ring), nc_buf_str(&t), sig))
        abort();
    nc_buf_addc(&t, '.');
    nc_b64url_add(&t, sig, sizeof sig);
    hold_to_it(nc_buf_str(&t));
    nc_buf_fini(&t);
}

static void as_payload(struct nc_str payload, const char *typ)
{
    struct nc_buf head = {0};
    nc_buf_printf(&head, "{\"alg\":\"ES256\",\"typ\":\"%s\",\"kid\":\"%.*s\"}", typ,
                  NC_FMT(nc_keyring_kid(ring)));
    sign_and_check(nc_buf_str(&head), payload);
    nc_buf_fini(&head);
}

static void as_jwks(struct nc_str text)
{
    struct nc_keyring *r = NULL;
    struct nc_buf out = {0};
    if (nc_keyring_new(&r))
        abort();
    if (nc_keyring_trust(r, text) == NC_OK)
        nc_keyring_jwks(r, &out);
    nc_buf_fini(&out);
    nc_keyring_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!ring) {
        nc_log_level((enum nc_level)(NC_ERROR + 1));
        if (nc_keyring_new(&ring))
            abort();
    }
    if (n == 0)
        return 0;
    struct nc_str rest = {(const char *)data + 1, n - 1};
    switch (data[0]) {
    case 'p': as_payload(rest, "JWT"); break;
    case 'r': as_payload(rest, "refresh+jwt"); break;
    case 'h': sign_and_check(rest, NC_STR("{}")); break;
    case 'k': as_jwks(rest); break;
    default: hold_to_it(rest); break;
    }
    return 0;
}
