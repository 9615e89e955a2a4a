/*
 * server/nodes_file: this node and those that it trusts, as others are told of them: a
 * broker with our plugin, and clients.
 */
#pragma once

#include "base/buf.h"

struct nc_json;
struct nc_server;

/* The member "nodes" for clients, [{"name","url"},…]: where else the same rooms are, this
 * node first; one that has several addresses stands there for each.  Empty where there is
 * no other. */
void nc_nodes_for_clients(const struct nc_server *s, struct nc_json *j);

/* Appends [{"id","key","name"},…]: this node, and those that it trusts. */
void nc_nodes_file_rows(const struct nc_server *s, struct nc_buf *out);
/* The same as the plugin's file: {"nodes":[…]}. */
void nc_nodes_file_add(const struct nc_server *s, struct nc_buf *out);
