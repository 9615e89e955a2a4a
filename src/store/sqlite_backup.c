#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/migrate.h"
#include "store/sqlite.h"

#define STEP_PAGES 256

static enum nc_err failed(const char *event, const char *path, int code, int error)
{
    nc_log(NC_ERROR, event, "path=%s code=%d errno=%d reason=%s", nc_log_q(nc_str(path)),
           code, error, nc_log_q(nc_str(code ? sqlite3_errstr(code) : strerror(error))));
    return NC_EIO;
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* ---- making a file that is whole when it appears -------------------------- */

static char *beside(const char *path)
{
    size_t n = strlen(path) + sizeof(".part");
    char *part = nc_alloc(n);

    snprintf(part, n, "%s.part", path);
    return part;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    return rc;
}

/* Give the finished `part` its name, unless that is taken, and make both last. */
static enum nc_err publish(const char *part, const char *to)
{
    char *dir = nc_str_dup(nc_str(to));
    char *slash = strrchr(dir, '/');
    enum nc_err e = NC_OK;

    if (slash)
        slash[slash == dir] = 0;
    if (sync_path(part, O_RDONLY) != 0)
        e = failed("store.copy", part, 0, errno);
    else if (renameat2(AT_FDCWD, part, AT_FDCWD, to, RENAME_NOREPLACE) != 0)
        e = errno == EEXIST ? NC_EEXIST : failed("store.copy", to, 0, errno);
    else if (sync_path(slash ? dir : ".", O_RDONLY | O_DIRECTORY) != 0)
        e = failed("store.copy", dir, 0, errno);
    free(dir);
    return e;
}

/* An empty file that only its owner reads, open as a database of one file. */
static enum nc_err make_part(sqlite3 **db, const char *part)
{
    unlink(part); /* of a copy that was cut off */
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return failed("store.copy", part, 0, errno);
    close(fd);
    int rc = sqlite3_open_v2(part, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    return rc == SQLITE_OK ? NC_OK
                           : failed("store.copy", part, rc, sqlite3_system_errno(*db));
}

/* ---- copying ------------------------------------------------------------- */

/* The reading transaction around it keeps the source as it was, so that writers
 * neither wait nor make the copy begin again. */
static enum nc_err copy_pages(sqlite3 *from, sqlite3 *to, const char *path,
                              const atomic_bool *stop)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int rc = b ? SQLITE_OK : sqlite3_errcode(to);

    while (rc == SQLITE_OK) {
        if (stop && atomic_load(stop)) {
            sqlite3_backup_finish(b);
            return NC_ECLOSED;
        }
        rc = sqlite3_backup_step(b, STEP_PAGES);
        if (rc == SQLITE_OK)
            sqlite3_sleep(1); /* the disk is others' too */
    }
    int finished = sqlite3_backup_finish(b);
    if (rc == SQLITE_DONE)
        rc = finished;
    return rc == SQLITE_OK ? NC_OK
                           : failed("store.copy", path, rc, sqlite3_system_errno(to));
}

static enum nc_err attach(sqlite3 *db, const char *path, const struct nc_sqlite_extra *x)
{
    sqlite3_stmt *s = NULL;
    /* Also makes it one file that says all, without a log beside it. */
    int rc = sqlite3_exec(db,
                          "PRAGMA journal_mode = DELETE;"
                          "CREATE TABLE IF NOT EXISTS attachment"
                          " (name TEXT PRIMARY KEY NOT NULL, bytes BLOB NOT NULL) STRICT",
                          NULL, NULL, NULL);

    if (rc == SQLITE_OK && x && x->n)
        rc = sqlite3_prepare_v2(db, "INSERT INTO attachment VALUES (?, ?)", -1, &s, NULL);
    for (unsigned i = 0; rc == SQLITE_OK && x && i < x->n; i++) {
        const struct nc_attachment *a = &x->attachments[i];
        sqlite3_bind_text(s, 1, a->name.p, (int)a->name.n, SQLITE_STATIC);
        sqlite3_bind_blob(s, 2, a->bytes.n ? a->bytes.p : "", (int)a->bytes.n,
                          SQLITE_STATIC);
        rc = sqlite3_step(s);
        rc = rc == SQLITE_DONE ? sqlite3_reset(s) : rc;
    }
    sqlite3_finalize(s);
    return rc == SQLITE_OK ? NC_OK
                           : failed("store.copy", path, rc, sqlite3_system_errno(db));
}

enum nc_err nc_sqlite_copy(sqlite3 *from, const char *to,
                           const struct nc_sqlite_extra *extra)
{
    sqlite3 *db = NULL;
    char *part = NULL;
    enum nc_err e = NC_EEXIST;
    bool began = false;

    if (exists(to))
        return e;
    part = beside(to);
    e = make_part(&db, part);
    if (e != NC_OK)
        goto fail;
    int rc = sqlite3_exec(from, "BEGIN; SELECT head FROM counter", NULL, NULL, NULL);
    began = !sqlite3_get_autocommit(from);
    e = rc == SQLITE_OK ? copy_pages(from, db, part, extra ? extra->stop : NULL)
                        : failed("store.copy", to, rc, sqlite3_system_errno(from));
    if (e == NC_OK)
        e = attach(db, part, extra);
    if (e != NC_OK)
        goto fail;
    sqlite3_close(db);
    db = NULL;
    e = publish(part, to);

fail:
    if (began)
        sqlite3_exec(from, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
    if (e != NC_OK)
        unlink(part);
    free(part);
    return e;
}

/* ---- the backup of a running store --------------------------------------- */

struct job {
    struct nc_work work;
    struct nc_sqlite *store;
    struct nc_backup *backup;
};

static void on_run(struct nc_work *w, unsigned thread)
{
    struct job *job = nc_of(w, struct job, work);
    struct nc_backup *b = job->backup;
    struct nc_sqlite_extra extra = {b->attachments, b->attachments_n, &job->store->stop};
    struct nc_sqlite_conn c;

    (void)thread;
    int rc = nc_sqlite_conn_open(&c, job->store->path, false, NULL, 0);
    b->err = rc == SQLITE_OK ? nc_sqlite_copy(c.db, b->path, &extra)
                             : nc_sqlite_refuse(job->store->path, rc);
    nc_sqlite_conn_close(&c);
}

static void on_done(struct nc_work *w, enum nc_err e)
{
    struct job *job = nc_of(w, struct job, work);
    struct nc_backup *b = job->backup;

    free(job);
    b->done(b, e == NC_OK ? b->err : e);
}

void nc_sqlite_backup(struct nc_sqlite *s, struct nc_backup *b)
{
    b->err = NC_ECLOSED;
    if (!s->closing && !s->copier)
        b->err = nc_pool_new(&s->copier, s->loop, "store-copy", 1, 4);
    if (!s->closing && s->copier) {
        struct job *job = nc_alloc(sizeof(*job));
        *job =
            (struct job){.work = {.run = on_run, .done = on_done}, .store = s, .backup = b};
        if (nc_pool_submit(s->copier, &job->work) == NC_OK)
            return; /* from here on `b` is the thread's */
        b->err = NC_ELIMIT;
        free(job);
    }
    nc_list_add(&s->refused_backups, &b->node);
    if (!s->closing)
        nc_loop_defer(s->loop, &s->refuse);
}

/* ---- restoring ----------------------------------------------------------- */

/* Backups of earlier versions get them when they are opened. */
static bool has_heads(sqlite3 *db)
{
    return sqlite3_table_column_metadata(db, NULL, "incarnation", "known", NULL, NULL, NULL,
                                         NULL, NULL) == SQLITE_OK;
}

enum nc_err nc_sqlite_incarnate(sqlite3 *db, bool anew)
{
    struct nc_id id = nc_id_random();
    sqlite3_stmt *s = NULL;
    int rc = SQLITE_OK;

    if (anew)
        rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK && anew && has_heads(db))
        rc = sqlite3_exec(db,
                          "UPDATE incarnation SET known = (SELECT own_head FROM counter)"
                          " WHERE current",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK && anew)
        rc = sqlite3_exec(db,
                          "UPDATE incarnation SET current = 0;"
                          "UPDATE counter SET own_head = 0",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db,
                                "INSERT INTO incarnation (id, own, current, created_ms)"
                                " SELECT ?, 1, 1, ? WHERE NOT EXISTS"
                                " (SELECT 1 FROM incarnation WHERE current)",
                                -1, &s, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_blob(s, 1, id.b, sizeof(id.b), SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, (sqlite3_int64)nc_wall_ms());
        rc = sqlite3_step(s);
    }
    sqlite3_finalize(s);
    if (rc == SQLITE_DONE)
        rc = anew ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : SQLITE_OK;
    if (rc == SQLITE_OK)
        return NC_OK;
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return failed("store.open", sqlite3_db_filename(db, "main"), rc,
                  sqlite3_system_errno(db));
}

static enum nc_err check_whole(sqlite3 *db, const char *file)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    bool whole = rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;

    sqlite3_finalize(s);
    if (whole)
        return NC_OK;
    nc_log(NC_ERROR, "store.damaged", "path=%s code=%d reason=\"integrity check\"",
           nc_log_q(nc_str(file)), rc);
    return NC_EINVAL;
}

/* Is `file` a whole backup that this version understands?  Opens it. */
static enum nc_err examine(sqlite3 **db, const char *file)
{
    unsigned version = 0;
    int rc = sqlite3_open_v2(file, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK)
        return nc_sqlite_refuse(file, rc);
    enum nc_err e = nc_migrate_check(*db, file, nc_migrations_n, &version);
    if (e == NC_OK && version == 0) {
        nc_log(NC_ERROR, "store.foreign", "path=%s reason=empty", nc_log_q(nc_str(file)));
        e = NC_EINVAL;
    }
    return e == NC_OK ? check_whole(*db, file) : e;
}

static enum nc_err detach(sqlite3 *db, const char *path,
                          void (*each)(void *arg, struct nc_str name, struct nc_str bytes),
                          void *arg)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT name, bytes FROM attachment ORDER BY rowid", -1,
                                &s, NULL);

    while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        struct nc_str name = {sqlite3_column_blob(s, 0), 0};
        struct nc_str bytes = {sqlite3_column_blob(s, 1), 0};
        name.n = (size_t)sqlite3_column_bytes(s, 0);
        bytes.n = (size_t)sqlite3_column_bytes(s, 1);
        if (each)
            each(arg, name, bytes);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_reset(s);
    sqlite3_finalize(s);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "PRAGMA secure_delete = ON; DROP TABLE attachment", NULL,
                          NULL, NULL);
    return rc == SQLITE_OK ? NC_OK
                           : failed("store.restore", path, rc, sqlite3_system_errno(db));
}

enum nc_err nc_sqlite_restore(const char *where, const char *file,
                              void (*each)(void *arg, struct nc_str name,
                                           struct nc_str bytes),
                              void *arg)
{
    sqlite3 *from = NULL, *db = NULL;
    char *part = beside(where);
    enum nc_err e = exists(where) ? NC_EEXIST : examine(&from, file);

    if (e == NC_OK)
        e = make_part(&db, part);
    if (e == NC_OK)
        e = copy_pages(from, db, part, NULL);
    if (e == NC_OK)
        e = detach(db, part, each, arg);
    if (e == NC_OK)
        e = nc_sqlite_incarnate(db, true);
    sqlite3_close(from);
    sqlite3_close(db);
    if (e == NC_OK)
        e = publish(part, where);
    if (e != NC_OK)
        unlink(part);
    else
        nc_log(NC_INFO, "store.restored", "from=%s to=%s", nc_log_q(nc_str(file)),
               nc_log_q(nc_str(where)));
    free(part);
    return e;
}
