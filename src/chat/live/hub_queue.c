#include <stdlib.h>

#include "base/log.h"
#include "chat/live/hub_parts.h"

/*
 * Slow consumers.  A listener's queue is looked at when it was given something and,
 * while it isn't empty, at the end of every turn with news: nobody else can grow.
 */
void nc_hub_backlogged(struct nc_hub *h, struct nc_listener *l, size_t queued, size_t given)
{
    size_t max = h->chat->opts.limits.queue_max;

    if (!nc_list_linked(&l->backlog))
        nc_list_add(&h->backlog, &l->backlog);
    if (queued > NC_EPHEMERAL_MAX)
        l->special |= NC_CLOGGED;
    /* One that had taken everything before is not slow, however much came at once
     * (sealed by TLS it is a little more than was given). */
    if (queued > max && queued > given + given / 8 + 1024)
        l->special |= NC_ENDING;
}

static void end_slow(struct nc_hub *h, struct nc_listener *l, size_t queued)
{
    nc_log(NC_INFO, "hub.slow_consumer", "user=%s queued=%zu",
           nc_log_q(l->user->a.username), queued);
    h->stats.slow_closed++;
    nc_hub_end_one(h, l, 4408, "slow_consumer");
}

struct laggard {
    struct nc_listener *l;
    size_t queued;
};

static int by_size(const void *a, const void *b)
{
    size_t x = ((const struct laggard *)a)->queued, y = ((const struct laggard *)b)->queued;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* All together are over the limit: the largest go first, until there is some room. */
static void end_largest(struct nc_hub *h, uint64_t total, unsigned n)
{
    struct laggard *all = nc_alloc(n * sizeof *all);
    uint64_t enough = h->chat->opts.limits.queue_total_max / 8 * 7;
    unsigned i = 0;

    nc_list_each(it, &h->backlog) {
        struct nc_listener *l = nc_of(it, struct nc_listener, backlog);
        all[i++] = (struct laggard){l, l->ops->queued(l)};
    }
    qsort(all, n, sizeof *all, by_size);
    for (i = 0; i < n && total > enough; i++) {
        total -= all[i].queued;
        end_slow(h, all[i].l, all[i].queued);
    }
    h->stats.queued_total = total;
    free(all);
}

void nc_hub_review(struct nc_hub *h)
{
    uint64_t total = 0;
    unsigned n = 0;

    nc_list_each(it, &h->backlog) {
        struct nc_listener *l = nc_of(it, struct nc_listener, backlog);
        size_t queued = l->ops->queued(l);
        if (l->special & NC_ENDING || queued == SIZE_MAX) {
            end_slow(h, l, queued);
            continue;
        }
        if (queued <= NC_EPHEMERAL_MAX)
            l->special &= (uint8_t)~NC_CLOGGED;
        if (queued == 0) {
            nc_list_del(&l->backlog);
            continue;
        }
        total += queued;
        n++;
    }
    h->stats.queued_total = total;
    if (total > h->chat->opts.limits.queue_total_max)
        end_largest(h, total, n);
}
