/*
 * client/elsewhere: the nodes that hold the same rooms as a server, for when it is away.
 *
 * The server names them in its welcome; they are kept beside the login, in the file
 * "nodes", so that they are known also to a client that begins while it is away.
 */
#pragma once

#include <jansson.h>

#include "base/base.h"

#define NC_ELSEWHERE_MAX 32

struct nc_elsewhere {
    char *home; /* the server's own address, as the user gave it; always one of them */
    char *file; /* NULL: nothing is kept */
    char *urls[NC_ELSEWHERE_MAX];
    unsigned n;
};

/* Reads what was kept. */
void nc_elsewhere_init(struct nc_elsewhere *e, const char *home);
void nc_elsewhere_fini(struct nc_elsewhere *e);
/*
 * "nodes" of a welcome: what was known before is replaced.  Who came by https is not sent
 * where everybody may listen: then http addresses are left out.
 */
void nc_elsewhere_take(struct nc_elsewhere *e, const json_t *nodes);
/* The next address after `url`, home last and then from the beginning; NULL: there is no
 * other. */
const char *nc_elsewhere_next(const struct nc_elsewhere *e, const char *url);
