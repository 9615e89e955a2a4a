#include "chat/people/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "chat/people/account.h"
#include "chat/people/key.h"
#include "chat/people/ticket.h"
#include "chat/rooms/rooms.h"
#include "crypto/hash.h"
#include "crypto/jwt.h"
#include "wire/json.h"

enum { LEEWAY_S = 30, VERIFIED_MAX = 8192, ENDED_MAX = 1 << 17, DEVICE_MAX = 200 };
/* How long a token of an ended session may still be about. */
#define LINGER_MS ((NC_ACCESS_S + 2 * LEEWAY_S) * 1000ull)

struct ended { /* one session */
    struct nc_list by_age;
    struct nc_id id;
    uint64_t until_ms;
};

struct cut { /* all sessions of a user that were made before, but one */
    struct nc_list by_age;
    struct nc_id user;
    struct nc_session_cut cut;
    uint64_t until_ms;
};

struct nc_sessions {
    struct nc_jwt_cache *verified;
    struct nc_map ended, cuts;
    struct nc_list ended_by_age, cuts_by_age;
};

/* ---- what ended ---------------------------------------------------------- */

static void drop_ended(struct nc_sessions *s, struct ended *e)
{
    nc_map_del(&s->ended, &e->id, sizeof e->id);
    nc_list_del(&e->by_age);
    free(e);
}

static void drop_cut(struct nc_sessions *s, struct cut *k)
{
    nc_map_del(&s->cuts, &k->user, sizeof k->user);
    nc_list_del(&k->by_age);
    free(k);
}

static void forget_old(struct nc_sessions *s, uint64_t now_ms)
{
    nc_list_each(n, &s->ended_by_age) {
        struct ended *e = nc_of(n, struct ended, by_age);
        if (e->until_ms > now_ms)
            break;
        drop_ended(s, e);
    }
    nc_list_each(n, &s->cuts_by_age) {
        struct cut *k = nc_of(n, struct cut, by_age);
        if (k->until_ms > now_ms)
            break;
        drop_cut(s, k);
    }
}

static void remember_ended(struct nc_sessions *s, const struct nc_id *id, uint64_t until_ms)
{
    if (nc_map_get(&s->ended, id, sizeof *id))
        return;
    struct ended *e = nc_alloc(sizeof *e);
    e->id = *id;
    e->until_ms = until_ms;
    nc_map_put(&s->ended, &e->id, sizeof e->id, e);
    nc_list_add(&s->ended_by_age, &e->by_age);
}

bool nc_session_ended(const struct nc_chat *c, const struct nc_id *user,
                      const struct nc_id *session)
{
    const struct nc_sessions *s = c->people->sessions;

    if (nc_map_get(&s->ended, session, sizeof *session))
        return true;
    const struct cut *k = nc_map_get(&s->cuts, user, sizeof *user);
    return k && nc_hlc_of(session) < k->cut.stamp && !nc_id_eq(session, &k->cut.keep);
}

bool nc_sessions_full(const struct nc_chat *c)
{
    struct nc_sessions *s = c->people->sessions;

    forget_old(s, nc_wall_ms());
    return s->ended.n >= ENDED_MAX;
}

void nc_session_ended_now(struct nc_chat *c, struct nc_user *u, const struct nc_id *session)
{
    uint64_t now = nc_wall_ms();

    forget_old(c->people->sessions, now);
    remember_ended(c->people->sessions, session, now + LINGER_MS);
    nc_tickets_forget(c, session);
    if (!u)
        return;
    nc_hub_end(c->hub, u, session, 4401, "session ended");
    nc_observe_ended(c, u, session);
}

void nc_session_cut_make(struct nc_chat *c, struct nc_change *ch,
                         struct nc_session_cut *cut, const struct nc_user *u,
                         const struct nc_id *keep, const struct nc_actor *who)
{
    *cut = (struct nc_session_cut){.stamp = nc_hlc_now(&c->clock)};
    if (keep)
        cut->keep = *keep;
    *ch = (struct nc_change){
        .kind = NC_SESSIONS_END,
        .session = {.id = cut->keep, .user = u->a.id, .ended_ms = nc_wall_ms()}};
    ch->event = nc_people_event(c, NC_EV_SESSION_ENDED, NC_AUD_USER, NULL, &u->a.id,
                                who && who->user ? &who->user->a.id : NULL);
}

/* Ending one session's listeners unlinks several: first see whose, then end them. */
static void end_listeners(struct nc_chat *c, struct nc_user *u)
{
    size_t most = 0, n = 0;

    nc_list_each(at, &u->listeners)
        most++;
    struct nc_id *ids = nc_alloc((most + 1) * sizeof *ids);
    nc_list_each(at, &u->listeners) {
        struct nc_listener *l = nc_of(at, struct nc_listener, by_user);
        if (!nc_id_zero(&l->session) && nc_session_ended(c, &u->a.id, &l->session) &&
            !nc_keys_have(c, &l->session)) /* a key's socket bears the key's id */
            ids[n++] = l->session;
    }
    for (size_t i = 0; i < n; i++)
        nc_hub_end(c->hub, u, &ids[i], 4401, "session ended");
    free(ids);
}

/* Sessions are named by the clock, and commits keep their order: whatever was inserted
 * before the cut has a lower stamp, whatever comes after has a higher one. */
void nc_session_cut_done(struct nc_chat *c, struct nc_user *u,
                         const struct nc_session_cut *cut)
{
    struct nc_sessions *s = c->people->sessions;
    uint64_t now = nc_wall_ms();
    struct cut *k;

    forget_old(s, now);
    if ((k = nc_map_get(&s->cuts, &u->a.id, sizeof u->a.id)))
        drop_cut(s, k);
    k = nc_alloc(sizeof *k);
    k->user = u->a.id;
    k->cut = *cut;
    k->until_ms = now + LINGER_MS;
    nc_map_put(&s->cuts, &k->user, sizeof k->user, k);
    nc_list_add(&s->cuts_by_age, &k->by_age);
    end_listeners(c, u);
    nc_observe_ended(c, u, NULL);
}

/* It comes at any time, also behind a later one, whose exception may have begun since. */
void nc_session_cut_at(struct nc_chat *c, struct nc_user *u, uint64_t stamp)
{
    const struct cut *k = nc_map_get(&c->people->sessions->cuts, &u->a.id, sizeof u->a.id);
    struct nc_session_cut cut = {.stamp = stamp};

    if (k && k->cut.stamp > cut.stamp)
        cut.stamp = k->cut.stamp;
    if (k && nc_hlc_of(&k->cut.keep) >= stamp)
        cut.keep = k->cut.keep;
    nc_session_cut_done(c, u, &cut);
}

/* ---- start --------------------------------------------------------------- */

struct load {
    struct nc_query query;
    struct nc_sessions *into;
    enum nc_err err;
};

static void on_ended_row(struct nc_query *q, const struct nc_row *row)
{
    remember_ended(nc_of(q, struct load, query)->into, &row->session.id,
                   row->session.ended_ms + LINGER_MS);
}

static void on_ended_read(struct nc_query *q, enum nc_err e)
{
    nc_of(q, struct load, query)->err = e;
}

enum nc_err nc_sessions_load(struct nc_chat *c)
{
    struct nc_sessions *s = nc_alloc(sizeof *s);
    uint64_t now = nc_wall_ms();
    struct load l = {.query = {.kind = NC_Q_ENDED,
                               .after_ms = now > LINGER_MS ? now - LINGER_MS : 0,
                               .row = on_ended_row,
                               .done = on_ended_read},
                     .into = s};

    s->verified = nc_jwt_cache_new(VERIFIED_MAX);
    nc_list_init(&s->ended_by_age);
    nc_list_init(&s->cuts_by_age);
    c->people->sessions = s;
    enum nc_err e = nc_store_read_now(c->opts.store, &l.query);
    return e ? e : l.err;
}

void nc_sessions_free(struct nc_sessions *s)
{
    if (!s)
        return;
    nc_list_each(n, &s->ended_by_age)
        drop_ended(s, nc_of(n, struct ended, by_age));
    nc_list_each(n, &s->cuts_by_age)
        drop_cut(s, nc_of(n, struct cut, by_age));
    nc_map_fini(&s->ended);
    nc_map_fini(&s->cuts);
    nc_jwt_cache_free(s->verified);
    free(s);
}

/* ---- tokens -------------------------------------------------------------- */

static void issuer(const struct nc_chat *c, char out[NC_ID_TEXT + 1])
{
    nc_id_text(&c->opts.node_id, out);
    out[NC_ID_TEXT] = '\0';
}

bool nc_session_verify(struct nc_chat *c, struct nc_str token, struct nc_auth *out,
                       struct nc_problem *why)
{
    char iss[NC_ID_TEXT + 1];
    struct nc_jwt claims;
    struct nc_id user;

    issuer(c, iss);
    *out = (struct nc_auth){.scopes = NC_KEY_ALL};
    enum nc_jwt_why w = nc_jwt_cache_verify(c->people->sessions->verified, c->opts.ring,
                                            token, nc_wall_ms(), LEEWAY_S, iss, &claims);
    if (w == NC_JWT_UNKNOWN && c->opts.others)
        w = c->opts.others(c->opts.others_arg, token, nc_wall_ms(), LEEWAY_S, &claims);
    if (w == NC_JWT_EXPIRED) {
        nc_problem_set(why, NC_P_UNAUTHORIZED, "the access token has expired");
        return false;
    }
    if (w || nc_id_parse(nc_str(claims.sub), &user) ||
        nc_id_parse(nc_str(claims.sid), &out->session)) {
        nc_problem_set(why, NC_P_UNAUTHORIZED, "this is no access token of this node");
        return false;
    }
    out->user = nc_user_find(c, &user);
    out->ends_with = out->session;
    out->expires_ms = claims.exp * 1000;
    if (out->user && !out->user->a.deleted && !out->user->a.disabled &&
        !nc_session_ended(c, &user, &out->session))
        return true;
    nc_problem_set(why, NC_P_UNAUTHORIZED, "this session has ended");
    out->user = NULL;
    return false;
}

void nc_session_keys_changed(struct nc_chat *c)
{
    nc_jwt_cache_clear(c->people->sessions->verified);
}

/* ---- making one ---------------------------------------------------------- */

static struct nc_str keep(char *to, size_t cap, struct nc_str s)
{
    if (!nc_utf8_valid(s))
        return (struct nc_str){to, 0};
    size_t n = nc_utf8_boundary(s, s.n < cap ? s.n : cap);
    memcpy(to, s.p ? s.p : "", n);
    return (struct nc_str){to, n};
}

void nc_session_make(struct nc_chat *c, struct nc_session_new *s, const struct nc_user *u,
                     const struct nc_id *user, const struct nc_from *from)
{
    uint64_t now = nc_wall_ms();

    s->rec = (struct nc_session){.id = nc_hlc_id(nc_hlc_now(&c->clock)),
                                 .user = u ? u->a.id : *user,
                                 .generation = 1,
                                 .created_ms = now,
                                 .used_ms = now,
                                 .expires_ms = now + NC_REFRESH_S * 1000ull};
    s->rec.address = keep(s->address, sizeof s->address, from->address);
    s->rec.device = keep(s->device, DEVICE_MAX, from->device);
}

enum nc_err nc_session_sign(struct nc_chat *c, struct nc_session_new *s,
                            const struct nc_user *u, struct nc_login *out)
{
    uint64_t now_s = nc_wall_ms() / 1000;
    char iss[NC_ID_TEXT + 1];
    struct nc_jwt a = {.iat = now_s, .exp = now_s + NC_ACCESS_S};
    struct nc_refresh r = {.family = s->rec.id,
                           .user = s->rec.user,
                           .device = s->rec.id,
                           .generation = s->rec.generation,
                           .iat = now_s,
                           .exp = s->rec.expires_ms / 1000};

    issuer(c, iss);
    memcpy(a.iss, iss, sizeof iss);
    nc_id_text(&s->rec.user, a.sub);
    nc_id_text(&s->rec.id, a.sid);
    snprintf(a.name, sizeof a.name, "%.*s", NC_FMT(u->a.username));
    snprintf(a.role, sizeof a.role, "%s", nc_role_name(u->a.role));
    enum nc_err e = nc_jwt_sign(c->opts.ring, &a, &s->access);
    if (!e)
        e = nc_refresh_sign(c->opts.ring, iss, &r, &s->refresh);
    *out = (struct nc_login){.session = s->rec.id,
                             .access = nc_buf_str(&s->access),
                             .refresh = nc_buf_str(&s->refresh),
                             .expires_s = NC_ACCESS_S,
                             .refresh_s = NC_REFRESH_S};
    return e;
}

static void wipe(struct nc_buf *b)
{
    if (b->p)
        nc_wipe(b->p, b->n);
    nc_buf_fini(b);
}

void nc_session_new_fini(struct nc_session_new *s)
{
    wipe(&s->access);
    wipe(&s->refresh);
}
