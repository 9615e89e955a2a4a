/* People over MQTT, with brokers that are played: what they are given, what they ask. */
#include <unistd.h>

#include "chat/live/presence.h"
#include "crypto/identity.h"
#include "crypto/keyring.h"
#include "mesh/brokers.h"
#include "mesh/hold.h"
#include "mesh/users.h"
#include "mesh/users_parts.h"
#include "mesh/users_stamps.h"
#include "talk_world.h"
#include "wire/signed.h"

/* ---- brokers that are played ----------------------------------------------- */

struct said {
    char *topic, *payload;
    bool retain, known; /* looked at already */
    uint64_t tag;
};

struct nc_link {
    const char *url;
    bool up;
    unsigned room; /* messages that it takes; then NC_AGAIN */
    struct said said[4096];
    unsigned n;
};

static struct nc_brokers_hook *hook;
static struct nc_link *the_link;

const char *nc_brokers_root(const struct nc_brokers *b)
{
    (void)b;
    return "nc/v1";
}
enum nc_err nc_brokers_subscribe(struct nc_brokers *b, const char *filter, unsigned qos)
{
    (void)b, (void)filter, (void)qos;
    return NC_OK;
}
void nc_brokers_will(struct nc_brokers *b, struct nc_str topic, struct nc_str payload)
{
    (void)b;
    assert_true(nc_str_starts(topic, NC_STR("nc/v1/n/")));
    assert_true(nc_str_eqz(payload, "gone"));
}
void nc_brokers_hook(struct nc_brokers *b, struct nc_brokers_hook *h)
{
    (void)b;
    hook = h;
}
void nc_brokers_unhook(struct nc_brokers *b, struct nc_brokers_hook *h)
{
    (void)b, (void)h;
    hook = NULL;
}
void nc_link_stats(const struct nc_link *l, struct nc_link_stats *out)
{
    *out = (struct nc_link_stats){.url = l->url};
}
enum nc_err nc_brokers_publish(struct nc_brokers *b, struct nc_brokers_hook *h,
                               struct nc_link *l, const struct nc_mqtt_out *m)
{
    (void)b, (void)h;
    if (!l->up)
        return NC_ECLOSED;
    if (!l->room)
        return NC_AGAIN;
    assert_true(l->n < NC_COUNT(l->said));
    l->room--;
    l->said[l->n++] = (struct said){nc_str_dup(m->topic), nc_str_dup(m->payload), m->retain,
                                    false, m->tag};
    return NC_OK;
}

/* ---- the world -------------------------------------------------------------- */

struct mesh {
    struct world *w;
    struct nc_users *users;
    struct nc_identity identity;
    struct nc_keyring *ring;
    struct nc_link link;
    struct nc_id peer; /* the one other node of ours; zero: none */
    char dir[64];
    struct nc_user *ada, *bob;
    struct nc_room *den;
};

static bool is_peer(void *arg, const struct nc_id *node)
{
    struct mesh *m = arg;
    return nc_id_eq(&m->peer, node);
}

static bool any_peer(void *arg)
{
    struct mesh *m = arg;
    return !nc_id_zero(&m->peer);
}

static void users_open(struct mesh *m)
{
    struct nc_users_opts o = {.chat = m->w->chat,
                              .loop = m->w->loop,
                              .identity = &m->identity,
                              .dir = m->dir,
                              .name = "here",
                              .is_peer = is_peer,
                              .any_peer = any_peer,
                              .arg = m};
    assert_int_equal(nc_users_new(&m->users, &o), NC_OK);
    settle(m->w);
}

static void room_of(struct mesh *m)
{
    struct nc_actor ada = {.user = m->ada};
    struct nc_room_new in = {.kind = NC_ROOM,
                             .name = NC_STR("den"),
                             .members = &m->bob,
                             .members_n = 1,
                             .personas_given = true};

    nc_room_create(m->w->chat, &ada, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(m->w), NC_P_NONE);
    m->den = got.room;
}

static int setup(void **state)
{
    struct mesh *m = nc_alloc(sizeof *m);

    m->w = world_new();
    m->w->chat->opts.node_id = nc_id_random();
    assert_int_equal(nc_keyring_new(&m->ring), NC_OK);
    m->w->chat->opts.ring = m->ring;
    nc_identity_make(&m->identity);
    strcpy(m->dir, "/tmp/nc-users-XXXXXX");
    assert_non_null(mkdtemp(m->dir));
    m->link = (struct nc_link){.url = "mqtt://a", .room = 100000};
    the_link = &m->link;
    m->ada = person(m->w, "ada", NC_PERSON);
    m->bob = person(m->w, "bob", NC_PERSON);
    room_of(m);
    users_open(m);
    *state = m;
    return 0;
}

static void forget_said(struct mesh *m)
{
    for (unsigned i = 0; i < m->link.n; i++) {
        free(m->link.said[i].topic);
        free(m->link.said[i].payload);
    }
    m->link.n = 0;
}

static int teardown(void **state)
{
    struct mesh *m = *state;
    char path[128];

    nc_users_stop(m->users);
    m->w->real->close(m->w->store);
    nc_users_free(m->users);
    nc_chat_free(m->w->chat);
    nc_loop_free(m->w->loop);
    free(m->w);
    nc_keyring_free(m->ring);
    forget_said(m);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", m->dir, i ? "mesh-held" : "mesh-documents");
        unlink(path);
    }
    rmdir(m->dir);
    free(m);
    return 0;
}

/* The next one of a topic that ends so; NULL: none. */
static const char *next(struct mesh *m, const char *ending)
{
    for (unsigned i = 0; i < m->link.n; i++) {
        struct said *s = &m->link.said[i];
        size_t n = strlen(s->topic), k = strlen(ending);
        if (!s->known && n >= k && strcmp(s->topic + n - k, ending) == 0) {
            s->known = true;
            return s->payload;
        }
    }
    return NULL;
}

static unsigned count(struct mesh *m, const char *ending, const char *words)
{
    unsigned n = 0;

    for (const char *p; (p = next(m, ending));)
        n += strstr(p, words) != NULL;
    return n;
}

static void tell(struct mesh *m, const char *topic, const char *payload, bool retain)
{
    hook->ops->message(&m->link, hook->arg,
                       &(struct nc_mqtt_in){.topic = nc_str(topic),
                                            .payload = nc_str(payload),
                                            .retain = retain,
                                            .qos = 1});
    settle(m->w);
}

static const char *node_topic(const struct nc_id *node, const char *rest)
{
    static char topic[256];
    char id[NC_ID_TEXT + 1] = "";

    nc_id_text(node, id);
    snprintf(topic, sizeof topic, "nc/v1/n/%s/%s", id, rest);
    return topic;
}

/* It comes up; kept: the mark it has of us, or NULL. */
static void come_up(struct mesh *m, const char *kept)
{
    m->link.up = true;
    hook->ops->up(&m->link, hook->arg, kept != NULL);
    const char *mark = next(m, "/mark");
    assert_non_null(mark);
    if (kept)
        tell(m, node_topic(&m->w->chat->opts.node_id, "rendered"), kept, true);
    tell(m, node_topic(&m->w->chat->opts.node_id, "mark"), mark, false);
    settle(m->w);
}

static void go_down(struct mesh *m)
{
    m->link.up = false;
    hook->ops->down(&m->link, hook->arg, "a test");
}

static void ack_all(struct mesh *m)
{
    for (unsigned i = 0; i < m->link.n; i++)
        if (m->link.said[i].tag)
            hook->ops->acked(&m->link, hook->arg, m->link.said[i].tag);
}

/* Events, as a broker takes them that acknowledges all that it has. */
static unsigned count_acked(struct mesh *m, const char *words)
{
    unsigned n = 0;

    for (unsigned more; (more = count(m, "/events", words)) > 0; n += more) {
        ack_all(m);
        settle(m->w);
    }
    return n;
}

static void write_in(struct mesh *m, const char *who, const char *payload)
{
    char topic[128], id[NC_ID_TEXT + 1] = "";

    nc_id_text(&m->den->rec.id, id);
    snprintf(topic, sizeof topic, "nc/v1/u/%s/send/%s", who, id);
    tell(m, topic, payload, false);
}

static void ada_says(struct mesh *m, const char *text)
{
    struct nc_actor ada = {.user = m->ada};
    struct nc_send in = {.text = nc_str(text)};

    nc_message_send(m->w->chat, &ada, m->den, &in, on_sent, begin_call());
    assert_int_equal(end_call(m->w), NC_P_NONE);
}

/* Until a mark of how far it is was published. */
static const char *wait_for_mark(struct mesh *m)
{
    const char *mark = NULL;

    for (uint64_t until = nc_mono_ms() + 5000; !mark && nc_mono_ms() < until;) {
        turn(m->w);
        mark = next(m, "/rendered");
    }
    assert_non_null(mark);
    return mark;
}

/* ---- what is said ----------------------------------------------------------- */

static void what_comes_is_stored_told_and_answered(void **state)
{
    struct mesh *m = *state;

    come_up(m, NULL);
    write_in(m, "ada", "hello");
    const char *event = next(m, "/events");
    assert_non_null(strstr(event, "\"message.created\""));
    assert_non_null(strstr(event, "\"hello\""));
    assert_non_null(strstr(next(m, "/u/ada/inbox"), "\"ack\""));
    write_in(m, "bob", "{\"text\":\"/help\",\"ref\":1}");
    assert_non_null(strstr(next(m, "/u/bob/inbox"), "\"notice\",\"ref\":1"));
    assert_non_null(strstr(next(m, "/u/bob/inbox"), "\"ack\",\"ref\":1,\"message\":null"));
}

static void who_is_nobody_or_kept_by_the_broker_is_dropped(void **state)
{
    struct mesh *m = *state;
    struct nc_users_stats stats;

    come_up(m, NULL);
    write_in(m, "eve", "hello");
    tell(m, "nc/v1/u/ada/send/nonsense", "hello", false);
    tell(m, "other/u/ada/send", "hello", false);
    m->ada->a.disabled = true;
    write_in(m, "ada", "hello");
    assert_non_null(strstr(next(m, "/u/ada/inbox"), "disabled"));
    nc_users_stats(m->users, &stats);
    assert_true(stats.dropped == 1 && stats.refused == 1 && stats.taken == 0);
    assert_null(next(m, "/events"));
}

static void who_says_so_is_here_until_they_say_otherwise(void **state)
{
    struct mesh *m = *state;
    struct nc_chat *c = m->w->chat;

    come_up(m, NULL);
    tell(m, "nc/v1/u/ada/here", "here", false);
    tell(m, "nc/v1/u/ada/here", "still", true);
    tell(m, "nc/v1/u/eve/here", "here", true);
    assert_true(nc_presence_online(c, m->ada) && !nc_presence_online(c, m->bob));
    tell(m, "nc/v1/u/ada/here", "gone", false);
    tell(m, "nc/v1/u/ada/here", "", false);
    assert_false(nc_presence_online(c, m->ada));

    /* In a session that goes on it holds; a new one begins with what the broker keeps. */
    tell(m, "nc/v1/u/bob/here", "here", false);
    struct nc_user_end *e = nc_of(m->users->ends.next, struct nc_user_end, node);
    go_down(m);
    assert_true(nc_presence_online(c, m->bob));
    assert_true(e->look.due);
    e->look.fire(&e->look); /* a minute later */
    assert_false(nc_presence_online(c, m->bob));
    come_up(m, "{}");
    assert_true(nc_presence_online(c, m->bob));
    go_down(m);
    come_up(m, NULL);
    assert_false(nc_presence_online(c, m->bob));
}

static void an_account_that_may_not_come_in_is_not_here(void **state)
{
    struct mesh *m = *state;
    struct nc_chat *c = m->w->chat;
    struct nc_account a = m->ada->a;

    come_up(m, NULL);
    tell(m, "nc/v1/u/ada/here", "here", false);
    tell(m, "nc/v1/u/bob/here", "here", false);
    a.disabled = true;
    nc_user_changed(c, m->ada, &a);
    nc_observe_account(c, m->ada);
    assert_false(nc_presence_online(c, m->ada));
    tell(m, "nc/v1/u/ada/here", "here", false);
    assert_false(nc_presence_online(c, m->ada));
    nc_user_renamed(c, m->bob, NC_STR("bob-2"));
    nc_observe_account(c, m->bob);
    assert_false(nc_presence_online(c, m->bob));
}

static void too_often_waits_and_is_said_in_order(void **state)
{
    struct mesh *m = *state;
    char text[32];

    come_up(m, NULL);
    m->w->chat->opts.limits.rates = true;
    m->w->chat->opts.limits.sends_per_10s = 20;
    for (unsigned i = 0; i < 23; i++) {
        snprintf(text, sizeof text, "no %02u.", i);
        write_in(m, "ada", text);
    }
    struct nc_users_stats stats;
    nc_users_stats(m->users, &stats);
    assert_true(stats.taken == 20 && stats.held == 3);
    assert_int_equal(count(m, "/u/ada/inbox", "\"error\""), 0);
    m->w->chat->opts.limits.rates = false;
    for (uint64_t until = nc_mono_ms() + 5000; stats.held && nc_mono_ms() < until;) {
        turn(m->w);
        nc_users_stats(m->users, &stats);
    }
    assert_true(stats.taken == 23 && stats.held == 0);
    settle(m->w);
    for (unsigned i = 0; i < 23; i++) {
        snprintf(text, sizeof text, "no %02u.", i);
        assert_non_null(strstr(next(m, "/events"), text));
    }
}

static void what_was_in_hand_is_said_after_a_new_start(void **state)
{
    struct mesh *m = *state;
    struct nc_hold *hold;
    struct nc_held *held;
    char path[128];

    nc_users_stop(m->users);
    settle(m->w);
    nc_users_free(m->users);
    snprintf(path, sizeof path, "%s/mesh-held", m->dir);
    assert_int_equal(nc_hold_open(&hold, path, &nc_hold_limits_default, NULL, NULL), NC_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct nc_held_in in = {.user = NC_STR("ada"),
                                .room = m->den->rec.id,
                                .payload = i ? NC_STR("second") : NC_STR("first")};
        assert_int_equal(nc_hold_add(hold, &in, &held), NC_OK);
    }
    nc_hold_close(hold);
    users_open(m);
    come_up(m, NULL);
    write_in(m, "ada", "third");
    assert_non_null(strstr(next(m, "/events"), "first"));
    assert_non_null(strstr(next(m, "/events"), "second"));
    assert_non_null(strstr(next(m, "/events"), "third"));
    struct nc_users_stats stats;
    nc_users_stats(m->users, &stats);
    assert_true(stats.held == 0 && stats.taken == 3);
}

/* ---- several nodes ---------------------------------------------------------- */

/* A node that is before us in the order of that room, or behind. */
static void meet(struct mesh *m, bool before)
{
    uint8_t ours[NC_SHA256], theirs[NC_SHA256];
    struct nc_id both[2] = {m->den->rec.id, m->w->chat->opts.node_id};

    nc_sha256(both, sizeof both, ours);
    do {
        m->peer = nc_id_random();
        both[1] = m->peer;
        nc_sha256(both, sizeof both, theirs);
    } while ((memcmp(theirs, ours, sizeof ours) > 0) != before);
    char payload[256];
    snprintf(payload, sizeof payload, "%087d{\"v\":1,\"since\":1}", 0);
    tell(m, node_topic(&m->peer, "here"), payload, true);
}

static void ada_sends(struct mesh *m, const char *payload, const char *client)
{
    char topic[128], id[NC_ID_TEXT + 1] = "";

    nc_id_text(&m->den->rec.id, id);
    snprintf(topic, sizeof topic, "nc/v1/u/ada/send/%s", id);
    hook->ops->message(&m->link, hook->arg,
                       &(struct nc_mqtt_in){.topic = nc_str(topic),
                                            .payload = nc_str(payload),
                                            .client_id = nc_str(client)});
    settle(m->w);
}

static void what_another_node_takes_is_left_to_it(void **state)
{
    struct mesh *m = *state;
    struct nc_users_stats stats;
    char room[NC_ID_TEXT + 1] = "", took[256];
    static const char client[] = "0199a3b0-0000-7000-8000-000000000001";

    come_up(m, NULL);
    meet(m, true);
    nc_id_text(&m->den->rec.id, room);
    ada_sends(m, "hello", client);
    nc_users_stats(m->users, &stats);
    assert_true(stats.held == 1 && stats.taken == 0);
    snprintf(took, sizeof took, "{\"user\":\"ada\",\"room\":\"%s\",\"client_id\":\"%s\"}",
             room, client);
    tell(m, node_topic(&m->peer, "took"), took, false);
    nc_users_stats(m->users, &stats);
    assert_int_equal(stats.held, 0);

    tell(m, node_topic(&m->peer, "here"), "gone", true);
    write_in(m, "ada", "now it is ours");
    nc_users_stats(m->users, &stats);
    assert_int_equal(stats.taken, 1);
    assert_null(next(m, "/took"));
}

static void a_command_that_waited_in_the_broker_is_run_by_one_node(void **state)
{
    struct mesh *m = *state;
    struct nc_users_stats stats;
    char room[NC_ID_TEXT + 1] = "", took[256], mark[64];
    static const char one[] = "0199a3b0-0000-7000-8000-000000000001",
                      two[] = "0199a3b0-0000-7000-8000-000000000002";

    m->peer = nc_id_random(); /* it is away */
    m->link.up = true;
    hook->ops->up(&m->link, hook->arg, true);
    snprintf(mark, sizeof mark, "%s", next(m, "/mark"));
    write_in(m, "ada", "hello");
    ada_sends(m, "/topic soup", one);
    ada_sends(m, "{\"text\":\"/topic bread\",\"ref\":2}", two);
    nc_users_stats(m->users, &stats);
    assert_true(stats.taken == 1 && stats.held == 2);
    nc_id_text(&m->den->rec.id, room);
    snprintf(took, sizeof took, "{\"user\":\"ada\",\"room\":\"%s\",\"client_id\":\"%s\"}",
             room, one);
    tell(m, node_topic(&m->peer, "took"), took, false);
    tell(m, node_topic(&m->w->chat->opts.node_id, "mark"), mark, false);
    nc_users_stats(m->users, &stats);
    assert_true(stats.taken == 2 && stats.held == 0);
    assert_true(nc_str_eqz(m->den->rec.topic, "bread"));
    assert_non_null(strstr(next(m, "/took"), two));
    assert_null(next(m, "/took")); /* nor of what is one message, whoever takes it */
}

static void what_nobody_takes_is_stored_after_a_while(void **state)
{
    struct mesh *m = *state;
    struct nc_users_stats stats;

    come_up(m, NULL);
    meet(m, true);
    write_in(m, "ada", "hello");
    write_in(m, "ada", "{\"history\":{\"limit\":5},\"ref\":7}"); /* nor is it answered */
    nc_users_stats(m->users, &stats);
    assert_true(stats.held == 2);
    for (uint64_t until = nc_mono_ms() + 10000; stats.held && nc_mono_ms() < until;) {
        turn(m->w);
        nc_users_stats(m->users, &stats);
    }
    assert_true(stats.taken == 1 && stats.asked == 1 && stats.refused == 0);
    assert_non_null(next(m, "/took"));
    settle(m->w);
    assert_int_equal(count(m, "/u/ada/inbox", "\"type\":\"history\",\"ref\":7"), 1);
}

static void one_node_tells_events(void **state)
{
    struct mesh *m = *state;
    char payload[256];

    come_up(m, NULL);
    m->peer = (struct nc_id){{1}}; /* the lowest */
    snprintf(payload, sizeof payload, "%087d{\"v\":1}", 0);
    tell(m, node_topic(&m->peer, "here"), payload, true);
    ada_says(m, "not by us");
    assert_null(next(m, "/events"));
    tell(m, node_topic(&m->peer, "here"), "gone", true);
    settle(m->w);
    assert_non_null(strstr(next(m, "/events"), "not by us"));
    ada_says(m, "by us");
    assert_non_null(strstr(next(m, "/events"), "\"by us\""));
}

/* ---- brokers that come and go ------------------------------------------------ */

static void a_full_link_goes_on_where_it_stopped(void **state)
{
    struct mesh *m = *state;

    come_up(m, NULL);
    m->link.room = 2;
    for (unsigned i = 0; i < 5; i++)
        ada_says(m, "x");
    assert_int_equal(count(m, "/events", "\"message.created\""), 2);
    m->link.room = 1000;
    hook->ops->room(&m->link, hook->arg);
    settle(m->w);
    assert_int_equal(count(m, "/events", "\"message.created\""), 3);
    ada_says(m, "live again");
    assert_int_equal(count(m, "/events", "live again"), 1);
}

/* What nodes tell each other goes by the same link. */
static void a_broker_gets_so_much_at_a_time(void **state)
{
    struct mesh *m = *state;
    char text[32];
    unsigned n = NC_RENDER_UNDER_WAY + 100;

    come_up(m, NULL);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof text, "no %03u.", i);
        ada_says(m, text);
    }
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof text, "no %03u.", i);
        if (i == NC_RENDER_UNDER_WAY) {
            assert_null(next(m, "/events"));
            ack_all(m);
            settle(m->w);
        }
        assert_non_null(strstr(next(m, "/events"), text));
    }
}

static void a_broker_that_is_too_slow_gets_the_rest_from_the_log(void **state)
{
    struct mesh *m = *state;
    struct nc_users_stats stats;
    char *text = nc_alloc(20001);
    unsigned n = NC_RENDER_UNDER_WAY + 300;

    come_up(m, NULL);
    memset(text, 'x', 20000);
    for (unsigned i = 0; i < n; i++)
        ada_says(m, text);
    free(text);
    assert_int_equal(count_acked(m, "\"message.created\""), n);
    nc_users_stats(m->users, &stats);
    assert_true(stats.replayed >= 200 && stats.replayed <= 300);
    ada_says(m, "live again");
    assert_int_equal(count(m, "/events", "live again"), 1);
}

static void what_was_said_meanwhile_is_told_afterwards(void **state)
{
    struct mesh *m = *state;

    come_up(m, NULL);
    assert_non_null(next(m, "/rendered")); /* from here on, whatever happens */
    ada_says(m, "one");
    ack_all(m);
    char *mark = nc_str_dup(nc_str(wait_for_mark(m)));
    forget_said(m);
    go_down(m);
    ada_says(m, "two");
    ada_says(m, "three");
    come_up(m, mark);
    assert_non_null(strstr(next(m, "/events"), "\"two\""));
    assert_non_null(strstr(next(m, "/events"), "\"three\""));
    assert_null(next(m, "/events"));

    /* It has forgotten what it had acknowledged. */
    ack_all(m);
    wait_for_mark(m);
    forget_said(m);
    go_down(m);
    come_up(m, mark);
    assert_int_equal(count(m, "/events", "\"message.created\""), 2);

    /* It has forgotten everything. */
    forget_said(m);
    go_down(m);
    come_up(m, NULL);
    assert_int_equal(count(m, "/events", "\"message.created\""), 3);
    free(mark);
}

static void what_was_acknowledged_behind_the_mark_is_told_again(void **state)
{
    struct mesh *m = *state;

    come_up(m, NULL);
    assert_non_null(next(m, "/rendered"));
    ada_says(m, "one");
    ack_all(m);
    char *mark = nc_str_dup(nc_str(wait_for_mark(m)));
    ada_says(m, "two");
    ack_all(m); /* and it dies before it has the next mark, or has saved anything */
    forget_said(m);
    go_down(m);
    come_up(m, mark);
    assert_int_equal(count(m, "/events", "\"two\""), 1);

    /* A later mark that waited in our session tells nothing of what it keeps. */
    ack_all(m);
    char *later = nc_str_dup(nc_str(wait_for_mark(m)));
    forget_said(m);
    go_down(m);
    m->link.up = true;
    hook->ops->up(&m->link, hook->arg, true);
    tell(m, node_topic(&m->w->chat->opts.node_id, "rendered"), mark, true);
    tell(m, node_topic(&m->w->chat->opts.node_id, "rendered"), later, false);
    tell(m, node_topic(&m->w->chat->opts.node_id, "mark"), next(m, "/mark"), false);
    assert_int_equal(count(m, "/events", "\"two\""), 1);
    free(later);
    free(mark);
}

static void a_new_broker_hears_what_is_new(void **state)
{
    struct mesh *m = *state;

    ada_says(m, "before");
    m->link.up = true;
    hook->ops->up(&m->link, hook->arg, false);
    ada_says(m, "while it finds out where it is"); /* what waited there comes first */
    assert_null(next(m, "/events"));
    tell(m, node_topic(&m->w->chat->opts.node_id, "mark"), next(m, "/mark"), false);
    assert_non_null(strstr(next(m, "/events"), "while it finds out"));
    assert_null(next(m, "/events"));
    assert_non_null(next(m, "/rendered"));
}

static void nothing_is_taken_faster_than_it_is_answered(void **state)
{
    struct mesh *m = *state;
    struct nc_users_stats stats;

    come_up(m, NULL);
    m->link.room = 0;
    for (unsigned i = 0; i < 1000; i++)
        write_in(m, "ada", "much");
    nc_users_stats(m->users, &stats);
    assert_true(stats.held > 300 && stats.dropped == 0);
    m->link.room = 1000000;
    hook->ops->room(&m->link, hook->arg);
    settle(m->w);
    nc_users_stats(m->users, &stats);
    assert_true(stats.held == 0 && stats.taken == 1000 && stats.dropped == 0);
    assert_int_equal(count(m, "/u/ada/inbox", "\"ack\""), 1000);
    assert_int_equal(count_acked(m, "\"message.created\""), 1000);
}

static void who_is_too_far_behind_is_told_so(void **state)
{
    struct mesh *m = *state;

    come_up(m, NULL);
    char *mark = nc_str_dup(nc_str(wait_for_mark(m)));
    go_down(m);
    m->w->chat->opts.limits.replay_max = 3;
    for (unsigned i = 0; i < 5; i++)
        ada_says(m, "x");
    come_up(m, mark);
    assert_null(next(m, "/events"));
    assert_int_equal(count(m, "/live", "\"resync\""), 1);
    free(mark);
}

/* ---- documents --------------------------------------------------------------- */

/* What the last document of that ending says, its signature checked. */
static const char *document(struct mesh *m, const char *ending)
{
    static char text[65536];
    const char *payload = NULL, *topic = NULL;
    struct nc_str json;

    for (unsigned i = 0; i < m->link.n; i++) {
        size_t n = strlen(m->link.said[i].topic), k = strlen(ending);
        if (n > k && strcmp(m->link.said[i].topic + n - k, ending) == 0) {
            payload = m->link.said[i].payload;
            topic = m->link.said[i].topic;
            assert_true(m->link.said[i].retain);
        }
    }
    if (!payload)
        return NULL;
    assert_int_equal(nc_signed_open(m->identity.key, nc_str(topic + strlen("nc/v1/")),
                                    nc_str(payload), &json),
                     NC_OK);
    snprintf(text, sizeof text, "%.*s", NC_FMT(json));
    return text;
}

static const char *acl_of(struct mesh *m)
{
    static char ending[64];
    char id[NC_ID_TEXT + 1] = "";

    nc_id_text(&m->den->rec.id, id);
    snprintf(ending, sizeof ending, "/acl/%s", id);
    return ending;
}

static void on_key_kept(struct nc_commit *c, enum nc_err e)
{
    (void)c;
    assert_int_equal(e, NC_OK);
}

static void documents_say_who_may(void **state)
{
    struct mesh *m = *state;
    struct nc_actor ada = {.user = m->ada};
    char user[64], id[NC_ID_TEXT + 1] = "";

    nc_id_text(&m->bob->a.id, id);
    snprintf(user, sizeof user, "/user/%s", id);
    come_up(m, NULL);
    assert_non_null(strstr(document(m, acl_of(m)), "\"members\":[\"ada\",\"bob\"]"));
    assert_non_null(strstr(document(m, user), "\"name\":\"bob\",\"disabled\":false"));
    assert_non_null(strstr(document(m, "/jwks"), "\"keys\":[{"));
    char before[65536];
    snprintf(before, sizeof before, "%s", document(m, acl_of(m)));

    /* The same bytes, whenever it comes up, and after a new start. */
    forget_said(m);
    go_down(m);
    come_up(m, NULL);
    assert_string_equal(document(m, acl_of(m)), before);
    forget_said(m);
    nc_users_stop(m->users);
    settle(m->w);
    nc_users_free(m->users);
    users_open(m);
    come_up(m, NULL);
    assert_string_equal(document(m, acl_of(m)), before);

    forget_said(m);
    nc_room_kick(m->w->chat, &ada, m->den, m->bob, on_room_answer, begin_call());
    assert_int_equal(end_call(m->w), NC_P_NONE);
    const char *after = document(m, acl_of(m));
    assert_non_null(strstr(after, "\"members\":[\"ada\"]"));
    assert_true(strtoull(strchr(after, ':') + 1, NULL, 10) >
                strtoull(strchr(before, ':') + 1, NULL, 10));
    nc_room_delete(m->w->chat, &ada, m->den, on_room_answer, begin_call());
    assert_int_equal(end_call(m->w), NC_P_NONE);
    assert_non_null(strstr(document(m, acl_of(m)), "\"members\":[],\"deleted\":true"));
}

/* A reader that has read keys, and is slow to say so. */
static struct nc_query *slow;

static void read_keys_slowly(struct nc_store *s, struct nc_query *q)
{
    if (q->kind != NC_Q_KEYS || slow) {
        the_world->real->read(s, q);
        return;
    }
    assert_int_equal(the_world->real->read_now(s, q), NC_OK);
    slow = q;
}

/* The keys of an account are read while one more is made: they are read again. */
static void a_key_made_while_keys_are_read_is_told(void **state)
{
    struct mesh *m = *state;
    struct nc_change ch = {.kind = NC_KEY_INSERT,
                           .key = {.id = {.b = {7, 7}},
                                   .user = m->bob->a.id,
                                   .name = NC_STR("late"),
                                   .scopes = NC_STR("mqtt")}};
    struct nc_commit c = {.changes = &ch, .n = 1, .done = on_key_kept};
    char user[64], id[NC_ID_TEXT + 1] = "";

    nc_id_text(&m->bob->a.id, id);
    snprintf(user, sizeof user, "/user/%s", id);
    come_up(m, NULL);
    assert_non_null(strstr(document(m, user), "\"keys\":[]"));
    slow = NULL;
    m->w->ops.read = read_keys_slowly;
    nc_users_doc_user(m->users, m->bob);
    assert_non_null(slow);
    m->w->store->ops->commit(m->w->store, &c);
    settle(m->w);
    nc_users_doc_user(m->users, m->bob);
    slow->done(slow, NC_OK); /* without the new one */
    settle(m->w);
    m->w->ops.read = m->w->real->read;
    assert_non_null(strstr(document(m, user), "\"keys\":[{"));
}

static void a_torn_file_of_stamps_is_read_as_far_as_it_goes(void **state)
{
    struct mesh *m = *state;
    struct nc_stamps *s;
    struct nc_id id = {{1}}, other = {{2}};
    uint8_t one[NC_STAMP_HASH] = {1}, two[NC_STAMP_HASH] = {2};
    char path[128];

    snprintf(path, sizeof path, "%s/stamps", m->dir);
    assert_int_equal(nc_stamps_open(&s, path), NC_OK);
    for (unsigned i = 0; i < 40000; i++)
        nc_stamps_set(s, 1, &id, one, 100 + i);
    nc_stamps_set(s, 2, &id, two, 7);
    nc_stamps_set(s, 1, &other, two, 8);
    nc_stamps_close(s);
    FILE *f = fopen(path, "r+");
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    fclose(f);
    assert_true(size < 40000 * 64);
    assert_int_equal(truncate(path, size - 1), 0);
    assert_int_equal(nc_stamps_open(&s, path), NC_OK);
    assert_true(nc_stamps_get(s, 1, &id, one) == 40099);
    assert_true(nc_stamps_get(s, 1, &id, two) == 0);
    assert_true(nc_stamps_get(s, 2, &id, two) == 7);
    assert_true(nc_stamps_get(s, 1, &other, two) == 0); /* torn */
    assert_true(nc_stamps_highest(s) == 40099);
    nc_stamps_close(s);
    unlink(path);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_comes_is_stored_told_and_answered),
        T(who_is_nobody_or_kept_by_the_broker_is_dropped),
        T(who_says_so_is_here_until_they_say_otherwise),
        T(an_account_that_may_not_come_in_is_not_here),
        T(too_often_waits_and_is_said_in_order),
        T(what_was_in_hand_is_said_after_a_new_start),
        T(what_another_node_takes_is_left_to_it),
        T(a_command_that_waited_in_the_broker_is_run_by_one_node),
        T(what_nobody_takes_is_stored_after_a_while),
        T(one_node_tells_events),
        T(a_full_link_goes_on_where_it_stopped),
        T(a_broker_gets_so_much_at_a_time),
        T(a_broker_that_is_too_slow_gets_the_rest_from_the_log),
        T(what_was_said_meanwhile_is_told_afterwards),
        T(what_was_acknowledged_behind_the_mark_is_told_again),
        T(a_new_broker_hears_what_is_new),
        T(nothing_is_taken_faster_than_it_is_answered),
        T(who_is_too_far_behind_is_told_so),
        T(documents_say_who_may),
        T(a_key_made_while_keys_are_read_is_told),
        T(a_torn_file_of_stamps_is_read_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
