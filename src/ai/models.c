#include "ai/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/models_parts.h"
#include "base/log.h"
#include "crypto/box.h"
#include "crypto/hash.h"
#include "wire/json_in.h"

/* ---- telling who waits -------------------------------------------------------- */

static void on_tell(struct nc_task *t)
{
    struct nc_models *m = nc_of(t, struct nc_models, tell);

    if (m->o.changed && !m->quiet)
        m->o.changed(m->o.arg);
}

void nc_models_changed(struct nc_models *m)
{
    if (!m->quiet)
        nc_loop_defer(m->o.loop, &m->tell);
}

/* ---- what is kept -------------------------------------------------------------- */

struct load {
    struct nc_query query;
    struct nc_models *into;
};

/* The store's strings die with this call, and a row that makes no sense is told of and
 * left alone: it may be of a newer version. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct load *l = nc_of(q, struct load, query);
    const struct nc_provider_rec *rec = &row->provider;
    json_t *kept = NULL, *settings = NULL;
    struct nc_problem why = {0};
    char name[NC_SOURCE_NAME];

    if (nc_source_name_ok(rec->name, &why) != NC_OK ||
        nc_json_parse(rec->settings, &kept, &why) != NC_OK ||
        nc_source_settings(kept, NULL, &settings, &why) != NC_OK) {
        nc_log(NC_ERROR, "provider.unreadable", "provider=%s reason=%s",
               nc_log_q(rec->name), nc_log_q(nc_str(why.detail)));
        json_decref(kept);
        return;
    }
    json_decref(kept);
    snprintf(name, sizeof(name), "%.*s", NC_FMT(rec->name));
    struct nc_source *s = nc_source_new(l->into, NC_MADE, &rec->id, name, settings);
    s->created_ms = rec->created_ms;
    nc_buf_adds(&s->secret, rec->secret);
    nc_list_add(&l->into->sources, &s->node);
}

static enum nc_err load(struct nc_models *m)
{
    struct load l = {.query = {.kind = NC_Q_PROVIDERS, .row = on_row}, .into = m};
    enum nc_err e = nc_store_read_now(m->o.chat->opts.store, &l.query);
    struct nc_list kept;

    if (e != NC_OK)
        return e;
    nc_list_init(&kept);
    for (struct nc_list *n; (n = nc_list_pop(&m->sources));)
        nc_list_add(&kept, n);
    for (struct nc_list *n; (n = nc_list_pop(&kept));) {
        struct nc_source *s = nc_of(n, struct nc_source, node);
        nc_source_unlock(s);
        nc_source_join(s);
    }
    return NC_OK;
}

/* ---- what is configured ----------------------------------------------------------- */

static enum nc_err configure(struct nc_models *m, const struct nc_models_opts *o)
{
    uint8_t digest[NC_SHA256];
    char name[NC_SOURCE_NAME];
    struct nc_problem why = {0};
    json_t *settings = NULL;

    if (!o->base_url || !*o->base_url)
        return NC_OK;
    json_t *said = json_pack("{s:s, s:s, s:s, s:s}", "kind", o->kind, "base_url",
                             o->base_url, "model", o->model, "proxy", o->proxy);
    if (!said || nc_source_settings(said, NULL, &settings, &why) != NC_OK) {
        nc_log(NC_ERROR, "provider.configured", "reason=%s",
               nc_log_q(said ? nc_str(why.detail) : NC_STR("it is not UTF-8")));
        json_decref(said);
        return NC_EINVAL;
    }
    json_decref(said);
    nc_sha256("configured", 10, digest);
    struct nc_id id = nc_id_v8(digest);
    nc_source_free_name(m, o->kind, name);
    struct nc_source *s = nc_source_new(m, NC_CONFIGURED, &id, name, settings);
    enum nc_err e = nc_source_open(s, nc_str(o->key));
    nc_source_join(s);
    return e;
}

/* ---- start and end ------------------------------------------------------------------ */

static struct nc_models *empty(const struct nc_models_opts *o)
{
    struct nc_models *m = nc_alloc(sizeof(*m));
    const char **look_at = nc_alloc((o->look_at_n + 1) * sizeof(*look_at));

    m->o = *o;
    m->o.node = nc_str_dup(nc_str(o->node));
    m->o.key_path = nc_str_dup(nc_str(o->key_path));
    for (size_t i = 0; i < o->look_at_n; i++)
        look_at[i] = nc_str_dup(nc_str(o->look_at[i]));
    m->o.look_at = look_at;
    m->o.base_url = m->o.kind = m->o.model = m->o.key = m->o.proxy = NULL;
    m->tell.run = on_tell;
    nc_list_init(&m->sources);
    nc_list_init(&m->calls);
    nc_list_init(&m->lookers);
    return m;
}

struct nc_models *nc_models_new(const struct nc_models_opts *o)
{
    struct nc_models *m = empty(o);
    enum nc_err e = nc_box_open(&m->box, m->o.key_path);

    /* Without its key file the node starts, and says of each key that it is lost. */
    if (e == NC_OK || e == NC_ENOENT || e == NC_EINVAL)
        e = load(m);
    if (e == NC_OK)
        e = configure(m, o);
    if (e == NC_OK) {
        nc_models_look(m, NULL);
        return m;
    }
    nc_models_free(m);
    return NULL;
}

void nc_models_quiet(struct nc_models *m)
{
    if (!m)
        return;
    m->quiet = true;
    nc_loop_undefer(m->o.loop, &m->tell);
    nc_list_each(n, &m->sources)
        nc_loop_deadline(m->o.loop, &nc_of(n, struct nc_source, node)->check_at, 0);
    nc_models_look_end(m);
}

static void free_texts(struct nc_models_opts *o)
{
    for (size_t i = 0; i < o->look_at_n; i++)
        free((char *)(uintptr_t)o->look_at[i]);
    free((char **)(uintptr_t)o->look_at);
    free((char *)(uintptr_t)o->node);
    free((char *)(uintptr_t)o->key_path);
}

void nc_models_free(struct nc_models *m)
{
    if (!m)
        return;
    nc_models_quiet(m);
    nc_models_calls_end(m);
    while (!nc_list_empty(&m->sources))
        nc_source_drop(nc_of(m->sources.next, struct nc_source, node));
    nc_box_close(m->box);
    free_texts(&m->o);
    free(m);
}
