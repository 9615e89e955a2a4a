/* /api/v1/providers: where models are asked, for the owner; /api/v1/models: what can be
 * asked, for everybody. */
#include "ai/ai.h"
#include "server/call.h"
#include "server/server.h"

#define BODY_MAX (256u << 10) /* 500 names of models */

static struct nc_models *models_of(const struct nc_call *call)
{
    return nc_ai_models(call->srv->ai);
}

static void list(struct nc_call *call)
{
    nc_models_list(models_of(call), nc_call_on_json, call);
}

static void add(struct nc_call *call)
{
    nc_models_add(models_of(call), &call->actor, call->body, nc_call_on_added, call);
}

static void patch(struct nc_call *call)
{
    nc_models_patch(models_of(call), &call->actor, &call->ids[0], call->body,
                    nc_call_on_json, call);
}

static void delete (struct nc_call *call)
{
    nc_models_delete(models_of(call), &call->actor, &call->ids[0], nc_call_on_done, call);
}

static void check(struct nc_call *call)
{
    nc_models_check(models_of(call), &call->actor, &call->ids[0], nc_call_on_json, call);
}

static void discover(struct nc_call *call)
{
    nc_models_discover(models_of(call), &call->actor, nc_call_on_json, call);
}

static void models(struct nc_call *call)
{
    struct nc_buf out = {0};

    nc_models_json(models_of(call), &out);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

/* Where messages may be sent to is the owner's affair alone. */
#define OWNER (NC_R_OWNER | NC_R_SESSION)

const struct nc_route nc_routes_providers[] = {
    {"GET", "/api/v1/providers", list, OWNER, 0, 0},
    {"POST", "/api/v1/providers", add, OWNER | NC_R_BODY, 0, BODY_MAX},
    {"PATCH", "/api/v1/providers/{provider:id}", patch, OWNER | NC_R_BODY, 0, BODY_MAX},
    {"DELETE", "/api/v1/providers/{provider:id}", delete, OWNER, 0, 0},
    {"POST", "/api/v1/providers/{provider:id}/check", check, OWNER | NC_R_BODY_OPTIONAL, 0,
     0},
    {"POST", "/api/v1/providers/discover", discover, OWNER | NC_R_BODY_OPTIONAL, 0, 0},
    {"GET", "/api/v1/models", models, 0, NC_SCOPE_CHAT | NC_SCOPE_AI, 0},
    {0},
};
