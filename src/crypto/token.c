#include "crypto/token.h"

#include <string.h>

#include "base/encode.h"

void nc_token_new(const char *prefix, char *out)
{
    uint8_t secret[32];
    size_t n = strlen(prefix);
    nc_random(secret, sizeof secret);
    memcpy(out, prefix, n);
    nc_b64url(secret, sizeof secret, out + n);
    out[n + NC_TOKEN_RANDOM] = '\0';
    nc_wipe(secret, sizeof secret);
}

bool nc_token_formed(struct nc_str token, const char *prefix)
{
    struct nc_str head = nc_str(prefix);
    uint8_t secret[32];
    size_t n;
    if (token.n != head.n + NC_TOKEN_RANDOM || !nc_str_starts(token, head))
        return false;
    struct nc_str rest = {token.p + head.n, NC_TOKEN_RANDOM};
    bool formed = nc_b64url_decode(rest, secret, sizeof secret, &n) == NC_OK;
    nc_wipe(secret, sizeof secret);
    return formed;
}

void nc_token_hash(struct nc_str token, uint8_t out[NC_SHA256])
{
    nc_sha256(token.p, token.n, out);
}

void nc_token_code(unsigned groups, char *out)
{
    /* Crockford's letters: without I, L, O and U */
    static const char clear[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for (unsigned g = 0; g < groups; g++) {
        uint8_t bits[4];
        nc_random(bits, sizeof bits);
        for (size_t i = 0; i < sizeof bits; i++)
            *out++ = clear[bits[i] & 31];
        *out++ = g + 1 < groups ? '-' : '\0';
    }
}
