/*
 * WebSocket frames.  The first byte chooses role and compression, the second the size of
 * the pieces: whole or in pieces, the same events come out.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

enum { LIMIT = 3000 };

static void check(enum nc_ws_what what, const struct nc_ws_event *ev)
{
    if (what == NC_WS_GOT_MESSAGE) {
        NEED(ev->data.n <= LIMIT && (ev->op == NC_WS_TEXT || ev->op == NC_WS_BINARY));
        NEED(ev->op == NC_WS_BINARY || nc_utf8_valid(ev->data));
    } else if (what == NC_WS_FAILED) {
        NEED(ev->code == 1002 || ev->code == 1007 || ev->code == 1009);
    } else {
        NEED(ev->data.n <= 125);
    }
}

static void hear(struct nc_buf *heard, uint8_t how, const uint8_t *data, size_t n,
                 size_t step)
{
    struct nc_ws_in w = {
        .role = how & 1 ? NC_WS_SERVER : NC_WS_CLIENT, .deflate = how & 2, .limit = LIMIT};

    for (size_t at = 0; at < n; at += step) {
        size_t left = step < n - at ? step : n - at;
        char *copy = malloc(left), *p = copy;
        struct nc_ws_event ev;
        enum nc_ws_what what;

        memcpy(copy, data + at, left);
        while ((what = nc_ws_next(&w, &p, &left, &ev)) != NC_WS_MORE) {
            check(what, &ev);
            nc_buf_printf(heard, "%d %d %u %zu:", what, ev.op, ev.code, ev.data.n);
            nc_buf_adds(heard, ev.data);
        }
        NEED(left == 0);
        free(copy);
    }
    nc_ws_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nc_buf whole = {0}, pieces = {0};

    if (n < 3)
        return 0;
    hear(&whole, data[0], data + 2, n - 2, n);
    hear(&pieces, data[0], data + 2, n - 2, 1 + data[1] % 40);
    NEED(nc_str_eq(nc_buf_str(&whole), nc_buf_str(&pieces)));
    nc_buf_fini(&whole);
    nc_buf_fini(&pieces);
    return 0;
}
