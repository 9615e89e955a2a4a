/* A log that others know more of than we do gets another name. */
#include <string.h>

#include "base/clock.h"
#include "store/sqlite_merge.h"

/* In this order; named as what is bound.  A stamp names an event, as its log row does. */
static const char *const steps[] = {
    "UPDATE incarnation SET current = 0, known = :kept WHERE no = :old",
    "INSERT INTO incarnation (id, own, current, created_ms) VALUES (:id, 1, 1, :now)",
    "UPDATE log SET origin = (SELECT no FROM incarnation WHERE current),"
    " origin_seq = origin_seq - :kept WHERE origin = :old AND origin_seq > :kept",
    "UPDATE stamp SET origin = (SELECT no FROM incarnation WHERE current),"
    " origin_seq = origin_seq - :kept WHERE origin = :old AND origin_seq > :kept",
    "DELETE FROM segment WHERE origin = :old AND first + n - 1 > :kept",
};

static int bind_number(sqlite3_stmt *s, const char *name, uint64_t v)
{
    int at = sqlite3_bind_parameter_index(s, name);

    return at ? sqlite3_bind_int64(s, at, (sqlite3_int64)v) : SQLITE_OK;
}

static int step(struct nc_sqlite_writer *w, const char *sql, uint64_t kept,
                const struct nc_id *id)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(w->conn.db, sql, -1, &s, NULL);
    int at = rc == SQLITE_OK ? sqlite3_bind_parameter_index(s, ":id") : 0;

    if (rc == SQLITE_OK && at)
        rc = sqlite3_bind_blob(s, at, id->b, sizeof(id->b), SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = bind_number(s, ":kept", kept);
    if (rc == SQLITE_OK)
        rc = bind_number(s, ":old", w->counter.origin);
    if (rc == SQLITE_OK)
        rc = bind_number(s, ":now", nc_wall_ms());
    if (rc == SQLITE_OK && sqlite3_step(s) != SQLITE_DONE)
        rc = SQLITE_ERROR;
    int ended = sqlite3_finalize(s);
    return rc == SQLITE_OK ? ended : rc;
}

enum nc_err nc_sqlite_renew(struct nc_sqlite_writer *w, const struct nc_segment *in)
{
    struct nc_id id = nc_id_random();
    sqlite3 *db = w->conn.db;
    uint64_t kept = in->first - 1;

    if (!in->first || in->first > w->counter.own_head + 1 ||
        !nc_id_eq(&in->origin, &w->counter.incarnation))
        return NC_EINVAL;
    for (unsigned i = 0; i < NC_COUNT(steps); i++) {
        if (step(w, steps[i], kept, &id) != SQLITE_OK)
            return NC_EIO;
        if (i == 1)
            w->counter.incarnation = id;
    }
    sqlite3_stmt *s = NULL;
    int rc =
        sqlite3_prepare_v2(db, "SELECT no FROM incarnation WHERE current", -1, &s, NULL);
    if (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        w->counter.origin = (uint64_t)sqlite3_column_int64(s, 0);
    else
        rc = SQLITE_ERROR;
    sqlite3_finalize(s);
    w->counter.own_head -= kept;
    return rc == SQLITE_OK ? NC_OK : NC_EIO;
}
