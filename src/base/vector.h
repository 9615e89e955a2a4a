/*
 * base/vector: how much of every log somebody has, as {origin: highest number}.
 *
 * A version vector (Parker et al., 1983).  An origin is the incarnation of one log; its
 * events are numbered 1, 2, 3 … without a gap, so one number says which of them are there.
 * 0 and absent are the same.  Pure; a zeroed one is empty and valid; about 6 KiB.
 */
#pragma once

#include "base/id.h"

struct nc_buf;

#define NC_VECTOR_MAX \
    256 /* origins: incarnations of all nodes that ever were in the mesh */

struct nc_vector {
    struct nc_vector_at {
        struct nc_id origin;
        uint64_t n;      /* 1..INT64_MAX */
    } at[NC_VECTOR_MAX]; /* sorted by origin */
    unsigned n;
};

uint64_t nc_vector_get(const struct nc_vector *v, const struct nc_id *origin);
static inline bool nc_vector_has(const struct nc_vector *v, const struct nc_id *origin,
                                 uint64_t n)
{
    return n <= nc_vector_get(v, origin);
}

/* NC_EINVAL: a zero origin, or n over INT64_MAX.  NC_ELIMIT: one origin too many. */
NC_MUSTUSE enum nc_err nc_vector_set(struct nc_vector *v, const struct nc_id *origin,
                                     uint64_t n);
/* The same, but never lower than it was. */
NC_MUSTUSE enum nc_err nc_vector_raise(struct nc_vector *v, const struct nc_id *origin,
                                       uint64_t n);
/* `v` becomes what either has.  NC_ELIMIT: nothing has changed. */
NC_MUSTUSE enum nc_err nc_vector_merge(struct nc_vector *v, const struct nc_vector *other);

enum nc_vector_order {
    NC_VECTOR_SAME,
    NC_VECTOR_BEFORE,     /* b has all that a has, and more */
    NC_VECTOR_AFTER,      /* the other way round */
    NC_VECTOR_CONCURRENT, /* each has what the other lacks */
};
enum nc_vector_order nc_vector_compare(const struct nc_vector *a,
                                       const struct nc_vector *b);

struct nc_vector_range { /* from..to, both of them too */
    struct nc_id origin;
    uint64_t from, to;
};
/* What `have` lacks of `theirs`, by origin, at most `max`; returns how many. */
unsigned nc_vector_lacks(const struct nc_vector *have, const struct nc_vector *theirs,
                         struct nc_vector_range *out, unsigned max);

/* "<uuid>:<n>,<uuid>:<n>", sorted by origin; nothing for an empty one.  Appends. */
void nc_vector_add(struct nc_buf *out, const struct nc_vector *v);
/* The reverse, in any order.  NC_EINVAL, NC_ELIMIT; *why (may be NULL) then is what is
 * wrong in a word: "origin", "number", "twice", "many".  *out is then empty. */
NC_MUSTUSE enum nc_err nc_vector_parse(struct nc_str s, struct nc_vector *out,
                                       const char **why);
/* One more entry of a vector that is being read: as nc_vector_set, but NC_EINVAL also
 * for a 0 and for an origin that is there; *why as above. */
NC_MUSTUSE enum nc_err nc_vector_read(struct nc_vector *v, const struct nc_id *origin,
                                      uint64_t n, const char **why);
