#include "crypto/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

#include "base/log.h"
#include "crypto/hash.h"

_Static_assert(NC_PWHASH == crypto_pwhash_STRBYTES, "the hash text is libsodium's");

enum { MEM_KIB_MAX = 64 * 1024, OPS_MAX = 8 };

static const struct {
    unsigned long long ops;
    size_t mem;
} costs[] = {
    [NC_PWCOST_NORMAL] = {2, 19u << 20},
    [NC_PWCOST_TEST] = {crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN},
};

enum nc_err nc_password_hash(struct nc_str password, enum nc_pwcost cost,
                             char out[NC_PWHASH])
{
    nc_crypto_init();
    if (crypto_pwhash_str_alg(out, password.n ? password.p : "", password.n,
                              costs[cost].ops, costs[cost].mem,
                              crypto_pwhash_ALG_ARGON2ID13)) {
        nc_log(NC_ERROR, "password.no_memory", "bytes=%zu", costs[cost].mem);
        return NC_EIO;
    }
    return NC_OK;
}

/* Another node's hashes come with what checking them costs: no more than a few of ours. */
static bool is_bearable(const char *hash)
{
    unsigned mem_kib, ops, lanes;
    int n = 0;

    return sscanf(hash, "$argon2id$v=19$m=%8u,t=%8u,p=%8u$%n", &mem_kib, &ops, &lanes,
                  &n) == 3 &&
           n > 0 && mem_kib <= MEM_KIB_MAX && ops <= OPS_MAX && lanes == 1;
}

bool nc_password_verify(const char *hash, struct nc_str password)
{
    nc_crypto_init();
    return is_bearable(hash) &&
           crypto_pwhash_str_verify(hash, password.n ? password.p : "", password.n) == 0;
}

bool nc_password_stale(const char *hash, enum nc_pwcost cost)
{
    return crypto_pwhash_str_needs_rehash(hash, costs[cost].ops, costs[cost].mem) != 0;
}

static char dummies[NC_COUNT(costs)][NC_PWHASH];

/* Hashes of bytes that nobody knows.  If there is no memory the text stays empty:
 * it fits no password either, and a real one could not be checked just then. */
static void make_dummies(void)
{
    for (size_t i = 0; i < NC_COUNT(costs); i++) {
        char unknown[32];
        nc_random(unknown, sizeof unknown);
        if (nc_password_hash((struct nc_str){unknown, sizeof unknown}, (enum nc_pwcost)i,
                             dummies[i]))
            dummies[i][0] = '\0';
        nc_wipe(unknown, sizeof unknown);
    }
}

const char *nc_password_dummy(enum nc_pwcost cost)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_dummies);
    return dummies[cost];
}
