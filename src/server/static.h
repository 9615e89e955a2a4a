/*
 * server/static: the web client's files, out of the program or of a folder.
 *
 * Each in the coding the client likes best, with conditions and ranges, and under a
 * policy that lets nothing from elsewhere in.  A path that is nobody's, opened in a
 * browser, is the client's own business: it gets the page.
 */
#pragma once

#include "server/web_dir.h"
#include "server/web_files.h"

struct nc_req;
struct nc_server;

/* What is to be served: a file of the program, else of the folder, else the words that
 * stand in for a client that is not there. */
struct nc_static {
    const struct nc_web_file *file;
    struct nc_web_found found;
    const char *words; /* or NULL */
};

/* Is there something at `path` for this request?  If so: nc_static_serve, or, when it is
 * not a GET or HEAD, nc_static_drop. */
bool nc_static_find(const struct nc_server *s, const struct nc_http_head *h,
                    const struct nc_http_path *path, struct nc_static *out);
/* Answers a GET or HEAD; drops what was found. */
void nc_static_serve(struct nc_req *r, struct nc_static *what);
void nc_static_drop(struct nc_static *what);
