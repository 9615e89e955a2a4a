/*
 * store/audience: which rows of the event log somebody may hear of.
 *
 * Pure; the one rule for every backend, the same as live delivery has.
 */
#pragma once

#include "store/store.h"

/* Kinds that clients know; the others are for nodes. */
bool nc_audience_wire(enum nc_event_kind kind);
bool nc_audience_hears(const struct nc_audience_of *a, const struct nc_event *e);
