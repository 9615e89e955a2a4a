#include "store/sqlite_conn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"

/* A lock that another connection holds longer than this is an error, not a wait. */
#define BUSY_MS 2000
/* How many instructions between two looks at the clock: well under a millisecond. */
#define PROGRESS_OPS 10000

/* What every connection needs; then what the writer does. */
static const char pragmas[] = "PRAGMA trusted_schema = OFF;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA cache_size = -16384;";
static const char write_pragmas[] = "PRAGMA journal_mode = WAL;"
                                    "PRAGMA synchronous = FULL;"
                                    "PRAGMA secure_delete = ON;"
                                    "PRAGMA wal_autocheckpoint = 16000;"
                                    "PRAGMA journal_size_limit = 67108864;";

static int on_progress(void *arg)
{
    const struct nc_sqlite_conn *c = arg;

    return c->deadline_ms && nc_mono_ms() > c->deadline_ms;
}

/* sha256(text): for migrations. */
static void on_sha256(sqlite3_context *ctx, int n, sqlite3_value **args)
{
    uint8_t out[NC_SHA256];

    (void)n;
    const unsigned char *text = sqlite3_value_text(args[0]);
    nc_sha256(text ? (const char *)text : "", (size_t)sqlite3_value_bytes(args[0]), out);
    sqlite3_result_blob(ctx, out, sizeof(out), SQLITE_TRANSIENT);
}

int nc_sqlite_conn_open(struct nc_sqlite_conn *c, const char *path, bool write,
                        const struct nc_sqlite_def *defs, unsigned n)
{
    int flags = SQLITE_OPEN_NOMUTEX |
                (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);

    *c = (struct nc_sqlite_conn){.defs = defs, .n = n};
    c->stmts = nc_alloc(n * sizeof(*c->stmts));
    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_extended_result_codes(c->db, 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(c->db, BUSY_MS);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->db, pragmas, NULL, NULL, NULL);
    if (rc == SQLITE_OK && write)
        rc = sqlite3_exec(c->db, write_pragmas, NULL, NULL, NULL);
    if (rc == SQLITE_OK && write)
        rc = sqlite3_create_function_v2(
            c->db, "sha256", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
            NULL, on_sha256, NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        rc = c->db ? sqlite3_extended_errcode(c->db) : rc;
        nc_sqlite_conn_close(c);
        return rc;
    }
    if (!write)
        sqlite3_progress_handler(c->db, PROGRESS_OPS, on_progress, c);
    return SQLITE_OK;
}

enum nc_err nc_sqlite_refuse(const char *path, int code)
{
    bool damaged = (code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_CORRUPT;

    nc_log(NC_ERROR, damaged ? "store.damaged" : "store.open", "path=%s code=%d reason=%s",
           nc_log_q(nc_str(path)), code, nc_log_q(nc_str(sqlite3_errstr(code))));
    return damaged ? NC_EINVAL : NC_EIO;
}

void nc_sqlite_conn_close(struct nc_sqlite_conn *c)
{
    for (unsigned i = 0; c->stmts && i < c->n; i++)
        sqlite3_finalize(c->stmts[i].stmt);
    free(c->stmts);
    c->stmts = NULL;
    sqlite3_close(c->db);
    c->db = NULL;
}

static const struct nc_field *find(const struct nc_field *f, const char *name)
{
    for (; f && f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* A parameter that is no field is bound by name; a column must be one. */
static void plan(struct nc_sqlite_stmt *s, const struct nc_sqlite_def *def)
{
    s->in_n = (unsigned)sqlite3_bind_parameter_count(s->stmt);
    s->out_n = def->out ? (unsigned)sqlite3_column_count(s->stmt) : 0;
    assert(s->in_n <= NC_SQLITE_COLUMNS && s->out_n <= NC_SQLITE_COLUMNS);
    for (unsigned i = 0; i < s->in_n; i++)
        s->in[i] = find(def->in, sqlite3_bind_parameter_name(s->stmt, (int)i + 1) + 1);
    for (unsigned i = 0; i < s->out_n; i++) {
        s->out[i] = find(def->out, sqlite3_column_name(s->stmt, (int)i));
        assert(s->out[i]);
    }
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void bind(sqlite3_stmt *s, int i, enum nc_field_type type, const void *at)
{
    const struct nc_str *str = at;

    switch (type) {
    case NC_F_KEY: sqlite3_bind_blob(s, i, at, 16, SQLITE_STATIC); break;
    case NC_F_ID:
        if (nc_id_zero(at))
            sqlite3_bind_null(s, i);
        else
            sqlite3_bind_blob(s, i, at, 16, SQLITE_STATIC);
        break;
    case NC_F_HASH:
        if (all_zero(at, 32))
            sqlite3_bind_null(s, i);
        else
            sqlite3_bind_blob(s, i, at, 32, SQLITE_STATIC);
        break;
    case NC_F_TEXT: /* a NULL pointer would bind NULL */
        sqlite3_bind_text(s, i, str->n ? str->p : "", (int)str->n, SQLITE_STATIC);
        break;
    case NC_F_BLOB:
        sqlite3_bind_blob(s, i, str->n ? str->p : "", (int)str->n, SQLITE_STATIC);
        break;
    case NC_F_U64: sqlite3_bind_int64(s, i, (sqlite3_int64) * (const uint64_t *)at); break;
    case NC_F_U32: sqlite3_bind_int64(s, i, *(const uint32_t *)at); break;
    case NC_F_BOOL: sqlite3_bind_int(s, i, *(const bool *)at); break;
    }
}

struct nc_sqlite_stmt *nc_sqlite_bind(struct nc_sqlite_conn *c, unsigned i,
                                      const void *record)
{
    struct nc_sqlite_stmt *s = &c->stmts[i];

    assert(i < c->n && c->defs[i].sql);
    if (!s->stmt) {
        int rc = sqlite3_prepare_v3(c->db, c->defs[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &s->stmt, NULL);
        if (rc != SQLITE_OK) {
            if (rc == SQLITE_ERROR) /* not the disk's fault but ours */
                nc_log(NC_ERROR, "store.prepare", "code=%d reason=%s", rc,
                       nc_log_q(nc_str(sqlite3_errmsg(c->db))));
            return NULL;
        }
        plan(s, &c->defs[i]);
    }
    sqlite3_reset(s->stmt); /* a row of the last time may still have been in use */
    for (unsigned k = 0; k < s->in_n; k++)
        if (s->in[k])
            bind(s->stmt, (int)k + 1, s->in[k]->type, (const char *)record + s->in[k]->at);
    return s;
}

void nc_sqlite_bind_field(struct nc_sqlite_stmt *s, const char *name,
                          enum nc_field_type type, const void *at)
{
    int i = sqlite3_bind_parameter_index(s->stmt, name);

    if (i)
        bind(s->stmt, i, type, at);
}

void nc_sqlite_bind_u64(struct nc_sqlite_stmt *s, const char *name, uint64_t v)
{
    nc_sqlite_bind_field(s, name, NC_F_U64, &v);
}

static void column(sqlite3_stmt *s, int i, enum nc_field_type type, void *at)
{
    size_t want = type == NC_F_HASH ? 32 : 16;
    struct nc_str *str = at;
    const void *p;

    switch (type) {
    case NC_F_KEY:
    case NC_F_ID:
    case NC_F_HASH: /* pointer first, then length: sqlite3's own rule */
        p = sqlite3_column_blob(s, i);
        if (p && (size_t)sqlite3_column_bytes(s, i) == want)
            memcpy(at, p, want);
        else
            memset(at, 0, want);
        break;
    case NC_F_TEXT:
    case NC_F_BLOB:
        str->p = sqlite3_column_blob(s, i);
        str->n = (size_t)sqlite3_column_bytes(s, i);
        break;
    case NC_F_U64: *(uint64_t *)at = (uint64_t)sqlite3_column_int64(s, i); break;
    case NC_F_U32: *(uint32_t *)at = (uint32_t)sqlite3_column_int64(s, i); break;
    case NC_F_BOOL: *(bool *)at = sqlite3_column_int(s, i) != 0; break;
    }
}

void nc_sqlite_columns(const struct nc_sqlite_stmt *s, void *record)
{
    for (unsigned i = 0; i < s->out_n; i++)
        column(s->stmt, (int)i, s->out[i]->type, (char *)record + s->out[i]->at);
}

int nc_sqlite_step(struct nc_sqlite_stmt *s)
{
    int rc = sqlite3_step(s->stmt);

    if (rc != SQLITE_ROW)
        sqlite3_reset(s->stmt);
    return rc;
}

void nc_sqlite_reset(struct nc_sqlite_stmt *s) { sqlite3_reset(s->stmt); }
