/* What the Messages API sends: events of a stream, whole answers, models. */
#include <string.h>

#include "wire/anthropic.h"
#include "wire/json_in.h"

static struct nc_str member(const json_t *obj, const char *name)
{
    return nc_json_text(json_object_get(obj, name));
}

static enum nc_openai_finish finish_of(struct nc_str word)
{
    static const struct {
        const char *word;
        enum nc_openai_finish finish;
    } words[] = {
        {"end_turn", NC_OPENAI_STOP},
        {"stop_sequence", NC_OPENAI_STOP},
        {"max_tokens", NC_OPENAI_LENGTH},
        {"model_context_window_exceeded", NC_OPENAI_LENGTH},
        {"tool_use", NC_OPENAI_TOOLS},
        {"refusal", NC_OPENAI_FILTER},
    };

    if (word.n == 0)
        return NC_OPENAI_GOING;
    for (size_t i = 0; i < NC_COUNT(words); i++)
        if (nc_str_eqz(word, words[i].word))
            return words[i].finish;
    return NC_OPENAI_ODD;
}

/* Tokens read from and written to its cache were read all the same. */
static void take_usage(struct nc_reply *r, const json_t *usage)
{
    r->prompt_tokens = nc_reply_count(usage, "input_tokens") +
                       nc_reply_count(usage, "cache_creation_input_tokens") +
                       nc_reply_count(usage, "cache_read_input_tokens");
    r->completion_tokens = nc_reply_count(usage, "output_tokens");
}

static struct nc_reply_tool *add_tool(struct nc_reply *r)
{
    if (!r->tools)
        r->tools = nc_arena_alloc(&r->arena, NC_REPLY_TOOLS * sizeof(*r->tools));
    if (r->tools_n == NC_REPLY_TOOLS)
        return NULL;
    return &r->tools[r->tools_n++];
}

static void begin_tool(struct nc_reply *r, const json_t *block, unsigned at, bool whole)
{
    const json_t *input = json_object_get(block, "input");
    struct nc_str name = member(block, "name");
    struct nc_reply_tool *t = name.n ? add_tool(r) : NULL;

    if (!t)
        return;
    *t = (struct nc_reply_tool){
        .begins = true, .block = at, .id = member(block, "id"), .name = name};
    /* In a stream it begins as {} and its text follows. */
    if (json_is_object(input) && (whole || json_object_size(input)))
        t->arguments = nc_reply_json(r, input);
}

static unsigned block_of(const json_t *event)
{
    uint64_t at = nc_reply_count(event, "index");

    return at < 1u << 30 ? (unsigned)at : 1u << 30;
}

/* ---- events ----------------------------------------------------------------------- */

static void on_message_start(struct nc_reply *r, const json_t *event)
{
    const json_t *message = json_object_get(event, "message");

    r->model = member(message, "model");
    take_usage(r, json_object_get(message, "usage"));
    r->completion_tokens = 0; /* not yet what it will be */
}

static void on_block_start(struct nc_reply *r, const json_t *event)
{
    const json_t *block = json_object_get(event, "content_block");
    struct nc_str type = member(block, "type");

    if (nc_str_eqz(type, "text"))
        r->text = nc_reply_text(r, member(block, "text"));
    else if (nc_str_eqz(type, "thinking"))
        r->reasoning = nc_reply_text(r, member(block, "thinking"));
    else if (nc_str_eqz(type, "tool_use"))
        begin_tool(r, block, block_of(event), false);
}

static void on_block_delta(struct nc_reply *r, const json_t *event)
{
    const json_t *delta = json_object_get(event, "delta");
    struct nc_str type = member(delta, "type");

    if (nc_str_eqz(type, "text_delta")) {
        r->text = nc_reply_text(r, member(delta, "text"));
    } else if (nc_str_eqz(type, "thinking_delta")) {
        r->reasoning = nc_reply_text(r, member(delta, "thinking"));
    } else if (nc_str_eqz(type, "input_json_delta")) {
        struct nc_str more = member(delta, "partial_json");
        struct nc_reply_tool *t = more.n ? add_tool(r) : NULL;
        if (t)
            *t = (struct nc_reply_tool){.block = block_of(event), .arguments = more};
    }
}

static void on_message_delta(struct nc_reply *r, const json_t *event)
{
    const json_t *usage = json_object_get(event, "usage");

    r->finish = finish_of(member(json_object_get(event, "delta"), "stop_reason"));
    r->has_usage = json_is_object(usage);
    take_usage(r, usage);
}

static void on_message_stop(struct nc_reply *r, const json_t *event)
{
    (void)event;
    r->done = true;
}

/* An answer that was not streamed, in one. */
static void on_message(struct nc_reply *r, const json_t *message)
{
    const json_t *blocks = json_object_get(message, "content");
    struct nc_buf text = {0}, thinking = {0};

    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *block = json_array_get(blocks, i);
        struct nc_str type = member(block, "type");

        if (nc_str_eqz(type, "text"))
            nc_buf_adds(&text, member(block, "text"));
        else if (nc_str_eqz(type, "thinking"))
            nc_buf_adds(&thinking, member(block, "thinking"));
        else if (nc_str_eqz(type, "tool_use"))
            begin_tool(r, block, (unsigned)i, true);
    }
    r->text = nc_reply_text(r, nc_arena_str(&r->arena, nc_buf_str(&text)));
    r->reasoning = nc_reply_text(r, nc_arena_str(&r->arena, nc_buf_str(&thinking)));
    nc_buf_fini(&text);
    nc_buf_fini(&thinking);
    r->model = member(message, "model");
    r->finish = finish_of(member(message, "stop_reason"));
    r->has_usage = json_is_object(json_object_get(message, "usage"));
    take_usage(r, json_object_get(message, "usage"));
    r->done = true;
}

static void on_nothing(struct nc_reply *r, const json_t *event)
{
    (void)r;
    (void)event;
}

static const struct {
    const char *type;
    void (*take)(struct nc_reply *r, const json_t *event);
} events[] = {
    {"content_block_delta", on_block_delta},
    {"content_block_start", on_block_start},
    {"content_block_stop", on_nothing},
    {"message_start", on_message_start},
    {"message_delta", on_message_delta},
    {"message_stop", on_message_stop},
    {"message", on_message},
    {"ping", on_nothing},
};

/* {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}} */
static void on_error(struct nc_reply *r, struct nc_str data, struct nc_str secret)
{
    static const char *const passing[] = {"overloaded_error", "rate_limit_error"};
    struct nc_str type = member(json_object_get(r->root, "error"), "type");

    r->failed = true;
    for (size_t i = 0; i < NC_COUNT(passing); i++)
        r->busy = r->busy || nc_str_eqz(type, passing[i]);
    nc_openai_reason(r->reason, 0, data, secret);
}

enum nc_err nc_anthropic_read(struct nc_reply *out, struct nc_str data,
                              struct nc_str secret)
{
    *out = (struct nc_reply){0};
    data = nc_str_trim(data);
    out->root = json_loadb(data.n ? data.p : "", data.n, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(out->root))
        return NC_EINVAL;

    struct nc_str type = member(out->root, "type");
    if (nc_str_eqz(type, "error") || json_is_object(json_object_get(out->root, "error"))) {
        on_error(out, data, secret);
        return NC_OK;
    }
    for (size_t i = 0; i < NC_COUNT(events); i++)
        if (nc_str_eqz(type, events[i].type)) {
            events[i].take(out, out->root);
            return NC_OK;
        }
    /* New kinds of event may come at any time; that is promised. */
    return type.n ? NC_OK : NC_EINVAL;
}

/* ---- models ----------------------------------------------------------------------- */

size_t nc_anthropic_models(const json_t *list)
{
    return json_array_size(json_object_get(list, "data"));
}

bool nc_anthropic_model(const json_t *list, size_t at, struct nc_str *name,
                        uint64_t *context)
{
    const json_t *row = json_array_get(json_object_get(list, "data"), at);

    *name = member(row, "id");
    *context = nc_reply_count(row, "max_input_tokens");
    return name->n && !memchr(name->p, 0, name->n);
}
