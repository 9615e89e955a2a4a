#include "server/bodies.h"

#include "server/auth.h"
#include "server/server.h"
#include "wire/json_in.h"

#define BODY_DEFAULT (72u << 10) /* a message of 64 KiB, and what stands around it */
#define BODY_LARGE (1u << 20)
#define BODY_LIGHT (64u << 10)
#define LARGE_BODIES_MAX (128u << 20)
#define UNKNOWN_BODIES_MAX 8

size_t nc_body_max(const struct nc_call *call)
{
    size_t route = call->route->body_max ? call->route->body_max : BODY_DEFAULT;
    size_t option = call->srv->cfg->body_max;

    if (call->route->flags & NC_R_LARGE)
        return route > option ? route : option;
    return route < option ? route : option;
}

bool nc_body_fits(struct nc_call *call, const struct nc_http_head *h)
{
    struct nc_server *s = call->srv;

    if (h->content_length <= BODY_LARGE)
        return true;
    call->large = h->content_length;
    s->large_bodies += call->large;
    call->unknown = !nc_auth_known(call);
    s->unknown_bodies += call->unknown;
    return s->large_bodies <= LARGE_BODIES_MAX && s->unknown_bodies <= UNKNOWN_BODIES_MAX;
}

void nc_body_in(struct nc_call *call)
{
    call->srv->unknown_bodies -= call->unknown;
    call->unknown = false;
}

static bool has_others(const struct nc_call *call)
{
    nc_list_each(n, &call->srv->heavy) {
        const struct nc_call *other = nc_of(n, struct nc_call, heavy);
        if (other != call && other->actor.user == call->actor.user)
            return true;
    }
    return false;
}

bool nc_body_waits(struct nc_call *call, struct nc_problem *why)
{
    struct nc_server *s = call->srv;
    size_t weight = nc_json_weight(call->body);

    s->large_bodies -= call->large;
    call->large = weight > BODY_LIGHT ? weight : 0;
    if (!call->large)
        return true;
    s->large_bodies += call->large;
    nc_list_add(&s->heavy, &call->heavy);
    if (s->large_bodies <= LARGE_BODIES_MAX ||
        (s->large_bodies <= 2 * LARGE_BODIES_MAX && !has_others(call)))
        return true;
    nc_problem_set(why, NC_P_BUSY, "too much waits at once, try again shortly");
    return false;
}

void nc_body_forget(struct nc_call *call)
{
    nc_body_in(call);
    call->srv->large_bodies -= call->large;
    call->large = 0;
    nc_list_del(&call->heavy);
}
