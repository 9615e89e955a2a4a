/*
 * store/sqlite_conn: a connection, its prepared statements, and how records
 * become parameters and columns.
 *
 * A statement names its parameters (":body") and columns ("body") after the
 * fields of a record; a table of fields says where in the struct they are.  So
 * a new column is a line of SQL and a line in its record's table.  Private to
 * the backend; a connection is used by one thread at a time.
 */
#pragma once

#include <sqlite3.h>

#include "base/id.h"

enum nc_field_type {
    NC_F_KEY,  /* id, always 16 bytes */
    NC_F_ID,   /* id; zero is NULL */
    NC_F_HASH, /* 32 bytes; zeros are NULL */
    NC_F_TEXT, /* struct nc_str */
    NC_F_BLOB,
    NC_F_U64,
    NC_F_U32, /* enums too */
    NC_F_BOOL,
};

struct nc_field {
    const char *name; /* NULL ends a table */
    enum nc_field_type type;
    size_t at;
};

/* store/record.h as tables. */
extern const struct nc_field nc_fields_account[], nc_fields_session[], nc_fields_key[],
    nc_fields_invite[], nc_fields_room[], nc_fields_member[], nc_fields_ban[],
    nc_fields_message[], nc_fields_alternative[], nc_fields_provider[], nc_fields_persona[],
    nc_fields_job[], nc_fields_usage[], nc_fields_event[], nc_fields_segment[],
    nc_fields_meta[]; /* meta: key, value */

struct nc_sqlite_def {
    const char *sql; /* NULL: none */
    const struct nc_field *in, *out;
};

#define NC_SQLITE_COLUMNS 20 /* parameters or columns at most */

struct nc_sqlite_stmt {
    sqlite3_stmt *stmt;
    unsigned in_n, out_n;
    const struct nc_field *in[NC_SQLITE_COLUMNS], *out[NC_SQLITE_COLUMNS];
};

struct nc_sqlite_conn {
    sqlite3 *db; /* NULL: not open */
    const struct nc_sqlite_def *defs;
    struct nc_sqlite_stmt *stmts; /* prepared when first used */
    unsigned n;
    uint64_t deadline_ms; /* monotonic; 0: none.  Later the statement is interrupted */
};

/* `defs` has n statements.  write: also sets what the file keeps.  SQLITE_OK, or a code
 * for nc_sqlite_refuse. */
NC_MUSTUSE int nc_sqlite_conn_open(struct nc_sqlite_conn *c, const char *path, bool write,
                                   const struct nc_sqlite_def *defs, unsigned n);
/* Log why a database can't be opened: NC_EINVAL when it is none or damaged, NC_EIO. */
enum nc_err nc_sqlite_refuse(const char *path, int code);
void nc_sqlite_conn_close(struct nc_sqlite_conn *c); /* fine on a closed one */

/* Statement i with its parameters from `record`, ready to step; NULL: see
 * nc_sqlite_conn_failed. */
struct nc_sqlite_stmt *nc_sqlite_bind(struct nc_sqlite_conn *c, unsigned i,
                                      const void *record);
/* Parameters that stand for something else than a field. */
void nc_sqlite_bind_u64(struct nc_sqlite_stmt *s, const char *name, uint64_t v);
void nc_sqlite_bind_field(struct nc_sqlite_stmt *s, const char *name,
                          enum nc_field_type type, const void *at);
/* The current row, into `record`; strings live until the next step. */
void nc_sqlite_columns(const struct nc_sqlite_stmt *s, void *record);
/* SQLITE_ROW, SQLITE_DONE or an error; done and errors reset the statement. */
int nc_sqlite_step(struct nc_sqlite_stmt *s);
void nc_sqlite_reset(struct nc_sqlite_stmt *s);
