/* What the SQLite backend does with files, versions, processes and kill -9. */
#include "store_world.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/migrate.h"
#include "store/sqlite.h"
#include "store/sqlite_queries.h"

static bool file_holds(const char *path, const char *text)
{
    char *all = malloc(1 << 24);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(all, 1, 1 << 24, f) : 0;

    if (f)
        fclose(f);
    bool found = memmem(all, n, text, strlen(text)) != NULL;
    free(all);
    return found;
}

/* ---- who may open -------------------------------------------------------- */

static void a_second_opener_is_refused(void **state)
{
    struct nc_store *other;

    (void)state;
    assert_int_equal(nc_store_open(&other, w.loop, w.url, NULL), NC_EACCESS);
    assert_null(other);
    world_close();
    assert_int_equal(world_open(), NC_OK); /* the lock went with it */
}

static void a_newer_version_is_refused(void **state)
{
    char newer[64];

    (void)state;
    world_close();
    snprintf(newer, sizeof(newer), "PRAGMA user_version = %u", nc_migrations_n + 1);
    sql(w.path, newer);
    assert_int_equal(world_open(), NC_EINVAL);
    assert_null(w.store);
    assert_int_equal(number(w.path, "PRAGMA user_version"), nc_migrations_n + 1);
}

static void what_is_not_ours_is_refused(void **state)
{
    FILE *f;

    (void)state;
    world_close();
    unlink(w.path);
    sql(w.path, "CREATE TABLE holiday_photos (x)");
    assert_int_equal(world_open(), NC_EINVAL);
    struct stat st; /* not even how it is journalled has changed */
    char wal[96];
    snprintf(wal, sizeof(wal), "%s-wal", w.path);
    assert_int_not_equal(stat(wal, &st), 0);
    assert_int_equal(number(w.path, "SELECT count(*) FROM sqlite_schema"), 1);
    f = fopen(w.path, "wb");
    for (int i = 0; i < 4096; i++)
        fputc("Not a database. "[i % 16], f);
    fclose(f);
    assert_int_equal(world_open(), NC_EINVAL);
    assert_true(file_holds(w.path, "Not a database."));
    snprintf(w.url, sizeof(w.url), "sqlite:%s/no/such/folder/t.db", w.dir);
    assert_int_equal(world_open(), NC_EIO);
}

static void its_files_are_private(void **state)
{
    static const char *const suffix[] = {"", "-wal", "-shm", ".lock"};
    char name[128];
    struct stat st;

    (void)state;
    assert_int_equal(say("x"), NC_OK);
    for (size_t i = 0; i < NC_COUNT(suffix); i++) {
        snprintf(name, sizeof(name), "%s%s", w.path, suffix[i]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void it_is_as_durable_as_it_says(void **state)
{
    struct nc_sqlite *s = nc_of(w.store, struct nc_sqlite, store);
    static const struct {
        const char *pragma;
        int value;
    } want[] = {{"PRAGMA synchronous", 2}, {"PRAGMA secure_delete", 1}};
    sqlite3_stmt *stmt;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(want); i++) {
        assert_int_equal(
            sqlite3_prepare_v2(s->writer.conn.db, want[i].pragma, -1, &stmt, NULL),
            SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(stmt, 0), want[i].value);
        sqlite3_finalize(stmt);
    }
}

static void deleted_text_is_nowhere_in_the_file(void **state)
{
    struct send s = {0};

    (void)state;
    submit(&s, "the wombat sleeps at noon");
    settle();
    struct nc_id id = s.ch.message.id;
    world_close();
    assert_true(file_holds(w.path, "wombat"));
    assert_int_equal(world_open(), NC_OK);
    prepare(&s, nc_str(""));
    s.ch.kind = NC_MESSAGE_DELETE;
    s.ch.message = (struct nc_message){.id = id};
    untold = 1;
    w.store->ops->commit(w.store, &s.c);
    settle();
    assert_int_equal(s.e, NC_OK);
    world_close();
    assert_false(file_holds(w.path, "wombat"));
}

static void erased_alternatives_are_nowhere_in_the_file(void **state)
{
    struct send s = {0};

    (void)state;
    for (int way = 0; way < 2; way++) {
        submit(&s, "the wombat sleeps at noon");
        settle();
        struct nc_id id = s.ch.message.id;
        struct nc_message m = {.id = id, .body = nc_str("the wombat sleeps at noon")};
        change(&s, NC_MESSAGE_RESTART, m);
        m.body = nc_str("the echidna does not");
        change(&s, NC_MESSAGE_COMPLETE, m);
        world_close();
        assert_true(file_holds(w.path, "wombat") && file_holds(w.path, "echidna"));
        assert_int_equal(world_open(), NC_OK);
        if (way == 0)
            change(&s, NC_MESSAGE_DELETE, m);
        else
            change(&s, NC_MESSAGES_EXPIRE,
                   (struct nc_message){.room = den, .created_ms = 1ull << 47});
        world_close();
        assert_false(file_holds(w.path, "wombat") || file_holds(w.path, "echidna"));
        assert_int_equal(number(w.path, "SELECT count(*) FROM alternative"), 0);
        assert_int_equal(world_open(), NC_OK);
    }
}

/* ---- questions about what grows ------------------------------------------ */

static void they_look_only_where_the_answer_is(void **state)
{
    static const struct {
        unsigned query;
        const char *by;
    } want[] = {
        {NC_Q_BEFORE, "SEARCH message USING PRIMARY KEY (room=? AND id<?)"},
        {NC_Q_ALTERNATIVES, "SEARCH alternative USING PRIMARY KEY (message=?)"},
        {NC_Q_JOBS, "SCAN job USING INDEX job_open"},
        {NC_Q_JOBS_ENDED, "SEARCH job USING PRIMARY KEY (id<?)"},
        {NC_Q_USAGE, "SEARCH usage USING PRIMARY KEY (day>? AND day<?)"},
        {R_USAGE_USER, "SEARCH usage USING INDEX usage_user (user=? AND day>? AND day<?)"},
        {R_USAGE_ROOM, "SEARCH usage USING INDEX usage_room (room=? AND day>? AND day<?)"},
    };
    sqlite3 *db;
    sqlite3_stmt *s;
    char text[1024];

    (void)state;
    assert_int_equal(sqlite3_open(w.path, &db), SQLITE_OK);
    for (size_t i = 0; i < NC_COUNT(want); i++) {
        bool found = false;
        snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s",
                 nc_sqlite_queries[want[i].query].sql);
        assert_int_equal(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW)
            found |= strcmp((const char *)sqlite3_column_text(s, 3), want[i].by) == 0;
        if (!found)
            fail_msg("%s: not by %s", text, want[i].by);
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
}

/* ---- backups ------------------------------------------------------------- */

static enum nc_err backed_up;
static bool copying;

static void on_backup(struct nc_backup *b, enum nc_err e)
{
    (void)b;
    backed_up = e;
    copying = false;
    nc_loop_stop(w.loop);
}

static void back_up(const char *path)
{
    struct nc_backup b = {.path = path, .done = on_backup};

    copying = true;
    w.store->ops->backup(w.store, &b);
    while (copying)
        nc_loop_run(w.loop);
    assert_int_equal(backed_up, NC_OK);
}

static void a_backup_under_load_is_one_moment(void **state)
{
    static struct send sends[4000];
    char body[600], path[80];
    struct nc_backup b = {.path = path, .done = on_backup};

    (void)state;
    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = 0;
    snprintf(path, sizeof(path), "%s/copy", w.dir);
    for (unsigned i = 0; i < 3000; i++)
        submit(&sends[i], body);
    settle();
    copying = true;
    w.store->ops->backup(w.store, &b);
    for (unsigned i = 3000; i < 4000; i++) {
        submit(&sends[i], body);
        settle();
        if (!copying)
            break;
    }
    while (copying)
        nc_loop_run(w.loop);
    assert_int_equal(backed_up, NC_OK);
    long long n = number(path, "SELECT count(*) FROM message");
    assert_true(n >= 3000 && n <= (long long)w.store->info.head);
    assert_int_equal(number(path, "SELECT head FROM counter"), n);
    assert_int_equal(number(path, "SELECT count(*) FROM log"), n);
    assert_int_equal(number(path, "SELECT messages FROM counter"), n);
}

static void a_damaged_or_newer_backup_is_refused(void **state)
{
    char path[80], where[80], junk[4096];
    struct stat st;

    (void)state;
    memset(junk, 0x5a, sizeof(junk));
    snprintf(path, sizeof(path), "%s/copy", w.dir);
    snprintf(where, sizeof(where), "%s/new.db", w.dir);
    for (int i = 0; i < 50; i++)
        assert_int_equal(say("some text of a message"), NC_OK);
    back_up(path);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), 5 * 4096), sizeof(junk));
    close(fd);
    assert_int_equal(w.store->ops->restore(where, path, NULL, NULL), NC_EINVAL);
    assert_int_not_equal(stat(where, &st), 0);
    unlink(path);
    back_up(path);
    sql(path, "PRAGMA user_version = 99");
    assert_int_equal(w.store->ops->restore(where, path, NULL, NULL), NC_EINVAL);
    assert_int_not_equal(stat(where, &st), 0);
    assert_int_not_equal(w.store->ops->restore(where, "/no/such", NULL, NULL), NC_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void closing_ends_a_backup(void **state)
{
    char path[80];
    struct nc_backup b = {.path = path, .done = on_backup};
    struct stat st;

    (void)state;
    snprintf(path, sizeof(path), "%s/copy", w.dir);
    copying = true;
    w.store->ops->backup(w.store, &b);
    world_close();
    assert_false(copying);
    assert_true(backed_up == NC_OK || backed_up == NC_ECLOSED);
    assert_int_equal(stat(path, &st) == 0, backed_up == NC_OK);
}

/* ---- a question that costs too much -------------------------------------- */

static void on_slow_row(struct nc_query *q, const struct nc_row *row)
{
    (void)q, (void)row;
    usleep(100);
}

static void a_slow_question_is_cut_off(void **state)
{
    static struct send sends[3000];
    struct nc_sqlite_reader r = {.limit_ms = 1};
    struct nc_room_since rooms = {den, 0};
    struct nc_query q = {.kind = NC_Q_LOG,
                         .limit = 1000000,
                         .audience = {.rooms = &rooms, .rooms_n = 1},
                         .row = on_slow_row};

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(sends); i++)
        submit(&sends[i], "x");
    settle();
    assert_int_equal(nc_sqlite_query(&r, w.path, &q), NC_ELIMIT);
    assert_int_equal(say("after it"), NC_OK);
    q.row = on_seen;
    r.limit_ms = 10000;
    seen = 0;
    assert_int_equal(nc_sqlite_query(&r, w.path, &q), NC_OK);
    assert_int_equal(seen, NC_COUNT(sends) + 1); /* still of use, and not of yesterday */
    nc_sqlite_conn_close(&r.conn);
}

static void somebodys_own_messages_are_found_in_a_long_log(void **state)
{
    static struct send sends[3000];
    struct nc_query q = {.kind = NC_Q_OF_USER, .user = ada, .limit = 1000, .row = on_seen};

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(sends); i++)
        submit(&sends[i], "x");
    settle();
    seen = 0;
    do {
        assert_int_equal(nc_store_read_now(w.store, &q), NC_OK);
        q.since = q.upto;
    } while (q.more);
    assert_int_equal(seen, 3000);
}

/* ---- kill -9 ------------------------------------------------------------- */

/* Writes for ever; every acknowledged message's id goes to `fd`. */
struct child {
    struct send s;
    int fd;
};

static void on_child_sent(struct nc_commit *c, enum nc_err e)
{
    struct child *k = nc_of(c, struct child, s.c);

    if (e != NC_OK || write(k->fd, k->s.ch.message.id.b, 16) != 16)
        _exit(1);
    prepare(&k->s, nc_str("said before the end"));
    k->s.c.done = on_child_sent;
    w.store->ops->commit(w.store, &k->s.c);
}

static void live_and_die(int fd)
{
    static struct child kids[32];

    if (nc_loop_new(&w.loop) != NC_OK || world_open() != NC_OK)
        _exit(1);
    for (unsigned i = 0; i < NC_COUNT(kids); i++) {
        kids[i].fd = fd;
        prepare(&kids[i].s, nc_str("said before the end"));
        kids[i].s.c.done = on_child_sent;
        w.store->ops->commit(w.store, &kids[i].s.c);
    }
    nc_loop_run(w.loop);
    _exit(1);
}

static bool is_stored(const struct nc_id *id)
{
    struct nc_query q = {.kind = NC_Q_MESSAGE, .id = *id, .row = on_seen};

    seen = 0;
    assert_int_equal(nc_store_read_now(w.store, &q), NC_OK);
    return seen == 1;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    static struct nc_id ids[100000];
    unsigned acked = 0;

    (void)state;
    world_close();
    for (unsigned round = 0; round < 5; round++) {
        int fds[2], status;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0)
            live_and_die(fds[1]);
        close(fds[1]);
        /* Let it say a few hundred, then end it in the middle of a batch. */
        for (unsigned i = 0; i < 200 + round * 37; i++)
            assert_int_equal(read(fds[0], ids[acked++].b, 16), 16);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(world_open(), NC_OK);
        while (acked < NC_COUNT(ids) - 1000 && read(fds[0], ids[acked].b, 16) == 16)
            acked++;
        close(fds[0]);
        for (unsigned i = 0; i < acked; i++)
            assert_true(is_stored(&ids[i]));
        unsigned n = count_messages();
        assert_true(n >= acked);
        assert_int_equal(n, w.store->info.head); /* gap-free, and nothing twice */
        world_close();
        assert_int_equal(number(w.path, "SELECT max(seq) - min(seq) + 1 FROM log"), n);
        assert_int_equal(number(w.path, "SELECT count(DISTINCT origin_seq) FROM log"), n);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_second_opener_is_refused),
        T(a_newer_version_is_refused),
        T(what_is_not_ours_is_refused),
        T(its_files_are_private),
        T(it_is_as_durable_as_it_says),
        T(deleted_text_is_nowhere_in_the_file),
        T(erased_alternatives_are_nowhere_in_the_file),
        T(they_look_only_where_the_answer_is),
        T(a_backup_under_load_is_one_moment),
        T(a_damaged_or_newer_backup_is_refused),
        T(closing_ends_a_backup),
        T(a_slow_question_is_cut_off),
        T(somebodys_own_messages_are_found_in_a_long_log),
        T(what_was_acknowledged_survives_kill_9),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
