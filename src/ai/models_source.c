/* One provider from its first line to the last who held on to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/models_parts.h"
#include "base/log.h"
#include "crypto/box.h"
#include "crypto/hash.h"

static const char key_lost[] = "its API key can't be read any more; enter it again";
static const char unusable[] = "its settings can't be used; the log says why";

struct nc_source *nc_source_new(struct nc_models *m, enum nc_origin origin,
                                const struct nc_id *id, const char *name, json_t *settings)
{
    struct nc_source *s = nc_alloc(sizeof(*s));

    s->models = m;
    s->origin = origin;
    s->id = *id;
    snprintf(s->name, sizeof(s->name), "%s", name);
    s->settings = settings;
    s->at_once = nc_setting_number(settings, "at_once");
    s->per_model = nc_setting_number(settings, "per_model");
    nc_list_init(&s->busy);
    nc_list_init(&s->checks);
    return s;
}

enum nc_err nc_source_open(struct nc_source *s, struct nc_str key)
{
    const struct nc_models_opts *o = &s->models->o;
    unsigned patience_s = nc_setting_number(s->settings, "timeout_s");
    char *text = nc_str_dup(key);

    if (!s->ops)
        s->ops = nc_provider_kind(nc_str(nc_setting_text(s->settings, "kind")));
    enum nc_err e =
        s->ops->open(&s->provider,
                     &(struct nc_provider_opts){
                         .loop = o->loop,
                         .http = o->http,
                         .name = s->name,
                         .base_url = nc_setting_text(s->settings, "base_url"),
                         .model = nc_setting_text(s->settings, "model"),
                         .key = text,
                         .proxy = nc_setting_text(s->settings, "proxy"),
                         .node = o->node,
                         .connect_ms = o->connect_ms,
                         .first_byte_ms = patience_s ? patience_s * 1000 : o->first_byte_ms,
                         .idle_ms = o->idle_ms});
    nc_wipe(text, key.n);
    free(text);
    s->has_key = key.n > 0;
    return e;
}

static void refuse(struct nc_source *s, const char *why)
{
    s->state = NC_SOURCE_DOWN;
    snprintf(s->reason, sizeof(s->reason), "%s", why);
}

void nc_source_unlock(struct nc_source *s)
{
    const struct nc_box *box = s->models->box;
    struct nc_str about = {(const char *)s->id.b, sizeof(s->id.b)};
    struct nc_buf key = {0};
    enum nc_err e = NC_OK;

    if (s->secret.n)
        e = box ? nc_box_unseal(box, nc_buf_str(&s->secret), about, &key) : NC_ENOENT;
    if (e == NC_OK) {
        e = nc_source_open(s, nc_buf_str(&key));
        if (e != NC_OK)
            refuse(s, unusable);
    } else {
        s->has_key = true;
        refuse(s, key_lost);
        nc_log(NC_WARN, "provider.key_lost", "provider=%s error=%s", s->name, nc_strerr(e));
    }
    if (key.p)
        nc_wipe(key.p, key.cap);
    nc_buf_fini(&key);
}

/* ---- among the others ------------------------------------------------------ */

/* Configured before made, the older before the newer, found last. */
static bool before(const struct nc_source *a, const struct nc_source *b)
{
    static const int place[] = {[NC_CONFIGURED] = 0, [NC_MADE] = 1, [NC_FOUND] = 2};

    if (place[a->origin] != place[b->origin])
        return place[a->origin] < place[b->origin];
    return a->origin == NC_MADE && nc_id_cmp(&a->id, &b->id) < 0;
}

void nc_source_join(struct nc_source *s)
{
    struct nc_list *at = &s->models->sources;

    nc_list_each(n, &s->models->sources) {
        if (!before(s, nc_of(n, struct nc_source, node)))
            continue;
        at = n;
        break;
    }
    nc_list_add(at, &s->node);
    nc_source_check_soon(s);
    nc_models_changed(s->models);
}

struct nc_source *nc_source_named(const struct nc_models *m, struct nc_str name)
{
    nc_list_each(n, &m->sources) {
        struct nc_source *s = nc_of(n, struct nc_source, node);
        if (nc_str_eqz(name, s->name))
            return s;
    }
    return NULL;
}

void nc_source_free_name(const struct nc_models *m, const char *wanted,
                         char out[NC_SOURCE_NAME])
{
    struct nc_problem why;
    const char *stem = nc_source_name_ok(nc_str(wanted), &why) == NC_OK ? wanted : "found";

    snprintf(out, NC_SOURCE_NAME, "%s", stem);
    for (unsigned i = 2; nc_source_named(m, nc_str(out)); i++)
        snprintf(out, NC_SOURCE_NAME, "%.20s-%u", stem, i);
}

struct nc_source *nc_source_find(const struct nc_models *m, const struct nc_id *id)
{
    nc_list_each(n, &m->sources) {
        struct nc_source *s = nc_of(n, struct nc_source, node);
        if (nc_id_eq(id, &s->id))
            return s;
    }
    return NULL;
}

/* ---- change and end -------------------------------------------------------- */

/* What runs there hears NC_ECLOSED now, and leaves; who calls this holds on meanwhile. */
static void close_provider(struct nc_provider *p)
{
    if (p)
        p->ops->close(p);
}

static bool needs_opening(const struct nc_source *s, const char *name, const json_t *with,
                          const struct nc_buf *secret)
{
    static const char *const opened[] = {"kind", "base_url", "proxy", "model", "timeout_s"};

    if (!s->provider || strcmp(s->name, name) != 0 ||
        !nc_str_eq(nc_buf_str(&s->secret), nc_buf_str(secret)))
        return true;
    for (size_t i = 0; i < NC_COUNT(opened); i++)
        if (!json_equal(json_object_get(s->settings, opened[i]),
                        json_object_get(with, opened[i])))
            return true;
    return false;
}

void nc_source_change(struct nc_source *s, const char *name, json_t *settings,
                      const struct nc_buf *secret)
{
    bool anew = needs_opening(s, name, settings, secret);
    bool other_kind = strcmp(nc_setting_text(s->settings, "kind"),
                             nc_setting_text(settings, "kind")) != 0;
    bool elsewhere = strcmp(nc_setting_text(s->settings, "base_url"),
                            nc_setting_text(settings, "base_url")) != 0;

    struct nc_provider *old = anew ? s->provider : NULL;

    s->inside++;
    snprintf(s->name, sizeof(s->name), "%s", name);
    json_decref(s->settings);
    s->settings = settings;
    s->at_once = nc_setting_number(settings, "at_once");
    s->per_model = nc_setting_number(settings, "per_model");
    if (!nc_str_eq(nc_buf_str(&s->secret), nc_buf_str(secret))) {
        nc_buf_clear(&s->secret);
        nc_buf_adds(&s->secret, nc_buf_str(secret));
    }
    if (other_kind)
        s->ops = NULL;
    if (elsewhere)
        nc_source_forget(s);
    if (anew) {
        s->provider = NULL;
        s->state = NC_SOURCE_UNKNOWN;
        s->reason[0] = '\0';
        nc_source_unlock(s);
        close_provider(old); /* only now: what it ends may be asked of the new one */
        nc_source_check_soon(s);
    }
    if (!s->provider)
        nc_source_checks_end(s);
    s->inside--;
    nc_models_changed(s->models);
}

static void release(struct nc_source *s)
{
    nc_source_forget(s);
    json_decref(s->settings);
    nc_buf_fini(&s->secret);
    free(s);
}

void nc_source_drop(struct nc_source *s)
{
    struct nc_models *m = s->models;
    struct nc_provider *p = s->provider;

    s->inside++;
    nc_list_del(&s->node);
    nc_loop_deadline(m->o.loop, &s->check_at, 0);
    s->provider = NULL;
    close_provider(p);
    nc_source_checks_end(s);
    nc_models_changed(m);
    s->models = NULL;
    if (--s->inside == 0)
        release(s);
}

/* ---- for those inside ------------------------------------------------------ */

/* One model that is being asked. */
struct busy {
    struct nc_list node;
    unsigned n;
    char model[NC_LLM_MODEL];
};

static struct busy *busy_with(const struct nc_source *s, const char *model)
{
    nc_list_each(n, &s->busy) {
        struct busy *b = nc_of(n, struct busy, node);
        if (strcmp(b->model, model) == 0)
            return b;
    }
    return NULL;
}

bool nc_source_has_room(const struct nc_choice *c)
{
    const struct nc_source *s = c->source;

    if (s->inside >= s->at_once)
        return false;
    const struct busy *b = s->per_model ? busy_with(s, c->model) : NULL;
    return !b || b->n < s->per_model;
}

void nc_source_enter(const struct nc_choice *c)
{
    struct nc_source *s = c->source;
    struct busy *b = busy_with(s, c->model);

    if (!b) {
        b = nc_alloc(sizeof(*b));
        snprintf(b->model, sizeof(b->model), "%s", c->model);
        nc_list_add(&s->busy, &b->node);
    }
    b->n++;
    s->inside++;
    if (s->models)
        s->chosen_ms = nc_loop_now_ms(s->models->o.loop);
}

void nc_source_leave(const struct nc_choice *c)
{
    struct nc_source *s = c->source;
    struct busy *b = busy_with(s, c->model);

    if (--b->n == 0) {
        nc_list_del(&b->node);
        free(b);
    }
    s->inside--;
    if (s->models)
        nc_models_changed(s->models);
    else if (s->inside == 0)
        release(s);
}

struct nc_provider *nc_source_provider(struct nc_source *s) { return s->provider; }

const char *nc_source_name(const struct nc_source *s) { return s->name; }

enum nc_destination nc_source_destination(const struct nc_source *s)
{
    return s->destination;
}

const char *nc_source_where(const struct nc_source *s) { return s->where; }
