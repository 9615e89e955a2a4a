#include "wire/signed.h"

#include "base/buf.h"
#include "base/encode.h"

static void add_signed_bytes(struct nc_buf *out, struct nc_str below, struct nc_str json)
{
    nc_buf_adds(out, below);
    nc_buf_addc(out, '\0');
    nc_buf_adds(out, json);
}

enum nc_err nc_signed_open(const uint8_t key[NC_IDENTITY_KEY], struct nc_str below,
                           struct nc_str payload, struct nc_str *json)
{
    uint8_t sig[NC_IDENTITY_SIG];
    struct nc_buf bytes = {0};
    size_t n;

    if (payload.n > NC_SIGNED_MAX)
        return NC_ELIMIT;
    if (payload.n <= NC_SIGNED_HEAD || payload.p[NC_SIGNED_HEAD - 1] != '.' ||
        nc_b64url_decode((struct nc_str){payload.p, NC_SIGNED_HEAD - 1}, sig, sizeof(sig),
                         &n) ||
        n != sizeof(sig))
        return NC_EINVAL;
    struct nc_str text = {payload.p + NC_SIGNED_HEAD, payload.n - NC_SIGNED_HEAD};
    add_signed_bytes(&bytes, below, text);
    bool good = nc_identity_verify(key, nc_buf_str(&bytes), sig);
    nc_buf_fini(&bytes);
    if (good)
        *json = text;
    return good ? NC_OK : NC_EACCESS;
}

void nc_signed_add(const struct nc_identity *i, struct nc_str below, struct nc_str json,
                   struct nc_buf *out)
{
    uint8_t sig[NC_IDENTITY_SIG];
    struct nc_buf bytes = {0};

    add_signed_bytes(&bytes, below, json);
    nc_identity_sign(i, nc_buf_str(&bytes), sig);
    nc_buf_fini(&bytes);
    nc_b64url_add(out, sig, sizeof(sig));
    nc_buf_addc(out, '.');
    nc_buf_adds(out, json);
}
