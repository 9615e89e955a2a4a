#include "mesh/users.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/siphash.h"
#include "mesh/rendezvous.h"
#include "mesh/users_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"
#include "wire/signed.h"

enum {
    READY_MS = 5000,           /* a broker that does not give the mark back */
    ANSWERS_BYTES = 256 << 10, /* of a broker, waiting */
    LATE_MAX = 256,            /* answers whose broker is not there */
};

#define GONE NC_STR("gone")

struct nc_user_answer {
    struct nc_list node;
    uint64_t via;
    size_t user_n, n;
    char text[]; /* the user's name, then JSON */
};

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

/* What is lost by this is told again by whoever cares. */
static void publish_own(struct nc_user_end *e, struct nc_str rest, struct nc_str payload,
                        bool retain)
{
    struct nc_mqtt_out m = {.topic = nc_users_own_topic(e->users, rest),
                            .payload = payload,
                            .qos = 1,
                            .retain = retain};

    if (nc_users_publish(e, &m) != NC_OK)
        nc_log(NC_DEBUG, "users.unsaid", "topic=%.*s", NC_FMT(rest));
}

/* ---- who else is there ---------------------------------------------------- */

bool nc_users_alone(const struct nc_user_end *e) { return e->peers_n == 0; }

bool nc_users_first(const struct nc_user_end *e, const struct nc_id *room)
{
    struct nc_id all[NC_PEERS_MAX + 1];

    all[0] = e->users->self;
    memcpy(all + 1, e->peers, e->peers_n * sizeof e->peers[0]);
    return nc_rendezvous(room, all, e->peers_n + 1) == 0;
}

bool nc_users_lowest(const struct nc_user_end *e)
{
    for (unsigned i = 0; i < e->peers_n; i++)
        if (nc_id_cmp(&e->peers[i], &e->users->self) < 0)
            return false;
    return true;
}

static void set_peer(struct nc_user_end *e, const struct nc_id *node, bool here)
{
    unsigned i = 0;

    while (i < e->peers_n && !nc_id_eq(&e->peers[i], node))
        i++;
    if (here == (i < e->peers_n) || (here && e->peers_n == NC_PEERS_MAX))
        return;
    if (here)
        e->peers[e->peers_n++] = *node;
    else
        e->peers[i] = e->peers[--e->peers_n];
    if (e->ready)
        nc_render_begin(e);
}

static bool is_here(struct nc_str payload)
{
    json_t *doc;

    if (payload.n <= NC_SIGNED_HEAD)
        return false;
    payload.p += NC_SIGNED_HEAD;
    payload.n -= NC_SIGNED_HEAD;
    if (nc_json_parse(payload, &doc, NULL) != NC_OK)
        return false;
    bool here = !json_is_true(json_object_get(doc, "leaving"));
    json_decref(doc);
    return here;
}

static void say_here(struct nc_user_end *e, bool leaving)
{
    struct nc_users *u = e->users;
    struct nc_buf json = {0}, below = {0}, payload = {0};
    struct nc_json j = nc_json_to(&json);

    nc_json_obj(&j);
    nc_json_kuint(&j, "v", nc_hlc_now(&u->chat->clock));
    nc_json_kuint(&j, "since", nc_wall_ms());
    nc_json_kstr(&j, "name", nc_str(u->name));
    if (leaving)
        nc_json_kbool(&j, "leaving", true);
    nc_json_obj_end(&j);
    nc_mqtt_node_add(&below, NC_STR(""), &u->self, NC_STR("here"));
    nc_signed_add(u->o.identity, nc_buf_str(&below), nc_buf_str(&json), &payload);
    publish_own(e, NC_STR("here"), nc_buf_str(&payload), true);
    nc_buf_fini(&json);
    nc_buf_fini(&below);
    nc_buf_fini(&payload);
}

/* ---- answers -------------------------------------------------------------- */

static enum nc_err send_answer(struct nc_user_end *e, struct nc_str user,
                               struct nc_str json)
{
    struct nc_users *u = e->users;

    nc_buf_clear(&u->topic);
    nc_mqtt_inbox_add(&u->topic, u->root, user);
    return nc_users_publish(
        e,
        &(struct nc_mqtt_out){.topic = nc_buf_str(&u->topic), .payload = json, .qos = 1});
}

static struct nc_user_answer *answer_new(uint64_t via, struct nc_str user,
                                         struct nc_str json)
{
    struct nc_user_answer *a = nc_alloc(sizeof *a + user.n + json.n + 1);

    a->via = via;
    a->user_n = user.n;
    a->n = json.n;
    memcpy(a->text, user.p, user.n);
    memcpy(a->text + user.n, json.p, json.n);
    return a;
}

static void wait_for_room(struct nc_user_end *e, struct nc_str user, struct nc_str json)
{
    if (e->answers_bytes + json.n > ANSWERS_BYTES) {
        e->users->stats.dropped++;
        return;
    }
    e->answers_bytes += json.n;
    nc_list_add(&e->answers, &answer_new(e->via, user, json)->node);
}

static void wait_for_broker(struct nc_users *u, uint64_t via, struct nc_str user,
                            struct nc_str json)
{
    if (u->late_n >= LATE_MAX) {
        u->stats.dropped++;
        return;
    }
    u->late_n++;
    nc_list_add(&u->late, &answer_new(via, user, json)->node);
}

static struct nc_user_end *end_of(struct nc_users *u, uint64_t via)
{
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->via == via)
            return e;
    }
    return NULL;
}

void nc_users_answer(struct nc_users *u, struct nc_user_end *e, uint64_t via,
                     struct nc_str user, struct nc_str json)
{
    if (!e)
        e = end_of(u, via);
    if (!e)
        wait_for_broker(u, via, user, json);
    else if (!nc_list_empty(&e->answers))
        wait_for_room(e, user, json);
    else
        switch (send_answer(e, user, json)) {
        case NC_AGAIN:
        case NC_ECLOSED: wait_for_room(e, user, json); break;
        default: break;
        }
}

bool nc_users_clogged(const struct nc_users *u)
{
    nc_list_each(it, &u->ends) {
        const struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->up && e->answers_bytes > ANSWERS_BYTES / 4)
            return true;
    }
    return false;
}

static void give_answers(struct nc_user_end *e)
{
    struct nc_list *it;
    bool clogged = nc_users_clogged(e->users);

    while (!nc_list_empty(&e->answers)) {
        it = e->answers.next;
        struct nc_user_answer *a = nc_of(it, struct nc_user_answer, node);
        struct nc_str user = {a->text, a->user_n}, json = {a->text + a->user_n, a->n};
        enum nc_err err = send_answer(e, user, json);
        if (err == NC_AGAIN || err == NC_ECLOSED)
            return;
        e->answers_bytes -= a->n;
        nc_list_del(it);
        free(a);
    }
    if (clogged && !nc_users_clogged(e->users))
        nc_users_go_on_saying(e->users);
}

static void take_late(struct nc_user_end *e)
{
    struct nc_users *u = e->users;

    nc_list_each(it, &u->late) {
        struct nc_user_answer *a = nc_of(it, struct nc_user_answer, node);
        if (a->via != e->via)
            continue;
        nc_list_del(it);
        u->late_n--;
        e->answers_bytes += a->n;
        nc_list_add(&e->answers, it);
    }
}

static void free_answers(struct nc_list *answers)
{
    for (struct nc_list *it; (it = nc_list_pop(answers));)
        free(nc_of(it, struct nc_user_answer, node));
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

static void on_ready(struct nc_user_end *e)
{
    nc_loop_deadline(e->users->o.loop, &e->barrier, 0);
    if (e->ready)
        return;
    e->ready = true;
    nc_render_begin(e);
}

static void on_barrier(struct nc_deadline *d)
{
    struct nc_user_end *e = nc_of(d, struct nc_user_end, barrier);

    nc_log(NC_WARN, "users.no_mark", "ms=%d", READY_MS);
    on_ready(e);
}

static struct nc_user_end *end_new(struct nc_users *u, struct nc_link *l)
{
    struct nc_user_end *e = nc_alloc(sizeof *e);
    struct nc_link_stats stats;

    nc_link_stats(l, &stats);
    e->users = u;
    e->link = l;
    e->via = hash_of(stats.url);
    e->barrier.fire = on_barrier;
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
    free_answers(&e->answers);
    nc_list_del(&e->node);
    free(e);
}

/* What is kept for us comes before a mark that is published after it was asked for. */
static void ask_for_mark(struct nc_user_end *e)
{
    char text[24];

    e->nonce++;
    snprintf(text, sizeof text, "%016llx",
             (unsigned long long)(e->nonce ^ e->users->self.b[15] ^ nc_mono_ns()));
    e->nonce = strtoull(text, NULL, 16);
    publish_own(e, NC_STR("mark"), nc_str(text), false);
    nc_loop_deadline(e->users->o.loop, &e->barrier, READY_MS);
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
    say_here(e, false);
    ask_for_mark(e);
    take_late(e);
    give_answers(e);
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
    give_answers(e);
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

static void on_own(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                   const struct nc_mqtt_in *m)
{
    char text[24];

    if (nc_str_eqz(t->rest, "mark") && m->payload.n && m->payload.n < sizeof text) {
        memcpy(text, m->payload.p, m->payload.n);
        text[m->payload.n] = 0;
        if (strtoull(text, NULL, 16) == e->nonce)
            on_ready(e);
    } else if (nc_str_eqz(t->rest, "rendered")) {
        /* Only what it keeps: one of ours that waited in a queue tells of what it had. */
        if (m->retain)
            nc_render_rendered(e, NULL, m->payload);
    } else if (nc_str_eqz(t->rest, "here") && nc_str_eq(m->payload, GONE) &&
               !e->users->stopped) {
        say_here(e, false); /* the will of a connection before this one */
    }
}

static void on_node(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                    const struct nc_mqtt_in *m)
{
    struct nc_users *u = e->users;

    if (nc_id_eq(&t->node, &u->self)) {
        on_own(e, t, m);
        return;
    }
    if (!u->o.is_peer || !u->o.is_peer(u->o.arg, &t->node))
        return;
    if (nc_str_eqz(t->rest, "here"))
        set_peer(e, &t->node, is_here(m->payload));
    else if (nc_str_eqz(t->rest, "rendered"))
        nc_render_rendered(e, &t->node, m->payload);
    else if (nc_str_eqz(t->rest, "took"))
        nc_users_taken(u, m->payload);
}

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
    case NC_MQTT_NODE: on_node(e, &t, m); break;
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
    nc_brokers_will(o->brokers, nc_users_own_topic(u, NC_STR("here")), GONE);
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
            say_here(e, true);
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
    free_answers(&u->late);
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
