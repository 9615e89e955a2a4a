/*
 * server/ai_mesh: the words by which nodes agree on who answers (ai/mesh.h), over
 * mesh/sync.
 */
#pragma once

#include "base/id.h"

struct nc_ai;
struct nc_nodes;
struct nc_sync;

struct nc_ai_link;

/* All are borrowed; `name` is copied.  Before the loop. */
struct nc_ai_link *nc_ai_link_new(struct nc_ai *ai, struct nc_sync *sync,
                                  struct nc_nodes *nodes, const struct nc_id *self,
                                  const char *name);
/* Nothing is heard or said any more: after nc_ai_quiet, before sync is stopped; freed with
 * it, after ai.  NULL is fine to both. */
void nc_ai_link_stop(struct nc_ai_link *l);
void nc_ai_link_free(struct nc_ai_link *l);
