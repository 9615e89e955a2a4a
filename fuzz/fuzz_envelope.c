/*
 * Envelopes between nodes: what a stranger wrote is never opened; what was sealed with the
 * input in it is, and only by its receiver.
 */
#include <stdlib.h>
#include <string.h>

#include "mesh/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

static const struct nc_id sender = {{1, [15] = 7}}, self = {{2, [15] = 9}};

static void check_stranger(const struct nc_identity *key, const uint8_t *data, size_t n)
{
    struct nc_envelope e;
    const char *why = NULL;
    char *copy = malloc(n + 1);

    memcpy(copy, data, n);
    NEED(nc_envelope_open((struct nc_str){copy, n}, &sender, key->key, &self, &e, &why) !=
         NC_OK);
    NEED(why);
    free(copy);
}

static void check_sealed(const struct nc_identity *key, const uint8_t *data, size_t n)
{
    struct nc_envelope e = {.sender = sender,
                            .receiver = data[0] & 1 ? self : (struct nc_id){{0}}};
    struct nc_envelope out;
    struct nc_buf b = {0};

    memcpy(&e.epoch_ms, data + 1, 5);
    memcpy(&e.wall_ms, data + 6, 5);
    e.counter = 1 + (data[11] | (uint64_t)data[12] << 50);
    e.payload = (struct nc_str){(const char *)data + 13, n - 13};
    nc_envelope_seal(&e, key, &b);
    NEED(nc_envelope_open(nc_buf_str(&b), &sender, key->key, &self, &out, NULL) == NC_OK);
    NEED(out.epoch_ms == e.epoch_ms && out.wall_ms == e.wall_ms &&
         out.counter == e.counter);
    NEED(nc_str_eq(out.payload, e.payload));
    size_t at = (size_t)data[12] * 31 % b.n;
    b.p[at] ^= 0x10;
    NEED(nc_envelope_open(nc_buf_str(&b), &sender, key->key, &self, &out, NULL) != NC_OK);
    nc_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct nc_identity key;
    static bool made;

    if (!made)
        nc_identity_make(&key);
    made = true;
    check_stranger(&key, data, n);
    if (n >= 13 && n < 4096)
        check_sealed(&key, data, n);
    return 0;
}
