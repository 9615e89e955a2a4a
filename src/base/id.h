/*
 * base/id: the 16-byte names of everything, and the clock that orders them.
 *
 * Ids are UUIDv7 (RFC 9562) made from a hybrid logical clock (Kulkarni et al.,
 * 2014): 48 bits of milliseconds, a 12-bit counter in rand_a, 62 random bits.
 * Byte order is time order.  Loop thread only.
 */
#pragma once

#include "base/base.h"

struct nc_id {
    uint8_t b[16];
};

#define NC_ID_TEXT 36 /* characters, without a NUL */

static inline bool nc_id_zero(const struct nc_id *id)
{
    static const struct nc_id none;
    return __builtin_memcmp(id, &none, sizeof none) == 0;
}
static inline bool nc_id_eq(const struct nc_id *a, const struct nc_id *b)
{
    return __builtin_memcmp(a, b, sizeof *a) == 0;
}
int nc_id_cmp(const struct nc_id *a, const struct nc_id *b);

void nc_id_text(const struct nc_id *id, char out[NC_ID_TEXT]); /* lower case, no NUL */
/* Any UUID version; upper case accepted.  NC_EINVAL unless exactly 36 characters of one. */
NC_MUSTUSE enum nc_err nc_id_parse(struct nc_str s, struct nc_id *out);
uint64_t nc_id_ms(const struct nc_id *id); /* the 48 bits of a version 7 id */
struct nc_id nc_id_random(void);           /* UUIDv7 of wall time, random rest */
struct nc_id
nc_id_v8(const uint8_t digest[32]); /* version and variant bits set on its head */

/* The hybrid logical clock.  A packed stamp is ms << 12 | counter. */
struct nc_hlc {
    uint64_t last; /* packed; never goes back */
};

/* Start not below `stored`, the highest stamp ever kept (0 if none). */
void nc_hlc_init(struct nc_hlc *c, uint64_t stored);
uint64_t nc_hlc_now(struct nc_hlc *c);              /* next stamp; strictly rising */
void nc_hlc_seen(struct nc_hlc *c, uint64_t stamp); /* merge a peer's */
struct nc_id nc_hlc_id(uint64_t stamp);             /* UUIDv7 carrying the stamp */
uint64_t nc_hlc_of(const struct nc_id *id);         /* the stamp of a version 7 id */
