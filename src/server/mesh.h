/*
 * server/mesh: brokers and other nodes, wired together.
 *
 * Only for server.c; what there is lies in struct nc_server.  Loop thread only.
 */
#pragma once

#include "net/addr.h"

struct nc_server;

/* After chat and ai, before anybody listens.  Logged; nc_server_close cleans up. */
NC_MUSTUSE enum nc_err nc_server_mesh_open(struct nc_server *s);
/* We listen at these, and know where: others may be told. */
void nc_server_mesh_reached(struct nc_server *s, const struct nc_addr *at, unsigned n);
void nc_server_mesh_keys(struct nc_server *s); /* our signing keys may have changed */
/* Nothing is sent or taken any more; links are gone.  Before the store is closed. */
void nc_server_mesh_stop(struct nc_server *s);
/* After the store was closed, before ai and chat are freed. */
void nc_server_mesh_free(struct nc_server *s);
