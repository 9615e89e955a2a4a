#include <stdlib.h>
#include <uv.h>

#include "loop/loop.h"

struct nc_alarm {
    uv_timer_t timer;
    void (*fn)(void *arg);
    void *arg;
};

static void on_timer(uv_timer_t *t)
{
    struct nc_alarm *a = nc_of(t, struct nc_alarm, timer);

    a->fn(a->arg);
}

struct nc_alarm *nc_alarm_new(struct nc_loop *l, void (*fn)(void *arg), void *arg)
{
    struct nc_alarm *a = nc_alloc(sizeof(*a));

    uv_timer_init(nc_loop_uv(l), &a->timer); /* cannot fail */
    a->fn = fn;
    a->arg = arg;
    return a;
}

void nc_alarm_set(struct nc_alarm *a, uint64_t ms)
{
    if (ms)
        uv_timer_start(&a->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&a->timer);
}

bool nc_alarm_is_set(const struct nc_alarm *a)
{
    return uv_is_active((const uv_handle_t *)&a->timer);
}

static void on_closed(uv_handle_t *h) { free(nc_of(h, struct nc_alarm, timer)); }

void nc_alarm_free(struct nc_alarm *a)
{
    if (a)
        uv_close((uv_handle_t *)&a->timer, on_closed);
}
