#include "mesh_sides.h"

static bool side_has_signed(void *arg)
{
    const struct side *s = arg;
    struct nc_vector v = {0};

    if (!nc_author_origins(s->author)->n)
        return false;
    nc_author_vector(s->author, &v);
    return nc_vector_get(&v, &s->store->info.incarnation) == s->store->info.own_head;
}

static void begin(void)
{
    at(0);
    sides[0].deaf = true;
    people_and_a_room();
    wait_until(side_has_signed, &sides[0]);
    sides[0].deaf = false;
}

/* ---- tests --------------------------------------------------------------- */

static void an_empty_node_is_given_everything(void **state)
{
    (void)state;
    begin();
    sides[0].deaf = true;
    talk(1500);
    pull(1, 0);
    assert_int_equal(sides[1].events, 1504);
    assert_int_equal(sides[1].segments, 6); /* the last one unfinished, kept on demand */
    assert_true(same_state(0, 1));
    pull(1, 0); /* nothing is sent twice */
    assert_int_equal(sides[1].events, 1504);
    pull(2, 1); /* … and passed on as it was signed */
    assert_true(same_state(0, 2));
    assert_int_equal(sides[2].segments, 6);
}

static void what_is_new_comes_by_itself(void **state)
{
    (void)state;
    begin();
    pull(1, 0);
    uint64_t before = sides[1].segments;
    for (unsigned i = 0; i < 10; i++) {
        at(0);
        talk(1);
        assert_int_equal(sides[1].segments, before + i + 1);
        take_all(1);
        assert_true(same_state(0, 1));
    }
    lose_inbox(2); /* not a word of it */
    pull(2, 1);    /* small segments are as good */
    assert_true(same_state(0, 2));
}

static void no_more_is_sent_than_there_is_room_for(void **state)
{
    struct coming c = {1, 0, 0};

    (void)state;
    begin();
    sides[0].deaf = true;
    talk(2000);
    assert_true(want_all(1, 0, 1));
    for (unsigned n = 1; n < 8; n++) {
        c.looks = 0;
        wait_until(came_or_idle, &c);
        assert_int_equal(sides[1].segments, n);
        wait_until(came_or_idle, &c);
        take_all(1);
        c.looks = 0;
        wait_until(came_or_idle, &c);
        assert_int_equal(sides[1].segments, n); /* until it is acknowledged */
        struct nc_vector have = has_of(1);
        nc_serve_ack(sides[0].serve, &sides[1].node, &have, n < 7 ? 1 : 0);
    }
    c.looks = 0;
    wait_until(came_or_idle, &c);
    assert_int_equal(sides[1].segments, 7);
}

static void one_that_takes_nothing_holds_nobody_up(void **state)
{
    (void)state;
    begin();
    sides[0].deaf = true;
    talk(1000);
    sides[1].full = true;
    assert_true(want_all(1, 0, 8 << 20));
    pull(2, 0);
    assert_true(same_state(0, 2));
    assert_int_equal(sides[1].events, 0);
    sides[1].full = false;
    nc_serve_room(sides[0].serve, &sides[1].node);
    pull(1, 0);
    assert_int_equal(sides[1].events, 1004);
    assert_true(same_state(0, 1));
}

static void those_who_want_have_turns(void **state)
{
    struct coming c = {1, 0, 0};

    (void)state;
    begin();
    sides[0].deaf = true;
    talk(3000);
    assert_true(want_all(1, 0, 8 << 20) && want_all(2, 0, 8 << 20));
    while (sides[1].events + sides[2].events < 3000) {
        c.looks = 0;
        wait_until(came_or_idle, &c);
        take_all(1);
        lose_inbox(2);
    }
    assert_true(sides[1].events > 700 && sides[2].events > 700);
}

static void what_is_gone_is_a_hash_and_still_verifies(void **state)
{
    (void)state;
    begin();
    sides[0].deaf = true;
    for (unsigned i = 0; i < 20; i++) {
        talk(20);
        happens(mark_read(DEN, BOB, said_ms));
    }
    happens(delete_message(DEN, said_ms - 3));
    struct nc_change erase = {.kind = NC_MESSAGES_EXPIRE, .limit = 9999};
    erase.message.room = DEN;
    erase.message.created_ms = 1100;
    happens(erase);
    wait_until(side_has_signed, &sides[0]);
    happens((struct nc_change){.kind = NC_TRIM, .before_ms = 9000, .limit = 99999});
    pull(1, 0);
    assert_true(nc_serve_stats(sides[0].serve).trimmed >= 19);
    assert_true(same_state(0, 1));
    pull(2, 1);
    assert_true(same_state(0, 2));
}

/* `n` bytes of text that don't squeeze. */
static void talk_much(size_t n)
{
    char *text = nc_alloc(n + 1);
    struct nc_change c = say(DEN, ADA, ++said_ms, "");

    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + (i * 7 + said_ms) % 26);
    c.message.body = (struct nc_str){text, n};
    happens(c);
    free(text);
}

static void what_is_too_large_comes_in_pieces(void **state)
{
    (void)state;
    begin();
    sides[0].deaf = true;
    talk_much(1 << 20);
    talk(1);
    for (unsigned i = 0; i < 30; i++)
        talk_much(60000); /* each finds room in a frame, all of them don't */
    pull(1, 0);
    assert_true(nc_serve_stats(sides[0].serve).pieces > 6);
    assert_true(same_state(0, 1));
}

static void what_was_taken_back_meanwhile_is_not_to_be_had(void **state)
{
    struct nc_id origin;

    (void)state;
    begin();
    sides[0].deaf = true;
    talk_much(1 << 20);
    origin = our_log();
    uint64_t n = w.store->info.own_head;
    ask_for(1, 0, &origin, n, 0);
    take_all(1);
    assert_false(sides[1].piece_none);
    assert_true(sides[1].record.n > 0);
    happens(delete_message(DEN, said_ms));
    ask_for(1, 0, &origin, n, sides[1].record.n);
    take_all(1);
    assert_true(sides[1].piece_none);
    ask_for(1, 0, &origin, n + 99, 0); /* nor what never was */
    take_all(1);
    assert_true(sides[1].piece_none);
    pull(1, 0);
    assert_true(same_state(0, 1));
}

static void what_events_refer_to_comes_before_them(void **state)
{
    (void)state;
    begin();
    sides[0].deaf = sides[1].deaf = true;
    talk(1200);
    pull(1, 0);
    at(0);
    struct nc_change late = room(HALL, "hall");
    late.event.hlc = ++said_ms << 12;
    happens(late);
    pull(1, 0);
    at(1);
    talk_in(HALL, 600);
    pull(0, 1);
    assert_true(same_state(0, 1));
    /* Of what 1 said all refers to the end of what 0 said. */
    uint64_t before = sides[2].events;
    pull(2, 0);
    assert_true(same_state(0, 2));
    assert_true(sides[2].events - before < 2 * (1205 + 600));
}

static void a_want_for_what_is_not_there_is_forgotten(void **state)
{
    struct nc_vector_range r[2];

    (void)state;
    begin();
    r[0] = (struct nc_vector_range){id(99), 1, 50};
    r[1] = (struct nc_vector_range){our_log(), 1000, 2000};
    nc_serve_want(sides[0].serve, &sides[1].node, r, 2, 8 << 20);
    struct coming c = {1, 0, 0};
    wait_until(came_or_idle, &c);
    assert_int_equal(nc_serve_stats(sides[0].serve).peers, 0);
    assert_int_equal(sides[1].events, 0);
}

/* ---- whatever happens ---------------------------------------------------- */

static unsigned dice_state;

static unsigned dice(unsigned n)
{
    dice_state = dice_state * 1664525 + 1013904223;
    return (dice_state >> 8) % n;
}

/* Something that was said and still stands, mostly. */
static uint64_t some_ms(void) { return 1000 + dice((unsigned)(said_ms - 999)); }

static void try_change(struct nc_change c)
{
    struct done d = {.changes = {c}, .c = {.n = 1}};
    unsigned want = dones + 1;

    submit(&d);
    wait_until(all_done, &want); /* refused or not */
}

static void something_happens(unsigned side)
{
    struct nc_change c;

    at(side);
    switch (dice(8)) {
    case 0: talk(1 + dice(150)); break;
    case 1: talk(1); break;
    case 2:
        c = change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, some_ms());
        c.message.body = nc_str("other words");
        c.event.hlc = ++said_ms << 12;
        try_change(c);
        break;
    case 3:
        c = delete_message(DEN, some_ms());
        c.event.hlc = ++said_ms << 12;
        try_change(c);
        break;
    case 4: try_change(mark_read(DEN, BOB, some_ms())); break;
    case 5:
        try_change((struct nc_change){
            .kind = NC_TRIM, .before_ms = some_ms(), .limit = 1 + dice(500)});
        break;
    case 6: talk_much(1 + dice(100000)); break;
    case 7:
        side_down(side);
        side_up(side);
        for (unsigned i = 0; i < SIDES; i++)
            nc_serve_forget(sides[i].serve, &sides[side].node);
        break;
    }
}

static void take_some(unsigned to)
{
    while (!nc_list_empty(&sides[to].inbox))
        if (dice(4) == 0)
            parcel_free(nc_of(sides[to].inbox.next, struct parcel, node));
        else
            take_parcel(to, false);
}

static void whatever_happens_every_byte_verifies_and_all_agree(void **state)
{
    const char *seed = getenv("NEURALCHAT_MESH_SEED");
    const char *rounds = getenv("NEURALCHAT_MESH_ROUNDS");
    unsigned first = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)nc_wall_ms();
    unsigned n = rounds ? (unsigned)strtoul(rounds, NULL, 10) : 2;

    (void)state;
    print_message("# seeds from %u, %u rounds\n", first, n);
    begin();
    for (unsigned i = 1; i < SIDES; i++)
        pull(i, 0);
    for (unsigned round = 0; round < n; round++) {
        dice_state = first + round;
        for (unsigned i = 0; i < 30; i++) {
            something_happens(strcmp(scheme, "mem") == 0 ? 0 : dice(SIDES));
            unsigned to = dice(SIDES), from = dice(SIDES);
            if (dice(3) == 0 && to != from)
                pull(to, from);
            else
                take_some(to);
        }
        for (unsigned again = 0; again < 2; again++)
            for (unsigned i = 0; i < SIDES; i++)
                for (unsigned k = 0; k < SIDES; k++)
                    if (i != k)
                        pull(i, k);
        assert_true(same_state(0, 1) && same_state(1, 2));
        for (unsigned i = 0; i < SIDES; i++) {
            at(i);
            wait_until(side_has_signed, &sides[i]);
            (void)check_log(our_log());
        }
    }
}

#define S(f) cmocka_unit_test_setup_teardown(f, sides_up, sides_down)

int main(void)
{
    const struct CMUnitTest both[] = {
        S(an_empty_node_is_given_everything),
        S(what_is_new_comes_by_itself),
        S(no_more_is_sent_than_there_is_room_for),
        S(one_that_takes_nothing_holds_nobody_up),
        S(those_who_want_have_turns),
        S(what_is_gone_is_a_hash_and_still_verifies),
        S(what_is_too_large_comes_in_pieces),
        S(what_was_taken_back_meanwhile_is_not_to_be_had),
        S(what_events_refer_to_comes_before_them),
        S(a_want_for_what_is_not_there_is_forgotten),
        S(whatever_happens_every_byte_verifies_and_all_agree),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
