/*
 * server/folder: the data folder: made, locked, and the small files in it.
 *
 *   neuralchat.db   everything that is said         keys/        token signing keys
 *   node-id         who this node is                owner-code   until the owner exists
 *   node.key        what it signs with as itself    broker/      of the own broker
 *   admin.sock      the machine's owner comes in    audit.log    who did what
 *   tls/            a self-signed certificate       backup/      copies
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"

#define NC_PATH_MAX 1024

/* Makes it (0700) if it isn't there and takes its lock.  *lock_fd stays open as long as
 * the node runs.  NC_EEXIST: another process has it; NC_EIO else.  Logged. */
NC_MUSTUSE enum nc_err nc_folder_open(const char *data, int *lock_fd);
/* The node's id, made on the first start.  NC_EINVAL: the file is damaged.  Logged. */
NC_MUSTUSE enum nc_err nc_folder_node_id(const char *data, struct nc_id *out);
/* Whether there is nothing in it (or no such folder), as --restore wants. */
bool nc_folder_empty(const char *data);

/* The code that makes the owner's account: `given`, else what the file holds, else a new
 * one; kept in DIR/owner-code.  out: at least 130 bytes.  NC_EIO logged. */
NC_MUSTUSE enum nc_err nc_folder_owner_code(const char *data, const char *given, char *out);
void nc_folder_owner_code_used(const char *data);
