/* What every backend tells who listens to its own log, and which signed segments it keeps.
 */
#include "store_nodes.h"

/* ---- listening ----------------------------------------------------------- */

static struct heard {
    struct nc_event events[32];
    struct nc_buf records[32];
    unsigned n, calls;
    int dones; /* of commits, when it was called first */
} heard;

static void on_logged(void *arg, const struct nc_logged *rows, unsigned n)
{
    struct heard *h = arg;

    if (!h->calls++)
        h->dones = last.calls;
    for (unsigned i = 0; i < n; i++, h->n++) {
        assert_true(h->n < NC_COUNT(h->events));
        h->events[h->n] = rows[i].event;
        nc_buf_adds(&h->records[h->n], rows[i].record);
    }
}

static void hear_log(void)
{
    for (unsigned i = 0; i < NC_COUNT(heard.records); i++)
        nc_buf_fini(&heard.records[i]);
    heard = (struct heard){.n = 0};
    w.store->logged = on_logged;
    w.store->logged_arg = &heard;
}

static int down(void **state)
{
    at(0);
    w.store->logged = NULL;
    for (unsigned i = 0; i < NC_COUNT(heard.records); i++)
        nc_buf_fini(&heard.records[i]);
    heard = (struct heard){.n = 0};
    return nodes_down(state);
}

static void begin(void)
{
    at(0);
    OK(account(ADA, "ada"));
    OK(account(BOB, "bob"));
    OK(room(DEN, "den"));
    OK(join(DEN, BOB));
}

static void who_listens_hears_our_events_as_they_are_read(void **state)
{
    (void)state;
    hear_log();
    begin();
    OK(say(DEN, BOB, 101, "said"));
    OK(mark_read(DEN, BOB, 101));
    OK(quiet(join(DEN, ADA)));
    assert_int_equal(heard.n, 6);
    assert_int_equal(heard.calls, 6);
    assert_int_equal(heard.dones, 1); /* who committed was told before */
    struct post p = listen(0, origin_of(0), 0, 99);
    assert_int_equal(p.n, heard.n);
    for (unsigned i = 0; i < heard.n; i++) {
        const struct nc_event *a = &heard.events[i], *b = &p.at[i].event;
        assert_true(a->origin_seq == i + 1 && a->seq == b->seq && a->hlc == b->hlc &&
                    nc_id_eq(&a->origin, &b->origin) && nc_id_eq(&a->ref, &b->ref) &&
                    a->kind == b->kind && a->reason == b->reason);
        assert_memory_equal(a->body_hash, b->body_hash, sizeof(a->body_hash));
        assert_true(nc_str_eq(nc_buf_str(&heard.records[i]), nc_buf_str(&p.at[i].record)));
    }
    post_fini(&p);
}

static void what_is_refused_is_not_heard(void **state)
{
    (void)state;
    begin();
    hear_log();
    assert_int_equal(put2(say(DEN, BOB, 101, "undone"), leave(DEN, EVE)), NC_ENOENT);
    assert_int_equal(heard.calls, 0);
    assert_int_equal(put2(say(DEN, BOB, 102, "one"), say(DEN, BOB, 103, "two")), NC_OK);
    assert_int_equal(heard.n, 2);
    assert_int_equal(heard.calls, 1);
    assert_int_equal(heard.events[1].origin_seq, w.store->info.own_head);
    struct nc_record r;
    assert_int_equal(nc_record_parse(nc_buf_str(&heard.records[1]), &r), NC_OK);
    assert_true(nc_str_eqz(r.message.body, "two"));
    assert_true(nc_record_fits(&r, heard.events[1].body_hash));
}

static void what_others_said_is_not_ours_to_tell(void **state)
{
    struct nc_change a = say(DEN, BOB, 101, "once"), b = say(DEN, BOB, 102, "once");

    (void)state;
    begin();
    for (unsigned i = 1; i < NODES; i++)
        pull(i, 0);
    a.message.client_id = b.message.client_id = id(70);
    at(1);
    OK(a);
    OK(say(DEN, BOB, 103, "another"));
    at(0);
    OK(b);
    hear_log();
    pull(0, 1);
    /* … but that two messages are one is what we found. */
    assert_int_equal(heard.n, 1);
    assert_int_equal(heard.events[0].kind, NC_EV_MESSAGE_DELETED);
    assert_int_equal(heard.events[0].origin_seq, nodes[0].store->info.own_head);
    assert_int_equal(heard.records[0].n, 0);
}

static void the_record_is_that_of_its_event_though_a_later_one_changed_it(void **state)
{
    struct done first = {.changes = {say(DEN, BOB, 101, "draft")}, .c = {.n = 1}};
    struct done later = {
        .changes = {change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 101)},
        .c = {.n = 1}};
    struct nc_record r;

    (void)state;
    begin();
    hear_log();
    later.changes[0].message.body = nc_str("fair copy");
    submit(&first);
    submit(&later);
    nc_loop_run(w.loop);
    assert_true(first.e == NC_OK && later.e == NC_OK);
    assert_int_equal(heard.n, 2);
    static const char *const texts[] = {"draft", "fair copy"};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(nc_record_parse(nc_buf_str(&heard.records[i]), &r), NC_OK);
        assert_true(nc_str_eqz(r.message.body, texts[i]));
        assert_true(nc_record_fits(&r, heard.events[i].body_hash));
    }
}

/* ---- segments ------------------------------------------------------------ */

static enum nc_err keep(struct nc_id origin, uint64_t first, uint32_t n)
{
    return put((struct nc_change){.kind = NC_SEGMENT_SET,
                                  .segment = {.origin = origin,
                                              .first = first,
                                              .n = n,
                                              .hashes = nc_str("hashes"),
                                              .chain = nc_str("chain"),
                                              .signature = nc_str("signature")}});
}

/* The lengths of those of `origin` that end behind `since`. */
static const char *kept(struct nc_id origin, uint64_t since)
{
    ask((struct nc_query){
        .kind = NC_Q_SEGMENTS, .id = origin, .since = since, .limit = 99});
    return answer.text;
}

static void a_segment_takes_the_place_of_those_it_covers(void **state)
{
    (void)state;
    begin();
    struct nc_id ours = origin_of(0), theirs = origin_of(1);
    pull(1, 0);
    at(1);
    OK(account(EVE, "eve"));
    pull(0, 1);
    at(0);
    assert_int_equal(keep(theirs, 1, 1), NC_OK);
    assert_int_equal(keep(ours, 1, 1), NC_OK);
    assert_int_equal(keep(ours, 2, 1), NC_OK);
    assert_int_equal(keep(ours, 3, 2), NC_OK);
    assert_string_equal(kept(ours, 0), "1 1 2");
    assert_int_equal(keep(ours, 2, 3), NC_OK); /* to where the last ends */
    assert_string_equal(kept(ours, 0), "1 3");
    assert_int_equal(keep(ours, 4, 2), NC_OK); /* begins within one, ends behind it */
    assert_string_equal(kept(ours, 0), "1 3 2");
    assert_string_equal(kept(ours, 4), "2");
    assert_int_equal(keep(ours, 2, 2), NC_OK); /* it is in what is there */
    assert_int_equal(keep(ours, 3, 1), NC_OK);
    assert_string_equal(kept(ours, 0), "1 3 2");
    assert_int_equal(keep(ours, 1, 9), NC_OK);
    assert_string_equal(kept(ours, 0), "9");
    assert_int_equal(keep(ours, 1, 9), NC_OK);
    assert_string_equal(kept(ours, 0), "9");
    assert_string_equal(kept(theirs, 0), "1");
    assert_int_equal(keep(id(99), 1, 1), NC_ENOENT);
}

#define L(f) cmocka_unit_test_setup_teardown(f, nodes_up, down)

int main(void)
{
    const struct CMUnitTest both[] = {
        L(who_listens_hears_our_events_as_they_are_read),
        L(what_is_refused_is_not_heard),
        L(what_others_said_is_not_ours_to_tell),
        L(the_record_is_that_of_its_event_though_a_later_one_changed_it),
        L(a_segment_takes_the_place_of_those_it_covers),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
