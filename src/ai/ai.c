#include "ai/ai.h"

#include <stdlib.h>

#include "ai/commands.h"
#include "ai/job.h"
#include "ai/others.h"
#include "ai/room_ai.h"
#include "base/clock.h"
#include "chat/live/hub.h"
#include "chat/rooms/room.h"
#include "chat/talk/event.h"
#include "chat/talk/fetch.h"
#include "wire/json.h"

#define DEPTH_MAX 3 /* personas answer personas no deeper, whatever a room says */

void nc_ai_read_room(const struct nc_ai *ai, const struct nc_room *r,
                     struct nc_room_ai *out)
{
    nc_room_ai_read(out, nc_event_room_ai(&r->rec, ai->o.chat->room_ai));
}

bool nc_ai_may_travel(const struct nc_ai *ai, const struct nc_room *r)
{
    struct nc_room_ai says;

    nc_ai_read_room(ai, r, &says);
    nc_room_ai_fini(&says);
    return says.allowed && says.furthest >= NC_DEST_OWN_NODE;
}

/* ---- who is asked ---------------------------------------------------------- */

/* Whether a reply answers a persona is known once its parent has been read.  The question
 * waits as a copy: all that those look at who decide. */
struct reply {
    struct nc_ai *ai;
    struct nc_id room, origin;
    struct nc_message question;
    char *body, *mentions;
};

/* `asker` calls `p` by a message of ours, or of another node's. */
static void called(struct nc_ai *ai, struct nc_room *r, const struct nc_persona *p,
                   const struct nc_message *m, struct nc_user *asker,
                   const struct nc_id *origin)
{
    if (!origin || nc_id_zero(origin))
        nc_ai_ask(ai, r, p, m, asker, 0);
    else
        nc_watch(ai, origin, r, p, m, asker);
}

static void on_parent(struct nc_fetch *f, enum nc_err e)
{
    struct reply *x = f->arg;
    struct nc_ai *ai = x->ai;
    struct nc_room *r = ai->closing ? NULL : nc_room_find(ai->o.chat, &x->room);
    struct nc_user *asker = nc_user_find(ai->o.chat, &x->question.sender);
    const struct nc_persona *p;

    if (r && asker && e == NC_OK && f->found &&
        (p = nc_persona_find(ai->personas, &f->message.sender)) &&
        nc_persona_listens(p, r, &x->question) && !nc_persona_called(p, r, &x->question))
        called(ai, r, p, &x->question, asker, &x->origin);
    free(x->body);
    free(x->mentions);
    free(x);
}

static void look_at_parent(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m,
                           const struct nc_id *origin)
{
    struct reply *x = nc_alloc(sizeof(*x));

    *x = (struct reply){.ai = ai,
                        .room = r->rec.id,
                        .question = {.id = m->id,
                                     .room = m->room,
                                     .sender = m->sender,
                                     .sender_kind = m->sender_kind,
                                     .created_ms = m->created_ms},
                        .body = nc_str_dup(m->body),
                        .mentions = nc_str_dup(m->mentions)};
    if (origin)
        x->origin = *origin;
    x->question.body = nc_str(x->body);
    x->question.mentions = nc_str(x->mentions);
    nc_fetch(ai->o.chat, &m->reply_to, on_parent, x);
}

void nc_ai_heard(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m,
                 const struct nc_id *origin)
{
    struct nc_user *asker = nc_user_find(ai->o.chat, &m->sender);

    if (!asker || asker->a.kind != NC_PERSON)
        return;
    for (struct nc_persona *p = NULL; (p = nc_persona_next(ai->personas, p));)
        if (nc_persona_called(p, r, m))
            called(ai, r, p, m, asker, origin);
    if (!nc_id_zero(&m->reply_to))
        look_at_parent(ai, r, m, origin);
}

static void on_stored(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    struct nc_ai *ai = nc_of(o, struct nc_ai, observer);

    nc_ai_heard(ai, r, m, NULL);
    nc_others_answered(ai, m);
}

static void on_merged(struct nc_observer *o, struct nc_room *r, const struct nc_message *m,
                      const struct nc_event *ev)
{
    nc_others_merged(nc_of(o, struct nc_ai, observer), r, m, ev);
}

void nc_ai_answered(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m,
                    const struct nc_job *j)
{
    struct nc_user *asker = nc_user_find(ai->o.chat, &j->kept.rec.asker);
    unsigned depth = j->kept.rec.depth;
    struct nc_room_ai room;

    nc_ai_read_room(ai, r, &room);
    nc_room_ai_fini(&room);
    if (!asker || depth >= room.persona_turns || depth >= DEPTH_MAX ||
        r->rec.kind == NC_DIALOG)
        return;
    for (struct nc_persona *p = NULL; (p = nc_persona_next(ai->personas, p));)
        if (!nc_id_eq(&p->user->a.id, &m->sender) && nc_persona_called(p, r, m))
            nc_ai_ask(ai, r, p, m, asker, depth + 1);
}

/* ---- what else happens in rooms -------------------------------------------- */

static void on_deleted(struct nc_observer *o, struct nc_room *r,
                       const struct nc_id *message)
{
    struct nc_ai *ai = nc_of(o, struct nc_ai, observer);

    (void)r;
    nc_jobs_message_gone(ai, message);
    nc_others_deleted(ai, message);
}

/* Who comes in the middle of an answer sees what there is of it; where a persona leaves,
 * so does its answer; where somebody else does, so do their questions. */
static void on_member(struct nc_observer *o, struct nc_room *r, struct nc_user *u,
                      enum nc_event_kind what)
{
    struct nc_ai *ai = nc_of(o, struct nc_ai, observer);

    if (what == NC_EV_MEMBER_LEFT && u->a.kind == NC_PERSONA)
        nc_jobs_room_gone(ai, r, u);
    else if (what == NC_EV_MEMBER_LEFT)
        nc_jobs_asker_gone(ai, r, u);
    if (what != NC_EV_MEMBER_JOINED)
        return;
    nc_list_each(n, &u->listeners) {
        struct nc_listener *l = nc_of(n, struct nc_listener, by_user);
        if (l->state == NC_LIVE)
            nc_jobs_snapshots(ai, l, r);
    }
}

static void on_room(struct nc_observer *o, struct nc_room *r, enum nc_event_kind what)
{
    struct nc_ai *ai = nc_of(o, struct nc_ai, observer);

    if (what == NC_EV_ROOM_DELETED)
        nc_jobs_room_gone(ai, r, NULL);
    else if (what == NC_EV_ROOM_UPDATED)
        nc_jobs_room_changed(ai, r);
}

static void on_ended(struct nc_observer *o, struct nc_user *u, const struct nc_id *of)
{
    nc_jobs_ended(nc_of(o, struct nc_ai, observer), u, of);
}

static void on_persona(struct nc_observer *o, struct nc_user *u,
                       const struct nc_persona_rec *rec)
{
    nc_personas_follow(nc_of(o, struct nc_ai, observer)->personas, u, rec);
}

static void on_account(struct nc_observer *o, struct nc_user *u)
{
    (void)u;
    nc_personas_met(nc_of(o, struct nc_ai, observer)->personas);
}

static void on_live(struct nc_observer *o, struct nc_listener *l)
{
    nc_jobs_snapshots(nc_of(o, struct nc_ai, observer), l, NULL);
}

/* A model came up, or has a place again. */
static void on_models(void *arg)
{
    struct nc_ai *ai = arg;

    if (!ai->closing && ai->fair)
        nc_fair_pump(ai->fair);
    nc_able_soon(ai);
}

/* ---- open and close --------------------------------------------------------- */

/* What a new room says about AI: as the node has it. */
static void set_room_settings(struct nc_ai *ai)
{
    struct nc_problem why;
    json_t *patch = json_pack("{s:s}", "destination", nc_destination_name(ai->o.furthest));

    if (patch && nc_room_ai_patch(NC_STR(""), NC_STR(""), patch, false, &ai->room_settings,
                                  &why) == NC_OK)
        ai->o.chat->room_ai = nc_buf_str(&ai->room_settings);
    json_decref(patch);
}

struct nc_ai *nc_ai_new(const struct nc_ai_opts *o)
{
    struct nc_ai *ai = nc_alloc(sizeof(*ai));

    ai->o = *o;
    ai->o.models.chat = o->chat;
    ai->o.models.loop = o->loop;
    ai->o.models.changed = on_models;
    ai->o.models.arg = ai;
    ai->since_ms = nc_mono_ms();
    nc_list_init(&ai->jobs);
    nc_list_init(&ai->directs);
    nc_list_init(&ai->titles);
    ai->rates = nc_rates_new();
    ai->fair = nc_fair_new(o->loop, o->at_once, o->waiting_max);
    set_room_settings(ai);
    if (!(ai->models = nc_models_new(&ai->o.models)) ||
        !(ai->personas = nc_personas_new(o->chat, o->loop)) ||
        !(ai->usages = nc_usages_new(o->chat, &o->caps)) || nc_jobs_resume(ai) != NC_OK) {
        nc_ai_free(ai);
        return NULL;
    }
    ai->o.models = (struct nc_models_opts){0}; /* borrowed for that call */
    nc_answers_abandon(o->chat);
    if (nc_jobs_missed(ai) != NC_OK) {
        nc_ai_free(ai);
        return NULL;
    }
    ai->observer = (struct nc_observer){
        .stored = on_stored,
        .merged = on_merged,
        .deleted = on_deleted,
        .member = on_member,
        .room = on_room,
        .live = on_live,
        .persona = on_persona,
        .account = on_account,
        .ended = on_ended,
    };
    nc_chat_observe(o->chat, &ai->observer);
    ai->commands = nc_ai_commands_new(ai, o->chat);
    return ai;
}

void nc_ai_limits(struct nc_ai *ai, const struct nc_ai_opts *o)
{
    ai->o.caps = o->caps;
    ai->o.at_once = o->at_once;
    ai->o.waiting_max = o->waiting_max;
    ai->o.per_minute_room = o->per_minute_room;
    ai->o.per_minute_user = o->per_minute_user;
    nc_usages_caps(ai->usages, &o->caps);
    nc_fair_limits(ai->fair, o->at_once, o->waiting_max);
}

void nc_ai_quiet(struct nc_ai *ai)
{
    if (!ai)
        return;
    ai->closing = true;
    nc_list_del(&ai->observer.node);
    nc_loop_deadline(ai->o.loop, &ai->tell, 0);
    if (ai->others)
        nc_others_quiet(ai);
    nc_models_quiet(ai->models);
    nc_titles_end(ai);
}

/* What asks is ended by the models' end; until then each holds its place. */
void nc_ai_free(struct nc_ai *ai)
{
    if (!ai)
        return;
    ai->closing = true;
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (j->step != NC_STEP_ASKING)
            nc_job_leave(j);
    }
    nc_models_free(ai->models);
    while (!nc_list_empty(&ai->jobs))
        nc_job_free(nc_of(ai->jobs.next, struct nc_job, node));
    nc_others_free(ai);
    nc_fair_free(ai->fair);
    nc_usages_free(ai->usages);
    nc_personas_free(ai->personas);
    nc_rates_free(ai->rates);
    nc_ai_commands_free(ai->commands);
    nc_buf_fini(&ai->room_settings);
    free(ai);
}

/* ---- for others -------------------------------------------------------------- */

struct nc_models *nc_ai_models(struct nc_ai *ai) { return ai->models; }
struct nc_personas *nc_ai_personas(struct nc_ai *ai) { return ai->personas; }
struct nc_usages *nc_ai_usages(struct nc_ai *ai) { return ai->usages; }
const struct nc_ai_stats *nc_ai_stats(const struct nc_ai *ai) { return &ai->stats; }

void nc_ai_owner(struct nc_ai *ai, struct nc_user *owner)
{
    nc_personas_owner(ai->personas, owner);
}
