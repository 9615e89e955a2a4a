#include "chat/key.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/throttle.h"
#include "chat/ticket.h"
#include "crypto/token.h"
#include "wire/json.h"

enum { CACHED_MAX = 4096, NAME_MAX_CHARS = 100, TOUCH_MS = 60000 };

struct cached {
    struct nc_list by_use; /* longest unused first */
    uint8_t hash[NC_SHA256];
    struct nc_id id, user;
    unsigned scopes;
    uint64_t expires_ms, used_ms;
};

struct nc_keys {
    struct nc_map map; /* by hash */
    struct nc_list by_use;
    uint64_t deletions; /* what was read before the last one may be stale */
};

static const struct {
    const char *word;
    enum nc_key_scope scope;
} scopes[] = {{"chat", NC_KEY_CHAT}, {"ai", NC_KEY_AI}, {"mqtt", NC_KEY_MQTT}};

unsigned nc_key_scope(struct nc_str word)
{
    for (size_t i = 0; i < NC_COUNT(scopes); i++)
        if (nc_str_eqz(word, scopes[i].word))
            return scopes[i].scope;
    return 0;
}

static unsigned scopes_of(struct nc_str text)
{
    unsigned set = 0;

    while (text.n)
        set |= nc_key_scope(nc_str_cut(&text, ' '));
    return set;
}

static void scopes_text(struct nc_buf *b, unsigned set)
{
    for (size_t i = 0; i < NC_COUNT(scopes); i++)
        if (set & scopes[i].scope)
            nc_buf_printf(b, "%s%s", b->n ? " " : "", scopes[i].word);
}

/* ---- the cache ----------------------------------------------------------- */

struct nc_keys *nc_keys_new(void)
{
    struct nc_keys *k = nc_alloc(sizeof *k);

    nc_list_init(&k->by_use);
    return k;
}

static void drop(struct nc_keys *keys, struct cached *k)
{
    nc_map_del(&keys->map, k->hash, sizeof k->hash);
    nc_list_del(&k->by_use);
    free(k);
}

void nc_keys_free(struct nc_keys *keys)
{
    if (!keys)
        return;
    nc_list_each(n, &keys->by_use)
        drop(keys, nc_of(n, struct cached, by_use));
    nc_map_fini(&keys->map);
    free(keys);
}

bool nc_keys_have(const struct nc_chat *c, const struct nc_id *id)
{
    nc_list_each(n, &c->people->keys->by_use) {
        if (nc_id_eq(&nc_of(n, struct cached, by_use)->id, id))
            return true;
    }
    return false;
}

void nc_keys_forget(struct nc_chat *c, const struct nc_user *u)
{
    struct nc_keys *keys = c->people->keys;

    keys->deletions++;
    nc_list_each(n, &keys->by_use) {
        struct cached *k = nc_of(n, struct cached, by_use);
        if (nc_id_eq(&k->user, &u->a.id))
            drop(keys, k);
    }
}

static struct cached *cache(struct nc_keys *keys, const struct nc_key *rec)
{
    struct cached *k = nc_map_get(&keys->map, rec->hash, sizeof rec->hash);

    if (k)
        return k;
    if (keys->map.n >= CACHED_MAX)
        drop(keys, nc_of(keys->by_use.next, struct cached, by_use));
    k = nc_alloc(sizeof *k);
    memcpy(k->hash, rec->hash, sizeof k->hash);
    k->id = rec->id;
    k->user = rec->user;
    k->scopes = scopes_of(rec->scopes);
    k->expires_ms = rec->expires_ms;
    k->used_ms = rec->used_ms;
    nc_map_put(&keys->map, k->hash, sizeof k->hash, k);
    nc_list_add(&keys->by_use, &k->by_use);
    return k;
}

/* ---- verifying ----------------------------------------------------------- */

struct touch {
    struct nc_commit commit;
    struct nc_change change;
};

static void on_touched(struct nc_commit *commit, enum nc_err e)
{
    (void)e; /* the next use will say it again */
    free(nc_of(commit, struct touch, commit));
}

static void touch(struct nc_chat *c, struct cached *k, uint64_t now)
{
    if (now - k->used_ms < TOUCH_MS || c->people->closing)
        return;
    k->used_ms = now;
    struct touch *t = nc_alloc(sizeof *t);
    t->change =
        (struct nc_change){.kind = NC_KEY_TOUCH, .key = {.id = k->id, .used_ms = now}};
    t->commit = (struct nc_commit){.changes = &t->change, .n = 1, .done = on_touched};
    c->opts.store->ops->commit(c->opts.store, &t->commit);
}

static void unknown(struct nc_problem *why)
{
    nc_problem_set(why, NC_P_UNAUTHORIZED, "the key is unknown, deleted or over");
}

static bool stands_for(struct nc_chat *c, struct cached *k, struct nc_auth *out,
                       struct nc_problem *why)
{
    struct nc_user *u = nc_user_find(c, &k->user);
    uint64_t now = nc_wall_ms();

    if (!u || u->a.deleted || u->a.disabled || (k->expires_ms && k->expires_ms <= now)) {
        unknown(why);
        return false;
    }
    nc_list_del(&k->by_use);
    nc_list_add(&c->people->keys->by_use, &k->by_use);
    *out = (struct nc_auth){
        .user = u, .ends_with = k->id, .expires_ms = k->expires_ms, .scopes = k->scopes};
    touch(c, k, now);
    return true;
}

struct verify {
    struct nc_op op;
    struct nc_query query;
    uint64_t deletions;
    struct nc_key rec;
    struct nc_buf scopes;
    bool found;
    char address[64];
    nc_auth_fn *done;
    void *arg;
};

static void finish_verify(struct nc_op *op)
{
    struct verify *v = nc_of(op, struct verify, op);
    struct nc_chat *c = op->chat;
    struct nc_auth auth;

    struct cached *k =
        nc_map_get(&c->people->keys->map, v->query.hash, sizeof v->query.hash);

    if (!op->why.code && !v->found)
        nc_throttle_guessed(c->people->throttle, nc_str(v->address), nc_mono_ms());
    if (!op->why.code && !k) /* or deleted in this very turn */
        unknown(&op->why);
    if (!op->why.code)
        stands_for(c, k, &auth, &op->why);
    v->done(v->arg, nc_op_why(op), op->why.code ? NULL : &auth);
    nc_buf_fini(&v->scopes);
    free(v);
}

static void on_key(struct nc_query *q, const struct nc_row *row)
{
    struct verify *v = nc_of(q, struct verify, query);

    v->found = true;
    v->rec = row->key;
    nc_buf_clear(&v->scopes);
    nc_buf_adds(&v->scopes, row->key.scopes);
}

static void ask(struct verify *v);

static void on_key_read(struct nc_query *q, enum nc_err e)
{
    struct verify *v = nc_of(q, struct verify, query);

    if (e)
        nc_op_err(&v->op, e);
    else if (v->deletions != v->op.chat->people->keys->deletions)
        ask(v); /* it may be the one that was deleted */
    else {
        v->rec.scopes = nc_buf_str(&v->scopes);
        if (v->found)
            cache(v->op.chat->people->keys, &v->rec);
        nc_op_end(&v->op);
    }
}

static void ask(struct verify *v)
{
    struct nc_store *s = v->op.chat->opts.store;

    v->deletions = v->op.chat->people->keys->deletions;
    v->found = false;
    s->ops->read(s, &v->query);
}

enum nc_err nc_key_verify(struct nc_chat *c, struct nc_str key, struct nc_str address,
                          struct nc_auth *out, struct nc_problem *why, nc_auth_fn *done,
                          void *arg)
{
    struct nc_throttle *t = c->people->throttle;
    uint8_t hash[NC_SHA256];
    struct cached *k = NULL;

    if (!nc_token_formed(key, NC_KEY_PREFIX)) {
        unknown(why);
        return NC_EACCESS;
    }
    nc_token_hash(key, hash);
    k = nc_map_get(&c->people->keys->map, hash, sizeof hash);
    if (k)
        return stands_for(c, k, out, why) ? NC_OK : NC_EACCESS;
    unsigned wait =
        c->opts.limits.rates ? nc_throttle_guesses(t, address, nc_mono_ms()) : 0;
    if (wait) {
        nc_problem_set(why, NC_P_RATE_LIMITED, "too many unknown keys from this address");
        why->retry_after_s = wait;
        return NC_EACCESS;
    }
    struct verify *v = nc_alloc(sizeof *v);
    nc_op_init(&v->op, c, finish_verify);
    v->done = done;
    v->arg = arg;
    nc_people_copy(v->address, sizeof v->address, address);
    v->query = (struct nc_query){.kind = NC_Q_KEY, .row = on_key, .done = on_key_read};
    memcpy(v->query.hash, hash, sizeof hash);
    ask(v);
    return NC_AGAIN;
}

/* ---- making, listing, deleting ------------------------------------------- */

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

    if (e)
        nc_op_err(&x->op, e);
    else
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
                             .expires_ms = in->expires_ms};
    nc_token_hash(nc_str(x->key), x->rec.hash);
    x->query = (struct nc_query){
        .kind = NC_Q_KEYS, .id = x->user->a.id, .row = on_held, .done = on_held_read};
    c->opts.store->ops->read(c->opts.store, &x->query);
}

void nc_key_json(struct nc_json *j, const struct nc_key *k)
{
    unsigned set = scopes_of(k->scopes);

    nc_json_kid(j, "id", &k->id);
    nc_json_kstr(j, "name", k->name);
    nc_json_key(j, "scopes");
    nc_json_arr(j);
    for (size_t i = 0; i < NC_COUNT(scopes); i++)
        if (set & scopes[i].scope)
            nc_json_str(j, nc_str(scopes[i].word));
    nc_json_arr_end(j);
    nc_json_ktime(j, "created_at", k->created_ms);
    if (k->used_ms)
        nc_json_ktime(j, "last_used_at", k->used_ms);
    if (k->expires_ms)
        nc_json_ktime(j, "expires_at", k->expires_ms);
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
    c->people->keys->deletions++;
    nc_list_each(n, &c->people->keys->by_use) {
        struct cached *k = nc_of(n, struct cached, by_use);
        if (nc_id_eq(&k->id, &x->rec.id))
            drop(c->people->keys, k);
    }
    nc_tickets_forget(c, &x->rec.id);
    nc_hub_end(c->hub, x->user, &x->rec.id, 4401, "key deleted");
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
