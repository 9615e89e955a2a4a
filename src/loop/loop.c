#include "loop/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/log.h"
#include "loop/heap.h"

#define STALL_NS 5000000u
#define STALL_LOG_EVERY_NS 1000000000u
#define SETTLE_MS 30000u

static const double bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                0.01,   0.025,   0.05,   0.1,   0.5};

struct signal_watch {
    uv_signal_t uv;
    void (*fn)(void *arg, int signum);
    void *arg;
    struct signal_watch *next;
};

struct nc_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* the end of a turn */
    uv_idle_t idle;       /* active while tasks wait: don't sleep */
    uv_timer_t timer;     /* for the soonest deadline */
    uv_async_t mail;      /* posts; holds the loop while `holds` > 0 */
    bool running;
    unsigned holds;

    struct nc_heap heap;
    uint64_t armed_for; /* what the timer is set to; 0: stopped */

    struct nc_list tasks;
    struct nc_list turn_end; /* in tasks, while they run */
    struct signal_watch *signals;

    pthread_mutex_t lock; /* guards posts */
    struct nc_list posts;

    struct nc_hist turns;
    uint64_t slept_at_ns, idle_ns; /* when the last turn ended */
    uint64_t logged_ns;
    const char *label;
};

/* --- deadlines --- */

static void on_timer(uv_timer_t *t);

static void arm(struct nc_loop *l)
{
    uint64_t next = nc_heap_next(&l->heap);

    if (next == 0) {
        if (l->armed_for)
            uv_timer_stop(&l->timer);
        l->armed_for = 0;
        return;
    }
    if (l->armed_for && l->armed_for <= next)
        return; /* it wakes early enough and looks again */
    uint64_t now = uv_now(&l->uv);
    uv_timer_start(&l->timer, on_timer, next > now ? next - now : 0, 0);
    l->armed_for = next;
}

static void on_timer(uv_timer_t *t)
{
    struct nc_loop *l = t->data;
    struct nc_deadline *d;

    l->armed_for = 0;
    while ((d = nc_heap_due(&l->heap, uv_now(&l->uv))))
        d->fire(d);
    arm(l);
}

void nc_loop_deadline(struct nc_loop *l, struct nc_deadline *d, uint64_t ms)
{
    if (ms == 0) {
        nc_heap_remove(&l->heap, d);
        if (l->heap.n == 0)
            arm(l); /* an armed timer would keep nc_loop_run from returning */
        return;
    }
    if (!l->running)
        uv_update_time(&l->uv);
    nc_heap_set(&l->heap, d, uv_now(&l->uv) + ms);
    arm(l);
}

uint64_t nc_loop_now_ms(const struct nc_loop *l) { return uv_now(&l->uv); }

/* --- tasks --- */

static void on_idle(uv_idle_t *i) { (void)i; /* being active is all it does */ }

void nc_loop_defer(struct nc_loop *l, struct nc_task *t)
{
    if (nc_list_linked(&t->node))
        return;
    if (nc_list_empty(&l->tasks))
        uv_idle_start(&l->idle, on_idle);
    nc_list_add(&l->tasks, &t->node);
}

void nc_loop_undefer(struct nc_loop *l, struct nc_task *t)
{
    nc_list_del(&t->node);
    if (nc_list_empty(&l->tasks))
        uv_idle_stop(&l->idle);
}

static void run_tasks(struct nc_loop *l)
{
    struct nc_list *n;

    if (nc_list_empty(&l->tasks))
        return;
    /* Tasks added meanwhile stand behind the mark: they are the next turn's. */
    nc_list_add(&l->tasks, &l->turn_end);
    while ((n = nc_list_pop(&l->tasks)) != &l->turn_end) {
        struct nc_task *t = nc_of(n, struct nc_task, node);
        t->run(t);
    }
    if (nc_list_empty(&l->tasks))
        uv_idle_stop(&l->idle);
}

/* --- posts --- */

void nc_loop_post(struct nc_loop *l, struct nc_post *p)
{
    pthread_mutex_lock(&l->lock);
    bool wake = nc_list_empty(&l->posts);
    if (!nc_list_linked(&p->node))
        nc_list_add(&l->posts, &p->node);
    pthread_mutex_unlock(&l->lock);
    if (wake)
        uv_async_send(&l->mail);
}

void nc_loop_unpost(struct nc_loop *l, struct nc_post *p)
{
    pthread_mutex_lock(&l->lock);
    nc_list_del(&p->node);
    pthread_mutex_unlock(&l->lock);
}

static void on_mail(uv_async_t *a)
{
    struct nc_loop *l = a->data;

    for (;;) {
        pthread_mutex_lock(&l->lock);
        struct nc_list *n = nc_list_pop(&l->posts);
        pthread_mutex_unlock(&l->lock);
        if (!n)
            return;
        struct nc_post *p = nc_of(n, struct nc_post, node);
        p->run(p);
    }
}

/* --- the watchdog --- */

static void begin_turn(struct nc_loop *l)
{
    l->slept_at_ns = nc_mono_ns();
    l->idle_ns = uv_metrics_idle_time(&l->uv);
}

static void measure(struct nc_loop *l)
{
    uint64_t now = nc_mono_ns(), idle = uv_metrics_idle_time(&l->uv);
    uint64_t wall = now - l->slept_at_ns, slept = idle - l->idle_ns;
    uint64_t turn = wall > slept ? wall - slept : 0;

    l->slept_at_ns = now;
    l->idle_ns = idle;
    nc_hist_observe_ns(&l->turns, turn);
    if (turn > STALL_NS && now - l->logged_ns > STALL_LOG_EVERY_NS) {
        l->logged_ns = now;
        nc_log(NC_WARN, "loop.stall", "ms=%.1f route=%s", (double)turn * 1e-6,
               l->label ? l->label : "-");
    }
    l->label = NULL;
}

static void on_prepare(uv_prepare_t *p)
{
    struct nc_loop *l = p->data;

    run_tasks(l);
    measure(l);
}

const struct nc_hist *nc_loop_turns(const struct nc_loop *l) { return &l->turns; }

void nc_loop_label(struct nc_loop *l, const char *route) { l->label = route; }

/* --- life --- */

enum nc_err nc_loop_new(struct nc_loop **out)
{
    struct nc_loop *l = nc_alloc(sizeof(*l));
    int e = uv_loop_init(&l->uv);

    *out = NULL;
    if (e == 0)
        e = uv_async_init(&l->uv, &l->mail, on_mail);
    if (e != 0) {
        nc_log(NC_ERROR, "loop.new", "why=%s", nc_log_q(nc_str(uv_strerror(e))));
        uv_loop_close(&l->uv);
        free(l);
        return NC_EIO;
    }
    uv_loop_configure(&l->uv, UV_METRICS_IDLE_TIME);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->timer);
    l->uv.data = l->mail.data = l->prepare.data = l->timer.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->mail);
    pthread_mutex_init(&l->lock, NULL);
    nc_hist_init(&l->turns, bounds, NC_COUNT(bounds));
    nc_list_init(&l->tasks);
    nc_list_init(&l->posts);
    signal(SIGPIPE, SIG_IGN);
    *out = l;
    return NC_OK;
}

void nc_loop_run(struct nc_loop *l)
{
    uv_update_time(&l->uv);
    begin_turn(l);
    l->running = true;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    l->running = false;
}

void nc_loop_stop(struct nc_loop *l) { uv_stop(&l->uv); }

static void on_signal_closed(uv_handle_t *h) { free(nc_of(h, struct signal_watch, uv)); }

/* Let the closings happen.  A name still being resolved by libuv's pool cannot be
 * taken back and is waited for. */
static void settle(struct nc_loop *l)
{
    int e = UV_EBUSY;

    for (unsigned ms = 0; e == UV_EBUSY && ms < SETTLE_MS; ms++) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        e = uv_loop_close(&l->uv);
        if (e == UV_EBUSY)
            usleep(1000);
    }
    assert(e == 0 && "something is still watched");
}

void nc_loop_settle(struct nc_loop *l)
{
    while (!nc_list_empty(&l->tasks))
        run_tasks(l);
}

void nc_loop_free(struct nc_loop *l)
{
    if (!l)
        return;
    nc_loop_settle(l);
    while (l->signals) {
        struct signal_watch *s = l->signals;
        l->signals = s->next;
        uv_close((uv_handle_t *)&s->uv, on_signal_closed);
    }
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_close((uv_handle_t *)&l->mail, NULL);
    settle(l);
    nc_heap_fini(&l->heap);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void nc_loop_hold(struct nc_loop *l)
{
    if (l->holds++ == 0)
        uv_ref((uv_handle_t *)&l->mail);
}

void nc_loop_unhold(struct nc_loop *l)
{
    assert(l->holds > 0);
    if (--l->holds == 0)
        uv_unref((uv_handle_t *)&l->mail);
}

struct uv_loop_s *nc_loop_uv(struct nc_loop *l) { return &l->uv; }

/* --- signals --- */

static void on_signal(uv_signal_t *h, int signum)
{
    struct signal_watch *s = nc_of(h, struct signal_watch, uv);

    /* libuv forgets the sleep that a signal interrupts: it would count as a turn */
    begin_turn(h->loop->data);
    s->fn(s->arg, signum);
}

enum nc_err nc_loop_signal(struct nc_loop *l, int signum, void (*fn)(void *arg, int signum),
                           void *arg)
{
    struct signal_watch *s = nc_alloc(sizeof(*s));

    s->fn = fn;
    s->arg = arg;
    s->next = l->signals;
    l->signals = s;
    uv_signal_init(&l->uv, &s->uv);
    int e = uv_signal_start(&s->uv, on_signal, signum);
    uv_unref((uv_handle_t *)&s->uv);
    if (e == 0)
        return NC_OK;
    nc_log(NC_ERROR, "loop.signal", "signal=%d why=%s", signum,
           nc_log_q(nc_str(uv_strerror(e))));
    return NC_EIO;
}
