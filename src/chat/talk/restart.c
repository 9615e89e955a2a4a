/* An answer begins anew: what there was of it becomes one of several. */
#include <stdlib.h>

#include "base/clock.h"
#include "chat/talk/answer.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"

struct restart {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_id id;
    struct nc_message message; /* as everybody will see it */
    struct nc_buf strs;        /* text and ai of what was */
    size_t text_n;
    enum nc_message_state state;
    bool holds; /* its nc_answer is `finishing` for us */
    char *old;  /* the fetched strings, taken over */
    nc_sent_fn *done;
    void *arg;
};

static void end(struct restart *x, const struct nc_problem *why)
{
    struct nc_sent sent = {.message = x->message};

    x->done(x->arg, why, why ? NULL : &sent);
    nc_buf_fini(&x->strs);
    free(x->old);
    free(x);
}

/* It goes on as it was: still written, or whole. */
static void refuse(struct restart *x, const struct nc_problem *why)
{
    struct nc_answer *a = x->holds ? nc_answer_find(x->chat, &x->id) : NULL;

    if (a && a->message.state == NC_STREAMING)
        a->finishing = false;
    else if (a)
        nc_answer_forget(x->chat, &x->id);
    end(x, why);
}

static void publish(struct restart *x, struct nc_answer *a)
{
    struct nc_row row = {.log.event = x->change.event};
    struct nc_room *r = a->room;

    nc_message_signed(&x->message, a->persona);
    row.log.message = x->message;
    nc_rooms_publish(x->chat, &r->topic, &row, NULL);
    nc_observe_changed(x->chat, r, &x->message);
}

static void on_commit(struct nc_commit *commit, enum nc_err e)
{
    struct restart *x = nc_of(commit, struct restart, commit);
    struct nc_answer *a = nc_answer_find(x->chat, &x->id);
    struct nc_problem why;

    if (e || !a) {
        nc_rooms_why(&why, e ? e : NC_ENOENT);
        if (e == NC_EEXIST)
            nc_problem_set(&why, NC_P_CONFLICT, "Another answer has just been chosen.");
        refuse(x, &why);
        return;
    }
    x->message.alternatives = x->change.message.alternatives;
    x->message.chosen = x->change.message.chosen;
    a->message.state = NC_STREAMING;
    a->message.alternatives = x->message.alternatives;
    a->message.chosen = x->message.chosen;
    a->finishing = false;
    publish(x, a);
    end(x, NULL);
}

static void commit(struct restart *x, struct nc_answer *a)
{
    struct nc_chat *c = x->chat;
    struct nc_message *m = &x->change.message;
    struct nc_event *ev = &x->change.event;

    x->message.state = NC_STREAMING;
    x->message.body = x->message.mentions = NC_STR("");
    m->id = x->id;
    m->state = x->state;
    m->body = (struct nc_str){x->strs.p, x->text_n};
    m->ai = (struct nc_str){x->strs.p + x->text_n, x->strs.n - x->text_n};
    m->created_ms = nc_wall_ms();
    m->chosen = x->message.chosen; /* whose text it is; somebody may be choosing just now */
    *ev = nc_room_event(c, NC_EV_MESSAGE_UPDATED, &a->room->rec.id, NULL, a->persona);
    ev->ref = x->id;
    x->change.kind = NC_MESSAGE_RESTART;
    x->commit.changes = &x->change;
    x->commit.n = 1;
    x->commit.done = on_commit;
    c->opts.store->ops->commit(c->opts.store, &x->commit);
}

/* One that was whole is being written from here on; what there is of it, the store knows
 * best. */
static struct nc_answer *open_again(struct restart *x, struct nc_room *r,
                                    const struct nc_message *m)
{
    struct nc_answer *a;

    nc_buf_clear(&x->strs);
    nc_buf_adds(&x->strs, m->body);
    nc_buf_adds(&x->strs, m->ai);
    x->text_n = m->body.n;
    x->state = m->state;
    a = nc_answer_remember(x->chat, r, nc_user_find(x->chat, &m->sender), m);
    a->finishing = x->holds = true;
    return a;
}

/* The room of a fetched answer; else NULL, and *why. */
static struct nc_room *room_of(const struct nc_fetch *f, enum nc_err e,
                               struct nc_problem *why)
{
    const struct nc_message *m = &f->message;
    struct nc_room *r = NULL;

    if (e) {
        nc_rooms_why(why, e);
        return NULL;
    }
    if (f->found && !m->deleted && m->ai.n && m->sender_kind == NC_PERSONA)
        r = nc_room_find(f->chat, &m->room);
    if (!r)
        nc_problem_set(why, NC_P_NOT_FOUND, "There is no such answer.");
    return r;
}

static void on_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct restart *x = f->arg;
    struct nc_problem why;
    struct nc_room *r = room_of(f, e, &why);
    struct nc_answer *a = nc_answer_find(x->chat, &x->id);

    if (!r) {
        refuse(x, &why);
        return;
    }
    if (x->holds ? !a : a || f->message.state == NC_STREAMING) {
        nc_problem_set(&why, NC_P_CONFLICT,
                       x->holds ? "The answer has just ended."
                                : "The answer is being written just now.");
        refuse(x, &why);
        return;
    }
    if (!a)
        a = open_again(x, r, &f->message);
    x->message = f->message;
    x->old = f->strs;
    f->strs = NULL;
    commit(x, a);
}

void nc_answer_restart(struct nc_chat *c, const struct nc_id *message, struct nc_str text,
                       enum nc_message_state state, struct nc_str ai_json, nc_sent_fn *done,
                       void *arg)
{
    struct nc_answer *a = nc_answer_find(c, message);
    size_t max = c->opts.limits.answer_max;
    struct nc_problem why;

    if (a && a->finishing)
        nc_problem_set(&why, NC_P_CONFLICT, "The answer is being completed just now.");
    else if (text.n > max)
        nc_problem_set(&why, NC_P_TOO_LARGE, "An answer has at most %zu bytes.", max);
    if ((a && a->finishing) || text.n > max) {
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }

    struct restart *x = nc_alloc(sizeof(*x));

    x->chat = c;
    x->id = *message;
    x->state = state;
    x->text_n = text.n;
    x->done = done;
    x->arg = arg;
    nc_buf_adds(&x->strs, text);
    nc_buf_adds(&x->strs, ai_json);
    if (a) {
        /* no checkpoint of the old text comes behind this */
        a->finishing = x->holds = true;
        a->orphan = false;
    }
    nc_fetch(c, message, on_fetched, x);
}
