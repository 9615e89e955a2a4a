#include "crypto/keyring.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/key.h"

enum { KEYS_MAX = 32, FILE_MAX = 1 << 16 };

struct nc_keyring {
    char *dir; /* NULL: in memory alone */
    struct nc_eckey *keys[KEYS_MAX];
    size_t n;
    size_t signer;     /* its place */
    uint64_t since_ms; /* when it began to sign; wall time */
    uint64_t losses;
};

/* ---- looking ---- */

const struct nc_eckey *nc_keyring_find(const struct nc_keyring *r, struct nc_str kid)
{
    for (size_t i = 0; i < r->n; i++)
        if (nc_str_eqz(kid, r->keys[i]->kid))
            return r->keys[i];
    return NULL;
}

const struct nc_eckey *nc_keyring_signer(const struct nc_keyring *r)
{
    return r->keys[r->signer];
}

struct nc_str nc_keyring_kid(const struct nc_keyring *r)
{
    return nc_str(nc_keyring_signer(r)->kid);
}

uint64_t nc_keyring_since_ms(const struct nc_keyring *r) { return r->since_ms; }
size_t nc_keyring_count(const struct nc_keyring *r) { return r->n; }
uint64_t nc_keyring_losses(const struct nc_keyring *r) { return r->losses; }

static void publish(const struct nc_eckey *k, const char *comma, struct nc_buf *out)
{
    nc_buf_printf(out,
                  "%s{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256\","
                  "\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}",
                  comma, k->kid, k->x, k->y);
}

void nc_keyring_jwks(const struct nc_keyring *r, struct nc_buf *out)
{
    nc_buf_adds(out, NC_STR("{\"keys\":["));
    publish(nc_keyring_signer(r), "", out);
    for (size_t i = 0; i < r->n; i++)
        if (i != r->signer && !r->keys[i]->trusted)
            publish(r->keys[i], ",", out);
    nc_buf_adds(out, NC_STR("]}"));
}

/* ---- on disk ---- */

static char *path_of(const struct nc_keyring *r, const char *name, const char *suffix)
{
    struct nc_buf path = {0};
    nc_buf_printf(&path, "%s/%s%s", r->dir, name, suffix);
    char *z = nc_str_dup(nc_buf_str(&path));
    nc_buf_fini(&path);
    return z;
}

static enum nc_err save_key(const struct nc_keyring *r, const struct nc_eckey *k)
{
    struct nc_buf pem = {0};
    char *path = path_of(r, k->kid, ".pem");
    /* Room at once: growing would leave a copy of the key in freed memory. */
    nc_buf_reserve(&pem, 1024);
    enum nc_err e = nc_eckey_pem(k, &pem);
    if (!e)
        e = nc_file_replace(path, nc_buf_str(&pem));
    if (pem.n)
        nc_wipe(pem.p, pem.n);
    nc_buf_fini(&pem);
    free(path);
    return e;
}

/* {"signer":kid,"since":ms,"retire":{kid:ms}}: the one file whose replacement is the
 * change. */
static enum nc_err save_index(const struct nc_keyring *r)
{
    struct nc_buf text = {0};
    char *path = path_of(r, "keys", ".json");
    const char *comma = "";
    nc_buf_printf(&text, "{\"signer\":\"%s\",\"since\":%llu,\"retire\":{",
                  nc_keyring_signer(r)->kid, (unsigned long long)r->since_ms);
    for (size_t i = 0; i < r->n; i++) {
        const struct nc_eckey *k = r->keys[i];
        if (k->trusted || i == r->signer)
            continue;
        nc_buf_printf(&text, "%s\"%s\":%llu", comma, k->kid,
                      (unsigned long long)k->retire_ms);
        comma = ",";
    }
    nc_buf_adds(&text, NC_STR("}}\n"));
    enum nc_err e = nc_file_replace(path, nc_buf_str(&text));
    nc_buf_fini(&text);
    free(path);
    return e;
}

static void remove_key(const struct nc_keyring *r, const char *kid)
{
    char *path = path_of(r, kid, ".pem");
    if (unlink(path) && errno != ENOENT)
        nc_log(NC_WARN, "keyring.leftover", "path=%s", nc_log_q(nc_str(path)));
    free(path);
}

static enum nc_err broken(const struct nc_keyring *r, const char *what)
{
    nc_log(NC_ERROR, "keyring.broken", "dir=%s what=%s", nc_log_q(nc_str(r->dir)),
           nc_log_q(nc_str(what)));
    return NC_EINVAL;
}

static enum nc_err load_key(struct nc_keyring *r, const char *kid, uint64_t retire_ms)
{
    struct nc_buf pem = {0};
    struct nc_eckey *k = NULL;
    /* The name becomes a path: it must be what we name files. */
    if (strlen(kid) != NC_KID ||
        strspn(kid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                    "uvwxyz0123456789-_") != NC_KID)
        return broken(r, "a key's name");
    if (r->n == KEYS_MAX)
        return broken(r, "too many keys");
    char *path = path_of(r, kid, ".pem");
    nc_buf_reserve(&pem, FILE_MAX);
    enum nc_err e = nc_file_read(path, FILE_MAX, &pem);
    if (!e)
        k = nc_eckey_of_pem(nc_buf_str(&pem));
    if (pem.n)
        nc_wipe(pem.p, pem.n);
    nc_buf_fini(&pem);
    free(path);
    if (e == NC_EIO)
        return e;
    if (!k || strcmp(k->kid, kid) != 0) {
        nc_eckey_free(k);
        return broken(r, e ? "a key file is missing" : "a key file");
    }
    k->retire_ms = retire_ms;
    r->keys[r->n++] = k;
    return NC_OK;
}

static enum nc_err load(struct nc_keyring *r, struct nc_str text)
{
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL), *at;
    json_t *retire = json_object_get(root, "retire");
    const char *signer = json_string_value(json_object_get(root, "signer")), *kid;
    enum nc_err e = signer && json_is_object(retire) ? NC_OK : broken(r, "keys.json");
    r->since_ms = (uint64_t)json_integer_value(json_object_get(root, "since"));
    if (!e)
        e = load_key(r, signer, 0);
    if (!e) {
        json_object_foreach(retire, kid, at)
        {
            if (!json_is_integer(at) || json_integer_value(at) <= 0)
                e = broken(r, "keys.json");
            else
                e = load_key(r, kid, (uint64_t)json_integer_value(at));
            if (e)
                break;
        }
    }
    json_decref(root);
    return e;
}

/* ---- living ---- */

static enum nc_err first_key(struct nc_keyring *r)
{
    struct nc_eckey *k = nc_eckey_new();
    if (!k)
        return NC_EIO;
    r->keys[r->n++] = k;
    r->since_ms = nc_wall_ms();
    if (!r->dir)
        return NC_OK;
    enum nc_err e = save_key(r, k);
    return e ? e : save_index(r);
}

enum nc_err nc_keyring_new(struct nc_keyring **out)
{
    struct nc_keyring *r = nc_alloc(sizeof *r);
    enum nc_err e = first_key(r);
    if (e)
        nc_keyring_free(r);
    else
        *out = r;
    return e;
}

enum nc_err nc_keyring_open(struct nc_keyring **out, const char *dir)
{
    struct nc_buf text = {0};
    struct nc_keyring *r = nc_alloc(sizeof *r);
    enum nc_err e;
    r->dir = nc_str_dup(nc_str(dir));
    if (mkdir(dir, 0700) && errno != EEXIST) {
        nc_log(NC_ERROR, "keyring.mkdir", "dir=%s error=%s", nc_log_q(nc_str(dir)),
               nc_log_q(nc_str(strerror(errno))));
        e = NC_EIO;
        goto fail;
    }
    char *path = path_of(r, "keys", ".json");
    e = nc_file_read(path, FILE_MAX, &text);
    free(path);
    if (e == NC_ENOENT)
        e = first_key(r);
    else if (e == NC_OK)
        e = load(r, nc_buf_str(&text));
    else if (e == NC_ELIMIT)
        e = broken(r, "keys.json is too long");
    nc_buf_fini(&text);
    if (e)
        goto fail;
    *out = r;
    return NC_OK;
fail:
    nc_keyring_free(r);
    return e;
}

void nc_keyring_free(struct nc_keyring *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        nc_eckey_free(r->keys[i]);
    free(r->dir);
    free(r);
}

enum nc_err nc_keyring_rotate(struct nc_keyring *r, uint64_t retire_ms)
{
    if (r->n == KEYS_MAX)
        return NC_ELIMIT;
    struct nc_eckey *fresh = nc_eckey_new();
    if (!fresh)
        return NC_EIO;
    size_t before = r->signer;
    uint64_t before_since = r->since_ms;
    r->keys[before]->retire_ms = retire_ms;
    r->since_ms = nc_wall_ms();
    r->keys[r->n] = fresh;
    r->signer = r->n++;
    /* The key first: an index must never name a file that isn't there. */
    if (!r->dir || (save_key(r, fresh) == NC_OK && save_index(r) == NC_OK))
        return NC_OK;

    r->n--;
    r->signer = before;
    r->since_ms = before_since;
    r->keys[before]->retire_ms = 0;
    remove_key(r, fresh->kid);
    nc_eckey_free(fresh);
    return NC_EIO;
}

size_t nc_keyring_expire(struct nc_keyring *r, uint64_t now_ms)
{
    struct nc_eckey *gone[KEYS_MAX];
    struct nc_eckey *signer = r->keys[r->signer];
    size_t kept = 0, n = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct nc_eckey *k = r->keys[i];
        bool over = k != signer && !k->trusted && k->retire_ms <= now_ms;
        if (over)
            gone[n++] = k;
        else
            r->keys[kept++] = k;
        if (k == signer)
            r->signer = kept - 1;
    }
    r->n = kept;
    r->losses += n > 0;
    /* The index first, for the same reason as above; if that fails the files stay
     * and the keys come back at the next start, to go again. */
    bool on_disk = n && r->dir && save_index(r) == NC_OK;
    for (size_t i = 0; i < n; i++) {
        if (on_disk)
            remove_key(r, gone[i]->kid);
        nc_eckey_free(gone[i]);
    }
    return n;
}

/* A P-256 key out of a JWK; NULL if it is something else or broken. */
static struct nc_eckey *of_jwk(const json_t *jwk)
{
    const char *kty = json_string_value(json_object_get(jwk, "kty"));
    const char *crv = json_string_value(json_object_get(jwk, "crv"));
    const char *x = json_string_value(json_object_get(jwk, "x"));
    const char *y = json_string_value(json_object_get(jwk, "y"));
    if (!kty || !crv || !x || !y || strcmp(kty, "EC") != 0 || strcmp(crv, "P-256") != 0)
        return NULL;
    return nc_eckey_of_point(x, y);
}

enum nc_err nc_keyring_trust(struct nc_keyring *r, struct nc_str jwks)
{
    struct nc_eckey *fresh[KEYS_MAX];
    size_t n = 0, at;
    json_t *jwk;
    if (jwks.n > FILE_MAX)
        return NC_ELIMIT;
    json_t *root = json_loadb(jwks.n ? jwks.p : "", jwks.n, JSON_REJECT_DUPLICATES, NULL);
    json_t *keys = json_object_get(root, "keys");
    enum nc_err e = !json_is_array(keys)               ? NC_EINVAL
                    : json_array_size(keys) > KEYS_MAX ? NC_ELIMIT
                                                       : NC_OK;
    if (!e) {
        json_array_foreach(keys, at, jwk)
        {
            /* The kid is computed anew: a name in the text proves nothing. */
            struct nc_eckey *k = of_jwk(jwk);
            if (k && nc_keyring_find(r, nc_str(k->kid))) {
                nc_eckey_free(k);
            } else if (k) {
                k->trusted = true;
                fresh[n++] = k;
            }
        }
    }
    json_decref(root);
    if (r->n + n > KEYS_MAX)
        e = NC_ELIMIT;
    for (size_t i = 0; i < n; i++) {
        if (e || nc_keyring_find(r, nc_str(fresh[i]->kid)))
            nc_eckey_free(fresh[i]);
        else
            r->keys[r->n++] = fresh[i];
    }
    return e;
}

enum nc_err nc_keyring_public(struct nc_keyring **out, struct nc_str jwks)
{
    struct nc_keyring *r = nc_alloc(sizeof *r);
    enum nc_err e = nc_keyring_trust(r, jwks);
    if (e == NC_OK && r->n == 0)
        e = NC_EINVAL;
    if (e)
        nc_keyring_free(r);
    else
        *out = r;
    return e;
}
