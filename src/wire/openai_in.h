/*
 * wire/openai_in: a chat completions request, as a server reads it.
 *
 * For back ends of another wire, which translate it.  What is of the wrong type is
 * refused with the member's name; what is unknown is ignored.  Everything is a view into
 * the body.
 */
#pragma once

#include "wire/openai.h"

#define NC_OPENAI_STOPS 16

struct nc_openai_in {
    bool stream;
    uint64_t max_tokens;       /* 0: not said */
    double temperature, top_p; /* negative: not said */
    bool has_seed, parallel_tools;
    int64_t seed;
    struct nc_str stop[NC_OPENAI_STOPS];
    size_t stop_n;
    const json_t *messages, *tools; /* arrays, tools may be NULL */
    /* "", "auto", "none", "required", or "function" with the name */
    struct nc_str tool_choice, tool_name;
    struct nc_str format; /* "", "text", "json_object", "json_schema" */
    const json_t *schema; /* with "json_schema": an object */
    struct nc_str effort; /* reasoning_effort, or empty */
};

/* NC_EINVAL: `why` says it, printable. */
NC_MUSTUSE enum nc_err nc_openai_in(const json_t *body, struct nc_openai_in *out,
                                    char why[NC_OPENAI_REASON]);

enum nc_openai_turn_role {
    NC_TURN_SYSTEM, /* developer, too */
    NC_TURN_USER,
    NC_TURN_ASSISTANT,
    NC_TURN_TOOL, /* what a tool answered */
};

struct nc_openai_turn {
    enum nc_openai_turn_role role;
    struct nc_str answers; /* with NC_TURN_TOOL: the id of the call */
    size_t parts_n, calls_n;

    /* private */
    size_t at;
    const json_t *content, *calls;
};
NC_MUSTUSE enum nc_err nc_openai_turn(const struct nc_openai_in *in, size_t at,
                                      struct nc_openai_turn *out,
                                      char why[NC_OPENAI_REASON]);

struct nc_openai_part {
    bool image;
    struct nc_str text;         /* unless it is an image */
    struct nc_str media, bytes; /* an image in the request: "image/png" and its base64 … */
    struct nc_str url;          /* … or one elsewhere, http or https */
};
/* Part `at` < parts_n of the turn's content (a string is one part). */
NC_MUSTUSE enum nc_err nc_openai_part(const struct nc_openai_turn *t, size_t at,
                                      struct nc_openai_part *out,
                                      char why[NC_OPENAI_REASON]);

struct nc_openai_call {
    struct nc_str id, name;
    json_t *arguments; /* an object; json_decref it */
};
/* Call `at` < calls_n of a tool, which an assistant made. */
NC_MUSTUSE enum nc_err nc_openai_call(const struct nc_openai_turn *t, size_t at,
                                      struct nc_openai_call *out,
                                      char why[NC_OPENAI_REASON]);

struct nc_openai_tool {
    struct nc_str name, description;
    const json_t *parameters; /* an object, or NULL */
};
NC_MUSTUSE enum nc_err nc_openai_tool(const struct nc_openai_in *in, size_t at,
                                      struct nc_openai_tool *out,
                                      char why[NC_OPENAI_REASON]);
