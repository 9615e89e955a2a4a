#include <stdlib.h>
#include <string.h>

#include "client/model_parts.h"

static const char *const states[] = {
    [NC_PERSONA_UP] = "up", [NC_PERSONA_DOWN] = "down", [NC_PERSONA_TOO_FAR] = "too_far"};

static void replace(char **at, const json_t *obj, const char *key)
{
    struct nc_str s = nc_model_str(obj, key);

    free(*at);
    *at = s.n ? nc_model_clean(s) : NULL;
}

static uint64_t number(const json_t *obj, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(obj, key));
    return n > 0 ? (uint64_t)n : 0;
}

/* ---- an answer ------------------------------------------------------------- */

void nc_model_ai_fini(struct nc_model_ai *a)
{
    free(a->model);
    free(a->destination);
    free(a->reason);
    free(a->asked_by);
    free(a->instead);
    *a = (struct nc_model_ai){0};
}

void nc_model_ai_take(struct nc_model_ai *a, const json_t *ai)
{
    replace(&a->model, ai, "model");
    replace(&a->destination, ai, "destination");
    replace(&a->reason, ai, "reason");
    replace(&a->asked_by, ai, "asked_by");
    const json_t *parts = json_object_get(ai, "parts");
    replace(&a->instead, json_array_size(parts) > 1 ? json_array_get(parts, 0) : NULL,
            "model");
    if (!nc_model_id(ai, "asked_message", &a->question))
        a->question = (struct nc_id){0};
    a->prompt_tokens = number(ai, "prompt_tokens");
    a->completion_tokens = number(ai, "completion_tokens");
    a->counted = json_is_integer(json_object_get(ai, "completion_tokens"));
    a->estimated = json_is_true(json_object_get(ai, "estimated"));
    a->omitted = number(ai, "omitted_messages");
    a->reasoning_chars = number(ai, "reasoning_chars");
}

/* ---- a room's personas ------------------------------------------------------- */

static void forget_personas(struct nc_model_room_ai *a)
{
    for (size_t i = 0; i < a->personas_n; i++) {
        free(a->personas[i].username);
        free(a->personas[i].display);
        free(a->personas[i].model);
        free(a->personas[i].destination);
    }
    free(a->personas);
    a->personas = NULL;
    a->personas_n = 0;
}

static void take_persona(struct nc_model_room_ai *a, const json_t *one)
{
    struct nc_str state = nc_model_str(one, "state");
    struct nc_model_persona *p;

    if (!nc_model_str(one, "username").n)
        return;
    a->personas =
        nc_realloc(a->personas, (a->personas_n + 1) * sizeof(struct nc_model_persona));
    p = &a->personas[a->personas_n++];
    *p = (struct nc_model_persona){.state = NC_PERSONA_MISSING};
    replace(&p->username, one, "username");
    replace(&p->display, one, "display_name");
    replace(&p->model, one, "model");
    replace(&p->destination, one, "destination");
    for (size_t i = 0; i < NC_COUNT(states); i++)
        if (nc_str_eqz(state, states[i]))
            p->state = (enum nc_persona_state)i;
}

void nc_model_room_ai_take(struct nc_model_room_ai *a, const json_t *room)
{
    const json_t *ai = json_object_get(room, "ai");
    json_t *personas = json_object_get(room, "personas"), *one;
    size_t i;

    if (json_is_object(ai)) {
        replace(&a->furthest, ai, "destination");
        a->forbidden = json_is_false(json_object_get(ai, "allowed"));
    }
    if (!json_is_array(personas))
        return;
    forget_personas(a);
    json_array_foreach(personas, i, one) take_persona(a, one);
}

const char *nc_model_persona_name(const struct nc_model_room_ai *a, const char *username)
{
    for (size_t i = 0; i < a->personas_n; i++)
        if (strcmp(a->personas[i].username, username) == 0 && a->personas[i].display)
            return a->personas[i].display;
    return username;
}

/* ---- questions that wait ------------------------------------------------------ */

static void drop(struct nc_model_room_ai *a, size_t i)
{
    free(a->waiting[i].persona);
    a->waiting_n--;
    memmove(&a->waiting[i], &a->waiting[i + 1],
            (a->waiting_n - i) * sizeof(struct nc_model_waiting));
}

bool nc_model_job_take(struct nc_model_room_ai *a, const json_t *job, uint64_t now_ms)
{
    bool waits = nc_str_eqz(nc_model_str(job, "state"), "queued");
    uint64_t waited = number(job, "waiting_ms");
    struct nc_model_waiting *w;
    struct nc_id id;
    size_t i = 0;

    if (!nc_model_id(job, "id", &id))
        return false;
    while (i < a->waiting_n && !nc_id_eq(&a->waiting[i].job, &id))
        i++;
    if (!waits && i == a->waiting_n)
        return false;
    if (!waits) {
        drop(a, i);
        return true;
    }
    if (i == a->waiting_n) {
        if (a->waiting_n == NC_MODEL_WAITING)
            return false;
        a->waiting[a->waiting_n++] = (struct nc_model_waiting){.job = id};
    }
    w = &a->waiting[i];
    if (!nc_model_id(job, "question", &w->question))
        w->question = (struct nc_id){0};
    free(w->persona);
    w->persona = nc_model_clean(nc_model_str(job, "persona"));
    w->position = (unsigned)number(job, "position");
    w->since_ms = now_ms > waited ? now_ms - waited : 0;
    return true;
}

void nc_model_job_begun(struct nc_model_room_ai *a, const struct nc_id *question,
                        const char *persona)
{
    for (size_t i = a->waiting_n; i > 0; i--)
        if (nc_id_eq(&a->waiting[i - 1].question, question) &&
            strcmp(a->waiting[i - 1].persona, persona) == 0)
            drop(a, i - 1);
}

void nc_model_jobs_forget(struct nc_model_room_ai *a)
{
    while (a->waiting_n)
        drop(a, a->waiting_n - 1);
}

void nc_model_room_ai_fini(struct nc_model_room_ai *a)
{
    forget_personas(a);
    nc_model_jobs_forget(a);
    free(a->furthest);
    *a = (struct nc_model_room_ai){0};
}
