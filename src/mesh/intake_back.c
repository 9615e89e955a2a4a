#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mesh/intake_parts.h"

/*
 * A segment of this very log, signed with our key, of events beyond its end: the database
 * is older than what others have of it.  Where they part is looked for backwards, a segment
 * at a time: what was said here since has numbers that others know as something else, and
 * gets other ones in a log of another name.  Then all of the old one is fetched like any
 * other node's.  A vector alone proves nothing: it may lie.
 */
struct nc_back {
    struct nc_query q; /* of our own events that such a segment has */
    struct nc_intake *in;
    bool asking, renewing;
    uint64_t from; /* what is asked for begins there; 0: at our last */
    uint64_t good; /* up to this one they are the same */
    uint64_t first;
    unsigned n;
    uint8_t theirs[NC_SEGMENT_MAX][NC_SHA256];
    bool same[NC_SEGMENT_MAX]; /* we have that very event */
};

enum { STEP = NC_SEGMENT_MAX }; /* how much further back is asked for each time */

void nc_back_free(struct nc_intake *in) { free(in->back); }

unsigned nc_back_lacks(const struct nc_intake *in, uint64_t theirs,
                       struct nc_vector_range *out)
{
    const struct nc_store_info *info = &nc_intake_store(in)->info;
    const struct nc_back *b = in->back;

    if (theirs <= info->own_head || (b && (b->asking || b->renewing)))
        return 0;
    uint64_t from = b && b->from ? b->from : info->own_head ? info->own_head : 1;
    *out = (struct nc_vector_range){info->incarnation, from, theirs};
    return 1;
}

/* ---- the new name --------------------------------------------------------- */

static void on_renewed(void *arg, enum nc_err e)
{
    struct nc_intake *in = arg;
    struct nc_back *b = in->back;

    in->keeping--;
    b->renewing = false;
    if (e != NC_OK || in->stopped)
        return;
    struct nc_lane *l = nc_lane_of(in, &b->q.id);
    l->head = b->from - 1;
    nc_vector_reset(in, &l->origin, l->head);
    in->stats.set_back++;
    nc_log(NC_ERROR, "mesh.set_back", "origin=%s event=%llu new=%s",
           nc_intake_text(&l->origin).at, (unsigned long long)b->from,
           nc_intake_text(&nc_intake_store(in)->info.incarnation).at);
    nc_lane_reload(in, l);
    free(b);
    in->back = NULL;
    if (in->o.set_back)
        in->o.set_back(in->o.arg);
    nc_intake_progress(in);
}

static void renew(struct nc_intake *in, uint64_t first)
{
    struct nc_back *b = in->back;

    b->from = first;
    b->renewing = true;
    in->keeping++;
    nc_chat_renew(in->o.chat, first, on_renewed, in);
}

/* ---- where they part ------------------------------------------------------ */

/* On a reader's thread. */
static void on_event(struct nc_query *q, const struct nc_row *row)
{
    struct nc_back *b = nc_of(q, struct nc_back, q);
    uint64_t i = row->foreign.event.origin_seq - b->first;
    uint8_t hash[NC_SHA256];

    if (row->foreign.event.origin_seq < b->first || i >= b->n)
        return;
    nc_row_hash(&row->foreign.event, hash);
    b->same[i] = memcmp(hash, b->theirs[i], sizeof hash) == 0;
}

static void on_compared(struct nc_query *q, enum nc_err e)
{
    struct nc_back *b = nc_of(q, struct nc_back, q);
    struct nc_intake *in = b->in;
    uint64_t own = nc_intake_store(in)->info.own_head;
    unsigned same = b->n;

    in->keeping--;
    b->asking = false;
    if (e != NC_OK || in->stopped)
        return;
    while (same && !b->same[same - 1]) /* before one that is the same all are */
        same--;
    uint64_t last = b->first + same - 1;
    if (same && last > b->good)
        b->good = last;
    if (b->good >= own || (same && same < b->n) || b->first == b->good + 1) {
        renew(in, (b->good < own ? b->good : own) + 1);
        return;
    }
    if (same) /* and on from there */
        b->from = last + 1;
    else
        b->from = b->first > own              ? (own > STEP ? own - STEP : 1)
                  : b->first > b->good + STEP ? b->first - STEP
                                              : b->good + 1;
    nc_intake_progress(in);
}

static void compare(struct nc_intake *in, const struct nc_mesh_segment *s)
{
    struct nc_store *store = nc_intake_store(in);
    struct nc_back *b = in->back;

    b->in = in;
    b->first = s->first;
    b->n = s->n;
    for (unsigned i = 0; i < s->n; i++)
        memcpy(b->theirs[i], s->rows[i].hash, NC_SHA256);
    memset(b->same, 0, sizeof b->same);
    b->q = (struct nc_query){.kind = NC_Q_ORIGIN,
                             .id = s->origin,
                             .since = s->first - 1,
                             .limit = s->n,
                             .bare = true,
                             .row = on_event,
                             .done = on_compared};
    b->asking = true;
    in->keeping++;
    store->ops->read(store, &b->q);
}

enum nc_err nc_back_segment(struct nc_intake *in, const struct nc_id *peer,
                            struct nc_mesh_segment *s, const char **why)
{
    const struct nc_store_info *info = &nc_intake_store(in)->info;
    bool proven = in->back != NULL;
    uint8_t head[NC_SHA256];
    const char *word = "known";
    enum nc_err e = NC_EEXIST;

    if ((proven && (in->back->asking || in->back->renewing)) ||
        (!proven && s->first + s->n - 1 <= info->own_head)) {
        if (why)
            *why = word;
        return e;
    }
    s->node = in->o.self;
    e = nc_segment_verify(s, in->o.identity->key, NULL, head, &word);
    if (e != NC_OK) {
        nc_intake_refused(in, NC_INTAKE_SIGNATURE, NULL, peer, &s->origin, s->first, word);
    } else if (!nc_lane_of(in, &s->origin)) {
        e = NC_ENOENT; /* not introduced: nobody asked for it */
        word = "origin";
    } else {
        if (!proven)
            in->back = nc_alloc(sizeof *in->back);
        compare(in, s);
    }
    if (why)
        *why = word;
    return e;
}
