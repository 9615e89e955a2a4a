/* What every store promises, run over each backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/log.h"
#include "loop/loop.h"
#include "store/store.h"

/* ---- a store to talk to -------------------------------------------------- */

static const char *scheme; /* of the group that runs */

struct world {
    struct nc_loop *loop;
    struct nc_store *store;
    char dir[64], url[128];
};

static struct world w;

static void reopen(void)
{
    if (w.store)
        w.store->ops->close(w.store);
    assert_int_equal(nc_store_open(&w.store, w.loop, w.url, NULL), NC_OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    snprintf(w.dir, sizeof(w.dir), "/tmp/nc-store-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(w.url, sizeof(w.url), "%s:%s/t.db", scheme, w.dir);
    assert_int_equal(nc_loop_new(&w.loop), NC_OK);
    reopen();
    return 0;
}

static int teardown(void **state)
{
    char cmd[128];

    (void)state;
    w.store->ops->close(w.store);
    nc_loop_free(w.loop);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", w.dir);
    return system(cmd);
}

/* ---- ids and short words for changes ------------------------------------- */

static struct nc_id id(unsigned n)
{
    struct nc_id i = {{0}};

    i.b[6] = 0x70;
    i.b[8] = 0x80;
    i.b[14] = (uint8_t)(n >> 8);
    i.b[15] = (uint8_t)n;
    return i;
}

/* A message's: made at `ms`. */
static struct nc_id mid(uint64_t ms)
{
    struct nc_id i = id(0);

    for (int k = 0; k < 6; k++)
        i.b[k] = (uint8_t)(ms >> (40 - 8 * k));
    return i;
}

#define ADA id(1)
#define BOB id(2)
#define EVE id(3)
#define DEN id(11)
#define HALL id(12)

static struct nc_event event(enum nc_event_kind kind, enum nc_audience audience,
                             struct nc_id to, struct nc_id ref)
{
    return (struct nc_event){
        .kind = kind, .audience = audience, .to = to, .ref = ref, .hlc = 1000ull << 12};
}

static struct nc_change account(struct nc_id user, const char *name)
{
    struct nc_change c = {.kind = NC_ACCOUNT_INSERT,
                          .account = {.id = user,
                                      .username = nc_str(name),
                                      .display_name = nc_str("Somebody"),
                                      .password = nc_str("$argon2id$x"),
                                      .created_ms = 5}};
    c.event = event(NC_EV_ACCOUNT_CREATED, NC_AUD_ADMINS, id(0), user);
    c.event.subject = user;
    return c;
}

static struct nc_change room(struct nc_id r, const char *name)
{
    struct nc_change c = {.kind = NC_ROOM_INSERT,
                          .room = {.id = r,
                                   .name = nc_str(name),
                                   .topic = nc_str("topic"),
                                   .created_by = ADA,
                                   .visibility = NC_PUBLIC,
                                   .created_ms = 6}};
    c.event = event(NC_EV_ROOM_CREATED, NC_AUD_ROOM, r, r);
    return c;
}

static struct nc_change join(struct nc_id r, struct nc_id user)
{
    struct nc_change c = {.kind = NC_MEMBER_SET,
                          .member = {.room = r, .user = user, .joined_ms = 7}};
    c.event = event(NC_EV_MEMBER_JOINED, NC_AUD_ROOM, r, r);
    c.event.subject = user;
    return c;
}

static struct nc_change leave(struct nc_id r, struct nc_id user)
{
    struct nc_change c = {.kind = NC_MEMBER_DELETE, .member = {.room = r, .user = user}};

    c.event = event(NC_EV_MEMBER_LEFT, NC_AUD_ROOM, r, r);
    c.event.subject = user;
    c.event.reason = NC_KICKED;
    return c;
}

static struct nc_change say(struct nc_id r, struct nc_id sender, uint64_t ms,
                            const char *body)
{
    struct nc_change c = {.kind = NC_MESSAGE_INSERT,
                          .message = {.id = mid(ms),
                                      .room = r,
                                      .sender = sender,
                                      .body = nc_str(body),
                                      .created_ms = ms}};
    c.event = event(NC_EV_MESSAGE_CREATED, NC_AUD_ROOM, r, c.message.id);
    c.event.hlc = ms << 12;
    memset(c.event.body_hash, 0xab, 32);
    return c;
}

static struct nc_change change_message(enum nc_change_kind kind, enum nc_event_kind ev,
                                       struct nc_id r, uint64_t ms)
{
    struct nc_change c = {.kind = kind, .message = {.id = mid(ms), .room = r}};

    c.event = event(ev, ev ? NC_AUD_ROOM : 0, r, c.message.id);
    return c;
}

static struct nc_change delete_message(struct nc_id r, uint64_t ms)
{
    return change_message(NC_MESSAGE_DELETE, NC_EV_MESSAGE_DELETED, r, ms);
}

static struct nc_change complete(struct nc_id r, uint64_t ms, const char *body)
{
    struct nc_change c =
        change_message(NC_MESSAGE_COMPLETE, NC_EV_MESSAGE_COMPLETED, r, ms);

    c.message.body = nc_str(body);
    return c;
}

static struct nc_change mark_read(struct nc_id r, struct nc_id user, uint64_t ms)
{
    struct nc_change c = {.kind = NC_READ_SET,
                          .member = {.room = r, .user = user, .read_id = mid(ms)}};
    c.event = event(NC_EV_READ, NC_AUD_USER, user, r);
    c.event.subject = user;
    return c;
}

static struct nc_change quiet(struct nc_change c)
{
    c.event = (struct nc_event){0};
    return c;
}

/* ---- commits ------------------------------------------------------------- */

struct done {
    struct nc_commit c;
    struct nc_change changes[8];
    int calls;
    enum nc_err e;
    unsigned order; /* of its done among all */
    char notice[64];
};

static unsigned dones;

static void on_done(struct nc_commit *c, enum nc_err e)
{
    struct done *d = nc_of(c, struct done, c);

    d->calls++;
    d->e = e;
    d->order = ++dones;
    snprintf(d->notice, sizeof(d->notice), "%.*s", (int)c->notice.n,
             c->notice.p ? c->notice.p : "");
}

static void submit(struct done *d)
{
    d->c.changes = d->changes;
    d->c.done = on_done;
    w.store->ops->commit(w.store, &d->c);
    assert_int_equal(d->calls, 0); /* never from inside the call */
}

/* One change, to its end; what came out of it is in `last`. */
static struct done last;

static enum nc_err put(struct nc_change change)
{
    last = (struct done){.changes = {change}, .c = {.n = 1}};
    submit(&last);
    nc_loop_run(w.loop);
    assert_int_equal(last.calls, 1);
    return last.e;
}

static enum nc_err put2(struct nc_change a, struct nc_change b)
{
    last = (struct done){.changes = {a, b}, .c = {.n = 2}};
    submit(&last);
    nc_loop_run(w.loop);
    assert_int_equal(last.calls, 1);
    return last.e;
}

#define OK(change) assert_int_equal(put(change), NC_OK)
#define REFUSED(change, why) assert_int_equal(put(change), (why))

/* ---- queries: the rows as one line of text ------------------------------- */

struct ask {
    struct nc_query q;
    int calls, rows;
    enum nc_err e;
    size_t n;
    char text[8192];
    struct nc_row row;           /* the newest; its strings are dead */
    struct nc_member_rec member; /* NC_Q_MEMBERS: the one of q.room and q.user */
};

static void write_text(struct ask *a, const char *fmt, ...) NC_PRINTF(2, 3);
static void write_text(struct ask *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(a->text + a->n, sizeof(a->text) - a->n, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof(a->text) - a->n);
    a->n += (size_t)n;
}

static void write_message(struct ask *a, const struct nc_message *m)
{
    if (nc_id_zero(&m->id))
        write_text(a, "-");
    else if (m->deleted)
        write_text(a, "(deleted)");
    else
        write_text(a, "%.*s", NC_FMT(m->body));
}

static const char *const kinds[] = {
    [NC_EV_MESSAGE_CREATED] = "created",
    [NC_EV_MESSAGE_UPDATED] = "updated",
    [NC_EV_MESSAGE_DELETED] = "deleted",
    [NC_EV_MESSAGE_COMPLETED] = "completed",
    [NC_EV_ROOM_CREATED] = "room.created",
    [NC_EV_ROOM_UPDATED] = "room.updated",
    [NC_EV_ROOM_DELETED] = "room.deleted",
    [NC_EV_MEMBER_JOINED] = "joined",
    [NC_EV_MEMBER_LEFT] = "left",
    [NC_EV_MEMBER_UPDATED] = "member",
    [NC_EV_READ] = "read",
};

static void write_log(struct ask *a, const struct nc_row *row)
{
    const struct nc_event *e = &row->log.event;

    write_text(a, "%s", kinds[e->kind]);
    if (e->kind <= NC_EV_MESSAGE_COMPLETED) {
        write_text(a, ":");
        write_message(a, &row->log.message);
    } else {
        write_text(a, ":%.*s", NC_FMT(row->log.room.name));
    }
    if (e->kind == NC_EV_MEMBER_JOINED || e->kind == NC_EV_MEMBER_LEFT)
        write_text(a, ":%.*s", NC_FMT(row->log.account.username));
}

static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct ask *a = nc_of(q, struct ask, q);

    if (a->rows++)
        write_text(a, " ");
    a->row = *row;
    switch (q->kind) {
    case NC_Q_ACCOUNTS:
    case NC_Q_PASSWORD:
        write_text(a, "%.*s%s%s", NC_FMT(row->account.username),
                   row->account.deleted ? "(gone)" : "",
                   row->account.password.n ? "+pw" : "");
        break;
    case NC_Q_SESSION:
    case NC_Q_SESSIONS:
    case NC_Q_ENDED:
        write_text(a, "%.*s/%llu", NC_FMT(row->session.device),
                   (unsigned long long)row->session.generation);
        break;
    case NC_Q_KEY:
    case NC_Q_KEYS:
        write_text(a, "%.*s/%.*s", NC_FMT(row->key.name), NC_FMT(row->key.scopes));
        break;
    case NC_Q_INVITE:
    case NC_Q_INVITES:
        write_text(a, "%.*s/%u", NC_FMT(row->invite.code), row->invite.uses_left);
        break;
    case NC_Q_ROOMS:
        write_text(a, "%.*s%s", NC_FMT(row->room.name),
                   row->room.deleted_ms ? "(hidden)" : "");
        break;
    case NC_Q_MEMBERS:
        if (nc_id_eq(&row->member.room, &q->room) && nc_id_eq(&row->member.user, &q->user))
            a->member = row->member;
        write_text(a, "%u:%u/%u", row->member.room.b[15], row->member.user.b[15],
                   row->member.role);
        break;
    case NC_Q_BANS:
        write_text(a, "%u:%u/%llu", row->ban.room.b[15], row->ban.user.b[15],
                   (unsigned long long)row->ban.until_ms);
        break;
    case NC_Q_META: write_text(a, "%.*s", NC_FMT(row->meta)); break;
    case NC_Q_BY_CLIENT:
        if (row->is_notice) {
            write_text(a, "notice:%.*s", NC_FMT(row->notice));
            break;
        }
        write_message(a, &row->message);
        break;
    case NC_Q_LOG: write_log(a, row); break;
    case NC_Q_UNREAD:
        write_text(a, "%u/%u:", row->unread.unread, row->unread.mentions);
        write_message(a, &row->unread.last);
        break;
    case NC_Q_STATS:
        write_text(a, "%llu/%llu/%llu/%llu", (unsigned long long)row->stats.messages,
                   (unsigned long long)row->stats.events,
                   (unsigned long long)row->stats.accounts,
                   (unsigned long long)row->stats.rooms);
        break;
    default: write_message(a, &row->message);
    }
}

static void on_asked(struct nc_query *q, enum nc_err e)
{
    struct ask *a = nc_of(q, struct ask, q);

    a->calls++;
    a->e = e;
}

static void start(struct ask *a)
{
    a->q.row = on_row;
    a->q.done = on_asked;
    w.store->ops->read(w.store, &a->q);
    assert_int_equal(a->calls, 0);
}

static struct ask answer; /* of the newest question */

static const char *ask(struct nc_query q)
{
    memset(&answer, 0, sizeof(answer));
    answer.q = q;
    start(&answer);
    nc_loop_run(w.loop);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.e, NC_OK);
    return answer.text;
}

#define ASK(expected, ...) \
    assert_string_equal(ask((struct nc_query){__VA_ARGS__}), expected)

static void people_and_rooms(void)
{
    OK(account(ADA, "ada"));
    OK(account(BOB, "bob"));
    OK(account(EVE, "eve"));
    OK(room(DEN, "den"));
    OK(room(HALL, "hall"));
    OK(join(DEN, ADA));
    OK(join(DEN, BOB));
    OK(join(HALL, ADA));
}

static struct nc_member_rec member(struct nc_id r, struct nc_id user)
{
    ask((struct nc_query){.kind = NC_Q_MEMBERS, .room = r, .user = user});
    return answer.member;
}

static const char *unread(struct nc_member_rec m)
{
    return ask(
        (struct nc_query){.kind = NC_Q_UNREAD, .user = m.user, .rooms = &m, .rooms_n = 1});
}

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

static struct nc_change session(struct nc_id s, struct nc_id user, const char *device,
                                uint64_t used)
{
    return (struct nc_change){.kind = NC_SESSION_INSERT,
                              .session = {.id = s,
                                          .user = user,
                                          .generation = 1,
                                          .device = nc_str(device),
                                          .address = nc_str("::1"),
                                          .used_ms = used,
                                          .expires_ms = 1000}};
}

static void sessions_rotate_by_one_generation(void **state)
{
    struct nc_change next = {.kind = NC_SESSION_ROTATE,
                             .session = {.id = id(50),
                                         .generation = 2,
                                         .used_ms = 30,
                                         .address = nc_str("10.0.0.1"),
                                         .expires_ms = 2000}};
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
    REFUSED(next, NC_EEXIST); /* spent: the family's owner decides */
    OK(end);
    REFUSED(end, NC_ENOENT);
    next.session.generation = 3;
    REFUSED(next, NC_ENOENT);
    ASK("desk/1", .kind = NC_Q_SESSIONS, .id = ADA);
    ASK("phone/2", .kind = NC_Q_SESSION, .id = id(50));
    assert_int_equal(answer.row.session.ended_ms, 77);
    ASK("phone/2", .kind = NC_Q_ENDED, .after_ms = 77);
    ASK("", .kind = NC_Q_ENDED, .after_ms = 78);
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

/* ---- messages ------------------------------------------------------------ */

static void every_field_of_a_message_comes_back(void **state)
{
    struct nc_change c = say(DEN, ADA, 100, "");

    (void)state;
    OK(account(ADA, "ada"));
    c.message.body = NC_STR("a\0b");
    c.message.client_id = id(300);
    c.message.reply_to = mid(99);
    c.message.kind = NC_ACTION;
    c.message.late = true;
    c.message.content_type = nc_str("text/x");
    c.message.mentions = nc_str("bob eve");
    c.message.ai = nc_str("{}");
    c.message.edited_ms = 8;
    OK(c);
    assert_true(last.changes[0].message.seq == 2);
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
    const struct nc_message *m = &answer.row.message;
    assert_int_equal(answer.rows, 1);
    assert_memory_equal(&m->id, &c.message.id, 16);
    assert_memory_equal(&m->room, &c.message.room, 16);
    assert_memory_equal(&m->sender, &c.message.sender, 16);
    assert_memory_equal(&m->client_id, &c.message.client_id, 16);
    assert_memory_equal(&m->reply_to, &c.message.reply_to, 16);
    assert_int_equal(m->kind, NC_ACTION);
    assert_int_equal(m->state, NC_COMPLETE);
    assert_true(m->late && !m->deleted);
    assert_int_equal(m->body.n, 3);
    assert_true(m->content_type.n == 6 && m->mentions.n == 7 && m->ai.n == 2);
    assert_true(m->created_ms == 100 && m->edited_ms == 8 && m->seq == 2);
    assert_true(m->sender_name.n == 3 && m->sender_display.n == 8);
    assert_int_equal(m->sender_kind, NC_PERSON);
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(5)});
    assert_int_equal(answer.rows, 0);
}

static void a_client_id_works_once(void **state)
{
    struct nc_change a = say(DEN, ADA, 100, "first"), b = say(DEN, ADA, 101, "again");

    (void)state;
    a.message.client_id = b.message.client_id = id(300);
    OK(a);
    REFUSED(b, NC_EEXIST);
    assert_memory_equal(&last.c.existing, &a.message.id, 16);
    assert_string_equal(last.notice, "");
    assert_true(last.changes[0].event.seq == 0);
    b.message.sender = BOB; /* another sender's ids are their own */
    OK(b);
    assert_true(last.changes[0].event.seq == 2);
    ASK("first", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(300));
    ASK("again", .kind = NC_Q_BY_CLIENT, .user = BOB, .id = id(300));
    ASK("", .kind = NC_Q_BY_CLIENT, .user = EVE, .id = id(300));
    OK(delete_message(DEN, 100));
    REFUSED(a, NC_EEXIST); /* also when deleted since */
    a.message.client_id = id(301);
    REFUSED(a, NC_EEXIST); /* the message id itself is known */
    assert_memory_equal(&last.c.existing, &a.message.id, 16);
    ASK("", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(301)); /* and left no trace */
}

static void a_command_is_remembered_with_its_answer(void **state)
{
    struct nc_change run = {.kind = NC_COMMAND_RUN,
                            .message = {.sender = ADA,
                                        .client_id = id(300),
                                        .body = nc_str("You are alone."),
                                        .created_ms = nc_wall_ms()}};
    struct nc_change m = say(DEN, ADA, 100, "text");
    struct nc_change old = run;

    (void)state;
    OK(run);
    REFUSED(run, NC_EEXIST);
    assert_true(nc_id_zero(&last.c.existing));
    assert_string_equal(last.notice, "You are alone.");
    m.message.client_id = id(300);
    REFUSED(m, NC_EEXIST);
    assert_string_equal(last.notice, "You are alone.");
    ASK("notice:You are alone.", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(300));
    m.message.client_id = id(301);
    OK(m);
    run.message.client_id = id(301);
    REFUSED(run, NC_EEXIST);
    assert_memory_equal(&last.c.existing, &m.message.id, 16);
    old.message.client_id = id(302);
    old.message.created_ms = nc_wall_ms() - 25 * 3600 * 1000;
    OK(old);
    OK(((struct nc_change){.kind = NC_TRIM, .limit = 100}));
    assert_int_equal(last.changes[0].touched, 1);
    ASK("", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(302));
    ASK("notice:You are alone.", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(300));
}

static void editing_and_deleting(void **state)
{
    struct nc_change edit =
        change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 100);

    (void)state;
    OK(say(DEN, ADA, 100, "teh"));
    edit.message.body = nc_str("the");
    edit.message.mentions = nc_str("bob");
    edit.message.edited_ms = 44;
    OK(edit);
    ASK("the", .kind = NC_Q_MESSAGE, .id = mid(100));
    assert_true(answer.row.message.edited_ms == 44 && answer.row.message.mentions.n == 3);
    OK(delete_message(DEN, 100));
    REFUSED(delete_message(DEN, 100), NC_ENOENT);
    REFUSED(edit, NC_ENOENT);
    REFUSED(delete_message(DEN, 999), NC_ENOENT);
    ASK("(deleted)", .kind = NC_Q_MESSAGE, .id = mid(100));
    assert_true(answer.row.message.body.n == 0 && answer.row.message.mentions.n == 0);
    ASK("(deleted)", .kind = NC_Q_HISTORY, .room = DEN, .limit = 5);
}

static void a_generated_answer_grows_and_completes(void **state)
{
    struct nc_change born = say(DEN, BOB, 100, "");
    struct nc_change part = change_message(NC_MESSAGE_CHECKPOINT, NC_EV_NONE, DEN, 100);
    struct nc_change end = complete(DEN, 100, "One two three.");

    (void)state;
    born.message.state = NC_STREAMING;
    OK(born);
    part.message.body = nc_str("One");
    OK(part);
    assert_int_equal(last.changes[0].touched, 1);
    ASK("One", .kind = NC_Q_STREAMING);
    end.message.state = NC_FAILED;
    end.message.ai = nc_str("{\"model\":\"m\"}");
    OK(end);
    ASK("", .kind = NC_Q_STREAMING);
    OK(part); /* too late: nothing */
    assert_int_equal(last.changes[0].touched, 0);
    ASK("One two three.", .kind = NC_Q_MESSAGE, .id = mid(100));
    assert_int_equal(answer.row.message.state, NC_FAILED);
    end.message.state = NC_COMPLETE; /* a later one still wins */
    OK(end);
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
    assert_int_equal(answer.row.message.state, NC_COMPLETE);
    assert_int_equal(answer.row.message.ai.n, 13);
    OK(delete_message(DEN, 100));
    REFUSED(end, NC_ENOENT);
    OK(part);
}

static void expiry_erases_the_oldest_by_id(void **state)
{
    struct nc_change expire = {.kind = NC_MESSAGES_EXPIRE,
                               .message = {.room = DEN, .created_ms = 103},
                               .limit = 2};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        char body[2] = {(char)('a' + i), 0};
        OK(say(DEN, ADA, 100 + i, body));
    }
    OK(say(HALL, ADA, 99, "z"));
    ask((struct nc_query){
        .kind = NC_Q_EXPIRED, .room = DEN, .before_ms = 103, .limit = 100});
    assert_int_equal(answer.q.count, 3);
    ask((struct nc_query){.kind = NC_Q_EXPIRED, .room = DEN, .before_ms = 103, .limit = 2});
    assert_int_equal(answer.q.count, 2);
    OK(expire);
    assert_int_equal(last.changes[0].touched, 2);
    ASK("c d e", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    OK(expire);
    assert_int_equal(last.changes[0].touched, 1);
    ASK("d e", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    OK(expire);
    assert_int_equal(last.changes[0].touched, 0);
    ASK("z", .kind = NC_Q_HISTORY, .room = HALL, .limit = 9);
    ASK("3/6/0/0", .kind = NC_Q_STATS);
}

/* ---- history ------------------------------------------------------------- */

static void history_pages_in_all_directions(void **state)
{
    (void)state;
    people_and_rooms();
    for (unsigned i = 0; i < 9; i++) {
        char body[2] = {(char)('1' + i), 0};
        OK(say(DEN, ADA, 101 + i, body));
        OK(say(HALL, ADA, 201 + i, "other"));
    }
    const struct nc_id den = DEN;
#define HISTORY(expected, has_more, ...)                               \
    do {                                                               \
        ASK(expected, .kind = NC_Q_HISTORY, .room = den, __VA_ARGS__); \
        assert_int_equal(answer.q.more, has_more);                     \
    } while (0)
    HISTORY("7 8 9", true, .limit = 3);
    HISTORY("1 2 3 4 5 6 7 8 9", false, .limit = 9);
    HISTORY("1 2 3 4 5 6 7 8 9", false, .limit = 200);
    HISTORY("4 5 6", true, .limit = 3, .before = mid(107));
    HISTORY("1 2 3", false, .limit = 3, .before = mid(104));
    HISTORY("1", false, .limit = 3, .before = mid(102));
    HISTORY("", false, .limit = 3, .before = mid(101));
    HISTORY("7 8 9", true, .limit = 3, .before = mid(900)); /* an id that isn't there */
    HISTORY("1 2 3", true, .limit = 3, .after = mid(5));
    HISTORY("8 9", false, .limit = 3, .after = mid(107));
    HISTORY("7 8 9", false, .limit = 3, .after = mid(106));
    HISTORY("", false, .limit = 3, .after = mid(109));
    HISTORY("3 4 5 6", true, .limit = 4, .around = mid(105));
    HISTORY("1 2 3", true, .limit = 4, .around = mid(102));
    HISTORY("7 8 9", true, .limit = 4, .around = mid(109));
    HISTORY("1 2 3 4 5 6 7 8 9", false, .limit = 50, .around = mid(105));
}

static void late_messages_are_read_where_they_belong(void **state)
{
    struct nc_change late = say(DEN, BOB, 102, "late");

    (void)state;
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, ADA, 103, "three"));
    late.message.late = true;
    OK(late);
    ASK("one late three", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    ASK("late three", .kind = NC_Q_HISTORY, .room = DEN, .after = mid(101), .limit = 9);
}

static void clearing_hides_what_is_there(void **state)
{
    struct nc_change clear = {.kind = NC_CLEAR_SET, .member = {.room = DEN, .user = BOB}};

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "old"));
    OK(clear);
    struct nc_member_rec bob = member(DEN, BOB);
    assert_true(bob.cleared_seq == w.store->info.head);
    assert_true(last.changes[0].member.cleared_seq == bob.cleared_seq);
    assert_string_equal(unread(bob), "0/0:-");
    struct nc_change late = say(DEN, ADA, 100, "late");
    late.message.late = true;
    OK(late);
    OK(say(DEN, ADA, 102, "new"));
    ASK("late new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9,
        .cleared_seq = bob.cleared_seq);
    assert_false(answer.q.more);
    ASK("old", .kind = NC_Q_HISTORY, .room = DEN, .limit = 1, .before = mid(102));
    ASK("late", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9, .before = mid(102),
        .cleared_seq = bob.cleared_seq);
    ASK("late new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9, .after = mid(1),
        .cleared_seq = bob.cleared_seq);
    ASK("late new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9, .around = mid(101),
        .cleared_seq = bob.cleared_seq);
    assert_string_equal(unread(bob), "2/0:new");
    OK(clear);
    assert_string_equal(unread(member(DEN, BOB)), "0/0:-");
    ASK("", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9,
        .cleared_seq = member(DEN, BOB).cleared_seq);
    ASK("late old new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    clear.member.user = EVE;
    REFUSED(clear, NC_ENOENT);
    clear.member = (struct nc_member_rec){.room = HALL, .user = ADA};
    OK(clear); /* an empty room */
    OK(say(HALL, BOB, 500, "first"));
    assert_string_equal(unread(member(HALL, ADA)), "1/0:first");
}

static void own_messages_come_in_log_order(void **state)
{
    (void)state;
    people_and_rooms();
    uint64_t since = w.store->info.head;
    OK(say(DEN, ADA, 103, "a"));
    OK(say(HALL, ADA, 102, "b"));
    OK(say(DEN, BOB, 104, "not mine"));
    OK(say(DEN, ADA, 101, "c"));
    ASK("a b c", .kind = NC_Q_OF_USER, .user = ADA, .since = since, .limit = 9);
    assert_false(answer.q.more);
    ASK("a b", .kind = NC_Q_OF_USER, .user = ADA, .limit = 2);
    assert_true(answer.q.more);
    ASK("c", .kind = NC_Q_OF_USER, .user = ADA, .since = answer.q.upto, .limit = 2);
    assert_false(answer.q.more);
    ASK("", .kind = NC_Q_OF_USER, .user = EVE, .limit = 2);
    ASK("a b", .kind = NC_Q_OF_USER, .user = ADA, .limit = 9, .bytes_max = 2);
    assert_true(answer.q.more);
    ASK("c", .kind = NC_Q_OF_USER, .user = ADA, .since = answer.q.upto, .limit = 9);
}

static void messages_bear_the_present_names_of_their_senders(void **state)
{
    struct nc_change rename = {.kind = NC_ACCOUNT_UPDATE,
                               .account = {.id = ADA, .display_name = nc_str("Ada L.")}};

    (void)state;
    OK(say(DEN, ADA, 100, "who was that?"));
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
    assert_int_equal(answer.row.message.sender_name.n, 0);
    OK(account(ADA, "ada"));
    for (int i = 0; i < 4; i++) { /* whichever reader answers, and twice */
        ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
        assert_int_equal(answer.row.message.sender_name.n, 3);
        assert_int_equal(answer.row.message.sender_display.n, 8);
    }
    OK(rename);
    for (int i = 0; i < 4; i++) {
        ask((struct nc_query){.kind = NC_Q_HISTORY, .room = DEN, .limit = 1});
        assert_int_equal(answer.row.message.sender_display.n, 6);
    }
    OK(((struct nc_change){.kind = NC_ACCOUNT_DELETE, .account = {.id = ADA}}));
    for (int i = 0; i < 4; i++) {
        ask((struct nc_query){.kind = NC_Q_HISTORY, .room = DEN, .limit = 1});
        assert_int_equal(answer.row.message.sender_name.n, 0);
    }
}

/* ---- unread -------------------------------------------------------------- */

static void unread_counts_others_messages_after_the_marker(void **state)
{
    (void)state;
    people_and_rooms();
    assert_string_equal(unread(member(DEN, BOB)), "0/0:-");
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, BOB, 102, "mine"));
    struct nc_change mention = say(DEN, ADA, 103, "@bob");
    mention.message.mentions = nc_str("eve bob nobody");
    OK(mention);
    assert_string_equal(unread(member(DEN, BOB)), "2/1:@bob");
    assert_string_equal(unread(member(DEN, ADA)), "1/0:@bob");
    OK(mark_read(DEN, BOB, 101));
    assert_int_equal(last.changes[0].touched, 1);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:@bob");
    OK(mark_read(DEN, BOB, 103));
    assert_string_equal(unread(member(DEN, BOB)), "0/0:@bob");
    REFUSED(mark_read(DEN, EVE, 103), NC_ENOENT);
}

static void read_markers_only_go_forward(void **state)
{
    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, ADA, 102, "two"));
    OK(mark_read(DEN, BOB, 102));
    uint64_t head = w.store->info.head;
    struct nc_member_rec before = member(DEN, BOB);
    assert_true(before.read_seq == head - 1); /* the head when it was set */
    assert_true(last.changes[0].member.read_seq == before.read_seq);
    OK(mark_read(DEN, BOB, 101));
    assert_int_equal(last.changes[0].touched, 0);
    assert_true(last.changes[0].event.seq == 0);
    OK(mark_read(DEN, BOB, 102)); /* nothing new behind it */
    assert_true(last.changes[0].event.seq == 0);
    assert_true(w.store->info.head == head);
    struct nc_member_rec after = member(DEN, BOB);
    assert_memory_equal(&before, &after, sizeof(before));
}

static void late_messages_are_unread_until_seen(void **state)
{
    struct nc_change late = say(DEN, ADA, 101, "@bob late");

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 105, "five"));
    OK(mark_read(DEN, BOB, 105));
    late.message.late = true;
    late.message.mentions = nc_str("bob");
    OK(late);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:five");
    OK(mark_read(DEN, BOB, 105)); /* the same id, but there is something behind it */
    assert_true(last.changes[0].event.seq > 0);
    assert_string_equal(unread(member(DEN, BOB)), "0/0:five");
}

static void an_answer_is_unread_once_it_is_complete(void **state)
{
    struct nc_change born = say(DEN, ADA, 101, "");
    struct nc_change end = complete(DEN, 101, "@bob done");

    (void)state;
    people_and_rooms();
    born.message.state = NC_STREAMING;
    OK(born);
    assert_string_equal(unread(member(DEN, BOB)), "0/0:");
    OK(mark_read(DEN, BOB, 101)); /* seen while it grew */
    end.message.mentions = nc_str("bob");
    OK(end);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:@bob done");
    OK(mark_read(DEN, BOB, 101));
    assert_string_equal(unread(member(DEN, BOB)), "0/0:@bob done");
    OK(end); /* completed again: no news */
    assert_string_equal(unread(member(DEN, BOB)), "0/0:@bob done");
}

static void deleted_messages_are_not_unread(void **state)
{
    struct nc_change m = say(DEN, ADA, 102, "@bob");
    struct nc_change edit =
        change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 101);

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "one"));
    m.message.mentions = nc_str("bob");
    OK(m);
    assert_string_equal(unread(member(DEN, BOB)), "2/1:@bob");
    OK(delete_message(DEN, 102));
    assert_string_equal(unread(member(DEN, BOB)), "1/0:one");
    edit.message.body = nc_str("one @bob");
    edit.message.mentions = nc_str("bob");
    OK(edit);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:one @bob");
    edit.message.mentions = nc_str("");
    OK(edit);
    assert_string_equal(unread(member(DEN, BOB)), "1/0:one @bob");
}

static void unread_counts_stop_at_a_thousand(void **state)
{
    static struct done many[1003];

    (void)state;
    people_and_rooms();
    memset(many, 0, sizeof(many));
    for (unsigned i = 0; i < NC_COUNT(many); i++) {
        many[i].changes[0] = say(DEN, ADA, 1000 + i, "x");
        many[i].changes[0].message.mentions = nc_str("bob");
        many[i].c.n = 1;
        submit(&many[i]);
    }
    nc_loop_run(w.loop);
    assert_int_equal(many[1002].e, NC_OK);
    struct nc_member_rec rooms[2] = {member(HALL, ADA), member(DEN, BOB)};
    ASK("0/0:- 1000/1000:x", .kind = NC_Q_UNREAD, .user = BOB, .rooms = rooms,
        .rooms_n = 2);
}

/* ---- the log ------------------------------------------------------------- */

static const char *hear(struct nc_audience_of who, uint64_t since)
{
    return ask(
        (struct nc_query){.kind = NC_Q_LOG, .since = since, .limit = 100, .audience = who});
}

static void the_log_says_what_live_would_have_said(void **state)
{
    struct nc_change m = quiet(join(HALL, BOB));

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "hi"));
    OK(say(HALL, ADA, 102, "secret"));
    OK(mark_read(DEN, BOB, 101));
    OK(mark_read(DEN, ADA, 101));
    struct nc_change ban = {.kind = NC_BAN_SET, .ban = {.room = DEN, .user = EVE}};
    ban.event = event(NC_EV_BAN_SET, NC_AUD_ADMINS, id(0), DEN);
    OK(ban);
    OK(m); /* joined without a row of its own */
    OK(say(HALL, ADA, 103, "hall"));

    struct nc_room_since bobs[] = {{DEN, member(DEN, BOB).joined_seq},
                                   {HALL, member(HALL, BOB).joined_seq}};
    struct nc_audience_of bob = {.user = BOB, .rooms = bobs, .rooms_n = 2};
    assert_string_equal(hear(bob, 0), "joined:den:bob created:hi read:den created:hall");
    assert_true(answer.q.upto == w.store->info.head && !answer.q.more);
    assert_string_equal(hear((struct nc_audience_of){.user = EVE}, 0), "");
    assert_true(answer.q.upto == w.store->info.head);
    struct nc_audience_of nobody_admin = {.user = EVE, .admin = true};
    assert_string_equal(hear(nobody_admin, 0), ""); /* those kinds have no wire name */

    struct nc_change renamed = {.kind = NC_ROOM_UPDATE,
                                .room = {.id = HALL, .name = nc_str("hall")}};
    renamed.event = event(NC_EV_ROOM_UPDATED, NC_AUD_ADMINS, id(0), HALL);
    OK(renamed);
    assert_string_equal(hear(nobody_admin, 0), "room.updated:hall");
    assert_string_equal(hear((struct nc_audience_of){.user = EVE}, 0), "");
}

static void who_is_put_out_learns_of_it(void **state)
{
    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "before"));
    OK(leave(DEN, BOB));
    OK(say(DEN, ADA, 102, "after"));
    struct nc_audience_of bob = {.user = BOB};
    assert_string_equal(hear(bob, 0), "joined:den:bob left:den:bob");
    assert_int_equal(answer.row.log.event.reason, NC_KICKED);
    assert_true(nc_id_zero(&answer.row.log.member.user)); /* gone */
}

static void replay_shows_the_present(void **state)
{
    struct nc_change edit =
        change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 101);

    (void)state;
    people_and_rooms();
    uint64_t since = w.store->info.head;
    struct nc_room_since den = {DEN, 0};
    struct nc_audience_of ada = {.user = ADA, .rooms = &den, .rooms_n = 1};
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, ADA, 102, "two"));
    OK(say(DEN, ADA, 103, "three"));
    edit.message.body = nc_str("1");
    OK(edit);
    OK(delete_message(DEN, 102));
    assert_string_equal(hear(ada, since),
                        "created:1 created:(deleted) created:three updated:1 "
                        "deleted:(deleted)");
    struct nc_event *e = &answer.row.log.event;
    assert_true(e->seq == since + 5 && e->origin_seq == since + 5 &&
                e->hlc == 1000ull << 12);
    assert_memory_equal(&e->origin, &w.store->info.incarnation, 16);
    OK(((struct nc_change){.kind = NC_MESSAGES_EXPIRE,
                           .message = {.room = DEN, .created_ms = 103},
                           .limit = 100}));
    assert_string_equal(hear(ada, since),
                        "created:- created:- created:three updated:- deleted:-");
}

static void every_field_of_an_event_comes_back(void **state)
{
    struct nc_change m = say(DEN, ADA, 101, "x");
    struct nc_room_since den = {DEN, 0};

    (void)state;
    m.event.actor = BOB;
    m.event.subject = EVE;
    m.event.reason = 9;
    m.event.hlc = (1ull << 59) + 1;
    OK(m);
    hear((struct nc_audience_of){.user = ADA, .rooms = &den, .rooms_n = 1}, 0);
    struct nc_event *e = &answer.row.log.event, want = m.event;
    want.seq = want.origin_seq = 1;
    want.origin = w.store->info.incarnation;
    assert_memory_equal(e, &want, offsetof(struct nc_event, body_hash) + 32);
    assert_memory_equal(&last.changes[0].event, &want,
                        offsetof(struct nc_event, body_hash) + 32);
}

static void the_log_comes_in_pages(void **state)
{
    (void)state;
    people_and_rooms();
    uint64_t since = w.store->info.head;
    struct nc_room_since den = {DEN, 0};
    struct nc_audience_of ada = {.user = ADA, .rooms = &den, .rooms_n = 1};
    for (unsigned i = 0; i < 5; i++) {
        OK(say(DEN, ADA, 101 + i, "0123456789"));
        OK(say(HALL, ADA, 201 + i, "elsewhere"));
    }
    ASK("created:0123456789 created:0123456789", .kind = NC_Q_LOG, .since = since,
        .audience = ada, .limit = 2);
    assert_true(answer.q.more && answer.q.upto == since + 3);
    ASK("created:0123456789 created:0123456789", .kind = NC_Q_LOG, .since = since,
        .audience = ada, .limit = 100, .bytes_max = 11);
    assert_true(answer.q.more);
    ASK("created:0123456789 created:0123456789 created:0123456789", .kind = NC_Q_LOG,
        .since = answer.q.upto, .audience = ada, .limit = 3);
    assert_true(answer.q.more); /* the head was not reached … */
    ASK("", .kind = NC_Q_LOG, .since = answer.q.upto, .audience = ada, .limit = 3);
    assert_true(!answer.q.more && answer.q.upto == since + 10); /* … now it is */

    ask((struct nc_query){
        .kind = NC_Q_DISTANCE, .since = since, .audience = ada, .limit = 100});
    assert_int_equal(answer.q.count, 5);
    assert_true(answer.q.at_ms == 1000);    /* of the row at `since` */
    assert_int_equal(answer.q.at_ms, 1000); /* when the row at `since` was */
    ask((struct nc_query){.kind = NC_Q_DISTANCE, .audience = ada, .limit = 1});
    assert_int_equal(answer.q.at_ms, 0);
    ask((struct nc_query){
        .kind = NC_Q_DISTANCE, .since = since, .audience = ada, .limit = 4});
    assert_int_equal(answer.q.count, 4);
}

static void trimming_keeps_what_messages_need(void **state)
{
    struct nc_room_since den = {DEN, 0};
    struct nc_audience_of ada = {.user = ADA, .rooms = &den, .rooms_n = 1};
    struct nc_change trim = {.kind = NC_TRIM, .before_ms = 1001, .limit = 1000};

    (void)state;
    OK(room(DEN, "den"));
    OK(join(DEN, ADA));
    OK(say(DEN, ADA, 101, "kept"));
    struct nc_change young = mark_read(DEN, ADA, 101);
    young.event.hlc = 1001ull << 12;
    OK(young);
    OK(session(id(50), ADA, "ran out", 1)); /* expires at 1000 */
    struct nc_change s = session(id(51), ADA, "lives", 1);
    s.session.expires_ms = 1001;
    OK(s);
    trim.limit = 1;
    OK(trim);
    assert_int_equal(last.changes[0].touched, 1);
    assert_string_equal(hear(ada, 0), "joined:den: created:kept read:den");
    trim.limit = 1000;
    OK(trim);
    assert_int_equal(last.changes[0].touched, 2);
    assert_string_equal(hear(ada, 0), "created:kept read:den");
    ASK("lives/1", .kind = NC_Q_SESSIONS, .id = ADA);
    assert_true(w.store->info.head == 4);
}

static void events_of_other_origins_keep_their_numbers(void **state)
{
    struct nc_change m = say(DEN, ADA, 101, "from afar");
    struct nc_room_since den = {DEN, 0};

    (void)state;
    OK(room(DEN, "den"));
    m.event.origin = id(77);
    m.event.origin_seq = 40;
    OK(m);
    assert_true(last.changes[0].event.seq == 2 && last.changes[0].event.origin_seq == 40);
    m.message.id = mid(102);
    m.event.ref = m.message.id;
    REFUSED(m, NC_EEXIST); /* that event is known */
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(102)});
    assert_int_equal(answer.rows, 0);
    OK(say(DEN, ADA, 103, "ours"));
    assert_true(last.changes[0].event.seq == 3 && last.changes[0].event.origin_seq == 2);
    assert_true(w.store->info.head == 3 && w.store->info.own_head == 2);
    hear((struct nc_audience_of){.user = ADA, .rooms = &den, .rooms_n = 1}, 1);
    assert_string_equal(answer.text, "created:from afar created:ours");
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define ALL                                                                              \
    T(usernames_are_taken_once_and_for_ever), T(sessions_rotate_by_one_generation),      \
        T(ending_all_sessions_may_spare_one),                                            \
        T(deleting_an_account_erases_its_sessions_and_keys), T(keys_are_found_by_hash),  \
        T(invites_are_used_up), T(meta_keeps_the_newest_value),                          \
        T(rooms_are_changed_hidden_and_erased), T(every_field_of_a_room_comes_back),     \
        T(members_come_go_and_change_roles), T(bans_are_set_changed_and_lifted),         \
        T(every_field_of_a_message_comes_back), T(a_client_id_works_once),               \
        T(a_command_is_remembered_with_its_answer), T(editing_and_deleting),             \
        T(a_generated_answer_grows_and_completes), T(expiry_erases_the_oldest_by_id),    \
        T(history_pages_in_all_directions), T(late_messages_are_read_where_they_belong), \
        T(messages_bear_the_present_names_of_their_senders),                             \
        T(clearing_hides_what_is_there), T(own_messages_come_in_log_order),              \
        T(unread_counts_others_messages_after_the_marker),                               \
        T(read_markers_only_go_forward), T(late_messages_are_unread_until_seen),         \
        T(an_answer_is_unread_once_it_is_complete), T(deleted_messages_are_not_unread),  \
        T(unread_counts_stop_at_a_thousand), T(the_log_says_what_live_would_have_said),  \
        T(who_is_put_out_learns_of_it), T(replay_shows_the_present),                     \
        T(every_field_of_an_event_comes_back), T(the_log_comes_in_pages),                \
        T(trimming_keeps_what_messages_need),                                            \
        T(events_of_other_origins_keep_their_numbers),                                   \
        T(a_commit_happens_whole_or_not_at_all), T(a_refused_commit_fails_alone),        \
        T(an_empty_commit_is_fine), T(who_was_told_reads_what_was_written),              \
        T(reading_before_the_loop_runs), T(many_queries_at_once),                        \
        T(closing_answers_everything_once), T(what_is_known_from_the_start)

int main(void)
{
    const struct CMUnitTest mem[] = {ALL, T(mem_has_nothing_to_copy)};
    const struct CMUnitTest sqlite[] = {ALL, T(everything_is_there_after_a_restart),
                                        T(a_backup_restores_into_a_new_incarnation)};
    int failed;

    nc_log_level(NC_ERROR);
    scheme = "mem";
    failed = cmocka_run_group_tests_name("mem", mem, NULL, NULL);
    scheme = "sqlite";
    return failed + cmocka_run_group_tests_name("sqlite", sqlite, NULL, NULL);
}
