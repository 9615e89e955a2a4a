#include "chat/rooms/direct.h"

#include "crypto/hash.h"

struct nc_id nc_direct_id(const struct nc_id *a, const struct nc_id *b)
{
    struct nc_id ids[2] = {*a, *b};
    uint8_t digest[NC_SHA256];

    if (nc_id_cmp(a, b) > 0) {
        ids[0] = *b;
        ids[1] = *a;
    }
    nc_sha256(ids, nc_id_eq(a, b) ? sizeof(ids[0]) : sizeof(ids), digest);
    return nc_id_v8(digest);
}
