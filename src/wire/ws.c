#include "wire/ws.h"

#include <string.h>

enum { FIN = 0x80, RSV1 = 0x40, RSV23 = 0x30, OPCODE = 0x0F, CONTROL = 0x08 };
enum { MASKED = 0x80, LEN = 0x7F };

static uint64_t be(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    while (n--)
        v = v << 8 | *p++;
    return v;
}

static bool opcode_known(unsigned op)
{
    return op <= NC_WS_BINARY || (op >= NC_WS_CLOSE && op <= NC_WS_PONG);
}

enum nc_err nc_ws_head(struct nc_ws_head *head, struct nc_str in, enum nc_ws_role role,
                       uint64_t limit)
{
    const uint8_t *p = (const uint8_t *)in.p;

    if (in.n < 2)
        return NC_AGAIN;
    bool masked = p[1] & MASKED;
    if ((p[0] & RSV23) || !opcode_known(p[0] & OPCODE) || masked != (role == NC_WS_SERVER))
        return NC_EINVAL;

    unsigned code = p[1] & LEN;
    unsigned ext = code == 126 ? 2 : code == 127 ? 8 : 0;
    unsigned size = 2 + ext + (masked ? 4 : 0);

    /* A control frame may arrive inside a fragmented message, so it must be
     * whole and short (5.5). */
    if ((p[0] & CONTROL) && (!(p[0] & FIN) || ext))
        return NC_EINVAL;
    if (in.n < size)
        return NC_AGAIN;

    uint64_t payload = ext ? be(p + 2, ext) : code;
    /* The shortest length form is the only valid one (5.2). */
    if (payload >> 63 || (ext == 2 && payload < 126) || (ext == 8 && payload < 65536))
        return NC_EINVAL;
    if (!(p[0] & CONTROL) && payload > limit)
        return NC_ELIMIT;

    head->fin = p[0] & FIN;
    head->rsv1 = p[0] & RSV1;
    head->masked = masked;
    head->opcode = p[0] & OPCODE;
    head->size = (uint8_t)size;
    head->payload = payload;
    memset(head->mask, 0, 4);
    if (masked)
        memcpy(head->mask, p + 2 + ext, 4);
    return NC_OK;
}

void nc_ws_mask(void *data, size_t n, const uint8_t mask[4], uint64_t at)
{
    uint8_t *p = data;
    uint8_t turned[8];
    uint64_t m, w[4];
    size_t i = 0;

    for (unsigned k = 0; k < 8; k++)
        turned[k] = mask[(at + k) & 3];
    memcpy(&m, turned, 8);
    for (; i + 32 <= n; i += 32) {
        memcpy(w, p + i, 32);
        w[0] ^= m;
        w[1] ^= m;
        w[2] ^= m;
        w[3] ^= m;
        memcpy(p + i, w, 32);
    }
    for (; i + 8 <= n; i += 8) {
        memcpy(w, p + i, 8);
        w[0] ^= m;
        memcpy(p + i, w, 8);
    }
    for (; i < n; i++)
        p[i] ^= turned[i & 7];
}

size_t nc_ws_write_head(char out[NC_WS_HEAD_MAX], const struct nc_ws_opts *o,
                        uint64_t payload)
{
    unsigned ext = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
    size_t n = 2 + ext;
    unsigned len = ext == 0 ? (unsigned)payload : ext == 2 ? 126 : 127;

    out[0] = (char)((o->more ? 0 : FIN) | (o->deflated ? RSV1 : 0) | o->op);
    out[1] = (char)((o->mask ? MASKED : 0) | len);
    for (unsigned i = 0; i < ext; i++)
        out[2 + i] = (char)(payload >> (8 * (ext - 1 - i)));
    if (o->mask) {
        memcpy(out + n, o->mask, 4);
        n += 4;
    }
    return n;
}

void nc_ws_write(struct nc_buf *out, const struct nc_ws_opts *o, struct nc_str payload)
{
    char *p = nc_buf_reserve(out, NC_WS_HEAD_MAX + payload.n);
    size_t n = nc_ws_write_head(p, o, payload.n);

    if (payload.n)
        memcpy(p + n, payload.p, payload.n);
    if (o->mask)
        nc_ws_mask(p + n, payload.n, o->mask, 0);
    nc_buf_grew(out, n + payload.n);
}

void nc_ws_write_close(struct nc_buf *out, unsigned code, struct nc_str reason,
                       const uint8_t *mask)
{
    char body[125] = {(char)(code >> 8), (char)code};
    size_t n = reason.n;

    if (n > sizeof(body) - 2) {
        n = sizeof(body) - 2;
        while (n && ((uint8_t)reason.p[n] & 0xC0) == 0x80)
            n--;
    }
    if (n)
        memcpy(body + 2, reason.p, n);
    nc_ws_write(out, &(struct nc_ws_opts){.op = NC_WS_CLOSE, .mask = mask},
                (struct nc_str){body, code ? 2 + n : 0});
}

/* Section 7.4 and the IANA registry: 1004 to 1006 and 1015 never travel. */
bool nc_ws_close_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
