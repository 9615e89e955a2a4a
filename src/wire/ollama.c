#include "wire/ollama.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"
#include "wire/json_in.h"
#include "wire/openai_in.h"

/* ---- requests --------------------------------------------------------------------- */

void nc_ollama_write(struct nc_buf *out, const struct nc_ollama_request *r)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "model", r->model);
    nc_json_key(&j, "messages");
    nc_json_arr(&j);
    for (size_t i = 0; i < r->n_messages; i++) {
        nc_json_obj(&j);
        nc_json_kstr(&j, "role", nc_str(nc_openai_roles[r->messages[i].role]));
        nc_json_kstr(&j, "content", r->messages[i].content);
        nc_json_obj_end(&j);
    }
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "stream", true);
    nc_json_key(&j, "options");
    nc_json_obj(&j);
    if (r->context_tokens)
        nc_json_kuint(&j, "num_ctx", r->context_tokens);
    if (r->max_tokens)
        nc_json_kuint(&j, "num_predict", r->max_tokens);
    if (r->temperature >= 0)
        nc_json_kreal(&j, "temperature", r->temperature);
    nc_json_obj_end(&j);
    nc_json_obj_end(&j);
}

/* Text parts are one text to Ollama, images stand beside it. */
static enum nc_err put_content(struct nc_json *j, const struct nc_openai_turn *t, char *why)
{
    struct nc_buf text = {0};
    struct nc_openai_part part;
    size_t images = 0;
    enum nc_err e = NC_OK;

    for (size_t i = 0; i < t->parts_n; i++) {
        if ((e = nc_openai_part(t, i, &part, why)) != NC_OK)
            goto fail;
        nc_buf_adds(&text, part.text);
        images += part.image;
    }
    nc_json_kstr(j, "content", nc_buf_str(&text));
    if (images) {
        nc_json_key(j, "images");
        nc_json_arr(j);
    }
    for (size_t i = 0; images && i < t->parts_n; i++) {
        if ((e = nc_openai_part(t, i, &part, why)) != NC_OK)
            goto fail;
        if (part.image && part.url.n) {
            snprintf(why, NC_OPENAI_REASON, "%s",
                     "image_url.url: this provider takes images as data: URIs only");
            e = NC_EINVAL;
            goto fail;
        }
        if (part.image)
            nc_json_str(j, part.bytes);
    }
    if (images)
        nc_json_arr_end(j);
fail:
    nc_buf_fini(&text);
    return e;
}

static enum nc_err put_calls(struct nc_json *j, const struct nc_openai_turn *t, char *why)
{
    struct nc_openai_call call;

    nc_json_key(j, "tool_calls");
    nc_json_arr(j);
    for (size_t i = 0; i < t->calls_n; i++) {
        enum nc_err e = nc_openai_call(t, i, &call, why);
        if (e != NC_OK)
            return e;
        nc_json_obj(j);
        nc_json_kstr(j, "id", call.id);
        nc_json_key(j, "function");
        nc_json_obj(j);
        nc_json_kstr(j, "name", call.name);
        nc_json_kvalue(j, "arguments", call.arguments);
        nc_json_obj_end(j);
        nc_json_obj_end(j);
        json_decref(call.arguments);
    }
    nc_json_arr_end(j);
    return NC_OK;
}

/* Which function an id means, said by the assistant before; Ollama goes by names. */
static struct nc_str name_of_call(const struct nc_openai_in *in, size_t before,
                                  struct nc_str id)
{
    while (before-- > 0) {
        const json_t *calls =
            json_object_get(json_array_get(in->messages, before), "tool_calls");

        for (size_t i = 0; i < json_array_size(calls); i++) {
            const json_t *call = json_array_get(calls, i);
            if (nc_str_eq(nc_json_text(json_object_get(call, "id")), id))
                return nc_json_text(
                    json_object_get(json_object_get(call, "function"), "name"));
        }
    }
    return (struct nc_str){NULL, 0};
}

static enum nc_err put_turn(struct nc_json *j, const struct nc_openai_in *in, size_t at,
                            char *why)
{
    static const char *const words[] = {
        [NC_TURN_SYSTEM] = "system",
        [NC_TURN_USER] = "user",
        [NC_TURN_ASSISTANT] = "assistant",
        [NC_TURN_TOOL] = "tool",
    };
    struct nc_openai_turn t;
    enum nc_err e = nc_openai_turn(in, at, &t, why);

    if (e != NC_OK)
        return e;
    nc_json_obj(j);
    nc_json_kstr(j, "role", nc_str(words[t.role]));
    if ((e = put_content(j, &t, why)) != NC_OK)
        return e;
    if (t.calls_n && (e = put_calls(j, &t, why)) != NC_OK)
        return e;
    if (t.role == NC_TURN_TOOL) {
        struct nc_str name = name_of_call(in, at, t.answers);
        if (name.n)
            nc_json_kstr(j, "tool_name", name);
        nc_json_kstr(j, "tool_call_id", t.answers);
    }
    nc_json_obj_end(j);
    return NC_OK;
}

/* It has no tool_choice: those that may not be called are not named to it. */
static enum nc_err put_tools(struct nc_json *j, const struct nc_openai_in *in, char *why)
{
    bool named = nc_str_eqz(in->tool_choice, "function");
    struct nc_openai_tool tool;

    if (!in->tools || nc_str_eqz(in->tool_choice, "none"))
        return NC_OK;
    nc_json_key(j, "tools");
    nc_json_arr(j);
    for (size_t i = 0; i < json_array_size(in->tools); i++) {
        enum nc_err e = nc_openai_tool(in, i, &tool, why);
        if (e != NC_OK)
            return e;
        if (named && !nc_str_eq(tool.name, in->tool_name))
            continue;
        nc_json_obj(j);
        nc_json_kstr(j, "type", NC_STR("function"));
        nc_json_key(j, "function");
        nc_json_obj(j);
        nc_json_kstr(j, "name", tool.name);
        if (tool.description.n)
            nc_json_kstr(j, "description", tool.description);
        if (tool.parameters)
            nc_json_kvalue(j, "parameters", tool.parameters);
        else
            nc_json_kraw(j, "parameters",
                         NC_STR("{\"type\":\"object\",\"properties\":{}}"));
        nc_json_obj_end(j);
        nc_json_obj_end(j);
    }
    nc_json_arr_end(j);
    return NC_OK;
}

static void put_options(struct nc_json *j, const json_t *body,
                        const struct nc_openai_in *in, unsigned context_tokens)
{
    static const char *const penalties[] = {"frequency_penalty", "presence_penalty"};

    nc_json_key(j, "options");
    nc_json_obj(j);
    if (context_tokens)
        nc_json_kuint(j, "num_ctx", context_tokens);
    if (in->max_tokens)
        nc_json_kuint(j, "num_predict", in->max_tokens);
    if (in->temperature >= 0)
        nc_json_kreal(j, "temperature", in->temperature);
    if (in->top_p >= 0)
        nc_json_kreal(j, "top_p", in->top_p);
    if (in->has_seed)
        nc_json_kint(j, "seed", in->seed);
    for (size_t i = 0; i < NC_COUNT(penalties); i++)
        if (json_is_number(json_object_get(body, penalties[i])))
            nc_json_kreal(j, penalties[i],
                          json_number_value(json_object_get(body, penalties[i])));
    if (in->stop_n) {
        nc_json_key(j, "stop");
        nc_json_arr(j);
        for (size_t i = 0; i < in->stop_n; i++)
            nc_json_str(j, in->stop[i]);
        nc_json_arr_end(j);
    }
    nc_json_obj_end(j);
}

enum nc_err nc_ollama_translate(struct nc_buf *out, const json_t *body, struct nc_str model,
                                unsigned context_tokens, char why[NC_OPENAI_REASON])
{
    struct nc_json j = nc_json_to(out);
    struct nc_openai_in in;
    enum nc_err e = nc_openai_in(body, &in, why);

    if (e != NC_OK)
        return e;
    nc_json_obj(&j);
    nc_json_kstr(&j, "model", model);
    nc_json_key(&j, "messages");
    nc_json_arr(&j);
    for (size_t i = 0; i < json_array_size(in.messages); i++)
        if ((e = put_turn(&j, &in, i, why)) != NC_OK)
            return e;
    nc_json_arr_end(&j);
    if ((e = put_tools(&j, &in, why)) != NC_OK)
        return e;
    nc_json_kbool(&j, "stream", true);
    if (nc_str_eqz(in.format, "json_object"))
        nc_json_kstr(&j, "format", NC_STR("json"));
    else if (in.schema)
        nc_json_kvalue(&j, "format", in.schema);
    /* Not all models think, and those that don't refuse to be told how much. */
    if (nc_str_eqz(in.effort, "none"))
        nc_json_kbool(&j, "think", false);
    else if (in.effort.n)
        nc_json_kstr(&j, "think", in.effort);
    put_options(&j, body, &in, context_tokens);
    nc_json_obj_end(&j);
    return NC_OK;
}

/* ---- answers ---------------------------------------------------------------------- */

static enum nc_openai_finish finish_of(struct nc_str word, bool tools)
{
    /* It says "stop" after calls of tools, and nothing at all in old versions. */
    if (word.n == 0 || nc_str_eqz(word, "stop"))
        return tools ? NC_OPENAI_TOOLS : NC_OPENAI_STOP;
    if (nc_str_eqz(word, "length"))
        return NC_OPENAI_LENGTH;
    if (nc_str_eqz(word, "tool_calls"))
        return NC_OPENAI_TOOLS;
    return NC_OPENAI_ODD;
}

/* Each comes whole, its arguments as an object. */
static void take_tools(struct nc_reply *r, const json_t *calls, unsigned *block)
{
    size_t n = json_array_size(calls);

    if (n > NC_REPLY_TOOLS)
        n = NC_REPLY_TOOLS;
    if (n)
        r->tools = nc_arena_alloc(&r->arena, n * sizeof(*r->tools));
    for (size_t i = 0; i < n; i++) {
        const json_t *call = json_array_get(calls, i);
        const json_t *function = json_object_get(call, "function");
        const json_t *arguments = json_object_get(function, "arguments");
        struct nc_str name = nc_json_text(json_object_get(function, "name"));

        if (!name.n)
            continue;
        r->tools[r->tools_n++] = (struct nc_reply_tool){
            .begins = true,
            .block = (*block)++,
            .id = nc_json_text(json_object_get(call, "id")),
            .name = name,
            .arguments = json_is_object(arguments)   ? nc_reply_json(r, arguments)
                         : json_is_string(arguments) ? nc_json_text(arguments)
                                                     : NC_STR("{}"),
        };
    }
}

enum nc_err nc_ollama_read(struct nc_reply *out, struct nc_str line, struct nc_str secret,
                           unsigned *block)
{
    *out = (struct nc_reply){0};
    line = nc_str_trim(line);
    /* Rather lenient: duplicate keys of somebody else's server harm nobody here. */
    out->root = json_loadb(line.n ? line.p : "", line.n, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(out->root))
        return NC_EINVAL;
    if (json_object_get(out->root, "error")) {
        out->failed = true;
        nc_openai_reason(out->reason, 0, line, secret);
        return NC_OK;
    }

    const json_t *message = json_object_get(out->root, "message");
    out->done = json_is_true(json_object_get(out->root, "done"));
    if (!json_is_object(message) && !out->done)
        return NC_EINVAL;
    out->model = nc_json_text(json_object_get(out->root, "model"));
    out->remote = nc_json_text(json_object_get(out->root, "remote_host"));
    out->text = nc_reply_text(out, nc_json_text(json_object_get(message, "content")));
    out->reasoning = nc_reply_text(out, nc_json_text(json_object_get(message, "thinking")));
    take_tools(out, json_object_get(message, "tool_calls"), block);
    if (out->done) {
        out->finish =
            finish_of(nc_json_text(json_object_get(out->root, "done_reason")), *block > 0);
        out->prompt_tokens = nc_reply_count(out->root, "prompt_eval_count");
        out->completion_tokens = nc_reply_count(out->root, "eval_count");
        out->has_usage = out->prompt_tokens || out->completion_tokens;
    }
    return NC_OK;
}

/* ---- models ----------------------------------------------------------------------- */

size_t nc_ollama_models(const json_t *tags)
{
    return json_array_size(json_object_get(tags, "models"));
}

bool nc_ollama_model(const json_t *tags, size_t at, struct nc_ollama_model *out)
{
    const json_t *row = json_array_get(json_object_get(tags, "models"), at);
    struct nc_str name = nc_json_text(json_object_get(row, "model"));

    if (!name.n)
        name = nc_json_text(json_object_get(row, "name"));
    *out = (struct nc_ollama_model){.name = name,
                                    .digest = nc_json_text(json_object_get(row, "digest")),
                                    .bytes = nc_reply_count(row, "size")};
    /* "bert", "nomic-bert": such read and don't write. */
    struct nc_str family =
        nc_json_text(json_object_get(json_object_get(row, "details"), "family"));
    out->embeds = family.n >= 4 && memcmp(family.p + family.n - 4, "bert", 4) == 0;
    return name.n && !memchr(name.p, 0, name.n);
}

bool nc_ollama_is_cloud(struct nc_str model)
{
    static const char suffix[] = "cloud";
    size_t n = sizeof(suffix) - 1;

    return model.n > n && memcmp(model.p + model.n - n, suffix, n) == 0 &&
           (model.p[model.n - n - 1] == ':' || model.p[model.n - n - 1] == '-');
}

void nc_ollama_show(struct nc_buf *out, struct nc_str model)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "model", model);
    nc_json_obj_end(&j);
}

/* "llama.context_length", "qwen3.context_length" …: by the architecture's name. */
uint64_t nc_ollama_context(const json_t *show)
{
    static const char suffix[] = ".context_length";
    json_t *info = json_object_get(show, "model_info");
    const char *key;
    json_t *value;

    json_object_foreach(info, key, value)
    {
        size_t n = strlen(key);
        if (n > sizeof(suffix) - 1 && strcmp(key + n - (sizeof(suffix) - 1), suffix) == 0 &&
            json_integer_value(value) > 0)
            return (uint64_t)json_integer_value(value);
    }
    return 0;
}
