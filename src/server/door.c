/* The front door: from a request to the handler of its route. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/throttle.h"
#include "server/auth.h"
#include "server/bodies.h"
#include "server/hops.h"
#include "server/origin.h"
#include "server/route.h"
#include "server/server.h"
#include "server/static.h"
#include "wire/http_accept.h"
#include "wire/json_in.h"

#define BODY_STRANGER (4u << 10)

static struct nc_call *new_call(struct nc_server *s, struct nc_req *r)
{
    struct nc_call *call = nc_alloc(sizeof(*call));
    char text[NC_ADDR_TEXT];

    call->srv = s;
    call->chat = s->chat;
    call->req = r;
    call->arena = &call->memory;
    call->actor.address = nc_arena_str(call->arena, nc_str(nc_addr_text(&r->peer, text)));
    call->actor.language = nc_call_language(call);
    call->actor.admin_socket = r->tag == (void *)&s->admin;
    call->openai =
        nc_str_eqz(r->head->path, "/v1") || nc_str_starts(r->head->path, NC_STR("/v1/"));
    r->user = call;
    return call;
}

/* NC_OK: call->route is set.  Otherwise the call has been answered. */
static enum nc_err find_route(struct nc_call *call, const struct nc_req *r)
{
    struct nc_str models = NC_STR(NC_V1_MODELS);
    struct nc_http_path path;
    struct nc_match m;
    bool named = r->head->path.n > models.n && nc_str_starts(r->head->path, models);
    enum nc_err e =
        nc_http_path(&path, named ? NC_STR(NC_V1_MODELS "-") : r->head->path, call->arena);

    if (nc_str_eqz(r->head->path, "*")) { /* OPTIONS * asks about the server as such */
        nc_origin_preflight(call, "GET, HEAD, POST, PUT, PATCH, DELETE");
        return NC_EINVAL;
    }
    if (e != NC_OK) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "the path is malformed");
        return e;
    }
    e = nc_router_find(call->srv->router, r->head->method_text, &path, &m);
    if (e == NC_OK) {
        call->route = m.route;
        memcpy(call->params, m.params, sizeof(call->params));
        memcpy(call->ids, m.ids, sizeof(call->ids));
        return NC_OK;
    }
    struct nc_static file = {.found.fd = -1};
    bool found = e == NC_ENOENT && nc_static_find(call->srv, r->head, &path, &file);
    bool serves =
        found && (r->head->method == NC_HTTP_GET || r->head->method == NC_HTTP_HEAD);
    if (found && !serves) {
        nc_static_drop(&file);
        snprintf(m.allow, sizeof(m.allow), "GET, HEAD");
        e = NC_EINVAL;
    }
    if (e == NC_EINVAL && r->head->method == NC_HTTP_OPTIONS) {
        nc_origin_preflight(call, m.allow);
    } else if (e == NC_EINVAL) {
        nc_call_header(call, "Allow", nc_str(m.allow));
        nc_call_fail(call, NC_P_METHOD_NOT_ALLOWED, "this path takes %s", m.allow);
    } else if (serves) {
        nc_static_serve(nc_call_detach(call), &file);
        nc_call_done(call);
    } else {
        nc_call_fail(call, NC_P_NOT_FOUND, "no such path");
    }
    return e;
}

/* More than a little is not taken in from somebody who names no valid token. */
static bool is_stranger(struct nc_call *call, const struct nc_req *r)
{
    struct nc_problem why;

    if (r->head->content_length <= BODY_STRANGER || (call->route->flags & NC_R_PUBLIC) ||
        nc_auth_plausible(call, &why))
        return false;
    nc_call_problem(call, &why);
    return true;
}

static void on_head(void *arg, struct nc_req *r)
{
    struct nc_call *call = new_call(arg, r);
    uint64_t length = r->head->content_length;

    nc_origin_allow(call, r->head);
    if (nc_hops_loop(call, r->head)) {
        nc_call_fail(call, NC_P_LOOP, "this request came from this very node");
        return;
    }
    if (find_route(call, r) != NC_OK)
        return;
    r->route = call->route->pattern;
    nc_loop_label(call->srv->loop, r->route);
    if (is_stranger(call, r))
        return;
    if (call->openai && length > nc_body_max(call)) {
        nc_call_fail(call, NC_P_TOO_LARGE, "the body may have %zu bytes",
                     nc_body_max(call));
        return;
    }
    if (length <= nc_body_max(call) && !nc_body_fits(call, r->head)) {
        nc_call_fail(call, NC_P_BUSY, "too much comes in at once, try again shortly");
        return;
    }
    if (call->openai)
        nc_req_needs_reader(r);
    nc_req_accept(r, nc_body_max(call));
}

static bool take_body(struct nc_call *call, struct nc_problem *why)
{
    unsigned flags = call->route->flags;
    struct nc_str body = call->req->body;

    if (!(flags & (NC_R_BODY | NC_R_BODY_OPTIONAL)))
        return true;
    if (body.n == 0 && (flags & NC_R_BODY_OPTIONAL)) {
        call->body = json_object();
        return true;
    }
    if (body.n && !nc_http_is(call->req->head, "application/json")) {
        nc_problem_set(why, NC_P_UNSUPPORTED_TYPE, "the body must be application/json");
        return false;
    }
    return nc_json_parse(body, &call->body, why) == NC_OK &&
           (!call->openai || nc_body_waits(call, why));
}

static bool permitted(const struct nc_call *call, const struct nc_auth *a,
                      struct nc_problem *why)
{
    const struct nc_route *route = call->route;
    unsigned scopes = route->scopes ? route->scopes : NC_SCOPE_CHAT;
    enum nc_account_role role = a && a->user ? a->user->a.role : NC_ROLE_USER;
    const char *need = NULL;

    if (call->actor.admin_socket)
        return true;
    if (a && a->user && nc_id_zero(&a->session)) {
        if (route->flags & NC_R_SESSION)
            need = "a login; an API key is not enough";
        else if (!(a->scopes & scopes))
            need = "a key with another scope";
    }
    if ((route->flags & NC_R_OWNER) && role != NC_ROLE_OWNER)
        need = "the owner";
    if ((route->flags & NC_R_ADMIN) && role == NC_ROLE_USER)
        need = "an administrator";
    if (need)
        nc_problem_set(why, NC_P_FORBIDDEN, "this takes %s", need);
    return !need;
}

/* What a call costs its user, unless its handler has a rate of its own. */
static bool within_rates(const struct nc_call *call, struct nc_problem *why)
{
    enum nc_http_method method = call->req->head->method;
    unsigned flags = call->route->flags;
    bool reads = method == NC_HTTP_GET || method == NC_HTTP_HEAD;

    if (!call->actor.user || (flags & NC_R_FREE))
        return true;
    if (flags & NC_R_LIST)
        return nc_rate_take(call->chat, call->actor.user, NC_RATE_LISTS, why);
    return reads || nc_rate_take(call->chat, call->actor.user, NC_RATE_CHANGES, why);
}

/* Who asks is known (a NULL: nobody in particular). */
static void on_known(void *arg, const struct nc_problem *no, const struct nc_auth *a)
{
    struct nc_call *call = arg;
    struct nc_problem why;

    if (call->gone) { /* left while the store was asked */
        nc_call_done(call);
        return;
    }
    if (no) {
        nc_call_problem(call, no);
        return;
    }
    if (a) {
        call->actor.user = a->user;
        call->session = a->session;
        call->auth = *a;
    }
    if (!permitted(call, a, &why) || !within_rates(call, &why) || !take_body(call, &why))
        nc_call_problem(call, &why);
    else
        call->route->handle(call);
}

static void on_request(void *arg, struct nc_req *r)
{
    struct nc_call *call = r->user;
    struct nc_auth auth = {0};
    struct nc_problem why;

    (void)arg;
    call->begun = true;
    nc_body_in(call);
    nc_loop_label(call->srv->loop, r->route);
    switch (nc_auth_request(call, &auth, &why, on_known)) {
    case NC_OK: on_known(call, NULL, auth.user ? &auth : NULL); break;
    case NC_AGAIN: break;
    default: on_known(call, &why, NULL);
    }
}

static void on_drained(void *arg, struct nc_req *r)
{
    struct nc_call *call = r->user;

    (void)arg;
    if (call && call->drained)
        call->drained(call);
}

static void on_end(void *arg, struct nc_req *r, bool complete)
{
    struct nc_server *s = arg;
    struct nc_call *call = r->user;

    (void)complete;
    nc_metrics_answered(&s->metrics, r->status, nc_mono_ns() - r->started_ns);
    if (!call)
        return;
    call->req = NULL;
    call->gone = true;
    if (!call->begun) /* its body never came, or was refused: nobody has it */
        nc_call_done(call);
    else if (call->left)
        call->left(call);
}

const struct nc_httpd_ops nc_call_httpd_ops = {
    .head = on_head,
    .request = on_request,
    .drained = on_drained,
    .end = on_end,
};
