/*
 * net/listener: where strangers come in, counted at the door.
 *
 * One set of listeners shares one set of limits: connections in all and per
 * address (an IPv6 /64 is one address).  One over a limit is closed at accept.
 */
#pragma once

#include "base/list.h"
#include "net/addr.h"

struct nc_loop;
struct nc_listeners;

struct nc_listeners_opts {
    unsigned total_max;    /* 0: 10,000 */
    unsigned per_addr_max; /* 0: no limit; never applied to UNIX and loopback */
    int backlog;           /* 0: 1,024 */
};

/* The descriptor is the callee's: non-blocking, close-on-exec, TCP_NODELAY.  It is
 * counted until nc_listeners_left, which a conn made from it calls (net/conn.h).
 * tag: as given when the listener was added. */
typedef void nc_accept_fn(void *arg, int fd, const struct nc_addr *peer, void *tag);

struct nc_listeners *nc_listeners_new(struct nc_loop *l, const struct nc_listeners_opts *o,
                                      nc_accept_fn *on_accept, void *arg);

/*
 * Listen on "ADDR:PORT" (port 0: any free one) or "unix:PATH" (mode 0600; a dead
 * socket file there is replaced).
 *
 * at:      what it became, with the real port; may be NULL.
 * returns: NC_EINVAL not an address; NC_EEXIST taken; NC_EACCESS not allowed;
 *          NC_EIO else.  All but EEXIST are logged.
 */
NC_MUSTUSE enum nc_err nc_listeners_add(struct nc_listeners *ls, struct nc_str where,
                                        void *tag, struct nc_addr *at);
/* A descriptor that listens already; it is ours from now on. */
NC_MUSTUSE enum nc_err nc_listeners_adopt(struct nc_listeners *ls, int fd, void *tag,
                                          struct nc_addr *at);
/* All descriptors systemd handed over (LISTEN_FDS); how many, into at[] up to max. */
unsigned nc_listeners_adopt_systemd(struct nc_listeners *ls, void *tag, struct nc_addr *at,
                                    unsigned max);

/* Who is inside: `node` of a connection, taken out by nc_list_del. */
struct nc_list *nc_listeners_inside(struct nc_listeners *ls);
void nc_listeners_left(struct nc_listeners *ls, const struct nc_addr *peer);
unsigned nc_listeners_open(const struct nc_listeners *ls); /* connections counted now */
uint64_t nc_listeners_refused(const struct nc_listeners *ls);

void nc_listeners_close(struct nc_listeners *ls); /* accept no more; remove UNIX sockets */
void nc_listeners_free(
    struct nc_listeners *ls); /* when every connection has left; NULL fine */
