#include "base/blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct nc_blob *nc_blob_alloc(size_t n)
{
    struct nc_blob *b = nc_realloc(NULL, sizeof *b + n);
    b->refs = 1;
    b->n = n;
    return b;
}

struct nc_blob *nc_blob_new(const void *p, size_t n)
{
    struct nc_blob *b = nc_blob_alloc(n);
    if (n)
        memcpy(b->p, p, n);
    return b;
}

struct nc_blob *nc_blob_ref(struct nc_blob *b)
{
    assert(b->refs > 0 && b->refs < UINT32_MAX);
    b->refs++;
    return b;
}

void nc_blob_unref(struct nc_blob *b)
{
    if (!b)
        return;
    assert(b->refs > 0);
    if (--b->refs == 0)
        free(b);
}
