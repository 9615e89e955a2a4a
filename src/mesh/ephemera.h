/*
 * mesh/ephemera: what is seen and not kept, from node to node.
 *
 * An answer that grows on one node is seen growing on all, so is who types, and who is
 * there is there for everybody.  What is published here goes out as it is, unless it came
 * from another node; what comes is published here.  Who is here is told by its changes and
 * now and then as a whole: what is lost is made good by the next telling, and with a node
 * that is gone those who were there are.  Loop thread only.
 */
#pragma once

#include "base/base.h"

struct nc_buf;
struct nc_chat;
struct nc_ephemera;
struct nc_loop;
struct nc_sync;

struct nc_ephemera *nc_ephemera_new(struct nc_loop *l, struct nc_chat *c,
                                    struct nc_sync *s);
void nc_ephemera_free(struct nc_ephemera *e); /* before nc_sync_stop; NULL is fine */
void nc_ephemera_metrics(const struct nc_ephemera *e, struct nc_buf *out);
