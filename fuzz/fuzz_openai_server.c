/*
 * What programs send: bodies of the OpenAI-compatible API.  Whatever they are, they are
 * taken or refused with 400 or 413, and the error written is JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/json_in.h"
#include "wire/openai_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

static void check_error(const struct nc_openai_wrong *w)
{
    struct nc_buf out = {0};
    json_t *root;
    unsigned status = nc_problem_status(w->why.code);

    NEED(status == 400 || status == 413);
    NEED(memchr(w->param, 0, sizeof w->param) && nc_utf8_valid(nc_str(w->why.detail)));
    nc_openai_error(&out, &w->why, w->param, NULL);
    root = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
    NEED(json_is_string(json_object_get(json_object_get(root, "error"), "message")));
    json_decref(root);
    nc_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *p = malloc(n ? n : 1);
    struct nc_openai_wrong wrong = {0};
    struct nc_buf packed = {0};
    json_t *body;

    memcpy(p, data, n);
    if (nc_json_parse((struct nc_str){p, n}, &body, &wrong.why) != NC_OK) {
        check_error(&wrong);
    } else {
        if (nc_openai_judge_chat(body, &wrong) != NC_OK)
            check_error(&wrong);
        if (nc_openai_judge_embeddings(body, &wrong) != NC_OK)
            check_error(&wrong);
        json_decref(body);
    }
    if (nc_openai_pack_embeddings((struct nc_str){p, n}, &packed))
        NEED(packed.n);
    nc_buf_fini(&packed);
    free(p);
    return 0;
}
