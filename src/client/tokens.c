#include "client/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "client/place.h"
#include "crypto/file.h"
#include "crypto/hash.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum { FILE_MAX = 64u << 10, TOKEN_MAX = 16u << 10, NAME_MAX_ = 256, MARGIN_MS = 60000 };

static void drop(char **secret)
{
    if (*secret)
        nc_wipe(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

void nc_tokens_fini(struct nc_tokens *t)
{
    drop(&t->access);
    drop(&t->refresh);
    free(t->username);
    free(t->role);
    *t = (struct nc_tokens){0};
}

bool nc_tokens_fresh(const struct nc_tokens *t, uint64_t now_ms)
{
    return t->access && now_ms + MARGIN_MS < t->expires_ms;
}

/* A name becomes part of a path: only what usernames are made of. */
static bool name_ok(struct nc_str s)
{
    if (s.n == 0 || s.n > 64 || s.p[0] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", s.p[i]) || !s.p[i])
            return false;
    return true;
}

static enum nc_err take(struct nc_tokens *t, const json_t *user, const json_t *obj)
{
    struct nc_str username, access, refresh, role = {0};
    struct nc_problem why;
    struct nc_tokens fresh = {0};

    if (nc_json_need_str(user, "username", 1, NAME_MAX_, &username, &why) != NC_OK ||
        nc_json_need_id(user, "id", &fresh.user, &why) != NC_OK ||
        nc_json_opt_str(user, "role", 0, NAME_MAX_, &role, &why) != NC_OK ||
        nc_json_need_str(obj, "access_token", 1, TOKEN_MAX, &access, &why) != NC_OK ||
        nc_json_need_str(obj, "refresh_token", 1, TOKEN_MAX, &refresh, &why) != NC_OK ||
        !name_ok(username))
        return NC_EINVAL;
    nc_tokens_fini(t);
    *t = fresh;
    t->username = nc_str_dup(username);
    t->role = nc_str_dup(role);
    t->access = nc_str_dup(access);
    t->refresh = nc_str_dup(refresh);
    return NC_OK;
}

enum nc_err nc_tokens_take(struct nc_tokens *t, const json_t *answer, uint64_t now_ms)
{
    int64_t expires_s = 0;
    struct nc_problem why;

    if (nc_json_need_int(answer, "expires_in", 0, 365 * 86400, &expires_s, &why) != NC_OK ||
        take(t, json_object_get(answer, "user"), answer) != NC_OK)
        return NC_EINVAL;
    t->expires_ms = now_ms + (uint64_t)expires_s * 1000;
    return NC_OK;
}

/* ---- the files ------------------------------------------------------------ */

static enum nc_err current_user(const char *dir, struct nc_buf *out)
{
    char *path = nc_place_join(dir, NC_STR("current"), "");
    enum nc_err e = nc_file_read(path, 128, out);

    free(path);
    if (e != NC_OK || !name_ok(nc_str_trim(nc_buf_str(out))))
        return NC_ENOENT;
    return NC_OK;
}

enum nc_err nc_tokens_load(struct nc_tokens *t, const char *dir, const char *user)
{
    struct nc_buf name = {0}, text = {0};
    struct nc_problem why;
    enum nc_err e = NC_ENOENT;
    json_t *obj = NULL;
    char *path = NULL;

    if (user)
        nc_buf_adds(&name, nc_str(user));
    else if (current_user(dir, &name) != NC_OK)
        goto done;
    if (!name_ok(nc_str_trim(nc_buf_str(&name))))
        goto done;
    path = nc_place_join(dir, nc_str_trim(nc_buf_str(&name)), ".json");
    if (nc_file_read(path, FILE_MAX, &text) != NC_OK ||
        nc_json_parse(nc_buf_str(&text), &obj, &why) != NC_OK || take(t, obj, obj) != NC_OK)
        goto done;
    e = nc_json_opt_time(obj, "expires_at", &t->expires_ms, &why) == NC_OK ? NC_OK
                                                                           : NC_ENOENT;
done:
    if (text.p)
        nc_wipe(text.p, text.n);
    json_decref(obj);
    free(path);
    nc_buf_fini(&text);
    nc_buf_fini(&name);
    return e;
}

enum nc_err nc_tokens_save(const struct nc_tokens *t, const char *dir, bool current)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    char *path = nc_place_join(dir, nc_str(t->username), ".json");
    char *mark = nc_place_join(dir, NC_STR("current"), "");
    enum nc_err e = nc_place_make(dir);

    nc_json_obj(&j);
    nc_json_kid(&j, "id", &t->user);
    nc_json_kstr(&j, "username", nc_str(t->username));
    nc_json_kstr(&j, "role", nc_str(t->role));
    nc_json_kstr(&j, "access_token", nc_str(t->access));
    nc_json_kstr(&j, "refresh_token", nc_str(t->refresh));
    nc_json_ktime(&j, "expires_at", t->expires_ms);
    nc_json_obj_end(&j);
    if (e == NC_OK)
        e = nc_file_replace(path, nc_buf_str(&b));
    if (e == NC_OK && current)
        e = nc_file_replace(mark, nc_str(t->username));
    nc_wipe(b.p, b.n);
    nc_buf_fini(&b);
    free(path);
    free(mark);
    return e;
}

void nc_tokens_erase(const char *dir, const char *user)
{
    struct nc_buf current = {0};
    char *path = nc_place_join(dir, nc_str(user), ".json");
    char *mark = nc_place_join(dir, NC_STR("current"), "");

    unlink(path);
    if (current_user(dir, &current) == NC_OK &&
        nc_str_eqz(nc_str_trim(nc_buf_str(&current)), user))
        unlink(mark);
    nc_buf_fini(&current);
    free(path);
    free(mark);
}

enum nc_err nc_tokens_lock(int *fd, const char *dir, const char *user)
{
    char *path = nc_place_join(dir, nc_str(user), ".lock");

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (*fd < 0)
        return NC_EIO;
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return NC_OK;
    enum nc_err e = errno == EWOULDBLOCK ? NC_AGAIN : NC_EIO;
    close(*fd);
    *fd = -1;
    return e;
}
