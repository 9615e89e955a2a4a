/*
 * Codes of invitations, and requests to join, from strangers.  A code that is taken is,
 * written again, the same text; a request that can be read proves nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "mesh/pair.h"
#include "wire/json_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void code(struct nc_str text)
{
    struct nc_pair_code c;
    struct nc_buf again = {0};

    if (nc_pair_code_parse(text, &c) != NC_OK)
        return;
    nc_pair_code_add(&c, &again);
    if (!nc_str_eq(nc_buf_str(&again), nc_str_trim(text)))
        abort();
    nc_buf_fini(&again);
}

/* The check at a code's end would keep a fuzzer out: here it is made to fit. */
static void code_of(const uint8_t *data, size_t n)
{
    struct nc_pair_code c;
    uint8_t hash[NC_SHA256];
    struct nc_buf bytes = {0}, text = {0};

    nc_buf_add(&bytes, data, n);
    nc_sha256(data, n, hash);
    nc_buf_add(&bytes, hash, 4);
    nc_buf_adds(&text, NC_STR("ncmesh1."));
    nc_b64url_add(&text, bytes.p, bytes.n);
    if (nc_pair_code_parse(nc_buf_str(&text), &c) == NC_OK)
        code(nc_buf_str(&text));
    nc_buf_fini(&bytes);
    nc_buf_fini(&text);
}

static void request(struct nc_str text)
{
    static const uint8_t secret[NC_PAIR_SECRET], key[NC_IDENTITY_KEY];
    struct nc_pair_request r;
    struct nc_problem why;
    json_t *o;

    if (nc_json_parse(text, &o, NULL) != NC_OK)
        return;
    if (nc_pair_request_read(o, &r, &why) == NC_OK) {
        if (nc_pair_request_proves(&r, secret, key))
            abort();
        nc_card_fini(&r.card);
    }
    json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct nc_str text = {(const char *)data, n};

    nc_crypto_init();
    code(text);
    request(text);
    if (n < 2000)
        code_of(data, n);
    return 0;
}
