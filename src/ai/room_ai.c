#include "ai/room_ai.h"

#include <string.h>

#include "ai/setting.h"
#include "base/buf.h"
#include "wire/json.h"
#include "wire/json_in.h"

static const char *const calls[] = {"name", "strict", NULL};

/* What only dialogs have. */
static const char *const of_dialogs[] = {"model", "system_prompt", "temperature",
                                         "max_tokens", "auto_title"};
static const char *const of_all[] = {"allowed", "destination", "call", "persona_turns"};

static const struct nc_room_ai plain = {
    .allowed = true, .furthest = NC_DEST_CLOUD, .temperature = -1};

/* ---- one member after the other -------------------------------------------------- */

static enum nc_err take_destination(const json_t *o, enum nc_destination *out,
                                    struct nc_problem *why)
{
    struct nc_str word = {0};

    if (nc_json_opt_str(o, "destination", 1, 20, &word, why))
        return NC_EINVAL;
    if (word.n && nc_destination_parse(word, out)) {
        nc_problem_set(why, NC_P_BAD_REQUEST,
                       "`destination` must be this_node, own_node, own_worker, lan or "
                       "cloud");
        return NC_EINVAL;
    }
    return NC_OK;
}

static enum nc_err take_basic(struct nc_room_ai *a, const json_t *o, struct nc_problem *why)
{
    int64_t turns = a->persona_turns;
    unsigned call = a->strict;

    if (nc_json_opt_bool(o, "allowed", &a->allowed, why) ||
        take_destination(o, &a->furthest, why) ||
        nc_json_opt_word(o, "call", calls, &call, why) ||
        nc_json_opt_int(o, "persona_turns", 0, 3, &turns, why))
        return NC_EINVAL;
    a->strict = call;
    a->persona_turns = (unsigned)turns;
    return NC_OK;
}

static enum nc_err take_dialog(struct nc_room_ai *a, const json_t *o,
                               struct nc_problem *why)
{
    if (nc_setting_model(o, "model", &a->model, why) ||
        nc_setting_prompt(o, "system_prompt", &a->system_prompt, why) ||
        nc_setting_temperature(o, "temperature", &a->temperature, why) ||
        nc_setting_max_tokens(o, "max_tokens", &a->max_tokens, why) ||
        nc_json_opt_bool(o, "auto_title", &a->auto_title, why))
        return NC_EINVAL;
    return NC_OK;
}

/* ---- reading --------------------------------------------------------------------- */

void nc_room_ai_read(struct nc_room_ai *out, struct nc_str settings)
{
    struct nc_problem odd;
    json_t *root = NULL;

    *out = plain;
    if (settings.n == 0 || nc_json_parse(settings, &root, &odd))
        return;
    out->root = root;
    /* Kept by a newer version, perhaps: what can't be read goes nowhere far. */
    if (take_destination(root, &out->furthest, &odd))
        out->furthest = NC_DEST_THIS_NODE;
    enum nc_destination furthest = out->furthest;
    if (take_basic(out, root, &odd))
        out->furthest = furthest;
    if (take_dialog(out, root, &odd))
        return; /* those before the odd one are taken */
}

void nc_room_ai_fini(struct nc_room_ai *a)
{
    static const struct nc_str none;

    json_decref(a->root);
    a->root = NULL;
    a->model = a->system_prompt = none; /* the others go on being what was read */
}

/* ---- changing -------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void put_back(struct nc_room_ai *a, struct nc_str fresh, const json_t *patch)
{
    struct nc_room_ai as_new;

    nc_room_ai_read(&as_new, fresh);
    nc_room_ai_fini(&as_new); /* which has no texts of its own */
#define BACK(name, field)                           \
    if (json_is_null(json_object_get(patch, name))) \
    a->field = as_new.field
    BACK("allowed", allowed);
    BACK("destination", furthest);
    BACK("call", strict);
    BACK("persona_turns", persona_turns);
    BACK("model", model);
    BACK("system_prompt", system_prompt);
    BACK("temperature", temperature);
    BACK("max_tokens", max_tokens);
    BACK("auto_title", auto_title);
#undef BACK
}

/* What other layers keep beside ours ("branched_from") stays. */
static void write_others(struct nc_json *j, json_t *root)
{
    const char *name;
    json_t *v;

    json_object_foreach(root, name, v)
    {
        if (is_one_of(name, of_all, NC_COUNT(of_all)) ||
            is_one_of(name, of_dialogs, NC_COUNT(of_dialogs)))
            continue;
        struct nc_buf json = {0};
        nc_json_copy(root, name, &json);
        nc_json_kraw(j, name, nc_buf_str(&json));
        nc_buf_fini(&json);
    }
}

static void write_all(const struct nc_room_ai *a, bool dialog, struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kbool(&j, "allowed", a->allowed);
    nc_json_kstr(&j, "destination", nc_str(nc_destination_name(a->furthest)));
    nc_json_kstr(&j, "call", nc_str(calls[a->strict]));
    nc_json_kuint(&j, "persona_turns", a->persona_turns);
    if (dialog && a->model.n)
        nc_json_kstr(&j, "model", a->model);
    if (dialog && a->system_prompt.n)
        nc_json_kstr(&j, "system_prompt", a->system_prompt);
    if (dialog && a->temperature >= 0)
        nc_json_kreal(&j, "temperature", a->temperature);
    if (dialog && a->max_tokens)
        nc_json_kuint(&j, "max_tokens", a->max_tokens);
    if (dialog && a->auto_title)
        nc_json_kbool(&j, "auto_title", true);
    write_others(&j, a->root);
    nc_json_obj_end(&j);
}

static enum nc_err dialogs_only(const json_t *patch, struct nc_problem *why)
{
    for (size_t i = 0; i < NC_COUNT(of_dialogs); i++)
        if (nc_json_has(patch, of_dialogs[i])) {
            nc_problem_set(why, NC_P_BAD_REQUEST,
                           "`%s` can be set in a dialog, not in a room", of_dialogs[i]);
            return NC_EINVAL;
        }
    return NC_OK;
}

enum nc_err nc_room_ai_patch(struct nc_str settings, struct nc_str fresh,
                             const json_t *patch, bool dialog, struct nc_buf *out,
                             struct nc_problem *why)
{
    struct nc_room_ai a;
    enum nc_err e = NC_OK;

    if (!json_is_object(patch)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`ai` must be an object");
        return NC_EINVAL;
    }
    nc_room_ai_read(&a, settings);
    put_back(&a, fresh, patch);
    e = take_basic(&a, patch, why);
    if (!e)
        e = dialog ? take_dialog(&a, patch, why) : dialogs_only(patch, why);
    if (!e)
        write_all(&a, dialog, out);
    nc_room_ai_fini(&a);
    return e;
}
