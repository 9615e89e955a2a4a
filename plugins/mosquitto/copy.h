/*
 * mosquitto/copy: the copy on disk of what the nodes have said.
 *
 * A broker that starts gives its plugins no word of the retained messages it has found, so
 * they need a memory of their own.  The file is replaced whole, by a thread: a disk that
 * is slow to sync holds no message up.
 */
#pragma once

#include "base/buf.h"

struct nc_copy;

struct nc_copy *nc_copy_new(const char *path);
/* Waits for what is being written.  NULL is fine. */
void nc_copy_free(struct nc_copy *c);
/* Whether the last one is on its way still. */
bool nc_copy_busy(struct nc_copy *c);
/* Whether the last one could not be written (logged). */
bool nc_copy_failed(const struct nc_copy *c);
/* Takes the bytes over and writes them; none may be on its way. */
void nc_copy_write(struct nc_copy *c, struct nc_buf *bytes);
