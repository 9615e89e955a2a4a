#include <string.h>

#include "base/log.h"
#include "mesh/author_parts.h"

static void commit(struct nc_author *a)
{
    struct nc_author_keeping *k = &a->going;

    a->changes = nc_realloc(a->changes, k->n * sizeof(*a->changes));
    for (unsigned i = 0; i < k->n; i++)
        a->changes[i] =
            (struct nc_change){.kind = NC_SEGMENT_SET, .segment = nc_kept_row(&k->at[i])};
    a->commit.changes = a->changes;
    a->commit.n = k->n;
    a->committing = true;
    a->o.store->ops->commit(a->o.store, &a->commit);
}

void nc_author_write_out(struct nc_author *a)
{
    struct nc_author_keeping empty = a->going;

    if (a->committing || a->going.n || !a->waiting.n)
        return;
    a->going = a->waiting;
    a->waiting = empty;
    commit(a);
}

void nc_author_on_retry(struct nc_deadline *d)
{
    struct nc_author *a = nc_of(d, struct nc_author, retry);

    if (!a->committing && a->going.n)
        commit(a);
    nc_author_step(a);
}

void nc_author_on_committed(struct nc_commit *c, enum nc_err e)
{
    struct nc_author *a = nc_of(c, struct nc_author, commit);

    a->committing = false;
    if (a->stopped)
        return;
    if (e != NC_OK) {
        a->stats.failed++;
        nc_loop_deadline(a->o.loop, &a->retry, NC_AUTHOR_RETRY_MS);
        return;
    }
    for (unsigned i = 0; i < a->going.n; i++)
        for (unsigned k = 0; k < a->logs_n; k++)
            if (nc_id_eq(&a->logs[k].origin, &a->going.at[i].origin))
                a->logs[k].kept_n = nc_kept_last(&a->going.at[i]);
    a->stats.kept += a->going.n;
    a->going.n = 0;
    nc_author_write_out(a);
    a->o.kept(a->o.arg);
    nc_author_step(a);
}

/* The run as far as it goes, signed once more as one. */
void nc_author_keep_run(struct nc_author *a)
{
    struct nc_mesh_segment *s = &a->whole;
    struct nc_author_keeping *k = &a->waiting;
    uint8_t head[NC_SHA256];

    if (a->queued == a->logs[a->at].signed_n)
        return;
    *s = (struct nc_mesh_segment){.node = a->o.node,
                                  .origin = a->logs[a->at].origin,
                                  .first = a->run.first,
                                  .n = a->run.n,
                                  .has_prev = true};
    memcpy(s->prev, a->run.before, NC_SHA256);
    for (unsigned i = 0; i < s->n; i++) {
        s->rows[i].hash_only = true;
        memcpy(s->rows[i].hash, a->run.hashes[i], NC_SHA256);
    }
    const char *why;
    enum nc_err e = nc_segment_sign(s, a->o.identity, head, &why);
    if (e != NC_OK) { /* rows that are hashes leave nothing to refuse */
        nc_log(NC_ERROR, "mesh.author", "reason=%s", why);
        return;
    }
    if (k->n == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 4;
        k->at = nc_realloc(k->at, k->cap * sizeof(*k->at));
    }
    nc_kept_of(&k->at[k->n++], s, head);
    a->queued = a->logs[a->at].signed_n;
}

/* After the run's n hashes were set. */
static void end_run(struct nc_author *a)
{
    struct nc_author_run *r = &a->run;

    if (r->first + r->n - 1 < nc_author_end_of_run(r))
        return;
    nc_author_keep_run(a);
    r->first += r->n;
    r->n = 0;
    memcpy(r->before, r->after, NC_SHA256);
}

void nc_author_add_hash(struct nc_author *a, const uint8_t hash[NC_SHA256])
{
    struct nc_author_run *r = &a->run;

    memcpy(r->hashes[r->n++], hash, NC_SHA256);
    nc_chain_add(r->after, hash);
    a->logs[a->at].signed_n++;
    a->stats.events++;
    end_run(a);
}

void nc_author_on_quiet(struct nc_deadline *d)
{
    struct nc_author *a = nc_of(d, struct nc_author, quiet);

    if (a->state != NC_AUTHOR_LIVE)
        return;
    nc_author_keep_run(a);
    nc_author_write_out(a);
}
