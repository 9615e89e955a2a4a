/*
 * mesh/way_broker: every broker as a way between nodes.
 *
 * n/<node>/sync is what a node says to all, n/<node>/sync/<node> what it says to one; the
 * payload is an envelope.  What is worth waiting for goes with QoS 1 and stays in the
 * sessions of nodes that are away.  Loop thread only.
 */
#pragma once

struct nc_brokers;
struct nc_id;
struct nc_sync;
struct nc_way_brokers;

struct nc_way_brokers *nc_way_brokers_new(struct nc_sync *s, struct nc_brokers *b,
                                          const struct nc_id *self);
/* Before the brokers are freed; all its ways go down.  NULL is fine. */
void nc_way_brokers_free(struct nc_way_brokers *w);
