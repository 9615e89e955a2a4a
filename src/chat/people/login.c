/* Logging in.  Whether the name exists must not show: not in words, not in time, so
 * every path asks the store once and verifies one password; where people were renamed,
 * every wrong one asks and verifies as often as the most wanted of their names. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/account.h"
#include "chat/people/hashing.h"
#include "chat/people/renamed.h"
#include "chat/people/throttle.h"
#include "crypto/hash.h"

enum { TYPED_MAX = 64 };

struct login {
    struct nc_op op;
    char typed[TYPED_MAX + 1]; /* the name as it was typed, for limits and audit */
    char address[64], device[208];
    struct nc_user *user; /* NULL: unknown; never freed before the chat */
    uint32_t proof;       /* the user's when the password was read */
    bool known, charged;
    bool seen_here; /* NC_Q_SESSIONS: a session was used from this address lately */
    unsigned sessions;
    struct nc_id oldest;
    struct nc_query query;
    struct nc_hashing hashing;
    struct nc_session_new session;
    struct nc_commit commit;
    struct nc_change changes[3];
    bool rehashed;
    unsigned tried;        /* of those who took this name and are called otherwise */
    struct nc_user *other; /* whose password it is compared with then; or NULL */
    struct nc_login out;
    nc_login_fn *done;
    void *arg;
};

static struct nc_str typed(struct login *l) { return nc_str(l->typed); }
static struct nc_str address(struct login *l) { return nc_str(l->address); }
static void read_sessions(struct login *l, void (*done)(struct nc_query *q, enum nc_err e));

static void finish(struct nc_op *op)
{
    struct login *l = nc_of(op, struct login, op);
    struct nc_throttle *t = op->chat->people->throttle;

    /* Only a wrong name or password is a failure; a full queue or disk is ours. */
    if (l->charged && op->why.code != NC_P_UNAUTHORIZED)
        nc_throttle_pardon(t, typed(l), address(l));
    if (!op->why.code)
        nc_throttle_welcome(t, typed(l), address(l), nc_mono_ms());
    /* People type passwords where the name belongs: only names that exist are kept. */
    nc_people_audit(op->chat, op->why.code ? "login.failed" : "login",
                    l->user ? l->user->a.username : NC_STR("-"), NC_STR(""), address(l),
                    nc_op_why(op));
    l->done(l->arg, nc_op_why(op), op->why.code ? NULL : &l->out);
    if (l->rehashed && l->user)
        l->user->renaming = false;
    nc_hashing_fini(&l->hashing);
    nc_session_new_fini(&l->session);
    free(l);
}

static void refuse(struct login *l)
{
    nc_op_fail(&l->op, NC_P_UNAUTHORIZED, "wrong username or password");
}

static void on_committed(struct nc_commit *commit, enum nc_err e)
{
    struct login *l = nc_of(commit, struct login, commit);

    if (e == NC_ENOENT && commit->n > 1) { /* the oldest has ended by itself */
        nc_op_commit(&l->op, commit, l->changes, 1, on_committed);
        return;
    }
    if (e) {
        nc_op_err(&l->op, e);
        return;
    }
    if (l->commit.n > 1 && l->changes[1].kind == NC_SESSION_END)
        nc_session_ended_now(l->op.chat, l->user, &l->oldest);
    if (nc_session_sign(l->op.chat, &l->session, l->user, &l->out)) {
        nc_op_fail(&l->op, NC_P_INTERNAL, "the token could not be signed");
        return;
    }
    l->out.user = l->user;
    nc_op_end(&l->op);
}

/* The session; the oldest one goes if there are too many; a hash of another cost is
 * replaced, unless somebody else is changing the account just now. */
static void on_sessions(struct nc_query *q, enum nc_err e)
{
    struct login *l = nc_of(q, struct login, query);
    struct nc_chat *c = l->op.chat;
    struct nc_user *u = l->user;
    struct nc_from from = {address(l), nc_str(l->device)};
    unsigned n = 0;

    if (e) {
        nc_op_err(&l->op, e);
        return;
    }
    /* Odd: a new password is being committed.  Another one: the hash that was checked may
     * be the old one. */
    if (u->a.deleted || (u->proof & 1) || l->proof != u->proof) {
        nc_op_fail(&l->op, NC_P_BUSY, "the account is changing, try again");
        return;
    }
    nc_session_make(c, &l->session, u, NULL, &from);
    l->changes[n++] =
        (struct nc_change){.kind = NC_SESSION_INSERT, .session = l->session.rec};
    if (l->sessions >= c->opts.limits.sessions_per_user) {
        l->changes[n] = (struct nc_change){
            .kind = NC_SESSION_END,
            .session = {.id = l->oldest, .user = u->a.id, .ended_ms = nc_wall_ms()}};
        l->changes[n++].event = nc_people_event(c, NC_EV_SESSION_ENDED, NC_AUD_USER,
                                                &l->oldest, &u->a.id, &u->a.id);
    }
    if (l->hashing.hashed && !u->renaming) {
        u->renaming = l->rehashed = true;
        l->changes[n] = (struct nc_change){.kind = NC_ACCOUNT_UPDATE, .account = u->a};
        l->changes[n].account.password = nc_str(l->hashing.hash);
        l->changes[n++].event = nc_people_event(c, NC_EV_ACCOUNT_UPDATED, NC_AUD_ADMINS,
                                                NULL, &u->a.id, &u->a.id);
    }
    nc_op_commit(&l->op, &l->commit, l->changes, n, on_committed);
}

static void read_password(struct login *l, struct nc_user *u);

/* Did they take the name before another had it?  Where anybody did, that is asked of every
 * name, as often, so that the time is the same. */
static void try_other(struct login *l)
{
    struct nc_chat *c = l->op.chat;

    if (l->tried >= nc_renamed_tries(c)) {
        refuse(l);
        return;
    }
    l->other = nc_renamed_who(c, typed(l), l->tried++);
    l->hashing.refresh = false;
    nc_wipe(l->hashing.hash, sizeof l->hashing.hash);
    read_password(l, l->other);
}

static void is_other(struct login *l)
{
    l->user = l->other;
    if (l->user->a.disabled)
        nc_op_fail(&l->op, NC_P_FORBIDDEN, "this account is disabled");
    else
        nc_op_fail(&l->op, NC_P_CONFLICT,
                   "somebody on another node had the name %s first: yours is %.*s now, log "
                   "in with that",
                   l->typed, NC_FMT(l->user->a.username));
}

static void on_hashed(struct nc_hashing *h, enum nc_err e)
{
    struct login *l = nc_of(h, struct login, hashing);

    if (e)
        nc_op_err(&l->op, e);
    else if (!h->fits)
        try_other(l);
    else if (l->other)
        is_other(l);
    else if (l->user->a.disabled)
        nc_op_fail(&l->op, NC_P_FORBIDDEN, "this account is disabled");
    else if (nc_sessions_full(l->op.chat))
        nc_op_fail(&l->op, NC_P_BUSY, "too many sessions ended lately");
    else
        read_sessions(l, on_sessions);
}

static void on_password(struct nc_query *q, const struct nc_row *row)
{
    struct login *l = nc_of(q, struct login, query);

    /* Empty when the account has just been deleted. */
    nc_people_copy(l->hashing.hash, sizeof l->hashing.hash, row->account.password);
}

static void on_password_read(struct nc_query *q, enum nc_err e)
{
    struct login *l = nc_of(q, struct login, query);

    if (!e)
        e = nc_hashing_start(l->op.chat, &l->hashing);
    if (e)
        nc_op_err(&l->op, e);
}

static void read_password(struct login *l, struct nc_user *u)
{
    struct nc_store *s = l->op.chat->opts.store;

    l->query = (struct nc_query){
        .kind = NC_Q_PASSWORD, .row = on_password, .done = on_password_read};
    if (u)
        l->query.id = u->a.id;
    s->ops->read(s, &l->query);
}

static void attempt(struct login *l)
{
    struct nc_chat *c = l->op.chat;
    unsigned wait = !c->opts.limits.rates
                        ? 0
                        : nc_throttle_attempt(c->people->throttle, typed(l), address(l),
                                              l->known, nc_mono_ms());

    if (wait) {
        nc_op_fail(&l->op, NC_P_RATE_LIMITED, "too many failed logins, wait %u s", wait);
        l->op.why.retry_after_s = wait;
        return;
    }
    l->charged = c->opts.limits.rates;
    if (l->user)
        l->proof = l->user->proof;
    read_password(l, l->user);
}

static void on_session_row(struct nc_query *q, const struct nc_row *row)
{
    struct login *l = nc_of(q, struct login, query);
    const struct nc_session *s = &row->session;

    l->sessions++;
    l->oldest = s->id; /* the one least recently used comes last */
    if (nc_str_eq(s->address, address(l)) && nc_wall_ms() - s->used_ms < NC_KNOWN_MS)
        l->seen_here = true;
}

static void read_sessions(struct login *l, void (*done)(struct nc_query *q, enum nc_err e))
{
    struct nc_store *s = l->op.chat->opts.store;

    l->sessions = 0;
    l->query =
        (struct nc_query){.kind = NC_Q_SESSIONS, .row = on_session_row, .done = done};
    if (l->user)
        l->query.id = l->user->a.id;
    s->ops->read(s, &l->query);
}

/* Memory of who came from where ends with the process; the sessions remember. */
static void on_seen_read(struct nc_query *q, enum nc_err e)
{
    struct login *l = nc_of(q, struct login, query);

    if (e) {
        nc_op_err(&l->op, e);
        return;
    }
    l->known = l->seen_here;
    attempt(l);
}

void nc_account_login(struct nc_chat *c, struct nc_str username, struct nc_str password,
                      const struct nc_from *from, nc_login_fn *done, void *arg)
{
    struct login *l = nc_alloc(sizeof *l);
    struct nc_throttle *t = c->people->throttle;

    nc_op_init(&l->op, c, finish);
    l->done = done;
    l->arg = arg;
    nc_people_copy(l->typed, sizeof l->typed,
                   nc_username_ok(username) ? username : NC_STR("-"));
    nc_people_copy(l->address, sizeof l->address, from->address);
    nc_people_copy(l->device, sizeof l->device, from->device);
    l->hashing.checks = l->hashing.refresh = true;
    l->hashing.done = on_hashed;
    if (password.n > NC_PASSWORD_MAX) {
        nc_op_fail(&l->op, NC_P_TOO_LARGE, "password has more than %d bytes",
                   NC_PASSWORD_MAX);
        return;
    }
    nc_hashing_give(&l->hashing.check, password);
    l->user = nc_user_named(c, username);
    l->known = nc_throttle_known(t, typed(l), address(l), nc_mono_ms());
    if (!l->known && c->opts.limits.rates &&
        nc_throttle_hot(t, typed(l), address(l), nc_mono_ms()))
        read_sessions(l, on_seen_read);
    else
        attempt(l);
}
