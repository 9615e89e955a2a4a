/*
 * crypto/file: small secret files, replaced whole or not at all.
 */
#pragma once

#include "base/base.h"

struct nc_buf;

/* Writes beside `path` (0600), syncs, renames over it and syncs the folder.
 * NC_EIO (logged): what was there is untouched. */
NC_MUSTUSE enum nc_err nc_file_replace(const char *path, struct nc_str content);
/* Appends a whole file.  NC_ENOENT; NC_ELIMIT over `max`; NC_EIO (logged). */
NC_MUSTUSE enum nc_err nc_file_read(const char *path, size_t max, struct nc_buf *out);
