#include "base/id.h"

#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/entropy.h"

enum { COUNTER_BITS = 12 };

int nc_id_cmp(const struct nc_id *a, const struct nc_id *b)
{
    return memcmp(a, b, sizeof *a);
}

void nc_id_text(const struct nc_id *id, char out[NC_ID_TEXT])
{
    static const uint8_t groups[5] = {4, 2, 2, 2, 6};
    const uint8_t *b = id->b;
    for (size_t g = 0; g < 5; b += groups[g++]) {
        if (g)
            *out++ = '-';
        nc_hex(b, groups[g], out);
        out += 2 * groups[g];
    }
}

enum nc_err nc_id_parse(struct nc_str s, struct nc_id *out)
{
    struct nc_id id;
    size_t at = 0;
    if (s.n != NC_ID_TEXT)
        return NC_EINVAL;
    for (size_t i = 0; i < sizeof id.b; i++, at += 2) {
        if (at == 8 || at == 13 || at == 18 || at == 23)
            if (s.p[at++] != '-')
                return NC_EINVAL;
        if (nc_hex_decode((struct nc_str){s.p + at, 2}, &id.b[i], 1))
            return NC_EINVAL;
    }
    *out = id;
    return NC_OK;
}

static void put48(uint8_t *b, uint64_t v)
{
    for (int i = 5; i >= 0; i--, v >>= 8)
        b[i] = (uint8_t)v;
}

uint64_t nc_id_ms(const struct nc_id *id)
{
    uint64_t v = 0;
    for (int i = 0; i < 6; i++)
        v = v << 8 | id->b[i];
    return v;
}

static void mark(struct nc_id *id, uint8_t version)
{
    id->b[6] = (uint8_t)(version << 4 | (id->b[6] & 0x0f));
    id->b[8] = (uint8_t)(0x80 | (id->b[8] & 0x3f));
}

struct nc_id nc_id_random(void)
{
    struct nc_id id;
    put48(id.b, nc_wall_ms());
    nc_entropy(id.b + 6, 10);
    mark(&id, 7);
    return id;
}

struct nc_id nc_id_v8(const uint8_t digest[32])
{
    struct nc_id id;
    memcpy(id.b, digest, sizeof id.b);
    mark(&id, 8);
    return id;
}

void nc_hlc_init(struct nc_hlc *c, uint64_t stored)
{
    uint64_t wall = nc_wall_ms() << COUNTER_BITS;
    c->last = stored > wall ? stored : wall;
}

/* While the wall clock stands still or goes back the stamp just counts on: the
 * counter's overflow is the next millisecond by the way it is packed. */
uint64_t nc_hlc_now(struct nc_hlc *c)
{
    uint64_t wall = nc_wall_ms() << COUNTER_BITS;
    c->last = wall > c->last ? wall : c->last + 1;
    return c->last;
}

void nc_hlc_seen(struct nc_hlc *c, uint64_t stamp)
{
    if (stamp > c->last)
        c->last = stamp;
}

struct nc_id nc_hlc_id(uint64_t stamp)
{
    struct nc_id id;
    put48(id.b, stamp >> COUNTER_BITS);
    id.b[6] = (uint8_t)(stamp >> 8 & 0x0f);
    id.b[7] = (uint8_t)stamp;
    nc_entropy(id.b + 8, 8);
    mark(&id, 7);
    return id;
}

uint64_t nc_hlc_of(const struct nc_id *id)
{
    return nc_id_ms(id) << COUNTER_BITS | (uint64_t)(id->b[6] & 0x0f) << 8 | id->b[7];
}
