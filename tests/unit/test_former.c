/* What nodes take of one that they don't trust, on the word of those who did. */
#define NODES 4
#include "intake_world.h"

static struct node *const a = &nodes[0], *const b = &nodes[1], *const c = &nodes[2],
                          *const d = &nodes[3];
enum { LOGS_OF_ONE = 32 }; /* find room */

static struct nc_user *ben;
static struct nc_room *den;

static int up(void **state)
{
    (void)state;
    return mesh_up("mem");
}

static int up_on_disk(void **state)
{
    (void)state;
    return mesh_up("sqlite");
}

static void hello(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(say(b->w, ben, den, "hello"), NC_P_NONE);
    sign_log(b, 5);
}

static void take(struct node *to, struct node *from)
{
    want(to, from);
    deliver_all();
    settle_all();
}

static void forget(struct node *n, const struct node *whom)
{
    n->strange[whom->i] = true;
    nc_intake_forget(n->in, &whom->id);
}

/* It begins anew, without trust in b. */
static void begin_strange(struct node *n)
{
    node_down(n);
    n->strange[b->i] = true;
    node_up(n);
}

/* b said something, a and d have it, c comes later. */
static void begin(void)
{
    ben = join_node(b, "ben");
    den = make_room(b->w, ben, "den", NC_PUBLIC);
    hello(10);
    take(a, b);
    take(d, b);
    begin_strange(c);
}

static void speak(struct node *from, struct node *to)
{
    nc_intake_former(to->in, &from->id, nc_intake_formers(from->in));
    nc_intake_origins(to->in, &from->id, nc_intake_known(from->in));
}

static uint64_t has(struct node *n)
{
    return nc_vector_get(nc_intake_vector(n->in), &b->log);
}

static uint64_t speaks_of(struct node *n)
{
    return nc_vector_get(nc_intake_formers(n->in), &b->log);
}

/* ---- as it should be ------------------------------------------------------- */

static void a_forgotten_nodes_words_come_by_those_who_had_them_and_no_later_ones(void **s)
{
    (void)s;
    begin();
    assert_int_equal(want(c, a), 0);
    assert_true(refused_of(c, NC_INTAKE_NODE) > 0);
    assert_int_equal(speaks_of(a), 0); /* whom we trust speaks for himself */
    forget(a, b);
    uint64_t then = b->signed_n;
    hello(7);
    take(d, b);
    assert_int_equal(speaks_of(a), then);
    speak(a, c);
    assert_true(c->progress > 0);
    take(c, d); /* whoever brings them */
    take(c, a);
    assert_int_equal(has(c), then);
    assert_true(agree(0, 2));
    assert_int_equal(want(c, d), 0);
    assert_int_equal(want(a, d), 0);

    struct nc_vector_range later = {b->log, then + 1, b->signed_n};
    assert_true(serve(d, c, &later) > 0);
    uint64_t refused = refused_of(c, NC_INTAKE_NODE);
    assert_int_equal(deliver(nc_of(letters.next, struct letter, node)), NC_ENOENT);
    drop_letters();
    settle_all();
    assert_int_equal(refused_of(c, NC_INTAKE_NODE), refused + 1);
    assert_int_equal(has(c), then);
}

static void who_took_them_speaks_for_them_too(void **s)
{
    (void)s;
    begin();
    forget(a, b);
    forget(d, b);
    begin_strange(d); /* who knows nothing of it any more */
    speak(a, c);
    assert_int_equal(want(c, a) > 1, true);
    (void)deliver(nc_of(letters.next, struct letter, node));
    drop_letters();
    settle_all();
    assert_int_equal(has(c), 5);
    assert_int_equal(speaks_of(c), 5);
    speak(c, d);
    take(d, c);
    assert_int_equal(has(d), 5);
    take(c, a);
    speak(c, d);
    node_down(a);
    take(d, c);
    assert_int_equal(has(d), b->signed_n);
    assert_true(agree(2, 3));
}

static void those_who_forgot_at_different_times_come_to_the_same(void **s)
{
    (void)s;
    begin();
    forget(a, b);
    hello(3);
    take(d, b);
    speak(a, d); /* it says less than d has, and d trusts b */
    assert_int_equal(speaks_of(d), 0);
    assert_true(has(d) > has(a));
    hello(3);
    take(d, b);
    forget(d, b);
    speak(d, a);
    take(a, d);
    assert_int_equal(has(a), b->signed_n);
    assert_true(agree(0, 3));
}

static void a_restart_keeps_what_came_and_is_told_again(void **s)
{
    (void)s;
    begin();
    forget(a, b);
    speak(a, c);
    (void)want(c, a);
    (void)deliver(nc_of(letters.next, struct letter, node));
    drop_letters();
    settle_all();
    node_down(c);
    node_up(c);
    assert_int_equal(has(c), 5);
    assert_int_equal(want(c, a), 0); /* nobody has spoken yet */
    assert_int_equal(speaks_of(c), 5);
    speak(a, c);
    take(c, a);
    assert_true(agree(0, 2));
}

/* ---- what counts for nothing ----------------------------------------------- */

static void one_that_is_not_trusted_speaks_for_nobody(void **s)
{
    struct nc_vector word = {.n = 0};

    (void)s;
    begin();
    assert_int_equal(nc_vector_set(&word, &b->log, b->signed_n), NC_OK);
    nc_intake_former(c->in, &b->id, &word); /* for itself */
    nc_intake_origins(c->in, &b->id, nc_intake_known(b->in));
    nc_intake_origins(c->in, &a->id,
                      nc_intake_known(a->in)); /* introduced, not spoken for */
    assert_null(nc_origins_get(nc_intake_known(c->in), &b->log));
    assert_int_equal(want(c, a), 0);
    nc_intake_former(c->in, &a->id, &word);
    /* Nor is it by another than who speaks for that very log. */
    struct nc_vector other = {.n = 0};
    struct nc_id log = nc_id_random();
    assert_int_equal(nc_vector_set(&other, &log, 9), NC_OK);
    nc_intake_former(c->in, &d->id, &other);
    nc_intake_origins(c->in, &d->id, nc_intake_known(d->in));
    assert_null(nc_origins_get(nc_intake_known(c->in), &b->log));
    nc_intake_origins(c->in, &a->id, nc_intake_known(a->in));
    assert_non_null(nc_origins_get(nc_intake_known(c->in), &b->log));
    assert_true(want(c, d) > 0);
    drop_letters();
}

static void the_word_of_one_who_is_forgotten_goes_with_him(void **s)
{
    (void)s;
    begin();
    forget(a, b);
    speak(a, c);
    (void)want(c, a);
    (void)deliver(nc_of(letters.next, struct letter, node));
    drop_letters();
    settle_all();
    nc_intake_forget(c->in, &a->id); /* it is away: that is all */
    assert_true(want(c, d) > 0);
    drop_letters();
    forget(c, a);
    assert_int_equal(want(c, d), 0);
    assert_int_equal(has(c), 5);
    c->strange[a->i] = false; /* and it isn't remembered for later */
    assert_int_equal(want(c, d), 0);
    speak(a, c);
    assert_true(want(c, d) > 0);
    nc_intake_former(c->in, &a->id, &(struct nc_vector){.n = 0}); /* he takes it back */
    drop_letters();
    assert_int_equal(want(c, d), 0);
}

/* Who goes by that asks anew whose a log is: the answer is the same, every time. */
static void what_was_said_before_is_no_news(void **s)
{
    static const struct nc_vector nothing;

    (void)s;
    begin();
    forget(a, b);
    const struct nc_vector *word = nc_intake_formers(a->in);
    assert_true(nc_intake_former(c->in, &a->id, word));
    assert_false(nc_intake_former(c->in, &a->id, word));
    assert_true(nc_intake_former(c->in, &a->id, &nothing));
    assert_false(nc_intake_former(c->in, &a->id, &nothing));
    assert_false(nc_intake_former(c->in, &b->id, word));
    settle_all();
}

static void a_segment_that_was_begun_is_spoken_for_when_it_is_whole(void **s)
{
    (void)s;
    struct nc_user *ada = join_node(a, "ada");
    den = make_room(a->w, ada, "den", NC_PUBLIC);
    sign_log(a, 5);
    take(b, a);
    ben = join_node(b, "ben");
    assert_int_equal(join(b->w, user_at(b, ben->a.id), room_at(b, den->rec.id)), NC_P_NONE);
    sign_log(b, 5);
    assert_int_equal(serve(b, c, &(struct nc_vector_range){b->log, 1, b->signed_n}), 1);
    deliver_all();
    settle_all();
    assert_true(nc_intake_stats(c->in).waiting > 0); /* for the room */
    forget(c, b);
    assert_true(has(c) > 0);
    assert_int_equal(speaks_of(c), 0);
    take(c, a);
    assert_int_equal(speaks_of(c), b->signed_n);
}

/* ---- what one who is trusted can do with it -------------------------------- */

static void the_word_of_one_does_not_fill_the_table_of_logs(void **s)
{
    struct nc_vector word = {.n = 0};
    struct nc_origins *many = nc_alloc(sizeof *many);

    (void)s;
    for (unsigned i = 0; i < NC_ORIGINS_MAX; i++) {
        struct node nobody = {.id = nc_id_random()};
        nc_identity_make(&nobody.key);
        struct nc_origins one = introduction(&nobody, nc_id_random());
        many->at[many->n++] = one.at[0];
        assert_int_equal(nc_vector_set(&word, &one.at[0].origin, INT64_MAX), NC_OK);
    }
    nc_intake_former(c->in, &d->id, &word);
    nc_intake_origins(c->in, &d->id, many);
    assert_int_equal(refused_of(c, NC_INTAKE_ROOM), NC_ORIGINS_MAX / 2);
    struct nc_origins own = introduction(a, nc_id_random());
    nc_intake_origins(c->in, &d->id, &own);
    assert_non_null(nc_origins_get(nc_intake_known(c->in), &own.at[0].origin));
    settle_all();
    free(many);
}

static void an_author_has_one_key(void **s)
{
    struct node other;
    struct nc_vector word = {.n = 0};

    (void)s;
    begin();
    forget(a, b);
    speak(a, c);
    other = *b; /* his name, and another key */
    nc_identity_make(&other.key);
    struct nc_origins o = introduction(&other, nc_id_random());
    assert_int_equal(nc_vector_set(&word, &o.at[0].origin, 9), NC_OK);
    nc_intake_former(c->in, &d->id, &word);
    nc_intake_origins(c->in, &d->id, &o);
    assert_int_equal(refused_of(c, NC_INTAKE_SIGNATURE), 1);
    other.id = a->id; /* nor is it a way round the key of one who is trusted */
    o = introduction(&other, o.at[0].origin);
    nc_intake_origins(c->in, &d->id, &o);
    assert_int_equal(refused_of(c, NC_INTAKE_SIGNATURE), 2);
    assert_null(nc_origins_get(nc_intake_known(c->in), &o.at[0].origin));
    settle_all();
}

/* Logs of his name, made up before he was trusted, under another key. */
static void made_up_logs_are_in_nobodys_way(void **s)
{
    struct nc_vector word = {.n = 0};
    struct node other;

    (void)s;
    begin();
    other = *b;
    nc_identity_make(&other.key);
    for (unsigned i = 0; i < LOGS_OF_ONE + 1; i++) {
        struct nc_origins o = introduction(&other, nc_id_random());
        assert_int_equal(nc_vector_set(&word, &o.at[0].origin, 9), NC_OK);
        (void)nc_intake_former(c->in, &d->id, &word);
        nc_intake_origins(c->in, &d->id, &o);
    }
    assert_int_equal(refused_of(c, NC_INTAKE_ROOM), 1);
    assert_int_equal(want(c, a), 0);
    c->strange[b->i] = false; /* now he is, with his own */
    introduce(b);
    take(c, a);
    assert_int_equal(has(c), b->signed_n);
    assert_true(agree(0, 2));
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, mesh_down)
#define D(f) cmocka_unit_test_setup_teardown(f, up_on_disk, mesh_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_forgotten_nodes_words_come_by_those_who_had_them_and_no_later_ones),
        T(who_took_them_speaks_for_them_too),
        T(those_who_forgot_at_different_times_come_to_the_same),
        D(a_restart_keeps_what_came_and_is_told_again),
        T(one_that_is_not_trusted_speaks_for_nobody),
        T(the_word_of_one_who_is_forgotten_goes_with_him),
        T(what_was_said_before_is_no_news),
        T(a_segment_that_was_begun_is_spoken_for_when_it_is_whole),
        T(the_word_of_one_does_not_fill_the_table_of_logs),
        T(an_author_has_one_key),
        T(made_up_logs_are_in_nobodys_way),
    };
    return cmocka_run_group_tests_name("former", tests, NULL, NULL);
}
