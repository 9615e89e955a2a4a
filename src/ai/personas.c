#include "ai/personas_parts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/people/builtin.h"
#include "chat/user.h"
#include "wire/json_in.h"

/* In the store's meta once she was made: whoever deletes her doesn't get her back. */
#define FIRST_MADE "ai_first_persona"

static const char first_settings[] = "{\"aliases\":[\"Оля\",\"Олечка\",\"Olga\",\"Olya\"]}";

/* ---- who holds on to it ---------------------------------------------------------- */

static void release(struct nc_personas *p)
{
    nc_map_fini(&p->by_user);
    free(p);
}

void nc_personas_hold(struct nc_personas *p) { p->held++; }

bool nc_personas_let_go(struct nc_personas *p)
{
    bool alive = !p->gone;

    if (--p->held == 0 && p->gone)
        release(p);
    return alive;
}

/* ---- memory ---------------------------------------------------------------------- */

/* The one of old if she is there, else the oldest. */
static void choose_default(struct nc_personas *p)
{
    struct nc_user *u = NULL;

    for (struct nc_persona *x = NULL; (x = nc_persona_next(p, x));)
        if (!u || nc_str_eqz(x->user->a.username, NC_FIRST_PERSONA))
            u = x->user;
    p->chat->default_persona = u;
}

static struct nc_persona *insert(struct nc_personas *p, struct nc_user *u)
{
    struct nc_persona *x = nc_alloc(sizeof(*x));
    struct nc_list *before = &p->all;

    x->user = u;
    x->of = p;
    while (before->prev != &p->all &&
           nc_id_cmp(&nc_of(before->prev, struct nc_persona, node)->user->a.id, &u->a.id) >
               0)
        before = before->prev;
    nc_list_add(before, &x->node); /* at the end of what comes before it */
    nc_map_put(&p->by_user, &u->a.id, sizeof(u->a.id), x);
    return x;
}

static void clear(struct nc_persona *x)
{
    free(x->names);
    free(x->taken);
    free(x->fallbacks);
    free(x->listed);
    json_decref(x->root);
}

static void *copy(const void *from, size_t n, size_t each)
{
    char *to = nc_alloc((n + 1) * each); /* never of nothing */

    for (size_t i = 0; i < n * each; i++)
        to[i] = ((const char *)from)[i];
    return to;
}

static void fill(struct nc_persona *x, const struct nc_draft *d, json_t *root)
{
    x->names = nc_alloc((d->aliases_n + 1) * sizeof(*x->names));
    x->names[0] = x->user->a.display_name;
    for (size_t i = 0; i < d->aliases_n; i++)
        x->names[i + 1] = d->aliases[i];
    x->names_n = d->aliases_n + 1;
    x->taken = nc_alloc(x->names_n * sizeof(*x->taken));
    x->system_prompt = d->system_prompt;
    x->model = d->model;
    x->fallbacks = copy(d->fallbacks, d->fallbacks_n, sizeof(d->fallbacks[0]));
    x->fallbacks_n = d->fallbacks_n;
    x->temperature = d->temperature;
    x->max_tokens = d->max_tokens;
    x->context_messages = d->context_messages;
    x->context_tokens = d->context_tokens;
    x->who_may_ask = d->who_may_ask;
    x->listed = copy(d->listed, d->listed_n, sizeof(d->listed[0]));
    x->listed_n = d->listed_n;
    x->root = root;
}

/* Calls that go by names find out at once; the log is told at the end of this turn. */
static void on_names_soon(struct nc_task *t)
{
    nc_personas_names(nc_of(t, struct nc_personas, names_soon));
}

void nc_personas_met(struct nc_personas *p) { nc_loop_defer(p->loop, &p->names_soon); }

static void renamed(struct nc_personas *p)
{
    p->renamed = true;
    nc_loop_defer(p->loop, &p->names_soon);
}

struct nc_persona *nc_personas_put(struct nc_personas *p, struct nc_user *u,
                                   struct nc_str settings)
{
    struct nc_persona *x = nc_map_get(&p->by_user, &u->a.id, sizeof(u->a.id));
    struct nc_draft *d = nc_alloc(sizeof(*d));
    struct nc_problem odd;
    json_t *root = NULL;

    if (x)
        clear(x);
    else
        x = insert(p, u);
    nc_draft_new(d);
    if (settings.n && (nc_json_parse(settings, &root, &odd) ||
                       nc_draft_take(d, root, true, p->chat, &odd)))
        nc_log(NC_WARN, "ai.persona", "name=%.*s reason=%s", NC_FMT(u->a.username),
               nc_log_q(nc_str(odd.detail)));
    fill(x, d, root);
    free(d);
    renamed(p);
    choose_default(p);
    return x;
}

void nc_personas_drop(struct nc_personas *p, struct nc_persona *x)
{
    nc_list_del(&x->node);
    nc_map_del(&p->by_user, &x->user->a.id, sizeof(x->user->a.id));
    clear(x);
    free(x->told);
    free(x);
    renamed(p);
    choose_default(p);
}

void nc_personas_follow(struct nc_personas *p, struct nc_user *u,
                        const struct nc_persona_rec *rec)
{
    struct nc_persona *x = nc_persona_of(p, u);

    if (rec && u->a.kind == NC_PERSONA && !u->a.deleted)
        nc_personas_put(p, u, rec->settings);
    else if (x)
        nc_personas_drop(p, x);
}

/* The account may have been renamed as one. */
static struct nc_persona *fresh(struct nc_persona *x)
{
    if (x)
        x->names[0] = x->user->a.display_name;
    return x;
}

struct nc_persona *nc_persona_find(const struct nc_personas *p, const struct nc_id *user)
{
    return fresh(nc_map_get(&p->by_user, user, sizeof(*user)));
}

struct nc_persona *nc_persona_of(const struct nc_personas *p, const struct nc_user *u)
{
    return u ? nc_persona_find(p, &u->a.id) : NULL;
}

struct nc_persona *nc_persona_next(const struct nc_personas *p, struct nc_persona *at)
{
    struct nc_list *n = at ? at->node.next : p->all.next;

    return n == &p->all ? NULL : fresh(nc_of(n, struct nc_persona, node));
}

/* ---- the first one --------------------------------------------------------------- */

struct making {
    struct nc_commit commit;
    struct nc_change changes[3];
    unsigned n;
    struct nc_personas *personas;
    struct nc_user *known; /* the account was there */
};

static void on_made(struct nc_commit *commit, enum nc_err e)
{
    struct making *m = nc_of(commit, struct making, commit);
    struct nc_personas *p = m->personas;

    if (e && e != NC_ECLOSED)
        nc_log(NC_WARN, "ai.persona", "name=%s error=%s", NC_FIRST_PERSONA, nc_strerr(e));
    if (nc_personas_let_go(p) && e == NC_OK && !m->known) {
        struct nc_user *u = nc_user_add(p->chat, &m->changes[0].account);
        nc_personas_put(p, u, nc_str(first_settings));
        nc_lounge_ensure(p, u);
    }
    free(m);
}

static struct nc_change *add(struct making *m, enum nc_change_kind kind)
{
    struct nc_change *ch = &m->changes[m->n++];

    *ch = (struct nc_change){.kind = kind};
    return ch;
}

static void commit(struct making *m)
{
    struct nc_store *s = m->personas->chat->opts.store;

    m->commit.changes = m->changes;
    m->commit.n = m->n;
    m->commit.done = on_made;
    nc_personas_hold(m->personas);
    s->ops->commit(s, &m->commit);
}

/* Her account, unless it is there; her settings; and that this was done. */
static void make_first(struct nc_personas *p, struct nc_user *known)
{
    struct nc_chat *c = p->chat;
    struct making *m = nc_alloc(sizeof(*m));
    struct nc_account made =
        nc_builtin_account(NC_PERSONA, NC_STR(NC_FIRST_PERSONA), NC_STR("Ольга"));
    struct nc_id id = known ? known->a.id : made.id;
    struct nc_change *ch;

    m->personas = p;
    m->known = known;
    if (!known) {
        ch = add(m, NC_ACCOUNT_INSERT);
        ch->account = made;
        ch->event =
            nc_people_event(c, NC_EV_ACCOUNT_CREATED, NC_AUD_ADMINS, NULL, &id, NULL);
        ch->event.hlc = nc_builtin_stamp(&made);
    }
    ch = add(m, NC_PERSONA_SET);
    ch->persona =
        (struct nc_persona_rec){.user = id,
                                .settings = nc_str(first_settings),
                                .created_ms = known ? nc_wall_ms() : made.created_ms};
    ch->event = nc_people_event(c, NC_EV_PERSONA_SET, NC_AUD_ADMINS, NULL, &id, NULL);
    if (!known)
        ch->event.hlc = nc_builtin_stamp(&made);
    ch = add(m, NC_META_SET);
    ch->meta.key = NC_STR(FIRST_MADE);
    ch->meta.value = NC_STR("1");
    commit(m);
}

/* ---- start ----------------------------------------------------------------------- */

struct loading {
    struct nc_query query;
    struct nc_personas *personas;
    bool first_made;
};

static void on_persona(struct nc_query *q, const struct nc_row *row)
{
    struct nc_personas *p = nc_of(q, struct loading, query)->personas;
    struct nc_user *u = nc_user_find(p->chat, &row->persona.user);

    /* A crash may have kept the settings of one whose account is gone. */
    if (u && !u->a.deleted && u->a.kind == NC_PERSONA)
        nc_personas_put(p, u, row->persona.settings);
}

static void on_meta(struct nc_query *q, const struct nc_row *row)
{
    (void)row;
    nc_of(q, struct loading, query)->first_made = true;
}

static enum nc_err load(struct nc_personas *p, bool *first_made)
{
    struct loading l = {.personas = p};
    struct nc_store *s = p->chat->opts.store;

    l.query = (struct nc_query){.kind = NC_Q_PERSONAS, .row = on_persona};
    enum nc_err e = nc_store_read_now(s, &l.query);
    if (!e) {
        l.query =
            (struct nc_query){.kind = NC_Q_META, .key = NC_STR(FIRST_MADE), .row = on_meta};
        e = nc_store_read_now(s, &l.query);
    }
    *first_made = l.first_made;
    return e;
}

static void ensure_first(struct nc_personas *p, bool made)
{
    struct nc_user *u = nc_user_named(p->chat, NC_STR(NC_FIRST_PERSONA));

    if (u && u->a.kind != NC_PERSONA) { /* a person had the name first, and keeps it */
        nc_log(NC_WARN, "ai.persona", "name=%s error=taken", NC_FIRST_PERSONA);
        return;
    }
    if (u && !nc_persona_of(p, u)) { /* from before personas had settings */
        nc_personas_put(p, u, nc_str(first_settings));
        make_first(p, u);
    } else if (!u && !made) {
        make_first(p, NULL);
    }
    if (u)
        nc_lounge_ensure(p, u);
}

struct nc_personas *nc_personas_new(struct nc_chat *c, struct nc_loop *l)
{
    struct nc_personas *p = nc_alloc(sizeof(*p));
    bool made = false;

    p->chat = c;
    p->loop = l;
    nc_list_init(&p->all);
    p->names_soon.run = on_names_soon;
    c->name_held = nc_personas_bear;
    c->name_held_arg = p;
    enum nc_err e = load(p, &made);
    if (e) {
        nc_log(NC_ERROR, "ai.personas", "error=%s", nc_strerr(e));
        nc_personas_free(p);
        return NULL;
    }
    ensure_first(p, made);
    return p;
}

void nc_personas_free(struct nc_personas *p)
{
    if (!p)
        return;
    p->chat->default_persona = NULL;
    p->chat->name_held = NULL;
    nc_loop_undefer(p->loop, &p->names_soon);
    for (struct nc_list *n; (n = nc_list_pop(&p->all));) {
        struct nc_persona *x = nc_of(n, struct nc_persona, node);
        clear(x);
        free(x->told);
        free(x);
    }
    nc_map_fini(&p->by_user);
    p->by_user = (struct nc_map){0};
    p->gone = true;
    if (p->held == 0)
        release(p);
}
