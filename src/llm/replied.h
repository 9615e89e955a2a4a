/*
 * llm/replied: what the pieces of an answer do to the question, for back ends whose wire
 * is not OpenAI's.
 *
 * Text for rooms goes on as it comes; for programs it is put into OpenAI's shape.
 * Private to llm/.
 */
#pragma once

#include "llm/http_ask.h"
#include "wire/reply.h"

/* In a wire's state, which is zeroed. */
struct nc_replied {
    bool raw; /* a program asked */
    char id[64];
    struct nc_reply_out out;
};

/* When the request is written. */
void nc_replied_begin(struct nc_replied *s, struct nc_http_ask *q);
/* A piece; `data` is what it was read from. */
void nc_replied_take(struct nc_replied *s, struct nc_http_ask *q, struct nc_reply *r,
                     struct nc_str data);
/* It could not be read. */
void nc_replied_senseless(struct nc_http_ask *q);
/* The close and fini slots. */
void nc_replied_close(struct nc_replied *s, struct nc_http_ask *q);
void nc_replied_fini(struct nc_replied *s);
/* An ask's messages for a wire to write; free it. */
struct nc_openai_message *nc_replied_messages(const struct nc_llm_ask *a);
