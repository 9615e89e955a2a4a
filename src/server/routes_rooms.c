/* /api/v1/rooms: rooms, and who is in them. */
#include "ai/ai.h"
#include "ai/room_ai.h"
#include "chat/rooms/room_json.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/event.h"
#include "server/call.h"
#include "server/server.h"
#include "server/stream_export.h"
#include "wire/http_target.h"
#include "wire/json_in.h"

enum {
    MEMBERS_MAX = 100,
    PUBLIC_PAGE = 100,
    BANS_PAGE = 50,
    BANS_MAX = 200,
    RETENTION_MAX = 3650
};

static const char *const kinds[] = {"room", "direct", "dialog", NULL};
static const char *const visibilities[] = {"private", "public", NULL};
static const char *const roles[] = {"member", "moderator", "owner", NULL};

/* ---- answers ---------------------------------------------------------------- */

static void answer_room(struct nc_call *call, unsigned status, const struct nc_room *r)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_room_json_open(call->chat, &j, r, call->actor.user);
    nc_ai_room_json(call->srv->ai, &j, r);
    nc_json_obj_end(&j);
    nc_call_json(call, status, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void on_changed(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    if (why)
        nc_call_problem(arg, why);
    else
        answer_room(arg, 200, r);
}

/* What only a person does; the admin socket is nobody. */
static bool is_person(struct nc_call *call)
{
    if (call->actor.user)
        return true;
    nc_call_fail(call, NC_P_FORBIDDEN, "this takes a user");
    return false;
}

/* The user of the pattern's {username}; else the call has failed. */
static struct nc_user *named(struct nc_call *call, unsigned param)
{
    struct nc_user *u = nc_user_named(call->chat, call->params[param]);

    if (!u)
        nc_call_fail(call, NC_P_NOT_FOUND, "there is nobody of that name");
    return u;
}

/* ---- making one -------------------------------------------------------------- */

struct making {
    struct nc_call *call;
    struct nc_room_new in;
    struct nc_user *members[MEMBERS_MAX], *personas[MEMBERS_MAX];
    bool existed;
};

static void on_made(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct making *m = arg;

    if (why)
        nc_call_problem(m->call, why);
    else
        answer_room(m->call, m->existed ? 200 : 201, r);
}

/* Usernames of the body's array -> users; only personas where they are asked for. */
static bool users_of(struct nc_call *call, const char *name, bool personas,
                     struct nc_user **out, unsigned *n, bool *present,
                     struct nc_problem *why)
{
    struct nc_str names[MEMBERS_MAX];
    size_t count = 0;

    if (nc_json_opt_strs(call->body, name, MEMBERS_MAX, 64, names, &count, present, why))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct nc_user *u = nc_user_named(call->chat, names[i]);
        if (!u || (personas && u->a.kind != NC_PERSONA)) {
            nc_problem_set(why, NC_P_BAD_REQUEST, "%s: there is %s called %.*s.", name,
                           personas ? "no persona" : "nobody", NC_FMT(names[i]));
            return false;
        }
        out[(*n)++] = u;
    }
    return true;
}

/* The body's `ai` on top of these settings, into *out; true also without one. */
static bool read_ai(struct nc_call *call, struct nc_str settings, bool dialog,
                    struct nc_str *out, struct nc_problem *why)
{
    const json_t *patch = json_object_get(call->body, "ai");
    struct nc_buf text = {0};

    if (!patch || json_is_null(patch))
        return true;
    bool ok =
        nc_room_ai_patch(settings, call->chat->room_ai, patch, dialog, &text, why) == NC_OK;
    if (ok)
        *out = nc_arena_str(call->arena, nc_buf_str(&text));
    nc_buf_fini(&text);
    return ok;
}

static bool read_new(struct nc_call *call, struct making *m, struct nc_problem *why)
{
    struct nc_room_new *in = &m->in;
    unsigned kind = NC_ROOM, visibility = NC_PRIVATE;
    struct nc_str persona = {0};

    if (nc_json_opt_word(call->body, "kind", kinds, &kind, why) ||
        nc_json_opt_word(call->body, "visibility", visibilities, &visibility, why) ||
        nc_json_opt_str(call->body, "topic", 0, SIZE_MAX, &in->topic, why) ||
        nc_json_opt_str(call->body, "persona", 1, 64, &persona, why))
        return false;
    in->kind = (enum nc_room_kind)kind;
    in->visibility = (enum nc_visibility)visibility;
    if (kind == NC_ROOM ? nc_json_need_str(call->body, "name", 0, SIZE_MAX, &in->name, why)
                        : nc_json_opt_str(call->body, "name", 0, SIZE_MAX, &in->name, why))
        return false;
    if (!read_ai(call, call->chat->room_ai, kind == NC_DIALOG, &in->settings, why))
        return false;
    in->members = m->members;
    in->personas = m->personas;
    if (!users_of(call, "members", false, m->members, &in->members_n, NULL, why) ||
        !users_of(call, "personas", true, m->personas, &in->personas_n, &in->personas_given,
                  why))
        return false;
    if (persona.n && in->personas_n < MEMBERS_MAX) {
        struct nc_user *u = nc_user_named(call->chat, persona);
        if (!u || u->a.kind != NC_PERSONA) {
            nc_problem_set(why, NC_P_BAD_REQUEST,
                           "persona: there is no persona called %.*s.", NC_FMT(persona));
            return false;
        }
        in->personas_given = true;
        m->personas[in->personas_n++] = u;
    }
    return true;
}

static void post_room(struct nc_call *call)
{
    struct making *m = nc_arena_alloc(call->arena, sizeof(*m));
    struct nc_problem why;

    if (!is_person(call))
        return;
    m->call = call;
    m->in.existed = &m->existed;
    if (read_new(call, m, &why))
        nc_room_create(call->chat, &call->actor, &m->in, on_made, m);
    else
        nc_call_problem(call, &why);
}

/* ---- finding, changing, hiding ------------------------------------------------ */

static void get_rooms(struct nc_call *call)
{
    static const enum nc_room_kind values[] = {NC_ROOM, NC_DIRECT, NC_DIALOG};
    bool has_kind;
    struct nc_str kind = nc_call_query(call, "kind", &has_kind);
    struct nc_room_filter only = {0};

    if (!is_person(call))
        return;
    for (unsigned i = 0; has_kind && kinds[i]; i++)
        if (nc_str_eqz(kind, kinds[i]))
            only.kind = &values[i];
    if (has_kind && !only.kind)
        nc_call_fail(call, NC_P_BAD_REQUEST, "kind: room, direct or dialog");
    else if (nc_call_q(call, &only.q))
        nc_room_overview(call->chat, &call->actor, &only, nc_call_on_json, call);
}

static void get_public(struct nc_call *call)
{
    bool has_after;
    struct nc_str q;
    struct nc_str after_text = nc_call_query(call, "after", &has_after);
    struct nc_id after = {{0}};
    struct nc_buf out = {0};

    if (has_after && nc_id_parse(after_text, &after) != NC_OK) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "after: is no room id");
        return;
    }
    if (!nc_call_q(call, &q))
        return;
    nc_rooms_public_json(call->chat, &out, call->actor.user, q, &after, PUBLIC_PAGE);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void get_room(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);

    if (r)
        answer_room(call, 200, r);
}

static bool read_patch(struct nc_call *call, struct nc_room_patch *patch,
                       struct nc_str strs[2], enum nc_visibility *visibility,
                       uint32_t *days, struct nc_problem *why)
{
    unsigned word = 0;
    int64_t n = 0;

    if (nc_json_opt_str(call->body, "name", 0, SIZE_MAX, &strs[0], why) ||
        nc_json_opt_str(call->body, "topic", 0, SIZE_MAX, &strs[1], why) ||
        nc_json_opt_word(call->body, "visibility", visibilities, &word, why) ||
        nc_json_opt_int(call->body, "retention_days", 0, RETENTION_MAX, &n, why))
        return false;
    *visibility = (enum nc_visibility)word;
    *days = (uint32_t)n;
    if (strs[0].p)
        patch->name = &strs[0];
    if (strs[1].p)
        patch->topic = &strs[1];
    if (json_is_string(json_object_get(call->body, "visibility")))
        patch->visibility = visibility;
    if (json_is_integer(json_object_get(call->body, "retention_days")))
        patch->retention_days = days;
    return true;
}

static void patch_room(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    struct nc_room_patch patch = {0};
    struct nc_str strs[2] = {{0}}, settings = {0};
    enum nc_visibility visibility;
    uint32_t days;
    struct nc_problem why;

    if (!r)
        return;
    bool ok = read_patch(call, &patch, strs, &visibility, &days, &why) &&
              read_ai(call, nc_event_room_ai(&r->rec, call->chat->room_ai),
                      r->rec.kind == NC_DIALOG, &settings, &why);
    if (settings.n)
        patch.settings = &settings;
    if (!ok)
        nc_call_problem(call, &why);
    else
        nc_room_update(call->chat, &call->actor, r, &patch, on_changed, call);
}

static void delete_room(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);

    if (r)
        nc_room_delete(call->chat, &call->actor, r, nc_call_on_room_done, call);
}

static void get_export(struct nc_call *call)
{
    struct nc_room *r = nc_call_joined(call, 0);

    if (r)
        nc_stream_room(call, r);
}

/* ---- who is in it --------------------------------------------------------------- */

static void post_join(struct nc_call *call)
{
    struct nc_room *r = is_person(call) ? nc_call_room(call, 0) : NULL;

    if (r)
        nc_room_join(call->chat, &call->actor, r, nc_call_on_room_done, call);
}

static void post_leave(struct nc_call *call)
{
    struct nc_room *r = is_person(call) ? nc_call_room(call, 0) : NULL;

    if (r)
        nc_room_leave(call->chat, &call->actor, r, nc_call_on_room_done, call);
}

static void get_members(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    struct nc_buf out = {0};

    if (!r)
        return;
    nc_room_members_json(call->chat, &out, r,
                         nc_str_eqz(nc_call_query(call, "online", NULL), "1"));
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void put_member(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    struct nc_user *u = r ? named(call, 1) : NULL;
    unsigned role = NC_MEMBER;
    struct nc_problem why;

    if (!u)
        return;
    if (nc_json_opt_word(call->body, "role", roles, &role, &why))
        nc_call_problem(call, &why);
    else
        nc_room_put_member(call->chat, &call->actor, r, u, (enum nc_member_role)role,
                           nc_call_on_room_done, call);
}

static void delete_member(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    struct nc_user *u = r ? named(call, 1) : NULL;

    if (!u)
        return;
    if (u == call->actor.user)
        nc_room_leave(call->chat, &call->actor, r, nc_call_on_room_done, call);
    else
        nc_room_kick(call->chat, &call->actor, r, u, nc_call_on_room_done, call);
}

static void get_bans(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    uint64_t limit = BANS_PAGE;
    struct nc_buf out = {0};
    struct nc_problem why;

    if (!r)
        return;
    if (nc_http_query_u64(call->req->head->query, "limit", 1, BANS_MAX, &limit, &why) ==
            NC_OK &&
        nc_room_bans_json(call->chat, &out, &call->actor, r,
                          nc_call_query(call, "after", NULL), (unsigned)limit, &why))
        nc_call_json(call, 200, nc_buf_str(&out));
    else
        nc_call_problem(call, &why);
    nc_buf_fini(&out);
}

static void put_ban(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    struct nc_user *u = r ? named(call, 1) : NULL;
    uint64_t until = 0;
    struct nc_problem why;

    if (!u)
        return;
    if (nc_json_opt_time(call->body, "until", &until, &why))
        nc_call_problem(call, &why);
    else
        nc_room_ban(call->chat, &call->actor, r, u, until, nc_call_on_room_done, call);
}

static void delete_ban(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    struct nc_user *u = r ? named(call, 1) : NULL;

    if (u)
        nc_room_unban(call->chat, &call->actor, r, u, nc_call_on_room_done, call);
}

const struct nc_route nc_routes_rooms[] = {
    {"POST", "/api/v1/rooms", post_room, NC_R_BODY, 0, 0},
    {"GET", "/api/v1/rooms", get_rooms, NC_R_LIST, 0, 0},
    {"GET", "/api/v1/rooms/public", get_public, NC_R_LIST, 0, 0},
    {"GET", "/api/v1/rooms/{room:id}", get_room, 0, 0, 0},
    {"PATCH", "/api/v1/rooms/{room:id}", patch_room, NC_R_BODY, 0, 0},
    {"DELETE", "/api/v1/rooms/{room:id}", delete_room, 0, 0, 0},
    {"GET", "/api/v1/rooms/{room:id}/export", get_export, 0, 0, 0},
    {"POST", "/api/v1/rooms/{room:id}/join", post_join, 0, 0, 0},
    {"POST", "/api/v1/rooms/{room:id}/leave", post_leave, 0, 0, 0},
    {"GET", "/api/v1/rooms/{room:id}/members", get_members, NC_R_LIST, 0, 0},
    {"PUT", "/api/v1/rooms/{room:id}/members/{username}", put_member, NC_R_BODY_OPTIONAL, 0,
     0},
    {"DELETE", "/api/v1/rooms/{room:id}/members/{username}", delete_member, 0, 0, 0},
    {"GET", "/api/v1/rooms/{room:id}/bans", get_bans, NC_R_LIST, 0, 0},
    {"PUT", "/api/v1/rooms/{room:id}/bans/{username}", put_ban, NC_R_BODY_OPTIONAL, 0, 0},
    {"DELETE", "/api/v1/rooms/{room:id}/bans/{username}", delete_ban, 0, 0, 0},
    {NULL, NULL, NULL, 0, 0, 0},
};
