#include "queue/jobs.h"

#include <stdlib.h>

#include "base/log.h"

/* The record as it was when the write began. */
struct nc_job_write {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_job_kept *job;
    char *model, *reason;
};

static void write_now(struct nc_job_kept *j);

static void warn(const struct nc_job_kept *j, enum nc_err e)
{
    char id[NC_ID_TEXT + 1] = "";

    nc_id_text(&j->rec.id, id);
    nc_log(NC_WARN, "job.save", "job=%s error=%s", id, nc_strerr(e));
}

/* What was not kept is dirty again, and goes with the next write: trying at once would
 * only find the disk as full. */
static bool learn(struct nc_job_kept *j, enum nc_err e)
{
    switch (e) {
    case NC_OK: j->known = true; return true;
    case NC_EEXIST: /* a write that was told as failed had been kept after all */
        j->dirty = true;
        j->known = true;
        return true;
    case NC_ENOENT: /* it has ended: nothing is to be added */
        warn(j, e);
        j->dirty = false;
        return true;
    case NC_ECLOSED: j->dirty = false; return true;
    case NC_AGAIN:
    case NC_EINVAL:
    case NC_EACCESS:
    case NC_ELIMIT:
    case NC_EIO: break;
    }
    warn(j, e);
    j->dirty = true;
    return false;
}

static void on_written(struct nc_commit *c, enum nc_err e)
{
    struct nc_job_write *w = nc_of(c, struct nc_job_write, commit);
    struct nc_job_kept *j = w->job;

    free(w->model);
    free(w->reason);
    free(w);
    j->write = NULL;
    bool again = learn(j, e) && j->dirty;
    if (again)
        write_now(j);
    else if (j->settled)
        j->settled(j);
}

static void write_now(struct nc_job_kept *j)
{
    struct nc_job_write *w = nc_alloc(sizeof(*w));

    w->job = j;
    w->model = nc_str_dup(j->rec.model);
    w->reason = nc_str_dup(j->rec.reason);
    w->change =
        (struct nc_change){.kind = j->known ? NC_JOB_UPDATE : NC_JOB_INSERT, .job = j->rec};
    w->change.job.model = nc_str(w->model);
    w->change.job.reason = nc_str(w->reason);
    w->commit = (struct nc_commit){.changes = &w->change, .n = 1, .done = on_written};
    j->dirty = false;
    j->write = w;
    j->store->ops->commit(j->store, &w->commit);
}

void nc_job_save(struct nc_store *s, struct nc_job_kept *j)
{
    j->store = s;
    j->dirty = true;
    if (!j->write)
        write_now(j);
}

void nc_job_settle(struct nc_job_kept *j, void (*settled)(struct nc_job_kept *j))
{
    if (j->write || j->dirty) {
        j->settled = settled;
        if (!j->write)
            write_now(j);
        return;
    }
    settled(j);
}

/* ---- the last run's -------------------------------------------------------- */

struct loading {
    struct nc_query query;
    void (*each)(void *arg, const struct nc_job_rec *rec);
    void *arg;
};

static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct loading *l = nc_of(q, struct loading, query);

    l->each(l->arg, &row->job);
}

enum nc_err nc_jobs_load(struct nc_store *s,
                         void (*each)(void *arg, const struct nc_job_rec *rec), void *arg)
{
    struct loading l = {
        .query = {.kind = NC_Q_JOBS, .row = on_row}, .each = each, .arg = arg};
    enum nc_err e = s->ops->read_now(s, &l.query);

    if (e == NC_OK)
        return NC_OK;
    nc_log(NC_ERROR, "job.load", "error=%s", nc_strerr(e));
    return NC_EIO;
}
