#include "mesh/waiting.h"

#include <stdlib.h>
#include <string.h>

/* What waits of one origin.  There are as many as a vector has origins, mostly none, so
 * they are looked through one by one. */
struct queue {
    struct nc_id origin, needs; /* needs: of the first */
    bool ready;                 /* the first may be tried */
    struct nc_list events;
    struct nc_list node;
};

struct nc_waiting {
    struct nc_list queues;
    unsigned events_max;
    size_t bytes_max;
    struct nc_waiting_stats stats;
};

struct nc_waiting *nc_waiting_new(unsigned events_max, size_t bytes_max)
{
    struct nc_waiting *w = nc_alloc(sizeof *w);

    nc_list_init(&w->queues);
    w->events_max = events_max;
    w->bytes_max = bytes_max;
    return w;
}

static struct nc_waiting_event *event_of(struct nc_list *node)
{
    return nc_of(node, struct nc_waiting_event, node);
}

static struct queue *queue_of(const struct nc_waiting *w, const struct nc_id *origin)
{
    for (struct nc_list *it = w->queues.next; it != &w->queues; it = it->next) {
        struct queue *q = nc_of(it, struct queue, node);
        if (nc_id_eq(&q->origin, origin))
            return q;
    }
    return NULL;
}

static size_t cost_of(struct nc_str record)
{
    return sizeof(struct nc_waiting_event) + record.n;
}

static void drop_first(struct nc_waiting *w, struct queue *q)
{
    struct nc_waiting_event *e = event_of(nc_list_pop(&q->events));

    w->stats.events--;
    w->stats.bytes -= cost_of(e->record);
    free(e);
    if (nc_list_empty(&q->events)) {
        nc_list_del(&q->node);
        w->stats.origins--;
        free(q);
    }
}

unsigned nc_waiting_forget(struct nc_waiting *w, const struct nc_id *origin)
{
    unsigned before = w->stats.events;
    struct queue *q;

    while ((q = queue_of(w, origin)) != NULL)
        drop_first(w, q);
    return before - w->stats.events;
}

void nc_waiting_free(struct nc_waiting *w)
{
    if (!w)
        return;
    while (!nc_list_empty(&w->queues))
        drop_first(w, nc_of(w->queues.next, struct queue, node));
    free(w);
}

bool nc_waiting_blocks(const struct nc_waiting *w, const struct nc_id *origin)
{
    return queue_of(w, origin) != NULL;
}

static enum nc_err may_follow(const struct queue *q, uint64_t origin_seq)
{
    uint64_t first = event_of(q->events.next)->ev.origin_seq;
    uint64_t last = event_of(q->events.prev)->ev.origin_seq;

    if (origin_seq >= first && origin_seq <= last)
        return NC_EEXIST;
    return origin_seq == last + 1 ? NC_OK : NC_AGAIN;
}

static struct queue *open_queue(struct nc_waiting *w, const struct nc_id *origin,
                                const struct nc_id *needs)
{
    struct queue *q = nc_alloc(sizeof *q);

    q->origin = *origin;
    q->needs = *needs;
    nc_list_init(&q->events);
    nc_list_add(&w->queues, &q->node);
    w->stats.origins++;
    return q;
}

enum nc_err nc_waiting_put(struct nc_waiting *w, const struct nc_event *ev,
                           enum nc_record_is is, struct nc_str record,
                           const struct nc_id *needs)
{
    struct queue *q = queue_of(w, &ev->origin);
    enum nc_err e = q ? may_follow(q, ev->origin_seq) : NC_OK;

    if (e != NC_OK)
        return e;
    if (w->stats.events >= w->events_max ||
        cost_of(record) > w->bytes_max - w->stats.bytes ||
        (!q && w->stats.origins >= NC_VECTOR_MAX)) {
        w->stats.refused++;
        return NC_ELIMIT;
    }
    if (!q)
        q = open_queue(w, &ev->origin, needs);
    struct nc_waiting_event *kept = nc_alloc(cost_of(record));
    char *copy = (char *)(kept + 1);
    kept->ev = *ev;
    kept->is = is;
    if (record.n)
        memcpy(copy, record.p, record.n);
    kept->record = (struct nc_str){copy, record.n};
    nc_list_add(&q->events, &kept->node);
    w->stats.events++;
    w->stats.bytes += cost_of(record);
    return NC_OK;
}

void nc_waiting_arrived(struct nc_waiting *w, const struct nc_id *id)
{
    nc_list_each(it, &w->queues) {
        struct queue *q = nc_of(it, struct queue, node);
        if (nc_id_eq(&q->needs, id))
            q->ready = true;
    }
}

const struct nc_waiting_event *nc_waiting_next(struct nc_waiting *w)
{
    nc_list_each(it, &w->queues) {
        struct queue *q = nc_of(it, struct queue, node);
        if (q->ready)
            return event_of(q->events.next);
    }
    return NULL;
}

void nc_waiting_done(struct nc_waiting *w, const struct nc_waiting_event *e)
{
    struct queue *q = queue_of(w, &e->ev.origin);

    q->ready = true; /* the one behind it, if there is one */
    memset(&q->needs, 0, sizeof q->needs);
    drop_first(w, q);
}

void nc_waiting_again(struct nc_waiting *w, const struct nc_waiting_event *e,
                      const struct nc_id *needs)
{
    struct queue *q = queue_of(w, &e->ev.origin);

    q->ready = false;
    q->needs = *needs;
}

enum nc_err nc_waiting_vector(const struct nc_waiting *w, const struct nc_vector *have,
                              struct nc_vector *out)
{
    *out = *have;
    for (struct nc_list *it = w->queues.next; it != &w->queues; it = it->next) {
        struct queue *q = nc_of(it, struct queue, node);
        enum nc_err e =
            nc_vector_raise(out, &q->origin, event_of(q->events.prev)->ev.origin_seq);
        if (e != NC_OK)
            return e;
    }
    return NC_OK;
}

struct nc_waiting_stats nc_waiting_stats(const struct nc_waiting *w) { return w->stats; }
