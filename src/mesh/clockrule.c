#include "mesh/clockrule.h"

enum { COUNTER_BITS = 12 }; /* of a packed stamp, base/id.h */

enum nc_clock_is nc_clock_judge(uint64_t stamp, uint64_t now_ms, uint64_t *due_ms)
{
    uint64_t ms = stamp >> COUNTER_BITS;

    if (ms < NC_CLOCK_FIRST_MS || ms > now_ms + NC_CLOCK_FUTURE_MS)
        return NC_CLOCK_REFUSE;
    if (ms <= now_ms + NC_CLOCK_AHEAD_MS)
        return NC_CLOCK_TAKE;
    /* When it would be taken if it came then. */
    if (due_ms)
        *due_ms = ms - NC_CLOCK_AHEAD_MS;
    return NC_CLOCK_HOLD;
}

enum nc_clock_is nc_clock_judge_id(const struct nc_id *id, uint64_t now_ms,
                                   uint64_t *due_ms)
{
    if (id->b[6] >> 4 != 7)
        return NC_CLOCK_REFUSE;
    return nc_clock_judge(nc_hlc_of(id), now_ms, due_ms);
}

struct nc_clock_differ nc_clock_compare(uint64_t theirs_ms, uint64_t asked_ms,
                                        uint64_t now_ms)
{
    struct nc_clock_differ d = {0};

    if (theirs_ms > now_ms)
        d.ms = (int64_t)(theirs_ms - now_ms);
    else if (theirs_ms < asked_ms)
        d.ms = -(int64_t)(asked_ms - theirs_ms);
    d.tell = d.ms > NC_CLOCK_DIFFER_MS || d.ms < -NC_CLOCK_DIFFER_MS;
    return d;
}
