/*
 * wire/anthropic: the Messages API, as a client speaks it.
 *
 * Requests written, server-sent events, whole answers and lists of models read.  Pure.
 */
#pragma once

#include "wire/reply.h"

#define NC_ANTHROPIC_VERSION "2023-06-01"
#define NC_ANTHROPIC_MAX_TOKENS 4096 /* it must be told; when nobody said */

struct nc_anthropic_request {
    struct nc_str model;
    const struct nc_openai_message *messages; /* names are not sent: it has none */
    size_t n_messages;
    unsigned max_tokens; /* 0: not said */
    double temperature;  /* negative: not said; it knows none over 1 */
};
/* System messages are put together in front, neighbours of one side joined, and the
 * first word is the user's: it wants it so. */
void nc_anthropic_write(struct nc_buf *out, const struct nc_anthropic_request *r);

/* A chat completions request of OpenAI's API for `model`, always streamed.  NC_EINVAL:
 * `why` names the member, printable. */
NC_MUSTUSE enum nc_err nc_anthropic_translate(struct nc_buf *out, const json_t *body,
                                              struct nc_str model,
                                              char why[NC_OPENAI_REASON]);

/* The data of one event, or the whole of an answer that was not streamed.  Events that
 * say nothing to us give an empty piece.  NC_EINVAL if it is not JSON of a shape we know;
 * end with nc_reply_fini in any case. */
NC_MUSTUSE enum nc_err nc_anthropic_read(struct nc_reply *out, struct nc_str data,
                                         struct nc_str secret);

/* Row `at` of a parsed list of models; false when it has no name. */
size_t nc_anthropic_models(const json_t *list);
bool nc_anthropic_model(const json_t *list, size_t at, struct nc_str *name,
                        uint64_t *context);
