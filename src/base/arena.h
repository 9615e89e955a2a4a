/*
 * base/arena: memory that lives as long as one request and goes in one piece.
 */
#pragma once

#include "base/base.h"

struct nc_arena {
    struct nc_arena_chunk *chunks; /* newest first */
};

void nc_arena_fini(struct nc_arena *a); /* fine on a zeroed one */
void *nc_arena_alloc(struct nc_arena *a,
                     size_t n); /* zeroed, 16-byte aligned, never NULL */
struct nc_str nc_arena_str(struct nc_arena *a, struct nc_str s); /* copy, NUL after it */
char *nc_arena_printf(struct nc_arena *a, const char *fmt, ...) NC_PRINTF(2, 3);
