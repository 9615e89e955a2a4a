/* ai/watch: how old a question may be that another node answers for one that is gone, and
 * how many are watched. */
#include "ai_nodes.h"

#include "ai/others.h"
#include "ai/parts.h"

#define MINUTE INT64_C(60000)

static struct side *const a = &sides[0], *const b = &sides[1];

static struct nc_user *ann;
static struct nc_room *room;
static struct nc_id question;

/* Two nodes, and a room at both. */
static void stage(void)
{
    open_nodes(2);
    ann = citizen(a, "ann");
    room = make_room(a->w, ann, "kitchen", NC_PRIVATE);
    carry_logs();
    assert_non_null(room_at(b, room));
}

static void ask(void)
{
    assert_int_equal(say(a->w, ann, room, "olga, what is soup?"), NC_P_NONE);
    question = got.message.id;
}

/* b has the question and no more when a goes. */
static void ask_and_go(void)
{
    ask();
    carry(a, b);
    a->cut = true;
    assert_int_equal(b->ai->others->watched_n, 1);
}

/* b, who could answer, takes a for gone. */
static void stand_in(void)
{
    give_model(b);
    a->gone_ms = 31000;
}

static void b_answers(void)
{
    UNTIL(whole_answers(b, &room->rec.id, &question) == 1);
    assert_int_equal(b->asks, 1);
    close_nodes();
}

static void b_does_not(void)
{
    for_ms(20);
    assert_int_equal(b->asks, 0);
    assert_int_equal(nc_ai_stats(b->ai)->waiting, 0);
    assert_int_equal(answers_at(b, &room->rec.id, &question).n, 0);
    close_nodes();
}

static int as_late_as_it_is(void **state)
{
    (void)state;
    nc_wall_bend(0);
    return 0;
}

/* ---- the asker's node goes after it was asked -----------------------------------------
 */

static void after_nine_minutes_it_is_answered(void **state)
{
    (void)state;
    stage();
    ask_and_go();
    nc_wall_bend(9 * MINUTE);
    stand_in();
    b_answers();
}

static void after_eleven_minutes_it_is_nobodys_business(void **state)
{
    (void)state;
    stage();
    ask_and_go();
    nc_wall_bend(11 * MINUTE);
    stand_in();
    UNTIL(b->ai->others->watched_n == 0);
    b_does_not();
}

/* ---- it comes so late -----------------------------------------------------------------
 */

static void one_that_comes_after_nine_minutes_is_answered(void **state)
{
    (void)state;
    stage();
    a->cut = true;
    stand_in();
    ask();
    nc_wall_bend(9 * MINUTE);
    carry(a, b);
    b_answers();
}

static void one_that_comes_after_eleven_minutes_is_not(void **state)
{
    (void)state;
    stage();
    a->cut = true;
    stand_in();
    ask();
    nc_wall_bend(11 * MINUTE);
    assert_true(carry(a, b) > 0);
    assert_int_equal(b->ai->others->watched_n, 0);
    b_does_not();
}

/* ---- there are too many ---------------------------------------------------------------
 */

static void who_asks_without_end_makes_nobody_forget_what_another_asked(void **state)
{
    enum { MAX = 1024, MADE_UP = MAX + 100 };
    struct nc_id other = nc_id_random(), olga;
    struct nc_message m = {.body = NC_STR("olga, and what is salt?")};

    (void)state;
    stage();
    ask_and_go();
    olga = nc_user_named(b->w->chat, NC_STR("olga"))->a.id;
    const struct nc_persona *p = nc_persona_find(b->ai->personas, &olga);
    m.created_ms = nc_wall_ms();
    for (unsigned i = 0; i < MADE_UP; i++) {
        m.id = nc_id_random();
        nc_watch(b->ai, &other, room_at(b, room), p, &m,
                 nc_user_named(b->w->chat, NC_STR("ann")));
    }
    assert_int_equal(b->ai->others->watched_n, MAX);
    assert_int_equal(nc_ai_stats(b->ai)->not_taken, MADE_UP + 1 - MAX);
    nc_watch_answered(b->ai, &m.id, &olga); /* the latest of those */
    nc_watch_answered(b->ai, &question, &olga);
    assert_int_equal(b->ai->others->watched_n, MAX - 2);
    close_nodes();
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, as_late_as_it_is)
    const struct CMUnitTest tests[] = {
        T(after_nine_minutes_it_is_answered),
        T(after_eleven_minutes_it_is_nobodys_business),
        T(one_that_comes_after_nine_minutes_is_answered),
        T(one_that_comes_after_eleven_minutes_is_not),
        T(who_asks_without_end_makes_nobody_forget_what_another_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
