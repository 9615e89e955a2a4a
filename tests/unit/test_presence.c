#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "live_world.h"

#include "chat/live/hub_parts.h"
#include "chat/live/presence.h"
#include "chat/observer.h"

static const struct nc_presence_times quick = {60, 50, 60, 20, 20000};
/* Longer than a busy machine holds a test up. */
static const struct nc_presence_times calm = {500, 500, 60, 20, 20000};
/* A turn has time for hardly anything. */
static const struct nc_presence_times tight = {60, 50, 60, 20, 1};

static struct world *timed_world(const struct nc_presence_times *times)
{
    struct world *w = world_new();

    nc_presence_free(w->chat.hub->presence);
    w->chat.hub->presence = nc_presence_new(&w->chat, times);
    join(w, 0, 0);
    join(w, 0, 1);
    world_settle(w);
    return w;
}

static struct world *quick_world(void) { return timed_world(&quick); }

static unsigned count(const struct ear *e, const char *text)
{
    unsigned n = 0;
    const char *at = e->heard.p, *end = at + e->heard.n;

    while (at && (at = memmem(at, (size_t)(end - at), text, strlen(text)))) {
        at++;
        n++;
    }
    return n;
}

/* The timers are real, if short. */
static void until(struct world *w, const struct ear *e, const char *text, unsigned n)
{
    uint64_t begun = nc_mono_ms();

    while (count(e, text) < n) {
        assert_true(nc_mono_ms() - begun < 30000);
        world_turn(w);
    }
}

static void pass(struct world *w, unsigned ms)
{
    uint64_t begun = nc_mono_ms();

    while (nc_mono_ms() - begun < ms)
        world_turn(w);
}

static void coming_and_going_are_told(void **state)
{
    struct world *w = quick_world();
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON),
               *b = ear_new(&w->users[1], NC_ENC_JSON);

    (void)state;
    ear_attach_head(w, a);
    until(w, a, "\"online\":[{", 1);
    assert_true(nc_presence_online(&w->chat, &w->users[0]));
    assert_false(nc_presence_online(&w->chat, &w->users[1]));
    ear_attach_head(w, b);
    until(w, a, "\"online\":[{", 2);
    assert_true(ear_heard(a, "user1"));
    nc_hub_detach(w->chat.hub, &b->l);
    assert_true(nc_presence_online(&w->chat, &w->users[1])); /* it lingers */
    until(w, a, "\"offline\":[{", 1);
    assert_false(nc_presence_online(&w->chat, &w->users[1]));
    ear_free(w, a);
    ear_free(w, b);
    world_free(w);
}

/* A long poll goes and comes again: nobody hears of it. */
static void a_breath_is_no_leaving(void **state)
{
    struct world *w = timed_world(&calm);
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON),
               *b = ear_new(&w->users[1], NC_ENC_JSON);

    (void)state;
    ear_attach_head(w, a);
    ear_attach_head(w, b);
    until(w, a, "user1", 1);
    unsigned had = count(a, "presence");
    for (unsigned i = 0; i < 10; i++) {
        nc_hub_detach(w->chat.hub, &b->l);
        pass(w, 5);
        ear_attach_head(w, b);
        pass(w, 5);
    }
    pass(w, 1100);
    assert_int_equal(count(a, "presence"), had);
    ear_free(w, a);
    ear_free(w, b);
    world_free(w);
}

static void one_frame_for_many(void **state)
{
    struct world *w = timed_world(&calm);
    struct ear *e[USERS];

    (void)state;
    for (unsigned i = 2; i < USERS; i++)
        join(w, 0, i);
    world_settle(w);
    for (unsigned i = 0; i < USERS; i++) {
        e[i] = ear_new(&w->users[i], NC_ENC_JSON);
        ear_attach_head(w, e[i]);
    }
    until(w, e[0], "\"username\":\"user5\"", 1);
    assert_int_equal(count(e[0], "\"type\":\"presence\""), 1);
    for (unsigned i = 0; i < USERS; i++)
        ear_free(w, e[i]);
    world_free(w);
}

static void large_rooms_are_left_in_peace(void **state)
{
    struct world *w = quick_world();
    static char keys[200];
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON);

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(keys); i++) {
        keys[i] = (char)i;
        nc_map_put(&w->rooms[0].members, &keys[i], 1, w);
    }
    assert_true(w->rooms[0].members.n > 200);
    ear_attach_head(w, a);
    pass(w, 100);
    assert_int_equal(count(a, "presence"), 0);
    for (unsigned i = 0; i < NC_COUNT(keys); i++)
        nc_map_del(&w->rooms[0].members, &keys[i], 1);
    ear_free(w, a);
    world_free(w);
}

/* Changes alone say nothing of who came before. */
static void who_comes_hears_who_is_here(void **state)
{
    struct world *w = quick_world();
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON),
               *b = ear_new(&w->users[1], NC_ENC_JSON),
               *quiet = ear_new(&w->users[1], NC_ENC_JSON);

    (void)state;
    join(w, 1, 0); /* a second room of the same two */
    join(w, 1, 1);
    join(w, 2, 2); /* somebody from elsewhere */
    world_settle(w);
    struct ear *c = ear_new(&w->users[2], NC_ENC_JSON);
    ear_attach_head(w, c);
    ear_attach_head(w, a);
    ear_attach_head(w, quiet);
    pass(w, 100);
    assert_false(ear_heard(quiet, "\"type\":\"online\"")); /* did not ask for it */
    b->l.wants_online = true;
    ear_attach_head(w, b);
    until(w, b, "\"type\":\"online\"", 1);
    assert_int_equal(count(b, "\"username\":\"user0\""), 1); /* once for two rooms */
    assert_int_equal(count(b, "\"username\":\"user1\""), 1);
    assert_false(ear_heard(b, "user2"));
    assert_true(ear_heard(b, "\"has_more\":false"));
    ear_free(w, a);
    ear_free(w, b);
    ear_free(w, c);
    ear_free(w, quiet);
    world_free(w);
}

/* However many there are, what a newcomer is told has an end. */
static void the_list_of_who_is_here_is_bounded(void **state)
{
    enum { PEOPLE = 190 };
    struct world *w = quick_world();
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON);
    static struct nc_user many[PEOPLE];
    static struct nc_member members[PEOPLE];
    static char name[512];

    (void)state;
    memset(name, 'n', sizeof(name));
    for (unsigned i = 0; i < PEOPLE; i++) {
        many[i] = (struct nc_user){
            .a = {.username = NC_STR("many"), .display_name = {name, sizeof(name)}}};
        many[i].a.id.b[0] = 0xee;
        many[i].a.id.b[1] = (uint8_t)i;
        many[i].presence.here = true;
        members[i].user = &many[i];
        nc_map_put(&w->rooms[0].members, &many[i].a.id, sizeof(many[i].a.id), &members[i]);
    }
    a->l.wants_online = true;
    ear_attach_head(w, a);
    until(w, a, "\"has_more\":true", 1);
    assert_in_range(a->heard.n, 60000, 66000);
    for (unsigned i = 0; i < PEOPLE; i++)
        nc_map_del(&w->rooms[0].members, &many[i].a.id, sizeof(many[i].a.id));
    ear_free(w, a);
    world_free(w);
}

static unsigned lists(struct ear *const *ears, unsigned n)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += count(ears[i], "\"type\":\"online\"");
    return sum;
}

/* A node whose clients all come back at once tells them who is here over several turns. */
static void many_who_come_at_once_hear_one_after_the_other(void **state)
{
    enum { EARS = 5 };
    struct world *w = timed_world(&tight);
    struct ear *ears[EARS];

    (void)state;
    for (unsigned i = 0; i < EARS; i++) {
        ears[i] = ear_new(&w->users[i % 2], NC_ENC_JSON);
        ears[i]->l.wants_online = true;
        ear_attach_head(w, ears[i]);
    }
    unsigned before = 0;
    for (unsigned turns = 0; before < EARS - 1; turns++) {
        assert_true(turns < 100);
        world_turn(w);
        if (before == 0) /* one goes before it was its turn */
            nc_hub_detach(w->chat.hub, &ears[EARS - 1]->l);
        unsigned now = lists(ears, EARS);
        assert_in_range(now - before, 0, 2); /* the turn's own, and the task's */
        before = now;
    }
    pass(w, 50);
    assert_int_equal(lists(ears, EARS), EARS - 1);
    for (unsigned i = 0; i < EARS; i++) {
        assert_int_equal(count(ears[i], "\"type\":\"online\""), i < EARS - 1);
        assert_int_equal(count(ears[i], "\"has_more\":false"), i < EARS - 1);
        ear_free(w, ears[i]);
    }
    world_free(w);
}

/* And rooms hear of somebody who is in many of them, or of many, one after the other. */
static void many_rooms_are_told_over_several_turns(void **state)
{
    struct world *w = timed_world(&tight);
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON),
               *b = ear_new(&w->users[1], NC_ENC_JSON);

    (void)state;
    for (unsigned r = 1; r < ROOMS; r++) {
        join(w, r, 0);
        join(w, r, 1);
    }
    world_settle(w);
    ear_attach_head(w, a);
    until(w, a, "\"online\":[{", ROOMS);
    pass(w, 200);
    ear_attach_head(w, b);
    for (unsigned before = count(a, "\"username\":\"user1\""); before < ROOMS;) {
        world_turn(w);
        unsigned now = count(a, "\"username\":\"user1\"");
        assert_in_range(now - before, 0, 1);
        before = now;
    }
    nc_hub_detach(w->chat.hub, &b->l);
    for (unsigned before = 0; before < ROOMS;) {
        world_turn(w);
        unsigned now = count(a, "\"offline\":[{");
        assert_in_range(now - before, 0, 1);
        before = now;
    }
    pass(w, 200);
    assert_int_equal(count(a, "\"offline\":[{"), ROOMS); /* each once */
    ear_free(w, a);
    ear_free(w, b);
    world_free(w);
}

static void typing_begins_and_ends(void **state)
{
    struct world *w = quick_world();
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON);

    (void)state;
    ear_attach_head(w, a);
    world_settle(w);
    for (unsigned i = 0; i < 5; i++)
        nc_presence_typing(&w->chat, &w->rooms[0], &w->users[1]);
    world_settle(w);
    assert_int_equal(count(a, "\"typing\":true"), 1); /* not every key stroke */
    pass(w, 30);
    nc_presence_typing(&w->chat, &w->rooms[0], &w->users[1]);
    world_settle(w);
    assert_int_equal(count(a, "\"typing\":true"), 2);
    until(w, a, "\"typing\":false", 1);
    pass(w, 100);
    assert_int_equal(count(a, "\"typing\":false"), 1);
    ear_free(w, a);
    world_free(w);
}

static void the_message_ends_typing(void **state)
{
    struct world *w = quick_world();
    struct ear *a = ear_new(&w->users[0], NC_ENC_JSON);
    struct nc_message m = {.sender = w->users[1].a.id, .room = w->rooms[0].rec.id};

    (void)state;
    ear_attach_head(w, a);
    nc_presence_typing(&w->chat, &w->rooms[0], &w->users[1]);
    nc_list_each(it, &w->chat.observers) {
        struct nc_observer *o = nc_of(it, struct nc_observer, node);
        if (o->stored)
            o->stored(o, &w->rooms[0], &m);
    }
    pass(w, 150);
    assert_int_equal(count(a, "\"typing\":false"), 0);
    ear_free(w, a);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coming_and_going_are_told),
        cmocka_unit_test(a_breath_is_no_leaving),
        cmocka_unit_test(one_frame_for_many),
        cmocka_unit_test(large_rooms_are_left_in_peace),
        cmocka_unit_test(who_comes_hears_who_is_here),
        cmocka_unit_test(the_list_of_who_is_here_is_bounded),
        cmocka_unit_test(many_who_come_at_once_hear_one_after_the_other),
        cmocka_unit_test(many_rooms_are_told_over_several_turns),
        cmocka_unit_test(typing_begins_and_ends),
        cmocka_unit_test(the_message_ends_typing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
