#include "chat/people/key.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/throttle.h"
#include "crypto/token.h"

enum { CACHED_MAX = 4096, TOUCH_MS = 60000 };

struct cached {
    struct nc_list by_use; /* longest unused first */
    uint8_t hash[NC_SHA256];
    struct nc_id id, user;
    unsigned scopes;
    uint64_t expires_ms, used_ms;
    uint64_t tokens_per_day, requests_per_day;
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

unsigned nc_key_scopes(struct nc_str text)
{
    unsigned set = 0;

    while (text.n)
        set |= nc_key_scope(nc_str_cut(&text, ' '));
    return set;
}

const char *nc_key_scope_name(unsigned scope)
{
    for (size_t i = 0; i < NC_COUNT(scopes); i++)
        if (scopes[i].scope == scope)
            return scopes[i].word;
    return NULL;
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

void nc_keys_drop(struct nc_chat *c, const struct nc_id *id)
{
    struct nc_keys *keys = c->people->keys;

    keys->deletions++;
    nc_list_each(n, &keys->by_use) {
        struct cached *k = nc_of(n, struct cached, by_use);
        if (nc_id_eq(&k->id, id))
            drop(keys, k);
    }
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
    k->scopes = nc_key_scopes(rec->scopes);
    k->expires_ms = rec->expires_ms;
    k->used_ms = rec->used_ms;
    k->tokens_per_day = rec->tokens_per_day;
    k->requests_per_day = rec->requests_per_day;
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
    *out = (struct nc_auth){.user = u,
                            .ends_with = k->id,
                            .expires_ms = k->expires_ms,
                            .scopes = k->scopes,
                            .tokens_per_day = k->tokens_per_day,
                            .requests_per_day = k->requests_per_day};
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
    if (!op->why.code && k)
        stands_for(c, k, &auth, &op->why);
    else if (!op->why.code) /* or deleted in this very turn */
        unknown(&op->why);
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

bool nc_key_known(const struct nc_chat *c, struct nc_str key)
{
    uint8_t hash[NC_SHA256];

    if (!nc_token_formed(key, NC_KEY_PREFIX))
        return false;
    nc_token_hash(key, hash);
    return nc_map_get(&c->people->keys->map, hash, sizeof hash) != NULL;
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
