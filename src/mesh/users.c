#include "mesh/users.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/siphash.h"
#include "mesh/users_parts.h"

/* ---- topics --------------------------------------------------------------- */

struct nc_str nc_users_own_topic(struct nc_users *u, struct nc_str rest)
{
    nc_buf_clear(&u->topic);
    nc_mqtt_node_add(&u->topic, u->root, &u->self, rest);
    return nc_buf_str(&u->topic);
}

enum nc_err nc_users_publish(struct nc_user_end *e, const struct nc_mqtt_out *m)
{
    struct nc_users *u = e->users;

    return e->up ? nc_brokers_publish(u->o.brokers, &u->hook, e->link, m) : NC_ECLOSED;
}

/* ---- a broker comes and goes ---------------------------------------------- */

static uint64_t hash_of(const char *url)
{
    static const struct nc_sipkey key = {1, 2};
    return nc_siphash13(key, url, strlen(url));
}

static struct nc_user_end *find_end(struct nc_users *u, struct nc_link *l)
{
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->link == l)
            return e;
    }
    return NULL;
}

static struct nc_user_end *end_new(struct nc_users *u, struct nc_link *l)
{
    struct nc_user_end *e = nc_alloc(sizeof *e);
    struct nc_link_stats stats;

    nc_link_stats(l, &stats);
    e->users = u;
    e->link = l;
    e->via = hash_of(stats.url);
    e->barrier.fire = nc_users_no_mark;
    nc_list_init(&e->answers);
    nc_render_init(e);
    nc_here_init(e);
    nc_list_add(&u->ends, &e->node);
    return e;
}

static void end_free(struct nc_user_end *e)
{
    nc_loop_deadline(e->users->o.loop, &e->barrier, 0);
    nc_render_fini(e);
    nc_here_fini(e);
    nc_users_answers_free(&e->answers);
    nc_list_del(&e->node);
    free(e);
}

static void on_up(struct nc_link *l, void *arg, bool session_present)
{
    struct nc_users *u = arg;
    struct nc_user_end *e = find_end(u, l);

    if (!e)
        e = end_new(u, l);
    if (!session_present)
        e->peers_n = 0;
    e->up = true;
    e->ready = false;
    nc_here_up(e, session_present);
    nc_render_up(e);
    nc_users_say_here(e, false);
    nc_users_ask_mark(e);
    nc_users_answers_late(e);
    nc_users_answers_give(e);
    nc_users_say_found(u);
    nc_users_docs_up(e);
    nc_users_soon(u);
}

static void on_down(struct nc_link *l, void *arg, const char *why)
{
    struct nc_user_end *e = find_end(arg, l);

    (void)why;
    if (!e)
        return;
    e->up = e->ready = false;
    nc_loop_deadline(e->users->o.loop, &e->barrier, 0);
    nc_here_down(e);
    nc_render_down(e);
    nc_users_go_on_saying(e->users); /* nobody waits for this one */
}

static void on_gone(struct nc_link *l, void *arg)
{
    struct nc_user_end *e = find_end(arg, l);

    if (!e)
        return;
    end_free(e);
    nc_users_go_on_saying(arg);
}

static void on_room(struct nc_link *l, void *arg)
{
    struct nc_user_end *e = find_end(arg, l);

    if (!e)
        return;
    nc_users_answers_give(e);
    nc_users_docs_pump(e);
    nc_render_room(e);
}

static void on_acked(struct nc_link *l, void *arg, uint64_t tag)
{
    struct nc_user_end *e = find_end(arg, l);

    if (e)
        nc_render_acked(e, tag);
}

static void on_refused(struct nc_link *l, void *arg, uint64_t tag, unsigned reason)
{
    (void)reason; /* logged by the link */
    on_acked(l, arg, tag);
}

/* ---- what comes ----------------------------------------------------------- */

static void on_message(struct nc_link *l, void *arg, const struct nc_mqtt_in *m)
{
    struct nc_users *u = arg;
    struct nc_user_end *e = find_end(u, l);
    struct nc_mqtt_topic t;

    if (u->stopped)
        return;
    if (!e) /* messages may come before up is told */
        e = end_new(u, l);
    switch (nc_mqtt_topic_parse(u->root, m->topic, &t)) {
    case NC_MQTT_SEND: nc_users_took_in(e, &t, m); break;
    case NC_MQTT_HERE: nc_here_said(e, t.user, m->payload); break;
    case NC_MQTT_NODE: nc_users_on_node(e, &t, m); break;
    case NC_MQTT_OTHER:
    case NC_MQTT_INBOX:
    case NC_MQTT_EVENTS:
    case NC_MQTT_LIVE: break;
    }
}

static const struct nc_link_ops link_ops = {.up = on_up,
                                            .down = on_down,
                                            .message = on_message,
                                            .acked = on_acked,
                                            .refused = on_refused,
                                            .room = on_room};

static void on_resume(struct nc_task *t)
{
    struct nc_users *u = nc_of(t, struct nc_users, resume);

    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        nc_users_docs_pump(e);
        nc_render_room(e);
    }
}

void nc_users_soon(struct nc_users *u)
{
    if (!u->stopped)
        nc_loop_defer(u->o.loop, &u->resume);
}

/* ---- what chat tells ------------------------------------------------------ */

static void on_stored(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    (void)r;
    nc_users_stored(nc_of(o, struct nc_users, observer), m);
}

static void on_merged(struct nc_observer *o, struct nc_room *r, const struct nc_message *m,
                      const struct nc_event *ev)
{
    if (ev->kind == NC_EV_MESSAGE_CREATED)
        on_stored(o, r, m);
}

static void on_member(struct nc_observer *o, struct nc_room *r, struct nc_user *who,
                      enum nc_event_kind what)
{
    (void)who, (void)what;
    nc_users_doc_room(nc_of(o, struct nc_users, observer), r);
}

static void on_room_changed(struct nc_observer *o, struct nc_room *r,
                            enum nc_event_kind what)
{
    (void)what;
    nc_users_doc_room(nc_of(o, struct nc_users, observer), r);
}

static void on_ended(struct nc_observer *o, struct nc_user *who, const struct nc_id *of)
{
    (void)of;
    nc_here_account(nc_of(o, struct nc_users, observer), who);
    nc_users_doc_user(nc_of(o, struct nc_users, observer), who);
}

static void on_account(struct nc_observer *o, struct nc_user *who)
{
    nc_here_account(nc_of(o, struct nc_users, observer), who);
    nc_users_doc_user(nc_of(o, struct nc_users, observer), who);
}

void nc_users_keys_changed(struct nc_users *u)
{
    if (u)
        nc_users_doc_jwks(u);
}

/* ---- life ----------------------------------------------------------------- */

static void subscribe(struct nc_users *u)
{
    static const char *const below[] = {"u/+/send/+", "u/+/here", "n/+/here",
                                        "n/+/rendered", "n/+/took"};
    char filter[512], self[NC_ID_TEXT + 1] = "";

    for (size_t i = 0; i < NC_COUNT(below); i++) {
        snprintf(filter, sizeof filter, "%s/%s", u->root_z, below[i]);
        if (nc_brokers_subscribe(u->o.brokers, filter, 1) != NC_OK)
            nc_log(NC_ERROR, "users.subscribe", "filter=%s", filter);
    }
    nc_id_text(&u->self, self);
    snprintf(filter, sizeof filter, "%s/n/%s/mark", u->root_z, self);
    if (nc_brokers_subscribe(u->o.brokers, filter, 1) != NC_OK)
        nc_log(NC_ERROR, "users.subscribe", "filter=%s", filter);
}

enum nc_err nc_users_new(struct nc_users **out, const struct nc_users_opts *o)
{
    struct nc_users *u = nc_alloc(sizeof *u);

    *out = NULL;
    u->o = *o;
    u->chat = o->chat;
    u->self = o->chat->opts.node_id;
    u->name = nc_str_dup(nc_str(o->name));
    u->root_z = nc_str_dup(nc_str(nc_brokers_root(o->brokers)));
    u->root = nc_str(u->root_z);
    u->resume.run = on_resume;
    nc_list_init(&u->ends);
    nc_list_init(&u->late);
    nc_told_open(u);
    enum nc_err e = nc_users_send_open(u);
    if (e == NC_OK)
        e = nc_users_docs_open(u);
    if (e != NC_OK) {
        nc_users_free(u);
        return e;
    }
    nc_users_live_open(u);
    nc_brokers_will(o->brokers, nc_users_own_topic(u, NC_STR("here")), NC_USERS_GONE);
    subscribe(u);
    u->tap = (struct nc_hub_tap){
        .event = nc_users_event, .fetched = nc_users_fetched, .hears = nc_users_hears};
    nc_hub_tap(u->chat->hub, &u->tap);
    u->observer = (struct nc_observer){.stored = on_stored,
                                       .merged = on_merged,
                                       .member = on_member,
                                       .room = on_room_changed,
                                       .ended = on_ended,
                                       .account = on_account};
    nc_chat_observe(u->chat, &u->observer);
    u->hook = (struct nc_brokers_hook){.ops = &link_ops, .arg = u, .gone = on_gone};
    nc_brokers_hook(o->brokers, &u->hook);
    *out = u;
    return NC_OK;
}

void nc_users_stop(struct nc_users *u)
{
    if (!u || u->stopped)
        return;
    u->stopped = true;
    nc_told_stop(u);
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->up) {
            nc_render_stop(e);
            nc_users_say_here(e, true);
        }
        e->up = false;
    }
    nc_list_del(&u->tap.node);
    nc_list_del(&u->observer.node);
    nc_loop_undefer(u->o.loop, &u->resume);
    nc_brokers_unhook(u->o.brokers, &u->hook);
    nc_list_each(it, &u->ends)
        end_free(nc_of(it, struct nc_user_end, node));
    nc_users_docs_close(u);
    nc_users_live_close(u);
}

void nc_users_free(struct nc_users *u)
{
    if (!u)
        return;
    if (!u->stopped) {
        u->stopped = true;
        nc_users_docs_close(u);
        nc_users_live_close(u);
    }
    assert(u->running == 0);
    nc_users_send_close(u);
    nc_told_close(u);
    nc_users_answers_free(&u->late);
    nc_buf_fini(&u->topic);
    nc_buf_fini(&u->json);
    free(u->root_z);
    free(u->name);
    free(u);
}

void nc_users_stats(const struct nc_users *u, struct nc_users_stats *out)
{
    *out = u->stats;
    out->held = u->hold ? nc_hold_count(u->hold) : 0;
}
