/*
 * wire/openai_server: the OpenAI API as a server speaks it: requests judged, errors
 * written.
 *
 * A request goes on as it came; what is judged here is that it has the types and ranges
 * of the API, so that a mistake is named before anything is asked.  Pure.
 */
#pragma once

#include <jansson.h>

#include "wire/problem.h"

#define NC_OPENAI_PARAM 96

/* What is wrong with a request, and where: "messages[1].content". */
struct nc_openai_wrong {
    struct nc_problem why;
    char param[NC_OPENAI_PARAM]; /* empty: nowhere in particular */
};

/* Bodies of /chat/completions and /embeddings.  NC_EINVAL: *wrong says what the caller is
 * to read. */
NC_MUSTUSE enum nc_err nc_openai_judge_chat(const json_t *body,
                                            struct nc_openai_wrong *wrong);
NC_MUSTUSE enum nc_err nc_openai_judge_embeddings(const json_t *body,
                                                  struct nc_openai_wrong *wrong);

/*
 * {"error":{"message","type","param","code"}}.
 *
 * param: NULL or empty: null.
 * code:  NULL: the one that fits why->code; "" : null.
 */
void nc_openai_error(struct nc_buf *out, const struct nc_problem *why, const char *param,
                     const char *code);

/* An /embeddings answer with lists of numbers, as most local servers give it whatever they
 * were asked for, with base64 of little-endian floats instead.  False: it is to stay as it
 * is; nothing was written. */
bool nc_openai_pack_embeddings(struct nc_str answer, struct nc_buf *out);
