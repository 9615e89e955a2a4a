/* What every store promises: what it remembers of rooms and of logs, so that it need not
 * look for it at each event, is what is there. */
#include "store_nodes.h"

/* Ada and Bob in the den, on node 0, known to all. */
static void begin(void)
{
    at(0);
    OK(account(ADA, "ada"));
    OK(account(BOB, "bob"));
    OK(room(DEN, "den"));
    OK(join(DEN, ADA));
    OK(join(DEN, BOB));
    heal();
}

/* Said at `node`, by Ada at 0 and by Bob elsewhere. */
static void said(unsigned node, uint64_t ms, const char *text)
{
    at(node);
    OK(say(DEN, node ? BOB : ADA, ms, text));
}

/* The last n events of its own log. */
static struct post newest_of(unsigned node, uint32_t n)
{
    struct post p = listen(node, origin_of(node), nodes[node].store->info.own_head - n, n);

    assert_int_equal(p.n, n);
    return p;
}

/* ---- several letters in one commit --------------------------------------- */

static struct nc_record records[8];
static struct nc_merged outs[8];

static void put_in(const struct letter *l)
{
    unsigned i = last.c.n++;
    struct nc_change c = {.kind = NC_MERGE, .event = l->event, .merge = {.out = &outs[i]}};

    assert_int_equal(nc_record_parse(nc_buf_str(&l->record), &records[i]), NC_OK);
    c.event.seq = 0;
    c.merge.record = &records[i];
    last.changes[i] = c;
}

static enum nc_err committed(unsigned to)
{
    at(to);
    submit(&last);
    nc_loop_run(w.loop);
    assert_int_equal(last.calls, 1);
    return last.e;
}

static uint64_t taken(unsigned node, unsigned from)
{
    struct vector v = vector_of(node);

    return has(&v, origin_of(from));
}

static void start_again(unsigned i)
{
    if (strcmp(scheme, "mem") == 0)
        return;
    nodes[i].store->ops->close(nodes[i].store);
    open_node(i);
}

/* ---- a room -------------------------------------------------------------- */

static void what_was_undone_was_never_the_newest(void **state)
{
    (void)state;
    begin();
    said(0, 110, "far");
    said(0, 111, "farther");
    said(0, 112, "farthest");
    said(2, 105, "near");
    said(2, 103, "nearer");
    struct post a = newest_of(0, 3), c = newest_of(2, 2);
    uint64_t before = taken(1, 0), head = nodes[1].store->info.head;

    last = (struct done){.calls = 0};
    put_in(&a.at[0]);
    put_in(&a.at[2]); /* the one between them is not here */
    assert_int_equal(committed(1), NC_AGAIN);
    assert_int_equal(last.c.failed, 1);
    assert_int_equal(last.c.applied, 0);
    assert_true(taken(1, 0) == before);
    assert_true(nodes[1].store->info.head == head);
    assert_int_equal(deliver(1, &c.at[0]), NC_OK);
    assert_true(merged.inserted && !merged.late);
    assert_int_equal(deliver(1, &c.at[1]), NC_OK);
    assert_true(merged.inserted && merged.late);
    assert_int_equal(deliver(1, &a.at[0]), NC_OK);
    assert_true(merged.inserted && !merged.late);
    ASK("nearer near far", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    post_fini(&a);
    post_fini(&c);
    heal();
    assert_true(agree(0, 1) && agree(1, 2));
}

static void what_has_expired_is_the_newest_no_more(void **state)
{
    struct nc_change expire = {.kind = NC_MESSAGES_EXPIRE,
                               .message = {.room = DEN, .created_ms = 111},
                               .limit = 9};

    (void)state;
    begin();
    said(0, 105, "old");
    said(0, 110, "not as old");
    said(2, 107, "between");
    said(2, 106, "before it");
    assert_int_equal(pull(1, 0), 2);
    assert_false(merged.late);
    at(1);
    OK(expire);
    assert_true(last.changes[0].touched == 2);
    struct post c = newest_of(2, 2);
    assert_int_equal(deliver(1, &c.at[0]), NC_OK);
    assert_true(merged.inserted && !merged.late);
    assert_int_equal(deliver(1, &c.at[1]), NC_OK);
    assert_true(merged.inserted && merged.late);
    ASK("before it between", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    post_fini(&c);
}

/* ---- logs ---------------------------------------------------------------- */

static void two_logs_in_one_commit_both_go_on(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 3; i++) {
        said(0, 101 + 2 * i, "ada");
        said(2, 102 + 2 * i, "bob");
    }
    struct post a = newest_of(0, 3), c = newest_of(2, 3);
    uint64_t of_a = taken(1, 0), of_c = taken(1, 2);

    last = (struct done){.calls = 0};
    put_in(&a.at[0]);
    put_in(&c.at[0]);
    put_in(&a.at[1]);
    put_in(&c.at[2]); /* the one before it is not here */
    assert_int_equal(committed(1), NC_AGAIN);
    assert_int_equal(last.c.applied, 0);
    assert_true(taken(1, 0) == of_a && taken(1, 2) == of_c);

    last = (struct done){.calls = 0};
    for (unsigned i = 0; i < 2; i++) {
        put_in(&a.at[i]);
        put_in(&c.at[i]);
    }
    assert_int_equal(committed(1), NC_OK);
    assert_true(taken(1, 0) == of_a + 2 && taken(1, 2) == of_c + 2);
    assert_int_equal(deliver(1, &a.at[1]), NC_EEXIST);
    start_again(1);
    assert_true(taken(1, 0) == of_a + 2 && taken(1, 2) == of_c + 2);
    assert_int_equal(deliver(1, &c.at[1]), NC_EEXIST);
    assert_int_equal(deliver(1, &c.at[2]), NC_OK);
    assert_int_equal(deliver(1, &a.at[2]), NC_OK);
    ASK("ada bob ada bob ada bob", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    post_fini(&a);
    post_fini(&c);
    heal();
    assert_true(agree(0, 1) && agree(1, 2));
}

/* What this node says by itself, of one message that was sent twice, stands or falls with
 * what came. */
static void what_is_said_of_a_merge_stays_where_it_does(void **state)
{
    struct nc_change here = say(DEN, ADA, 102, "once"), there = say(DEN, ADA, 101, "once");

    (void)state;
    begin();
    here.message.client_id = there.message.client_id = id(70);
    at(1);
    OK(here);
    at(0);
    OK(there);
    said(0, 103, "more");
    said(0, 104, "missing");
    said(0, 105, "too early");
    struct post a = newest_of(0, 4);
    uint64_t head = nodes[1].store->info.head, own = nodes[1].store->info.own_head;

    for (unsigned part = 0; part < 2; part++) {
        last = (struct done){.c.partly = part};
        put_in(&a.at[0]);
        put_in(&a.at[1]);
        put_in(&a.at[3]);
        assert_int_equal(committed(1), NC_AGAIN);
        assert_int_equal(last.c.failed, 2);
        assert_int_equal(last.c.applied, 2 * part);
        assert_true(nodes[1].store->info.head == head + 3 * part);
        assert_true(nodes[1].store->info.own_head == own + part);
        ask((struct nc_query){.kind = NC_Q_STATS});
        assert_int_equal(answer.row.stats.messages, 1 + part);
    }
    assert_int_equal(outs[0].also[0].kind, NC_EV_MESSAGE_DELETED);
    assert_true(outs[0].also[0].seq == head + 2 && outs[0].also[0].origin_seq == own + 1);
    assert_true(last.changes[0].event.seq == head + 1);
    assert_true(last.changes[1].event.seq == head + 3);
    start_again(1);
    at(1);
    assert_true(w.store->info.head == head + 3 && w.store->info.own_head == own + 1);
    OK(say(DEN, BOB, 106, "ours"));
    assert_true(last.changes[0].event.origin_seq == own + 2);
    post_fini(&a);
    heal();
    assert_true(agree(0, 1) && agree(1, 2));
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        ASK("once more missing too early ours", .kind = NC_Q_HISTORY, .room = DEN,
            .limit = 9);
    }
}

int main(void)
{
    const struct CMUnitTest both[] = {
        N(what_was_undone_was_never_the_newest),
        N(what_has_expired_is_the_newest_no_more),
        N(two_logs_in_one_commit_both_go_on),
        N(what_is_said_of_a_merge_stays_where_it_does),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
