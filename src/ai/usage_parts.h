/*
 * ai/usage_parts: what usage.c and usage_list.c share.
 */
#pragma once

#include "ai/usage.h"
#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"

enum nc_spent_by { NC_BY_NODE, NC_BY_USER, NC_BY_ROOM, NC_BY_PERSONA, NC_BY_KEY };

struct nc_usages {
    struct nc_chat *chat;
    struct nc_caps caps;
    uint32_t day;           /* that `today` is about */
    struct nc_map today;    /* by kind and id */
    struct nc_list unsaved; /* what the disk refused */
    unsigned unsaved_n;
    struct nc_deadline again; /* for them, if nothing else is counted before */
    struct nc_usage_stats stats;
};

/* What they used since midnight UTC; id NULL: the node. */
void nc_usages_today(struct nc_usages *u, enum nc_spent_by kind, const struct nc_id *id,
                     uint64_t *tokens, uint64_t *requests);
