#include "chat/talk/another.h"

#include <stdlib.h>

#include "base/log.h"
#include "chat/talk/answer.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"

enum { LOST, KEPT };

struct way {
    struct nc_commit commit;
    struct nc_change change[2];
    struct nc_chat *chat;
    struct nc_id ids[2];
    struct nc_message messages[2];
    char *strs[2]; /* the fetched strings, taken over */
};

static void way_free(struct way *x)
{
    free(x->strs[LOST]);
    free(x->strs[KEPT]);
    free(x);
}

static void publish(struct way *x, unsigned which)
{
    struct nc_chat *c = x->chat;
    struct nc_message *m = &x->messages[which];
    struct nc_row row = {.log.event = x->change[which].event};
    struct nc_room *r = nc_room_find(c, &m->room);
    struct nc_user *persona = nc_user_find(c, &m->sender);

    if (!r || !persona)
        return;
    nc_message_signed(m, persona);
    row.log.message = *m;
    nc_rooms_publish(c, &r->topic, &row, NULL);
    if (which == LOST && nc_id_eq(&r->newest, &m->id))
        nc_rooms_newest(c, r);
    if (which == LOST)
        nc_observe_deleted(c, r, &m->id);
    else
        nc_observe_changed(c, r, m);
}

static void on_kept(struct nc_commit *commit, enum nc_err e)
{
    struct way *x = nc_of(commit, struct way, commit);
    struct nc_message *lost = &x->messages[LOST];

    if (e != NC_OK) {
        nc_log(NC_WARN, "answer.another", "error=%s", nc_strerr(e));
    } else {
        lost->deleted = true;
        lost->body = lost->mentions = lost->ai = lost->code = NC_STR("");
        nc_answer_forget(x->chat, &lost->id);
        x->messages[KEPT].alternatives = x->change[KEPT].message.alternatives;
        publish(x, LOST);
        publish(x, KEPT);
    }
    way_free(x);
}

static void change(struct way *x, unsigned which, enum nc_change_kind kind,
                   enum nc_event_kind what)
{
    struct nc_message *m = &x->messages[which];
    struct nc_change *ch = &x->change[which];

    ch->kind = kind;
    ch->message = *m;
    ch->event =
        nc_room_event(x->chat, what, &m->room, NULL, nc_user_find(x->chat, &m->sender));
    ch->event.ref = m->id;
}

/* What is kept is shown as before; that there is one more of it, everybody hears. */
static void decide(struct way *x)
{
    change(x, LOST, NC_MESSAGE_DELETE, NC_EV_MESSAGE_DELETED);
    x->change[LOST].event.subject = x->ids[KEPT];
    x->change[LOST].event.reason = NC_DELETED_ANOTHER;
    change(x, KEPT, NC_MESSAGE_CHOOSE, NC_EV_MESSAGE_UPDATED);
    x->commit.changes = x->change;
    x->commit.n = 2;
    x->commit.done = on_kept;
    x->chat->opts.store->ops->commit(x->chat->opts.store, &x->commit);
}

static bool take(struct way *x, unsigned which, struct nc_fetch *f, enum nc_err e)
{
    const struct nc_message *m = &f->message;

    if (e != NC_OK || !f->found || m->deleted || m->state == NC_STREAMING ||
        !nc_id_eq(&m->id, &x->ids[which]) || !nc_room_find(x->chat, &m->room) ||
        nc_answer_find(x->chat, &m->id)) {
        way_free(x);
        return false;
    }
    x->messages[which] = *m;
    x->strs[which] = f->strs;
    f->strs = NULL;
    return true;
}

static void on_kept_read(struct nc_fetch *f, enum nc_err e)
{
    struct way *x = f->arg;

    if (take(x, KEPT, f, e))
        decide(x);
}

static void on_lost_read(struct nc_fetch *f, enum nc_err e)
{
    struct way *x = f->arg;

    if (take(x, LOST, f, e))
        nc_fetch(x->chat, &x->ids[KEPT], on_kept_read, x);
}

void nc_answer_give_way(struct nc_chat *c, const struct nc_id *lost,
                        const struct nc_id *kept)
{
    struct way *x = nc_alloc(sizeof(*x));

    x->chat = c;
    x->ids[LOST] = *lost;
    x->ids[KEPT] = *kept;
    nc_fetch(c, lost, on_lost_read, x);
}
