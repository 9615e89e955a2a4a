/*
 * What was said over MQTT and is ours to store: it waits its turn behind what its sender
 * said before, is said, is answered.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chat/people/throttle.h"
#include "chat/talk/event.h"
#include "mesh/users_parts.h"
#include "wire/json.h"

enum {
    AT_ONCE = 256,            /* of one user in the store's hands */
    WAITING_MAX = 10000,      /* of one user, behind these */
    WAITING_BYTES = 16 << 20, /* and their payloads: the file is everybody's */
    CHEAP = 1024              /* bytes that are parsed without being counted */
};

/* What one user said, in order. */
struct lane {
    struct nc_users *users;
    struct nc_list waiting; /* struct nc_held.node, by n */
    unsigned waiting_n, running;
    size_t bytes; /* of payloads that wait or run */
    bool pumping;
    struct nc_deadline again; /* said too often: the rest waits */
    size_t name_n;
    char name[];
};

struct saying {
    struct lane *lane;
    struct nc_held *held;
    struct nc_id room;
    struct nc_buf ref;
};

/* ---- answers -------------------------------------------------------------- */

/* The frames of WebSocket: for a command its notice, then an acknowledgement of nothing. */
static void answer(struct saying *s, const struct nc_sent *sent)
{
    struct nc_users *u = s->lane->users;
    struct nc_str name = {s->lane->name, s->lane->name_n}, ref = nc_buf_str(&s->ref);
    struct nc_buf b = {0};

    if (sent->is_notice) {
        struct nc_json j = nc_users_frame(&b, "notice", ref);
        nc_json_kid(&j, "room", &s->room);
        nc_json_kstr(&j, "text", sent->notice);
        nc_json_obj_end(&j);
        nc_users_answer(u, NULL, s->held->via, name, nc_buf_str(&b));
        nc_buf_clear(&b);
    }
    struct nc_json j = nc_users_frame(&b, "ack", ref);
    nc_json_key(&j, "message");
    if (sent->is_notice)
        nc_json_null(&j);
    else
        nc_event_message(&j, &sent->message, true);
    nc_json_obj_end(&j);
    nc_users_answer(u, NULL, s->held->via, name, nc_buf_str(&b));
    nc_buf_fini(&b);
}

/* Where others hold it too, they are told that they need not.  A command also where they
 * are away: it waits for them in the broker, and so does this, behind it. */
static void tell_others(struct nc_users *u, const struct nc_held *d)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "user", (struct nc_str){d->user, d->user_n});
    nc_json_kid(&j, "room", &d->room);
    nc_json_kid(&j, "client_id", &d->client_id);
    nc_json_obj_end(&j);
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        struct nc_mqtt_out m = {.topic = nc_users_own_topic(u, NC_STR("took")),
                                .payload = nc_buf_str(&b),
                                .qos = 1};
        if ((d->once || !nc_users_alone(e)) && nc_users_publish(e, &m) != NC_OK)
            nc_log(NC_DEBUG, "users.unsaid", "topic=took");
    }
    nc_buf_fini(&b);
}

static void done_with(struct nc_users *u, struct nc_held *d)
{
    tell_others(u, d);
    nc_hold_drop(u->hold, d);
}

/* ---- lanes ---------------------------------------------------------------- */

static void pump(struct lane *l);

static void on_again(struct nc_deadline *d) { pump(nc_of(d, struct lane, again)); }

static struct lane *lane_of(struct nc_users *u, struct nc_str name)
{
    struct lane *l = u->lanes.n ? nc_map_get(&u->lanes, name.p, name.n) : NULL;

    if (l)
        return l;
    l = nc_alloc(sizeof *l + name.n);
    l->users = u;
    l->again.fire = on_again;
    l->name_n = name.n;
    memcpy(l->name, name.p, name.n);
    nc_list_init(&l->waiting);
    nc_map_put(&u->lanes, l->name, l->name_n, l);
    return l;
}

static void lane_free(struct lane *l)
{
    nc_loop_deadline(l->users->o.loop, &l->again, 0);
    nc_map_del(&l->users->lanes, l->name, l->name_n);
    free(l);
}

/* In its place: one that was said too soon goes before what came after it. */
static void wait_in(struct lane *l, struct nc_held *d)
{
    struct nc_list *at = l->waiting.prev;

    while (at != &l->waiting && nc_of(at, struct nc_held, node)->n > d->n)
        at = at->prev;
    d->running = false;
    nc_list_add(at->next, &d->node); /* before what follows */
    l->waiting_n++;
}

static void refuse(struct saying *s, const struct nc_problem *why)
{
    struct lane *l = s->lane;

    nc_users_refuse(l->users, NULL, s->held->via, (struct nc_str){l->name, l->name_n},
                    nc_buf_str(&s->ref), why);
}

/* What will be better later: it waits, as it would have waited in the broker. */
static bool is_passing(const struct nc_problem *why)
{
    return why->code == NC_P_RATE_LIMITED || why->code == NC_P_BUSY ||
           why->code == NC_P_UNAVAILABLE;
}

/* done: not to be said again. */
static void said(struct saying *s, bool done)
{
    struct lane *l = s->lane;
    struct nc_users *u = l->users;

    u->running--;
    l->running--;
    if (done) {
        l->bytes -= s->held->payload_n;
        done_with(u, s->held);
    }
    nc_buf_fini(&s->ref);
    free(s);
    if (!u->stopped)
        pump(l);
    else if (!l->running && nc_list_empty(&l->waiting))
        lane_free(l);
}

static void on_said(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct saying *s = arg;
    struct lane *l = s->lane;
    struct nc_users *u = l->users;
    bool later = why && is_passing(why);

    if (later) {
        unsigned s_more = why->retry_after_s ? why->retry_after_s : 1;
        wait_in(l, s->held);
        if (!u->stopped)
            nc_loop_deadline(u->o.loop, &l->again, s_more * 1000ull);
    } else {
        if (!u->stopped) {
            if (sent)
                answer(s, sent);
            else
                refuse(s, why);
        }
        u->stats.taken += !why;
    }
    said(s, !later);
}

struct nc_user *nc_users_sender(struct nc_users *u, struct nc_str name,
                                struct nc_problem *why)
{
    struct nc_user *user = nc_user_named(u->chat, name);

    if (!user || user->a.kind != NC_PERSON)
        return NULL;
    if (user->a.disabled)
        nc_problem_set(why, NC_P_FORBIDDEN, "the account is disabled");
    return user;
}

static void say(struct saying *s, struct nc_str payload)
{
    struct nc_users *u = s->lane->users;
    struct nc_held *d = s->held;
    struct nc_problem why = {.code = NC_P_NONE};
    struct nc_user_wish w;
    struct nc_user *user =
        nc_users_sender(u, (struct nc_str){s->lane->name, s->lane->name_n}, &why);
    struct nc_actor who = {.user = user, .address = NC_STR("mqtt")};
    struct nc_room *room = NULL;

    if (nc_user_wish(&w, payload, &d->client_id, u->chat->opts.limits.message_max, &why) ==
            NC_OK &&
        user && !why.code)
        room = nc_room_visible(u->chat, &who, &d->room, &why);
    nc_buf_adds(&s->ref, nc_buf_str(&w.ref));
    s->room = d->room;
    u->running++;
    s->lane->running++;
    if (room && w.kind != NC_WISH_SEND) { /* it was kept unread */
        nc_users_ask(u, d->via, user, room, &w);
        said(s, true);
    } else if (room) {
        nc_message_send(u->chat, &who, room, &w.send, on_said, s);
    } else {
        if (!user)
            nc_problem_set(&why, NC_P_NOT_FOUND, "the account is gone");
        on_said(s, &why, NULL);
    }
    nc_user_wish_fini(&w);
}

bool nc_users_may_parse(struct nc_users *u, struct nc_user *user, size_t bytes)
{
    return bytes <= CHEAP || !user ||
           nc_rate_take_n(u->chat, user, NC_RATE_KIB, (unsigned)(bytes >> 10), NULL);
}

/* Whether the first that waits may be said now; if not, it is looked at again. */
static bool is_due(struct lane *l)
{
    struct nc_users *u = l->users;
    struct nc_held *d = nc_of(l->waiting.next, struct nc_held, node);
    struct nc_user *user = nc_user_named(u->chat, (struct nc_str){l->name, l->name_n});

    if (!d->paid && !nc_users_may_parse(u, user, d->payload_n)) {
        nc_loop_deadline(u->o.loop, &l->again, 1000);
        return false;
    }
    d->paid = true;
    return true;
}

static void pump(struct lane *l)
{
    struct nc_users *u = l->users;
    struct nc_buf payload = {0};

    if (l->pumping)
        return;
    l->pumping = true;
    while (!u->stopped && !l->again.due && l->running < AT_ONCE && !nc_users_clogged(u) &&
           !nc_list_empty(&l->waiting) && is_due(l)) {
        struct nc_held *d = nc_of(nc_list_pop(&l->waiting), struct nc_held, node);
        l->waiting_n--;
        nc_buf_clear(&payload);
        if (nc_hold_payload(u->hold, d, &payload) != NC_OK) {
            l->bytes -= d->payload_n;
            nc_hold_drop(u->hold, d);
            continue;
        }
        struct saying *s = nc_alloc(sizeof *s);
        s->lane = l;
        s->held = d;
        d->running = true;
        say(s, nc_buf_str(&payload));
    }
    nc_buf_fini(&payload);
    l->pumping = false;
    if (!l->running && nc_list_empty(&l->waiting))
        lane_free(l);
}

void nc_users_go_on_saying(struct nc_users *u)
{
    size_t at = 0;

    for (struct lane *l; !u->stopped && (l = nc_map_next(&u->lanes, &at));)
        pump(l);
}

void nc_users_enter(struct nc_users *u, struct nc_held *d)
{
    struct lane *l = lane_of(u, (struct nc_str){d->user, d->user_n});

    d->mine = true;
    l->bytes += d->payload_n;
    wait_in(l, d);
    pump(l);
}

bool nc_users_waits_too_much(struct nc_users *u, struct nc_str name, size_t bytes)
{
    struct lane *l = u->lanes.n ? nc_map_get(&u->lanes, name.p, name.n) : NULL;

    return l && (l->waiting_n >= WAITING_MAX || l->bytes + bytes > WAITING_BYTES);
}

void nc_users_lanes_free(struct nc_users *u)
{
    size_t at = 0;

    for (struct lane *l; (l = nc_map_next(&u->lanes, &at));) {
        nc_list_each(it, &l->waiting)
            nc_list_del(it);
        lane_free(l);
    }
    nc_map_fini(&u->lanes);
}
