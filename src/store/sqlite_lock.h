/*
 * store/sqlite_lock: one process per database.
 *
 * SQLite would let a second node in; two of them would give the same positions
 * to different events.  "<path>.lock" is held by flock, so it goes with the
 * process however that ends, and names it.
 */
#pragma once

#include "base/base.h"

/* *fd: held until closed.  NC_EACCESS (logged, with the other's pid) when taken. */
NC_MUSTUSE enum nc_err nc_sqlite_lock(int *fd, const char *path);
