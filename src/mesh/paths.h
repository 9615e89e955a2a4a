/*
 * mesh/paths: by which way each peer is reached best, and by whom where none leads there.
 *
 * Every way to every peer is measured (mesh/routes.h), brokers where both are, and the best
 * is what mesh/sync sends by.  Where a peer is reached badly or not at all, third nodes are
 * asked to pass envelopes on; what they pass on is sealed by its sender for its receiver,
 * and passed on once, so they can only lose it.  Loop thread only.
 */
#pragma once

#include "base/id.h"

struct nc_buf;
struct nc_json;
struct nc_loop;
struct nc_nodes;
struct nc_paths;
struct nc_way_ws;

#define NC_PATHS_RELAYS 3 /* third nodes that are tried for one peer */
/* What waits for a third node, and what came by any and was not opened yet: bytes. */
#define NC_PATHS_QUEUE_MAX (1u << 20)
#define NC_PATHS_CARRIED_MAX (4u << 20)

struct nc_paths_opts {
    struct nc_loop *loop;
    struct nc_sync *sync;
    const struct nc_nodes *nodes;
    struct nc_id self;
};

/* Never NULL.  What is in *o is borrowed. */
struct nc_paths *nc_paths_new(const struct nc_paths_opts *o);
/* Before sync is freed.  NULL is fine. */
void nc_paths_free(struct nc_paths *p);

/* The member "routes" of an object that is open: every way to every node, and what is
 * dialled in vain. */
void nc_paths_json(struct nc_paths *p, struct nc_way_ws *ws, struct nc_json *j);
void nc_paths_metrics(struct nc_paths *p, struct nc_buf *out);
