#include <stdlib.h>

#include "chat/merge_parts.h"

struct renewal {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    void (*done)(void *arg, enum nc_err e);
    void *arg;
};

static void on_renewed(struct nc_commit *c, enum nc_err e)
{
    struct renewal *r = nc_of(c, struct renewal, commit);
    const struct nc_segment *was = &r->change.segment;

    if (e == NC_OK)
        nc_merge_renewed(r->chat, &was->origin, was->first - 1);
    r->done(r->arg, e);
    free(r);
}

void nc_chat_renew(struct nc_chat *c, uint64_t first,
                   void (*done)(void *arg, enum nc_err e), void *arg)
{
    struct nc_store *store = c->opts.store;
    struct renewal *r = nc_alloc(sizeof(*r));

    r->chat = c;
    r->done = done;
    r->arg = arg;
    r->change =
        (struct nc_change){.kind = NC_ORIGIN_RENEW,
                           .segment = {.origin = store->info.incarnation, .first = first}};
    r->commit.changes = &r->change;
    r->commit.n = 1;
    r->commit.done = on_renewed;
    store->ops->commit(store, &r->commit);
}
