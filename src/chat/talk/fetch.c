#include "chat/talk/fetch.h"

#include <stdlib.h>
#include <string.h>

static void keep(char **at, struct nc_str *s)
{
    if (s->n)
        memcpy(*at, s->p, s->n);
    s->p = *at;
    *at += s->n;
}

/* Reader thread. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_fetch *f = nc_of(q, struct nc_fetch, query);
    struct nc_message *m = &f->message;

    if (f->found)
        return;
    *m = row->message;

    struct nc_str *strs[] = {&m->content_type, &m->body,        &m->mentions,      &m->ai,
                             &m->code,         &m->sender_name, &m->sender_display};
    size_t n = 1;
    for (size_t i = 0; i < NC_COUNT(strs); i++)
        n += strs[i]->n;

    char *at = f->strs = nc_alloc(n);
    for (size_t i = 0; i < NC_COUNT(strs); i++)
        keep(&at, strs[i]);
    f->found = true;
}

static void on_done(struct nc_query *q, enum nc_err e)
{
    struct nc_fetch *f = nc_of(q, struct nc_fetch, query);

    f->done(f, e);
    free(f->strs);
    free(f);
}

void nc_fetch(struct nc_chat *c, const struct nc_id *id,
              void (*done)(struct nc_fetch *f, enum nc_err e), void *arg)
{
    struct nc_fetch *f = nc_alloc(sizeof(*f));

    f->chat = c;
    f->done = done;
    f->arg = arg;
    f->query.kind = NC_Q_MESSAGE;
    f->query.id = *id;
    f->query.row = on_row;
    f->query.done = on_done;
    c->opts.store->ops->read(c->opts.store, &f->query);
}

struct nc_room *nc_fetch_room(const struct nc_actor *who, const struct nc_fetch *f,
                              enum nc_err e, struct nc_problem *why)
{
    struct nc_room *r = NULL;

    if (e) {
        nc_rooms_why(why, e);
        return NULL;
    }
    if (f->found)
        r = nc_room_visible(f->chat, who, &f->message.room, why);
    if (r && !nc_room_rank(r, who) && nc_room_banned(r, who->user)) {
        nc_problem_set(why, NC_P_FORBIDDEN, "You are banned from this room.");
        return NULL;
    }
    if (!r)
        nc_problem_set(why, NC_P_NOT_FOUND,
                       "There is no such message, or it is not open to you.");
    return r;
}
