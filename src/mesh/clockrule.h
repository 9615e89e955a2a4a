/*
 * mesh/clockrule: how far another node's clock is believed.
 *
 * Hybrid stamps merge, so one node whose clock is wrong could write everybody's future.
 * What is a little ahead is taken, our clock with it; what is further ahead is kept and
 * shown but stays out of the log and of our clock until its time has come; what cannot be
 * a time of this product at all is refused.  Pure: `now_ms` is our wall clock.
 */
#pragma once

#include "base/clock.h"
#include "base/id.h"

#define NC_CLOCK_AHEAD_MS 60000 /* a peer's stamp may be that far ahead */
#define NC_CLOCK_FUTURE_MS (10ull * 365 * 86400 * 1000) /* about ten years */
#define NC_CLOCK_DIFFER_MS 60000 /* two wall clocks so far apart are told of */

enum nc_clock_is {
    NC_CLOCK_TAKE,   /* merge it: nc_hlc_seen */
    NC_CLOCK_HOLD,   /* not before *due_ms, our time */
    NC_CLOCK_REFUSE, /* before 2025, or more than ten years ahead */
};
/* due_ms may be NULL. */
enum nc_clock_is nc_clock_judge(uint64_t stamp, uint64_t now_ms, uint64_t *due_ms);
/* The same for a message's id (UUIDv7, whose stamp it carries); no such id: refuse. */
enum nc_clock_is nc_clock_judge_id(const struct nc_id *id, uint64_t now_ms,
                                   uint64_t *due_ms);

/*
 * Two wall clocks, compared when a link comes up.  `theirs_ms` was said between `asked_ms`
 * and `now_ms` by ours: the truth lies in between, and the benefit of that doubt is theirs.
 */
struct nc_clock_differ {
    int64_t ms; /* theirs less ours: positive where they are ahead */
    bool tell;  /* by more than NC_CLOCK_DIFFER_MS: a warning, and on the admin's page */
};
struct nc_clock_differ nc_clock_compare(uint64_t theirs_ms, uint64_t asked_ms,
                                        uint64_t now_ms);
