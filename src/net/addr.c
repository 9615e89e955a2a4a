#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void set_v6(struct nc_addr *a, const uint8_t ip[16])
{
    if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
        a->kind = NC_ADDR_V4;
        memcpy(a->ip, ip + 12, 4);
        return;
    }
    a->kind = NC_ADDR_V6;
    memcpy(a->ip, ip, 16);
}

/* --- classes --- */

static bool in_net(const uint8_t *ip, const uint8_t *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(ip, net, whole) != 0)
        return false;
    return rest == 0 || ((ip[whole] ^ net[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

struct class
{
    uint8_t bits;
    uint8_t net[16];
    enum nc_reach reach;
};

/* IANA's special-purpose registries; the first that fits counts. */
static const struct class v4_classes[] = {
    {8, {127}, NC_REACH_LOOPBACK},     {8, {10}, NC_REACH_PRIVATE},
    {12, {172, 16}, NC_REACH_PRIVATE}, {16, {192, 168}, NC_REACH_PRIVATE},
    {10, {100, 64}, NC_REACH_PRIVATE}, {16, {169, 254}, NC_REACH_LINK_LOCAL},
    {8, {0}, NC_REACH_NONE},           {4, {224}, NC_REACH_NONE},
    {4, {240}, NC_REACH_NONE},         {0, {0}, NC_REACH_PUBLIC},
};
static const struct class v6_classes[] = {
    {128, {[15] = 1}, NC_REACH_LOOPBACK}, {96, {0}, NC_REACH_NONE},
    {7, {0xfc}, NC_REACH_PRIVATE},        {10, {0xfe, 0x80}, NC_REACH_LINK_LOCAL},
    {8, {0xff}, NC_REACH_NONE},           {0, {0}, NC_REACH_PUBLIC},
};
/* Prefixes that carry an IPv4 address, which is where they really lead. */
static const struct {
    uint8_t bits, at;
    uint8_t net[16];
} carriers[] = {
    {96, 12, {0x00, 0x64, 0xff, 0x9b}},             /* NAT64, RFC 6052 */
    {96, 12, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}}, /* a network's own, RFC 8215 */
    {96, 12, {[8] = 0xff, 0xff}},                   /* SIIT, RFC 2765 */
    {16, 2, {0x20, 0x02}},                          /* 6to4, RFC 3056 */
};

static enum nc_reach classify(const struct class *c, const uint8_t *ip)
{
    while (!in_net(ip, c->net, c->bits))
        c++;
    return c->reach;
}

enum nc_reach nc_addr_reach(const struct nc_addr *a)
{
    switch ((enum nc_addr_kind)a->kind) {
    case NC_ADDR_NONE: return NC_REACH_NONE;
    case NC_ADDR_UNIX: return NC_REACH_LOOPBACK;
    case NC_ADDR_V4: return classify(v4_classes, a->ip);
    case NC_ADDR_V6: break;
    }
    for (size_t i = 0; i < NC_COUNT(carriers); i++)
        if (in_net(a->ip, carriers[i].net, carriers[i].bits)) {
            enum nc_reach reach = classify(v4_classes, a->ip + carriers[i].at);
            return reach == NC_REACH_LOOPBACK ? NC_REACH_NONE : reach; /* whose? */
        }
    return classify(v6_classes, a->ip);
}

bool nc_addr_eq_ip(const struct nc_addr *a, const struct nc_addr *b)
{
    return a->kind == b->kind && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* --- text --- */

enum nc_err nc_addr_parse(struct nc_str s, struct nc_addr *out)
{
    char z[INET6_ADDRSTRLEN];
    uint8_t ip[16];

    *out = (struct nc_addr){0};
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = (struct nc_str){s.p + 1, s.n - 2};
    if (s.n == 0 || s.n >= sizeof(z) || memchr(s.p, 0, s.n))
        return NC_EINVAL;
    memcpy(z, s.p, s.n);
    z[s.n] = 0;
    if (inet_pton(AF_INET, z, out->ip) == 1) {
        out->kind = NC_ADDR_V4;
        return NC_OK;
    }
    if (inet_pton(AF_INET6, z, ip) != 1)
        return NC_EINVAL;
    set_v6(out, ip);
    return NC_OK;
}

enum nc_err nc_addr_parse_port(struct nc_str s, struct nc_addr *out)
{
    size_t colon = s.n;
    uint64_t port;

    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return NC_EINVAL;
    struct nc_str host = {s.p, colon - 1};
    if (nc_str_u64((struct nc_str){s.p + colon, s.n - colon}, 65535, &port) != NC_OK)
        return NC_EINVAL;
    if (host.n == 0)
        host = NC_STR("[::]");
    else if (nc_str_ieq(host, NC_STR("localhost")))
        host = NC_STR("127.0.0.1");
    else if (memchr(host.p, ':', host.n) && host.p[0] != '[')
        return NC_EINVAL; /* "::1:80" could be read two ways */
    enum nc_err e = nc_addr_parse(host, out);
    out->port = (uint16_t)port;
    return e;
}

const char *nc_addr_text(const struct nc_addr *a, char out[NC_ADDR_TEXT])
{
    switch ((enum nc_addr_kind)a->kind) {
    case NC_ADDR_NONE: return memcpy(out, "-", 2);
    case NC_ADDR_UNIX: return memcpy(out, "unix", 5);
    case NC_ADDR_V4: inet_ntop(AF_INET, a->ip, out, NC_ADDR_TEXT); break;
    case NC_ADDR_V6: inet_ntop(AF_INET6, a->ip, out, NC_ADDR_TEXT); break;
    }
    return out;
}

const char *nc_addr_text_port(const struct nc_addr *a, char out[NC_ADDR_TEXT])
{
    char ip[NC_ADDR_TEXT] = "";

    nc_addr_text(a, ip);
    if (a->kind == NC_ADDR_V6)
        snprintf(out, NC_ADDR_TEXT, "[%.46s]:%u", ip, a->port);
    else if (a->kind == NC_ADDR_V4)
        snprintf(out, NC_ADDR_TEXT, "%.46s:%u", ip, a->port);
    else
        memcpy(out, ip, sizeof(ip));
    return out;
}

/* --- the kernel's form --- */

void nc_addr_from_sockaddr(const struct sockaddr *sa, struct nc_addr *out)
{
    const void *any = sa;

    *out = (struct nc_addr){0};
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = any;
        out->kind = NC_ADDR_V4;
        out->port = ntohs(in->sin_port);
        memcpy(out->ip, &in->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = any;
        set_v6(out, in->sin6_addr.s6_addr);
        out->port = ntohs(in->sin6_port);
        out->scope = in->sin6_scope_id;
    } else if (sa->sa_family == AF_UNIX) {
        out->kind = NC_ADDR_UNIX;
    }
}

unsigned nc_addr_to_sockaddr(const struct nc_addr *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (a->kind == NC_ADDR_V4) {
        struct sockaddr_in *in = (void *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in = (void *)out;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(a->port);
    in->sin6_scope_id = a->scope;
    memcpy(&in->sin6_addr, a->ip, 16);
    return sizeof(*in);
}

/* --- networks --- */

static enum nc_err parse_net(struct nc_str s, struct nc_net *out)
{
    struct nc_str ip = nc_str_cut(&s, '/');
    uint64_t bits;

    if (nc_str_ieq(ip, NC_STR("unix"))) {
        *out = (struct nc_net){.addr.kind = NC_ADDR_UNIX};
        return s.p ? NC_EINVAL : NC_OK;
    }
    if (nc_addr_parse(ip, &out->addr) != NC_OK)
        return NC_EINVAL;
    unsigned max = out->addr.kind == NC_ADDR_V4 ? 32 : 128;
    out->bits = (uint8_t)max;
    if (!s.p)
        return NC_OK;
    if (nc_str_u64(s, max, &bits) != NC_OK)
        return NC_EINVAL;
    out->bits = (uint8_t)bits;
    return NC_OK;
}

enum nc_err nc_nets_parse(struct nc_str list, struct nc_nets *out, struct nc_str *bad)
{
    *out = (struct nc_nets){0};
    while (list.n > 0) {
        struct nc_str item = nc_str_trim(nc_str_cut(&list, ','));
        if (item.n == 0)
            continue;
        if (bad)
            *bad = item;
        if (out->n == NC_NETS_MAX)
            return NC_ELIMIT;
        if (parse_net(item, &out->v[out->n]) != NC_OK)
            return NC_EINVAL;
        out->n++;
    }
    return NC_OK;
}

bool nc_nets_have(const struct nc_nets *nets, const struct nc_addr *a)
{
    for (unsigned i = 0; i < nets->n; i++) {
        const struct nc_net *n = &nets->v[i];
        if (n->addr.kind == a->kind && in_net(a->ip, n->addr.ip, n->bits))
            return true;
    }
    return false;
}

struct nc_addr nc_addr_forwarded(const struct nc_addr *peer, struct nc_str list,
                                 const struct nc_nets *trusted)
{
    struct nc_addr at = *peer;

    while (list.n > 0 && nc_nets_have(trusted, &at)) {
        size_t comma = list.n;
        struct nc_addr next;

        while (comma > 0 && list.p[comma - 1] != ',')
            comma--;
        struct nc_str item = nc_str_trim((struct nc_str){list.p + comma, list.n - comma});
        list.n = comma ? comma - 1 : 0;
        if (nc_addr_parse(item, &next) != NC_OK && nc_addr_parse_port(item, &next) != NC_OK)
            break;
        at = next;
    }
    return at;
}
