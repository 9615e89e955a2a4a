/*
 * mesh/rendezvous: which of several nodes takes what comes for a room.
 *
 * Every node that knows the same nodes names the same one, without asking anybody, and a
 * node that goes moves only its own rooms.  Pure.
 * source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates", 1998.
 */
#pragma once

#include "base/id.h"

/* The index of the node whose SHA-256(room, node) is the highest of n, n > 0. */
unsigned nc_rendezvous(const struct nc_id *room, const struct nc_id *nodes, unsigned n);
