#include "crypto/box.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/hash.h"

enum {
    VERSION = 1, /* the first byte of what is sealed; then nonce, text, tag */
    KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    HEAD = 1 + NONCE,
};

struct nc_box {
    uint8_t key[KEY];
};

static struct nc_box *box_of(const void *key)
{
    struct nc_box *b = nc_alloc(sizeof(*b));

    memcpy(b->key, key, KEY);
    return b;
}

enum nc_err nc_box_open(struct nc_box **out, const char *path)
{
    struct nc_buf key = {0};
    struct stat st;
    const char *odd = NULL;

    *out = NULL;
    nc_crypto_init();
    enum nc_err e = nc_file_read(path, KEY, &key);
    if (e == NC_ENOENT || e == NC_EIO)
        return e;
    if (e != NC_OK || key.n != KEY)
        odd = "it is not 32 bytes";
    else if (stat(path, &st) || (st.st_mode & 077))
        odd = "others than its owner may open it";
    if (odd)
        nc_log(NC_ERROR, "box.key", "path=%s reason=%s", nc_log_q(nc_str(path)),
               nc_log_q(nc_str(odd)));
    else
        *out = box_of(key.p);
    if (key.p)
        nc_wipe(key.p, key.n);
    nc_buf_fini(&key);
    return odd ? NC_EINVAL : NC_OK;
}

enum nc_err nc_box_make(struct nc_box **out, const char *path)
{
    uint8_t key[KEY];

    *out = NULL;
    nc_crypto_init();
    nc_random(key, KEY);
    enum nc_err e = nc_file_replace(path, (struct nc_str){(const char *)key, KEY});
    if (e == NC_OK)
        *out = box_of(key);
    nc_wipe(key, KEY);
    return e;
}

void nc_box_close(struct nc_box *b)
{
    if (!b)
        return;
    nc_wipe(b, sizeof(*b));
    free(b);
}

enum nc_err nc_box_seal(const struct nc_box *b, struct nc_str plain, struct nc_str about,
                        struct nc_buf *out)
{
    uint8_t head[HEAD] = {VERSION};

    if (plain.n > NC_BOX_MAX)
        return NC_ELIMIT;
    nc_random(head + 1, NONCE);
    nc_buf_add(out, head, HEAD);
    uint8_t *to = (uint8_t *)nc_buf_reserve(out, plain.n + TAG);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to, NULL, (const uint8_t *)plain.p, plain.n,
                                               (const uint8_t *)about.p, about.n, NULL,
                                               head + 1, b->key);
    nc_buf_grew(out, plain.n + TAG);
    return NC_OK;
}

enum nc_err nc_box_unseal(const struct nc_box *b, struct nc_str sealed, struct nc_str about,
                          struct nc_buf *out)
{
    const uint8_t *p = (const uint8_t *)sealed.p;

    if (sealed.n < HEAD + TAG || sealed.n > HEAD + TAG + (size_t)NC_BOX_MAX ||
        p[0] != VERSION)
        return NC_EINVAL;
    size_t n = sealed.n - HEAD - TAG;
    uint8_t *to = (uint8_t *)nc_buf_reserve(out, n + 1);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL, p + HEAD, n + TAG,
                                                   (const uint8_t *)about.p, about.n, p + 1,
                                                   b->key))
        return NC_EACCESS;
    nc_buf_grew(out, n);
    return NC_OK;
}
