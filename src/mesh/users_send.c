/*
 * What is said over MQTT, as it comes: it is taken by us (users_say.c) or left to another
 * node, and kept in a file until either has stored it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chat/people/throttle.h"
#include "mesh/users_parts.h"
#include "wire/json_in.h"

enum {
    LEAVE_MS = 3000,   /* another node has so long to store it */
    FIRST_MS = 1000,   /* … and who comes up beside us, to say that it is done */
    EARLY_MS = 6000,   /* until it is known who else is there: READY_MS and some */
    PATIENCE_MS = 5000 /* for the broker it came by, after a start */
};

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
        nc_users_enter(u, d);
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
            nc_users_enter(u, d);
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
    if (!nc_users_may_parse(u, user, m->payload.n))
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

void nc_users_took_in(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                      const struct nc_mqtt_in *m)
{
    struct nc_users *u = e->users;
    struct nc_problem why = {.code = NC_P_NONE};
    struct nc_user *user = nc_users_sender(u, t->user, &why);
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
    enum nc_err err = nc_users_waits_too_much(u, t->user, m->payload.n)
                          ? NC_ELIMIT
                          : nc_hold_add(u->hold, &in, &held);
    if (err == NC_OK) {
        held->paid = paid;
        held->once = once;
        held->early = early;
        if (early)
            leave_to_others(u, held, EARLY_MS);
        else if (ours)
            nc_users_enter(u, held);
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
        nc_users_enter(u, d);
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
    if (!u->hold)
        return;
    nc_loop_deadline(u->o.loop, &u->overdue, 0);
    nc_users_lanes_free(u);
    nc_hold_close(u->hold);
}
