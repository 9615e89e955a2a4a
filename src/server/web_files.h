/*
 * server/web_files: the web client as bytes of the program.
 *
 * The table is made from what script/build has packed; it is empty in a build without it.
 */
#pragma once

#include "base/base.h"

struct nc_web_file {
    const char *path;              /* "/assets/room-1a2b3c.js"; the table is sorted by it */
    const char *type;              /* Content-Type */
    const char *etag;              /* of its content, without quotes */
    bool immutable;                /* its name changes with its content */
    struct nc_str plain, br, gzip; /* the last two empty where they do not pay */
};

extern const struct nc_web_file nc_web_files[];
extern const size_t nc_web_files_n;
