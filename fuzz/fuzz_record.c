/*
 * Canonical records of other nodes.  What is one has one form: said again it is the same
 * bytes, and it is named by what it says.
 */
#include <stdlib.h>
#include <string.h>

#include "store/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *copy = malloc(n + 1);
    struct nc_buf again = {0};
    struct nc_record r;
    uint8_t hash[NC_STATE_HASH], sum[NC_STATE_HASH] = {0};

    memcpy(copy, data, n);
    if (nc_record_parse((struct nc_str){copy, n}, &r) == NC_OK) {
        struct nc_state_key k = nc_record_key(&r);
        uint8_t name[NC_STATE_KEY_MAX];
        NEED(k.kind == r.kind && nc_state_key_bytes(&k, name) <= sizeof name);
        nc_record_bytes(&r, &again);
        NEED(nc_str_eq(nc_buf_str(&again), (struct nc_str){copy, n}));
        nc_record_hash(&r, hash);
        NEED(nc_record_fits(&r, hash));
        nc_state_add(sum, &r, (struct nc_str){NULL, 0});
    }
    nc_buf_fini(&again);
    free(copy);
    return 0;
}
