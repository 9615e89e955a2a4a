/*
 * What is to be told at brokers, until their links take it.
 *
 * It waits for the end of the turn, so that what nodes tell each other goes before it by
 * the same link; and each broker gets so much at a time that this never waits long.  It is
 * here once for all brokers; one that is slower than the rest of them for too long goes on
 * from the log.
 */
#include <stdlib.h>
#include <string.h>

#include "mesh/users_parts.h"

#define WAITING_MAX (4u << 20) /* bytes; then the log, which has it, too */

struct nc_user_told {
    uint64_t seq; /* 0: ephemeral */
    size_t topic_n, n;
    char text[]; /* topic, then JSON */
};

static size_t cost(const struct nc_user_told *t) { return sizeof *t + t->topic_n + t->n; }

static struct nc_user_told **place(struct nc_user_tells *q, uint64_t i)
{
    return &q->ring[i & (q->cap - 1)];
}

static bool is_live(const struct nc_user_end *e)
{
    return e->render.state == NC_RENDER_LIVE;
}

/* What all have that take part. */
static void trim(struct nc_users *u)
{
    struct nc_user_tells *q = &u->tells;
    uint64_t first = q->end;

    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (is_live(e) && e->render.next < first)
            first = e->render.next;
    }
    for (; q->first < first; q->first++) {
        q->bytes -= cost(*place(q, q->first));
        free(*place(q, q->first));
    }
}

/* The events of one position go together: where a broker is, is said by position. */
static void give(struct nc_user_end *e)
{
    struct nc_users *u = e->users;
    struct nc_user_render *r = &e->render;

    while (is_live(e) && r->next < u->tells.end) {
        const struct nc_user_told *t = *place(&u->tells, r->next);
        if (t->seq && t->seq != r->pos && r->sent_n >= NC_RENDER_UNDER_WAY && !u->stopped)
            return;
        r->next++;
        nc_render_live(e, (struct nc_str){t->text, t->topic_n}, t->seq,
                       (struct nc_str){t->text + t->topic_n, t->n});
    }
}

static void give_all(struct nc_users *u)
{
    nc_list_each(it, &u->ends)
        give(nc_of(it, struct nc_user_end, node));
    trim(u);
}

static void on_turn_end(struct nc_task *t)
{
    struct nc_users *u = nc_of(t, struct nc_users, tells.turn_end);

    give_all(u);
    if (u->tells.bytes <= WAITING_MAX)
        return;
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (is_live(e) && e->render.next < u->tells.end)
            e->render.state = NC_RENDER_STALLED; /* its acknowledgements wake it */
    }
    trim(u);
}

static void grow(struct nc_user_tells *q)
{
    struct nc_user_tells more = *q;

    more.cap = q->cap ? 2 * q->cap : 64;
    more.ring = nc_alloc(more.cap * sizeof(struct nc_user_told *));
    for (uint64_t i = q->first; i < q->end; i++)
        *place(&more, i) = *place(q, i);
    free(q->ring);
    q->ring = more.ring;
    q->cap = more.cap;
}

void nc_told_add(struct nc_users *u, struct nc_str topic, uint64_t seq, struct nc_str json)
{
    struct nc_user_tells *q = &u->tells;
    bool wanted = false;

    nc_list_each(it, &u->ends)
        wanted = wanted || is_live(nc_of(it, struct nc_user_end, node));
    if (!wanted)
        return;
    struct nc_user_told *t = nc_alloc(sizeof *t + topic.n + json.n);
    t->seq = seq;
    t->topic_n = topic.n;
    t->n = json.n;
    memcpy(t->text, topic.p, topic.n);
    memcpy(t->text + topic.n, json.p, json.n);
    if (q->end - q->first == q->cap)
        grow(q);
    *place(q, q->end++) = t;
    q->bytes += cost(t);
    nc_told_soon(u);
}

void nc_told_soon(struct nc_users *u)
{
    if (u->tells.first < u->tells.end && !u->stopped)
        nc_loop_defer(u->o.loop, &u->tells.turn_end);
}

void nc_told_open(struct nc_users *u) { u->tells.turn_end.run = on_turn_end; }

void nc_told_stop(struct nc_users *u)
{
    nc_loop_undefer(u->o.loop, &u->tells.turn_end);
    give_all(u);
}

void nc_told_close(struct nc_users *u)
{
    struct nc_user_tells *q = &u->tells;

    nc_loop_undefer(u->o.loop, &q->turn_end);
    for (; q->first < q->end; q->first++)
        free(*place(q, q->first));
    free(q->ring);
    q->ring = NULL;
}
