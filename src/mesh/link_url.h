/*
 * mesh/link_url: where a broker, a proxy or a node is, taken apart.
 */
#pragma once

#include "base/base.h"

#define NC_LINK_HOST_MAX 256 /* with the NUL */

struct nc_link_url {
    bool tls;
    uint16_t port;
    char host[NC_LINK_HOST_MAX]; /* a name or an address, without brackets */
};

/* mqtt://HOST[:PORT] or mqtts://HOST[:PORT].  NC_EINVAL: anything else. */
NC_MUSTUSE enum nc_err nc_link_url_broker(struct nc_str url, struct nc_link_url *out);
/* socks5h://HOST:PORT. */
NC_MUSTUSE enum nc_err nc_link_url_proxy(struct nc_str url, struct nc_link_url *out);
/* http://HOST[:PORT][/…] or https://….  NC_EINVAL: anything else. */
NC_MUSTUSE enum nc_err nc_link_url_node(struct nc_str url, struct nc_link_url *out);

/*
 * Whether a node at that address is reached by the proxy, where there is one: all but
 * addresses of loopback and private networks, in figures.  Names are the proxy's to look
 * up, and nobody else's.
 */
bool nc_link_url_proxied(const struct nc_link_url *node);
/* A name of Tor's, where the way to it is sealed without TLS, too. */
bool nc_link_url_onion(const struct nc_link_url *node);
