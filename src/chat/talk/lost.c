#include "chat/talk/lost.h"

#include <stdlib.h>

#include "base/log.h"
#include "chat/talk/answer.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"

struct lost {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_buf strs; /* text, mentions, ai */
    size_t text_n, mentions_n;
    char *old; /* the fetched strings, taken over */
};

static void lost_free(struct lost *x)
{
    nc_buf_fini(&x->strs);
    free(x->old);
    free(x);
}

static void on_kept(struct nc_commit *commit, enum nc_err e)
{
    struct lost *x = nc_of(commit, struct lost, commit);
    struct nc_chat *c = x->chat;
    struct nc_message *m = &x->change.message;
    struct nc_row row = {.log.event = x->change.event};
    struct nc_room *r = nc_room_find(c, &m->room);
    struct nc_user *persona = nc_user_find(c, &m->sender);

    if (e != NC_OK) {
        nc_log(NC_WARN, "answer.lost", "error=%s", nc_strerr(e));
    } else if (r && persona) {
        nc_message_signed(m, persona);
        row.log.message = *m;
        nc_rooms_publish(c, &r->topic, &row, NULL);
        nc_observe_changed(c, r, m);
    }
    lost_free(x);
}

static void commit(struct lost *x, struct nc_fetch *f)
{
    struct nc_message *m = &x->change.message;
    struct nc_str text = {x->strs.p, x->text_n};
    struct nc_buf *mentions = &x->chat->talk->json;
    char *ai;

    nc_buf_clear(mentions);
    nc_message_mentions(x->chat, text, mentions);
    x->mentions_n = mentions->n;
    nc_buf_adds(&x->strs, nc_buf_str(mentions));
    ai = nc_answer_broken_off(f->message.ai, text);
    nc_buf_adds(&x->strs, nc_str(ai));
    free(ai);
    *m = f->message;
    x->old = f->strs;
    f->strs = NULL;
    m->state = NC_FAILED;
    m->body = (struct nc_str){x->strs.p, x->text_n};
    m->mentions = (struct nc_str){x->strs.p + x->text_n, x->mentions_n};
    m->ai = (struct nc_str){m->mentions.p + x->mentions_n,
                            x->strs.n - x->text_n - x->mentions_n};
    x->change.event = nc_room_event(x->chat, NC_EV_MESSAGE_COMPLETED, &m->room, NULL,
                                    nc_user_find(x->chat, &m->sender));
    x->change.event.ref = m->id;
    x->change.event.hlc =
        nc_hlc_of(&m->id) + 1; /* the store moves it no further than it must */
    x->change.kind = NC_MESSAGE_COMPLETE;
    x->commit.changes = &x->change;
    x->commit.n = 1;
    x->commit.done = on_kept;
    x->chat->opts.store->ops->commit(x->chat->opts.store, &x->commit);
}

static void on_fetched(struct nc_fetch *f, enum nc_err e)
{
    struct lost *x = f->arg;

    if (e == NC_OK && f->found && !f->message.deleted && f->message.state == NC_STREAMING &&
        !nc_answer_find(x->chat, &f->message.id) && nc_room_find(x->chat, &f->message.room))
        commit(x, f);
    else
        lost_free(x);
}

void nc_answer_lost(struct nc_chat *c, const struct nc_id *message, struct nc_str text)
{
    struct lost *x = nc_alloc(sizeof(*x));

    x->chat = c;
    x->text_n = text.n <= c->opts.limits.answer_max ? text.n : 0;
    nc_buf_add(&x->strs, text.p, x->text_n);
    nc_fetch(c, message, on_fetched, x);
}
