/*
 * mesh/waiting: events of other nodes that cannot be applied yet.
 *
 * One may refer to a room, a member or a message whose making is still on its way, from
 * another origin.  It waits here for that id, and behind it, in their order, whatever else
 * comes of its origin.  Bounded by number and bytes: what finds no room is dropped, since
 * the version vector doesn't have it and it will be asked for again.  A full table never
 * stands in the way of what is waited for: that can be applied, so it doesn't come here.
 * Pure; loop thread only.
 */
#pragma once

#include "base/list.h"
#include "base/vector.h"
#include "mesh/segment.h"

struct nc_waiting;

struct nc_waiting_event { /* the table's; good until nc_waiting_done or _forget */
    struct nc_event ev;
    enum nc_record_is is;
    struct nc_str record;
    struct nc_list node;
};

struct nc_waiting *nc_waiting_new(unsigned events_max, size_t bytes_max);
void nc_waiting_free(struct nc_waiting *w); /* NULL is fine */

/* Something of that origin waits: what comes of it next must be put behind. */
bool nc_waiting_blocks(const struct nc_waiting *w, const struct nc_id *origin);
/*
 * Keep a copy.  `needs`: the id it waits for, which only matters for the first of its
 * origin.  NC_EEXIST: it waits already.  NC_AGAIN: it isn't the one behind the last.
 * NC_ELIMIT: there is no room; nothing has changed.
 */
NC_MUSTUSE enum nc_err nc_waiting_put(struct nc_waiting *w, const struct nc_event *ev,
                                      enum nc_record_is is, struct nc_str record,
                                      const struct nc_id *needs);
/* `id` is known now: who waited for it may be tried. */
void nc_waiting_arrived(struct nc_waiting *w, const struct nc_id *id);

/* One that may be tried, the first of its origin; NULL: none.  It is answered by one of
 * the next two before the next is asked for. */
const struct nc_waiting_event *nc_waiting_next(struct nc_waiting *w);
/* It was applied, or needn't be: freed; the one behind it may be tried. */
void nc_waiting_done(struct nc_waiting *w, const struct nc_waiting_event *e);
/* Not yet: it waits for `needs`. */
void nc_waiting_again(struct nc_waiting *w, const struct nc_waiting_event *e,
                      const struct nc_id *needs);
/* All of an origin; returns how many. */
unsigned nc_waiting_forget(struct nc_waiting *w, const struct nc_id *origin);

/* `have`, and what waits: what needn't be asked for.  NC_ELIMIT as nc_vector_set. */
NC_MUSTUSE enum nc_err nc_waiting_vector(const struct nc_waiting *w,
                                         const struct nc_vector *have,
                                         struct nc_vector *out);

struct nc_waiting_stats {
    unsigned events, origins;
    size_t bytes;
    uint64_t refused; /* for want of room, ever */
};
struct nc_waiting_stats nc_waiting_stats(const struct nc_waiting *w);
