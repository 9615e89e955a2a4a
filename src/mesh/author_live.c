#include <string.h>

#include "base/log.h"
#include "mesh/author_parts.h"

/* False: this database goes on under another name, which nothing is signed with yet. */
static bool is_current(const struct nc_author *a)
{
    return nc_id_eq(&a->o.store->info.incarnation, &a->logs[a->at].origin);
}

/* Whether they follow what is signed and gathered, and nothing is missing behind them. */
static bool goes_on(const struct nc_author *a, const struct nc_logged *rows, unsigned n)
{
    const struct nc_author_log *l = &a->logs[a->at];
    uint64_t before = l->signed_n + a->gather.n;

    for (unsigned i = 0; i < n; i++)
        if (rows[i].event.origin_seq != before + 1 + i ||
            !nc_id_eq(&rows[i].event.origin, &l->origin) ||
            nc_row_check(&rows[i].event, NULL) != NC_OK)
            return false;
    return n > 0 && before + n == a->o.store->info.own_head;
}

static void fill(struct nc_mesh_row *r, const struct nc_logged *from)
{
    static const uint8_t none[NC_SHA256];

    *r = (struct nc_mesh_row){.ev = from->event, .record = from->record};
    r->exact = from->record.n > 0; /* the store has just made the digest of it */
    r->is = from->record.n                                   ? NC_RECORD_HERE
            : memcmp(from->event.body_hash, none, NC_SHA256) ? NC_RECORD_SUPERSEDED
                                                             : NC_RECORD_NONE;
}

/* n of them, which end no later than the run does. */
static void sign_fresh(struct nc_author *a, const struct nc_logged *rows, unsigned n)
{
    struct nc_mesh_segment *s = &a->segment;
    uint8_t head[NC_SHA256];
    const char *why;

    s->node = a->o.node;
    s->origin = a->logs[a->at].origin;
    s->first = a->logs[a->at].signed_n + 1;
    s->n = n;
    s->has_prev = true;
    memcpy(s->prev, a->run.after, NC_SHA256);
    for (unsigned i = 0; i < n; i++)
        fill(&s->rows[i], &rows[i]);
    enum nc_err e = nc_segment_sign(s, a->o.identity, head, &why);
    if (e != NC_OK) { /* goes_on has looked at the rows */
        nc_log(NC_ERROR, "mesh.author", "reason=%s", why);
        return;
    }
    a->stats.segments++;
    a->o.fresh(a->o.arg, s);
}

static void hand_on(struct nc_author *a, const struct nc_logged *rows, unsigned n)
{
    a->pace.left -= a->pace.left > 0;
    for (unsigned i = 0, k; i < n && !a->stopped; i += k) {
        uint64_t room = nc_author_end_of_run(&a->run) - a->logs[a->at].signed_n;
        k = n - i < room ? n - i : (unsigned)room;
        sign_fresh(a, rows + i, k);
        for (unsigned j = 0; j < k; j++)
            nc_author_add_hash(a, a->segment.rows[j].hash);
    }
    nc_author_write_out(a);
    if (!a->quiet.due && !a->stopped)
        nc_loop_deadline(a->o.loop, &a->quiet, NC_AUTHOR_KEEP_MS);
}

/* ---- gathered ------------------------------------------------------------ */

static void gather(struct nc_author *a, const struct nc_logged *rows, unsigned n)
{
    struct nc_author_gather *g = &a->gather;

    for (unsigned i = 0; i < n; i++) {
        g->rows[g->n++] = rows[i]; /* its record is copied below the others */
        nc_buf_add(&g->records, rows[i].record.p, rows[i].record.n);
    }
    if (!nc_alarm_is_set(g->alarm))
        nc_alarm_set(g->alarm, NC_AUTHOR_GATHER_MS);
}

void nc_author_flush(struct nc_author *a)
{
    struct nc_author_gather *g = &a->gather;
    const char *at = g->records.p;
    unsigned n = g->n;

    for (unsigned i = 0; i < n; i++)
        if (g->rows[i].record.n) {
            g->rows[i].record.p = at;
            at += g->rows[i].record.n;
        }
    g->n = 0;
    if (g->alarm)
        nc_alarm_set(g->alarm, 0);
    if (n && is_current(a))
        hand_on(a, g->rows, n);
    nc_buf_clear(&g->records);
}

void nc_author_on_gathered(void *arg) { nc_author_flush(arg); }

void nc_author_drop(struct nc_author *a)
{
    nc_alarm_set(a->gather.alarm, 0);
    a->gather.n = 0;
    nc_buf_clear(&a->gather.records);
}

static size_t bytes_of(const struct nc_logged *rows, unsigned n)
{
    size_t sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += rows[i].record.n;
    return sum;
}

/* A segment costs two signatures here, two verifications and a commit there, whatever is in
 * it: about as much as five of its events.  Where they come so fast that it matters, one
 * that waits for the next few arrives earlier than one behind as many segments. */
static bool is_its_turn(struct nc_author *a)
{
    uint64_t now = nc_loop_now_ms(a->o.loop), back = now - a->pace.at_ms;

    a->pace.at_ms = now;
    a->pace.left = back < NC_AUTHOR_BURST - a->pace.left ? a->pace.left + (unsigned)back
                                                         : NC_AUTHOR_BURST;
    return a->pace.left > 0;
}

void nc_author_on_logged(void *arg, const struct nc_logged *rows, unsigned n)
{
    struct nc_author *a = arg;

    if (a->state != NC_AUTHOR_LIVE)
        return;
    if (!is_current(a)) {
        nc_author_start(a);
        return;
    }
    if (!goes_on(a, rows, n)) {
        nc_author_flush(a);
        a->state = NC_AUTHOR_SIGNING;
        nc_author_step(a);
        return;
    }
    size_t bytes = bytes_of(rows, n);
    if (a->gather.n + n > NC_COUNT(a->gather.rows) ||
        a->gather.records.n + bytes > NC_AUTHOR_FEW_BYTES)
        nc_author_flush(a);
    if (!a->gather.n &&
        (n > NC_AUTHOR_FEW || bytes > NC_AUTHOR_FEW_BYTES || is_its_turn(a)))
        hand_on(a, rows, n);
    else
        gather(a, rows, n);
}
