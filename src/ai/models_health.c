/* Is it up?  Asked for its models now and then, and told by every answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ai/models_parts.h"
#include "base/clock.h"
#include "base/log.h"

#define BUSY_MS 60000u       /* between checks of one that is used */
#define IDLE_MS 300000u      /* and of one that nobody asks */
#define LATELY_MS 300000u    /* asked so long ago counts as used */
#define BACK_OFF_MS 5000u    /* after the first failure; doubled each time … */
#define BACK_OFF_MAX 300000u /* … up to this */

/* ---- what became of it ----------------------------------------------------- */

static void again_in(struct nc_source *s, unsigned ms)
{
    if (!s->models->quiet && s->provider)
        nc_loop_deadline(s->models->o.loop, &s->check_at, ms);
}

static void turn(struct nc_source *s, enum nc_source_state to, const char *reason)
{
    bool turned = s->state != to;

    s->state = to;
    snprintf(s->reason, sizeof(s->reason), "%s", reason);
    if (!turned)
        return;
    nc_log(to == NC_SOURCE_UP ? NC_INFO : NC_WARN,
           to == NC_SOURCE_UP ? "provider.up" : "provider.down", "provider=%s reason=%s",
           s->name, nc_log_q(nc_str(reason)));
    nc_models_changed(s->models);
}

static void on_up(struct nc_source *s)
{
    uint64_t now = nc_loop_now_ms(s->models->o.loop);
    bool used = s->inside || (s->chosen_ms && now - s->chosen_ms < LATELY_MS);

    turn(s, NC_SOURCE_UP, "");
    s->back_off_ms = 0;
    again_in(s, used ? BUSY_MS : IDLE_MS);
}

static void on_down(struct nc_source *s, const char *reason)
{
    turn(s, NC_SOURCE_DOWN, reason);
    s->back_off_ms = s->back_off_ms ? s->back_off_ms * 2 : BACK_OFF_MS;
    if (s->back_off_ms > BACK_OFF_MAX)
        s->back_off_ms = BACK_OFF_MAX;
    again_in(s, s->back_off_ms);
}

/* "lan:<host>": the word before the colon says how far that is. */
static void learn_where(struct nc_source *s, struct nc_str destination)
{
    struct nc_str rest = destination;
    enum nc_destination d;

    if (!destination.n || destination.n >= sizeof(s->where) ||
        nc_destination_parse(nc_str_cut(&rest, ':'), &d) != NC_OK)
        return;
    s->destination = d;
    snprintf(s->where, sizeof(s->where), "%.*s", NC_FMT(destination));
}

/* ---- asking it for its models ----------------------------------------------- */

void nc_source_forget(struct nc_source *s)
{
    for (size_t i = 0; i < s->listed_n; i++) {
        char *name = (char *)(uintptr_t)s->listed[i].name.p;
        free(name);
    }
    free(s->listed);
    s->listed = NULL;
    s->listed_n = 0;
    s->has_listed = false;
    s->destination = NC_DEST_NOWHERE;
    s->where[0] = '\0';
}

static void keep(struct nc_source *s, const struct nc_llm_model *models, size_t n)
{
    nc_source_forget(s);
    s->has_listed = true;
    n = n < NC_LISTED_MODELS ? n : NC_LISTED_MODELS;
    s->listed = nc_alloc((n + 1) * sizeof(*s->listed));
    for (size_t i = 0; i < n; i++) {
        if (!models[i].name.n || models[i].name.n >= NC_LLM_MODEL)
            continue;
        s->listed[s->listed_n] = models[i];
        s->listed[s->listed_n++].name = nc_str(nc_str_dup(models[i].name));
    }
}

static void answer_checks(struct nc_source *s, struct nc_source *alive)
{
    struct nc_list due;

    nc_list_init(&due);
    for (struct nc_list *n; (n = nc_list_pop(&s->checks));)
        nc_list_add(&due, n);
    for (struct nc_list *n; (n = nc_list_pop(&due));) {
        struct nc_check *c = nc_of(n, struct nc_check, node);
        c->done(c, alive);
    }
}

static void on_listed(struct nc_llm_list *l, const struct nc_llm_end *end,
                      const struct nc_llm_model *models, size_t n)
{
    struct nc_source *s = nc_of(l, struct nc_source, list);

    s->listing = false;
    if (end->e == NC_ECLOSED || !s->provider || s->models->quiet) {
        /* Closed under it: whoever closed it checks it anew, or tells those who wait. */
        return;
    }
    s->checked_ms = nc_wall_ms();
    if (end->e == NC_OK)
        keep(s, models, n);
    learn_where(s, end->destination);
    /* Some servers answer questions and know no list. */
    if (end->e == NC_OK || end->fault == NC_FAULT_REQUEST || end->fault == NC_FAULT_MODEL)
        on_up(s);
    else
        on_down(s, end->reason);
    nc_models_changed(s->models);
    answer_checks(s, s);
}

static void ask_for_list(struct nc_source *s)
{
    if (s->listing || !s->provider || s->models->quiet)
        return;
    s->listing = true;
    s->list = (struct nc_llm_list){.done = on_listed};
    s->provider->ops->list(s->provider, &s->list);
}

static void on_check_at(struct nc_deadline *d)
{
    ask_for_list(nc_of(d, struct nc_source, check_at));
}

void nc_source_check_soon(struct nc_source *s)
{
    s->check_at.fire = on_check_at;
    again_in(s, 1);
}

void nc_source_check(struct nc_source *s, struct nc_check *c)
{
    if (c)
        nc_list_add(&s->checks, &c->node);
    ask_for_list(s);
}

void nc_source_checks_end(struct nc_source *s) { answer_checks(s, NULL); }

/* ---- learning from answers --------------------------------------------------- */

void nc_source_learn(struct nc_source *s, const struct nc_llm_end *end)
{
    if (!s->models || !s->provider)
        return;
    s->chosen_ms = nc_loop_now_ms(s->models->o.loop);
    if (!end->passed_on)
        learn_where(s, end->destination);
    switch (end->fault) {
    case NC_FAULT_NONE:
        if (end->e == NC_OK && s->state != NC_SOURCE_UP)
            on_up(s);
        break;
    case NC_FAULT_UNREACHABLE:
    case NC_FAULT_KEY:
        if (s->state != NC_SOURCE_DOWN)
            on_down(s, end->reason);
        break;
    case NC_FAULT_SERVER: /* one broken answer is no broken server: how is it? */
    case NC_FAULT_MODEL: /* its list has changed */ nc_source_check_soon(s); break;
    case NC_FAULT_BUSY:
    case NC_FAULT_REQUEST:
    case NC_FAULT_CONTEXT:
    case NC_FAULT_TOO_FAR:
    case NC_FAULT_LOOP: break;
    }
}
