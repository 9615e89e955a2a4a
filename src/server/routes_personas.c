/* /api/v1/personas: the AI people of this node. */
#include "ai/ai.h"
#include "server/call.h"
#include "server/server.h"

#define BODY_MAX (160u << 10) /* a system prompt, every byte of it escaped */

static void answer(struct nc_call *call, unsigned status, const struct nc_problem *why,
                   const struct nc_buf *json)
{
    if (why)
        nc_call_problem(call, why);
    else
        nc_call_json(call, status, nc_buf_str(json));
}

static void on_json(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    answer(arg, 200, why, json);
}

static void on_added(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    answer(arg, 201, why, json);
}

static void on_deleted(void *arg, const struct nc_problem *why)
{
    struct nc_call *call = arg;

    if (why)
        nc_call_problem(call, why);
    else
        nc_call_empty(call);
}

static struct nc_personas *personas_of(const struct nc_call *call)
{
    return nc_ai_personas(call->srv->ai);
}

static void list(struct nc_call *call)
{
    nc_personas_list(personas_of(call), &call->actor, on_json, call);
}

static void add(struct nc_call *call)
{
    nc_personas_add(personas_of(call), &call->actor, call->body, on_added, call);
}

static void patch(struct nc_call *call)
{
    nc_personas_patch(personas_of(call), &call->actor, &call->ids[0], call->body, on_json,
                      call);
}

static void delete (struct nc_call *call)
{
    nc_personas_delete(personas_of(call), &call->actor, &call->ids[0], on_deleted, call);
}

const struct nc_route nc_routes_personas[] = {
    {"GET", "/api/v1/personas", list, 0, NC_SCOPE_CHAT | NC_SCOPE_AI, 0},
    {"POST", "/api/v1/personas", add, NC_R_ADMIN | NC_R_BODY, 0, BODY_MAX},
    {"PATCH", "/api/v1/personas/{persona:id}", patch, NC_R_ADMIN | NC_R_BODY, 0, BODY_MAX},
    {"DELETE", "/api/v1/personas/{persona:id}", delete, NC_R_ADMIN, 0, 0},
    {0},
};
