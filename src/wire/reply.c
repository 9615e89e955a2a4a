#include "wire/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"
#include "wire/json_in.h"

void nc_reply_fini(struct nc_reply *r)
{
    json_decref(r->root);
    nc_arena_fini(&r->arena);
    *r = (struct nc_reply){0};
}

struct nc_str nc_reply_text(struct nc_reply *r, struct nc_str s)
{
    if (!s.n || !memchr(s.p, 0, s.n))
        return s;

    char *to = nc_arena_alloc(&r->arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i])
            to[n++] = s.p[i];
    return (struct nc_str){to, n};
}

struct nc_str nc_reply_json(struct nc_reply *r, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    struct nc_str kept = nc_arena_str(&r->arena, nc_str(text));

    free(text);
    return kept;
}

uint64_t nc_reply_count(const json_t *obj, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(obj, name));

    return n > 0 ? (uint64_t)n : 0;
}

/* ---- OpenAI's shape ------------------------------------------------------------- */

static const char *finish_word(const struct nc_reply_out *o)
{
    switch (o->finish) {
    case NC_OPENAI_LENGTH: return "length";
    case NC_OPENAI_FILTER: return "content_filter";
    case NC_OPENAI_TOOLS: return "tool_calls";
    /* Ollama stops after its calls of tools as after a text. */
    case NC_OPENAI_GOING:
    case NC_OPENAI_STOP:
    case NC_OPENAI_ODD: break;
    }
    return o->tools_n ? "tool_calls" : "stop";
}

static void open_object(const struct nc_reply_out *o, struct nc_json *j, const char *kind)
{
    nc_json_obj(j);
    nc_json_kstr(j, "id", nc_str(o->id));
    nc_json_kstr(j, "object", nc_str(kind));
    nc_json_kuint(j, "created", o->created);
    nc_json_kstr(j, "model", o->name[0] ? nc_str(o->name) : o->model);
}

static void open_choice(struct nc_json *j, const char *what)
{
    nc_json_key(j, "choices");
    nc_json_arr(j);
    nc_json_obj(j);
    nc_json_kuint(j, "index", 0);
    nc_json_key(j, what);
    nc_json_obj(j);
}

static void close_choice(struct nc_json *j, const char *finish)
{
    nc_json_obj_end(j);
    nc_json_key(j, "finish_reason");
    if (finish)
        nc_json_str(j, nc_str(finish));
    else
        nc_json_null(j);
    nc_json_obj_end(j);
    nc_json_arr_end(j);
}

static void usage(const struct nc_reply_out *o, struct nc_json *j)
{
    nc_json_key(j, "usage");
    nc_json_obj(j);
    nc_json_kuint(j, "prompt_tokens", o->prompt_tokens);
    nc_json_kuint(j, "completion_tokens", o->completion_tokens);
    nc_json_kuint(j, "total_tokens", o->prompt_tokens + o->completion_tokens);
    nc_json_obj_end(j);
}

/* An id of our own where the server has none: tools' answers must be able to name it. */
static void tool_id(const struct nc_reply_out *o, struct nc_json *j, struct nc_str id,
                    size_t at)
{
    char own[80];

    if (!id.n) {
        snprintf(own, sizeof(own), "call_%.60s_%zu", o->id, at);
        id = nc_str(own);
    }
    nc_json_kstr(j, "id", id);
    nc_json_kstr(j, "type", NC_STR("function"));
}

/* A call of a tool, or a further piece of its arguments, as a delta. */
static void tool_delta(const struct nc_reply_out *o, struct nc_json *j,
                       const struct nc_reply_tool *t, size_t at)
{
    nc_json_obj(j);
    nc_json_kuint(j, "index", at);
    if (t->begins)
        tool_id(o, j, t->id, at);
    nc_json_key(j, "function");
    nc_json_obj(j);
    if (t->begins)
        nc_json_kstr(j, "name", t->name);
    nc_json_kstr(j, "arguments", t->arguments);
    nc_json_obj_end(j);
    nc_json_obj_end(j);
}

static void chunk_of(struct nc_reply_out *o, const struct nc_reply *r, const size_t *at,
                     struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);

    open_object(o, &j, "chat.completion.chunk");
    open_choice(&j, "delta");
    if (!o->begun)
        nc_json_kstr(&j, "role", NC_STR("assistant"));
    if (r->reasoning.n)
        nc_json_kstr(&j, "reasoning_content", r->reasoning);
    if (r->text.n || !o->begun)
        nc_json_kstr(&j, "content", r->text);
    if (r->tools_n) {
        nc_json_key(&j, "tool_calls");
        nc_json_arr(&j);
        for (size_t i = 0; i < r->tools_n; i++)
            if (at[i] < NC_REPLY_TOOLS)
                tool_delta(o, &j, &r->tools[i], at[i]);
        nc_json_arr_end(&j);
    }
    close_choice(&j, NULL);
    nc_json_obj_end(&j);
    o->begun = true;
}

/* Which of our calls a piece belongs to; NC_REPLY_TOOLS: one beyond those we pass on. */
static enum nc_err find_tool(struct nc_reply_out *o, const struct nc_reply_tool *t,
                             size_t *at)
{
    *at = NC_REPLY_TOOLS;
    if (t->begins) {
        if (o->tools_n < NC_REPLY_TOOLS) {
            *at = o->tools_n++;
            o->tools[*at].block = t->block;
        }
        return NC_OK;
    }
    for (size_t i = o->tools_n; i-- > 0;)
        if (o->tools[i].block == t->block) {
            *at = i;
            return NC_OK;
        }
    return o->tools_n == NC_REPLY_TOOLS ? NC_OK : NC_EINVAL;
}

static enum nc_err keep(struct nc_reply_out *o, const struct nc_reply *r, const size_t *at)
{
    size_t total = o->text.n + o->reasoning.n + r->text.n + r->reasoning.n;

    for (size_t i = 0; i < o->tools_n; i++)
        total += o->tools[i].id.n + o->tools[i].name.n + o->tools[i].arguments.n;
    for (size_t i = 0; i < r->tools_n; i++)
        total += r->tools[i].id.n + r->tools[i].name.n + r->tools[i].arguments.n;
    if (o->limit && total > o->limit)
        return NC_ELIMIT;
    nc_buf_adds(&o->text, r->text);
    nc_buf_adds(&o->reasoning, r->reasoning);
    for (size_t i = 0; i < r->tools_n; i++)
        if (at[i] < NC_REPLY_TOOLS) {
            nc_buf_adds(&o->tools[at[i]].id, r->tools[i].id);
            nc_buf_adds(&o->tools[at[i]].name, r->tools[i].name);
            nc_buf_adds(&o->tools[at[i]].arguments, r->tools[i].arguments);
        }
    return NC_OK;
}

enum nc_err nc_reply_out(struct nc_reply_out *o, const struct nc_reply *r,
                         struct nc_buf *chunk)
{
    size_t at[NC_REPLY_TOOLS];

    for (size_t i = 0; i < r->tools_n; i++)
        if (find_tool(o, &r->tools[i], &at[i]) != NC_OK)
            return NC_EINVAL;
    if (r->model.n && !o->name[0] && r->model.n < sizeof(o->name))
        snprintf(o->name, sizeof(o->name), "%.*s", NC_FMT(r->model));
    if (r->finish != NC_OPENAI_GOING)
        o->finish = r->finish;
    if (r->prompt_tokens)
        o->prompt_tokens = r->prompt_tokens;
    if (r->completion_tokens)
        o->completion_tokens = r->completion_tokens;
    if (!o->stream)
        return keep(o, r, at);
    if (r->text.n || r->reasoning.n || r->tools_n)
        chunk_of(o, r, at, chunk);
    return NC_OK;
}

static void whole_tools(const struct nc_reply_out *o, struct nc_json *j)
{
    nc_json_key(j, "tool_calls");
    nc_json_arr(j);
    for (size_t i = 0; i < o->tools_n; i++) {
        struct nc_str arguments = nc_buf_str(&o->tools[i].arguments);

        nc_json_obj(j);
        tool_id(o, j, nc_buf_str(&o->tools[i].id), i);
        nc_json_key(j, "function");
        nc_json_obj(j);
        nc_json_kstr(j, "name", nc_buf_str(&o->tools[i].name));
        nc_json_kstr(j, "arguments", arguments.n ? arguments : NC_STR("{}"));
        nc_json_obj_end(j);
        nc_json_obj_end(j);
    }
    nc_json_arr_end(j);
}

static void whole(const struct nc_reply_out *o, struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);

    open_object(o, &j, "chat.completion");
    open_choice(&j, "message");
    nc_json_kstr(&j, "role", NC_STR("assistant"));
    nc_json_key(&j, "content");
    if (o->text.n || !o->tools_n)
        nc_json_str(&j, nc_buf_str(&o->text));
    else
        nc_json_null(&j);
    if (o->reasoning.n)
        nc_json_kstr(&j, "reasoning_content", nc_buf_str(&o->reasoning));
    if (o->tools_n)
        whole_tools(o, &j);
    close_choice(&j, finish_word(o));
    usage(o, &j);
    nc_json_obj_end(&j);
}

void nc_reply_out_end(struct nc_reply_out *o, void (*each)(void *arg, struct nc_str json),
                      void *arg)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (o->stream) {
        open_object(o, &j, "chat.completion.chunk");
        open_choice(&j, "delta");
        close_choice(&j, finish_word(o));
        nc_json_obj_end(&j);
        each(arg, nc_buf_str(&out));
        nc_buf_clear(&out);
        j = nc_json_to(&out);
        open_object(o, &j, "chat.completion.chunk");
        nc_json_kraw(&j, "choices", NC_STR("[]"));
        usage(o, &j);
        nc_json_obj_end(&j);
    } else {
        whole(o, &out);
    }
    each(arg, nc_buf_str(&out));
    nc_buf_fini(&out);
}

void nc_reply_out_fini(struct nc_reply_out *o)
{
    for (size_t i = 0; i < o->tools_n; i++) {
        nc_buf_fini(&o->tools[i].id);
        nc_buf_fini(&o->tools[i].name);
        nc_buf_fini(&o->tools[i].arguments);
    }
    nc_buf_fini(&o->text);
    nc_buf_fini(&o->reasoning);
}
