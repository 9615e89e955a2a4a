/* What a name leads to. */
#include <stdio.h>
#include <string.h>

#include "ai/models_parts.h"
#include "ai/why.h"

/* ---- what a provider has ---------------------------------------------------- */

/* Ollama's names may go without their ":latest". */
static bool same_model(struct nc_str asked, struct nc_str there)
{
    static const char latest[] = ":latest";

    return nc_str_eq(asked, there) ||
           (there.n == asked.n + sizeof(latest) - 1 && nc_str_starts(there, asked) &&
            memcmp(there.p + asked.n, latest, sizeof(latest) - 1) == 0);
}

/* Is this model offered there?  UNKNOWN while it hasn't been asked what it has. */
static enum nc_source_state offers(const struct nc_source *s, struct nc_str model)
{
    const json_t *offered = json_object_get(s->settings, "models"), *each;
    size_t i;

    if (nc_str_eqz(model, nc_setting_text(s->settings, "model")))
        return NC_SOURCE_UP;
    json_array_foreach(
        offered, i,
        each) if (same_model(model, nc_str(json_string_value(each)))) return NC_SOURCE_UP;
    if (json_array_size(offered))
        return NC_SOURCE_DOWN;
    for (i = 0; i < s->listed_n; i++)
        if (same_model(model, s->listed[i].name))
            return NC_SOURCE_UP;
    return s->has_listed ? NC_SOURCE_DOWN : NC_SOURCE_UNKNOWN;
}

struct nc_str nc_source_default_model(const struct nc_source *s)
{
    const json_t *offered = json_object_get(s->settings, "models");
    const char *said = nc_setting_text(s->settings, "model");

    if (*said)
        return nc_str(said);
    if (json_array_size(offered))
        return nc_str(json_string_value(json_array_get(offered, 0)));
    return s->listed_n ? s->listed[0].name : NC_STR("");
}

/* ---- which provider ---------------------------------------------------------- */

struct nc_source *nc_models_default(const struct nc_models *m)
{
    struct nc_source *first = NULL, *found_up = NULL;

    nc_list_each(n, &m->sources) {
        struct nc_source *s = nc_of(n, struct nc_source, node);
        if (nc_setting_flag(s->settings, "is_default"))
            return s;
        if (!first)
            first = s;
        if (!found_up && s->origin == NC_FOUND && s->state == NC_SOURCE_UP)
            found_up = s;
    }
    return first && first->origin == NC_FOUND && found_up ? found_up : first;
}

/* The default one if it has the model; else one that is up and has it; else the default
 * one if nobody knows yet what that has. */
static struct nc_source *who_has(const struct nc_models *m, struct nc_str model)
{
    struct nc_source *usual = nc_models_default(m), *down = NULL;
    enum nc_source_state has = offers(usual, model);

    if (has == NC_SOURCE_UP)
        return usual;
    nc_list_each(n, &m->sources) {
        struct nc_source *s = nc_of(n, struct nc_source, node);
        if (s == usual || offers(s, model) != NC_SOURCE_UP)
            continue;
        if (s->state == NC_SOURCE_UP)
            return s;
        if (!down)
            down = s;
    }
    return has == NC_SOURCE_UNKNOWN ? usual : down;
}

/* "provider/model", if there is such a provider; models have slashes in their names, too.
 */
static struct nc_source *prefixed(const struct nc_models *m, struct nc_str name,
                                  struct nc_str *model)
{
    struct nc_str rest = name, provider = nc_str_cut(&rest, '/');

    *model = rest;
    return rest.n ? nc_source_named(m, provider) : NULL;
}

static void set_unknown(struct nc_problem *why, const struct nc_source *exact)
{
    if (exact)
        nc_problem_set(why, NC_P_NOT_FOUND, "the provider %s has no model of that name",
                       exact->name);
    else
        nc_problem_set(why, NC_P_NOT_FOUND, "no AI provider has a model of that name");
    why->about = NC_WHY_UNKNOWN_MODEL;
}

static struct nc_source *meant(const struct nc_models *m, struct nc_str name,
                               struct nc_str *model, struct nc_problem *why)
{
    struct nc_source *usual = nc_models_default(m), *exact, *s;

    *model = name;
    if (!usual) {
        nc_problem_set(why, NC_P_NOT_FOUND, "no AI provider is set up");
        why->about = NC_WHY_NO_MODEL;
        return NULL;
    }
    if (!name.n) {
        *model = nc_source_default_model(usual);
        return usual;
    }
    exact = prefixed(m, name, model);
    if (exact && offers(exact, *model) != NC_SOURCE_DOWN)
        return exact;
    if ((s = who_has(m, name))) {
        *model = name;
        return s;
    }
    set_unknown(why, exact);
    return NULL;
}

enum nc_err nc_models_choose(struct nc_models *m, struct nc_str name,
                             enum nc_destination furthest, struct nc_choice *out,
                             struct nc_problem *why)
{
    struct nc_str model;

    *out = (struct nc_choice){0};
    if (name.n >= NC_LLM_MODEL + NC_SOURCE_NAME) {
        set_unknown(why, NULL);
        return NC_ENOENT;
    }
    struct nc_source *s = meant(m, name, &model, why);
    if (!s)
        return NC_ENOENT;
    if (model.n >= sizeof(out->model)) {
        set_unknown(why, NULL);
        return NC_ENOENT;
    }
    if (furthest && s->destination > furthest) {
        nc_problem_set(why, NC_P_FORBIDDEN,
                       "the provider %s is farther (%s) than is allowed here (%s)", s->name,
                       nc_destination_name(s->destination), nc_destination_name(furthest));
        why->about = NC_WHY_TOO_FAR;
        return NC_EACCESS;
    }
    out->source = s;
    snprintf(out->model, sizeof(out->model), "%.*s", NC_FMT(model));
    s->chosen_ms = nc_loop_now_ms(m->o.loop);
    if (s->state != NC_SOURCE_DOWN)
        return NC_OK;
    nc_problem_set(why, NC_P_UNAVAILABLE, "the provider %s is down: %s", s->name,
                   s->reason);
    why->about = NC_WHY_PROVIDER_DOWN;
    return NC_AGAIN;
}

uint64_t nc_choice_context(const struct nc_choice *c)
{
    for (size_t i = 0; i < c->source->listed_n; i++)
        if (same_model(nc_str(c->model), c->source->listed[i].name))
            return c->source->listed[i].context;
    return 0;
}
