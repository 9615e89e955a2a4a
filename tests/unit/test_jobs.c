/* The writes of one job come one after the other, and what was not kept is made good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue/jobs.h"

/* A store that keeps what it is told until the test answers. */
struct slow {
    struct nc_store store;
    struct nc_commit *pending;
    enum nc_change_kind kind;
    struct nc_job_rec rec;
    char model[32];
    unsigned commits;
};

static void slow_commit(struct nc_store *s, struct nc_commit *c)
{
    struct slow *slow = nc_of(s, struct slow, store);

    assert_null(slow->pending);
    assert_int_equal(c->n, 1);
    slow->pending = c;
    slow->kind = c->changes[0].kind;
    slow->rec = c->changes[0].job;
    slow->commits++;
}

static void answer(struct slow *s, enum nc_err e)
{
    struct nc_commit *c = s->pending;

    assert_non_null(c);
    struct nc_str model = c->changes[0].job.model;
    memcpy(s->model, model.p, model.n);
    s->model[model.n] = '\0';
    s->pending = NULL;
    c->done(c, e);
}

static const struct nc_store_ops slow_ops = {.scheme = "slow", .commit = slow_commit};
static struct slow store;
static struct nc_job_kept job;
static unsigned settled;

static void on_settled(struct nc_job_kept *j)
{
    assert_ptr_equal(j, &job);
    settled++;
}

static int setup(void **state)
{
    (void)state;
    store = (struct slow){.store = {.ops = &slow_ops}};
    job = (struct nc_job_kept){.rec = {.id = {{1}}}};
    settled = 0;
    return 0;
}

static void test_one_write_at_a_time_and_the_last_state_wins(void **state)
{
    char model[] = "first";

    (void)state;
    job.rec.model = nc_str(model);
    nc_job_save(&store.store, &job);
    assert_int_equal(store.kind, NC_JOB_INSERT);
    memcpy(model, "other", sizeof(model)); /* borrowed only for the call */
    for (unsigned tries = 1; tries <= 3; tries++) {
        job.rec.tries = tries;
        nc_job_save(&store.store, &job);
    }
    assert_int_equal(store.commits, 1);
    answer(&store, NC_OK);
    assert_string_equal(store.model, "first");
    assert_int_equal(store.kind, NC_JOB_UPDATE);
    assert_int_equal(store.rec.tries, 3);
    answer(&store, NC_OK);
    assert_int_equal(store.commits, 2);
    nc_job_settle(&job, on_settled);
    assert_int_equal(settled, 1);
}

static void test_settling_waits_for_what_is_dirty(void **state)
{
    (void)state;
    nc_job_save(&store.store, &job);
    job.rec.state = NC_JOB_DONE;
    nc_job_save(&store.store, &job);
    nc_job_settle(&job, on_settled);
    assert_int_equal(settled, 0);
    answer(&store, NC_OK);
    assert_int_equal(settled, 0);
    assert_int_equal(store.rec.state, NC_JOB_DONE);
    answer(&store, NC_OK);
    assert_int_equal(settled, 1);
}

static void test_a_failed_write_is_made_good_with_the_next(void **state)
{
    (void)state;
    nc_job_save(&store.store, &job);
    answer(&store, NC_EIO);
    assert_null(store.pending); /* not at once: the disk is as full as before */
    job.rec.state = NC_JOB_RUNNING;
    nc_job_save(&store.store, &job);
    assert_int_equal(store.kind, NC_JOB_INSERT);
    answer(&store, NC_EEXIST); /* it was kept after all */
    assert_int_equal(store.kind, NC_JOB_UPDATE);
    assert_int_equal(store.rec.state, NC_JOB_RUNNING);
    answer(&store, NC_EIO);
    nc_job_settle(&job, on_settled);
    assert_int_equal(settled, 0);
    answer(&store, NC_EIO); /* once more, then it is given up */
    assert_int_equal(settled, 1);
}

static void test_a_store_that_closes_ends_it(void **state)
{
    (void)state;
    nc_job_save(&store.store, &job);
    nc_job_save(&store.store, &job);
    nc_job_settle(&job, on_settled);
    answer(&store, NC_ECLOSED);
    assert_null(store.pending);
    assert_int_equal(settled, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_write_at_a_time_and_the_last_state_wins, setup),
        cmocka_unit_test_setup(test_settling_waits_for_what_is_dirty, setup),
        cmocka_unit_test_setup(test_a_failed_write_is_made_good_with_the_next, setup),
        cmocka_unit_test_setup(test_a_store_that_closes_ends_it, setup),
    };

    return cmocka_run_group_tests_name("queue/jobs", tests, NULL, NULL);
}
