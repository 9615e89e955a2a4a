/* The OpenAI API, as llama-server, vLLM, LM Studio, Ollama's /v1 and clouds serve it. */
#include <stdlib.h>

#include "llm/http_ask.h"
#include "wire/json_in.h"
#include "wire/openai_glance.h"

/* ---- asking --------------------------------------------------------------- */

static void write_messages(struct nc_http_ask *q, struct nc_buf *body)
{
    const struct nc_llm_ask *a = &q->asked;
    struct nc_openai_message *m = nc_alloc((a->messages_n + 1) * sizeof(*m));

    for (size_t i = 0; i < a->messages_n; i++)
        m[i] = (struct nc_openai_message){(enum nc_openai_role)a->messages[i].role,
                                          a->messages[i].name, a->messages[i].content};
    nc_openai_write(body, &(struct nc_openai_request){.model = nc_str(q->model),
                                                      .messages = m,
                                                      .n_messages = a->messages_n,
                                                      .stream = true,
                                                      .max_tokens = a->max_tokens,
                                                      .temperature = a->temperature});
    free(m);
}

/* As it came, with our model; a stream always counts what it used. */
static void write_request(struct nc_http_ask *q, struct nc_buf *body)
{
    json_t *request = json_copy((json_t *)(uintptr_t)q->asked.request);

    json_object_set_new(request, "model", json_string(q->model));
    if (q->streamed) {
        json_t *options = json_copy(json_object_get(request, "stream_options"));
        if (!json_is_object(options)) {
            json_decref(options);
            options = json_object();
        }
        json_object_set_new(options, "include_usage", json_true());
        json_object_set_new(request, "stream_options", options);
    }
    char *text = json_dumps(request, JSON_COMPACT | JSON_REAL_PRECISION(15));
    nc_buf_adds(body, nc_str(text));
    free(text);
    json_decref(request);
}

static bool openai_write(struct nc_http_ask *q, struct nc_buf *path, struct nc_buf *body)
{
    const struct nc_llm_ask *a = &q->asked;

    nc_buf_adds(path, a->request && a->embed ? NC_STR("/embeddings")
                                             : NC_STR("/chat/completions"));
    if (!a->request) {
        write_messages(q, body);
        return true;
    }
    q->streamed = !a->embed && json_is_true(json_object_get(a->request, "stream"));
    write_request(q, body);
    return true;
}

/* ---- what comes back ------------------------------------------------------ */

static void note(struct nc_http_ask *q, const struct nc_openai_chunk *c)
{
    if (c->finish != NC_OPENAI_GOING) {
        q->finished = true;
        q->end.finish = nc_http_ask_finish(c->finish);
    }
    if (c->has_usage) {
        q->end.has_usage = true;
        q->end.prompt_tokens = c->prompt_tokens;
        q->end.completion_tokens = c->completion_tokens;
    }
    q->done = q->done || c->done;
}

/* One payload: text goes on at once, the rest is remembered for the end. */
static void take(struct nc_http_ask *q, struct nc_str data)
{
    struct nc_openai_chunk c = {0};

    if (nc_openai_chunk(&c, data, nc_http_ask_secret(q)) != NC_OK) {
        nc_http_ask_fail(q, NC_FAULT_SERVER,
                         "the AI server sent something that is no answer");
    } else if (c.failed) {
        nc_http_ask_refused(q, data, c.reason);
    } else {
        nc_http_ask_text(q, NC_LLM_REASONING, c.reasoning);
        nc_http_ask_text(q, NC_LLM_TEXT, c.text);
        nc_http_ask_text(q, NC_LLM_TEXT, c.refusal);
        note(q, &c);
    }
    nc_openai_chunk_fini(&c);
}

/* ---- what goes on as it came ---------------------------------------------- */

static void note_glance(struct nc_http_ask *q, const struct nc_openai_glance *g)
{
    if (g->finished) {
        q->finished = true;
        q->end.finish = nc_http_ask_finish(g->finish);
    }
    if (g->usage.n)
        q->end.has_usage =
            nc_openai_usage(g->usage, &q->end.prompt_tokens, &q->end.completion_tokens);
    q->done = q->done || g->done;
}

/* NC_OK: it may go on; otherwise it failed, or says nothing but the end. */
static enum nc_err look(struct nc_http_ask *q, struct nc_str data,
                        struct nc_openai_glance *g)
{
    struct nc_openai_chunk c = {0};
    enum nc_err e = nc_openai_glance(g, data);

    if (e == NC_OK && (g->parse || g->error)) {
        e = nc_openai_chunk(&c, data, nc_http_ask_secret(q));
        if (e == NC_OK && c.failed)
            nc_http_ask_refused(q, data, c.reason);
        else if (e == NC_OK)
            note(q, &c);
        nc_openai_chunk_fini(&c);
    } else if (e == NC_OK) {
        note_glance(q, g);
    }
    if (e != NC_OK)
        nc_http_ask_fail(q, NC_FAULT_SERVER,
                         "the AI server sent something that is no answer");
    return q->failed || g->done ? NC_ECLOSED : NC_OK;
}

/* Raw JSON is one line: what reads it may send it as one. */
static void pass(struct nc_http_ask *q, struct nc_str data, bool lines)
{
    struct nc_buf one = {0};

    if (!lines) {
        nc_http_ask_raw(q, data);
        return;
    }
    nc_buf_adds(&one, data);
    for (size_t i = 0; i < one.n; i++)
        if (one.p[i] == '\n' || one.p[i] == '\r')
            one.p[i] = ' ';
    nc_http_ask_raw(q, nc_buf_str(&one));
    nc_buf_fini(&one);
}

static void openai_event(struct nc_http_ask *q, struct nc_str event, struct nc_str data)
{
    struct nc_openai_glance g;

    (void)event;
    if (!q->asked.request)
        take(q, data);
    else if (look(q, data, &g) == NC_OK)
        pass(q, nc_str_trim(data), g.lines);
}

/* The whole answer, as the one chunk of a stream. */
static void pass_as_chunk(struct nc_http_ask *q, struct nc_str body)
{
    json_t *root = json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL);
    json_t *choices = json_object_get(root, "choices");

    for (size_t i = 0; i < json_array_size(choices); i++) {
        json_t *choice = json_array_get(choices, i);
        json_t *message = json_object_get(choice, "message");
        json_t *calls = json_object_get(message, "tool_calls");

        for (size_t k = 0; k < json_array_size(calls); k++)
            json_object_set_new(json_array_get(calls, k), "index",
                                json_integer((json_int_t)k));
        if (message)
            json_object_set(choice, "delta", message);
        json_object_del(choice, "message");
    }
    json_object_set_new(root, "object", json_string("chat.completion.chunk"));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (text)
        nc_http_ask_raw(q, nc_str(text));
    else
        nc_http_ask_fail(q, NC_FAULT_SERVER,
                         "the AI server sent something that is no answer");
    free(text);
    json_decref(root);
}

static void openai_whole(struct nc_http_ask *q, struct nc_str body)
{
    struct nc_openai_glance g;

    if (!q->asked.request) {
        take(q, body);
    } else if (look(q, body, &g) == NC_OK) {
        if (q->streamed)
            pass_as_chunk(q, body);
        else
            nc_http_ask_raw(q, nc_str_trim(body));
    }
    q->done = true;
}

/* ---- models --------------------------------------------------------------- */

/* Where the servers say how much a model can read: OpenRouter and LM Studio, vLLM,
 * llama-server, Mistral. */
static uint64_t context_of(const json_t *model)
{
    static const char *const names[] = {"context_length", "loaded_context_length",
                                        "max_model_len", "max_context_length",
                                        "context_window"};
    const json_t *meta = json_object_get(model, "meta");

    for (size_t i = 0; i < NC_COUNT(names); i++) {
        json_int_t n = json_integer_value(json_object_get(model, names[i]));
        if (n > 0)
            return (uint64_t)n;
    }
    json_int_t n = json_integer_value(json_object_get(meta, "n_ctx"));
    if (n <= 0)
        n = json_integer_value(json_object_get(meta, "n_ctx_train"));
    return n > 0 ? (uint64_t)n : 0;
}

struct state {
    bool props; /* llama-server, which tells with its models only what they were made for */
};

static bool hides_context(const json_t *model)
{
    return nc_str_eqz(nc_json_text(json_object_get(model, "owned_by")), "llamacpp") &&
           !json_object_get(json_object_get(model, "meta"), "n_ctx");
}

static bool openai_listed(struct nc_http_ask *q, const json_t *root)
{
    const json_t *data = json_object_get(root, "data");
    struct state *s = q->state;

    s->props = json_array_size(data) == 1 && hides_context(json_array_get(data, 0));

    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *model = json_array_get(data, i);
        const json_t *id = json_object_get(model, "id");
        json_int_t size =
            json_integer_value(json_object_get(json_object_get(model, "meta"), "size"));

        nc_http_ask_model(q, nc_json_text(id), context_of(model),
                          size > 0 ? (uint64_t)size : 0);
    }
    return json_is_array(data);
}

static bool openai_more(struct nc_http_ask *q, struct nc_buf *path, struct nc_buf *body)
{
    struct state *s = q->state;
    bool more = s->props && q->models_n == 1;

    (void)body;
    s->props = false;
    if (more)
        nc_buf_adds(path, NC_STR("/../props"));
    return more;
}

static void openai_told(struct nc_http_ask *q, const json_t *root)
{
    const json_t *settings = json_object_get(root, "default_generation_settings");
    json_int_t n = json_integer_value(json_object_get(settings, "n_ctx"));

    if (n > 0)
        q->models[0].context = (uint64_t)n;
}

static const struct nc_http_wire wire = {
    .auth = "Authorization: Bearer ",
    .models = "/models",
    .type = "text/event-stream",
    .begins = "deir:\xEF",
    .state = sizeof(struct state),
    .write = openai_write,
    .data = nc_http_ask_events,
    .event = openai_event,
    .whole = openai_whole,
    .listed = openai_listed,
    .more = openai_more,
    .told = openai_told,
};

static enum nc_err openai_open(struct nc_provider **out, const struct nc_provider_opts *o)
{
    return nc_http_provider_open(out, o, &wire, &nc_provider_openai);
}

const struct nc_provider_ops nc_provider_openai = {
    .kind = "openai",
    .open = openai_open,
    .close = nc_http_provider_close,
    .ask = nc_http_provider_ask,
    .stop = nc_http_provider_stop,
    .pause = nc_http_provider_pause,
    .list = nc_http_provider_list,
};
