#include "crypto/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

static enum nc_err failed(const char *step, const char *path)
{
    int why = errno;
    nc_log(NC_ERROR, "file.failed", "step=%s path=%s error=%s", step,
           nc_log_q(nc_str(path)), nc_log_q(nc_str(strerror(why))));
    return NC_EIO;
}

static bool write_all(int fd, struct nc_str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        s.p += n;
        s.n -= (size_t)n;
    }
    return true;
}

static bool sync_folder_of(const char *path)
{
    char *copy = nc_str_dup(nc_str(path));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return ok;
}

enum nc_err nc_file_replace(const char *path, struct nc_str content)
{
    struct nc_buf beside = {0};
    const char *step = "open";
    int fd = -1;
    nc_buf_printf(&beside, "%s.new", path);
    nc_buf_addc(&beside, '\0');

    /* A leftover of a crash may have any mode: it goes first. */
    if (unlink(beside.p) && errno != ENOENT)
        goto fail;
    fd = open(beside.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        goto fail;
    step = "write";
    if (!write_all(fd, content) || fsync(fd))
        goto fail;
    step = "rename";
    if (rename(beside.p, path))
        goto fail;
    step = "sync";
    if (!sync_folder_of(path))
        goto fail;
    close(fd);
    nc_buf_fini(&beside);
    return NC_OK;
fail:
    failed(step, path);
    if (fd >= 0) {
        close(fd);
        unlink(beside.p);
    }
    nc_buf_fini(&beside);
    return NC_EIO;
}

enum nc_err nc_file_read(const char *path, size_t max, struct nc_buf *out)
{
    size_t before = out->n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? NC_ENOENT : failed("open", path);
    for (;;) {
        ssize_t n = read(fd, nc_buf_reserve(out, 4096), 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || out->n - before + (size_t)n > max) {
            enum nc_err e = n == 0 ? NC_OK : n > 0 ? NC_ELIMIT : failed("read", path);
            close(fd);
            if (e)
                out->n = before;
            return e;
        }
        nc_buf_grew(out, (size_t)n);
    }
}
