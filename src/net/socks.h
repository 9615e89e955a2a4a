/*
 * net/socks: asking a SOCKS5 proxy to connect.
 *
 * Names are resolved by the proxy, never here.  No login: a proxy that wants one is none
 * of ours.  It reads not a byte beyond the proxy's answers.  Source: RFC 1928.
 */
#pragma once

#include "base/base.h"

/* Where one is. */
struct nc_socks_at {
    const char *host; /* name or address */
    uint16_t port;
};

struct nc_socks {
    uint8_t out[3 + 4 + 1 + 255 + 2]; /* the greeting, then the request */
    uint8_t in[4 + 1 + 255 + 2];      /* what it answers, one answer at a time */
    uint16_t out_n, out_at, greeting_n;
    uint16_t in_n, need;
    bool greeted;
};

/* host: name or address.  NC_EINVAL: no name of 1 to 255 bytes. */
NC_MUSTUSE enum nc_err nc_socks_begin(struct nc_socks *s, const char *host, uint16_t port);
/*
 * Go on, by the connected descriptor, which doesn't block.
 *
 * returns: NC_OK: from here on it is a connection to that host; NC_AGAIN: when it may be
 * written to, or (nc_socks_reads) read from; NC_EIO: *why, static text.
 */
NC_MUSTUSE enum nc_err nc_socks_step(struct nc_socks *s, int fd, const char **why);
bool nc_socks_reads(const struct nc_socks *s);
