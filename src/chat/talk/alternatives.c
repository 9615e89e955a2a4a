/* Several answers to one question: seeing them, choosing the one that is shown. */
#include <stdlib.h>
#include <string.h>

#include "chat/people/throttle.h"
#include "chat/talk/answer.h"
#include "chat/talk/event.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"
#include "wire/json_in.h"

/* ---- all of them --------------------------------------------------------------------- */

struct list {
    struct nc_query query;
    struct nc_chat *chat;
    struct nc_actor who;
    struct nc_message message;
    char *strs; /* its strings */
    bool has_shown;
    struct nc_buf out;
    struct nc_json json;
    nc_json_fn *done;
    void *arg;
};

static void list_end(struct list *l, const struct nc_problem *why)
{
    l->done(l->arg, why, why ? NULL : &l->out);
    nc_buf_fini(&l->out);
    free(l->strs);
    free(l);
}

static void add(struct list *l, const struct nc_alternative *a)
{
    struct nc_json *j = &l->json;

    nc_json_obj(j);
    nc_json_kuint(j, "n", a->n);
    nc_json_kstr(j, "text", a->body);
    nc_json_kstr(j, "state", nc_str(nc_event_state(a->state)));
    if (a->ai.n)
        nc_json_kraw(j, "ai", a->ai);
    nc_json_ktime(j, "created_at", a->created_ms);
    nc_json_obj_end(j);
}

/* The one that is shown, as it is now: of one that is being written, what there is. */
static void add_shown(struct list *l, uint64_t created_ms)
{
    const struct nc_message *m = &l->message;

    l->has_shown = true;
    add(l, &(struct nc_alternative){.n = m->chosen,
                                    .state = m->state,
                                    .body = m->body,
                                    .ai = m->ai,
                                    .created_ms = created_ms});
}

/* Reader thread. */
static void on_alternative(struct nc_query *q, const struct nc_row *row)
{
    struct list *l = nc_of(q, struct list, query);

    if (row->alternative.n == l->message.chosen)
        add_shown(l, row->alternative.created_ms);
    else
        add(l, &row->alternative);
}

static void on_listed(struct nc_query *q, enum nc_err e)
{
    struct list *l = nc_of(q, struct list, query);
    struct nc_problem why;

    if (e) {
        nc_rooms_why(&why, e);
        list_end(l, &why);
        return;
    }
    if (!l->has_shown) /* the only one has no row of its own */
        add_shown(l, l->message.created_ms);
    nc_json_arr_end(&l->json);
    nc_json_kuint(&l->json, "chosen", l->message.chosen);
    nc_json_obj_end(&l->json);
    list_end(l, NULL);
}

static bool is_answer(const struct nc_message *m, struct nc_problem *why)
{
    if (!m->deleted && m->ai.n && m->sender_kind == NC_PERSONA)
        return true;
    nc_problem_set(why, NC_P_NOT_FOUND, "There is no such answer.");
    return false;
}

static void on_list_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct list *l = f->arg;
    struct nc_problem why;

    if (!nc_fetch_room(&l->who, f, e, &why) || !is_answer(&f->message, &why) ||
        (l->who.user && !nc_rate_take(l->chat, l->who.user, NC_RATE_HISTORY, &why))) {
        list_end(l, &why);
        return;
    }
    l->message = f->message;
    l->strs = f->strs;
    f->strs = NULL;
    l->json = nc_json_to(&l->out);
    nc_json_obj(&l->json);
    nc_json_key(&l->json, "alternatives");
    nc_json_arr(&l->json);
    l->query.kind = NC_Q_ALTERNATIVES;
    l->query.id = l->message.id;
    l->query.row = on_alternative;
    l->query.done = on_listed;
    l->chat->opts.store->ops->read(l->chat->opts.store, &l->query);
}

void nc_answer_alternatives(struct nc_chat *c, const struct nc_actor *who,
                            const struct nc_id *message, nc_json_fn *done, void *arg)
{
    struct list *l = nc_alloc(sizeof(*l));

    l->chat = c;
    l->who = *who;
    l->done = done;
    l->arg = arg;
    nc_fetch(c, message, on_list_fetched, l);
}

/* ---- the one that is shown ----------------------------------------------------------- */

struct choice {
    struct nc_query query;
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_actor who;
    struct nc_id room;
    struct nc_message message;
    uint32_t n;
    bool found;
    struct nc_buf strs; /* text, mentions, ai of the alternative */
    size_t text_n, ai_n;
    char *old; /* the fetched strings, taken over */
    nc_sent_fn *done;
    void *arg;
};

static void choice_end(struct choice *x, const struct nc_problem *why)
{
    struct nc_sent sent = {.message = x->message};

    x->done(x->arg, why, why ? NULL : &sent);
    nc_buf_fini(&x->strs);
    free(x->old);
    free(x);
}

static void choice_failed(struct choice *x, enum nc_err e)
{
    struct nc_problem why;

    nc_rooms_why(&why, e);
    choice_end(x, &why);
}

static void on_chosen(struct nc_commit *commit, enum nc_err e)
{
    struct choice *x = nc_of(commit, struct choice, commit);
    struct nc_row row = {.log.event = x->change.event};
    struct nc_room *r = nc_map_get(&x->chat->rooms, &x->room, sizeof(x->room));

    if (e) {
        choice_failed(x, e);
        return;
    }
    x->message.alternatives = x->change.message.alternatives;
    if (r) {
        struct nc_user *persona = nc_user_find(x->chat, &x->message.sender);
        if (persona)
            nc_message_signed(&x->message, persona);
        row.log.message = x->message;
        nc_rooms_publish(x->chat, &r->topic, &row, NULL);
        nc_observe_changed(x->chat, r, &x->message);
    }
    choice_end(x, NULL);
}

static void choose(struct choice *x)
{
    struct nc_chat *c = x->chat;
    struct nc_message *m = &x->message;
    struct nc_event *ev = &x->change.event;
    struct nc_buf *mentions = &c->talk->json;

    nc_buf_clear(mentions);
    nc_message_mentions(c, (struct nc_str){x->strs.p, x->text_n}, mentions);
    nc_buf_adds(&x->strs, nc_buf_str(mentions));
    m->body = (struct nc_str){x->strs.p, x->text_n};
    m->ai = (struct nc_str){x->strs.p + x->text_n, x->ai_n};
    m->mentions =
        (struct nc_str){x->strs.p + x->text_n + x->ai_n, x->strs.n - x->text_n - x->ai_n};
    m->chosen = x->n;
    x->change.kind = NC_MESSAGE_CHOOSE;
    x->change.message = *m;
    *ev = nc_room_event(c, NC_EV_MESSAGE_UPDATED, &x->room, NULL, x->who.user);
    ev->ref = m->id;
    x->commit.changes = &x->change;
    x->commit.n = 1;
    x->commit.done = on_chosen;
    c->opts.store->ops->commit(c->opts.store, &x->commit);
}

/* Reader thread. */
static void on_candidate(struct nc_query *q, const struct nc_row *row)
{
    struct choice *x = nc_of(q, struct choice, query);
    const struct nc_alternative *a = &row->alternative;

    if (a->n != x->n || x->found)
        return;
    x->found = true;
    x->message.state = a->state;
    x->text_n = a->body.n;
    x->ai_n = a->ai.n;
    nc_buf_adds(&x->strs, a->body);
    nc_buf_adds(&x->strs, a->ai);
}

static void on_candidates(struct nc_query *q, enum nc_err e)
{
    struct choice *x = nc_of(q, struct choice, query);
    struct nc_problem why;

    if (e) {
        choice_failed(x, e);
    } else if (!x->found) {
        nc_problem_set(&why, NC_P_NOT_FOUND, "n: there is no such alternative.");
        choice_end(x, &why);
    } else {
        choose(x);
    }
}

static bool asked(const struct nc_message *m, const struct nc_user *u)
{
    struct nc_str by = {0};
    struct nc_problem odd;
    json_t *ai;

    if (!u || nc_json_parse(m->ai, &ai, &odd))
        return false;
    bool yes = nc_json_opt_str(ai, "asked_by", 1, 64, &by, &odd) == NC_OK &&
               nc_str_eq(by, u->a.username);
    json_decref(ai);
    return yes;
}

static bool may_choose(const struct choice *x, const struct nc_room *r,
                       const struct nc_message *m, struct nc_problem *why)
{
    unsigned rank = nc_room_rank(r, &x->who);

    if (!is_answer(m, why))
        return false;
    if (rank <= NC_MEMBER + 1 && !(rank && asked(m, x->who.user))) {
        nc_problem_set(why, NC_P_FORBIDDEN,
                       "Who asked, and moderators, choose the answer that is shown.");
        return false;
    }
    if (m->state == NC_STREAMING) {
        nc_problem_set(why, NC_P_CONFLICT, "The answer is being written; wait or stop it.");
        return false;
    }
    return true;
}

static void on_choice_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct choice *x = f->arg;
    struct nc_problem why;
    struct nc_room *r = nc_fetch_room(&x->who, f, e, &why);

    if (!r || !may_choose(x, r, &f->message, &why)) {
        choice_end(x, &why);
        return;
    }
    x->room = r->rec.id;
    x->message = f->message;
    x->old = f->strs;
    f->strs = NULL;
    if (x->n == x->message.chosen) { /* it is shown already */
        choice_end(x, NULL);
        return;
    }
    x->query.kind = NC_Q_ALTERNATIVES;
    x->query.id = x->message.id;
    x->query.row = on_candidate;
    x->query.done = on_candidates;
    x->chat->opts.store->ops->read(x->chat->opts.store, &x->query);
}

void nc_answer_choose(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_id *message, uint32_t n, nc_sent_fn *done, void *arg)
{
    struct choice *x = nc_alloc(sizeof(*x));

    x->chat = c;
    x->who = *who;
    x->who.address = NC_STR("");
    x->n = n;
    x->done = done;
    x->arg = arg;
    nc_fetch(c, message, on_choice_fetched, x);
}
