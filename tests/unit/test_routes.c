#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mesh/routes.h"

#define MS 1000ull
#define S (1000 * MS)

/* Ways with a distance, on which a share of the probes is lost. */
struct road {
    struct nc_way way;
    uint64_t rtt_us;
    unsigned lose; /* of 100 */
    unsigned probes;
    struct {
        uint64_t token, at_us;
    } coming[64];
    unsigned coming_n;
};

static struct nc_routes r;
static struct road roads[4];
static uint64_t now, tokens;
static unsigned dice;

static int begin(void **state)
{
    (void)state;
    memset(&r, 0, sizeof r);
    memset(roads, 0, sizeof roads);
    now = 1000 * S;
    dice = 7;
    return 0;
}

static struct nc_way *road(unsigned i, enum nc_way_kind kind, uint64_t rtt_us)
{
    roads[i].rtt_us = rtt_us;
    roads[i].way.kind = kind;
    assert_int_equal(nc_routes_add(&r, &roads[i].way, kind, now), NC_OK);
    return &roads[i].way;
}

static unsigned roll(void)
{
    dice = dice * 1103515245 + 12345;
    return dice >> 16;
}

static void send_probe(struct nc_route *route)
{
    struct road *at = (struct road *)((char *)route->way - offsetof(struct road, way));

    at->probes++;
    nc_routes_asked(&r, route, ++tokens, now);
    if (roll() % 100 < at->lose)
        return;
    assert_true(at->coming_n < 64);
    at->coming[at->coming_n].token = tokens;
    at->coming[at->coming_n++].at_us = now + at->rtt_us + roll() % (at->rtt_us / 16 + 1);
}

static void take_echoes(struct road *at)
{
    unsigned left = 0;

    for (unsigned i = 0; i < at->coming_n; i++) {
        if (at->coming[i].at_us > now)
            at->coming[left++] = at->coming[i];
        else
            nc_routes_echo(&r, at->coming[i].token, now);
    }
    at->coming_n = left;
}

/* In steps of 10 ms; returns what is best at the end. */
static struct nc_way *pass(uint64_t us)
{
    struct nc_way *best = NULL;

    for (uint64_t end = now + us; now < end; now += 10 * MS) {
        struct nc_route *due;
        while ((due = nc_routes_due(&r, now)))
            send_probe(due);
        for (unsigned i = 0; i < 4; i++)
            take_echoes(&roads[i]);
        best = nc_routes_best(&r, now);
    }
    return best;
}

static void nothing_leads_nowhere(void **state)
{
    (void)state;
    assert_null(nc_routes_best(&r, now));
    assert_null(nc_routes_due(&r, now));
    assert_false(nc_routes_echo(&r, 0, now));
    assert_false(nc_routes_echo(&r, 5, now));
}

static void before_anything_is_measured_the_kind_decides(void **state)
{
    (void)state;
    road(0, NC_WAY_BROKER, 1 * MS);
    struct nc_way *wan = road(1, NC_WAY_WAN, 1 * MS);
    road(2, NC_WAY_RELAY, 1 * MS);
    assert_ptr_equal(nc_routes_best(&r, now), wan);
}

static void the_nearest_is_taken(void **state)
{
    (void)state;
    road(0, NC_WAY_WAN, 80 * MS);
    struct nc_way *lan = road(1, NC_WAY_LAN, 1 * MS);
    road(2, NC_WAY_BROKER, 30 * MS);
    road(3, NC_WAY_RELAY, 90 * MS);
    assert_ptr_equal(pass(30 * S), lan);
    struct nc_route *route = nc_routes_find(&r, lan);
    assert_in_range(route->rtt_us, 1 * MS, 20 * MS);
    assert_int_equal(route->loss_ppm, 0);
}

static void one_that_loses_is_left_for_one_that_is_further(void **state)
{
    (void)state;
    struct nc_way *lan = road(0, NC_WAY_LAN, 2 * MS);
    struct nc_way *wan = road(1, NC_WAY_WAN, 60 * MS);
    assert_ptr_equal(pass(20 * S), lan);
    roads[0].lose = 40;
    assert_ptr_equal(pass(120 * S), wan);
    assert_true(nc_routes_find(&r, lan)->loss_ppm > 50000);
}

static void one_that_is_gone_is_left_at_once(void **state)
{
    (void)state;
    struct nc_way *lan = road(0, NC_WAY_LAN, 2 * MS);
    struct nc_way *wan = road(1, NC_WAY_WAN, 60 * MS);
    assert_ptr_equal(pass(20 * S), lan);
    nc_routes_drop(&r, lan);
    assert_ptr_equal(nc_routes_best(&r, now), wan);
    assert_true(r.switches >= 1);
    nc_routes_drop(&r, lan); /* said twice */
    nc_routes_drop(&r, wan);
    assert_null(nc_routes_best(&r, now));
}

static void one_that_is_silent_is_left_within_seconds(void **state)
{
    (void)state;
    struct nc_way *lan = road(0, NC_WAY_LAN, 2 * MS);
    struct nc_way *wan = road(1, NC_WAY_WAN, 60 * MS);
    assert_ptr_equal(pass(20 * S), lan);
    roads[0].lose = 100;
    assert_ptr_equal(pass(7 * S), wan);
    assert_true(nc_route_silent(nc_routes_find(&r, lan)));
    /* It speaks again, and after a while is the best again. */
    roads[0].lose = 0;
    assert_ptr_equal(pass(120 * S), lan);
}

static void what_was_held_up_by_a_cut_says_nothing_of_the_way(void **state)
{
    (void)state;
    struct nc_way *lan = road(0, NC_WAY_LAN, 2 * MS);
    struct nc_way *broker = road(1, NC_WAY_BROKER, 10 * MS);
    assert_ptr_equal(pass(20 * S), lan);
    roads[0].rtt_us = 30 * S; /* nothing gets through, but nothing is given up */
    assert_ptr_equal(pass(25 * S), broker);
    assert_true(nc_route_silent(nc_routes_find(&r, lan)));
    for (unsigned i = 0; i < roads[0].coming_n; i++)
        roads[0].coming[i].at_us = now; /* it is whole again: all of it comes */
    roads[0].rtt_us = 2 * MS;
    assert_ptr_equal(pass(40 * S), lan);
    assert_in_range(nc_routes_find(&r, lan)->rtt_us, 1 * MS, 20 * MS);
}

static void nearly_as_good_is_no_reason_to_switch(void **state)
{
    (void)state;
    struct nc_way *one = road(0, NC_WAY_WAN, 50 * MS);
    road(1, NC_WAY_WAN, 48 * MS);
    pass(20 * S);
    uint64_t before = r.switches;
    struct nc_way *best = r.best;
    for (int i = 0; i < 20; i++) {
        roads[0].rtt_us = (i & 1 ? 44 : 52) * MS;
        assert_ptr_equal(pass(30 * S), best);
    }
    assert_int_equal(r.switches, before);
    assert_true(best == one || best == &roads[1].way);
}

static void better_for_a_moment_is_no_reason_to_switch(void **state)
{
    (void)state;
    struct nc_way *one = road(0, NC_WAY_WAN, 20 * MS);
    road(1, NC_WAY_WAN, 100 * MS);
    assert_ptr_equal(pass(20 * S), one);
    uint64_t before = r.switches;
    roads[0].rtt_us = 250 * MS; /* one probe of it, or two */
    pass(3 * S);
    roads[0].rtt_us = 20 * MS;
    assert_ptr_equal(pass(60 * S), one);
    assert_int_equal(r.switches, before);
}

static void what_stays_better_is_taken_in_the_end(void **state)
{
    (void)state;
    road(0, NC_WAY_WAN, 20 * MS);
    struct nc_way *two = road(1, NC_WAY_BROKER, 40 * MS);
    pass(20 * S);
    roads[0].rtt_us = 300 * MS;
    assert_ptr_equal(pass(60 * S), two);
}

static void all_silent_one_stays(void **state)
{
    (void)state;
    road(0, NC_WAY_LAN, 2 * MS);
    road(1, NC_WAY_BROKER, 4 * MS);
    struct nc_way *best = pass(20 * S);
    roads[0].lose = roads[1].lose = 100;
    assert_non_null(pass(60 * S));
    roads[1].lose = 0;
    assert_ptr_equal(pass(60 * S), &roads[1].way);
    (void)best;
}

static void the_best_is_asked_often_the_others_are_not(void **state)
{
    (void)state;
    road(0, NC_WAY_LAN, 1 * MS);
    road(1, NC_WAY_WAN, 60 * MS);
    road(2, NC_WAY_RELAY, 60 * MS);
    pass(10 * S);
    for (unsigned i = 0; i < 3; i++)
        roads[i].probes = 0;
    pass(300 * S);
    assert_in_range(roads[0].probes, 120, 180);
    assert_in_range(roads[1].probes, 20, 45);
    assert_in_range(roads[2].probes, 7, 15);
    /* One that never answers costs hardly anything either. */
    roads[1].lose = 100;
    pass(60 * S);
    roads[1].probes = 0;
    pass(300 * S);
    assert_in_range(roads[1].probes, 15, 30);
}

static void an_echo_counts_once_and_a_late_one_still_tells(void **state)
{
    (void)state;
    struct nc_way *w = road(0, NC_WAY_WAN, 1 * MS);
    struct nc_route *route = nc_routes_due(&r, now);
    nc_routes_asked(&r, route, 77, now);
    now += 6 * S;
    assert_ptr_equal(nc_routes_due(&r, now), route); /* overdue: asked again */
    assert_int_equal(route->missed, 1);
    assert_true(nc_routes_echo(&r, 77, now));
    assert_int_equal(route->missed, 0);
    assert_int_equal(route->rtt_us, 6 * S);
    assert_false(nc_routes_echo(&r, 77, now));
    assert_ptr_equal(nc_routes_best(&r, now), w);
}

static void there_is_an_end_to_how_many(void **state)
{
    static struct nc_way many[NC_ROUTES_MAX + 1];

    (void)state;
    for (unsigned i = 0; i < NC_ROUTES_MAX; i++)
        assert_int_equal(nc_routes_add(&r, &many[i], NC_WAY_WAN, now), NC_OK);
    assert_int_equal(nc_routes_add(&r, &many[0], NC_WAY_WAN, now), NC_EEXIST);
    assert_int_equal(nc_routes_add(&r, &many[NC_ROUTES_MAX], NC_WAY_WAN, now), NC_ELIMIT);
}

static void a_full_way_is_asked_later_and_has_lost_nothing(void **state)
{
    (void)state;
    road(0, NC_WAY_WAN, 1 * MS);
    struct nc_route *route = nc_routes_due(&r, now);
    nc_routes_later(route, now);
    assert_null(nc_routes_due(&r, now));
    assert_ptr_equal(nc_routes_due(&r, now + S), route);
    assert_int_equal(route->asked, 0);
    assert_int_equal(route->missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup(t, begin)
        TEST(nothing_leads_nowhere),
        TEST(before_anything_is_measured_the_kind_decides),
        TEST(the_nearest_is_taken),
        TEST(one_that_loses_is_left_for_one_that_is_further),
        TEST(one_that_is_gone_is_left_at_once),
        TEST(one_that_is_silent_is_left_within_seconds),
        TEST(what_was_held_up_by_a_cut_says_nothing_of_the_way),
        TEST(nearly_as_good_is_no_reason_to_switch),
        TEST(better_for_a_moment_is_no_reason_to_switch),
        TEST(what_stays_better_is_taken_in_the_end),
        TEST(all_silent_one_stays),
        TEST(the_best_is_asked_often_the_others_are_not),
        TEST(an_echo_counts_once_and_a_late_one_still_tells),
        TEST(there_is_an_end_to_how_many),
        TEST(a_full_way_is_asked_later_and_has_lost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
