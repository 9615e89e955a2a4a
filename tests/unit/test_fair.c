/* Who is next: nobody waits because somebody else asks a lot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue/fair.h"

#define USERS 7
#define ROOMS 4
#define MANY 300

struct item {
    struct nc_work work;
    unsigned starts;
    bool refuses, in;
};

static struct nc_loop *loop;
static struct nc_fair *fair;
static struct item *order[4 * MANY];
static unsigned order_n;
static unsigned ids;

static struct nc_id id_of(unsigned what, unsigned n)
{
    struct nc_id id = {
        {(uint8_t)what, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};

    return id;
}

static void on_start(struct nc_work *w)
{
    struct item *i = nc_of(w, struct item, work);

    assert_true(w->running);
    i->starts++;
    order[order_n++] = i;
}

static bool may(struct nc_work *w) { return !nc_of(w, struct item, work)->refuses; }

/* room 0: nowhere */
static struct item *put(struct item *i, unsigned user, unsigned room)
{
    *i = (struct item){.work = {.id = id_of(1, ++ids),
                                .user = id_of(2, user),
                                .start = on_start,
                                .may = may},
                       .in = true};
    if (room)
        i->work.room = id_of(3, room);
    assert_int_equal(nc_fair_add(fair, &i->work), NC_OK);
    return i;
}

static void end(struct item *i)
{
    nc_fair_end(&i->work);
    i->in = false;
}

static int setup(void **state)
{
    (void)state;
    order_n = 0;
    assert_int_equal(nc_loop_new(&loop), NC_OK);
    fair = nc_fair_new(loop, 1, MANY);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nc_fair_free(fair);
    nc_loop_free(loop);
    return 0;
}

static void test_it_starts_at_the_end_of_the_turn(void **state)
{
    struct item a;

    (void)state;
    put(&a, 1, 1);
    assert_int_equal(a.starts, 0);
    assert_int_equal(nc_fair_waiting(fair), 1);
    nc_loop_settle(loop);
    assert_int_equal(a.starts, 1);
    assert_int_equal(nc_fair_running(fair), 1);
    assert_int_equal(nc_fair_position(&a.work), 0);
    end(&a);
    end(&a);
    assert_int_equal(nc_fair_running(fair), 0);
}

static void test_who_asks_once_is_served_after_one_of_who_asks_a_lot(void **state)
{
    struct item many[10], one;

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        put(&many[i], 1, 1);
    nc_loop_settle(loop);
    put(&one, 2, 1);
    assert_int_equal(nc_fair_position(&one.work), 1);
    assert_int_equal(nc_fair_position(&many[1].work), 2);
    assert_int_equal(nc_fair_position(&many[9].work), 10);
    end(&many[0]);
    nc_loop_settle(loop);
    assert_ptr_equal(order[1], &one);
    end(&one);
    for (unsigned i = 1; i < 10; i++)
        end(&many[i]);
}

static void test_rooms_are_balanced_where_users_are_equal(void **state)
{
    struct item a, b, c;

    (void)state;
    nc_fair_limits(fair, 2, MANY);
    put(&a, 1, 1);
    put(&b, 2, 1);
    put(&c, 3, 2);
    nc_loop_settle(loop);
    assert_ptr_equal(order[0], &a);
    assert_ptr_equal(order[1], &c); /* younger than b, but its room has nothing */
    end(&a);
    end(&b);
    end(&c);
}

static void test_what_may_not_start_lets_others_by(void **state)
{
    struct item a, b;

    (void)state;
    put(&a, 1, 1)->refuses = true;
    put(&b, 2, 1);
    nc_loop_settle(loop);
    assert_int_equal(a.starts, 0);
    assert_int_equal(b.starts, 1);
    end(&b);
    nc_loop_settle(loop);
    assert_int_equal(a.starts, 0);
    a.refuses = false;
    nc_fair_pump(fair);
    nc_loop_settle(loop);
    assert_int_equal(a.starts, 1);
    end(&a);
}

static struct item one_more(unsigned user)
{
    return (struct item){
        .work = {.id = id_of(1, 9999), .user = id_of(2, user), .start = on_start}};
}

static void test_too_many_are_refused(void **state)
{
    struct item a, b, c = one_more(1);

    (void)state;
    nc_fair_limits(fair, 0, 2);
    put(&a, 1, 0);
    put(&b, 1, 0);
    assert_int_equal(nc_fair_add(fair, &c.work), NC_ELIMIT);
    nc_fair_end(&c.work); /* it is nowhere */
    end(&a);
    end(&b);
}

static void test_one_who_fills_the_queue_shuts_nobody_out(void **state)
{
    struct item a, b, c, d, second = one_more(2), third = one_more(4);

    (void)state;
    nc_fair_limits(fair, 0, 2);
    put(&a, 1, 0);
    put(&b, 1, 0);
    put(&c, 2, 1);
    assert_int_equal(nc_fair_add(fair, &second.work), NC_ELIMIT);
    put(&d, 3, 1);
    assert_int_equal(nc_fair_add(fair, &third.work), NC_ELIMIT); /* twice as many */
    end(&a);
    end(&b);
    end(&c);
    end(&d);
}

static void test_nobody_has_all_places(void **state)
{
    struct item a[8], b;

    (void)state;
    nc_fair_limits(fair, 8, MANY);
    for (size_t i = 0; i < NC_COUNT(a); i++)
        put(&a[i], 1, 0);
    nc_loop_settle(loop);
    assert_int_equal(nc_fair_running(fair), 6);
    put(&b, 2, 0);
    nc_loop_settle(loop);
    assert_true(b.work.running);
    end(&b);
    end(&a[0]);
    nc_loop_settle(loop);
    assert_true(a[6].work.running && !a[7].work.running);
    for (size_t i = 1; i < NC_COUNT(a); i++)
        end(&a[i]);
}

static void stop_loop(struct nc_work *w)
{
    on_start(w);
    nc_loop_stop(loop);
}

static void test_a_retry_waits_its_time_and_lets_others_by(void **state)
{
    struct item a, b;

    (void)state;
    put(&a, 1, 1);
    nc_loop_settle(loop);
    put(&b, 1, 1);
    a.work.start = stop_loop;
    nc_fair_again(&a.work, 30);
    uint64_t from = nc_loop_now_ms(loop);
    nc_loop_settle(loop);
    assert_int_equal(a.starts, 1);
    assert_int_equal(b.starts, 1);
    end(&b);
    nc_loop_run(loop);
    assert_int_equal(a.starts, 2);
    assert_true(nc_loop_now_ms(loop) >= from + 30);
    end(&a);
}

/* Of those that could start, is there one whose user has fewer under way? */
static void check_fair(struct item *all, struct item *chosen)
{
    unsigned running[USERS + 1] = {0};

    for (unsigned i = 0; i < MANY; i++)
        if (all[i].in && all[i].work.running && &all[i] != chosen)
            running[all[i].work.user.b[4]]++;
    for (unsigned i = 0; i < MANY; i++)
        if (all[i].in && !all[i].work.running && !all[i].refuses)
            assert_true(running[all[i].work.user.b[4]] >= running[chosen->work.user.b[4]]);
}

/* A story: people come, ask, are answered, leave; every question is asked in the end, and
 * what waits has places 1, 2, 3 … */
static void story(unsigned seed, unsigned many)
{
    static struct item all[MANY];
    unsigned made = 0, most = 1 + seed % 5;

    srandom(seed);
    memset(all, 0, sizeof(all));
    nc_fair_limits(fair, most, many);
    order_n = 0;
    while (made < many || nc_fair_waiting(fair) || nc_fair_running(fair)) {
        unsigned seen = order_n;
        if (made < many && random() % 3) {
            unsigned greedy = random() % 2 ? 1 : 1 + (unsigned)random() % USERS;
            put(&all[made], greedy, (unsigned)random() % (ROOMS + 1))->refuses =
                random() % 8 == 0;
            made++;
        }
        struct item *any = &all[random() % many];
        if (any->in && (any->work.running || random() % 16 == 0))
            end(any);
        if (any->in && random() % 4 == 0)
            any->refuses = !any->refuses;
        if (made == many) /* in the end nothing is refused for ever */
            any->refuses = false;
        nc_fair_pump(fair);
        nc_loop_settle(loop);
        assert_true(nc_fair_running(fair) <= most);
        if (order_n == seen + 1)
            check_fair(all, order[seen]);
        bool places[MANY + 1] = {false};
        for (unsigned i = 0; i < made; i++) {
            unsigned place = nc_fair_position(&all[i].work);
            assert_true(place <= nc_fair_waiting(fair));
            assert_true((place > 0) == (all[i].in && !all[i].work.running));
            assert_false(place && places[place]);
            places[place] = place > 0;
        }
    }
    for (unsigned i = 0; i < many; i++)
        assert_true(all[i].starts <= 1);
}

static void test_random_stories(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 40;
         seed++) /* a long queue takes the square of its length */
        story(seed, seed % 4 == 0 ? MANY : MANY / 3);
}

/* One asks without end; the other, who asks one thing at a time, never waits for more
 * than one of theirs. */
static void test_nobody_starves(void **state)
{
    static struct item flood[60], single[20];
    unsigned waited = 0, at = 0;

    (void)state;
    for (unsigned i = 0; i < 60; i++)
        put(&flood[i], 1, 1);
    nc_loop_settle(loop);
    put(&single[0], 2, 1);
    for (unsigned turn = 0; turn < 60 && at < 20; turn++) {
        struct item *runs = order[order_n - 1];
        end(runs);
        if (runs == &single[at] && ++at < 20) {
            put(&single[at], 2, 1);
            waited = 0;
        } else {
            assert_true(++waited <= 2);
        }
        nc_loop_settle(loop);
    }
    assert_int_equal(at, 20);
    for (unsigned i = 0; i < 60; i++)
        nc_fair_end(&flood[i].work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_starts_at_the_end_of_the_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_who_asks_once_is_served_after_one_of_who_asks_a_lot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rooms_are_balanced_where_users_are_equal,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_may_not_start_lets_others_by, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_too_many_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_has_all_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_who_fills_the_queue_shuts_nobody_out,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_retry_waits_its_time_and_lets_others_by,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_stories, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_starves, setup, teardown),
    };

    return cmocka_run_group_tests_name("queue/fair", tests, NULL, NULL);
}
