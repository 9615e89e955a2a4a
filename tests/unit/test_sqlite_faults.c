/* A disk that fails: no acknowledgement, a process that lives, service that returns.
 * The disk is a VFS of ours around SQLite's own, and once a real small one. */
#include "store_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ---- a VFS whose writes and syncs fail when told ------------------------- */

static atomic_int sync_fails, write_fails; /* an SQLite code, or 0 */
static atomic_int countdown;               /* > 0: that operation from now fails, once */
static atomic_int failures;

struct file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;
static sqlite3_file *real_of(sqlite3_file *f) { return ((struct file *)f)->real; }

static int hurt(atomic_int *always, int once_code)
{
    int code = atomic_load(always);

    if (code == 0 && atomic_load(&countdown) > 0 && atomic_fetch_sub(&countdown, 1) == 1)
        code = once_code;
    if (code)
        atomic_fetch_add(&failures, 1);
    return code;
}

static int on_close(sqlite3_file *f)
{
    sqlite3_file *r = real_of(f);
    int rc = r->pMethods ? r->pMethods->xClose(r) : SQLITE_OK;

    sqlite3_free(r);
    return rc;
}
static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}
static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int rc = hurt(&write_fails, SQLITE_IOERR_WRITE);

    if (rc == SQLITE_FULL) /* some of it fits */
        real_of(f)->pMethods->xWrite(real_of(f), p, n / 2, at);
    return rc ? rc : real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}
static int on_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return real_of(f)->pMethods->xTruncate(real_of(f), n);
}
static int on_sync(sqlite3_file *f, int flags)
{
    int rc = hurt(&sync_fails, SQLITE_IOERR_FSYNC);

    return rc ? rc : real_of(f)->pMethods->xSync(real_of(f), flags);
}
static int on_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), n);
}
static int on_lock(sqlite3_file *f, int how)
{
    return real_of(f)->pMethods->xLock(real_of(f), how);
}
static int on_unlock(sqlite3_file *f, int how)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), how);
}
static int on_reserved(sqlite3_file *f, int *is)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), is);
}
static int on_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}
static int on_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}
static int on_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}
static int on_shm_map(sqlite3_file *f, int page, int n, int extend, void volatile **p)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, n, extend, p);
}
static int on_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}
static void on_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}
static int on_shm_unmap(sqlite3_file *f, int delete_it)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_device,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct file *file = (struct file *)f;

    (void)v;
    file->real = sqlite3_malloc(real_vfs->szOsFile);
    memset(file->real, 0, (size_t)real_vfs->szOsFile);
    int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
    file->base.pMethods = &methods; /* also when it failed: it is closed then */
    return rc;
}

static int install(void **state)
{
    static sqlite3_vfs vfs;

    (void)state;
    sqlite3_initialize();
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.szOsFile = sizeof(struct file);
    vfs.xOpen = on_open;
    return sqlite3_vfs_register(&vfs, 1);
}

static void heal(void)
{
    atomic_store(&sync_fails, 0);
    atomic_store(&write_fails, 0);
    atomic_store(&countdown, 0);
}

/* ---- what must be so ----------------------------------------------------- */

static int world_healed_down(void **state)
{
    heal();
    return world_down(state);
}

/* The database and what the store says agree: nothing more, nothing less, no gap. */
static void assert_holds(unsigned messages)
{
    assert_int_equal(count_messages(), messages);
    assert_int_equal(w.store->info.head, messages);
    assert_int_equal(w.store->info.own_head, messages);
}

static void outage(atomic_int *what, int code)
{
    struct send s[3];

    assert_int_equal(say("before"), NC_OK);
    atomic_store(what, code);
    for (unsigned i = 0; i < 3; i++)
        submit(&s[i], "lost");
    settle();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(s[i].calls, 1);
        assert_int_equal(s[i].e, NC_EIO);
        assert_true(s[i].ch.event.seq == 0);
    }
    assert_true(w.store->info.failing);
    assert_int_equal(say("lost too"), NC_EIO);
    assert_holds(1); /* and reading goes on */
    heal();
    assert_int_equal(say("after"), NC_OK);
    assert_false(w.store->info.failing);
    assert_holds(2);
    /* The same again is no repetition: it was never there. */
    s[0].calls = 0;
    untold = 1;
    w.store->ops->commit(w.store, &s[0].c);
    settle();
    assert_int_equal(s[0].e, NC_OK);
    assert_true(s[0].ch.event.seq == 3);
    world_close();
    assert_int_equal(world_open(), NC_OK);
    assert_holds(3);
}

static void nothing_is_acknowledged_when_fsync_fails(void **state)
{
    (void)state;
    outage(&sync_fails, SQLITE_IOERR_FSYNC);
}

static void nothing_is_acknowledged_when_writing_fails(void **state)
{
    (void)state;
    outage(&write_fails, SQLITE_IOERR_WRITE);
}

static void nothing_is_acknowledged_when_the_disk_is_full(void **state)
{
    (void)state;
    outage(&write_fails, SQLITE_FULL);
}

static struct nc_deadline look;
static unsigned looks;

static void on_look(struct nc_deadline *d)
{
    if (!w.store->info.failing || ++looks > 100)
        nc_loop_stop(w.loop);
    else
        nc_loop_deadline(w.loop, d, 50);
}

static void service_returns_by_itself(void **state)
{
    (void)state;
    assert_int_equal(say("before"), NC_OK);
    atomic_store(&sync_fails, SQLITE_IOERR_FSYNC);
    assert_int_equal(say("lost"), NC_EIO);
    assert_true(w.store->info.failing);
    heal();
    looks = 0;
    look = (struct nc_deadline){.fire = on_look};
    nc_loop_deadline(w.loop, &look, 50);
    nc_loop_run(w.loop); /* nobody sends anything */
    assert_false(w.store->info.failing);
    assert_holds(1);
}

/* One failure at every place where there can be one. */
static void a_single_fault_anywhere_loses_nothing(void **state)
{
    static char body[3000];
    unsigned stored = 0, refused = 0;

    (void)state;
    memset(body, 'x', sizeof(body) - 1);
    for (int at = 1; at <= 60; at++) {
        struct send s[8];
        atomic_store(&countdown, at);
        for (unsigned i = 0; i < NC_COUNT(s); i++) {
            submit(&s[i], body);
            if (i % 2)
                settle();
        }
        heal();
        for (unsigned i = 0; i < NC_COUNT(s); i++) {
            assert_int_equal(s[i].calls, 1);
            assert_true(s[i].e == NC_OK || s[i].e == NC_EIO);
            stored += s[i].e == NC_OK;
            refused += s[i].e == NC_EIO;
        }
        assert_int_equal(say("well again"), NC_OK);
        stored++;
        assert_holds(stored);
        if (at % 20 == 0) {
            world_close();
            assert_int_equal(world_open(), NC_OK);
            assert_holds(stored);
        }
    }
    assert_true(refused > 20);
}

static enum nc_err make_room(unsigned char n)
{
    struct send s;

    prepare(&s, nc_str(""));
    s.ch.kind = NC_ROOM_INSERT;
    s.ch.room = (struct nc_room_rec){.id = den, .name = nc_str("room"), .created_by = ada};
    s.ch.room.id.b[14] = n;
    s.ch.event.kind = NC_EV_ROOM_CREATED;
    s.ch.event.to = s.ch.event.ref = s.ch.room.id;
    untold = 1;
    w.store->ops->commit(w.store, &s.c);
    settle();
    assert_int_equal(s.calls, 1);
    return s.e;
}

/* What failed is a table of the rules by which nodes agree; the next change is one before
 * which all that they remember is forgotten. */
static void a_room_is_made_after_a_failure_of_the_rules(void **state)
{
    (void)state;
    assert_int_equal(make_room(1), NC_OK);
    sql(w.path, "ALTER TABLE stamp RENAME TO elsewhere");
    assert_int_equal(make_room(2), NC_EIO);
    sql(w.path, "ALTER TABLE elsewhere RENAME TO stamp");
    assert_int_equal(make_room(2), NC_OK);
    assert_int_equal(make_room(3), NC_OK);
    assert_false(w.store->info.failing);
    assert_int_equal(w.store->info.head, 3);
}

static void closing_while_failing_answers_everybody(void **state)
{
    struct send s[3];

    (void)state;
    atomic_store(&sync_fails, SQLITE_IOERR_FSYNC);
    assert_int_equal(say("lost"), NC_EIO);
    for (unsigned i = 0; i < 3; i++)
        submit(&s[i], "lost");
    world_close();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(s[i].calls, 1);
        assert_int_equal(s[i].e, NC_EIO);
    }
    heal();
    assert_int_equal(world_open(), NC_OK);
    assert_int_equal(say("after"), NC_OK);
}

static void opening_on_a_failing_disk_is_refused(void **state)
{
    (void)state;
    world_close();
    unlink(w.path);
    atomic_store(&write_fails, SQLITE_FULL);
    assert_int_equal(world_open(), NC_EIO);
    assert_null(w.store);
    heal();
    assert_int_equal(world_open(), NC_OK);
    assert_int_equal(say("after"), NC_OK);
}

/* ---- a real disk, full --------------------------------------------------- */

static void a_real_full_disk(void **state)
{
    static char body[20000];
    char mnt[96], filler[128];
    enum nc_err e = NC_OK;
    unsigned stored = 0;

    (void)state;
    snprintf(mnt, sizeof(mnt), "%s/small", w.dir);
    mkdir(mnt, 0700);
    if (mount("none", mnt, "tmpfs", 0, "size=4m") != 0) {
        print_message("skipped: mounting a small tmpfs: %s\n", strerror(errno));
        skip();
    }
    world_close();
    snprintf(w.url, sizeof(w.url), "sqlite:%s/t.db", mnt);
    assert_int_equal(world_open(), NC_OK);
    snprintf(filler, sizeof(filler), "%s/filler", mnt);
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 2 << 20), 0);
    close(fd);
    memset(body, 'x', sizeof(body) - 1);
    for (unsigned i = 0; i < 1000 && e == NC_OK; i++) {
        e = say(body);
        stored += e == NC_OK;
    }
    assert_int_equal(e, NC_EIO);
    assert_true(stored > 10);
    assert_int_equal(say(body), NC_EIO);
    assert_holds(stored);
    unlink(filler);
    assert_int_equal(say(body), NC_OK);
    assert_false(w.store->info.failing);
    assert_holds(stored + 1);
    world_close();
    assert_int_equal(world_open(), NC_OK);
    assert_holds(stored + 1);
    world_close();
    assert_int_equal(umount(mnt), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_healed_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_is_acknowledged_when_fsync_fails),
        T(nothing_is_acknowledged_when_writing_fails),
        T(nothing_is_acknowledged_when_the_disk_is_full),
        T(service_returns_by_itself),
        T(a_single_fault_anywhere_loses_nothing),
        T(a_room_is_made_after_a_failure_of_the_rules),
        T(closing_while_failing_answers_everybody),
        T(opening_on_a_failing_disk_is_refused),
        T(a_real_full_disk),
    };

    return cmocka_run_group_tests(tests, install, NULL);
}
