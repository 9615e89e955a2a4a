/*
 * server/route: which handler a request is for.
 *
 * The tables of routes_*.c, matched segment by segment; "{name}" takes any one
 * segment, "{name:id}" one that is a UUID.
 */
#pragma once

#include "server/call.h"
#include "wire/http_target.h"

struct nc_router;

/* Tables are borrowed; the list ends with NULL. */
struct nc_router *nc_router_new(const struct nc_route *const *tables);
void nc_router_free(struct nc_router *r); /* NULL is fine */

struct nc_match {
    const struct nc_route *route; /* NULL: none */
    struct nc_str params[4];
    struct nc_id ids[4];
    char allow[64]; /* methods of the path when the method is not among them */
};

/* returns: NC_OK; NC_ENOENT no such path; NC_EINVAL the path is there, the method isn't
 * (m->allow says which are). */
NC_MUSTUSE enum nc_err nc_router_find(const struct nc_router *r, struct nc_str method,
                                      const struct nc_http_path *path, struct nc_match *m);
