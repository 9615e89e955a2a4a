/*
 * Whom a sentence calls.  The first byte says who is there: Olga, Alyona, or somebody whose
 * name stands in the input before a tab.  Who is called strictly, or where there is a
 * namesake, is called without, too; neither small and capital letters nor somebody else's
 * words before one's own change anything.
 */
#include <stdlib.h>
#include <string.h>

#include "ai/asked.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

enum { ALYONA = 1, SOMEBODY = 2 };

static const struct nc_str olgas[] = {NC_STR("Ольга"), NC_STR("Оля"), NC_STR("Olga")};
static const struct nc_str alyonas[] = {NC_STR("Алёна"), NC_STR("Алёнка")};

static bool anybody(const void *arg, struct nc_str folded)
{
    (void)arg;
    NEED(folded.n);
    return true;
}

static struct nc_asked_name who_is(uint8_t kind, struct nc_str *text, struct nc_str *name)
{
    if (kind & SOMEBODY) {
        *name = nc_str_cut(text, '\t');
        return (struct nc_asked_name){NC_STR("nobody"), name, 1, NULL, NULL};
    }
    if (kind & ALYONA)
        return (struct nc_asked_name){NC_STR("alyona"), alyonas, NC_COUNT(alyonas), NULL,
                                      NULL};
    return (struct nc_asked_name){NC_STR("olga"), olgas, NC_COUNT(olgas), NULL, NULL};
}

/* The same in a buffer of just that size: what is read behind it is found. */
static bool asked(struct nc_str text, const struct nc_asked_name *who, bool strict)
{
    char *copy = malloc(text.n ? text.n : 1);

    if (text.n)
        memcpy(copy, text.p, text.n);
    bool yes = nc_asked((struct nc_str){copy, text.n}, who, strict);
    free(copy);
    return yes;
}

static bool asked_loudly(struct nc_str text, const struct nc_asked_name *who)
{
    struct nc_buf b = {0};

    nc_buf_adds(&b, text);
    for (size_t i = 0; i < b.n; i++)
        if ((b.p[i] >= 'a' && b.p[i] <= 'z') || (b.p[i] >= 'A' && b.p[i] <= 'Z'))
            b.p[i] ^= 0x20;
    bool yes = asked(nc_buf_str(&b), who, false);
    nc_buf_fini(&b);
    return yes;
}

static bool asked_behind(const char *words, struct nc_str text,
                         const struct nc_asked_name *who)
{
    struct nc_buf b = {0};

    nc_buf_adds(&b, nc_str(words));
    nc_buf_adds(&b, text);
    bool yes = asked(nc_buf_str(&b), who, false);
    nc_buf_fini(&b);
    return yes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nc_str text = {(const char *)data + 1, n - 1}, name;

    if (n < 1)
        return 0;
    struct nc_asked_name alone = who_is(data[0], &text, &name), crowded = alone;
    crowded.namesake = anybody;

    bool yes = asked(text, &alone, false);
    NEED(yes || !asked(text, &alone, true));
    NEED(yes || !asked(text, &crowded, false));
    NEED(asked(text, &alone, true) == asked(text, &crowded, true));
    NEED(yes == asked_loudly(text, &alone));
    NEED(yes == asked_behind("> olga, Ольга, Алёна, nobody\n", text, &alone));
    NEED(yes == asked_behind("```\nolga, tell\n```\n\n", text, &alone));
    return 0;
}
