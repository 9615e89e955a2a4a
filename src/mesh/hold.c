#include "mesh/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/siphash.h"

const struct nc_hold_limits nc_hold_limits_default = {
    .memory_max = 1 << 20, .disk_max = 256u << 20, .max = 100000};

enum {
    MAGIC = 0x3148434e, /* "NCH1" */
    ADDED = 1,
    DONE = 2,
    PAYLOAD_MAX = 16 << 20, /* of a record that is read back: longer ones are torn */
    COMPACT_MIN = 4 << 20,  /* a shorter file is left as it is */
};

/* On disk in this machine's byte order: the file never leaves its folder. */
struct record {
    uint32_t magic;
    uint8_t kind, user_n, zero[2];
    uint32_t payload_n, zero4;
    uint64_t n, via;
    struct nc_id room, client_id;
    uint64_t sum; /* of the record before it, the user and the payload */
};

struct nc_hold {
    int fd;
    char *path;
    struct nc_hold_limits limits;
    struct nc_list all; /* struct nc_held.all, by n */
    unsigned count;
    size_t memory, size, live; /* bytes in memory, in the file, in it of what is held */
    uint64_t next;
};

/* ---- records -------------------------------------------------------------- */

static uint64_t sum_of(const struct record *r, struct nc_str user, struct nc_str payload)
{
    static const struct nc_sipkey key = {0x6e636865, 0x6c64};
    uint64_t parts[3] = {nc_siphash13(key, r, offsetof(struct record, sum)),
                         nc_siphash13(key, user.p, user.n),
                         nc_siphash13(key, payload.p, payload.n)};

    return nc_siphash13(key, parts, sizeof parts);
}

static size_t length_of(const struct nc_held *d)
{
    return sizeof(struct record) + d->user_n + d->payload_n;
}

static enum nc_err failed(const struct nc_hold *h, const char *what)
{
    nc_log(NC_ERROR, "hold.file", "path=%s what=%s errno=%d", nc_log_q(nc_str(h->path)),
           what, errno);
    return NC_EIO;
}

/* All of it, or the file is as it was. */
static enum nc_err append(struct nc_hold *h, struct record *r, struct nc_str user,
                          struct nc_str payload)
{
    r->magic = MAGIC;
    r->sum = sum_of(r, user, payload);
    size_t n = sizeof *r + user.n + payload.n;
    struct iovec v[3] = {
        {.iov_base = r, .iov_len = sizeof *r}, {.iov_len = user.n}, {.iov_len = payload.n}};

    memcpy(&v[1].iov_base, &user.p, sizeof user.p); /* writev takes no const */
    memcpy(&v[2].iov_base, &payload.p, sizeof payload.p);
    ssize_t did = pwritev(h->fd, v, 3, (off_t)h->size);
    if (did < 0 || (size_t)did != n) {
        enum nc_err e = failed(h, "write");
        if (ftruncate(h->fd, (off_t)h->size) != 0)
            failed(h, "truncate");
        return e;
    }
    h->size += n;
    return NC_OK;
}

static struct nc_held *held_new(struct nc_hold *h, const struct record *r,
                                struct nc_str user, struct nc_str payload)
{
    struct nc_held *d = nc_alloc(sizeof *d + user.n + 1);

    d->n = r->n;
    d->room = r->room;
    d->client_id = r->client_id;
    d->via = r->via;
    d->payload_n = (uint32_t)payload.n;
    d->user_n = (uint8_t)user.n;
    memcpy(d->user, user.p, user.n);
    if (h->memory + payload.n <= h->limits.memory_max) {
        d->payload = nc_str_dup(payload);
        h->memory += payload.n;
    }
    nc_list_add(&h->all, &d->all);
    h->count++;
    h->live += length_of(d);
    return d;
}

static void forget(struct nc_hold *h, struct nc_held *d)
{
    if (d->payload)
        h->memory -= d->payload_n;
    h->live -= length_of(d);
    h->count--;
    nc_list_del(&d->all);
    nc_list_del(&d->node);
    free(d->payload);
    free(d);
}

/* ---- start ---------------------------------------------------------------- */

static struct nc_held *find(struct nc_hold *h, uint64_t n)
{
    nc_list_each(it, &h->all) {
        struct nc_held *d = nc_of(it, struct nc_held, all);
        if (d->n == n)
            return d;
    }
    return NULL;
}

static bool read_at(const struct nc_hold *h, void *p, size_t n, uint64_t at)
{
    return pread(h->fd, p, n, (off_t)at) == (ssize_t)n;
}

/* One record at h->size.  False at the end, whole or torn. */
static bool load_one(struct nc_hold *h, struct nc_buf *scratch)
{
    struct record r;

    if (!read_at(h, &r, sizeof r, h->size) || r.magic != MAGIC || r.payload_n > PAYLOAD_MAX)
        return false;
    nc_buf_clear(scratch);
    size_t n = r.user_n + (size_t)r.payload_n;
    char *p = nc_buf_reserve(scratch, n + 1);
    if (!read_at(h, p, n, h->size + sizeof r))
        return false;
    struct nc_str user = {p, r.user_n}, payload = {p + r.user_n, r.payload_n};
    if (sum_of(&r, user, payload) != r.sum)
        return false;
    if (r.kind == ADDED) {
        held_new(h, &r, user, payload)->at = h->size;
    } else {
        struct nc_held *d = find(h, r.n);
        if (d)
            forget(h, d);
    }
    if (r.n >= h->next)
        h->next = r.n + 1;
    h->size += sizeof r + n;
    return true;
}

static enum nc_err load(struct nc_hold *h)
{
    struct nc_buf scratch = {0};
    struct stat st;

    while (load_one(h, &scratch))
        ;
    nc_buf_fini(&scratch);
    if (fstat(h->fd, &st) != 0)
        return failed(h, "stat");
    if ((size_t)st.st_size > h->size)
        nc_log(NC_WARN, "hold.torn", "path=%s bytes=%zu", nc_log_q(nc_str(h->path)),
               (size_t)st.st_size - h->size);
    if (h->count == 0)
        h->size = 0;
    return ftruncate(h->fd, (off_t)h->size) == 0 ? NC_OK : failed(h, "truncate");
}

enum nc_err nc_hold_open(struct nc_hold **out, const char *path,
                         const struct nc_hold_limits *limits,
                         void (*found)(void *arg, struct nc_held *h), void *arg)
{
    struct nc_hold *h = nc_alloc(sizeof *h);

    *out = NULL;
    h->path = nc_str_dup(nc_str(path));
    h->limits = *limits;
    h->next = 1;
    nc_list_init(&h->all);
    h->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum nc_err e = h->fd < 0 ? failed(h, "open") : load(h);
    if (e != NC_OK) {
        nc_hold_close(h);
        return e;
    }
    nc_list_each(it, &h->all)
        found(arg, nc_of(it, struct nc_held, all));
    *out = h;
    return NC_OK;
}

void nc_hold_close(struct nc_hold *h)
{
    if (!h)
        return;
    nc_list_each(it, &h->all)
        forget(h, nc_of(it, struct nc_held, all));
    if (h->fd >= 0)
        close(h->fd);
    free(h->path);
    free(h);
}

/* ---- use ------------------------------------------------------------------ */

enum nc_err nc_hold_add(struct nc_hold *h, const struct nc_held_in *in,
                        struct nc_held **out)
{
    struct record r = {.kind = ADDED,
                       .user_n = (uint8_t)in->user.n,
                       .payload_n = (uint32_t)in->payload.n,
                       .n = h->next,
                       .via = in->via,
                       .room = in->room,
                       .client_id = in->client_id};
    uint64_t at = h->size;

    *out = NULL;
    if (h->count >= h->limits.max || in->payload.n > PAYLOAD_MAX || in->user.n > 255 ||
        h->size + sizeof r + in->user.n + in->payload.n > h->limits.disk_max)
        return NC_ELIMIT;
    enum nc_err e = append(h, &r, in->user, in->payload);
    if (e != NC_OK)
        return e;
    h->next++;
    *out = held_new(h, &r, in->user, in->payload);
    (*out)->at = at;
    return NC_OK;
}

enum nc_err nc_hold_payload(struct nc_hold *h, const struct nc_held *d, struct nc_buf *out)
{
    if (d->payload) {
        nc_buf_add(out, d->payload, d->payload_n);
        return NC_OK;
    }
    char *p = nc_buf_reserve(out, d->payload_n);
    if (!read_at(h, p, d->payload_n, d->at + sizeof(struct record) + d->user_n))
        return failed(h, "read");
    nc_buf_grew(out, d->payload_n);
    return NC_OK;
}

/* What is held moves to a new file that takes the old one's place. */
static void compact(struct nc_hold *h)
{
    struct nc_buf path = {0}, b = {0};
    struct nc_hold fresh = {.path = h->path};
    bool ok = true;

    nc_buf_printf(&path, "%s.new", h->path);
    nc_buf_addc(&path, 0);
    fresh.fd = open(path.p, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ok = fresh.fd >= 0;
    nc_list_each(it, &h->all) {
        struct nc_held *d = nc_of(it, struct nc_held, all);
        size_t n = length_of(d);
        nc_buf_clear(&b);
        char *p = nc_buf_reserve(&b, n);
        ok = ok && read_at(h, p, n, d->at) &&
             pwrite(fresh.fd, p, n, (off_t)fresh.size) == (ssize_t)n;
        fresh.size += n;
    }
    if (ok && rename(path.p, h->path) == 0) {
        close(h->fd);
        h->fd = fresh.fd;
        h->size = 0;
        nc_list_each(it, &h->all) {
            struct nc_held *d = nc_of(it, struct nc_held, all);
            d->at = h->size;
            h->size += length_of(d);
        }
    } else {
        failed(h, "compact");
        if (fresh.fd >= 0)
            close(fresh.fd);
    }
    nc_buf_fini(&path);
    nc_buf_fini(&b);
}

void nc_hold_drop(struct nc_hold *h, struct nc_held *d)
{
    struct record r = {.kind = DONE, .n = d->n};

    forget(h, d);
    if (h->count == 0) {
        if (ftruncate(h->fd, 0) == 0)
            h->size = 0;
        else
            failed(h, "truncate");
        return;
    }
    /* Not written: it is tried again after the next start, and found known then. */
    (void)!append(h, &r, NC_STR(""), NC_STR(""));
    if (h->size > COMPACT_MIN && h->size / 2 > h->live)
        compact(h);
}

unsigned nc_hold_count(const struct nc_hold *h) { return h->count; }
size_t nc_hold_bytes(const struct nc_hold *h) { return h->size; }
