#include "intake_world.h"

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

static struct node *const a = &nodes[0], *const b = &nodes[1], *const c = &nodes[2];
static struct nc_user *ada;
static struct nc_room *den;

enum { DAY_MS = 86400000 };

static void hello(struct node *n, struct nc_user *u, struct nc_room *r, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(say(n->w, u, r, "hello"), NC_P_NONE);
}

/* Somebody at `a`, in a room, who has said something; signed. */
static void begin(unsigned cut)
{
    ada = join_node(a, "ada");
    den = make_room(a->w, ada, "den", NC_PUBLIC);
    hello(a, ada, den, 10);
    sign_log(a, cut);
}

/* The next letter, changed on its way. */
static enum nc_err deliver_as(struct letter *l,
                              void (*change)(struct nc_mesh_segment *s, void *arg),
                              void *arg, const char **why)
{
    static const char *none;
    struct nc_frame *f = nc_alloc(sizeof *f);

    assert_int_equal(nc_frame_parse(nc_buf_str(&l->frame), NULL, f, &none), NC_OK);
    change(&f->segment, arg);
    enum nc_err e =
        nc_intake_segment(nodes[l->to].in, &nodes[l->from].id, &f->segment, why);
    letter_free(l);
    nc_frame_fini(f);
    free(f);
    return e;
}

static struct letter *first_letter(void)
{
    assert_false(nc_list_empty(&letters));
    return nc_of(letters.next, struct letter, node);
}

/* ---- as it should be ------------------------------------------------------------ */

static void what_one_says_all_have(void **state)
{
    (void)state;
    begin(5);
    heal();
    assert_true(agree(0, 1));
    assert_true(agree(0, 2));
    assert_int_equal(events_of(b), a->signed_n);
    assert_true(b->progress > 0);
    assert_true(nc_vector_has(nc_intake_vector(b->in), &a->log, a->signed_n));
    assert_int_equal(nc_intake_stats(b->in).bytes, 0);
}

static void a_third_node_brings_it_too(void **state)
{
    (void)state;
    begin(4);
    want(b, a);
    deliver_all();
    settle_all();
    assert_true(want(c, b) > 0);
    deliver_all();
    settle_all();
    assert_true(agree(0, 2));
    assert_int_equal(events_of(c), a->signed_n);
}

static void nothing_is_taken_twice(void **state)
{
    (void)state;
    begin(5);
    want(b, a);
    want(b, a);
    deliver_all();
    settle_all();
    want(c, a);
    deliver_all();
    settle_all();
    assert_true(agree(0, 1));
    assert_int_equal(events_of(b), a->signed_n);
    assert_int_equal(want(b, a), 0);
    assert_int_equal(want(b, c), 0);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    (void)state;
    begin(3);
    want(b, a);
    (void)deliver(first_letter());
    (void)deliver(first_letter());
    drop_letters();
    settle_all();
    node_down(b);
    node_up(b);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), 6);
    heal();
    assert_true(agree(0, 1));
    assert_int_equal(events_of(b), a->signed_n - 6);
}

/* ---- what is out of order ------------------------------------------------------- */

static void a_gap_is_not_taken_but_asked_for(void **state)
{
    (void)state;
    begin(5);
    assert_true(want(b, a) > 1);
    letter_free(first_letter());
    assert_int_equal(deliver(first_letter()), NC_AGAIN);
    drop_letters();
    assert_int_equal(refused_of(b, NC_INTAKE_GAP), 1);
    settle_all();
    heal();
    assert_true(agree(0, 1));
}

static void what_refers_to_another_log_waits_for_it(void **state)
{
    (void)state;
    begin(5);
    want(b, a);
    deliver_all();
    settle_all();
    struct nc_user *bob = join_node(b, "bob");
    struct nc_vector_range own = {own_log(b), 1, 1};
    /* b's own log says something of a's room, and nobody has told c of that room. */
    struct nc_mesh_segment *s = nc_alloc(sizeof *s);
    struct nc_buf record = {0};
    struct nc_record r = {.kind = NC_STATE_MEMBER,
                          .member = {.room = den->rec.id,
                                     .user = bob->a.id,
                                     .role = NC_MEMBER,
                                     .joined_ms = nc_wall_ms()}};
    sign_log(b, 1);
    serve(b, c, &own);
    deliver_all();
    settle_all();
    nc_record_bytes(&r, &record);
    s->node = b->id;
    s->origin = own_log(b);
    s->first = b->signed_n + 1;
    s->n = 1;
    s->has_prev = true;
    memcpy(s->prev, b->chain, sizeof s->prev);
    s->rows[0].ev = (struct nc_event){.origin = s->origin,
                                      .origin_seq = s->first,
                                      .hlc = nc_wall_ms() << 12,
                                      .kind = NC_EV_MEMBER_JOINED,
                                      .audience = NC_AUD_ROOM,
                                      .to = den->rec.id,
                                      .ref = den->rec.id,
                                      .subject = bob->a.id};
    nc_record_hash(&r, s->rows[0].ev.body_hash);
    s->rows[0].is = NC_RECORD_HERE;
    s->rows[0].record = nc_buf_str(&record);
    const char *why = "";
    uint8_t head[NC_SHA256];
    assert_int_equal(nc_segment_sign(s, &b->key, head, &why), NC_OK);
    (void)letter_of(1, 2, s);
    assert_int_equal(deliver(first_letter()), NC_OK);
    settle_all();
    assert_int_equal(nc_intake_stats(c->in).waiting, 1);
    assert_int_equal(nc_vector_get(nc_intake_vector(c->in), &s->origin), 1);
    want(c, a); /* another's log is not in its way */
    deliver_all();
    settle_all();
    assert_int_equal(nc_intake_stats(c->in).waiting, 0);
    assert_int_equal(nc_vector_get(nc_intake_vector(c->in), &s->origin), 2);
    nc_buf_fini(&record);
    free(s);
}

/* ---- what is wrong -------------------------------------------------------------- */

static void spoil_signature(struct nc_mesh_segment *s, void *arg)
{
    (void)arg;
    s->sig[7] ^= 1;
}

static void spoil_row(struct nc_mesh_segment *s, void *arg)
{
    (void)arg;
    s->rows[0].ev.actor.b[3] ^= 1;
}

static void what_its_author_did_not_sign_is_refused(void **state)
{
    const char *why = "";

    (void)state;
    begin(5);
    want(b, c);
    want(c, a);
    deliver_all();
    settle_all();
    want(b, c);
    assert_int_equal(deliver_as(first_letter(), spoil_signature, NULL, &why), NC_EACCESS);
    assert_string_equal(why, "signature");
    drop_letters();
    assert_int_equal(want(b, c), 0); /* not of that one again, for now */
    want(b, a);
    assert_int_equal(deliver_as(first_letter(), spoil_row, NULL, &why), NC_EACCESS);
    drop_letters();
    assert_int_equal(refused_of(b, NC_INTAKE_SIGNATURE), 2);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), 0);
}

static void spoil_record(struct nc_mesh_segment *s, void *arg)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->rows[i].is == NC_RECORD_HERE) {
            s->rows[i].record = *(struct nc_str *)arg;
            return;
        }
    fail();
}

static void content_that_was_not_announced_is_had_from_somebody_else(void **state)
{
    struct nc_str other = NC_STR("something else");
    const char *why = "";

    (void)state;
    begin(5);
    want(c, a);
    deliver_all();
    settle_all();
    want(b, c);
    assert_int_equal(deliver_as(first_letter(), spoil_record, &other, &why), NC_OK);
    settle_all();
    drop_letters();
    assert_int_equal(refused_of(b, NC_INTAKE_RECORD), 1);
    assert_int_equal(want(b, c), 0);
    assert_true(want(b, a) > 0);
    deliver_all();
    settle_all();
    assert_true(agree(0, 1));
}

static void a_log_that_nobody_introduced_is_not_taken(void **state)
{
    struct nc_mesh_segment *s = nc_alloc(sizeof *s);
    const char *why = "";

    (void)state;
    s->origin = nc_id_random();
    s->first = s->n = 1;
    s->rows[0].hash_only = true;
    assert_int_equal(nc_intake_segment(b->in, &a->id, s, &why), NC_ENOENT);
    assert_string_equal(why, "origin");
    free(s);
}

static void a_stranger_introduces_nothing(void **state)
{
    struct node stranger = {.i = 9, .id = nc_id_random()};
    struct nc_id log = nc_id_random();

    (void)state;
    nc_identity_make(&stranger.key);
    struct nc_origins o = introduction(&stranger, log);
    nc_intake_origins(b->in, &a->id, &o);
    assert_int_equal(refused_of(b, NC_INTAKE_NODE), 1);
    stranger.id = a->id; /* nor with somebody's name */
    o = introduction(&stranger, log);
    nc_intake_origins(b->in, &a->id, &o);
    assert_int_equal(refused_of(b, NC_INTAKE_SIGNATURE), 1);
    assert_null(nc_origins_get(nc_intake_known(b->in), &log));
}

static void one_node_does_not_fill_the_table_of_logs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct nc_origins o = introduction(a, nc_id_random());
        nc_intake_origins(b->in, &a->id, &o);
    }
    assert_int_equal(refused_of(b, NC_INTAKE_ROOM), 9);
    struct nc_origins o = introduction(c, nc_id_random());
    nc_intake_origins(b->in, &c->id, &o);
    assert_non_null(nc_origins_get(nc_intake_known(b->in), &o.at[0].origin));
    settle_all();
}

/* ---- written by hand --------------------------------------------------------------- */

/* n rows of c's log, behind those it has signed; c says nothing else in these tests. */
static struct nc_mesh_segment *draft(unsigned n)
{
    struct nc_mesh_segment *s = nc_alloc(sizeof *s);

    s->node = c->id;
    s->origin = c->log;
    s->first = c->signed_n + 1;
    s->n = n;
    s->has_prev = true;
    memcpy(s->prev, c->chain, sizeof s->prev);
    for (unsigned i = 0; i < n; i++) {
        uint64_t stamp = nc_hlc_now(&c->w->chat->clock);
        s->rows[i].ev = (struct nc_event){.origin = s->origin,
                                          .origin_seq = s->first + i,
                                          .hlc = stamp,
                                          .kind = NC_EV_MESSAGE_CREATED,
                                          .audience = NC_AUD_ROOM,
                                          .to = den->rec.id,
                                          .ref = nc_hlc_id(stamp)};
    }
    return s;
}

/* Signed, and on its way from c to b. */
static void post(struct nc_mesh_segment *s)
{
    const char *why = "";

    assert_int_equal(nc_segment_sign(s, &c->key, c->chain, &why), NC_OK);
    c->signed_n += s->n;
    (void)letter_of(2, 1, s);
    free(s);
}

static void two_pasts_of_one_log_leave_the_first(void **state)
{
    const char *why = "";
    uint8_t head[NC_SHA256];

    (void)state;
    begin(5);
    want(b, a);
    deliver_all();
    post(draft(2));
    assert_int_equal(deliver(first_letter()), NC_OK);
    settle_all();
    struct nc_mesh_segment *s = draft(2); /* as if it had said something else before */
    memset(s->prev, 7, sizeof s->prev);
    assert_int_equal(nc_segment_sign(s, &c->key, head, &why), NC_OK);
    assert_int_equal(nc_intake_segment(b->in, &c->id, s, &why), NC_EINVAL);
    assert_string_equal(why, "fork");
    s->first = 2, s->n = 3; /* and one that overlaps what is there */
    for (unsigned i = 0; i < 3; i++) {
        s->rows[i].ev = s->rows[0].ev;
        s->rows[i].ev.origin_seq = 2 + i;
    }
    assert_int_equal(nc_segment_sign(s, &c->key, head, &why), NC_OK);
    assert_int_equal(nc_intake_segment(b->in, &c->id, s, &why), NC_EINVAL);
    assert_string_equal(why, "fork");
    assert_int_equal(refused_of(b, NC_INTAKE_FORK), 2);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &c->log), 2);
    free(s);
}

static void two_pasts_that_end_at_one_event_are_seen(void **state)
{
    struct nc_heads *ends = nc_alloc(sizeof *ends);
    uint8_t before[NC_SHA256];

    (void)state;
    begin(5);
    want(b, a);
    deliver_all();
    settle_all();
    nc_intake_heads(b->in, ends);
    assert_int_equal(ends->n, 1); /* of those that have something */
    assert_int_equal(ends->at[0].n, a->signed_n);
    memcpy(before, c->chain, sizeof before);
    post(draft(2));
    assert_int_equal(deliver(first_letter()), NC_OK);
    settle_all();

    struct nc_mesh_segment *s = draft(2); /* the same numbers, told to a */
    s->first = 1;
    memcpy(s->prev, before, sizeof s->prev);
    for (unsigned i = 0; i < 2; i++) {
        s->rows[i].ev.origin_seq = 1 + i;
        s->rows[i].ev.kind = NC_EV_READ;
    }
    const char *why = "";
    uint8_t head[NC_SHA256];
    assert_int_equal(nc_segment_sign(s, &c->key, head, &why), NC_OK);
    assert_int_equal(nc_intake_segment(a->in, &c->id, s, &why), NC_OK);
    settle_all();
    assert_int_equal(nc_vector_get(nc_intake_vector(a->in), &c->log), 2);
    assert_int_equal(want(b, a), 0); /* nobody lacks anything */

    nc_intake_heads(b->in, ends);
    nc_intake_compare(b->in, &a->id, ends); /* of one who has the same */
    assert_int_equal(nc_intake_stats(b->in).forked, 0);
    nc_intake_heads(a->in, ends);
    ends->at[0].n++; /* of one who is further */
    nc_intake_compare(b->in, &a->id, ends);
    assert_int_equal(nc_intake_stats(b->in).forked, 0);
    ends->at[0].n--;
    for (unsigned i = 0; i < 2; i++) { /* it is said once */
        nc_intake_compare(b->in, &a->id, ends);
        assert_int_equal(nc_intake_stats(b->in).forked, 1);
        assert_int_equal(refused_of(b, NC_INTAKE_FORK), 1);
    }
    free(s);
    free(ends);
}

static void what_a_later_version_says_is_passed_over(void **state)
{
    static const char text[] = "of a later version";
    struct nc_str record = {text, sizeof text - 1};

    (void)state;
    begin(5);
    want(b, a);
    deliver_all();
    struct nc_mesh_segment *s = draft(3);
    s->rows[1].ev.kind = (enum nc_event_kind)4711;
    s->rows[1].is = NC_RECORD_HERE;
    s->rows[1].record = record;
    nc_sha256(text, record.n, s->rows[1].ev.body_hash);
    s->rows[2].is = NC_RECORD_HERE; /* a message, in a form that isn't known */
    s->rows[2].record = record;
    nc_sha256(text, record.n, s->rows[2].ev.body_hash);
    post(s);
    assert_int_equal(deliver(first_letter()), NC_OK);
    settle_all();
    assert_int_equal(refused_of(b, NC_INTAKE_UNREADABLE), 2);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &c->log), 3);
}

/* A message that no client may be told, announced as versions before the mesh did, which
 * leaves open who made it so. */
static struct nc_mesh_segment *draft_in_the_old_form(struct nc_buf *bytes)
{
    struct nc_mesh_segment *s = draft(1);
    struct nc_mesh_row *row = &s->rows[0];
    struct nc_record r = {.kind = NC_STATE_MESSAGE,
                          .message = {.id = row->ev.ref,
                                      .room = den->rec.id,
                                      .sender = ada->a.id,
                                      .body = NC_STR("hello"),
                                      .ai = NC_STR("no object")}};
    const struct nc_message *m = &r.message;
    struct nc_buf old = {0};

    nc_buf_add(&old, &m->id, sizeof m->id);
    nc_buf_add(&old, &m->room, sizeof m->room);
    nc_buf_add(&old, &m->sender, sizeof m->sender);
    nc_buf_addc(&old, (char)m->kind);
    nc_buf_adds(&old, m->content_type);
    nc_buf_addc(&old, 0);
    nc_buf_adds(&old, m->body);
    nc_sha256(old.p, old.n, row->ev.body_hash);
    nc_buf_fini(&old);
    nc_record_bytes(&r, bytes);
    row->is = NC_RECORD_HERE;
    row->record = nc_buf_str(bytes);
    return s;
}

static void what_is_bad_in_the_old_form_is_its_authors_if_he_says_so_himself(void **state)
{
    struct nc_buf bytes = {0};
    const char *why = "";

    (void)state;
    begin(5);
    want(b, a);
    deliver_all();
    settle_all();
    struct nc_mesh_segment *s = draft_in_the_old_form(&bytes);
    assert_int_equal(nc_segment_sign(s, &c->key, c->chain, &why), NC_OK);
    assert_int_equal(deliver(letter_of(0, 1, s)), NC_OK);
    settle_all();
    assert_int_equal(refused_of(b, NC_INTAKE_RECORD), 1);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &c->log), 0);
    assert_int_equal(deliver(letter_of(2, 1, s)), NC_OK);
    settle_all();
    assert_int_equal(refused_of(b, NC_INTAKE_RECORD), 1);
    assert_int_equal(refused_of(b, NC_INTAKE_UNREADABLE), 1);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &c->log), 1);
    nc_buf_fini(&bytes);
    free(s);
}

static void what_was_trimmed_is_passed_over(void **state)
{
    (void)state;
    begin(5);
    want(b, a);
    deliver_all();
    struct nc_mesh_segment *s = draft(4);
    for (unsigned i = 1; i < 3; i++) {
        nc_row_hash(&s->rows[i].ev, s->rows[i].hash);
        s->rows[i].hash_only = true;
    }
    post(s);
    assert_int_equal(deliver(first_letter()), NC_OK);
    settle_all();
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &c->log), 4);
    assert_int_equal(nc_intake_stats(b->in).passed, 2);
}

/* ---- clocks ----------------------------------------------------------------------- */

static void a_time_that_cannot_be_stands_still_until_the_owner_says_so(void **state)
{
    (void)state;
    begin(5);
    want(b, a);
    deliver_all();
    struct nc_mesh_segment *s = draft(3);
    s->rows[1].ev.hlc = 1000ull << 12; /* 1970 */
    post(s);
    struct letter *l = first_letter();
    struct nc_buf again = {0};
    nc_buf_adds(&again, nc_buf_str(&l->frame));
    assert_int_equal(deliver(l), NC_OK);
    settle_all();
    assert_int_equal(refused_of(b, NC_INTAKE_CLOCK), 1);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &c->log), 1);
    assert_int_equal(nc_intake_accept(b->in, &c->id), 0);
    struct nc_frame *f = nc_alloc(sizeof *f);
    const char *why = "";
    assert_int_equal(nc_frame_parse(nc_buf_str(&again), NULL, f, &why), NC_OK);
    assert_int_equal(nc_intake_segment(b->in, &c->id, &f->segment, &why), NC_OK);
    settle_all();
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &c->log), 3);
    nc_frame_fini(f);
    free(f);
    nc_buf_fini(&again);
}

/* `a` whose clock is a day ahead says two more things. */
static void ahead(void)
{
    begin(5);
    heal();
    nc_wall_bend(DAY_MS);
    hello(a, ada, den, 2);
    sign_log(a, 1);
    nc_wall_bend(0);
}

static void turns(struct node *n, uint64_t ms)
{
    for (uint64_t until = nc_mono_ms() + ms; nc_mono_ms() < until;) {
        settle(n->w);
        usleep(10000);
    }
}

static void the_future_waits_for_its_time(void **state)
{
    (void)state;
    ahead();
    uint64_t n = a->signed_n - 2;
    assert_int_equal(want(b, a), 2);
    deliver_all();
    settle_all();
    assert_int_equal(nc_intake_stats(b->in).ahead, 2);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), n);
    assert_int_equal(want(b, a), 0); /* it is here */
    assert_true(nc_intake_stats(b->in).ahead_bytes > 0);
    nc_wall_bend(DAY_MS);
    for (unsigned i = 0; nc_intake_stats(b->in).ahead && i < 100; i++)
        turns(b, 100);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), n + 2);
    assert_true(agree(0, 1));
    for (unsigned i = 0; nc_intake_stats(b->in).ahead_bytes && i < 100; i++)
        turns(b, 100);
    assert_int_equal(nc_intake_stats(b->in).ahead_bytes, 0);
}

static void the_future_is_held_over_a_restart_and_taken_by_the_owners_word(void **state)
{
    (void)state;
    ahead();
    want(b, a);
    deliver_all();
    settle_all();
    node_down(b);
    assert_int_equal(access(b->ahead, F_OK), 0);
    node_down(a); /* who said it is gone for ever */
    node_up(b);
    settle_all();
    assert_int_equal(nc_intake_stats(b->in).ahead, 2);
    assert_int_equal(nc_intake_accept(b->in, &a->id), 2);
    settle_all();
    assert_int_equal(nc_intake_stats(b->in).ahead, 0);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), a->signed_n);
}

static void a_file_of_the_future_that_is_damaged_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    ahead();
    want(b, a);
    deliver_all();
    settle_all();
    node_down(b);
    FILE *f = fopen(b->ahead, "r+");
    assert_non_null(f);
    fseek(f, 40, SEEK_SET);
    fputc('x', f); /* in the first; its signature doesn't fit any more */
    fseek(f, -3, SEEK_END);
    assert_int_equal(ftruncate(fileno(f), ftell(f)), 0);
    fclose(f);
    node_up(b);
    settle_all();
    assert_int_equal(nc_intake_stats(b->in).ahead, 0);
    heal();
    assert_int_equal(nc_intake_stats(b->in).ahead, 2);
}

/* ---- large records ------------------------------------------------------------------ */

static struct nc_buf large; /* what is announced */

static void make_large(struct nc_mesh_segment *s, void *arg)
{
    for (unsigned i = 0; i < s->n; i++) {
        struct nc_mesh_row *row = &s->rows[i];
        if (row->is != NC_RECORD_HERE || row->ev.kind != NC_EV_MESSAGE_CREATED)
            continue;
        nc_buf_clear(&large);
        nc_buf_adds(&large, row->record);
        row->is = NC_RECORD_LARGE;
        row->size = row->record.n;
        *(uint64_t *)arg = row->ev.origin_seq;
        return;
    }
    fail();
}

static uint64_t begin_large(void)
{
    uint64_t at = 0;

    begin(256);
    want(b, a);
    assert_int_equal(deliver_as(first_letter(), make_large, &at, NULL), NC_OK);
    drop_letters();
    settle_all();
    assert_int_equal(b->asked.times, 1);
    assert_int_equal(b->asked.n, at);
    assert_int_equal(b->asked.at, 0);
    assert_true(nc_id_eq(&b->asked.peer, &a->id));
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), at - 1);
    return at;
}

static void a_large_record_comes_bit_by_bit(void **state)
{
    uint64_t at;

    (void)state;
    at = begin_large();
    nc_intake_piece(b->in, &c->id, &a->log, at, 0, large.n, nc_buf_str(&large));
    assert_int_equal(refused_of(b, NC_INTAKE_PIECE), 1); /* nobody asked that one */
    nc_intake_piece(b->in, &a->id, &a->log, at, 0, large.n, (struct nc_str){large.p, 10});
    assert_int_equal(b->asked.at, 10);
    nc_intake_piece(b->in, &a->id, &a->log, at, 10, large.n,
                    (struct nc_str){large.p + 10, large.n - 10});
    settle_all();
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), a->signed_n);
    assert_true(agree(0, 1));
    nc_buf_fini(&large);
}

struct larges {
    struct nc_buf of[2];
    uint64_t at[2];
    unsigned n;
};

static void make_two_large(struct nc_mesh_segment *s, void *arg)
{
    struct larges *x = arg;

    for (unsigned i = 0; i < s->n && x->n < 2; i++) {
        struct nc_mesh_row *row = &s->rows[i];
        if (row->is != NC_RECORD_HERE || row->ev.kind != NC_EV_MESSAGE_CREATED)
            continue;
        nc_buf_adds(&x->of[x->n], row->record);
        row->is = NC_RECORD_LARGE;
        row->size = row->record.n;
        x->at[x->n++] = row->ev.origin_seq;
    }
}

static void a_large_record_is_let_go_when_it_is_taken(void **state)
{
    struct larges x = {.n = 0};
    uint64_t before;

    (void)state;
    begin(256);
    want(b, a);
    assert_int_equal(deliver_as(first_letter(), make_two_large, &x, NULL), NC_OK);
    drop_letters();
    settle_all();
    assert_int_equal(x.n, 2);
    before = nc_intake_stats(b->in).bytes;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(b->asked.n, x.at[i]);
        nc_intake_piece(b->in, &a->id, &a->log, x.at[i], 0, x.of[i].n,
                        nc_buf_str(&x.of[i]));
        settle_all();
        assert_int_equal(nc_intake_stats(b->in).bytes, i ? 0 : before);
        nc_buf_fini(&x.of[i]);
    }
    assert_true(agree(0, 1));
}

static void a_large_record_that_is_another_is_had_from_somebody_else(void **state)
{
    uint64_t at;

    (void)state;
    at = begin_large();
    want(c, a);
    deliver_all();
    settle_all();
    memset(large.p, 'x', large.n);
    nc_intake_piece(b->in, &a->id, &a->log, at, 0, large.n, nc_buf_str(&large));
    settle_all();
    assert_int_equal(refused_of(b, NC_INTAKE_RECORD), 1);
    assert_int_equal(want(b, a), 0);
    assert_true(want(b, c) > 0);
    deliver_all();
    settle_all();
    assert_true(agree(0, 1));
    nc_buf_fini(&large);
}

static void a_large_record_that_is_gone_meanwhile_is_not_waited_for(void **state)
{
    uint64_t at;

    (void)state;
    at = begin_large();
    nc_intake_piece(b->in, &a->id, &a->log, at, 0, 0, (struct nc_str){NULL, 0});
    assert_int_equal(want(b, a), 0);
    want(c, a);
    deliver_all();
    settle_all();
    assert_true(want(b, c) > 0);
    deliver_all();
    settle_all();
    assert_true(agree(0, 1));
    nc_buf_fini(&large);
}

static void a_large_record_that_comes_with_its_segment_after_all_is_taken(void **state)
{
    struct nc_vector_range all;

    (void)state;
    begin_large();
    all = (struct nc_vector_range){a->log, 1, a->signed_n};
    serve(a, b, &all);
    assert_int_equal(deliver(first_letter()), NC_OK);
    settle_all();
    assert_true(agree(0, 1));
    nc_buf_fini(&large);
}

/* ---- a database that was set back ---------------------------------------------------- */

static const char *db_of(const struct node *n) { return strchr(n->url, ':') + 1; }

static void copy_db(const struct node *n, const char *from, const char *to)
{
    char cmd[300];

    snprintf(cmd, sizeof cmd, "cp %s%s %s%s", db_of(n), from, db_of(n), to);
    assert_int_equal(system(cmd), 0);
}

/* a's database is as it was; since, it has said three things that the others have. */
static void set_back(struct nc_id *person, struct nc_id *room)
{
    begin(5);
    *person = ada->a.id;
    *room = den->rec.id;
    heal();
    node_down(a);
    copy_db(a, "", ".then");
    node_up(a);
    hello(a, user_at(a, *person), room_at(a, *room), 3);
    sign_log(a, 2);
    heal();
    node_down(a);
    copy_db(a, ".then", "");
    node_up(a);
}

static void they_agree_with_all_of_it(struct nc_id old, uint64_t n)
{
    heal();
    assert_int_equal(a->set_back, 1);
    assert_int_equal(nc_intake_stats(a->in).set_back, 1);
    sign_log(a, 3);
    heal();
    assert_false(nc_id_eq(&a->log, &old));
    assert_true(agree(0, 1) && agree(0, 2));
    assert_int_equal(nc_vector_get(nc_intake_vector(a->in), &old), n);
    node_down(a); /* and as it is on the disk */
    node_up(a);
    assert_int_equal(nc_vector_get(nc_intake_vector(a->in), &old), n);
    assert_true(agree(0, 1));
    assert_int_equal(want(a, b) + want(a, c) + want(b, a), 0);
}

static void a_database_that_was_set_back_gets_its_past_from_others(void **state)
{
    struct nc_id person, room, old;

    (void)state;
    set_back(&person, &room);
    old = a->log;
    they_agree_with_all_of_it(old, nc_vector_get(nc_intake_vector(b->in), &old));
}

static void what_it_said_since_it_was_set_back_is_said_by_another_name(void **state)
{
    struct nc_id person, room, old;
    uint64_t n;

    (void)state;
    set_back(&person, &room);
    old = a->log;
    n = nc_vector_get(nc_intake_vector(b->in), &old);
    hello(a, user_at(a, person), room_at(a, room), 2);
    sign_log(a, 1);
    they_agree_with_all_of_it(old, n);
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), 2);
}

static void on_backed_up(struct nc_backup *backup, enum nc_err e)
{
    assert_int_equal(e, NC_OK);
    backup->path = NULL;
}

static void what_a_restored_node_had_said_comes_back_to_it(void **state)
{
    char file[160];
    struct nc_backup backup = {.path = file, .done = on_backed_up};
    struct nc_id old, person, room;

    (void)state;
    begin(5);
    heal();
    old = a->log;
    person = ada->a.id;
    room = den->rec.id;
    hello(a, ada, den, 2); /* in the backup, but nobody has heard of it, nor is it signed */
    snprintf(file, sizeof file, "%s.backup", db_of(a));
    a->w->real->backup(a->w->store, &backup);
    for (unsigned i = 0; backup.path && i < 1000; i++)
        turns(a, 10);
    assert_null(backup.path);
    hello(a, ada, den, 3);
    sign_log(a, 4);
    heal();
    node_down(a);
    assert_int_equal(unlink(db_of(a)), 0);
    assert_int_equal(nc_store_backend(a->url)->restore(db_of(a), file, NULL, NULL), NC_OK);
    node_up(a);
    assert_false(nc_id_eq(&a->log, &old));
    hello(a, user_at(a, person), room_at(a, room), 1);
    sign_log(a, 1);
    heal();
    assert_true(agree(0, 1) && agree(0, 2));
    assert_int_equal(events_of(a), 3);
    assert_int_equal(a->set_back, 0);
}

static void more_than_others_know_it_may_have_said_since(void **state)
{
    struct nc_id person, room, old;
    uint64_t n;

    (void)state;
    set_back(&person, &room);
    old = a->log;
    n = nc_vector_get(nc_intake_vector(b->in), &old);
    hello(a, user_at(a, person), room_at(a, room), 2);
    sign_log(a, 256);
    hello(b, user_at(b, person), room_at(b, room), 1);
    sign_log(b, 1);
    they_agree_with_all_of_it(old, n);
}

static void a_vector_that_lies_renames_nobody(void **state)
{
    struct nc_vector lie = {.n = 0};
    struct nc_vector_range out[4];

    (void)state;
    begin(5);
    heal();
    assert_int_equal(nc_vector_set(&lie, &a->log, INT64_MAX), NC_OK);
    assert_int_equal(nc_intake_lacks(a->in, &b->id, &lie, out, 4), 1);
    serve(b, a, &out[0]);
    deliver_all();
    settle_all();
    assert_int_equal(a->set_back, 0);
    assert_true(nc_id_eq(&a->log, &a->w->store->info.incarnation));
}

/* ---- bounds -------------------------------------------------------------------------- */

/* Messages in a room that never comes. */
static void fill_waiting(struct nc_buf *records, unsigned size)
{
    struct nc_mesh_segment *s = draft(NC_SEGMENT_MAX);
    struct nc_buf text = {0};
    size_t at[NC_SEGMENT_MAX];

    memset(nc_buf_reserve(&text, size), 'x', size);
    nc_buf_grew(&text, size);
    nc_buf_clear(records);
    for (unsigned i = 0; i < s->n; i++) {
        struct nc_record r = {.kind = NC_STATE_MESSAGE,
                              .message = {.id = s->rows[i].ev.ref,
                                          .room = c->id,
                                          .sender = c->id,
                                          .body = nc_buf_str(&text)}};
        s->rows[i].ev.to = c->id;
        nc_record_hash(&r, s->rows[i].ev.body_hash);
        at[i] = records->n;
        nc_record_bytes(&r, records);
        s->rows[i].record.n = records->n - at[i];
        s->rows[i].is = NC_RECORD_HERE;
    }
    for (unsigned i = 0; i < s->n; i++)
        s->rows[i].record.p = records->p + at[i];
    const char *why = "";
    uint8_t head[NC_SHA256];
    assert_int_equal(nc_segment_sign(s, &c->key, head, &why), NC_OK);
    if (nc_intake_segment(b->in, &c->id, s, &why) == NC_OK) {
        memcpy(c->chain, head, sizeof head);
        c->signed_n += s->n;
    } else {
        assert_string_equal(why, "room");
    }
    free(s);
    nc_buf_fini(&text);
}

static void what_waits_is_bounded_and_in_nobodys_way(void **state)
{
    struct nc_buf records = {0};

    (void)state;
    begin(5);
    for (unsigned i = 0; i < 30; i++) {
        fill_waiting(&records, 3000);
        settle(b->w);
    }
    struct nc_intake_stats st = nc_intake_stats(b->in);
    assert_true(st.refused[NC_INTAKE_ROOM] > 0);
    assert_true(st.waiting >= NC_SEGMENT_MAX);
    assert_true(st.bytes <= 17 << 20);
    assert_true(nc_intake_room(b->in) > 0);
    want(b, a);
    deliver_all();
    settle_all();
    assert_int_equal(nc_vector_get(nc_intake_vector(b->in), &a->log), a->signed_n);
    nc_buf_fini(&records);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, mesh_down)
#define D(f) cmocka_unit_test_setup_teardown(f, up_on_disk, mesh_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_one_says_all_have),
        T(a_third_node_brings_it_too),
        T(nothing_is_taken_twice),
        D(a_restart_goes_on_where_it_was),
        T(a_gap_is_not_taken_but_asked_for),
        T(what_refers_to_another_log_waits_for_it),
        T(what_its_author_did_not_sign_is_refused),
        T(content_that_was_not_announced_is_had_from_somebody_else),
        T(a_log_that_nobody_introduced_is_not_taken),
        T(a_stranger_introduces_nothing),
        T(one_node_does_not_fill_the_table_of_logs),
        T(two_pasts_of_one_log_leave_the_first),
        T(two_pasts_that_end_at_one_event_are_seen),
        T(what_a_later_version_says_is_passed_over),
        T(what_is_bad_in_the_old_form_is_its_authors_if_he_says_so_himself),
        T(what_was_trimmed_is_passed_over),
        T(a_time_that_cannot_be_stands_still_until_the_owner_says_so),
        T(the_future_waits_for_its_time),
        D(the_future_is_held_over_a_restart_and_taken_by_the_owners_word),
        D(a_file_of_the_future_that_is_damaged_is_read_as_far_as_it_goes),
        T(a_large_record_comes_bit_by_bit),
        T(a_large_record_is_let_go_when_it_is_taken),
        T(a_large_record_that_is_another_is_had_from_somebody_else),
        T(a_large_record_that_is_gone_meanwhile_is_not_waited_for),
        T(a_large_record_that_comes_with_its_segment_after_all_is_taken),
        D(a_database_that_was_set_back_gets_its_past_from_others),
        D(what_it_said_since_it_was_set_back_is_said_by_another_name),
        D(what_a_restored_node_had_said_comes_back_to_it),
        D(more_than_others_know_it_may_have_said_since),
        T(a_vector_that_lies_renames_nobody),
        T(what_waits_is_bounded_and_in_nobodys_way),
    };
    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
