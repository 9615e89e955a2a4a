/*
 * The glance against the parser: what the parser takes the glance takes, too, and both
 * see the same error, end, choices and usage.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/openai_glance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

static void same(const struct nc_openai_glance *g, const struct nc_openai_chunk *c)
{
    uint64_t prompt = 0, completion = 0;

    NEED(g->done == c->done && g->error == c->failed);
    if (c->failed || c->done)
        return;
    NEED(g->finish == c->finish && g->finished == (c->finish != NC_OPENAI_GOING));
    NEED((g->usage.n != 0) == c->has_usage);
    if (g->usage.n) {
        NEED(nc_openai_usage(g->usage, &prompt, &completion));
        NEED(prompt == c->prompt_tokens && completion == c->completion_tokens);
    }
    NEED(g->choices || g->usage.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *p = malloc(n ? n : 1);
    struct nc_str in = {p, n};
    struct nc_openai_glance g;
    struct nc_openai_chunk c;

    memcpy(p, data, n);
    enum nc_err glanced = nc_openai_glance(&g, in);
    enum nc_err parsed = nc_openai_chunk(&c, in, NC_STR("k3y!"));
    /* (The parser reads over a NUL between two tokens; we don't.) */
    if (parsed == NC_OK && !memchr(p, 0, n) && !(glanced == NC_OK && g.parse)) {
        NEED(glanced == NC_OK);
        same(&g, &c);
    }
    if (glanced == NC_OK && g.lines)
        NEED(memchr(p, '\n', n) || memchr(p, '\r', n));
    nc_openai_chunk_fini(&c);
    free(p);
    return 0;
}
