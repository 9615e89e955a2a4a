#include "chat/rooms/room_json.h"

#include <stdlib.h>
#include <string.h>

#include "chat/live/presence.h"
#include "chat/talk/event.h"

/* A direct room has no name of its own: each sees the other's. */
struct nc_str nc_room_shown_name(const struct nc_room *r, const struct nc_user *reader)
{
    const struct nc_user *other = NULL;
    size_t at = 0;

    if (r->rec.kind == NC_DIRECT)
        for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
            if (!other || m->user != reader)
                other = m->user;
    return other ? other->a.display_name : r->rec.name;
}

void nc_room_json_open(const struct nc_chat *c, struct nc_json *j, const struct nc_room *r,
                       const struct nc_user *reader)
{
    const struct nc_member *mine = nc_room_member(r, reader);
    struct nc_room_rec rec = r->rec;
    size_t at = 0;

    rec.name = nc_room_shown_name(r, reader);
    nc_event_room(j, &rec, c->room_ai);
    j->out->n--; /* open the object again: more members follow */
    nc_json_kuint(j, "members_count", r->members.n);
    nc_json_key(j, "role");
    if (mine)
        nc_json_str(j, nc_str(nc_member_role_name(mine->rec.role)));
    else
        nc_json_null(j);
    if (rec.kind == NC_ROOM)
        return;
    nc_json_key(j, "members");
    nc_json_arr(j);
    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        nc_event_user(j, &m->user->a);
    nc_json_arr_end(j);
}

static int order_of(struct nc_str x, struct nc_str y)
{
    size_t n = x.n < y.n ? x.n : y.n;
    int order = n ? memcmp(x.p, y.p, n) : 0; /* nothing may be at NULL */

    return order ? order : (x.n > y.n) - (x.n < y.n);
}

static int by_name(const void *a, const void *b)
{
    return order_of((*(struct nc_member *const *)a)->user->a.username,
                    (*(struct nc_member *const *)b)->user->a.username);
}

void nc_room_members_json(struct nc_chat *c, struct nc_buf *out, const struct nc_room *r,
                          bool online_only)
{
    struct nc_json j = nc_json_to(out);
    struct nc_member **all = nc_alloc((r->members.n + 1) * sizeof(struct nc_member *));
    size_t at = 0, n = 0;

    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));)
        if (!m->leaving && (!online_only || nc_presence_online(c, m->user)))
            all[n++] = m;
    qsort(all, n, sizeof(struct nc_member *), by_name);
    nc_json_obj(&j);
    nc_json_key(&j, "members");
    nc_json_arr(&j);
    for (size_t i = 0; i < n; i++) {
        nc_event_user(&j, &all[i]->user->a);
        out->n--; /* open the object again */
        nc_json_kstr(&j, "role", nc_str(nc_member_role_name(all[i]->rec.role)));
        nc_json_kbool(&j, "online", nc_presence_online(c, all[i]->user));
        nc_json_obj_end(&j);
    }
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    free(all);
}

/* ---- who is kept out ---------------------------------------------------------- */

struct banned {
    const struct nc_user *user;
    const struct nc_ban *ban;
};

static int by_banned(const void *a, const void *b)
{
    return order_of(((const struct banned *)a)->user->a.username,
                    ((const struct banned *)b)->user->a.username);
}

static void add_ban(struct nc_json *j, const struct banned *one)
{
    nc_event_user(j, &one->user->a);
    j->out->n--; /* open the object again */
    nc_json_ktime(j, "banned_at", one->ban->created_ms);
    if (one->ban->until_ms)
        nc_json_ktime(j, "until", one->ban->until_ms);
    if (!nc_id_zero(&one->ban->by))
        nc_json_kid(j, "by", &one->ban->by);
    nc_json_obj_end(j);
}

bool nc_room_bans_json(struct nc_chat *c, struct nc_buf *out, const struct nc_actor *who,
                       const struct nc_room *r, struct nc_str after, unsigned limit,
                       struct nc_problem *why)
{
    struct nc_json j = nc_json_to(out);
    size_t at = 0, n = 0;

    if (nc_room_rank(r, who) <= NC_MEMBER + 1) {
        nc_problem_set(why, NC_P_FORBIDDEN,
                       "Only owners and moderators see who is banned.");
        return false;
    }
    struct banned *all = nc_alloc((r->bans.n + 1) * sizeof(*all));
    for (struct nc_ban *b; (b = nc_map_next(&r->bans, &at));) {
        const struct nc_user *u = nc_user_find(c, &b->user);
        if (u && nc_room_banned(r, u) && order_of(u->a.username, after) > 0)
            all[n++] = (struct banned){u, b};
    }
    qsort(all, n, sizeof(*all), by_banned);
    nc_json_obj(&j);
    nc_json_key(&j, "bans");
    nc_json_arr(&j);
    for (size_t i = 0; i < n && i < limit; i++)
        add_ban(&j, &all[i]);
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "has_more", n > limit);
    nc_json_obj_end(&j);
    free(all);
    return true;
}

/* ---- what anybody may find ------------------------------------------------------ */

static bool is_open(const struct nc_room *r, const void *reader)
{
    return nc_room_is_alive(r) && r->rec.visibility == NC_PUBLIC &&
           !nc_room_banned(r, reader);
}

void nc_rooms_public_json(struct nc_chat *c, struct nc_buf *out,
                          const struct nc_user *reader, struct nc_str q,
                          const struct nc_id *after, unsigned limit)
{
    struct nc_json j = nc_json_to(out);
    size_t n;
    struct nc_room **found = nc_rooms_find(c, q, after, is_open, reader, &n);

    nc_json_obj(&j);
    nc_json_key(&j, "rooms");
    nc_json_arr(&j);
    for (size_t i = 0; i < n && i < limit; i++) {
        nc_room_json_open(c, &j, found[i], reader);
        nc_json_obj_end(&j);
    }
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "has_more", n > limit);
    nc_json_obj_end(&j);
    free(found);
}
