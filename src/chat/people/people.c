#include "chat/people/people.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "chat/people/key.h"
#include "chat/people/renamed.h"
#include "chat/people/session.h"
#include "chat/people/throttle.h"
#include "chat/people/ticket.h"
#include "wire/json.h"

enum { SEEN_MAX = 8192 };

enum nc_err nc_people_new(struct nc_chat *c)
{
    c->people = nc_alloc(sizeof *c->people);
    nc_list_init(&c->people->ops);
    c->people->throttle = nc_throttle_new(SEEN_MAX);
    c->people->keys = nc_keys_new();
    c->people->tickets = nc_tickets_new();
    enum nc_err e = nc_sessions_load(c);
    return e ? e : nc_renamed_new(c);
}

void nc_people_free(struct nc_chat *c)
{
    struct nc_people *p = c->people;

    if (!p)
        return;
    p->closing = true;
    while (!nc_list_empty(&p->ops)) {
        struct nc_op *op = nc_of(nc_list_pop(&p->ops), struct nc_op, node);
        nc_loop_undefer(c->opts.loop, &op->task);
        op->finish(op);
    }
    nc_renamed_free(c);
    nc_sessions_free(p->sessions);
    nc_keys_free(p->keys);
    nc_tickets_free(p->tickets);
    nc_throttle_free(p->throttle);
    free(p);
    c->people = NULL;
}

/* ---- operations ---------------------------------------------------------- */

static void on_turn_end(struct nc_task *t)
{
    struct nc_op *op = nc_of(t, struct nc_op, task);

    nc_list_del(&op->node);
    op->finish(op);
}

void nc_op_init(struct nc_op *op, struct nc_chat *c, void (*finish)(struct nc_op *op))
{
    op->chat = c;
    op->finish = finish;
    op->task.run = on_turn_end;
}

void nc_op_end(struct nc_op *op)
{
    if (nc_list_linked(&op->node))
        return;
    nc_list_add(&op->chat->people->ops, &op->node);
    nc_loop_defer(op->chat->opts.loop, &op->task);
}

void nc_op_fail(struct nc_op *op, enum nc_problem_code code, const char *fmt, ...)
{
    char text[sizeof op->why.detail];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    nc_problem_set(&op->why, code, "%s", text);
    nc_op_end(op);
}

void nc_op_err(struct nc_op *op, enum nc_err e)
{
    if (e == NC_ELIMIT)
        nc_op_fail(op, NC_P_BUSY, "too much at once, try again shortly");
    else if (e == NC_ECLOSED)
        nc_op_fail(op, NC_P_UNAVAILABLE, "the node is shutting down");
    else
        nc_op_fail(op, NC_P_UNAVAILABLE, "it could not be stored");
}

const struct nc_problem *nc_op_why(const struct nc_op *op)
{
    return op->why.code ? &op->why : NULL;
}

void nc_op_commit(struct nc_op *op, struct nc_commit *commit, struct nc_change *changes,
                  unsigned n, void (*done)(struct nc_commit *c, enum nc_err e))
{
    struct nc_store *s = op->chat->opts.store;

    *commit = (struct nc_commit){.changes = changes, .n = n, .done = done};
    s->ops->commit(s, commit);
}

struct nc_event nc_people_event(struct nc_chat *c, enum nc_event_kind kind,
                                enum nc_audience audience, const struct nc_id *ref,
                                const struct nc_id *subject, const struct nc_id *actor)
{
    struct nc_event e = {.kind = kind, .audience = audience};

    if (kind == NC_EV_NONE)
        return e;
    e.hlc = nc_hlc_now(&c->clock);
    if (ref)
        e.ref = *ref;
    if (subject)
        e.subject = *subject;
    if (actor)
        e.actor = *actor;
    if (audience == NC_AUD_USER && subject)
        e.to = *subject;
    return e;
}

/* ---- lists, encoded where they are read ---------------------------------- */

struct list_op {
    struct nc_op op;
    struct nc_query query;
    struct nc_buf out;
    struct nc_json json;
    nc_row_json_fn *write;
    struct nc_id mine;
    nc_json_fn *done;
    void *arg;
};

static void finish_list(struct nc_op *op)
{
    struct list_op *l = nc_of(op, struct list_op, op);

    l->done(l->arg, nc_op_why(op), op->why.code ? NULL : &l->out);
    nc_buf_fini(&l->out);
    free(l);
}

static void on_list_row(struct nc_query *q, const struct nc_row *row)
{
    struct list_op *l = nc_of(q, struct list_op, query);

    l->write(&l->json, row, &l->mine);
}

static void on_listed(struct nc_query *q, enum nc_err e)
{
    struct list_op *l = nc_of(q, struct list_op, query);

    if (e) {
        nc_op_err(&l->op, e);
        return;
    }
    nc_json_arr_end(&l->json);
    nc_json_obj_end(&l->json);
    nc_op_end(&l->op);
}

void nc_people_list(struct nc_chat *c, enum nc_query_kind kind, const struct nc_id *id,
                    const char *name, nc_row_json_fn *write, const struct nc_id *mine,
                    nc_json_fn *done, void *arg)
{
    struct list_op *l = nc_alloc(sizeof *l);

    nc_op_init(&l->op, c, finish_list);
    l->write = write;
    l->done = done;
    l->arg = arg;
    if (mine)
        l->mine = *mine;
    l->json = nc_json_to(&l->out);
    nc_json_obj(&l->json);
    nc_json_key(&l->json, name);
    nc_json_arr(&l->json);
    l->query = (struct nc_query){.kind = kind, .row = on_list_row, .done = on_listed};
    if (id)
        l->query.id = *id;
    c->opts.store->ops->read(c->opts.store, &l->query);
}

/* ---- small things -------------------------------------------------------- */

void nc_people_copy(char *to, size_t cap, struct nc_str s)
{
    size_t n = s.n < cap ? s.n : cap - 1;

    memcpy(to, s.p ? s.p : "", n);
    to[n] = '\0';
}

struct nc_str nc_people_actor(const struct nc_actor *who)
{
    if (who->user)
        return who->user->a.username;
    return who->admin_socket ? NC_STR("admin.sock") : NC_STR("");
}

void nc_people_audit(struct nc_chat *c, const char *action, struct nc_str who,
                     struct nc_str target, struct nc_str address,
                     const struct nc_problem *why)
{
    struct nc_audit a = {
        .action = action, .ok = !why, .who = who, .target = target, .address = address};

    /* What was never tried is no action; who repeats it for ever would otherwise push
     * everything else out of the log. */
    if (why && (why->code == NC_P_RATE_LIMITED || why->code == NC_P_BAD_REQUEST))
        return;
    if (why)
        a.detail = nc_str(why->detail);
    if (c->opts.audit)
        c->opts.audit(c->opts.audit_arg, &a);
}

bool nc_people_text_ok(struct nc_str s, const char *member, unsigned max,
                       struct nc_problem *why)
{
    if (!nc_utf8_valid(s)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "%s is not UTF-8", member);
        return false;
    }
    size_t n = nc_utf8_count(s);
    if (!nc_utf8_visible(s) || n > max) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "%s must have 1 to %u characters", member,
                       max);
        return false;
    }
    for (struct nc_str rest = s; rest.n;) {
        if (nc_utf8_unseen(nc_utf8_next(&rest))) {
            nc_problem_set(why, NC_P_BAD_REQUEST, "%s holds a control character", member);
            return false;
        }
    }
    return true;
}
