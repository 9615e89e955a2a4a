#include "queue/fair.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"

/* Who has nothing here is remembered for a while: it may have been served just now. */
#define IDLE_MAX 4096

/* What one user, or one room, has of the queue. */
struct nc_share {
    struct nc_id id;
    struct nc_map *in;
    unsigned held; /* works that wait or run */
    unsigned running;
    uint64_t served;      /* a number that rises; 0: not in living memory */
    uint64_t served_then; /* kept here while places are counted out */
    struct nc_list idle;  /* while nothing is held, served longest ago first */
};

struct nc_fair {
    struct nc_loop *loop;
    unsigned most, waiting_max;
    unsigned waiting_n, running_n;
    struct nc_list waiting, running; /* struct nc_work */
    struct nc_map users, rooms;      /* struct nc_share */
    struct nc_list idle;
    unsigned idle_n;
    uint64_t served;
    bool placed; /* `place` of those that wait is right */
    struct nc_task pump;
    struct nc_deadline wake;
};

/* ---- shares ---------------------------------------------------------------- */

static struct nc_share *share_of(struct nc_fair *f, struct nc_map *in,
                                 const struct nc_id *id)
{
    struct nc_share *s = nc_map_get(in, id, sizeof(*id));

    if (!s) {
        s = nc_alloc(sizeof(*s));
        s->id = *id;
        s->in = in;
        nc_map_put(in, &s->id, sizeof(s->id), s);
    }
    if (nc_list_linked(&s->idle)) {
        nc_list_del(&s->idle);
        f->idle_n--;
    }
    s->held++;
    return s;
}

static void drop_share(struct nc_share *s)
{
    nc_list_del(&s->idle);
    nc_map_del(s->in, &s->id, sizeof(s->id));
    free(s);
}

static void release_share(struct nc_fair *f, struct nc_share *s)
{
    if (--s->held)
        return;
    nc_list_add(&f->idle, &s->idle);
    if (++f->idle_n > IDLE_MAX) {
        drop_share(nc_of(f->idle.next, struct nc_share, idle));
        f->idle_n--;
    }
}

static void count(struct nc_work *w, int more)
{
    w->of_user->running += (unsigned)more;
    if (w->of_room != w->of_user)
        w->of_room->running += (unsigned)more;
}

/* ---- who is next ----------------------------------------------------------- */

static int cmp(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* The order of fair.h; negative: a before b. */
static int before(const struct nc_work *a, const struct nc_work *b)
{
    const struct nc_share *au = a->of_user, *bu = b->of_user;
    const struct nc_share *ar = a->of_room, *br = b->of_room;
    int c;

    if ((c = cmp(au->running, bu->running)) || (c = cmp(ar->running, br->running)) ||
        (c = cmp(au->served, bu->served)) || (c = cmp(ar->served, br->served)))
        return c;
    return nc_id_cmp(&a->id, &b->id);
}

/* Who has many at once, each for as long as they like, leaves some places to others who
 * come later. */
static bool has_enough(const struct nc_fair *f, const struct nc_work *w)
{
    return w->of_user->running >= f->most - f->most / 4;
}

static struct nc_work *next(struct nc_fair *f, uint64_t now)
{
    struct nc_work *best = NULL;

    nc_list_each(n, &f->waiting) {
        struct nc_work *w = nc_of(n, struct nc_work, node);
        if (w->not_before_ms <= now && !has_enough(f, w) &&
            (!best || before(w, best) < 0) && (!w->may || w->may(w)))
            best = w;
    }
    return best;
}

static void take(struct nc_fair *f, struct nc_work *w)
{
    nc_list_del(&w->node);
    nc_list_add(&f->running, &w->node);
    w->running = true;
    f->waiting_n--;
    f->running_n++;
    f->placed = false;
    count(w, 1);
    w->of_user->served = w->of_room->served = ++f->served;
    w->start(w);
}

/* Retries whose time comes later wake the queue themselves. */
static void set_wake(struct nc_fair *f, uint64_t now)
{
    uint64_t first = 0;

    nc_list_each(n, &f->waiting) {
        const struct nc_work *w = nc_of(n, struct nc_work, node);
        if (w->not_before_ms > now && (!first || w->not_before_ms < first))
            first = w->not_before_ms;
    }
    nc_loop_deadline(f->loop, &f->wake, first ? first - now : 0);
}

static void on_pump(struct nc_task *t)
{
    struct nc_fair *f = nc_of(t, struct nc_fair, pump);
    uint64_t now = nc_loop_now_ms(f->loop);
    struct nc_work *w;

    while (f->running_n < f->most && (w = next(f, now)))
        take(f, w);
    set_wake(f, now);
}

static void on_wake(struct nc_deadline *d) { nc_fair_pump(nc_of(d, struct nc_fair, wake)); }

void nc_fair_pump(struct nc_fair *f) { nc_loop_defer(f->loop, &f->pump); }

/* ---- in and out ------------------------------------------------------------ */

struct nc_fair *nc_fair_new(struct nc_loop *l, unsigned most, unsigned waiting_max)
{
    struct nc_fair *f = nc_alloc(sizeof(*f));

    f->loop = l;
    f->most = most;
    f->waiting_max = waiting_max;
    nc_list_init(&f->waiting);
    nc_list_init(&f->running);
    nc_list_init(&f->idle);
    f->pump.run = on_pump;
    f->wake.fire = on_wake;
    return f;
}

void nc_fair_free(struct nc_fair *f)
{
    if (!f)
        return;
    assert(f->waiting_n == 0 && f->running_n == 0);
    nc_loop_undefer(f->loop, &f->pump);
    nc_loop_deadline(f->loop, &f->wake, 0);
    while (!nc_list_empty(&f->idle))
        drop_share(nc_of(f->idle.next, struct nc_share, idle));
    nc_map_fini(&f->users);
    nc_map_fini(&f->rooms);
    free(f);
}

void nc_fair_limits(struct nc_fair *f, unsigned most, unsigned waiting_max)
{
    f->most = most;
    f->waiting_max = waiting_max;
    nc_fair_pump(f);
}

static void line_up(struct nc_fair *f, struct nc_work *w)
{
    nc_list_add(&f->waiting, &w->node);
    w->running = false;
    f->waiting_n++;
    f->placed = false;
    nc_fair_pump(f);
}

/* Whoever fills the queue does not shut the others out: each may have one in it still. */
static bool is_full(struct nc_fair *f, const struct nc_id *user)
{
    const struct nc_share *s = nc_map_get(&f->users, user, sizeof(*user));

    if (f->waiting_n < f->waiting_max)
        return false;
    return (s && s->held > s->running) || f->waiting_n / 2 >= f->waiting_max;
}

enum nc_err nc_fair_add(struct nc_fair *f, struct nc_work *w)
{
    if (is_full(f, &w->user))
        return NC_ELIMIT;
    w->fair = f;
    w->of_user = share_of(f, &f->users, &w->user);
    w->of_room = nc_id_zero(&w->room) ? w->of_user : share_of(f, &f->rooms, &w->room);
    line_up(f, w);
    return NC_OK;
}

static void leave(struct nc_work *w)
{
    struct nc_fair *f = w->fair;

    nc_list_del(&w->node);
    f->placed = false;
    if (w->running) {
        f->running_n--;
        count(w, -1);
    } else {
        f->waiting_n--;
    }
    nc_fair_pump(f);
}

void nc_fair_again(struct nc_work *w, uint64_t wait_ms)
{
    assert(w->fair && w->running);
    leave(w);
    w->not_before_ms = wait_ms ? nc_loop_now_ms(w->fair->loop) + wait_ms : 0;
    line_up(w->fair, w);
}

void nc_fair_end(struct nc_work *w)
{
    struct nc_fair *f = w->fair;

    if (!f)
        return;
    leave(w);
    if (w->of_room != w->of_user)
        release_share(f, w->of_room);
    release_share(f, w->of_user);
    w->of_user = w->of_room = NULL;
    w->fair = NULL;
    w->running = false;
}

/* ---- places ---------------------------------------------------------------- */

/* Of those that have no place yet. */
static struct nc_work *next_placed(struct nc_fair *f)
{
    struct nc_work *best = NULL;

    nc_list_each(n, &f->waiting) {
        struct nc_work *w = nc_of(n, struct nc_work, node);
        if (!w->place && (!best || before(w, best) < 0))
            best = w;
    }
    return best;
}

/* As if each that is next were taken and none that runs ended; the counts are put back
 * afterwards. */
static void place_all(struct nc_fair *f)
{
    uint64_t served = f->served;
    unsigned place = 0;

    nc_list_each(n, &f->waiting) {
        struct nc_work *w = nc_of(n, struct nc_work, node);
        w->place = 0;
        w->of_user->served_then = w->of_user->served;
        w->of_room->served_then = w->of_room->served;
    }
    for (struct nc_work *best; (best = next_placed(f));) {
        best->place = ++place;
        count(best, 1);
        best->of_user->served = best->of_room->served = ++served;
    }
    nc_list_each(n, &f->waiting) {
        struct nc_work *w = nc_of(n, struct nc_work, node);
        count(w, -1);
        w->of_user->served = w->of_user->served_then;
        w->of_room->served = w->of_room->served_then;
    }
    f->placed = true;
}

unsigned nc_fair_position(const struct nc_work *w)
{
    if (!w->fair || w->running)
        return 0;
    if (!w->fair->placed)
        place_all(w->fair);
    return w->place;
}

unsigned nc_fair_waiting(const struct nc_fair *f) { return f->waiting_n; }
unsigned nc_fair_running(const struct nc_fair *f) { return f->running_n; }
