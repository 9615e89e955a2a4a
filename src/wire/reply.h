/*
 * wire/reply: a piece of a model's answer, whatever wire it came by, and OpenAI's shape
 * of it.
 *
 * wire/ollama and wire/anthropic read their pieces into it.  Pure; nothing is kept but
 * what a whole answer needs.
 */
#pragma once

#include "wire/openai.h"

#define NC_REPLY_TOOLS 32 /* calls of tools in one answer; more are not passed on */

/* A call of a tool begins, or more of its arguments come. */
struct nc_reply_tool {
    bool begins;
    unsigned block;          /* which call of this answer it is, in the server's counting */
    struct nc_str id, name;  /* with `begins`; id may be empty */
    struct nc_str arguments; /* JSON text to append, may be empty */
};

/* One piece, decoded.  Views live until nc_reply_fini. */
struct nc_reply {
    struct nc_str model;     /* who answers; may be empty */
    struct nc_str text;      /* to append to the answer, may be empty; no NUL */
    struct nc_str reasoning; /* to append to the reasoning, may be empty; no NUL */
    struct nc_reply_tool *tools;
    size_t tools_n;       /* at most NC_REPLY_TOOLS */
    struct nc_str remote; /* the server it was passed on to, as that calls it; or empty */
    enum nc_openai_finish finish;
    bool done;      /* the answer is complete */
    bool has_usage; /* the counts are the final ones; a 0 is not said */
    uint64_t prompt_tokens, completion_tokens;
    bool failed;                   /* the stream carries an error */
    bool busy;                     /* which will pass */
    char reason[NC_OPENAI_REASON]; /* then why, printable UTF-8, NUL-terminated */

    /* private */
    json_t *root;
    struct nc_arena arena;
};

void nc_reply_fini(struct nc_reply *r); /* fine on a zeroed one */

/* For those that read one: without NUL characters, which a message's text must not have. */
struct nc_str nc_reply_text(struct nc_reply *r, struct nc_str s);
/* The compact JSON of a value, in the reply's memory. */
struct nc_str nc_reply_json(struct nc_reply *r, const json_t *value);
/* A count of tokens: 0 if it is no positive integer. */
uint64_t nc_reply_count(const json_t *obj, const char *name);

/* An answer written in OpenAI's shape, piece by piece.  Zero it and set the first block. */
struct nc_reply_out {
    const char *id;      /* "chatcmpl-…"; must live as long */
    struct nc_str model; /* until a piece names one */
    uint64_t created;    /* seconds since 1970 */
    bool stream;         /* chunks as they come, instead of the whole at the end */
    size_t limit;        /* bytes of a whole answer; 0: none */

    /* private */
    bool begun, finished;
    enum nc_openai_finish finish;
    char name[200];
    uint64_t prompt_tokens, completion_tokens;
    size_t tools_n;
    struct {
        unsigned block;
        struct nc_buf id, name, arguments; /* kept only of a whole answer */
    } tools[NC_REPLY_TOOLS];
    struct nc_buf text, reasoning;
};

/* With `stream` a chat.completion.chunk is appended to `chunk`, if there is anything to
 * say in it.  NC_ELIMIT: the whole answer is over the limit.  NC_EINVAL: arguments for a
 * call that never began. */
NC_MUSTUSE enum nc_err nc_reply_out(struct nc_reply_out *o, const struct nc_reply *r,
                                    struct nc_buf *chunk);
/* The last chunks, handed to each(): finish_reason, then usage; or the whole
 * chat.completion. */
void nc_reply_out_end(struct nc_reply_out *o, void (*each)(void *arg, struct nc_str json),
                      void *arg);
void nc_reply_out_fini(struct nc_reply_out *o); /* fine on a zeroed one */
