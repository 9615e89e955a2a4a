/* What one can do to a generating answer. */
#include "ai/ai.h"
#include "server/call.h"
#include "server/server.h"

static void on_stopped(void *arg, const struct nc_problem *why)
{
    struct nc_call *call = arg;

    if (why)
        nc_call_problem(call, why);
    else
        nc_call_empty(call);
}

static void stop(struct nc_call *call)
{
    nc_ai_stop(call->srv->ai, &call->actor, &call->ids[0], on_stopped, call);
}

const struct nc_route nc_routes_ai[] = {
    {"POST", "/api/v1/messages/{message:id}/stop", stop, NC_R_BODY_OPTIONAL, 0, 0},
    {0},
};
