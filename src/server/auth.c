#include "server/auth.h"

#include "chat/people/ticket.h"
#include "server/call.h"
#include "wire/http.h"

_Static_assert((int)NC_KEY_CHAT == (int)NC_SCOPE_CHAT &&
                   (int)NC_KEY_AI == (int)NC_SCOPE_AI &&
                   (int)NC_KEY_MQTT == (int)NC_SCOPE_MQTT,
               "routes name the scopes of keys");

#define COOKIE "nc_refresh"
#define COOKIE_PATH "/api/v1/auth"

/* The token of the one Authorization header; false if there is something else. */
static bool bearer(const struct nc_http_head *h, struct nc_str *token)
{
    unsigned at = 0;
    const struct nc_http_header *first = nc_http_each(h, "Authorization", &at);

    *token = (struct nc_str){NULL, 0};
    if (!first)
        return true;
    if (nc_http_each(h, "Authorization", &at))
        return false;
    struct nc_str rest = first->value;
    struct nc_str scheme = nc_str_cut(&rest, ' ');
    *token = nc_str_trim(rest);
    return nc_str_ieq(scheme, NC_STR("Bearer")) && token->n;
}

enum nc_err nc_auth_token(struct nc_chat *c, struct nc_str token, struct nc_str address,
                          struct nc_auth *out, struct nc_problem *why, nc_auth_fn *done,
                          void *arg)
{
    if (nc_str_starts(token, NC_STR(NC_KEY_PREFIX)))
        return nc_key_verify(c, token, address, out, why, done, arg);
    return nc_session_verify(c, token, out, why) ? NC_OK : NC_EACCESS;
}

enum nc_err nc_auth_request(struct nc_call *call, struct nc_auth *out,
                            struct nc_problem *why, nc_auth_fn *done)
{
    const struct nc_http_head *h = call->req->head;
    unsigned flags = call->route->flags;
    bool reads = h->method == NC_HTTP_GET || h->method == NC_HTTP_HEAD, found = false;
    struct nc_str token;

    *out = (struct nc_auth){0};
    if (flags & NC_R_COOKIE)
        return NC_OK;
    if (!bearer(h, &token)) {
        nc_problem_set(why, NC_P_UNAUTHORIZED, "Authorization must be one Bearer token");
        return NC_EACCESS;
    }
    if (token.n)
        return nc_auth_token(call->chat, token, call->actor.address, out, why, done, call);
    struct nc_str ticket = reads ? nc_call_query(call, "ticket", &found) : NC_STR("");
    if (found)
        return nc_ticket_use(call->chat, ticket, out, why) ? NC_OK : NC_EACCESS;
    if ((flags & NC_R_PUBLIC) || call->actor.admin_socket)
        return NC_OK;
    nc_problem_set(why, NC_P_UNAUTHORIZED, "this takes an access token or a key");
    return NC_EACCESS;
}

bool nc_auth_plausible(const struct nc_call *call, struct nc_problem *why)
{
    struct nc_auth who;
    struct nc_str token;

    if (call->actor.admin_socket)
        return true;
    if (bearer(call->req->head, &token) && token.n)
        return nc_str_starts(token, NC_STR(NC_KEY_PREFIX)) ||
               nc_session_verify(call->chat, token, &who, why);
    nc_problem_set(why, NC_P_UNAUTHORIZED, "this takes an access token or a key");
    return false;
}

bool nc_auth_known(const struct nc_call *call)
{
    struct nc_str token;

    if (!bearer(call->req->head, &token) || !nc_str_starts(token, NC_STR(NC_KEY_PREFIX)))
        return true;
    return nc_key_known(call->chat, token);
}

bool nc_auth_secure(const struct nc_call *call)
{
    enum nc_reach reach = nc_addr_reach(&call->req->peer);

    return call->req->secure || reach != NC_REACH_LOOPBACK;
}

void nc_auth_set_cookie(struct nc_call *call, struct nc_str refresh_token,
                        unsigned max_age_s, bool secure)
{
    char *text = nc_arena_printf(
        call->arena,
        COOKIE "=%.*s; Path=" COOKIE_PATH "; Max-Age=%u; HttpOnly; SameSite=Strict%s",
        NC_FMT(refresh_token), refresh_token.n ? max_age_s : 0, secure ? "; Secure" : "");

    nc_call_header(call, "Set-Cookie", nc_str(text));
}

struct nc_str nc_auth_cookie(const struct nc_call *call)
{
    return nc_http_cookie(call->req->head, COOKIE);
}

struct nc_from nc_auth_from(const struct nc_call *call)
{
    return (struct nc_from){call->actor.address,
                            nc_http_get(call->req->head, "User-Agent")};
}
