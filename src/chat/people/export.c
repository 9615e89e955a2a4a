#include "chat/people/export.h"

#include <stdlib.h>

#include "base/clock.h"
#include "chat/people/account.h"
#include "chat/people/key.h"
#include "chat/talk/event.h"
#include "wire/json.h"

enum { PAGE = 64, PAGE_BYTES = 256 << 10 };

enum stage { HEAD, SESSIONS, KEYS, MESSAGES, WHOLE };

struct nc_export {
    struct nc_op op;
    const struct nc_user *user; /* never freed before the chat */
    enum stage stage;
    struct nc_query query;
    struct nc_buf page;
    struct nc_json json; /* remembers its comma from page to page */
    nc_export_fn *done;
    void *arg;
};

static void finish(struct nc_op *op)
{
    struct nc_export *x = nc_of(op, struct nc_export, op);
    struct nc_problem why = op->why;

    op->why.code = NC_P_NONE;
    x->done(x->arg, why.code ? &why : NULL, nc_buf_str(&x->page), x->stage == WHOLE);
}

struct nc_export *nc_export_new(struct nc_chat *c, const struct nc_user *u)
{
    struct nc_export *x = nc_alloc(sizeof *x);

    nc_op_init(&x->op, c, finish);
    x->user = u;
    x->json = nc_json_to(&x->page);
    return x;
}

void nc_export_free(struct nc_export *x)
{
    if (!x)
        return;
    nc_buf_fini(&x->page);
    free(x);
}

/* What memory holds: the account and where it is a member. */
static void write_head(struct nc_export *x)
{
    struct nc_json *j = &x->json;

    nc_json_obj(j);
    nc_json_ktime(j, "exported_at", nc_wall_ms());
    nc_json_key(j, "user");
    nc_account_json(j, &x->user->a, false);
    nc_json_key(j, "rooms");
    nc_json_arr(j);
    nc_list_each(n, &x->user->memberships) {
        const struct nc_member *m = nc_of(n, struct nc_member, by_user);
        if (m->room->rec.deleted_ms)
            continue;
        nc_json_obj(j);
        nc_json_kid(j, "id", &m->room->rec.id);
        nc_json_kstr(j, "name", m->room->rec.name);
        nc_json_kstr(j, "role", nc_str(nc_member_role_name(m->rec.role)));
        nc_json_ktime(j, "joined_at", m->rec.joined_ms);
        nc_json_obj_end(j);
    }
    nc_json_arr_end(j);
    nc_json_key(j, "sessions");
    nc_json_arr(j);
}

static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_export *x = nc_of(q, struct nc_export, query);
    struct nc_json *j = &x->json;

    if (x->stage == MESSAGES) {
        nc_event_message(j, &row->message, true);
        return;
    }
    nc_json_obj(j);
    if (x->stage == KEYS) {
        nc_key_json(j, &row->key);
    } else {
        nc_json_kid(j, "id", &row->session.id);
        nc_json_kstr(j, "device", row->session.device);
        nc_json_kstr(j, "address", row->session.address);
        nc_json_ktime(j, "created_at", row->session.created_ms);
        nc_json_ktime(j, "used_at", row->session.used_ms);
    }
    nc_json_obj_end(j);
}

static void on_read(struct nc_query *q, enum nc_err e)
{
    struct nc_export *x = nc_of(q, struct nc_export, query);
    struct nc_json *j = &x->json;

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    switch (x->stage) {
    case HEAD:
    case WHOLE: break;
    case SESSIONS:
        nc_json_arr_end(j);
        nc_json_key(j, "keys");
        nc_json_arr(j);
        x->stage = KEYS;
        break;
    case KEYS:
        nc_json_arr_end(j);
        nc_json_key(j, "messages");
        nc_json_arr(j);
        x->stage = MESSAGES;
        x->query.since = 0;
        break;
    case MESSAGES:
        if (q->more) {
            x->query.since = q->upto;
            break;
        }
        nc_json_arr_end(j);
        nc_json_obj_end(j);
        x->stage = WHOLE;
        break;
    }
    nc_op_end(&x->op);
}

void nc_export_next(struct nc_export *x, nc_export_fn *done, void *arg)
{
    static const enum nc_query_kind kinds[] = {
        [SESSIONS] = NC_Q_SESSIONS, [KEYS] = NC_Q_KEYS, [MESSAGES] = NC_Q_OF_USER};
    struct nc_store *s = x->op.chat->opts.store;
    uint64_t since = x->query.since;

    x->done = done;
    x->arg = arg;
    nc_buf_clear(&x->page);
    if (x->stage == HEAD) {
        write_head(x);
        x->stage = SESSIONS;
    }
    x->query = (struct nc_query){.kind = kinds[x->stage],
                                 .id = x->user->a.id,
                                 .user = x->user->a.id,
                                 .since = since,
                                 .limit = PAGE,
                                 .bytes_max = PAGE_BYTES,
                                 .row = on_row,
                                 .done = on_read};
    s->ops->read(s, &x->query);
}
