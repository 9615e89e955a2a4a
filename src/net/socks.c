#include "net/socks.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/addr.h"

enum {
    VERSION = 5,
    NO_LOGIN = 0,
    NONE_OF_THESE = 0xff,
    CONNECT = 1,
    IS_V4 = 1,
    IS_NAME = 3,
    IS_V6 = 4,
    HEAD = 5, /* of an answer: as much as tells how long it is */
};

static void add(struct nc_socks *s, const void *p, size_t n)
{
    memcpy(s->out + s->out_n, p, n);
    s->out_n = (uint16_t)(s->out_n + n);
}

enum nc_err nc_socks_begin(struct nc_socks *s, const char *host, uint16_t port)
{
    static const uint8_t greeting[] = {VERSION, 1, NO_LOGIN};
    struct nc_str name = nc_str(host);
    uint8_t head[] = {VERSION, CONNECT, 0, IS_NAME};
    uint8_t ends[] = {(uint8_t)(port >> 8), (uint8_t)port};
    struct nc_addr a;

    *s = (struct nc_socks){.need = 2};
    add(s, greeting, sizeof greeting);
    s->greeting_n = s->out_n;
    bool literal = nc_addr_parse(name, &a) == NC_OK;
    if (literal)
        head[3] = a.kind == NC_ADDR_V4 ? IS_V4 : IS_V6;
    else if (!name.n || name.n > 255)
        return NC_EINVAL;
    add(s, head, sizeof head);
    if (literal) {
        add(s, a.ip, a.kind == NC_ADDR_V4 ? 4 : 16);
    } else {
        uint8_t n = (uint8_t)name.n;
        add(s, &n, 1);
        add(s, name.p, name.n);
    }
    add(s, ends, sizeof ends);
    return NC_OK;
}

bool nc_socks_reads(const struct nc_socks *s)
{
    return s->out_at == (s->greeted ? s->out_n : s->greeting_n);
}

static const char *refusal(uint8_t code)
{
    switch (code) {
    case 2: return "the proxy doesn't allow it";
    case 3:
    case 4: return "the proxy does not get there";
    case 5: return "the proxy says: connection refused";
    case 6: return "the proxy says: no answer in time";
    default: return "the proxy failed";
    }
}

/* One whole answer is there, or as much as tells how long it is. */
static enum nc_err answered(struct nc_socks *s, const char **why)
{
    *why = "what answers is no SOCKS5 proxy";
    if (s->in[0] != VERSION)
        return NC_EIO;
    if (!s->greeted) {
        if (s->in[1] == NONE_OF_THESE)
            *why = "the proxy wants a login";
        if (s->in[1] != NO_LOGIN)
            return NC_EIO;
        s->greeted = true;
        s->in_n = 0;
        s->need = HEAD;
        return NC_AGAIN;
    }
    if (s->in[1]) {
        *why = refusal(s->in[1]);
        return NC_EIO;
    }
    uint16_t address = s->in[3] == IS_V4     ? 4
                       : s->in[3] == IS_V6   ? 16
                       : s->in[3] == IS_NAME ? (uint16_t)(1 + s->in[4])
                                             : 0;
    if (!address)
        return NC_EIO;
    s->need = (uint16_t)(4 + address + 2);
    return s->in_n < s->need ? NC_AGAIN : NC_OK;
}

static enum nc_err would_block(const char **why, const char *else_)
{
    if (errno == EAGAIN || errno == EINTR)
        return NC_AGAIN;
    *why = else_;
    return NC_EIO;
}

enum nc_err nc_socks_step(struct nc_socks *s, int fd, const char **why)
{
    enum nc_err e = NC_AGAIN;

    while (e == NC_AGAIN) {
        uint16_t until = s->greeted ? s->out_n : s->greeting_n;
        bool reads = nc_socks_reads(s);
        ssize_t n =
            reads ? recv(fd, s->in + s->in_n, (size_t)(s->need - s->in_n), 0)
                  : send(fd, s->out + s->out_at, (size_t)(until - s->out_at), MSG_NOSIGNAL);
        if (n < 0)
            return would_block(why, "the connection to the proxy was lost");
        if (reads && n == 0) {
            *why = "the proxy ended the connection";
            return NC_EIO;
        }
        if (!reads) {
            s->out_at = (uint16_t)(s->out_at + n);
            continue;
        }
        s->in_n = (uint16_t)(s->in_n + n);
        if (s->in_n == s->need)
            e = answered(s, why);
    }
    return e;
}
