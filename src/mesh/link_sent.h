/*
 * mesh/link_sent: what was given to the library and not yet taken by the broker.
 *
 * A ring in order of packet ids, which the library counts up without looking whether one
 * is in use: nc_sent_full says when another lap would meet what still waits.
 */
#pragma once

#include "base/base.h"

struct nc_sent_row {
    uint64_t tag, at_us; /* at_us: monotonic, when it was given */
    uint32_t bytes;
    uint16_t mid;
    bool qos1;
    bool alone; /* nothing else waited: its PUBACK measures a round trip */
    bool gone;  /* taken out of the middle */
};

struct nc_sent {
    struct nc_sent_row *rows; /* ring of cap, a power of two */
    size_t head, n, cap;      /* n: rows in the ring, those that are gone included */
    size_t bytes;             /* of those that aren't */
    unsigned waiting;         /* how many aren't */
};

void nc_sent_fini(struct nc_sent *s);
/* Whether the packet ids that follow `last` could meet one in the ring. */
bool nc_sent_full(const struct nc_sent *s, uint16_t last);
void nc_sent_add(struct nc_sent *s, const struct nc_sent_row *row);
/* Takes the row of that packet id out: false if there is none. */
bool nc_sent_take(struct nc_sent *s, uint16_t mid, struct nc_sent_row *out);
/* The connection is lost, and with it what had qos 0. */
void nc_sent_lost(struct nc_sent *s);
/* When the oldest one that waits was given; 0: none waits. */
uint64_t nc_sent_since_us(const struct nc_sent *s);
