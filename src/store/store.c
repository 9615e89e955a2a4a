#include "store/store.h"

#include <string.h>

#include "base/log.h"

/* The one place that knows which backends exist.  A backend exports one symbol. */
extern const struct nc_store_ops nc_store_mem;
extern const struct nc_store_ops nc_store_sqlite;

static const struct nc_store_ops *const backends[] = {
    &nc_store_mem,
    &nc_store_sqlite,
};

const struct nc_store_ops *nc_store_backend(const char *url)
{
    size_t n = strcspn(url, ":");

    for (size_t i = 0; i < NC_COUNT(backends); i++)
        if (strlen(backends[i]->scheme) == n && memcmp(backends[i]->scheme, url, n) == 0)
            return backends[i];
    return NULL;
}

enum nc_err nc_store_open(struct nc_store **out, struct nc_loop *loop, const char *url,
                          const char *backup_dir)
{
    size_t n = strcspn(url, ":");
    const struct nc_store_ops *b = nc_store_backend(url);

    *out = NULL;
    if (!b) {
        nc_log(NC_ERROR, "store.unknown", "scheme=%s", nc_log_q((struct nc_str){url, n}));
        return NC_ENOENT;
    }
    struct nc_store_opts opts = {
        .loop = loop,
        .where = url[n] ? url + n + 1 : "",
        .backup_dir = backup_dir,
    };
    return b->open(out, &opts);
}

enum nc_err nc_store_read_now(struct nc_store *s, struct nc_query *q)
{
    return s->ops->read_now(s, q);
}

enum nc_err nc_store_state_now(struct nc_store *s, uint8_t sum[NC_STATE_HASH])
{
    struct nc_query q = {.kind = NC_Q_STATE, .limit = 10000};
    enum nc_err e;

    do {
        e = nc_store_read_now(s, &q);
    } while (e == NC_OK && q.more);
    memcpy(sum, q.hash, NC_STATE_HASH);
    return e;
}
