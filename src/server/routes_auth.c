/* /api/v1/auth: coming in, staying in, leaving; and the keys that verify our tokens. */
#include "chat/live/hub.h"
#include "chat/people/account.h"
#include "chat/people/ticket.h"
#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "server/auth.h"
#include "server/call.h"
#include "server/origin.h"
#include "wire/json_in.h"

/* One that waits for its tokens.  Lives in the call's arena. */
struct entry {
    struct nc_call *call;
    unsigned status;
    bool cookie, secure; /* where the refresh token goes */
};

static struct entry *entry_of(struct nc_call *call, unsigned status)
{
    struct entry *e = nc_arena_alloc(call->arena, sizeof *e);

    e->call = call;
    e->status = status;
    e->secure = nc_auth_secure(call);
    return e;
}

static void on_login(void *arg, const struct nc_problem *why, const struct nc_login *l)
{
    struct entry *e = arg;
    struct nc_buf out = {0}, cursor = {0};
    struct nc_json j = nc_json_to(&out);

    if (why) {
        nc_call_problem(e->call, why);
        return;
    }
    nc_hub_cursor(e->call->chat->hub, NULL, &cursor);
    nc_json_obj(&j);
    nc_json_key(&j, "user");
    nc_account_json(&j, &l->user->a, false);
    nc_json_kstr(&j, "access_token", l->access);
    if (!e->cookie)
        nc_json_kstr(&j, "refresh_token", l->refresh);
    nc_json_kuint(&j, "expires_in", l->expires_s);
    nc_json_kstr(&j, "cursor", nc_buf_str(&cursor));
    nc_json_obj_end(&j);
    nc_buf_fini(&cursor);
    if (e->cookie)
        nc_auth_set_cookie(e->call, l->refresh, l->refresh_s, e->secure);
    nc_call_json(e->call, e->status, nc_buf_str(&out));
    nc_wipe(out.p, out.n);
    nc_buf_fini(&out);
}

static bool wants_cookie(struct nc_call *call, struct entry *e)
{
    struct nc_problem why;

    if (nc_json_opt_bool(call->body, "cookie", &e->cookie, &why)) {
        nc_call_problem(call, &why);
        return false;
    }
    if (!e->cookie || nc_origin_ok(call))
        return true;
    nc_call_fail(call, NC_P_FORBIDDEN, "cookies are for pages of this node");
    return false;
}

static void post_register(struct nc_call *call)
{
    struct entry *e = entry_of(call, 201);
    struct nc_register in = {.from = nc_auth_from(call)};

    if (nc_call_need_str(call, "username", &in.username) &&
        nc_call_need_str(call, "password", &in.password) &&
        nc_call_opt_str(call, "display_name", &in.display_name) &&
        nc_call_opt_str(call, "invite", &in.invite) &&
        nc_call_opt_str(call, "owner_code", &in.owner_code) && wants_cookie(call, e))
        nc_account_register(call->chat, &in, on_login, e);
}

static void post_login(struct nc_call *call)
{
    struct entry *e = entry_of(call, 200);
    struct nc_from from = nc_auth_from(call);
    struct nc_str username, password;

    if (nc_call_need_str(call, "username", &username) &&
        nc_call_need_str(call, "password", &password) && wants_cookie(call, e))
        nc_account_login(call->chat, username, password, &from, on_login, e);
}

static void post_refresh(struct nc_call *call)
{
    struct entry *e = entry_of(call, 200);
    struct nc_from from = nc_auth_from(call);
    struct nc_str token;

    if (!nc_call_opt_str(call, "refresh_token", &token))
        return;
    if (!token.p) {
        token = nc_auth_cookie(call);
        e->cookie = true;
        if (!token.p) {
            nc_call_fail(call, NC_P_BAD_REQUEST, "refresh_token is missing");
            return;
        }
        if (!nc_origin_ok(call)) {
            nc_call_fail(call, NC_P_FORBIDDEN, "cookies are for pages of this node");
            return;
        }
    }
    nc_session_refresh(call->chat, token, &from, on_login, e);
}

static void on_logout(void *arg, const struct nc_problem *why)
{
    struct entry *e = arg;

    if (why) {
        nc_call_problem(e->call, why);
        return;
    }
    if (e->cookie)
        nc_auth_set_cookie(e->call, NC_STR(""), 0, e->secure);
    nc_call_empty(e->call);
}

static void post_logout(struct nc_call *call)
{
    struct entry *e = entry_of(call, 204);

    if (!call->actor.user) { /* the admin socket has no session */
        nc_call_fail(call, NC_P_FORBIDDEN, "this takes a user");
        return;
    }
    e->cookie = nc_auth_cookie(call).p != NULL;
    nc_session_logout(call->chat, &call->actor, &call->session, on_logout, e);
}

static void post_ticket(struct nc_call *call)
{
    char ticket[NC_TICKET_TEXT];
    struct nc_problem why;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (!call->auth.user) {
        nc_call_fail(call, NC_P_FORBIDDEN, "this takes a user");
        return;
    }
    if (!nc_ticket_new(call->chat, &call->auth, ticket, &why)) {
        nc_call_problem(call, &why);
        return;
    }
    nc_json_obj(&j);
    nc_json_kstr(&j, "ticket", nc_str(ticket));
    nc_json_kuint(&j, "expires_in", NC_TICKET_MS / 1000);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void post_reset(struct nc_call *call)
{
    struct nc_from from = nc_auth_from(call);
    struct nc_str code, password;

    if (nc_call_need_str(call, "code", &code) &&
        nc_call_need_str(call, "password", &password))
        nc_account_reset(call->chat, code, password, &from, nc_call_on_done, call);
}

static void get_jwks(struct nc_call *call)
{
    struct nc_buf out = {0};

    nc_keyring_jwks(call->chat->opts.ring, &out);
    nc_call_header(call, "Cache-Control", NC_STR("public, max-age=300"));
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

const struct nc_route nc_routes_auth[] = {
    {"POST", "/api/v1/auth/register", post_register, NC_R_PUBLIC | NC_R_BODY, 0, 0},
    {"POST", "/api/v1/auth/login", post_login, NC_R_PUBLIC | NC_R_BODY, 0, 0},
    {"POST", "/api/v1/auth/refresh", post_refresh,
     NC_R_PUBLIC | NC_R_BODY_OPTIONAL | NC_R_COOKIE, 0, 0},
    {"POST", "/api/v1/auth/logout", post_logout, NC_R_SESSION | NC_R_FREE, 0, 0},
    {"POST", "/api/v1/auth/ticket", post_ticket, NC_R_FREE, NC_KEY_ALL, 0},
    {"POST", "/api/v1/auth/reset", post_reset, NC_R_PUBLIC | NC_R_BODY, 0, 0},
    {"GET", "/.well-known/jwks.json", get_jwks, NC_R_PUBLIC, 0, 0},
    {NULL, NULL, NULL, 0, 0, 0},
};
