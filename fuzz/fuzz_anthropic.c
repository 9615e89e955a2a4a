/*
 * What the Messages API sends, and what a program asks of it: events (one per line here),
 * models, requests to translate.  What goes out is JSON, text has no NUL.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/anthropic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

static const char secret[] = "k3y!";

static void check_text(struct nc_str s)
{
    NEED(s.n == 0 || (!memchr(s.p, 0, s.n) && nc_utf8_valid(s)));
}

static void check_json(void *arg, struct nc_str json)
{
    json_t *root = json_loadb(json.p, json.n, JSON_ALLOW_NUL, NULL);

    (void)arg;
    NEED(json_is_object(root));
    json_decref(root);
}

static void as_stream(struct nc_str in, bool stream)
{
    struct nc_reply_out o = {.id = "chatcmpl-1", .stream = stream, .limit = 1000};

    while (in.p) {
        struct nc_str data = nc_str_cut(&in, '\n');
        struct nc_buf chunk = {0};
        struct nc_reply r;

        if (nc_anthropic_read(&r, data, nc_str(secret)) == NC_OK) {
            check_text(r.text);
            check_text(r.reasoning);
            NEED(r.tools_n <= NC_REPLY_TOOLS && !strstr(r.reason, secret));
            NEED(r.failed == (r.reason[0] != 0) && nc_utf8_valid(nc_str(r.reason)));
            if (nc_reply_out(&o, &r, &chunk) == NC_OK && chunk.n)
                check_json(NULL, nc_buf_str(&chunk));
        }
        nc_buf_fini(&chunk);
        nc_reply_fini(&r);
    }
    nc_reply_out_end(&o, check_json, NULL);
    nc_reply_out_fini(&o);
}

/* Sides alternate, the user's comes first, nothing is empty. */
static void check_turns(struct nc_str request)
{
    json_t *root = json_loadb(request.p, request.n, JSON_ALLOW_NUL, NULL);
    const json_t *messages = json_object_get(root, "messages");

    NEED(json_array_size(messages) > 0);
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *m = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(m, "role"));

        NEED(role && strcmp(role, i % 2 ? "assistant" : "user") == 0);
        NEED(json_array_size(json_object_get(m, "content")) > 0);
    }
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *p = malloc(n + 1);
    struct nc_str in = {p, n}, name;
    char why[NC_OPENAI_REASON] = "";
    struct nc_buf out = {0};
    uint64_t context;

    memcpy(p, data, n);
    as_stream(in, true);
    as_stream(in, false);
    json_t *root = json_loadb(in.p, in.n, JSON_ALLOW_NUL, NULL);
    if (nc_anthropic_translate(&out, root, NC_STR("m"), why) == NC_OK)
        check_turns(nc_buf_str(&out));
    else
        NEED(why[0]);
    for (size_t i = 0; i < nc_anthropic_models(root); i++)
        if (nc_anthropic_model(root, i, &name, &context))
            check_text(name);
    json_decref(root);
    nc_buf_fini(&out);
    free(p);
    return 0;
}
