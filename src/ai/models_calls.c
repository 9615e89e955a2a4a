/* What the owner asks of providers: changes one after another, each whole or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/models_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/box.h"
#include "wire/json_in.h"

#define PROVIDERS_MAX 100 /* that are kept */

/* A call, from the first check to the answer. */
struct call {
    struct nc_op op;
    struct nc_list node;      /* models->calls */
    struct nc_models *models; /* NULL: gone */
    void (*begin)(struct call *c);
    bool changes_something, begun;
    const char *action; /* for the audit log; NULL: none */
    struct nc_actor who;
    struct nc_id id;
    json_t *body;
    nc_json_fn *json;
    nc_done_fn *done;
    void *arg;
    struct nc_buf out;

    /* What will be kept. */
    char name[NC_SOURCE_NAME];
    json_t *settings;
    struct nc_buf secret;
    uint64_t created_ms;
    struct nc_commit commit;
    struct nc_change changes[2]; /* it, and the one that was the default before */
    char *texts[2];              /* their settings */
    struct nc_id no_default;     /* that other one */

    struct nc_check check;
    struct nc_look look;
};

/* ---- begin and end --------------------------------------------------------------- */

/* Changes wait for one another: each is judged by what the one before left. */
static void begin_next(struct nc_models *m)
{
    nc_list_each(n, &m->calls) {
        struct call *c = nc_of(n, struct call, node);
        if (!c->changes_something)
            continue;
        if (!c->begun) {
            c->begun = true;
            c->begin(c);
        }
        return;
    }
}

static void finish(struct nc_op *op)
{
    struct call *c = nc_of(op, struct call, op);
    struct nc_models *m = c->models;

    nc_list_del(&c->node);
    if (c->action)
        nc_people_audit(op->chat, c->action, nc_people_actor(&c->who), nc_str(c->name),
                        c->who.address, nc_op_why(op));
    if (c->json)
        c->json(c->arg, nc_op_why(op), op->why.code ? NULL : &c->out);
    else
        c->done(c->arg, nc_op_why(op));
    json_decref(c->body);
    json_decref(c->settings);
    nc_buf_fini(&c->secret);
    nc_buf_fini(&c->out);
    free(c->texts[0]);
    free(c->texts[1]);
    if (m && c->changes_something)
        begin_next(m);
    free(c);
}

static struct call *new_call(struct nc_models *m, const struct nc_actor *who,
                             const struct nc_id *id, nc_json_fn *json, void *arg)
{
    struct call *c = nc_alloc(sizeof(*c));

    nc_op_init(&c->op, m->o.chat, finish);
    c->models = m;
    c->who = *who;
    if (id)
        c->id = *id;
    c->json = json;
    c->arg = arg;
    nc_list_add(&m->calls, &c->node);
    return c;
}

static void queue(struct call *c, const char *action, json_t *body,
                  void (*begin)(struct call *c))
{
    c->action = action;
    c->body = json_incref(body);
    c->begin = begin;
    c->changes_something = true;
    begin_next(c->models);
}

void nc_models_calls_end(struct nc_models *m)
{
    for (struct nc_list *n; (n = nc_list_pop(&m->calls));) {
        struct call *c = nc_of(n, struct call, node);
        c->models = NULL;
        if (c->changes_something && !c->begun)
            nc_op_err(&c->op, NC_ECLOSED);
    }
}

static void answer_source(struct call *c, const struct nc_source *s)
{
    struct nc_json j = nc_json_to(&c->out);
    nc_source_json(&j, s);
}

/* One of those that are kept, or the call has failed. */
static struct nc_source *kept(struct call *c)
{
    struct nc_source *s = nc_source_find(c->models, &c->id);

    if (s)
        snprintf(c->name, sizeof(c->name), "%s", s->name);
    if (!s)
        nc_op_fail(&c->op, NC_P_NOT_FOUND, "no such provider");
    else if (s->origin == NC_CONFIGURED)
        nc_op_fail(&c->op, NC_P_CONFLICT, "this provider stands in the configuration");
    else if (s->origin == NC_FOUND)
        nc_op_fail(&c->op, NC_P_CONFLICT,
                   "this provider was found on this machine; add it to keep it");
    return s && s->origin == NC_MADE ? s : NULL;
}

/* ---- what will be kept ------------------------------------------------------------- */

static bool read_name(struct call *c, const struct nc_source *old, struct nc_problem *why)
{
    struct nc_str name = {0};

    if (json_is_null(json_object_get(c->body, "name")) ||
        (!old && !nc_json_has(c->body, "name"))) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`name` is missing");
        return false;
    }
    if (nc_json_opt_str(c->body, "name", 0, 1000, &name, why) != NC_OK)
        return false;
    if (!name.p)
        return true;
    if (nc_source_name_ok(name, why) != NC_OK)
        return false;
    snprintf(c->name, sizeof(c->name), "%.*s", NC_FMT(name));
    const struct nc_source *has = nc_source_named(c->models, name);
    /* What was found gives way. */
    if (has && has != old && has->origin != NC_FOUND) {
        nc_problem_set(why, NC_P_CONFLICT, "there is a provider of that name already");
        return false;
    }
    return true;
}

static const struct nc_box *box(struct nc_models *m)
{
    enum nc_err e = NC_OK;

    if (!m->box)
        e = nc_box_open(&m->box, m->o.key_path);
    if (e == NC_ENOENT && nc_box_make(&m->box, m->o.key_path) != NC_OK)
        m->box = NULL;
    return m->box;
}

static bool seal(struct call *c, struct nc_str key, struct nc_problem *why)
{
    const struct nc_box *b = box(c->models);
    struct nc_str about = {(const char *)c->id.b, sizeof(c->id.b)};

    nc_buf_clear(&c->secret);
    if (b && nc_box_seal(b, key, about, &c->secret) == NC_OK)
        return true;
    nc_problem_set(why, NC_P_UNAVAILABLE,
                   "the API key can't be sealed: the node's key file is unusable; the log "
                   "says why");
    return false;
}

static bool read_key(struct call *c, const struct nc_source *old, struct nc_problem *why)
{
    const json_t *v = json_object_get(c->body, "api_key");
    struct nc_str key = nc_json_text(v);

    if (!v && old)
        nc_buf_adds(&c->secret, nc_buf_str(&old->secret));
    if (!v || json_is_null(v))
        return true;
    return nc_source_key_ok(key, why) == NC_OK && seal(c, key, why);
}

static void set_change(struct call *c, unsigned i, const struct nc_id *id, const char *name,
                       const json_t *settings, struct nc_str secret, uint64_t created_ms)
{
    c->texts[i] = json_dumps(settings, JSON_COMPACT);
    c->changes[i] = (struct nc_change){.kind = NC_PROVIDER_SET,
                                       .provider = {.id = *id,
                                                    .name = nc_str(name),
                                                    .settings = nc_str(c->texts[i]),
                                                    .secret = secret,
                                                    .created_ms = created_ms}};
}

/* Only one is the default: the other steps back in the same commit. */
static unsigned step_back(struct call *c)
{
    nc_list_each(n, &c->models->sources) {
        const struct nc_source *s = nc_of(n, struct nc_source, node);
        if (nc_id_eq(&s->id, &c->id) || !nc_setting_flag(s->settings, "is_default"))
            continue;
        json_t *without = json_deep_copy(s->settings);
        json_object_set_new(without, "is_default", json_false());
        set_change(c, 1, &s->id, s->name, without, nc_buf_str(&s->secret), s->created_ms);
        json_decref(without);
        c->no_default = s->id;
        return 1;
    }
    return 0;
}

static void on_refused(struct call *c, enum nc_err e)
{
    if (e == NC_EEXIST)
        nc_op_fail(&c->op, NC_P_CONFLICT, "there is a provider of that name already");
    else if (e == NC_ENOENT)
        nc_op_fail(&c->op, NC_P_NOT_FOUND, "no such provider");
    else
        nc_op_err(&c->op, e);
}

static void on_kept(struct nc_commit *commit, enum nc_err e)
{
    struct call *c = nc_of(commit, struct call, commit);
    struct nc_models *m = c->models;

    if (e != NC_OK || !m) {
        on_refused(c, e != NC_OK ? e : NC_ECLOSED);
        return;
    }
    struct nc_source *other = nc_source_find(m, &c->no_default);
    if (other)
        json_object_set_new(other->settings, "is_default", json_false());
    struct nc_source *s = nc_source_find(m, &c->id);
    if (s) {
        nc_source_change(s, c->name, json_incref(c->settings), &c->secret);
    } else {
        s = nc_source_new(m, NC_MADE, &c->id, c->name, json_incref(c->settings));
        s->created_ms = c->created_ms;
        nc_buf_adds(&s->secret, nc_buf_str(&c->secret));
        nc_source_unlock(s);
        nc_source_join(s);
    }
    nc_models_sift(m);
    answer_source(c, s);
    nc_op_end(&c->op);
}

static void keep(struct call *c, const struct nc_source *old)
{
    struct nc_problem why;

    if (!read_name(c, old, &why) ||
        nc_source_settings(c->body, old ? old->settings : NULL, &c->settings, &why) !=
            NC_OK ||
        !read_key(c, old, &why)) {
        nc_op_fail(&c->op, why.code, "%s", why.detail);
        return;
    }
    set_change(c, 0, &c->id, c->name, c->settings, nc_buf_str(&c->secret), c->created_ms);
    unsigned n = 1;
    if (nc_setting_flag(c->settings, "is_default"))
        n += step_back(c);
    nc_op_commit(&c->op, &c->commit, c->changes, n, on_kept);
}

/* ---- add, patch, delete ---------------------------------------------------------- */

static void begin_add(struct call *c)
{
    unsigned made = 0;

    nc_list_each(n, &c->models->sources)
        made += nc_of(n, struct nc_source, node)->origin == NC_MADE;
    c->id = nc_hlc_id(nc_hlc_now(&c->op.chat->clock));
    c->created_ms = nc_wall_ms();
    if (made >= PROVIDERS_MAX)
        nc_op_fail(&c->op, NC_P_CONFLICT, "there are %d providers already", PROVIDERS_MAX);
    else
        keep(c, NULL);
}

void nc_models_add(struct nc_models *m, const struct nc_actor *who, json_t *body,
                   nc_json_fn *done, void *arg)
{
    queue(new_call(m, who, NULL, done, arg), "provider.create", body, begin_add);
}

static void begin_patch(struct call *c)
{
    const struct nc_source *s = kept(c);

    if (!s)
        return;
    c->created_ms = s->created_ms;
    keep(c, s);
}

void nc_models_patch(struct nc_models *m, const struct nc_actor *who,
                     const struct nc_id *id, json_t *body, nc_json_fn *done, void *arg)
{
    queue(new_call(m, who, id, done, arg), "provider.update", body, begin_patch);
}

static void on_deleted(struct nc_commit *commit, enum nc_err e)
{
    struct call *c = nc_of(commit, struct call, commit);

    if (e != NC_OK || !c->models) {
        on_refused(c, e != NC_OK ? e : NC_ECLOSED);
        return;
    }
    struct nc_source *s = nc_source_find(c->models, &c->id);
    if (s)
        nc_source_drop(s);
    nc_op_end(&c->op);
}

static void begin_delete(struct call *c)
{
    if (!kept(c))
        return;
    c->changes[0] =
        (struct nc_change){.kind = NC_PROVIDER_DELETE, .provider = {.id = c->id}};
    nc_op_commit(&c->op, &c->commit, c->changes, 1, on_deleted);
}

void nc_models_delete(struct nc_models *m, const struct nc_actor *who,
                      const struct nc_id *id, nc_done_fn *done, void *arg)
{
    struct call *c = new_call(m, who, id, NULL, arg);

    c->done = done;
    queue(c, "provider.delete", NULL, begin_delete);
}

/* ---- list, check, discover --------------------------------------------------------- */

static void answer_list(struct call *c)
{
    struct nc_json j = nc_json_to(&c->out);

    if (c->models)
        nc_source_list_json(&j, c->models);
    else
        nc_op_err(&c->op, NC_ECLOSED);
    nc_op_end(&c->op);
}

void nc_models_list(struct nc_models *m, nc_json_fn *done, void *arg)
{
    static const struct nc_actor nobody;
    answer_list(new_call(m, &nobody, NULL, done, arg));
}

static void answer_check(struct call *c, const struct nc_source *s)
{
    struct nc_json j = nc_json_to(&c->out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "state", s->state == NC_SOURCE_UP ? NC_STR("up") : NC_STR("down"));
    if (s->state == NC_SOURCE_UP) {
        nc_json_key(&j, "models");
        nc_json_arr(&j);
        for (size_t i = 0; i < s->listed_n; i++)
            nc_json_str(&j, s->listed[i].name);
        nc_json_arr_end(&j);
    } else {
        nc_json_kstr(&j, "reason", nc_str(s->reason));
    }
    nc_json_obj_end(&j);
    nc_op_end(&c->op);
}

static void on_checked(struct nc_check *check, struct nc_source *s)
{
    struct call *c = nc_of(check, struct call, check);

    if (!s && c->models) /* it stays, but its key is lost? */
        s = nc_source_find(c->models, &c->id);
    if (s)
        answer_check(c, s);
    else
        nc_op_fail(&c->op, NC_P_NOT_FOUND, "the provider was deleted");
}

void nc_models_check(struct nc_models *m, const struct nc_actor *who,
                     const struct nc_id *id, nc_json_fn *done, void *arg)
{
    struct call *c = new_call(m, who, id, done, arg);
    struct nc_source *s = nc_source_find(m, id);

    if (!s) {
        nc_op_fail(&c->op, NC_P_NOT_FOUND, "no such provider");
    } else if (!s->provider) {
        answer_check(c, s);
    } else {
        c->check.done = on_checked;
        nc_source_check(s, &c->check);
    }
}

static void on_looked(struct nc_look *look) { answer_list(nc_of(look, struct call, look)); }

void nc_models_discover(struct nc_models *m, const struct nc_actor *who, nc_json_fn *done,
                        void *arg)
{
    struct call *c = new_call(m, who, NULL, done, arg);

    c->look.done = on_looked;
    nc_models_look(m, &c->look);
}
