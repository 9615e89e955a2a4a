/* /api/v1/usage: who used how much of the models. */
#include "ai/ai.h"
#include "base/clock.h"
#include "server/call.h"
#include "server/server.h"

enum { DAYS_DEFAULT = 30, DAYS_MAX = 400 };

/* "2026-01-02" as days since 1970; *day stays when it isn't given. */
static bool day_of(struct nc_call *call, const char *name, uint32_t *day)
{
    bool given;
    struct nc_str text = nc_call_query(call, name, &given);
    uint64_t ms;

    if (!given)
        return true;
    const char *time = nc_arena_printf(call->arena, "%.*sT00:00:00Z", NC_FMT(text));
    if (text.n == 10 && nc_time_parse(nc_str(time), &ms) == NC_OK) {
        *day = (uint32_t)(ms / (86400ull * 1000));
        return true;
    }
    nc_call_fail(call, NC_P_BAD_REQUEST, "`%s` must be a day like 2026-01-31", name);
    return false;
}

static void usage(struct nc_call *call)
{
    uint32_t today = (uint32_t)(nc_wall_ms() / (86400ull * 1000));
    struct nc_usage_query q = {.from_day = UINT32_MAX, .to_day = today};
    bool given;

    if (!day_of(call, "from", &q.from_day) || !day_of(call, "to", &q.to_day))
        return;
    if (q.from_day == UINT32_MAX)
        q.from_day = q.to_day < DAYS_DEFAULT ? 0 : q.to_day - DAYS_DEFAULT + 1;
    if (q.from_day > q.to_day || q.to_day - q.from_day >= DAYS_MAX) {
        nc_call_fail(call, NC_P_BAD_REQUEST,
                     "`from` must be no later than `to`, and at most %d days before it",
                     DAYS_MAX - 1);
        return;
    }
    struct nc_str room = nc_call_query(call, "room", &given);
    if (given && nc_id_parse(room, &q.room) != NC_OK) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "`room` must be an id");
        return;
    }
    q.all = nc_str_eqz(nc_call_query(call, "all", NULL), "1");
    nc_usage_json(nc_ai_usages(call->srv->ai), &call->actor, &q, nc_call_on_json, call);
}

const struct nc_route nc_routes_usage[] = {
    {"GET", "/api/v1/usage", usage, NC_R_LIST, NC_SCOPE_CHAT | NC_SCOPE_AI, 0},
    {0},
};
