#include "wire/openai.h"

#include <stdio.h>
#include <string.h>

#include "wire/json.h"
#include "wire/json_in.h"

const char *const nc_openai_roles[] = {
    [NC_OPENAI_SYSTEM] = "system",
    [NC_OPENAI_USER] = "user",
    [NC_OPENAI_ASSISTANT] = "assistant",
};

void nc_openai_write(struct nc_buf *out, const struct nc_openai_request *r)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "model", r->model);
    nc_json_key(&j, "messages");
    nc_json_arr(&j);
    for (size_t i = 0; i < r->n_messages; i++) {
        const struct nc_openai_message *m = &r->messages[i];

        nc_json_obj(&j);
        nc_json_kstr(&j, "role", nc_str(nc_openai_roles[m->role]));
        if (m->name.n)
            nc_json_kstr(&j, "name", m->name);
        nc_json_kstr(&j, "content", m->content);
        nc_json_obj_end(&j);
    }
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "stream", r->stream);
    if (r->stream)
        nc_json_kraw(&j, "stream_options", NC_STR("{\"include_usage\":true}"));
    if (r->max_tokens)
        nc_json_kuint(&j, "max_tokens", r->max_tokens);
    if (r->temperature >= 0)
        nc_json_kreal(&j, "temperature", r->temperature);
    nc_json_obj_end(&j);
}

/* A message's text holds no NUL; a model that writes one loses it. */
static struct nc_str without_nul(struct nc_openai_chunk *c, struct nc_str s)
{
    if (!s.n || !memchr(s.p, 0, s.n))
        return s;

    char *to = nc_arena_alloc(&c->arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i])
            to[n++] = s.p[i];
    return (struct nc_str){to, n};
}

/* Content is a string, or a list of parts of which those of the wanted type count. */
static struct nc_str content(struct nc_openai_chunk *c, const json_t *v, const char *type)
{
    size_t total = 0, n = 0;

    if (!json_is_array(v))
        return without_nul(c, nc_json_text(v));
    for (size_t i = 0; i < json_array_size(v); i++)
        total += json_string_length(json_object_get(json_array_get(v, i), "text"));

    char *to = nc_arena_alloc(&c->arena, total + 1);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *part = json_array_get(v, i);
        struct nc_str s = nc_json_text(json_object_get(part, "text"));

        if (s.n == 0 || !nc_str_eqz(nc_json_text(json_object_get(part, "type")), type))
            continue;
        memcpy(to + n, s.p, s.n);
        n += s.n;
    }
    return without_nul(c, (struct nc_str){to, n});
}

enum nc_openai_finish nc_openai_finish(struct nc_str s)
{
    static const struct {
        const char *word;
        enum nc_openai_finish finish;
    } words[] = {
        {"stop", NC_OPENAI_STOP},        {"length", NC_OPENAI_LENGTH},
        {"eos", NC_OPENAI_STOP},         {"max_tokens", NC_OPENAI_LENGTH},
        {"end_turn", NC_OPENAI_STOP},    {"content_filter", NC_OPENAI_FILTER},
        {"tool_calls", NC_OPENAI_TOOLS}, {"function_call", NC_OPENAI_TOOLS},
    };
    if (s.n == 0)
        return NC_OPENAI_GOING;
    for (size_t i = 0; i < NC_COUNT(words); i++)
        if (nc_str_eqz(s, words[i].word))
            return words[i].finish;
    return NC_OPENAI_ODD;
}

static uint64_t count_of(const json_t *usage, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(usage, name));

    return n > 0 ? (uint64_t)n : 0;
}

static void take_usage(struct nc_openai_chunk *c, const json_t *usage)
{
    if (!json_is_object(usage))
        return;
    c->has_usage = true;
    c->prompt_tokens = count_of(usage, "prompt_tokens");
    c->completion_tokens = count_of(usage, "completion_tokens");
}

/* The first choice; we never ask for more. */
static void take_choice(struct nc_openai_chunk *c, const json_t *choice)
{
    const json_t *delta = json_object_get(choice, "delta");

    if (!json_is_object(delta))
        delta = json_object_get(choice, "message");
    c->text = content(c, json_object_get(delta, "content"), "text");
    c->reasoning =
        without_nul(c, nc_json_text(json_object_get(delta, "reasoning_content")));
    if (c->reasoning.n == 0)
        c->reasoning = without_nul(c, nc_json_text(json_object_get(delta, "reasoning")));
    c->refusal = without_nul(c, nc_json_text(json_object_get(delta, "refusal")));
    c->finish = nc_openai_finish(nc_json_text(json_object_get(choice, "finish_reason")));
}

static bool is_error(const json_t *root)
{
    const json_t *error = json_object_get(root, "error");

    return json_is_object(error) || json_is_string(error) ||
           nc_str_eqz(nc_json_text(json_object_get(root, "object")), "error");
}

enum nc_err nc_openai_chunk(struct nc_openai_chunk *out, struct nc_str data,
                            struct nc_str secret)
{
    json_error_t err;

    *out = (struct nc_openai_chunk){0};
    data = nc_str_trim(data);
    if (nc_str_eqz(data, "[DONE]")) {
        out->done = true;
        return NC_OK;
    }
    /* Rather lenient: duplicate keys of somebody else's server harm nobody here. */
    out->root = json_loadb(data.n ? data.p : "", data.n, JSON_ALLOW_NUL, &err);
    if (!json_is_object(out->root))
        return NC_EINVAL;
    if (is_error(out->root)) {
        out->failed = true;
        nc_openai_reason(out->reason, 0, data, secret);
        return NC_OK;
    }

    const json_t *choices = json_object_get(out->root, "choices");
    const json_t *usage = json_object_get(out->root, "usage");
    if (!json_is_array(choices) && !json_is_object(usage))
        return NC_EINVAL;
    take_choice(out, json_array_get(choices, 0));
    take_usage(out, usage);
    return NC_OK;
}

void nc_openai_chunk_fini(struct nc_openai_chunk *c)
{
    json_decref(c->root);
    nc_arena_fini(&c->arena);
    *c = (struct nc_openai_chunk){0};
}
