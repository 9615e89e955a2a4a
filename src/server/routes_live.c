/* The stream of events, by three transports. */
#include "server/live.h"
#include "server/ws.h"

void nc_live_refuse(struct nc_call *call, enum nc_err e)
{
    struct nc_problem why;

    if (e == NC_ELIMIT) {
        nc_problem_set(&why, NC_P_RATE_LIMITED,
                       "at most %u live connections of one account",
                       call->chat->opts.limits.live_per_user);
        why.retry_after_s = 10;
    } else {
        nc_problem_set(&why, NC_P_BAD_REQUEST, "since: not a cursor");
    }
    nc_call_problem(call, &why);
}

const struct nc_route nc_routes_live[] = {
    {"GET", "/ws", nc_socket_open, NC_R_PUBLIC, 0, 0},
    {"GET", "/api/v1/events", nc_live_sse, 0, 0, 0},
    {"GET", "/api/v1/poll", nc_live_poll, 0, 0, 0},
    {0},
};
