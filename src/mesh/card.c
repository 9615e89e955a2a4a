#include "mesh/card.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/keyring.h"
#include "mesh/link_url.h"
#include "wire/json.h"
#include "wire/json_in.h"

bool nc_card_name_ok(struct nc_str name)
{
    if (!name.n || name.n >= NC_CARD_NAME || strchr("._-", name.p[0]))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c && strchr("._-", c))))
            return false;
    }
    return true;
}

void nc_card_write_urls(struct nc_json *j, const char *key,
                        const char urls[][NC_PAIR_URL + 1], unsigned n)
{
    nc_json_key(j, key);
    nc_json_arr(j);
    for (unsigned i = 0; i < n; i++)
        nc_json_str(j, nc_str(urls[i]));
    nc_json_arr_end(j);
}

void nc_card_write_public(struct nc_json *j, const struct nc_card *c)
{
    char key[NC_IDENTITY_TEXT];

    nc_identity_key_text(c->key, key);
    nc_json_kid(j, "id", &c->id);
    nc_json_kstr(j, "name", nc_str(c->name));
    nc_json_kstr(j, "key", (struct nc_str){key, sizeof(key)});
    nc_card_write_urls(j, "urls", c->urls, c->urls_n);
    nc_card_write_urls(j, "brokers", c->brokers, c->brokers_n);
}

void nc_card_write(struct nc_json *j, const struct nc_card *c)
{
    nc_card_write_public(j, c);
    nc_json_kraw(j, "jwks", nc_buf_str(&c->jwks));
    nc_json_kuint(j, "at", c->at_ms);
}

static bool broker_ok(struct nc_str url)
{
    struct nc_link_url at;

    return nc_link_url_broker(url, &at) == NC_OK;
}

static bool read_urls(const json_t *o, const char *key, unsigned max,
                      bool (*ok)(struct nc_str), char out[][NC_PAIR_URL + 1], unsigned *n,
                      struct nc_problem *why)
{
    struct nc_str urls[NC_CARD_BROKERS];
    size_t found = 0;

    if (nc_json_opt_strs(o, key, max, NC_PAIR_URL, urls, &found, NULL, why) != NC_OK)
        return false;
    for (size_t i = 0; i < found; i++) {
        if (urls[i].n > NC_PAIR_URL || !ok(urls[i])) {
            nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` has something else than addresses",
                           key);
            return false;
        }
        memcpy(out[i], urls[i].p, urls[i].n);
    }
    *n = (unsigned)found;
    return true;
}

/* Kept as a text that nc_keyring_public takes. */
static bool read_jwks(const json_t *o, struct nc_card *out, struct nc_problem *why)
{
    struct nc_keyring *ring = NULL;

    bool ok = nc_json_copy(o, "jwks", &out->jwks) && out->jwks.n <= NC_CARD_JWKS_MAX &&
              nc_keyring_public(&ring, nc_buf_str(&out->jwks)) == NC_OK;
    nc_keyring_free(ring);
    if (!ok)
        nc_problem_set(why, NC_P_BAD_REQUEST, "`jwks` are no keys");
    return ok;
}

enum nc_err nc_card_read(const json_t *o, struct nc_card *out, struct nc_problem *why)
{
    struct nc_str name, key;
    int64_t at;

    *out = (struct nc_card){.urls_n = 0};
    if (nc_json_need_id(o, "id", &out->id, why) != NC_OK ||
        nc_json_need_str(o, "name", 1, NC_CARD_NAME - 1, &name, why) != NC_OK ||
        nc_json_need_str(o, "key", NC_IDENTITY_TEXT, NC_IDENTITY_TEXT, &key, why) !=
            NC_OK ||
        nc_json_need_int(o, "at", 0, INT64_MAX, &at, why) != NC_OK ||
        !read_urls(o, "urls", NC_PAIR_URLS, nc_pair_url_ok, out->urls, &out->urls_n, why) ||
        !read_urls(o, "brokers", NC_CARD_BROKERS, broker_ok, out->brokers, &out->brokers_n,
                   why))
        goto fail;
    if (!nc_card_name_ok(name) || nc_identity_key_parse(key, out->key) != NC_OK ||
        nc_id_zero(&out->id)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "no name, key or id of a node");
        goto fail;
    }
    if (!read_jwks(o, out, why))
        goto fail;
    memcpy(out->name, name.p, name.n);
    out->at_ms = (uint64_t)at;
    return NC_OK;
fail:
    nc_card_fini(out);
    return NC_EINVAL;
}

void nc_card_fini(struct nc_card *c)
{
    nc_buf_fini(&c->jwks);
    *c = (struct nc_card){.urls_n = 0};
}
