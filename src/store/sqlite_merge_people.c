#include <stdlib.h>
#include <string.h>

#include "store/sqlite_merge_parts.h"

void nc_sqm_end_sessions(void *db, const struct nc_id *user, const struct nc_id *session,
                         uint64_t when_ms)
{
    if (nc_id_zero(session))
        nc_sqm_run_ids(db, M_END_SESSIONS, user, user, when_ms);
    else
        nc_sqm_run_ids(db, M_END_SESSION, session, user, when_ms);
}

bool nc_sqm_any(void *db, struct nc_str name, const uint8_t claim[NC_STATE_HASH])
{
    struct nc_sqlite_merging *x = db;
    struct nc_named n = {0};

    memcpy(n.claim, claim, sizeof(n.claim));
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_ANY_NAME, &n);
    if (!s)
        return false;
    nc_sqlite_bind_field(s, ":name", NC_F_TEXT, &name);
    bool any = nc_sqm_row(x, s);
    if (any)
        nc_sqlite_reset(s);
    return any;
}

void nc_sqm_set_name(void *db, const struct nc_named *n)
{
    nc_sqm_run(db, nc_sqm_bind(db, M_SET_NAME, n));
}

size_t nc_sqm_names(void *db, struct nc_named **out, struct nc_buf *text)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_NAMES, NULL);
    struct nc_named *all = NULL;
    size_t n = 0, cap = 0, at = 0;

    while (nc_sqm_row(x, s)) {
        if (n == cap) {
            cap = cap ? 2 * cap : 64;
            all = nc_realloc(all, cap * sizeof(*all));
        }
        all[n] = (struct nc_named){0};
        nc_sqlite_columns(s, &all[n]);
        nc_buf_adds(text, all[n++].wanted);
    }
    for (size_t i = 0; i < n; at += all[i++].wanted.n)
        all[i].wanted.p = text->p ? text->p + at : NULL;
    *out = all;
    return n;
}

bool nc_sqm_username(void *db, const struct nc_id *user, struct nc_str *out)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_USERNAME, user);

    *out = (struct nc_str){NULL, 0};
    if (!nc_sqm_row(x, s))
        return false;
    nc_buf_clear(&x->name);
    nc_buf_add(&x->name, sqlite3_column_text(s->stmt, 0),
               (size_t)sqlite3_column_bytes(s->stmt, 0));
    nc_sqlite_reset(s);
    *out = nc_buf_str(&x->name);
    return true;
}

void nc_sqm_set_username(void *db, const struct nc_id *user, struct nc_str name)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_SET_USERNAME, user);

    x->w->people = true;
    if (!s)
        return;
    nc_sqlite_bind_field(s, ":name", NC_F_TEXT, &name);
    nc_sqm_run(x, s);
    if (!name.n || !(s = nc_sqm_bind(x, M_TAKE_USERNAME, NULL)))
        return;
    nc_sqlite_bind_field(s, ":name", NC_F_TEXT, &name);
    nc_sqm_run(x, s);
}
