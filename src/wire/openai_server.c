#include "wire/openai_server.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/json_in.h"

#define MODEL_MAX 199 /* bytes of a model's name */
#define STOPS_MAX 16
#define INPUTS_MAX 2048

static enum nc_err wrong_at(struct nc_openai_wrong *w, const char *param, const char *fmt,
                            ...) NC_PRINTF(3, 4);
static enum nc_err wrong_at(struct nc_openai_wrong *w, const char *param, const char *fmt,
                            ...)
{
    char what[sizeof(w->why.detail)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(w->param, sizeof(w->param), "%s", param);
    nc_problem_set(&w->why, NC_P_BAD_REQUEST, "`%s` %s", w->param, what);
    return NC_EINVAL;
}

/* Where something is, in words; the names are ours and the numbers have an end. */
static const char *member(char out[NC_OPENAI_PARAM], const char *where, const char *name)
{
    int n = snprintf(out, NC_OPENAI_PARAM, "%s%s%s", where, *where ? "." : "", name);

    assert(n > 0 && n < NC_OPENAI_PARAM);
    return out;
}

static const char *element(char out[NC_OPENAI_PARAM], const char *where, size_t i)
{
    int n = snprintf(out, NC_OPENAI_PARAM, "%s[%zu]", where, i);

    assert(n > 0 && n < NC_OPENAI_PARAM);
    return out;
}

static bool absent(const json_t *v) { return !v || json_is_null(v); }

/* ---- plain members -------------------------------------------------------- */

enum kind { BOOL, WHOLE, NUMBER, TEXT, OBJECT, ARRAY };

struct field {
    const char *name;
    enum kind kind;
    double min, max;          /* WHOLE, NUMBER */
    const char *const *words; /* TEXT: those there are; NULL: any */
};

static enum nc_err judge_number(const json_t *v, const struct field *f, const char *at,
                                struct nc_openai_wrong *w)
{
    bool whole = f->kind == WHOLE;

    if ((whole ? json_is_integer(v) : json_is_number(v)) &&
        json_number_value(v) >= f->min && json_number_value(v) <= f->max)
        return NC_OK;
    return wrong_at(w, at, "must be a %s from %.15g to %.15g",
                    whole ? "whole number" : "number", f->min, f->max);
}

static enum nc_err judge_text(const json_t *v, const struct field *f, const char *at,
                              struct nc_openai_wrong *w)
{
    char list[120] = "must be one of";
    size_t n = strlen(list);

    if (!json_is_string(v))
        return wrong_at(w, at, "must be a string");
    if (!f->words)
        return NC_OK;
    for (size_t i = 0; f->words[i]; i++) {
        if (nc_str_eqz(nc_json_text(v), f->words[i]))
            return NC_OK;
        if (n < sizeof(list))
            n += (size_t)snprintf(list + n, sizeof(list) - n, " `%s`", f->words[i]);
    }
    return wrong_at(w, at, "%s", list);
}

/* Members that are absent or null are fine. */
static enum nc_err judge_fields(const json_t *obj, const char *where,
                                const struct field *fields, struct nc_openai_wrong *w)
{
    for (const struct field *f = fields; f->name; f++) {
        const json_t *v = json_object_get(obj, f->name);
        enum nc_err e = NC_OK;
        char at[NC_OPENAI_PARAM];

        if (absent(v))
            continue;
        member(at, where, f->name);
        switch (f->kind) {
        case BOOL:
            if (!json_is_boolean(v))
                e = wrong_at(w, at, "must be true or false");
            break;
        case OBJECT:
            if (!json_is_object(v))
                e = wrong_at(w, at, "must be an object");
            break;
        case ARRAY:
            if (!json_is_array(v))
                e = wrong_at(w, at, "must be an array");
            break;
        case WHOLE:
        case NUMBER: e = judge_number(v, f, at, w); break;
        case TEXT: e = judge_text(v, f, at, w); break;
        }
        if (e != NC_OK)
            return e;
    }
    return NC_OK;
}

/* A string of 1..max bytes without NUL. */
static enum nc_err need_text(const json_t *obj, const char *where, const char *name,
                             size_t max, struct nc_openai_wrong *w)
{
    const json_t *v = json_object_get(obj, name);
    char at[NC_OPENAI_PARAM];

    member(at, where, name);
    if (!v)
        return wrong_at(w, at, "is missing");
    if (!json_is_string(v))
        return wrong_at(w, at, "must be a string");
    struct nc_str s = nc_json_text(v);
    if (!s.n)
        return wrong_at(w, at, "must not be empty");
    if (s.n > max)
        return wrong_at(w, at, "may have at most %zu bytes", max);
    if (memchr(s.p, 0, s.n))
        return wrong_at(w, at, "must be without NUL characters");
    return NC_OK;
}

static enum nc_err need_object(const json_t *obj, const char *where, const char *name,
                               const json_t **out, struct nc_openai_wrong *w)
{
    char at[NC_OPENAI_PARAM];

    *out = json_object_get(obj, name);
    if (json_is_object(*out))
        return NC_OK;
    return wrong_at(w, member(at, where, name), *out ? "must be an object" : "is missing");
}

/* ---- messages ------------------------------------------------------------- */

static enum nc_err judge_part(const json_t *part, const char *where,
                              struct nc_openai_wrong *w)
{
    static const struct {
        const char *type, *member;
        bool text;
    } types[] = {
        {"text", "text", true},
        {"refusal", "refusal", true},
        {"image_url", "image_url", false},
        {"input_audio", "input_audio", false},
        {"audio_url", "audio_url", false},
        {"video_url", "video_url", false},
        {"file", "file", false},
    };
    const json_t *inner;
    char at[NC_OPENAI_PARAM];

    if (!json_is_object(part))
        return wrong_at(w, where, "must be an object");
    enum nc_err e = need_text(part, where, "type", 64, w);
    if (e != NC_OK)
        return e;
    for (size_t i = 0; i < NC_COUNT(types); i++) {
        if (!nc_str_eqz(nc_json_text(json_object_get(part, "type")), types[i].type))
            continue;
        member(at, where, types[i].member);
        if (types[i].text)
            return json_is_string(json_object_get(part, types[i].member))
                       ? NC_OK
                       : wrong_at(w, at, "must be a string");
        if ((e = need_object(part, where, types[i].member, &inner, w)) != NC_OK)
            return e;
        return strstr(types[i].type, "_url") ? need_text(inner, at, "url", SIZE_MAX, w)
                                             : NC_OK;
    }
    return wrong_at(w, member(at, where, "type"), "is of a kind that is not known");
}

/* *some: it says anything at all. */
static enum nc_err judge_content(const json_t *m, const char *where, bool may_lack,
                                 bool *some, struct nc_openai_wrong *w)
{
    const json_t *v = json_object_get(m, "content");
    char at[NC_OPENAI_PARAM], part[NC_OPENAI_PARAM];

    member(at, where, "content");
    if (absent(v))
        return may_lack ? NC_OK : wrong_at(w, at, "is missing");
    if (json_is_string(v)) {
        *some = *some || json_string_length(v);
        return NC_OK;
    }
    if (!json_is_array(v) || !json_array_size(v))
        return wrong_at(w, at, "must be a string, or an array of parts");
    *some = true;
    for (size_t i = 0; i < json_array_size(v); i++) {
        enum nc_err e = judge_part(json_array_get(v, i), element(part, at, i), w);
        if (e != NC_OK)
            return e;
    }
    return NC_OK;
}

static enum nc_err judge_tool_calls(const json_t *m, const char *where,
                                    struct nc_openai_wrong *w)
{
    const json_t *v = json_object_get(m, "tool_calls"), *function;
    char at[NC_OPENAI_PARAM], call_at[NC_OPENAI_PARAM], inner[NC_OPENAI_PARAM];
    enum nc_err e = NC_OK;

    if (absent(v))
        return NC_OK;
    member(at, where, "tool_calls");
    if (!json_is_array(v) || !json_array_size(v))
        return wrong_at(w, at, "must be an array that is not empty");
    for (size_t i = 0; e == NC_OK && i < json_array_size(v); i++) {
        const json_t *call = json_array_get(v, i);
        element(call_at, at, i);
        member(inner, call_at, "function");
        if (!json_is_object(call))
            return wrong_at(w, call_at, "must be an object");
        if ((e = need_text(call, call_at, "id", 256, w)) != NC_OK ||
            (e = need_object(call, call_at, "function", &function, w)) != NC_OK ||
            (e = need_text(function, inner, "name", 256, w)) != NC_OK)
            break;
        if (!json_is_string(json_object_get(function, "arguments")))
            e = wrong_at(w, member(call_at, inner, "arguments"), "must be a string");
    }
    return e;
}

static enum nc_err judge_message(const json_t *m, const char *where, bool *some,
                                 struct nc_openai_wrong *w)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant",
                                        "tool",   "function",  NULL};
    static const struct field fields[] = {
        {"role", TEXT, 0, 0, roles},
        {"name", TEXT, 0, 0, NULL},
        {"refusal", TEXT, 0, 0, NULL},
        {"function_call", OBJECT, 0, 0, NULL},
        {0},
    };
    enum nc_err e;

    if (!json_is_object(m))
        return wrong_at(w, where, "must be an object");
    if ((e = need_text(m, where, "role", 64, w)) != NC_OK ||
        (e = judge_fields(m, where, fields, w)) != NC_OK)
        return e;
    struct nc_str role = nc_json_text(json_object_get(m, "role"));
    bool answers = nc_str_eqz(role, "assistant");
    bool calls = answers && (!absent(json_object_get(m, "tool_calls")) ||
                             !absent(json_object_get(m, "function_call")) ||
                             !absent(json_object_get(m, "refusal")) ||
                             !absent(json_object_get(m, "audio")));
    if ((e = judge_content(m, where, calls, some, w)) != NC_OK)
        return e;
    if (answers)
        return judge_tool_calls(m, where, w);
    return nc_str_eqz(role, "tool") ? need_text(m, where, "tool_call_id", 256, w) : NC_OK;
}

static enum nc_err judge_messages(const json_t *body, struct nc_openai_wrong *w)
{
    const json_t *v = json_object_get(body, "messages");
    bool some = false;
    char at[NC_OPENAI_PARAM];

    if (!v)
        return wrong_at(w, "messages", "is missing");
    if (!json_is_array(v))
        return wrong_at(w, "messages", "must be an array");
    if (!json_array_size(v))
        return wrong_at(w, "messages", "must not be empty");
    for (size_t i = 0; i < json_array_size(v); i++) {
        enum nc_err e =
            judge_message(json_array_get(v, i), element(at, "messages", i), &some, w);
        if (e != NC_OK)
            return e;
    }
    return some ? NC_OK : wrong_at(w, "messages", "say nothing: the prompt is empty");
}

/* ---- tools, stop, and the rest -------------------------------------------- */

static enum nc_err judge_tool(const json_t *tool, const char *where,
                              struct nc_openai_wrong *w)
{
    static const char *const types[] = {"function", "custom", NULL};
    static const struct field fields[] = {{"type", TEXT, 0, 0, types}, {0}};
    static const struct field members[] = {
        {"description", TEXT, 0, 0, NULL},
        {"parameters", OBJECT, 0, 0, NULL},
        {"strict", BOOL, 0, 0, NULL},
        {0},
    };
    const json_t *inner;
    char at[NC_OPENAI_PARAM];
    enum nc_err e;

    if (!json_is_object(tool))
        return wrong_at(w, where, "must be an object");
    if ((e = need_text(tool, where, "type", 64, w)) != NC_OK ||
        (e = judge_fields(tool, where, fields, w)) != NC_OK)
        return e;
    const char *type = json_string_value(json_object_get(tool, "type"));
    member(at, where, type);
    if ((e = need_object(tool, where, type, &inner, w)) != NC_OK ||
        (e = need_text(inner, at, "name", 256, w)) != NC_OK)
        return e;
    return judge_fields(inner, at, members, w);
}

static enum nc_err judge_tools(const json_t *body, struct nc_openai_wrong *w)
{
    const json_t *v = json_object_get(body, "tools");
    const json_t *choice = json_object_get(body, "tool_choice");
    static const char *const words[] = {"none", "auto", "required", NULL};
    static const struct field as_word = {"tool_choice", TEXT, 0, 0, words};
    char at[NC_OPENAI_PARAM];

    if (!absent(v) && !json_is_array(v))
        return wrong_at(w, "tools", "must be an array");
    for (size_t i = 0; i < json_array_size(v); i++) {
        enum nc_err e = judge_tool(json_array_get(v, i), element(at, "tools", i), w);
        if (e != NC_OK)
            return e;
    }
    if (absent(choice) || json_is_object(choice))
        return NC_OK;
    if (!json_is_string(choice))
        return wrong_at(w, "tool_choice", "must be a string or an object");
    return judge_text(choice, &as_word, "tool_choice", w);
}

static enum nc_err judge_stop(const json_t *body, struct nc_openai_wrong *w)
{
    const json_t *v = json_object_get(body, "stop");
    char at[NC_OPENAI_PARAM];

    if (absent(v) || json_is_string(v))
        return NC_OK;
    if (!json_is_array(v))
        return wrong_at(w, "stop", "must be a string or an array of strings");
    if (json_array_size(v) > STOPS_MAX)
        return wrong_at(w, "stop", "may have at most %d strings", STOPS_MAX);
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (json_string_length(json_array_get(v, i)))
            continue;
        return wrong_at(w, element(at, "stop", i), "must be a string that is not empty");
    }
    return NC_OK;
}

static enum nc_err judge_stream(const json_t *body, struct nc_openai_wrong *w)
{
    static const struct field fields[] = {{"include_usage", BOOL, 0, 0, NULL}, {0}};
    const json_t *v = json_object_get(body, "stream_options");

    if (absent(v))
        return NC_OK;
    if (!json_is_object(v))
        return wrong_at(w, "stream_options", "must be an object");
    if (!json_is_true(json_object_get(body, "stream")))
        return wrong_at(w, "stream_options", "goes only with `stream`: true");
    return judge_fields(v, "stream_options", fields, w);
}

static enum nc_err judge_bias(const json_t *body, struct nc_openai_wrong *w)
{
    json_t *v = json_object_get(body, "logit_bias"), *bias;
    const char *token;

    json_object_foreach(v, token, bias)
    {
        if (!json_is_number(bias) || json_number_value(bias) < -100 ||
            json_number_value(bias) > 100)
            return wrong_at(w, "logit_bias", "must hold numbers from -100 to 100");
    }
    return NC_OK;
}

enum nc_err nc_openai_judge_chat(const json_t *body, struct nc_openai_wrong *w)
{
    static const struct field fields[] = {
        {"stream", BOOL, 0, 0, NULL},
        {"temperature", NUMBER, 0, 2, NULL},
        {"top_p", NUMBER, 0, 1, NULL},
        {"n", WHOLE, 1, 128, NULL},
        {"max_tokens", WHOLE, 1, INT32_MAX, NULL},
        {"max_completion_tokens", WHOLE, 1, INT32_MAX, NULL},
        {"presence_penalty", NUMBER, -2, 2, NULL},
        {"frequency_penalty", NUMBER, -2, 2, NULL},
        {"logprobs", BOOL, 0, 0, NULL},
        {"top_logprobs", WHOLE, 0, 20, NULL},
        {"logit_bias", OBJECT, 0, 0, NULL},
        {"seed", WHOLE, -9007199254740992.0, 9007199254740992.0, NULL},
        {"parallel_tool_calls", BOOL, 0, 0, NULL},
        {"functions", ARRAY, 0, 0, NULL},
        {"response_format", OBJECT, 0, 0, NULL},
        {"metadata", OBJECT, 0, 0, NULL},
        {"modalities", ARRAY, 0, 0, NULL},
        {"reasoning_effort", TEXT, 0, 0, NULL},
        {"store", BOOL, 0, 0, NULL},
        {"user", TEXT, 0, 0, NULL},
        {0},
    };
    enum nc_err e;

    *w = (struct nc_openai_wrong){0};
    if ((e = need_text(body, "", "model", MODEL_MAX, w)) == NC_OK &&
        (e = judge_messages(body, w)) == NC_OK &&
        (e = judge_fields(body, "", fields, w)) == NC_OK &&
        (e = judge_tools(body, w)) == NC_OK && (e = judge_stop(body, w)) == NC_OK &&
        (e = judge_stream(body, w)) == NC_OK)
        e = judge_bias(body, w);
    return e;
}

/* ---- embeddings ----------------------------------------------------------- */

static bool are_tokens(const json_t *v)
{
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!json_is_integer(json_array_get(v, i)) ||
            json_integer_value(json_array_get(v, i)) < 0)
            return false;
    return json_is_array(v) && json_array_size(v);
}

enum nc_err nc_openai_judge_embeddings(const json_t *body, struct nc_openai_wrong *w)
{
    static const char *const formats[] = {"float", "base64", NULL};
    static const struct field fields[] = {
        {"encoding_format", TEXT, 0, 0, formats},
        {"dimensions", WHOLE, 1, 1 << 20, NULL},
        {"user", TEXT, 0, 0, NULL},
        {0},
    };
    const json_t *v = json_object_get(body, "input");
    char at[NC_OPENAI_PARAM];
    enum nc_err e;

    *w = (struct nc_openai_wrong){0};
    if ((e = need_text(body, "", "model", MODEL_MAX, w)) != NC_OK ||
        (e = judge_fields(body, "", fields, w)) != NC_OK)
        return e;
    if (!v)
        return wrong_at(w, "input", "is missing");
    if (json_is_string(v) ? json_string_length(v) > 0 : are_tokens(v))
        return NC_OK;
    if (!json_is_array(v))
        return wrong_at(w, "input", "must be a string that is not empty, or an array");
    if (!json_array_size(v) || json_array_size(v) > INPUTS_MAX)
        return wrong_at(w, "input", "must have 1 to %d elements", INPUTS_MAX);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *one = json_array_get(v, i);
        if (json_string_length(one) || are_tokens(one))
            continue;
        return wrong_at(w, element(at, "input", i),
                        "must be a string that is not empty, or an array of tokens");
    }
    return NC_OK;
}
