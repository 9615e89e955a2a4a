/*
 * mesh/link_url: where a broker or a proxy is, taken apart.
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
