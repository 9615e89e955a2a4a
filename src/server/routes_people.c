/* /api/v1/me, invites, users: one's own account, and others'. */
#include "chat/people/account.h"
#include "chat/people/invite.h"
#include "chat/talk/event.h"
#include "crypto/hash.h"
#include "server/auth.h"
#include "server/call.h"
#include "server/stream_export.h"
#include "wire/http_target.h"
#include "wire/json_in.h"

enum { USERS_MAX = 100, USERS_DEFAULT = 50 };

/* What a JSON number can count exactly everywhere. */
#define CAP_MAX (INT64_C(1) << 53)

/* Tells the caller of a person alone; the admin socket is nobody. */
static struct nc_user *caller(struct nc_call *call)
{
    struct nc_user *u = call->actor.user; /* an answered call is gone */

    if (!u)
        nc_call_fail(call, NC_P_FORBIDDEN, "this takes a user");
    return u;
}

/* ---- me ------------------------------------------------------------------ */

static void answer_me(struct nc_call *call)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_account_json(&j, &call->actor.user->a, false);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void get_me(struct nc_call *call)
{
    if (caller(call))
        answer_me(call);
}

static void on_renamed(void *arg, const struct nc_problem *why)
{
    if (why)
        nc_call_problem(arg, why);
    else
        answer_me(arg);
}

static void patch_me(struct nc_call *call)
{
    struct nc_user *u = caller(call);
    struct nc_str name;

    if (!u || !nc_call_opt_str(call, "display_name", &name))
        return;
    if (name.p)
        nc_account_rename(call->chat, &call->actor, u, name, on_renamed, call);
    else
        answer_me(call);
}

static void delete_me(struct nc_call *call)
{
    if (!caller(call))
        return;
    if (nc_auth_cookie(call).p)
        nc_auth_set_cookie(call, NC_STR(""), 0, nc_auth_secure(call));
    nc_account_delete(call->chat, &call->actor, nc_call_on_done, call);
}

static void post_password(struct nc_call *call)
{
    struct nc_str old, new_one;

    if (caller(call) && nc_call_need_str(call, "old", &old) &&
        nc_call_need_str(call, "new", &new_one))
        nc_account_password(call->chat, &call->actor, &call->session, old, new_one,
                            nc_call_on_done, call);
}

static void get_export(struct nc_call *call)
{
    if (caller(call))
        nc_stream_export(call);
}

/* ---- sessions ------------------------------------------------------------ */

static void get_sessions(struct nc_call *call)
{
    struct nc_user *u = caller(call);

    if (u)
        nc_session_list(call->chat, u, &call->session, nc_call_on_json, call);
}

static void delete_session(struct nc_call *call)
{
    struct nc_user *u = caller(call);

    if (u)
        nc_session_end(call->chat, &call->actor, u, &call->ids[0], nc_call_on_done, call);
}

/* ---- keys ---------------------------------------------------------------- */

static void get_keys(struct nc_call *call)
{
    struct nc_user *u = caller(call);

    if (u)
        nc_key_list(call->chat, u, nc_call_on_json, call);
}

static void on_key(void *arg, const struct nc_problem *why, const struct nc_key *rec,
                   struct nc_str key)
{
    struct nc_call *call = arg;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (why) {
        nc_call_problem(call, why);
        return;
    }
    nc_json_obj(&j);
    nc_key_json(&j, rec);
    nc_json_kstr(&j, "key", key);
    nc_json_obj_end(&j);
    nc_call_json(call, 201, nc_buf_str(&out));
    nc_wipe(out.p, out.n);
    nc_buf_fini(&out);
}

static bool scopes_of(struct nc_call *call, unsigned *set)
{
    struct nc_str words[8];
    struct nc_problem why;
    size_t n = 0;

    if (nc_json_opt_strs(call->body, "scopes", NC_COUNT(words), 32, words, &n, NULL,
                         &why)) {
        nc_call_problem(call, &why);
        return false;
    }
    *set = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned scope = nc_key_scope(words[i]);
        if (!scope) {
            nc_call_fail(call, NC_P_BAD_REQUEST, "scopes: chat, ai and mqtt are known");
            return false;
        }
        *set |= scope;
    }
    return true;
}

static bool opt_time(struct nc_call *call, const char *name, uint64_t *out)
{
    struct nc_problem why;

    *out = 0;
    if (nc_json_opt_time(call->body, name, out, &why) == NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

static bool opt_cap(struct nc_call *call, const char *name, uint64_t *out)
{
    struct nc_problem why;
    int64_t n = 0;

    if (nc_json_opt_int(call->body, name, 1, CAP_MAX, &n, &why)) {
        nc_call_problem(call, &why);
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

static void post_key(struct nc_call *call)
{
    struct nc_key_new in = {0};

    if (caller(call) && nc_call_need_str(call, "name", &in.name) &&
        scopes_of(call, &in.scopes) && opt_time(call, "expires_at", &in.expires_ms) &&
        opt_cap(call, "tokens_per_day", &in.tokens_per_day) &&
        opt_cap(call, "requests_per_day", &in.requests_per_day))
        nc_key_create(call->chat, &call->actor, &in, on_key, call);
}

static void delete_key(struct nc_call *call)
{
    if (caller(call))
        nc_key_delete(call->chat, &call->actor, &call->ids[0], nc_call_on_done, call);
}

/* ---- invites ------------------------------------------------------------- */

static void on_invite(void *arg, const struct nc_problem *why, const struct nc_invite *i,
                      struct nc_str url)
{
    struct nc_call *call = arg;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    (void)url;
    if (why) {
        nc_call_problem(call, why);
        return;
    }
    nc_json_obj(&j);
    nc_invite_json(&j, i, call->chat->opts.public_url);
    nc_json_obj_end(&j);
    nc_call_json(call, 201, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void post_invite(struct nc_call *call)
{
    struct nc_invite_new in = {0};
    struct nc_problem why;
    struct nc_id room;
    int64_t uses = 1;

    if (nc_json_opt_int(call->body, "uses", 1, NC_INVITE_USES_MAX, &uses, &why)) {
        nc_call_problem(call, &why);
        return;
    }
    in.uses = (uint32_t)uses;
    if (!opt_time(call, "expires_at", &in.expires_ms) ||
        !nc_call_opt_id(call, "room", &room))
        return;
    if (!nc_id_zero(&room)) {
        in.room = nc_room_visible(call->chat, &call->actor, &room, &why);
        if (!in.room) {
            nc_call_problem(call, &why);
            return;
        }
    }
    nc_invite_create(call->chat, &call->actor, &in, on_invite, call);
}

static void get_invites(struct nc_call *call)
{
    nc_invite_list(call->chat, &call->actor, nc_call_on_json, call);
}

static void delete_invite(struct nc_call *call)
{
    nc_invite_delete(call->chat, &call->actor, &call->ids[0], nc_call_on_done, call);
}

/* ---- others -------------------------------------------------------------- */

static void get_users(struct nc_call *call)
{
    struct nc_str q = nc_call_query(call, "q", NULL);
    uint64_t limit = USERS_DEFAULT;
    struct nc_problem why;
    struct nc_buf out = {0};

    if (!caller(call))
        return;
    if (nc_http_query_u64(call->req->head->query, "limit", 1, USERS_MAX, &limit, &why)) {
        nc_call_problem(call, &why);
        return;
    }
    if (q.n > 128) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "q has more than 128 bytes");
        return;
    }
    nc_account_search(call->chat, &call->actor, q, (unsigned)limit, &out);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void get_user(struct nc_call *call)
{
    const struct nc_user *u = nc_user_named(call->chat, call->params[0]);
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (!u || !nc_account_visible(call->chat, &call->actor, u)) {
        nc_call_fail(call, NC_P_NOT_FOUND, "there is no such user, or you share no room");
        return;
    }
    nc_event_user(&j, &u->a);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

const struct nc_route nc_routes_people[] = {
    {"GET", "/api/v1/me", get_me, 0, NC_KEY_ALL, 0},
    {"PATCH", "/api/v1/me", patch_me, NC_R_BODY, 0, 0},
    {"DELETE", "/api/v1/me", delete_me, NC_R_SESSION, 0, 0},
    {"POST", "/api/v1/me/password", post_password, NC_R_BODY | NC_R_SESSION, 0, 0},
    {"GET", "/api/v1/me/export", get_export, NC_R_SESSION, 0, 0},
    {"GET", "/api/v1/me/sessions", get_sessions, NC_R_SESSION | NC_R_LIST, 0, 0},
    {"DELETE", "/api/v1/me/sessions/{id:id}", delete_session, NC_R_SESSION, 0, 0},
    {"GET", "/api/v1/me/keys", get_keys, NC_R_SESSION | NC_R_LIST, 0, 0},
    {"POST", "/api/v1/me/keys", post_key, NC_R_BODY | NC_R_SESSION, 0, 0},
    {"DELETE", "/api/v1/me/keys/{id:id}", delete_key, NC_R_SESSION, 0, 0},
    {"GET", "/api/v1/invites", get_invites, NC_R_LIST, 0, 0},
    {"POST", "/api/v1/invites", post_invite, NC_R_BODY | NC_R_SESSION, 0, 0},
    {"DELETE", "/api/v1/invites/{id:id}", delete_invite, NC_R_SESSION, 0, 0},
    {"GET", "/api/v1/users", get_users, NC_R_LIST, 0, 0},
    {"GET", "/api/v1/users/{username}", get_user, 0, 0, 0},
    {NULL, NULL, NULL, 0, 0, 0},
};
