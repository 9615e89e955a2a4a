/*
 * A chat over the memory store, with people in it, for the tests of accounts.
 *
 * Every call runs the loop until its answer is there.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "chat/people/account.h"
#include "chat/people/hashing.h"
#include "chat/people/invite.h"
#include "chat/people/key.h"
#include "chat/people/throttle.h"
#include "chat/people/ticket.h"
#include "crypto/hash.h"
#include "crypto/keyring.h"
#include "loop/work.h"

struct world {
    struct nc_loop *loop;
    struct nc_store *store;
    struct nc_keyring *ring;
    struct nc_pool *pool;
    struct nc_chat *chat;
    struct nc_chat_opts opts;
    unsigned owners_made;
    char last_action[64];
    bool last_ok;
};

/* The answer of any call. */
struct answer {
    struct world *w;
    unsigned calls;
    struct nc_problem why; /* code NC_P_NONE: it worked */
    struct nc_user *user;
    struct nc_id session, id;
    char access[2048], refresh[2048], text[4096];
    struct nc_auth auth;
};

static inline void on_audit(void *arg, const struct nc_audit *a)
{
    struct world *w = arg;

    snprintf(w->last_action, sizeof w->last_action, "%s", a->action);
    w->last_ok = a->ok;
}

static inline void on_owner(void *arg) { ((struct world *)arg)->owners_made++; }

static inline void world_chat(struct world *w)
{
    w->opts.loop = w->loop;
    w->opts.store = w->store;
    w->opts.ring = w->ring;
    w->opts.hashers = w->pool;
    w->chat = nc_chat_new(&w->opts);
    assert_non_null(w->chat);
}

static inline void world_open(struct world *w)
{
    *w = (struct world){0};
    nc_crypto_init();
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(nc_store_open(&w->store, w->loop, "mem:", NULL), NC_OK);
    assert_int_equal(nc_keyring_new(&w->ring), NC_OK);
    assert_int_equal(nc_pool_new(&w->pool, w->loop, "hash", 1, 16), NC_OK);
    w->opts = (struct nc_chat_opts){.cheap_passwords = true,
                                    .registration = NC_REG_OPEN,
                                    .limits = nc_limits_default,
                                    .owner_made = on_owner,
                                    .owner_arg = w,
                                    .audit = on_audit,
                                    .audit_arg = w};
    w->opts.node_id = nc_id_random();
    world_chat(w);
}

static inline void world_close(struct world *w)
{
    nc_pool_free(w->pool);
    w->chat->opts.hashers = NULL;
    w->store->ops->close(w->store);
    nc_chat_free(w->chat);
    nc_keyring_free(w->ring);
    nc_loop_free(w->loop);
}

/* ---- answers ------------------------------------------------------------- */

static inline void take(struct answer *a, const struct nc_problem *why)
{
    a->calls++;
    if (why)
        a->why = *why;
    nc_loop_stop(a->w->loop);
}

static inline void put(char *to, size_t cap, struct nc_str s)
{
    assert_true(s.n < cap);
    nc_people_copy(to, cap, s);
}

static inline void on_login(void *arg, const struct nc_problem *why,
                            const struct nc_login *l)
{
    struct answer *a = arg;

    if (l) {
        a->user = l->user;
        a->session = l->session;
        put(a->access, sizeof a->access, l->access);
        put(a->refresh, sizeof a->refresh, l->refresh);
    }
    take(a, why);
}

static inline void on_done(void *arg, const struct nc_problem *why) { take(arg, why); }

static inline void on_json(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    struct answer *a = arg;

    if (json)
        put(a->text, sizeof a->text, nc_buf_str(json));
    take(a, why);
}

/* Runs until the answer is there; it came once, and not from inside the call. */
static inline enum nc_problem_code wait_for(struct answer *a)
{
    assert_int_equal(a->calls, 0);
    nc_loop_run(a->w->loop);
    assert_int_equal(a->calls, 1);
    return a->why.code;
}

static inline struct nc_from from(const char *address)
{
    return (struct nc_from){nc_str(address), NC_STR("a test")};
}

static inline struct answer sign_up(struct world *w, struct nc_register in)
{
    struct answer a = {.w = w};

    if (!in.from.address.n)
        in.from = from("192.0.2.1");
    nc_account_register(w->chat, &in, on_login, &a);
    wait_for(&a);
    return a;
}

static inline struct answer person(struct world *w, const char *name)
{
    struct answer a = sign_up(w, (struct nc_register){.username = nc_str(name),
                                                      .password = NC_STR("correct horse"),
                                                      .from = from(name)});

    assert_int_equal(a.why.code, NC_P_NONE);
    return a;
}

static inline struct answer owner(struct world *w, const char *name)
{
    w->chat->opts.owner_code = NC_STR("OWNER-CODE");
    struct answer a = sign_up(w, (struct nc_register){.username = nc_str(name),
                                                      .password = NC_STR("correct horse"),
                                                      .owner_code = NC_STR("OWNER-CODE"),
                                                      .from = from(name)});

    assert_int_equal(a.why.code, NC_P_NONE);
    assert_int_equal(a.user->a.role, NC_ROLE_OWNER);
    return a;
}

static inline struct answer log_in(struct world *w, const char *name, const char *password,
                                   const char *address)
{
    struct answer a = {.w = w};
    struct nc_from f = from(address);

    nc_account_login(w->chat, nc_str(name), nc_str(password), &f, on_login, &a);
    wait_for(&a);
    return a;
}

static inline struct answer refresh(struct world *w, const char *token)
{
    struct answer a = {.w = w};
    struct nc_from f = from("192.0.2.1");

    nc_session_refresh(w->chat, nc_str(token), &f, on_login, &a);
    wait_for(&a);
    return a;
}

static inline bool holds(struct world *w, const char *access)
{
    struct nc_auth auth;
    struct nc_problem why;

    return nc_session_verify(w->chat, nc_str(access), &auth, &why);
}

static inline struct nc_actor actor(struct nc_user *u)
{
    return (struct nc_actor){.user = u, .address = NC_STR("192.0.2.1")};
}
