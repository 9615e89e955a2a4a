#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite_merge.h"

/*
 * Databases of before there were several nodes: their log rows say what happened, but most
 * carry no digest of it, and rows of what is old may be trimmed.  No other node has seen
 * them, so they may still be completed; where a state has no event any more, it gets one.
 */

struct settling {
    struct nc_sqlite_merging *x;
    sqlite3 *db;
    int rc; /* the first error, or SQLITE_OK */
};

struct known {
    struct nc_state_key key;
    uint64_t ms; /* since when, wall time */
};

static void check(struct settling *t, int rc)
{
    if (t->rc == SQLITE_OK && rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
        t->rc = rc;
}

static sqlite3_stmt *prepare(struct settling *t, const char *sql)
{
    sqlite3_stmt *s = NULL;

    check(t, sqlite3_prepare_v2(t->db, sql, -1, &s, NULL));
    return s;
}

static bool row(struct settling *t, sqlite3_stmt *s)
{
    int rc = s && t->rc == SQLITE_OK ? sqlite3_step(s) : SQLITE_DONE;

    check(t, rc);
    return rc == SQLITE_ROW;
}

static void exec(struct settling *t, const char *sql)
{
    if (t->rc == SQLITE_OK)
        check(t, sqlite3_exec(t->db, sql, NULL, NULL, NULL));
}

static void set_hash(struct settling *t, sqlite3_stmt *s, uint64_t seq,
                     const struct nc_record *r)
{
    uint8_t hash[NC_STATE_HASH];

    if (!s)
        return;
    nc_record_hash(r, hash);
    sqlite3_reset(s);
    sqlite3_bind_blob(s, 1, hash, sizeof(hash), SQLITE_TRANSIENT);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)seq);
    (void)row(t, s);
}

/* ---- accounts, rooms and so on: few -------------------------------------- */

static const struct {
    enum nc_state_kind kind;
    enum nc_event_kind event;
    const char *sql;
} tables[] = {
    {NC_STATE_ACCOUNT, NC_EV_ACCOUNT_UPDATED, "SELECT id, NULL, created_ms FROM account"},
    {NC_STATE_ROOM, NC_EV_ROOM_UPDATED, "SELECT id, NULL, created_ms FROM room"},
    {NC_STATE_MEMBER, NC_EV_MEMBER_UPDATED, "SELECT room, user, joined_ms FROM member"},
    {NC_STATE_BAN, NC_EV_BAN_SET, "SELECT room, user, created_ms FROM ban"},
    {NC_STATE_PERSONA, NC_EV_PERSONA_SET, "SELECT user, NULL, created_ms FROM persona"},
    {NC_STATE_KEY, NC_EV_KEY_SET, "SELECT id, user, created_ms FROM api_key"},
};

static size_t list(struct settling *t, const char *sql, enum nc_state_kind kind,
                   struct known **out)
{
    sqlite3_stmt *s = prepare(t, sql);
    size_t n = 0, cap = 0;

    *out = NULL;
    while (row(t, s)) {
        if (n == cap) {
            cap = cap ? 2 * cap : 64;
            *out = nc_realloc(*out, cap * sizeof(**out));
        }
        struct known *k = &(*out)[n++];
        *k = (struct known){.key.kind = kind, .ms = (uint64_t)sqlite3_column_int64(s, 2)};
        for (int i = 0; i < 2; i++)
            if (sqlite3_column_bytes(s, i) == 16)
                memcpy(i ? &k->key.b : &k->key.a, sqlite3_column_blob(s, i), 16);
    }
    sqlite3_finalize(s);
    return n;
}

/* Nobody but administrators could hear of it, and nothing is new. */
static void log_state(struct settling *t, sqlite3_stmt *s, enum nc_event_kind kind,
                      const struct known *k, const struct nc_record *r)
{
    struct nc_sqlite_counter *c = &t->x->w->counter;
    bool subject = k->key.kind == NC_STATE_ACCOUNT || k->key.kind == NC_STATE_PERSONA;
    const struct nc_id *ids[2] = {subject ? NULL : &k->key.a,
                                  subject ? &k->key.a : &k->key.b};
    struct nc_stamp stamp = {.hlc = k->ms << 12,
                             .origin = t->x->w->counter.incarnation,
                             .origin_seq = c->own_head + 1,
                             .seq = c->head + 1};
    uint8_t hash[NC_STATE_HASH];

    if (!s)
        return;
    nc_record_hash(r, hash);
    sqlite3_reset(s);
    sqlite3_bind_int64(s, 1, (sqlite3_int64)++c->head);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)t->x->w->counter.origin);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)++c->own_head);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)stamp.hlc);
    sqlite3_bind_int64(s, 5, kind);
    for (int i = 0; i < 2; i++)
        if (ids[i] && !nc_id_zero(ids[i]))
            sqlite3_bind_blob(s, 6 + i, ids[i]->b, 16, SQLITE_TRANSIENT);
        else
            sqlite3_bind_null(s, 6 + i);
    sqlite3_bind_blob(s, 8, hash, sizeof(hash), SQLITE_TRANSIENT);
    (void)row(t, s);
    nc_sqlite_merge_ops.set_stamp(t->x, &k->key, &stamp);
}

/* Who made a room is in it without an event. */
static bool needs_no_event(struct settling *t, const struct nc_record *r)
{
    struct nc_record room;

    if (r->kind != NC_STATE_MEMBER)
        return false;
    struct nc_state_key k = nc_state_key(NC_STATE_ROOM, &r->member.room, NULL);
    return nc_sqlite_merge_ops.get(t->x, &k, &room) &&
           nc_id_eq(&room.room.created_by, &r->member.user) &&
           r->member.role == (room.room.kind == NC_DIRECT ? NC_MEMBER : NC_OWNER);
}

static void settle_states(struct settling *t)
{
    sqlite3_stmt *update = prepare(t, "UPDATE log SET body_hash = ? WHERE seq = ?");
    sqlite3_stmt *insert = prepare(t, "INSERT INTO log (seq, origin, origin_seq, hlc, kind,"
                                      " ref, subject, body_hash, audience, reason)"
                                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)");

    for (unsigned i = 0; i < NC_COUNT(tables); i++) {
        struct known *all;
        size_t n = list(t, tables[i].sql, tables[i].kind, &all);
        for (size_t k = 0; k < n && !t->x->broken; k++) {
            struct nc_record r;
            struct nc_stamp stamp;
            if (!nc_sqlite_merge_ops.get(t->x, &all[k].key, &r))
                continue;
            if (nc_sqlite_merge_ops.stamp(t->x, &all[k].key, &stamp))
                set_hash(t, update, stamp.seq, &r);
            else if (!needs_no_event(t, &r))
                log_state(t, insert, tables[i].event, &all[k], &r);
        }
        free(all);
    }
    sqlite3_finalize(update);
    sqlite3_finalize(insert);
}

/* ---- messages: many ------------------------------------------------------ */

/* What one became after it was said may have no row any more: that of its making says how
 * it is now. */
static void settle_messages(struct settling *t)
{
    sqlite3_stmt *update = prepare(t, "UPDATE log SET body_hash = ? WHERE seq = ?");
    sqlite3_stmt *s =
        prepare(t, "SELECT message.id, log.seq, body_hash FROM message JOIN log"
                   " ON log.seq = message.seq AND log.ref = message.id WHERE deleted = 0");

    while (row(t, s) && !t->x->broken) {
        struct nc_state_key k = {.kind = NC_STATE_MESSAGE};
        struct nc_record r;
        uint8_t hash[NC_STATE_HASH] = {0};
        memcpy(&k.a, sqlite3_column_blob(s, 0), sizeof(k.a));
        if (sqlite3_column_bytes(s, 2) == sizeof(hash))
            memcpy(hash, sqlite3_column_blob(s, 2), sizeof(hash));
        if (nc_sqlite_merge_ops.get(t->x, &k, &r) && !nc_record_fits(&r, hash))
            set_hash(t, update, (uint64_t)sqlite3_column_int64(s, 1), &r);
    }
    sqlite3_finalize(s);
    sqlite3_finalize(update);
}

/* ---- once ---------------------------------------------------------------- */

static bool is_settled(struct settling *t)
{
    sqlite3_stmt *s = prepare(t, "SELECT settled FROM counter");
    bool yes = row(t, s) && sqlite3_column_int(s, 0);

    sqlite3_finalize(s);
    return yes;
}

static void settle(struct settling *t)
{
    struct nc_sqlite_counter *c = &t->x->w->counter;

    exec(t, "BEGIN IMMEDIATE");
    settle_states(t);
    settle_messages(t);
    sqlite3_stmt *s = prepare(t, "UPDATE counter SET settled = 1, head = ?, own_head = ?");
    if (s) {
        sqlite3_bind_int64(s, 1, (sqlite3_int64)c->head);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)c->own_head);
        (void)row(t, s);
    }
    sqlite3_finalize(s);
    if (t->x->broken)
        check(t, sqlite3_extended_errcode(t->db));
    exec(t, "COMMIT");
    if (!sqlite3_get_autocommit(t->db))
        sqlite3_exec(t->db, "ROLLBACK", NULL, NULL, NULL);
}

enum nc_err nc_sqlite_settle(struct nc_sqlite_merging *x)
{
    struct settling t = {.x = x, .db = x->w->conn.db, .rc = SQLITE_OK};
    struct nc_sqlite_counter before = x->w->counter;

    x->broken = false;
    nc_sqlite_merging_forget(x);
    if (!is_settled(&t) && t.rc == SQLITE_OK)
        settle(&t);
    if (t.rc == SQLITE_OK && !x->broken)
        return NC_OK;
    x->w->counter = before;
    return nc_sqlite_refuse(x->w->path, t.rc);
}
