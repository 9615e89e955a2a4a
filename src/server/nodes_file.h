/*
 * server/nodes_file: the nodes that a broker with our plugin shall trust.
 */
#pragma once

#include "base/buf.h"

struct nc_server;

/* Appends [{"id","key","name"},…]: this node, and those that it trusts. */
void nc_nodes_file_rows(const struct nc_server *s, struct nc_buf *out);
/* The same as the plugin's file: {"nodes":[…]}. */
void nc_nodes_file_add(const struct nc_server *s, struct nc_buf *out);
