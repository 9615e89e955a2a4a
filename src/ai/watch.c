/*
 * Questions that other nodes have stored: theirs to answer.  Where such a node has been
 * gone for 30 s, and there is no answer, the first of those that are here stands in for it,
 * as if the question were its own.
 */
#include <stdlib.h>

#include "ai/job.h"
#include "ai/jobid.h"
#include "ai/others.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "chat/rooms/room.h"

#define WATCHED_MAX 1024
#define WAITING_MAX 32 /* with so many waiting here nobody else's are taken */
#define AT_ONCE 4      /* of one log: others' come as soon */
#define LOGS_MAX 16

struct nc_watched {
    struct nc_list node;
    struct nc_id origin; /* the log it is in */
    struct nc_id room, question, persona, asker;
    uint64_t asked_ms; /* wall */
    bool russian;
    char text[NC_QUESTION_HEAD + 1];
};

static void forget(struct nc_ai *ai, struct nc_watched *w)
{
    nc_list_del(&w->node);
    ai->others->watched_n--;
    free(w);
}

static struct nc_watched *oldest_of(const struct nc_others *o, const struct nc_id *origin)
{
    nc_list_each(it, &o->watched) {
        struct nc_watched *w = nc_of(it, struct nc_watched, node);
        if (nc_id_eq(&w->origin, origin))
            return w;
    }
    return NULL;
}

/* The log that has most of them; NULL: there are none. */
static const struct nc_id *fullest(const struct nc_others *o)
{
    struct nc_map counts = {0}; /* origin: how many, in place of a pointer */
    const struct nc_id *most = NULL;
    uintptr_t max = 0;

    nc_list_each(it, &o->watched) {
        const struct nc_id *origin = &nc_of(it, struct nc_watched, node)->origin;
        uintptr_t n = (uintptr_t)nc_map_get(&counts, origin, sizeof(*origin)) + 1;
        nc_map_put(&counts, origin, sizeof(*origin), (void *)n);
        if (n > max) {
            max = n;
            most = origin;
        }
    }
    nc_map_fini(&counts);
    return most;
}

/* The oldest of the log that has most of them: a node that asks without end does not make
 * us forget what others have asked. */
static void make_room(struct nc_ai *ai)
{
    const struct nc_id *most = fullest(ai->others);

    if (!most)
        return;
    ai->stats.not_taken++;
    forget(ai, oldest_of(ai->others, most));
}

void nc_watch(struct nc_ai *ai, const struct nc_id *origin, struct nc_room *r,
              const struct nc_persona *p, const struct nc_message *m,
              const struct nc_user *asker)
{
    struct nc_others *o = ai->others;
    struct nc_watched *w = nc_alloc(sizeof(*w));

    if (o->watched_n >= WATCHED_MAX)
        make_room(ai);
    *w = (struct nc_watched){.origin = *origin,
                             .room = r->rec.id,
                             .question = m->id,
                             .persona = p->user->a.id,
                             .asker = asker->a.id,
                             .asked_ms = m->created_ms,
                             .russian = nc_ai_reads_russian(asker, m->body)};
    nc_people_copy(w->text, sizeof(w->text), m->body);
    nc_list_add(&o->watched, &w->node);
    o->watched_n++;
    nc_others_tick(ai);
}

/* As the one that stored it would have done, but for words to the asker, who is not here.
 */
static void stand_in(struct nc_ai *ai, const struct nc_watched *w, struct nc_room *r,
                     const struct nc_persona *p, struct nc_user *asker)
{
    struct nc_spender who = {.user = w->asker, .room = w->room, .persona = w->persona};
    struct nc_problem why;
    struct nc_job *j;

    if (!nc_persona_may_ask(p, r, asker, &why) || !nc_usage_may(ai->usages, &who, &why))
        return;
    j = nc_job_new(ai, &(struct nc_job_rec){
                           .id = nc_job_id(&w->question, &w->persona, NC_ATTEMPT_INSTEAD),
                           .state = NC_JOB_QUEUED,
                           .room = w->room,
                           .question = w->question,
                           .asker = w->asker,
                           .persona = w->persona,
                           .created_ms = nc_wall_ms(),
                       });
    j->russian = w->russian;
    nc_people_copy(j->question, sizeof(j->question), nc_str(w->text));
    ai->stats.asked++;
    if (nc_job_queue(j) != NC_OK)
        return;
    nc_away_ask_first(j);
    nc_job_save(ai->o.chat->opts.store, &j->kept);
    nc_log(NC_INFO, "ai.stands_in", "gone_ms=%llu",
           (unsigned long long)nc_others_gone_ms(ai, &w->origin));
}

static bool has_job(const struct nc_ai *ai, const struct nc_watched *w)
{
    nc_list_each(n, &ai->jobs) {
        const struct nc_job_rec *rec = &nc_of(n, struct nc_job, node)->kept.rec;
        if (nc_id_eq(&rec->question, &w->question) && nc_id_eq(&rec->persona, &w->persona))
            return true;
    }
    return false;
}

/* Whose questions are taken in this look. */
struct turns {
    struct nc_id origin[LOGS_MAX];
    unsigned taken[LOGS_MAX], n;
};

static bool has_turn(const struct nc_ai *ai, struct turns *t, const struct nc_id *origin)
{
    unsigned i = 0;

    while (i < t->n && !nc_id_eq(&t->origin[i], origin))
        i++;
    if (i == LOGS_MAX || ai->stats.waiting >= WAITING_MAX)
        return false;
    if (i == t->n) {
        t->origin[t->n++] = *origin;
        t->taken[i] = 0;
    }
    return t->taken[i]++ < AT_ONCE;
}

/* False: it needs no watching any more. */
static bool look_at(struct nc_ai *ai, struct nc_watched *w, struct turns *turns)
{
    struct nc_room *r = nc_room_find(ai->o.chat, &w->room);
    struct nc_user *asker = nc_user_find(ai->o.chat, &w->asker);
    const struct nc_persona *p = nc_persona_find(ai->personas, &w->persona);

    if (w->asked_ms + NC_YOUNG_MS < nc_wall_ms() || !r || !asker || !p ||
        !nc_room_member(r, asker) || !nc_room_member(r, p->user))
        return false;
    if (nc_others_gone_ms(ai, &w->origin) < NC_GONE_MS ||
        !nc_others_first(ai, &w->question))
        return true;
    if (has_job(ai, w) || !nc_ai_may_travel(ai, r))
        return false;
    if (!has_turn(ai, turns, &w->origin))
        return true;
    stand_in(ai, w, r, p, asker);
    return false;
}

bool nc_watch_look(struct nc_ai *ai)
{
    struct turns turns = {.n = 0};

    nc_list_each(n, &ai->others->watched) {
        struct nc_watched *w = nc_of(n, struct nc_watched, node);
        if (!look_at(ai, w, &turns))
            forget(ai, w);
    }
    return !nc_list_empty(&ai->others->watched);
}

void nc_watch_answered(struct nc_ai *ai, const struct nc_id *question,
                       const struct nc_id *persona)
{
    nc_list_each(n, &ai->others->watched) {
        struct nc_watched *w = nc_of(n, struct nc_watched, node);
        if (nc_id_eq(&w->question, question) && nc_id_eq(&w->persona, persona))
            forget(ai, w);
    }
}

void nc_watch_deleted(struct nc_ai *ai, const struct nc_id *question)
{
    nc_list_each(n, &ai->others->watched) {
        struct nc_watched *w = nc_of(n, struct nc_watched, node);
        if (nc_id_eq(&w->question, question))
            forget(ai, w);
    }
}

void nc_watch_free(struct nc_ai *ai)
{
    nc_list_each(n, &ai->others->watched) {
        forget(ai, nc_of(n, struct nc_watched, node));
    }
}
