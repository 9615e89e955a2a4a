/* chat/live: who comes from another node of the mesh, with what that one said it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "live_world.h"

static const struct nc_id elsewhere = {
    {9, 8, 7, 6, 5, 4, 0x70, 3, 0x80, 2, 1, 9, 8, 7, 6, 5}};

static struct world *mesh_world(void)
{
    struct world *w = world_new();

    assert_int_equal(nc_hub_load(w->chat.hub), NC_OK);
    nc_hub_saw(w->chat.hub, &elsewhere, 7);
    nc_hub_mesh(w->chat.hub, true);
    join(w, 0, 0);
    join(w, 1, 1);
    world_settle(w);
    return w;
}

static struct nc_vector all_of(struct world *w) { return *nc_hub_vector(w->chat.hub); }

static enum nc_err attach_from_elsewhere(struct world *w, struct ear *e,
                                         const struct nc_vector *have)
{
    struct nc_buf b = {0};

    nc_cursor_add_at(&b, &elsewhere, 12345, have);
    struct nc_str s = nc_buf_str(&b);
    enum nc_err err = nc_hub_attach(w->chat.hub, &e->l, &s);
    nc_buf_fini(&b);
    return err;
}

static enum nc_cursor_is read_cursor(struct world *w, struct nc_str s,
                                     struct nc_vector *have)
{
    uint64_t seq;

    return nc_cursor_parse_at(s, &elsewhere, nc_hub_vector(w->chat.hub), &seq, have);
}

/* The newest cursor an ear was told. */
static struct nc_str last_cursor(const struct ear *e)
{
    static const char mark[] = "\"cursor\":\"";
    const char *at = NULL, *p = e->heard.p, *end = e->heard.p + e->heard.n;

    while ((p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1)))
        at = p += sizeof mark - 1;
    assert_non_null(at);
    return (struct nc_str){at, (size_t)(strchr(at, '"') - at)};
}

static void what_is_lacked_is_given(void **state)
{
    struct world *w = mesh_world();
    struct nc_vector have = all_of(w);
    uint64_t since = w->store->info.head;

    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        say(w, 0, 0);
        say(w, 1, 1); /* not for us */
    }
    world_settle(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    assert_int_equal(attach_from_elsewhere(w, e, &have), NC_OK);
    world_settle(w);
    assert_int_equal(e->resyncs, 0);
    assert_int_equal(e->live, 1);
    assert_int_equal(e->n, 600);
    for (unsigned i = 0; i < e->n; i++)
        assert_int_equal(e->seqs[i], since + 1 + 2 * i);
    say(w, 0, 0);
    world_settle(w);
    assert_int_equal(e->n, 601);
    ear_free(w, e);
    world_free(w);
}

static void who_lacks_nothing_is_live(void **state)
{
    struct world *w = mesh_world();
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    struct nc_vector have;

    (void)state;
    say(w, 0, 0);
    world_settle(w);
    have = all_of(w);
    assert_int_equal(nc_vector_raise(&have, &elsewhere, 1000), NC_OK); /* more than we */
    assert_int_equal(attach_from_elsewhere(w, e, &have), NC_OK);
    say(w, 0, 0); /* while the place is looked for */
    world_settle(w);
    assert_int_equal(e->l.state, NC_LIVE);
    assert_int_equal(e->live, 1);
    assert_int_equal(e->resyncs, 0);
    assert_int_equal(e->n, 1);
    ear_free(w, e);
    world_free(w);
}

static void one_that_is_too_far_behind_starts_anew(void **state)
{
    struct world *w = mesh_world();
    struct nc_vector have = all_of(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);

    (void)state;
    w->chat.opts.limits.replay_max = 50;
    for (unsigned i = 0; i < 60; i++)
        say(w, 0, 0);
    world_settle(w);
    assert_int_equal(attach_from_elsewhere(w, e, &have), NC_OK);
    world_settle(w);
    assert_int_equal(e->resyncs, 1);
    assert_int_equal(e->n, 0);
    assert_int_equal(e->l.state, NC_LIVE);
    ear_free(w, e);
    world_free(w);
}

static void who_leaves_while_the_place_is_looked_for(void **state)
{
    struct world *w = mesh_world();
    struct nc_vector have = all_of(w);
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    struct nc_buf b = {0};

    (void)state;
    say(w, 0, 0);
    world_settle(w);
    w->hold = true;
    assert_int_equal(attach_from_elsewhere(w, e, &have), NC_OK);
    world_turn(w);
    world_turn(w);
    nc_hub_cursor(w->chat.hub, &e->l, &b);
    ear_free(w, e);
    w->hold = false;
    while (release_one(w))
        continue;
    world_settle(w);
    assert_int_equal(nc_hub_stats(w->chat.hub)->catching_up, 0);
    /* What it was told meanwhile is not beyond what it has. */
    struct nc_str since = nc_buf_str(&b);
    e = ear_new(&w->users[0], NC_ENC_JSON);
    assert_int_equal(nc_hub_attach(w->chat.hub, &e->l, &since), NC_OK);
    world_settle(w);
    assert_int_equal(e->n, 1);
    assert_int_equal(e->live, 1);
    ear_free(w, e);
    nc_buf_fini(&b);
    world_free(w);
}

/* In the middle of a page, of a turn, at the head: never more than was given. */
static void cursors_say_what_was_given(void **state)
{
    struct world *w = mesh_world();
    struct nc_vector before = all_of(w), have;
    const struct nc_id *own = &w->store->info.incarnation;
    uint64_t n = nc_vector_get(&before, own);
    struct ear *e = ear_new(&w->users[0], NC_ENC_SSE);
    struct ear *late = ear_new(&w->users[0], NC_ENC_WS);
    struct nc_buf b = {0};

    (void)state;
    ear_attach_head(w, e);
    for (unsigned i = 0; i < 300; i++)
        say(w, 0, 0);
    world_settle(w);
    assert_int_equal(e->n, 300);
    assert_int_equal(read_cursor(w, last_cursor(e), &have), NC_CURSOR_VECTOR);
    assert_int_equal(nc_vector_get(&have, own), n + 300);
    assert_int_equal(nc_vector_get(&have, &elsewhere), 7);

    late->stuck = true;
    assert_int_equal(attach_from_elsewhere(w, late, &before), NC_OK);
    world_settle(w);
    assert_int_equal(late->n, 256); /* a page, and waits */
    assert_int_equal(read_cursor(w, last_cursor(late), &have), NC_CURSOR_VECTOR);
    assert_int_equal(nc_vector_get(&have, own), n + 256);
    nc_hub_cursor(w->chat.hub, &late->l, &b);
    assert_int_equal(read_cursor(w, nc_buf_str(&b), &have), NC_CURSOR_VECTOR);
    assert_int_equal(nc_vector_get(&have, own), n + 256);
    nc_buf_clear(&b);

    /* Known, but not delivered: the head does not say it yet. */
    nc_hub_saw(w->chat.hub, &elsewhere, 8);
    nc_hub_cursor(w->chat.hub, &e->l, &b);
    assert_int_equal(read_cursor(w, nc_buf_str(&b), &have), NC_CURSOR_VECTOR);
    assert_int_equal(nc_vector_get(&have, &elsewhere), 7);
    nc_buf_fini(&b);
    ear_free(w, e);
    ear_free(w, late);
    world_free(w);
}

/* The id of an event stream is the cursor that the event carries. */
static void a_stream_names_the_same_cursor(void **state)
{
    struct world *w = mesh_world();
    struct ear *e = ear_new(&w->users[0], NC_ENC_SSE);
    char line[NC_CURSOR_LONG + 8];

    (void)state;
    ear_attach_head(w, e);
    say(w, 0, 0);
    say(w, 0, 0); /* in the same turn */
    world_settle(w);
    assert_int_equal(e->n, 2);
    struct nc_str cursor = last_cursor(e);
    assert_true(memchr(cursor.p, ':', cursor.n) != NULL);
    snprintf(line, sizeof line, "id: %.*s\n", NC_FMT(cursor));
    assert_true(ear_heard(e, line));
    ear_free(w, e);
    world_free(w);
}

/* The database was set back, and goes on under another name. */
static void what_a_log_said_before_it_was_set_back_is_void(void **state)
{
    struct world *w = mesh_world();
    struct nc_vector have = all_of(w);
    struct nc_id before = w->store->info.incarnation, now = nc_id_random();
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);
    struct nc_buf b = {0};

    (void)state;
    nc_cursor_add_at(&b, &before, 3, &have);
    assert_true(nc_vector_get(nc_hub_vector(w->chat.hub), &before) > 0);
    w->store->info.incarnation = now;
    nc_hub_saw(w->chat.hub, &now, 1);
    assert_int_equal(nc_vector_get(nc_hub_vector(w->chat.hub), &before), 0);
    assert_int_equal(nc_vector_get(nc_hub_vector(w->chat.hub), &now), 1);
    nc_hub_saw(w->chat.hub, &before, 9); /* as others know it */
    struct nc_str since = nc_buf_str(&b);
    assert_int_equal(nc_hub_attach(w->chat.hub, &e->l, &since), NC_OK);
    world_settle(w);
    assert_int_equal(e->resyncs, 1);
    ear_free(w, e);
    nc_buf_fini(&b);
    world_free(w);
}

static void alone_a_cursor_stays_short(void **state)
{
    struct world *w = mesh_world();
    struct ear *e = ear_new(&w->users[0], NC_ENC_JSON);

    (void)state;
    nc_hub_mesh(w->chat.hub, false);
    ear_attach_head(w, e);
    say(w, 0, 0);
    world_settle(w);
    assert_null(memchr(last_cursor(e).p, ':', last_cursor(e).n));
    ear_free(w, e);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_lacked_is_given),
        cmocka_unit_test(who_lacks_nothing_is_live),
        cmocka_unit_test(one_that_is_too_far_behind_starts_anew),
        cmocka_unit_test(who_leaves_while_the_place_is_looked_for),
        cmocka_unit_test(cursors_say_what_was_given),
        cmocka_unit_test(a_stream_names_the_same_cursor),
        cmocka_unit_test(what_a_log_said_before_it_was_set_back_is_void),
        cmocka_unit_test(alone_a_cursor_stays_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
