#include "chat/user.h"

#include <stdlib.h>
#include <string.h>

#include "chat/rooms/rooms.h"
#include "store/names.h"

struct nc_user *nc_user_find(const struct nc_chat *c, const struct nc_id *id)
{
    return nc_map_get(&c->users_by_id, id, sizeof *id);
}

struct nc_user *nc_user_named(const struct nc_chat *c, struct nc_str username)
{
    return username.n ? nc_map_get(&c->users_by_name, username.p, username.n) : NULL;
}

static struct nc_str own(struct nc_str s) { return (struct nc_str){nc_str_dup(s), s.n}; }

static void disown(struct nc_str *s)
{
    char *p;

    memcpy(&p, &s->p, sizeof p); /* ours, made by own() */
    free(p);
    *s = (struct nc_str){NULL, 0};
}

struct nc_user *nc_user_add(struct nc_chat *c, const struct nc_account *a)
{
    struct nc_user *u = nc_alloc(sizeof *u);

    u->topic.of_user = true;
    u->a = *a;
    u->a.username = own(a->username);
    u->a.display_name = own(a->display_name);
    u->a.password = (struct nc_str){NULL, 0};
    nc_list_init(&u->memberships);
    nc_list_init(&u->listeners);
    nc_map_put(&c->users_by_id, &u->a.id, sizeof u->a.id, u);
    c->names++;
    if (!a->deleted && a->username.n)
        nc_map_put(&c->users_by_name, u->a.username.p, u->a.username.n, u);
    return u;
}

void nc_user_changed(struct nc_chat *c, struct nc_user *u, const struct nc_account *a)
{
    u->a.role = a->role;
    u->a.disabled = a->disabled;
    if (!nc_str_eq(u->a.display_name, a->display_name)) {
        struct nc_str name = own(a->display_name); /* which may be the old one's tail */
        disown(&u->a.display_name);
        u->a.display_name = name;
        c->names += u->a.kind == NC_PERSONA;
    }
}

void nc_user_deleted(struct nc_chat *c, struct nc_user *u)
{
    if (u->a.deleted)
        return;
    if (nc_user_named(c, u->a.username) == u)
        nc_map_del(&c->users_by_name, u->a.username.p, u->a.username.n);
    u->a.deleted = true;
    c->names++;
    if (c->default_persona == u)
        c->default_persona = NULL;
    nc_hub_end(c->hub, u, NULL, 4401, "account deleted");
    nc_observe_ended(c, u, NULL);
    nc_rooms_forget(c, u);
    disown(&u->a.username);
    disown(&u->a.display_name);
}

void nc_user_renamed(struct nc_chat *c, struct nc_user *u, struct nc_str username)
{
    struct nc_str name = own(username);

    if (nc_user_named(c, u->a.username) == u)
        nc_map_del(&c->users_by_name, u->a.username.p, u->a.username.n);
    disown(&u->a.username);
    u->a.username = name;
    c->names++;
    if (name.n)
        nc_map_put(&c->users_by_name, u->a.username.p, u->a.username.n, u);
}

void nc_user_free(struct nc_user *u)
{
    if (!u)
        return;
    nc_topic_fini(&u->topic);
    nc_list_del(&u->presence.going);
    disown(&u->a.username);
    disown(&u->a.display_name);
    free(u->buckets);
    free(u);
}

bool nc_username_ok(struct nc_str s) { return nc_username_formed(s); }
