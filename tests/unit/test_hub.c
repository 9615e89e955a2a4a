#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "live_world.h"

#include "chat/observer.h"

static void in_order_across_rooms(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    join(w, 1, 0);
    join(w, 2, 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach_head(w, e);
    world_settle(w);
    assert_int_equal(e->live, 1);
    uint64_t head = w->store->info.head;
    for (unsigned i = 0; i < 60; i++)
        say(w, i % 3, 0);
    world_settle(w);
    assert_int_equal(e->n, 60);
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(e->seqs[i], head + 1 + i);
    /* All of a turn came in one piece; on a busy machine the writer takes some turns for
     * them. */
    assert_in_range(e->delivers, 1, 6);
    ear_free(w, e);
    world_free(w);
}

static void more_rooms_than_are_merged(void **state)
{
    struct world *w = world_new();
    struct nc_member members[20] = {0};
    static struct nc_room rooms[20];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        rooms[i].rec.id = nc_id_random();
        members[i].room = &rooms[i];
        nc_list_add(&w->users[0].memberships, &members[i].by_user);
    }
    struct ear *e = ear_new(&w->users[0], NC_ENC_WS);
    ear_attach_head(w, e);
    world_settle(w);
    for (unsigned i = 0; i < 100; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"n\":\"<%u>\"}", i);
        nc_hub_publish_ephemeral(w->chat.hub, &rooms[i * 7 % 20].topic, "x", nc_str(json));
    }
    world_settle(w);
    const char *at = e->heard.p;
    for (unsigned i = 0; i < 100; i++) {
        char mark[16];
        snprintf(mark, sizeof mark, "<%u>", i);
        const char *next =
            memmem(at, (size_t)(e->heard.p + e->heard.n - at), mark, strlen(mark));
        assert_non_null(next);
        at = next;
    }
    ear_free(w, e);
    for (unsigned i = 0; i < 20; i++) {
        nc_list_del(&members[i].by_user);
        nc_topic_fini(&rooms[i].topic);
    }
    world_free(w);
}

static void everyone_shares_one_frame(void **state)
{
    struct world *w = world_new();
    struct ear *e[USERS];

    (void)state;
    for (unsigned i = 0; i < USERS; i++)
        join(w, 0, i);
    world_settle(w);
    for (unsigned i = 0; i < USERS; i++) {
        e[i] = ear_new(&w->users[i], i % 2 ? NC_ENC_WS : NC_ENC_SSE);
        ear_attach_head(w, e[i]);
    }
    world_settle(w);
    /* The store may commit them one by one: then there is nothing to join, and once more.
     */
    unsigned said = 0, delivers = 0;
    for (bool joined = false; !joined; delivers = e[0]->delivers) {
        assert_true(said < 200);
        say(w, 0, 0);
        say(w, 0, 1);
        said += 2;
        world_settle(w);
        joined = e[0]->delivers == delivers + 1;
    }
    for (unsigned i = 0; i < USERS; i++) {
        assert_int_equal(e[i]->n, said);
        assert_int_equal(e[i]->delivers, delivers);
        assert_int_equal(e[i]->heard.n, e[i % 2]->heard.n);
        assert_memory_equal(e[i]->heard.p, e[i % 2]->heard.p, e[i]->heard.n);
    }
    for (unsigned i = 0; i < USERS; i++)
        ear_free(w, e[i]);
    world_free(w);
}

static void the_sender_gets_their_own_variant(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    join(w, 0, 1);
    world_settle(w);
    /* The same one on more devices, alike. */
    struct ear *a3 = ear_new(&w->users[0], NC_ENC_JSON),
               *a4 = ear_new(&w->users[0], NC_ENC_SSE);
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON),
               *b = ear_new(&w->users[1], NC_ENC_JSON),
               *a2 = ear_new(&w->users[0], NC_ENC_SSE);
    ear_attach_head(w, a);
    ear_attach_head(w, a2);
    ear_attach_head(w, a3);
    ear_attach_head(w, a4);
    ear_attach_head(w, b);
    world_settle(w);
    say_much(w, 0, 1, 0, false);
    say_much(w, 0, 0, 0, true);
    say_much(w, 0, 1, 0, false);
    world_settle(w);
    assert_true(ear_heard(a, "client_id"));
    assert_true(ear_heard(a2, "client_id"));
    assert_false(ear_heard(b, "client_id"));
    assert_int_equal(a->n, 3);
    assert_int_equal(a3->heard.n, a->heard.n);
    assert_memory_equal(a3->heard.p, a->heard.p, a->heard.n);
    assert_int_equal(a4->heard.n, a2->heard.n);
    assert_memory_equal(a4->heard.p, a2->heard.p, a2->heard.n);
    assert_int_equal(a2->n, 3);
    assert_int_equal(b->n, 3);
    ear_free(w, a);
    ear_free(w, a2);
    ear_free(w, a3);
    ear_free(w, a4);
    ear_free(w, b);
    world_free(w);
}

static void who_joins_hears_the_join_and_not_what_came_before(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[1], NC_ENC_JSON);
    ear_attach_head(w, e);
    world_settle(w);
    uint64_t head = w->store->info.head;
    /* All in one turn. */
    say(w, 0, 0);
    say(w, 0, 0);
    join(w, 0, 1);
    say(w, 0, 0);
    world_settle(w);
    assert_int_equal(e->n, 2);
    assert_int_equal(e->seqs[0], head + 3);
    assert_int_equal(e->seqs[1], head + 4);
    ear_free(w, e);
    world_free(w);
}

static void who_is_put_out_hears_it_once(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    join(w, 0, 1);
    world_settle(w);
    struct ear *e = ear_new(&w->users[1], NC_ENC_JSON),
               *f = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach_head(w, e);
    ear_attach_head(w, f);
    world_settle(w);
    leave(w, 0, 1);
    join(w, 0, 1);
    leave(w, 0, 1);
    say(w, 0, 0);
    world_settle(w);
    for (unsigned i = 1; i < e->n; i++)
        assert_true(e->seqs[i] > e->seqs[i - 1]);
    assert_true(ear_heard(e, "member.left"));
    assert_false(ear_heard(e, "message.created"));
    assert_int_equal(f->n, 4);
    ear_free(w, e);
    ear_free(w, f);
    world_free(w);
}

static void slow_ones_end(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    join(w, 0, 1);
    world_settle(w);
    struct ear *slow = ear_new(&w->users[0], NC_ENC_WS),
               *well = ear_new(&w->users[1], NC_ENC_WS);
    slow->stuck = true;
    ear_attach_head(w, slow);
    ear_attach_head(w, well);
    world_settle(w);
    unsigned n = 0;
    while (!slow->ended && n < 100) {
        say_much(w, 0, 1, 60000, false);
        n++;
        world_settle(w);
    }
    assert_int_equal(slow->ended, 4408);
    assert_int_equal(slow->l.state, NC_DETACHED);
    assert_true(slow->queued > 1 << 20 && slow->queued < (1 << 20) + 70000);
    assert_int_equal(well->n, n);
    assert_int_equal(nc_hub_stats(w->chat.hub)->slow_closed, 1);
    ear_free(w, slow);
    ear_free(w, well);
    world_free(w);
}

static void one_large_turn_does_not_make_one_slow(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_WS);
    e->stuck = true;
    ear_attach_head(w, e);
    world_settle(w);
    say_much(w, 0, 0, 900 << 10, false);
    world_settle(w);
    e->queued = 0;
    say_much(w, 0, 0, 1100 << 10, false);
    world_settle(w);
    assert_int_equal(e->ended, 0);
    say(w, 0, 0);
    world_settle(w);
    assert_int_equal(e->ended, 4408);
    ear_free(w, e);
    world_free(w);
}

static void the_largest_go_when_all_are_too_much(void **state)
{
    struct world *w = world_new();
    struct ear *e[USERS];

    (void)state;
    w->chat.opts.limits.queue_total_max = 300000;
    for (unsigned i = 0; i < USERS; i++)
        join(w, 0, i);
    join(w, 1, 0);
    world_settle(w);
    for (unsigned i = 0; i < USERS; i++) {
        e[i] = ear_new(&w->users[i], NC_ENC_WS);
        e[i]->stuck = i < 3;
        ear_attach_head(w, e[i]);
    }
    world_settle(w);
    say_much(w, 1, 0, 50000, false); /* user 0 has more than the others */
    for (unsigned i = 0; i < 10 && !e[0]->ended; i++) {
        say_much(w, 0, 5, 30000, false);
        world_settle(w);
    }
    assert_int_equal(e[0]->ended, 4408);
    for (unsigned i = 1; i < USERS; i++)
        assert_int_equal(e[i]->ended, 0);
    assert_true(nc_hub_stats(w->chat.hub)->queued_total <= 300000);
    for (unsigned i = 0; i < USERS; i++)
        ear_free(w, e[i]);
    world_free(w);
}

static void what_is_ephemeral_is_dropped_first(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach_head(w, e);
    world_settle(w);
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "typing",
                             NC_STR("{\"x\":1}"));
    world_settle(w);
    assert_true(ear_heard(e, "\"x\":1"));
    e->stuck = true;
    say_much(w, 0, 0, 300000, false);
    world_settle(w);
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "typing",
                             NC_STR("{\"x\":2}"));
    say(w, 0, 0);
    nc_hub_tell(w->chat.hub, &e->l, "typing", NC_STR("{\"x\":3}"));
    world_settle(w);
    assert_false(ear_heard(e, "\"x\":2"));
    assert_false(ear_heard(e, "\"x\":3"));
    assert_int_equal(e->n, 2);
    e->queued = 0;
    e->stuck = false;
    say(w, 0, 0);
    world_settle(w);
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "typing",
                             NC_STR("{\"x\":4}"));
    world_settle(w);
    assert_true(ear_heard(e, "\"x\":4"));
    assert_int_equal(e->n, 3);
    ear_free(w, e);
    world_free(w);
}

/* An answer that streams: a newcomer gets the snapshot, then exactly what follows. */
struct streamer {
    struct nc_observer o;
    struct world *w;
    unsigned n;
};

static void tell_snapshot(struct nc_observer *o, struct nc_listener *l)
{
    struct streamer *s = nc_of(o, struct streamer, o);
    char json[64];
    snprintf(json, sizeof json, "{\"snapshot\":%u}", s->n);
    nc_hub_tell(s->w->chat.hub, l, "message.delta", nc_str(json));
}

static void delta(struct streamer *s)
{
    char json[64];
    snprintf(json, sizeof json, "{\"delta\":%u}", ++s->n);
    nc_hub_publish_ephemeral(s->w->chat.hub, &s->w->rooms[0].topic, "message.delta",
                             nc_str(json));
}

static void snapshots_come_before_what_follows_them(void **state)
{
    struct world *w = world_new();
    struct streamer s = {.o.live = tell_snapshot, .w = w};

    (void)state;
    nc_list_add(&w->chat.observers, &s.o.node);
    join(w, 0, 0);
    world_settle(w);
    delta(&s);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    delta(&s);
    ear_attach_head(w, e);
    say(w, 0, 0);
    delta(&s);
    world_settle(w);
    delta(&s);
    world_settle(w);
    assert_true(ear_heard(e, "{\"snapshot\":3},"));
    assert_false(ear_heard(e, "{\"delta\":3}"));
    assert_true(ear_heard(e, "{\"delta\":4}"));
    assert_int_equal(e->n, 1);
    ear_free(w, e);
    nc_list_del(&s.o.node);
    world_free(w);
}

static void sessions_end_their_listeners(void **state)
{
    struct world *w = world_new();
    struct nc_id session = nc_id_random();

    (void)state;
    struct ear *a = ear_new(&w->users[0], NC_ENC_WS), *b = ear_new(&w->users[0], NC_ENC_WS),
               *c = ear_new(&w->users[1], NC_ENC_WS);
    a->l.session = session;
    ear_attach_head(w, a);
    ear_attach_head(w, b);
    ear_attach_head(w, c);
    world_settle(w);
    nc_hub_end(w->chat.hub, &w->users[0], &session, 4401, "unauthorized");
    assert_int_equal(a->ended, 4401);
    assert_int_equal(b->ended, 0);
    nc_hub_end_all(w->chat.hub, 1012, "restart");
    assert_int_equal(b->ended, 1012);
    assert_int_equal(c->ended, 1012);
    assert_int_equal(nc_hub_stats(w->chat.hub)->listeners, 0);
    ear_free(w, a);
    ear_free(w, b);
    ear_free(w, c);
    world_free(w);
}

static void a_dead_topic_takes_its_events_along(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    join(w, 1, 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    ear_attach_head(w, e);
    world_settle(w);
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[0].topic, "x", NC_STR("{\"x\":1}"));
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[1].topic, "x", NC_STR("{\"x\":2}"));
    nc_topic_fini(&w->rooms[0].topic);
    world_settle(w);
    assert_false(ear_heard(e, "\"x\":1"));
    assert_true(ear_heard(e, "\"x\":2"));
    say(w, 1, 0);
    world_settle(w);
    assert_int_equal(e->n, 1);
    ear_free(w, e);
    world_free(w);
}

/* More than a megabyte in one turn is delivered in parts, all the same. */
static void a_burst_comes_whole(void **state)
{
    struct world *w = world_new();

    (void)state;
    join(w, 0, 0);
    join(w, 1, 0);
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_DEFLATE),
               *f = ear_new(&w->users[0], NC_ENC_WS);
    ear_attach_head(w, e);
    ear_attach_head(w, f);
    world_settle(w);
    for (unsigned i = 0; i < 60; i++)
        say_much(w, i % 2, 0, 60000, i % 3 == 0);
    world_settle(w);
    assert_int_equal(f->n, 60);
    assert_true(f->delivers > 1 && f->delivers < 10);
    assert_true(e->heard.n < f->heard.n / 10);
    for (unsigned i = 1; i < f->n; i++)
        assert_true(f->seqs[i] == f->seqs[i - 1] + 1);
    ear_free(w, e);
    ear_free(w, f);
    world_free(w);
}

struct tapped {
    struct nc_hub_tap tap;
    struct nc_buf heard;
};

static void on_tapped(struct nc_hub_tap *tap, struct nc_topic *t, uint64_t seq,
                      const char *type, struct nc_str json)
{
    struct tapped *h = nc_of(tap, struct tapped, tap);

    assert_true(json.n > 0);
    nc_buf_printf(&h->heard, "%s:%s:%d ", t->of_user ? "user" : "room", type, seq != 0);
}

static void on_tap_fetched(struct nc_hub_tap *tap)
{
    nc_buf_adds(&nc_of(tap, struct tapped, tap)->heard, NC_STR("fetched "));
}

static void a_tap_hears_what_nobody_listens_to(void **state)
{
    struct world *w = world_new();
    struct tapped h = {.tap = {.event = on_tapped, .fetched = on_tap_fetched}};

    (void)state;
    nc_hub_tap(w->chat.hub, &h.tap);
    join(w, 0, 0);
    say(w, 0, 0);
    leave(w, 0, 0);
    world_settle(w);
    nc_hub_publish_ephemeral(w->chat.hub, &w->rooms[1].topic, "typing", NC_STR("{}"));
    nc_hub_fetched(w->chat.hub, &w->rooms[1].topic);
    nc_buf_addc(&h.heard, 0);
    assert_string_equal(h.heard.p,
                        "room:member.joined:1 room:message.created:1 room:member.left:1 "
                        "user:member.left:1 room:typing:0 fetched ");
    nc_list_del(&h.tap.node);
    nc_buf_clear(&h.heard);
    say(w, 0, 0);
    world_settle(w);
    assert_int_equal(h.heard.n, 0);
    nc_buf_fini(&h.heard);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_across_rooms),
        cmocka_unit_test(more_rooms_than_are_merged),
        cmocka_unit_test(everyone_shares_one_frame),
        cmocka_unit_test(the_sender_gets_their_own_variant),
        cmocka_unit_test(who_joins_hears_the_join_and_not_what_came_before),
        cmocka_unit_test(who_is_put_out_hears_it_once),
        cmocka_unit_test(slow_ones_end),
        cmocka_unit_test(one_large_turn_does_not_make_one_slow),
        cmocka_unit_test(the_largest_go_when_all_are_too_much),
        cmocka_unit_test(what_is_ephemeral_is_dropped_first),
        cmocka_unit_test(snapshots_come_before_what_follows_them),
        cmocka_unit_test(sessions_end_their_listeners),
        cmocka_unit_test(a_dead_topic_takes_its_events_along),
        cmocka_unit_test(a_burst_comes_whole),
        cmocka_unit_test(a_tap_hears_what_nobody_listens_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
