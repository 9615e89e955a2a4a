#include "chat/talk/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chat/talk/put.h"
#include "wire/json_in.h"

struct nc_answer *nc_answer_find(struct nc_chat *c, const struct nc_id *id)
{
    return nc_map_get(&c->talk->answers, id, sizeof(*id));
}

struct nc_answer *nc_answer_remember(struct nc_chat *c, struct nc_room *r,
                                     struct nc_user *persona, const struct nc_message *m)
{
    static const struct nc_str none;
    struct nc_answer *a = nc_alloc(sizeof(*a));

    a->message = *m;
    a->message.content_type = a->message.body = a->message.mentions = none;
    a->message.ai = a->message.code = none;
    a->room = r;
    a->persona = persona;
    nc_map_put(&c->talk->answers, &a->message.id, sizeof(a->message.id), a);
    return a;
}

static void answer_free(struct nc_answer *a)
{
    if (a)
        free(a->ai);
    free(a);
}

void nc_answer_forget(struct nc_chat *c, const struct nc_id *message)
{
    answer_free(nc_map_del(&c->talk->answers, message, sizeof(*message)));
}

void nc_answers_free(struct nc_rooms *t)
{
    size_t at = 0;

    for (struct nc_answer *a; (a = nc_map_next(&t->answers, &at));)
        answer_free(a);
    nc_map_fini(&t->answers);
}

/* ---- start --------------------------------------------------------------------- */

struct start {
    struct nc_chat *chat;
    struct nc_room *room;
    struct nc_user *persona;
    nc_sent_fn *done;
    void *arg;
};

static void on_started(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct start *s = arg;

    if (!why)
        nc_answer_remember(s->chat, s->room, s->persona, &sent->message);
    s->done(s->arg, why, sent);
    free(s);
}

void nc_answer_start(struct nc_chat *c, struct nc_user *persona, struct nc_room *r,
                     const struct nc_id *reply_to, struct nc_str ai_json, nc_sent_fn *done,
                     void *arg)
{
    struct nc_put put = {.kind = NC_TEXT, .state = NC_STREAMING, .ai = ai_json};
    struct nc_problem why;

    if (!nc_room_is_alive(r) || !nc_room_member(r, persona)) {
        nc_problem_set(&why, NC_P_NOT_FOUND, "The persona is not in this room.");
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }
    if (reply_to)
        put.reply_to = *reply_to;

    struct start *s = nc_alloc(sizeof(*s));
    *s = (struct start){c, r, persona, done, arg};
    nc_put_run(nc_put_new(c, r, persona, &put, on_started, s));
}

/* ---- on the way ------------------------------------------------------------------ */

struct checkpoint {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    char text[];
};

static void on_checkpoint(struct nc_commit *commit, enum nc_err e)
{
    struct checkpoint *k = nc_of(commit, struct checkpoint, commit);
    struct nc_answer *a = nc_answer_find(k->chat, &k->change.message.id);

    (void)e; /* the next one, or the end, carries more */
    if (a)
        a->checkpointing = false;
    free(k);
}

void nc_answer_checkpoint(struct nc_chat *c, const struct nc_id *message,
                          struct nc_str text)
{
    struct nc_answer *a = nc_answer_find(c, message);

    /* One at a time: a slow disk gets fewer, not a queue of them. */
    if (!a || a->checkpointing || a->finishing || text.n > c->opts.limits.answer_max)
        return;

    struct checkpoint *k = nc_alloc(sizeof(*k) + text.n);

    if (text.n)
        memcpy(k->text, text.p, text.n);
    k->chat = c;
    k->change.kind = NC_MESSAGE_CHECKPOINT;
    k->change.message.id = *message;
    k->change.message.body = (struct nc_str){k->text, text.n};
    k->commit.changes = &k->change;
    k->commit.n = 1;
    k->commit.done = on_checkpoint;
    a->checkpointing = true;
    c->opts.store->ops->commit(c->opts.store, &k->commit);
}

/* ---- the end --------------------------------------------------------------------- */

struct end {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_room *room;
    struct nc_user *persona;
    struct nc_buf strs; /* text, mentions, ai */
    nc_sent_fn *done;
    void *arg;
};

static void on_ended(struct nc_commit *commit, enum nc_err e)
{
    struct end *end = nc_of(commit, struct end, commit);
    struct nc_chat *c = end->chat;
    struct nc_message *m = &end->change.message;
    struct nc_answer *a = nc_answer_find(c, &m->id);
    struct nc_problem why;

    if (e) {
        if (a)
            a->finishing = false; /* it may be tried again */
        nc_rooms_why(&why, e);
        end->done(end->arg, &why, NULL);
    } else {
        struct nc_row row = {.log.event = end->change.event};
        struct nc_sent sent = {0};

        nc_answer_forget(c, &m->id);
        nc_message_signed(m, end->persona);
        row.log.message = sent.message = *m;
        nc_rooms_publish(c, &end->room->topic, &row, NULL);
        nc_observe_changed(c, end->room, m);
        end->done(end->arg, NULL, &sent);
    }
    nc_buf_fini(&end->strs);
    free(end);
}

static void fill(struct end *end, struct nc_answer *a, struct nc_str text,
                 enum nc_message_state state, struct nc_str ai_json)
{
    struct nc_chat *c = end->chat;
    struct nc_message *m = &end->change.message;
    struct nc_event *ev = &end->change.event;
    struct nc_buf *mentions = &c->talk->json;

    nc_buf_clear(mentions);
    nc_message_mentions(c, text, mentions);
    nc_buf_reserve(&end->strs, text.n + mentions->n + ai_json.n + 1);
    nc_buf_adds(&end->strs, text);
    nc_buf_adds(&end->strs, nc_buf_str(mentions));
    nc_buf_adds(&end->strs, ai_json);

    *m = a->message;
    m->body = (struct nc_str){end->strs.p, text.n};
    m->mentions = (struct nc_str){end->strs.p + text.n, mentions->n};
    m->ai = (struct nc_str){end->strs.p + text.n + mentions->n, ai_json.n};
    m->state = state;
    *ev = nc_room_event(c, NC_EV_MESSAGE_COMPLETED, &a->room->rec.id, NULL, a->persona);
    ev->ref = m->id;
    end->change.kind = NC_MESSAGE_COMPLETE;
}

static bool may_end(struct nc_chat *c, const struct nc_answer *a, struct nc_str text,
                    struct nc_problem *why)
{
    size_t max = c->opts.limits.answer_max;

    if (!a) {
        nc_problem_set(why, NC_P_NOT_FOUND, "No such answer is being written.");
        return false;
    }
    if (a->finishing) {
        nc_problem_set(why, NC_P_CONFLICT, "The answer is being completed just now.");
        return false;
    }
    if (text.n > max) {
        nc_problem_set(why, NC_P_TOO_LARGE, "An answer has at most %zu bytes.", max);
        return false;
    }
    return true;
}

void nc_answer_finish(struct nc_chat *c, const struct nc_id *message, struct nc_str text,
                      enum nc_message_state state, struct nc_str ai_json, nc_sent_fn *done,
                      void *arg)
{
    struct nc_answer *a = nc_answer_find(c, message);
    struct nc_problem why;

    if (!may_end(c, a, text, &why)) {
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }

    struct end *end = nc_alloc(sizeof(*end));

    end->chat = c;
    end->room = a->room;
    end->persona = a->persona;
    end->done = done;
    end->arg = arg;
    a->finishing = true;
    fill(end, a, text, state, ai_json);
    end->commit.changes = &end->change;
    end->commit.n = 1;
    end->commit.done = on_ended;
    c->opts.store->ops->commit(c->opts.store, &end->commit);
}

/* ---- what the last run left ---------------------------------------------------------- */

static void on_failed(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    (void)arg;
    (void)sent;
    if (why)
        nc_log(NC_WARN, "answer.recover", "error=%s", nc_problem_name(why->code));
}

/* In the language it is in. */
char *nc_answer_broken_off(struct nc_str ai, struct nc_str text_so_far)
{
    const char *why = nc_is_cyrillic(text_so_far) ? "узел тем временем остановился"
                                                  : "the node stopped meanwhile";
    struct nc_problem odd;
    json_t *root = NULL;
    char *text = NULL;

    if (nc_json_parse(ai, &root, &odd) != NC_OK)
        root = json_object();
    if (root && !json_object_set_new(root, "reason", json_string(why)) &&
        !json_object_set_new(root, "code", json_string("node_stopped")))
        text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(root);
    return text ? text : nc_str_dup(ai);
}

void nc_answer_recover(struct nc_chat *c, const struct nc_message *m)
{
    struct nc_room *r = nc_map_get(&c->rooms, &m->room, sizeof(m->room));
    struct nc_user *persona = nc_user_find(c, &m->sender);
    struct nc_answer *a;

    if (!r || !persona)
        return;
    a = nc_answer_remember(c, r, persona, m);
    a->ai = nc_answer_broken_off(m->ai, m->body);
    if (m->body.n)
        nc_answer_finish(c, &m->id, m->body, NC_FAILED, nc_str(a->ai), on_failed, NULL);
    else
        a->orphan = true;
}

bool nc_answer_resume(struct nc_chat *c, const struct nc_id *message)
{
    struct nc_answer *a = nc_answer_find(c, message);

    if (!a || !a->orphan)
        return false;
    a->orphan = false;
    return true;
}

bool nc_answer_resume_reply(struct nc_chat *c, const struct nc_id *persona,
                            const struct nc_id *question, struct nc_id *message)
{
    size_t at = 0;

    for (struct nc_answer *a; (a = nc_map_next(&c->talk->answers, &at));)
        if (nc_id_eq(&a->message.sender, persona) &&
            nc_id_eq(&a->message.reply_to, question)) {
            *message = a->message.id;
            return nc_answer_resume(c, message);
        }
    return false;
}

void nc_answers_abandon(struct nc_chat *c)
{
    size_t at = 0;

    for (struct nc_answer *a; (a = nc_map_next(&c->talk->answers, &at));)
        if (a->orphan) {
            a->orphan = false;
            nc_answer_finish(c, &a->message.id, NC_STR(""), NC_FAILED, nc_str(a->ai),
                             on_failed, NULL);
        }
}
