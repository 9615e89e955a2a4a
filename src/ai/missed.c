/*
 * Questions that were kept when the node died, before their jobs were: one is kept right
 * after the other.  Whatever was said later was kept together with that job, so only what
 * was said last of all can be meant.
 */
#include <stdlib.h>

#include "ai/job.h"
#include "base/log.h"
#include "chat/rooms/rooms.h"

#define LAST_MS 5000 /* a slow disk keeps that much at once, at most */
#define LAST_N 100   /* messages of a room, jobs of the node */

struct look {
    struct nc_query query;
    struct nc_ai *ai;
    struct nc_room *room;
    uint64_t since_ms;
    struct nc_id *asked; /* questions that have jobs */
    size_t asked_n;
};

static void on_job(struct nc_query *q, const struct nc_row *row)
{
    struct look *x = nc_of(q, struct look, query);

    x->asked = nc_realloc(x->asked, (x->asked_n + 1) * sizeof(*x->asked));
    x->asked[x->asked_n++] = row->job.question;
}

static bool has_job(const struct look *x, const struct nc_id *question)
{
    for (size_t i = 0; i < x->asked_n; i++)
        if (nc_id_eq(&x->asked[i], question))
            return true;
    return false;
}

static void on_message(struct nc_query *q, const struct nc_row *row)
{
    struct look *x = nc_of(q, struct look, query);
    const struct nc_message *m = &row->message;

    /* By when it was said: the copies in a branch are older than it, and ask nobody. */
    if (!m->deleted && m->created_ms >= x->since_ms &&
        m->created_ms >= x->room->rec.created_ms && !has_job(x, &m->id))
        nc_ai_heard(x->ai, x->room, m, NULL);
}

static enum nc_err read_now(struct look *x, enum nc_query_kind kind,
                            void (*row)(struct nc_query *q, const struct nc_row *row))
{
    struct nc_store *s = x->ai->o.chat->opts.store;

    x->query = (struct nc_query){.kind = kind, .limit = LAST_N, .row = row};
    if (x->room)
        x->query.room = x->room->rec.id;
    return s->ops->read_now(s, &x->query);
}

enum nc_err nc_jobs_missed(struct nc_ai *ai)
{
    struct nc_map *rooms = &ai->o.chat->rooms;
    struct look x = {.ai = ai};
    uint64_t last_ms = 0;
    size_t at = 0;
    enum nc_err e;

    for (struct nc_room *r; (r = nc_map_next(rooms, &at));)
        if (nc_id_ms(&r->newest) > last_ms)
            last_ms = nc_id_ms(&r->newest);
    x.since_ms = last_ms > LAST_MS ? last_ms - LAST_MS : 0;
    /* In this order: those that are ended meanwhile are in the second. */
    if ((e = read_now(&x, NC_Q_JOBS, on_job)) == NC_OK)
        e = read_now(&x, NC_Q_JOBS_ENDED, on_job);
    at = 0;
    while (e == NC_OK && (x.room = nc_map_next(rooms, &at)))
        if (nc_id_ms(&x.room->newest) >= x.since_ms && nc_room_is_alive(x.room))
            e = read_now(&x, NC_Q_HISTORY, on_message);
    free(x.asked);
    if (e != NC_OK)
        nc_log(NC_ERROR, "ai.missed", "error=%s", nc_strerr(e));
    return e == NC_OK ? NC_OK : NC_EIO;
}
