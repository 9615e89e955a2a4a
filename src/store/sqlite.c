#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/migrate.h"
#include "store/sqlite_lock.h"

#define BATCH_MAX 4096   /* commits in one transaction */
#define QUERIES_MAX 4096 /* waiting for the two readers */
#define RETRY_MS 1000    /* while failing */

extern const struct nc_store_ops nc_store_sqlite;

/* ---- the writer's batches come back -------------------------------------- */

static void finish(struct nc_sqlite *s, struct nc_commit *c)
{
    struct nc_buf notice = c->notice; /* `c` may be gone after done */

    s->store.info.pending_commits--;
    if (c->err != NC_OK)
        s->store.info.commits_failed++;
    c->done(c, c->err);
    nc_buf_fini(&notice);
}

static void on_batch_run(void *ctx, struct nc_list *batch)
{
    struct nc_sqlite *s = ctx;

    nc_sqlite_writer_run(&s->writer, batch);
}

static void on_batch_done(void *ctx, struct nc_list *batch)
{
    struct nc_sqlite *s = ctx;
    struct nc_sqlite_result *r = nc_sqlite_writer_result(&s->writer);
    struct nc_store_info *info = &s->store.info;
    struct nc_list *n;

    bool rose = r->counter.own_head > info->own_head;

    info->head = r->counter.head;
    info->own_head = r->counter.own_head;
    info->incarnation = r->counter.incarnation;
    info->failing = r->failed;
    info->batches++;
    nc_hist_observe_ns(&s->commit_time, r->ns);
    if (info->failing && !s->closing && !s->probing)
        nc_loop_deadline(s->loop, &s->retry, RETRY_MS);
    while ((n = nc_list_pop(batch)))
        finish(s, nc_of(n, struct nc_commit, node));
    if (rose)
        nc_log_tail_tell(&r->tail, &s->store);
    nc_log_tail_fini(&r->tail);
    free(r);
}

static void on_batch_closed(void *ctx, struct nc_list *batch)
{
    struct nc_list *n;

    while ((n = nc_list_pop(batch))) {
        struct nc_commit *c = nc_of(n, struct nc_commit, node);
        c->err = NC_ECLOSED;
        finish(ctx, c);
    }
}

static const struct nc_batch_ops batch_ops = {
    .run = on_batch_run,
    .done = on_batch_done,
    .closed = on_batch_closed,
};

/* Service returns by itself: somebody has to try when nobody dares to send. */
static void on_retry(struct nc_deadline *d)
{
    struct nc_sqlite *s = nc_of(d, struct nc_sqlite, retry);

    if (!s->store.info.failing || s->probing)
        return;
    s->probing = true;
    s->store.ops->commit(&s->store, &s->probe);
}

static void on_probed(struct nc_commit *c, enum nc_err e)
{
    struct nc_sqlite *s = nc_of(c, struct nc_sqlite, probe);

    s->probing = false;
    if (e == NC_EIO && !s->closing)
        nc_loop_deadline(s->loop, &s->retry, RETRY_MS);
}

/* ---- what is refused hears of it at the end of the turn ------------------ */

static void run_refused(struct nc_sqlite *s, enum nc_err e)
{
    struct nc_list *n;

    while ((n = nc_list_pop(&s->refused_commits))) {
        struct nc_commit *c = nc_of(n, struct nc_commit, node);
        c->err = e;
        finish(s, c);
    }
    while ((n = nc_list_pop(&s->refused_queries))) {
        struct nc_query *q = nc_of(n, struct nc_query, node);
        s->store.info.pending_queries--;
        q->done(q, e);
    }
    while ((n = nc_list_pop(&s->refused_backups))) {
        struct nc_backup *b = nc_of(n, struct nc_backup, node);
        b->done(b, e == NC_ECLOSED ? e : b->err);
    }
}

static void on_refuse(struct nc_task *t)
{
    run_refused(nc_of(t, struct nc_sqlite, refuse), NC_ELIMIT);
}

/* ---- opening ------------------------------------------------------------- */

/* Nobody else reads what is said here; -wal and -shm take over the mode. */
static enum nc_err create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        nc_log(NC_ERROR, "store.open", "path=%s errno=%d", nc_log_q(nc_str(path)), errno);
        return NC_EIO;
    }
    close(fd);
    return NC_OK;
}

/* Once for the process: counting every allocation under one lock is not worth it. */
static void configure(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

static enum nc_err open_database(struct nc_sqlite *s, const char *backup_dir)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct nc_sqlite_writer *w = &s->writer;

    pthread_once(&once, configure);
    enum nc_err e = nc_sqlite_lock(&s->lock_fd, s->path);
    if (e == NC_OK)
        e = create_private(s->path);
    if (e != NC_OK)
        return e;
    /* Before anything is written: what isn't ours stays as it is. */
    e = nc_migrate_examine(s->path, nc_migrations_n);
    if (e != NC_OK)
        return e;
    int rc = nc_sqlite_writer_open(w, s->path);
    if (rc != SQLITE_OK)
        return nc_sqlite_refuse(s->path, rc);
    e = nc_migrate(w->conn.db, s->path, backup_dir, nc_migrations, nc_migrations_n);
    if (e == NC_OK)
        e = nc_sqlite_incarnate(w->conn.db, false);
    if (e == NC_OK)
        e = nc_sqlite_writer_load(w);
    if (e == NC_OK)
        e = nc_sqlite_writer_settle(w);
    return e == NC_OK ? nc_sqlite_writer_keep(w) : e;
}

static void free_all(struct nc_sqlite *s)
{
    for (unsigned i = 0; i < NC_SQLITE_READERS; i++) {
        nc_sqlite_conn_close(&s->readers[i].conn);
        nc_sqlite_names_fini(&s->readers[i].names);
        pthread_mutex_destroy(&s->readers[i].lock);
    }
    sqlite3_close(s->writer.keeper);
    nc_sqlite_writer_close(&s->writer); /* the last: moves the log into the file */
    pthread_mutex_destroy(&s->writer.lock);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->path);
    free(s);
}

static enum nc_err sqlite_open(struct nc_store **out, const struct nc_store_opts *opts)
{
    struct nc_sqlite *s = nc_alloc(sizeof(*s));

    *out = NULL;
    s->store.ops = &nc_store_sqlite;
    s->loop = opts->loop;
    s->path = nc_str_dup(nc_str(opts->where));
    s->lock_fd = -1;
    s->probe.done = on_probed;
    s->retry.fire = on_retry;
    s->refuse.run = on_refuse;
    nc_list_init(&s->refused_commits);
    nc_list_init(&s->refused_queries);
    nc_list_init(&s->refused_backups);
    nc_list_init(&s->writer.results);
    pthread_mutex_init(&s->writer.lock, NULL);
    for (unsigned i = 0; i < NC_SQLITE_READERS; i++) {
        pthread_mutex_init(&s->readers[i].lock, NULL);
        s->readers[i].limit_ms = NC_SQLITE_QUERY_MS;
        s->readers[i].names.changes = &s->writer.people_changes;
    }
    nc_hist_init(&s->commit_time, NULL, 0);

    enum nc_err e = open_database(s, opts->backup_dir);
    if (e == NC_OK)
        e = nc_batcher_new(&s->batcher, s->loop, "store-write", &batch_ops, s, BATCH_MAX);
    if (e == NC_OK)
        e = nc_pool_new(&s->pool, s->loop, "store-read", NC_SQLITE_READERS, QUERIES_MAX);
    if (e != NC_OK) {
        nc_batcher_free(s->batcher, false);
        free_all(s);
        return e;
    }
    s->store.info = (struct nc_store_info){
        .incarnation = s->writer.counter.incarnation,
        .head = s->writer.counter.head,
        .own_head = s->writer.counter.own_head,
        .hlc = s->writer.counter.hlc,
        .commit_time = &s->commit_time,
    };
    *out = &s->store;
    return NC_OK;
}

static void sqlite_close(struct nc_store *store)
{
    if (!store)
        return;
    struct nc_sqlite *s = nc_of(store, struct nc_sqlite, store);

    s->closing = true;
    atomic_store(&s->stop, true);
    nc_loop_deadline(s->loop, &s->retry, 0);
    nc_loop_undefer(s->loop, &s->refuse);
    nc_batcher_free(s->batcher, true);
    nc_pool_free(s->pool);
    nc_pool_free(s->copier);
    /* What the callbacks start is refused, until they start nothing more. */
    while (!nc_list_empty(&s->refused_commits) || !nc_list_empty(&s->refused_queries) ||
           !nc_list_empty(&s->refused_backups))
        run_refused(s, NC_ECLOSED);
    free_all(s);
}

/* ---- the table ----------------------------------------------------------- */

static void sqlite_commit(struct nc_store *store, struct nc_commit *c)
{
    struct nc_sqlite *s = nc_of(store, struct nc_sqlite, store);

    store->info.pending_commits++;
    c->existing = (struct nc_id){{0}};
    c->notice = (struct nc_buf){0};
    if (s->closing) {
        nc_list_add(&s->refused_commits, &c->node);
    } else {
        atomic_store_explicit(&s->writer.listened, store->logged != NULL,
                              memory_order_relaxed);
        nc_batcher_add(s->batcher, &c->node);
    }
}

struct job {
    struct nc_work work;
    struct nc_sqlite *store;
    struct nc_query *query;
};

static enum nc_err query(struct nc_sqlite *s, unsigned reader, struct nc_query *q)
{
    struct nc_sqlite_reader *r = &s->readers[reader];

    pthread_mutex_lock(&r->lock);
    enum nc_err e = nc_sqlite_query(r, s->path, q);
    pthread_mutex_unlock(&r->lock);
    return e;
}

static void on_query_run(struct nc_work *work, unsigned thread)
{
    struct job *job = nc_of(work, struct job, work);

    job->query->err = query(job->store, thread, job->query);
}

static void on_query_done(struct nc_work *work, enum nc_err e)
{
    struct job *job = nc_of(work, struct job, work);
    struct nc_query *q = job->query;

    job->store->store.info.pending_queries--;
    free(job);
    q->done(q, e == NC_OK ? q->err : e);
}

static void sqlite_read(struct nc_store *store, struct nc_query *q)
{
    struct nc_sqlite *s = nc_of(store, struct nc_sqlite, store);

    store->info.pending_queries++;
    if (!s->closing) {
        struct job *job = nc_alloc(sizeof(*job));
        *job = (struct job){
            .work = {.run = on_query_run, .done = on_query_done}, .store = s, .query = q};
        if (nc_pool_submit(s->pool, &job->work) == NC_OK)
            return;
        free(job);
        nc_loop_defer(s->loop, &s->refuse);
    }
    nc_list_add(&s->refused_queries, &q->node);
}

/* By a reader that has nothing to do, so that nobody's long question is waited for. */
static enum nc_err sqlite_read_now(struct nc_store *store, struct nc_query *q)
{
    struct nc_sqlite *s = nc_of(store, struct nc_sqlite, store);
    unsigned i = 0;

    while (i < NC_SQLITE_READERS && pthread_mutex_trylock(&s->readers[i].lock) != 0)
        i++;
    if (i == NC_SQLITE_READERS)
        return query(s, 0, q);
    enum nc_err e = nc_sqlite_query(&s->readers[i], s->path, q);
    pthread_mutex_unlock(&s->readers[i].lock);
    return e;
}

static void sqlite_backup(struct nc_store *store, struct nc_backup *b)
{
    nc_sqlite_backup(nc_of(store, struct nc_sqlite, store), b);
}

const struct nc_store_ops nc_store_sqlite = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .commit = sqlite_commit,
    .read = sqlite_read,
    .read_now = sqlite_read_now,
    .backup = sqlite_backup,
    .restore = nc_sqlite_restore,
};
