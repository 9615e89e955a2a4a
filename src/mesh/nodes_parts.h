/*
 * mesh/nodes_parts: the table of nodes, for the files of mesh/nodes alone.
 */
#pragma once

#include "mesh/brokers.h"
#include "mesh/nodes.h"

struct nc_invite_open {
    uint8_t secret[NC_PAIR_SECRET];
    uint64_t exp_s;
    struct nc_id used_by; /* zero: open */
};

struct nc_nodes {
    struct nc_nodes_opts o;
    char *path;
    char name[NC_CARD_NAME];
    struct nc_node *at[NC_NODES_MAX];
    size_t n;
    struct nc_invite_open invites[NC_NODES_INVITES];
    size_t invites_n;
    struct nc_brokers *brokers;
    struct nc_brokers_hook hook;
};

/* ---- nodes_kept.c ----------------------------------------------------------  */

NC_MUSTUSE enum nc_err nc_nodes_load(struct nc_nodes *n);
NC_MUSTUSE enum nc_err nc_nodes_save(const struct nc_nodes *n);

/* ---- nodes.c ----------------------------------------------------------------- */

/* Takes *card over; NULL if its keys are broken. */
struct nc_node *nc_node_new(struct nc_card *card);
void nc_node_free(struct nc_node *node);
