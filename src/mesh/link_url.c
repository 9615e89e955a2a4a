#include "mesh/link_url.h"

#include <string.h>
#include <strings.h>

#include "net/addr.h"

static bool take(struct nc_str *s, struct nc_str prefix)
{
    if (!nc_str_starts(*s, prefix))
        return false;
    s->p += prefix.n;
    s->n -= prefix.n;
    return true;
}

/* What may stand in a host's name or address; `colons` in an IPv6 address. */
static bool host_ok(struct nc_str host, bool colons)
{
    if (host.n == 0 || host.n >= NC_LINK_HOST_MAX)
        return false;
    for (size_t i = 0; i < host.n; i++) {
        unsigned char c = (unsigned char)host.p[i];
        if (c <= ' ' || c == 0x7f || strchr("/?#@[]\\", c) || (c == ':' && !colons))
            return false;
    }
    return true;
}

static enum nc_err host_port(struct nc_str s, uint16_t port, struct nc_link_url *out)
{
    bool bracketed = take(&s, NC_STR("["));
    const char *end = s.n ? memchr(s.p, bracketed ? ']' : ':', s.n) : NULL;
    struct nc_str host = {s.p, end ? (size_t)(end - s.p) : s.n};
    struct nc_str rest = {s.p + host.n, s.n - host.n};
    uint64_t given = port;

    if (!host_ok(host, bracketed) || (bracketed && !take(&rest, NC_STR("]"))))
        return NC_EINVAL;
    if (take(&rest, NC_STR(":"))) {
        if (nc_str_u64(rest, 65535, &given) != NC_OK)
            return NC_EINVAL;
    } else if (rest.n) {
        return NC_EINVAL;
    }
    if (given == 0)
        return NC_EINVAL;
    memcpy(out->host, host.p, host.n);
    out->host[host.n] = 0;
    out->port = (uint16_t)given;
    return NC_OK;
}

enum nc_err nc_link_url_broker(struct nc_str url, struct nc_link_url *out)
{
    *out = (struct nc_link_url){.tls = nc_str_starts(url, NC_STR("mqtts://"))};
    if (!take(&url, out->tls ? NC_STR("mqtts://") : NC_STR("mqtt://")))
        return NC_EINVAL;
    return host_port(url, out->tls ? 8883 : 1883, out);
}

enum nc_err nc_link_url_proxy(struct nc_str url, struct nc_link_url *out)
{
    *out = (struct nc_link_url){.tls = false};
    if (!take(&url, NC_STR("socks5h://")))
        return NC_EINVAL;
    return host_port(url, 0, out);
}

enum nc_err nc_link_url_node(struct nc_str url, struct nc_link_url *out)
{
    *out = (struct nc_link_url){.tls = nc_str_starts(url, NC_STR("https://"))};
    if (!take(&url, out->tls ? NC_STR("https://") : NC_STR("http://")))
        return NC_EINVAL;
    const char *path = url.n ? memchr(url.p, '/', url.n) : NULL;
    if (path)
        url.n = (size_t)(path - url.p);
    return host_port(url, out->tls ? 443 : 80, out);
}

bool nc_link_url_proxied(const struct nc_link_url *node)
{
    struct nc_addr a;

    return nc_addr_parse(nc_str(node->host), &a) != NC_OK ||
           !(nc_addr_reach(&a) & (NC_REACH_LOOPBACK | NC_REACH_PRIVATE));
}

bool nc_link_url_onion(const struct nc_link_url *node)
{
    static const char end[] = ".onion";
    size_t n = strlen(node->host);

    return n > sizeof end - 1 && strcasecmp(node->host + n - (sizeof end - 1), end) == 0;
}
