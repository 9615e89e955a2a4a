/*
 * chat/people/throttle: how often is too often.
 *
 * Two things: buckets for what a user or an address may do so many times in a
 * while, and the limiter of failed logins (protocol.md section 2), which is built
 * so that nobody can lock another out.  Every table is bounded; what was seen
 * longest ago goes first.  Pure but for the clock that callers pass in.
 */
#pragma once

#include "chat/chat.h"

struct nc_user;

/* A bucket of n in a window: n at once, then one every window/n.  Zeroed: full. */
struct nc_bucket {
    uint64_t due_us;
};
/* 0: go ahead, and it is counted.  Otherwise seconds to wait, at least 1.  n = 0: no limit.
 */
unsigned nc_bucket_take(struct nc_bucket *b, unsigned n, uint64_t window_ms,
                        uint64_t now_us);

enum nc_rate {
    NC_RATE_SENDS,
    NC_RATE_ROOMS,
    NC_RATE_TICKETS,
    NC_RATE_HISTORY,
    NC_RATE_LISTS,   /* what walks rooms or people */
    NC_RATE_CHANGES, /* whatever else is kept, told to others or written to the audit log */
    NC_RATE_KIB,     /* what came by sockets and had to be parsed; ask by nc_rate_take_n */
    NC_RATES
};
/* Count one for the user.  False: *why is rate_limited with its Retry-After (may be NULL).
 */
bool nc_rate_take(const struct nc_chat *c, struct nc_user *u, enum nc_rate r,
                  struct nc_problem *why);

bool nc_rate_take_n(const struct nc_chat *c, struct nc_user *u, enum nc_rate r, unsigned n,
                    struct nc_problem *why);

/* What is remembered of addresses and accounts. */
struct nc_throttle;
struct nc_throttle *nc_throttle_new(size_t max); /* entries of each table */
void nc_throttle_free(struct nc_throttle *t);    /* NULL is fine */

/* Registrations of an address, n per hour.  Seconds to wait, or 0 and it is counted. */
unsigned nc_throttle_register(struct nc_throttle *t, struct nc_str address, unsigned n,
                              uint64_t now_ms);
/* Bad keys and codes of an address, 20 per minute.  The first asks, the second counts. */
unsigned nc_throttle_guesses(struct nc_throttle *t, struct nc_str address, uint64_t now_ms);
void nc_throttle_guessed(struct nc_throttle *t, struct nc_str address, uint64_t now_ms);

/*
 * One attempt to log in, `account` as it was typed.  0: go ahead; it counts as a
 * failure until nc_throttle_pardon, so that many at once are no way around.
 * Otherwise seconds to wait:
 *   5 failures a minute per account and address;
 *   20 a minute per address, and from 30 an hour per account a growing delay, both
 *   only for those who are not `known`: this address logged in to this account
 *   within 30 days (see nc_throttle_known), so others' failures never stop it.
 */
unsigned nc_throttle_attempt(struct nc_throttle *t, struct nc_str account,
                             struct nc_str address, bool known, uint64_t now_ms);
/* It was no failure (or was never decided): take the count back. */
void nc_throttle_pardon(struct nc_throttle *t, struct nc_str account,
                        struct nc_str address);
/* It succeeded: the address is known to the account from now on. */
void nc_throttle_welcome(struct nc_throttle *t, struct nc_str account,
                         struct nc_str address, uint64_t now_ms);
bool nc_throttle_known(struct nc_throttle *t, struct nc_str account, struct nc_str address,
                       uint64_t now_ms);
/* Others would be delayed: worth looking up whether the address is known. */
bool nc_throttle_hot(struct nc_throttle *t, struct nc_str account, struct nc_str address,
                     uint64_t now_ms);
/* Entries held, for tests and metrics. */
size_t nc_throttle_size(const struct nc_throttle *t);

#define NC_KNOWN_MS (30ull * 86400 * 1000)
