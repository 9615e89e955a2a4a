#include "chat/live/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/live/hub_parts.h"
#include "chat/live/typing.h"
#include "chat/talk/event.h"

enum {
    ROOM_MAX = 200,     /* members; larger ones don't hear who is there */
    TOLD_BYTES = 64000, /* of a list of who is here, */
    LOOKED_MAX = 20000, /* and memberships that are looked at for it */
    LOOK_BYTES = 32,    /* of the list cost as much as a look */
};

const struct nc_presence_times nc_presence_times = {5000, 20000, 6000, 3000, 20000};

/* A room that had a frame less than every_ms ago, or is due one.  By id: rooms go. */
struct quiet {
    struct nc_id room;
    struct nc_list node;
    uint64_t until_ms;
    struct nc_user **changed; /* since the last frame */
    uint32_t n, cap;
};

struct nc_presence {
    struct nc_chat *chat;
    const struct nc_presence_times *times;
    struct nc_list
        going; /* struct nc_user, soonest first; never freed while the hub lives */
    struct nc_map quiet;   /* by room id */
    struct nc_list quiets; /* struct quiet, soonest first */
    struct nc_deadline deadline;
    struct nc_typing *typing;
    uint32_t lists;        /* of who is here, so far: nc_user.presence.counted */
    struct nc_list untold; /* struct nc_listener: to be told, when a turn has time for it */
    struct nc_task tells;
    size_t looks; /* made for lists in this turn */
    void (*watch)(void *arg, struct nc_user *u);
    void *watch_arg;
};

static uint64_t now_ms(const struct nc_presence *p)
{
    return nc_loop_now_ms(p->chat->opts.loop);
}

static void set_deadline(struct nc_presence *p)
{
    uint64_t due = UINT64_MAX, now = now_ms(p);

    if (!nc_list_empty(&p->going))
        due = nc_of(p->going.next, struct nc_user, presence.going)->presence.gone_ms;
    if (!nc_list_empty(&p->quiets)) {
        uint64_t until = nc_of(p->quiets.next, struct quiet, node)->until_ms;
        due = until < due ? until : due;
    }
    if (due != UINT64_MAX)
        nc_loop_deadline(p->chat->opts.loop, &p->deadline, due > now ? due - now : 1);
}

/* ---- a room's frame ------------------------------------------------------ */

static void add_users(struct nc_presence *p, struct nc_json *j, const struct quiet *q,
                      const char *key, bool online)
{
    nc_json_key(j, key);
    nc_json_arr(j);
    for (uint32_t i = 0; i < q->n; i++)
        if (nc_presence_online(p->chat, q->changed[i]) == online)
            nc_event_user(j, &q->changed[i]->a);
    nc_json_arr_end(j);
}

static void publish(struct nc_presence *p, struct nc_room *r, const struct quiet *q)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("presence"));
    nc_json_kid(&j, "room", &r->rec.id);
    add_users(p, &j, q, "online", true);
    add_users(p, &j, q, "offline", false);
    nc_json_obj_end(&j);
    nc_hub_publish_ephemeral(p->chat->hub, &r->topic, "presence", nc_buf_str(&b));
    nc_buf_fini(&b);
}

static void quiet_free(struct nc_presence *p, struct quiet *q)
{
    nc_map_del(&p->quiet, &q->room, sizeof q->room);
    nc_list_del(&q->node);
    free(q->changed);
    free(q);
}

/* Its time is over: say what has changed meanwhile, or forget the room.  To how many. */
static size_t on_due(struct nc_presence *p, struct quiet *q)
{
    struct nc_room *r = nc_map_get(&p->chat->rooms, &q->room, sizeof q->room);

    if (!r || q->n == 0 || r->rec.deleted_ms || r->members.n > ROOM_MAX) {
        quiet_free(p, q);
        return 0;
    }
    publish(p, r, q);
    q->n = 0;
    q->until_ms = now_ms(p) + p->times->every_ms;
    nc_list_del(&q->node);
    nc_list_add(&p->quiets, &q->node);
    return r->topic.n;
}

static void note(struct nc_presence *p, struct nc_room *r, struct nc_user *u)
{
    struct quiet *q = nc_map_get(&p->quiet, &r->rec.id, sizeof r->rec.id);

    if (!q) {
        q = nc_alloc(sizeof *q);
        q->room = r->rec.id;
        /* Due at once, in front of those that wait. */
        q->until_ms = now_ms(p);
        nc_list_add(p->quiets.next, &q->node);
        nc_map_put(&p->quiet, &q->room, sizeof q->room, q);
    }
    for (uint32_t i = 0; i < q->n; i++)
        if (q->changed[i] == u)
            return;
    NC_HUB_GROW(q->changed, q->n, q->cap);
    q->changed[q->n++] = u;
}

/* ---- coming and going ---------------------------------------------------- */

/* How many there are. */
static size_t tell_rooms(struct nc_presence *p, struct nc_user *u)
{
    size_t n = 0;

    nc_list_each(it, &u->memberships) {
        struct nc_room *r = nc_of(it, struct nc_member, by_user)->room;
        n++;
        if (r->members.n <= ROOM_MAX && !r->rec.deleted_ms)
            note(p, r, u);
    }
    return n;
}

bool nc_presence_by_us(const struct nc_user *u)
{
    return u->presence.local || u->presence.brokers;
}

/* After `local`, `brokers` or `far` was set: how many rooms are to hear of it. */
static size_t settle(struct nc_presence *p, struct nc_user *u)
{
    bool here = nc_presence_by_us(u) || u->presence.far;

    if (u->presence.here == here)
        return 0;
    u->presence.here = here;
    return tell_rooms(p, u);
}

static size_t set_local(struct nc_presence *p, struct nc_user *u, bool local)
{
    bool before = nc_presence_by_us(u);

    if (u->presence.local == local)
        return 0;
    u->presence.local = local;
    if (p->watch && nc_presence_by_us(u) != before)
        p->watch(p->watch_arg, u);
    return settle(p, u);
}

static void come(struct nc_presence *p, struct nc_user *u)
{
    nc_list_del(&u->presence.going);
    set_local(p, u, true);
}

static void go(struct nc_presence *p, struct nc_user *u)
{
    if (!u->presence.local)
        return;
    u->presence.gone_ms = now_ms(p) + p->times->linger_ms;
    nc_list_del(&u->presence.going);
    nc_list_add(&p->going, &u->presence.going);
}

void nc_presence_seen(struct nc_presence *p, struct nc_user *u)
{
    u->seen_ms = nc_wall_ms();
    if (nc_list_empty(&u->listeners))
        go(p, u);
    else
        come(p, u);
    set_deadline(p);
}

static size_t on_gone(struct nc_presence *p, struct nc_user *u)
{
    nc_list_del(&u->presence.going);
    return set_local(p, u, false);
}

/* A crowd that goes at once, or somebody who is in a thousand rooms, is told of over
 * several turns; what is left is due at once. */
static void on_deadline(struct nc_deadline *d)
{
    struct nc_presence *p = nc_of(d, struct nc_presence, deadline);
    uint64_t now = now_ms(p);
    size_t cost = 0;

    while (cost < p->times->per_turn && !nc_list_empty(&p->going)) {
        struct nc_user *u = nc_of(p->going.next, struct nc_user, presence.going);
        if (u->presence.gone_ms > now)
            break;
        cost += 1 + on_gone(p, u);
    }
    while (cost < p->times->per_turn && !nc_list_empty(&p->quiets)) {
        struct quiet *q = nc_of(p->quiets.next, struct quiet, node);
        if (q->until_ms > now)
            break;
        cost += 1 + on_due(p, q);
    }
    set_deadline(p);
}

/* False: nothing has changed. */
static bool one_more_or_less(uint16_t *n, bool more)
{
    if (more ? *n == UINT16_MAX : *n == 0)
        return false;
    *n = (uint16_t)(more ? *n + 1 : *n - 1);
    return true;
}

void nc_presence_far(struct nc_chat *c, struct nc_user *u, bool there)
{
    struct nc_presence *p = c->hub->presence;

    if (!one_more_or_less(&u->presence.far, there))
        return;
    settle(p, u);
    set_deadline(p);
}

void nc_presence_broker(struct nc_chat *c, struct nc_user *u, bool there)
{
    struct nc_presence *p = c->hub->presence;
    bool before = nc_presence_by_us(u);

    if (!one_more_or_less(&u->presence.brokers, there))
        return;
    if (p->watch && nc_presence_by_us(u) != before)
        p->watch(p->watch_arg, u);
    settle(p, u);
    set_deadline(p);
}

void nc_presence_watch(struct nc_chat *c, void (*watch)(void *arg, struct nc_user *u),
                       void *arg)
{
    c->hub->presence->watch = watch;
    c->hub->presence->watch_arg = arg;
}

bool nc_presence_online(const struct nc_chat *c, const struct nc_user *u)
{
    (void)c;
    return u->presence.here;
}

/* ---- who is here --------------------------------------------------------- */

struct list {
    struct nc_buf out;
    struct nc_json json;
    uint32_t nth;
    unsigned looked;
    bool full;
};

static void add_room(struct list *list, const struct nc_room *r)
{
    size_t at = 0;

    for (struct nc_member *m; !list->full && (m = nc_map_next(&r->members, &at));) {
        list->full = list->out.n >= TOLD_BYTES || ++list->looked > LOOKED_MAX;
        if (list->full || !m->user->presence.here || m->user->presence.counted == list->nth)
            continue;
        m->user->presence.counted = list->nth;
        nc_event_user(&list->json, &m->user->a);
    }
}

static void add_rooms(struct list *list, const struct nc_user *u, bool direct)
{
    nc_list_each(it, &u->memberships) {
        const struct nc_room *r = nc_of(it, struct nc_member, by_user)->room;
        if ((r->rec.kind == NC_DIRECT) == direct && r->members.n <= ROOM_MAX &&
            !r->rec.deleted_ms)
            add_room(list, r);
    }
}

static void tell(struct nc_presence *p, struct nc_listener *l)
{
    struct list list = {.nth = ++p->lists};

    list.json = nc_json_to(&list.out);
    nc_json_obj(&list.json);
    nc_json_kstr(&list.json, "type", NC_STR("online"));
    nc_json_key(&list.json, "users");
    nc_json_arr(&list.json);
    add_rooms(&list, l->user, true);
    add_rooms(&list, l->user, false);
    nc_json_arr_end(&list.json);
    nc_json_kbool(&list.json, "has_more", list.full);
    nc_json_obj_end(&list.json);
    nc_hub_tell(p->chat->hub, l, "online", nc_buf_str(&list.out));
    p->looks += 1 + list.looked + list.out.n / LOOK_BYTES;
    nc_buf_fini(&list.out);
}

/* A turn ends, and with it what was spent in it. */
static void on_tells(struct nc_task *t)
{
    struct nc_presence *p = nc_of(t, struct nc_presence, tells);
    struct nc_list *it;

    p->looks = 0;
    while (p->looks < p->times->per_turn && (it = nc_list_pop(&p->untold)))
        tell(p, nc_of(it, struct nc_listener, untold));
    if (p->looks)
        nc_loop_defer(p->chat->opts.loop, &p->tells);
}

void nc_presence_tell(struct nc_presence *p, struct nc_listener *l)
{
    if (nc_list_linked(&l->untold))
        return;
    if (nc_list_empty(&p->untold) && p->looks < p->times->per_turn)
        tell(p, l);
    else
        nc_list_add(&p->untold, &l->untold);
    nc_loop_defer(p->chat->opts.loop, &p->tells);
}

void nc_presence_typing(struct nc_chat *c, struct nc_room *r, struct nc_user *u)
{
    nc_typing_set(c->hub->presence->typing, r, u);
}

/* ---- life ---------------------------------------------------------------- */

struct nc_presence *nc_presence_new(struct nc_chat *c, const struct nc_presence_times *t)
{
    struct nc_presence *p = nc_alloc(sizeof *p);

    p->chat = c;
    p->times = t;
    p->deadline.fire = on_deadline;
    p->tells.run = on_tells;
    nc_list_init(&p->going);
    nc_list_init(&p->quiets);
    nc_list_init(&p->untold);
    p->typing = nc_typing_new(c, t);
    return p;
}

void nc_presence_free(struct nc_presence *p)
{
    if (!p)
        return;
    while (nc_list_pop(&p->going) || nc_list_pop(&p->untold))
        continue;
    nc_loop_undefer(p->chat->opts.loop, &p->tells);
    nc_loop_deadline(p->chat->opts.loop, &p->deadline, 0);
    while (!nc_list_empty(&p->quiets))
        quiet_free(p, nc_of(p->quiets.next, struct quiet, node));
    nc_map_fini(&p->quiet);
    nc_typing_free(p->typing);
    free(p);
}
