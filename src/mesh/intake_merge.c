#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/clockrule.h"
#include "mesh/intake_parts.h"

enum {
    WAIT_MS = 5000, /* what is waited for may be made here: tried again */
    DISK_MS = 1000, /* after a commit that failed */
};

/* ---- what may go --------------------------------------------------------- */

enum stop { GO, STOP_AHEAD, STOP_CLOCK, STOP_LARGE };

static bool has_message(enum nc_event_kind k)
{
    return k == NC_EV_MESSAGE_CREATED || k == NC_EV_MESSAGE_UPDATED ||
           k == NC_EV_MESSAGE_COMPLETED;
}

static enum nc_clock_is worse(enum nc_clock_is a, enum nc_clock_is b)
{
    return a > b ? a : b; /* take, hold, refuse */
}

static enum stop judge(struct nc_lane *l, struct nc_bundle *b, unsigned i)
{
    struct nc_merge_row *row = &b->rows[i];
    uint64_t now = nc_wall_ms(), due = 0, due_id = 0;

    if (row->skip)
        return GO;
    enum nc_clock_is is = nc_clock_judge(row->ev.hlc, now, &due);
    if (has_message(row->ev.kind)) /* its id says where in the conversation it stands */
        is = worse(is, nc_clock_judge_id(&row->ev.ref, now, &due_id));
    if (is == NC_CLOCK_REFUSE) {
        l->stuck_at = row->ev.origin_seq;
        row->skip = row->ev.origin_seq <= l->pass;
        return row->skip ? GO : STOP_CLOCK;
    }
    if (is == NC_CLOCK_HOLD && row->ev.hlc > l->trust) {
        l->due_ms = due > due_id ? due : due_id;
        return STOP_AHEAD;
    }
    return b->large && b->large[i] ? STOP_LARGE : GO;
}

/* How many rows may go, how many bundles are whole with them, and what is behind. */
static unsigned measure(struct nc_lane *l, unsigned *whole, enum stop *stop)
{
    unsigned n = 0;

    *stop = GO;
    *whole = 0;
    for (struct nc_list *it = l->queue.next; it != &l->queue; it = it->next) {
        struct nc_bundle *b = nc_of(it, struct nc_bundle, node);
        for (unsigned i = b->next; i < b->n; i++, n++)
            if (n == NC_MERGE_ROWS || (*stop = judge(l, b, i)) != GO)
                return n;
        ++*whole;
    }
    return n;
}

static void join(struct nc_lane *l, unsigned n, unsigned whole)
{
    struct nc_bundle *b = nc_lane_first(l);
    unsigned at = 0, k = 0;

    l->m.n = n;
    l->m.rows = b->rows + b->next;
    if (b->n - b->next < n)
        l->m.rows = l->joined = nc_alloc(n * sizeof *l->joined);
    l->m.segments = l->segments = nc_alloc(whole * sizeof(void *));
    l->m.segments_n = whole;
    for (struct nc_list *it = l->queue.next; at < n || k < whole; it = it->next) {
        b = nc_of(it, struct nc_bundle, node);
        unsigned some = b->n - b->next < n - at ? b->n - b->next : n - at;
        if (l->joined)
            memcpy(l->joined + at, b->rows + b->next, some * sizeof *b->rows);
        at += some;
        if (k < whole)
            l->segments[k++] = &b->kept;
    }
}

static void on_merged(struct nc_merge *m);

static void stand(struct nc_intake *in, struct nc_lane *l, enum stop why)
{
    struct nc_bundle *b = nc_lane_first(l);

    switch (why) {
    case GO: break;
    case STOP_AHEAD:
        nc_lane_block(in, l, NC_LANE_AHEAD, 0);
        nc_log(NC_WARN, "mesh.ahead", "node=%s origin=%s event=%llu due_ms=%llu",
               nc_intake_text(&l->node).at, nc_intake_text(&l->origin).at,
               (unsigned long long)b->first + b->next, (unsigned long long)l->due_ms);
        if (in->ahead)
            nc_ahead_hold(in->ahead, l);
        break;
    case STOP_CLOCK:
        nc_intake_refused(in, NC_INTAKE_CLOCK, l, &b->peer, &l->origin, l->stuck_at, NULL);
        nc_lane_drop(in, l, b);
        nc_lane_block(in, l, NC_LANE_STUCK, NC_INTAKE_STUCK_MS);
        break;
    case STOP_LARGE: nc_pieces_begin(in, l); break;
    }
}

static void start(struct nc_intake *in, struct nc_lane *l)
{
    unsigned whole;
    enum stop stop;
    unsigned n = measure(l, &whole, &stop);

    if (!n && !whole) {
        stand(in, l, stop);
        return;
    }
    join(l, n, whole);
    l->m.done = on_merged;
    l->m.arg = in;
    l->state = NC_LANE_FLYING;
    l->arrivals = in->arrivals;
    in->flying++;
    nc_chat_merge(in->o.chat, &l->m);
}

void nc_intake_pump(struct nc_task *go)
{
    struct nc_intake *in = nc_of(go, struct nc_intake, go);

    while (in->flying < NC_INTAKE_FLYING && !in->stopped) {
        struct nc_list *n = nc_list_pop(&in->ready);
        if (!n)
            return;
        struct nc_lane *l = nc_of(n, struct nc_lane, ready);
        if (l->state == NC_LANE_OPEN && !nc_list_empty(&l->queue))
            start(in, l);
    }
}

/* ---- what went ----------------------------------------------------------- */

/* Segments of which all rows were taken, of a merge that wasn't to its end. */
struct keep {
    struct nc_commit commit;
    struct nc_intake *in;
    struct nc_list bundles;
    struct nc_change changes[];
};

static void on_kept(struct nc_commit *c, enum nc_err e)
{
    struct keep *k = nc_of(c, struct keep, commit);

    (void)e; /* without it, a restart asks for them again */
    k->in->keeping--;
    for (struct nc_list *n; (n = nc_list_pop(&k->bundles));)
        nc_bundle_free(nc_of(n, struct nc_bundle, node));
    free(k);
}

static void keep(struct nc_intake *in, struct nc_list *bundles, unsigned n)
{
    struct nc_store *store = nc_intake_store(in);
    struct keep *k = nc_alloc(sizeof *k + n * sizeof k->changes[0]);

    k->in = in;
    nc_list_init(&k->bundles);
    for (struct nc_list *it; (it = nc_list_pop(bundles));) {
        struct nc_bundle *b = nc_of(it, struct nc_bundle, node);
        k->changes[k->commit.n++] =
            (struct nc_change){.kind = NC_SEGMENT_SET, .segment = b->kept};
        nc_list_add(&k->bundles, &b->node);
    }
    k->commit.changes = k->changes;
    k->commit.done = on_kept;
    in->keeping++;
    store->ops->commit(store, &k->commit);
}

/* What came in pieces is large: it goes before its bundle does. */
static void let_go(struct nc_intake *in, struct nc_lane *l, struct nc_bundle *b,
                   unsigned from)
{
    for (unsigned i = from; b->fetched && i < b->next; i++) {
        if (!b->fetched[i])
            continue;
        b->bytes -= b->rows[i].record.n;
        l->bytes -= b->rows[i].record.n;
        in->stats.bytes -= b->rows[i].record.n;
        b->rows[i].record = (struct nc_str){NULL, 0};
        free(b->fetched[i]);
        b->fetched[i] = NULL;
    }
}

/* Rows that are taken leave the queue with their bundles. */
static void advance(struct nc_intake *in, struct nc_lane *l)
{
    struct nc_list whole;
    unsigned left = l->m.taken, kept = l->m.kept ? l->m.segments_n : 0, n = 0;
    struct nc_bundle *b;

    nc_list_init(&whole);
    while ((b = nc_lane_first(l)) != NULL) {
        unsigned k = b->n - b->next < left ? b->n - b->next : left;
        if (b->next + k < b->n) {
            b->next += k;
            let_go(in, l, b, b->next - k);
            break;
        }
        left -= k;
        b->next = b->n;
        nc_lane_unlink(in, l, b);
        in->stats.segments++;
        /* Else, where the store may be closed, it is asked for again, as after a crash. */
        if (kept || in->stopped) {
            kept -= kept > 0;
            nc_bundle_free(b);
            continue;
        }
        nc_list_add(&whole, &b->node);
        n++;
    }
    if (n)
        keep(in, &whole, n);
}

/* What others may have waited for. */
static void arrived(struct nc_intake *in, const struct nc_event *ev)
{
    const struct nc_id *id = NULL;
    struct nc_lane *l;
    size_t at = 0;

    switch (ev->kind) {
    case NC_EV_ACCOUNT_CREATED:
    case NC_EV_ACCOUNT_UPDATED:
    case NC_EV_ACCOUNT_DELETED: id = &ev->subject; break;
    case NC_EV_ROOM_CREATED:
    case NC_EV_ROOM_UPDATED:
    case NC_EV_ROOM_DELETED: id = &ev->ref; break;
    default: return;
    }
    in->arrivals++;
    while ((l = nc_map_next(&in->lanes, &at)) != NULL)
        if (l->state == NC_LANE_WAITS && nc_id_eq(&l->needs, id))
            nc_lane_go(in, l);
}

static void count(struct nc_intake *in, struct nc_lane *l)
{
    const struct nc_merge *m = &l->m;

    in->stats.known += m->known;
    for (unsigned i = m->known; i < m->taken; i++) {
        if (m->rows[i].skip) {
            in->stats.passed++;
            continue;
        }
        in->stats.events++;
        arrived(in, &m->rows[i].ev);
    }
    if (m->taken && m->rows[m->taken - 1].ev.origin_seq > l->head)
        l->head = m->rows[m->taken - 1].ev.origin_seq;
}

/* Its author signed this very content, so nobody has another: it is taken without.  The
 * digest of earlier versions leaves open what a carrier may have changed. */
static bool is_authors(const struct nc_lane *l, const struct nc_id *peer,
                       const struct nc_merge_row *row)
{
    uint8_t hash[NC_SHA256];
    struct nc_record r;

    if (!row->record.n)
        return false;
    nc_sha256(row->record.p, row->record.n, hash);
    if (memcmp(hash, row->ev.body_hash, sizeof hash) == 0)
        return true;
    return nc_id_eq(peer, &l->node) && nc_record_parse(row->record, &r) == NC_OK &&
           nc_record_fits(&r, row->ev.body_hash);
}

static void refused(struct nc_intake *in, struct nc_lane *l, const char *why)
{
    struct nc_bundle *b = nc_lane_first(l);
    struct nc_merge_row *row = &b->rows[b->next];
    uint64_t at = row->ev.origin_seq;

    if (is_authors(l, &b->peer, row)) {
        nc_intake_refused(in, NC_INTAKE_UNREADABLE, l, &b->peer, &l->origin, at, why);
        row->record = (struct nc_str){NULL, 0};
        nc_lane_go(in, l);
        return;
    }
    nc_intake_refused(in, NC_INTAKE_RECORD, l, &b->peer, &l->origin, at, why);
    nc_lane_blame(in, l, &b->peer);
    nc_lane_drop(in, l, b);
}

static void on_merged(struct nc_merge *m)
{
    struct nc_lane *l = nc_of(m, struct nc_lane, m);
    struct nc_intake *in = m->arg;

    in->flying--;
    l->state = NC_LANE_OPEN;
    count(in, l);
    advance(in, l);
    free(l->joined);
    free(l->segments);
    l->joined = NULL;
    l->segments = NULL;
    if (in->stopped)
        return;
    switch (m->err) {
    case NC_OK: nc_lane_go(in, l); break;
    case NC_ENOENT:
        l->needs = m->needs;
        if (l->arrivals != in->arrivals) /* it may have come since the store looked */
            nc_lane_go(in, l);
        else
            nc_lane_block(in, l, NC_LANE_WAITS, WAIT_MS);
        break;
    case NC_EINVAL: refused(in, l, m->why); break;
    case NC_EIO: nc_lane_block(in, l, NC_LANE_STUCK, DISK_MS); break;
    case NC_AGAIN: /* what is here is less than we thought: begin where it ends */
    default:
        l->head = nc_chat_merged(in->o.chat, &l->origin);
        if (nc_lane_first(l))
            nc_lane_drop(in, l, nc_lane_first(l));
        nc_lane_block(in, l, NC_LANE_STUCK, DISK_MS);
        break;
    }
    nc_loop_defer(in->o.loop, &in->go); /* there is a place for the next one */
    nc_intake_progress(in);
}
