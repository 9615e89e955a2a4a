/*
 * A forgotten password: an admin makes a code, whoever has it sets a new one, once.
 *
 * The code is a random secret and the user's id; under "reset:<id>" in the store's meta
 * stand the secret's SHA-256 and when it is over.  So a user has one at most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encode.h"
#include "chat/people/throttle.h"
#include "chat/people/update.h"
#include "crypto/token.h"

#define PREFIX "ncr_"
#define DAY_MS (86400ull * 1000)
enum {
    SECRET = sizeof PREFIX - 1 + NC_TOKEN_RANDOM,
    OWNER = NC_B64URL_LEN(16),
    KEY = 6 + NC_ID_TEXT,
    VALUE = 2 * NC_SHA256,
};

static void meta_key(char out[KEY + 1], const struct nc_id *user)
{
    memcpy(out, "reset:", 6);
    nc_id_text(user, out + 6);
    out[KEY] = '\0';
}

/* ---- making a code ------------------------------------------------------- */

struct make {
    struct nc_op op;
    char who[33], target[33], address[64];
    char code[SECRET + OWNER + 1], key[KEY + 1], value[VALUE + 24];
    struct nc_commit commit;
    struct nc_change change;
    nc_reset_fn *done;
    void *arg;
};

static void finish_make(struct nc_op *op)
{
    struct make *m = nc_of(op, struct make, op);
    struct nc_buf url = {0};

    nc_people_audit(op->chat, "account.reset_code", nc_str(m->who), nc_str(m->target),
                    nc_str(m->address), nc_op_why(op));
    nc_buf_printf(&url, "%.*s/#reset=%s", NC_FMT(op->chat->opts.public_url), m->code);
    m->done(m->arg, nc_op_why(op), op->why.code ? NC_STR("") : nc_str(m->code),
            op->why.code ? NC_STR("") : nc_buf_str(&url));
    nc_wipe(url.p, url.n);
    nc_buf_fini(&url);
    nc_wipe(m->code, sizeof m->code);
    free(m);
}

static void on_made(struct nc_commit *commit, enum nc_err e)
{
    struct make *m = nc_of(commit, struct make, commit);

    if (e)
        nc_op_err(&m->op, e);
    else
        nc_op_end(&m->op);
}

void nc_account_reset_code(struct nc_chat *c, const struct nc_actor *who, struct nc_user *u,
                           nc_reset_fn *done, void *arg)
{
    struct make *m = nc_alloc(sizeof *m);
    uint8_t hash[NC_SHA256];

    nc_op_init(&m->op, c, finish_make);
    m->done = done;
    m->arg = arg;
    nc_people_copy(m->who, sizeof m->who, nc_people_actor(who));
    nc_people_copy(m->target, sizeof m->target, u->a.username);
    nc_people_copy(m->address, sizeof m->address, who->address);
    if (!nc_account_rules(who, u) || u->a.deleted || u->a.kind != NC_PERSON) {
        nc_op_fail(&m->op, NC_P_FORBIDDEN, "you may not reset this account");
        return;
    }
    nc_token_new(PREFIX, m->code);
    nc_token_hash(nc_str(m->code), hash);
    nc_b64url(u->a.id.b, sizeof u->a.id.b, m->code + SECRET);
    nc_hex(hash, sizeof hash, m->value);
    snprintf(m->value + VALUE, sizeof m->value - VALUE, " %llu",
             (unsigned long long)(nc_wall_ms() + DAY_MS));
    meta_key(m->key, &u->a.id);
    m->change = (struct nc_change){
        .kind = NC_META_SET, .meta = {.key = nc_str(m->key), .value = nc_str(m->value)}};
    nc_op_commit(&m->op, &m->commit, &m->change, 1, on_made);
}

/* ---- using it ------------------------------------------------------------ */

struct use {
    struct nc_update update; /* first: its finish frees the whole */
    uint8_t hash[NC_SHA256];
    char key[KEY + 1];
    bool right;
};

static void wrong(struct nc_update *x)
{
    nc_throttle_guessed(x->op.chat->people->throttle, nc_str(x->address), nc_mono_ms());
    nc_op_fail(&x->op, NC_P_FORBIDDEN, "the code is unknown, used or over");
}

static void on_hashed(struct nc_hashing *h, enum nc_err e)
{
    struct nc_update *x = nc_of(h, struct nc_update, hashing);
    struct use *r = nc_of(x, struct use, update);
    struct nc_actor nobody = {.address = nc_str(x->address)};

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    x->account.password = nc_str(h->hash);
    x->cuts = x->reproves = true;
    x->extra = (struct nc_change){.kind = NC_META_SET, .meta = {.key = nc_str(r->key)}};
    nc_update_commit(x, &nobody, NULL);
}

static void on_meta(struct nc_query *q, const struct nc_row *row)
{
    struct use *r = nc_of(nc_of(q, struct nc_update, query), struct use, update);
    struct nc_str v = row->meta;
    uint8_t hash[NC_SHA256];
    uint64_t until;

    if (v.n <= VALUE + 1 || nc_hex_decode((struct nc_str){v.p, VALUE}, hash, sizeof hash) ||
        nc_str_u64((struct nc_str){v.p + VALUE + 1, v.n - VALUE - 1}, UINT64_MAX, &until))
        return;
    r->right = nc_same(hash, r->hash, sizeof hash) && until > nc_wall_ms();
}

static void on_meta_read(struct nc_query *q, enum nc_err e)
{
    struct nc_update *x = nc_of(q, struct nc_update, query);

    if (!e && !nc_of(x, struct use, update)->right) {
        wrong(x);
        return;
    }
    if (!e)
        e = nc_hashing_start(x->op.chat, &x->hashing);
    if (e)
        nc_op_err(&x->op, e);
}

/* Whose code is it?  NULL for what is none. */
static struct nc_user *owner_of(struct nc_chat *c, struct nc_str code)
{
    struct nc_id id;
    size_t n;

    if (code.n != SECRET + OWNER ||
        !nc_token_formed((struct nc_str){code.p, SECRET}, PREFIX))
        return NULL;
    if (nc_b64url_decode((struct nc_str){code.p + SECRET, OWNER}, id.b, sizeof id.b, &n) ||
        n != sizeof id.b)
        return NULL;
    struct nc_user *u = nc_user_find(c, &id);
    return u && !u->a.deleted ? u : NULL;
}

struct refusal {
    struct nc_op op;
    nc_done_fn *done;
    void *arg;
};

static void finish_refusal(struct nc_op *op)
{
    struct refusal *r = nc_of(op, struct refusal, op);

    r->done(r->arg, nc_op_why(op));
    free(r);
}

static void refuse(struct nc_chat *c, const struct nc_problem *why, nc_done_fn *done,
                   void *arg)
{
    struct refusal *r = nc_alloc(sizeof *r);

    nc_op_init(&r->op, c, finish_refusal);
    r->op.why = *why;
    r->done = done;
    r->arg = arg;
    nc_op_end(&r->op);
}

void nc_account_reset(struct nc_chat *c, struct nc_str code, struct nc_str password,
                      const struct nc_from *from, nc_done_fn *done, void *arg)
{
    struct nc_throttle *t = c->people->throttle;
    struct nc_actor nobody = {.address = from->address};
    struct nc_user *u = owner_of(c, code);
    struct nc_problem why = {0};
    unsigned wait =
        c->opts.limits.rates ? nc_throttle_guesses(t, from->address, nc_mono_ms()) : 0;

    if (wait) {
        nc_problem_set(&why, NC_P_RATE_LIMITED, "too many wrong codes from this address");
        why.retry_after_s = wait;
    } else if (nc_password_ok(password, "password", &why) && !u) {
        nc_throttle_guessed(t, from->address, nc_mono_ms());
        nc_problem_set(&why, NC_P_FORBIDDEN, "the code is unknown, used or over");
    }
    if (why.code) {
        refuse(c, &why, done, arg);
        return;
    }
    struct use *r = nc_alloc(sizeof *r);
    struct nc_update *x = &r->update;
    if (!nc_update_begin(x, c, &nobody, u, "password.reset", done, arg))
        return;
    nc_token_hash((struct nc_str){code.p, SECRET}, r->hash);
    meta_key(r->key, &u->a.id);
    x->hashing.sets = true;
    x->hashing.done = on_hashed;
    nc_hashing_give(&x->hashing.set, password);
    x->query = (struct nc_query){
        .kind = NC_Q_META, .key = nc_str(r->key), .row = on_meta, .done = on_meta_read};
    c->opts.store->ops->read(c->opts.store, &x->query);
}
