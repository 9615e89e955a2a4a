#include "llm/replied.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"

void nc_replied_begin(struct nc_replied *s, struct nc_http_ask *q)
{
    static const char prefix[] = "chatcmpl-";
    struct nc_id id = nc_id_random();

    s->raw = q->asked.request != NULL;
    if (!s->raw)
        return;
    snprintf(s->id, sizeof(s->id), "%s", prefix);
    nc_id_text(&id, s->id + sizeof(prefix) - 1);
    s->out = (struct nc_reply_out){
        .id = s->id,
        .model = nc_str(q->model),
        .created = nc_wall_ms() / 1000,
        .stream = json_is_true(json_object_get(q->asked.request, "stream")),
        .limit = NC_HTTP_WHOLE_MAX,
    };
}

static void note(struct nc_http_ask *q, const struct nc_reply *r)
{
    if (r->finish != NC_OPENAI_GOING) {
        q->finished = true;
        q->end.finish = nc_http_ask_finish(r->finish);
    }
    q->end.has_usage = q->end.has_usage || r->has_usage;
    if (r->prompt_tokens)
        q->end.prompt_tokens = r->prompt_tokens;
    if (r->completion_tokens)
        q->end.completion_tokens = r->completion_tokens;
    q->done = q->done || r->done;
}

static void pass_on(struct nc_replied *s, struct nc_http_ask *q, struct nc_reply *r)
{
    struct nc_buf chunk = {0};

    enum nc_err e = nc_reply_out(&s->out, r, &chunk);

    if (e == NC_ELIMIT)
        nc_http_ask_fail(q, NC_FAULT_SERVER, "the AI server's answer is too large");
    else if (e != NC_OK)
        nc_replied_senseless(q);
    else if (chunk.n)
        nc_http_ask_raw(q, nc_buf_str(&chunk));
    nc_buf_fini(&chunk);
}

void nc_replied_take(struct nc_replied *s, struct nc_http_ask *q, struct nc_reply *r,
                     struct nc_str data)
{
    if (r->failed && r->busy)
        nc_http_ask_fail(q, NC_FAULT_BUSY, r->reason);
    else if (r->failed)
        nc_http_ask_refused(q, data, r->reason);
    if (r->failed)
        return;
    if (s->raw) {
        pass_on(s, q, r);
    } else {
        nc_http_ask_text(q, NC_LLM_REASONING, r->reasoning);
        nc_http_ask_text(q, NC_LLM_TEXT, r->text);
    }
    note(q, r);
}

void nc_replied_senseless(struct nc_http_ask *q)
{
    nc_http_ask_fail(q, NC_FAULT_SERVER, "the AI server sent something that is no answer");
}

static void each(void *arg, struct nc_str json) { nc_http_ask_raw(arg, json); }

void nc_replied_close(struct nc_replied *s, struct nc_http_ask *q)
{
    if (s->raw)
        nc_reply_out_end(&s->out, each, q);
}

void nc_replied_fini(struct nc_replied *s) { nc_reply_out_fini(&s->out); }

struct nc_openai_message *nc_replied_messages(const struct nc_llm_ask *a)
{
    struct nc_openai_message *m = nc_alloc((a->messages_n + 1) * sizeof(*m));

    for (size_t i = 0; i < a->messages_n; i++)
        m[i] = (struct nc_openai_message){(enum nc_openai_role)a->messages[i].role,
                                          a->messages[i].name, a->messages[i].content};
    return m;
}
