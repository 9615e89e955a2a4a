#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/audience.h"
#include "store/sqlite.h"
#include "store/sqlite_queries.h"

#define SCAN_MAX 50000 /* log rows in one page of somebody's own messages */

/* ---- running them -------------------------------------------------------- */

struct reading {
    struct nc_sqlite_conn *c;
    struct nc_sqlite_names *names;
    struct nc_query *q;
    int rc; /* the first error, or SQLITE_OK */
};

static struct nc_sqlite_stmt *bind(struct reading *r, unsigned i, const void *record)
{
    struct nc_sqlite_stmt *s = r->rc == SQLITE_OK ? nc_sqlite_bind(r->c, i, record) : NULL;

    if (!s && r->rc == SQLITE_OK)
        r->rc = sqlite3_extended_errcode(r->c->db);
    return s;
}

/* The next row, or false at the end and on error. */
static bool step(struct reading *r, struct nc_sqlite_stmt *s)
{
    int rc = s ? nc_sqlite_step(s) : SQLITE_DONE;

    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        r->rc = rc;
    return rc == SQLITE_ROW;
}

static void name_sender(struct reading *r, struct nc_message *m)
{
    if (nc_sqlite_names_get(r->names, m))
        return;
    struct nc_sqlite_stmt *s = bind(r, R_SENDER, m);
    if (step(r, s)) {
        nc_sqlite_columns(s, m); /* reset by the next bind: the strings are still needed */
        nc_sqlite_names_put(r->names, m);
    }
}

/* The row that `s` stands on. */
static void take(struct reading *r, const struct nc_sqlite_stmt *s, void *record)
{
    nc_sqlite_columns(s, record);
    if (s->out_n && s->out[0] == nc_fields_message)
        name_sender(r, record);
}

/* The one row into `record`; false, with it untouched, if there is none. */
static bool one(struct reading *r, unsigned i, const void *in, void *record)
{
    struct nc_sqlite_stmt *s = bind(r, i, in);

    if (!step(r, s))
        return false;
    take(r, s, record);
    return true; /* reset by the next bind or by `done`: the strings are still needed */
}

static void done(struct reading *r, unsigned i)
{
    if (r->c->stmts[i].stmt)
        nc_sqlite_reset(&r->c->stmts[i]);
}

static uint64_t number(struct reading *r, unsigned i, const void *in)
{
    struct nc_sqlite_stmt *s = bind(r, i, in);
    uint64_t n = 0;

    if (step(r, s)) {
        n = (uint64_t)sqlite3_column_int64(s->stmt, 0);
        nc_sqlite_reset(s);
    }
    return n;
}

static void give(struct reading *r, const struct nc_row *row)
{
    if (r->q->row)
        r->q->row(r->q, row);
}

/* ---- kinds --------------------------------------------------------------- */

static void give_rows(struct reading *r, unsigned i, const struct nc_query *q)
{
    struct nc_sqlite_stmt *s = bind(r, i, q);

    while (step(r, s)) {
        struct nc_row row = {0};
        take(r, s, &row); /* the records begin where the row does */
        give(r, &row);
    }
}

static void query_rows(struct reading *r) { give_rows(r, r->q->kind, r->q); }

static void query_jobs_ended(struct reading *r)
{
    struct nc_query q = *r->q;

    if (nc_id_zero(&q.before))
        memset(&q.before, 0xff, sizeof(q.before));
    give_rows(r, NC_Q_JOBS_ENDED, &q);
}

/* By the index that leaves the fewest rows to look at. */
static void query_usage(struct reading *r)
{
    give_rows(r,
              !nc_id_zero(&r->q->user)   ? R_USAGE_USER
              : !nc_id_zero(&r->q->room) ? R_USAGE_ROOM
                                         : NC_Q_USAGE,
              r->q);
}

static void query_by_client(struct reading *r)
{
    struct nc_sqlite_stmt *s = bind(r, NC_Q_BY_CLIENT, r->q);
    struct nc_query by_id = *r->q;
    struct nc_row row = {0};

    if (!step(r, s))
        return;
    row.is_notice = sqlite3_column_bytes(s->stmt, 0) != sizeof(by_id.id);
    if (row.is_notice) {
        row.notice.p = sqlite3_column_blob(s->stmt, 1);
        row.notice.n = (size_t)sqlite3_column_bytes(s->stmt, 1);
        give(r, &row);
    } else {
        memcpy(&by_id.id, sqlite3_column_blob(s->stmt, 0), sizeof(by_id.id));
        if (one(r, NC_Q_MESSAGE, &by_id, &row.message))
            give(r, &row);
        done(r, NC_Q_MESSAGE);
    }
    nc_sqlite_reset(s);
}

static void query_meta(struct reading *r)
{
    struct nc_sqlite_stmt *s = bind(r, NC_Q_META, r->q);

    if (!step(r, s))
        return;
    struct nc_row row = {.meta = {.p = sqlite3_column_blob(s->stmt, 0)}};
    row.meta.n = (size_t)sqlite3_column_bytes(s->stmt, 0);
    give(r, &row);
    nc_sqlite_reset(s);
}

static void query_stats(struct reading *r)
{
    struct nc_sqlite_stmt *s = bind(r, NC_Q_STATS, NULL);

    if (!step(r, s))
        return;
    struct nc_row row = {.stats = {.messages = (uint64_t)sqlite3_column_int64(s->stmt, 0),
                                   .events = (uint64_t)sqlite3_column_int64(s->stmt, 1),
                                   .accounts = (uint64_t)sqlite3_column_int64(s->stmt, 2),
                                   .rooms = (uint64_t)sqlite3_column_int64(s->stmt, 3),
                                   .bytes = (uint64_t)sqlite3_column_int64(s->stmt, 4)}};
    nc_sqlite_reset(s);
    give(r, &row);
}

static void query_expired(struct reading *r)
{
    struct nc_query q = *r->q;

    memset(&q.before, 0, sizeof(q.before));
    for (int i = 0; i < 6; i++)
        q.before.b[i] = (uint8_t)(q.before_ms >> (40 - 8 * i));
    r->q->count = number(r, NC_Q_EXPIRED, &q);
}

static void query_before(struct reading *r) { r->q->count = number(r, NC_Q_BEFORE, r->q); }

static void one_below(struct nc_id *id)
{
    for (int i = 15; i >= 0 && id->b[i]-- == 0; i--)
        continue;
}

/* Up to page->limit rows between two ids, oldest first; true if there are more. */
static bool give_range(struct reading *r, const struct nc_query *page)
{
    struct nc_sqlite_stmt *s = bind(r, R_RANGE, page);
    uint32_t n = 0;

    while (step(r, s)) {
        if (n++ == page->limit) {
            nc_sqlite_reset(s);
            return true;
        }
        struct nc_row row = {0};
        take(r, s, &row.message);
        give(r, &row);
    }
    return false;
}

/* The id at or below which nothing is left of a cleared room. */
static struct nc_id floor_of(struct reading *r, const struct nc_id *room, uint64_t cleared)
{
    struct nc_query q = {.room = *room, .cleared_seq = cleared};
    struct nc_sqlite_stmt *s;

    if (cleared == 0 || !step(r, s = bind(r, R_CLEARED, &q)))
        return q.after;
    memcpy(&q.after, sqlite3_column_blob(s->stmt, 0), sizeof(q.after));
    nc_sqlite_reset(s);
    s = bind(r, R_LATE, &q);
    if (step(r, s)) {
        memcpy(&q.after, sqlite3_column_blob(s->stmt, 0), sizeof(q.after));
        nc_sqlite_reset(s);
        one_below(&q.after);
    }
    return q.after;
}

/* The page->limit rows that end below page->before: first its edge, then forward
 * from there, so that nothing has to be turned round. */
static bool give_before(struct reading *r, struct nc_query *page, const struct nc_id *floor)
{
    page->after = *floor;
    struct nc_sqlite_stmt *s = bind(r, R_EDGE, page);
    bool more = step(r, s);

    if (more) {
        memcpy(&page->after, sqlite3_column_blob(s->stmt, 0), sizeof(page->after));
        nc_sqlite_reset(s);
    }
    give_range(r, page);
    return more;
}

static void query_history(struct reading *r)
{
    struct nc_query page = *r->q;
    struct nc_id floor = floor_of(r, &page.room, page.cleared_seq);
    bool around = !nc_id_zero(&page.around);

    if (around) {
        page.before = page.around;
        page.limit = r->q->limit / 2;
        r->q->more = give_before(r, &page, &floor);
        page.limit = r->q->limit - page.limit;
        page.after = page.around;
        one_below(&page.after); /* so that it is there itself */
    }
    if (around || !nc_id_zero(&page.after)) {
        memset(&page.before, 0xff, sizeof(page.before));
        if (nc_id_cmp(&page.after, &floor) < 0)
            page.after = floor;
        r->q->more |= give_range(r, &page);
        return;
    }
    if (nc_id_zero(&page.before))
        memset(&page.before, 0xff, sizeof(page.before));
    r->q->more = give_before(r, &page, &floor);
}

static void query_of_user(struct reading *r)
{
    struct nc_query *q = r->q;
    uint64_t head = number(r, R_HEAD, NULL), last = q->since, bytes = 0;
    uint32_t n = 0;

    q->upto = head - q->since > SCAN_MAX ? q->since + SCAN_MAX : head;
    if (head < q->since)
        q->upto = q->since;
    struct nc_sqlite_stmt *s = bind(r, NC_Q_OF_USER, q);
    if (s)
        nc_sqlite_bind_u64(s, ":upto", q->upto);
    while (step(r, s)) {
        if (n++ == q->limit || (q->bytes_max && bytes >= q->bytes_max)) {
            nc_sqlite_reset(s);
            q->upto = last;
            break;
        }
        struct nc_row row = {0};
        take(r, s, &row.message);
        last = row.message.seq;
        bytes += row.message.body.n;
        give(r, &row);
    }
    q->more = q->upto < head;
}

static void fill_log(struct reading *r, struct nc_row *row)
{
    const struct nc_event *e = &row->log.event;

    if (e->kind <= NC_EV_MESSAGE_COMPLETED) {
        one(r, e->kind == NC_EV_MESSAGE_DELETED ? R_LOG_DELETED : R_LOG_MESSAGE, e,
            &row->log.message);
        return;
    }
    one(r, R_LOG_ROOM, e, &row->log.room);
    if (e->kind < NC_EV_MEMBER_JOINED)
        return;
    one(r, R_LOG_MEMBER, e, &row->log.member);
    one(r, R_LOG_ACCOUNT, e, &row->log.account);
}

static void query_log(struct reading *r)
{
    struct nc_query *q = r->q;
    uint64_t head = number(r, R_HEAD, NULL), bytes = 0;
    struct nc_sqlite_stmt *s = bind(r, NC_Q_LOG, q);
    uint32_t rows = 0;

    q->upto = q->since;
    while (step(r, s)) {
        struct nc_row row = {0};
        if (rows >= q->limit || (q->bytes_max && bytes >= q->bytes_max)) {
            q->more = true;
            nc_sqlite_reset(s);
            return;
        }
        nc_sqlite_columns(s, &row.log.event);
        q->upto = row.log.event.seq;
        if (!nc_audience_lacks(q, &row.log.event))
            continue;
        fill_log(r, &row);
        if (r->rc != SQLITE_OK)
            break;
        rows++;
        bytes += row.log.message.body.n;
        give(r, &row);
        for (unsigned i = R_LOG_MESSAGE; i <= R_LOG_ACCOUNT; i++)
            done(r, i);
    }
    if (r->rc == SQLITE_OK && head > q->upto) /* what was trimmed at the end */
        q->upto = head;
}

static void query_distance(struct reading *r)
{
    r->q->at_ms = number(r, R_WHEN, r->q);
    /* Whose an event is costs a look-up. */
    unsigned by = r->q->have ? (unsigned)R_DISTANCE : NC_Q_DISTANCE;
    struct nc_sqlite_stmt *s = bind(r, by, r->q);

    while (r->q->count < r->q->limit && step(r, s)) {
        struct nc_event e = {0};
        nc_sqlite_columns(s, &e);
        r->q->count += nc_audience_lacks(r->q, &e);
    }
    done(r, by);
}

/* By the index of each origin's numbers: one row of each, however long the log is. */
static void query_place(struct reading *r)
{
    struct nc_query *q = r->q;
    struct nc_sqlite_stmt *s;

    q->upto = number(r, R_HEAD, NULL);
    for (s = bind(r, NC_Q_PLACE, NULL); step(r, s);) {
        struct nc_query at = {.audience = q->audience};
        memcpy(&at.id, sqlite3_column_blob(s->stmt, 0), sizeof(at.id));
        at.since = nc_vector_get(q->have, &at.id);
        uint64_t first = number(r, R_LACKED, &at);
        if (first && first <= q->upto)
            q->upto = first - 1;
    }
    done(r, NC_Q_PLACE);
}

static void query_unread(struct reading *r)
{
    for (unsigned i = 0; i < r->q->rooms_n && r->rc == SQLITE_OK; i++) {
        struct nc_member_rec m = r->q->rooms[i];
        struct nc_row row = {.unread = {.room = m.room}};
        struct nc_query last = {.room = m.room, .cleared_seq = m.cleared_seq};

        last.after = floor_of(r, &m.room, m.cleared_seq);
        if (nc_id_cmp(&m.read_id, &last.after) < 0)
            m.read_id = last.after;
        row.unread.unread = (uint32_t)number(r, R_UNREAD, &m);
        row.unread.mentions = row.unread.unread ? (uint32_t)number(r, R_MENTIONS, &m) : 0;
        one(r, R_LAST, &last, &row.unread.last);
        if (r->rc == SQLITE_OK)
            give(r, &row);
        done(r, R_LAST);
    }
}

/* ---- what nodes keep in common ------------------------------------------- */

/* What the event announced, if that is still how it is.  The statement that stands on it;
 * or NULL. */
static struct nc_sqlite_stmt *fill_foreign(struct reading *r, struct nc_row *row,
                                           struct nc_buf *bytes)
{
    const struct nc_event *e = &row->foreign.event;
    struct nc_state_key k = nc_state_of(e);
    unsigned i = nc_sqlite_state_no(k.kind);
    struct nc_sqlite_stmt *s = NULL;
    bool found = false;

    if (i == NC_SQLITE_STATES || r->q->bare)
        return NULL;
    /* A message mostly is where it was said, and found there with less effort. */
    if (k.kind == NC_STATE_MESSAGE)
        found = step(r, s = bind(r, R_SAID, e));
    if (!found && !step(r, s = bind(r, R_STATE + i, &k)))
        return NULL;
    nc_sqlite_state_take(s, k.kind, &row->foreign.record);
    if (nc_record_announced(&row->foreign.record, e, bytes, &row->foreign.exact))
        row->foreign.bytes = nc_buf_str(bytes);
    else
        row->foreign.record.kind = NC_STATE_NONE;
    return s;
}

static void query_origin(struct reading *r)
{
    struct nc_query *q = r->q;
    struct nc_sqlite_stmt *s = bind(r, NC_Q_ORIGIN, q);
    struct nc_buf text = {0};
    uint64_t bytes = 0;

    q->upto = q->since;
    for (uint32_t rows = 0; step(r, s); rows++) {
        struct nc_row row = {0};
        if (rows == q->limit || (q->bytes_max && bytes >= q->bytes_max)) {
            q->more = true;
            nc_sqlite_reset(s);
            break;
        }
        nc_sqlite_columns(s, &row.foreign.event);
        struct nc_sqlite_stmt *of = fill_foreign(r, &row, &text);
        if (r->rc != SQLITE_OK)
            break;
        bytes += row.foreign.bytes.n;
        q->upto = row.foreign.event.origin_seq;
        give(r, &row);
        if (of)
            nc_sqlite_reset(of);
    }
    nc_buf_fini(&text);
}

static void sum_states(struct reading *r, unsigned i, enum nc_state_kind kind, uint32_t *n)
{
    struct nc_sqlite_shown shown = {0};
    struct nc_sqlite_stmt *s = bind(r, R_STATES + i, r->q);

    while (step(r, s)) {
        shown.r.kind = kind;
        nc_sqlite_columns(s, &shown.r.account);
        nc_state_add(r->q->hash, &shown.r, shown.username);
        if (kind == NC_STATE_MESSAGE)
            r->q->after = shown.r.message.id;
        ++*n;
    }
}

static void query_state(struct reading *r)
{
    static const char few[] = {NC_STATE_ACCOUNT, NC_STATE_ROOM,    NC_STATE_MEMBER,
                               NC_STATE_BAN,     NC_STATE_PERSONA, NC_STATE_KEY};
    struct nc_id pair[2];
    uint32_t n = 0;

    if (nc_id_zero(&r->q->after)) {
        for (unsigned i = 0; i < NC_COUNT(few); i++)
            sum_states(r, nc_sqlite_state_no((enum nc_state_kind)few[i]),
                       (enum nc_state_kind)few[i], &n);
        struct nc_sqlite_stmt *s = bind(r, R_ALIASES, NULL);
        while (step(r, s)) {
            nc_sqlite_columns(s, pair);
            nc_state_add_alias(r->q->hash, &pair[0], &pair[1]);
        }
    }
    n = 0;
    sum_states(r, nc_sqlite_state_no(NC_STATE_MESSAGE), NC_STATE_MESSAGE, &n);
    r->q->more = n > 0 && n == r->q->limit;
}

/* Kinds that are not here are one statement whose rows are the answer. */
static void (*const kinds[NC_QUERY_KINDS])(struct reading *r) = {
    [NC_Q_BY_CLIENT] = query_by_client,
    [NC_Q_HISTORY] = query_history,
    [NC_Q_LOG] = query_log,
    [NC_Q_DISTANCE] = query_distance,
    [NC_Q_PLACE] = query_place,
    [NC_Q_UNREAD] = query_unread,
    [NC_Q_OF_USER] = query_of_user,
    [NC_Q_EXPIRED] = query_expired,
    [NC_Q_BEFORE] = query_before,
    [NC_Q_JOBS_ENDED] = query_jobs_ended,
    [NC_Q_USAGE] = query_usage,
    [NC_Q_META] = query_meta,
    [NC_Q_STATS] = query_stats,
    [NC_Q_ORIGIN] = query_origin,
    [NC_Q_STATE] = query_state,
};

static struct nc_sqlite_def defs[R_N];

static void make_defs(void)
{
    memcpy(defs, nc_sqlite_queries, sizeof(nc_sqlite_queries));
    memcpy(defs + R_STATE, nc_sqlite_states, sizeof(nc_sqlite_states));
    memcpy(defs + R_STATES, nc_sqlite_states_all, sizeof(nc_sqlite_states_all));
}

static enum nc_err failed(struct nc_sqlite_reader *r, const struct nc_query *q, int rc)
{
    if (rc == SQLITE_INTERRUPT) {
        nc_log(NC_WARN, "store.slow", "query=%d limit_ms=%u", (int)q->kind, r->limit_ms);
        return NC_ELIMIT;
    }
    nc_log(NC_ERROR, "store.read", "query=%d code=%d errno=%d reason=%s", (int)q->kind, rc,
           r->conn.db ? sqlite3_system_errno(r->conn.db) : 0,
           nc_log_q(nc_str(sqlite3_errstr(rc))));
    nc_sqlite_conn_close(&r->conn); /* opened anew by the next one */
    return NC_EIO;
}

enum nc_err nc_sqlite_query(struct nc_sqlite_reader *r, const char *path,
                            struct nc_query *q)
{
    struct reading reading = {.c = &r->conn, .names = &r->names, .q = q};

    q->more = false;
    q->count = 0;
    if (!r->conn.db) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, make_defs);
        int rc = nc_sqlite_conn_open(&r->conn, path, false, defs, R_N);
        if (rc != SQLITE_OK)
            return nc_sqlite_refuse(path, rc);
    }
    r->conn.deadline_ms = nc_mono_ms() + r->limit_ms;
    nc_sqlite_names_begin(&r->names);
    /* One moment of the database for all statements of a question. */
    step(&reading, bind(&reading, R_BEGIN, NULL));
    if (reading.rc == SQLITE_OK)
        kinds[q->kind] ? kinds[q->kind](&reading) : query_rows(&reading);
    r->conn.deadline_ms = 0;
    /* A statement left standing on a row would keep this moment for the next question. */
    done(&reading, R_SENDER);
    for (unsigned i = 0; reading.rc != SQLITE_OK && i < R_N; i++)
        done(&reading, i);
    if (!sqlite3_get_autocommit(r->conn.db)) {
        struct reading end = {.c = &r->conn, .q = q};
        step(&end, bind(&end, R_END, NULL));
        if (reading.rc == SQLITE_OK)
            reading.rc = end.rc;
    }
    return reading.rc == SQLITE_OK ? NC_OK : failed(r, q, reading.rc);
}
