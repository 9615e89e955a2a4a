/*
 * wire/openai: the OpenAI chat completions protocol, as a client speaks it.
 *
 * Requests written, streamed chunks and error bodies read, in the dialects of
 * OpenAI, llama-server, Ollama, vLLM and OpenRouter.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"

enum nc_openai_role { NC_OPENAI_SYSTEM, NC_OPENAI_USER, NC_OPENAI_ASSISTANT };
extern const char *const nc_openai_roles[]; /* "system", … */

struct nc_openai_message {
    enum nc_openai_role role;
    struct nc_str name; /* [A-Za-z0-9_-]{1,64}, or empty for none */
    struct nc_str content;
};

struct nc_openai_request {
    struct nc_str model;
    const struct nc_openai_message *messages;
    size_t n_messages;
    bool stream;         /* with usage at the end */
    unsigned max_tokens; /* 0: not said */
    double temperature;  /* negative: not said */
};

void nc_openai_write(struct nc_buf *out, const struct nc_openai_request *r);

enum nc_openai_finish {
    NC_OPENAI_GOING, /* not finished yet */
    NC_OPENAI_STOP,
    NC_OPENAI_LENGTH,
    NC_OPENAI_FILTER,
    NC_OPENAI_TOOLS, /* it wants to call a tool */
    NC_OPENAI_ODD,   /* some word we do not know */
};
/* By the word of a finish_reason, whose dialects are many; GOING for the empty one. */
enum nc_openai_finish nc_openai_finish(struct nc_str word);

#define NC_OPENAI_REASON 200

/* One payload of the stream, decoded.  Views live until nc_openai_chunk_fini. */
struct nc_openai_chunk {
    struct nc_str text;      /* to append to the answer, may be empty */
    struct nc_str reasoning; /* to append to the reasoning, may be empty */
    struct nc_str refusal;   /* the model's words why not, to append */
    enum nc_openai_finish finish;
    bool done; /* "[DONE]": the stream is complete */
    bool has_usage;
    uint64_t prompt_tokens, completion_tokens;
    bool failed;                   /* the stream carries an error */
    char reason[NC_OPENAI_REASON]; /* then why, printable UTF-8, NUL-terminated */

    /* private */
    json_t *root;
    struct nc_arena arena;
};

/* Decode the data of one server-sent event, or the whole body of an answer that was
 * not streamed.  `secret` as below.  NC_EINVAL if it is not JSON of a shape we know; end
 * with _fini in any case. */
NC_MUSTUSE enum nc_err nc_openai_chunk(struct nc_openai_chunk *out, struct nc_str data,
                                       struct nc_str secret);
void nc_openai_chunk_fini(struct nc_openai_chunk *c); /* fine on a zeroed one */

/*
 * Why a request failed, from status and body (JSON, text or HTML).
 *
 * out:    printable UTF-8 on one line, NUL-terminated; `secret` (the key that was sent,
 *         or empty) and whatever looks like a key are blotted out.
 * status: of the response; 0 leaves it out of the words.
 */
void nc_openai_reason(char out[NC_OPENAI_REASON], unsigned status, struct nc_str body,
                      struct nc_str secret);
