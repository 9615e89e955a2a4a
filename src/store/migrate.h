/*
 * store/migrate: bring a database to the shape this version knows.
 *
 * Numbered steps; user_version says how many were taken.  Each is one
 * transaction, and a database that holds something is copied before the first.
 */
#pragma once

#include <sqlite3.h>

#include "base/base.h"

/* migrations/NNNN.sql, in order. */
extern const char *const nc_migrations[];
extern const unsigned nc_migrations_n;

#define NC_SQLITE_APPLICATION 0x4e434854 /* "NCHT", PRAGMA application_id */

/* Is it ours, and not newer than `n` steps?  *version: how many it has; 0: empty.
 * NC_EINVAL (logged) when it is another application's, newer or damaged. */
NC_MUSTUSE enum nc_err nc_migrate_check(sqlite3 *db, const char *path, unsigned n,
                                        unsigned *version);
/* The same of a file, which is only read. */
NC_MUSTUSE enum nc_err nc_migrate_examine(const char *path, unsigned n);
/* Take the missing steps.  backup_dir: where the copy goes; NULL: beside `path`.
 * NC_EIO (logged): the database is as it was before the step that failed. */
NC_MUSTUSE enum nc_err nc_migrate(sqlite3 *db, const char *path, const char *backup_dir,
                                  const char *const *steps, unsigned n);
