#include "chat/merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/merge_parts.h"

/* ---- how far each log is here -------------------------------------------- */

struct head {
    struct nc_id origin;
    uint64_t n;
};

struct nc_merges {
    struct nc_map heads; /* by origin */
    struct nc_list over; /* struct job that end with this turn */
    uint64_t told_ms;    /* loop time; what may be told one by one since */
    unsigned left;
};

static struct head *head_of(struct nc_chat *c, const struct nc_id *origin)
{
    struct head *h = nc_map_get(&c->merges->heads, origin, sizeof(*origin));

    if (h)
        return h;
    h = nc_alloc(sizeof(*h));
    h->origin = *origin;
    nc_map_put(&c->merges->heads, &h->origin, sizeof(h->origin), h);
    return h;
}

uint64_t nc_chat_merged(const struct nc_chat *c, const struct nc_id *origin)
{
    const struct head *h = nc_map_get(&c->merges->heads, origin, sizeof(*origin));
    const struct nc_store_info *info = &c->opts.store->info;

    if (nc_id_eq(origin, &info->incarnation))
        return info->own_head;
    return h ? h->n : 0;
}

void nc_merge_renewed(struct nc_chat *c, const struct nc_id *origin, uint64_t n)
{
    head_of(c, origin)->n = n;
}

struct load {
    struct nc_query q;
    struct nc_chat *chat;
};

static void on_log(struct nc_query *q, const struct nc_row *row)
{
    head_of(nc_of(q, struct load, q)->chat, &row->origin.id)->n = row->origin.n;
}

enum nc_err nc_merge_load(struct nc_chat *c)
{
    struct load l = {.q = {.kind = NC_Q_VECTOR, .row = on_log}, .chat = c};

    c->merges = nc_alloc(sizeof(*c->merges));
    nc_list_init(&c->merges->over);
    return nc_store_read_now(c->opts.store, &l.q);
}

/* ---- one commit of many rows --------------------------------------------- */

/* What a row becomes; several that are passed over are one change. */
struct step {
    struct nc_record record;
    struct nc_merged merged;
    unsigned row; /* its first */
    bool has;     /* a record */
};

struct job {
    struct nc_commit commit;
    struct nc_list node; /* in nc_merges.over */
    struct nc_task later;
    struct nc_chat *chat;
    struct nc_merge *m;
    unsigned first;            /* rows before it are taken, or were */
    unsigned rows;             /* in this commit, beginning there */
    enum nc_err stopped;       /* why there are no more of them: what m->err will be */
    unsigned segments;         /* to be kept with them */
    struct nc_change *changes; /* more than rows: the segments */
    struct step *steps;
};

static void finish(struct job *j)
{
    struct nc_merge *m = j->m;

    free(j->changes);
    free(j->steps);
    free(j);
    m->done(m);
}

static void on_turn_end(struct nc_task *t)
{
    struct job *j = nc_of(t, struct job, later);

    nc_list_del(&j->node);
    finish(j);
}

/* A row that can't be read is where the commit ends. */
static bool add_row(struct job *j, unsigned i)
{
    struct nc_merge_row *row = &j->m->rows[i];
    struct nc_change *ch = &j->changes[j->commit.n], *before = ch - 1;
    struct step *s = &j->steps[j->commit.n];

    if (row->skip && j->commit.n && before->kind == NC_ORIGIN_SKIP &&
        before->segment.first + before->segment.n == row->ev.origin_seq) {
        before->segment.n++;
        return true;
    }
    memset(ch, 0, sizeof(*ch));
    s->row = i;
    s->has = row->record.n > 0;
    if (row->skip) {
        ch->kind = NC_ORIGIN_SKIP;
        ch->segment.origin = row->ev.origin;
        ch->segment.first = row->ev.origin_seq;
        ch->segment.n = 1;
        j->commit.n++;
        return true;
    }
    if (s->has &&
        (nc_record_parse(row->record, &s->record) != NC_OK || !nc_merge_told(&s->record)))
        return false;
    ch->kind = NC_MERGE;
    ch->event = row->ev;
    ch->event.seq = 0;
    ch->merge.record = s->has ? &s->record : NULL;
    ch->merge.out = &s->merged;
    j->commit.n++;
    return true;
}

static void stop(struct job *j, enum nc_err e, const char *why)
{
    j->stopped = e;
    j->m->why = why;
}

static void fill(struct job *j, unsigned upto)
{
    j->commit.n = 0;
    j->rows = 0;
    for (unsigned i = j->first; i < upto; i++, j->rows++)
        if (!add_row(j, i)) {
            stop(j, NC_EINVAL, "record");
            return;
        }
}

static void pass_known(struct job *j)
{
    struct nc_merge *m = j->m;

    while (j->first < m->n) {
        const struct nc_event *e = &m->rows[j->first].ev;
        if (e->origin_seq > nc_chat_merged(j->chat, &e->origin))
            break;
        j->first++;
        m->known++;
    }
}

/* ---- what follows -------------------------------------------------------- */

/* What listeners are told one by one, in a second and at once; older things, of a cut that
 * healed, weigh more: so many of them are rather fetched, as fast as each can take them. */
enum { RATE = 16384, BURST = 8192, OLD_MS = 5000, OLD_WEIGHS = 16 };

static bool is_too_much(struct nc_chat *c, const struct nc_change *ch, unsigned n)
{
    struct nc_merges *x = c->merges;
    uint64_t now = nc_loop_now_ms(c->opts.loop), passed = now - x->told_ms;
    unsigned left = BURST;

    if (passed < 1000 * BURST / RATE && x->left + passed * RATE / 1000 < BURST)
        left = x->left + (unsigned)(passed * RATE / 1000);
    x->told_ms = now;
    if ((ch->event.hlc >> 12) + OLD_MS < nc_wall_ms())
        n *= OLD_WEIGHS;
    x->left = n > left ? left : left - n;
    return n > left;
}

bool nc_merge_tells(struct nc_following *f, struct nc_topic *t)
{
    if (!nc_hub_hears(f->chat->hub, t))
        return false;
    for (unsigned i = 0; i < f->topics_n; i++)
        if (f->topics[i] == t)
            return false;
    if (!f->fetch && f->topics_n < NC_COUNT(f->topics))
        return true;
    nc_merge_fetched(f, t);
    return false;
}

void nc_merge_fetched(struct nc_following *f, struct nc_topic *t)
{
    if (!nc_hub_hears(f->chat->hub, t))
        return;
    for (unsigned i = 0; i < f->topics_n; i++)
        if (f->topics[i] == t)
            return;
    if (f->topics_n < NC_COUNT(f->topics))
        f->topics[f->topics_n++] = t;
    nc_hub_fetched(f->chat->hub, t);
}

void nc_merge_came(struct nc_following *f, const struct nc_topic *t)
{
    for (unsigned i = 0; i < f->topics_n; i++)
        if (f->topics[i] == t)
            f->topics[i] = f->topics[--f->topics_n];
}

static void follow_row(struct nc_following *f, const struct nc_follow *x)
{
    const struct nc_event *ev = x->ev;

    nc_hub_saw(f->chat->hub, &ev->origin, ev->origin_seq);
    switch (nc_state_of(ev).kind) {
    case NC_STATE_MESSAGE: nc_merge_message(f, x); break;
    case NC_STATE_ROOM: nc_merge_room(f, x); break;
    case NC_STATE_MEMBER:
    case NC_STATE_BAN: nc_merge_member(f, x); break;
    case NC_STATE_ACCOUNT:
    case NC_STATE_PERSONA:
    case NC_STATE_KEY:
    case NC_STATE_SESSION: nc_merge_people(f, x); break;
    case NC_STATE_NONE:
        if (ev->kind == NC_EV_READ)
            nc_merge_member(f, x);
        break;
    }
}

static void follow_change(struct job *j, struct nc_following *f, unsigned i)
{
    const struct nc_change *ch = &j->changes[i];
    const struct step *s = &j->steps[i];
    struct nc_follow x = {.ev = &ch->event, .record = ch->merge.record, .out = &s->merged};

    j->m->rows[s->row].ev.seq = ch->event.seq;
    head_of(j->chat, &ch->event.origin)->n = ch->event.origin_seq;
    nc_hlc_seen(&j->chat->clock, ch->event.hlc);
    follow_row(f, &x);
}

/* The first n changes are durable. */
static void follow(struct job *j, unsigned n)
{
    struct nc_following f = {.chat = j->chat};
    const struct nc_segment *skipped;

    f.fetch = n && is_too_much(j->chat, &j->changes[0], n);
    for (unsigned i = 0; i < n; i++)
        switch (j->changes[i].kind) {
        case NC_MERGE: follow_change(j, &f, i); break;
        case NC_ORIGIN_SKIP:
            skipped = &j->changes[i].segment;
            head_of(j->chat, &skipped->origin)->n = skipped->first + skipped->n - 1;
            nc_hub_saw(j->chat->hub, &skipped->origin, skipped->first + skipped->n - 1);
            break;
        default: break; /* a segment */
        }
}

/* ---- what was refused ---------------------------------------------------- */

static const char *why_refused(const struct job *j, const struct nc_change *ch)
{
    if (nc_id_eq(&ch->event.origin, &j->chat->opts.store->info.incarnation))
        return "ours";
    return ch->event.kind == NC_EV_NONE ? "kind" : "record";
}

static void on_commit(struct nc_commit *commit, enum nc_err e);

static void submit(struct job *j)
{
    struct nc_merge *m = j->m;
    struct nc_store *store = j->chat->opts.store;

    for (unsigned i = 0; i < j->segments && j->stopped == NC_OK; i++)
        j->changes[j->commit.n++] =
            (struct nc_change){.kind = NC_SEGMENT_SET, .segment = *m->segments[i]};
    j->commit.changes = j->changes;
    j->commit.partly = true;
    j->commit.done = on_commit;
    if (j->commit.n) {
        store->ops->commit(store, &j->commit);
        return;
    }
    m->taken = j->first;
    m->err = j->stopped;
    nc_list_add(&j->chat->merges->over, &j->node);
    nc_loop_defer(j->chat->opts.loop, &j->later);
}

/* The store has it, of which we know nothing: it knows better. */
static void believe(struct job *j)
{
    const struct nc_event *e = &j->m->rows[j->first].ev;

    nc_log(NC_ERROR, "chat.merge", "event=%llu reason=\"known to the store alone\"",
           (unsigned long long)e->origin_seq);
    head_of(j->chat, &e->origin)->n = e->origin_seq;
    pass_known(j);
}

/* What came before it is taken, unless it clashed with what is here: then nothing is. */
static void refused(struct job *j, enum nc_err e)
{
    unsigned at = j->commit.failed, upto = j->m->n;
    const struct nc_change *ch = &j->changes[at];
    bool segment = ch->kind == NC_SEGMENT_SET;

    if (j->commit.applied == at)
        j->first = segment ? upto : j->steps[at].row;
    unsigned before = j->first;
    if (segment) { /* of its log nothing is here */
        j->segments = 0;
    } else if (e == NC_EEXIST && j->commit.applied == at) {
        pass_known(j); /* another brought it while this one was on its way */
        if (j->first == before)
            believe(j);
    }
    if (!segment && j->first == before) {
        stop(j, e == NC_EEXIST ? NC_AGAIN : e, e == NC_EINVAL ? why_refused(j, ch) : NULL);
        if (e == NC_ENOENT)
            j->m->needs = j->steps[at].merged.needs;
        upto = j->steps[at].row;
    }
    fill(j, upto);
    submit(j);
}

static void on_commit(struct nc_commit *commit, enum nc_err e)
{
    struct job *j = nc_of(commit, struct job, commit);
    struct nc_merge *m = j->m;

    if (e == NC_EIO || e == NC_ECLOSED) {
        m->taken = j->first;
        m->err = e;
        m->why = NULL;
        finish(j);
        return;
    }
    follow(j, commit->applied);
    if (e != NC_OK) {
        refused(j, e);
        return;
    }
    m->taken = j->first + j->rows;
    m->err = j->stopped;
    m->kept = j->segments > 0 && j->stopped == NC_OK;
    finish(j);
}

void nc_chat_merge(struct nc_chat *c, struct nc_merge *m)
{
    struct job *j = nc_alloc(sizeof(*j));

    assert(m->n <= NC_MERGE_ROWS && m->done);
    m->taken = m->known = 0;
    m->err = NC_OK;
    m->why = NULL;
    m->needs = (struct nc_id){{0}};
    m->kept = false;
    j->chat = c;
    j->m = m;
    j->segments = m->segments_n;
    j->changes = nc_alloc((m->n + m->segments_n) * sizeof(*j->changes));
    j->steps = nc_alloc((m->n + m->segments_n) * sizeof(*j->steps));
    j->later.run = on_turn_end;
    pass_known(j);
    fill(j, m->n);
    submit(j);
}

/* ---- start and end ------------------------------------------------------- */

void nc_merge_free(struct nc_chat *c)
{
    struct nc_merges *x = c->merges;
    size_t at = 0;

    if (!x)
        return;
    for (struct nc_list *n; (n = nc_list_pop(&x->over));) {
        struct job *j = nc_of(n, struct job, node);
        nc_loop_undefer(c->opts.loop, &j->later);
        finish(j);
    }
    for (struct head *h; (h = nc_map_next(&x->heads, &at));)
        free(h);
    nc_map_fini(&x->heads);
    free(x);
    c->merges = NULL;
}
