/*
 * Which personas other nodes have a model for: told now and then, and shown where this node
 * has none (who gets a question is decided question by question, ai/away.c).
 */
#include <stdlib.h>

#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "chat/people/people.h"
#include "wire/json_in.h"

enum {
    TELL_MS = 30 * 1000,
    SOON_MS = 500, /* after something changed */
    OLD_MS = 3 * TELL_MS,
    PERSONAS_MAX = 64,
    ABLE_MAX = 256,
};

struct able {
    struct nc_list node;
    struct nc_id at, persona;
    enum nc_destination destination; /* as seen from there */
    char model[64 + NC_LLM_MODEL];
    uint64_t heard_ms;
};

static void forget(struct nc_ai *ai, struct able *a)
{
    nc_list_del(&a->node);
    ai->others->able_n--;
    free(a);
}

/* ---- told ------------------------------------------------------------------ */

static bool choose(struct nc_ai *ai, const struct nc_persona *p, struct nc_choice *c)
{
    struct nc_problem why;

    if (nc_models_choose(ai->models, p->model, NC_DEST_CLOUD, c, &why) == NC_OK)
        return true;
    for (size_t i = 0; i < p->fallbacks_n; i++)
        if (nc_models_choose(ai->models, p->fallbacks[i], NC_DEST_CLOUD, c, &why) == NC_OK)
            return true;
    return false;
}

static void tell(struct nc_ai *ai, const struct nc_id *to)
{
    struct nc_buf b = {0}, name = {0};
    struct nc_json w = nc_others_word(&b, "able");
    struct nc_choice c;
    unsigned n = 0;

    nc_json_key(&w, "personas");
    nc_json_arr(&w);
    for (struct nc_persona *p = NULL; (p = nc_persona_next(ai->personas, p));) {
        if (n >= PERSONAS_MAX || !choose(ai, p, &c))
            continue;
        n++;
        nc_buf_clear(&name);
        nc_buf_printf(&name, "%s%s%s", nc_source_name(c.source), c.model[0] ? "/" : "",
                      c.model);
        nc_json_obj(&w);
        nc_json_kid(&w, "id", &p->user->a.id);
        nc_json_kstr(&w, "model", nc_buf_str(&name));
        nc_json_kstr(&w, "destination",
                     nc_str(nc_destination_name(nc_source_destination(c.source))));
        nc_json_obj_end(&w);
    }
    nc_json_arr_end(&w);
    nc_buf_fini(&name);
    nc_others_say(ai, to, &b);
}

static void on_due(struct nc_deadline *d)
{
    struct nc_ai *ai = nc_of(d, struct nc_others, able_due)->ai;

    if (nc_others_here(ai))
        tell(ai, NULL);
    nc_loop_deadline(ai->o.loop, d, TELL_MS);
}

void nc_able_soon(struct nc_ai *ai)
{
    if (!ai->others || ai->closing)
        return;
    ai->others->able_due.fire = on_due;
    nc_loop_deadline(ai->o.loop, &ai->others->able_due, SOON_MS);
}

/* ---- heard ----------------------------------------------------------------- */

static void add(struct nc_ai *ai, const struct nc_id *from, const json_t *one)
{
    struct able *a = nc_alloc(sizeof(*a));
    struct nc_str model = NC_STR(""), where = NC_STR("");

    if (ai->others->able_n >= ABLE_MAX ||
        nc_json_need_id(one, "id", &a->persona, NULL) != NC_OK ||
        nc_json_opt_str(one, "model", 0, sizeof(a->model) - 1, &model, NULL) != NC_OK ||
        nc_json_opt_str(one, "destination", 0, 16, &where, NULL) != NC_OK) {
        free(a);
        return;
    }
    if (!where.n || nc_destination_parse(where, &a->destination) != NC_OK)
        a->destination = NC_DEST_THIS_NODE;
    a->at = *from;
    a->heard_ms = nc_mono_ms();
    nc_people_copy(a->model, sizeof(a->model), model);
    nc_list_add(&ai->others->able, &a->node);
    ai->others->able_n++;
}

void nc_able_heard(struct nc_ai *ai, const struct nc_id *from, const json_t *word)
{
    const json_t *all = json_object_get(word, "personas");
    bool fresh = true;

    nc_list_each(n, &ai->others->able) {
        struct able *a = nc_of(n, struct able, node);
        if (!nc_id_eq(&a->at, from))
            continue;
        fresh = false;
        forget(ai, a);
    }
    for (size_t i = 0; i < json_array_size(all) && i < PERSONAS_MAX; i++)
        add(ai, from, json_array_get(all, i));
    if (fresh && json_array_size(all))
        tell(ai, from); /* it has just come, and knows nothing of us */
}

/* Another node of one's own is farther than this one, and what it asks may be farther. */
bool nc_able_elsewhere(const struct nc_ai *ai, const struct nc_id *persona,
                       enum nc_destination furthest, struct nc_str *model,
                       enum nc_destination *destination)
{
    if (!ai->others || furthest < NC_DEST_OWN_NODE)
        return false;
    nc_list_each(n, &ai->others->able) {
        const struct able *a = nc_of(n, struct able, node);
        if (!nc_id_eq(&a->persona, persona) || a->destination > furthest ||
            nc_mono_ms() - a->heard_ms > OLD_MS || nc_others_gone_ms(ai, &a->at) != 0)
            continue;
        *model = nc_str(a->model);
        *destination =
            a->destination > NC_DEST_OWN_NODE ? a->destination : NC_DEST_OWN_NODE;
        return true;
    }
    return false;
}

void nc_able_free(struct nc_ai *ai)
{
    nc_loop_deadline(ai->o.loop, &ai->others->able_due, 0);
    nc_list_each(n, &ai->others->able) {
        forget(ai, nc_of(n, struct able, node));
    }
}
