#include "mesh/paircode.h"

#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "crypto/hash.h"

enum {
    FIXED = 16 + NC_IDENTITY_KEY + NC_PAIR_SECRET + 8 + 1,
    CHECK = 4,
    BYTES_MAX = FIXED + NC_PAIR_URLS * (NC_PAIR_URL + 1) + CHECK
};

static const struct nc_str head = {"ncmesh1.", 8};

bool nc_pair_url_ok(struct nc_str url)
{
    static const struct nc_str plain = {"http://", 7}, secure = {"https://", 8};
    size_t at = nc_str_starts(url, plain)    ? plain.n
                : nc_str_starts(url, secure) ? secure.n
                                             : 0;

    if (!at || url.n == at || url.n > NC_PAIR_URL || strchr("/:", url.p[at]))
        return false;
    for (; at < url.n; at++)
        if (url.p[at] <= ' ' || url.p[at] > '~' || strchr("\"'<>\\^`{|}@?#", url.p[at]))
            return false;
    return true;
}

static void check_of(const uint8_t *p, size_t n, uint8_t out[CHECK])
{
    uint8_t hash[NC_SHA256];

    nc_sha256(p, n, hash);
    memcpy(out, hash, CHECK);
}

void nc_pair_code_add(const struct nc_pair_code *c, struct nc_buf *out)
{
    uint8_t bytes[BYTES_MAX], *p = bytes;

    memcpy(p, &c->node, 16);
    memcpy(p += 16, c->key, NC_IDENTITY_KEY);
    memcpy(p += NC_IDENTITY_KEY, c->secret, NC_PAIR_SECRET);
    p += NC_PAIR_SECRET;
    for (int shift = 56; shift >= 0; shift -= 8)
        *p++ = (uint8_t)(c->exp_s >> shift);
    *p++ = (uint8_t)c->urls_n;
    for (unsigned i = 0; i < c->urls_n; i++) {
        size_t n = strlen(c->urls[i]);
        *p++ = (uint8_t)n;
        memcpy(p, c->urls[i], n);
        p += n;
    }
    check_of(bytes, (size_t)(p - bytes), p);
    nc_buf_adds(out, head);
    nc_b64url_add(out, bytes, (size_t)(p - bytes) + CHECK);
    nc_wipe(bytes, sizeof(bytes));
}

static bool read_urls(const uint8_t *p, const uint8_t *end, struct nc_pair_code *out)
{
    if (out->urls_n == 0 || out->urls_n > NC_PAIR_URLS)
        return false;
    for (unsigned i = 0; i < out->urls_n; i++) {
        if (p == end || *p > NC_PAIR_URL || (size_t)(end - p) <= *p)
            return false;
        if (!nc_pair_url_ok((struct nc_str){(const char *)p + 1, *p}))
            return false;
        memcpy(out->urls[i], p + 1, *p);
        p += 1 + *p;
    }
    return p == end;
}

enum nc_err nc_pair_code_parse(struct nc_str text, struct nc_pair_code *out)
{
    uint8_t bytes[BYTES_MAX], check[CHECK];
    const uint8_t *p = bytes;
    size_t n = 0;

    *out = (struct nc_pair_code){.urls_n = 0};
    text = nc_str_trim(text);
    if (!nc_str_starts(text, head))
        return NC_EINVAL;
    if (nc_b64url_decode((struct nc_str){text.p + head.n, text.n - head.n}, bytes,
                         sizeof(bytes), &n) ||
        n < FIXED + CHECK)
        goto fail;
    n -= CHECK;
    check_of(bytes, n, check);
    if (memcmp(check, bytes + n, CHECK) != 0)
        goto fail;
    memcpy(&out->node, p, 16);
    memcpy(out->key, p += 16, NC_IDENTITY_KEY);
    memcpy(out->secret, p += NC_IDENTITY_KEY, NC_PAIR_SECRET);
    p += NC_PAIR_SECRET;
    for (unsigned i = 0; i < 8; i++)
        out->exp_s = out->exp_s << 8 | *p++;
    out->urls_n = *p++;
    if (!read_urls(p, bytes + n, out))
        goto fail;
    nc_wipe(bytes, sizeof(bytes));
    return NC_OK;
fail:
    nc_wipe(bytes, sizeof(bytes));
    *out = (struct nc_pair_code){.urls_n = 0};
    return NC_EINVAL;
}
