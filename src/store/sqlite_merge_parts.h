/*
 * store/sqlite_merge_parts: what the files of sqlite_merge share.
 *
 * sqlite_merge_sql.c the statements · sqlite_merge.c stamps, records, client ids · _people
 * names and sessions · _logs whose events are here.  For these files only.
 */
#pragma once

#include "store/sqlite_merge.h"

/* Statement M_… with its parameters from `record`; NULL: broken. */
struct nc_sqlite_stmt *nc_sqm_bind(struct nc_sqlite_merging *x, unsigned i,
                                   const void *record);
/* The row of a question; false: none.  NULL is fine, here and below. */
bool nc_sqm_row(struct nc_sqlite_merging *x, struct nc_sqlite_stmt *s);
/* One that only writes; how many rows. */
unsigned nc_sqm_run(struct nc_sqlite_merging *x, struct nc_sqlite_stmt *s);
/* With :id, :b and :when. */
unsigned nc_sqm_run_ids(struct nc_sqlite_merging *x, unsigned i, const struct nc_id *id,
                        const struct nc_id *b, uint64_t when_ms);

/* As in nc_merge_ops: _people … */
void nc_sqm_end_sessions(void *db, const struct nc_id *user, const struct nc_id *session,
                         uint64_t when_ms);
bool nc_sqm_any(void *db, struct nc_str name, const uint8_t claim[NC_STATE_HASH]);
void nc_sqm_set_name(void *db, const struct nc_named *n);
size_t nc_sqm_names(void *db, struct nc_named **out, struct nc_buf *text);
bool nc_sqm_username(void *db, const struct nc_id *user, struct nc_str *out);
void nc_sqm_set_username(void *db, const struct nc_id *user, struct nc_str name);
/* … _logs. */
uint64_t nc_sqm_origin(void *db, const struct nc_id *origin, bool *own);
void nc_sqm_set_origin(void *db, const struct nc_id *origin, uint64_t head);
uint64_t nc_sqm_next_own(void *db);
