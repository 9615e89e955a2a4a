#include "mesh/rendezvous.h"

#include <assert.h>
#include <string.h>

#include "crypto/hash.h"

unsigned nc_rendezvous(const struct nc_id *room, const struct nc_id *nodes, unsigned n)
{
    uint8_t highest[NC_SHA256], weight[NC_SHA256];
    unsigned first = 0;

    assert(n > 0);
    for (unsigned i = 0; i < n; i++) {
        struct nc_id both[2] = {*room, nodes[i]};
        nc_sha256(both, sizeof both, weight);
        if (i == 0 || memcmp(weight, highest, sizeof weight) > 0) {
            memcpy(highest, weight, sizeof weight);
            first = i;
        }
    }
    return first;
}
