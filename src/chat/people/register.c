/* Registering: with the owner's code, with an invite, or freely, as the node allows. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/people/account.h"
#include "chat/people/hashing.h"
#include "chat/people/invite.h"
#include "chat/people/throttle.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/system.h"
#include "crypto/hash.h"

struct reg {
    struct nc_op op;
    struct nc_buf username, display;
    char address[64], device[208];
    bool owner, invited, invite_found;
    struct nc_invite invite; /* without its strings */
    struct nc_query query;
    struct nc_hashing hashing;
    struct nc_id id;
    struct nc_account account;
    struct nc_session_new session;
    struct nc_commit commit;
    struct nc_change changes[3];
    struct nc_user *user;
    struct nc_login out;
    nc_login_fn *done;
    void *arg;
};

static void finish(struct nc_op *op)
{
    struct reg *r = nc_of(op, struct reg, op);

    if (r->owner)
        op->chat->people->owner_code_busy = false;
    nc_people_audit(op->chat, "register",
                    r->user ? r->user->a.username : nc_buf_str(&r->username), NC_STR(""),
                    nc_str(r->address), nc_op_why(op));
    r->done(r->arg, nc_op_why(op), op->why.code ? NULL : &r->out);
    nc_hashing_fini(&r->hashing);
    nc_session_new_fini(&r->session);
    nc_buf_fini(&r->username);
    nc_buf_fini(&r->display);
    free(r);
}

/* Names the node itself goes by, in rooms and in the audit log. */
static bool reserved(struct nc_str username)
{
    static const char *const names[] = {NC_SYSTEM_NAME, "admin.sock"};

    for (size_t i = 0; i < NC_COUNT(names); i++)
        if (nc_str_eqz(username, names[i]))
            return true;
    return false;
}

/* The account is there whether or not the room takes it. */
static void on_joined(void *arg, const struct nc_problem *why, struct nc_room *room)
{
    struct reg *r = arg;

    (void)room;
    if (why)
        nc_log(NC_INFO, "invite.room", "user=%.*s why=%s", NC_FMT(r->user->a.username),
               nc_log_q(nc_str(why->detail)));
    nc_op_end(&r->op);
}

static void on_committed(struct nc_commit *commit, enum nc_err e)
{
    struct reg *r = nc_of(commit, struct reg, commit);
    struct nc_chat *c = r->op.chat;
    struct nc_room *room = NULL;

    if (e == NC_ENOENT && r->invited) {
        nc_op_fail(&r->op, NC_P_FORBIDDEN, "the invite is unknown, used up or over");
        return;
    }
    if (e == NC_EEXIST) {
        nc_op_fail(&r->op, NC_P_CONFLICT, "this username is taken");
        return;
    }
    if (e) {
        nc_op_err(&r->op, e);
        return;
    }
    r->user = nc_user_add(c, &r->account);
    nc_observe_account(c, r->user);
    if (r->owner) {
        c->opts.owner_code = NC_STR("");
        if (c->opts.owner_made)
            c->opts.owner_made(c->opts.owner_arg);
    }
    if (nc_session_sign(c, &r->session, r->user, &r->out)) {
        nc_op_fail(&r->op, NC_P_INTERNAL, "the token could not be signed");
        return;
    }
    r->out.user = r->user;
    nc_throttle_welcome(c->people->throttle, r->user->a.username, nc_str(r->address),
                        nc_mono_ms());
    if (r->invited && !nc_id_zero(&r->invite.room))
        room = nc_room_find(c, &r->invite.room);
    if (room && nc_invite_opens(c, &r->invite, room))
        nc_room_admit(c, room, r->user, on_joined, r);
    else
        nc_op_end(&r->op);
}

static void on_hashed(struct nc_hashing *h, enum nc_err e)
{
    struct reg *r = nc_of(h, struct reg, hashing);
    struct nc_chat *c = r->op.chat;
    struct nc_from from = {nc_str(r->address), nc_str(r->device)};
    unsigned n = 0;

    if (e) {
        nc_op_err(&r->op, e);
        return;
    }
    r->account = (struct nc_account){.id = nc_hlc_id(nc_hlc_now(&c->clock)),
                                     .role = r->owner ? NC_ROLE_OWNER : NC_ROLE_USER,
                                     .username = nc_buf_str(&r->username),
                                     .display_name = nc_buf_str(&r->display),
                                     .password = nc_str(h->hash),
                                     .created_ms = nc_wall_ms()};
    nc_session_make(c, &r->session, NULL, &r->account.id, &from);
    if (r->invited) {
        r->changes[n] = (struct nc_change){.kind = NC_INVITE_USE, .invite = r->invite};
        r->changes[n].invite.created_ms = nc_wall_ms();
        r->changes[n++].event =
            nc_people_event(c, NC_EV_INVITE_SET, NC_AUD_ADMINS, &r->invite.id,
                            &r->account.id, &r->invite.by);
    }
    r->changes[n] = (struct nc_change){.kind = NC_ACCOUNT_INSERT, .account = r->account};
    r->changes[n++].event = nc_people_event(c, NC_EV_ACCOUNT_CREATED, NC_AUD_ADMINS, NULL,
                                            &r->account.id, &r->account.id);
    r->changes[n++] =
        (struct nc_change){.kind = NC_SESSION_INSERT, .session = r->session.rec};
    nc_op_commit(&r->op, &r->commit, r->changes, n, on_committed);
}

static void hash(struct reg *r)
{
    enum nc_err e = nc_hashing_start(r->op.chat, &r->hashing);

    if (e)
        nc_op_err(&r->op, e);
}

/* Not by somebody who was put out since: their friends stay out too. */
static bool is_of_somebody(struct nc_chat *c, const struct nc_invite *i)
{
    const struct nc_user *by = nc_user_find(c, &i->by);

    return nc_id_zero(&i->by) || (by && !by->a.deleted && !by->a.disabled);
}

static void on_invite(struct nc_query *q, const struct nc_row *row)
{
    struct reg *r = nc_of(q, struct reg, query);

    r->invite = row->invite;
    r->invite.code = (struct nc_str){NULL, 0};
    r->invite_found = row->invite.uses_left &&
                      (!row->invite.expires_ms || row->invite.expires_ms > nc_wall_ms());
}

static void on_invite_read(struct nc_query *q, enum nc_err e)
{
    struct reg *r = nc_of(q, struct reg, query);

    if (e)
        nc_op_err(&r->op, e);
    else if (r->invite_found && is_of_somebody(r->op.chat, &r->invite))
        hash(r);
    else {
        nc_throttle_guessed(r->op.chat->people->throttle, nc_str(r->address), nc_mono_ms());
        nc_op_fail(&r->op, NC_P_FORBIDDEN, "the invite is unknown, used up or over");
    }
}

static bool valid(struct nc_chat *c, const struct nc_register *in, struct nc_problem *why)
{
    struct nc_str name = in->display_name;

    if (!nc_username_ok(in->username)) {
        nc_problem_set(why, NC_P_BAD_REQUEST,
                       "username: 2 to 32 of a-z 0-9 . _ - and first a letter or digit");
        return false;
    }
    if (!nc_password_ok(in->password, "password", why))
        return false;
    return !name.n ||
           nc_people_text_ok(name, "display_name", c->opts.limits.display_max, why);
}

/* Who comes with what?  False: *why says why not. */
static bool admitted(struct reg *r, const struct nc_register *in, struct nc_problem *why)
{
    struct nc_chat *c = r->op.chat;
    struct nc_str code = c->opts.owner_code;

    if (in->owner_code.n) {
        bool right = code.n && in->owner_code.n == code.n &&
                     nc_same(in->owner_code.p, code.p, code.n);
        /* The owner may have come from another node. */
        if (right && !c->people->owner_code_busy && !nc_account_has_owner(c)) {
            r->owner = c->people->owner_code_busy = true;
            return true;
        }
        nc_throttle_guessed(c->people->throttle, in->from.address, nc_mono_ms());
        nc_problem_set(why, NC_P_FORBIDDEN,
                       "the owner's code is wrong, or there is an owner already");
        return false;
    }
    if (c->opts.registration == NC_REG_CLOSED) {
        nc_problem_set(why, NC_P_FORBIDDEN, "registration is closed");
        return false;
    }
    if (c->opts.registration == NC_REG_INVITE && !in->invite.n) {
        nc_problem_set(why, NC_P_FORBIDDEN, "registration is by invite");
        return false;
    }
    r->invited = in->invite.n > 0;
    return true;
}

/* The rates of an address: how many accounts, how many guesses at codes. */
static bool within_rates(struct nc_chat *c, const struct nc_register *in,
                         struct nc_problem *why)
{
    const struct nc_limits *l = &c->opts.limits;
    struct nc_throttle *t = c->people->throttle;
    uint64_t now = nc_mono_ms();
    unsigned wait = 0;

    if (!l->rates)
        return true;
    if (in->invite.n || in->owner_code.n)
        wait = nc_throttle_guesses(t, in->from.address, now);
    if (!wait)
        wait = nc_throttle_register(t, in->from.address, l->registrations_per_hour, now);
    if (!wait)
        return true;
    nc_problem_set(why, NC_P_RATE_LIMITED,
                   "at most %u registrations an hour from one address",
                   l->registrations_per_hour);
    why->retry_after_s = wait;
    return false;
}

void nc_account_register(struct nc_chat *c, const struct nc_register *in, nc_login_fn *done,
                         void *arg)
{
    struct reg *r = nc_alloc(sizeof *r);

    nc_op_init(&r->op, c, finish);
    r->done = done;
    r->arg = arg;
    r->hashing.sets = true;
    r->hashing.done = on_hashed;
    nc_people_copy(r->address, sizeof r->address, in->from.address);
    nc_people_copy(r->device, sizeof r->device, in->from.device);
    if (!valid(c, in, &r->op.why) || !within_rates(c, in, &r->op.why)) {
        nc_op_end(&r->op);
        return;
    }
    nc_buf_adds(&r->username, in->username);
    nc_buf_adds(&r->display,
                in->display_name.n ? nc_str_trim(in->display_name) : in->username);
    if (!admitted(r, in, &r->op.why)) {
        nc_op_end(&r->op);
        return;
    }
    /* The writer decides; this only spares a hash. */
    if (nc_user_named(c, in->username) || reserved(in->username) ||
        (c->name_held && c->name_held(c->name_held_arg, in->username))) {
        nc_op_fail(&r->op, NC_P_CONFLICT, "this username is taken");
        return;
    }
    nc_hashing_give(&r->hashing.set, in->password);
    if (!r->invited) {
        hash(r);
        return;
    }
    r->query =
        (struct nc_query){.kind = NC_Q_INVITE, .row = on_invite, .done = on_invite_read};
    nc_invite_hash(in->invite, r->query.hash);
    c->opts.store->ops->read(c->opts.store, &r->query);
}
