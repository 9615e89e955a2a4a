#include "base/encode.h"

#include "base/buf.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void nc_b64url(const void *data, size_t n, char *out)
{
    const uint8_t *p = data;
    for (; n >= 3; n -= 3, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = alphabet[v >> 6 & 63];
        *out++ = alphabet[v & 63];
    }
    if (n == 0)
        return;
    uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
    *out++ = alphabet[v >> 18];
    *out++ = alphabet[v >> 12 & 63];
    if (n == 2)
        *out++ = alphabet[v >> 6 & 63];
}

void nc_b64url_add(struct nc_buf *out, const void *p, size_t n)
{
    nc_b64url(p, n, nc_buf_reserve(out, NC_B64URL_LEN(n)));
    nc_buf_grew(out, NC_B64URL_LEN(n));
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

enum nc_err nc_b64url_decode(struct nc_str s, void *out, size_t cap, size_t *n)
{
    uint8_t *p = out;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0);

    if (s.n % 4 == 1)
        return NC_EINVAL;
    if (len > cap)
        return NC_ELIMIT;
    for (size_t i = 0; i < s.n; i++) {
        int v = sextet(s.p[i]);
        if (v < 0)
            return NC_EINVAL;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *p++ = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    if (bits)
        return NC_EINVAL;
    *n = len;
    return NC_OK;
}

void nc_hex(const void *data, size_t n, char *out)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++) {
        *out++ = "0123456789abcdef"[p[i] >> 4];
        *out++ = "0123456789abcdef"[p[i] & 15];
    }
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum nc_err nc_hex_decode(struct nc_str s, void *out, size_t n)
{
    uint8_t *p = out;
    if (s.n / 2 != n || s.n % 2)
        return NC_EINVAL;
    for (size_t i = 0; i < n; i++) {
        int hi = nibble(s.p[2 * i]), lo = nibble(s.p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return NC_EINVAL;
        p[i] = (uint8_t)(hi << 4 | lo);
    }
    return NC_OK;
}
