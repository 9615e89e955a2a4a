/*
 * base/clock: what time it is.
 *
 * Wall time is Unix milliseconds and may jump; monotonic time only rises and
 * means nothing outside this process.  Tests may bend the wall clock.
 */
#pragma once

#include "base/base.h"

/* 2025-01-01T00:00:00Z: no stamp of ours is earlier. */
#define NC_CLOCK_FIRST_MS 1735689600000u

uint64_t nc_wall_ms(void);
uint64_t nc_mono_ms(void);
uint64_t nc_mono_ns(void);
void nc_wall_bend(int64_t offset_ms); /* tests only: added to every later nc_wall_ms */

#define NC_TIME_TEXT 24 /* "2026-01-02T03:04:05.678Z", without a NUL */
void nc_time_text(uint64_t wall_ms, char out[NC_TIME_TEXT]); /* RFC 3339, UTC */
/* RFC 3339 with any fraction and offset.  NC_EINVAL if it isn't one. */
NC_MUSTUSE enum nc_err nc_time_parse(struct nc_str s, uint64_t *wall_ms);
