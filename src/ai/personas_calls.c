/* Personas made, changed and deleted, by the node's owner and admins. */
#include <stdlib.h>

#include "ai/personas_parts.h"
#include "base/clock.h"
#include "chat/people/account.h"
#include "wire/json.h"
#include "wire/json_in.h"

struct change {
    struct nc_op op;
    struct nc_personas *personas;
    const char *action;
    struct nc_actor actor;
    char who[33], target[33], address[64];
    bool has_turn; /* personas->changing is ours */
    struct nc_user *locked;
    struct nc_id id;
    struct nc_buf settings, text; /* as kept; the display name */
    struct nc_commit commit;
    struct nc_change changes[2];
    nc_json_fn *json;
    nc_done_fn *done;
    void *arg;
};

/* ---- how one ends ---------------------------------------------------------------- */

static void answer(struct change *x, const struct nc_problem *why)
{
    struct nc_persona *p = why ? NULL : nc_persona_find(x->personas, &x->id);
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (p)
        nc_persona_json(&j, x->personas, p, &x->actor);
    x->json(x->arg, why, p ? &out : NULL);
    nc_buf_fini(&out);
}

static void finish(struct nc_op *op)
{
    struct change *x = nc_of(op, struct change, op);

    if (x->has_turn)
        x->personas->changing = false;
    if (x->locked)
        x->locked->renaming = false;
    nc_people_audit(op->chat, x->action, nc_str(x->who), nc_str(x->target),
                    nc_str(x->address), nc_op_why(op));
    if (x->json)
        answer(x, nc_op_why(op));
    else
        x->done(x->arg, nc_op_why(op));
    nc_personas_let_go(x->personas);
    nc_buf_fini(&x->settings);
    nc_buf_fini(&x->text);
    free(x);
}

/* NULL: it is refused, and ends by itself. */
static struct change *begin(struct nc_personas *p, const struct nc_actor *who,
                            const char *action, nc_json_fn *json, nc_done_fn *done,
                            void *arg)
{
    struct change *x = nc_alloc(sizeof(*x));

    nc_op_init(&x->op, p->chat, finish);
    x->personas = p;
    nc_personas_hold(p);
    x->action = action;
    x->actor = *who;
    nc_people_copy(x->who, sizeof(x->who), nc_people_actor(who));
    nc_people_copy(x->address, sizeof(x->address), who->address);
    x->actor.address = nc_str(x->address);
    x->json = json;
    x->done = done;
    x->arg = arg;
    if (!nc_personas_admin(who)) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "only an owner or admin may do that");
        return NULL;
    }
    if (p->changing) {
        nc_op_fail(&x->op, NC_P_BUSY, "another persona is being changed");
        return NULL;
    }
    x->has_turn = p->changing = true;
    return x;
}

static struct nc_persona *find(struct change *x, const struct nc_id *id)
{
    struct nc_persona *p = nc_persona_find(x->personas, id);

    if (!p) {
        nc_op_fail(&x->op, NC_P_NOT_FOUND, "there is no such persona");
        return NULL;
    }
    x->id = *id;
    nc_people_copy(x->target, sizeof(x->target), p->user->a.username);
    if (p->user->renaming || p->user->going) {
        nc_op_fail(&x->op, NC_P_BUSY, "another change of this persona is under way");
        return NULL;
    }
    return p;
}

static void refuse(struct change *x, const struct nc_problem *why)
{
    x->op.why = *why;
    nc_op_end(&x->op);
}

static struct nc_event event(struct change *x, enum nc_event_kind kind)
{
    return nc_people_event(x->op.chat, kind, NC_AUD_ADMINS, NULL, &x->id,
                           x->actor.user ? &x->actor.user->a.id : NULL);
}

static void set_settings(struct change *x, struct nc_change *ch)
{
    *ch = (struct nc_change){.kind = NC_PERSONA_SET,
                             .persona = {.user = x->id,
                                         .settings = nc_buf_str(&x->settings),
                                         .created_ms = nc_wall_ms()}};
    ch->event = event(x, NC_EV_PERSONA_SET);
}

/* ---- a new one ------------------------------------------------------------------- */

static void on_added(struct nc_commit *commit, enum nc_err e)
{
    struct change *x = nc_of(commit, struct change, commit);

    if (e == NC_EEXIST)
        nc_op_fail(&x->op, NC_P_CONFLICT, "`username`: %s is taken", x->target);
    else if (e)
        nc_op_err(&x->op, e);
    else
        nc_op_end(&x->op);
    if (!e && !x->personas->gone)
        nc_personas_put(x->personas, nc_user_add(x->op.chat, &x->changes[0].account),
                        nc_buf_str(&x->settings));
}

/* Is this what a new one can be called? */
static enum nc_err username_ok(struct change *x, json_t *body, struct nc_str *out,
                               struct nc_problem *why)
{
    const struct nc_user *u;

    if (nc_json_need_str(body, "username", 1, SIZE_MAX, out, why))
        return NC_EINVAL;
    nc_people_copy(x->target, sizeof(x->target), *out);
    if (!nc_username_ok(*out)) {
        nc_problem_set(why, NC_P_BAD_REQUEST,
                       "`username` must be 2 to 32 of a-z, 0-9, '.', '_', '-', beginning "
                       "with a letter or digit");
        return NC_EINVAL;
    }
    if ((u = nc_user_named(x->op.chat, *out))) {
        nc_problem_set(why, NC_P_CONFLICT, "`username`: %.*s is taken by a %s",
                       NC_FMT(*out), u->a.kind == NC_PERSONA ? "persona" : "user");
        return NC_EEXIST;
    }
    return NC_OK;
}

void nc_personas_add(struct nc_personas *p, const struct nc_actor *who, json_t *body,
                     nc_json_fn *done, void *arg)
{
    struct change *x = begin(p, who, "persona.create", done, NULL, arg);
    struct nc_draft *d = x ? nc_alloc(sizeof(*d)) : NULL;
    struct nc_str username = {0};
    struct nc_problem why;

    if (!x)
        return;
    nc_draft_new(d);
    if (username_ok(x, body, &username, &why) ||
        nc_draft_take(d, body, false, p->chat, &why) ||
        nc_draft_names_ok(d, p, NULL, username, &why)) {
        refuse(x, &why);
        free(d);
        return;
    }
    nc_buf_adds(&x->text, d->display_name.n ? d->display_name : username);
    nc_draft_write(d, &x->settings);
    free(d);
    x->id = nc_hlc_id(nc_hlc_now(&p->chat->clock));
    x->changes[0] = (struct nc_change){.kind = NC_ACCOUNT_INSERT,
                                       .account = {.id = x->id,
                                                   .kind = NC_PERSONA,
                                                   .username = nc_str(x->target),
                                                   .display_name = nc_buf_str(&x->text),
                                                   .created_ms = nc_wall_ms()},
                                       .event = event(x, NC_EV_ACCOUNT_CREATED)};
    set_settings(x, &x->changes[1]);
    nc_op_commit(&x->op, &x->commit, x->changes, 2, on_added);
}

/* ---- another of what it is ------------------------------------------------------- */

static void on_patched(struct nc_commit *commit, enum nc_err e)
{
    struct change *x = nc_of(commit, struct change, commit);
    struct nc_persona *p = x->personas->gone ? NULL : nc_persona_find(x->personas, &x->id);

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    if (commit->n > 1)
        nc_user_changed(x->op.chat, x->locked, &x->changes[1].account);
    if (p)
        nc_personas_put(x->personas, p->user, nc_buf_str(&x->settings));
    nc_op_end(&x->op);
}

static bool username_stays(const json_t *body, const struct nc_persona *p,
                           struct nc_problem *why)
{
    const json_t *v = json_object_get(body, "username");
    struct nc_str s = nc_json_text(v);

    if (!v || (json_is_string(v) && nc_str_eq(s, p->user->a.username)))
        return true;
    nc_problem_set(why, NC_P_BAD_REQUEST, "`username` can't be changed");
    return false;
}

void nc_personas_patch(struct nc_personas *p, const struct nc_actor *who,
                       const struct nc_id *id, json_t *body, nc_json_fn *done, void *arg)
{
    struct change *x = begin(p, who, "persona.update", done, NULL, arg);
    struct nc_persona *persona = x ? find(x, id) : NULL;
    struct nc_problem why;
    unsigned n = 1;

    if (!persona)
        return;
    struct nc_draft *d = nc_alloc(sizeof(*d));
    nc_draft_of(d, persona);
    if (!username_stays(body, persona, &why) ||
        nc_draft_take(d, body, false, p->chat, &why) ||
        nc_draft_names_ok(d, p, persona, NC_STR(""), &why)) {
        refuse(x, &why);
        free(d);
        return;
    }
    nc_buf_adds(&x->text, d->display_name);
    nc_draft_write(d, &x->settings);
    free(d);
    set_settings(x, &x->changes[0]);
    x->locked = persona->user;
    x->locked->renaming = true;
    if (x->text.n) {
        x->changes[n] =
            (struct nc_change){.kind = NC_ACCOUNT_UPDATE, .account = persona->user->a};
        x->changes[n].account.display_name = nc_buf_str(&x->text);
        x->changes[n++].event = event(x, NC_EV_ACCOUNT_UPDATED);
    }
    nc_op_commit(&x->op, &x->commit, x->changes, n, on_patched);
}

/* ---- gone ------------------------------------------------------------------------ */

static void on_forgotten(struct nc_commit *commit, enum nc_err e)
{
    struct change *x = nc_of(commit, struct change, commit);

    /* ENOENT: it never had settings of its own */
    if (e && e != NC_ENOENT)
        nc_op_err(&x->op, e);
    else
        nc_op_end(&x->op);
}

/* First the account, so that what a crash leaves is settings of nobody. */
static void on_account_gone(void *arg, const struct nc_problem *why)
{
    struct change *x = arg;
    struct nc_persona *p = x->personas->gone ? NULL : nc_persona_find(x->personas, &x->id);

    if (why) {
        refuse(x, why);
        return;
    }
    if (p)
        nc_personas_drop(x->personas, p);
    x->changes[0] =
        (struct nc_change){.kind = NC_PERSONA_DELETE, .persona = {.user = x->id}};
    x->changes[0].event = event(x, NC_EV_PERSONA_DELETED);
    nc_op_commit(&x->op, &x->commit, x->changes, 1, on_forgotten);
}

void nc_personas_delete(struct nc_personas *p, const struct nc_actor *who,
                        const struct nc_id *id, nc_done_fn *done, void *arg)
{
    struct change *x = begin(p, who, "persona.delete", NULL, done, arg);
    struct nc_persona *persona = x ? find(x, id) : NULL;

    if (!persona)
        return;
    struct nc_actor self = {.user = persona->user, .address = nc_str(x->address)};
    nc_account_delete(p->chat, &self, on_account_gone, x);
}

/* ---- all of them ----------------------------------------------------------------- */

struct list {
    struct nc_op op;
    struct nc_buf out;
    nc_json_fn *done;
    void *arg;
};

static void on_listed(struct nc_op *op)
{
    struct list *l = nc_of(op, struct list, op);

    l->done(l->arg, NULL, &l->out);
    nc_buf_fini(&l->out);
    free(l);
}

void nc_personas_list(struct nc_personas *p, const struct nc_actor *who, nc_json_fn *done,
                      void *arg)
{
    struct list *l = nc_alloc(sizeof(*l));
    struct nc_json j = nc_json_to(&l->out);

    nc_op_init(&l->op, p->chat, on_listed);
    l->done = done;
    l->arg = arg;
    nc_json_obj(&j);
    nc_json_key(&j, "personas");
    nc_json_arr(&j);
    for (struct nc_persona *x = NULL; (x = nc_persona_next(p, x));)
        nc_persona_json(&j, p, x, who);
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    nc_op_end(&l->op);
}
