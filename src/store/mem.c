#include "store/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

extern const struct nc_store_ops nc_store_mem;

size_t nc_mem_find(const struct nc_mem *m, enum nc_mem_table t, const void *key, size_t n)
{
    const struct nc_mem_rows *rows = &m->t[t];

    for (size_t i = rows->n; i-- > 0;) /* what is asked for is mostly new */
        if (rows->at[i] && memcmp(rows->at[i], key, n) == 0)
            return i;
    return MEM_NONE;
}

const void *nc_mem_row(const struct nc_mem *m, enum nc_mem_table t, const struct nc_id *id)
{
    size_t at = nc_mem_find(m, t, id, sizeof(*id));

    return at == MEM_NONE ? NULL : m->t[t].at[at];
}

const struct nc_member_rec *nc_mem_member(const struct nc_mem *m, const struct nc_id *room,
                                          const struct nc_id *user)
{
    struct nc_id key[2] = {*room, *user};
    size_t at = nc_mem_find(m, T_MEMBER, key, sizeof(key));

    return at == MEM_NONE ? NULL : m->t[T_MEMBER].at[at];
}

static void finish(struct nc_mem *m, struct nc_commit *c)
{
    struct nc_buf notice = c->notice; /* `c` may be gone after done */

    m->store.info.pending_commits--;
    if (c->err != NC_OK)
        m->store.info.commits_failed++;
    c->done(c, c->err);
    nc_buf_fini(&notice);
}

static void run_commits(struct nc_mem *m)
{
    struct nc_list batch, *n;
    uint64_t begun = nc_mono_ns();

    if (nc_list_empty(&m->commits))
        return;
    nc_list_init(&batch);
    m->tail.on = m->store.logged != NULL;
    while ((n = nc_list_pop(&m->commits))) {
        struct nc_commit *c = nc_of(n, struct nc_commit, node);
        c->err = nc_mem_apply(m, c);
        nc_list_add(&batch, n);
    }
    bool rose = m->own_head > m->store.info.own_head;
    struct nc_log_tail tail = m->tail; /* a done may commit, though not from inside */
    m->tail = (struct nc_log_tail){0};
    m->store.info.head = m->head;
    m->store.info.own_head = m->own_head;
    m->store.info.batches++;
    nc_hist_observe_ns(&m->commit_time, nc_mono_ns() - begun);
    while ((n = nc_list_pop(&batch)))
        finish(m, nc_of(n, struct nc_commit, node));
    if (rose)
        nc_log_tail_tell(&tail, &m->store);
    nc_log_tail_fini(&tail);
}

static void run_queries(struct nc_mem *m, bool cancel)
{
    struct nc_list *n, batch;

    nc_list_init(&batch);
    while ((n = nc_list_pop(&m->queries)))
        nc_list_add(&batch, n);
    while ((n = nc_list_pop(&batch))) {
        struct nc_query *q = nc_of(n, struct nc_query, node);
        enum nc_err e = cancel ? NC_ECLOSED : nc_mem_query(m, q);
        m->store.info.pending_queries--;
        q->done(q, e);
    }
}

static void run_backups(struct nc_mem *m, enum nc_err e)
{
    struct nc_list *n;

    while ((n = nc_list_pop(&m->backups))) {
        struct nc_backup *b = nc_of(n, struct nc_backup, node);
        b->done(b, e);
    }
}

/* Commits first: what is asked in the same turn sees what was said before it. */
static void on_work(struct nc_task *t)
{
    struct nc_mem *m = nc_of(t, struct nc_mem, work);

    run_commits(m);
    run_queries(m, false);
    run_backups(m, NC_EINVAL);
}

static enum nc_err mem_open(struct nc_store **out, const struct nc_store_opts *opts)
{
    struct nc_mem *m = nc_alloc(sizeof(*m));

    m->store.ops = &nc_store_mem;
    m->loop = opts->loop;
    m->work.run = on_work;
    nc_list_init(&m->commits);
    nc_list_init(&m->queries);
    nc_list_init(&m->backups);
    nc_hist_init(&m->commit_time, NULL, 0);
    m->store.info.incarnation = nc_id_random();
    m->store.info.commit_time = &m->commit_time;
    *out = &m->store;
    return NC_OK;
}

static void mem_close(struct nc_store *s)
{
    if (!s)
        return;
    struct nc_mem *m = nc_of(s, struct nc_mem, store);
    struct nc_list *n;

    nc_loop_undefer(m->loop, &m->work);
    m->closing = true;
    run_commits(m);
    /* What the callbacks start is refused, until they start nothing more. */
    while (!nc_list_empty(&m->queries) || !nc_list_empty(&m->commits) ||
           !nc_list_empty(&m->backups)) {
        run_queries(m, true);
        run_backups(m, NC_ECLOSED);
        while ((n = nc_list_pop(&m->commits))) {
            struct nc_commit *c = nc_of(n, struct nc_commit, node);
            c->err = NC_ECLOSED;
            finish(m, c);
        }
    }
    for (unsigned t = 0; t < TABLES; t++) {
        for (size_t i = 0; i < m->t[t].n; i++)
            free(m->t[t].at[i]);
        free(m->t[t].at);
    }
    free(m->undo);
    free(m);
}

static void wake(struct nc_mem *m)
{
    if (!m->closing)
        nc_loop_defer(m->loop, &m->work);
}

static void mem_commit(struct nc_store *s, struct nc_commit *c)
{
    struct nc_mem *m = nc_of(s, struct nc_mem, store);

    s->info.pending_commits++;
    nc_list_add(&m->commits, &c->node);
    wake(m);
}

static void mem_read(struct nc_store *s, struct nc_query *q)
{
    struct nc_mem *m = nc_of(s, struct nc_mem, store);

    s->info.pending_queries++;
    nc_list_add(&m->queries, &q->node);
    wake(m);
}

static enum nc_err mem_read_now(struct nc_store *s, struct nc_query *q)
{
    return nc_mem_query(nc_of(s, struct nc_mem, store), q);
}

static void mem_backup(struct nc_store *s, struct nc_backup *b)
{
    struct nc_mem *m = nc_of(s, struct nc_mem, store);

    nc_list_add(&m->backups, &b->node);
    wake(m);
}

static enum nc_err
mem_restore(const char *where, const char *file,
            void (*each)(void *arg, struct nc_str name, struct nc_str bytes), void *arg)
{
    (void)where, (void)each, (void)arg;
    nc_log(NC_ERROR, "store.restore", "file=%s reason=\"nothing is kept in mem:\"",
           nc_log_q(nc_str(file)));
    return NC_EINVAL;
}

const struct nc_store_ops nc_store_mem = {
    .scheme = "mem",
    .open = mem_open,
    .close = mem_close,
    .commit = mem_commit,
    .read = mem_read,
    .read_now = mem_read_now,
    .backup = mem_backup,
    .restore = mem_restore,
};
