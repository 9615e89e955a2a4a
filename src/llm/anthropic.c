/* Anthropic's Messages API. */
#include <stdlib.h>

#include "llm/replied.h"
#include "wire/anthropic.h"

/* ---- asking ----------------------------------------------------------------------- */

static void write_messages(struct nc_http_ask *q, struct nc_buf *body)
{
    const struct nc_llm_ask *a = &q->asked;
    struct nc_openai_message *m = nc_replied_messages(a);

    nc_anthropic_write(body, &(struct nc_anthropic_request){.model = nc_str(q->model),
                                                            .messages = m,
                                                            .n_messages = a->messages_n,
                                                            .max_tokens = a->max_tokens,
                                                            .temperature = a->temperature});
    free(m);
}

static bool anthropic_write(struct nc_http_ask *q, struct nc_buf *path, struct nc_buf *body)
{
    const struct nc_llm_ask *a = &q->asked;
    char why[NC_OPENAI_REASON];

    nc_buf_adds(path, NC_STR("/v1/messages"));
    nc_replied_begin(q->state, q);
    if (a->request && a->embed) {
        nc_http_ask_fail(q, NC_FAULT_REQUEST, "Anthropic has no embeddings");
        return false;
    }
    if (!a->request) {
        write_messages(q, body);
    } else if (nc_anthropic_translate(body, a->request, nc_str(q->model), why) != NC_OK) {
        nc_http_ask_fail(q, NC_FAULT_REQUEST, why);
        return false;
    }
    return true;
}

/* ---- what comes back -------------------------------------------------------------- */

static void take(struct nc_http_ask *q, struct nc_str data)
{
    struct nc_reply r;

    if (nc_anthropic_read(&r, data, nc_http_ask_secret(q)) == NC_OK)
        nc_replied_take(q->state, q, &r, data);
    else
        nc_replied_senseless(q);
    nc_reply_fini(&r);
}

static void anthropic_event(struct nc_http_ask *q, struct nc_str event, struct nc_str data)
{
    (void)event; /* stands in the data, too */
    take(q, data);
}

static void anthropic_whole(struct nc_http_ask *q, struct nc_str body)
{
    take(q, body);
    if (!nc_http_ask_over(q))
        nc_replied_senseless(q);
}

static void anthropic_close(struct nc_http_ask *q) { nc_replied_close(q->state, q); }

static void anthropic_fini(struct nc_http_ask *q) { nc_replied_fini(q->state); }

static bool anthropic_listed(struct nc_http_ask *q, const json_t *root)
{
    struct nc_str name;
    uint64_t context;

    for (size_t i = 0; i < nc_anthropic_models(root); i++)
        if (nc_anthropic_model(root, i, &name, &context))
            nc_http_ask_model(q, name, context, 0);
    return json_is_array(json_object_get(root, "data"));
}

/* ---- opening ---------------------------------------------------------------------- */

static const struct nc_http_wire wire = {
    .auth = "x-api-key: ",
    .header = "anthropic-version: " NC_ANTHROPIC_VERSION,
    .strip = {"/v1/messages", "/v1", NULL},
    .models = "/v1/models?limit=1000",
    .type = "text/event-stream",
    .begins = "edir:\xEF",
    .state = sizeof(struct nc_replied),
    .write = anthropic_write,
    .data = nc_http_ask_events,
    .event = anthropic_event,
    .whole = anthropic_whole,
    .close = anthropic_close,
    .fini = anthropic_fini,
    .listed = anthropic_listed,
};

static enum nc_err anthropic_open(struct nc_provider **out,
                                  const struct nc_provider_opts *o)
{
    return nc_http_provider_open(out, o, &wire, &nc_provider_anthropic);
}

const struct nc_provider_ops nc_provider_anthropic = {
    .kind = "anthropic",
    .open = anthropic_open,
    .close = nc_http_provider_close,
    .ask = nc_http_provider_ask,
    .stop = nc_http_provider_stop,
    .pause = nc_http_provider_pause,
    .list = nc_http_provider_list,
};
