/*
 * server/restore: backups: what goes into one, and a data folder out of one.
 */
#pragma once

#include "base/buf.h"
#include "store/store.h"

struct nc_config;
struct nc_server;

/* neuralchatd --restore FILE --data DIR: 0, or an exit status after a message on stderr. */
int nc_restore(const struct nc_config *c);

/* The node's keys (signing keys, node id, what seals the providers' API keys), sealed, as
 * attachments of a backup.  Blocking for as long as Argon2id takes: on a pool thread.
 * NC_EIO logged. */
struct nc_sealed_keys {
    struct nc_attachment files[16];
    unsigned n;
    struct nc_buf bytes[16];
};
NC_MUSTUSE enum nc_err nc_seal_keys(const char *data, struct nc_str passphrase,
                                    struct nc_sealed_keys *out);
void nc_sealed_keys_fini(struct nc_sealed_keys *k);
