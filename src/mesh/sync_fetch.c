/*
 * What we lack.
 *
 * Who has it is asked for it, each log of one peer at a time, and told how far we are as it
 * comes; one that falls silent is asked again, and others before it.
 */
#include "base/log.h"
#include "mesh/sync_parts.h"

enum {
    FULL_MS = 1000,  /* we had no room */
    WHOSE_MS = 1000, /* a log is introduced with the hello, or a moment later */
    WHOSE_MAX_MS = 60000,
    QUIET_MS = 3000,  /* what was asked of a peer does not come */
    ACK_MS = 20,      /* at most so often */
    ROOM_MIN = 65536, /* with less it isn't worth asking */
    TELL_MS = 10000,  /* a line about it is written so often */
};

static uint64_t now_of(const struct nc_sync *s) { return nc_loop_now_ms(s->o.loop); }

void nc_sync_look_in(struct nc_sync *s, struct nc_sync_peer *p, uint64_t ms)
{
    uint64_t at = now_of(s) + ms;

    if (!p->look_ms || p->look_ms > at)
        p->look_ms = at;
    nc_sync_wake(s, ms);
}

void nc_sync_look(struct nc_sync *s, struct nc_sync_peer *p)
{
    nc_sync_look_in(s, p, NC_SYNC_GAP_MS);
}

void nc_sync_unask(struct nc_sync *s, struct nc_sync_peer *p)
{
    for (unsigned i = 0; i < s->asked_n; i++)
        if (s->asked[i].peer == p)
            s->asked[i--] = s->asked[--s->asked_n];
    p->wanted_ms = 0;
}

void nc_sync_ack_soon(struct nc_sync *s, struct nc_sync_peer *p)
{
    p->ack = true;
    if (!s->ack.due && !s->stopped)
        nc_loop_deadline(s->o.loop, &s->ack, ACK_MS);
}

/* What was asked for has come so far; all of it: what else it has is looked for. */
static void came(struct nc_sync *s, struct nc_sync_peer *p, const struct nc_mesh_segment *g)
{
    uint64_t last = g->first + g->n - 1;
    bool more = false;

    for (unsigned i = 0; i < s->asked_n; i++) {
        if (s->asked[i].peer != p)
            continue;
        if (nc_id_eq(&s->asked[i].origin, &g->origin) && last >= s->asked[i].to)
            s->asked[i--] = s->asked[--s->asked_n];
        else
            more = true;
    }
    if (!p->wanted_ms)
        return;
    p->came_ms = now_of(s);
    nc_sync_ack_soon(s, p);
    if (!more) {
        p->wanted_ms = 0;
        nc_sync_look_in(s, p, NC_SYNC_LOOK_MS);
    }
}

void nc_sync_segment(struct nc_sync *s, struct nc_sync_peer *p, const struct nc_envelope *e,
                     bool fresh)
{
    struct nc_mesh_segment *g = &s->frame.segment;
    const char *why = "";

    if (fresh && nc_vector_raise(&p->theirs, &g->origin, g->first + g->n - 1) != NC_OK)
        return; /* of more logs than a mesh has */
    enum nc_err err = nc_intake_segment(s->intake, &p->id, g, &why);
    switch (err) {
    case NC_OK:
    case NC_EEXIST: came(s, p, g); break;
    case NC_AGAIN: nc_sync_look_in(s, p, NC_SYNC_GAP_MS); break;
    case NC_ELIMIT: nc_sync_look_in(s, p, FULL_MS); break;
    case NC_ENOENT:
    case NC_EINVAL:
    case NC_EACCESS:
        if (fresh)
            nc_sync_tell_error(s, p, e->counter, err == NC_ENOENT ? "origin" : "segment",
                               why);
        nc_sync_look_in(s, p, FULL_MS);
        break;
    case NC_EIO:
    case NC_ECLOSED: break;
    }
}

/* Of these only what isn't asked of somebody else just now; what is asked of `p` is. */
static unsigned ours_to_ask(struct nc_sync *s, struct nc_sync_peer *p,
                            struct nc_vector_range *r, unsigned n)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++) {
        bool other = false;
        for (unsigned k = 0; k < s->asked_n && !other; k++)
            other = s->asked[k].peer != p && nc_id_eq(&s->asked[k].origin, &r[i].origin);
        if (!other)
            r[kept++] = r[i];
    }
    return kept;
}

/* It says nothing for too long: whoever else is here goes first.  False: there is nobody.
 */
static bool let_others(struct nc_sync *s, struct nc_sync_peer *p)
{
    bool others = false;

    nc_sync_unask(s, p);
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *other = nc_of(it, struct nc_sync_peer, node);
        if (other == p || !other->here || other->wanted_ms)
            continue;
        nc_sync_look_in(s, other, 0);
        others = true;
    }
    if (others)
        nc_sync_look_in(s, p, FULL_MS);
    return others;
}

/* Introductions are said once to each, and what was said by a way that was cut just then is
 * lost; who has a log that we know nobody of is told so, and introduces it again. */
static void ask_whose(struct nc_sync *s, struct nc_sync_peer *p, uint64_t now)
{
    if (!nc_intake_strange(s->intake, &p->theirs)) {
        p->strange_ms = p->strange_wait_ms = 0;
        return;
    }
    if (p->strange_ms && now >= p->strange_ms)
        nc_sync_tell_error(s, p, 0, "origin", "whose");
    if (!p->strange_ms || now >= p->strange_ms) {
        uint64_t wait = p->strange_wait_ms * 2;
        wait = wait > WHOSE_MAX_MS ? WHOSE_MAX_MS : wait;
        p->strange_wait_ms = wait ? wait : WHOSE_MS;
        p->strange_ms = now + p->strange_wait_ms;
    }
    nc_sync_look_in(s, p, p->strange_ms - now);
}

/* It is slow, or doesn't have what it said. */
static void unanswered(struct nc_sync *s, const struct nc_sync_peer *p, uint64_t now)
{
    s->unanswered++;
    if (now < s->unanswered_ms)
        return;
    s->unanswered_ms = now + TELL_MS;
    nc_log(NC_INFO, "mesh.unanswered", "node=%s times=%llu", p->name,
           (unsigned long long)s->unanswered);
}

void nc_sync_ask(struct nc_sync *s, struct nc_sync_peer *p)
{
    uint64_t now = now_of(s);
    uint64_t last = p->came_ms > p->wanted_ms ? p->came_ms : p->wanted_ms;
    struct nc_frame *f = &s->say;

    p->look_ms = 0;
    if (!p->here || !p->told)
        return;
    ask_whose(s, p, now);
    if (p->wanted_ms && now < last + QUIET_MS) {
        nc_sync_look_in(s, p, last + QUIET_MS - now);
        return;
    }
    if (p->wanted_ms) {
        unanswered(s, p, now);
        if (let_others(s, p))
            return;
    }
    nc_sync_unask(s, p);
    f->want.n =
        nc_intake_lacks(s->intake, &p->id, &p->theirs, f->want.ranges, NC_VECTOR_MAX);
    f->want.n = ours_to_ask(s, p, f->want.ranges, f->want.n);
    if (!f->want.n)
        return;
    f->type = NC_FRAME_WANT;
    f->want.room = nc_intake_room(s->intake);
    if (f->want.room < ROOM_MIN || nc_sync_say(s, NULL, &p->id) != NC_OK) {
        nc_sync_look_in(s, p, FULL_MS);
        return;
    }
    for (unsigned i = 0; i < f->want.n && s->asked_n < NC_VECTOR_MAX; i++)
        s->asked[s->asked_n++] =
            (struct nc_sync_asked){f->want.ranges[i].origin, p, f->want.ranges[i].to};
    p->wanted_ms = now;
    nc_sync_look_in(s, p, QUIET_MS);
}

void nc_sync_on_ack(struct nc_deadline *d)
{
    struct nc_sync *s = nc_of(d, struct nc_sync, ack);

    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (!p->ack)
            continue;
        p->ack = false;
        s->say.type = NC_FRAME_ACK;
        s->say.ack.room = nc_intake_room(s->intake);
        s->say.ack.vector = *nc_sync_mine(s);
        (void)nc_sync_say(s, NULL, &p->id);
    }
}
