/* ai/watch: how old a question may be that another node answers for one that is gone. */
#include "ai_nodes.h"

#include "ai/others.h"
#include "ai/parts.h"

#define MINUTE INT64_C(60000)

static struct side *const a = &sides[0], *const b = &sides[1];

static struct nc_room *kitchen(struct nc_user **ann)
{
    open_nodes(2);
    *ann = citizen(a, "ann");
    struct nc_room *room = make_room(a->w, *ann, "kitchen", NC_PRIVATE);
    carry_logs();
    assert_non_null(room_at(b, room));
    return room;
}

static struct nc_id ask(struct nc_room *room, struct nc_user *ann)
{
    assert_int_equal(say(a->w, ann, room, "olga, what is soup?"), NC_P_NONE);
    return got.message.id;
}

static int as_late_as_it_is(void **state)
{
    (void)state;
    nc_wall_bend(0);
    return 0;
}

/* ---- the asker's node goes after it was asked ------------------------------------------
 */

static void after_nine_minutes_it_is_answered(void **state)
{
    struct nc_user *ann;
    struct nc_room *room = kitchen(&ann);
    struct nc_id question = ask(room, ann);

    (void)state;
    carry(a, b); /* the question, and no more */
    a->cut = true;
    assert_int_equal(b->ai->others->watched_n, 1);
    nc_wall_bend(9 * MINUTE);
    give_model(b);
    a->gone_ms = 31000;
    UNTIL(whole_answers(b, &room->rec.id, &question) == 1);
    assert_int_equal(b->asks, 1);
    close_nodes();
}

static void after_eleven_minutes_it_is_nobodys_business(void **state)
{
    struct nc_user *ann;
    struct nc_room *room = kitchen(&ann);
    struct nc_id question = ask(room, ann);

    (void)state;
    carry(a, b);
    a->cut = true;
    assert_int_equal(b->ai->others->watched_n, 1);
    nc_wall_bend(11 * MINUTE);
    give_model(b);
    a->gone_ms = 31000;
    UNTIL(b->ai->others->watched_n == 0);
    for_ms(20);
    assert_int_equal(b->asks, 0);
    assert_int_equal(nc_ai_stats(b->ai)->waiting, 0);
    assert_int_equal(answers_at(b, &room->rec.id, &question).n, 0);
    close_nodes();
}

/* ---- it comes so late
 * -------------------------------------------------------------------- */

static void one_that_comes_after_nine_minutes_is_answered(void **state)
{
    struct nc_user *ann;
    struct nc_room *room = kitchen(&ann);

    (void)state;
    a->cut = true;
    a->gone_ms = 31000;
    give_model(b);
    struct nc_id question = ask(room, ann);
    nc_wall_bend(9 * MINUTE);
    carry(a, b);
    UNTIL(whole_answers(b, &room->rec.id, &question) == 1);
    close_nodes();
}

static void one_that_comes_after_eleven_minutes_is_not(void **state)
{
    struct nc_user *ann;
    struct nc_room *room = kitchen(&ann);

    (void)state;
    a->cut = true;
    a->gone_ms = 31000;
    give_model(b);
    struct nc_id question = ask(room, ann);
    nc_wall_bend(11 * MINUTE);
    assert_true(carry(a, b) > 0);
    assert_int_equal(b->ai->others->watched_n, 0);
    for_ms(20);
    assert_int_equal(b->asks, 0);
    assert_int_equal(answers_at(b, &room->rec.id, &question).n, 0);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
