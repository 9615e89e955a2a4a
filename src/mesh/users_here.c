/* Who is here by MQTT: what people say of themselves in u/<name>/here, by themselves or by
 * their will.  A broker's word counts while the link to it is up, and a day at most: one
 * that crashed sends no wills. */
#include <stdlib.h>
#include <string.h>

#include "chat/live/presence.h"
#include "chat/user.h"
#include "mesh/users_parts.h"

enum {
    AWAY_MS = 60 * 1000,       /* a link that is down for so long says nothing any more */
    LOOK_MS = 10 * 60 * 1000,  /* who said it too long ago is looked for so often */
    HERE_MS = 24 * 3600 * 1000 /* said once, it counts for so long */
};

struct guest {
    struct nc_user *user;
    uint64_t heard_ms; /* loop time */
    bool counted;      /* chat was told */
    size_t name_n;
    char name[]; /* as it was then */
};

static void count(struct nc_user_end *e, struct guest *g, bool here)
{
    if (g->counted == here)
        return;
    g->counted = here;
    nc_presence_broker(e->users->chat, g->user, here);
}

static void goes(struct nc_user_end *e, struct guest *g)
{
    count(e, g, false);
    nc_map_del(&e->guests, &g->user->a.id, sizeof g->user->a.id);
    free(g);
}

static void comes(struct nc_user_end *e, struct nc_user *user)
{
    struct nc_str name = user->a.username;
    struct guest *g = nc_map_get(&e->guests, &user->a.id, sizeof user->a.id);

    if (!g) {
        g = nc_alloc(sizeof *g + name.n);
        g->user = user;
        g->name_n = name.n;
        memcpy(g->name, name.p, name.n);
        nc_map_put(&e->guests, &user->a.id, sizeof user->a.id, g);
    }
    g->heard_ms = nc_loop_now_ms(e->users->o.loop);
    count(e, g, true);
    if (e->up && !e->look.due)
        nc_loop_deadline(e->users->o.loop, &e->look, LOOK_MS);
}

void nc_here_said(struct nc_user_end *e, struct nc_str name, struct nc_str payload)
{
    struct nc_user *user = nc_user_named(e->users->chat, name);
    struct guest *g;

    if (!user || user->a.kind != NC_PERSON)
        return;
    if (payload.n && !nc_str_eqz(payload, "gone") && !user->a.disabled)
        comes(e, user);
    else if ((g = nc_map_get(&e->guests, &user->a.id, sizeof user->a.id)))
        goes(e, g);
}

static void on_look(struct nc_deadline *d)
{
    struct nc_user_end *e = nc_of(d, struct nc_user_end, look);
    uint64_t now = nc_loop_now_ms(e->users->o.loop);
    size_t at = 0;

    for (struct guest *g; (g = nc_map_next(&e->guests, &at));) {
        if (!e->up)
            count(e, g, false);
        if (now - g->heard_ms >= HERE_MS)
            goes(e, g);
    }
    if (e->up && e->guests.n)
        nc_loop_deadline(e->users->o.loop, &e->look, LOOK_MS);
}

void nc_here_init(struct nc_user_end *e) { e->look.fire = on_look; }

/* In a session that goes on, what was said meanwhile is still to come; in a new one all
 * that the broker keeps is. */
void nc_here_up(struct nc_user_end *e, bool session_present)
{
    size_t at = 0;

    for (struct guest *g; (g = nc_map_next(&e->guests, &at));)
        if (session_present)
            count(e, g, true);
        else
            goes(e, g);
    nc_loop_deadline(e->users->o.loop, &e->look, e->guests.n ? LOOK_MS : 0);
}

void nc_here_down(struct nc_user_end *e)
{
    nc_loop_deadline(e->users->o.loop, &e->look, e->guests.n ? AWAY_MS : 0);
}

void nc_here_account(struct nc_users *u, const struct nc_user *user)
{
    struct nc_str name = user->a.username;

    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        struct guest *g = nc_map_get(&e->guests, &user->a.id, sizeof user->a.id);
        if (g && (user->a.disabled || user->a.deleted ||
                  !nc_str_eq((struct nc_str){g->name, g->name_n}, name)))
            goes(e, g);
    }
}

void nc_here_fini(struct nc_user_end *e)
{
    size_t at = 0;

    nc_loop_deadline(e->users->o.loop, &e->look, 0);
    for (struct guest *g; (g = nc_map_next(&e->guests, &at));)
        goes(e, g);
    nc_map_fini(&e->guests);
}
