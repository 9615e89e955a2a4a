/*
 * server/pairing: this node asks another to be taken into its mesh.
 */
#pragma once

#include "mesh/paircode.h"

struct nc_call;
struct nc_card;
struct nc_server;

/* What this node says of itself; end it by nc_card_fini. */
void nc_pairing_card(const struct nc_server *s, struct nc_card *out);
/* Asks at each address of the code until a node answers, pins it, and answers the call
 * with it. */
void nc_pairing_join(struct nc_call *call, const struct nc_pair_code *code);
