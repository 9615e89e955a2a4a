/* What every store promises to those who come with another log's cursor: from its place
 * here on, nothing that they lack is missed and nothing that they have comes again. */
#include "store_nodes.h"

static uint64_t seed = 88172645463325252u;

static unsigned any(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 11) % n);
}

/* Everybody is known to every node and in the den before anything is said. */
static void begin(void)
{
    at(0);
    OK(account(ADA, "ada"));
    OK(account(BOB, "bob"));
    OK(room(DEN, "den"));
    OK(join(DEN, ADA));
    OK(room(HALL, "hall"));
    OK(join(HALL, BOB));
    heal();
}

static uint64_t place(unsigned node, const struct nc_vector *have)
{
    struct nc_query q = {.kind = NC_Q_PLACE, .have = have};

    assert_int_equal(nc_store_read_now(nodes[node].store, &q), NC_OK);
    return q.upto;
}

static struct nc_vector all_of(unsigned node)
{
    struct vector known = vector_of(node);
    struct nc_vector v = {.n = 0};

    for (unsigned i = 0; i < known.n; i++)
        assert_int_equal(nc_vector_raise(&v, &known.at[i].id, known.at[i].n), NC_OK);
    return v;
}

static unsigned said;

static void say_at(unsigned node)
{
    char text[32];

    at(node);
    said++;
    snprintf(text, sizeof(text), "%u", said);
    if (any(4))
        OK(say(DEN, ADA, 2000 + said, text));
    else
        OK(say(HALL, BOB, 2000 + said, text)); /* which Ada does not hear */
}

/* ---- as sentences -------------------------------------------------------- */

static void who_has_all_is_at_the_head(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < NODES; i++) {
        struct nc_vector v = all_of(i);
        assert_int_equal(place(i, &v), nodes[i].store->info.head);
    }
}

static void who_has_nothing_is_at_the_beginning(void **state)
{
    struct nc_vector nothing = {.n = 0};

    (void)state;
    begin();
    assert_int_equal(place(0, &nothing), 0);
    assert_int_equal(place(1, &nothing), 0);
}

/* What another node said stands between what this one said. */
static void it_is_before_the_first_that_is_lacked(void **state)
{
    struct nc_id a = origin_of(0), b = origin_of(1);
    struct nc_vector v;

    (void)state;
    begin();
    v = all_of(1);
    uint64_t head = nodes[1].store->info.head;
    at(1);
    OK(say(DEN, ADA, 2001, "b1")); /* head + 1 */
    at(0);
    OK(say(DEN, ADA, 2002, "a1"));
    pull(1, 0); /* head + 2 */
    at(1);
    OK(say(DEN, ADA, 2003, "b2")); /* head + 3 */
    assert_int_equal(place(1, &v), head);
    assert_int_equal(nc_vector_set(&v, &b, nc_vector_get(&v, &b) + 1), NC_OK);
    assert_int_equal(place(1, &v), head + 1);
    assert_int_equal(nc_vector_set(&v, &b, nc_vector_get(&v, &b) + 1), NC_OK);
    assert_int_equal(place(1, &v), head + 1); /* b2 is not what is lacking */
    assert_int_equal(nc_vector_set(&v, &a, nc_vector_get(&v, &a) + 1), NC_OK);
    assert_int_equal(place(1, &v), head + 3);
    /* More than is here: what is lacking is still to come. */
    assert_int_equal(nc_vector_set(&v, &a, nc_vector_get(&v, &a) + 100), NC_OK);
    assert_int_equal(place(1, &v), head + 3);
}

/* b2 is had: not counted, not given. */
static void what_is_there_is_left_out(void **state)
{
    struct nc_id b = origin_of(1);
    struct nc_audience_of everyone = {.everyone = true};
    struct nc_vector v;

    (void)state;
    begin();
    v = all_of(1);
    uint64_t head = nodes[1].store->info.head;
    at(0);
    OK(say(DEN, ADA, 2001, "a1"));
    at(1);
    OK(say(DEN, ADA, 2002, "b1"));
    OK(say(DEN, ADA, 2003, "b2"));
    pull(1, 0);
    at(1);
    ASK("created:b1 created:b2 created:a1", .kind = NC_Q_LOG, .since = head, .limit = 10,
        .audience = everyone, .have = &v);
    assert_int_equal(nc_vector_set(&v, &b, nc_vector_get(&v, &b) + 2), NC_OK);
    ASK("created:a1", .kind = NC_Q_LOG, .since = head, .limit = 10, .audience = everyone,
        .have = &v);
    assert_int_equal(answer.q.upto, head + 3);
    ask((struct nc_query){.kind = NC_Q_DISTANCE,
                          .since = head,
                          .limit = 10,
                          .audience = everyone,
                          .have = &v});
    assert_int_equal(answer.q.count, 1);
    ask((struct nc_query){
        .kind = NC_Q_DISTANCE, .since = head, .limit = 10, .audience = everyone});
    assert_int_equal(answer.q.count, 3);
}

/* The stamp of what came late from elsewhere does not make a place look old. */
static void a_late_event_makes_no_place_old(void **state)
{
    struct nc_change old = say(DEN, ADA, 10, "long ago");

    (void)state;
    begin();
    at(0);
    OK(old);
    at(1);
    OK(say(DEN, ADA, 5000, "now"));
    pull(1, 0);
    at(1);
    ask((struct nc_query){.kind = NC_Q_DISTANCE,
                          .since = nodes[1].store->info.head,
                          .limit = 1,
                          .audience = {.everyone = true}});
    assert_int_equal(answer.q.at_ms, 5000);
}

/* ---- by chance ----------------------------------------------------------- */

/* Somebody who listens: what they were given, and what they can say of it. */
struct listener {
    struct nc_query q;
    struct nc_vector have;
    bool given[4096]; /* by the number that was said */
    unsigned twice;
};

static struct listener ear;

static void on_heard(struct nc_query *q, const struct nc_row *row)
{
    struct listener *l = nc_of(q, struct listener, q);
    char text[16];

    snprintf(text, sizeof(text), "%.*s", NC_FMT(row->log.message.body));
    unsigned n = (unsigned)strtoul(text, NULL, 10);
    assert_in_range(n, 1, NC_COUNT(l->given) - 1);
    l->twice += l->given[n];
    l->given[n] = true;
    assert_int_equal(
        nc_vector_raise(&l->have, &row->log.event.origin, row->log.event.origin_seq),
        NC_OK);
}

/* From this node, up to `pages` pages of a few events each. */
static void listen_at(unsigned node, unsigned pages)
{
    const struct nc_room_since den = {DEN, 0};
    uint64_t since = place(node, &ear.have);

    for (unsigned i = 0; i < pages && since < nodes[node].store->info.head; i++) {
        ear.q = (struct nc_query){.kind = NC_Q_LOG,
                                  .since = since,
                                  .limit = 1 + any(5),
                                  .have = &ear.have,
                                  .row = on_heard,
                                  .audience = {.user = ADA, .rooms = &den, .rooms_n = 1}};
        assert_int_equal(nc_store_read_now(nodes[node].store, &ear.q), NC_OK);
        since = ear.q.upto;
    }
    if (since >= nodes[node].store->info.head) {
        struct nc_vector all = all_of(node);
        assert_int_equal(nc_vector_merge(&ear.have, &all), NC_OK);
    }
}

/* Nodes that say things, and hear of each other's in any order; somebody who goes from one
 * to the next in the middle of a page. */
static void wherever_one_goes_nothing_is_missed(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 8; round++) {
        if (round) {
            assert_int_equal(nodes_down(state), 0);
            assert_int_equal(nodes_up(state), 0);
        }
        said = 0;
        begin();
        ear = (struct listener){.have = all_of(0)};
        for (unsigned step = 0; step < 150; step++) {
            unsigned who = any(NODES);
            if (any(3))
                say_at(who);
            else if (any(2))
                pull(who, any(NODES));
            else
                listen_at(who, any(4));
        }
        heal();
        listen_at(any(NODES), UINT32_MAX);
        assert_int_equal(ear.twice, 0);
        at(0);
        for (unsigned n = 1; n <= said; n++) {
            ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(2000 + n)});
            struct nc_id den = DEN;
            bool hers = nc_id_eq(&answer.row.message.room, &den);
            if (ear.given[n] != hers)
                print_message("round %u: message %u of %u\n", round, n, said);
            assert_int_equal(ear.given[n], hers);
        }
    }
}

int main(void)
{
    const struct CMUnitTest both[] = {
        N(who_has_all_is_at_the_head),
        N(who_has_nothing_is_at_the_beginning),
        N(it_is_before_the_first_that_is_lacked),
        N(what_is_there_is_left_out),
        N(a_late_event_makes_no_place_old),
        N(wherever_one_goes_nothing_is_missed),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
