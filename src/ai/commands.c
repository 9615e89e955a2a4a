#include "ai/commands.h"

#include <stdlib.h>

#include "ai/room_ai.h"
#include "base/buf.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/command_table.h"
#include "chat/talk/event.h"

enum { LOOK_BACK = 100 }; /* messages, for the last answer */

/* One word after "/ai". */
struct word {
    const char *name, *args, *args_ru, *help_en, *help_ru;
    void (*run)(struct nc_command_run *run, struct nc_str rest);
};

static void say(struct nc_command_run *run, const char *en, const char *ru)
{
    nc_command_answer(run, "%s", nc_command_ru(run) ? ru : en);
}

struct nc_ai *nc_ai_command_ai(struct nc_command_run *run) { return nc_command_arg(run); }

static void refuse(struct nc_command_run *run, enum nc_problem_code code, const char *words)
{
    struct nc_problem why;

    nc_problem_set(&why, code, "%s", words);
    nc_command_fail(run, &why);
}

/* ---- answers --------------------------------------------------------------------- */

static void run_stop(struct nc_command_run *run, struct nc_str rest)
{
    unsigned n = 0;

    (void)rest;
    nc_ai_stop_room(nc_ai_command_ai(run), nc_command_actor(run), nc_command_room(run), &n);
    if (n)
        nc_command_answer(run, nc_command_ru(run) ? "Остановлено: %u." : "Stopped: %u.", n);
    else
        say(run, "There is nothing here that you could stop.",
            "Здесь нет ничего, что вы могли бы остановить.");
}

static void on_again(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    struct nc_command_run *run = arg;

    (void)json;
    if (why)
        nc_command_fail(run, why);
    else
        say(run, "Asked again; the answer so far stays as an alternative.",
            "Вопрос задан снова; прежний ответ останется как вариант.");
}

/* The newest message of a persona on the page, or zero. */
static struct nc_id last_answer(const struct nc_buf *page)
{
    json_t *root = json_loadb(page->p, page->n, 0, NULL);
    const json_t *messages = json_object_get(root, "messages");
    struct nc_id found = {{0}};

    for (size_t i = json_array_size(messages); i-- > 0 && nc_id_zero(&found);) {
        const json_t *m = json_array_get(messages, i);
        const json_t *kind = json_object_get(json_object_get(m, "sender"), "kind");
        const json_t *id = json_object_get(m, "id");
        if (json_is_string(kind) && json_is_string(id) &&
            nc_str_eqz(nc_str(json_string_value(kind)), "persona") &&
            json_is_object(json_object_get(m, "ai")) &&
            nc_id_parse(nc_str(json_string_value(id)), &found) != NC_OK)
            found = (struct nc_id){{0}};
    }
    json_decref(root);
    return found;
}

/* What follows "again": a model, or nothing. */
static struct nc_str second_word(struct nc_command_run *run)
{
    struct nc_str rest = nc_command_rest(run);

    nc_str_cut(&rest, ' ');
    return nc_str_trim(rest);
}

static void on_history(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    struct nc_command_run *run = arg;
    struct nc_id id;

    if (why) {
        nc_command_fail(run, why);
        return;
    }
    id = last_answer(json);
    if (nc_id_zero(&id))
        say(run, "There is no answer here yet.", "Здесь ещё нет ни одного ответа.");
    else
        nc_ai_regenerate(nc_ai_command_ai(run), nc_command_actor(run), &id,
                         second_word(run), on_again, run);
}

static void run_again(struct nc_command_run *run, struct nc_str rest)
{
    struct nc_page page = {.limit = LOOK_BACK};

    (void)rest;
    nc_message_history(nc_command_chat(run), nc_command_actor(run), nc_command_room(run),
                       &page, on_history, run);
}

/* ---- settings of the room -------------------------------------------------------- */

static void on_set(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_command_run *run = arg;

    (void)r;
    if (why)
        nc_command_fail(run, why);
    else
        say(run, "Done.", "Сделано.");
}

/* `patch` is taken over. */
static void set(struct nc_command_run *run, json_t *patch)
{
    struct nc_chat *c = nc_command_chat(run);
    struct nc_room *r = nc_command_room(run);
    struct nc_buf settings = {0};
    struct nc_problem why;

    if (!patch) {
        refuse(run, NC_P_BAD_REQUEST, "that is not UTF-8");
    } else if (nc_room_ai_patch(nc_event_room_ai(&r->rec, c->room_ai), c->room_ai, patch,
                                r->rec.kind == NC_DIALOG, &settings, &why)) {
        nc_command_fail(run, &why);
    } else {
        struct nc_str s = nc_buf_str(&settings);
        struct nc_room_patch in = {.settings = &s};
        nc_room_update(c, nc_command_actor(run), r, &in, on_set, run);
    }
    json_decref(patch);
    nc_buf_fini(&settings);
}

static void run_on(struct nc_command_run *run, struct nc_str rest)
{
    (void)rest;
    set(run, json_pack("{s:b}", "allowed", 1));
}

static void run_off(struct nc_command_run *run, struct nc_str rest)
{
    (void)rest;
    set(run, json_pack("{s:b}", "allowed", 0));
}

static void run_call(struct nc_command_run *run, struct nc_str rest)
{
    set(run, json_pack("{s:s%}", "call", rest.n ? rest.p : "", rest.n));
}

static void run_destination(struct nc_command_run *run, struct nc_str rest)
{
    set(run, json_pack("{s:s%}", "destination", rest.n ? rest.p : "", rest.n));
}

static void run_turns(struct nc_command_run *run, struct nc_str rest)
{
    uint64_t n;

    if (nc_str_u64(rest, 3, &n))
        say(run, "From 0 to 3: /ai turns 1", "От 0 до 3: /ai turns 1");
    else
        set(run, json_pack("{s:I}", "persona_turns", (json_int_t)n));
}

/* In a dialog only; "-" is the persona's own again. */
static void run_model(struct nc_command_run *run, struct nc_str rest)
{
    const struct nc_room *r = nc_command_room(run);
    struct nc_room_ai ai;
    struct nc_choice choice;
    struct nc_problem why;
    enum nc_err e;

    if (r->rec.kind != NC_DIALOG) {
        say(run,
            "In a room each persona has a model of its own (/ai shows it; admins change "
            "it). In a dialog with a persona the model is yours to choose.",
            "В комнате у каждого персонажа своя модель (её показывает /ai, меняют "
            "администраторы). Выбрать модель можно в диалоге с персонажем.");
    } else if (!rest.n) {
        nc_ai_show_room(run, rest);
    } else if (nc_str_eqz(rest, "-")) {
        set(run, json_pack("{s:n}", "model"));
    } else {
        nc_room_ai_read(&ai, nc_event_room_ai(&r->rec, nc_command_chat(run)->room_ai));
        e = nc_models_choose(nc_ai_models(nc_ai_command_ai(run)), rest, ai.furthest,
                             &choice, &why);
        nc_room_ai_fini(&ai);
        if (e && e != NC_AGAIN)
            nc_command_fail(run, &why);
        else
            set(run, json_pack("{s:s%}", "model", rest.p, rest.n));
    }
}

/* ---- the words of it ------------------------------------------------------- */

static void run_help(struct nc_command_run *run, struct nc_str rest);

static const struct word words[] = {
    {"", "", "", "who is here, what they are asked by, what is under way",
     "кто здесь, какие модели отвечают, что происходит", nc_ai_show_room},
    {"stop", "", "", "stop what answers you here", "остановить ответ", run_stop},
    {"again", "[model]", "[модель]", "another answer to the last question",
     "другой ответ на последний вопрос", run_again},
    {"model", "[name|-]", "[имя|-]", "the model of this dialog", "модель этого диалога",
     run_model},
    {"models", "", "", "what can be asked", "какие модели есть", nc_ai_show_models},
    {"personas", "", "", "who can be asked", "кого можно спросить", nc_ai_show_personas},
    {"jobs", "", "", "questions on their way", "вопросы, ждущие ответа", nc_ai_show_jobs},
    {"on", "", "", "allow AI in this room", "разрешить ИИ в комнате", run_on},
    {"off", "", "", "allow none", "запретить ИИ в комнате", run_off},
    {"call", "name|strict", "name|strict",
     "how personas are called: by name, or only with @ , :",
     "как звать персонажей: по имени или только с @ , :", run_call},
    {"destination", "this_node|own_node|own_worker|lan|cloud",
     "this_node|own_node|own_worker|lan|cloud", "how far what is said here may travel",
     "как далеко может уходить сказанное здесь", run_destination},
    {"turns", "0-3", "0-3", "how deep personas answer personas",
     "насколько глубоко персонажи отвечают друг другу", run_turns},
    {"help", "", "", "this list", "этот список", run_help},
    {0},
};

static void run_help(struct nc_command_run *run, struct nc_str rest)
{
    bool ru = nc_command_ru(run);
    struct nc_buf out = {0};

    (void)rest;
    for (const struct word *w = words; w->name; w++) {
        const char *args = ru ? w->args_ru : w->args;
        nc_buf_printf(&out, "%s/ai%s%s%s%s — %s", w == words ? "" : "\n",
                      *w->name ? " " : "", w->name, *args ? " " : "", args,
                      ru ? w->help_ru : w->help_en);
    }
    nc_command_answer_str(run, nc_buf_str(&out));
    nc_buf_fini(&out);
}

/* ---- the row ---------------------------------------------------------------------- */

static void run_ai(struct nc_command_run *run)
{
    struct nc_str rest = nc_command_rest(run), name = nc_str_cut(&rest, ' ');

    for (const struct word *w = words; w->name; w++)
        if (nc_str_ieq(name, nc_str(w->name))) {
            w->run(run, nc_str_trim(rest));
            return;
        }
    nc_command_answer(run,
                      nc_command_ru(run) ? "Нет команды /ai %.*s. Все: /ai help"
                                         : "There is no /ai %.*s. All of them: /ai help",
                      NC_FMT(name));
}

struct nc_command *nc_ai_commands_new(struct nc_ai *ai, struct nc_chat *c)
{
    struct nc_command *row = nc_alloc(sizeof(*row));

    *row = (struct nc_command){.name = "ai",
                               .args = "[help]",
                               .help_en = "AI in this room: /ai help",
                               .help_ru = "ИИ в этой комнате: /ai help",
                               .run = run_ai,
                               .arg = ai};
    nc_command_add(c, row);
    return row;
}

void nc_ai_commands_free(struct nc_command *row)
{
    if (row)
        nc_list_del(&row->node);
    free(row);
}
