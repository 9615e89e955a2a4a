/* Looking around for servers that run beside us. */
#include <stdio.h>
#include <string.h>

#include "ai/models_parts.h"
#include "base/log.h"
#include "crypto/hash.h"

/* While nothing is up we look again, ever more rarely. */
#define BACK_OFF_MS 10000u
#define BACK_OFF_MAX 600000u

/* ---- what was found ------------------------------------------------------------- */

static bool known(const struct nc_models *m, const char *base_url, enum nc_origin *origin)
{
    nc_list_each(n, &m->sources) {
        const struct nc_source *s = nc_of(n, struct nc_source, node);
        if (!nc_source_same_server(nc_setting_text(s->settings, "base_url"), base_url))
            continue;
        *origin = s->origin;
        return true;
    }
    return false;
}

static void add(struct nc_models *m, const struct nc_found *f)
{
    uint8_t digest[NC_SHA256];
    char name[NC_SOURCE_NAME];
    struct nc_problem why;
    json_t *settings;

    json_t *said = json_pack("{s:s, s:s}", "kind", f->ops->kind, "base_url", f->base_url);
    enum nc_err e = nc_source_settings(said, NULL, &settings, &why);
    json_decref(said);
    if (e != NC_OK) {
        nc_log(NC_WARN, "provider.found", "base_url=%s reason=%s",
               nc_log_q(nc_str(f->base_url)), nc_log_q(nc_str(why.detail)));
        return;
    }
    nc_sha256(f->base_url, strlen(f->base_url), digest);
    struct nc_id id = nc_id_v8(digest);
    nc_source_free_name(m, f->name, name);
    struct nc_source *s = nc_source_new(m, NC_FOUND, &id, name, settings);
    if (nc_source_open(s, NC_STR("")) == NC_OK)
        nc_log(NC_INFO, "provider.found", "provider=%s kind=%s base_url=%s", name,
               f->ops->kind, nc_log_q(nc_str(f->base_url)));
    nc_source_join(s);
}

static bool among(const struct nc_source *s, const struct nc_found *found, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (nc_source_same_server(nc_setting_text(s->settings, "base_url"),
                                  found[i].base_url))
            return true;
    return false;
}

/* Those that are neither there any more nor up are forgotten. */
static void forget_lost(struct nc_models *m, const struct nc_found *found, size_t n)
{
    nc_list_each(at, &m->sources) {
        struct nc_source *s = nc_of(at, struct nc_source, node);
        if (s->origin == NC_FOUND && s->state == NC_SOURCE_DOWN && !among(s, found, n))
            nc_source_drop(s);
    }
}

void nc_models_sift(struct nc_models *m)
{
    nc_list_each(at, &m->sources) {
        struct nc_source *f = nc_of(at, struct nc_source, node);
        enum nc_origin origin = NC_FOUND;
        char name[NC_SOURCE_NAME];
        if (f->origin != NC_FOUND)
            continue;
        if (known(m, nc_setting_text(f->settings, "base_url"), &origin) &&
            origin != NC_FOUND) {
            nc_source_drop(f);
        } else if (nc_source_named(m, nc_str(f->name)) != f) {
            nc_source_free_name(m, f->name, name);
            nc_source_change(f, name, json_incref(f->settings), &f->secret);
        }
    }
}

static bool any_up(const struct nc_models *m)
{
    nc_list_each(n, &m->sources)
        if (nc_of(n, struct nc_source, node)->state == NC_SOURCE_UP)
            return true;
    return false;
}

static void answer_lookers(struct nc_models *m)
{
    struct nc_list due;

    nc_list_init(&due);
    for (struct nc_list *n; (n = nc_list_pop(&m->lookers));)
        nc_list_add(&due, n);
    for (struct nc_list *n; (n = nc_list_pop(&due));) {
        struct nc_look *l = nc_of(n, struct nc_look, node);
        l->done(l);
    }
}

static void again_later(struct nc_models *m)
{
    m->look_back_off_ms = m->look_back_off_ms ? m->look_back_off_ms * 2 : BACK_OFF_MS;
    if (m->look_back_off_ms > BACK_OFF_MAX)
        m->look_back_off_ms = BACK_OFF_MAX;
    nc_loop_deadline(m->o.loop, &m->look_at, m->look_back_off_ms);
}

static void on_found(void *arg, const struct nc_found *found, size_t n)
{
    struct nc_models *m = arg;
    enum nc_origin origin;

    m->looking = NULL;
    if (m->quiet)
        return;
    for (size_t i = 0; i < n; i++)
        if (!known(m, found[i].base_url, &origin))
            add(m, &found[i]);
    forget_lost(m, found, n);
    again_later(m);
    answer_lookers(m);
}

/* ---- looking ---------------------------------------------------------------------- */

static void start(struct nc_models *m)
{
    if (!m->looking)
        m->looking = nc_discover_start(m->o.loop, m->o.http, m->o.look_at, m->o.look_at_n,
                                       m->o.node, on_found, m);
}

static void on_look_at(struct nc_deadline *d)
{
    struct nc_models *m = nc_of(d, struct nc_models, look_at);

    if (any_up(m))
        nc_loop_deadline(m->o.loop, &m->look_at, BACK_OFF_MAX);
    else
        start(m);
}

void nc_models_look(struct nc_models *m, struct nc_look *l)
{
    m->look_at.fire = on_look_at;
    if (!l) {
        if (m->o.look_at_n)
            nc_loop_deadline(m->o.loop, &m->look_at, 1);
        return;
    }
    nc_list_add(&m->lookers, &l->node);
    if (m->o.look_at_n && !m->quiet)
        start(m);
    else
        answer_lookers(m);
}

void nc_models_look_end(struct nc_models *m)
{
    nc_loop_deadline(m->o.loop, &m->look_at, 0);
    if (m->looking)
        nc_discover_cancel(m->looking);
    m->looking = NULL;
    answer_lookers(m);
}
