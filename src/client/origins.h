/*
 * client/origins: which events have come already, when several servers tell the same ones.
 *
 * An event is <origin>:<number>; every server tells the events of one origin in their order
 * (docs/protocol.md), so the highest number of each origin says it all.
 */
#pragma once

#include "base/base.h"

struct nc_origins {
    struct nc_origin *v;
    size_t n;
};

void nc_origins_fini(struct nc_origins *o); /* fine on a zeroed one */
/* True, and remembered, if it is new; what is no event id is always new. */
bool nc_origins_new(struct nc_origins *o, struct nc_str event_id);
