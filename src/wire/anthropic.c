#include "wire/anthropic.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/json.h"
#include "wire/openai_in.h"

/* The last word of the assistant may not end in blanks, a text not be nothing but them. */
static struct nc_str trim_end(struct nc_str s)
{
    while (s.n && (uint8_t)s.p[s.n - 1] <= ' ')
        s.n--;
    return s;
}

static bool blank(struct nc_str s) { return nc_str_trim(s).n == 0; }

/* ---- messages, joined ------------------------------------------------------------- */

/* The list being written: sides alternate, whoever wrote how often. */
struct turns {
    struct nc_json *j;
    enum { NOBODY, USER, ASSISTANT } side; /* whose message is open */
};

static void close_turn(struct turns *t)
{
    if (t->side == NOBODY)
        return;
    nc_json_arr_end(t->j);
    nc_json_obj_end(t->j);
}

static void put_text(struct nc_json *j, struct nc_str text)
{
    nc_json_obj(j);
    nc_json_kstr(j, "type", NC_STR("text"));
    nc_json_kstr(j, "text", text);
    nc_json_obj_end(j);
}

/* From here on this side speaks. */
static void speak(struct turns *t, bool assistant)
{
    bool first = t->side == NOBODY;

    if (t->side == (assistant ? ASSISTANT : USER))
        return;
    close_turn(t);
    t->side = assistant ? ASSISTANT : USER;
    if (first && assistant) {
        /* What was asked is not known any more; somebody must have. */
        t->side = NOBODY;
        speak(t, false);
        put_text(t->j, NC_STR("…"));
        speak(t, true);
        return;
    }
    nc_json_obj(t->j);
    nc_json_kstr(t->j, "role", assistant ? NC_STR("assistant") : NC_STR("user"));
    nc_json_key(t->j, "content");
    nc_json_arr(t->j);
}

static void close_turns(struct turns *t)
{
    if (t->side == NOBODY) {
        speak(t, false);
        put_text(t->j, NC_STR("…"));
    }
    close_turn(t);
    nc_json_arr_end(t->j);
}

static void put_system(struct nc_json *j, struct nc_buf *system)
{
    if (system->n)
        nc_json_kstr(j, "system", nc_buf_str(system));
    nc_buf_fini(system);
}

static void add_system(struct nc_buf *system, struct nc_str text)
{
    if (blank(text))
        return;
    if (system->n)
        nc_buf_adds(system, NC_STR("\n\n"));
    nc_buf_adds(system, text);
}

static void open_request(struct nc_json *j, struct nc_str model, uint64_t max_tokens)
{
    nc_json_obj(j);
    nc_json_kstr(j, "model", model);
    nc_json_kuint(j, "max_tokens", max_tokens ? max_tokens : NC_ANTHROPIC_MAX_TOKENS);
    nc_json_kbool(j, "stream", true);
}

static void put_temperature(struct nc_json *j, double temperature)
{
    if (temperature >= 0)
        nc_json_kreal(j, "temperature", temperature > 1 ? 1 : temperature);
}

void nc_anthropic_write(struct nc_buf *out, const struct nc_anthropic_request *r)
{
    struct nc_json j = nc_json_to(out);
    struct turns turns = {.j = &j};
    struct nc_buf system = {0};

    open_request(&j, r->model, r->max_tokens);
    put_temperature(&j, r->temperature);
    for (size_t i = 0; i < r->n_messages; i++)
        if (r->messages[i].role == NC_OPENAI_SYSTEM)
            add_system(&system, r->messages[i].content);
    put_system(&j, &system);
    nc_json_key(&j, "messages");
    nc_json_arr(&j);
    for (size_t i = 0; i < r->n_messages; i++) {
        const struct nc_openai_message *m = &r->messages[i];
        bool assistant = m->role == NC_OPENAI_ASSISTANT;

        if (m->role == NC_OPENAI_SYSTEM || blank(m->content))
            continue;
        speak(&turns, assistant);
        put_text(&j, assistant ? trim_end(m->content) : m->content);
    }
    close_turns(&turns);
    nc_json_obj_end(&j);
}

/* ---- from OpenAI's shape ---------------------------------------------------------- */

static void put_image(struct nc_json *j, const struct nc_openai_part *part)
{
    nc_json_obj(j);
    nc_json_kstr(j, "type", NC_STR("image"));
    nc_json_key(j, "source");
    nc_json_obj(j);
    nc_json_kstr(j, "type", part->url.n ? NC_STR("url") : NC_STR("base64"));
    if (part->url.n) {
        nc_json_kstr(j, "url", part->url);
    } else {
        nc_json_kstr(j, "media_type", part->media);
        nc_json_kstr(j, "data", part->bytes);
    }
    nc_json_obj_end(j);
    nc_json_obj_end(j);
}

/* The turn's texts as one. */
static enum nc_err join_parts(const struct nc_openai_turn *t, struct nc_buf *out, char *why)
{
    for (size_t i = 0; i < t->parts_n; i++) {
        struct nc_openai_part part;
        enum nc_err e = nc_openai_part(t, i, &part, why);

        if (e != NC_OK)
            return e;
        nc_buf_adds(out, part.text);
    }
    return NC_OK;
}

static enum nc_err put_parts(struct turns *turns, const struct nc_openai_turn *t, char *why)
{
    bool assistant = t->role == NC_TURN_ASSISTANT;

    for (size_t i = 0; i < t->parts_n; i++) {
        struct nc_openai_part part;
        enum nc_err e = nc_openai_part(t, i, &part, why);

        if (e != NC_OK)
            return e;
        if (!part.image && blank(part.text))
            continue;
        speak(turns, assistant);
        if (part.image)
            put_image(turns->j, &part);
        else
            put_text(turns->j, assistant ? trim_end(part.text) : part.text);
    }
    return NC_OK;
}

static enum nc_err put_calls(struct turns *turns, const struct nc_openai_turn *t, char *why)
{
    struct nc_json *j = turns->j;

    for (size_t i = 0; i < t->calls_n; i++) {
        struct nc_openai_call call;
        enum nc_err e = nc_openai_call(t, i, &call, why);

        if (e != NC_OK)
            return e;
        speak(turns, true);
        nc_json_obj(j);
        nc_json_kstr(j, "type", NC_STR("tool_use"));
        nc_json_kstr(j, "id", call.id);
        nc_json_kstr(j, "name", call.name);
        nc_json_kvalue(j, "input", call.arguments);
        nc_json_obj_end(j);
        json_decref(call.arguments);
    }
    return NC_OK;
}

static enum nc_err put_result(struct turns *turns, const struct nc_openai_turn *t,
                              char *why)
{
    struct nc_json *j = turns->j;
    struct nc_buf text = {0};
    enum nc_err e = join_parts(t, &text, why);

    if (e == NC_OK) {
        speak(turns, false);
        nc_json_obj(j);
        nc_json_kstr(j, "type", NC_STR("tool_result"));
        nc_json_kstr(j, "tool_use_id", t->answers);
        nc_json_kstr(j, "content", nc_buf_str(&text));
        nc_json_obj_end(j);
    }
    nc_buf_fini(&text);
    return e;
}

static enum nc_err put_messages(struct nc_json *j, const struct nc_openai_in *in, char *why)
{
    struct turns turns = {.j = j};
    struct nc_openai_turn t;

    nc_json_key(j, "messages");
    nc_json_arr(j);
    for (size_t i = 0; i < json_array_size(in->messages); i++) {
        enum nc_err e = nc_openai_turn(in, i, &t, why);

        if (e == NC_OK && t.role == NC_TURN_TOOL)
            e = put_result(&turns, &t, why);
        else if (e == NC_OK && t.role != NC_TURN_SYSTEM)
            e = put_parts(&turns, &t, why);
        if (e == NC_OK)
            e = put_calls(&turns, &t, why);
        if (e != NC_OK)
            return e;
    }
    close_turns(&turns);
    return NC_OK;
}

static enum nc_err gather_system(const struct nc_openai_in *in, struct nc_buf *system,
                                 char *why)
{
    struct nc_openai_turn t;

    for (size_t i = 0; i < json_array_size(in->messages); i++) {
        struct nc_buf text = {0};
        enum nc_err e = nc_openai_turn(in, i, &t, why);

        if (e == NC_OK && t.role == NC_TURN_SYSTEM &&
            (e = join_parts(&t, &text, why)) == NC_OK)
            add_system(system, nc_buf_str(&text));
        nc_buf_fini(&text);
        if (e != NC_OK)
            return e;
    }
    return NC_OK;
}

static enum nc_err put_tools(struct nc_json *j, const struct nc_openai_in *in, char *why)
{
    struct nc_openai_tool tool;

    nc_json_key(j, "tools");
    nc_json_arr(j);
    for (size_t i = 0; i < json_array_size(in->tools); i++) {
        enum nc_err e = nc_openai_tool(in, i, &tool, why);
        if (e != NC_OK)
            return e;
        nc_json_obj(j);
        nc_json_kstr(j, "name", tool.name);
        if (tool.description.n)
            nc_json_kstr(j, "description", tool.description);
        if (tool.parameters)
            nc_json_kvalue(j, "input_schema", tool.parameters);
        else
            nc_json_kraw(j, "input_schema",
                         NC_STR("{\"type\":\"object\",\"properties\":{}}"));
        nc_json_obj_end(j);
    }
    nc_json_arr_end(j);
    return NC_OK;
}

static void put_tool_choice(struct nc_json *j, const struct nc_openai_in *in)
{
    static const struct {
        const char *word, *type;
    } types[] = {
        {"none", "none"}, {"required", "any"}, {"function", "tool"},
        {"auto", "auto"}, {"", "auto"}, /* the last: nothing was said */
    };
    size_t i = 0;

    while (i + 1 < NC_COUNT(types) && !nc_str_eqz(in->tool_choice, types[i].word))
        i++;
    if (!in->tool_choice.n && in->parallel_tools)
        return;
    nc_json_key(j, "tool_choice");
    nc_json_obj(j);
    nc_json_kstr(j, "type", nc_str(types[i].type));
    if (in->tool_name.n)
        nc_json_kstr(j, "name", in->tool_name);
    if (!in->parallel_tools && i != 0)
        nc_json_kbool(j, "disable_parallel_tool_use", true);
    nc_json_obj_end(j);
}

static void put_stops(struct nc_json *j, const struct nc_openai_in *in)
{
    nc_json_key(j, "stop_sequences");
    nc_json_arr(j);
    for (size_t i = 0; i < in->stop_n; i++)
        if (!blank(in->stop[i])) /* it refuses those */
            nc_json_str(j, in->stop[i]);
    nc_json_arr_end(j);
}

enum nc_err nc_anthropic_translate(struct nc_buf *out, const json_t *body,
                                   struct nc_str model, char why[NC_OPENAI_REASON])
{
    struct nc_json j = nc_json_to(out);
    struct nc_buf system = {0};
    struct nc_openai_in in;
    enum nc_err e = nc_openai_in(body, &in, why);

    if (e != NC_OK)
        return e;
    if (in.format.n && !nc_str_eqz(in.format, "text")) {
        snprintf(why, NC_OPENAI_REASON, "%s",
                 "response_format: this provider writes plain text only");
        return NC_EINVAL;
    }
    if ((e = gather_system(&in, &system, why)) != NC_OK) {
        nc_buf_fini(&system);
        return e;
    }
    open_request(&j, model, in.max_tokens);
    put_temperature(&j, in.temperature);
    if (in.top_p >= 0)
        nc_json_kreal(&j, "top_p", in.top_p);
    if (in.stop_n)
        put_stops(&j, &in);
    put_system(&j, &system);
    if ((e = put_messages(&j, &in, why)) != NC_OK)
        return e;
    if (json_array_size(in.tools)) {
        if ((e = put_tools(&j, &in, why)) != NC_OK)
            return e;
        put_tool_choice(&j, &in);
    }
    nc_json_obj_end(&j);
    return NC_OK;
}
