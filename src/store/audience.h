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
/* Of the log, for who asks: they may hear of it, and have not. */
bool nc_audience_lacks(const struct nc_query *q, const struct nc_event *e);

#define NC_WHEN_ROWS 256 /* nc_query.at_ms */
