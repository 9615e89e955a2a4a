#include <stdlib.h>

#include "base/clock.h"
#include "chat/people/throttle.h"
#include "chat/talk/answer.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"

/* A change of a message that is there: looked up, decided, committed, told. */
struct edit {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_room *room;
    struct nc_actor who;
    struct nc_message message; /* as it will be; strings below or the fetch's copy */
    struct nc_buf strs;        /* new text, then mentions */
    char *old;                 /* the fetched strings, taken over */
    size_t text_n;
    nc_sent_fn *done;
    void *arg;
};

static struct edit *edit_new(struct nc_chat *c, const struct nc_actor *who,
                             nc_sent_fn *done, void *arg)
{
    struct edit *ed = nc_alloc(sizeof(*ed));

    ed->chat = c;
    ed->who = *who;
    ed->who.address = NC_STR("");
    ed->done = done;
    ed->arg = arg;
    return ed;
}

static void finish(struct edit *ed, const struct nc_problem *why)
{
    struct nc_sent sent = {.message = ed->message};

    ed->done(ed->arg, why, why ? NULL : &sent);
    nc_buf_fini(&ed->strs);
    free(ed->old);
    free(ed);
}

/* The fetched message becomes ours, with its strings. */
static void take(struct edit *ed, struct nc_fetch *f, struct nc_room *r)
{
    ed->room = r;
    ed->message = f->message;
    ed->old = f->strs;
    f->strs = NULL;
}

static void run(struct edit *ed, enum nc_change_kind kind, enum nc_event_kind what,
                void (*done)(struct nc_commit *, enum nc_err))
{
    struct nc_chat *c = ed->chat;

    ed->change.kind = kind;
    ed->change.message = ed->message;
    ed->change.event = nc_room_event(c, what, &ed->room->rec.id, NULL, ed->who.user);
    ed->change.event.ref = ed->message.id;
    ed->commit.changes = &ed->change;
    ed->commit.n = 1;
    ed->commit.done = done;
    c->opts.store->ops->commit(c->opts.store, &ed->commit);
}

static void publish(struct edit *ed)
{
    struct nc_row row = {.log.event = ed->change.event};
    struct nc_user *sender = nc_user_find(ed->chat, &ed->message.sender);

    if (sender)
        nc_message_signed(&ed->message, sender);
    row.log.message = ed->message;
    nc_rooms_publish(ed->chat, &ed->room->topic, &row,
                     nc_id_zero(&ed->message.client_id) ? NULL : sender);
}

static void failed(struct edit *ed, enum nc_err e)
{
    struct nc_problem why;

    nc_rooms_why(&why, e);
    finish(ed, &why);
}

/* ---- edit -------------------------------------------------------------------- */

static void on_edited(struct nc_commit *commit, enum nc_err e)
{
    struct edit *ed = nc_of(commit, struct edit, commit);

    if (e) {
        failed(ed, e);
        return;
    }
    publish(ed);
    nc_observe_changed(ed->chat, ed->room, &ed->message);
    finish(ed, NULL);
}

static bool may_edit(struct nc_chat *c, const struct nc_actor *who, const struct nc_room *r,
                     const struct nc_message *m, struct nc_problem *why)
{
    if (m->deleted) {
        nc_problem_set(why, NC_P_CONFLICT, "The message was deleted.");
        return false;
    }
    if (!who->user || !nc_id_eq(&m->sender, &who->user->a.id) ||
        !nc_room_member(r, who->user) || m->kind == NC_NOTICE || m->ai.n ||
        m->sender_kind != NC_PERSON) {
        nc_problem_set(why, NC_P_FORBIDDEN,
                       "Only its author, as a member, edits a message.");
        return false;
    }
    if (c->sends_stopped) {
        nc_problem_set(why, NC_P_UNAVAILABLE, "The node's disk is nearly full.");
        return false;
    }
    return nc_rate_take(c, who->user, NC_RATE_SENDS, why);
}

static void on_edit_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct edit *ed = f->arg;
    struct nc_problem why;
    struct nc_room *r = nc_fetch_room(&ed->who, f, e, &why);

    if (!r || !may_edit(ed->chat, &ed->who, r, &f->message, &why)) {
        finish(ed, &why);
        return;
    }
    take(ed, f, r);
    struct nc_buf *mentions = &ed->chat->talk->json;
    nc_buf_clear(mentions);
    nc_message_mentions(ed->chat, nc_buf_str(&ed->strs), mentions);
    nc_buf_adds(&ed->strs, nc_buf_str(mentions));
    ed->message.body = (struct nc_str){ed->strs.p, ed->text_n};
    ed->message.mentions =
        (struct nc_str){ed->strs.p + ed->text_n, ed->strs.n - ed->text_n};
    ed->message.edited_ms = nc_wall_ms();
    run(ed, NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, on_edited);
}

void nc_message_edit(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                     struct nc_str text, nc_sent_fn *done, void *arg)
{
    struct nc_problem why;

    if (!nc_message_text_ok(text, c->opts.limits.message_max, &why)) {
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }

    struct edit *ed = edit_new(c, who, done, arg);

    nc_buf_adds(&ed->strs, text);
    ed->text_n = text.n;
    nc_fetch(c, id, on_edit_fetched, ed);
}

/* ---- delete -------------------------------------------------------------------- */

static void on_deleted(struct nc_commit *commit, enum nc_err e)
{
    struct edit *ed = nc_of(commit, struct edit, commit);

    if (e) {
        failed(ed, e);
        return;
    }
    ed->message.deleted = true;
    ed->message.body = ed->message.mentions = NC_STR("");
    ed->message.ai = ed->message.code = NC_STR("");
    nc_answer_forget(ed->chat, &ed->message.id);
    publish(ed);
    nc_observe_deleted(ed->chat, ed->room, &ed->message.id);
    finish(ed, NULL);
}

static bool may_delete(const struct nc_actor *who, const struct nc_room *r,
                       const struct nc_message *m, struct nc_problem *why)
{
    bool own = who->user && nc_id_eq(&m->sender, &who->user->a.id);
    unsigned rank = nc_room_rank(r, who);

    if (m->deleted) {
        nc_problem_set(why, NC_P_NOT_FOUND,
                       "There is no such message, or it is not open to you.");
        return false;
    }
    if (rank > NC_MEMBER + 1 || (own && rank))
        return true;
    nc_problem_set(why, NC_P_FORBIDDEN, "Only its author and moderators delete a message.");
    return false;
}

static void on_delete_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct edit *ed = f->arg;
    struct nc_problem why;
    struct nc_room *r = nc_fetch_room(&ed->who, f, e, &why);

    if (!r || !may_delete(&ed->who, r, &f->message, &why)) {
        finish(ed, &why);
        return;
    }
    take(ed, f, r);
    run(ed, NC_MESSAGE_DELETE, NC_EV_MESSAGE_DELETED, on_deleted);
}

void nc_message_delete(struct nc_chat *c, const struct nc_actor *who,
                       const struct nc_id *id, nc_sent_fn *done, void *arg)
{
    nc_fetch(c, id, on_delete_fetched, edit_new(c, who, done, arg));
}

/* ---- one message ----------------------------------------------------------------- */

static void on_got(struct nc_fetch *f, enum nc_err e)
{
    struct edit *ed = f->arg;
    struct nc_problem why;
    struct nc_room *r = nc_fetch_room(&ed->who, f, e, &why);

    if (r)
        take(ed, f, r);
    finish(ed, r ? NULL : &why);
}

void nc_message_get(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                    nc_sent_fn *done, void *arg)
{
    nc_fetch(c, id, on_got, edit_new(c, who, done, arg));
}
