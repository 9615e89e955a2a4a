/* Who may know that somebody is here, and finding them. */
#include <stdlib.h>

#include "base/utf8.h"
#include "chat/people/account.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/event.h"
#include "wire/json.h"

/* A search looks at so many people at most: the loop has others to serve. */
enum { LOOKED_AT_MAX = 20000 };

static bool is_admin(const struct nc_actor *who)
{
    return who->admin_socket || (who->user && who->user->a.role >= NC_ROLE_ADMIN);
}

static bool share_a_room(const struct nc_user *a, const struct nc_user *b)
{
    nc_list_each(n, &a->memberships) {
        const struct nc_member *m = nc_of(n, struct nc_member, by_user);
        if (!m->leaving && nc_room_is_alive(m->room) && nc_room_member(m->room, b))
            return true;
    }
    return false;
}

bool nc_account_visible(const struct nc_chat *c, const struct nc_actor *who,
                        const struct nc_user *u)
{
    if (u->a.deleted)
        return false;
    if (c->opts.directory_open || is_admin(who) || who->user == u)
        return true;
    return who->user && share_a_room(who->user, u);
}

static bool holds(struct nc_str text, struct nc_str piece)
{
    if (!piece.n)
        return true;
    for (size_t i = 0; i + piece.n <= text.n; i++)
        if (nc_str_eq((struct nc_str){text.p + i, piece.n}, piece))
            return true;
    return false;
}

struct search {
    struct nc_chat *chat;
    const struct nc_actor *who;
    struct nc_buf wanted, folded;
    unsigned limit, looked_at;
    const struct nc_user **found;
    unsigned n;
    bool more;
};

static bool matches(struct search *s, const struct nc_user *u)
{
    if (holds(u->a.username, nc_buf_str(&s->wanted)))
        return true;
    nc_buf_clear(&s->folded);
    nc_utf8_fold(u->a.display_name, true, &s->folded);
    return holds(nc_buf_str(&s->folded), nc_buf_str(&s->wanted));
}

/* False: enough. */
static bool look_at(struct search *s, const struct nc_user *u)
{
    if (++s->looked_at > LOOKED_AT_MAX) {
        s->more = true;
        return false;
    }
    for (unsigned i = 0; i < s->n; i++)
        if (s->found[i] == u)
            return true;
    if (u->a.deleted || u->a.kind == NC_SYSTEM || !matches(s, u))
        return true;
    if (s->n == s->limit) {
        s->more = true;
        return false;
    }
    s->found[s->n++] = u;
    return true;
}

static void look_everywhere(struct search *s)
{
    size_t at = 0;

    for (const struct nc_user *u; (u = nc_map_next(&s->chat->users_by_id, &at));)
        if (!look_at(s, u))
            return;
}

static void look_in_rooms(struct search *s)
{
    if (!look_at(s, s->who->user))
        return;
    nc_list_each(n, &s->who->user->memberships) {
        const struct nc_member *mine = nc_of(n, struct nc_member, by_user);
        size_t at = 0;
        if (mine->leaving || !nc_room_is_alive(mine->room))
            continue;
        for (const struct nc_member *m; (m = nc_map_next(&mine->room->members, &at));)
            if (!m->leaving && !look_at(s, m->user))
                return;
    }
}

static int by_name(const void *a, const void *b)
{
    const struct nc_user *const *x = a, *const *y = b;
    struct nc_str p = (*x)->a.username, q = (*y)->a.username;
    int d = __builtin_memcmp(p.p, q.p, p.n < q.n ? p.n : q.n);

    return d ? d : (p.n > q.n) - (p.n < q.n);
}

void nc_account_search(struct nc_chat *c, const struct nc_actor *who, struct nc_str q,
                       unsigned limit, struct nc_buf *out)
{
    struct search s = {.chat = c, .who = who, .limit = limit};
    struct nc_json j = nc_json_to(out);

    s.found = nc_alloc((limit + 1) * sizeof *s.found);
    nc_utf8_fold(nc_str_trim(q), true, &s.wanted);
    if (c->opts.directory_open || is_admin(who))
        look_everywhere(&s);
    else
        look_in_rooms(&s);
    qsort(s.found, s.n, sizeof *s.found, by_name);
    nc_json_obj(&j);
    nc_json_key(&j, "users");
    nc_json_arr(&j);
    for (unsigned i = 0; i < s.n; i++)
        nc_event_user(&j, &s.found[i]->a);
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "has_more", s.more);
    nc_json_obj_end(&j);
    nc_buf_fini(&s.wanted);
    nc_buf_fini(&s.folded);
    free(s.found);
}
