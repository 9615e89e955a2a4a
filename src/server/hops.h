/*
 * server/hops: the nodes that a question for a model has been passed on through.
 *
 * Each adds its id to X-NeuralChat-Node.
 */
#pragma once

#include "server/call.h"

/* A request that went out from here, straight or through others round to ourselves: it
 * would never end.  Nor, it seems, would one that has come through so many. */
bool nc_hops_loop(const struct nc_call *call, const struct nc_http_head *h);
/* The nodes it has come through, "id, id"; mostly none.  Lives as long as the call. */
struct nc_str nc_hops_via(const struct nc_call *call);
