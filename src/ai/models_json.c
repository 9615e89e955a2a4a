/* Providers and models as the API shows them: never with a key. */
#include "ai/models_parts.h"

static const char *const states[] = {"unknown", "up", "down"};
static const char *const origins[] = {"made", "configured", "found"};

static void strings(struct nc_json *j, const json_t *list)
{
    const json_t *each;
    size_t i;

    nc_json_arr(j);
    json_array_foreach(list, i, each) nc_json_str(j, nc_str(json_string_value(each)));
    nc_json_arr_end(j);
}

void nc_source_json(struct nc_json *j, const struct nc_source *s)
{
    static const char *const texts[] = {"kind", "base_url", "proxy", "model"};
    static const char *const numbers[] = {"timeout_s", "at_once", "per_model"};

    nc_json_obj(j);
    nc_json_kid(j, "id", &s->id);
    nc_json_kstr(j, "name", nc_str(s->name));
    for (size_t i = 0; i < NC_COUNT(texts); i++)
        nc_json_kstr(j, texts[i], nc_str(nc_setting_text(s->settings, texts[i])));
    nc_json_key(j, "models");
    strings(j, json_object_get(s->settings, "models"));
    nc_json_kbool(j, "is_default", nc_setting_flag(s->settings, "is_default"));
    for (size_t i = 0; i < NC_COUNT(numbers); i++)
        nc_json_kuint(j, numbers[i], nc_setting_number(s->settings, numbers[i]));
    nc_json_kbool(j, "has_key", s->has_key);
    nc_json_kstr(j, "origin", nc_str(origins[s->origin]));
    nc_json_kstr(j, "state", nc_str(states[s->state]));
    if (s->where[0])
        nc_json_kstr(j, "destination", nc_str(s->where));
    if (s->reason[0])
        nc_json_kstr(j, "reason", nc_str(s->reason));
    if (s->checked_ms)
        nc_json_ktime(j, "checked_at", s->checked_ms);
    if (s->created_ms)
        nc_json_ktime(j, "created_at", s->created_ms);
    nc_json_obj_end(j);
}

void nc_source_list_json(struct nc_json *j, const struct nc_models *m)
{
    nc_json_obj(j);
    nc_json_key(j, "providers");
    nc_json_arr(j);
    nc_list_each(n, &m->sources)
        nc_source_json(j, nc_of(n, struct nc_source, node));
    nc_json_arr_end(j);
    nc_json_obj_end(j);
}

/* ---- models ------------------------------------------------------------------- */

static const struct nc_llm_model *as_listed(const struct nc_source *s, struct nc_str name)
{
    for (size_t i = 0; i < s->listed_n; i++)
        if (nc_str_eq(s->listed[i].name, name))
            return &s->listed[i];
    return NULL;
}

static void model(struct nc_json *j, const struct nc_source *s, struct nc_str name,
                  bool is_default)
{
    const struct nc_llm_model *known = as_listed(s, name);
    struct nc_buf id = {0};

    nc_buf_printf(&id, "%s/%.*s", s->name, NC_FMT(name));
    nc_json_obj(j);
    nc_json_kstr(j, "id", nc_buf_str(&id));
    nc_json_kstr(j, "model", name);
    nc_json_kstr(j, "provider", nc_str(s->name));
    nc_json_kstr(j, "kind", nc_str(nc_setting_text(s->settings, "kind")));
    if (known && known->context)
        nc_json_kuint(j, "context", known->context);
    if (known && known->bytes)
        nc_json_kuint(j, "bytes", known->bytes);
    if (s->where[0])
        nc_json_kstr(j, "destination", nc_str(s->where));
    nc_json_kstr(j, "state", nc_str(states[s->state]));
    nc_json_kbool(j, "is_default", is_default);
    nc_json_obj_end(j);
    nc_buf_fini(&id);
}

/* Calls `each` for every name a provider offers: those the owner listed, or all that it
 * has; the default one in any case. */
static unsigned offered(const struct nc_source *s,
                        void (*each)(struct nc_json *j, const struct nc_source *s,
                                     struct nc_str name, bool is_default),
                        struct nc_json *j, bool usual)
{
    const json_t *names = json_object_get(s->settings, "models"), *name;
    struct nc_str first = nc_source_default_model(s);
    bool listed = json_array_size(names) > 0, seen = !first.n;
    unsigned n = 0;
    size_t i;

    json_array_foreach(names, i, name)
    {
        struct nc_str text = nc_str(json_string_value(name));
        bool is_first = nc_str_eq(text, first);
        seen = seen || is_first;
        if (each)
            each(j, s, text, usual && is_first);
        n++;
    }
    for (i = 0; !listed && i < s->listed_n; i++) {
        bool is_first = nc_str_eq(s->listed[i].name, first);
        seen = seen || is_first;
        if (each)
            each(j, s, s->listed[i].name, usual && is_first);
        n++;
    }
    if (seen)
        return n;
    if (each)
        each(j, s, first, usual);
    return n + 1;
}

void nc_models_json(struct nc_models *m, struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);
    const struct nc_source *usual = nc_models_default(m);

    nc_json_obj(&j);
    nc_json_key(&j, "models");
    nc_json_arr(&j);
    nc_list_each(n, &m->sources) {
        const struct nc_source *s = nc_of(n, struct nc_source, node);
        (void)offered(s, model, &j, s == usual);
    }
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
}

unsigned nc_models_count(const struct nc_models *m)
{
    unsigned count = 0;

    nc_list_each(n, &m->sources)
        count++;
    return count;
}

void nc_models_stats(const struct nc_models *m, struct nc_models_stats *out)
{
    *out = (struct nc_models_stats){0};
    nc_list_each(n, &m->sources) {
        const struct nc_source *s = nc_of(n, struct nc_source, node);
        out->providers++;
        out->up += s->state == NC_SOURCE_UP;
        out->models += offered(s, NULL, NULL, false);
    }
}

void nc_models_each(const struct nc_models *m,
                    void (*each)(void *arg, const char *name, const char *kind, bool up),
                    void *arg)
{
    nc_list_each(n, &m->sources) {
        const struct nc_source *s = nc_of(n, struct nc_source, node);
        each(arg, s->name, nc_setting_text(s->settings, "kind"), s->state == NC_SOURCE_UP);
    }
}
