/* Stopping what is generated on another node, or waits there. */
#include <stdlib.h>

#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "chat/rooms/rooms.h"
#include "wire/json_in.h"

enum { ANSWER_MS = 5000 }; /* a node that says nothing has nothing to stop */

/* Somebody wants it stopped, wherever it is. */
struct stop {
    struct nc_list node;
    struct nc_ai *ai; /* NULL: the node is stopping */
    uint64_t no;
    unsigned asked, answered; /* nodes, this one among them */
    bool here;                /* this one has answered */
    bool stopped, forbidden;
    struct nc_deadline late;
    nc_done_fn *done;
    void *arg;
};

/* Another node wants it. */
struct asked {
    struct nc_list node;
    struct nc_ai *ai; /* NULL: the node is stopping */
    struct nc_id from;
    int64_t no;
};

static void finish(struct stop *s, enum nc_problem_code code, const char *words)
{
    struct nc_problem why;

    if (words)
        nc_problem_set(&why, code, "%s", words);
    nc_list_del(&s->node);
    nc_loop_deadline(s->ai->o.loop, &s->late, 0);
    s->done(s->arg, words ? &why : NULL);
    free(s);
}

/* One that has stopped it is enough, when this one has looked, too. */
static void look(struct stop *s, bool late)
{
    if (!s->here || (!s->stopped && !late && s->answered < s->asked))
        return;
    if (s->stopped)
        finish(s, NC_P_NONE, NULL);
    else if (s->forbidden)
        finish(s, NC_P_FORBIDDEN, "who asked may stop it, and moderators");
    else
        finish(s, NC_P_NOT_FOUND, "no answer of that id is being generated");
}

static void learn(struct stop *s, enum nc_problem_code code)
{
    s->answered++;
    s->stopped |= code == NC_P_NONE;
    s->forbidden |= code == NC_P_FORBIDDEN;
    look(s, false);
}

static void on_here(void *arg, const struct nc_problem *why)
{
    struct stop *s = arg;

    s->here = true;
    if (!s->ai) {
        s->done(s->arg, why);
        free(s);
        return;
    }
    learn(s, why ? why->code : NC_P_NONE);
}

static void on_late(struct nc_deadline *d)
{
    struct stop *s = nc_of(d, struct stop, late);

    if (s->here)
        look(s, true);
    else
        nc_loop_deadline(s->ai->o.loop, d, ANSWER_MS);
}

static void say_who(struct nc_json *w, const struct nc_actor *who)
{
    if (who->user)
        nc_json_kid(w, "user", &who->user->a.id);
}

void nc_stop_with_others(struct nc_ai *ai, const struct nc_actor *who,
                         const struct nc_id *message, nc_done_fn *done, void *arg)
{
    struct stop *s = nc_alloc(sizeof(*s));
    struct nc_buf b = {0};
    struct nc_json w = nc_others_word(&b, "stop");

    *s = (struct stop){.ai = ai,
                       .no = ++ai->others->stop_no,
                       .asked = nc_others_here(ai) + 1,
                       .late = {.fire = on_late},
                       .done = done,
                       .arg = arg};
    nc_list_add(&ai->others->stops, &s->node);
    nc_json_kuint(&w, "no", s->no);
    nc_json_kid(&w, "message", message);
    say_who(&w, who);
    nc_others_say(ai, NULL, &b);
    nc_loop_deadline(ai->o.loop, &s->late, ANSWER_MS);
    nc_ai_stop_here(ai, who, message, on_here, s);
}

void nc_stop_room_with_others(struct nc_ai *ai, const struct nc_actor *who,
                              const struct nc_room *r)
{
    struct nc_buf b = {0};
    struct nc_json w = nc_others_word(&b, "stop_room");

    nc_json_kid(&w, "room", &r->rec.id);
    say_who(&w, who);
    nc_others_say(ai, NULL, &b);
}

/* ---- at the other end ------------------------------------------------------ */

/* Who it is for another node: the owner of a machine of this mesh, or one of its people. */
static bool read_who(struct nc_ai *ai, const json_t *word, struct nc_actor *out)
{
    struct nc_id user = {{0}};

    *out = (struct nc_actor){.address = NC_STR("")};
    if (nc_json_opt_id(word, "user", &user, NULL) != NC_OK)
        return false;
    out->admin_socket = nc_id_zero(&user);
    if (!out->admin_socket)
        out->user = nc_user_find(ai->o.chat, &user);
    return out->admin_socket || out->user;
}

static void on_asked(void *arg, const struct nc_problem *why)
{
    struct asked *x = arg;
    struct nc_buf b = {0};
    struct nc_json w;

    if (x->ai && !x->ai->closing) {
        w = nc_others_word(&b, "stopped");
        nc_json_kint(&w, "no", x->no);
        if (why)
            nc_json_kbool(&w, why->code == NC_P_FORBIDDEN ? "forbidden" : "unknown", true);
        nc_others_say(x->ai, &x->from, &b);
    }
    nc_list_del(&x->node);
    free(x);
}

void nc_stop_asked(struct nc_ai *ai, const struct nc_id *from, const json_t *word)
{
    struct nc_actor who;
    struct nc_id message;
    struct asked *x;
    int64_t no;

    if (!read_who(ai, word, &who) ||
        nc_json_need_id(word, "message", &message, NULL) != NC_OK ||
        nc_json_need_int(word, "no", 0, INT64_MAX, &no, NULL) != NC_OK)
        return;
    x = nc_alloc(sizeof(*x));
    *x = (struct asked){.ai = ai, .from = *from, .no = no};
    nc_list_add(&ai->others->asked, &x->node);
    nc_ai_stop_here(ai, &who, &message, on_asked, x);
}

void nc_stop_room_asked(struct nc_ai *ai, const json_t *word)
{
    struct nc_actor who;
    struct nc_id id;
    struct nc_room *r;
    unsigned n;

    if (read_who(ai, word, &who) && nc_json_need_id(word, "room", &id, NULL) == NC_OK &&
        (r = nc_room_find(ai->o.chat, &id)))
        nc_ai_stop_room_here(ai, &who, r, &n);
}

void nc_stop_done(struct nc_ai *ai, const json_t *word)
{
    bool forbidden = false, unknown = false;
    int64_t no;

    if (nc_json_need_int(word, "no", 0, INT64_MAX, &no, NULL) != NC_OK ||
        nc_json_opt_bool(word, "forbidden", &forbidden, NULL) != NC_OK ||
        nc_json_opt_bool(word, "unknown", &unknown, NULL) != NC_OK)
        return;
    nc_list_each(n, &ai->others->stops) {
        struct stop *s = nc_of(n, struct stop, node);
        if (s->no != (uint64_t)no)
            continue;
        learn(s, forbidden ? NC_P_FORBIDDEN : unknown ? NC_P_NOT_FOUND : NC_P_NONE);
        return;
    }
}

/* What comes of it here is still to come. */
void nc_stops_free(struct nc_ai *ai)
{
    nc_list_each(n, &ai->others->stops) {
        struct stop *s = nc_of(n, struct stop, node);
        if (s->here) {
            finish(s, NC_P_UNAVAILABLE, "the node is stopping");
            continue;
        }
        nc_list_del(n);
        nc_loop_deadline(ai->o.loop, &s->late, 0);
        s->ai = NULL;
    }
    nc_list_each(n, &ai->others->asked) {
        nc_list_del(n);
        nc_of(n, struct asked, node)->ai = NULL;
    }
}
