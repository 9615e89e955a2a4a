#include "base/siphash.h"

#include <string.h>

static inline uint64_t rotl(uint64_t x, int by) { return x << by | x >> (64 - by); }

static inline void sipround(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* c and d are constants at both call sites, so the loops unroll. */
static inline __attribute__((always_inline)) uint64_t
siphash(struct nc_sipkey key, const void *data, size_t n, int c, int d)
{
    const uint8_t *p = data;
    uint64_t v[4] = {key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d,
                     key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573};
    uint64_t last = (uint64_t)n << 56;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t m = load64(p);
        v[3] ^= m;
        for (int i = 0; i < c; i++)
            sipround(v);
        v[0] ^= m;
    }
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)p[i] << (8 * i);
    v[3] ^= last;
    for (int i = 0; i < c; i++)
        sipround(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < d; i++)
        sipround(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t nc_siphash13(struct nc_sipkey key, const void *p, size_t n)
{
    return siphash(key, p, n, 1, 3);
}

uint64_t nc_siphash24(struct nc_sipkey key, const void *p, size_t n)
{
    return siphash(key, p, n, 2, 4);
}
