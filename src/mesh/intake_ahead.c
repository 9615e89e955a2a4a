#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "mesh/intake_parts.h"
#include "mesh/pack.h"

enum {
    FILE_MAX = 32 << 20, /* bytes; what finds no room is held in memory only */
    HEAD = 4,            /* of each: how many bytes follow, a SEGMENT frame */
};

/*
 * Appended to by a thread of its own, emptied when nothing is held any more, and made anew
 * at each start from what still is.  It says nothing that isn't signed: what is read again
 * goes the way of all that comes.  What it loses is asked for again.
 */
struct nc_ahead {
    struct nc_intake *in;
    char *path;
    int fd;
    uint64_t size;         /* with what is being written */
    struct nc_buf pending; /* not being written yet */
    struct nc_frame *frame;
    struct nc_pool *pool; /* NULL: nothing was ever written */
    struct {
        struct nc_work work;
        struct nc_buf bytes;
        bool empty; /* cut the file off first */
        int error;
    } job;
    bool writing, empty, full, failed;
};

uint64_t nc_ahead_bytes(const struct nc_ahead *a) { return a->size; }

static void tell(struct nc_ahead *a, const char *what, int error)
{
    if (!a->failed)
        nc_log(NC_ERROR, "mesh.ahead_file", "path=%s what=%s errno=%d",
               nc_log_q(nc_str(a->path)), what, error);
    a->failed = true;
}

/* ---- writing ------------------------------------------------------------- */

static int write_all(int fd, struct nc_str s)
{
    while (s.n) {
        ssize_t did = write(fd, s.p, s.n);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return errno;
        s.p += did;
        s.n -= (size_t)did;
    }
    return fdatasync(fd) == 0 ? 0 : errno;
}

static void run(struct nc_work *w, unsigned thread)
{
    struct nc_ahead *a = nc_of(w, struct nc_ahead, job.work);

    (void)thread;
    a->job.error = a->job.empty && ftruncate(a->fd, 0) != 0 ? errno : 0;
    if (!a->job.error)
        a->job.error = write_all(a->fd, nc_buf_str(&a->job.bytes));
}

static void flush(struct nc_ahead *a);

static void on_written(struct nc_work *w, enum nc_err e)
{
    struct nc_ahead *a = nc_of(w, struct nc_ahead, job.work);

    if (e != NC_OK) /* the node is going; this much time there is */
        run(w, 0);
    a->writing = false;
    nc_buf_clear(&a->job.bytes);
    if (a->job.error)
        tell(a, "write", a->job.error);
    if (e == NC_OK)
        flush(a);
}

static void flush(struct nc_ahead *a)
{
    if (a->writing || (!a->pending.n && !a->empty))
        return;
    if (!a->pool && nc_pool_new(&a->pool, a->in->o.loop, "mesh-ahead", 1, 1) != NC_OK) {
        a->pool = NULL;
        return;
    }
    struct nc_buf bytes = a->job.bytes;
    a->job.bytes = a->pending;
    a->pending = bytes;
    a->job.empty = a->empty;
    a->job.work.run = run;
    a->job.work.done = on_written;
    a->empty = false;
    a->writing = nc_pool_submit(a->pool, &a->job.work) == NC_OK;
}

/* ---- what is held -------------------------------------------------------- */

/* The segment as it came. */
static void fill(struct nc_mesh_segment *s, const struct nc_lane *l,
                 const struct nc_bundle *b)
{
    memset(s, 0, sizeof *s);
    s->origin = l->origin;
    s->first = b->first;
    s->n = b->n;
    s->has_prev = true;
    memcpy(s->prev, b->kept.chain.p, sizeof s->prev);
    memcpy(s->sig, b->kept.signature.p, sizeof s->sig);
    for (unsigned i = 0; i < b->n; i++) {
        const struct nc_merge_row *from = &b->rows[i];
        struct nc_mesh_row *to = &s->rows[i];
        memcpy(to->hash, b->kept.hashes.p + (size_t)i * NC_SHA256, NC_SHA256);
        to->hash_only = from->skip;
        to->ev = from->ev;
        to->record = from->record;
        to->is = from->record.n ? NC_RECORD_HERE : NC_RECORD_SUPERSEDED;
        if (b->large && b->large[i]) {
            to->is = NC_RECORD_LARGE;
            to->size = b->large[i];
        }
    }
}

static bool add(struct nc_ahead *a, const struct nc_lane *l, const struct nc_bundle *b)
{
    size_t at = a->pending.n;
    char head[HEAD] = {0};

    a->frame->type = NC_FRAME_SEGMENT;
    fill(&a->frame->segment, l, b);
    nc_buf_add(&a->pending, head, sizeof head);
    if (nc_frame_add(&a->pending, a->frame, NULL) != NC_OK ||
        a->size + a->pending.n - at > FILE_MAX) {
        a->pending.n = at;
        return false;
    }
    size_t n = a->pending.n - at - HEAD;
    for (unsigned i = 0; i < HEAD; i++)
        a->pending.p[at + i] = (char)(n >> 8 * (HEAD - 1 - i));
    a->size += n + HEAD;
    return true;
}

void nc_ahead_hold(struct nc_ahead *a, struct nc_lane *l)
{
    for (struct nc_list *it = l->queue.next; it != &l->queue; it = it->next) {
        struct nc_bundle *b = nc_of(it, struct nc_bundle, node);
        if (b->in_file)
            continue;
        if (!add(a, l, b)) {
            if (!a->full)
                nc_log(NC_WARN, "mesh.ahead_full", "bytes=%llu",
                       (unsigned long long)a->size);
            a->full = true;
            break;
        }
        b->in_file = true;
    }
    flush(a);
}

bool nc_ahead_tick(struct nc_ahead *a)
{
    struct nc_lane *l;
    size_t at = 0;

    flush(a);
    while ((l = nc_map_next(&a->in->lanes, &at)) != NULL) {
        const struct nc_bundle *b = nc_lane_first(l);
        if (b && (b->in_file || l->state == NC_LANE_AHEAD))
            return true;
    }
    if (a->size) {
        nc_buf_clear(&a->pending);
        a->size = 0;
        a->empty = true;
        a->full = a->failed = false;
        flush(a);
    }
    return a->writing;
}

/* ---- start and end ------------------------------------------------------- */

static enum nc_err slurp(int fd, struct nc_buf *out)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return NC_EIO;
    size_t left = st.st_size < FILE_MAX ? (size_t)st.st_size : FILE_MAX;
    while (left) {
        ssize_t got = read(fd, nc_buf_reserve(out, left), left);
        if (got < 0)
            return NC_EIO;
        if (got == 0)
            break;
        nc_buf_grew(out, (size_t)got);
        left -= (size_t)got;
    }
    return NC_OK;
}

/* What is still to be held stays in `keep`. */
static void give_back(struct nc_ahead *a, struct nc_str bytes, struct nc_buf *keep)
{
    struct nc_unpack u = {.in = bytes};
    const struct nc_id nobody = {{0}};
    const char *why = "";

    while (u.in.n) {
        struct nc_str from = u.in;
        struct nc_str one = nc_unpack_bytes(&u, (size_t)nc_unpack_be(&u, HEAD));
        if (u.bad) /* it was being written when the process ended */
            break;
        if (nc_frame_parse(one, NULL, a->frame, &why) != NC_OK ||
            a->frame->type != NC_FRAME_SEGMENT)
            continue;
        struct nc_mesh_segment *s = &a->frame->segment;
        if (nc_intake_segment(a->in, &nobody, s, &why) != NC_OK)
            continue;
        struct nc_lane *l = nc_lane_of(a->in, &s->origin);
        nc_of(l->queue.prev, struct nc_bundle, node)->in_file = true;
        nc_buf_add(keep, from.p, HEAD + one.n);
    }
}

/* The file as it is from now on. */
static int write_anew(struct nc_ahead *a, struct nc_str bytes)
{
    struct nc_buf tmp = {0};
    int error = 0;

    nc_buf_printf(&tmp, "%s.new", a->path);
    nc_buf_addc(&tmp, 0);
    int fd = open(tmp.p, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        error = errno;
    else
        error = write_all(fd, bytes);
    if (!error && rename(tmp.p, a->path) != 0)
        error = errno;
    if (error && fd >= 0) {
        close(fd);
    } else if (!error) {
        close(a->fd);
        a->fd = fd;
        a->size = bytes.n;
    }
    nc_buf_fini(&tmp);
    return error;
}

struct nc_ahead *nc_ahead_open(struct nc_intake *in, const char *path)
{
    struct nc_ahead *a = nc_alloc(sizeof *a);
    struct nc_buf bytes = {0}, keep = {0};

    a->in = in;
    a->path = nc_str_dup(nc_str(path));
    a->frame = nc_alloc(sizeof *a->frame);
    a->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (a->fd < 0 || slurp(a->fd, &bytes) != NC_OK) {
        tell(a, "open", errno);
        nc_buf_fini(&bytes);
        nc_ahead_free(a);
        return NULL;
    }
    a->size = bytes.n;
    give_back(a, nc_buf_str(&bytes), &keep);
    int error = keep.n < bytes.n ? write_anew(a, nc_buf_str(&keep)) : 0;
    if (error)
        tell(a, "rewrite", error);
    nc_buf_fini(&bytes);
    nc_buf_fini(&keep);
    return a;
}

void nc_ahead_stop(struct nc_ahead *a)
{
    nc_pool_free(a->pool);
    a->pool = NULL;
    a->writing = false;
    if (a->pending.n && write_all(a->fd, nc_buf_str(&a->pending)) != 0)
        tell(a, "write", errno);
    nc_buf_clear(&a->pending);
}

void nc_ahead_free(struct nc_ahead *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    nc_frame_fini(a->frame);
    free(a->frame);
    nc_buf_fini(&a->pending);
    nc_buf_fini(&a->job.bytes);
    free(a->path);
    free(a);
}
