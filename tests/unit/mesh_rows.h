/* For tests of mesh/: rows of a log that look like real ones. */
#pragma once

#include <string.h>

#include "mesh/segment.h"

/* Ids that differ by `n`, and by what they are of. */
static inline struct nc_id mesh_id(uint8_t of, unsigned n)
{
    struct nc_id id = {{0x01, 0x94, 0x20, of, 0, 0, 0x70, 0, 0x80}};
    id.b[14] = (uint8_t)(n >> 8);
    id.b[15] = (uint8_t)n;
    return id;
}

#define MESH_MS 1767225600000u /* 2026-01-01 */

/* Message n of an origin, in one of three rooms. */
static inline struct nc_event mesh_event(const struct nc_id *origin, uint64_t n)
{
    struct nc_event ev = {.origin = *origin, .origin_seq = n};

    ev.hlc = (uint64_t)(MESH_MS + n * 7) << 12 | (n & 3);
    ev.kind = NC_EV_MESSAGE_CREATED;
    ev.audience = NC_AUD_ROOM;
    ev.to = mesh_id(2, (unsigned)n % 3);
    ev.ref = nc_hlc_id(ev.hlc);
    memset(ev.ref.b + 8, 0x80 | (int)(n & 0x3f), 8); /* not by chance: the same each time */
    ev.actor = mesh_id(3, (unsigned)n % 5);
    memset(ev.body_hash, (int)n, sizeof ev.body_hash);
    return ev;
}

/* A segment of n rows from `first` on, not signed yet; prev is the caller's. */
static inline void mesh_fill(struct nc_mesh_segment *s, const struct nc_id *node,
                             const struct nc_id *origin, uint64_t first, unsigned n)
{
    memset(s, 0, sizeof *s);
    s->node = *node;
    s->origin = *origin;
    s->first = first;
    s->n = n;
    for (unsigned i = 0; i < n && i < NC_SEGMENT_MAX; i++)
        s->rows[i].ev = mesh_event(origin, first + i);
}
