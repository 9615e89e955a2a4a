#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/author_parts.h"

/* ---- which logs are ours ------------------------------------------------- */

static void ask(struct nc_author *a, struct nc_query q)
{
    q.done = a->query.done;
    a->query = q;
    a->asking = true;
    a->o.store->ops->read(a->o.store, &a->query);
}

/* On a reader thread. */
static void on_log(struct nc_query *q, const struct nc_row *row)
{
    struct nc_author *a = nc_of(q, struct nc_author, query);

    if (row->origin.own && a->asked_n < NC_ORIGINS_MAX)
        a->asked[a->asked_n++] =
            (struct nc_author_log){.origin = row->origin.id, .n = row->origin.n};
}

/* What goes on growing is the last. */
static void take_logs(struct nc_author *a)
{
    memcpy(a->logs, a->asked, a->asked_n * sizeof(a->logs[0]));
    a->logs_n = a->asked_n;
    a->at = 0;
    for (unsigned i = 0; i + 1 < a->logs_n; i++)
        if (nc_id_eq(&a->logs[i].origin, &a->o.store->info.incarnation)) {
            struct nc_author_log l = a->logs[i];
            a->logs[i] = *nc_author_current(a);
            *nc_author_current(a) = l;
        }
}

static void introduce(struct nc_author *a)
{
    a->origins.n = a->logs_n;
    for (unsigned i = 0; i < a->logs_n; i++) {
        struct nc_origin *o = &a->origins.at[i];
        *o = (struct nc_origin){.node = a->o.node, .origin = a->logs[i].origin};
        o->hlc = nc_wall_ms() << 12;
        nc_origin_sign(o, a->o.identity);
    }
}

static void begin(struct nc_author *a)
{
    a->again = false;
    a->state = NC_AUTHOR_ASKING;
    a->asked_n = 0;
    ask(a, (struct nc_query){.kind = NC_Q_VECTOR, .row = on_log});
}

/* ---- how far a log is kept ----------------------------------------------- */

static void on_kept(struct nc_query *q, const struct nc_row *row)
{
    struct nc_author *a = nc_of(q, struct nc_author, query);

    a->has_found = nc_kept_read(&a->found, &row->segment);
}

/* Segments stand end to end, so the last one is found by halves. */
static void probe(struct nc_author *a)
{
    const struct nc_author_log *l = &a->logs[a->at];
    uint64_t since = a->high == l->n ? l->n - 1 : a->low + (a->high - a->low) / 2;

    a->has_found = false;
    ask(a, (struct nc_query){.kind = NC_Q_SEGMENTS,
                             .id = l->origin,
                             .since = since,
                             .limit = 1,
                             .row = on_kept});
}

/* Go on behind it. */
static void resume(struct nc_author *a, const struct nc_kept *k)
{
    struct nc_author_run *r = &a->run;

    a->logs[a->at].signed_n = a->logs[a->at].kept_n = a->queued = nc_kept_last(k);
    r->n = 0;
    if ((k->first - 1) % NC_SEGMENT_MAX == 0 && k->n < NC_SEGMENT_MAX) {
        r->first = k->first;
        r->n = k->n;
        memcpy(r->hashes, k->hashes, k->n * sizeof(k->hashes[0]));
        memcpy(r->before, k->chain[0], NC_SHA256);
    } else {
        r->first = nc_kept_last(k) + 1;
        memcpy(r->before, k->chain[1], NC_SHA256);
    }
    memcpy(r->after, k->chain[1], NC_SHA256);
}

static void start_log(struct nc_author *a)
{
    struct nc_author_log *l = &a->logs[a->at];
    struct nc_author_run *r = &a->run;

    l->signed_n = l->kept_n = a->queued = 0;
    r->first = 1;
    r->n = 0;
    nc_chain_begin(&a->o.node, &l->origin, r->before);
    memcpy(r->after, r->before, NC_SHA256);
    a->low = 0;
    a->high = l->n;
    a->state = NC_AUTHOR_FINDING;
}

static void on_probed(struct nc_author *a)
{
    if (a->has_found && nc_kept_last(&a->found) > a->query.since) {
        a->low = nc_kept_last(&a->found);
        resume(a, &a->found);
    } else {
        a->high = a->query.since;
    }
}

/* ---- what there was before we began -------------------------------------- */

/* Trimmed ones, and such as no other node would take, are known by a hash of none. */
static void on_old_event(struct nc_query *q, const struct nc_row *row)
{
    struct nc_author *a = nc_of(q, struct nc_author, query);
    const struct nc_event *ev = &row->foreign.event;
    uint64_t i = ev->origin_seq - a->page.since - 1;

    if (i < a->page.n && nc_row_check(ev, NULL) == NC_OK)
        nc_row_hash(ev, a->page.hashes[i]);
}

static void read_page(struct nc_author *a)
{
    const struct nc_author_log *l = &a->logs[a->at];
    uint64_t left = l->n - l->signed_n,
             most = a->ran_over ? NC_AUTHOR_PAGE_MIN : NC_AUTHOR_PAGE;

    a->page.since = l->signed_n;
    a->page.n = (unsigned)(left < most ? left : most);
    memset(a->page.hashes, 0, a->page.n * sizeof(a->page.hashes[0]));
    ask(a, (struct nc_query){.kind = NC_Q_ORIGIN,
                             .id = l->origin,
                             .since = l->signed_n,
                             .limit = a->page.n,
                             .bare = true,
                             .row = on_old_event});
}

static void on_page(struct nc_author *a)
{
    for (unsigned i = 0; i < a->page.n; i++)
        nc_author_add_hash(a, a->page.hashes[i]);
    if (a->logs[a->at].signed_n == a->logs[a->at].n)
        nc_author_keep_run(a);
    nc_author_write_out(a);
}

/* ---- one thing after the other ------------------------------------------- */

static void on_answer(struct nc_query *q, enum nc_err e)
{
    struct nc_author *a = nc_of(q, struct nc_author, query);

    a->asking = false;
    if (a->stopped)
        return;
    if (a->again) {
        begin(a);
        return;
    }
    if (e != NC_OK) {
        a->stats.failed++;
        a->ran_over = a->ran_over || e == NC_ELIMIT;
        nc_loop_deadline(a->o.loop, &a->retry, NC_AUTHOR_RETRY_MS);
        return;
    }
    switch (a->state) {
    case NC_AUTHOR_ASKING:
        take_logs(a);
        introduce(a);
        start_log(a);
        a->o.kept(a->o.arg);
        break;
    case NC_AUTHOR_FINDING: on_probed(a); break;
    case NC_AUTHOR_SIGNING: on_page(a); break;
    case NC_AUTHOR_LIVE:
    case NC_AUTHOR_OFF: break;
    }
    nc_author_step(a);
}

void nc_author_step(struct nc_author *a)
{
    if (a->stopped || a->asking || a->state == NC_AUTHOR_OFF || a->state == NC_AUTHOR_LIVE)
        return;
    if (a->again || a->state == NC_AUTHOR_ASKING) {
        begin(a);
        return;
    }
    if (a->state == NC_AUTHOR_FINDING) {
        if (a->low < a->high) {
            probe(a);
            return;
        }
        a->state = NC_AUTHOR_SIGNING;
    }
    if (a->waiting.n + a->going.n) /* no faster than the disk takes them */
        return;
    struct nc_author_log *l = &a->logs[a->at];
    if (l == nc_author_current(a))
        l->n = a->o.store->info.own_head;
    if (l->signed_n < l->n) {
        read_page(a);
    } else if (l != nc_author_current(a)) {
        a->at++;
        start_log(a);
        nc_author_step(a);
    } else {
        a->state = NC_AUTHOR_LIVE;
    }
}

/* ---- for others ---------------------------------------------------------- */

struct nc_author *nc_author_new(const struct nc_author_opts *o)
{
    struct nc_author *a = nc_alloc(sizeof(*a));

    a->o = *o;
    a->query.done = on_answer;
    a->commit.done = nc_author_on_committed;
    a->retry.fire = nc_author_on_retry;
    a->quiet.fire = nc_author_on_quiet;
    a->gather.alarm = nc_alarm_new(o->loop, nc_author_on_gathered, a);
    return a;
}

void nc_author_start(struct nc_author *a)
{
    struct nc_store *store = a->o.store;

    if (a->stopped)
        return;
    if (a->state != NC_AUTHOR_OFF &&
        (a->state == NC_AUTHOR_ASKING || !a->logs_n ||
         nc_id_eq(&store->info.incarnation, &nc_author_current(a)->origin)))
        return;
    nc_author_drop(a); /* all that isn't signed is read again, by its new name */
    store->logged = nc_author_on_logged;
    store->logged_arg = a;
    a->state = NC_AUTHOR_ASKING;
    a->again = true;
    nc_author_step(a);
}

void nc_author_stop(struct nc_author *a)
{
    if (!a || a->stopped)
        return;
    nc_author_flush(a);
    a->stopped = true;
    nc_alarm_free(a->gather.alarm);
    a->gather.alarm = NULL;
    if (a->o.store->logged == nc_author_on_logged)
        a->o.store->logged = NULL;
    nc_loop_deadline(a->o.loop, &a->retry, 0);
    nc_loop_deadline(a->o.loop, &a->quiet, 0);
}

void nc_author_free(struct nc_author *a)
{
    if (!a)
        return;
    free(a->waiting.at);
    free(a->going.at);
    free(a->changes);
    nc_buf_fini(&a->gather.records);
    free(a);
}

const struct nc_origins *nc_author_origins(const struct nc_author *a)
{
    return &a->origins;
}

static const struct nc_author_log *log_of(const struct nc_author *a,
                                          const struct nc_id *origin)
{
    for (unsigned i = 0; i < a->origins.n; i++)
        if (nc_id_eq(&a->logs[i].origin, origin))
            return &a->logs[i];
    return NULL;
}

void nc_author_vector(const struct nc_author *a, struct nc_vector *v)
{
    if (!a->origins.n && nc_vector_set(v, &a->o.store->info.incarnation, 0) != NC_OK)
        return;
    for (unsigned i = a->at; i < a->origins.n; i++)
        if (nc_vector_set(v, &a->logs[i].origin, a->logs[i].signed_n) != NC_OK)
            nc_log(NC_WARN, "mesh.author", "reason=\"too many logs\"");
}

bool nc_author_head(const struct nc_author *a, struct nc_id *origin, uint64_t *n,
                    uint8_t chain[NC_SHA256])
{
    if (a->state != NC_AUTHOR_LIVE || !a->logs[a->at].signed_n)
        return false;
    *origin = a->logs[a->at].origin;
    *n = a->logs[a->at].signed_n;
    memcpy(chain, a->run.after, NC_SHA256);
    return true;
}

bool nc_author_keep(struct nc_author *a, const struct nc_id *origin, uint64_t n)
{
    const struct nc_author_log *l = log_of(a, origin);
    uint64_t head = a->o.store->info.own_head;

    if (a->stopped || !l || n <= l->kept_n)
        return false;
    nc_author_flush(a);
    if (a->state != NC_AUTHOR_LIVE)
        return l >= &a->logs[a->at] && n <= (l == nc_author_current(a) ? head : l->n);
    if (l != nc_author_current(a) || n > l->signed_n)
        return false;
    nc_author_keep_run(a);
    nc_author_write_out(a);
    return true;
}

struct nc_author_stats nc_author_stats(const struct nc_author *a)
{
    struct nc_author_stats s = a->stats;

    if (a->state == NC_AUTHOR_OFF || !a->logs_n)
        return s;
    uint64_t head = a->o.store->info.own_head, at = a->logs[a->logs_n - 1].signed_n;
    s.behind = head > at ? head - at : 0;
    return s;
}
