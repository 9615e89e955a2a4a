#include <stdlib.h>
#include <string.h>

#include "mesh/intake_parts.h"

/* ---- who failed ---------------------------------------------------------- */

bool nc_lane_bad(const struct nc_intake *in, const struct nc_lane *l,
                 const struct nc_id *peer)
{
    uint64_t now = nc_loop_now_ms(in->o.loop);

    for (unsigned i = 0; i < NC_COUNT(l->bad); i++)
        if (l->bad[i].until_ms > now && nc_id_eq(&l->bad[i].peer, peer))
            return true;
    return false;
}

void nc_lane_blame(struct nc_intake *in, struct nc_lane *l, const struct nc_id *peer)
{
    unsigned oldest = 0;

    for (unsigned i = 0; i < NC_COUNT(l->bad); i++) {
        if (nc_id_eq(&l->bad[i].peer, peer)) {
            oldest = i;
            break;
        }
        if (l->bad[i].until_ms < l->bad[oldest].until_ms)
            oldest = i;
    }
    l->bad[oldest].peer = *peer;
    l->bad[oldest].until_ms = nc_loop_now_ms(in->o.loop) + NC_INTAKE_BAD_MS;
}

/* ---- room ---------------------------------------------------------------- */

static uint64_t blocked_bytes(const struct nc_intake *in, struct nc_lane **most)
{
    uint64_t sum = 0;
    struct nc_lane *l;
    size_t at = 0, max = 0;

    *most = NULL;
    while ((l = nc_map_next(&in->lanes, &at)) != NULL) {
        if (!nc_lane_blocked(l))
            continue;
        sum += l->bytes;
        if (l->bytes > max) {
            max = l->bytes;
            *most = l;
        }
    }
    return sum;
}

/* What goes on displaces what stands still, so nobody's is in the way of another's. */
static bool make_room(struct nc_intake *in, struct nc_lane *l, uint64_t cost)
{
    struct nc_lane *most;
    bool first = nc_list_empty(&l->queue);

    if (!first && l->bytes + cost > NC_INTAKE_LANE)
        return false;
    if (nc_lane_blocked(l))
        return blocked_bytes(in, &most) + cost <= NC_INTAKE_BLOCKED;
    while (in->stats.bytes + cost > NC_INTAKE_POOL) {
        (void)blocked_bytes(in, &most);
        if (!most) /* all of it is on its way; the first of a log may come to it */
            return first && in->stats.bytes + cost <= 2 * (uint64_t)NC_INTAKE_POOL;
        nc_lane_drop(in, most, nc_of(most->queue.prev, struct nc_bundle, node));
        if (nc_list_empty(&most->queue))
            nc_lane_block(in, most, NC_LANE_STUCK, NC_INTAKE_BAD_MS);
    }
    return true;
}

/* ---- one that is good ---------------------------------------------------- */

static void *put(char **at, const void *p, size_t n)
{
    void *here = *at;

    if (n)
        memcpy(here, p, n);
    *at += n;
    return here;
}

static void keep_signed(struct nc_bundle *b, const struct nc_kept *k, char **at)
{
    b->kept = nc_kept_row(k);
    b->kept.hashes.p = put(at, b->kept.hashes.p, b->kept.hashes.n);
    b->kept.chain.p = put(at, b->kept.chain.p, b->kept.chain.n);
    b->kept.signature.p = put(at, b->kept.signature.p, b->kept.signature.n);
}

static struct nc_bundle *bundle_new(const struct nc_mesh_segment *s,
                                    const struct nc_kept *k, const struct nc_id *peer)
{
    struct nc_segment row = nc_kept_row(k);
    size_t rows = s->n * sizeof(struct nc_merge_row), records = 0;
    size_t sign = row.hashes.n + row.chain.n + row.signature.n;

    for (unsigned i = 0; i < s->n; i++)
        records += s->rows[i].is == NC_RECORD_HERE ? s->rows[i].record.n : 0;
    size_t bytes = sizeof(struct nc_bundle) + rows + sign + records;
    struct nc_bundle *b = nc_alloc(bytes);
    char *at = (char *)(b + 1);
    b->bytes = bytes;
    b->peer = *peer;
    b->first = s->first;
    b->n = s->n;
    b->rows = (struct nc_merge_row *)at;
    at += rows;
    keep_signed(b, k, &at);
    for (unsigned i = 0; i < s->n; i++) {
        const struct nc_mesh_row *from = &s->rows[i];
        struct nc_merge_row *to = &b->rows[i];
        to->ev = from->ev;
        to->ev.origin = s->origin; /* of one that is only a hash, too */
        to->ev.origin_seq = s->first + i;
        to->skip = from->hash_only;
        if (from->hash_only)
            continue;
        if (from->is == NC_RECORD_HERE) {
            to->record =
                (struct nc_str){put(&at, from->record.p, from->record.n), from->record.n};
        } else if (from->is == NC_RECORD_LARGE) {
            if (!b->large)
                b->large = nc_alloc(s->n * sizeof *b->large);
            b->large[i] = from->size;
        }
    }
    return b;
}

/* ---- what comes ---------------------------------------------------------- */

static enum nc_err refuse(struct nc_intake *in, enum nc_intake_why kind, struct nc_lane *l,
                          const struct nc_id *peer, const struct nc_mesh_segment *s,
                          const char **why, const char *word, enum nc_err e)
{
    nc_intake_refused(in, kind, l, peer, &s->origin, s->first, word);
    if (why)
        *why = word;
    return e;
}

static enum nc_intake_why kind_of(enum nc_err e, const char *word)
{
    if (e == NC_EACCESS)
        return NC_INTAKE_SIGNATURE;
    if (e == NC_AGAIN)
        return NC_INTAKE_GAP;
    return e == NC_EEXIST || strcmp(word, "fork") == 0 ? NC_INTAKE_FORK : NC_INTAKE_SHAPE;
}

/* A record may be too large to be one. */
static bool has_giant(const struct nc_mesh_segment *s)
{
    for (unsigned i = 0; i < s->n; i++)
        if (!s->rows[i].hash_only && s->rows[i].is == NC_RECORD_LARGE &&
            (s->rows[i].size == 0 || s->rows[i].size > NC_RECORD_MAX))
            return true;
    return false;
}

/* It continues what we have, its author says. */
static enum nc_err verify(struct nc_intake *in, struct nc_lane *l,
                          struct nc_mesh_segment *s, struct nc_kept *k, const char **why)
{
    uint8_t head[NC_SHA256], here[NC_SHA256];
    const uint8_t *known = s->first == l->tip + 1 ? l->chain : NULL;

    s->node = l->node;
    enum nc_err e = nc_segment_verify(s, nc_lane_key(in, l), known, head, why);
    if (e != NC_OK)
        return e;
    nc_kept_of(k, s, head);
    nc_kept_chain(k, l->tip, here);
    if (memcmp(here, l->chain, sizeof here) != 0) {
        *why = "fork";
        return NC_EEXIST;
    }
    return NC_OK;
}

enum nc_err nc_intake_segment(struct nc_intake *in, const struct nc_id *peer,
                              struct nc_mesh_segment *s, const char **why)
{
    struct nc_lane *l = nc_lane_of(in, &s->origin);
    const char *word = "";
    struct nc_kept kept;
    enum nc_err e;

    if (in->stopped || s->n < 1 || s->n > NC_SEGMENT_MAX || !s->first ||
        s->first > (uint64_t)INT64_MAX - s->n)
        return refuse(in, NC_INTAKE_SHAPE, l, peer, s, why, "count", NC_EINVAL);
    if (nc_id_eq(&s->origin, &nc_intake_store(in)->info.incarnation))
        return nc_back_segment(in, peer, s, why);
    if (!l || nc_id_zero(&l->node))
        return refuse(in, NC_INTAKE_ORIGIN, l, peer, s, why, "origin", NC_ENOENT);
    uint64_t upto = nc_lane_upto(in, l);
    if (s->first + s->n - 1 > upto) {
        if (upto >= s->first) /* others may have it cut otherwise */
            nc_lane_blame(in, l, peer);
        return refuse(in, NC_INTAKE_NODE, l, peer, s, why, upto ? "upto" : "node",
                      NC_ENOENT);
    }
    nc_pieces_again(in, l, peer, s);
    if (s->first + s->n - 1 <= l->tip) {
        in->stats.known += s->n;
        if (why)
            *why = "known";
        return NC_EEXIST;
    }
    if (s->first > l->tip + 1)
        return refuse(in, NC_INTAKE_GAP, l, peer, s, why, "gap", NC_AGAIN);
    if (has_giant(s))
        return refuse(in, NC_INTAKE_SHAPE, l, peer, s, why, "size", NC_EINVAL);
    if (!make_room(in, l, nc_segment_cost(s)))
        return refuse(in, NC_INTAKE_ROOM, l, peer, s, why, "room", NC_ELIMIT);
    e = verify(in, l, s, &kept, &word);
    if (e != NC_OK) {
        if (e != NC_AGAIN)
            nc_lane_blame(in, l, peer);
        if (strcmp(word, "fork") == 0)
            (void)nc_lane_fork(l, peer, s->first);
        return refuse(in, kind_of(e, word), l, peer, s, why, word,
                      e == NC_EEXIST ? NC_EINVAL : e);
    }
    struct nc_bundle *b = bundle_new(s, &kept, peer);
    /* What is in the log already, of a segment of which a part was. */
    uint64_t done = l->head > l->tip ? l->head : l->tip;
    b->next = done < s->first              ? 0
              : done - s->first + 1 > s->n ? s->n
                                           : (unsigned)(done - s->first + 1);
    nc_lane_queue(in, l, b);
    return NC_OK;
}
