/* What every store promises: people, rooms, and commits as such. */
#include "store_words.h"

/* ---- accounts, sessions, keys, invites, meta ----------------------------- */

static void usernames_are_taken_once_and_for_ever(void **state)
{
    (void)state;
    OK(account(ADA, "ada"));
    assert_true(last.changes[0].event.seq == 1);
    REFUSED(account(BOB, "ada"), NC_EEXIST);
    assert_int_equal(last.c.failed, 0);
    REFUSED(account(ADA, "bob"), NC_EEXIST); /* the id is */
    OK(account(BOB, "bob"));
    assert_true(last.changes[0].event.seq == 2); /* nothing was skipped */
    ASK("ada bob", .kind = NC_Q_ACCOUNTS);
    ASK("ada+pw", .kind = NC_Q_PASSWORD, .id = ADA);
    ASK("", .kind = NC_Q_PASSWORD, .id = EVE);

    struct nc_change update = {.kind = NC_ACCOUNT_UPDATE,
                               .account = {.id = ADA,
                                           .role = NC_ROLE_ADMIN,
                                           .display_name = nc_str("Ada L."),
                                           .disabled = true}};
    OK(update);
    ask((struct nc_query){.kind = NC_Q_PASSWORD, .id = ADA});
    assert_int_equal(answer.row.account.role, NC_ROLE_ADMIN);
    assert_true(answer.row.account.disabled);
    assert_int_equal(answer.row.account.password.n, 11); /* kept */
    assert_int_equal(answer.row.account.display_name.n, 6);
    assert_int_equal(answer.row.account.created_ms, 5);

    struct nc_change gone = {.kind = NC_ACCOUNT_DELETE, .account = {.id = ADA}};
    OK(gone);
    REFUSED(gone, NC_ENOENT);
    REFUSED(update, NC_ENOENT);
    ASK("(gone) bob", .kind = NC_Q_ACCOUNTS);
    ASK("(gone)", .kind = NC_Q_PASSWORD, .id = ADA);
    REFUSED(account(EVE, "ada"), NC_EEXIST);
}

/* The token of generation `spent` is shown at `now`; what was spent since `from` may come
 * again. */
static struct nc_change rotate(struct nc_id s, uint64_t spent, uint64_t from, uint64_t now)
{
    return (struct nc_change){.kind = NC_SESSION_ROTATE,
                              .session = {.id = s,
                                          .spent = spent,
                                          .spent_ms = from,
                                          .used_ms = now,
                                          .address = nc_str("10.0.0.1"),
                                          .expires_ms = 2000}};
}

static void sessions_rotate_by_one_generation(void **state)
{
    struct nc_change next = rotate(id(50), 1, 25, 30);
    struct nc_change end = {.kind = NC_SESSION_END,
                            .session = {.id = id(50), .ended_ms = 77}};

    (void)state;
    OK(session(id(50), ADA, "phone", 10));
    REFUSED(session(id(50), ADA, "phone", 10), NC_EEXIST);
    OK(session(id(51), ADA, "desk", 20));
    OK(session(id(52), BOB, "bobs", 20));
    ASK("desk/1 phone/1", .kind = NC_Q_SESSIONS, .id = ADA);
    OK(next);
    ASK("phone/2 desk/1", .kind = NC_Q_SESSIONS, .id = ADA);
    ASK("phone/2", .kind = NC_Q_SESSION, .id = id(50));
    assert_int_equal(answer.row.session.expires_ms, 2000);
    REFUSED(rotate(id(50), 1, 31, 40), NC_EEXIST); /* spent: the family's owner decides */
    REFUSED(rotate(id(50), 3, 0, 40), NC_EEXIST);  /* not there yet */
    REFUSED(rotate(id(50), 0, 0, 40), NC_EEXIST);
    OK(end);
    REFUSED(end, NC_ENOENT);
    REFUSED(rotate(id(50), 2, 0, 80), NC_ENOENT);
    ASK("desk/1", .kind = NC_Q_SESSIONS, .id = ADA);
    ASK("phone/2", .kind = NC_Q_SESSION, .id = id(50));
    assert_int_equal(answer.row.session.ended_ms, 77);
    ASK("phone/2", .kind = NC_Q_ENDED, .after_ms = 77);
    ASK("", .kind = NC_Q_ENDED, .after_ms = 78);
}

static void a_spent_generation_comes_again_while_its_successor_waits(void **state)
{
    (void)state;
    OK(session(id(50), ADA, "phone", 10));
    REFUSED(rotate(id(50), 0, 0, 20), NC_EEXIST); /* a new one was given for nothing */
    OK(rotate(id(50), 1, 0, 100));
    OK(rotate(id(50), 1, 90, 110));
    ASK("phone/3", .kind = NC_Q_SESSION, .id = id(50));
    REFUSED(rotate(id(50), 2, 0, 110), NC_EEXIST); /* its place is taken */
    OK(rotate(id(50), 1, 100, 130));               /* counted from its first use */
    REFUSED(rotate(id(50), 1, 101, 131), NC_EEXIST);
    REFUSED(rotate(id(50), 1, 0, 99), NC_EEXIST); /* the clock was set back */
    OK(rotate(id(50), 4, 130, 140));
    REFUSED(rotate(id(50), 1, 0, 140), NC_EEXIST); /* its successor was used */
    ASK("phone/5", .kind = NC_Q_SESSION, .id = id(50));
}

static void ending_all_sessions_may_spare_one(void **state)
{
    (void)state;
    OK(session(id(50), ADA, "a", 1));
    OK(session(id(51), ADA, "b", 2));
    OK(session(id(52), ADA, "c", 3));
    OK(session(id(53), BOB, "d", 4));
    OK(((struct nc_change){.kind = NC_SESSIONS_END,
                           .session = {.user = ADA, .id = id(51), .ended_ms = 9}}));
    assert_int_equal(last.changes[0].touched, 2);
    ASK("b/1", .kind = NC_Q_SESSIONS, .id = ADA);
    ASK("d/1", .kind = NC_Q_SESSIONS, .id = BOB);
    OK(((struct nc_change){.kind = NC_SESSIONS_END,
                           .session = {.user = ADA, .ended_ms = 10}}));
    assert_int_equal(last.changes[0].touched, 1);
    ASK("", .kind = NC_Q_SESSIONS, .id = ADA);
    ASK("a/1 b/1 c/1", .kind = NC_Q_ENDED, .after_ms = 1);
}

static void deleting_an_account_erases_its_sessions_and_keys(void **state)
{
    struct nc_change key = {
        .kind = NC_KEY_INSERT,
        .key = {.id = id(60), .user = ADA, .hash = {1}, .name = nc_str("k")}};

    (void)state;
    OK(account(ADA, "ada"));
    OK(session(id(50), ADA, "a", 1));
    OK(key);
    OK(((struct nc_change){.kind = NC_ACCOUNT_DELETE, .account = {.id = ADA}}));
    ASK("", .kind = NC_Q_SESSION, .id = id(50));
    ASK("", .kind = NC_Q_KEYS, .id = ADA);
}

static void keys_are_found_by_hash(void **state)
{
    struct nc_change key = {.kind = NC_KEY_INSERT,
                            .key = {.id = id(60),
                                    .user = ADA,
                                    .hash = {7, 8, 9},
                                    .name = nc_str("bot"),
                                    .scopes = nc_str("chat ai"),
                                    .created_ms = 3}};
    struct nc_change touch = {.kind = NC_KEY_TOUCH, .key = {.id = id(60), .used_ms = 99}};
    struct nc_change gone = {.kind = NC_KEY_DELETE, .key = {.id = id(60), .user = BOB}};

    (void)state;
    OK(key);
    REFUSED(key, NC_EEXIST);
    key.key.id = id(61);
    REFUSED(key, NC_EEXIST); /* the same hash */
    ASK("bot/chat ai", .kind = NC_Q_KEY, .hash = {7, 8, 9});
    ASK("", .kind = NC_Q_KEY, .hash = {7, 8});
    OK(touch);
    assert_int_equal(last.changes[0].touched, 1);
    ASK("bot/chat ai", .kind = NC_Q_KEYS, .id = ADA);
    assert_int_equal(answer.row.key.used_ms, 99);
    REFUSED(gone, NC_ENOENT); /* not his */
    gone.key.user = ADA;
    OK(gone);
    touch.key.used_ms = 100;
    OK(touch);
    assert_int_equal(last.changes[0].touched, 0);
    ASK("", .kind = NC_Q_KEYS, .id = ADA);
}

static void invites_are_used_up(void **state)
{
    struct nc_change make = {.kind = NC_INVITE_INSERT,
                             .invite = {.id = id(70),
                                        .by = ADA,
                                        .hash = {5},
                                        .code = nc_str("c0de"),
                                        .uses_left = 2,
                                        .expires_ms = 100}};
    struct nc_change use = {.kind = NC_INVITE_USE,
                            .invite = {.hash = {5}, .created_ms = 99}};

    (void)state;
    OK(make);
    REFUSED(make, NC_EEXIST);
    make.invite.id = id(71);
    make.invite.hash[0] = 6;
    make.invite.by = BOB;
    make.invite.expires_ms = 0;
    OK(make);
    ASK("c0de/2", .kind = NC_Q_INVITE, .hash = {5});
    OK(use);
    use.invite.created_ms = 100;
    REFUSED(use, NC_ENOENT); /* expired */
    use.invite.created_ms = 50;
    OK(use);
    REFUSED(use, NC_ENOENT); /* used up */
    use.invite.hash[0] = 9;
    REFUSED(use, NC_ENOENT);
    use.invite.hash[0] = 6;
    use.invite.created_ms = 1ull << 50;
    OK(use); /* never expires */
    ASK("c0de/0 c0de/1", .kind = NC_Q_INVITES);
    ASK("c0de/1", .kind = NC_Q_INVITES, .id = BOB);
    OK(((struct nc_change){.kind = NC_INVITE_DELETE, .invite = {.id = id(70)}}));
    REFUSED(((struct nc_change){.kind = NC_INVITE_DELETE, .invite = {.id = id(70)}}),
            NC_ENOENT);
    ASK("c0de/1", .kind = NC_Q_INVITES);
}

static void meta_keeps_the_newest_value(void **state)
{
    struct nc_change set = {.kind = NC_META_SET,
                            .meta = {.key = nc_str("k"), .value = nc_str("one")}};

    (void)state;
    ASK("", .kind = NC_Q_META, .key = nc_str("k"));
    assert_int_equal(answer.rows, 0);
    OK(set);
    set.meta.value = NC_STR("t\0wo");
    OK(set);
    ask((struct nc_query){.kind = NC_Q_META, .key = nc_str("k")});
    assert_int_equal(answer.rows, 1);
    assert_int_equal(answer.row.meta.n, 4);
    ASK("", .kind = NC_Q_META, .key = nc_str("K"));
    assert_true(w.store->info.head == 0); /* not logged */
}

/* ---- rooms, members, bans ------------------------------------------------ */

static void rooms_are_changed_hidden_and_erased(void **state)
{
    struct nc_change update = {.kind = NC_ROOM_UPDATE,
                               .room = {.id = DEN,
                                        .name = nc_str("lair"),
                                        .topic = nc_str(""),
                                        .visibility = NC_PRIVATE,
                                        .retention_days = 30,
                                        .settings = nc_str("{\"a\":1}")}};
    struct nc_change hide = {.kind = NC_ROOM_DELETE, .room = {.id = DEN, .deleted_ms = 9}};
    struct nc_change erase = {.kind = NC_ROOM_ERASE, .room = {.id = DEN}, .limit = 2};

    (void)state;
    people_and_rooms();
    REFUSED(room(DEN, "again"), NC_EEXIST);
    OK(update);
    ask((struct nc_query){.kind = NC_Q_ROOMS});
    assert_string_equal(answer.text, "lair hall");
    update.room.id = id(99);
    REFUSED(update, NC_ENOENT);
    OK(((struct nc_change){.kind = NC_BAN_SET, .ban = {.room = DEN, .user = EVE}}));
    for (unsigned i = 0; i < 3; i++) {
        struct nc_change m = say(DEN, ADA, 100 + i, "x");
        m.message.client_id = id(200 + i);
        OK(m);
    }
    OK(hide);
    REFUSED(hide, NC_ENOENT);
    update.room.id = DEN;
    REFUSED(update, NC_ENOENT);
    ASK("lair(hidden) hall", .kind = NC_Q_ROOMS);
    OK(erase);
    assert_int_equal(last.changes[0].touched, 2);
    ASK("x", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    ASK("", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(200));
    ASK("x", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(202));
    OK(erase);
    assert_int_equal(last.changes[0].touched, 1);
    ASK("hall", .kind = NC_Q_ROOMS);
    ASK("12:1/0", .kind = NC_Q_MEMBERS);
    ASK("", .kind = NC_Q_BANS);
    OK(erase);
    assert_int_equal(last.changes[0].touched, 0);
}

static void every_field_of_a_room_comes_back(void **state)
{
    struct nc_change c = room(DEN, "den");

    (void)state;
    c.room.kind = NC_DIALOG;
    c.room.retention_days = 7;
    c.room.settings = nc_str("{}");
    c.room.encryption = nc_str("mls");
    c.room.home = BOB;
    c.room.epoch = 1ull << 40;
    OK(c);
    ask((struct nc_query){.kind = NC_Q_ROOMS});
    struct nc_room_rec *r = &answer.row.room;
    assert_memory_equal(&r->id, &c.room.id, 16);
    assert_memory_equal(&r->created_by, &c.room.created_by, 16);
    assert_memory_equal(&r->home, &c.room.home, 16);
    assert_int_equal(r->kind, NC_DIALOG);
    assert_int_equal(r->visibility, NC_PUBLIC);
    assert_true(r->created_ms == 6 && r->deleted_ms == 0 && r->epoch == 1ull << 40);
    assert_int_equal(r->retention_days, 7);
    assert_true(r->settings.n == 2 && r->encryption.n == 3 && r->topic.n == 5);
}

static void members_come_go_and_change_roles(void **state)
{
    struct nc_change promote = join(DEN, BOB);

    (void)state;
    people_and_rooms();
    uint64_t before = w.store->info.head;
    ASK("11:1/0 11:2/0 12:1/0", .kind = NC_Q_MEMBERS);
    promote.member.role = NC_MODERATOR;
    promote.member.read_id = mid(999);
    promote.event.kind = NC_EV_MEMBER_UPDATED;
    OK(promote);
    assert_true(last.changes[0].member.joined_seq < before); /* told, and kept */
    ASK("11:1/0 11:2/1 12:1/0", .kind = NC_Q_MEMBERS);
    struct nc_member_rec bob = member(DEN, BOB);
    assert_true(nc_id_zero(&bob.read_id));
    OK(leave(DEN, BOB));
    REFUSED(leave(DEN, BOB), NC_ENOENT);
    REFUSED(leave(id(99), BOB), NC_ENOENT);
    OK(join(DEN, BOB));
    assert_true(last.changes[0].member.joined_seq == last.changes[0].event.seq);
    assert_true(last.changes[0].member.read_seq == last.changes[0].event.seq);
}

static void bans_are_set_changed_and_lifted(void **state)
{
    struct nc_change ban = {.kind = NC_BAN_SET,
                            .ban = {.room = DEN, .user = EVE, .by = ADA, .created_ms = 4}};
    struct nc_change lift = {.kind = NC_BAN_DELETE, .ban = {.room = DEN, .user = EVE}};

    (void)state;
    OK(ban);
    ban.ban.until_ms = 50;
    OK(ban);
    ASK("11:3/50", .kind = NC_Q_BANS);
    assert_memory_equal(&answer.row.ban.by, &ban.ban.by, 16);
    OK(lift);
    REFUSED(lift, NC_ENOENT);
    ASK("", .kind = NC_Q_BANS);
}

/* ---- commits as such ----------------------------------------------------- */

static void a_commit_happens_whole_or_not_at_all(void **state)
{
    (void)state;
    OK(account(ADA, "ada"));
    OK(room(DEN, "den"));
    uint64_t head = w.store->info.head;
    assert_int_equal(put2(say(DEN, ADA, 101, "x"), leave(DEN, BOB)), NC_ENOENT);
    assert_int_equal(last.c.failed, 1);
    ASK("", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    assert_true(w.store->info.head == head && w.store->info.own_head == head);
    assert_int_equal(put2(join(DEN, ADA), account(BOB, "ada")), NC_EEXIST);
    ASK("", .kind = NC_Q_MEMBERS);
    assert_int_equal(put2(account(BOB, "bob"), join(DEN, BOB)), NC_OK);
    assert_true(last.changes[0].event.seq == head + 1);
    assert_true(last.changes[1].event.seq == head + 2);
    ASK("11:2/0", .kind = NC_Q_MEMBERS);
    /* The second change sees the first. */
    assert_int_equal(put2(join(DEN, ADA), leave(DEN, ADA)), NC_OK);
    ASK("11:2/0", .kind = NC_Q_MEMBERS);
    assert_int_equal(w.store->info.commits_failed, 2);
}

static void a_refused_commit_fails_alone(void **state)
{
    struct done d[5];

    (void)state;
    OK(room(DEN, "den"));
    memset(d, 0, sizeof(d));
    for (unsigned i = 0; i < 5; i++) {
        d[i].changes[0] = say(DEN, ADA, 101 + i, "x");
        d[i].changes[0].message.client_id = id(300 + i / 2); /* 300 300 301 301 302 */
        d[i].c.n = 1;
    }
    dones = 0;
    for (unsigned i = 0; i < 5; i++)
        submit(&d[i]);
    assert_int_equal(w.store->info.pending_commits, 5);
    nc_loop_run(w.loop);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(d[i].calls, 1);
        assert_int_equal(d[i].order, i + 1); /* as submitted */
        assert_int_equal(d[i].e, i % 2 ? NC_EEXIST : NC_OK);
    }
    assert_memory_equal(&d[1].c.existing, &d[0].changes[0].message.id, 16);
    assert_true(d[4].changes[0].event.seq == 4 && w.store->info.head == 4);
    assert_int_equal(w.store->info.pending_commits, 0);
    assert_true(w.store->info.batches >= 1);
    assert_true(nc_hist_count(w.store->info.commit_time) == w.store->info.batches);
}

static void an_empty_commit_is_fine(void **state)
{
    (void)state;
    last = (struct done){0};
    submit(&last);
    nc_loop_run(w.loop);
    assert_int_equal(last.calls, 1);
    assert_int_equal(last.e, NC_OK);
}

static struct done chained;
static struct ask reader;

static void on_first(struct nc_commit *c, enum nc_err e)
{
    on_done(c, e);
    chained = (struct done){.changes = {say(DEN, ADA, 102, "two")}, .c = {.n = 1}};
    submit(&chained);
    memset(&reader, 0, sizeof(reader));
    reader.q = (struct nc_query){.kind = NC_Q_HISTORY, .room = DEN, .limit = 9};
    start(&reader);
}

static void who_was_told_reads_what_was_written(void **state)
{
    struct done first = {.changes = {say(DEN, ADA, 101, "one")}, .c = {.n = 1}};

    (void)state;
    first.c.changes = first.changes;
    first.c.done = on_first;
    w.store->ops->commit(w.store, &first.c);
    nc_loop_run(w.loop);
    assert_int_equal(chained.calls, 1);
    assert_int_equal(chained.e, NC_OK);
    assert_int_equal(reader.calls, 1);
    assert_memory_equal(reader.text, "one", 3); /* and perhaps the second */
}

static void reading_before_the_loop_runs(void **state)
{
    struct ask a = {.q = {.kind = NC_Q_ACCOUNTS, .row = on_row}};

    (void)state;
    OK(account(ADA, "ada"));
    assert_int_equal(nc_store_read_now(w.store, &a.q), NC_OK);
    assert_string_equal(a.text, "ada");
}

static void many_queries_at_once(void **state)
{
    static struct ask asks[64];

    (void)state;
    OK(say(DEN, ADA, 101, "x"));
    memset(asks, 0, sizeof(asks));
    for (unsigned i = 0; i < NC_COUNT(asks); i++) {
        asks[i].q = (struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(101)};
        start(&asks[i]);
    }
    assert_int_equal(w.store->info.pending_queries, NC_COUNT(asks));
    nc_loop_run(w.loop);
    for (unsigned i = 0; i < NC_COUNT(asks); i++) {
        assert_int_equal(asks[i].calls, 1);
        assert_int_equal(asks[i].e, NC_OK);
        assert_string_equal(asks[i].text, "x");
    }
    assert_int_equal(w.store->info.pending_queries, 0);
}

static struct done after_close;

static void on_closing(struct nc_commit *c, enum nc_err e)
{
    on_done(c, e);
    after_close = (struct done){.changes = {say(DEN, ADA, 102, "never")}, .c = {.n = 1}};
    submit(&after_close);
}

static void closing_answers_everything_once(void **state)
{
    struct done d[3] = {0};
    static struct ask a[20];

    (void)state;
    memset(a, 0, sizeof(a));
    memset(&after_close, 0, sizeof(after_close));
    for (unsigned i = 0; i < 3; i++) {
        d[i].changes[0] = say(DEN, ADA, 101 + i, "x");
        d[i].c.n = 1;
        submit(&d[i]);
    }
    d[2].c.done = on_closing;
    for (unsigned i = 0; i < NC_COUNT(a); i++) {
        a[i].q = (struct nc_query){.kind = NC_Q_ROOMS};
        start(&a[i]);
    }
    w.store->ops->close(w.store);
    w.store = NULL;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(d[i].calls, 1);
        assert_int_equal(d[i].e, NC_OK); /* what was committed is finished */
    }
    for (unsigned i = 0; i < NC_COUNT(a); i++) {
        assert_int_equal(a[i].calls, 1);
        assert_true(a[i].e == NC_OK || a[i].e == NC_ECLOSED);
    }
    assert_int_equal(after_close.calls, 1);
    assert_int_equal(after_close.e, NC_ECLOSED);
    w.store = NULL;
    reopen();
    w.store->ops->close(NULL);
}

static void what_is_known_from_the_start(void **state)
{
    (void)state;
    assert_false(nc_id_zero(&w.store->info.incarnation));
    assert_true(w.store->info.head == 0 && w.store->info.own_head == 0);
    assert_true(w.store->info.hlc == 0 && !w.store->info.failing);
    assert_string_equal(w.store->ops->scheme, scheme);
    struct nc_store *none;
    assert_int_equal(nc_store_open(&none, w.loop, "papyrus:x", NULL), NC_ENOENT);
    assert_null(none);
    assert_null(nc_store_backend("sqlit:x"));
    assert_non_null(nc_store_backend("mem:"));
}

/* ---- what only a store with a disk promises ------------------------------ */

static void everything_is_there_after_a_restart(void **state)
{
    struct nc_id incarnation = w.store->info.incarnation;
    struct nc_change m = say(DEN, ADA, 5000, "hi @bob");

    (void)state;
    people_and_rooms();
    m.message.mentions = nc_str("bob");
    m.message.client_id = id(300);
    OK(m);
    OK(((struct nc_change){.kind = NC_META_SET,
                           .meta = {.key = nc_str("k"), .value = nc_str("v")}}));
    uint64_t head = w.store->info.head;
    reopen();
    assert_memory_equal(&w.store->info.incarnation, &incarnation, 16);
    assert_true(w.store->info.head == head && w.store->info.own_head == head);
    assert_true(w.store->info.hlc == 5000ull << 12);
    ASK("ada bob eve", .kind = NC_Q_ACCOUNTS);
    ASK("hi @bob", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    ASK("v", .kind = NC_Q_META, .key = nc_str("k"));
    assert_string_equal(unread(member(DEN, BOB)), "1/1:hi @bob");
    REFUSED(m, NC_EEXIST);
    OK(say(DEN, ADA, 5001, "next"));
    assert_true(last.changes[0].event.seq == head + 1);
}

struct copy {
    struct nc_backup b;
    int calls;
    enum nc_err e;
};

static void on_copied(struct nc_backup *b, enum nc_err e)
{
    struct copy *c = nc_of(b, struct copy, b);

    c->calls++;
    c->e = e;
}

static enum nc_err back_up(struct copy *c, const char *path)
{
    c->calls = 0;
    c->b.path = path;
    c->b.done = on_copied;
    w.store->ops->backup(w.store, &c->b);
    assert_int_equal(c->calls, 0);
    nc_loop_run(w.loop);
    assert_int_equal(c->calls, 1);
    return c->e;
}

static char attached[64];

static void on_attachment(void *arg, struct nc_str name, struct nc_str bytes)
{
    size_t n = strlen(attached);

    assert_ptr_equal(arg, &w);
    snprintf(attached + n, sizeof(attached) - n, "%.*s=%zu ", NC_FMT(name), bytes.n);
}

static void a_backup_restores_into_a_new_incarnation(void **state)
{
    struct nc_attachment files[] = {{NC_STR("key"), NC_STR("\x01\x00\x02")},
                                    {NC_STR("none"), {NULL, 0}}};
    struct copy c = {.b = {.attachments = files, .attachments_n = 2}};
    char path[96], where[96], url[128];
    struct nc_id incarnation = w.store->info.incarnation;

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "kept"));
    uint64_t head = w.store->info.head;
    snprintf(path, sizeof(path), "%s/copy", w.dir);
    snprintf(where, sizeof(where), "%s/new.db", w.dir);
    snprintf(url, sizeof(url), "%s:%s", scheme, where);
    assert_int_equal(back_up(&c, path), NC_OK);
    assert_int_equal(back_up(&c, path), NC_EEXIST);
    OK(say(DEN, ADA, 102, "lost"));

    attached[0] = 0;
    assert_int_equal(w.store->ops->restore(where, path, on_attachment, &w), NC_OK);
    assert_string_equal(attached, "key=3 none=0 ");
    assert_int_equal(w.store->ops->restore(where, path, on_attachment, &w), NC_EEXIST);
    memcpy(w.url, url, sizeof(url));
    reopen();
    assert_true(memcmp(&w.store->info.incarnation, &incarnation, 16) != 0);
    assert_true(w.store->info.head == head && w.store->info.own_head == 0);
    ASK("kept", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    OK(say(DEN, ADA, 103, "new"));
    assert_true(last.changes[0].event.seq == head + 1);
    assert_true(last.changes[0].event.origin_seq == 1);
    struct copy again = {0};
    snprintf(path, sizeof(path), "%s/copy2", w.dir);
    assert_int_equal(back_up(&again, path), NC_OK);
}

static void mem_has_nothing_to_copy(void **state)
{
    struct copy c = {0};

    (void)state;
    assert_int_equal(back_up(&c, "/nowhere"), NC_EINVAL);
    assert_int_equal(w.store->ops->restore("x", "y", NULL, NULL), NC_EINVAL);
}

int main(void)
{
    const struct CMUnitTest both[] = {
        T(usernames_are_taken_once_and_for_ever),
        T(sessions_rotate_by_one_generation),
        T(a_spent_generation_comes_again_while_its_successor_waits),
        T(ending_all_sessions_may_spare_one),
        T(deleting_an_account_erases_its_sessions_and_keys),
        T(keys_are_found_by_hash),
        T(invites_are_used_up),
        T(meta_keeps_the_newest_value),
        T(rooms_are_changed_hidden_and_erased),
        T(every_field_of_a_room_comes_back),
        T(members_come_go_and_change_roles),
        T(bans_are_set_changed_and_lifted),
        T(a_commit_happens_whole_or_not_at_all),
        T(a_refused_commit_fails_alone),
        T(an_empty_commit_is_fine),
        T(who_was_told_reads_what_was_written),
        T(reading_before_the_loop_runs),
        T(many_queries_at_once),
        T(closing_answers_everything_once),
        T(what_is_known_from_the_start),
    };
    const struct CMUnitTest mem[] = {T(mem_has_nothing_to_copy)};
    const struct CMUnitTest rest[] = {
        T(everything_is_there_after_a_restart),
        T(a_backup_restores_into_a_new_incarnation),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    failed += cmocka_run_group_tests_name("sqlite alone", rest, NULL, NULL);
    scheme = "mem";
    return failed + cmocka_run_group_tests_name("mem alone", mem, NULL, NULL);
}
