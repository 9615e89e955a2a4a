#include "mesh/kept.h"

#include <assert.h>
#include <string.h>

const uint8_t nc_hash_gone[NC_SHA256];

void nc_kept_of(struct nc_kept *k, const struct nc_mesh_segment *s,
                const uint8_t head[NC_SHA256])
{
    k->origin = s->origin;
    k->first = s->first;
    k->n = s->n;
    for (unsigned i = 0; i < s->n; i++)
        memcpy(k->hashes[i], s->rows[i].hash, NC_SHA256);
    memcpy(k->chain[0], s->prev, NC_SHA256);
    memcpy(k->chain[1], head, NC_SHA256);
    memcpy(k->sig, s->sig, sizeof k->sig);
}

struct nc_segment nc_kept_row(const struct nc_kept *k)
{
    return (struct nc_segment){
        .origin = k->origin,
        .first = k->first,
        .n = k->n,
        .hashes = {(const char *)k->hashes, (size_t)k->n * NC_SHA256},
        .chain = {(const char *)k->chain, sizeof k->chain},
        .signature = {(const char *)k->sig, sizeof k->sig},
    };
}

bool nc_kept_read(struct nc_kept *k, const struct nc_segment *row)
{
    if (row->n < 1 || row->n > NC_SEGMENT_MAX || !row->first ||
        row->hashes.n != (size_t)row->n * NC_SHA256 || row->chain.n != sizeof k->chain ||
        row->signature.n != sizeof k->sig)
        return false;
    k->origin = row->origin;
    k->first = row->first;
    k->n = row->n;
    memcpy(k->hashes, row->hashes.p, row->hashes.n);
    memcpy(k->chain, row->chain.p, sizeof k->chain);
    memcpy(k->sig, row->signature.p, sizeof k->sig);
    return true;
}

void nc_kept_chain(const struct nc_kept *k, uint64_t at, uint8_t chain[NC_SHA256])
{
    assert(at + 1 >= k->first && at <= nc_kept_last(k));

    memcpy(chain, k->chain[0], NC_SHA256);
    for (unsigned i = 0; k->first + i <= at; i++)
        nc_chain_add(chain, k->hashes[i]);
}

uint64_t nc_segment_cost(const struct nc_mesh_segment *s)
{
    uint64_t sum = (uint64_t)s->n * NC_ROW_BYTES;

    for (unsigned i = 0; i < s->n; i++)
        sum += s->rows[i].hash_only ? 0 : s->rows[i].record.n;
    return sum;
}
