/*
 * mosquitto/clients: who is connected, and what let them in.
 *
 * A client is a pointer of the broker's that is only compared.  When a session is taken
 * over, two of one id are here for a moment.
 */
#pragma once

#include "base/map.h"
#include "mosquitto/login.h"

struct nc_client {
    const void *handle; /* the map's key */
    char *id;
    struct nc_who who;
};

struct nc_clients {
    struct nc_map by_handle;
};

void nc_clients_fini(struct nc_clients *c); /* a zeroed one is valid */
void nc_clients_add(struct nc_clients *c, const void *handle, const char *id,
                    const struct nc_who *who);
void nc_clients_gone(struct nc_clients *c, const void *handle); /* also an unknown one */
const struct nc_client *nc_clients_get(const struct nc_clients *c, const void *handle);
/* Whether somebody of another name is connected with that id. */
bool nc_clients_others(const struct nc_clients *c, const char *id, const char *name);

/* One whose time is over, and why. */
struct nc_clients_end {
    char *id; /* freed by the caller */
    const char *why;
};
/* Finds at most `max` of them.  all: look at every one; otherwise only at the time. */
size_t nc_clients_ended(const struct nc_clients *c, const struct nc_login *l,
                        uint64_t now_ms, bool all, struct nc_clients_end *out, size_t max);
