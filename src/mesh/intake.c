#include "mesh/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/intake_parts.h"

enum {
    TICK_MS = 1000,
    TRUST_MS = 600000 /* what the owner's word is good for, beyond what is held */
};

/* ---- lanes --------------------------------------------------------------- */

struct nc_lane *nc_lane_of(const struct nc_intake *in, const struct nc_id *origin)
{
    return nc_map_get(&in->lanes, origin, sizeof *origin);
}

static struct nc_lane *lane_new(struct nc_intake *in, const struct nc_id *origin)
{
    struct nc_lane *l = nc_alloc(sizeof *l);

    l->origin = *origin;
    nc_list_init(&l->queue);
    nc_map_put(&in->lanes, &l->origin, sizeof l->origin, l);
    return l;
}

void nc_lane_introduce(struct nc_intake *in, const struct nc_origin *o)
{
    struct nc_lane *l = nc_lane_of(in, &o->origin);

    if (!l)
        l = lane_new(in, &o->origin);
    l->node = o->node;
    if (l->tip == 0)
        nc_chain_begin(&l->node, &l->origin, l->chain);
}

bool nc_lane_blocked(const struct nc_lane *l)
{
    return l->state != NC_LANE_OPEN && l->state != NC_LANE_FLYING;
}

void nc_lane_block(struct nc_intake *in, struct nc_lane *l, enum nc_lane_state state,
                   uint64_t ms)
{
    l->state = state;
    l->until_ms = nc_loop_now_ms(in->o.loop) + ms;
    if (!in->tick.due && !in->stopped)
        nc_loop_deadline(in->o.loop, &in->tick, TICK_MS);
}

void nc_lane_go(struct nc_intake *in, struct nc_lane *l)
{
    if (l->state == NC_LANE_FLYING)
        return;
    l->state = NC_LANE_OPEN;
    if (nc_list_empty(&l->queue) || in->stopped)
        return;
    if (!nc_list_linked(&l->ready))
        nc_list_add(&in->ready, &l->ready);
    nc_loop_defer(in->o.loop, &in->go);
}

void nc_bundle_free(struct nc_bundle *b)
{
    for (unsigned i = 0; b->fetched && i < b->n; i++)
        free(b->fetched[i]);
    free(b->fetched);
    free(b->large);
    free(b);
}

void nc_lane_unlink(struct nc_intake *in, struct nc_lane *l, struct nc_bundle *b)
{
    nc_list_del(&b->node);
    l->bytes -= b->bytes;
    in->stats.bytes -= b->bytes;
}

void nc_lane_queue(struct nc_intake *in, struct nc_lane *l, struct nc_bundle *b)
{
    nc_list_add(&l->queue, &b->node);
    l->bytes += b->bytes;
    in->stats.bytes += b->bytes;
    l->tip = b->first + b->n - 1;
    memcpy(l->chain, b->kept.chain.p + NC_SHA256, sizeof l->chain);
    if (!nc_lane_blocked(l))
        nc_lane_go(in, l);
    else if (l->state == NC_LANE_AHEAD && in->ahead)
        nc_ahead_hold(in->ahead, l);
}

void nc_lane_drop(struct nc_intake *in, struct nc_lane *l, struct nc_bundle *b)
{
    assert(b && l->state != NC_LANE_FLYING);
    if (b == nc_lane_first(l))
        nc_buf_fini(&l->piece.got);
    l->tip = b->first - 1;
    memcpy(l->chain, b->kept.chain.p, sizeof l->chain);
    for (bool last = false; !last;) {
        struct nc_bundle *end = nc_of(l->queue.prev, struct nc_bundle, node);
        last = end == b;
        nc_lane_unlink(in, l, end);
        nc_bundle_free(end);
    }
    nc_intake_progress(in);
}

/* ---- time ---------------------------------------------------------------- */

static void on_progress(struct nc_task *t)
{
    struct nc_intake *in = nc_of(t, struct nc_intake, progress);

    if (!in->stopped && in->o.progress)
        in->o.progress(in->o.arg);
}

void nc_intake_progress(struct nc_intake *in)
{
    if (!in->stopped)
        nc_loop_defer(in->o.loop, &in->progress);
}

/* Whether its time has come. */
static bool due(const struct nc_intake *in, const struct nc_lane *l)
{
    switch (l->state) {
    case NC_LANE_OPEN:
    case NC_LANE_FLYING: return false;
    case NC_LANE_AHEAD: return nc_wall_ms() >= l->due_ms;
    case NC_LANE_WAITS:
    case NC_LANE_PIECES:
    case NC_LANE_STUCK: break;
    }
    return nc_loop_now_ms(in->o.loop) >= l->until_ms;
}

static void on_tick(struct nc_deadline *d)
{
    struct nc_intake *in = nc_of(d, struct nc_intake, tick);
    bool blocked = in->origins_dirty;
    struct nc_lane *l;
    size_t at = 0;

    while ((l = nc_map_next(&in->lanes, &at)) != NULL) {
        if (due(in, l) && l->state == NC_LANE_PIECES) {
            nc_pieces_late(in, l);
        } else if (due(in, l)) {
            nc_lane_go(in, l);
            nc_intake_progress(in);
        }
        blocked = blocked || nc_lane_blocked(l);
    }
    nc_origins_save(in);
    if (in->ahead)
        blocked = nc_ahead_tick(in->ahead) || blocked;
    if (blocked && !in->stopped)
        nc_loop_deadline(in->o.loop, &in->tick, TICK_MS);
}

/* ---- what is wanted ------------------------------------------------------ */

const struct nc_vector *nc_intake_vector(struct nc_intake *in)
{
    const struct nc_store_info *info = &nc_intake_store(in)->info;
    struct nc_lane *l;
    size_t at = 0;

    while ((l = nc_map_next(&in->lanes, &at)) != NULL)
        if (l->head && nc_vector_raise(&in->vector, &l->origin, l->head) != NC_OK)
            nc_log(NC_ERROR, "mesh.vector", "origins=%u", in->vector.n);
    if (info->own_head &&
        nc_vector_raise(&in->vector, &info->incarnation, info->own_head) != NC_OK)
        nc_log(NC_ERROR, "mesh.vector", "origins=%u", in->vector.n);
    return &in->vector;
}

/* Whether there is any sense in asking for what follows. */
static bool goes_on(struct nc_intake *in, const struct nc_lane *l, const struct nc_id *peer)
{
    if (nc_lane_bad(in, l, peer))
        return false;
    switch (l->state) {
    case NC_LANE_OPEN:
    case NC_LANE_FLYING: return true;
    case NC_LANE_AHEAD: /* what is held now needn't be fetched when its maker is away */
        return l->bytes < NC_INTAKE_LANE && in->stats.bytes < NC_INTAKE_BLOCKED;
    case NC_LANE_WAITS:
    case NC_LANE_PIECES:
    case NC_LANE_STUCK: break;
    }
    return false;
}

unsigned nc_intake_lacks(struct nc_intake *in, const struct nc_id *peer,
                         const struct nc_vector *theirs, struct nc_vector_range *out,
                         unsigned max)
{
    const struct nc_store_info *info = &nc_intake_store(in)->info;
    unsigned n = 0;

    for (unsigned i = 0; i < theirs->n && n < max; i++) {
        const struct nc_vector_at *at = &theirs->at[i];
        const struct nc_lane *l = nc_lane_of(in, &at->origin);
        if (nc_id_eq(&at->origin, &info->incarnation)) {
            n += nc_back_lacks(in, at->n, &out[n]);
        } else if (l && at->n > l->tip && goes_on(in, l, peer)) {
            uint64_t upto = nc_lane_upto(in, l);
            upto = upto < at->n ? upto : at->n;
            if (upto > l->tip)
                out[n++] = (struct nc_vector_range){at->origin, l->tip + 1, upto};
        }
    }
    return n;
}

bool nc_intake_strange(const struct nc_intake *in, const struct nc_vector *theirs)
{
    const struct nc_id *own = &in->o.chat->opts.store->info.incarnation;

    for (unsigned i = 0; i < theirs->n; i++)
        if (!nc_id_eq(&theirs->at[i].origin, own) && !nc_lane_of(in, &theirs->at[i].origin))
            return true;
    return false;
}

/* Never more than one log finds room for, with one segment beyond: whoever sends counts
 * what was not acknowledged, and it may all be of one log. */
uint64_t nc_intake_room(const struct nc_intake *in)
{
    uint64_t left = in->stats.bytes < NC_INTAKE_POOL ? NC_INTAKE_POOL - in->stats.bytes : 0;
    uint64_t one = NC_INTAKE_LANE - NC_FRAME_RECORDS_MAX - NC_SEGMENT_MAX * NC_ROW_BYTES;

    return left < one ? left : one;
}

void nc_intake_forget(struct nc_intake *in, const struct nc_id *peer)
{
    struct nc_lane *l;
    size_t at = 0;

    while ((l = nc_map_next(&in->lanes, &at)) != NULL)
        if (l->state == NC_LANE_PIECES && nc_id_eq(&l->piece.peer, peer))
            nc_pieces_late(in, l);
    nc_former_forget(in, peer);
}

unsigned nc_intake_accept(struct nc_intake *in, const struct nc_id *node)
{
    unsigned n = 0;
    struct nc_lane *l;
    size_t at = 0;

    while ((l = nc_map_next(&in->lanes, &at)) != NULL) {
        if (!nc_id_eq(&l->node, node))
            continue;
        nc_list_each(it, &l->queue) {
            const struct nc_bundle *b = nc_of(it, struct nc_bundle, node);
            n += l->state == NC_LANE_AHEAD ? b->n - b->next : 0;
            for (unsigned i = b->next; i < b->n; i++)
                if (!b->rows[i].skip && b->rows[i].ev.hlc > l->trust)
                    l->trust = b->rows[i].ev.hlc;
        }
        l->trust += l->state == NC_LANE_AHEAD ? (uint64_t)TRUST_MS << 12 : 0;
        if (l->stuck_at >= l->pass)
            l->pass = l->stuck_at;
        if (l->state == NC_LANE_AHEAD || l->state == NC_LANE_STUCK) {
            nc_lane_go(in, l);
            nc_intake_progress(in);
        }
    }
    if (n)
        nc_log(NC_INFO, "mesh.accepted", "node=%s events=%u", nc_intake_text(node).at, n);
    return n;
}

/* ---- beginning and end --------------------------------------------------- */

struct load {
    struct nc_query q;
    struct nc_intake *in;
};

static void on_log(struct nc_query *q, const struct nc_row *row)
{
    if (!row->origin.current)
        lane_new(nc_of(q, struct load, q)->in, &row->origin.id)->head = row->origin.n;
}

struct find {
    struct nc_query q;
    struct nc_kept kept;
    bool found, bad;
};

static void on_kept(struct nc_query *q, const struct nc_row *row)
{
    struct find *f = nc_of(q, struct find, q);

    f->found = true;
    f->bad = !nc_kept_read(&f->kept, &row->segment);
}

/* The first one that ends behind `since`. */
static enum nc_err segment_behind(struct nc_intake *in, const struct nc_lane *l,
                                  uint64_t since, struct find *f)
{
    f->q = (struct nc_query){
        .kind = NC_Q_SEGMENTS, .id = l->origin, .since = since, .limit = 1, .row = on_kept};
    f->found = f->bad = false;
    return nc_store_read_now(nc_intake_store(in), &f->q);
}

/* Up to where its log is here with signatures; a crash may have come between a part of a
 * segment and the rest. */
static enum nc_err find_tip(struct nc_intake *in, struct nc_lane *l)
{
    struct find *f = nc_alloc(sizeof *f);
    uint64_t none = l->head; /* no segment ends behind it */
    enum nc_err e = NC_OK;

    for (uint64_t some = 0; e == NC_OK && none > some;) {
        uint64_t at = none == l->head ? none - 1 : some + (none - some) / 2;
        e = segment_behind(in, l, at, f);
        if (e == NC_OK && f->found && !f->bad) {
            l->tip = nc_kept_last(&f->kept);
            some = l->tip > at ? l->tip : at + 1;
            nc_kept_chain(&f->kept, l->tip, l->chain);
        } else {
            none = at;
        }
    }
    free(f);
    return e;
}

void nc_lane_reload(struct nc_intake *in, struct nc_lane *l)
{
    const struct nc_origin *o = nc_origins_get(&in->origins, &l->origin);

    l->tip = 0;
    if (find_tip(in, l) != NC_OK) /* from the beginning, then */
        l->tip = 0;
    if (o)
        nc_lane_introduce(in, o);
}

void nc_vector_reset(struct nc_intake *in, const struct nc_id *origin, uint64_t n)
{
    if (nc_vector_set(&in->vector, origin, n) != NC_OK)
        nc_log(NC_ERROR, "mesh.vector", "origins=%u", in->vector.n);
}

static enum nc_err load(struct nc_intake *in)
{
    struct load q = {.q = {.kind = NC_Q_VECTOR, .row = on_log}, .in = in};
    struct nc_lane *l;
    size_t at = 0;

    enum nc_err e = nc_store_read_now(nc_intake_store(in), &q.q);
    while (e == NC_OK && (l = nc_map_next(&in->lanes, &at)) != NULL)
        e = find_tip(in, l);
    return e == NC_OK ? nc_origins_load(in) : e;
}

enum nc_err nc_intake_new(struct nc_intake **out, const struct nc_intake_opts *o)
{
    struct nc_intake *in = nc_alloc(sizeof *in);

    *out = NULL;
    in->o = *o;
    in->progress.run = on_progress;
    in->go.run = nc_intake_pump;
    in->tick.fire = on_tick;
    nc_list_init(&in->ready);
    nc_list_init(&in->formers);
    enum nc_err e = load(in);
    if (e != NC_OK) {
        nc_log(NC_ERROR, "mesh.intake", "what=read error=%d", e);
        nc_intake_stop(in);
        nc_intake_free(in);
        return NC_EIO;
    }
    if (o->ahead_path)
        in->ahead = nc_ahead_open(in, o->ahead_path);
    *out = in;
    return NC_OK;
}

void nc_intake_stop(struct nc_intake *in)
{
    if (!in || in->stopped)
        return;
    in->stopped = true;
    nc_loop_deadline(in->o.loop, &in->tick, 0);
    nc_loop_undefer(in->o.loop, &in->progress);
    nc_loop_undefer(in->o.loop, &in->go);
    if (in->ahead)
        nc_ahead_stop(in->ahead);
}

void nc_intake_free(struct nc_intake *in)
{
    struct nc_lane *l;
    size_t at = 0;

    if (!in)
        return;
    if (in->flying) /* what ended without a commit is told of at the end of a turn */
        nc_loop_settle(in->o.loop);
    assert(!in->flying && !in->keeping);
    nc_ahead_free(in->ahead);
    nc_back_free(in);
    nc_former_free(in);
    while ((l = nc_map_next(&in->lanes, &at)) != NULL) {
        for (struct nc_list *n; (n = nc_list_pop(&l->queue));)
            nc_bundle_free(nc_of(n, struct nc_bundle, node));
        nc_buf_fini(&l->piece.got);
        free(l);
    }
    nc_map_fini(&in->lanes);
    nc_buf_fini(&in->origins_bytes);
    free(in);
}
