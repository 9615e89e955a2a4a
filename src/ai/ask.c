/* Somebody asks a persona: refused with a word to them, or a job. */
#include "ai/job.h"
#include "ai/jobid.h"
#include "ai/others.h"
#include "ai/room_ai.h"
#include "base/clock.h"
#include "base/russian.h"
#include "chat/rooms/rooms.h"

/* Theirs are the words, and the name. */
bool nc_ai_reads_russian(const struct nc_user *asker, struct nc_str words)
{
    return nc_is_cyrillic(words) || nc_is_cyrillic(asker->a.display_name);
}

/* In one sentence: to the room once, until models come and go again; who asks later hears
 * it alone. */
void nc_ai_tell_what_is_missing(struct nc_ai *ai, struct nc_room *r,
                                const struct nc_persona *p, struct nc_user *asker,
                                bool russian)
{
    struct nc_str name = p->user->a.display_name;
    bool missing = !nc_models_count(ai->models);
    bool told = nc_rates_told(ai->rates, &r->rec.id, missing);
    struct nc_buf b = {0};

    if (!missing)
        return;
    nc_buf_printf(
        &b,
        russian
            ? "%.*s не может ответить: у узла нет модели; владелец может запустить на этой "
              "машине Ollama, добавить сервер в разделе «Администрирование → Провайдеры» "
              "(neuralchat admin providers add) или указать его параметром --ai-base-url."
            : "%.*s can't answer: the node has no model; its owner can run Ollama on this "
              "machine, add a server under Administration → Providers (neuralchat admin "
              "providers add), or name one with --ai-base-url.",
        NC_FMT(name));
    struct nc_notice notice = {.text = nc_buf_str(&b), .code = NC_WHY_NO_MODEL};
    if (told)
        nc_message_notice(ai->o.chat, asker, r, &notice);
    else
        nc_message_system(ai->o.chat, r, &notice);
    nc_buf_fini(&b);
}

static void refuse(struct nc_ai *ai, struct nc_user *asker, const struct nc_room *r,
                   const struct nc_problem *why, bool russian)
{
    struct nc_notice notice = {.code = why->about};
    struct nc_buf b = {0};

    ai->stats.refused++;
    if (russian)
        nc_russian(&b, nc_str(why->detail));
    notice.text = russian ? nc_buf_str(&b) : nc_str(why->detail);
    if (why->code == NC_P_RATE_LIMITED)
        notice.retry_after_s = why->retry_after_s;
    nc_message_notice(ai->o.chat, asker, r, &notice);
    nc_buf_fini(&b);
}

static bool is_slow_enough(struct nc_ai *ai, struct nc_room *r, struct nc_user *asker,
                           struct nc_problem *why)
{
    bool of_room;
    unsigned wait;

    if (!ai->o.chat->opts.limits.rates)
        return true;
    wait = nc_rates_take(ai->rates, &r->rec.id, ai->o.per_minute_room, &asker->a.id,
                         ai->o.per_minute_user, &of_room);
    if (!wait)
        return true;
    nc_problem_set(
        why, NC_P_RATE_LIMITED, "%s: ask again in %u s.",
        of_room ? "Too many questions in this room" : "You ask too many questions", wait);
    why->about = of_room ? NC_WHY_RATE_ROOM : NC_WHY_RATE_USER;
    why->retry_after_s = wait;
    return false;
}

static bool may_ask(struct nc_ai *ai, struct nc_room *r, const struct nc_persona *p,
                    struct nc_user *asker, struct nc_problem *why)
{
    struct nc_spender who = {
        .user = asker->a.id, .room = r->rec.id, .persona = p->user->a.id};

    return nc_persona_may_ask(p, r, asker, why) && nc_usage_may(ai->usages, &who, why) &&
           is_slow_enough(ai, r, asker, why);
}

void nc_ai_ask(struct nc_ai *ai, struct nc_room *r, const struct nc_persona *p,
               const struct nc_message *m, struct nc_user *asker, unsigned depth)
{
    bool russian = nc_ai_reads_russian(asker, m->body);
    struct nc_problem why;
    struct nc_job *j;

    ai->stats.asked++;
    if (!may_ask(ai, r, p, asker, &why)) {
        refuse(ai, asker, r, &why, russian);
        return;
    }
    j = nc_job_new(ai, &(struct nc_job_rec){
                           .id = nc_job_id(&m->id, &p->user->a.id, NC_ATTEMPT_FIRST),
                           .state = NC_JOB_QUEUED,
                           .room = r->rec.id,
                           .question = m->id,
                           .asker = asker->a.id,
                           .persona = p->user->a.id,
                           .depth = depth,
                           .created_ms = nc_wall_ms(),
                       });
    j->russian = russian;
    nc_people_copy(j->question, sizeof(j->question), m->body);
    if (nc_job_queue(j) != NC_OK) {
        nc_problem_set(&why, NC_P_BUSY, "Too many questions are waiting; ask again later.");
        why.about = NC_WHY_QUEUE_FULL;
        refuse(ai, asker, r, &why, russian);
        return;
    }
    if (!nc_away_holds(j)) /* otherwise it is told when no other node has one either */
        nc_ai_tell_what_is_missing(ai, r, p, asker, russian);
    nc_job_save(ai->o.chat->opts.store, &j->kept);
}
