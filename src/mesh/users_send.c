/*
 * What is said over MQTT, on its way into the store: it came (taken by us or left to
 * another node), waits its turn behind what its sender said before, is said, is answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/people/throttle.h"
#include "chat/talk/event.h"
#include "mesh/users_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum {
    LEAVE_MS = 3000,          /* another node has so long to store it */
    FIRST_MS = 1000,          /* … and who comes up beside us, to say that it is done */
    EARLY_MS = 6000,          /* until it is known who else is there: READY_MS and some */
    AT_ONCE = 256,            /* of one user in the store's hands */
    WAITING_MAX = 10000,      /* of one user, behind these */
    WAITING_BYTES = 16 << 20, /* and their payloads: the file is everybody's */
    CHEAP = 1024,             /* bytes that are parsed without being counted */
    PATIENCE_MS = 5000        /* for the broker it came by, after a start */
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
            if (why)
                refuse(s, why);
            else
                answer(s, sent);
        }
        u->stats.taken += !why;
    }
    said(s, !later);
}

/* May they, at all?  What they may in the room, chat says. */
static struct nc_user *sender(struct nc_users *u, struct nc_str name,
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
    struct nc_user *user = sender(u, (struct nc_str){s->lane->name, s->lane->name_n}, &why);
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

/* Checking and parsing cost far more than sending did. */
static bool may_parse(struct nc_users *u, struct nc_user *user, size_t bytes)
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

    if (!d->paid && !may_parse(u, user, d->payload_n)) {
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

static void enter(struct nc_users *u, struct nc_held *d)
{
    struct lane *l = lane_of(u, (struct nc_str){d->user, d->user_n});

    d->mine = true;
    l->bytes += d->payload_n;
    wait_in(l, d);
    pump(l);
}

/* ---- left to others ------------------------------------------------------- */

static void watch(struct nc_users *u)
{
    uint64_t now = nc_loop_now_ms(u->o.loop);

    if (nc_list_empty(&u->holding))
        nc_loop_deadline(u->o.loop, &u->overdue, 0);
    else {
        uint64_t due = nc_of(u->holding.next, struct nc_held, node)->due_ms;
        nc_loop_deadline(u->o.loop, &u->overdue, due > now ? due - now : 1);
    }
}

static void on_overdue(struct nc_deadline *dl)
{
    struct nc_users *u = nc_of(dl, struct nc_users, overdue);
    uint64_t now = nc_loop_now_ms(u->o.loop);

    while (!nc_list_empty(&u->holding)) {
        struct nc_held *d = nc_of(u->holding.next, struct nc_held, node);
        if (d->due_ms > now)
            break;
        nc_list_del(&d->node);
        enter(u, d);
    }
    watch(u);
}

static void leave_to_others(struct nc_users *u, struct nc_held *d, unsigned ms)
{
    struct nc_list *at = u->holding.prev;

    d->due_ms = nc_loop_now_ms(u->o.loop) + ms;
    while (at != &u->holding && nc_of(at, struct nc_held, node)->due_ms > d->due_ms)
        at = at->prev;
    nc_list_add(at->next, &d->node); /* before what follows */
    watch(u);
}

void nc_users_taken(struct nc_users *u, struct nc_str payload)
{
    struct nc_id room, client_id;
    struct nc_str user;
    json_t *doc;

    if (nc_json_parse(payload, &doc, NULL) != NC_OK)
        return;
    if (nc_json_need_str(doc, "user", 1, 255, &user, NULL) == NC_OK &&
        nc_json_need_id(doc, "room", &room, NULL) == NC_OK &&
        nc_json_need_id(doc, "client_id", &client_id, NULL) == NC_OK)
        nc_list_each(it, &u->holding) {
            struct nc_held *d = nc_of(it, struct nc_held, node);
            if (nc_id_eq(&d->client_id, &client_id) && nc_id_eq(&d->room, &room) &&
                nc_str_eq((struct nc_str){d->user, d->user_n}, user)) {
                nc_hold_drop(u->hold, d);
                break;
            }
        }
    json_decref(doc);
    watch(u);
}

/* The same thing came into our store from elsewhere. */
void nc_users_stored(struct nc_users *u, const struct nc_message *m)
{
    nc_list_each(it, &u->holding) {
        struct nc_held *d = nc_of(it, struct nc_held, node);
        if (!nc_id_zero(&m->client_id) && nc_id_eq(&d->client_id, &m->client_id) &&
            nc_str_eq((struct nc_str){d->user, d->user_n}, m->sender_name))
            nc_hold_drop(u->hold, d);
    }
    if (!u->stopped)
        watch(u);
}

/* ---- before it is known who else is there --------------------------------- */

/* A message that two nodes take is one message, by its client_id; a command that both run
 * is done twice.  What only looks like one waits a moment for nothing. */
static bool may_be_command(const struct nc_users *u, struct nc_str payload)
{
    if (!u->o.any_peer || !u->o.any_peer(u->o.arg))
        return false;
    for (size_t i = 0; i < payload.n; i++)
        if (payload.p[i] == '/' && (i == 0 || strchr(" \t\r\n\"\\", payload.p[i - 1])))
            return true;
    return false;
}

/* All that waited for us in the broker has come, the word that it is done as well. */
void nc_users_say_early(struct nc_user_end *e)
{
    struct nc_users *u = e->users;

    nc_list_each(it, &u->holding) {
        struct nc_held *d = nc_of(it, struct nc_held, node);
        if (!d->early || d->via != e->via)
            continue;
        d->early = false;
        nc_list_del(&d->node);
        if (nc_users_alone(e))
            enter(u, d);
        else
            leave_to_others(u, d, nc_users_first(e, &d->room) ? FIRST_MS : LEAVE_MS);
    }
    watch(u);
}

/* ---- it came -------------------------------------------------------------- */

/* Whoever is the first answers; what is asked is not kept: it is asked again. */
static bool answered(struct nc_user_end *e, struct nc_user *user,
                     const struct nc_mqtt_topic *t, const struct nc_mqtt_in *m,
                     const struct nc_id *client_id, bool *paid, struct nc_problem *why)
{
    struct nc_users *u = e->users;
    struct nc_actor who = {.user = user, .address = NC_STR("mqtt")};
    struct nc_user_wish w;
    bool over = true;

    /* What is too much at once is kept unread, and waits for its turn as it would have
     * waited in the broker. */
    if (!may_parse(u, user, m->payload.n))
        return false;
    *paid = true;
    enum nc_err err =
        nc_user_wish(&w, m->payload, client_id, u->chat->opts.limits.message_max, why);
    struct nc_room *room = NULL;
    if (err == NC_OK && !why->code)
        room = nc_room_visible(u->chat, &who, &t->room, why);
    if (!room) {
        /* As often as they may change things: errors are no way to fill an inbox. */
        if (nc_rate_take(u->chat, user, NC_RATE_CHANGES, NULL))
            nc_users_refuse(u, e, e->via, user->a.username, nc_buf_str(&w.ref), why);
        else
            u->stats.dropped++;
    } else if (w.kind != NC_WISH_SEND) {
        nc_users_ask(u, e->via, user, room, &w);
    } else {
        over = false;
    }
    nc_user_wish_fini(&w);
    return over;
}

static bool is_too_much(struct nc_users *u, struct nc_str name, size_t bytes)
{
    struct lane *l = u->lanes.n ? nc_map_get(&u->lanes, name.p, name.n) : NULL;

    return l && (l->waiting_n >= WAITING_MAX || l->bytes + bytes > WAITING_BYTES);
}

void nc_users_took_in(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                      const struct nc_mqtt_in *m)
{
    struct nc_users *u = e->users;
    struct nc_problem why = {.code = NC_P_NONE};
    struct nc_user *user = sender(u, t->user, &why);
    struct nc_id client_id = {{0}};
    struct nc_held *held = NULL;
    bool ours = nc_users_alone(e) || nc_users_first(e, &t->room), paid = false;
    bool once = may_be_command(u, m->payload), early = once && !e->ready;

    if (!user || m->retain) { /* what is kept by a broker would come at every start */
        u->stats.dropped++;
        return;
    }
    if (m->client_id.n && nc_id_parse(m->client_id, &client_id) != NC_OK)
        client_id = (struct nc_id){{0}};
    if (ours && !early && answered(e, user, t, m, &client_id, &paid, &why))
        return;
    struct nc_held_in in = {.user = t->user,
                            .room = t->room,
                            .client_id = client_id,
                            .via = e->via,
                            .payload = m->payload};
    enum nc_err err = is_too_much(u, t->user, m->payload.n)
                          ? NC_ELIMIT
                          : nc_hold_add(u->hold, &in, &held);
    if (err == NC_OK) {
        held->paid = paid;
        held->once = once;
        held->early = early;
        if (early)
            leave_to_others(u, held, EARLY_MS);
        else if (ours)
            enter(u, held);
        else
            leave_to_others(u, held, LEAVE_MS);
        return;
    }
    if (err == NC_ELIMIT)
        nc_problem_set(&why, NC_P_RATE_LIMITED, "too much of yours waits to be stored");
    else
        nc_problem_set(&why, NC_P_UNAVAILABLE, "the node can't keep what comes");
    if (ours && nc_rate_take(u->chat, user, NC_RATE_CHANGES, NULL))
        nc_users_refuse(u, e, e->via, user->a.username, NC_STR(""), &why);
    else
        u->stats.dropped++;
}

/* ---- life ----------------------------------------------------------------- */

/* Not at once: the broker that is to be answered by is not there yet. */
static void on_found(void *arg, struct nc_held *d)
{
    struct nc_users *u = arg;

    d->mine = true;
    d->once = u->o.any_peer && u->o.any_peer(u->o.arg);
    d->due_ms = nc_loop_now_ms(u->o.loop) + PATIENCE_MS;
    nc_list_add(&u->holding, &d->node);
}

/* What came before is said before what comes now. */
void nc_users_say_found(struct nc_users *u)
{
    nc_list_each(it, &u->holding) {
        struct nc_held *d = nc_of(it, struct nc_held, node);
        if (!d->mine)
            continue;
        nc_list_del(&d->node);
        enter(u, d);
    }
    watch(u);
}

enum nc_err nc_users_send_open(struct nc_users *u)
{
    struct nc_buf path = {0};

    nc_list_init(&u->holding);
    u->overdue.fire = on_overdue;
    nc_buf_printf(&path, "%s/mesh-held", u->o.dir);
    nc_buf_addc(&path, 0);
    enum nc_err e = nc_hold_open(&u->hold, path.p, &nc_hold_limits_default, on_found, u);
    nc_buf_fini(&path);
    if (e == NC_OK && nc_hold_count(u->hold))
        nc_log(NC_INFO, "users.held", "messages=%u", nc_hold_count(u->hold));
    if (e == NC_OK)
        watch(u);
    return e;
}

void nc_users_send_close(struct nc_users *u)
{
    size_t at = 0;

    if (!u->hold)
        return;
    nc_loop_deadline(u->o.loop, &u->overdue, 0);
    for (struct lane *l; (l = nc_map_next(&u->lanes, &at));) {
        nc_list_each(it, &l->waiting)
            nc_list_del(it);
        lane_free(l);
    }
    nc_map_fini(&u->lanes);
    nc_hold_close(u->hold);
}
