/*
 * wire/ollama: Ollama's own protocol, as a client speaks it.
 *
 * Requests for /api/chat, /api/embed and /api/show written, their answers and those of
 * /api/tags read.  Pure.
 */
#pragma once

#include "wire/reply.h"

struct nc_ollama_request {
    struct nc_str model;
    const struct nc_openai_message *messages; /* names are not sent: it has none */
    size_t n_messages;
    unsigned max_tokens, context_tokens; /* 0: not said */
    double temperature;                  /* negative: not said */
};
void nc_ollama_write(struct nc_buf *out, const struct nc_ollama_request *r);

/* A chat completions request of OpenAI's API for `model`, always streamed.  NC_EINVAL:
 * `why` names the member, printable. */
NC_MUSTUSE enum nc_err nc_ollama_translate(struct nc_buf *out, const json_t *body,
                                           struct nc_str model, unsigned context_tokens,
                                           char why[NC_OPENAI_REASON]);

/* One line of the stream, or the whole of an answer.  NC_EINVAL if it is not JSON of a
 * shape we know; end with nc_reply_fini in any case.  `block` counts the calls of tools
 * in this answer: zero it before the first line. */
NC_MUSTUSE enum nc_err nc_ollama_read(struct nc_reply *out, struct nc_str line,
                                      struct nc_str secret, unsigned *block);

/* ---- embeddings ------------------------------------------------------------------- */

/* An embeddings request of OpenAI's API.  *base64: how the numbers are wanted. */
NC_MUSTUSE enum nc_err nc_ollama_embed(struct nc_buf *out, const json_t *body,
                                       struct nc_str model, bool *base64,
                                       char why[NC_OPENAI_REASON]);
/* The answer in OpenAI's shape.  NC_EINVAL if it is none. */
NC_MUSTUSE enum nc_err nc_ollama_embedded(struct nc_buf *out, struct nc_str answer,
                                          struct nc_str model, bool base64,
                                          uint64_t *prompt_tokens);

/* ---- models ----------------------------------------------------------------------- */

/* One row of /api/tags.  Views into it. */
struct nc_ollama_model {
    struct nc_str name, digest;
    uint64_t bytes;
    bool embeds; /* it is one for embeddings, not for answers */
};
/* A model of this name is served by somebody else's machine, whatever address Ollama
 * itself has: "gpt-oss:120b-cloud". */
bool nc_ollama_is_cloud(struct nc_str model);
/* Row `at` of a parsed answer; false when there is none (left) or it has no name. */
size_t nc_ollama_models(const json_t *tags);
bool nc_ollama_model(const json_t *tags, size_t at, struct nc_ollama_model *out);
void nc_ollama_show(struct nc_buf *out, struct nc_str model);
/* The context length of a parsed answer of /api/show, in tokens; 0: it doesn't say. */
uint64_t nc_ollama_context(const json_t *show);
