#include "base/clock.h"
#include "store/sqlite_merge_parts.h"

bool nc_sqlite_merging_flush(struct nc_sqlite_merging *x)
{
    struct nc_sqlite_stmt *s = x->log.raised ? nc_sqm_bind(x, M_SET_ORIGIN, NULL) : NULL;

    x->log.raised = false;
    if (s) {
        nc_sqlite_bind_u64(s, ":head", x->log.head);
        nc_sqlite_bind_u64(s, ":number", x->log.no);
        nc_sqm_run(x, s);
    }
    return !x->broken;
}

static struct nc_sqlite_log *find_log(struct nc_sqlite_merging *x,
                                      const struct nc_id *origin)
{
    struct nc_sqlite_log *l = &x->log;

    if (nc_id_eq(origin, &l->id) && l->no)
        return l;
    (void)nc_sqlite_merging_flush(x);
    *l = (struct nc_sqlite_log){.id = *origin};
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_ORIGIN, origin);
    if (!nc_sqm_row(x, s))
        return l;
    l->no = (uint64_t)sqlite3_column_int64(s->stmt, 0);
    l->head = (uint64_t)sqlite3_column_int64(s->stmt, 1);
    l->current = sqlite3_column_int(s->stmt, 2);
    nc_sqlite_reset(s);
    return l;
}

uint64_t nc_sqlite_origin_no(struct nc_sqlite_merging *x, const struct nc_id *origin)
{
    if (nc_id_eq(origin, &x->w->counter.incarnation))
        return x->w->counter.origin;
    struct nc_sqlite_log *l = find_log(x, origin);
    if (l->no || x->broken)
        return l->no;
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_ORIGIN_NEW, origin);
    if (!s)
        return 0;
    nc_sqlite_bind_u64(s, ":now", nc_wall_ms());
    nc_sqm_run(x, s);
    l->no = x->broken ? 0 : (uint64_t)sqlite3_last_insert_rowid(x->w->conn.db);
    return l->no;
}

uint64_t nc_sqm_origin(void *db, const struct nc_id *origin, bool *own)
{
    struct nc_sqlite_merging *x = db;
    const struct nc_sqlite_log *l = find_log(x, origin);

    *own = l->current;
    return *own ? x->w->counter.own_head : l->head;
}

void nc_sqm_set_origin(void *db, const struct nc_id *origin, uint64_t head)
{
    struct nc_sqlite_merging *x = db;

    if (!nc_sqlite_origin_no(x, origin))
        return;
    struct nc_sqlite_log *l = find_log(x, origin);
    if (head > l->head) {
        l->head = head;
        l->raised = true;
    }
}

uint64_t nc_sqm_next_own(void *db)
{
    return ((struct nc_sqlite_merging *)db)->w->counter.own_head + 1;
}
