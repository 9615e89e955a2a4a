#include "mesh/author.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "mesh/kept.h"
#include "store/store.h"

enum {
    PAGE = 4 * NC_SEGMENT_MAX, /* events read at once */
    PAGE_MIN = NC_SEGMENT_MAX, /* … after one took too long */
    RETRY_MS = 1000,           /* after a disk has failed */
};

enum state {
    OFF,     /* nobody to tell */
    ASKING,  /* which logs are ours? */
    FINDING, /* how far is this one kept? */
    SIGNING, /* what it has behind that, page by page */
    LIVE,    /* all of it is signed; the rest comes by `logged` */
};

/* One of our logs; all but the last of the list are from before a restore. */
struct log {
    struct nc_id origin;
    uint64_t n; /* events that are known; of the current one: when it was asked */
    uint64_t signed_n, kept_n;
};

/* Events from `first` to the end of a run of 256 whose numbers begin with k * 256 + 1. */
struct run {
    uint64_t first;
    unsigned n;
    uint8_t before[NC_SHA256]; /* the chain before it */
    uint8_t after[NC_SHA256];  /* … and behind its n-th */
    uint8_t hashes[NC_SEGMENT_MAX][NC_SHA256];
};

/* Segments on their way to the disk. */
struct keeping {
    struct nc_kept *at;
    unsigned n, cap;
};

struct nc_author {
    struct nc_author_opts o;
    enum state state;
    bool stopped, asking; /* asking: `query` is under way */
    bool again;           /* … and then all begins anew */
    struct nc_query query;
    struct nc_deadline retry, quiet;

    struct log logs[NC_ORIGINS_MAX];
    unsigned logs_n, at;       /* at: the one that is being worked on */
    struct nc_origins origins; /* of these */
    uint64_t low, high;        /* FINDING: kept is up to low, and not up to high */
    bool ran_over;             /* a page took too long */

    struct run run;  /* of logs[at], up to its signed_n */
    uint64_t queued; /* … and of it are kept, or on their way there */
    struct nc_mesh_segment segment, whole; /* what is new, and a run */
    struct keeping waiting, going;
    struct nc_commit commit;
    struct nc_change *changes;
    bool committing;
    struct nc_author_stats stats;

    /* Written by a reader thread while `asking`. */
    struct log asked[NC_ORIGINS_MAX];
    unsigned asked_n;
    struct nc_kept found;
    bool has_found;
    struct {
        uint64_t since;
        unsigned n;
        uint8_t hashes[PAGE][NC_SHA256];
    } page;
};

static void step(struct nc_author *a);

static struct log *current(struct nc_author *a) { return &a->logs[a->logs_n - 1]; }

static uint64_t end_of_run(const struct run *r)
{
    return ((r->first - 1) / NC_SEGMENT_MAX + 1) * NC_SEGMENT_MAX;
}

/* ---- segments to the disk ------------------------------------------------ */

static void commit(struct nc_author *a)
{
    struct keeping *k = &a->going;

    a->changes = nc_realloc(a->changes, k->n * sizeof(*a->changes));
    for (unsigned i = 0; i < k->n; i++)
        a->changes[i] =
            (struct nc_change){.kind = NC_SEGMENT_SET, .segment = nc_kept_row(&k->at[i])};
    a->commit.changes = a->changes;
    a->commit.n = k->n;
    a->committing = true;
    a->o.store->ops->commit(a->o.store, &a->commit);
}

static void write_out(struct nc_author *a)
{
    struct keeping empty = a->going;

    if (a->committing || a->going.n || !a->waiting.n)
        return;
    a->going = a->waiting;
    a->waiting = empty;
    commit(a);
}

static void on_retry(struct nc_deadline *d)
{
    struct nc_author *a = nc_of(d, struct nc_author, retry);

    if (!a->committing && a->going.n)
        commit(a);
    step(a);
}

static void on_committed(struct nc_commit *c, enum nc_err e)
{
    struct nc_author *a = nc_of(c, struct nc_author, commit);

    a->committing = false;
    if (a->stopped)
        return;
    if (e != NC_OK) {
        a->stats.failed++;
        nc_loop_deadline(a->o.loop, &a->retry, RETRY_MS);
        return;
    }
    for (unsigned i = 0; i < a->going.n; i++)
        for (unsigned k = 0; k < a->logs_n; k++)
            if (nc_id_eq(&a->logs[k].origin, &a->going.at[i].origin))
                a->logs[k].kept_n = nc_kept_last(&a->going.at[i]);
    a->stats.kept += a->going.n;
    a->going.n = 0;
    write_out(a);
    a->o.kept(a->o.arg);
    step(a);
}

/* The run as far as it goes, signed once more as one. */
static void keep_run(struct nc_author *a)
{
    struct nc_mesh_segment *s = &a->whole;
    struct keeping *k = &a->waiting;
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
    struct run *r = &a->run;

    if (r->first + r->n - 1 < end_of_run(r))
        return;
    keep_run(a);
    r->first += r->n;
    r->n = 0;
    memcpy(r->before, r->after, NC_SHA256);
}

static void add_hash(struct nc_author *a, const uint8_t hash[NC_SHA256])
{
    struct run *r = &a->run;

    memcpy(r->hashes[r->n++], hash, NC_SHA256);
    nc_chain_add(r->after, hash);
    a->logs[a->at].signed_n++;
    a->stats.events++;
    end_run(a);
}

static void on_quiet(struct nc_deadline *d)
{
    struct nc_author *a = nc_of(d, struct nc_author, quiet);

    if (a->state != LIVE)
        return;
    keep_run(a);
    write_out(a);
}

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
        a->asked[a->asked_n++] = (struct log){.origin = row->origin.id, .n = row->origin.n};
}

/* What goes on growing is the last. */
static void take_logs(struct nc_author *a)
{
    memcpy(a->logs, a->asked, a->asked_n * sizeof(a->logs[0]));
    a->logs_n = a->asked_n;
    a->at = 0;
    for (unsigned i = 0; i + 1 < a->logs_n; i++)
        if (nc_id_eq(&a->logs[i].origin, &a->o.store->info.incarnation)) {
            struct log l = a->logs[i];
            a->logs[i] = *current(a);
            *current(a) = l;
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
    a->state = ASKING;
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
    const struct log *l = &a->logs[a->at];
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
    struct run *r = &a->run;

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
    struct log *l = &a->logs[a->at];
    struct run *r = &a->run;

    l->signed_n = l->kept_n = a->queued = 0;
    r->first = 1;
    r->n = 0;
    nc_chain_begin(&a->o.node, &l->origin, r->before);
    memcpy(r->after, r->before, NC_SHA256);
    a->low = 0;
    a->high = l->n;
    a->state = FINDING;
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
    const struct log *l = &a->logs[a->at];
    uint64_t left = l->n - l->signed_n, most = a->ran_over ? PAGE_MIN : PAGE;

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
        add_hash(a, a->page.hashes[i]);
    if (a->logs[a->at].signed_n == a->logs[a->at].n)
        keep_run(a);
    write_out(a);
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
        nc_loop_deadline(a->o.loop, &a->retry, RETRY_MS);
        return;
    }
    switch (a->state) {
    case ASKING:
        take_logs(a);
        introduce(a);
        start_log(a);
        a->o.kept(a->o.arg);
        break;
    case FINDING: on_probed(a); break;
    case SIGNING: on_page(a); break;
    case LIVE:
    case OFF: break;
    }
    step(a);
}

/* What is to be done next, unless something is under way. */
static void step(struct nc_author *a)
{
    if (a->stopped || a->asking || a->state == OFF || a->state == LIVE)
        return;
    if (a->again || a->state == ASKING) {
        begin(a);
        return;
    }
    if (a->state == FINDING) {
        if (a->low < a->high) {
            probe(a);
            return;
        }
        a->state = SIGNING;
    }
    if (a->waiting.n + a->going.n) /* no faster than the disk takes them */
        return;
    struct log *l = &a->logs[a->at];
    if (l == current(a))
        l->n = a->o.store->info.own_head;
    if (l->signed_n < l->n) {
        read_page(a);
    } else if (l != current(a)) {
        a->at++;
        start_log(a);
        step(a);
    } else {
        a->state = LIVE;
    }
}

/* ---- what is new --------------------------------------------------------- */

static bool goes_on(const struct nc_author *a, const struct nc_logged *rows, unsigned n)
{
    const struct log *l = &a->logs[a->at];

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

static void on_logged(void *arg, const struct nc_logged *rows, unsigned n)
{
    struct nc_author *a = arg;

    if (a->state != LIVE)
        return;
    if (!nc_id_eq(&a->o.store->info.incarnation, &a->logs[a->at].origin)) {
        nc_author_start(a);
        return;
    }
    if (!goes_on(a, rows, n)) {
        a->state = SIGNING;
        step(a);
        return;
    }
    for (unsigned i = 0, k; i < n && !a->stopped; i += k) {
        uint64_t room = end_of_run(&a->run) - a->logs[a->at].signed_n;
        k = n - i < room ? n - i : (unsigned)room;
        sign_fresh(a, rows + i, k);
        for (unsigned j = 0; j < k; j++)
            add_hash(a, a->segment.rows[j].hash);
    }
    write_out(a);
    if (!a->quiet.due)
        nc_loop_deadline(a->o.loop, &a->quiet, NC_AUTHOR_KEEP_MS);
}

/* ---- for others ---------------------------------------------------------- */

struct nc_author *nc_author_new(const struct nc_author_opts *o)
{
    struct nc_author *a = nc_alloc(sizeof(*a));

    a->o = *o;
    a->query.done = on_answer;
    a->commit.done = on_committed;
    a->retry.fire = on_retry;
    a->quiet.fire = on_quiet;
    return a;
}

void nc_author_start(struct nc_author *a)
{
    struct nc_store *store = a->o.store;

    if (a->stopped)
        return;
    if (a->state != OFF && (a->state == ASKING || !a->logs_n ||
                            nc_id_eq(&store->info.incarnation, &current(a)->origin)))
        return;
    store->logged = on_logged;
    store->logged_arg = a;
    a->state = ASKING;
    a->again = true;
    step(a);
}

void nc_author_stop(struct nc_author *a)
{
    if (!a || a->stopped)
        return;
    a->stopped = true;
    if (a->o.store->logged == on_logged)
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
    free(a);
}

const struct nc_origins *nc_author_origins(const struct nc_author *a)
{
    return &a->origins;
}

static const struct log *log_of(const struct nc_author *a, const struct nc_id *origin)
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

bool nc_author_keep(struct nc_author *a, const struct nc_id *origin, uint64_t n)
{
    const struct log *l = log_of(a, origin);
    uint64_t head = a->o.store->info.own_head;

    if (a->stopped || !l || n <= l->kept_n)
        return false;
    if (a->state != LIVE)
        return l >= &a->logs[a->at] && n <= (l == current(a) ? head : l->n);
    if (l != current(a) || n > l->signed_n)
        return false;
    keep_run(a);
    write_out(a);
    return true;
}

struct nc_author_stats nc_author_stats(const struct nc_author *a)
{
    struct nc_author_stats s = a->stats;

    if (a->state == OFF || !a->logs_n)
        return s;
    uint64_t head = a->o.store->info.own_head, at = a->logs[a->logs_n - 1].signed_n;
    s.behind = head > at ? head - at : 0;
    return s;
}
