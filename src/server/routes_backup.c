/* /api/v1/admin/backup: a copy of everything, made while the node runs. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "chat/people/people.h"
#include "crypto/hash.h"
#include "loop/work.h"
#include "server/call.h"
#include "server/restore.h"
#include "server/server.h"
#include "wire/json_in.h"

/* Keys are sealed on a password thread (Argon2id), then the store copies itself. */
struct backup {
    struct nc_work work;
    struct nc_backup copy;
    struct nc_call *call;
    struct nc_sealed_keys keys;
    char *path, *passphrase, *data;
    enum nc_err err;
};

static void finish_backup(struct backup *b, const struct nc_problem *why)
{
    struct nc_call *call = b->call;
    struct stat st = {0};

    nc_people_audit(call->chat, "backup",
                    call->actor.user ? call->actor.user->a.username : NC_STR("admin.sock"),
                    nc_str(b->path), call->actor.address, why);
    if (why) {
        nc_call_problem(call, why);
    } else {
        struct nc_buf out = {0};
        struct nc_json j = nc_json_to(&out);
        (void)stat(b->path, &st);
        nc_json_obj(&j);
        nc_json_kstr(&j, "path", nc_str(b->path));
        nc_json_kuint(&j, "bytes", (uint64_t)st.st_size);
        nc_json_kbool(&j, "with_keys", b->keys.n > 0);
        nc_json_obj_end(&j);
        nc_call_json(call, 201, nc_buf_str(&out));
        nc_buf_fini(&out);
    }
    nc_sealed_keys_fini(&b->keys);
    if (b->passphrase)
        nc_wipe(b->passphrase, strlen(b->passphrase));
    free(b->passphrase);
    free(b->path);
    free(b->data);
    free(b);
}

static void on_copied(struct nc_backup *copy, enum nc_err e)
{
    struct backup *b = nc_of(copy, struct backup, copy);
    struct nc_problem why;

    if (e == NC_OK) {
        finish_backup(b, NULL);
        return;
    }
    if (e == NC_EEXIST)
        nc_problem_set(&why, NC_P_CONFLICT, "there is a file of that name already");
    else if (e == NC_ENOENT)
        nc_problem_set(&why, NC_P_NOT_IMPLEMENTED, "this store can't be copied");
    else
        nc_problem_set(&why, NC_P_UNAVAILABLE,
                       "the copy could not be written; see the log");
    finish_backup(b, &why);
}

static void copy_store(struct backup *b)
{
    struct nc_store *s = b->call->srv->store;

    b->copy = (struct nc_backup){.path = b->path,
                                 .attachments = b->keys.files,
                                 .attachments_n = b->keys.n,
                                 .done = on_copied};
    s->ops->backup(s, &b->copy);
}

static void seal(struct nc_work *w, unsigned thread)
{
    struct backup *b = nc_of(w, struct backup, work);

    (void)thread;
    b->err = nc_seal_keys(b->data, nc_str(b->passphrase), &b->keys);
}

static void on_sealed(struct nc_work *w, enum nc_err e)
{
    struct backup *b = nc_of(w, struct backup, work);
    struct nc_problem why;

    if (e == NC_OK && b->err == NC_OK) {
        copy_store(b);
        return;
    }
    nc_problem_set(&why, NC_P_UNAVAILABLE, "the keys could not be sealed; see the log");
    finish_backup(b, &why);
}

/* A path of the caller's, or DIR/backup/<time>.db */
static char *backup_path(struct nc_call *call, struct nc_str wanted)
{
    char folder[NC_PATH_MAX], time[NC_TIME_TEXT + 1] = "";
    struct nc_buf path = {0};

    if (wanted.n)
        return nc_str_dup(wanted);
    nc_time_text(nc_wall_ms(), time);
    for (char *p = time; *p; p++)
        if (*p == ':' || *p == '.')
            *p = '-';
    if (*call->srv->cfg->backup_dir)
        nc_buf_printf(&path, "%s", call->srv->cfg->backup_dir);
    else
        nc_buf_printf(&path, "%s", nc_server_path(call->srv, "backup", folder));
    char *dir = nc_str_dup(nc_buf_str(&path));
    (void)mkdir(dir, 0700); /* the copy says what is wrong with it */
    free(dir);
    nc_buf_printf(&path, "/neuralchat-%s.db", time);
    char *out = nc_str_dup(nc_buf_str(&path));
    nc_buf_fini(&path);
    return out;
}

static void backup(struct nc_call *call)
{
    struct nc_str path = {0}, passphrase = {0};
    bool with_keys = false;
    struct nc_problem why;

    if (nc_json_opt_str(call->body, "path", 1, 900, &path, &why) != NC_OK ||
        nc_json_opt_str(call->body, "passphrase", 8, 1024, &passphrase, &why) != NC_OK ||
        nc_json_opt_bool(call->body, "with_keys", &with_keys, &why) != NC_OK) {
        nc_call_problem(call, &why);
        return;
    }
    if (path.n && !call->actor.admin_socket) {
        nc_call_fail(call, NC_P_FORBIDDEN,
                     "a path may be given on the machine itself only");
        return;
    }
    if (path.n && path.p[0] != '/') {
        nc_call_fail(call, NC_P_BAD_REQUEST, "`path` must be absolute");
        return;
    }
    if (with_keys != (passphrase.n > 0)) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "`with_keys` and `passphrase` go together");
        return;
    }
    struct backup *b = nc_alloc(sizeof(*b));
    b->call = call;
    b->path = backup_path(call, path);
    b->data = nc_str_dup(nc_str(call->srv->cfg->data));
    if (!with_keys) {
        copy_store(b);
        return;
    }
    b->passphrase = nc_str_dup(passphrase);
    b->work = (struct nc_work){.run = seal, .done = on_sealed};
    if (nc_pool_submit(call->srv->hashers, &b->work) != NC_OK) {
        nc_problem_set(&why, NC_P_BUSY, "too many passwords are being checked");
        finish_backup(b, &why);
    }
}

const struct nc_route nc_routes_backup[] = {
    {"POST", "/api/v1/admin/backup", backup, NC_R_OWNER | NC_R_SESSION | NC_R_BODY_OPTIONAL,
     0, 0},
    {0},
};
