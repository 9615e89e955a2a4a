#include "mesh/pack.h"

#include <string.h>

void nc_pack_be(struct nc_buf *b, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0)
        nc_buf_addc(b, (char)(v >> 8 * bytes));
}

void nc_pack_var(struct nc_buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        nc_buf_addc(b, (char)(v | 0x80));
    nc_buf_addc(b, (char)v);
}

void nc_pack_zigzag(struct nc_buf *b, int64_t v)
{
    nc_pack_var(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void nc_pack_id(struct nc_buf *b, const struct nc_id *id)
{
    nc_buf_add(b, id->b, sizeof id->b);
}

void nc_pack_str(struct nc_buf *b, struct nc_str s)
{
    nc_pack_var(b, s.n);
    nc_buf_adds(b, s);
}

struct nc_str nc_unpack_bytes(struct nc_unpack *u, size_t n)
{
    struct nc_str out = {u->in.p, n};

    if (u->bad || n > u->in.n) {
        u->bad = true;
        return (struct nc_str){NULL, 0};
    }
    if (!n)
        return (struct nc_str){"", 0};
    u->in.p += n;
    u->in.n -= n;
    return out;
}

void nc_unpack_copy(struct nc_unpack *u, void *out, size_t n)
{
    struct nc_str s = nc_unpack_bytes(u, n);

    if (u->bad)
        memset(out, 0, n);
    else
        memcpy(out, s.p, n);
}

uint64_t nc_unpack_be(struct nc_unpack *u, unsigned bytes)
{
    uint8_t at[8] = {0};
    uint64_t v = 0;

    nc_unpack_copy(u, at, bytes);
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | at[i];
    return v;
}

uint64_t nc_unpack_var(struct nc_unpack *u)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t c = nc_unpack_be(u, 1);
        /* The tenth byte has room for one bit; a last byte of nought is no shortest form.
         */
        if (u->bad || (shift == 63 && c > 1) || (shift && c == 0))
            break;
        v |= (c & 0x7f) << shift;
        if (!(c & 0x80))
            return v;
    }
    u->bad = true;
    return 0;
}

int64_t nc_unpack_zigzag(struct nc_unpack *u)
{
    uint64_t v = nc_unpack_var(u);
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

struct nc_id nc_unpack_id(struct nc_unpack *u)
{
    struct nc_id id = {0};
    nc_unpack_copy(u, id.b, sizeof id.b);
    return id;
}

struct nc_str nc_unpack_str(struct nc_unpack *u, size_t max)
{
    uint64_t n = nc_unpack_var(u);

    if (n > max)
        u->bad = true;
    return nc_unpack_bytes(u, (size_t)n);
}

bool nc_unpack_done(const struct nc_unpack *u) { return !u->bad && u->in.n == 0; }
