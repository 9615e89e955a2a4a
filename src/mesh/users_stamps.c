#include "mesh/users_stamps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/siphash.h"
#include "crypto/file.h"

enum { READ_AT_ONCE = 512, COMPACT_MIN = 4096 /* records */ };

/* On disk in this machine's byte order: the file never leaves its folder. */
struct record {
    uint32_t kind, zero;
    struct nc_id id;
    uint64_t stamp;
    uint8_t hash[NC_STAMP_HASH];
    uint64_t sum; /* of what stands before it */
};

struct stamp {
    struct record r; /* kind, zero and id are the key */
};

struct nc_stamps {
    int fd;
    char *path;
    struct nc_map by_key;
    uint64_t records, highest;
};

#define KEY offsetof(struct record, stamp)

static uint64_t sum_of(const struct record *r)
{
    static const struct nc_sipkey key = {0x7374616d, 0x7073};
    return nc_siphash13(key, r, offsetof(struct record, sum));
}

static void failed(const struct nc_stamps *s, const char *what)
{
    nc_log(NC_ERROR, "stamps.file", "path=%s what=%s errno=%d", nc_log_q(nc_str(s->path)),
           what, errno);
}

static void remember(struct nc_stamps *s, const struct record *r)
{
    struct stamp *t = nc_map_get(&s->by_key, r, KEY);

    if (!t) {
        t = nc_alloc(sizeof *t);
        t->r = *r;
        nc_map_put(&s->by_key, &t->r, KEY, t);
    }
    t->r = *r;
    if (r->stamp > s->highest)
        s->highest = r->stamp;
}

/* Up to the end, or to a record that was not written whole. */
static bool load(struct nc_stamps *s)
{
    struct record *some = nc_alloc(READ_AT_ONCE * sizeof *some);
    ssize_t got;
    bool whole = true;

    do {
        got = pread(s->fd, some, READ_AT_ONCE * sizeof *some,
                    (off_t)(s->records * sizeof *some));
        size_t n = got > 0 ? (size_t)got / sizeof *some : 0;
        size_t i = 0;
        while (i < n && some[i].sum == sum_of(&some[i])) {
            remember(s, &some[i]);
            i++;
        }
        s->records += i;
        whole = i == n;
    } while (whole && got == (ssize_t)(READ_AT_ONCE * sizeof *some));
    free(some);
    if (got < 0)
        failed(s, "read");
    return got >= 0;
}

/* One record each, in a file that takes the old one's place. */
static void compact(struct nc_stamps *s)
{
    struct nc_buf b = {0};
    size_t at = 0;

    for (struct stamp *t; (t = nc_map_next(&s->by_key, &at));)
        nc_buf_add(&b, &t->r, sizeof t->r);
    if (nc_file_replace(s->path, nc_buf_str(&b)) == NC_OK) {
        int fd = open(s->path, O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            close(s->fd);
            s->fd = fd;
            s->records = s->by_key.n;
        }
    }
    nc_buf_fini(&b);
}

enum nc_err nc_stamps_open(struct nc_stamps **out, const char *path)
{
    struct nc_stamps *s = nc_alloc(sizeof *s);

    *out = NULL;
    s->path = nc_str_dup(nc_str(path));
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->fd < 0)
        failed(s, "open");
    if (s->fd < 0 || !load(s)) {
        nc_stamps_close(s);
        return NC_EIO;
    }
    if (s->records > COMPACT_MIN && s->records / 2 > s->by_key.n)
        compact(s);
    *out = s;
    return NC_OK;
}

void nc_stamps_close(struct nc_stamps *s)
{
    size_t at = 0;

    if (!s)
        return;
    for (struct stamp *t; (t = nc_map_next(&s->by_key, &at));)
        free(t);
    nc_map_fini(&s->by_key);
    if (s->fd >= 0)
        close(s->fd);
    free(s->path);
    free(s);
}

uint64_t nc_stamps_get(const struct nc_stamps *s, unsigned kind, const struct nc_id *id,
                       const uint8_t hash[NC_STAMP_HASH])
{
    struct record key = {.kind = kind, .id = *id};
    const struct stamp *t = nc_map_get(&s->by_key, &key, KEY);

    return t && memcmp(t->r.hash, hash, NC_STAMP_HASH) == 0 ? t->r.stamp : 0;
}

void nc_stamps_set(struct nc_stamps *s, unsigned kind, const struct nc_id *id,
                   const uint8_t hash[NC_STAMP_HASH], uint64_t stamp)
{
    struct record r = {.kind = kind, .id = *id, .stamp = stamp};

    memcpy(r.hash, hash, NC_STAMP_HASH);
    r.sum = sum_of(&r);
    remember(s, &r);
    if (pwrite(s->fd, &r, sizeof r, (off_t)(s->records * sizeof r)) == (ssize_t)sizeof r)
        s->records++;
    else
        failed(s, "write");
    if (s->records > COMPACT_MIN && s->records / 8 > s->by_key.n)
        compact(s);
}

uint64_t nc_stamps_highest(const struct nc_stamps *s) { return s->highest; }
