#include "store/migrate.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite.h"

#include "migrations.h" /* made from migrations/ by embed.py: the table of steps */

static int number(sqlite3 *db, const char *sql, unsigned *out)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

    *out = 0;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *out = (unsigned)sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return rc;
}

enum nc_err nc_migrate_check(sqlite3 *db, const char *path, unsigned n, unsigned *version)
{
    unsigned application = 0, tables = 0;
    int rc = number(db, "PRAGMA user_version", version);

    if (rc == SQLITE_OK)
        rc = number(db, "PRAGMA application_id", &application);
    if (rc == SQLITE_OK)
        rc = number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK) {
        nc_log(NC_ERROR, "store.damaged", "path=%s code=%d reason=%s",
               nc_log_q(nc_str(path)), rc, nc_log_q(nc_str(sqlite3_errmsg(db))));
        return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? NC_EINVAL : NC_EIO;
    }
    if (tables == 0 && application == 0 && *version == 0)
        return NC_OK;
    if (application != NC_SQLITE_APPLICATION || *version == 0) {
        nc_log(NC_ERROR, "store.foreign", "path=%s application=%#x version=%u",
               nc_log_q(nc_str(path)), application, *version);
        return NC_EINVAL;
    }
    if (*version > n) {
        nc_log(NC_ERROR, "store.newer", "path=%s version=%u known=%u",
               nc_log_q(nc_str(path)), *version, n);
        return NC_EINVAL;
    }
    return NC_OK;
}

enum nc_err nc_migrate_examine(const char *path, unsigned n)
{
    sqlite3 *db = NULL;
    unsigned version;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    enum nc_err e = rc == SQLITE_OK ? nc_migrate_check(db, path, n, &version)
                                    : nc_sqlite_refuse(path, rc);

    sqlite3_close(db);
    return e;
}

static enum nc_err take_step(sqlite3 *db, const char *path, const char *sql, unsigned to)
{
    char stamp[96];

    snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %u; PRAGMA application_id = %d",
             to, NC_SQLITE_APPLICATION);
    int rc = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, stamp, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        nc_log(NC_INFO, "store.migrated", "path=%s version=%u", nc_log_q(nc_str(path)), to);
        return NC_OK;
    }
    nc_log(NC_ERROR, "store.migrate", "path=%s to=%u code=%d reason=%s",
           nc_log_q(nc_str(path)), to, rc, nc_log_q(nc_str(sqlite3_errmsg(db))));
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return NC_EIO;
}

/* "<dir>/<name>.v1.20260102T030405678.backup" */
static enum nc_err copy_before(sqlite3 *db, const char *path, const char *dir,
                               unsigned version)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char when[NC_TIME_TEXT], digits[NC_TIME_TEXT + 1], to[4096];
    size_t n = 0;

    nc_time_text(nc_wall_ms(), when);
    for (size_t i = 0; i < NC_TIME_TEXT; i++)
        if ((when[i] >= '0' && when[i] <= '9') || when[i] == 'T')
            digits[n++] = when[i];
    digits[n] = 0;
    if (dir)
        n = (size_t)snprintf(to, sizeof(to), "%s/%s.v%u.%s.backup", dir, name, version,
                             digits);
    else
        n = (size_t)snprintf(to, sizeof(to), "%s.v%u.%s.backup", path, version, digits);
    if (n >= sizeof(to)) {
        nc_log(NC_ERROR, "store.migrate", "path=%s reason=\"the name is too long\"",
               nc_log_q(nc_str(path)));
        return NC_EIO;
    }
    if (dir)
        (void)mkdir(dir, 0700); /* the copy says what is wrong with it */
    enum nc_err e = nc_sqlite_copy(db, to, NULL);
    if (e == NC_OK)
        nc_log(NC_INFO, "store.copied", "from=%s to=%s", nc_log_q(nc_str(path)),
               nc_log_q(nc_str(to)));
    return e;
}

enum nc_err nc_migrate(sqlite3 *db, const char *path, const char *backup_dir,
                       const char *const *steps, unsigned n)
{
    unsigned version = 0;
    enum nc_err e = nc_migrate_check(db, path, n, &version);

    if (e == NC_OK && version > 0 && version < n)
        e = copy_before(db, path, backup_dir, version);
    for (; e == NC_OK && version < n; version++)
        e = take_step(db, path, steps[version], version + 1);
    return e;
}
