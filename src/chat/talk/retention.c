#include "chat/talk/retention.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define DAY_MS 86400000ull
enum { AT_NIGHT_MS = (3 * 60 + 30) * 60000, FIRST_MS = 15 * 60000, PAUSE_MS = 20 };

/*
 *   ROOMS --each room: expire, or erase it--> TRIM --> OVER
 */
enum stage { ROOMS, TRIM, OVER };

struct nc_retention {
    struct nc_chat *chat;
    struct nc_deadline next; /* the next run, or the next step of this one */
    struct nc_commit commit;
    struct nc_change change;
    bool running;
    enum stage stage;
    struct nc_id *rooms; /* of this run; a room may be gone when its turn comes */
    size_t rooms_n, at;
    struct nc_retention_stats stats;
    void (*done)(void *arg, enum nc_err e);
    void *arg;
};

static void until_night(struct nc_retention *t)
{
    uint64_t now = nc_wall_ms() % DAY_MS;
    uint64_t wait = now < AT_NIGHT_MS ? AT_NIGHT_MS - now : AT_NIGHT_MS + DAY_MS - now;

    nc_loop_deadline(t->chat->opts.loop, &t->next, wait);
}

static void over(struct nc_retention *t, enum nc_err e)
{
    void (*done)(void *, enum nc_err) = t->done;

    t->running = false;
    t->stats.failed += e != NC_OK;
    free(t->rooms);
    t->rooms = NULL;
    nc_log(NC_INFO, "retention.done", "result=%s messages=%llu rooms=%llu trimmed=%llu",
           nc_strerr(e), (unsigned long long)t->stats.messages,
           (unsigned long long)t->stats.rooms, (unsigned long long)t->stats.trimmed);
    until_night(t);
    t->done = NULL;
    if (done)
        done(t->arg, e);
}

/* The next thing to erase; false when this room has nothing (more) of it. */
static bool plan_room(struct nc_retention *t, struct nc_room *r)
{
    uint64_t now = nc_wall_ms();
    struct nc_change *ch = &t->change;

    if (r->rec.deleted_ms && r->rec.deleted_ms + NC_RETENTION_HIDDEN_MS <= now) {
        ch->kind = NC_ROOM_ERASE;
        ch->room.id = r->rec.id;
        return true;
    }
    if (!r->rec.deleted_ms && r->rec.retention_days &&
        r->rec.retention_days * DAY_MS < now) {
        ch->kind = NC_MESSAGES_EXPIRE;
        ch->message.room = r->rec.id;
        ch->message.created_ms = now - r->rec.retention_days * DAY_MS;
        return true;
    }
    return false;
}

static bool plan(struct nc_retention *t)
{
    struct nc_chat *c = t->chat;

    t->change = (struct nc_change){.limit = NC_RETENTION_STEP};
    for (; t->stage == ROOMS && t->at < t->rooms_n; t->at++) {
        struct nc_room *r = nc_map_get(&c->rooms, &t->rooms[t->at], sizeof(t->rooms[0]));
        if (r && plan_room(t, r))
            return true;
    }
    if (t->stage == ROOMS)
        t->stage = TRIM;
    if (t->stage == TRIM) {
        uint64_t now = nc_wall_ms(), kept = c->opts.limits.replay_days * DAY_MS;
        t->change.kind = NC_TRIM;
        t->change.before_ms = now > kept ? now - kept : 0;
        return true;
    }
    return false;
}

static void count(struct nc_retention *t)
{
    struct nc_chat *c = t->chat;
    uint64_t n = t->change.touched;
    bool all = n < NC_RETENTION_STEP;

    switch (t->change.kind) {
    case NC_MESSAGES_EXPIRE: t->stats.messages += n; break;
    case NC_ROOM_ERASE:
        t->stats.messages += n;
        if (all) {
            struct nc_room *r =
                nc_map_get(&c->rooms, &t->rooms[t->at], sizeof(t->rooms[0]));
            t->stats.rooms++;
            if (r)
                nc_rooms_drop(c, r);
        }
        break;
    default:
        t->stats.trimmed += n;
        if (all)
            t->stage = OVER;
        return;
    }
    t->at += all;
}

static void on_step(struct nc_commit *commit, enum nc_err e)
{
    struct nc_retention *t = nc_of(commit, struct nc_retention, commit);

    if (e) {
        over(t, e);
        return;
    }
    count(t);
    nc_loop_deadline(t->chat->opts.loop, &t->next, PAUSE_MS);
}

static void step(struct nc_retention *t)
{
    struct nc_store *s = t->chat->opts.store;

    if (!plan(t)) {
        over(t, NC_OK);
        return;
    }
    t->commit = (struct nc_commit){.changes = &t->change, .n = 1, .done = on_step};
    s->ops->commit(s, &t->commit);
}

static void on_deadline(struct nc_deadline *d)
{
    struct nc_retention *t = nc_of(d, struct nc_retention, next);

    if (t->running)
        step(t);
    else
        (void)nc_retention_run(t->chat, NULL, NULL);
}

enum nc_err nc_retention_run(struct nc_chat *c, void (*done)(void *arg, enum nc_err e),
                             void *arg)
{
    struct nc_retention *t = c->talk->retention;
    size_t at = 0;

    if (t->running)
        return NC_EEXIST;
    t->running = true;
    t->done = done;
    t->arg = arg;
    t->stage = ROOMS;
    t->at = t->rooms_n = 0;
    t->stats.runs++;
    t->rooms = nc_alloc((c->rooms.n + 1) * sizeof(*t->rooms));
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &at));)
        t->rooms[t->rooms_n++] = r->rec.id;
    nc_loop_deadline(c->opts.loop, &t->next, 1);
    return NC_OK;
}

const struct nc_retention_stats *nc_retention_stats(const struct nc_chat *c)
{
    return &c->talk->retention->stats;
}

struct nc_retention *nc_retention_new(struct nc_chat *c)
{
    struct nc_retention *t = nc_alloc(sizeof(*t));

    t->chat = c;
    t->next.fire = on_deadline;
    /* A machine that sleeps at night would never forget anything. */
    nc_loop_deadline(c->opts.loop, &t->next, FIRST_MS);
    return t;
}

void nc_retention_free(struct nc_retention *t)
{
    if (!t)
        return;
    nc_loop_deadline(t->chat->opts.loop, &t->next, 0);
    free(t->rooms);
    free(t);
}
