/* What happens to a session after its login: refreshed, listed, ended. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/session.h"
#include "crypto/jwt.h"
#include "wire/json.h"

/* ---- refresh ------------------------------------------------------------- */

/*
 * A client whose answer was lost on the way shows the token it has just spent: for so long
 * it gets another in the place of the one that never came.  That one is void from then on,
 * so whoever has it, if it did come to somebody, ends the session with it.
 */
#define LOST_MS 30000

struct refresh {
    struct nc_op op;
    struct nc_refresh token;
    struct nc_session_new session;
    struct nc_commit commit;
    struct nc_change change;
    struct nc_login login;
    nc_login_fn *done;
    void *arg;
};

static void finish_refresh(struct nc_op *op)
{
    struct refresh *r = nc_of(op, struct refresh, op);

    r->done(r->arg, nc_op_why(op), op->why.code ? NULL : &r->login);
    nc_session_new_fini(&r->session);
    free(r);
}

static void refuse(struct refresh *r)
{
    nc_op_fail(&r->op, NC_P_UNAUTHORIZED, "the refresh token is not valid, log in again");
}

static void on_family_ended(struct nc_commit *commit, enum nc_err e)
{
    struct refresh *r = nc_of(commit, struct refresh, commit);
    struct nc_chat *c = r->op.chat;
    struct nc_user *u = nc_user_find(c, &r->token.user);

    /* Whatever the disk said: these tokens are in two hands and are refused here. */
    if (u)
        nc_session_ended_now(c, u, &r->token.family);
    if (e && e != NC_ENOENT)
        nc_op_err(&r->op, e);
    else
        refuse(r);
}

/* A generation came again after its successor was used, too late, or after another had
 * taken its place: somebody holds a copy, and who is who can't be told. */
static void end_family(struct refresh *r)
{
    struct nc_chat *c = r->op.chat;
    struct nc_user *u = nc_user_find(c, &r->token.user);
    struct nc_problem why;

    nc_problem_set(&why, NC_P_UNAUTHORIZED, "a refresh token was used twice");
    nc_people_audit(c, "refresh.reuse", u ? u->a.username : NC_STR(""), NC_STR(""),
                    r->session.rec.address, &why);
    r->change = (struct nc_change){.kind = NC_SESSION_END,
                                   .session = {.id = r->token.family,
                                               .user = r->token.user,
                                               .ended_ms = nc_wall_ms()}};
    r->change.event = nc_people_event(c, NC_EV_SESSION_ENDED, NC_AUD_USER, &r->token.family,
                                      &r->token.user, NULL);
    nc_op_commit(&r->op, &r->commit, &r->change, 1, on_family_ended);
}

static void on_rotated(struct nc_commit *commit, enum nc_err e)
{
    struct refresh *r = nc_of(commit, struct refresh, commit);
    struct nc_chat *c = r->op.chat;
    struct nc_user *u = nc_user_find(c, &r->token.user);

    r->session.rec.generation = r->change.session.generation;
    if (e == NC_EEXIST)
        end_family(r);
    else if (e == NC_ENOENT || (!e && (!u || u->a.deleted || u->a.disabled)))
        refuse(r);
    else if (e)
        nc_op_err(&r->op, e);
    else if (nc_session_sign(c, &r->session, u, &r->login))
        nc_op_fail(&r->op, NC_P_INTERNAL, "the token could not be signed");
    else {
        r->login.user = u;
        nc_op_end(&r->op);
    }
}

void nc_session_refresh(struct nc_chat *c, struct nc_str refresh_token,
                        const struct nc_from *from, nc_login_fn *done, void *arg)
{
    struct refresh *r = nc_alloc(sizeof *r);
    char iss[NC_ID_TEXT + 1];

    nc_op_init(&r->op, c, finish_refresh);
    r->done = done;
    r->arg = arg;
    nc_id_text(&c->opts.node_id, iss);
    iss[NC_ID_TEXT] = '\0';
    enum nc_jwt_why w =
        nc_refresh_verify(c->opts.ring, refresh_token, nc_wall_ms(), 30, iss, &r->token);
    struct nc_user *u = w ? NULL : nc_user_find(c, &r->token.user);
    if (!u || u->a.deleted || u->a.disabled ||
        nc_session_ended(c, &r->token.user, &r->token.family)) {
        refuse(r);
        return;
    }
    nc_session_make(c, &r->session, u, NULL, from);
    r->session.rec.id = r->token.family;
    r->session.rec.spent = r->token.generation;
    r->session.rec.spent_ms = r->session.rec.used_ms - LOST_MS;
    r->change = (struct nc_change){.kind = NC_SESSION_ROTATE, .session = r->session.rec};
    nc_op_commit(&r->op, &r->commit, &r->change, 1, on_rotated);
}

/* ---- ending one ---------------------------------------------------------- */

struct ending {
    struct nc_op op;
    struct nc_id user, session, actor;
    char who[33], address[64];
    const char *action;
    bool mine; /* NC_Q_SESSION: it belongs to the user */
    bool logout;
    struct nc_query query;
    struct nc_commit commit;
    struct nc_change change;
    nc_done_fn *done;
    void *arg;
};

static void finish_ending(struct nc_op *op)
{
    struct ending *x = nc_of(op, struct ending, op);
    struct nc_user *u = nc_user_find(op->chat, &x->user);

    nc_people_audit(op->chat, x->action, nc_str(x->who), u ? u->a.username : NC_STR(""),
                    nc_str(x->address), nc_op_why(op));
    x->done(x->arg, nc_op_why(op));
    free(x);
}

static void on_ended(struct nc_commit *commit, enum nc_err e)
{
    struct ending *x = nc_of(commit, struct ending, commit);
    struct nc_user *u = nc_user_find(x->op.chat, &x->user);

    if (e && e != NC_ENOENT) {
        nc_op_err(&x->op, e);
        return;
    }
    if (u)
        nc_session_ended_now(x->op.chat, u, &x->session);
    if (e && !x->logout)
        nc_op_fail(&x->op, NC_P_NOT_FOUND, "there is no such session");
    else
        nc_op_end(&x->op);
}

static void end_it(struct ending *x)
{
    x->change = (struct nc_change){
        .kind = NC_SESSION_END,
        .session = {.id = x->session, .user = x->user, .ended_ms = nc_wall_ms()}};
    x->change.event = nc_people_event(x->op.chat, NC_EV_SESSION_ENDED, NC_AUD_USER,
                                      &x->session, &x->user, &x->actor);
    nc_op_commit(&x->op, &x->commit, &x->change, 1, on_ended);
}

static struct ending *ending_new(struct nc_chat *c, const struct nc_actor *who,
                                 const struct nc_user *user, const struct nc_id *session,
                                 nc_done_fn *done, void *arg)
{
    struct ending *x = nc_alloc(sizeof *x);

    nc_op_init(&x->op, c, finish_ending);
    x->user = user->a.id;
    x->session = *session;
    if (who->user)
        x->actor = who->user->a.id;
    nc_people_copy(x->who, sizeof x->who, nc_people_actor(who));
    nc_people_copy(x->address, sizeof x->address, who->address);
    x->done = done;
    x->arg = arg;
    return x;
}

void nc_session_logout(struct nc_chat *c, const struct nc_actor *who,
                       const struct nc_id *session, nc_done_fn *done, void *arg)
{
    struct ending *x = ending_new(c, who, who->user, session, done, arg);

    x->action = "logout";
    x->logout = true;
    end_it(x);
}

static void on_session(struct nc_query *q, const struct nc_row *row)
{
    struct ending *x = nc_of(q, struct ending, query);

    x->mine = nc_id_eq(&row->session.user, &x->user) && !row->session.ended_ms;
}

static void on_session_read(struct nc_query *q, enum nc_err e)
{
    struct ending *x = nc_of(q, struct ending, query);

    if (e)
        nc_op_err(&x->op, e);
    else if (!x->mine)
        nc_op_fail(&x->op, NC_P_NOT_FOUND, "there is no such session");
    else
        end_it(x);
}

void nc_session_end(struct nc_chat *c, const struct nc_actor *who, struct nc_user *user,
                    const struct nc_id *session, nc_done_fn *done, void *arg)
{
    struct ending *x = ending_new(c, who, user, session, done, arg);

    x->action = "session.end";
    x->query = (struct nc_query){
        .kind = NC_Q_SESSION, .id = *session, .row = on_session, .done = on_session_read};
    c->opts.store->ops->read(c->opts.store, &x->query);
}

/* ---- the list ------------------------------------------------------------ */

static void session_json(struct nc_json *j, const struct nc_row *row,
                         const struct nc_id *mine)
{
    const struct nc_session *s = &row->session;

    nc_json_obj(j);
    nc_json_kid(j, "id", &s->id);
    nc_json_kstr(j, "device", s->device);
    nc_json_kstr(j, "address", s->address);
    nc_json_ktime(j, "created_at", s->created_ms);
    nc_json_ktime(j, "used_at", s->used_ms);
    nc_json_ktime(j, "expires_at", s->expires_ms);
    nc_json_kbool(j, "current", nc_id_eq(&s->id, mine));
    nc_json_obj_end(j);
}

void nc_session_list(struct nc_chat *c, const struct nc_user *user,
                     const struct nc_id *current, nc_json_fn *done, void *arg)
{
    nc_people_list(c, NC_Q_SESSIONS, &user->a.id, "sessions", session_json, current, done,
                   arg);
}
