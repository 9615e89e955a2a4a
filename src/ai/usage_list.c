/* What was used, as JSON: collected where it is read, named on the loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/usage_parts.h"
#include "base/clock.h"
#include "chat/rooms/rooms.h"
#include "wire/json.h"

#define DAY_MS (86400ull * 1000)
#define ROWS_MAX 20000
#define DATE 10 /* "2026-01-02" */

struct list {
    struct nc_op op;
    struct nc_query query;
    struct nc_usages *usages;
    struct nc_actor who;
    struct nc_usage_query asked;
    struct nc_buf out;
    struct nc_json json;
    struct nc_usage sum;
    struct nc_map names; /* ids that rows have: struct name */
    unsigned rows;
    nc_json_fn *done;
    void *arg;
};

struct name {
    struct nc_id id;
};

/* ---- on the reader thread ------------------------------------------------- */

static void kday(struct nc_json *j, const char *key, uint32_t day)
{
    char text[NC_TIME_TEXT];

    nc_time_text(day * DAY_MS, text);
    nc_json_kstr(j, key, (struct nc_str){text, DATE});
}

static void named(struct list *l, const char *key, const struct nc_id *id)
{
    if (nc_id_zero(id))
        return;
    nc_json_kid(&l->json, key, id);
    if (nc_map_get(&l->names, id, sizeof(*id)))
        return;
    struct name *n = nc_alloc(sizeof(*n));
    n->id = *id;
    nc_map_put(&l->names, &n->id, sizeof(n->id), n);
}

static void write_counts(struct nc_json *j, const struct nc_usage *r)
{
    nc_json_kuint(j, "requests", r->requests);
    nc_json_kuint(j, "prompt_tokens", r->prompt_tokens);
    nc_json_kuint(j, "completion_tokens", r->completion_tokens);
    nc_json_kuint(j, "estimated", r->estimated);
}

static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct list *l = nc_of(q, struct list, query);
    const struct nc_usage *r = &row->usage;
    struct nc_json *j = &l->json;

    if (l->rows++ >= ROWS_MAX)
        return;
    l->sum.requests += r->requests;
    l->sum.prompt_tokens += r->prompt_tokens;
    l->sum.completion_tokens += r->completion_tokens;
    l->sum.estimated += r->estimated;
    nc_json_obj(j);
    kday(j, "day", r->day);
    named(l, "user", &r->user);
    named(l, "room", &r->room);
    named(l, "persona", &r->persona);
    if (!nc_id_zero(&r->key))
        nc_json_kid(j, "key", &r->key);
    nc_json_kstr(j, "provider", r->provider);
    nc_json_kstr(j, "model", r->model);
    write_counts(j, r);
    nc_json_obj_end(j);
}

/* ---- on the loop ---------------------------------------------------------- */

/* What the ids are called, of those that are there and that one may see. */
static void write_names(struct list *l)
{
    struct nc_chat *c = l->op.chat;
    char text[NC_ID_TEXT];
    size_t at = 0;

    nc_json_key(&l->json, "names");
    nc_json_obj(&l->json);
    for (const struct name *n; (n = nc_map_next(&l->names, &at));) {
        const struct nc_user *u = nc_user_find(c, &n->id);
        const struct nc_room *r = u ? NULL : nc_room_find(c, &n->id);
        struct nc_str name = {0};
        if (u && !u->a.deleted)
            name = u->a.username;
        else if (r && (l->asked.all || nc_room_rank(r, &l->who)))
            name = r->rec.name;
        if (!name.n)
            continue;
        nc_id_text(&n->id, text);
        nc_json_keyn(&l->json, text, sizeof(text));
        nc_json_str(&l->json, name);
    }
    nc_json_obj_end(&l->json);
}

static void write_caps(struct list *l)
{
    const struct nc_caps *c = &l->usages->caps;
    const struct {
        const char *name;
        uint64_t cap;
    } rows[] = {
        {"user_tokens", c->user_tokens}, {"user_requests", c->user_requests},
        {"room_tokens", c->room_tokens}, {"persona_tokens", c->persona_tokens},
        {"node_tokens", c->node_tokens},
    };
    uint64_t tokens = 0, requests = 0;

    nc_json_key(&l->json, "caps");
    nc_json_obj(&l->json);
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        if (rows[i].cap)
            nc_json_kuint(&l->json, rows[i].name, rows[i].cap);
    nc_json_obj_end(&l->json);
    if (!l->who.user)
        return;
    nc_usages_today(l->usages, NC_BY_USER, &l->who.user->a.id, &tokens, &requests);
    nc_json_key(&l->json, "today");
    nc_json_obj(&l->json);
    nc_json_kuint(&l->json, "tokens", tokens);
    nc_json_kuint(&l->json, "requests", requests);
    nc_json_obj_end(&l->json);
}

static void on_read(struct nc_query *q, enum nc_err e)
{
    struct list *l = nc_of(q, struct list, query);
    struct nc_json *j = &l->json;

    if (e != NC_OK) {
        nc_op_err(&l->op, e);
        return;
    }
    if (l->rows > ROWS_MAX) {
        nc_op_fail(&l->op, NC_P_TOO_LARGE, "that is more than %d rows; ask for fewer days",
                   ROWS_MAX);
        return;
    }
    nc_json_arr_end(j);
    nc_json_key(j, "totals");
    nc_json_obj(j);
    write_counts(j, &l->sum);
    nc_json_obj_end(j);
    write_names(l);
    write_caps(l);
    nc_json_obj_end(j);
    nc_op_end(&l->op);
}

static void finish(struct nc_op *op)
{
    struct list *l = nc_of(op, struct list, op);
    size_t at = 0;

    l->done(l->arg, nc_op_why(op), op->why.code ? NULL : &l->out);
    for (struct name *n; (n = nc_map_next(&l->names, &at));)
        free(n);
    nc_map_fini(&l->names);
    nc_buf_fini(&l->out);
    free(l);
}

/* What of it they may see: false when that is nothing. */
static bool permit(struct list *l)
{
    bool admin =
        l->who.admin_socket || (l->who.user && l->who.user->a.role >= NC_ROLE_ADMIN);

    l->asked.all = l->asked.all || !l->who.user; /* the admin socket is nobody */
    if (l->asked.all && !admin) {
        nc_op_fail(&l->op, NC_P_FORBIDDEN, "everybody's usage is for administrators");
        return false;
    }
    if (!nc_id_zero(&l->asked.room) && !l->asked.all) {
        struct nc_room *r =
            nc_room_visible(l->op.chat, &l->who, &l->asked.room, &l->op.why);
        if (!r) {
            nc_op_end(&l->op);
            return false;
        }
        if (nc_room_rank(r, &l->who) <= NC_MODERATOR) {
            nc_op_fail(&l->op, NC_P_FORBIDDEN, "a room's usage is for its moderators");
            return false;
        }
    }
    return true;
}

void nc_usage_json(struct nc_usages *u, const struct nc_actor *who,
                   const struct nc_usage_query *q, nc_json_fn *done, void *arg)
{
    struct list *l = nc_alloc(sizeof(*l));

    nc_op_init(&l->op, u->chat, finish);
    l->usages = u;
    l->who = *who;
    l->who.address = NC_STR("");
    l->asked = *q;
    l->done = done;
    l->arg = arg;
    l->json = nc_json_to(&l->out);
    if (!permit(l))
        return;
    nc_json_obj(&l->json);
    kday(&l->json, "from", q->from_day);
    kday(&l->json, "to", q->to_day);
    nc_json_key(&l->json, "rows");
    nc_json_arr(&l->json);
    l->query = (struct nc_query){.kind = NC_Q_USAGE,
                                 .since = q->from_day,
                                 .upto_day = q->to_day,
                                 .room = q->room,
                                 .row = on_row,
                                 .done = on_read};
    if (!l->asked.all && nc_id_zero(&q->room))
        l->query.user = who->user->a.id;
    u->chat->opts.store->ops->read(u->chat->opts.store, &l->query);
}
