/*
 * What an Ollama sends, and what a program asks of it: lines of a stream, models,
 * embeddings, requests to translate.  What goes out is JSON, text has no NUL.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/ndjson.h"
#include "wire/ollama.h"

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

static void one_line(struct nc_reply_out *o, struct nc_str line, unsigned *block)
{
    struct nc_buf chunk = {0};
    struct nc_reply r;

    if (nc_ollama_read(&r, line, nc_str(secret), block) == NC_OK) {
        check_text(r.text);
        check_text(r.reasoning);
        NEED(r.tools_n <= NC_REPLY_TOOLS && !strstr(r.reason, secret));
        NEED(r.failed == (r.reason[0] != 0) && nc_utf8_valid(nc_str(r.reason)));
        if (nc_reply_out(o, &r, &chunk) == NC_OK && chunk.n)
            check_json(NULL, nc_buf_str(&chunk));
    }
    nc_buf_fini(&chunk);
    nc_reply_fini(&r);
}

static void as_stream(struct nc_str in, bool stream)
{
    struct nc_reply_out o = {.id = "chatcmpl-1", .stream = stream, .limit = 1000};
    struct nc_ndjson s = {.limit = 500};
    struct nc_str line;
    unsigned block = 0;

    while (in.n) {
        struct nc_str piece = {in.p, in.n < 7 ? in.n : 7};
        enum nc_err e;

        in.p += piece.n;
        in.n -= piece.n;
        while ((e = nc_ndjson_next(&s, &piece, &line)) == NC_OK)
            one_line(&o, line, &block);
        if (e == NC_ELIMIT)
            break;
    }
    one_line(&o, nc_ndjson_rest(&s), &block);
    nc_reply_out_end(&o, check_json, NULL);
    nc_ndjson_fini(&s);
    nc_reply_out_fini(&o);
}

static void as_json(struct nc_str in)
{
    json_t *root = json_loadb(in.p, in.n, JSON_ALLOW_NUL, NULL);
    char why[NC_OPENAI_REASON] = "";
    struct nc_buf out = {0};
    struct nc_ollama_model m;
    bool base64;

    if (nc_ollama_translate(&out, root, NC_STR("m"), 4096, why) == NC_OK)
        check_json(NULL, nc_buf_str(&out));
    else
        NEED(why[0]);
    nc_buf_clear(&out);
    if (nc_ollama_embed(&out, root, NC_STR("m"), &base64, why) == NC_OK)
        check_json(NULL, nc_buf_str(&out));
    for (size_t i = 0; i < nc_ollama_models(root); i++)
        if (nc_ollama_model(root, i, &m))
            check_text(m.name);
    nc_ollama_context(root);
    nc_buf_fini(&out);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *p = malloc(n ? n : 1);
    struct nc_str in = {p, n};
    struct nc_buf out = {0};
    uint64_t tokens;

    memcpy(p, data, n);
    as_stream(in, true);
    as_stream(in, false);
    as_json(in);
    if (nc_ollama_embedded(&out, in, NC_STR("m"), n % 2, &tokens) == NC_OK)
        check_json(NULL, nc_buf_str(&out));
    nc_buf_fini(&out);
    free(p);
    return 0;
}
