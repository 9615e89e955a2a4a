#include "wire/http_in.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LINES_MAX (16u << 10)
#define UNPACKED 16384

enum state {
    NONE,
    LENGTH,
    TO_END,
    SIZE,      /* of a chunk: its digits */
    EXTENSION, /* up to the line's end */
    SIZE_LF,
    CHUNK,
    CHUNK_CR,
    CHUNK_LF,
    TRAILER, /* at the start of a line */
    TRAILER_REST,
    TRAILER_LF,
    LAST_LF,
};

struct nc_z_in {
    z_stream z;
    struct nc_str from; /* given, not yet taken by zlib */
    bool ended;
    char out[UNPACKED];
};

/* ---- framing -------------------------------------------------------------- */

static enum nc_err begin_packed(struct nc_http_in *b, const struct nc_http_head *h)
{
    struct nc_str how = nc_http_get(h, "content-encoding");

    if (how.n == 0 || nc_str_ieq(how, NC_STR("identity")) || b->state == NONE)
        return NC_OK;
    if (!nc_str_ieq(how, NC_STR("gzip")) && !nc_str_ieq(how, NC_STR("x-gzip")) &&
        !nc_str_ieq(how, NC_STR("deflate")))
        return NC_EINVAL;
    b->z = nc_alloc(sizeof(*b->z));
    if (inflateInit2(&b->z->z, 15 + 32) == Z_OK)
        return NC_OK;
    free(b->z);
    b->z = NULL;
    return NC_EINVAL;
}

enum nc_err nc_http_in_begin(struct nc_http_in *b, const struct nc_http_reply *r, bool none)
{
    const struct nc_http_head *h = &r->head;
    unsigned at = 0;
    const struct nc_http_header *te = nc_http_each(h, "transfer-encoding", &at);
    struct nc_str length = nc_http_get(h, "content-length");

    *b = (struct nc_http_in){.state = TO_END};
    if (none || r->status < 200 || r->status == 204 || r->status == 304) {
        b->state = NONE;
        b->done = true;
    } else if (te) {
        if (!nc_str_ieq(te->value, NC_STR("chunked")) ||
            nc_http_each(h, "transfer-encoding", &at))
            return NC_EINVAL;
        b->state = SIZE;
    } else if (length.p) {
        if (nc_str_u64(length, UINT64_MAX / 2, &b->left) != NC_OK)
            return NC_EINVAL;
        at = 0;
        for (const struct nc_http_header *l; (l = nc_http_each(h, "content-length", &at));)
            if (!nc_str_eq(l->value, length))
                return NC_EINVAL;
        b->state = LENGTH;
        b->done = b->left == 0;
    }
    return begin_packed(b, h);
}

bool nc_http_in_may_end(const struct nc_http_in *b)
{
    return b->done || b->state == TO_END;
}

void nc_http_in_fini(struct nc_http_in *b)
{
    if (b->z)
        inflateEnd(&b->z->z);
    free(b->z);
    b->z = NULL;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte between chunks.  False: it may not stand there. */
static bool step(struct nc_http_in *b, char c)
{
    switch ((enum state)b->state) {
    case SIZE:
        if (hex(c) >= 0) {
            b->left = b->left << 4 | (unsigned)hex(c);
            return ++b->digits <= 15;
        }
        if (b->digits == 0 || (c != '\r' && c != ';' && c != ' ' && c != '\t'))
            return false;
        b->state = c == '\r' ? SIZE_LF : EXTENSION;
        return true;
    case EXTENSION:
        if (c == '\r')
            b->state = SIZE_LF;
        return c != '\n' && ++b->lines < LINES_MAX;
    case SIZE_LF: b->state = b->left ? CHUNK : TRAILER; return c == '\n';
    case CHUNK_CR: b->state = CHUNK_LF; return c == '\r';
    case CHUNK_LF:
        b->state = SIZE;
        b->digits = 0;
        return c == '\n';
    case TRAILER: b->state = c == '\r' ? LAST_LF : TRAILER_REST; return c != '\n';
    case TRAILER_REST:
        if (c == '\r')
            b->state = TRAILER_LF;
        return c != '\n' && ++b->lines < LINES_MAX;
    case TRAILER_LF: b->state = TRAILER; return c == '\n';
    case LAST_LF: b->done = true; return c == '\n';
    case NONE:
    case LENGTH:
    case TO_END:
    case CHUNK: break;
    }
    return false;
}

/* The next piece as it came. */
static enum nc_err next(struct nc_http_in *b, struct nc_str *in, struct nc_str *piece)
{
    while (in->n && !b->done) {
        if (b->state != LENGTH && b->state != TO_END && b->state != CHUNK) {
            if (!step(b, *in->p))
                return NC_EINVAL;
            in->p++;
            in->n--;
            continue;
        }
        size_t n = b->state == TO_END || b->left > in->n ? in->n : (size_t)b->left;
        *piece = (struct nc_str){in->p, n};
        in->p += n;
        in->n -= n;
        if (b->state != TO_END)
            b->left -= n;
        if (b->state == LENGTH && b->left == 0)
            b->done = true;
        else if (b->state == CHUNK && b->left == 0)
            b->state = CHUNK_CR;
        return NC_OK;
    }
    return NC_AGAIN;
}

/* ---- unpacking ------------------------------------------------------------ */

static enum nc_err unpack(struct nc_z_in *z, struct nc_str *piece)
{
    z->z.next_in = (Bytef *)(uintptr_t)z->from.p;
    z->z.avail_in = z->from.n < INT32_MAX ? (uInt)z->from.n : INT32_MAX;
    z->z.next_out = (Bytef *)z->out;
    z->z.avail_out = sizeof(z->out);

    uInt given = z->z.avail_in;
    int r = z->ended ? Z_STREAM_END : inflate(&z->z, Z_SYNC_FLUSH);
    size_t took = given - z->z.avail_in;
    z->ended = r == Z_STREAM_END;
    if (z->ended)
        took = z->from.n; /* what stands behind it is ignored */
    z->from = (struct nc_str){z->from.p + took, z->from.n - took};
    if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
        return NC_EINVAL;
    *piece = (struct nc_str){z->out, sizeof(z->out) - z->z.avail_out};
    return piece->n ? NC_OK : NC_AGAIN;
}

enum nc_err nc_http_in_next(struct nc_http_in *b, struct nc_str *in, struct nc_str *piece)
{
    if (!b->z)
        return next(b, in, piece);
    for (;;) {
        /* Full to the brim: there may be more inside, even without input. */
        if (b->z->from.n || (b->z->z.next_out && b->z->z.avail_out == 0)) {
            enum nc_err e = unpack(b->z, piece);
            if (e != NC_AGAIN)
                return e;
            if (b->z->from.n)
                return NC_EINVAL;
        }
        enum nc_err e = next(b, in, &b->z->from);
        if (e != NC_OK)
            return e;
    }
}
