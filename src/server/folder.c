#include "server/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/file.h"
#include "crypto/token.h"

#define OWNER_CODE_MAX 128

static void path_of(const char *data, const char *name, char out[NC_PATH_MAX])
{
    snprintf(out, NC_PATH_MAX, "%s/%s", data, name);
}

/* mkdir -p, the last one closed to others. */
static enum nc_err make(const char *data)
{
    char path[NC_PATH_MAX];

    if (strlen(data) == 0 || strlen(data) > NC_PATH_MAX - 64) {
        nc_log(NC_ERROR, "data.path", "bytes=%zu", strlen(data));
        return NC_EIO;
    }
    snprintf(path, sizeof(path), "%s", data);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0755); /* the last mkdir says what is wrong */
        *slash = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        nc_log(NC_ERROR, "data.mkdir", "path=%s errno=%d", nc_log_q(nc_str(data)), errno);
        return NC_EIO;
    }
    return NC_OK;
}

/* Who holds the lock, for the message: the holder writes its pid into the file. */
static void log_holder(int fd, const char *data)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    if (n > 0)
        pid[strcspn(pid, "\n")] = '\0';
    nc_log(NC_ERROR, "data.locked", "path=%s pid=%s", nc_log_q(nc_str(data)),
           n > 0 ? pid : "unknown");
}

enum nc_err nc_folder_open(const char *data, int *lock_fd)
{
    char path[NC_PATH_MAX], pid[24];

    *lock_fd = -1;
    if (make(data) != NC_OK)
        return NC_EIO;
    path_of(data, "lock", path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        nc_log(NC_ERROR, "data.lock", "path=%s errno=%d", nc_log_q(nc_str(path)), errno);
        return NC_EIO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        log_holder(fd, data);
        close(fd);
        return NC_EEXIST;
    }
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        nc_log(NC_WARN, "data.lock", "errno=%d", errno); /* locked all the same */
    *lock_fd = fd;
    return NC_OK;
}

enum nc_err nc_folder_node_id(const char *data, struct nc_id *out)
{
    char path[NC_PATH_MAX], text[NC_ID_TEXT];
    struct nc_buf b = {0};

    path_of(data, "node-id", path);
    enum nc_err e = nc_file_read(path, 64, &b);
    if (e == NC_ENOENT) {
        *out = nc_id_random();
        nc_id_text(out, text);
        nc_buf_add(&b, text, sizeof(text));
        nc_buf_addc(&b, '\n');
        e = nc_file_replace(path, nc_buf_str(&b));
    } else if (e == NC_OK) {
        e = nc_id_parse(nc_str_trim(nc_buf_str(&b)), out);
        if (e != NC_OK)
            nc_log(NC_ERROR, "data.node_id", "path=%s reason=damaged",
                   nc_log_q(nc_str(path)));
    }
    nc_buf_fini(&b);
    return e;
}

bool nc_folder_empty(const char *data)
{
    DIR *dir = opendir(data);
    bool empty = true;

    if (!dir)
        return errno == ENOENT;
    for (struct dirent *d; empty && (d = readdir(dir));)
        empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

enum nc_err nc_folder_owner_code(const char *data, const char *given, char *out)
{
    char path[NC_PATH_MAX];
    struct nc_buf b = {0};

    path_of(data, "owner-code", path);
    if (*given) {
        snprintf(out, OWNER_CODE_MAX + 1, "%s", given);
    } else if (nc_file_read(path, OWNER_CODE_MAX + 1, &b) == NC_OK &&
               nc_str_trim(nc_buf_str(&b)).n >= 8) {
        struct nc_str kept = nc_str_trim(nc_buf_str(&b));
        snprintf(out, OWNER_CODE_MAX + 1, "%.*s", NC_FMT(kept));
        nc_buf_fini(&b);
        return NC_OK;
    } else {
        nc_token_code(5, out);
    }
    nc_buf_clear(&b);
    nc_buf_printf(&b, "%s\n", out);
    enum nc_err e = nc_file_replace(path, nc_buf_str(&b));
    nc_buf_fini(&b);
    return e;
}

void nc_folder_owner_code_used(const char *data)
{
    char path[NC_PATH_MAX];

    path_of(data, "owner-code", path);
    if (unlink(path) != 0 && errno != ENOENT)
        nc_log(NC_WARN, "owner_code.unlink", "errno=%d", errno);
}
