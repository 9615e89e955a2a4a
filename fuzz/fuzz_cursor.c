/*
 * Cursors, and version vectors as text: what is read can be written, and is then the same.
 */
#include <stdlib.h>
#include <string.h>

#include "chat/live/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

/* Their names on the wire: "AAAAAAAAAAA", "AAAEAAAAAAA", "AAAIAAAAAAA"; and their logs'
 * tags: "AAAAAA", "BAAAAA", "CAAAAA". */
static const struct nc_id ours = {{1}}, others[] = {{{2, [10] = 4}}, {{3, [10] = 8}}};

static void check_cursor(struct nc_str s)
{
    struct nc_vector known = {.n = 0}, have = {.n = 0};
    uint64_t seq = UINT64_MAX, again = 0;
    struct nc_buf b = {0};

    for (unsigned i = 0; i < NC_COUNT(others); i++)
        NEED(nc_vector_set(&known, &others[i], 5) == NC_OK);
    enum nc_cursor_is is = nc_cursor_parse_at(s, &ours, &known, &seq, &have);
    NEED((is == NC_CURSOR_OURS) == (seq != UINT64_MAX));
    if (is == NC_CURSOR_OURS) {
        nc_cursor_add_at(&b, &ours, seq, &known);
        NEED(nc_cursor_parse_at(nc_buf_str(&b), &ours, &known, &again, &have) == is);
        NEED(again == seq);
    } else if (is == NC_CURSOR_VECTOR) {
        struct nc_vector back;
        nc_cursor_add_at(&b, &others[0], 77, &have);
        if (!have.n) {
            NEED(b.n);
        } else {
            is = nc_cursor_parse_at(nc_buf_str(&b), &ours, &known, &again, &back);
            NEED(is == NC_CURSOR_VECTOR);
            NEED(nc_vector_compare(&have, &back) == NC_VECTOR_SAME);
        }
    }
    nc_buf_fini(&b);
}

static void check_vector(struct nc_str s)
{
    struct nc_vector v, back;
    struct nc_buf b = {0};
    const char *why = NULL;

    if (nc_vector_parse(s, &v, &why) == NC_OK) {
        nc_vector_add(&b, &v);
        NEED(nc_vector_parse(nc_buf_str(&b), &back, NULL) == NC_OK);
        NEED(nc_vector_compare(&v, &back) == NC_VECTOR_SAME);
        for (unsigned i = 1; i < v.n; i++)
            NEED(nc_id_cmp(&v.at[i - 1].origin, &v.at[i].origin) < 0);
    } else {
        NEED(why && v.n == 0);
    }
    nc_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *copy = malloc(n + 1);

    memcpy(copy, data, n);
    check_cursor((struct nc_str){copy, n});
    check_vector((struct nc_str){copy, n});
    free(copy);
    return 0;
}
