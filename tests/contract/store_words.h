/* The words in which the contract of every store is told: a store to talk to, changes
 * in a line, questions whose rows come back as a line of text. */
#pragma once

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

static inline void reopen(void)
{
    if (w.store)
        w.store->ops->close(w.store);
    assert_int_equal(nc_store_open(&w.store, w.loop, w.url, NULL), NC_OK);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    char cmd[128];

    (void)state;
    w.store->ops->close(w.store);
    nc_loop_free(w.loop);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", w.dir);
    return system(cmd);
}

/* ---- ids and short words for changes ------------------------------------- */

static inline struct nc_id id(unsigned n)
{
    struct nc_id i = {{0}};

    i.b[6] = 0x70;
    i.b[8] = 0x80;
    i.b[14] = (uint8_t)(n >> 8);
    i.b[15] = (uint8_t)n;
    return i;
}

/* A message's: made at `ms`. */
static inline struct nc_id mid(uint64_t ms)
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

static inline struct nc_event event(enum nc_event_kind kind, enum nc_audience audience,
                                    struct nc_id to, struct nc_id ref)
{
    return (struct nc_event){
        .kind = kind, .audience = audience, .to = to, .ref = ref, .hlc = 1000ull << 12};
}

static inline struct nc_change account(struct nc_id user, const char *name)
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

static inline struct nc_change room(struct nc_id r, const char *name)
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

static inline struct nc_change join(struct nc_id r, struct nc_id user)
{
    struct nc_change c = {.kind = NC_MEMBER_SET,
                          .member = {.room = r, .user = user, .joined_ms = 7}};
    c.event = event(NC_EV_MEMBER_JOINED, NC_AUD_ROOM, r, r);
    c.event.subject = user;
    return c;
}

static inline struct nc_change leave(struct nc_id r, struct nc_id user)
{
    struct nc_change c = {.kind = NC_MEMBER_DELETE, .member = {.room = r, .user = user}};

    c.event = event(NC_EV_MEMBER_LEFT, NC_AUD_ROOM, r, r);
    c.event.subject = user;
    c.event.reason = NC_KICKED;
    return c;
}

static inline struct nc_change say(struct nc_id r, struct nc_id sender, uint64_t ms,
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

static inline struct nc_change
change_message(enum nc_change_kind kind, enum nc_event_kind ev, struct nc_id r, uint64_t ms)
{
    struct nc_change c = {.kind = kind, .message = {.id = mid(ms), .room = r}};

    c.event = event(ev, ev ? NC_AUD_ROOM : 0, r, c.message.id);
    return c;
}

static inline struct nc_change delete_message(struct nc_id r, uint64_t ms)
{
    return change_message(NC_MESSAGE_DELETE, NC_EV_MESSAGE_DELETED, r, ms);
}

static inline struct nc_change complete(struct nc_id r, uint64_t ms, const char *body)
{
    struct nc_change c =
        change_message(NC_MESSAGE_COMPLETE, NC_EV_MESSAGE_COMPLETED, r, ms);

    c.message.body = nc_str(body);
    return c;
}

static inline struct nc_change mark_read(struct nc_id r, struct nc_id user, uint64_t ms)
{
    struct nc_change c = {.kind = NC_READ_SET,
                          .member = {.room = r, .user = user, .read_id = mid(ms)}};
    c.event = event(NC_EV_READ, NC_AUD_USER, user, r);
    c.event.subject = user;
    return c;
}

static inline struct nc_change session(struct nc_id s, struct nc_id user,
                                       const char *device, uint64_t used)
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

static inline struct nc_change quiet(struct nc_change c)
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

static inline void on_done(struct nc_commit *c, enum nc_err e)
{
    struct done *d = nc_of(c, struct done, c);

    d->calls++;
    d->e = e;
    d->order = ++dones;
    snprintf(d->notice, sizeof(d->notice), "%.*s", (int)c->notice.n,
             c->notice.p ? c->notice.p : "");
}

static inline void submit(struct done *d)
{
    d->c.changes = d->changes;
    d->c.done = on_done;
    w.store->ops->commit(w.store, &d->c);
    assert_int_equal(d->calls, 0); /* never from inside the call */
}

/* One change, to its end; what came out of it is in `last`. */
static struct done last;

static inline enum nc_err put(struct nc_change change)
{
    last = (struct done){.changes = {change}, .c = {.n = 1}};
    submit(&last);
    nc_loop_run(w.loop);
    assert_int_equal(last.calls, 1);
    return last.e;
}

static inline enum nc_err put2(struct nc_change a, struct nc_change b)
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

static inline void write_text(struct ask *a, const char *fmt, ...) NC_PRINTF(2, 3);
static inline void write_text(struct ask *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(a->text + a->n, sizeof(a->text) - a->n, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof(a->text) - a->n);
    a->n += (size_t)n;
}

static inline void write_message(struct ask *a, const struct nc_message *m)
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

static inline void write_log(struct ask *a, const struct nc_row *row)
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

static inline void write_usage(struct ask *a, const struct nc_usage *u)
{
    write_text(a, "%u:%u/%u:%.*s=%llu/%llu+%llu", u->day, u->user.b[15], u->room.b[15],
               NC_FMT(u->model), (unsigned long long)u->requests,
               (unsigned long long)u->prompt_tokens,
               (unsigned long long)u->completion_tokens);
}

static inline void on_row(struct nc_query *q, const struct nc_row *row)
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
    case NC_Q_RENAMED:
        write_text(a, "%u=%.*s", row->renamed.user.b[15], NC_FMT(row->renamed.took));
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
    case NC_Q_ALTERNATIVES:
        write_text(a, "%u/%u:%.*s", row->alternative.n, row->alternative.state,
                   NC_FMT(row->alternative.body));
        break;
    case NC_Q_PROVIDERS:
        write_text(a, "%.*s=%.*s", NC_FMT(row->provider.name),
                   NC_FMT(row->provider.settings));
        break;
    case NC_Q_PERSONAS:
        write_text(a, "%u=%.*s", row->persona.user.b[15], NC_FMT(row->persona.settings));
        break;
    case NC_Q_JOBS:
    case NC_Q_JOBS_ENDED: write_text(a, "%u/%u", row->job.id.b[15], row->job.state); break;
    case NC_Q_USAGE: write_usage(a, &row->usage); break;
    case NC_Q_SEGMENTS: write_text(a, "%u", row->segment.n); break;
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

static inline void on_asked(struct nc_query *q, enum nc_err e)
{
    struct ask *a = nc_of(q, struct ask, q);

    a->calls++;
    a->e = e;
}

static inline void start(struct ask *a)
{
    a->q.row = on_row;
    a->q.done = on_asked;
    w.store->ops->read(w.store, &a->q);
    assert_int_equal(a->calls, 0);
}

static struct ask answer; /* of the newest question */

static inline const char *ask(struct nc_query q)
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

static inline void people_and_rooms(void)
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

static inline struct nc_member_rec member(struct nc_id r, struct nc_id user)
{
    ask((struct nc_query){.kind = NC_Q_MEMBERS, .room = r, .user = user});
    return answer.member;
}

static inline const char *unread(struct nc_member_rec m)
{
    return ask(
        (struct nc_query){.kind = NC_Q_UNREAD, .user = m.user, .rooms = &m, .rooms_n = 1});
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#define OVER_EVERY_BACKEND(failed, tests)                                     \
    do {                                                                      \
        nc_log_level(NC_ERROR);                                               \
        scheme = "mem";                                                       \
        (failed) += cmocka_run_group_tests_name("mem", tests, NULL, NULL);    \
        scheme = "sqlite";                                                    \
        (failed) += cmocka_run_group_tests_name("sqlite", tests, NULL, NULL); \
    } while (0)
