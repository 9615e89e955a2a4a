/*
 * server/disk: room on the disk, looked at every few seconds.
 *
 * Below twice `disk_free_min` the owners are told (in the log and by a notice on
 * their live connections); below it sends are refused until space comes back.
 */
#pragma once

#include "base/base.h"

struct nc_disk;
struct nc_server;

struct nc_disk *nc_disk_new(struct nc_server *s);
void nc_disk_free(struct nc_disk *d);           /* NULL is fine */
uint64_t nc_disk_left(const struct nc_disk *d); /* bytes, as of the last look */
/* "ok", "low", "full" */
const char *nc_disk_state(const struct nc_disk *d);
