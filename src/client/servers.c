#include "client/servers.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "client/words.h"

enum { GLANCE_MS = 10000 };

static bool is_up(const struct nc_remote *r)
{
    return nc_live_state(r->live) == NC_LIVE_ONLINE;
}

static bool holds(const struct nc_model_room *room, const struct nc_remote *r)
{
    return room->servers & 1u << r->from;
}

static struct nc_model_room *seen(const struct nc_servers *s)
{
    return nc_id_zero(&s->seen) ? NULL : nc_model_room(&s->model, &s->seen);
}

struct nc_remote *nc_servers_for(struct nc_servers *s, const struct nc_id *id)
{
    const struct nc_model_room *room = id ? nc_model_room(&s->model, id) : NULL;
    struct nc_remote *first = NULL;

    for (size_t i = 0; i < s->n; i++) {
        if (room && !holds(room, &s->v[i]))
            continue;
        if (is_up(&s->v[i]))
            return &s->v[i];
        if (!first || !nc_session_present(&first->api.session))
            first = &s->v[i];
    }
    return first ? first : &s->v[0];
}

size_t nc_servers_online(const struct nc_servers *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += is_up(&s->v[i]);
    return n;
}

bool nc_servers_loaded(const struct nc_servers *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].rooms_loaded)
            return true;
    return false;
}

void nc_servers_hurry(struct nc_servers *s)
{
    for (size_t i = 0; i < s->n; i++)
        nc_live_hurry(s->v[i].live);
}

void nc_servers_room_name(const struct nc_servers *s, const struct nc_model_room *r,
                          struct nc_buf *out)
{
    nc_buf_adds(out, nc_str(r->name));
    if (s->n == 1 || !nc_model_same_name(&s->model, r))
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (!holds(r, &s->v[i]))
            continue;
        nc_buf_printf(out, " (%s)", strstr(s->v[i].api.url, "://") + 3);
        return;
    }
}

/* ---- what one looks at ---------------------------------------------------- */

/* Those that are up and hold it, but for `but`; if there is none, the best of the others.
 */
static void ask_pages(struct nc_servers *s, struct nc_model_room *room, unsigned but,
                      const struct nc_id *before)
{
    unsigned asked = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (!holds(room, &s->v[i]) || !is_up(&s->v[i]))
            continue;
        asked |= 1u << i;
        if (!((but | room->loading) & 1u << i))
            nc_remote_page(&s->v[i], room, before);
    }
    if (!asked && !room->loading && !but)
        nc_remote_page(nc_servers_for(s, &room->id), room, before);
}

void nc_servers_look(struct nc_servers *s, const struct nc_id *id)
{
    struct nc_model_room *room = nc_model_room(&s->model, id), *before = seen(s);

    if (before && before != room)
        before->first_unread = (struct nc_id){0};
    s->seen = room ? *id : (struct nc_id){0};
    if (!room)
        return;
    ask_pages(s, room, room->paged, NULL);
    if (room->loaded)
        nc_servers_mark_read(s);
    if (!room->people_loaded)
        nc_remote_members(nc_servers_for(s, id), room);
    nc_servers_ask_ai(s, room);
}

void nc_servers_older(struct nc_servers *s, struct nc_model_room *room)
{
    struct nc_id border;

    if (room->loading || (room->loaded && !room->has_more))
        return;
    if (!room->loaded || !room->n) {
        ask_pages(s, room, 0, NULL);
        return;
    }
    border = room->messages[0]->id;
    room->answered = false;
    ask_pages(s, room, 0, &border);
}

void nc_servers_mark_read(struct nc_servers *s)
{
    struct nc_model_room *room = seen(s);
    struct nc_remote *r = room ? nc_servers_for(s, &room->id) : NULL;

    if (r && is_up(r) && nc_model_read(room))
        nc_remote_read(r, &room->id, &room->read);
}

void nc_servers_ask_ai(struct nc_servers *s, struct nc_model_room *room)
{
    nc_remote_ask_ai(nc_servers_for(s, &room->id), room);
}

/* ---- what one says -------------------------------------------------------- */

/* Who takes it: the first, or, after each answer of "not now", the next of them.  One that
 * is about a room nobody has told of: who was to have it. */
static void *to(void *arg, const struct nc_outbox_item *it)
{
    struct nc_remote *owner = arg, *up[NC_MODEL_SERVERS];
    const struct nc_model_room *room = nc_model_room(&owner->set->model, &it->room);
    size_t n = 0;

    for (size_t i = 0; i < owner->set->n; i++) {
        struct nc_remote *r = &owner->set->v[i];
        if (is_up(r) && (room ? holds(room, r) : r == owner))
            up[n++] = r;
    }
    return n ? up[it->attempts % n] : NULL;
}

static void pump_one(struct nc_remote *owner, uint64_t *wait_ms)
{
    struct nc_outbox_item *it;

    if (!owner->outbox.list.next) /* nobody is logged in there */
        return;
    while ((it = nc_outbox_due(&owner->outbox, nc_mono_ms(), wait_ms, to, owner))) {
        struct nc_remote *best = to(owner, it);
        if (!nc_remote_put(best, it))
            return;
        nc_outbox_sent(it, best);
    }
}

void nc_servers_pump(struct nc_servers *s)
{
    uint64_t wait = 0;

    for (size_t i = 0; i < s->n; i++) {
        uint64_t one = 0;
        pump_one(&s->v[i], &one);
        if (one && (!wait || one < wait))
            wait = one;
    }
    nc_loop_deadline(s->loop, &s->pump, nc_servers_online(s) ? wait : 0);
}

/* On disk it is always with the first that holds the room, up or not, so that a room's
 * messages stay in one line, and wait there for a run without the others. */
static struct nc_outbox *box_for(struct nc_servers *s, const struct nc_id *id)
{
    const struct nc_model_room *room = nc_model_room(&s->model, id);

    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].outbox.list.next && (!room || holds(room, &s->v[i])))
            return &s->v[i].outbox;
    return &nc_servers_for(s, id)->outbox;
}

enum nc_err nc_servers_send(struct nc_servers *s, const struct nc_id *room,
                            const struct nc_id *reply_to, struct nc_str text)
{
    struct nc_outbox_item *it;
    enum nc_err e = nc_outbox_add(box_for(s, room), room, reply_to, text, &it);

    for (size_t i = 0; i < s->n; i++)
        s->v[i].typing_told_ms = 0;
    if (e == NC_OK)
        nc_servers_pump(s);
    return e;
}

struct nc_outbox_item *nc_servers_sent(struct nc_servers *s, const struct nc_id *client_id,
                                       struct nc_outbox **box)
{
    struct nc_outbox_item *it = NULL;

    for (size_t i = 0; i < s->n && !it; i++) {
        *box = &s->v[i].outbox;
        if ((*box)->list.next)
            it = nc_outbox_find(*box, client_id);
    }
    return it;
}

/* ---- coming and going ----------------------------------------------------- */

void nc_servers_up(struct nc_servers *s, struct nc_remote *r)
{
    struct nc_model_room *room = seen(s);

    if (!r->rooms_loaded)
        nc_remote_rooms(r);
    else if (room && holds(room, r) && !(room->paged & 1u << r->from))
        nc_servers_look(s, &s->seen);
    else if (room)
        nc_servers_ask_ai(s, room);
    nc_remote_ask_jobs(r);
    nc_servers_pump(s);
}

void nc_servers_down(struct nc_servers *s, struct nc_remote *r)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].outbox.list.next)
            nc_outbox_offline(&s->v[i].outbox, r);
    if (nc_servers_online(s))
        nc_servers_pump(s);
}

/* A provider that goes down, or comes back, is no event. */
static void on_glance(struct nc_deadline *d)
{
    struct nc_servers *s = nc_of(d, struct nc_servers, glance);
    struct nc_model_room *room = seen(s);

    if (room && room->ai.personas_n && is_up(nc_servers_for(s, &room->id)))
        nc_servers_ask_ai(s, room);
    nc_loop_deadline(s->loop, d, GLANCE_MS);
}

static void on_pump(struct nc_deadline *d)
{
    nc_servers_pump(nc_of(d, struct nc_servers, pump));
}

enum nc_err nc_servers_open(struct nc_servers *s, const struct nc_api_opts *o,
                            const char *const *urls, size_t n, const char *user,
                            const struct nc_servers_ops *ops, void *arg)
{
    assert(n > 0 && n <= NC_MODEL_SERVERS);
    *s = (struct nc_servers){.loop = o->loop,
                             .ops = ops,
                             .arg = arg,
                             .pump.fire = on_pump,
                             .glance.fire = on_glance};
    for (size_t i = 0; i < n; i++) {
        struct nc_api_opts one = *o;
        one.url = urls[i];
        one.named = n > 1;
        s->n++;
        if (nc_remote_init(&s->v[i], s, (unsigned)i, &one) != NC_OK)
            return NC_EIO;
    }
    nc_loop_deadline(s->loop, &s->glance, GLANCE_MS);
    for (size_t i = 0; i < n; i++)
        nc_remote_begin(&s->v[i], user);
    return NC_OK;
}

void nc_servers_close(struct nc_servers *s)
{
    if (!s->loop)
        return;
    nc_loop_deadline(s->loop, &s->pump, 0);
    nc_loop_deadline(s->loop, &s->glance, 0);
    for (size_t i = 0; i < s->n; i++)
        nc_remote_close(&s->v[i]);
    nc_model_fini(&s->model);
    s->n = 0;
}
