#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "live_world.h"

static void from_a_cursor_to_the_head(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    join(w, 1, 1);
    world_settle(w);
    uint64_t since = w->store->info.head;
    for (unsigned i = 0; i < 1000; i++) {
        say(w, 0, 0);
        say(w, 1, 1); /* not for us */
    }
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach(w, e, since);
    world_settle(w);
    assert_int_equal(e->n, 1000);
    for (unsigned i = 0; i < e->n; i++)
        assert_int_equal(e->seqs[i], since + 1 + 2 * i);
    assert_int_equal(e->live, 1);
    assert_int_equal(e->l.state, NC_LIVE);
    assert_true(nc_hub_stats(w->chat.hub)->catchup_pages >= 4);
    assert_int_equal(nc_hub_stats(w->chat.hub)->catching_up, 0);
    ear_free(w, e);
    world_free(w);
}

/* Who is live falls behind, gets all of it once, and is not greeted again. */
static void much_at_once_is_fetched(void **state)
{
    struct world *w = world_new();
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;
    ear_attach(w, e, since);
    world_settle(w);
    for (unsigned round = 0; round < 3; round++) {
        say(w, 0, 0);
        world_settle(w);
        nc_hub_fetched(w->chat.hub, &w->rooms[0].topic);
        assert_int_equal(e->l.state, NC_CATCHING_UP);
        for (unsigned i = 0; i < 299; i++)
            say(w, 0, 0);
        world_settle(w);
        assert_int_equal(e->l.state, NC_LIVE);
    }
    assert_int_equal(e->n, 900);
    for (unsigned i = 0; i < e->n; i++)
        assert_int_equal(e->seqs[i], since + 1 + i);
    assert_int_equal(e->live, 1);
    assert_int_equal(e->resyncs, 0);
    ear_free(w, e);
    world_free(w);
}

/* A page is read, and its answer waits for one row that is not published. */
static struct {
    struct nc_query *query;
    void (*done)(struct nc_query *q, enum nc_err e);
} late;

static void on_late(struct nc_query *q, enum nc_err e)
{
    assert_int_equal(e, NC_OK);
    late.query = q;
}

static void read_late(struct nc_store *s, struct nc_query *q)
{
    late.done = q->done;
    q->done = on_late;
    the_world->ops.read = the_world->real->read;
    the_world->real->read(s, q);
}

static void fetch_before_the_answer(struct world *w, struct nc_room *r)
{
    w->unpublished = NULL;
    nc_hub_fetched(w->chat.hub, &r->topic);
    late.done(late.query, NC_OK);
}

/* Its page ends at the head of before, and what follows it is told to nobody. */
static void who_comes_up_as_more_is_fetched_misses_nothing(void **state)
{
    struct world *w = world_new();
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;
    say(w, 0, 0);
    world_settle(w);
    late.query = NULL;
    w->ops.read = read_late;
    ear_attach(w, e, since);
    while (!late.query)
        world_turn(w);
    w->unpublished = fetch_before_the_answer;
    say(w, 0, 0);
    world_settle(w);
    assert_null(w->unpublished);
    say(w, 0, 0);
    world_settle(w);
    assert_int_equal(e->l.state, NC_LIVE);
    assert_int_equal(e->n, 3);
    for (unsigned i = 0; i < e->n; i++)
        assert_int_equal(e->seqs[i], since + 1 + i);
    assert_int_equal(e->live, 1);
    ear_free(w, e);
    world_free(w);
}

static void nothing_missed_asks_nothing(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    unsigned reads = w->reads;
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach(w, e, w->store->info.head);
    world_settle(w);
    assert_int_equal(w->reads, reads);
    assert_int_equal(e->live, 1);
    say(w, 0, 0);
    world_settle(w);
    assert_int_equal(e->n, 1);
    ear_free(w, e);
    world_free(w);
}

static void a_slow_one_is_given_a_page_at_a_time(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;
    for (unsigned i = 0; i < 1000; i++)
        say(w, 0, 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_WS);
    e->stuck = true;
    ear_attach(w, e, since);
    world_settle(w);
    assert_int_equal(e->n, 256);
    /* What happens now waits in the log, not in the queue. */
    say(w, 0, 0);
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "typing",
                             NC_STR("{\"x\":1}"));
    world_settle(w);
    assert_int_equal(e->n, 256);
    while (e->n < 1001) {
        unsigned had = e->n;
        e->queued = 1000; /* still something: a page beside it might be too much */
        nc_hub_drained(w->chat.hub, &e->l);
        world_settle(w);
        assert_int_equal(e->n, had);
        e->queued = 0;
        nc_hub_drained(w->chat.hub, &e->l);
        world_settle(w);
        assert_true(e->n > had && e->n <= had + 256);
    }
    assert_int_equal(e->live, 1);
    assert_false(ear_heard(e, "\"x\":1"));
    for (unsigned i = 0; i < e->n; i++)
        assert_int_equal(e->seqs[i], since + 1 + i);
    ear_free(w, e);
    world_free(w);
}

static void resync_when(struct world *w, struct nc_str cursor)
{
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);

    assert_int_equal(nc_hub_attach(w->chat.hub, &e->l, &cursor), NC_OK);
    world_settle(w);
    assert_int_equal(e->resyncs, 1);
    assert_int_equal(e->live, 1);
    assert_int_equal(e->n, 0);
    assert_int_equal(e->l.state, NC_LIVE);
    say(w, 0, 0);
    world_settle(w);
    assert_int_equal(e->n, 1); /* live from the head */
    ear_free(w, e);
}

static void cursors_that_cannot_be_served(void **state)
{
    struct world *w = world_new();
    struct nc_id other = nc_id_random();
    struct nc_buf b = {0};

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;

    nc_cursor_add(&b, &other, 1); /* foreign */
    resync_when(w, nc_buf_str(&b));
    nc_buf_fini(&b);

    b = world_cursor(w, w->store->info.head + 1000); /* beyond the head */
    resync_when(w, nc_buf_str(&b));
    nc_buf_fini(&b);

    w->chat.opts.limits.replay_max = 50; /* too many */
    for (unsigned i = 0; i < 60; i++)
        say(w, 0, 0);
    world_settle(w);
    b = world_cursor(w, since);
    resync_when(w, nc_buf_str(&b));
    nc_buf_fini(&b);
    assert_int_equal(nc_hub_stats(w->chat.hub)->resyncs, 3);
    world_free(w);
}

/* Only what this listener may hear counts. */
static void far_in_positions_is_not_far_in_events(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->chat.opts.limits.replay_max = 50;
    join(w, 0, 0);
    join(w, 1, 1);
    world_settle(w);
    uint64_t since = w->store->info.head;
    for (unsigned i = 0; i < 200; i++)
        say(w, i % 5 ? 1 : 0, i % 5 ? 1 : 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach(w, e, since);
    world_settle(w);
    assert_int_equal(e->resyncs, 0);
    assert_int_equal(e->n, 40);
    ear_free(w, e);
    world_free(w);
}

static void older_than_30_days(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;
    say(w, 0, 0);
    world_settle(w);
    /* As after a restart: nothing is known of when that was. */
    nc_hub_free(w->chat.hub);
    w->chat.hub = nc_hub_new(&w->chat);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach(w, e, since);
    world_settle(w);
    assert_int_equal(e->n, 1);
    assert_int_equal(e->resyncs, 0);
    nc_hub_detach(w->chat.hub, &e->l);
    nc_wall_bend(31ll * 86400000);
    ear_attach(w, e, since);
    world_settle(w);
    assert_int_equal(e->resyncs, 1);
    nc_wall_bend(0);
    ear_free(w, e);
    world_free(w);
}

static void no_cursor_at_all(void **state)
{
    struct world *w = world_new();
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);

    (void)state;
    assert_int_equal(nc_hub_attach(w->chat.hub, &e->l, &NC_STR("yesterday")), NC_EINVAL);
    assert_int_equal(e->l.state, NC_CATCHING_UP);
    assert_int_equal(nc_hub_stats(w->chat.hub)->listeners, 0);
    ear_free(w, e);
    world_free(w);
}

static void leaving_while_the_store_is_asked(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;
    say(w, 0, 0);
    world_settle(w);
    w->hold = true;
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach(w, e, since);
    world_turn(w);
    world_turn(w);
    assert_false(nc_list_empty(&w->held));
    ear_free(w, e);
    release_one(w);
    world_settle(w);
    assert_int_equal(nc_hub_stats(w->chat.hub)->catching_up, 0);
    world_free(w);
}

static void a_thousand_come_back_at_once(void **state)
{
    struct world *w = world_new();
    static struct ear *e[1000];

    (void)state;
    for (unsigned i = 0; i < USERS; i++)
        join(w, 0, i);
    world_settle(w);
    uint64_t since = w->store->info.head;
    for (unsigned i = 0; i < 10; i++)
        say(w, 0, 0);
    world_settle(w);
    w->hold = true;
    for (unsigned i = 0; i < NC_COUNT(e); i++) {
        e[i] = ear_new(&w->users[i % USERS], NC_ENC_JSON);
        ear_attach(w, e[i], since);
    }
    world_turn(w);
    world_turn(w);
    unsigned asked = 0;
    nc_list_each(it, &w->held)
        asked++;
    assert_int_equal(asked, 8);
    w->hold = false;
    while (release_one(w))
        ;
    for (unsigned i = 0; i < 300; i++)
        world_turn(w);
    world_settle(w);
    for (unsigned i = 0; i < NC_COUNT(e); i++) {
        assert_int_equal(e[i]->n, 10);
        assert_int_equal(e[i]->live, 1);
        ear_free(w, e[i]);
    }
    world_free(w);
}

static void two_at_a_time_for_one_user(void **state)
{
    struct world *w = world_new();
    struct ear *e[10];

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;
    say(w, 0, 0);
    world_settle(w);
    w->hold = true;
    for (unsigned i = 0; i < NC_COUNT(e); i++) {
        e[i] = ear_new(&w->users[0], NC_ENC_JSON);
        ear_attach(w, e[i], since);
    }
    world_turn(w);
    world_turn(w);
    unsigned asked = 0;
    nc_list_each(it, &w->held)
        asked++;
    assert_int_equal(asked, 2);
    w->hold = false;
    while (release_one(w))
        ;
    world_settle(w);
    world_settle(w);
    world_settle(w);
    for (unsigned i = 0; i < NC_COUNT(e); i++) {
        assert_int_equal(e[i]->n, 1);
        ear_free(w, e[i]);
    }
    world_free(w);
}

static void the_node_stops_while_the_store_is_asked(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    uint64_t since = w->store->info.head;
    say(w, 0, 0);
    world_settle(w);
    w->hold = true;
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach(w, e, since);
    world_turn(w);
    world_turn(w);
    assert_int_equal(e->l.state, NC_CATCHING_UP);
    release_one(w);
    w->real->close(w->store);
    w->store = NULL;
    assert_int_equal(e->ended, 1012);
    ear_free(w, e);
    world_free(w);
}

/* ---- everything at once -------------------------------------------------- */

static uint32_t dice;

static unsigned roll(unsigned n)
{
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % n;
}

/* Who was given what, over all connections of one client that resumes each time. */
struct client {
    struct ear *e;
    unsigned user;
    uint64_t at;   /* its cursor */
    uint64_t from; /* its first one */
    uint64_t *all;
    unsigned n, cap, seen;
};

static void take_in(struct client *c)
{
    while (c->e && c->seen < c->e->n) {
        uint64_t seq = c->e->seqs[c->seen++];
        assert_true(seq > c->at); /* in order, and never twice */
        c->at = seq;
        if (c->n == c->cap) {
            c->cap = c->cap ? c->cap * 2 : 64;
            c->all = nc_realloc(c->all, c->cap * sizeof *c->all);
        }
        c->all[c->n++] = seq;
    }
}

static void connect_client(struct world *w, struct client *c)
{
    c->e = ear_new(&w->users[c->user], (enum nc_encoding)(roll(3) == 0   ? NC_ENC_SSE
                                                          : roll(2) == 0 ? NC_ENC_WS
                                                                         : NC_ENC_JSON));
    c->e->stuck = roll(2);
    c->seen = 0;
    ear_attach(w, c->e, c->at);
}

static void hang_up(struct world *w, struct client *c)
{
    take_in(c);
    ear_free(w, c->e);
    c->e = NULL;
}

static bool has(const struct client *c, uint64_t seq)
{
    unsigned lo = 0, hi = c->n;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (c->all[mid] == seq)
            return true;
        if (c->all[mid] < seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

/* The whole log, as the store has it. */
static struct nc_event log_rows[60000];
static unsigned log_n;

static void on_log_row(struct nc_query *q, const struct nc_row *row)
{
    (void)q;
    assert_true(log_n < NC_COUNT(log_rows));
    log_rows[log_n++] = row->log.event;
}

static void read_log(struct world *w, uint64_t since)
{
    struct nc_room_since rooms[ROOMS] = {0};
    for (unsigned i = 0; i < ROOMS; i++)
        rooms[i].room = w->rooms[i].rec.id; /* made in order of their ids */
    struct nc_query q = {.kind = NC_Q_LOG,
                         .since = since,
                         .limit = UINT32_MAX,
                         .row = on_log_row,
                         .audience = {.rooms = rooms, .rooms_n = ROOMS}};
    log_n = 0;
    assert_int_equal(nc_store_read_now(w->store, &q), NC_OK);
}

static unsigned room_of(struct world *w, const struct nc_event *e)
{
    unsigned i = 0;
    while (!nc_id_eq(&w->rooms[i].rec.id, &e->to))
        i++;
    return i;
}

/* Every event of a room while they are in it to the end, and of their own comings and
 * goings, must be there; and none of a room before they first came. */
static void check(struct world *w, struct client *c)
{
    uint64_t since[ROOMS];
    bool ever[ROOMS] = {false};
    struct nc_user *u = &w->users[c->user];

    for (unsigned i = 0; i < ROOMS; i++) {
        struct nc_member *m = member_of(&w->rooms[i], u);
        since[i] = m ? m->rec.joined_seq : UINT64_MAX;
    }
    for (unsigned i = 0; i < log_n; i++) {
        const struct nc_event *e = &log_rows[i];
        unsigned r = room_of(w, e);
        bool mine = nc_id_eq(&e->subject, &u->a.id) &&
                    (e->kind == NC_EV_MEMBER_JOINED || e->kind == NC_EV_MEMBER_LEFT);
        if (mine && e->kind == NC_EV_MEMBER_JOINED)
            ever[r] = true;
        if (e->seq <= c->from)
            continue;
        if (e->seq > since[r] || (mine && e->seq == since[r]))
            assert_true(has(c, e->seq));
        if (!ever[r])
            assert_false(has(c, e->seq));
    }
}

static void random_step(struct world *w, struct client *clients, unsigned n)
{
    struct client *c = &clients[roll(n)];

    switch (roll(12)) {
    case 0:
        if (c->e)
            hang_up(w, c);
        else
            connect_client(w, c);
        break;
    case 1: {
        unsigned room = 2 + roll(2), user = 3 + roll(3);
        /* One change at a time, as chat sees to it. */
        world_settle(w);
        if (member_of(&w->rooms[room], &w->users[user]))
            leave(w, room, user);
        else
            join(w, room, user);
        break;
    }
    case 2: release_one(w); break;
    case 3:
    case 4:
        if (c->e) {
            c->e->queued = c->e->queued > 200000 ? c->e->queued - 200000 : 0;
            nc_hub_drained(w->chat.hub, &c->e->l);
        }
        break;
    case 5:
    case 6: world_turn(w); break;
    case 7: w->hold = roll(2); break;
    default:
        for (unsigned k = roll(8); k > 0; k--)
            say_much(w, roll(ROOMS), roll(USERS), 0, roll(2));
    }
}

static void catch_all_up(struct world *w, struct client *clients, unsigned n)
{
    w->hold = false;
    while (release_one(w))
        ;
    for (unsigned i = 0; i < n; i++)
        if (!clients[i].e)
            connect_client(w, &clients[i]);
    for (unsigned k = 0; k < 60; k++) {
        for (unsigned i = 0; i < n; i++) {
            clients[i].e->queued = 0;
            nc_hub_drained(w->chat.hub, &clients[i].e->l);
        }
        world_settle(w);
    }
}

static void one_story(uint32_t seed)
{
    struct world *w = world_new();
    struct client clients[12] = {0};

    dice = seed;
    for (unsigned i = 0; i < USERS; i++) {
        join(w, 0, i);
        if (i < 3)
            join(w, 1, i);
    }
    world_settle(w);
    w->chat.opts.limits.queue_max = 1 << 30; /* this is not about being slow */
    for (unsigned i = 0; i < NC_COUNT(clients); i++) {
        clients[i].user = i % USERS;
        clients[i].at = clients[i].from = w->store->info.head;
    }
    for (unsigned step = 0; step < 1500; step++) {
        random_step(w, clients, NC_COUNT(clients));
        for (unsigned i = 0; i < NC_COUNT(clients); i++)
            take_in(&clients[i]);
    }
    catch_all_up(w, clients, NC_COUNT(clients));
    read_log(w, 0);
    for (unsigned i = 0; i < NC_COUNT(clients); i++) {
        take_in(&clients[i]);
        assert_int_equal(clients[i].e->l.state, NC_LIVE);
        assert_int_equal(clients[i].e->resyncs, 0);
        check(w, &clients[i]);
    }
    for (unsigned i = 0; i < NC_COUNT(clients); i++) {
        hang_up(w, &clients[i]);
        free(clients[i].all);
    }
    world_free(w);
}

static void no_gap_and_no_repeat(void **state)
{
    (void)state;
    unsigned stories = getenv("STORIES") ? (unsigned)atoi(getenv("STORIES")) : 12;
    for (uint32_t seed = 1; seed <= stories; seed++)
        one_story(seed * 7919);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_a_cursor_to_the_head),
        cmocka_unit_test(much_at_once_is_fetched),
        cmocka_unit_test(who_comes_up_as_more_is_fetched_misses_nothing),
        cmocka_unit_test(nothing_missed_asks_nothing),
        cmocka_unit_test(a_slow_one_is_given_a_page_at_a_time),
        cmocka_unit_test(cursors_that_cannot_be_served),
        cmocka_unit_test(far_in_positions_is_not_far_in_events),
        cmocka_unit_test(older_than_30_days),
        cmocka_unit_test(no_cursor_at_all),
        cmocka_unit_test(leaving_while_the_store_is_asked),
        cmocka_unit_test(a_thousand_come_back_at_once),
        cmocka_unit_test(two_at_a_time_for_one_user),
        cmocka_unit_test(the_node_stops_while_the_store_is_asked),
        cmocka_unit_test(no_gap_and_no_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
