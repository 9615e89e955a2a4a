#include "server/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/json.h"

/* The tail is read in one piece: enough for a page of entries. */
#define TAIL_BYTES (256u << 10)

struct nc_audit_log {
    char *path;
    uint64_t max;
    unsigned files;
    int fd;
    uint64_t size;
    bool failing;
};

static enum nc_err open_file(struct nc_audit_log *log)
{
    struct stat st;

    log->fd = open(log->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log->fd < 0 || fstat(log->fd, &st) != 0) {
        nc_log(NC_ERROR, "audit.open", "path=%s errno=%d", nc_log_q(nc_str(log->path)),
               errno);
        return NC_EIO;
    }
    log->size = (uint64_t)st.st_size;
    return NC_OK;
}

enum nc_err nc_audit_open(struct nc_audit_log **out, const char *path, uint64_t max,
                          unsigned files)
{
    struct nc_audit_log *log = nc_alloc(sizeof(*log));

    *log = (struct nc_audit_log){
        .path = nc_str_dup(nc_str(path)), .max = max, .files = files, .fd = -1};
    if (open_file(log) != NC_OK) {
        nc_audit_close(log);
        *out = NULL;
        return NC_EIO;
    }
    *out = log;
    return NC_OK;
}

void nc_audit_close(struct nc_audit_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log);
}

static void numbered(const struct nc_audit_log *log, unsigned n, char *out, size_t cap)
{
    if (n)
        snprintf(out, cap, "%s.%u", log->path, n);
    else
        snprintf(out, cap, "%s", log->path);
}

/* audit.log -> .1 -> .2 …; the oldest is overwritten by the rename over it. */
static void rotate(struct nc_audit_log *log)
{
    char from[1100], to[1100];

    for (unsigned n = log->files; n-- > 0;) {
        numbered(log, n, from, sizeof(from));
        numbered(log, n + 1, to, sizeof(to));
        if (rename(from, to) != 0 && errno != ENOENT)
            nc_log(NC_WARN, "audit.rotate", "errno=%d", errno);
    }
    close(log->fd);
    if (open_file(log) != NC_OK)
        log->fd = -1;
}

static void member(struct nc_json *j, const char *key, struct nc_str value)
{
    if (value.n)
        nc_json_kstr(j, key, value);
}

void nc_audit_write(void *arg, const struct nc_audit *a)
{
    struct nc_audit_log *log = arg;
    struct nc_buf line = {0};
    struct nc_json j = nc_json_to(&line);

    nc_json_obj(&j);
    nc_json_ktime(&j, "at", nc_wall_ms());
    nc_json_kstr(&j, "action", nc_str(a->action));
    nc_json_kbool(&j, "ok", a->ok);
    member(&j, "who", a->who);
    member(&j, "target", a->target);
    member(&j, "address", a->address);
    member(&j, "detail", a->detail);
    nc_json_obj_end(&j);
    nc_buf_addc(&line, '\n');

    if (log->size && log->size + line.n > log->max)
        rotate(log);
    ssize_t n = log->fd < 0 ? -1 : write(log->fd, line.p, line.n);
    bool failed = n != (ssize_t)line.n;
    if (failed && !log->failing)
        nc_log(NC_ERROR, "audit.write", "errno=%d", errno);
    if (n > 0)
        log->size += (uint64_t)n;
    log->failing = failed;
    nc_buf_fini(&line);
}

void nc_audit_tail(struct nc_audit_log *log, uint64_t before, unsigned limit,
                   struct nc_buf *out, uint64_t *next)
{
    uint64_t end = before < log->size ? before : log->size;
    uint64_t start = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
    size_t n = (size_t)(end - start);
    char *bytes = nc_alloc(n + 1);
    struct nc_json j = nc_json_to(out);

    *next = 0;
    nc_json_arr(&j);
    ssize_t got = log->fd < 0 ? -1 : pread(log->fd, bytes, n, (off_t)start);
    size_t at = got > 0 ? (size_t)got : 0;
    while (at > 0 && limit > 0) {
        size_t stop = bytes[at - 1] == '\n' ? at - 1 : at;
        char *nl = memrchr(bytes, '\n', stop);
        size_t begin = nl ? (size_t)(nl - bytes) + 1 : 0;
        if (!nl && start > 0)
            break; /* cut through: it comes whole with the next page */
        if (stop > begin)
            nc_json_raw(&j, (struct nc_str){bytes + begin, stop - begin});
        at = begin;
        limit--;
    }
    nc_json_arr_end(&j);
    *next = start + at;
    free(bytes);
}
