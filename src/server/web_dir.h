/*
 * server/web_dir: files of a folder that is served in place of the built-in client.
 *
 * Looked up anew for every request, so that a change shows at once.  Never outside the
 * folder: no links are followed below it, and names that begin with a dot are not there.
 * FILE.br and FILE.gz beside a file are sent to those who like them better.
 */
#pragma once

#include "base/buf.h"
#include "wire/http.h"
#include "wire/http_target.h"

struct nc_web_found {
    int fd; /* -1: nothing */
    uint64_t size;
    const char *type;   /* Content-Type, by the name's ending */
    const char *coding; /* "br", "gzip", or NULL */
    char etag[56];      /* without quotes; of its time and size */
};

/* Logs what the folder lacks to be a client; it may come yet. */
void nc_web_check(const char *dir);
/* Finds a file.  Whole: without packed ones beside it, for ranges are of its own bytes.
 * false: there is none, or it is no plain file, or larger than is served (logged). */
bool nc_web_find(const char *dir, const struct nc_http_path *path,
                 const struct nc_http_head *h, bool whole, struct nc_web_found *out);
/* All of it; NC_EIO (logged) when it cannot be read, or has shrunk. */
NC_MUSTUSE enum nc_err nc_web_read(const struct nc_web_found *f, struct nc_buf *out);
void nc_web_close(struct nc_web_found *f);
