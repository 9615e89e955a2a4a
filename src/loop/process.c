#include "loop/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "loop/loop.h"

enum {
    ABOVE = 10, /* our ends of pipes are moved up here: the child arranges what is below */
    READ_BLOCK = 4096,
    LOOK_MS = 5,
};

struct nc_process {
    struct nc_loop *loop;
    pid_t pid; /* 0 once it was waited for */
    int status;
    int out_fd; /* what it prints; -1 after its end */
    struct nc_io *io;
    struct nc_buf text;
    uv_signal_t *child; /* SIGCHLD; freed by its own closing */
    struct nc_process_opts o;
};

/* ---- the child, between fork and exec: async-signal-safe calls only -------- */

/* uv_spawn would do, but for three things: it leaves our descriptors open in the other
 * program, and has no place for prctl and for the look at the parent behind it. */
static _Noreturn void become(const struct nc_process_opts *o, pid_t parent, int out, int in,
                             int report)
{
    sigset_t none;
    int e;

    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    setsid(); /* Ctrl-C in a terminal is ours to hear: we end it when we are ready */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        goto fail;
    if (getppid() != parent)
        _exit(1); /* it died before the kernel was told */
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
        (o->keep_fd >= 0 && dup2(o->keep_fd, NC_PROCESS_FD) < 0))
        goto fail;
    /* `report` closes itself: that it does tells the parent that all went well. */
    if (dup3(report, NC_PROCESS_FD + 1, O_CLOEXEC) < 0)
        goto fail;
    report = NC_PROCESS_FD + 1;
    if (o->keep_fd < 0)
        close(NC_PROCESS_FD);
    close_range(NC_PROCESS_FD + 2, ~0u, 0);
    execv(o->argv[0], (char *const *)(uintptr_t)o->argv);
fail:
    e = errno;
    (void)!write(report, &e, sizeof(e));
    _exit(127);
}

/* ---- what it prints, and its end ------------------------------------------- */

static void tell_line(struct nc_process *p, const char *line, size_t n)
{
    if (n && line[n - 1] == '\r')
        n--;
    if (p->o.line)
        p->o.line(p->o.arg, (struct nc_str){line, n});
}

static void tell_lines(struct nc_process *p, bool all)
{
    char *end;

    while (p->text.n && ((end = memchr(p->text.p, '\n', p->text.n)) || all ||
                         p->text.n >= NC_PROCESS_LINE)) {
        size_t n = end ? (size_t)(end - p->text.p) : p->text.n;
        size_t part = n < NC_PROCESS_LINE ? n : NC_PROCESS_LINE;
        tell_line(p, p->text.p, part);
        nc_buf_consume(&p->text, part + (end && part == n));
    }
}

/* One block.  False when there is none: not yet, with errno EAGAIN, or never again. */
static bool read_some(struct nc_process *p)
{
    ssize_t n;

    do
        n = read(p->out_fd, nc_buf_reserve(&p->text, READ_BLOCK), READ_BLOCK);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        errno = 0;
    if (n <= 0)
        return false;
    nc_buf_grew(&p->text, (size_t)n);
    return true;
}

static void close_out(struct nc_process *p)
{
    nc_io_free(p->io);
    p->io = NULL;
    if (p->out_fd >= 0)
        close(p->out_fd);
    p->out_fd = -1;
}

static void on_out(void *arg, unsigned ready)
{
    struct nc_process *p = arg;

    bool more = ready & NC_IO_READ && (read_some(p) || errno == EAGAIN);

    if (!more)
        close_out(p); /* it has closed it; its own end is heard of by SIGCHLD */
    tell_lines(p, false);
}

static bool reap(struct nc_process *p)
{
    int status;

    if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid) {
        p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        p->pid = 0;
    }
    return p->pid == 0;
}

static void on_closed(uv_handle_t *h) { free(h); }

static void stop_listening(struct nc_process *p)
{
    if (p->child)
        uv_close((uv_handle_t *)p->child, on_closed);
    p->child = NULL;
}

/* Signals join: one may mean several children, or none of ours. */
static void on_child(uv_signal_t *s, int signum)
{
    struct nc_process *p = s->data;

    (void)signum;
    if (!reap(p))
        return;
    stop_listening(p);
    while (p->out_fd >= 0 && read_some(p)) /* what it said last */
        tell_lines(p, false);
    close_out(p);
    tell_lines(p, true);
    p->o.ended(p->o.arg, p->status);
}

/* ---- start and end --------------------------------------------------------- */

static enum nc_err cant(const char *step, int e)
{
    nc_log(NC_ERROR, "process.start", "step=%s why=%s", step,
           nc_log_q(nc_str(strerror(e))));
    return NC_EIO;
}

/* A pipe whose ends lie above those descriptors that the child arranges. */
static bool make_pipe(int fd[2])
{
    int low[2];

    fd[0] = fd[1] = -1;
    if (pipe2(low, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        fd[i] = fcntl(low[i], F_DUPFD_CLOEXEC, ABOVE);
        close(low[i]);
    }
    return fd[0] >= 0 && fd[1] >= 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The other program's pid, or -1 with errno. */
static pid_t run(const struct nc_process_opts *o, int out, int in, int report)
{
    sigset_t all, before;
    pid_t parent = getpid();

    /* Our handlers must not run in the child: they write into pipes that it shares. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        become(o, parent, out, in, report);
    int e = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = e;
    return pid;
}

/* 0, or what kept the child from becoming the program. */
static int heard(int report)
{
    int e = 0;
    ssize_t n;

    while ((n = read(report, &e, sizeof(e))) < 0 && errno == EINTR)
        ;
    return n == sizeof(e) ? e : 0;
}

static enum nc_err listen_for_end(struct nc_process *p)
{
    uv_signal_t *s = nc_alloc(sizeof(*s));
    int e = uv_signal_init(nc_loop_uv(p->loop), s);

    if (e != 0) {
        free(s);
        return cant("signal", -e);
    }
    s->data = p;
    p->child = s;
    e = uv_signal_start(s, on_child, SIGCHLD);
    return e == 0 ? NC_OK : cant("signal", -e);
}

enum nc_err nc_process_start(struct nc_process **out, struct nc_loop *l,
                             const struct nc_process_opts *o)
{
    struct nc_process *p = nc_alloc(sizeof(*p));
    struct nc_process_opts child = *o;
    int print[2] = {-1, -1}, report[2] = {-1, -1}, in = -1, keep = -1, e;
    enum nc_err err = NC_EIO;

    *out = NULL;
    *p = (struct nc_process){.loop = l, .out_fd = -1, .o = *o};
    if (!make_pipe(print) || !make_pipe(report)) {
        err = cant("pipe", errno);
        goto fail;
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    in = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, ABOVE);
    close_fd(&null);
    keep = o->keep_fd < 0 ? -1 : fcntl(o->keep_fd, F_DUPFD_CLOEXEC, ABOVE);
    if (in < 0 || (o->keep_fd >= 0 && keep < 0)) {
        err = cant("open", errno);
        goto fail;
    }
    child.keep_fd = keep;
    if ((err = listen_for_end(p)) != NC_OK) /* before it can end */
        goto fail;
    if ((p->pid = run(&child, print[1], in, report[1])) < 0) {
        p->pid = 0;
        err = cant("fork", errno);
        goto fail;
    }
    close_fd(&report[1]);
    if ((e = heard(report[0])) != 0) {
        err = e == ENOENT || e == ENOTDIR ? NC_ENOENT
              : e == EACCES               ? NC_EACCESS
                                          : cant("exec", e);
        goto fail;
    }
    p->out_fd = print[0];
    print[0] = -1;
    if ((err = nc_io_new(&p->io, l, p->out_fd, on_out, p)) != NC_OK)
        goto fail;
    nc_io_want(p->io, NC_IO_READ);
    *out = p;
    p = NULL;
fail:
    close_fd(&print[0]);
    close_fd(&print[1]);
    close_fd(&report[0]);
    close_fd(&report[1]);
    close_fd(&in);
    close_fd(&keep);
    nc_process_end(p, 0);
    return err;
}

pid_t nc_process_pid(const struct nc_process *p) { return p->pid; }

void nc_process_signal(struct nc_process *p, int signum)
{
    if (p->pid)
        kill(p->pid, signum);
}

/* What it says meanwhile is read, or it would wait for us, and forgotten. */
static void wait_a_little(struct nc_process *p)
{
    while (p->out_fd >= 0 && read_some(p))
        nc_buf_clear(&p->text);
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
}

void nc_process_end(struct nc_process *p, unsigned grace_ms)
{
    if (!p)
        return;
    stop_listening(p);
    nc_process_signal(p, SIGTERM);
    for (unsigned ms = 0; !reap(p) && ms < grace_ms; ms += LOOK_MS)
        wait_a_little(p);
    nc_process_signal(p, SIGKILL);
    while (!reap(p))
        wait_a_little(p);
    close_out(p);
    nc_buf_fini(&p->text);
    free(p);
}
