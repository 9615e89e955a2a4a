/* A loop and an SQLite store in a folder of their own, and the few words that the
 * tests of the backend speak with them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "store/store.h"

struct world {
    struct nc_loop *loop;
    struct nc_store *store;
    char dir[64], path[80], url[112];
    struct nc_hlc clock;
};

static struct world w;

static int world_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    snprintf(w.dir, sizeof(w.dir), "/tmp/nc-sqlite-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(w.path, sizeof(w.path), "%s/t.db", w.dir);
    snprintf(w.url, sizeof(w.url), "sqlite:%s", w.path);
    nc_hlc_init(&w.clock, 0);
    assert_int_equal(nc_loop_new(&w.loop), NC_OK);
    assert_int_equal(nc_store_open(&w.store, w.loop, w.url, NULL), NC_OK);
    return 0;
}

static void world_close(void)
{
    if (w.store)
        w.store->ops->close(w.store);
    w.store = NULL;
}

static int world_down(void **state)
{
    char cmd[128];

    (void)state;
    world_close();
    nc_loop_free(w.loop);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", w.dir);
    return system(cmd);
}

static enum nc_err world_open(void) { return nc_store_open(&w.store, w.loop, w.url, NULL); }

static const struct nc_id den = {{1, 2, 3, [6] = 0x70, [15] = 1}};
static const struct nc_id ada = {{1, 2, 3, [6] = 0x70, [15] = 2}};

struct send {
    struct nc_commit c;
    struct nc_change ch;
    int calls;
    enum nc_err e;
};

static unsigned untold;

static void on_sent(struct nc_commit *c, enum nc_err e)
{
    struct send *s = nc_of(c, struct send, c);

    s->calls++;
    s->e = e;
    if (--untold == 0)
        nc_loop_stop(w.loop);
}

static void prepare(struct send *s, struct nc_str body)
{
    uint64_t stamp = nc_hlc_now(&w.clock);

    memset(s, 0, sizeof(*s));
    s->ch.kind = NC_MESSAGE_INSERT;
    s->ch.message = (struct nc_message){.id = nc_hlc_id(stamp),
                                        .room = den,
                                        .sender = ada,
                                        .client_id = nc_id_random(),
                                        .body = body};
    s->ch.event = (struct nc_event){.kind = NC_EV_MESSAGE_CREATED,
                                    .audience = NC_AUD_ROOM,
                                    .to = den,
                                    .ref = s->ch.message.id,
                                    .hlc = stamp};
    s->c.changes = &s->ch;
    s->c.n = 1;
    s->c.done = on_sent;
}

static void submit(struct send *s, const char *body)
{
    prepare(s, nc_str(body));
    untold++;
    w.store->ops->commit(w.store, &s->c);
}

/* Until everybody was told: a failing store tries again for ever, so the loop would. */
static void settle(void)
{
    while (untold > 0)
        nc_loop_run(w.loop);
}

static inline enum nc_err say(const char *body)
{
    struct send s;

    submit(&s, body);
    settle();
    assert_int_equal(s.calls, 1);
    return s.e;
}

/* How many messages the room has. */
static unsigned seen;

static void on_seen(struct nc_query *q, const struct nc_row *row)
{
    (void)q, (void)row;
    seen++;
}

static inline unsigned count_messages(void)
{
    struct nc_query q = {
        .kind = NC_Q_HISTORY, .room = den, .limit = 1000000, .row = on_seen};

    seen = 0;
    assert_int_equal(nc_store_read_now(w.store, &q), NC_OK);
    return seen;
}

static inline void sql(const char *path, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000); /* a store may have it open */
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static inline long long number(const char *path, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *s;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    long long n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

/* A change of a message, to its end. */
static inline void change(struct send *s, enum nc_change_kind kind, struct nc_message m)
{
    prepare(s, nc_str(""));
    s->ch.kind = kind;
    s->ch.message = m;
    s->ch.limit = 100;
    untold = 1;
    w.store->ops->commit(w.store, &s->c);
    settle();
    assert_int_equal(s->e, NC_OK);
}
