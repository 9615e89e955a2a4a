/* Another answer to the same question, as a job like the first. */
#include <stdio.h>
#include <stdlib.h>

#include "ai/job.h"
#include "ai/jobid.h"
#include "ai/others.h"
#include "ai/room_ai.h"
#include "base/clock.h"
#include "base/russian.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/fetch.h"
#include "wire/json.h"
#include "wire/json_in.h"

#define ANSWERS_MAX 32 /* to one question: all of them are read to be listed */

struct again {
    struct nc_ai *ai;
    struct nc_user *user; /* who wants it; NULL: the machine's owner */
    bool admin_socket;
    uint8_t language; /* enum nc_language */
    struct nc_id message, room, persona, question;
    struct nc_id asker; /* of the first answer: it stays theirs */
    char wish[64 + NC_LLM_MODEL];
    nc_json_fn *done;
    void *arg;
};

static void refuse(struct again *x, const struct nc_problem *why)
{
    x->done(x->arg, why, NULL);
    free(x);
}

/* The answer stays the first asker's; what this one costs is not theirs to pay. */
static struct nc_id payer_of(const struct again *x)
{
    return x->user ? x->user->a.id : x->asker;
}

/* May they, by now?  The room as it is after the look-ups. */
static bool may(struct again *x, struct nc_problem *why)
{
    struct nc_ai *ai = x->ai;
    struct nc_actor who = {.user = x->user, .admin_socket = x->admin_socket};
    struct nc_room *r = nc_room_find(ai->o.chat, &x->room);
    const struct nc_persona *p = nc_persona_find(ai->personas, &x->persona);
    const struct nc_id payer = payer_of(x);
    struct nc_spender spender = {.user = payer, .room = x->room, .persona = x->persona};
    unsigned rank = r ? nc_room_rank(r, &who) : 0;
    bool of_room;

    if (!rank) {
        nc_problem_set(why, NC_P_NOT_FOUND, "no such message");
        return false;
    }
    if (rank == 1 && !nc_id_eq(&x->user->a.id, &x->asker)) {
        nc_problem_set(why, NC_P_FORBIDDEN, "who asked may, and moderators");
        return false;
    }
    if (!p || !nc_room_member(r, p->user)) {
        nc_problem_set(why, NC_P_CONFLICT, "the persona is no longer in this room");
        return false;
    }
    if (x->user && !nc_persona_may_ask(p, r, x->user, why))
        return false;
    nc_list_each(n, &ai->jobs) {
        if (nc_id_eq(&nc_of(n, struct nc_job, node)->kept.rec.message, &x->message)) {
            nc_problem_set(why, NC_P_CONFLICT, "it is being generated");
            return false;
        }
    }
    if (!nc_usage_may(ai->usages, &spender, why))
        return false;
    unsigned wait = !ai->o.chat->opts.limits.rates
                        ? 0
                        : nc_rates_take(ai->rates, &x->room, ai->o.per_minute_room, &payer,
                                        ai->o.per_minute_user, &of_room);
    if (wait) {
        nc_problem_set(why, NC_P_RATE_LIMITED, "too many questions: ask again in %u s",
                       wait);
        why->retry_after_s = wait;
    }
    return wait == 0;
}

static bool has_model(struct again *x, struct nc_problem *why)
{
    struct nc_room *r = nc_room_find(x->ai->o.chat, &x->room);
    struct nc_room_ai room;
    struct nc_choice c;
    enum nc_err e;

    nc_ai_read_room(x->ai, r, &room);
    if (room.allowed) {
        e = x->wish[0] && !nc_others_here(x->ai) /* which may have it */
                ? nc_models_choose(x->ai->models, nc_str(x->wish), room.furthest, &c, why)
                : NC_OK;
    } else {
        nc_problem_set(why, NC_P_FORBIDDEN, "this room allows no AI");
        e = NC_EACCESS;
    }
    nc_room_ai_fini(&room);
    return e == NC_OK || e == NC_AGAIN;
}

static void queue(struct again *x)
{
    struct nc_ai *ai = x->ai;
    struct nc_buf json = {0};
    struct nc_json w = nc_json_to(&json);
    struct nc_problem why;
    struct nc_job *j = nc_job_new(
        ai, &(struct nc_job_rec){
                .id = nc_job_id(&x->question, &x->persona, nc_hlc_now(&ai->o.chat->clock)),
                .state = NC_JOB_QUEUED,
                .room = x->room,
                .question = x->question,
                .asker = x->asker,
                .persona = x->persona,
                .message = x->message,
                .again = true,
                .model = nc_str(x->wish),
                .created_ms = nc_wall_ms(),
            });

    j->payer = j->work.user = payer_of(x);
    if (x->language != NC_ANY_LANGUAGE)
        j->russian = x->language == NC_RUSSIAN;
    ai->stats.asked++;
    if (nc_job_queue(j) != NC_OK) {
        ai->stats.refused++;
        nc_problem_set(&why, NC_P_BUSY, "too many questions are waiting, ask again");
        refuse(x, &why);
        return;
    }
    nc_job_save(ai->o.chat->opts.store, &j->kept);
    nc_json_obj(&w);
    nc_json_key(&w, "job");
    nc_job_write(&w, ai, &j->kept.rec, &j->work, j->since_ms);
    nc_json_obj_end(&w);
    x->done(x->arg, NULL, &json);
    nc_buf_fini(&json);
    free(x);
}

/* Without its question there is nothing to ask again. */
static void on_question(struct nc_fetch *f, enum nc_err e)
{
    struct again *x = f->arg;
    struct nc_problem why;

    if (e != NC_OK || x->ai->closing)
        nc_rooms_why(&why, e == NC_OK ? NC_ECLOSED : e);
    else if (!f->found || f->message.deleted)
        nc_problem_set(&why, NC_P_CONFLICT, "the question is no longer there");
    else if (may(x, &why) && has_model(x, &why)) {
        queue(x);
        return;
    }
    refuse(x, &why);
}

/* Who asked what, as the answer tells. */
static bool read_origin(struct again *x, const struct nc_message *m, struct nc_problem *why)
{
    struct nc_user *asker = NULL;
    struct nc_str name = {0};
    json_t *o = NULL;
    bool ok = m->sender_kind == NC_PERSONA && m->ai.n && !m->deleted &&
              nc_json_parse(m->ai, &o, why) == NC_OK &&
              nc_json_opt_id(o, "asked_message", &x->question, why) == NC_OK &&
              nc_json_opt_str(o, "asked_by", 0, 64, &name, why) == NC_OK &&
              !nc_id_zero(&x->question);

    if (ok && (asker = nc_user_named(x->ai->o.chat, name)))
        x->asker = asker->a.id;
    json_decref(o);
    if (ok && !asker && x->user)
        x->asker = x->user->a.id; /* their account is gone: it is this one's now */
    if (!ok)
        nc_problem_set(why, NC_P_BAD_REQUEST, "this message is no persona's answer");
    else if (m->state == NC_STREAMING)
        nc_problem_set(why, NC_P_CONFLICT, "it is being generated");
    else if (m->alternatives >= ANSWERS_MAX)
        nc_problem_set(why, NC_P_CONFLICT, "it has %d alternatives already; ask anew",
                       ANSWERS_MAX);
    return ok && m->state != NC_STREAMING && m->alternatives < ANSWERS_MAX;
}

static void on_message(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct again *x = arg;
    struct nc_problem refused;

    if (why) {
        refuse(x, why);
        return;
    }
    x->room = sent->message.room;
    x->persona = sent->message.sender;
    if (read_origin(x, &sent->message, &refused))
        nc_fetch(x->ai->o.chat, &x->question, on_question, x);
    else
        refuse(x, &refused);
}

void nc_ai_regenerate(struct nc_ai *ai, const struct nc_actor *who,
                      const struct nc_id *message, struct nc_str model, nc_json_fn *done,
                      void *arg)
{
    struct again *x = nc_alloc(sizeof(*x));

    *x = (struct again){.ai = ai,
                        .user = who->user,
                        .admin_socket = who->admin_socket,
                        .language = who->language,
                        .message = *message,
                        .done = done,
                        .arg = arg};
    nc_people_copy(x->wish, sizeof(x->wish), model);
    nc_message_get(ai->o.chat, who, message, on_message, x);
}
