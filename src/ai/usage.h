/*
 * ai/usage: who used how much, and whether they may use more.
 *
 * Counted per day (UTC), user, room, persona, key, provider and model; kept in the store,
 * today's sums in memory.  Loop thread only.
 */
#pragma once

#include "chat/people/key.h"
#include "chat/people/people.h"

struct nc_ai;
struct nc_usages;

/* Per day; 0: no cap.  Of the configuration, changed by SIGHUP. */
struct nc_caps {
    uint64_t user_tokens, user_requests, room_tokens, persona_tokens, node_tokens;
};

/* Reads today's (blocking, before the loop).  NULL: logged. */
struct nc_usages *nc_usages_new(struct nc_chat *c, const struct nc_caps *caps);
void nc_usages_free(struct nc_usages *u); /* NULL is fine */
void nc_usages_caps(struct nc_usages *u, const struct nc_caps *caps);

/* What is asked for: zero ids where there is none.  `key`: its caps, or NULL. */
struct nc_spender {
    struct nc_id user, room, persona;
    const struct nc_auth *key;
};
/* One more request?  Otherwise NC_P_RATE_LIMITED with whose cap it is, how much of it was
 * used and when the day ends (retry_after too). */
bool nc_usage_may(struct nc_usages *u, const struct nc_spender *s, struct nc_problem *why);
/* One is made now: until its end it counts as a request of today's, so that many at once
 * keep to a cap.  Each begin() has one end(). */
void nc_usage_begin(struct nc_usages *u, const struct nc_spender *s);
void nc_usage_end(struct nc_usages *u, const struct nc_spender *s);
/* It was made.  rec->day is filled in; strings are copied. */
void nc_usage_add(struct nc_usages *u, struct nc_usage *rec);

/* {"from","to","rows":[{day, user, room?, persona?, key?, provider, model, requests,
 * prompt_tokens, completion_tokens, estimated}], "totals":{…}, "caps":{…}}: one's own, or
 * everybody's for admins with all. */
struct nc_usage_query {
    uint32_t from_day, to_day;
    bool all;
    struct nc_id room; /* zero: of all; else one must moderate it, and sees all of it */
};
void nc_usage_json(struct nc_usages *u, const struct nc_actor *who,
                   const struct nc_usage_query *q, nc_json_fn *done, void *arg);
/* Totals since start, for /metrics. */
struct nc_usage_stats {
    uint64_t requests, prompt_tokens, completion_tokens, refused;
};
const struct nc_usage_stats *nc_usages_stats(const struct nc_usages *u);
