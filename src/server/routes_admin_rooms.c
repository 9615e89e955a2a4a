/* /api/v1/admin/rooms: what an administrator sees of rooms and does to them.  Not what is
 * said there: nobody gets to read a room by this. */
#include <stdlib.h>

#include "chat/rooms/rooms.h"
#include "server/call.h"
#include "server/server.h"

/* Owners who can still do something about their room. */
static unsigned owners(const struct nc_room *r)
{
    unsigned n = 0;
    size_t at = 0;

    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        n += m->rec.role == NC_OWNER && !m->leaving && m->user->a.kind == NC_PERSON &&
             !m->user->a.disabled;
    return n;
}

static void room(struct nc_json *j, const struct nc_room *r)
{
    static const char *const kinds[] = {"room", "direct", "dialog"};

    nc_json_obj(j);
    nc_json_kid(j, "id", &r->rec.id);
    nc_json_kstr(j, "name", r->rec.name);
    nc_json_kstr(j, "kind", nc_str(kinds[r->rec.kind]));
    nc_json_kstr(j, "visibility",
                 r->rec.visibility == NC_PUBLIC ? NC_STR("public") : NC_STR("private"));
    nc_json_kuint(j, "members_count", r->members.n);
    nc_json_kuint(j, "owners_count", owners(r));
    nc_json_ktime(j, "created_at", r->rec.created_ms);
    if (r->rec.deleted_ms)
        nc_json_ktime(j, "deleted_at", r->rec.deleted_ms);
    nc_json_obj_end(j);
}

static void rooms(struct nc_call *call)
{
    struct nc_str q;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);
    struct nc_id after;
    uint64_t limit = 200;
    size_t n;

    if (!nc_call_page(call, 1000, &limit, &after) || !nc_call_q(call, &q))
        return;
    struct nc_room **found =
        nc_rooms_find(call->chat, nc_str_trim(q), &after, NULL, NULL, &n);
    nc_json_obj(&j);
    nc_json_key(&j, "rooms");
    nc_json_arr(&j);
    for (size_t i = 0; i < n && i < limit; i++)
        room(&j, found[i]);
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "has_more", n > limit);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
    free(found);
}

/* {room:id} of the pattern, one of kind `room`; or the call has been failed. */
static struct nc_room *room_of(struct nc_call *call)
{
    struct nc_room *r = nc_room_find(call->chat, &call->ids[0]);

    if (!r)
        nc_call_fail(call, NC_P_NOT_FOUND, "There is no such room.");
    else if (r->rec.kind != NC_ROOM)
        nc_call_fail(call, NC_P_FORBIDDEN,
                     "Direct chats and dialogs are the affair of those who are in them.");
    else
        return r;
    return NULL;
}

/* With the rights of the machine's owner, in the administrator's own name. */
static struct nc_actor above_all(const struct nc_call *call)
{
    struct nc_actor who = call->actor;

    who.admin_socket = true;
    return who;
}

static void on_done(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    (void)r;
    nc_call_on_done(arg, why);
}

static void delete_room(struct nc_call *call)
{
    struct nc_actor who = above_all(call); /* before room_of, which may end the call */
    struct nc_room *r = room_of(call);

    if (r)
        nc_room_delete(call->chat, &who, r, on_done, call);
}

/* Somebody who is in the room already, and only while nobody else can look after it: so
 * that it opens no door. */
static bool may_own(const struct nc_room *r, const struct nc_user *u,
                    struct nc_problem *why)
{
    const struct nc_member *m = u ? nc_room_member(r, u) : NULL;

    if (!m || m->leaving || u->a.kind != NC_PERSON || u->a.disabled)
        nc_problem_set(why, NC_P_BAD_REQUEST,
                       "username: must be somebody who is in the room, and can log in.");
    else if (owners(r))
        nc_problem_set(why, NC_P_CONFLICT, "The room has an owner who can do it.");
    else
        return true;
    return false;
}

static void put_owner(struct nc_call *call)
{
    struct nc_actor who = above_all(call); /* before room_of, which may end the call */
    struct nc_room *r = room_of(call);
    struct nc_problem why;
    struct nc_str name;

    if (!r || !nc_call_need_str(call, "username", &name))
        return;

    struct nc_user *u = nc_user_named(call->chat, name);
    if (may_own(r, u, &why)) {
        nc_room_put_member(call->chat, &who, r, u, NC_OWNER, on_done, call);
        return;
    }
    nc_rooms_audit(call->chat, &call->actor, "member.role", r, u, &why);
    nc_call_problem(call, &why);
}

#define ADMIN (NC_R_ADMIN | NC_R_SESSION)

const struct nc_route nc_routes_admin_rooms[] = {
    {"GET", "/api/v1/admin/rooms", rooms, ADMIN, 0, 0},
    {"DELETE", "/api/v1/admin/rooms/{room:id}", delete_room, ADMIN, 0, 0},
    {"PUT", "/api/v1/admin/rooms/{room:id}/owner", put_owner, ADMIN | NC_R_BODY, 0, 0},
    {0},
};
