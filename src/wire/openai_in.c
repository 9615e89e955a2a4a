#include "wire/openai_in.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire/json_in.h"

#define NAME_MAX_BYTES 256 /* of a tool, of a call's id */
#define TOKENS_MAX 100000000
#define MESSAGES_MAX 100000

static enum nc_err NC_PRINTF(2, 3) refuse(char why[NC_OPENAI_REASON], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, NC_OPENAI_REASON, fmt, ap);
    va_end(ap);
    return NC_EINVAL;
}

/* A member that is there and isn't null. */
static const json_t *member(const json_t *obj, const char *name)
{
    const json_t *v = json_object_get(obj, name);

    return json_is_null(v) ? NULL : v;
}

/* ---- one value each --------------------------------------------------------------- */

static enum nc_err take_bool(const json_t *body, const char *name, bool *out, char *why)
{
    const json_t *v = member(body, name);

    if (v && !json_is_boolean(v))
        return refuse(why, "%s must be true or false", name);
    if (v)
        *out = json_is_true(v);
    return NC_OK;
}

static enum nc_err take_number(const json_t *body, const char *name, double max,
                               double *out, char *why)
{
    const json_t *v = member(body, name);

    if (!v)
        return NC_OK;
    if (!json_is_number(v) || !(json_number_value(v) >= 0 && json_number_value(v) <= max))
        return refuse(why, "%s must be a number from 0 to %g", name, max);
    *out = json_number_value(v);
    return NC_OK;
}

static enum nc_err take_tokens(const json_t *body, const char *name, uint64_t *out,
                               char *why)
{
    const json_t *v = member(body, name);

    if (!v)
        return NC_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 1 ||
        json_integer_value(v) > TOKENS_MAX)
        return refuse(why, "%s must be a whole number from 1 to %d", name, TOKENS_MAX);
    *out = (uint64_t)json_integer_value(v);
    return NC_OK;
}

static enum nc_err take_stop(const json_t *body, struct nc_openai_in *out, char *why)
{
    const json_t *v = member(body, "stop");
    size_t n = json_is_array(v) ? json_array_size(v) : v ? 1 : 0;

    if (n > NC_OPENAI_STOPS)
        return refuse(why, "stop has more than %d strings", NC_OPENAI_STOPS);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;

        if (!json_is_string(one))
            return refuse(why, "stop must be a string or a list of strings");
        if (json_string_length(one))
            out->stop[out->stop_n++] = nc_json_text(one);
    }
    return NC_OK;
}

static enum nc_err take_tool_choice(const json_t *body, struct nc_openai_in *out, char *why)
{
    static const char *const words[] = {"auto", "none", "required"};
    const json_t *v = member(body, "tool_choice");

    if (!v)
        return NC_OK;
    for (size_t i = 0; i < NC_COUNT(words); i++)
        if (nc_str_eqz(nc_json_text(v), words[i])) {
            out->tool_choice = nc_json_text(v);
            return NC_OK;
        }
    out->tool_name = nc_json_text(json_object_get(json_object_get(v, "function"), "name"));
    if (!out->tool_name.n)
        return refuse(why, "tool_choice must be auto, none, required or a function's name");
    out->tool_choice = NC_STR("function");
    return NC_OK;
}

static enum nc_err take_format(const json_t *body, struct nc_openai_in *out, char *why)
{
    const json_t *v = member(body, "response_format");

    if (!v)
        return NC_OK;
    out->format = nc_json_text(json_object_get(v, "type"));
    if (nc_str_eqz(out->format, "text") || nc_str_eqz(out->format, "json_object"))
        return NC_OK;
    if (!nc_str_eqz(out->format, "json_schema"))
        return refuse(why, "response_format.type must be text, json_object or json_schema");
    out->schema = json_object_get(json_object_get(v, "json_schema"), "schema");
    if (!json_is_object(out->schema))
        return refuse(why, "response_format.json_schema.schema must be an object");
    return NC_OK;
}

static enum nc_err take_arrays(const json_t *body, struct nc_openai_in *out, char *why)
{
    out->messages = member(body, "messages");
    out->tools = member(body, "tools");
    if (!json_is_array(out->messages) || json_array_size(out->messages) == 0)
        return refuse(why, "messages must be a list that isn't empty");
    if (json_array_size(out->messages) > MESSAGES_MAX)
        return refuse(why, "messages has more than %d entries", MESSAGES_MAX);
    if (out->tools && !json_is_array(out->tools))
        return refuse(why, "tools must be a list");
    return NC_OK;
}

enum nc_err nc_openai_in(const json_t *body, struct nc_openai_in *out,
                         char why[NC_OPENAI_REASON])
{
    const json_t *seed = member(body, "seed"), *n = member(body, "n");
    enum nc_err e = NC_OK;

    *out = (struct nc_openai_in){.temperature = -1, .top_p = -1, .parallel_tools = true};
    if (!json_is_object(body))
        return refuse(why, "the body must be an object");
    if (n && json_integer_value(n) != 1)
        return refuse(why, "n: this provider gives one answer at a time");
    if (seed && !json_is_integer(seed))
        return refuse(why, "seed must be a whole number");
    out->has_seed = seed != NULL;
    out->seed = json_integer_value(seed);
    out->effort = nc_json_text(member(body, "reasoning_effort"));
    if ((e = take_arrays(body, out, why)) == NC_OK &&
        (e = take_bool(body, "stream", &out->stream, why)) == NC_OK &&
        (e = take_bool(body, "parallel_tool_calls", &out->parallel_tools, why)) == NC_OK &&
        (e = take_number(body, "temperature", 2, &out->temperature, why)) == NC_OK &&
        (e = take_number(body, "top_p", 1, &out->top_p, why)) == NC_OK &&
        (e = take_tokens(body, "max_tokens", &out->max_tokens, why)) == NC_OK &&
        (e = take_tokens(body, "max_completion_tokens", &out->max_tokens, why)) == NC_OK &&
        (e = take_stop(body, out, why)) == NC_OK &&
        (e = take_tool_choice(body, out, why)) == NC_OK)
        e = take_format(body, out, why);
    return e;
}

/* ---- messages --------------------------------------------------------------------- */

static bool role_of(struct nc_str word, enum nc_openai_turn_role *out)
{
    static const struct {
        const char *word;
        enum nc_openai_turn_role role;
    } roles[] = {
        {"system", NC_TURN_SYSTEM},       {"developer", NC_TURN_SYSTEM},
        {"user", NC_TURN_USER},           {"tool", NC_TURN_TOOL},
        {"assistant", NC_TURN_ASSISTANT},
    };
    for (size_t i = 0; i < NC_COUNT(roles); i++)
        if (nc_str_eqz(word, roles[i].word)) {
            *out = roles[i].role;
            return true;
        }
    return false;
}

enum nc_err nc_openai_turn(const struct nc_openai_in *in, size_t at,
                           struct nc_openai_turn *out, char why[NC_OPENAI_REASON])
{
    const json_t *m = json_array_get(in->messages, at);

    *out = (struct nc_openai_turn){.at = at};
    if (!role_of(nc_json_text(json_object_get(m, "role")), &out->role))
        return refuse(why,
                      "messages[%zu].role must be system, developer, user, assistant or "
                      "tool",
                      at);
    out->content = member(m, "content");
    if (out->content && !json_is_string(out->content) && !json_is_array(out->content))
        return refuse(why, "messages[%zu].content must be a string or a list", at);
    if (!out->content && out->role != NC_TURN_ASSISTANT)
        return refuse(why, "messages[%zu].content is missing", at);
    out->parts_n = json_is_array(out->content) ? json_array_size(out->content)
                   : out->content              ? 1
                                               : 0;
    if (out->role == NC_TURN_ASSISTANT) {
        out->calls = member(m, "tool_calls");
        if (out->calls && !json_is_array(out->calls))
            return refuse(why, "messages[%zu].tool_calls must be a list", at);
        out->calls_n = json_array_size(out->calls);
    }
    if (out->role == NC_TURN_TOOL) {
        out->answers = nc_json_text(member(m, "tool_call_id"));
        if (!out->answers.n || out->answers.n > NAME_MAX_BYTES)
            return refuse(why, "messages[%zu].tool_call_id must be a string of 1 to %d", at,
                          NAME_MAX_BYTES);
    }
    return NC_OK;
}

static bool is_base64(struct nc_str s)
{
    while (s.n && s.p[s.n - 1] == '=')
        s.n--;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
            return false;
    return s.n > 0;
}

/* "data:image/png;base64,…", or somebody's address. */
static enum nc_err take_image(struct nc_str url, struct nc_openai_part *out,
                              const char *where, char *why)
{
    out->image = true;
    if (nc_str_starts(url, NC_STR("http://")) || nc_str_starts(url, NC_STR("https://"))) {
        out->url = url;
        return NC_OK;
    }
    if (!nc_str_starts(url, NC_STR("data:image/")))
        return refuse(why, "%s.image_url.url must be a data: URI of an image", where);
    url.p += 5;
    url.n -= 5;
    struct nc_str type = nc_str_cut(&url, ',');
    out->media = nc_str_cut(&type, ';');
    out->bytes = url;
    /* Parameters may stand between, base64 is the last. */
    if (type.n < 6 || !nc_str_eqz((struct nc_str){type.p + type.n - 6, 6}, "base64") ||
        out->media.n > 64 || !is_base64(url))
        return refuse(why, "%s.image_url.url isn't base64", where);
    return NC_OK;
}

enum nc_err nc_openai_part(const struct nc_openai_turn *t, size_t at,
                           struct nc_openai_part *out, char why[NC_OPENAI_REASON])
{
    char where[64];

    *out = (struct nc_openai_part){0};
    if (json_is_string(t->content)) {
        out->text = nc_json_text(t->content);
        return NC_OK;
    }
    snprintf(where, sizeof(where), "messages[%zu].content[%zu]", t->at, at);
    const json_t *part = json_array_get(t->content, at);
    struct nc_str type = nc_json_text(json_object_get(part, "type"));
    bool refusal = nc_str_eqz(type, "refusal");
    if (nc_str_eqz(type, "text") || refusal) {
        const json_t *text = json_object_get(part, refusal ? "refusal" : "text");
        if (!json_is_string(text))
            return refuse(why, "%s.text must be a string", where);
        out->text = nc_json_text(text);
        return NC_OK;
    }
    if (!nc_str_eqz(type, "image_url"))
        return refuse(why, "%s.type must be text or image_url for this provider", where);
    if (t->role != NC_TURN_USER)
        return refuse(why, "%s: images are for messages of the user", where);
    const json_t *image = json_object_get(part, "image_url");
    if (!json_is_string(image))
        image = json_object_get(image, "url");
    return take_image(nc_json_text(image), out, where, why);
}

enum nc_err nc_openai_call(const struct nc_openai_turn *t, size_t at,
                           struct nc_openai_call *out, char why[NC_OPENAI_REASON])
{
    const json_t *call = json_array_get(t->calls, at);
    const json_t *function = json_object_get(call, "function");
    struct nc_str arguments = nc_json_text(json_object_get(function, "arguments"));

    *out = (struct nc_openai_call){.id = nc_json_text(json_object_get(call, "id")),
                                   .name = nc_json_text(json_object_get(function, "name"))};
    if (!out->id.n || out->id.n > NAME_MAX_BYTES)
        return refuse(why, "messages[%zu].tool_calls[%zu].id must be a string of 1 to %d",
                      t->at, at, NAME_MAX_BYTES);
    if (!out->name.n || out->name.n > NAME_MAX_BYTES)
        return refuse(why,
                      "messages[%zu].tool_calls[%zu].function.name must be a string of "
                      "1 to %d",
                      t->at, at, NAME_MAX_BYTES);
    /* A tool without parameters is called with "" by some. */
    if (nc_str_trim(arguments).n == 0)
        out->arguments = json_object();
    else
        out->arguments = json_loadb(arguments.p, arguments.n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(out->arguments)) {
        json_decref(out->arguments);
        out->arguments = NULL;
        return refuse(why,
                      "messages[%zu].tool_calls[%zu].function.arguments must be a JSON "
                      "object as a string",
                      t->at, at);
    }
    return NC_OK;
}

enum nc_err nc_openai_tool(const struct nc_openai_in *in, size_t at,
                           struct nc_openai_tool *out, char why[NC_OPENAI_REASON])
{
    const json_t *tool = json_array_get(in->tools, at);
    const json_t *function = json_object_get(tool, "function");

    *out = (struct nc_openai_tool){
        .name = nc_json_text(json_object_get(function, "name")),
        .description = nc_json_text(member(function, "description")),
        .parameters = member(function, "parameters"),
    };
    if (!nc_str_eqz(nc_json_text(json_object_get(tool, "type")), "function"))
        return refuse(why, "tools[%zu].type must be function", at);
    if (!out->name.n || out->name.n > NAME_MAX_BYTES)
        return refuse(why, "tools[%zu].function.name must be a string of 1 to %d", at,
                      NAME_MAX_BYTES);
    if (out->parameters && !json_is_object(out->parameters))
        return refuse(why, "tools[%zu].function.parameters must be an object", at);
    return NC_OK;
}
