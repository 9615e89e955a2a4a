#include "client/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/api.h"
#include "client/place.h"
#include "crypto/hash.h"
#include "wire/json.h"

enum { LOCK_EVERY_MS = 50, LOCK_MAX_MS = 45000 };

bool nc_session_present(const struct nc_session *s) { return s->tokens.refresh != NULL; }

enum nc_err nc_session_load(struct nc_session *s, const char *user)
{
    if (!s->dir)
        return NC_ENOENT;
    s->generation++;
    return nc_tokens_load(&s->tokens, s->dir, user && *user ? user : NULL);
}

enum nc_err nc_session_take(struct nc_session *s, const json_t *answer)
{
    enum nc_err e = nc_tokens_take(&s->tokens, answer, nc_wall_ms());

    s->generation++;
    if (e == NC_OK)
        s->guest = false;
    if (e == NC_OK && s->dir)
        e = nc_tokens_save(&s->tokens, s->dir, true);
    return e;
}

void nc_session_drop(struct nc_session *s)
{
    if (s->dir && s->tokens.username && !s->guest)
        nc_tokens_erase(s->dir, s->tokens.username);
    nc_tokens_fini(&s->tokens);
}

static bool take_over(struct nc_session *s, char *dir, const char *user, bool guest)
{
    struct nc_tokens found = {0};
    bool ok = dir && nc_tokens_load(&found, dir, user) == NC_OK &&
              (!guest || nc_tokens_fresh(&found, nc_wall_ms()));

    if (ok) {
        nc_tokens_fini(&s->tokens);
        s->tokens = found;
    } else {
        nc_tokens_fini(&found);
    }
    return ok;
}

enum nc_err nc_session_move(struct nc_session *s, const char *url, const char *home,
                            const char *user, bool refused)
{
    char *home_dir = nc_place_server(home);
    bool ok;

    free(s->dir);
    s->dir = nc_place_server(url);
    s->generation++;
    ok = take_over(s, s->dir, user, false);
    s->guest = !ok && strcmp(url, home) != 0;
    if (!ok && s->guest && !refused)
        ok =
            nc_tokens_fresh(&s->tokens, nc_wall_ms()) || take_over(s, home_dir, user, true);
    if (!ok)
        nc_tokens_fini(&s->tokens);
    free(home_dir);
    return ok ? NC_OK : NC_ENOENT;
}

void nc_session_stale(struct nc_session *s, unsigned generation)
{
    if (s->generation == generation)
        s->tokens.expires_ms = 0;
}

/* ---- refreshing ----------------------------------------------------------- */

static void unlock(struct nc_session *s)
{
    if (s->lock >= 0)
        close(s->lock);
    s->lock = -1;
}

static void settle(struct nc_session *s, enum nc_err e)
{
    unlock(s);
    s->busy = false;
    s->outcome = e;
    nc_loop_defer(s->api->loop, &s->task);
}

static void on_refreshed(void *arg, const struct nc_answer *a)
{
    struct nc_session *s = arg;

    if (a->err != NC_OK || nc_answer_passing(a)) {
        settle(s, a->err == NC_ECLOSED ? NC_ECLOSED : NC_EIO);
        return;
    }
    if (!nc_answer_ok(a)) {
        nc_session_drop(s);
        settle(s, NC_EACCESS);
        return;
    }
    enum nc_err e = nc_tokens_take(&s->tokens, a->body, nc_wall_ms());
    s->generation++;
    /* Kept before anybody else may look: the old one is spent. */
    if (e == NC_OK && s->dir)
        e = nc_tokens_save(&s->tokens, s->dir, false);
    settle(s, e == NC_OK ? NC_OK : NC_EIO);
}

static void ask(struct nc_session *s)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "refresh_token", nc_str(s->tokens.refresh));
    nc_json_obj_end(&j);
    nc_api_call(
        s->api,
        &(struct nc_api_ask){"POST", "/api/v1/auth/refresh", nc_buf_str(&b), NC_API_BARE},
        on_refreshed, s);
    nc_wipe(b.p, b.n);
    nc_buf_fini(&b);
}

/* Another client of the same login may have refreshed meanwhile: then its token is ours. */
static bool adopt(struct nc_session *s)
{
    struct nc_tokens found = {0};
    bool newer = false;

    if (nc_tokens_load(&found, s->dir, s->tokens.username) != NC_OK) {
        nc_tokens_fini(&found);
        nc_tokens_fini(&s->tokens); /* logged out there */
        return false;
    }
    newer = strcmp(found.access, s->tokens.access) != 0;
    if (newer) {
        nc_tokens_fini(&s->tokens);
        s->tokens = found;
        s->generation++;
    } else {
        nc_tokens_fini(&found);
    }
    return newer && nc_tokens_fresh(&s->tokens, nc_wall_ms());
}

static void try_lock(struct nc_session *s)
{
    enum nc_err e = s->dir ? nc_tokens_lock(&s->lock, s->dir, s->tokens.username) : NC_OK;

    if (e == NC_AGAIN && nc_mono_ms() < s->give_up_ms)
        nc_loop_deadline(s->api->loop, &s->deadline, LOCK_EVERY_MS);
    else if (e != NC_OK)
        settle(s, NC_EIO);
    else if (s->dir && adopt(s))
        settle(s, NC_OK);
    else if (!nc_session_present(s))
        settle(s, NC_EACCESS);
    else
        ask(s);
}

static void on_deadline(struct nc_deadline *d)
{
    try_lock(nc_of(d, struct nc_session, deadline));
}

static void on_settled(struct nc_task *t)
{
    struct nc_session *s = nc_of(t, struct nc_session, task);
    struct nc_list now, *node;

    nc_list_init(&now);
    while ((node = nc_list_pop(&s->waiting)))
        nc_list_add(&now, node);
    while ((node = nc_list_pop(&now))) {
        struct nc_token_wait *w = nc_of(node, struct nc_token_wait, node);
        w->done(w, s->outcome);
    }
}

void nc_session_wait(struct nc_session *s, struct nc_token_wait *w)
{
    nc_list_add(&s->waiting, &w->node);
    if (s->busy)
        return;
    bool fresh = nc_tokens_fresh(&s->tokens, nc_wall_ms());
    /* A guest gets another one at its own node only. */
    if (!nc_session_present(s) || (s->guest && !fresh)) {
        settle(s, NC_EACCESS);
    } else if (fresh) {
        settle(s, NC_OK);
    } else {
        s->busy = true;
        s->give_up_ms = nc_mono_ms() + LOCK_MAX_MS;
        try_lock(s);
    }
}

void nc_session_init(struct nc_session *s, struct nc_api *api, const char *url)
{
    *s = (struct nc_session){.api = api, .lock = -1};
    s->dir = nc_place_server(url);
    s->task.run = on_settled;
    s->deadline.fire = on_deadline;
    nc_list_init(&s->waiting);
}

void nc_session_fini(struct nc_session *s)
{
    nc_loop_deadline(s->api->loop, &s->deadline, 0);
    nc_loop_undefer(s->api->loop, &s->task);
    unlock(s);
    s->outcome = NC_ECLOSED;
    on_settled(&s->task);
    nc_tokens_fini(&s->tokens);
    free(s->dir);
    s->dir = NULL;
}
