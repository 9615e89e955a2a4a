#include "store/sqlite_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"

static enum nc_err taken(int fd, const char *path)
{
    char pid[32];
    ssize_t n = pread(fd, pid, sizeof(pid), 0);
    struct nc_str by = nc_str_trim((struct nc_str){pid, n > 0 ? (size_t)n : 0});

    nc_log(NC_ERROR, "store.locked", "path=%s pid=%.*s reason=\"another process has it\"",
           nc_log_q(nc_str(path)), by.n ? (int)by.n : 1, by.n ? by.p : "?");
    return NC_EACCESS;
}

enum nc_err nc_sqlite_lock(int *fd, const char *path)
{
    size_t n = strlen(path) + sizeof(".lock");
    char *name = nc_alloc(n), pid[32];
    enum nc_err e = NC_EIO;

    snprintf(name, n, "%s.lock", path);
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) {
        nc_log(NC_ERROR, "store.open", "path=%s errno=%d", nc_log_q(nc_str(name)), errno);
        goto fail;
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        e = taken(*fd, path);
        goto fail;
    }
    /* Only for people: on a full disk the lock holds without the number. */
    int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(*fd, 0) != 0 || pwrite(*fd, pid, (size_t)len, 0) != len)
        nc_log(NC_WARN, "store.lock", "path=%s errno=%d", nc_log_q(nc_str(name)), errno);
    free(name);
    return NC_OK;

fail:
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    free(name);
    return e;
}
