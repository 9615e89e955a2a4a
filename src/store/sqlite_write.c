#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite.h"
#include "store/sqlite_changes.h"
#include "store/sqlite_merge.h"

/* Statements of the writer: every step of every kind, then these. */
enum {
    W_BEGIN = NC_CHANGE_KINDS * NC_SQLITE_STEPS,
    W_COMMIT,
    W_SAVE,
    W_UNDO,
    W_KEEP,
    W_COUNT,
    W_LOG,
    W_CLAIM,
    W_CLAIMED,
    W_MERGE, /* those of sqlite_merge.h */
    W_N = W_MERGE + M_N
};

/* "to" is a word of SQL. */
static const struct nc_sqlite_def own[W_MERGE - W_BEGIN] = {
    [W_BEGIN - W_BEGIN] = {.sql = "BEGIN IMMEDIATE"},
    [W_COMMIT - W_BEGIN] = {.sql = "COMMIT"},
    [W_SAVE - W_BEGIN] = {.sql = "SAVEPOINT one"},
    [W_UNDO - W_BEGIN] = {.sql = "ROLLBACK TO one"},
    [W_KEEP - W_BEGIN] = {.sql = "RELEASE one"},
    /* `batches` makes sure that something is written, also for a probe. */
    [W_COUNT - W_BEGIN] = {.sql = "UPDATE counter SET head = :head, own_head = :own_head,"
                                  " hlc = :hlc, messages = :messages,"
                                  " batches = batches + 1"},
    [W_LOG - W_BEGIN] = {.sql = "INSERT INTO log VALUES (:seq, :number, :origin_seq, :hlc,"
                                " :kind, :audience, :to, :ref, :subject, :actor, :reason,"
                                " :body_hash)",
                         .in = nc_fields_event},
    [W_CLAIM - W_BEGIN] = {.sql = "INSERT INTO client VALUES (:client_id, :sender,"
                                  " :message, :notice, :created) ON CONFLICT DO NOTHING",
                           .in = nc_fields_message},
    [W_CLAIMED - W_BEGIN] = {.sql = "SELECT message, notice FROM client"
                                    " WHERE client_id = :client_id AND sender = :sender",
                             .in = nc_fields_message},
};

static struct nc_sqlite_def defs[W_N];

static void make_defs(void)
{
    for (unsigned k = 0; k < NC_CHANGE_KINDS; k++)
        for (unsigned i = 0; i < NC_SQLITE_STEPS; i++)
            defs[k * NC_SQLITE_STEPS + i] = (struct nc_sqlite_def){
                .sql = nc_sqlite_kinds[k].steps[i].sql,
                .in = nc_sqlite_kinds[k].fields,
                .out = nc_sqlite_kinds[k].steps[i].out ? nc_sqlite_kinds[k].fields : NULL,
            };
    memcpy(defs + W_BEGIN, own, sizeof(own));
    memcpy(defs + W_MERGE, nc_sqlite_merge_defs, sizeof(nc_sqlite_merge_defs));
    memcpy(defs + W_MERGE + M_STATE, nc_sqlite_states, sizeof(nc_sqlite_states));
}

/* ---- opening ------------------------------------------------------------- */

enum nc_err nc_sqlite_writer_load(struct nc_sqlite_writer *w)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(w->conn.db,
                                "SELECT head, own_head, hlc, messages, no, id"
                                " FROM counter, incarnation WHERE current",
                                -1, &s, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 5) == sizeof(w->counter.incarnation)) {
        w->counter = (struct nc_sqlite_counter){
            .head = (uint64_t)sqlite3_column_int64(s, 0),
            .own_head = (uint64_t)sqlite3_column_int64(s, 1),
            .hlc = (uint64_t)sqlite3_column_int64(s, 2),
            .messages = (uint64_t)sqlite3_column_int64(s, 3),
            .origin = (uint64_t)sqlite3_column_int64(s, 4),
        };
        memcpy(&w->counter.incarnation, sqlite3_column_blob(s, 5),
               sizeof(w->counter.incarnation));
    } else if (!w->failing) {
        nc_log(NC_ERROR, "store.damaged", "path=%s code=%d reason=\"no incarnation\"",
               nc_log_q(nc_str(w->path)), rc);
    }
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? NC_OK : rc == SQLITE_DONE ? NC_EINVAL : NC_EIO;
}

int nc_sqlite_writer_open(struct nc_sqlite_writer *w, const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_defs);
    w->path = path;
    if (!w->merging)
        w->merging = nc_alloc(sizeof(*w->merging));
    w->merging->w = w;
    w->merging->base = W_MERGE;
    nc_sqlite_merging_forget(w->merging);
    return nc_sqlite_conn_open(&w->conn, path, true, defs, W_N);
}

void nc_sqlite_writer_close(struct nc_sqlite_writer *w)
{
    nc_sqlite_conn_close(&w->conn);
    if (w->merging)
        nc_sqlite_merging_fini(w->merging);
    free(w->merging);
    w->merging = NULL;
}

enum nc_err nc_sqlite_writer_settle(struct nc_sqlite_writer *w)
{
    return nc_sqlite_settle(w->merging);
}

enum nc_err nc_sqlite_writer_keep(struct nc_sqlite_writer *w)
{
    int rc = sqlite3_open_v2(w->path, &w->keeper,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK) /* reads, so that it is really there */
        rc = sqlite3_exec(w->keeper, "PRAGMA cache_size = 1; SELECT 1 FROM counter", NULL,
                          NULL, NULL);
    return rc == SQLITE_OK ? NC_OK : nc_sqlite_refuse(w->path, rc);
}

/* ---- one change ---------------------------------------------------------- */

/* What a statement came to, beside nc_err: the transaction can't go on, or a
 * uniqueness nobody asked about before refused it. */
enum outcome { FINE, NOTHING, REFUSED, BROKEN, CLASHED };

struct change_run {
    struct nc_sqlite_writer *w;
    struct nc_commit *commit;
    struct nc_change *ch;
    uint64_t pos; /* the log position it will have, or the head */
    enum nc_err why;
};

static enum outcome judge(int rc)
{
    if (rc == SQLITE_DONE || rc == SQLITE_ROW)
        return FINE;
    return (rc & 0xff) == SQLITE_CONSTRAINT ? CLASHED : BROKEN;
}

/* A statement of `own` without parameters. */
static enum outcome run(struct nc_sqlite_writer *w, unsigned i)
{
    struct nc_sqlite_stmt *s = nc_sqlite_bind(&w->conn, i, NULL);

    return s ? judge(nc_sqlite_step(s)) : BROKEN;
}

/* Takes (sender, client id), or finds what it was used for. */
static enum outcome claim(struct change_run *r)
{
    const struct nc_message *m = &r->ch->message;
    bool command = r->ch->kind == NC_COMMAND_RUN;
    static const struct nc_id none; /* NULL */

    if (nc_id_zero(&m->client_id))
        return FINE;
    struct nc_sqlite_stmt *s = nc_sqlite_bind(&r->w->conn, W_CLAIM, m);
    if (!s)
        return BROKEN;
    nc_sqlite_bind_field(s, ":message", NC_F_ID, command ? &none : &m->id);
    nc_sqlite_bind_field(s, ":notice", command ? NC_F_BLOB : NC_F_ID,
                         command ? (const void *)&m->body : &none);
    nc_sqlite_bind_field(s, ":created", command ? NC_F_U64 : NC_F_ID,
                         command ? (const void *)&m->created_ms : &none);
    enum outcome o = judge(nc_sqlite_step(s));
    if (o != FINE || sqlite3_changes(r->w->conn.db) == 1)
        return o;

    s = nc_sqlite_bind(&r->w->conn, W_CLAIMED, m);
    if (!s || nc_sqlite_step(s) != SQLITE_ROW)
        return BROKEN;
    if (sqlite3_column_bytes(s->stmt, 0) == sizeof(r->commit->existing))
        memcpy(&r->commit->existing, sqlite3_column_blob(s->stmt, 0),
               sizeof(r->commit->existing));
    else
        nc_buf_add(&r->commit->notice, sqlite3_column_blob(s->stmt, 1),
                   (size_t)sqlite3_column_bytes(s->stmt, 1));
    nc_sqlite_reset(s);
    r->why = NC_EEXIST;
    return REFUSED;
}

/* The union's records all begin at the same place. */
static void *record_of(struct nc_change *ch) { return &ch->account; }

/* Parameters that are no fields of the record. */
static void bind_others(struct nc_sqlite_stmt *s, const struct change_run *r)
{
    const struct nc_change *ch = r->ch;

    nc_sqlite_bind_u64(s, ":pos", r->pos);
    nc_sqlite_bind_u64(s, ":head", r->w->counter.head);
    if (ch->kind == NC_TRIM) {
        nc_sqlite_bind_u64(s, ":before_ms", ch->before_ms);
        nc_sqlite_bind_u64(s, ":now", nc_wall_ms());
    }
    nc_sqlite_bind_u64(s, ":left", ch->limit - ch->touched);
}

static enum outcome run_step(struct change_run *r, const struct nc_sqlite_step *step,
                             unsigned i)
{
    struct nc_sqlite_stmt *s = nc_sqlite_bind(&r->w->conn, i, record_of(r->ch));
    struct nc_id before;

    if (!s)
        return BROKEN;
    bind_others(s, r);
    if (r->ch->kind == NC_ROOM_ERASE) {
        memset(&before, 0xff, sizeof(before));
        nc_sqlite_bind_field(s, ":room", NC_F_KEY, &r->ch->room.id);
        nc_sqlite_bind_field(s, ":before", NC_F_KEY, &before);
    } else if (r->ch->kind == NC_MESSAGES_EXPIRE) {
        memset(&before, 0, sizeof(before));
        for (int k = 0; k < 6; k++)
            before.b[k] = (uint8_t)(r->ch->message.created_ms >> (40 - 8 * k));
        nc_sqlite_bind_field(s, ":before", NC_F_KEY, &before);
    }
    int rc = nc_sqlite_step(s);
    int rows = rc == SQLITE_ROW;
    if (!sqlite3_stmt_readonly(s->stmt))
        rows = sqlite3_changes(r->w->conn.db);
    if (rc == SQLITE_ROW) {
        if (step->out)
            nc_sqlite_columns(s, record_of(r->ch));
        nc_sqlite_reset(s);
    }
    if (judge(rc) != FINE)
        return judge(rc);
    if (step->counts)
        r->ch->touched += (uint64_t)rows;
    if (rows == 0 && step->none != NC_OK) {
        r->why = step->none;
        return step->none == NC_AGAIN ? NOTHING : REFUSED;
    }
    return FINE;
}

/* `since`: where the record that it announces begins. */
static enum outcome log_event(struct nc_sqlite_writer *w, struct nc_event *e,
                              struct nc_log_mark since)
{
    struct nc_sqlite_merging *x = w->merging;
    bool ours = nc_id_zero(&e->origin) || nc_id_eq(&e->origin, &w->counter.incarnation);

    if (ours) {
        e->origin = w->counter.incarnation;
        e->origin_seq = ++w->counter.own_head;
    } else {
        nc_sqlite_merge_ops.set_origin(x, &e->origin, e->origin_seq);
    }
    e->seq = ++w->counter.head;
    if (e->hlc > w->counter.hlc)
        w->counter.hlc = e->hlc;
    uint64_t no = nc_sqlite_origin_no(x, &e->origin);
    struct nc_sqlite_stmt *s = x->broken ? NULL : nc_sqlite_bind(&w->conn, W_LOG, e);
    if (!s)
        return BROKEN;
    nc_sqlite_bind_u64(s, ":number", no);
    if (ours)
        nc_log_tail_add(&w->tail, e, since);
    return judge(nc_sqlite_step(s));
}

/* Not one that came from another node in an older way: with its origin, by itself. */
static bool is_own(const struct change_run *r)
{
    const struct nc_id *origin = &r->ch->event.origin;

    return nc_id_zero(origin) || nc_id_eq(origin, &r->w->counter.incarnation);
}

static void note_message(struct change_run *r)
{
    const struct nc_message *m = &r->ch->message;
    uint64_t stamp = nc_hlc_of(&m->id);

    nc_sqlite_known_said(&r->w->merging->known, &m->room, &m->id);
    r->w->counter.messages++;
    if (stamp > r->w->counter.hlc)
        r->w->counter.hlc = stamp;
}

/* The rules of merge.h at work on this change. */
static struct nc_merging merging(struct change_run *r)
{
    struct nc_sqlite_merging *x = r->w->merging;

    x->pos = r->pos;
    x->broken = false;
    return (struct nc_merging){.ops = &nc_sqlite_merge_ops,
                               .db = x,
                               .own = r->w->counter.incarnation,
                               .pos = r->pos,
                               .records = r->w->tail.on ? &r->w->tail.records : NULL};
}

static enum outcome refused(struct change_run *r, enum nc_err why)
{
    if (r->w->merging->broken)
        return BROKEN;
    r->why = why;
    return why == NC_OK ? FINE : REFUSED;
}

static enum outcome run_merge(struct change_run *r)
{
    struct nc_merging m = merging(r);
    struct nc_merged *out = r->ch->merge.out, mine;

    if (r->ch->kind == NC_ORIGIN_SKIP)
        return refused(r, nc_merge_skip(&m, r->ch));
    if (!out)
        r->ch->merge.out = &mine;
    enum outcome o = refused(r, nc_merge_foreign(&m, r->ch));
    struct nc_log_mark since = nc_log_tail_mark(&r->w->tail);
    if (o == FINE)
        o = log_event(r->w, &r->ch->event, since);
    struct nc_event *also = r->ch->merge.out->also;
    for (unsigned i = 0; o == FINE && i < NC_ALSO_MAX && also[i].kind; i++)
        o = log_event(r->w, &also[i], since);
    r->ch->merge.out = out;
    return o;
}

static enum outcome run_renew(struct change_run *r)
{
    enum nc_err e = nc_sqlite_renew(r->w, &r->ch->segment);

    if (e == NC_EIO)
        return BROKEN;
    if (e == NC_OK) /* what this batch says of the old name nobody needs */
        nc_log_tail_cut(&r->w->tail, (struct nc_log_mark){0});
    r->why = e;
    return e == NC_OK ? FINE : REFUSED;
}

static enum outcome run_steps(struct change_run *r)
{
    const struct nc_sqlite_kind *kind = &nc_sqlite_kinds[r->ch->kind];
    struct nc_merging m = merging(r);
    enum outcome o = refused(r, nc_merge_may(&m, r->ch));

    if (r->ch->kind == NC_MESSAGE_INSERT)
        r->ch->message.seq = r->pos;
    if (o == FINE && kind->claims)
        o = claim(r);
    for (unsigned i = 0; o == FINE && i < NC_SQLITE_STEPS && kind->steps[i].sql; i++)
        o = run_step(r, &kind->steps[i], r->ch->kind * NC_SQLITE_STEPS + i);
    if (o == FINE && kind->mentions)
        nc_sqlite_mention(r->w->merging, &r->ch->message);
    if (o == FINE && r->ch->kind == NC_MESSAGE_INSERT)
        note_message(r);
    if (o == FINE && kind->erases)
        r->w->counter.messages -= r->ch->touched;
    if (o == FINE && is_own(r))
        nc_merge_local(&m, r->ch);
    return o == FINE ? refused(r, NC_OK) : o;
}

/* What changes rooms, accounts, or takes messages away, beside the ways of sqlite_merge.h.
 */
static bool is_sweeping(enum nc_change_kind k)
{
    return k <= NC_ACCOUNT_DELETE || (k >= NC_ROOM_INSERT && k <= NC_ROOM_ERASE) ||
           k == NC_ORIGIN_RENEW || nc_sqlite_kinds[k].erases;
}

static enum outcome run_change(struct change_run *r)
{
    bool logged = r->ch->event.kind != NC_EV_NONE;

    if (r->ch->kind <= NC_ACCOUNT_DELETE)
        r->w->people = true;
    r->pos = r->w->counter.head + logged;
    r->ch->event.seq = 0;
    r->ch->touched = 0;
    if (is_sweeping(r->ch->kind)) {
        if (!nc_sqlite_merging_flush(r->w->merging))
            return BROKEN;
        nc_sqlite_merging_forget(r->w->merging);
    }
    if (r->ch->kind == NC_MERGE || r->ch->kind == NC_ORIGIN_SKIP)
        return run_merge(r);
    if (r->ch->kind == NC_ORIGIN_RENEW)
        return run_renew(r);
    struct nc_log_mark since = nc_log_tail_mark(&r->w->tail);
    enum outcome o = run_steps(r);
    return o == FINE && logged ? log_event(r->w, &r->ch->event, since) : o;
}

/* ---- one commit ---------------------------------------------------------- */

/* Kinds refuse before they write, so a commit of one change needs no savepoint, nor does
 * one that stays as far as it came. */
static enum outcome run_commit(struct nc_sqlite_writer *w, struct nc_commit *c,
                               bool careful)
{
    struct nc_sqlite_counter before = w->counter;
    struct nc_log_mark since = nc_log_tail_mark(&w->tail);
    bool save = careful || (c->n > 1 && !c->partly);
    enum outcome o = FINE;

    c->err = NC_OK;
    c->applied = 0;
    c->existing = (struct nc_id){{0}};
    nc_buf_clear(&c->notice);
    if (save)
        o = run(w, W_SAVE);
    for (c->failed = 0; o == FINE && c->failed < c->n; c->failed++) {
        struct change_run r = {.w = w, .commit = c, .ch = &c->changes[c->failed]};
        o = run_change(&r);
        if (o == NOTHING)
            o = FINE;
        if (o == REFUSED)
            c->err = r.why;
        if (o == CLASHED && careful) { /* an id that is there, told as such */
            c->err = NC_EEXIST;
            if (r.ch->kind == NC_MESSAGE_INSERT)
                c->existing = r.ch->message.id;
        }
        if (o != FINE)
            break;
    }
    if (o == REFUSED && c->partly)
        o = FINE;
    if (o == FINE && !nc_sqlite_merging_flush(w->merging))
        o = BROKEN;
    w->dirty = w->dirty || (o == FINE && (c->err == NC_OK || c->failed > 0));
    if (o == FINE) {
        c->applied = c->failed;
        return save ? run(w, W_KEEP) : FINE;
    }
    w->counter = before;
    nc_log_tail_cut(&w->tail, since);
    nc_sqlite_merging_forget(w->merging);
    if (save && (o == REFUSED || o == CLASHED)) {
        enum outcome undone = run(w, W_UNDO);
        if (undone == FINE)
            undone = run(w, W_KEEP);
        return undone == FINE ? REFUSED : BROKEN;
    }
    return o;
}

/* ---- one batch: the transaction ------------------------------------------ */

static void forget(struct nc_list *batch)
{
    nc_list_each(n, batch) {
        struct nc_commit *c = nc_of(n, struct nc_commit, node);
        c->err = NC_EIO;
        c->applied = 0;
        c->existing = (struct nc_id){{0}};
        for (unsigned i = 0; i < c->n; i++)
            c->changes[i].event.seq = 0;
    }
}

static enum outcome count(struct nc_sqlite_writer *w)
{
    struct nc_sqlite_stmt *s = nc_sqlite_bind(&w->conn, W_COUNT, NULL);

    if (!s)
        return BROKEN;
    nc_sqlite_bind_u64(s, ":head", w->counter.head);
    nc_sqlite_bind_u64(s, ":own_head", w->counter.own_head);
    nc_sqlite_bind_u64(s, ":hlc", w->counter.hlc);
    nc_sqlite_bind_u64(s, ":messages", w->counter.messages);
    return judge(nc_sqlite_step(s));
}

static enum outcome transaction(struct nc_sqlite_writer *w, struct nc_list *batch,
                                bool careful)
{
    enum outcome o = run(w, W_BEGIN);

    nc_log_tail_cut(&w->tail, (struct nc_log_mark){0});
    w->dirty = w->failing;
    w->people = false;
    if (o != FINE)
        return BROKEN;
    nc_list_each(n, batch) {
        o = run_commit(w, nc_of(n, struct nc_commit, node), careful);
        if (o == BROKEN || o == CLASHED)
            return o;
    }
    if (w->dirty)
        o = count(w);
    else
        o = FINE;
    return o == FINE && run(w, W_COMMIT) == FINE ? FINE : BROKEN;
}

/* After an error nobody knows what the connection believes, so it is opened anew.
 * Closing must not checkpoint: that is for a disk that works. */
static void give_up(struct nc_sqlite_writer *w)
{
    int code = sqlite3_extended_errcode(w->conn.db);
    int error = code == SQLITE_FULL ? ENOSPC : sqlite3_system_errno(w->conn.db);

    if (!w->failing)
        nc_log(NC_ERROR, "store.failing", "path=%s errno=%d code=%d reason=%s",
               nc_log_q(nc_str(w->path)), error, code,
               nc_log_q(nc_str(sqlite3_errstr(code))));
    w->failing = true;
    sqlite3_db_config(w->conn.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    nc_sqlite_conn_close(&w->conn); /* rolls back */
}

static bool write_batch(struct nc_sqlite_writer *w, struct nc_list *batch)
{
    if (!w->conn.db) {
        if (nc_sqlite_writer_open(w, w->path) != SQLITE_OK)
            return false;
        if (nc_sqlite_writer_load(w) != NC_OK) {
            nc_sqlite_conn_close(&w->conn);
            return false;
        }
    }
    struct nc_sqlite_counter before = w->counter;
    enum outcome o = transaction(w, batch, false);
    if (o != FINE)
        nc_sqlite_merging_forget(w->merging);
    if (o == CLASHED) { /* rare: begin again, with a savepoint around each commit */
        w->counter = before;
        o = sqlite3_exec(w->conn.db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK
                ? transaction(w, batch, true)
                : BROKEN;
    }
    if (o == FINE) {
        if (w->people)
            atomic_fetch_add(&w->people_changes, 1);
        return true;
    }
    w->counter = before;
    give_up(w);
    return false;
}

void nc_sqlite_writer_run(struct nc_sqlite_writer *w, struct nc_list *batch)
{
    struct nc_sqlite_result *result = nc_alloc(sizeof(*result));
    uint64_t begun = nc_mono_ns();

    w->tail.on = atomic_load_explicit(&w->listened, memory_order_relaxed);
    bool ok = write_batch(w, batch);

    if (!ok) {
        forget(batch);
        nc_log_tail_cut(&w->tail, (struct nc_log_mark){0});
        w->failing = true;
    } else if (w->failing) {
        nc_log(NC_INFO, "store.recovered", "path=%s", nc_log_q(nc_str(w->path)));
        w->failing = false;
    }
    result->counter = w->counter;
    result->ns = nc_mono_ns() - begun;
    result->failed = !ok;
    result->tail = w->tail;
    w->tail = (struct nc_log_tail){0};
    pthread_mutex_lock(&w->lock);
    nc_list_add(&w->results, &result->node);
    pthread_mutex_unlock(&w->lock);
}

struct nc_sqlite_result *nc_sqlite_writer_result(struct nc_sqlite_writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct nc_list *n = nc_list_pop(&w->results);
    pthread_mutex_unlock(&w->lock);
    return n ? nc_of(n, struct nc_sqlite_result, node) : NULL;
}
