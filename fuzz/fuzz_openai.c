/*
 * What a back end sends: chunks of a stream, and bodies of errors.  Text has no NUL,
 * reasons are one line of UTF-8 in which our key never stands.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/openai.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

static const char secret[] = "k3y!";

static void check_reason(const char *reason)
{
    NEED(strlen(reason) < NC_OPENAI_REASON && nc_utf8_valid(nc_str(reason)));
    NEED(!strstr(reason, secret) && !strchr(reason, '\n') && !strchr(reason, '\x1b'));
}

static void check_text(struct nc_str s)
{
    NEED(s.n == 0 || (!memchr(s.p, 0, s.n) && nc_utf8_valid(s)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *p = malloc(n ? n : 1), reason[NC_OPENAI_REASON];
    struct nc_str in = {p, n};
    struct nc_openai_chunk c;

    memcpy(p, data, n);
    if (nc_openai_chunk(&c, in, nc_str(secret)) == NC_OK) {
        check_text(c.text);
        check_text(c.reasoning);
        check_text(c.refusal);
        check_reason(c.reason);
        NEED(c.failed == (c.reason[0] != 0));
    }
    nc_openai_chunk_fini(&c);
    nc_openai_reason(reason, n % 2 ? 500 : 0, in, nc_str(secret));
    check_reason(reason);
    NEED(reason[0]);
    free(p);
    return 0;
}
