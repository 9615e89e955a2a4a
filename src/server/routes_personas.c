/* /api/v1/personas: the AI people of this node. */
#include "ai/ai.h"
#include "server/call.h"
#include "server/server.h"

#define BODY_MAX (160u << 10) /* a system prompt, every byte of it escaped */

static struct nc_personas *personas_of(const struct nc_call *call)
{
    return nc_ai_personas(call->srv->ai);
}

static void list(struct nc_call *call)
{
    nc_personas_list(personas_of(call), &call->actor, nc_call_on_json, call);
}

static void add(struct nc_call *call)
{
    nc_personas_add(personas_of(call), &call->actor, call->body, nc_call_on_added, call);
}

static void patch(struct nc_call *call)
{
    nc_personas_patch(personas_of(call), &call->actor, &call->ids[0], call->body,
                      nc_call_on_json, call);
}

static void delete (struct nc_call *call)
{
    nc_personas_delete(personas_of(call), &call->actor, &call->ids[0], nc_call_on_done,
                       call);
}

const struct nc_route nc_routes_personas[] = {
    {"GET", "/api/v1/personas", list, 0, NC_SCOPE_CHAT | NC_SCOPE_AI, 0},
    {"POST", "/api/v1/personas", add, NC_R_ADMIN | NC_R_BODY, 0, BODY_MAX},
    {"PATCH", "/api/v1/personas/{persona:id}", patch, NC_R_ADMIN | NC_R_BODY, 0, BODY_MAX},
    {"DELETE", "/api/v1/personas/{persona:id}", delete, NC_R_ADMIN, 0, 0},
    {0},
};
