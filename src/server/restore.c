#include "server/restore.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "config/node.h"
#include "crypto/file.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "server/folder.h"

#define KEY_FILE_MAX (64u << 10)

/* ---- into a backup -------------------------------------------------------- */

static enum nc_err add(struct nc_sealed_keys *out, const char *path, const char *name,
                       struct nc_str passphrase)
{
    struct nc_buf plain = {0}, whole = {0};

    if (out->n == NC_COUNT(out->files))
        return NC_ELIMIT;
    enum nc_err e = nc_file_read(path, KEY_FILE_MAX, &plain);
    if (e == NC_OK)
        e = nc_seal(nc_buf_str(&plain), passphrase, NC_PWCOST_NORMAL, &whole);
    if (plain.p)
        nc_wipe(plain.p, plain.n);
    nc_buf_fini(&plain);
    if (e != NC_OK) {
        nc_buf_fini(&whole);
        return e;
    }
    unsigned i = out->n++;
    out->bytes[i] = whole;
    out->files[i].name = nc_str(nc_str_dup(nc_str(name)));
    out->files[i].bytes = nc_buf_str(&out->bytes[i]);
    return NC_OK;
}

enum nc_err nc_seal_keys(const char *data, struct nc_str passphrase,
                         struct nc_sealed_keys *out)
{
    char folder[NC_PATH_MAX], path[NC_PATH_MAX * 2], name[300];

    *out = (struct nc_sealed_keys){0};
    snprintf(path, sizeof(path), "%s/node-id", data);
    enum nc_err e = add(out, path, "node-id", passphrase);
    snprintf(folder, sizeof(folder), "%s/keys", data);
    DIR *dir = e == NC_OK ? opendir(folder) : NULL;
    if (!dir)
        return e == NC_OK ? NC_EIO : e;
    for (struct dirent *d; e == NC_OK && (d = readdir(dir));) {
        if (d->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
        snprintf(name, sizeof(name), "keys/%s", d->d_name);
        e = add(out, path, name, passphrase);
    }
    closedir(dir);
    if (e != NC_OK)
        return e;
    snprintf(path, sizeof(path), "%s/node.key", data);
    e = add(out, path, "node.key", passphrase);
    if (e != NC_OK)
        return e;
    snprintf(path, sizeof(path), "%s/provider.key", data);
    e = add(out, path, "provider.key", passphrase);
    return e == NC_ENOENT ? NC_OK : e; /* no provider has a key yet */
}

void nc_sealed_keys_fini(struct nc_sealed_keys *k)
{
    for (unsigned i = 0; i < k->n; i++) {
        char *name = (char *)(uintptr_t)k->files[i].name.p;
        free(name);
        nc_buf_fini(&k->bytes[i]);
    }
    *k = (struct nc_sealed_keys){0};
}

/* ---- out of one ------------------------------------------------------------ */

struct unpack {
    const struct nc_config *c;
    struct nc_buf passphrase;
    unsigned keys, failed;
};

/* "node-id", "node.key", "provider.key" or "keys/<plain file name>": a backup is a file
 * from anywhere. */
static bool safe_name(struct nc_str name)
{
    struct nc_str rest = name;

    if (nc_str_eqz(name, "node-id") || nc_str_eqz(name, "node.key") ||
        nc_str_eqz(name, "provider.key"))
        return true;
    struct nc_str folder = nc_str_cut(&rest, '/');
    if (!nc_str_eqz(folder, "keys") || rest.n == 0 || rest.n > 100 || rest.p[0] == '.')
        return false;
    for (size_t i = 0; i < rest.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.",
                    rest.p[i]) ||
            rest.p[i] == '\0')
            return false;
    return true;
}

static void on_attachment(void *arg, struct nc_str name, struct nc_str bytes)
{
    struct unpack *u = arg;
    struct nc_buf plain = {0};
    char path[NC_PATH_MAX * 2];

    u->keys++;
    if (!u->passphrase.n || !safe_name(name)) {
        u->failed++;
        return;
    }
    snprintf(path, sizeof(path), "%s/%.*s", u->c->data, NC_FMT(name));
    enum nc_err e = nc_unseal(bytes, nc_str_trim(nc_buf_str(&u->passphrase)), &plain);
    if (e == NC_OK)
        e = nc_file_replace(path, nc_buf_str(&plain));
    if (e != NC_OK) {
        fprintf(stderr, "neuralchatd: %.*s: %s\n", NC_FMT(name),
                e == NC_EACCESS ? "the passphrase does not fit" : nc_strerr(e));
        u->failed++;
    }
    if (plain.p)
        nc_wipe(plain.p, plain.n);
    nc_buf_fini(&plain);
}

static int restore_into(const struct nc_config *c, struct unpack *u)
{
    char db[NC_PATH_MAX], keys[NC_PATH_MAX];

    snprintf(db, sizeof(db), "%s/neuralchat.db", c->data);
    snprintf(keys, sizeof(keys), "%s/keys", c->data);
    (void)mkdir(keys, 0700); /* where it matters, writing into it says what is wrong */
    const struct nc_store_ops *backend = nc_store_backend("sqlite:");
    if (!backend || backend->restore(db, c->restore, on_attachment, u) != NC_OK) {
        fprintf(stderr, "neuralchatd: %s could not be restored; the log above says why\n",
                c->restore);
        return 1;
    }
    if (u->failed && u->passphrase.n)
        return 1;
    if (u->failed)
        fprintf(stderr,
                "neuralchatd: the backup holds keys; without --passphrase-file they "
                "were left out and everybody has to log in again\n");
    printf("restored %s into %s%s\n", c->restore, c->data,
           u->keys > u->failed ? ", with its keys" : "");
    return 0;
}

/* A folder that was empty is empty again, so that the next try is not refused. */
static void clear(const struct nc_config *c)
{
    static const char *const names[] = {
        "neuralchat.db", "neuralchat.db-wal", "neuralchat.db-shm", "neuralchat.db.lock",
        "node-id",       "node.key",          "provider.key",      "lock"};
    char path[NC_PATH_MAX * 2], keys[NC_PATH_MAX];

    snprintf(keys, sizeof(keys), "%s/keys", c->data);
    DIR *dir = opendir(keys);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        snprintf(path, sizeof(path), "%s/%s", keys, d->d_name);
        if (d->d_name[0] != '.')
            (void)unlink(path);
    }
    if (dir)
        closedir(dir);
    (void)rmdir(keys);
    for (size_t i = 0; i < NC_COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", c->data, names[i]);
        (void)unlink(path);
    }
}

int nc_restore(const struct nc_config *c)
{
    struct unpack u = {.c = c};
    int lock = -1, status = 1;

    if (!nc_folder_empty(c->data)) {
        fprintf(stderr,
                "neuralchatd: %s is not empty; a backup is restored into a new folder\n",
                c->data);
        return 1;
    }
    if (*c->passphrase_file &&
        nc_file_read(c->passphrase_file, 4096, &u.passphrase) != NC_OK) {
        fprintf(stderr, "neuralchatd: %s can't be read\n", c->passphrase_file);
        return 1;
    }
    if (nc_folder_open(c->data, &lock) == NC_OK) {
        status = restore_into(c, &u);
        if (status)
            clear(c);
    }
    if (lock >= 0)
        close(lock);
    if (u.passphrase.p)
        nc_wipe(u.passphrase.p, u.passphrase.n);
    nc_buf_fini(&u.passphrase);
    return status;
}
