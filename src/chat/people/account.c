#include "chat/people/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/hashing.h"
#include "chat/people/throttle.h"
#include "chat/people/update.h"
#include "chat/rooms/rooms.h"
#include "wire/json.h"

static const char *const roles[] = {
    [NC_ROLE_USER] = "member", [NC_ROLE_ADMIN] = "admin", [NC_ROLE_OWNER] = "owner"};

const char *nc_role_name(enum nc_account_role r) { return roles[r]; }

static bool rules(const struct nc_user *u)
{
    return u->a.role == NC_ROLE_OWNER && !u->a.deleted && !u->a.disabled;
}

bool nc_account_has_owner(const struct nc_chat *c)
{
    size_t at = 0;

    for (const struct nc_user *u; (u = nc_map_next(&c->users_by_id, &at));)
        if (rules(u))
            return true;
    return false;
}

bool nc_account_last_owner(const struct nc_chat *c, const struct nc_user *u)
{
    size_t at = 0;

    if (!rules(u))
        return false;
    for (const struct nc_user *other; (other = nc_map_next(&c->users_by_id, &at));)
        if (other != u && rules(other) && !other->renaming)
            return false;
    return true;
}

void nc_account_json(struct nc_json *j, const struct nc_account *a, bool admin)
{
    static const char *const kinds[] = {
        [NC_PERSON] = "user", [NC_PERSONA] = "persona", [NC_SYSTEM] = "system"};

    nc_json_obj(j);
    nc_json_kid(j, "id", &a->id);
    nc_json_kstr(j, "username", a->username);
    nc_json_kstr(j, "display_name", a->display_name);
    nc_json_kstr(j, "role", nc_str(nc_role_name(a->role)));
    nc_json_ktime(j, "created_at", a->created_ms);
    if (admin) {
        nc_json_kstr(j, "kind", nc_str(kinds[a->kind]));
        nc_json_kbool(j, "disabled", a->disabled);
    }
    nc_json_obj_end(j);
}

/* ---- one change of an account at a time ---------------------------------- */

bool nc_update_begin(struct nc_update *x, struct nc_chat *c, const struct nc_actor *who,
                     struct nc_user *u, const char *action, nc_done_fn *done, void *arg)
{
    nc_op_init(&x->op, c, nc_update_finish);
    x->user = u;
    x->action = action;
    x->done = done;
    x->arg = arg;
    nc_people_copy(x->target, sizeof x->target, u->a.username);
    nc_people_copy(x->address, sizeof x->address, who->address);
    nc_people_copy(x->who, sizeof x->who, nc_people_actor(who));
    if (who->user)
        x->actor = who->user->a.id;
    if (u->a.deleted) {
        nc_op_fail(&x->op, NC_P_NOT_FOUND, "there is no such user");
        return false;
    }
    if (u->renaming) {
        nc_op_fail(&x->op, NC_P_BUSY, "another change of this account is under way");
        return false;
    }
    u->renaming = x->locked = true;
    x->account = u->a;
    return true;
}

void nc_update_finish(struct nc_op *op)
{
    struct nc_update *x = nc_of(op, struct nc_update, op);

    if (x->locked)
        x->user->renaming = false;
    nc_people_audit(op->chat, x->action, nc_str(x->who), nc_str(x->target),
                    nc_str(x->address), nc_op_why(op));
    x->done(x->arg, nc_op_why(op));
    nc_hashing_fini(&x->hashing);
    nc_buf_fini(&x->text);
    free(x);
}

static void on_updated(struct nc_commit *commit, enum nc_err e)
{
    struct nc_update *x = nc_of(commit, struct nc_update, commit);
    struct nc_chat *c = x->op.chat;

    if (x->reproves)
        x->user->proof++;
    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    nc_user_changed(c, x->user, &x->account);
    if (x->cuts)
        nc_session_cut_done(c, x->user, &x->cut);
    if (x->account.disabled) {
        nc_hub_end(c->hub, x->user, NULL, 4401, "account disabled");
        nc_observe_ended(c, x->user, NULL);
    } else {
        nc_observe_account(c, x->user);
    }
    nc_op_end(&x->op);
}

void nc_update_commit(struct nc_update *x, const struct nc_actor *who,
                      const struct nc_id *keep)
{
    struct nc_chat *c = x->op.chat;
    unsigned n = 0;

    x->changes[n] = (struct nc_change){.kind = NC_ACCOUNT_UPDATE, .account = x->account};
    x->changes[n++].event = nc_people_event(c, NC_EV_ACCOUNT_UPDATED, NC_AUD_ADMINS, NULL,
                                            &x->user->a.id, &x->actor);
    if (x->cuts)
        nc_session_cut_make(c, &x->changes[n++], &x->cut, x->user, keep, who);
    if (x->reproves)
        x->user->proof++;
    if (x->extra.kind != NC_ACCOUNT_INSERT)
        x->changes[n++] = x->extra;
    nc_op_commit(&x->op, &x->commit, x->changes, n, on_updated);
}

/* ---- one's own name and password ----------------------------------------- */

void nc_account_rename(struct nc_chat *c, const struct nc_actor *who, struct nc_user *u,
                       struct nc_str display_name, nc_done_fn *done, void *arg)
{
    struct nc_update *x = nc_alloc(sizeof *x);
    bool other = who->user != u;

    if (!nc_update_begin(x, c, who, u, "account.rename", done, arg))
        return;
    if (other && !nc_account_rules(who, u)) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "you may not change this account");
        return;
    }
    if (!nc_people_text_ok(display_name, "display_name", c->opts.limits.display_max,
                           &x->op.why)) {
        nc_op_end(&x->op);
        return;
    }
    nc_buf_adds(&x->text, nc_str_trim(display_name));
    x->account.display_name = nc_buf_str(&x->text);
    nc_update_commit(x, who, NULL);
}

static void pardon(struct nc_update *x)
{
    nc_throttle_pardon(x->op.chat->people->throttle, nc_str(x->target), nc_str(x->address));
}

static void on_password_hashed(struct nc_hashing *h, enum nc_err e)
{
    struct nc_update *x = nc_of(h, struct nc_update, hashing);
    struct nc_actor who = {.user = x->user, .address = nc_str(x->address)};

    if (x->charged && (e || h->fits))
        pardon(x);
    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    if (!h->fits) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "the old password is wrong");
        return;
    }
    x->account.password = nc_str(h->hash);
    x->cuts = x->reproves = true;
    nc_update_commit(x, &who, &x->keep);
}

static void on_password_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_update *x = nc_of(q, struct nc_update, query);

    nc_people_copy(x->hashing.hash, sizeof x->hashing.hash, row->account.password);
}

static void on_password_read(struct nc_query *q, enum nc_err e)
{
    struct nc_update *x = nc_of(q, struct nc_update, query);

    if (!e)
        e = nc_hashing_start(x->op.chat, &x->hashing);
    if (!e)
        return;
    if (x->charged)
        pardon(x);
    nc_op_err(&x->op, e);
}

void nc_account_password(struct nc_chat *c, const struct nc_actor *who,
                         const struct nc_id *session, struct nc_str old,
                         struct nc_str new_one, nc_done_fn *done, void *arg)
{
    struct nc_update *x = nc_alloc(sizeof *x);
    unsigned wait = 0;

    if (!nc_update_begin(x, c, who, who->user, "password.change", done, arg))
        return;
    if (old.n > NC_PASSWORD_MAX) {
        nc_op_fail(&x->op, NC_P_TOO_LARGE, "old has more than %d bytes", NC_PASSWORD_MAX);
        return;
    }
    if (!nc_password_ok(new_one, "new", &x->op.why)) {
        nc_op_end(&x->op);
        return;
    }
    if (c->opts.limits.rates)
        wait = nc_throttle_attempt(c->people->throttle, nc_str(x->target),
                                   nc_str(x->address), true, nc_mono_ms());
    if (wait) {
        nc_op_fail(&x->op, NC_P_RATE_LIMITED, "too many wrong passwords, wait %u s", wait);
        x->op.why.retry_after_s = wait;
        return;
    }
    x->charged = c->opts.limits.rates;
    x->keep = *session;
    x->hashing.checks = x->hashing.sets = true;
    x->hashing.done = on_password_hashed;
    nc_hashing_give(&x->hashing.check, old);
    nc_hashing_give(&x->hashing.set, new_one);
    x->query = (struct nc_query){.kind = NC_Q_PASSWORD,
                                 .id = who->user->a.id,
                                 .row = on_password_row,
                                 .done = on_password_read};
    c->opts.store->ops->read(c->opts.store, &x->query);
}

/* ---- administration ------------------------------------------------------ */

bool nc_account_rules(const struct nc_actor *who, const struct nc_user *u)
{
    if (who->admin_socket || (who->user && who->user->a.role == NC_ROLE_OWNER))
        return true;
    return who->user && who->user->a.role == NC_ROLE_ADMIN && u->a.role == NC_ROLE_USER;
}

void nc_account_patch(struct nc_chat *c, const struct nc_actor *who, struct nc_user *u,
                      const struct nc_account_patch *in, nc_done_fn *done, void *arg)
{
    struct nc_update *x = nc_alloc(sizeof *x);
    bool owner = who->admin_socket || (who->user && who->user->a.role == NC_ROLE_OWNER);
    const char *action = in->role                        ? "account.role"
                         : in->disabled && *in->disabled ? "account.disable"
                                                         : "account.enable";

    if (!nc_update_begin(x, c, who, u, action, done, arg))
        return;
    if (!nc_account_rules(who, u) || (in->role && !owner)) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "only an owner may do that");
        return;
    }
    if (u->a.kind != NC_PERSON) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "this is no person's account");
        return;
    }
    if (in->role)
        x->account.role = *in->role;
    if (in->disabled)
        x->account.disabled = *in->disabled;
    if ((x->account.disabled || x->account.role != NC_ROLE_OWNER) &&
        nc_account_last_owner(c, u)) {
        nc_op_fail(&x->op, NC_P_CONFLICT,
                   "the node needs an owner: name another one first");
        return;
    }
    x->cuts = x->reproves = x->account.disabled;
    nc_update_commit(x, who, NULL);
}

static int by_id(const void *a, const void *b)
{
    const struct nc_user *const *x = a, *const *y = b;

    return nc_id_cmp(&(*x)->a.id, &(*y)->a.id);
}

void nc_account_list(const struct nc_chat *c, const struct nc_id *after, unsigned limit,
                     struct nc_buf *out)
{
    const struct nc_user **all = nc_alloc((c->users_by_id.n + 1) * sizeof *all);
    struct nc_json j = nc_json_to(out);
    size_t n = 0, at = 0;

    for (const struct nc_user *u; (u = nc_map_next(&c->users_by_id, &at));)
        if (!u->a.deleted && nc_id_cmp(&u->a.id, after) > 0)
            all[n++] = u;
    qsort(all, n, sizeof(const struct nc_user *), by_id);
    nc_json_obj(&j);
    nc_json_key(&j, "users");
    nc_json_arr(&j);
    for (size_t i = 0; i < n && i < limit; i++)
        nc_account_json(&j, &all[i]->a, true);
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "has_more", n > limit);
    nc_json_obj_end(&j);
    free(all);
}
