#include <string.h>

#include "base/log.h"
#include "mesh/author_parts.h"

static bool goes_on(const struct nc_author *a, const struct nc_logged *rows, unsigned n)
{
    const struct nc_author_log *l = &a->logs[a->at];

    for (unsigned i = 0; i < n; i++)
        if (rows[i].event.origin_seq != l->signed_n + 1 + i ||
            !nc_id_eq(&rows[i].event.origin, &l->origin) ||
            nc_row_check(&rows[i].event, NULL) != NC_OK)
            return false;
    return n > 0 && l->signed_n + n == a->o.store->info.own_head;
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

void nc_author_on_logged(void *arg, const struct nc_logged *rows, unsigned n)
{
    struct nc_author *a = arg;

    if (a->state != NC_AUTHOR_LIVE)
        return;
    if (!nc_id_eq(&a->o.store->info.incarnation, &a->logs[a->at].origin)) {
        nc_author_start(a);
        return;
    }
    if (!goes_on(a, rows, n)) {
        a->state = NC_AUTHOR_SIGNING;
        nc_author_step(a);
        return;
    }
    for (unsigned i = 0, k; i < n && !a->stopped; i += k) {
        uint64_t room = nc_author_end_of_run(&a->run) - a->logs[a->at].signed_n;
        k = n - i < room ? n - i : (unsigned)room;
        sign_fresh(a, rows + i, k);
        for (unsigned j = 0; j < k; j++)
            nc_author_add_hash(a, a->segment.rows[j].hash);
    }
    nc_author_write_out(a);
    if (!a->quiet.due)
        nc_loop_deadline(a->o.loop, &a->quiet, NC_AUTHOR_KEEP_MS);
}
