#include "ai/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/usage_parts.h"
#include "ai/why.h"
#include "base/clock.h"
#include "base/log.h"

#define DAY_MS (86400ull * 1000)
/* Of what the disk refused, so many are held for when it is well again. */
#define UNSAVED_MAX 4096
#define AGAIN_MS 5000

/* What one of them used today. */
struct spent {
    struct {
        struct nc_id id; /* zero: the node */
        uint32_t kind;   /* enum nc_spent_by */
    } of;
    uint64_t tokens, requests;
    uint64_t under_way; /* requests that are not counted yet */
};

/* One NC_USAGE_ADD on its way. */
struct adding {
    struct nc_list node; /* among the unsaved, when it was refused */
    struct nc_usages *usages;
    struct nc_commit commit;
    struct nc_change change;
    char *strings;
};

/* ---- today ---------------------------------------------------------------- */

static void forget(struct nc_usages *u)
{
    size_t at = 0;

    for (struct spent *s; (s = nc_map_next(&u->today, &at));)
        free(s);
    nc_map_fini(&u->today);
}

/* Midnight passes when somebody looks. */
static void turn_the_page(struct nc_usages *u)
{
    uint32_t day = (uint32_t)(nc_wall_ms() / DAY_MS);

    if (day == u->day)
        return;
    forget(u);
    u->day = day;
}

static struct spent *spent_by(struct nc_usages *u, enum nc_spent_by kind,
                              const struct nc_id *id, bool make)
{
    struct spent key = {.of = {.kind = kind}}, *s;

    if (id)
        key.of.id = *id;
    s = nc_map_get(&u->today, &key.of, sizeof(key.of));
    if (!s && make) {
        s = nc_alloc(sizeof(*s));
        s->of = key.of;
        nc_map_put(&u->today, &s->of, sizeof(s->of), s);
    }
    return s;
}

void nc_usages_today(struct nc_usages *u, enum nc_spent_by kind, const struct nc_id *id,
                     uint64_t *tokens, uint64_t *requests)
{
    turn_the_page(u);
    const struct spent *s = spent_by(u, kind, id, false);
    *tokens = s ? s->tokens : 0;
    *requests = s ? s->requests : 0;
}

static void count(struct nc_usages *u, const struct nc_usage *rec)
{
    static const struct nc_id node;
    const struct {
        enum nc_spent_by kind;
        const struct nc_id *id;
    } all[] = {
        {NC_BY_USER, &rec->user}, {NC_BY_ROOM, &rec->room}, {NC_BY_PERSONA, &rec->persona},
        {NC_BY_KEY, &rec->key},   {NC_BY_NODE, &node},
    };

    for (size_t i = 0; i < NC_COUNT(all); i++) {
        if (all[i].kind != NC_BY_NODE && nc_id_zero(all[i].id))
            continue;
        struct spent *s = spent_by(u, all[i].kind, all[i].id, true);
        s->tokens += rec->prompt_tokens + rec->completion_tokens;
        s->requests += rec->requests;
    }
}

/* Only accounts and keys have caps of requests. */
static void set_under_way(struct nc_usages *u, const struct nc_spender *s, bool begins)
{
    const struct nc_id *ids[] = {&s->user, s->key ? &s->key->ends_with : NULL};
    static const enum nc_spent_by kinds[] = {NC_BY_USER, NC_BY_KEY};

    turn_the_page(u);
    for (size_t i = 0; i < NC_COUNT(ids); i++) {
        struct spent *x =
            ids[i] && !nc_id_zero(ids[i]) ? spent_by(u, kinds[i], ids[i], begins) : NULL;
        if (x && begins)
            x->under_way++;
        else if (x && x->under_way) /* none, if midnight came between */
            x->under_way--;
    }
}

void nc_usage_begin(struct nc_usages *u, const struct nc_spender *s)
{
    set_under_way(u, s, true);
}

void nc_usage_end(struct nc_usages *u, const struct nc_spender *s)
{
    set_under_way(u, s, false);
}

static uint64_t under_way(struct nc_usages *u, enum nc_spent_by kind,
                          const struct nc_id *id)
{
    const struct spent *s = spent_by(u, kind, id, false);

    return s ? s->under_way : 0;
}

/* ---- may they? ------------------------------------------------------------ */

static void refuse(struct nc_usages *u, const char *whose, uint64_t used, uint64_t cap,
                   const char *what, struct nc_problem *why)
{
    uint64_t left_s = (DAY_MS - nc_wall_ms() % DAY_MS + 999) / 1000;
    unsigned h = (unsigned)(left_s / 3600), min = (unsigned)(left_s / 60 % 60);

    u->stats.refused++;
    nc_problem_set(why, NC_P_RATE_LIMITED,
                   "the daily limit of %s is reached: %" PRIu64 " of %" PRIu64
                   " %s used; it begins anew at 00:00 UTC, in %u h %02u min",
                   whose, used, cap, what, h, min);
    why->retry_after_s = (unsigned)left_s;
}

bool nc_usage_may(struct nc_usages *u, const struct nc_spender *s, struct nc_problem *why)
{
    const struct nc_id *key = s->key ? &s->key->ends_with : NULL;
    const struct {
        const char *whose, *about;
        enum nc_spent_by kind;
        const struct nc_id *id;
        uint64_t requests, tokens; /* caps */
    } rows[] = {
        {"this API key", NC_WHY_CAP_KEY, NC_BY_KEY, key,
         s->key ? s->key->requests_per_day : 0, s->key ? s->key->tokens_per_day : 0},
        {"your account", NC_WHY_CAP_USER, NC_BY_USER, &s->user, u->caps.user_requests,
         u->caps.user_tokens},
        {"this room", NC_WHY_CAP_ROOM, NC_BY_ROOM, &s->room, 0, u->caps.room_tokens},
        {"this persona", NC_WHY_CAP_PERSONA, NC_BY_PERSONA, &s->persona, 0,
         u->caps.persona_tokens},
        {"this node", NC_WHY_CAP_NODE, NC_BY_NODE, NULL, 0, u->caps.node_tokens},
    };

    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        uint64_t tokens, requests;
        if ((!rows[i].requests && !rows[i].tokens) ||
            (rows[i].kind != NC_BY_NODE && (!rows[i].id || nc_id_zero(rows[i].id))))
            continue;
        nc_usages_today(u, rows[i].kind, rows[i].id, &tokens, &requests);
        requests += under_way(u, rows[i].kind, rows[i].id);
        if (rows[i].requests && requests >= rows[i].requests) {
            refuse(u, rows[i].whose, requests, rows[i].requests, "requests", why);
            why->about = rows[i].about;
            return false;
        }
        if (rows[i].tokens && tokens >= rows[i].tokens) {
            refuse(u, rows[i].whose, tokens, rows[i].tokens, "tokens", why);
            why->about = rows[i].about;
            return false;
        }
    }
    return true;
}

/* ---- keeping -------------------------------------------------------------- */

static void release(struct adding *a)
{
    nc_list_del(&a->node);
    free(a->strings);
    free(a);
}

static void on_added(struct nc_commit *commit, enum nc_err e);

static void keep(struct adding *a)
{
    struct nc_store *s = a->usages->chat->opts.store;

    a->commit = (struct nc_commit){.changes = &a->change, .n = 1, .done = on_added};
    s->ops->commit(s, &a->commit);
}

/* The disk takes something again. */
static void keep_the_unsaved(struct nc_usages *u)
{
    struct nc_list again;

    nc_list_init(&again);
    for (struct nc_list *n; (n = nc_list_pop(&u->unsaved));)
        nc_list_add(&again, n);
    u->unsaved_n = 0;
    for (struct nc_list *n; (n = nc_list_pop(&again));)
        keep(nc_of(n, struct adding, node));
}

static void on_again(struct nc_deadline *d)
{
    keep_the_unsaved(nc_of(d, struct nc_usages, again));
}

static void on_added(struct nc_commit *commit, enum nc_err e)
{
    struct adding *a = nc_of(commit, struct adding, commit);
    struct nc_usages *u = a->usages;

    if (e == NC_EIO && u->unsaved_n < UNSAVED_MAX) {
        nc_list_add(&u->unsaved, &a->node);
        u->unsaved_n++;
        nc_loop_deadline(u->chat->opts.loop, &u->again, AGAIN_MS);
        return;
    }
    release(a);
    if (e == NC_OK && u->unsaved_n)
        keep_the_unsaved(u);
}

void nc_usage_add(struct nc_usages *u, struct nc_usage *rec)
{
    struct adding *a = nc_alloc(sizeof(*a));

    turn_the_page(u);
    rec->day = u->day;
    u->stats.requests += rec->requests;
    u->stats.prompt_tokens += rec->prompt_tokens;
    u->stats.completion_tokens += rec->completion_tokens;
    count(u, rec);
    a->usages = u;
    a->change = (struct nc_change){.kind = NC_USAGE_ADD, .usage = *rec};
    a->strings = nc_alloc(rec->provider.n + rec->model.n + 1);
    if (rec->provider.n)
        memcpy(a->strings, rec->provider.p, rec->provider.n);
    if (rec->model.n)
        memcpy(a->strings + rec->provider.n, rec->model.p, rec->model.n);
    a->change.usage.provider.p = a->strings;
    a->change.usage.model.p = a->strings + rec->provider.n;
    keep(a);
}

/* ---- life ----------------------------------------------------------------- */

struct loading {
    struct nc_query query;
    struct nc_usages *usages;
};

static void on_row(struct nc_query *q, const struct nc_row *row)
{
    count(nc_of(q, struct loading, query)->usages, &row->usage);
}

struct nc_usages *nc_usages_new(struct nc_chat *c, const struct nc_caps *caps)
{
    struct nc_usages *u = nc_alloc(sizeof(*u));
    struct loading l = {.usages = u};

    u->chat = c;
    u->caps = *caps;
    nc_list_init(&u->unsaved);
    u->again.fire = on_again;
    turn_the_page(u);
    l.query = (struct nc_query){
        .kind = NC_Q_USAGE, .since = u->day, .upto_day = u->day, .row = on_row};
    enum nc_err e = nc_store_read_now(c->opts.store, &l.query);
    if (e == NC_OK)
        return u;
    nc_log(NC_ERROR, "ai.usage_read", "error=%s", nc_strerr(e));
    nc_usages_free(u);
    return NULL;
}

void nc_usages_free(struct nc_usages *u)
{
    if (!u)
        return;
    nc_loop_deadline(u->chat->opts.loop, &u->again, 0);
    if (u->unsaved_n)
        nc_log(NC_WARN, "ai.usage_lost", "records=%u", u->unsaved_n);
    for (struct nc_list *n; (n = nc_list_pop(&u->unsaved));)
        release(nc_of(n, struct adding, node));
    forget(u);
    free(u);
}

void nc_usages_caps(struct nc_usages *u, const struct nc_caps *caps) { u->caps = *caps; }

const struct nc_usage_stats *nc_usages_stats(const struct nc_usages *u)
{
    return &u->stats;
}
