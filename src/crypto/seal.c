#include "crypto/seal.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/hash.h"

enum {
    VERSION = 1,
    MAGIC = 7,
    SALT = crypto_pwhash_SALTBYTES,
    KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    /* magic, version, passes (u32 le), memory in KiB (u32 le), salt, nonce */
    AT_OPS = MAGIC + 1,
    AT_MEM = AT_OPS + 4,
    AT_SALT = AT_MEM + 4,
    AT_NONCE = AT_SALT + SALT,
    HEAD = AT_NONCE + NONCE,
    /* What a forged header may make us spend. */
    OPS_MAX = 16,
    MEM_MAX_KIB = 1 << 20,
};

static const char magic[MAGIC] = "NCSEAL\n";

/* Dearer than a login: it is done once a backup, and guessed at off line. */
static const struct {
    uint32_t ops, mem_kib;
} costs[] = {
    [NC_PWCOST_NORMAL] = {4, 64 << 10},
    [NC_PWCOST_TEST] = {crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN >> 10},
};

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static enum nc_err derive(uint8_t key[KEY], const uint8_t head[HEAD],
                          struct nc_str passphrase)
{
    nc_crypto_init();
    if (crypto_pwhash(key, KEY, passphrase.n ? passphrase.p : "", passphrase.n,
                      head + AT_SALT, get32(head + AT_OPS),
                      (size_t)get32(head + AT_MEM) << 10, crypto_pwhash_ALG_ARGON2ID13)) {
        nc_log(NC_ERROR, "seal.no_memory", "kib=%u", (unsigned)get32(head + AT_MEM));
        return NC_EIO;
    }
    return NC_OK;
}

enum nc_err nc_seal(struct nc_str plain, struct nc_str passphrase, enum nc_pwcost cost,
                    struct nc_buf *out)
{
    uint8_t head[HEAD], key[KEY];
    if (plain.n > NC_SEAL_MAX)
        return NC_ELIMIT;
    memcpy(head, magic, MAGIC);
    head[MAGIC] = VERSION;
    put32(head + AT_OPS, costs[cost].ops);
    put32(head + AT_MEM, costs[cost].mem_kib);
    nc_random(head + AT_SALT, SALT + NONCE);
    enum nc_err e = derive(key, head, passphrase);
    if (e)
        return e;

    nc_buf_add(out, head, HEAD);
    uint8_t *to = (uint8_t *)nc_buf_reserve(out, plain.n + TAG);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to, NULL, (const uint8_t *)plain.p, plain.n,
                                               head, HEAD, NULL, head + AT_NONCE, key);
    nc_buf_grew(out, plain.n + TAG);
    nc_wipe(key, sizeof key);
    return NC_OK;
}

enum nc_err nc_unseal(struct nc_str sealed, struct nc_str passphrase, struct nc_buf *out)
{
    const uint8_t *head = (const uint8_t *)sealed.p;
    uint8_t key[KEY];
    if (sealed.n < HEAD + TAG || memcmp(head, magic, MAGIC) != 0 || head[MAGIC] != VERSION)
        return NC_EINVAL;
    if (sealed.n > HEAD + TAG + (size_t)NC_SEAL_MAX)
        return NC_ELIMIT;
    uint32_t ops = get32(head + AT_OPS), mem_kib = get32(head + AT_MEM);
    if (ops < crypto_pwhash_OPSLIMIT_MIN || mem_kib < crypto_pwhash_MEMLIMIT_MIN >> 10)
        return NC_EINVAL;
    if (ops > OPS_MAX || mem_kib > MEM_MAX_KIB)
        return NC_ELIMIT;
    enum nc_err e = derive(key, head, passphrase);
    if (e)
        return e;

    size_t n = sealed.n - HEAD - TAG;
    uint8_t *to = (uint8_t *)nc_buf_reserve(out, n + 1);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL, head + HEAD, n + TAG,
                                                   head, HEAD, head + AT_NONCE, key))
        e = NC_EACCESS;
    else
        nc_buf_grew(out, n);
    nc_wipe(key, sizeof key);
    return e;
}
