/*
 * loop/loop: one thread that waits for everything and never for anything.
 *
 * Descriptors, deadlines, work for the end of the turn, posts from other
 * threads and signals.  Unless a comment says otherwise a function is called
 * on the loop's thread only, and a callback runs there, never from inside the
 * call that asked for it.
 */
#pragma once

#include "base/base.h"
#include "base/list.h"

struct nc_loop;
struct nc_hist;
struct uv_loop_s;

/* Also makes the process ignore SIGPIPE: a lost peer is an error code here. */
NC_MUSTUSE enum nc_err nc_loop_new(struct nc_loop **out);
/* Returns after nc_loop_stop, or when nothing is left to wait for: no watched
 * descriptor, no deadline, no task, nobody holds the loop.  May be run again. */
void nc_loop_run(struct nc_loop *l);
void nc_loop_stop(struct nc_loop *l); /* the running turn is finished first */
/* Everything watched must have been freed before; lets the last frees settle. */
void nc_loop_free(struct nc_loop *l);
/* While it isn't running: run what was deferred, and what that defers, until nothing is. */
void nc_loop_settle(struct nc_loop *l);
/* Keep nc_loop_run from returning while work is under way elsewhere. */
void nc_loop_hold(struct nc_loop *l);
void nc_loop_unhold(struct nc_loop *l);
/* Monotonic, read once per turn: free of cost, up to a turn old. */
uint64_t nc_loop_now_ms(const struct nc_loop *l);
/* For net/ only. */
struct uv_loop_s *nc_loop_uv(struct nc_loop *l);

/*
 * A deadline, embedded in whatever may be late; a zeroed one with `fire` set is
 * valid.  Fires once, up to 20 ms late, never early.  Moving one to a later
 * time costs two stores, so it may be set on every byte received.
 */
struct nc_deadline {
    void (*fire)(struct nc_deadline *d);
    uint64_t due; /* ms of nc_loop_now_ms; 0 while not set */
    uint32_t at;  /* the loop's: place in its heap, from 1; 0 while in none */
};
/* Replaces what was set; ms = 0 cancels, after which `d` may be freed. */
void nc_loop_deadline(struct nc_loop *l, struct nc_deadline *d, uint64_t ms);

/*
 * An alarm: to the millisecond, for the few who wait for moments; each is in a heap of
 * libuv's.  A deadline is for all that may come to be late.
 */
struct nc_alarm;
struct nc_alarm *nc_alarm_new(struct nc_loop *l, void (*fn)(void *arg), void *arg);
void nc_alarm_set(struct nc_alarm *a, uint64_t ms); /* as nc_loop_deadline */
bool nc_alarm_is_set(const struct nc_alarm *a);
void nc_alarm_free(struct nc_alarm *a); /* fn is not called again; NULL is fine */

/*
 * A task, embedded; zeroed with `run` set.  Runs once at the end of this turn,
 * after every ready descriptor was served and before the loop sleeps.  Deferring
 * one that already waits changes nothing; one deferred by a task runs next turn,
 * before the loop sleeps.
 */
struct nc_task {
    struct nc_list node;
    void (*run)(struct nc_task *t);
};
void nc_loop_defer(struct nc_loop *l, struct nc_task *t);
void nc_loop_undefer(struct nc_loop *l, struct nc_task *t); /* idempotent */

/*
 * A post, embedded: the way back from another thread.  nc_loop_post may be
 * called on any thread; posting one that already waits changes nothing, and the
 * run that follows comes after the last post.  Posts do not hold the loop.
 */
struct nc_post {
    struct nc_list node; /* guarded by the loop's mailbox */
    void (*run)(struct nc_post *p);
};
void nc_loop_post(struct nc_loop *l, struct nc_post *p);
/* Loop thread; afterwards `p` may be freed, if no other thread still posts it. */
void nc_loop_unpost(struct nc_loop *l, struct nc_post *p);

/* Readiness of a descriptor. */
enum {
    NC_IO_READ = 1,
    NC_IO_WRITE = 2,
    NC_IO_LOST = 4, /* the descriptor failed; no further event comes */
};
struct nc_io;
typedef void nc_io_fn(void *arg, unsigned ready);
/* `fd` stays the caller's, is made non-blocking, and is watched for nothing yet.
 * NC_EIO if the kernel cannot watch it (a plain file). */
NC_MUSTUSE enum nc_err nc_io_new(struct nc_io **out, struct nc_loop *l, int fd,
                                 nc_io_fn *fn, void *arg);
void nc_io_want(struct nc_io *io,
                unsigned events); /* 0..READ|WRITE; the same again is free */
size_t nc_io_footprint(void);     /* bytes each costs */
/* fn is not called again; `fd` may be closed at once.  NULL is fine. */
void nc_io_free(struct nc_io *io);

/* Call fn on every arrival of `signum` until the loop is freed. */
NC_MUSTUSE enum nc_err nc_loop_signal(struct nc_loop *l, int signum,
                                      void (*fn)(void *arg, int signum), void *arg);

/*
 * The watchdog.  A turn is the time between two sleeps; the histogram is for the
 * metric loop_stall_seconds.  A turn of more than 5 ms is logged as
 * "loop.stall ms=… route=…", at most once a second.
 */
const struct nc_hist *nc_loop_turns(const struct nc_loop *l);
/* What is being served, for that line; static text.  Forgotten after the turn. */
void nc_loop_label(struct nc_loop *l, const char *route);
