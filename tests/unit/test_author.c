#include "mesh/frame.h"
#include "mesh_log.h"

/* ---- somebody who listens ------------------------------------------------ */

static struct nc_author *author;

static struct {
    uint64_t n; /* the last event that was handed on */
    unsigned segments, kept, records;
    size_t most;              /* bytes of records in one segment */
    uint8_t chain[NC_SHA256]; /* after it */
    bool first;               /* nothing was handed on yet */
    struct nc_id keep;        /* ask for it to be kept from inside */
} heard;

static void on_fresh(void *arg, const struct nc_mesh_segment *in)
{
    struct nc_mesh_segment *s = nc_alloc(sizeof(*s));
    const char *why = "";
    size_t bytes = 0;

    (void)arg;
    memcpy(s, in, sizeof(*s));
    assert_true(s->first + s->n - 1 <= w.store->info.own_head); /* it is durable */
    if (!heard.first) {
        assert_int_equal(s->first, heard.n + 1);
        assert_memory_equal(s->prev, heard.chain, NC_SHA256);
    }
    assert_int_equal(nc_segment_verify(s, self.key, NULL, heard.chain, &why), NC_OK);
    for (unsigned i = 0; i < s->n; i++) {
        struct nc_record r;
        if (s->rows[i].is != NC_RECORD_HERE)
            continue;
        assert_int_equal(nc_record_parse(s->rows[i].record, &r), NC_OK);
        assert_true(nc_record_fits(&r, s->rows[i].ev.body_hash));
        heard.records++;
        bytes += s->rows[i].record.n;
    }
    heard.most = bytes > heard.most ? bytes : heard.most;
    heard.first = false;
    heard.n = s->first + s->n - 1;
    heard.segments++;
    if (!nc_id_zero(&heard.keep))
        nc_author_keep(author, &heard.keep, s->first);
    free(s);
}

static void on_kept_more(void *arg)
{
    (void)arg;
    heard.kept++;
}

static bool has_signed(void *arg)
{
    struct nc_vector v = {0};

    (void)arg;
    nc_author_vector(author, &v);
    struct nc_id id = our_log();
    return nc_vector_get(&v, &id) == w.store->info.own_head &&
           nc_author_origins(author)->n > 0;
}

static bool has_kept(void *arg)
{
    struct nc_id id = our_log();

    (void)arg;
    return has_signed(NULL) && !nc_author_keep(author, &id, w.store->info.own_head);
}

static bool has_heard(void *arg)
{
    (void)arg;
    return heard.n == w.store->info.own_head;
}

static void author_begins(void)
{
    author = nc_author_new(&(struct nc_author_opts){.loop = w.loop,
                                                    .store = w.store,
                                                    .node = self_node,
                                                    .identity = &self,
                                                    .fresh = on_fresh,
                                                    .kept = on_kept_more});
    heard.first = true;
    nc_author_start(author);
}

/* As a kill would: nothing is kept that was not. */
static void author_ends(void)
{
    nc_author_stop(author);
    w.store->ops->close(w.store);
    w.store = NULL;
    nc_author_free(author);
    author = NULL;
}

static int up(void **state)
{
    memset(&heard, 0, sizeof(heard));
    said_ms = 1000;
    nc_identity_make(&self);
    if (setup(state))
        return -1;
    people_and_a_room();
    return 0;
}

static int down(void **state)
{
    nc_author_stop(author);
    int rc = teardown(state);
    nc_author_free(author);
    author = NULL;
    return rc;
}

/* ---- tests --------------------------------------------------------------- */

static void what_there_was_is_signed_in_runs_of_256(void **state)
{
    (void)state;
    talk(596);
    author_begins();
    wait_until(has_kept, NULL);
    struct checked c = check_log(our_log());
    assert_int_equal(c.n, 600);
    assert_int_equal(c.segments, 3);
    assert_int_equal(c.trimmed, 0);
    assert_int_equal(heard.segments, 0); /* that is nobody's news */
    const struct nc_origins *o = nc_author_origins(author);
    assert_int_equal(o->n, 1);
    const char *why;
    assert_int_equal(nc_origin_verify(&o->at[0], self.key, &why), NC_OK);
}

static void what_is_new_is_handed_on_with_what_it_says(void **state)
{
    (void)state;
    author_begins();
    wait_until(has_kept, NULL); /* from now on all is handed on */
    for (unsigned i = 0; i < 30; i++) {
        talk(1 + i % 7);
        wait_until(has_heard, NULL);
    }
    assert_true(heard.segments >= 30);
    assert_int_equal(heard.records, heard.n - 4);
    wait_until(has_kept, NULL);
    struct checked c = check_log(our_log());
    assert_int_equal(c.n, w.store->info.own_head);
    assert_memory_equal(c.chain, heard.chain, NC_SHA256);
}

/* Batches of one, as fast as the store takes them. */
struct haste {
    struct nc_task task;
    struct done *d;
    const char *text;
    unsigned n, said, begun;
};

static void on_haste(struct nc_task *t)
{
    struct haste *h = nc_of(t, struct haste, task);

    if (dones - h->begun == h->said && h->said < h->n) {
        h->d[h->said].changes[0] = say(DEN, ADA, ++said_ms, h->text);
        h->d[h->said].c.n = 1;
        submit(&h->d[h->said++]);
    }
    if (dones - h->begun < h->n)
        nc_loop_defer(w.loop, t);
    else
        nc_loop_stop(w.loop);
}

static void say_fast(const char *text, unsigned n)
{
    struct haste h = {.task.run = on_haste, .text = text, .n = n, .begun = dones};

    h.d = nc_alloc(n * sizeof(*h.d));
    nc_loop_defer(w.loop, &h.task);
    nc_loop_run(w.loop);
    free(h.d);
}

static void talk_fast(unsigned n) { say_fast("in haste", n); }

/* The machine may be slow, so that nothing is: until some segment had more than a batch.  A
 * disk may always be. */
static void what_comes_fast_goes_together(void **state)
{
    unsigned batches = 0;

    if (strcmp(scheme, "mem") != 0)
        skip();
    (void)state;
    author_begins();
    wait_until(has_kept, NULL); /* from now on all is handed on */
    for (unsigned round = 0; round < 50 && batches == heard.segments; round++) {
        talk_fast(40);
        batches += 40;
        wait_until(has_heard, NULL);
    }
    assert_true(heard.segments < batches);
    assert_int_equal(heard.records, heard.n - 4);
    wait_until(has_kept, NULL);
    struct checked c = check_log(our_log());
    assert_int_equal(c.n, w.store->info.own_head);
    assert_memory_equal(c.chain, heard.chain, NC_SHA256);
}

/* Somebody asks for it to be kept, or the node ends: it doesn't wait. */
static void nothing_is_left_waiting(void **state)
{
    struct nc_id id = our_log();

    (void)state;
    author_begins();
    wait_until(has_kept, NULL); /* from now on all is handed on */
    talk_fast(40);
    nc_author_keep(author, &id, w.store->info.own_head);
    assert_true(has_heard(NULL));
    talk_fast(40);
    nc_author_flush(author);
    assert_true(has_heard(NULL));
    talk_fast(40);
    nc_author_stop(author);
    assert_true(has_heard(NULL));
}

/* What a frame has no room for would be asked for one by one. */
static void what_is_gathered_finds_room_in_a_frame(void **state)
{
    char text[60000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    author_begins();
    wait_until(has_kept, NULL); /* from now on all is handed on */
    say_fast(text, 100);
    wait_until(has_heard, NULL);
    assert_int_equal(heard.records, 100);
    assert_in_range(heard.most, sizeof(text), NC_FRAME_MAX - sizeof(text));
}

static void one_large_batch_is_several_segments(void **state)
{
    (void)state;
    author_begins();
    wait_until(has_kept, NULL); /* from now on all is handed on */
    heard.keep = our_log();     /* who is told may ask at once */
    talk(600);
    assert_int_equal(heard.n, 604);
    assert_true(heard.segments >= 3);
    wait_until(has_kept, NULL);
    struct checked c = check_log(our_log());
    assert_int_equal(c.n, 604);
    assert_int_equal(c.segments, 3); /* 256 256 92, however often they were kept */
    assert_memory_equal(c.chain, heard.chain, NC_SHA256);
}

static void what_was_handed_on_and_not_kept_is_signed_alike_after_a_kill(void **state)
{
    uint8_t told[NC_SHA256];

    if (strcmp(scheme, "sqlite") != 0)
        skip();
    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        author_begins();
        wait_until(has_kept, NULL); /* from now on all is handed on */
        talk(100);
        talk(1);
        wait_until(has_heard, NULL);
        memcpy(told, heard.chain, sizeof(told));
        author_ends();
        reopen();
        assert_true(check_log(our_log()).n < w.store->info.own_head);
        author_begins();
        wait_until(has_kept, NULL);
        struct checked c = check_log(our_log());
        assert_int_equal(c.n, w.store->info.own_head);
        assert_int_equal(c.segments, (c.n + 255) / 256);
        assert_memory_equal(c.chain, told, NC_SHA256);
        author_ends();
        reopen();
    }
    author_begins(); /* for down() */
}

static void what_was_gone_before_it_was_signed_is_a_hash_of_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        talk(10);
        happens(mark_read(DEN, BOB, said_ms));
    }
    happens((struct nc_change){.kind = NC_TRIM, .before_ms = 3000, .limit = 99999});
    author_begins();
    wait_until(has_kept, NULL);
    struct checked c = check_log(our_log());
    assert_int_equal(c.n, w.store->info.own_head);
    assert_true(c.trimmed >= 28);
    /* … and what is trimmed later verifies by what it was. */
    uint8_t chain[NC_SHA256];
    memcpy(chain, c.chain, sizeof(chain));
    for (unsigned i = 0; i < 5; i++) {
        talk(1);
        happens(mark_read(DEN, BOB, said_ms));
    }
    wait_until(has_kept, NULL);
    unsigned before = check_log(our_log()).trimmed;
    happens((struct nc_change){.kind = NC_TRIM, .before_ms = 9000, .limit = 99999});
    assert_true(check_log(our_log()).trimmed >= before + 4);
}

static void a_tail_that_was_trimmed_is_signed_to_its_end(void **state)
{
    (void)state;
    talk(3);
    happens(mark_read(DEN, BOB, said_ms));
    happens((struct nc_change){.kind = NC_TRIM, .before_ms = 9000, .limit = 99999});
    author_begins();
    wait_until(has_kept, NULL);
    struct checked c = check_log(our_log());
    assert_int_equal(c.n, 8);
    assert_int_equal(c.trimmed, 1);
}

struct copying {
    struct nc_backup b;
    bool done;
};

static void on_copied(struct nc_backup *b, enum nc_err e)
{
    assert_int_equal(e, NC_OK);
    nc_of(b, struct copying, b)->done = true;
}

static bool is_copied(void *arg) { return ((struct copying *)arg)->done; }

struct old {
    struct nc_id origin;
    uint64_t n;
};

static bool has_kept_old(void *arg)
{
    const struct old *o = arg;

    return nc_author_origins(author)->n == 2 && has_kept(NULL) &&
           !nc_author_keep(author, &o->origin, o->n);
}

/* Our log goes on under another name, and with it what waits for company. */
static void what_waits_goes_on_under_the_new_name(void **state)
{
    (void)state;
    author_begins();
    wait_until(has_kept, NULL); /* from now on all is handed on */
    talk_fast(40);
    struct nc_id old = our_log();
    uint64_t told = heard.n, n = w.store->info.own_head;
    happens((struct nc_change){.kind = NC_ORIGIN_RENEW,
                               .segment = {.origin = old, .first = told + 1}});
    unsigned segments = heard.segments;
    nc_author_start(author);
    nc_author_flush(author);
    (void)nc_author_keep(author, &old, n);
    assert_int_equal(heard.segments, segments);
    heard.first = true;
    heard.n = 0;
    wait_until(has_kept_old, &(struct old){old, told});
    assert_int_equal(check_log(old).n, told);
    assert_int_equal(check_log(our_log()).n, n - told);
    talk(3);
    wait_until(has_kept, NULL);
    assert_int_equal(check_log(our_log()).n, n - told + 3);
}

static void no_attachment(void *arg, struct nc_str name, struct nc_str bytes)
{
    (void)arg, (void)name, (void)bytes;
}

static void logs_of_before_a_restore_are_signed_too(void **state)
{
    char path[160], cmd[200];
    uint8_t told[NC_SHA256];
    struct copying copy = {.b = {.path = path, .done = on_copied}};

    if (strcmp(scheme, "sqlite") != 0)
        skip();
    (void)state;
    talk(300);
    author_begins();
    wait_until(has_kept, NULL);
    talk(20); /* not kept yet */
    wait_until(has_heard, NULL);
    struct nc_id old = our_log();
    uint64_t n = w.store->info.own_head;
    memcpy(told, heard.chain, sizeof(told));
    snprintf(path, sizeof(path), "%s/copy", w.dir);
    w.store->ops->backup(w.store, &copy.b);
    wait_until(is_copied, &copy);
    talk(7); /* what nobody remembers */
    author_ends();
    snprintf(cmd, sizeof(cmd), "rm %s/t.db*", w.dir);
    assert_int_equal(system(cmd), 0);
    const struct nc_store_ops *ops = nc_store_backend(w.url);
    assert_int_equal(ops->restore(strchr(w.url, ':') + 1, path, no_attachment, NULL),
                     NC_OK);
    reopen();
    struct nc_id id = our_log();
    assert_false(nc_id_eq(&id, &old));
    author_begins();
    struct old was = {old, n};
    wait_until(has_kept_old, &was);
    assert_int_equal(nc_author_origins(author)->n, 2);
    struct checked c = check_log(old);
    assert_int_equal(c.n, n);
    assert_memory_equal(c.chain, told, NC_SHA256);
    talk(5);
    wait_until(has_kept, NULL);
    assert_int_equal(check_log(our_log()).n, 5);
}

static void nothing_is_ours_to_give_before_it_is_signed(void **state)
{
    struct nc_vector v = {0};
    struct nc_id id = our_log();

    (void)state;
    talk(10);
    author = nc_author_new(&(struct nc_author_opts){
        .loop = w.loop, .store = w.store, .node = self_node, .identity = &self});
    assert_int_equal(nc_vector_set(&v, &id, 14), NC_OK);
    nc_author_vector(author, &v);
    assert_int_equal(nc_vector_get(&v, &id), 0);
    assert_false(nc_author_keep(author, &id, 14));
    talk(1);
    assert_int_equal(nc_author_stats(author).events, 0);
}

#define A(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest both[] = {
        A(what_there_was_is_signed_in_runs_of_256),
        A(what_is_new_is_handed_on_with_what_it_says),
        A(what_comes_fast_goes_together),
        A(nothing_is_left_waiting),
        A(what_is_gathered_finds_room_in_a_frame),
        A(what_waits_goes_on_under_the_new_name),
        A(one_large_batch_is_several_segments),
        A(what_was_handed_on_and_not_kept_is_signed_alike_after_a_kill),
        A(what_was_gone_before_it_was_signed_is_a_hash_of_nothing),
        A(a_tail_that_was_trimmed_is_signed_to_its_end),
        A(logs_of_before_a_restore_are_signed_too),
        A(nothing_is_ours_to_give_before_it_is_signed),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
