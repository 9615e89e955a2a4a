/*
 * Server-sent events.  The first byte is the size of the pieces: whole or in pieces, the
 * same events come out.  What our writer makes of an event, the reader takes back.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

enum { LIMIT = 200 };

static enum nc_err hear(struct nc_buf *heard, const char *data, size_t n, size_t step)
{
    struct nc_sse s = {.limit = LIMIT};
    struct nc_sse_event ev;
    enum nc_err e = NC_AGAIN;

    for (size_t at = 0; at < n && e == NC_AGAIN; at += step) {
        size_t piece = step < n - at ? step : n - at;
        char *copy = malloc(piece);
        struct nc_str in = {copy, piece};

        memcpy(copy, data + at, piece);
        while ((e = nc_sse_next(&s, &in, &ev)) == NC_OK) {
            NEED(ev.data.n <= LIMIT && ev.event.n <= LIMIT && ev.id.n <= LIMIT);
            nc_buf_printf(heard, "%zu %zu %zu:", ev.id.n, ev.event.n, ev.data.n);
            nc_buf_adds(heard, ev.id);
            nc_buf_adds(heard, ev.event);
            nc_buf_adds(heard, ev.data);
        }
        NEED(e != NC_AGAIN || in.n == 0);
        free(copy);
    }
    nc_sse_fini(&s);
    return e;
}

static void write_and_read(struct nc_str data)
{
    struct nc_buf b = {0};
    struct nc_sse s = {.limit = data.n + 16};
    struct nc_sse_event ev;

    nc_sse_write(&b, NC_STR("7"), NC_STR("e"), data);
    struct nc_str in = nc_buf_str(&b);
    NEED(nc_sse_next(&s, &in, &ev) == NC_OK);
    NEED(nc_str_eqz(ev.id, "7") && nc_str_eqz(ev.event, "e") && ev.data.n <= data.n);
    if (!data.n || !memchr(data.p, '\r', data.n))
        NEED(nc_str_eq(ev.data, data));
    NEED(nc_sse_next(&s, &in, &ev) == NC_AGAIN);
    nc_sse_fini(&s);
    nc_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nc_buf whole = {0}, pieces = {0};
    const char *p = (const char *)data + 1;

    if (n < 1)
        return 0;
    enum nc_err a = hear(&whole, p, n - 1, n);
    enum nc_err b = hear(&pieces, p, n - 1, 1 + data[0] % 30);
    NEED(a == b && nc_str_eq(nc_buf_str(&whole), nc_buf_str(&pieces)));
    write_and_read((struct nc_str){p, n - 1});
    nc_buf_fini(&whole);
    nc_buf_fini(&pieces);
    return 0;
}
