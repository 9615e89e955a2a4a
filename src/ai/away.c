/*
 * A question of ours for which there is no model here: the others are asked who has one,
 * and one of those that say so gets it.  Here it waits on, until its answer is seen, and is
 * asked for again if the other node goes.
 *
 *   ASKING --"open" to all--> "can" --> GIVEN --"yours"--> "mine" … the answer
 *      ^                                  |
 *      '------- "not", or gone -----------'
 *
 * Whoever has enough of ours says "can" or "not" with "later": that holds a question up,
 * and is weighed against nobody.
 */
#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/json_in.h"

enum {
    GIVE_UP_MS = 3000,       /* nobody can: it is treated as on a node alone */
    AGAIN_MS = 2000,         /* and asked on, in case that somebody comes */
    CONFIRM_MS = 1000,       /* what was given is to be taken by then */
    SETTLE_MS = 5000,        /* after the start: by then it is known who is here */
    REMIND_MS = 5000,        /* is it still there? */
    UNANSWERED_MAX = 4,      /* times */
    FIRST_ROUNDS = 4,        /* with ask_first: so often before it begins here */
    HELD_MS = 60000,         /* an answer is to begin by then, or others are asked */
    HELD_WEIGHS = 10,        /* as many "not"s */
    HELD_MAX = 100,          /* of both: then it is treated as if nobody could */
    LATER_MS = 60000,        /* so long somebody who says "later" is believed */
    OLD_MS = 60 * 60 * 1000, /* of a question: then, too, whatever is said of it */
    OTHERS_ROUNDS = 5, /* whoever held it gets it back when nobody else wants it by then */
};

/* The question may be there a moment later than the first word of it. */
static const unsigned rounds_ms[] = {30, 120, 300, 600, 1000};

/* ---- may it, must it ----------------------------------------------------------------- */

static bool is_able(struct nc_job *j)
{
    struct nc_problem why;
    enum nc_pick pick = nc_job_pick(j, j->floor, true, &why);

    return pick == NC_PICK_OK || pick == NC_PICK_WAIT;
}

static bool may_travel(const struct nc_job *j)
{
    const struct nc_room *r = nc_job_room(j);

    return r && nc_id_zero(&j->given_by) && nc_others_any(j->ai) &&
           nc_ai_may_travel(j->ai, r);
}

static void again_in(struct nc_job *j, uint64_t ms)
{
    nc_loop_deadline(j->ai->o.loop, &j->away.again, ms ? nc_others_ms(j->ai, ms) : 0);
}

/* Has whoever is here had the time to say so? */
static bool is_settled(const struct nc_ai *ai)
{
    return nc_mono_ms() - ai->since_ms > nc_others_ms(ai, SETTLE_MS);
}

static bool is_old(const struct nc_job *j)
{
    return nc_mono_ms() - j->since_ms >= nc_others_ms(j->ai, OLD_MS);
}

static void ask_others(struct nc_job *j)
{
    struct nc_away *a = &j->away;

    a->state = NC_AWAY_ASKING;
    a->since_ms = nc_mono_ms();
    a->asked = 0;
    a->gave_up = a->held >= HELD_MAX || is_old(j) ||
                 (!a->ask_first && is_settled(j->ai) && !nc_others_here(j->ai));
    a->busy = (struct nc_id){{0}};
    again_in(j, 1);
}

bool nc_away_holds(const struct nc_job *j)
{
    return j->away.state == NC_AWAY_GIVEN ||
           (j->away.state == NC_AWAY_ASKING && !j->away.gave_up);
}

void nc_away_end(struct nc_job *j)
{
    j->away.state = NC_AWAY_NO;
    again_in(j, 0);
}

/* ---- what is said of it ---------------------------------------------------- */

static void say(struct nc_job *j, const struct nc_id *to, const char *type)
{
    const struct nc_job_rec *rec = &j->kept.rec;
    struct nc_buf b = {0};
    struct nc_json w = nc_others_word(&b, type);

    nc_json_kid(&w, "job", &rec->id);
    nc_json_kid(&w, "room", &rec->room);
    nc_json_kid(&w, "question", &rec->question);
    nc_json_kid(&w, "persona", &rec->persona);
    nc_json_kid(&w, "asker", &rec->asker);
    nc_json_kid(&w, "payer", &j->payer);
    nc_json_kuint(&w, "depth", rec->depth);
    if (rec->again)
        nc_json_kid(&w, "message", &rec->message);
    if (j->wish[0])
        nc_json_kstr(&w, "model", nc_str(j->wish));
    nc_json_kbool(&w, "russian", j->russian);
    nc_others_say(j->ai, to, &b);
}

/* Whoever holds on to a question stands in nobody's way: neither a node that is slow, nor
 * one that says it has what it will never answer. */
static bool is_held(const struct nc_job *j)
{
    const struct nc_away *a = &j->away;

    return nc_mono_ms() - a->since_ms >= nc_others_ms(j->ai, HELD_MS);
}

static void belongs_to(struct nc_job *j, const struct nc_id *node, uint64_t ms)
{
    struct nc_away *a = &j->away;

    if (a->state != NC_AWAY_GIVEN)
        a->since_ms = nc_mono_ms();
    else if (is_held(j))
        return; /* nothing that is said puts that off */
    a->state = NC_AWAY_GIVEN;
    a->to = *node;
    a->unanswered = 0;
    again_in(j, ms);
}

static void give(struct nc_job *j, const struct nc_id *to)
{
    say(j, to, "yours");
    belongs_to(j, to, CONFIRM_MS);
}

/* ---- who keeps it to themselves -------------------------------------------- */

static void hold_against(struct nc_job *j, unsigned weight)
{
    struct nc_away *a = &j->away;
    unsigned i = 0;

    while (i < a->held_n && !nc_id_eq(&a->held_by[i], &a->to))
        i++;
    if (i == NC_COUNT(a->held_by))
        i = a->held_next++ % NC_COUNT(a->held_by);
    if (i == a->held_n)
        a->held_n++;
    a->held_by[i] = a->to;
    a->held += weight;
}

static void held(struct nc_job *j)
{
    char to[NC_ID_TEXT + 1] = "";

    nc_id_text(&j->away.to, to);
    nc_log(NC_WARN, "ai.held", "node=%s", to);
    j->ai->stats.held++;
    hold_against(j, HELD_WEIGHS);
}

/* Who brings answers works off what waits there: nothing is held against it. */
static void forgive(struct nc_ai *ai, const struct nc_id *node)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_away *a = &nc_of(n, struct nc_job, node)->away;
        if (a->state == NC_AWAY_GIVEN && nc_id_eq(&a->to, node))
            a->held = 0;
    }
}

/* Others come first, this time. */
static bool comes_later(const struct nc_job *j, const struct nc_id *node)
{
    const struct nc_away *a = &j->away;
    bool later = false;

    for (unsigned i = 0; i < a->held_n; i++)
        later = later || nc_id_eq(&a->held_by[i], node);
    return later && a->state == NC_AWAY_ASKING && a->asked < OTHERS_ROUNDS;
}

/* ---- its clock ------------------------------------------------------------- */

/* The job may be gone afterwards. */
static void give_up(struct nc_job *j)
{
    struct nc_room *r = nc_job_room(j);
    const struct nc_persona *p = nc_job_persona(j);
    struct nc_user *asker = nc_user_find(j->ai->o.chat, &j->kept.rec.asker);

    j->away.gave_up = true;
    if (!j->away.told && r && p && asker) {
        j->away.told = true;
        nc_ai_tell_what_is_missing(j->ai, r, p, asker, j->russian);
    }
    nc_fair_pump(j->ai->fair);
}

/* Who had it has it no more.  The job may be gone afterwards. */
static void ask_anew(struct nc_job *j)
{
    ask_others(j);
    if (j->away.gave_up)
        give_up(j);
}

/* Somebody can, and will when there is room. */
static bool is_put_off(const struct nc_job *j)
{
    const struct nc_away *a = &j->away;

    return a->later_ms && nc_mono_ms() - a->later_ms < nc_others_ms(j->ai, LATER_MS) &&
           !is_old(j) && nc_others_here(j->ai);
}

static void go_on_asking(struct nc_job *j)
{
    struct nc_away *a = &j->away;
    uint64_t waited = nc_mono_ms() - a->since_ms;
    unsigned round = a->asked++;

    if (is_able(j) && (!a->ask_first || round >= FIRST_ROUNDS)) {
        a->ask_first = false;
        nc_away_end(j);
        nc_fair_pump(j->ai->fair);
        return;
    }
    if (!nc_id_zero(&a->busy) && round > 1) {
        give(j, &a->busy);
        return;
    }
    if (nc_others_here(j->ai))
        say(j, NULL, "open");
    again_in(j, round < NC_COUNT(rounds_ms) ? rounds_ms[round] : AGAIN_MS);
    if (!a->gave_up && waited >= nc_others_ms(j->ai, GIVE_UP_MS) && !is_put_off(j))
        give_up(j);
}

static void go_on_waiting(struct nc_job *j)
{
    struct nc_away *a = &j->away;
    uint64_t gone = nc_others_gone_ms(j->ai, &a->to);

    if (is_held(j)) {
        held(j);
        ask_anew(j);
        return;
    }
    if (gone >= NC_GONE_MS || a->unanswered >= UNANSWERED_MAX) {
        ask_anew(j);
        return;
    }
    if (gone == 0) {
        a->unanswered++;
        say(j, &a->to, "open");
    }
    again_in(j, REMIND_MS);
}

static void on_again(struct nc_deadline *d)
{
    struct nc_job *j = nc_of(d, struct nc_job, away.again);

    if (j->step != NC_STEP_WAITING || !may_travel(j)) {
        nc_away_end(j);
        nc_fair_pump(j->ai->fair);
    } else if (j->away.state == NC_AWAY_ASKING) {
        go_on_asking(j);
    } else if (j->away.state == NC_AWAY_GIVEN) {
        go_on_waiting(j);
    }
}

void nc_away_look(struct nc_job *j)
{
    j->away.again.fire = on_again;
    if (j->ai->others && j->step == NC_STEP_WAITING && j->away.state == NC_AWAY_NO &&
        may_travel(j) && (j->away.ask_first || !is_able(j)))
        ask_others(j);
}

void nc_away_ask_first(struct nc_job *j)
{
    j->away.ask_first = true;
    nc_away_look(j);
}

/* ---- what is answered ------------------------------------------------------ */

/* Of what is said, the job: one that waits, and is asked about. */
static struct nc_job *job_of(struct nc_ai *ai, const json_t *word)
{
    struct nc_id id;

    if (nc_json_need_id(word, "job", &id, NULL) != NC_OK)
        return NULL;
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        if (nc_id_eq(&j->kept.rec.id, &id))
            return j->step == NC_STEP_WAITING && j->away.state != NC_AWAY_NO ? j : NULL;
    }
    return NULL;
}

/* It has as much of ours as it takes, and others come first. */
static void put_off(struct nc_job *j, const struct nc_id *from)
{
    struct nc_away *a = &j->away;

    a->later_ms = nc_mono_ms();
    if (a->state == NC_AWAY_GIVEN && nc_id_eq(&a->to, from)) {
        hold_against(j, 0);
        ask_anew(j);
    }
}

static void choose(struct nc_job *j, const struct nc_id *from, bool busy)
{
    if (j->away.state == NC_AWAY_GIVEN) {
        if (nc_id_eq(&j->away.to, from)) /* it has not, or has lost it */
            give(j, from);
    } else if (j->away.ask_first && is_able(j)) {
        return; /* only who has it already is wanted */
    } else if (busy && j->away.asked < 2) {
        j->away.busy = *from; /* one that is free may say so in a moment */
    } else {
        give(j, from);
    }
}

void nc_away_can(struct nc_ai *ai, const struct nc_id *from, const json_t *word)
{
    struct nc_job *j = job_of(ai, word);
    bool busy = false, later = false;

    if (!j || nc_json_opt_bool(word, "busy", &busy, NULL) != NC_OK ||
        nc_json_opt_bool(word, "later", &later, NULL) != NC_OK)
        return;
    if (later)
        put_off(j, from);
    else if (!comes_later(j, from))
        choose(j, from, busy);
}

void nc_away_mine(struct nc_ai *ai, const struct nc_id *from, const json_t *word)
{
    struct nc_job *j = job_of(ai, word);

    if (j && !comes_later(j, from))
        belongs_to(j, from, REMIND_MS);
}

void nc_away_not(struct nc_ai *ai, const struct nc_id *from, const json_t *word)
{
    struct nc_job *j = job_of(ai, word);
    bool stopped = false, later = false;

    if (!j || j->away.state != NC_AWAY_GIVEN || !nc_id_eq(&j->away.to, from) ||
        nc_json_opt_bool(word, "stopped", &stopped, NULL) != NC_OK ||
        nc_json_opt_bool(word, "later", &later, NULL) != NC_OK)
        return;
    if (stopped) {
        nc_job_drop(j, NC_JOB_STOPPED, NULL, NULL);
        return;
    }
    if (later) {
        put_off(j, from);
        return;
    }
    hold_against(j, 1);
    ask_anew(j);
}

/* Another answer to it begins: the message streams again. */
static bool is_its_next(const struct nc_job *j, const struct nc_message *m)
{
    return nc_id_eq(&j->kept.rec.message, &m->id) && m->state == NC_STREAMING &&
           j->away.state != NC_AWAY_NO;
}

void nc_away_answered(struct nc_ai *ai, const struct nc_message *m,
                      const struct nc_made *made)
{
    nc_list_each(n, &ai->jobs) {
        struct nc_job *j = nc_of(n, struct nc_job, node);
        struct nc_job_rec *rec = &j->kept.rec;
        if (j->step != NC_STEP_WAITING || !nc_id_eq(&rec->question, &made->question) ||
            !nc_id_eq(&rec->persona, &m->sender) || (rec->again && !is_its_next(j, m)))
            continue;
        if (j->away.state == NC_AWAY_GIVEN)
            forgive(ai, &j->away.to);
        rec->message = m->id;
        nc_job_drop(j, NC_JOB_DONE, NULL, NULL);
    }
}
