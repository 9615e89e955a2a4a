/*
 * server/static: the files of the page, compiled into the program.
 *
 * Conditional requests, ranges, gzip; a policy that lets nothing from elsewhere in.
 */
#pragma once

#include "net/httpd.h"
#include "wire/http_target.h"

/* Answers a GET or HEAD for a file of ours.  False: there is none of that path. */
bool nc_static_serve(struct nc_req *r, const struct nc_http_path *path);
