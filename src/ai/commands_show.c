/* What /ai shows, put into words from what programs get as JSON. */
#include "ai/commands.h"

#include <string.h>

#include "ai/room_ai.h"
#include "base/buf.h"
#include "chat/rooms/room.h"
#include "chat/talk/command_table.h"
#include "chat/talk/event.h"
#include "wire/json.h"

enum { LINES_MAX = 50, JOBS_MAX = 20 };

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

static void answer(struct nc_command_run *run, struct nc_buf *out)
{
    nc_command_answer_str(run, nc_buf_str(out));
    nc_buf_fini(out);
}

/* "…and 7 more" */
static void cut(struct nc_command_run *run, struct nc_buf *out, size_t n)
{
    if (n > LINES_MAX)
        nc_buf_printf(out, nc_command_ru(run) ? "\n… и ещё %zu" : "\n… and %zu more",
                      n - LINES_MAX);
}

/* ---- the room -------------------------------------------------------------------- */

static const char *destination(enum nc_destination d, bool ru)
{
    switch (d) {
    case NC_DEST_NOWHERE:
    case NC_DEST_THIS_NODE: return ru ? "только этот узел" : "this node only";
    case NC_DEST_OWN_NODE: return ru ? "свои узлы" : "own nodes";
    case NC_DEST_OWN_WORKER: return ru ? "свои машины" : "own workers";
    case NC_DEST_LAN: return ru ? "локальная сеть" : "the local network";
    case NC_DEST_CLOUD: break;
    }
    return ru ? "облако" : "the cloud";
}

static void add_rules(struct nc_buf *out, const struct nc_room_ai *ai, bool ru)
{
    if (!ai->allowed) {
        nc_buf_adds(out, ru ? NC_STR("ИИ в этой комнате запрещён.")
                            : NC_STR("AI is not allowed in this room."));
        return;
    }
    nc_buf_printf(out,
                  ru ? "Сказанное здесь уходит не дальше: %s. Звать: %s. "
                     : "What is said here goes no farther than: %s. To call: %s. ",
                  destination(ai->furthest, ru),
                  !ai->strict ? (ru ? "по имени" : "by name")
                              : (ru ? "строго (@, запятая, двоеточие)"
                                    : "strictly (@, comma, colon)"));
    if (ai->persona_turns)
        nc_buf_printf(out,
                      ru ? "Персонажи отвечают друг другу, не глубже %u."
                         : "Personas answer each other, %u deep at most.",
                      ai->persona_turns);
    else
        nc_buf_adds(out, ru ? NC_STR("Персонажи друг другу не отвечают.")
                            : NC_STR("Personas do not answer each other."));
}

/* "this node, up" after `sep`: where one goes, and whether it answers, as people say it. */
static void add_state(struct nc_buf *out, const char *sep, const json_t *x, bool ru)
{
    static const struct {
        const char *name, *en, *ru;
    } words[] = {
        {"this_node", "this node", "этот узел"},
        {"own_node", "own node", "свой узел"},
        {"own_worker", "own worker", "своя машина"},
        {"lan", "local network", "локальная сеть"},
        {"cloud", "cloud", "облако"},
        {"up", "up", "отвечает"},
        {"down", "down", "не отвечает"},
        {"unknown", "not asked yet", "ещё не спрашивали"},
        {"too_far", "farther than this room allows", "дальше, чем разрешает комната"},
        {"missing", "no such model", "такой модели нет"},
    };
    const char *const said[] = {text(x, "destination"), text(x, "state")};

    for (size_t i = 0; i < NC_COUNT(said); i++) {
        struct nc_str rest = nc_str(said[i]), name = nc_str_cut(&rest, ':');
        for (size_t k = 0; k < NC_COUNT(words); k++)
            if (nc_str_eqz(name, words[k].name)) {
                nc_buf_printf(out, "%s %s", sep, ru ? words[k].ru : words[k].en);
                sep = ",";
            }
        if (rest.n)
            nc_buf_printf(out, " (%.*s)", NC_FMT(rest));
    }
}

static void add_persona(struct nc_buf *out, const json_t *p, bool ru)
{
    const char *model = text(p, "model");

    nc_buf_printf(out, "\n%s (@%s): %s", text(p, "display_name"), text(p, "username"),
                  *model ? model : (ru ? "нет модели" : "no model"));
    if (*model)
        add_state(out, ",", p, ru);
}

void nc_ai_show_room(struct nc_command_run *run, struct nc_str rest)
{
    struct nc_ai *ai = nc_ai_command_ai(run);
    const struct nc_ai_stats *stats = nc_ai_stats(ai);
    const struct nc_room *r = nc_command_room(run);
    struct nc_buf json = {0}, out = {0};
    struct nc_json j = nc_json_to(&json);
    struct nc_room_ai settings;
    bool ru = nc_command_ru(run);
    const json_t *p;
    size_t i;

    (void)rest;
    nc_room_ai_read(&settings, nc_event_room_ai(&r->rec, nc_command_chat(run)->room_ai));
    add_rules(&out, &settings, ru);
    nc_room_ai_fini(&settings);
    nc_json_obj(&j);
    nc_ai_room_json(ai, &j, r);
    nc_json_obj_end(&j);
    json_t *root = json_loadb(json.p, json.n, 0, NULL);
    const json_t *personas = json_object_get(root, "personas");
    json_array_foreach(personas, i, p) { add_persona(&out, p, ru); }
    if (json_array_size(personas) == 0)
        nc_buf_adds(&out, ru ? NC_STR("\nПерсонажей здесь нет.")
                             : NC_STR("\nThere is no persona here."));
    nc_buf_printf(&out,
                  ru ? "\nНа узле отвечают: %u, ждут: %u."
                     : "\nOn the node: %u answering, %u waiting.",
                  stats->running, stats->waiting);
    json_decref(root);
    nc_buf_fini(&json);
    answer(run, &out);
}

/* ---- models, personas ------------------------------------------------------------ */

void nc_ai_show_models(struct nc_command_run *run, struct nc_str rest)
{
    struct nc_buf json = {0}, out = {0};
    bool ru = nc_command_ru(run);
    const json_t *m;
    size_t i;

    (void)rest;
    nc_models_json(nc_ai_models(nc_ai_command_ai(run)), &json);
    json_t *root = json_loadb(json.p, json.n, 0, NULL);
    const json_t *models = json_object_get(root, "models");
    json_array_foreach(models, i, m)
    {
        if (i >= LINES_MAX)
            break;
        nc_buf_printf(&out, "%s%s %s", i ? "\n" : "",
                      json_is_true(json_object_get(m, "is_default")) ? "*" : "-",
                      text(m, "id"));
        add_state(&out, ":", m, ru);
    }
    cut(run, &out, json_array_size(models));
    if (json_array_size(models) == 0)
        nc_buf_adds(&out, ru ? NC_STR("Моделей нет.") : NC_STR("There are no models."));
    json_decref(root);
    nc_buf_fini(&json);
    answer(run, &out);
}

void nc_ai_show_personas(struct nc_command_run *run, struct nc_str rest)
{
    const struct nc_room *r = nc_command_room(run);
    struct nc_buf out = {0};
    bool ru = nc_command_ru(run);
    size_t n = 0;

    (void)rest;
    const struct nc_personas *all = nc_ai_personas(nc_ai_command_ai(run));
    for (struct nc_persona *p = NULL; (p = nc_persona_next(all, p));) {
        if (n++ >= LINES_MAX)
            continue;
        nc_buf_printf(&out, "%s%.*s (@%.*s)", n > 1 ? "\n" : "", NC_FMT(p->names[0]),
                      NC_FMT(p->user->a.username));
        for (size_t i = 1; i < p->names_n; i++)
            if (!nc_persona_taken(p, i))
                nc_buf_printf(&out, ", %.*s", NC_FMT(p->names[i]));
        if (nc_room_member(r, p->user))
            nc_buf_adds(&out, ru ? NC_STR(" — здесь") : NC_STR(" — here"));
    }
    cut(run, &out, n);
    if (!n)
        nc_buf_adds(&out,
                    ru ? NC_STR("Персонажей нет.") : NC_STR("There are no personas."));
    answer(run, &out);
}

/* ---- jobs ------------------------------------------------------------------------ */

static void on_jobs(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    struct nc_command_run *run = arg;
    bool ru = nc_command_ru(run);
    struct nc_buf out = {0};
    const json_t *job;
    size_t i;

    if (why) {
        nc_command_fail(run, why);
        return;
    }
    json_t *root = json_loadb(json->p, json->n, 0, NULL);
    const json_t *jobs = json_object_get(root, "jobs");
    json_array_foreach(jobs, i, job)
    {
        const json_t *position = json_object_get(job, "position");
        bool waits = strcmp(text(job, "state"), "queued") == 0;
        nc_buf_printf(&out, "%s%s", i ? "\n" : "",
                      waits ? (ru ? "ждёт" : "waits") : (ru ? "отвечают" : "running"));
        if (json_is_integer(position))
            nc_buf_printf(&out, " #%lld", (long long)json_integer_value(position));
        nc_buf_printf(&out, ": @%s → ", text(job, "asked_by"));
        if (json_object_get(job, "persona")) /* not those of programs */
            nc_buf_printf(&out, "@%s%s", text(job, "persona"),
                          *text(job, "model") ? ", " : "");
        nc_buf_adds(&out, nc_str(text(job, "model")));
    }
    if (json_array_size(jobs) == 0)
        nc_buf_adds(&out, ru ? NC_STR("Вопросов в очереди нет.")
                             : NC_STR("No question is on its way."));
    json_decref(root);
    answer(run, &out);
}

void nc_ai_show_jobs(struct nc_command_run *run, struct nc_str rest)
{
    static const struct nc_id newest;

    (void)rest;
    nc_ai_jobs(nc_ai_command_ai(run), nc_command_actor(run),
               1u << NC_JOB_QUEUED | 1u << NC_JOB_RUNNING, &newest, JOBS_MAX, on_jobs, run);
}
