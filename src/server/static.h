/*
 * server/static: the files of the page, compiled into the program.
 *
 * Conditional requests, ranges, gzip; a policy that lets nothing from elsewhere in.
 */
#pragma once

#include "net/httpd.h"
#include "wire/http_target.h"

bool nc_static_has(const struct nc_http_path *path);
/* Answers a GET or HEAD for a file that is there. */
void nc_static_serve(struct nc_req *r, const struct nc_http_path *path);
