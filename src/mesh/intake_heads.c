/*
 * Whether others have the same past.
 *
 * A log of which two nodes were told different events under one number is refused as soon
 * as it grows; one that ends there would never be found out.  So nodes tell the ends of the
 * chains that they have, and compare those that end at the same event.
 */
#include "base/log.h"
#include "mesh/intake_parts.h"
#include "wire/json.h"

void nc_intake_heads(const struct nc_intake *in, struct nc_heads *out)
{
    const struct nc_lane *l;
    size_t at = 0;

    out->n = 0;
    while ((l = nc_map_next(&in->lanes, &at)) != NULL && out->n < NC_COUNT(out->at))
        if (!nc_id_zero(&l->node) && l->tip)
            out->at[out->n++] = nc_head_of(&l->origin, l->tip, l->chain);
}

void nc_intake_compare(struct nc_intake *in, const struct nc_id *peer,
                       const struct nc_heads *theirs)
{
    for (unsigned i = 0; i < theirs->n && !in->stopped; i++) {
        const struct nc_head *h = &theirs->at[i];
        struct nc_lane *l = nc_lane_of(in, &h->origin);
        if (l && !nc_id_zero(&l->node) && nc_head_forks(h, l->tip, l->chain))
            nc_intake_fork(in, peer, &h->origin, h->n);
    }
}

bool nc_lane_fork(struct nc_lane *l, const struct nc_id *peer, uint64_t event)
{
    if (l->fork.event)
        return false;
    l->fork.event = event;
    l->fork.peer = *peer;
    nc_log(NC_ERROR, "mesh.fork", "node=%s origin=%s event=%llu peer=%s",
           nc_intake_text(&l->node).at, nc_intake_text(&l->origin).at,
           (unsigned long long)event, nc_intake_text(peer).at);
    return true;
}

void nc_intake_fork(struct nc_intake *in, const struct nc_id *peer,
                    const struct nc_id *origin, uint64_t event)
{
    struct nc_lane *l = nc_lane_of(in, origin);

    if (l && nc_lane_fork(l, peer, event))
        nc_intake_refused(in, NC_INTAKE_FORK, l, peer, origin, event, "head");
}

void nc_fork_json(const struct nc_lane *l, struct nc_json *j)
{
    nc_json_key(j, "fork");
    nc_json_obj(j);
    nc_json_kid(j, "origin", &l->origin);
    nc_json_kuint(j, "event", l->fork.event);
    nc_json_kid(j, "node", &l->fork.peer);
    nc_json_obj_end(j);
}
