/*
 * A request head, and all that is read out of it.  Whole or byte by byte, the verdict
 * is the same; what a head says stays inside its bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "wire/http_accept.h"
#include "wire/http_target.h"
#include "wire/ws_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

enum { LIMIT = 2048 };

static void inside(struct nc_str s, const char *p, size_t n)
{
    NEED(s.n == 0 || (s.p >= p && s.p + s.n <= p + n) || nc_str_eqz(s, "/"));
}

static void look_around(const struct nc_http_head *h)
{
    struct nc_arena arena = {0};
    struct nc_http_path path;
    struct nc_str v;
    uint64_t first = 0, last = 0;
    struct nc_ws_handshake hs;
    struct nc_problem why;

    if (nc_http_path(&path, h->path, &arena) == NC_OK)
        for (unsigned i = 0; i < path.n; i++)
            NEED(path.seg[i].n && !memchr(path.seg[i].p, '/', path.seg[i].n) &&
                 !memchr(path.seg[i].p, 0, path.seg[i].n));
    if (nc_http_query(h->query, "a", &arena, &v) == NC_OK)
        NEED(nc_utf8_valid(v));
    if (nc_http_query_u64(h->query, "n", 1, 9, &first, &why) == NC_OK)
        NEED(first <= 9);
    (void)nc_http_cookie(h, "c");
    (void)nc_http_wants_gzip(h);
    (void)nc_http_wants(h, "text/html");
    (void)nc_http_is(h, "application/json");
    (void)nc_http_unchanged(h, NC_STR("\"e\""));
    if (nc_http_range(h, 100, NC_STR("\"e\""), &first, &last) == NC_RANGE_PART)
        NEED(first <= last && last < 100);
    if (nc_ws_handshake(&hs, h, &why) == NC_OK)
        NEED(h->upgrade_ws && h->method == NC_HTTP_GET);
    nc_arena_fini(&arena);
}

static void request(const char *p, size_t n)
{
    struct nc_http_head whole, split;
    struct nc_http_scan scan = {0}, steps = {0};
    enum nc_err e = nc_http_head(&whole, &scan, (struct nc_str){p, n}, LIMIT);
    enum nc_err s = NC_AGAIN;

    for (size_t i = 0; i <= n && s == NC_AGAIN; i++)
        s = nc_http_head(&split, &steps, (struct nc_str){p, i}, LIMIT);
    NEED(s == e);
    if (e != NC_OK) {
        NEED(e == NC_AGAIN || (whole.problem != NC_P_NONE && whole.why[0]));
        return;
    }
    NEED(whole.size <= n && whole.size == split.size && whole.n_headers == split.n_headers);
    NEED(nc_http_get(&whole, "transfer-encoding").p == NULL);
    inside(whole.path, p, whole.size);
    inside(whole.query, p, whole.size);
    inside(whole.host, p, whole.size);
    for (unsigned i = 0; i < whole.n_headers; i++) {
        inside(whole.headers[i].name, p, whole.size);
        inside(whole.headers[i].value, p, whole.size);
        NEED(!memchr(whole.headers[i].value.p, '\n', whole.headers[i].value.n));
    }
    look_around(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    /* A copy that ends where the bytes end. */
    char *p = malloc(n ? n : 1);
    struct nc_http_scan scan = {0};
    struct nc_http_reply reply;

    memcpy(p, data, n);
    request(p, n);
    if (nc_http_reply(&reply, &scan, (struct nc_str){p, n}, LIMIT) == NC_OK)
        NEED(reply.size <= n && reply.status >= 100 && reply.status <= 999);
    free(p);
    return 0;
}
