#include "wire/ws_deflate.h"

#include <stdio.h>
#include <string.h>

#include "wire/z.h"

/* What every message ends with and none carries (RFC 7692 7.2.1). */
static const uint8_t tail[4] = {0, 0, 0xFF, 0xFF};

/* The parameters of one extension, and which of them were there. */
struct params {
    bool server_takeover, client_takeover, server_bits_set, client_bits_set;
    uint64_t server_bits, client_bits;
};

static struct nc_str unquote(struct nc_str v)
{
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        return (struct nc_str){v.p + 1, v.n - 2};
    return v;
}

static bool take_flag(bool *set, struct nc_str value)
{
    bool fresh = !*set && !value.p;

    *set = true;
    return fresh;
}

/* 8..15, without leading zero; `bare` says the value may be left out. */
static bool take_bits(bool *set, uint64_t *bits, struct nc_str value, bool bare)
{
    bool fresh = !*set;

    *set = true;
    *bits = 15;
    if (!value.p)
        return fresh && bare;
    value = unquote(value);
    return fresh && value.n && value.p[0] != '0' && nc_str_u64(value, 15, bits) == NC_OK &&
           *bits >= 8;
}

static bool parse(struct params *ps, struct nc_str rest)
{
    *ps = (struct params){.server_bits = 15, .client_bits = 15};
    while (rest.n) {
        struct nc_str value = nc_str_trim(nc_str_cut(&rest, ';'));
        struct nc_str key = nc_str_trim(nc_str_cut(&value, '='));
        bool ok = false;

        if (value.p)
            value = nc_str_trim(value);
        if (nc_str_ieq(key, NC_STR("server_no_context_takeover")))
            ok = take_flag(&ps->server_takeover, value);
        else if (nc_str_ieq(key, NC_STR("client_no_context_takeover")))
            ok = take_flag(&ps->client_takeover, value);
        else if (nc_str_ieq(key, NC_STR("server_max_window_bits")))
            ok = take_bits(&ps->server_bits_set, &ps->server_bits, value, false);
        else if (nc_str_ieq(key, NC_STR("client_max_window_bits")))
            ok = take_bits(&ps->client_bits_set, &ps->client_bits, value, true);
        if (!ok)
            return false;
    }
    return true;
}

static bool is_ours(struct nc_str *rest)
{
    return nc_str_ieq(nc_str_trim(nc_str_cut(rest, ';')), NC_STR("permessage-deflate"));
}

void nc_ws_deflate_choose(struct nc_ws_deflate *d, struct nc_str offers)
{
    struct params ps;

    while (offers.n && !d->on) {
        struct nc_str rest = nc_str_cut(&offers, ',');

        /* zlib cannot write a window of 8 bits; the next offer may ask for more. */
        if (!is_ours(&rest) || !parse(&ps, rest) || ps.server_bits < 9)
            continue;
        /* The client's own window needs no answer: we can read them all. */
        *d = (struct nc_ws_deflate){true, (uint8_t)ps.server_bits, 15};
    }
}

void nc_ws_deflate_answer(const struct nc_ws_deflate *d, struct nc_buf *out)
{
    nc_buf_adds(out, NC_STR("permessage-deflate; server_no_context_takeover; "
                            "client_no_context_takeover"));
    if (d->server_bits < 15)
        nc_buf_printf(out, "; server_max_window_bits=%u", d->server_bits);
}

enum nc_err nc_ws_deflate_agreed(struct nc_ws_deflate *d, struct nc_str answer)
{
    struct params ps;

    *d = (struct nc_ws_deflate){0};
    if (answer.n == 0)
        return NC_OK;
    /* A server that keeps its context would send what we cannot read. */
    if (!is_ours(&answer) || !parse(&ps, answer) || !ps.server_takeover ||
        (ps.client_bits_set && ps.client_bits < 9))
        return NC_EINVAL;
    *d = (struct nc_ws_deflate){true, (uint8_t)ps.server_bits, (uint8_t)ps.client_bits};
    return NC_OK;
}

/* Inflate one run of input.  Output grows by steps, so that a bomb costs no more
 * memory than the limit allows. */
static enum nc_err inflate_run(z_stream *z, struct nc_buf *out, const uint8_t *p, size_t n,
                               size_t room)
{
    z->next_in = (Bytef *)(uintptr_t)p;
    z->avail_in = (uInt)n;
    for (;;) {
        /* One byte over the limit is asked for, to tell full from too much. */
        size_t step = 4096 + 2 * (size_t)z->avail_in;
        if (step > room + 1)
            step = room + 1;

        z->next_out = (Bytef *)nc_buf_reserve(out, step);
        z->avail_out = (uInt)step;
        int rc = inflate(z, Z_SYNC_FLUSH);
        size_t made = step - z->avail_out;

        if (made > room)
            return NC_ELIMIT;
        nc_buf_grew(out, made);
        room -= made;
        if (rc == Z_STREAM_END) {
            /* A final block inside a message is allowed (7.2.3.4). */
            if (inflateReset(z) != Z_OK)
                return NC_EINVAL;
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return NC_EINVAL;
        }
        if (z->avail_in == 0 && z->avail_out)
            return NC_OK;
        if (rc == Z_BUF_ERROR && made == 0)
            return NC_EINVAL;
    }
}

enum nc_err nc_ws_inflate(struct nc_buf *out, struct nc_str in, size_t limit)
{
    z_stream *z = nc_z_inflate();
    size_t had = out->n;
    enum nc_err e = in.n > INT32_MAX || limit > INT32_MAX ? NC_ELIMIT : NC_OK;

    if (e == NC_OK)
        e = inflate_run(z, out, (const uint8_t *)in.p, in.n, limit);
    if (e == NC_OK)
        e = inflate_run(z, out, tail, sizeof(tail), limit - (out->n - had));
    /* 128: zlib stands between two blocks; otherwise the message was cut short. */
    if (e == NC_OK && !(z->data_type & 128))
        e = NC_EINVAL;
    if (e != NC_OK)
        out->n = had;
    return e;
}

enum nc_err nc_ws_deflate_run(struct nc_buf *out, struct nc_str in, unsigned bits)
{
    z_stream *z = nc_z_deflate(bits);
    size_t room = in.n + sizeof(tail);

    if (in.n == 0 || in.n > INT32_MAX)
        return NC_ELIMIT;
    z->next_in = (Bytef *)(uintptr_t)in.p;
    z->avail_in = (uInt)in.n;
    z->next_out = (Bytef *)nc_buf_reserve(out, room);
    z->avail_out = (uInt)room;
    /* A full output buffer means the flush is not complete, and nothing was saved. */
    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_out == 0)
        return NC_ELIMIT;
    nc_buf_grew(out, room - z->avail_out - sizeof(tail));
    return NC_OK;
}
