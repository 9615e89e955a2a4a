#include "chat/talk/put.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/talk/fetch.h"
#include "chat/talk/mention.h"

/* One allocation: what the store needs, and behind it the strings. */
struct nc_putting {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_room *room;
    struct nc_user *sender;
    nc_sent_fn *done;
    void *arg;
    char strs[];
};

static bool is_known(void *arg, struct nc_str name)
{
    const struct nc_user *u = nc_user_named(arg, name);

    return u && u->a.kind != NC_SYSTEM;
}

void nc_message_mentions(struct nc_chat *c, struct nc_str text, struct nc_buf *out)
{
    nc_mention_find(out, text, is_known, c);
}

void nc_message_signed(struct nc_message *m, const struct nc_user *sender)
{
    m->sender_name = sender->a.username;
    m->sender_display = sender->a.display_name;
    m->sender_kind = sender->a.kind;
}

bool nc_message_text_ok(struct nc_str text, size_t max, struct nc_problem *why)
{
    if (text.n > max) {
        nc_problem_set(why, NC_P_TOO_LARGE, "text: at most %zu bytes.", max);
        return false;
    }
    if (!nc_str_trim(text).n) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "text: is empty.");
        return false;
    }
    if (memchr(text.p, 0, text.n)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "text: holds a NUL.");
        return false;
    }
    return true;
}

static struct nc_str keep(char **at, struct nc_str s)
{
    char *p = *at;

    if (s.n)
        memcpy(p, s.p, s.n);
    *at += s.n;
    return (struct nc_str){p, s.n};
}

struct nc_putting *nc_put_new(struct nc_chat *c, struct nc_room *r, struct nc_user *sender,
                              const struct nc_put *in, nc_sent_fn *done, void *arg)
{
    struct nc_buf *mentions = &c->talk->json;

    nc_buf_clear(mentions);
    nc_message_mentions(c, in->text, mentions);

    struct nc_putting *p =
        nc_alloc(sizeof(*p) + in->text.n + mentions->n + in->ai.n + in->code.n);
    struct nc_message *m = &p->change.message;
    char *at = p->strs;

    p->chat = c;
    p->room = r;
    p->sender = sender;
    p->done = done;
    p->arg = arg;
    p->change.kind = NC_MESSAGE_INSERT;
    m->room = r->rec.id;
    m->sender = sender->a.id;
    m->client_id = in->client_id;
    m->reply_to = in->reply_to;
    m->kind = in->kind;
    m->state = in->state;
    m->body = keep(&at, in->text);
    m->mentions = keep(&at, nc_buf_str(mentions));
    m->ai = keep(&at, in->ai);
    m->code = keep(&at, in->code);
    return p;
}

const struct nc_id *nc_put_reply_to(const struct nc_putting *p)
{
    return &p->change.message.reply_to;
}

static void on_durable(struct nc_putting *p)
{
    struct nc_chat *c = p->chat;
    struct nc_message *m = &p->change.message;
    struct nc_row row = {.log.event = p->change.event};
    struct nc_sent sent = {0};

    if (nc_id_cmp(&m->id, &p->room->newest) > 0)
        p->room->newest = m->id;
    m->seq = p->change.event.seq;
    nc_message_signed(m, p->sender);
    row.log.message = *m;
    nc_rooms_publish(c, &p->room->topic, &row,
                     nc_id_zero(&m->client_id) ? NULL : p->sender);
    nc_observe_stored(c, p->room, m);
    sent.message = *m;
    p->done(p->arg, NULL, &sent);
}

/* (sender, client_id) was known: the message it stands for is the answer. */
static void on_known(struct nc_fetch *f, enum nc_err e)
{
    struct nc_putting *p = f->arg;
    struct nc_sent sent = {.repeated = true, .message = f->message};
    struct nc_problem why;

    if (e) {
        nc_rooms_why(&why, e);
        p->done(p->arg, &why, NULL);
    } else if (!f->found) {
        nc_problem_set(&why, NC_P_CONFLICT,
                       "client_id: stands for a message that was erased since.");
        p->done(p->arg, &why, NULL);
    } else {
        p->done(p->arg, NULL, &sent);
    }
    free(p);
}

static void on_commit(struct nc_commit *commit, enum nc_err e)
{
    struct nc_putting *p = nc_of(commit, struct nc_putting, commit);
    struct nc_sent sent = {.repeated = true, .is_notice = true};
    struct nc_problem why;

    if (e == NC_EEXIST && !nc_id_zero(&commit->existing)) {
        nc_fetch(p->chat, &commit->existing, on_known, p);
        return;
    }
    if (e == NC_OK) {
        on_durable(p);
    } else if (e == NC_EEXIST) {
        sent.notice = nc_buf_str(&commit->notice);
        p->done(p->arg, NULL, &sent);
    } else {
        nc_rooms_why(&why, e);
        p->done(p->arg, &why, NULL);
    }
    free(p);
}

void nc_put_run(struct nc_putting *p)
{
    struct nc_chat *c = p->chat;
    struct nc_message *m = &p->change.message;
    struct nc_event *ev = &p->change.event;

    *ev = nc_room_event(c, NC_EV_MESSAGE_CREATED, &m->room, NULL, p->sender);
    m->id = ev->ref = nc_hlc_id(ev->hlc);
    m->created_ms = nc_wall_ms();
    m->late = nc_id_cmp(&m->id, &p->room->newest) < 0;
    p->commit.changes = &p->change;
    p->commit.n = 1;
    p->commit.done = on_commit;
    c->opts.store->ops->commit(c->opts.store, &p->commit);
}

void nc_put_refuse(struct nc_putting *p, const struct nc_problem *why)
{
    nc_rooms_later_sent(p->chat, p->done, p->arg, why, NULL);
    free(p);
}
