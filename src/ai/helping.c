/* Another node asks who can answer a question of its people, or gives it to us. */
#include <stdlib.h>
#include <string.h>

#include "ai/job.h"
#include "ai/jobid.h"
#include "ai/others.h"
#include "base/clock.h"
#include "base/log.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/fetch.h"
#include "wire/json_in.h"

#define HELPING_MAX 256 /* look-ups at once: they ask again */
#define GIVEN_MAX 64    /* questions of one node that wait here: more come later */
#define TELL_MS 10000   /* a line of what is not taken is written so often */

/* What was asked, while the store is. */
struct help {
    struct nc_query query;
    struct nc_ai *ai;
    struct nc_id from;
    bool ours; /* it is given, not only asked about */
    struct nc_job_rec rec;
    struct nc_id payer;
    char wish[64 + NC_LLM_MODEL];
    char question[NC_QUESTION_HEAD + 1];
    bool russian;
    bool known; /* it was done here already */
    bool begun; /* … or at least begun */
    enum nc_job_state state;
};

static void help_end(struct help *x)
{
    x->ai->others->helping--;
    free(x);
}

static void say(struct nc_ai *ai, const struct nc_id *to, const char *type,
                const struct nc_id *job, const char *also)
{
    struct nc_buf b = {0};
    struct nc_json w = nc_others_word(&b, type);

    nc_json_kid(&w, "job", job);
    if (also)
        nc_json_kbool(&w, also, true);
    nc_others_say(ai, to, &b);
}

/* One that is answered here, or will be.  Whatever it is called: where somebody stands in
 * for a node that is gone it has another id. */
static struct nc_job *job_for(struct nc_ai *ai, const struct nc_job_rec *rec)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        const struct nc_job_rec *has = &j->kept.rec;
        if (nc_id_eq(&has->question, &rec->question) &&
            nc_id_eq(&has->persona, &rec->persona) && has->again == rec->again &&
            (!rec->again || nc_id_eq(&has->message, &rec->message)) &&
            (j->step != NC_STEP_WAITING || j->away.state == NC_AWAY_NO))
            return j;
    }
    return NULL;
}

/* It may be said a thousand times a second. */
static void not_taken(struct nc_ai *ai, const struct nc_id *from, const char *why)
{
    char node[NC_ID_TEXT + 1] = "";
    uint64_t now = nc_mono_ms();

    ai->stats.not_taken++;
    if (ai->others->told_ms && now - ai->others->told_ms < TELL_MS)
        return;
    ai->others->told_ms = now;
    nc_id_text(from, node);
    nc_log(NC_WARN, "ai.not_taken", "why=%s node=%s times=%llu", why, node,
           (unsigned long long)ai->stats.not_taken);
}

/* What a node gives us stands in nobody else's way. */
static bool has_enough(const struct nc_ai *ai, const struct nc_id *from)
{
    unsigned n = 0;

    nc_list_each(it, &ai->jobs) {
        const struct nc_job *j = nc_of(it, struct nc_job, node);
        n += j->step == NC_STEP_WAITING && nc_id_eq(&j->given_by, from);
    }
    return n >= GIVEN_MAX;
}

static void take(struct help *x)
{
    struct nc_ai *ai = x->ai;
    struct nc_job *j;

    x->rec.state = NC_JOB_QUEUED;
    x->rec.created_ms = nc_wall_ms();
    x->rec.model = x->rec.again ? nc_str(x->wish) : NC_STR("");
    j = nc_job_new(ai, &x->rec);
    j->payer = j->work.user = x->payer;
    j->given_by = x->from;
    j->russian = x->russian;
    memcpy(j->question, x->question, sizeof(j->question));
    ai->stats.asked++;
    if (nc_job_queue(j) != NC_OK) {
        say(ai, &x->from, "not", &x->rec.id, "later");
        return;
    }
    nc_job_save(ai->o.chat->opts.store, &j->kept);
    say(ai, &x->from, "mine", &x->rec.id, NULL);
}

/* Would it be asked here, and now?  A model that is down is none. */
static enum nc_pick pick_for(struct help *x)
{
    struct nc_ai *ai = x->ai;
    struct nc_room *r = nc_room_find(ai->o.chat, &x->rec.room);
    const struct nc_persona *p = nc_persona_find(ai->personas, &x->rec.persona);
    struct nc_user *asker = nc_user_find(ai->o.chat, &x->rec.asker);
    struct nc_spender who = {
        .user = x->payer, .room = x->rec.room, .persona = x->rec.persona};
    struct nc_job probe = {.ai = ai, .kept.rec = x->rec};
    struct nc_problem why;

    if (!r || !p || !asker || !nc_room_member(r, p->user) || !nc_room_member(r, asker) ||
        !nc_usage_may(ai->usages, &who, &why))
        return NC_PICK_REFUSED;
    memcpy(probe.wish, x->wish, sizeof(probe.wish));
    return nc_job_pick(&probe, 0, true, &why);
}

static void decide(struct help *x)
{
    struct nc_ai *ai = x->ai;
    enum nc_pick pick;

    if (job_for(ai, &x->rec) || (x->known && x->begun)) {
        say(ai, &x->from, "mine", &x->rec.id, NULL);
        return;
    }
    if (x->known) {
        say(ai, &x->from, "not", &x->rec.id, x->state == NC_JOB_STOPPED ? "stopped" : NULL);
        return;
    }
    pick = pick_for(x);
    if (pick != NC_PICK_OK && pick != NC_PICK_WAIT) {
        if (x->ours)
            say(ai, &x->from, "not", &x->rec.id, NULL);
    } else if (has_enough(ai, &x->from)) {
        if (x->ours)
            not_taken(ai, &x->from, "many");
        say(ai, &x->from, x->ours ? "not" : "can", &x->rec.id, "later");
    } else if (x->ours) {
        take(x);
    } else {
        say(ai, &x->from, "can", &x->rec.id, pick == NC_PICK_WAIT ? "busy" : NULL);
    }
}

/* Reader thread. */
static void on_job(struct nc_query *q, const struct nc_row *row)
{
    struct help *x = nc_of(q, struct help, query);

    if (!nc_id_eq(&row->job.id, &x->rec.id))
        return;
    x->known = true;
    x->begun = row->job.started_ms != 0;
    x->state = row->job.state;
}

static void on_jobs(struct nc_query *q, enum nc_err e)
{
    struct help *x = nc_of(q, struct help, query);

    if (e == NC_OK && !x->ai->closing)
        decide(x);
    help_end(x);
}

/* The next id: lists of those that ended go on below one. */
static struct nc_id behind(struct nc_id id)
{
    for (unsigned i = sizeof(id.b); i-- > 0;)
        if (++id.b[i])
            break;
    return id;
}

static void on_question(struct nc_fetch *f, enum nc_err e)
{
    struct help *x = f->arg;
    struct nc_store *s = x->ai->o.chat->opts.store;

    if (x->ai->closing || e != NC_OK || !f->found || f->message.deleted ||
        !nc_id_eq(&f->message.room, &x->rec.room)) {
        help_end(x); /* not here yet: it will be asked again */
        return;
    }
    nc_people_copy(x->question, sizeof(x->question), f->message.body);
    x->query = (struct nc_query){.kind = NC_Q_JOBS_ENDED,
                                 .before = behind(x->rec.id),
                                 .limit = 1,
                                 .row = on_job,
                                 .done = on_jobs};
    s->ops->read(s, &x->query);
}

static bool parse(struct help *x, const json_t *word)
{
    struct nc_job_rec *rec = &x->rec;
    struct nc_str wish = NC_STR("");
    int64_t depth;

    if (nc_json_need_id(word, "job", &rec->id, NULL) != NC_OK ||
        nc_json_need_id(word, "room", &rec->room, NULL) != NC_OK ||
        nc_json_need_id(word, "question", &rec->question, NULL) != NC_OK ||
        nc_json_need_id(word, "persona", &rec->persona, NULL) != NC_OK ||
        nc_json_need_id(word, "asker", &rec->asker, NULL) != NC_OK ||
        nc_json_need_id(word, "payer", &x->payer, NULL) != NC_OK ||
        nc_json_need_int(word, "depth", 0, 16, &depth, NULL) != NC_OK ||
        nc_json_opt_id(word, "message", &rec->message, NULL) != NC_OK ||
        nc_json_opt_str(word, "model", 0, sizeof(x->wish) - 1, &wish, NULL) != NC_OK ||
        nc_json_opt_bool(word, "russian", &x->russian, NULL) != NC_OK)
        return false;
    rec->depth = (uint32_t)depth;
    rec->again = !nc_id_zero(&rec->message);
    if (!nc_job_id_fits(&rec->id, &rec->question, &rec->persona, rec->again)) {
        not_taken(x->ai, &x->from, "id");
        return false;
    }
    nc_people_copy(x->wish, sizeof(x->wish), wish);
    return true;
}

void nc_help(struct nc_ai *ai, const struct nc_id *from, const json_t *word, bool ours)
{
    struct help *x;

    if (ai->others->helping >= HELPING_MAX)
        return;
    x = nc_alloc(sizeof(*x));
    x->ai = ai;
    x->from = *from;
    x->ours = ours;
    ai->others->helping++;
    if (parse(x, word))
        nc_fetch(ai->o.chat, &x->rec.question, on_question, x);
    else
        help_end(x);
}

void nc_help_ended(struct nc_job *j)
{
    if (!nc_id_zero(&j->given_by) && j->ai->others)
        say(j->ai, &j->given_by, "not", &j->kept.rec.id, j->stopped ? "stopped" : NULL);
}
