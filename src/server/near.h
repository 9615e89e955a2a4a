/*
 * server/near: where this node is reached from its own networks.
 *
 * A node without `public_url` that listens beyond loopback tells the nodes that it trusts
 * its addresses in private networks: two at one home find each other, however they met.
 * Looked up anew every minute; loop only.
 */
#pragma once

#include "net/addr.h"

struct nc_near;
struct nc_server;

#define NC_NEAR_MAX 4 /* addresses that are told */

/* Tells mesh/sync where we are, at once and from now on.  at: what is listened on. */
struct nc_near *nc_near_new(struct nc_server *s, const struct nc_addr *at, unsigned n);
void nc_near_free(struct nc_near *w); /* NULL is fine */

/*
 * Every address of ours that others may be given, the configured one first; as many as
 * there are, at most `max`.  w: NULL, none.  Valid until the loop goes on.
 */
unsigned nc_near_urls(const struct nc_near *w, const char **out, unsigned max);
