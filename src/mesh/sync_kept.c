/*
 * DIR/mesh-seen: what must be known of envelopes after a restart.
 *
 * One record for us, with when we started, and one for each peer, with its epoch and its
 * highest counter.  Written in place once a second while it changes, never synced: what a
 * lost second lets through again is harmless, since all that counts is signed by itself or
 * said anew anyway.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/hash.h"
#include "mesh/pack.h"
#include "mesh/sync_parts.h"

enum { SUM = 8, RECORD = 16 + 8 + 8 + SUM, RECORDS_MAX = 1 + NC_NODES_MAX };

static void add(struct nc_buf *b, const struct nc_id *node, uint64_t epoch_ms, uint64_t top)
{
    uint8_t sum[NC_SHA256];
    size_t at = b->n;

    nc_pack_id(b, node);
    nc_pack_be(b, epoch_ms, 8);
    nc_pack_be(b, top, 8);
    nc_sha256(b->p + at, b->n - at, sum);
    nc_buf_add(b, sum, SUM);
}

void nc_sync_keep(struct nc_sync *s)
{
    struct nc_buf b = {0};

    add(&b, &s->o.self, s->epoch_ms, 0);
    nc_list_each(it, &s->peers) {
        const struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        add(&b, &p->id, p->replay.epoch_ms, p->replay.top);
    }
    if (pwrite(s->seen_fd, b.p, b.n, 0) != (ssize_t)b.n ||
        ftruncate(s->seen_fd, (off_t)b.n) != 0)
        nc_log(NC_WARN, "mesh.seen", "result=not_kept errno=%d", errno);
    else
        s->unkept = false;
    nc_buf_fini(&b);
}

/* A record that was not written whole is none: its sender is believed anew. */
bool nc_sync_kept(const struct nc_sync *s, const struct nc_id *node, uint64_t *epoch_ms,
                  uint64_t *top)
{
    uint8_t record[RECORD], sum[NC_SHA256];

    for (off_t i = 0; i < RECORDS_MAX; i++) {
        if (pread(s->seen_fd, record, RECORD, i * RECORD) != RECORD)
            return false;
        struct nc_unpack u = {.in = {(const char *)record, RECORD}};
        struct nc_id id = nc_unpack_id(&u);
        nc_sha256(record, RECORD - SUM, sum);
        if (!nc_id_eq(&id, node) || memcmp(sum, record + RECORD - SUM, SUM) != 0)
            continue;
        *epoch_ms = nc_unpack_be(&u, 8);
        *top = nc_unpack_be(&u, 8);
        return true;
    }
    return false;
}

enum nc_err nc_sync_load(struct nc_sync *s)
{
    uint64_t before = 0, top;

    s->seen_fd = open(s->seen_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->seen_fd < 0) {
        nc_log(NC_ERROR, "mesh.seen", "path=%s errno=%d", nc_log_q(nc_str(s->seen_path)),
               errno);
        return NC_EIO;
    }
    s->epoch_ms = nc_wall_ms();
    if (nc_sync_kept(s, &s->o.self, &before, &top) && before >= s->epoch_ms)
        s->epoch_ms = before + 1;
    return NC_OK;
}
