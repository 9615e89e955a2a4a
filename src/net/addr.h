/*
 * net/addr: addresses: read, written, classified, matched against lists.
 *
 * An IPv4 address mapped into IPv6 is an IPv4 address here.
 */
#pragma once

#include "base/base.h"

struct sockaddr;
struct sockaddr_storage;

enum nc_addr_kind { NC_ADDR_NONE, NC_ADDR_V4, NC_ADDR_V6, NC_ADDR_UNIX };

struct nc_addr {
    uint8_t kind;   /* enum nc_addr_kind */
    uint16_t port;  /* host order; 0 for UNIX */
    uint32_t scope; /* interface of a link-local v6 address */
    uint8_t ip[16]; /* v4: the first four */
};

/* Where an address leads.  Bits, so that a set of them fits an unsigned. */
enum nc_reach {
    NC_REACH_LOOPBACK = 1, /* and UNIX */
    NC_REACH_PRIVATE = 2,  /* RFC 1918, fc00::/7, 100.64/10 */
    NC_REACH_LINK_LOCAL =
        4, /* 169.254/16, fe80::/10: also where clouds keep their metadata */
    NC_REACH_PUBLIC = 8,
    NC_REACH_NONE = 16, /* unspecified, multicast, broadcast, reserved: nobody to talk to */
};
enum nc_reach nc_addr_reach(const struct nc_addr *a);
bool nc_addr_eq_ip(const struct nc_addr *a, const struct nc_addr *b); /* port ignored */

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; no names.  Port 0. */
NC_MUSTUSE enum nc_err nc_addr_parse(struct nc_str s, struct nc_addr *out);
/* "127.0.0.1:8080", "[::1]:0", ":8080" (every address, v6 and v4), "localhost:8080"
 * (127.0.0.1). */
NC_MUSTUSE enum nc_err nc_addr_parse_port(struct nc_str s, struct nc_addr *out);

#define NC_ADDR_TEXT 64 /* with port and NUL */
/* NUL-terminated; return out.  "unix" for UNIX, "-" for none. */
const char *nc_addr_text(const struct nc_addr *a,
                         char out[NC_ADDR_TEXT]); /* without port */
const char *nc_addr_text_port(const struct nc_addr *a, char out[NC_ADDR_TEXT]);

void nc_addr_from_sockaddr(const struct sockaddr *sa, struct nc_addr *out);
/* Length of the address; a is V4 or V6. */
unsigned nc_addr_to_sockaddr(const struct nc_addr *a, struct sockaddr_storage *out);

/* A list of networks: "10.0.0.0/8, ::1, unix".  Zeroed: matches nobody. */
#define NC_NETS_MAX 32
struct nc_nets {
    unsigned n;
    struct nc_net {
        struct nc_addr addr;
        uint8_t bits;
    } v[NC_NETS_MAX];
};
/* Comma-separated.  NC_EINVAL (with *bad, may be NULL, the item) or NC_ELIMIT. */
NC_MUSTUSE enum nc_err nc_nets_parse(struct nc_str list, struct nc_nets *out,
                                     struct nc_str *bad);
bool nc_nets_have(const struct nc_nets *nets, const struct nc_addr *a);

/* The client behind trusted proxies: from `peer`, X-Forwarded-For is read from the
 * right as long as who reported it is in `trusted`.  Malformed items end the walk. */
struct nc_addr nc_addr_forwarded(const struct nc_addr *peer, struct nc_str x_forwarded_for,
                                 const struct nc_nets *trusted);
