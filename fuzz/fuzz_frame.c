/*
 * Frames between nodes.  What is one can be said again, and is then heard as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "mesh/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

static void check_segment(const struct nc_mesh_segment *a, const struct nc_mesh_segment *b)
{
    NEED(a->n >= 1 && a->n <= NC_SEGMENT_MAX && a->n == b->n && a->first == b->first);
    NEED(nc_id_eq(&a->origin, &b->origin) && a->has_prev == b->has_prev);
    for (unsigned i = 0; i < a->n; i++) {
        const struct nc_mesh_row *x = &a->rows[i], *y = &b->rows[i];
        uint8_t hash_x[NC_SHA256], hash_y[NC_SHA256];

        NEED(x->hash_only == y->hash_only);
        if (x->hash_only)
            continue;
        nc_row_hash(&x->ev, hash_x);
        nc_row_hash(&y->ev, hash_y);
        NEED(memcmp(hash_x, hash_y, sizeof hash_x) == 0);
        NEED(x->is == y->is || (x->is == NC_RECORD_HERE && y->is == NC_RECORD_LARGE));
        if (y->is == NC_RECORD_HERE)
            NEED(nc_str_eq(x->record, y->record));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct nc_frame one, two;
    struct nc_buf out = {0};
    const char *why = NULL;
    char *copy = malloc(n + 1);

    memcpy(copy, data, n);
    enum nc_err e = nc_frame_parse((struct nc_str){copy, n}, NULL, &one, &why);
    NEED(e == NC_OK || why);
    if (e == NC_OK && nc_frame_add(&out, &one, NULL) == NC_OK) {
        NEED(out.n <= (one.type == NC_FRAME_RELAY ? NC_FRAME_RELAY_MAX : NC_FRAME_MAX));
        NEED(nc_frame_parse(nc_buf_str(&out), NULL, &two, &why) == NC_OK);
        NEED(one.type == two.type);
        if (one.type == NC_FRAME_SEGMENT)
            check_segment(&one.segment, &two.segment);
        if (one.type == NC_FRAME_VECTOR || one.type == NC_FRAME_FORMER)
            NEED(nc_vector_compare(&one.vector, &two.vector) == NC_VECTOR_SAME);
        if (one.type == NC_FRAME_HEADS)
            for (unsigned i = 0; i < one.heads.n; i++)
                NEED(one.heads.n == two.heads.n &&
                     nc_id_eq(&one.heads.at[i].origin, &two.heads.at[i].origin) &&
                     one.heads.at[i].n == two.heads.at[i].n &&
                     memcmp(one.heads.at[i].tag, two.heads.at[i].tag, NC_HEAD_TAG) == 0);
        if (one.type == NC_FRAME_PROBE || one.type == NC_FRAME_ECHO)
            NEED(one.probe == two.probe);
        if (one.type == NC_FRAME_RELAY)
            NEED(nc_id_eq(&one.relay.to, &two.relay.to) && one.relay.envelope.n &&
                 nc_str_eq(one.relay.envelope, two.relay.envelope));
    }
    nc_buf_fini(&out);
    free(copy);
    return 0;
}
