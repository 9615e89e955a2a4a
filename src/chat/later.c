#include "chat/later.h"

#include <stdlib.h>
#include <string.h>

/*
 * Callbacks that need no commit: refusals, and what was so already.  They run at the
 * end of the turn, because nobody is called back before the starting call returned.
 */
struct later {
    struct nc_list node;
    void (*run)(struct later *l);
    union {
        nc_room_fn *room;
        nc_sent_fn *sent;
        nc_json_fn *json;
    } done;
    void *arg;
    bool failed;
    struct nc_problem why;
    struct nc_room *r;
    struct nc_buf text;
};

static const struct nc_problem *why_of(const struct later *l)
{
    return l->failed ? &l->why : NULL;
}

static void run_all(struct nc_rooms *t)
{
    struct nc_list due;

    /* What these callbacks put off in turn waits for the next round. */
    nc_list_init(&due);
    for (struct nc_list *n; (n = nc_list_pop(&t->later));)
        nc_list_add(&due, n);
    for (struct nc_list *n; (n = nc_list_pop(&due));) {
        struct later *l = nc_of(n, struct later, node);
        l->run(l);
        nc_buf_fini(&l->text);
        free(l);
    }
}

static void on_turn_end(struct nc_task *task)
{
    run_all(nc_of(task, struct nc_rooms, later_task));
}

void nc_later_init(struct nc_rooms *t)
{
    nc_list_init(&t->later);
    t->later_task.run = on_turn_end;
}

void nc_later_fini(struct nc_rooms *t)
{
    nc_loop_undefer(t->chat->opts.loop, &t->later_task);
    while (!nc_list_empty(&t->later)) {
        /* The store is gone: whoever meant to go on must stop. */
        nc_list_each(n, &t->later) {
            struct later *l = nc_of(n, struct later, node);
            l->failed = true;
            nc_rooms_why(&l->why, NC_ECLOSED);
        }
        run_all(t);
    }
}

static struct later *put_off(struct nc_chat *c, void (*run)(struct later *l), void *arg,
                             const struct nc_problem *why)
{
    struct later *l = nc_alloc(sizeof(*l));

    l->run = run;
    l->arg = arg;
    l->failed = why != NULL;
    if (why)
        l->why = *why;
    nc_list_add(&c->talk->later, &l->node);
    nc_loop_defer(c->opts.loop, &c->talk->later_task);
    return l;
}

static void run_room(struct later *l)
{
    l->done.room(l->arg, why_of(l), l->failed ? NULL : l->r);
}

static void run_sent(struct later *l)
{
    struct nc_sent sent = {.is_notice = true, .notice = nc_buf_str(&l->text)};

    l->done.sent(l->arg, why_of(l), l->failed ? NULL : &sent);
}

static void run_json(struct later *l)
{
    l->done.json(l->arg, why_of(l), l->failed ? NULL : &l->text);
}

void nc_rooms_later(struct nc_chat *c, nc_room_fn *done, void *arg,
                    const struct nc_problem *why, struct nc_room *r)
{
    struct later *l = put_off(c, run_room, arg, why);

    l->done.room = done;
    l->r = r;
}

void nc_rooms_later_sent(struct nc_chat *c, nc_sent_fn *done, void *arg,
                         const struct nc_problem *why, const struct nc_str *notice)
{
    struct later *l = put_off(c, run_sent, arg, why);

    l->done.sent = done;
    if (notice)
        nc_buf_adds(&l->text, *notice);
}

void nc_rooms_later_json(struct nc_chat *c, nc_json_fn *done, void *arg,
                         const struct nc_problem *why, struct nc_str json)
{
    struct later *l = put_off(c, run_json, arg, why);

    l->done.json = done;
    nc_buf_adds(&l->text, json);
}
