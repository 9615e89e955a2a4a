#include "server/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/russian.h"
#include "chat/people/throttle.h"
#include "chat/user.h"
#include "server/auth.h"
#include "server/route.h"
#include "server/server.h"
#include "server/static.h"
#include "wire/http_accept.h"
#include "wire/json_in.h"
#include "wire/openai_server.h"

#define BODY_STRANGER (4u << 10)
/* Larger ones share what there is for all of them; and those by keys that are not known
 * to hold are few at once: anybody can make one up. */
#define BODY_LARGE (1u << 20)
#define BODY_LIGHT (64u << 10)
#define LARGE_BODIES_MAX (128u << 20)
#define UNKNOWN_BODIES_MAX 8
#define HOPS_MAX 8               /* nodes that a question is passed on through */
#define BODY_DEFAULT (72u << 10) /* a message of 64 KiB, and what stands around it */

/* ---- answering ------------------------------------------------------------ */

/* Its body is in, or will never be. */
static void forget_unknown(struct nc_call *call)
{
    call->srv->unknown_bodies -= call->unknown;
    call->unknown = false;
}

static void release(struct nc_call *call)
{
    forget_unknown(call);
    call->srv->large_bodies -= call->large;
    nc_list_del(&call->heavy);
    json_decref(call->body);
    nc_arena_fini(&call->memory);
    free(call);
}

/* The request, if the peer is still there; the call no longer belongs to it. */
static struct nc_req *detach(struct nc_call *call)
{
    struct nc_req *r = call->req;

    if (r)
        r->user = NULL;
    call->req = NULL;
    return r;
}

void nc_call_done(struct nc_call *call)
{
    detach(call);
    release(call);
}

static void answer(struct nc_call *call, struct nc_answer *a)
{
    struct nc_req *r = detach(call);

    if (r) {
        a->headers = call->extra;
        a->n_headers = call->extra_n;
        nc_respond(r, a);
    }
    release(call);
}

void nc_call_text(struct nc_call *call, unsigned status, struct nc_str type,
                  struct nc_str body)
{
    answer(call,
           &(struct nc_answer){.status = status, .type = type, .body = body, .gzip = true});
}

void nc_call_json(struct nc_call *call, unsigned status, struct nc_str json)
{
    nc_call_text(call, status, NC_STR("application/json"), json);
}

void nc_call_empty(struct nc_call *call)
{
    answer(call, &(struct nc_answer){.status = 204});
}

bool nc_call_russian(const struct nc_call *call)
{
    return call->req && nc_russian_wanted(nc_http_get(call->req->head, "Accept-Language"));
}

void nc_call_problem(struct nc_call *call, const struct nc_problem *why)
{
    struct nc_problem said = *why;
    struct nc_buf body = {0};

    said.russian = nc_call_russian(call);
    if (why->retry_after_s)
        nc_call_header(call, "Retry-After",
                       nc_str(nc_arena_printf(call->arena, "%u", why->retry_after_s)));
    if (why->code == NC_P_UNAUTHORIZED)
        nc_call_header(call, "WWW-Authenticate", NC_STR("Bearer"));
    if (call->openai)
        nc_openai_error(&body, &said, call->openai_param, call->openai_code);
    else
        nc_problem_http(&body, &said);
    nc_call_text(call, nc_problem_status(why->code),
                 call->openai ? NC_STR("application/json")
                              : NC_STR("application/problem+json"),
                 nc_buf_str(&body));
    nc_buf_fini(&body);
}

static void end(struct nc_call *call, unsigned status, const struct nc_problem *why,
                const struct nc_buf *json)
{
    if (why)
        nc_call_problem(call, why);
    else
        nc_call_json(call, status, nc_buf_str(json));
}

void nc_call_on_json(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    end(arg, 200, why, json);
}

void nc_call_on_added(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    end(arg, 201, why, json);
}

void nc_call_on_done(void *arg, const struct nc_problem *why)
{
    if (why)
        nc_call_problem(arg, why);
    else
        nc_call_empty(arg);
}

void nc_call_fail(struct nc_call *call, enum nc_problem_code code, const char *fmt, ...)
{
    struct nc_problem why;
    char detail[sizeof(why.detail)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    nc_problem_set(&why, code, "%s", detail);
    nc_call_problem(call, &why);
}

void nc_call_header(struct nc_call *call, const char *name, struct nc_str value)
{
    assert(call->extra_n < NC_COUNT(call->extra));
    call->extra[call->extra_n++] =
        (struct nc_http_header){nc_str(name), nc_arena_str(call->arena, value)};
}

/* ---- reading -------------------------------------------------------------- */

struct nc_str nc_call_query(const struct nc_call *call, const char *name, bool *found)
{
    struct nc_str value = {0};
    enum nc_err e = call->req
                        ? nc_http_query(call->req->head->query, name, call->arena, &value)
                        : NC_ENOENT;

    if (found)
        *found = e == NC_OK;
    return value;
}

bool nc_call_need_str(struct nc_call *call, const char *name, struct nc_str *out)
{
    struct nc_problem why;

    if (nc_json_need_str(call->body, name, 0, SIZE_MAX, out, &why) == NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

bool nc_call_opt_str(struct nc_call *call, const char *name, struct nc_str *out)
{
    struct nc_problem why;

    *out = (struct nc_str){0};
    if (nc_json_opt_str(call->body, name, 0, SIZE_MAX, out, &why) == NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

bool nc_call_opt_id(struct nc_call *call, const char *name, struct nc_id *out)
{
    struct nc_problem why;

    *out = (struct nc_id){0};
    if (nc_json_opt_id(call->body, name, out, &why) == NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

struct nc_room *nc_call_room(struct nc_call *call, unsigned param)
{
    struct nc_problem why;
    struct nc_room *r = nc_room_visible(call->chat, &call->actor, &call->ids[param], &why);

    if (!r)
        nc_call_problem(call, &why);
    return r;
}

struct nc_room *nc_call_joined(struct nc_call *call, unsigned param)
{
    struct nc_room *r = nc_call_room(call, param);

    if (r && !(call->actor.user && nc_room_member(r, call->actor.user))) {
        nc_call_fail(call, NC_P_FORBIDDEN, "you are not a member of this room");
        return NULL;
    }
    return r;
}

/* ---- origins -------------------------------------------------------------- */

/* "https://chat.example" of the Origin header is our own host, or one configured. */
static bool origin_allowed(const struct nc_server *s, const struct nc_http_head *h,
                           struct nc_str origin, bool *ours)
{
    char *colons = memmem(origin.p, origin.n, "://", 3);

    *ours = false;
    if (colons) {
        size_t at = (size_t)(colons - origin.p) + 3;
        *ours = nc_str_ieq((struct nc_str){origin.p + at, origin.n - at}, h->host);
    }
    if (*ours)
        return true;
    for (size_t i = 0; i < s->cfg->cors_origins.n; i++)
        if (nc_str_ieq(origin, nc_str(s->cfg->cors_origins.v[i])))
            return true;
    return false;
}

bool nc_call_origin_ok(const struct nc_call *call)
{
    struct nc_str origin = nc_http_get(call->req->head, "Origin");
    bool ours;

    return !origin.p || origin_allowed(call->srv, call->req->head, origin, &ours);
}

/* What a page of another allowed origin may read of the answer (Fetch, CORS protocol). */
static void cors(struct nc_call *call, const struct nc_http_head *h)
{
    struct nc_str origin = nc_http_get(h, "Origin");
    bool ours;

    if (!origin.p || !origin_allowed(call->srv, h, origin, &ours) || ours)
        return;
    nc_call_header(call, "Access-Control-Allow-Origin", origin);
    nc_call_header(call, "Access-Control-Allow-Credentials", NC_STR("true"));
    nc_call_header(call, "Access-Control-Expose-Headers", NC_STR("Retry-After, Location"));
    nc_call_header(call, "Vary", NC_STR("Origin"));
}

/* To a page of a welcome origin the headers it names are as welcome: libraries send some of
 * their own (X-Stainless-…), which nobody here reads. */
static struct nc_str headers_allowed(const struct nc_call *call)
{
    struct nc_str asked = nc_http_get(call->req->head, "Access-Control-Request-Headers");

    return asked.n ? asked : NC_STR("Authorization, Content-Type, Last-Event-ID");
}

static void preflight(struct nc_call *call, const char *allow)
{
    nc_call_header(call, "Allow",
                   nc_str(nc_arena_printf(call->arena, "%s, OPTIONS", allow)));
    for (unsigned i = 0; i < call->extra_n; i++)
        if (nc_str_eqz(call->extra[i].name, "Access-Control-Allow-Origin")) {
            nc_call_header(call, "Access-Control-Allow-Methods", nc_str(allow));
            nc_call_header(call, "Access-Control-Allow-Headers", headers_allowed(call));
            nc_call_header(call, "Access-Control-Max-Age", NC_STR("600"));
            break;
        }
    nc_call_empty(call);
}

/* ---- from a request to its handler ---------------------------------------- */

static struct nc_call *new_call(struct nc_server *s, struct nc_req *r)
{
    struct nc_call *call = nc_alloc(sizeof(*call));
    char text[NC_ADDR_TEXT];

    call->srv = s;
    call->chat = s->chat;
    call->req = r;
    call->arena = &call->memory;
    call->actor.address = nc_arena_str(call->arena, nc_str(nc_addr_text(&r->peer, text)));
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
        preflight(call, "GET, HEAD, POST, PUT, PATCH, DELETE");
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
        preflight(call, m.allow);
    } else if (e == NC_EINVAL) {
        nc_call_header(call, "Allow", nc_str(m.allow));
        nc_call_fail(call, NC_P_METHOD_NOT_ALLOWED, "this path takes %s", m.allow);
    } else if (serves) {
        nc_static_serve(detach(call), &file);
        release(call);
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

/* The next node of X-NeuralChat-Node; what is no id is none. */
static bool next_node(struct nc_str *list, struct nc_id *out)
{
    while (list->n)
        if (nc_id_parse(nc_str_trim(nc_str_cut(list, ',')), out) == NC_OK)
            return true;
    return false;
}

/* A request that went out from here, straight or through others round to ourselves: it
 * would never end.  Nor, it seems, would one that has come through so many. */
static bool is_loop(const struct nc_call *call, const struct nc_http_head *h)
{
    struct nc_str list = nc_http_get(h, "X-NeuralChat-Node");
    struct nc_id from;
    unsigned hops = 0;

    while (next_node(&list, &from))
        if (nc_id_eq(&from, &call->srv->node_id) || ++hops > HOPS_MAX)
            return true;
    return false;
}

struct nc_str nc_call_via(const struct nc_call *call)
{
    struct nc_str list = nc_http_get(call->req->head, "X-NeuralChat-Node");
    struct nc_buf via = {0};
    struct nc_id from;
    char text[NC_ID_TEXT];

    while (next_node(&list, &from)) {
        nc_id_text(&from, text);
        nc_buf_printf(&via, "%s%.*s", via.n ? ", " : "", NC_ID_TEXT, text);
    }
    struct nc_str kept = nc_arena_str(call->arena, nc_buf_str(&via));
    nc_buf_fini(&via);
    return kept;
}

/* The most bytes its body may have. */
static size_t body_max(const struct nc_call *call)
{
    size_t route = call->route->body_max ? call->route->body_max : BODY_DEFAULT;
    size_t option = call->srv->cfg->body_max;

    if (call->route->flags & NC_R_LARGE)
        return route > option ? route : option;
    return route < option ? route : option;
}

/* It is counted, whether it fits or not. */
static bool large_fits(struct nc_call *call, const struct nc_http_head *h)
{
    struct nc_server *s = call->srv;

    call->large = h->content_length;
    s->large_bodies += call->large;
    call->unknown = !nc_auth_known(call);
    s->unknown_bodies += call->unknown;
    return s->large_bodies <= LARGE_BODIES_MAX && s->unknown_bodies <= UNKNOWN_BODIES_MAX;
}

static void on_head(void *arg, struct nc_req *r)
{
    struct nc_call *call = new_call(arg, r);
    uint64_t length = r->head->content_length;

    cors(call, r->head);
    if (is_loop(call, r->head)) {
        nc_call_fail(call, NC_P_LOOP, "this request came from this very node");
        return;
    }
    if (find_route(call, r) != NC_OK)
        return;
    r->route = call->route->pattern;
    nc_loop_label(call->srv->loop, r->route);
    if (is_stranger(call, r))
        return;
    if (call->openai && length > body_max(call)) {
        nc_call_fail(call, NC_P_TOO_LARGE, "the body may have %zu bytes", body_max(call));
        return;
    }
    if (length > BODY_LARGE && length <= body_max(call) && !large_fits(call, r->head)) {
        nc_call_fail(call, NC_P_BUSY, "too much comes in at once, try again shortly");
        return;
    }
    if (call->openai)
        nc_req_needs_reader(r);
    nc_req_accept(r, body_max(call));
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

/* What a program asks may wait for long.  Then it is counted by what it takes in memory,
 * which may be a hundred times its text.  Whoever fills that does not shut the others out:
 * each may have one still. */
static bool keeps_within(struct nc_call *call, struct nc_problem *why)
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
           (!call->openai || keeps_within(call, why));
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
        release(call);
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
    forget_unknown(call);
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
        release(call);
    else if (call->left)
        call->left(call);
}

const struct nc_httpd_ops nc_call_httpd_ops = {
    .head = on_head,
    .request = on_request,
    .drained = on_drained,
    .end = on_end,
};
