/* Making, listing and deleting API keys. */
#include <stdlib.h>

#include "base/clock.h"
#include "chat/people/key.h"
#include "chat/people/ticket.h"
#include "chat/rooms/rooms.h"
#include "crypto/token.h"
#include "wire/json.h"

enum { NAME_MAX_CHARS = 100 };

static void scopes_text(struct nc_buf *b, unsigned set)
{
    for (unsigned scope = 1; scope <= NC_KEY_ALL; scope <<= 1)
        if (set & scope)
            nc_buf_printf(b, "%s%s", b->n ? " " : "", nc_key_scope_name(scope));
}

struct change {
    struct nc_op op;
    struct nc_user *user; /* users are never freed before the chat */
    struct nc_key rec;
    struct nc_buf name, scopes;
    char key[NC_KEY_TEXT], address[64];
    unsigned held;
    struct nc_query query;
    struct nc_commit commit;
    struct nc_change change;
    nc_key_fn *made;
    nc_done_fn *done;
    void *arg;
};

static struct change *change_new(struct nc_chat *c, const struct nc_actor *who,
                                 void (*finish)(struct nc_op *op), void *arg)
{
    struct change *x = nc_alloc(sizeof *x);

    nc_op_init(&x->op, c, finish);
    x->user = who->user;
    x->arg = arg;
    nc_people_copy(x->address, sizeof x->address, who->address);
    return x;
}

static void finish_create(struct nc_op *op)
{
    struct change *x = nc_of(op, struct change, op);

    nc_people_audit(op->chat, "key.create", x->user->a.username, nc_buf_str(&x->name),
                    nc_str(x->address), nc_op_why(op));
    x->made(x->arg, nc_op_why(op), op->why.code ? NULL : &x->rec,
            op->why.code ? NC_STR("") : nc_str(x->key));
    nc_wipe(x->key, sizeof x->key);
    nc_buf_fini(&x->name);
    nc_buf_fini(&x->scopes);
    free(x);
}

static void on_created(struct nc_commit *commit, enum nc_err e)
{
    struct change *x = nc_of(commit, struct change, commit);

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    nc_observe_account(x->op.chat, x->user);
    nc_op_end(&x->op);
}

static void on_held(struct nc_query *q, const struct nc_row *row)
{
    (void)row;
    nc_of(q, struct change, query)->held++;
}

static void on_held_read(struct nc_query *q, enum nc_err e)
{
    struct change *x = nc_of(q, struct change, query);
    struct nc_chat *c = x->op.chat;
    unsigned max = c->opts.limits.keys_per_user;

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    if (x->held >= max) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "at most %u keys: delete one first", max);
        return;
    }
    x->change = (struct nc_change){.kind = NC_KEY_INSERT, .key = x->rec};
    x->change.event = nc_people_event(c, NC_EV_KEY_SET, NC_AUD_USER, &x->rec.id,
                                      &x->user->a.id, &x->user->a.id);
    nc_op_commit(&x->op, &x->commit, &x->change, 1, on_created);
}

void nc_key_create(struct nc_chat *c, const struct nc_actor *who,
                   const struct nc_key_new *in, nc_key_fn *done, void *arg)
{
    struct change *x = change_new(c, who, finish_create, arg);
    uint64_t now = nc_wall_ms();

    x->made = done;
    if (!nc_people_text_ok(in->name, "name", NAME_MAX_CHARS, &x->op.why)) {
        nc_op_end(&x->op);
        return;
    }
    if (!in->scopes || (in->scopes & ~(unsigned)NC_KEY_ALL)) {
        nc_op_fail(&x->op, NC_P_BAD_REQUEST, "scopes: at least one of chat, ai, mqtt");
        return;
    }
    if (in->expires_ms && in->expires_ms <= now) {
        nc_op_fail(&x->op, NC_P_BAD_REQUEST, "expires_at lies in the past");
        return;
    }
    nc_token_new(NC_KEY_PREFIX, x->key);
    nc_buf_adds(&x->name, in->name);
    scopes_text(&x->scopes, in->scopes);
    x->rec = (struct nc_key){.id = nc_hlc_id(nc_hlc_now(&c->clock)),
                             .user = x->user->a.id,
                             .name = nc_buf_str(&x->name),
                             .scopes = nc_buf_str(&x->scopes),
                             .created_ms = now,
                             .expires_ms = in->expires_ms,
                             .tokens_per_day = in->tokens_per_day,
                             .requests_per_day = in->requests_per_day};
    nc_token_hash(nc_str(x->key), x->rec.hash);
    x->query = (struct nc_query){
        .kind = NC_Q_KEYS, .id = x->user->a.id, .row = on_held, .done = on_held_read};
    c->opts.store->ops->read(c->opts.store, &x->query);
}

void nc_key_json(struct nc_json *j, const struct nc_key *k)
{
    unsigned set = nc_key_scopes(k->scopes);

    nc_json_kid(j, "id", &k->id);
    nc_json_kstr(j, "name", k->name);
    nc_json_key(j, "scopes");
    nc_json_arr(j);
    for (unsigned scope = 1; scope <= NC_KEY_ALL; scope <<= 1)
        if (set & scope)
            nc_json_str(j, nc_str(nc_key_scope_name(scope)));
    nc_json_arr_end(j);
    nc_json_ktime(j, "created_at", k->created_ms);
    if (k->used_ms)
        nc_json_ktime(j, "last_used_at", k->used_ms);
    if (k->expires_ms)
        nc_json_ktime(j, "expires_at", k->expires_ms);
    if (k->tokens_per_day)
        nc_json_kuint(j, "tokens_per_day", k->tokens_per_day);
    if (k->requests_per_day)
        nc_json_kuint(j, "requests_per_day", k->requests_per_day);
}

static void key_row(struct nc_json *j, const struct nc_row *row, const struct nc_id *mine)
{
    (void)mine;
    nc_json_obj(j);
    nc_key_json(j, &row->key);
    nc_json_obj_end(j);
}

void nc_key_list(struct nc_chat *c, const struct nc_user *user, nc_json_fn *done, void *arg)
{
    nc_people_list(c, NC_Q_KEYS, &user->a.id, "keys", key_row, NULL, done, arg);
}

static void finish_delete(struct nc_op *op)
{
    struct change *x = nc_of(op, struct change, op);

    nc_people_audit(op->chat, "key.delete", x->user->a.username, NC_STR(""),
                    nc_str(x->address), nc_op_why(op));
    x->done(x->arg, nc_op_why(op));
    free(x);
}

static void on_deleted(struct nc_commit *commit, enum nc_err e)
{
    struct change *x = nc_of(commit, struct change, commit);
    struct nc_chat *c = x->op.chat;

    if (e == NC_ENOENT) {
        nc_op_fail(&x->op, NC_P_NOT_FOUND, "there is no such key");
        return;
    }
    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    nc_keys_drop(c, &x->rec.id);
    nc_tickets_forget(c, &x->rec.id);
    nc_hub_end(c->hub, x->user, &x->rec.id, 4401, "key deleted");
    nc_observe_ended(c, x->user, &x->rec.id);
    nc_op_end(&x->op);
}

void nc_key_delete(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                   nc_done_fn *done, void *arg)
{
    struct change *x = change_new(c, who, finish_delete, arg);

    x->done = done;
    x->rec.id = *id;
    x->change = (struct nc_change){.kind = NC_KEY_DELETE,
                                   .key = {.id = *id, .user = x->user->a.id}};
    x->change.event = nc_people_event(c, NC_EV_KEY_DELETED, NC_AUD_USER, id, &x->user->a.id,
                                      &x->user->a.id);
    nc_op_commit(&x->op, &x->commit, &x->change, 1, on_deleted);
}
