#include "chat/live/typing.h"

#include <stdlib.h>
#include <string.h>

#include "chat/observer.h"
#include "chat/talk/event.h"
#include "loop/loop.h"

enum { TYPISTS_MAX = 10000 };

/* By id, since rooms and memberships go without asking here. */
struct typist {
    struct {
        struct nc_id room, user;
    } key;
    struct nc_list node; /* soonest end first */
    uint64_t ends_ms, told_ms;
};

struct nc_typing {
    struct nc_chat *chat;
    const struct nc_presence_times *times;
    struct nc_map typists; /* by key */
    struct nc_list list;
    struct nc_deadline deadline;
    struct nc_observer observer;
};

static uint64_t now_ms(const struct nc_typing *t)
{
    return nc_loop_now_ms(t->chat->opts.loop);
}

static void publish(struct nc_typing *t, struct nc_room *r, struct nc_user *u, bool typing)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("typing"));
    nc_json_kid(&j, "room", &r->rec.id);
    nc_json_key(&j, "user");
    nc_event_user(&j, &u->a);
    nc_json_kbool(&j, "typing", typing);
    nc_json_obj_end(&j);
    nc_hub_publish_ephemeral(t->chat->hub, &r->topic, "typing", nc_buf_str(&b));
    nc_buf_fini(&b);
}

static void drop(struct nc_typing *t, struct typist *y)
{
    nc_map_del(&t->typists, &y->key, sizeof y->key);
    nc_list_del(&y->node);
    free(y);
}

static void set_deadline(struct nc_typing *t)
{
    if (nc_list_empty(&t->list))
        return;
    uint64_t due = nc_of(t->list.next, struct typist, node)->ends_ms, now = now_ms(t);
    nc_loop_deadline(t->chat->opts.loop, &t->deadline, due > now ? due - now : 1);
}

static void on_deadline(struct nc_deadline *d)
{
    struct nc_typing *t = nc_of(d, struct nc_typing, deadline);
    uint64_t now = now_ms(t);

    while (!nc_list_empty(&t->list)) {
        struct typist *y = nc_of(t->list.next, struct typist, node);
        if (y->ends_ms > now)
            break;
        struct nc_room *r = nc_map_get(&t->chat->rooms, &y->key.room, sizeof y->key.room);
        struct nc_user *u =
            nc_map_get(&t->chat->users_by_id, &y->key.user, sizeof y->key.user);
        if (r && u && nc_map_get(&r->members, &u->a.id, sizeof u->a.id))
            publish(t, r, u, false);
        drop(t, y);
    }
    set_deadline(t);
}

static struct typist *find(struct nc_typing *t, const struct nc_id *room,
                           const struct nc_id *user, struct typist *key)
{
    key->key.room = *room;
    key->key.user = *user;
    return nc_map_get(&t->typists, &key->key, sizeof key->key);
}

void nc_typing_set(struct nc_typing *t, struct nc_room *r, struct nc_user *u)
{
    struct typist key, *y = find(t, &r->rec.id, &u->a.id, &key);
    uint64_t now = now_ms(t);

    if (!y) {
        if (t->typists.n >= TYPISTS_MAX)
            return;
        y = nc_alloc(sizeof *y);
        y->key = key.key;
        nc_map_put(&t->typists, &y->key, sizeof y->key, y);
    }
    y->ends_ms = now + t->times->typing_ms;
    nc_list_del(&y->node);
    nc_list_add(&t->list, &y->node);
    if (!y->told_ms || now - y->told_ms >= t->times->again_ms) {
        y->told_ms = now;
        publish(t, r, u, true);
    }
    set_deadline(t);
}

/* The message ends it, and everybody sees the message. */
static void on_stored(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    struct nc_typing *t = nc_of(o, struct nc_typing, observer);
    struct typist key, *y = find(t, &r->rec.id, &m->sender, &key);

    if (y)
        drop(t, y);
}

static void on_merged(struct nc_observer *o, struct nc_room *r, const struct nc_message *m,
                      const struct nc_event *ev)
{
    if (ev->kind == NC_EV_MESSAGE_CREATED)
        on_stored(o, r, m);
}

struct nc_typing *nc_typing_new(struct nc_chat *c, const struct nc_presence_times *times)
{
    struct nc_typing *t = nc_alloc(sizeof *t);

    t->chat = c;
    t->times = times;
    t->deadline.fire = on_deadline;
    t->observer.stored = on_stored;
    t->observer.merged = on_merged;
    nc_list_init(&t->list);
    nc_list_add(&c->observers, &t->observer.node);
    return t;
}

void nc_typing_free(struct nc_typing *t)
{
    nc_list_del(&t->observer.node);
    nc_loop_deadline(t->chat->opts.loop, &t->deadline, 0);
    while (!nc_list_empty(&t->list))
        drop(t, nc_of(t->list.next, struct typist, node));
    nc_map_fini(&t->typists);
    free(t);
}
