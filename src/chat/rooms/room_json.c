#include "chat/rooms/room_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
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

static int by_name(const void *a, const void *b)
{
    struct nc_str x = (*(struct nc_member *const *)a)->user->a.username;
    struct nc_str y = (*(struct nc_member *const *)b)->user->a.username;
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

    return order ? order : (x.n > y.n) - (x.n < y.n);
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

static int by_id(const void *a, const void *b)
{
    return nc_id_cmp(&(*(struct nc_room *const *)a)->rec.id,
                     &(*(struct nc_room *const *)b)->rec.id);
}

void nc_rooms_public_json(struct nc_chat *c, struct nc_buf *out,
                          const struct nc_user *reader, struct nc_str q,
                          const struct nc_id *after, unsigned limit)
{
    struct nc_json j = nc_json_to(out);
    struct nc_room **found = nc_alloc((c->rooms.n + 1) * sizeof(struct nc_room *));
    struct nc_buf folded = {0}, scratch = {0};
    size_t at = 0, n = 0;

    nc_utf8_fold(q, true, &folded);
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &at));)
        if (nc_room_is_alive(r) && r->rec.visibility == NC_PUBLIC &&
            nc_id_cmp(&r->rec.id, after) > 0 && !nc_room_banned(r, reader) &&
            nc_name_has(r->rec.name, nc_buf_str(&folded), &scratch))
            found[n++] = r;
    qsort(found, n, sizeof(struct nc_room *), by_id);
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
    nc_buf_fini(&folded);
    nc_buf_fini(&scratch);
    free(found);
}
