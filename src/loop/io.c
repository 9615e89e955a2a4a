#include <stdlib.h>
#include <uv.h>

#include "base/log.h"
#include "loop/loop.h"

struct nc_io {
    uv_poll_t poll;
    nc_io_fn *fn;
    void *arg;
    unsigned want;
};

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct nc_io *io = nc_of(p, struct nc_io, poll);

    if (status < 0) {
        /* EPOLLERR comes without events; libuv has stopped the handle. */
        io->want = 0;
        io->fn(io->arg, NC_IO_LOST);
        return;
    }
    io->fn(io->arg, (events & UV_READABLE ? NC_IO_READ : 0u) |
                        (events & UV_WRITABLE ? NC_IO_WRITE : 0u));
}

enum nc_err nc_io_new(struct nc_io **out, struct nc_loop *l, int fd, nc_io_fn *fn,
                      void *arg)
{
    struct nc_io *io = nc_alloc(sizeof(*io));

    *out = NULL;
    io->fn = fn;
    io->arg = arg;
    int e = uv_poll_init(nc_loop_uv(l), &io->poll, fd);
    if (e != 0) {
        nc_log(NC_ERROR, "io.watch", "fd=%d why=%s", fd, nc_log_q(nc_str(uv_strerror(e))));
        free(io);
        return NC_EIO;
    }
    *out = io;
    return NC_OK;
}

void nc_io_want(struct nc_io *io, unsigned events)
{
    if (events == io->want)
        return;
    io->want = events;
    uv_poll_start(&io->poll,
                  (events & NC_IO_READ ? UV_READABLE : 0) |
                      (events & NC_IO_WRITE ? UV_WRITABLE : 0),
                  on_poll);
}

static void on_closed(uv_handle_t *h) { free(nc_of(h, struct nc_io, poll)); }

void nc_io_free(struct nc_io *io)
{
    if (io)
        uv_close((uv_handle_t *)&io->poll, on_closed);
}

size_t nc_io_footprint(void) { return sizeof(struct nc_io); }
