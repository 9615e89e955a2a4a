/*
 * Responses: the first byte is the size of the pieces.  Whole or in pieces, the same body
 * comes out, of the same head.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/http_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

enum { HEAD_MAX = 4096, BODY_MAX = 1 << 20 };

/* What the body ended as, beside its bytes. */
struct heard {
    struct nc_buf body;
    bool done, may_end;
    size_t left; /* bytes behind a whole body */
    enum nc_err e;
};

static void hear(struct heard *h, const struct nc_http_reply *r, struct nc_str body,
                 size_t step)
{
    struct nc_http_in b;
    struct nc_str piece;

    h->e = nc_http_in_begin(&b, r, false);
    for (size_t at = 0; h->e == NC_OK && at < body.n && !b.done; at += step) {
        size_t n = step < body.n - at ? step : body.n - at;
        char *copy = malloc(n);
        struct nc_str in = {copy, n};

        memcpy(copy, body.p + at, n);
        while ((h->e = nc_http_in_next(&b, &in, &piece)) == NC_OK) {
            NEED(piece.n > 0);
            nc_buf_adds(&h->body, piece);
            if (h->body.n > BODY_MAX)
                break;
        }
        if (h->e == NC_OK)
            h->e = NC_ELIMIT;
        else if (h->e == NC_AGAIN)
            h->e = NC_OK;
        NEED(h->e != NC_OK || in.n == 0 || b.done);
        h->left = body.n - at - n + in.n;
        free(copy);
    }
    h->done = b.done;
    h->may_end = nc_http_in_may_end(&b);
    nc_http_in_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nc_http_reply r;
    struct nc_http_scan scan = {0};
    struct heard whole = {0}, pieces = {0};

    if (n < 2)
        return 0;
    size_t step = data[0] ? data[0] : 1;
    struct nc_str in = {(const char *)data + 1, n - 1};
    if (nc_http_reply(&r, &scan, in, HEAD_MAX) == NC_OK) {
        struct nc_str body = {in.p + r.size, in.n - r.size};
        hear(&whole, &r, body, body.n ? body.n : 1);
        hear(&pieces, &r, body, step);
        /* What is over the limit, or malformed behind it, is met sooner or later. */
        if (whole.e == NC_OK && pieces.e == NC_OK) {
            NEED(nc_str_eq(nc_buf_str(&whole.body), nc_buf_str(&pieces.body)));
            NEED(whole.done == pieces.done && whole.may_end == pieces.may_end);
            NEED(!whole.done || whole.left == pieces.left || body.n == 0);
        } else if (whole.e != NC_ELIMIT && pieces.e != NC_ELIMIT) {
            NEED(whole.e == pieces.e);
        }
        nc_buf_fini(&whole.body);
        nc_buf_fini(&pieces.body);
    }
    return 0;
}
