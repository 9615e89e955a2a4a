/* How a database of an earlier version becomes one of this. */
#include "store_world.h"

#include "store/migrate.h"
#include "store/sqlite.h"

static const char *const steps[] = {
    "CREATE TABLE counter (head INT); INSERT INTO counter VALUES (7)",
    "ALTER TABLE counter ADD COLUMN more INT DEFAULT 5",
    "CREATE TABLE half (x); INSERT INTO no_such_table VALUES (1)",
};

static void migrations_leave_a_copy_before_they_begin(void **state)
{
    char path[80], find[160];
    sqlite3 *db;

    (void)state;
    snprintf(path, sizeof(path), "%s/m.db", w.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(nc_migrate(db, path, NULL, steps, 1), NC_OK);
    snprintf(find, sizeof(find), "ls %s/m.db.v* >/dev/null 2>&1", w.dir);
    assert_int_not_equal(system(find), 0); /* nothing to lose, nothing copied */
    assert_int_equal(nc_migrate(db, path, NULL, steps, 2), NC_OK);
    assert_int_equal(system(find), 0);
    assert_int_equal(nc_migrate(db, path, NULL, steps, 2), NC_OK); /* again: nothing */
    assert_int_equal(number(path, "PRAGMA user_version"), 2);
    assert_int_equal(number(path, "SELECT more FROM counter"), 5);
    snprintf(find, sizeof(find), "mv %s/m.db.v1.*.backup %s/copy", w.dir, w.dir);
    assert_int_equal(system(find), 0); /* exactly one */
    snprintf(find, sizeof(find), "%s/copy", w.dir);
    assert_int_equal(number(find, "PRAGMA user_version"), 1);
    assert_int_equal(number(find, "SELECT head FROM counter"), 7);
    sqlite3_close(db);
}

static void a_migration_that_fails_changes_nothing(void **state)
{
    char path[80], dir[80];
    sqlite3 *db;

    (void)state;
    snprintf(path, sizeof(path), "%s/m.db", w.dir);
    snprintf(dir, sizeof(dir), "%s/no/where", w.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(nc_migrate(db, path, NULL, steps, 1), NC_OK);
    assert_int_equal(nc_migrate(db, path, dir, steps, 2), NC_EIO); /* no copy, no step */
    assert_int_equal(number(path, "PRAGMA user_version"), 1);
    assert_int_equal(nc_migrate(db, path, NULL, steps, 2), NC_OK);
    assert_int_equal(nc_migrate(db, path, NULL, steps, 3), NC_EIO);
    assert_int_equal(number(path, "PRAGMA user_version"), 2);
    assert_int_equal(number(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"),
                     0);
    sqlite3_close(db);
}

/* As in the folder of a node that never made a backup. */
static void the_folder_for_the_copy_is_made(void **state)
{
    char path[80], dir[80], find[160];
    sqlite3 *db;

    (void)state;
    snprintf(path, sizeof(path), "%s/m.db", w.dir);
    snprintf(dir, sizeof(dir), "%s/backup", w.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(nc_migrate(db, path, dir, steps, 1), NC_OK);
    assert_int_equal(access(dir, F_OK), -1); /* nothing to copy */
    assert_int_equal(nc_migrate(db, path, dir, steps, 2), NC_OK);
    assert_int_equal(number(path, "PRAGMA user_version"), 2);
    snprintf(find, sizeof(find), "ls %s/m.db.v1.*.backup >/dev/null", dir);
    assert_int_equal(system(find), 0);
    sqlite3_close(db);
}

/* What the first version of the schema keeps: two messages of one sender, a key. */
static const char first_rows[] =
    "INSERT INTO message VALUES"
    " (x'01020300000070000000000000000001', x'00000000006470008000000000000000', 1,"
    "  x'01020300000070000000000000000002', NULL, NULL, 0, 0, 0, 0, NULL, 100, 0, '', '',"
    "  '', CAST('from before' AS BLOB)),"
    " (x'01020300000070000000000000000001', x'00000000006570008000000000000000', 2,"
    "  x'01020300000070000000000000000002', NULL, NULL, 0, 1, 0, 0, NULL, 101, 0, '', '',"
    "  '', CAST('half an answ' AS BLOB));"
    "INSERT INTO api_key VALUES (x'01020300000070000000000000000003',"
    " x'01020300000070000000000000000002', randomblob(32), 'k', 'chat', 3, 0, 0);"
    "INSERT INTO session VALUES (x'01020300000070000000000000000004',"
    " x'01020300000070000000000000000002', 7, 'phone', '::1', 3, 4, 5000, 0, NULL);"
    "UPDATE counter SET messages = 2";

static char heard[256];

static void on_kept(struct nc_query *q, const struct nc_row *row)
{
    size_t n = strlen(heard);

    (void)q;
    snprintf(heard + n, sizeof(heard) - n, "%.*s/%u/%u ", NC_FMT(row->message.body),
             row->message.alternatives, row->message.chosen);
}

static void on_kept_key(struct nc_query *q, const struct nc_row *row)
{
    (void)q;
    snprintf(heard, sizeof(heard), "%.*s/%llu/%llu", NC_FMT(row->key.name),
             (unsigned long long)row->key.tokens_per_day,
             (unsigned long long)row->key.requests_per_day);
}

static void on_kept_session(struct nc_query *q, const struct nc_row *row)
{
    (void)q;
    snprintf(heard, sizeof(heard), "%.*s/%llu/%llu/%llu", NC_FMT(row->session.device),
             (unsigned long long)row->session.generation,
             (unsigned long long)row->session.spent,
             (unsigned long long)row->session.spent_ms);
}

static void a_database_of_the_first_version_keeps_its_rows(void **state)
{
    struct nc_query history = {
        .kind = NC_Q_HISTORY, .room = den, .limit = 9, .row = on_kept};
    struct nc_query keys = {.kind = NC_Q_KEYS, .id = ada, .row = on_kept_key};
    struct nc_query sessions = {.kind = NC_Q_SESSIONS, .id = ada, .row = on_kept_session};
    char find[256], copy[100];
    struct send s;
    sqlite3 *db;

    (void)state;
    world_close();
    unlink(w.path);
    assert_int_equal(sqlite3_open(w.path, &db), SQLITE_OK);
    assert_int_equal(nc_migrate(db, w.path, NULL, nc_migrations, 1), NC_OK);
    assert_int_equal(nc_sqlite_incarnate(db, false), NC_OK);
    sqlite3_close(db);
    sql(w.path, first_rows);

    assert_int_equal(world_open(), NC_OK);
    heard[0] = 0;
    assert_int_equal(nc_store_read_now(w.store, &history), NC_OK);
    assert_string_equal(heard, "from before/0/0 half an answ/0/0 ");
    assert_int_equal(nc_store_read_now(w.store, &keys), NC_OK);
    assert_string_equal(heard, "k/0/0");
    assert_int_equal(nc_store_read_now(w.store, &sessions), NC_OK);
    assert_string_equal(heard, "phone/7/0/0");
    change(&s, NC_MESSAGE_RESTART,
           (struct nc_message){.id = {{[4] = 0, [5] = 0x65, [6] = 0x70, [8] = 0x80}},
                               .state = NC_FAILED,
                               .body = nc_str("half an answ")});
    heard[0] = 0;
    assert_int_equal(nc_store_read_now(w.store, &history), NC_OK);
    assert_string_equal(heard, "from before/0/0 /2/1 ");
    world_close();
    assert_int_equal(number(w.path, "PRAGMA user_version"), nc_migrations_n);
    snprintf(copy, sizeof(copy), "%s/copy", w.dir);
    snprintf(find, sizeof(find), "mv %s.v1.*.backup %s", w.path, copy);
    assert_int_equal(system(find), 0); /* exactly one */
    assert_int_equal(number(copy, "PRAGMA user_version"), 1);
    assert_int_equal(number(copy, "SELECT count(*) FROM message"), 2);

    /* A backup of that version is brought up to date when it is opened. */
    snprintf(w.path, sizeof(w.path), "%.60s/new.db", w.dir);
    snprintf(w.url, sizeof(w.url), "sqlite:%s", w.path);
    assert_int_equal(nc_sqlite_restore(w.path, copy, NULL, NULL), NC_OK);
    assert_int_equal(world_open(), NC_OK);
    heard[0] = 0;
    assert_int_equal(nc_store_read_now(w.store, &history), NC_OK);
    assert_string_equal(heard, "from before/0/0 half an answ/0/0 ");
}

/* What version 3 has of a node that was used: people, a room, an edited message, one that
 * is deleted, and only some of the events of all that. */
static const char used_rows[] =
    "INSERT INTO account VALUES"
    " (x'01', 0, 2, 0, 0, 'ada', 'Ada', 'pw', 5), (x'02', 0, 0, 0, 0, 'bob', 'Bob', 'pw', "
    "6),"
    " (x'03', 0, 0, 0, 1, '', '', '', 7);"
    "UPDATE account SET id = CAST(zeroblob(15) || id AS BLOB);"
    "INSERT INTO username VALUES ('ada'), ('bob'), ('eve');"
    "INSERT INTO room SELECT id, id, 0, 0, 'den', '', 8, 0, 0, '', '', NULL, 0"
    " FROM account WHERE username = 'ada';"
    "INSERT INTO member SELECT room.id, account.id, role, 9, 1, zeroblob(16), 1, 0"
    " FROM room, account WHERE deleted = 0;"
    "INSERT INTO message SELECT room.id, CAST(zeroblob(15) || m.column1 AS BLOB), "
    "m.column2,"
    " account.id, NULL, NULL, 0, 0, m.column3, 0, NULL, 100, m.column4, '', '', '',"
    " CAST(m.column5 AS BLOB), 0, 0, '' FROM room, account,"
    " (VALUES (x'11', 4, 0, 50, 'edited'), (x'12', 5, 1, 0, '')) AS m"
    " WHERE username = 'bob';"
    "INSERT INTO log (seq, origin, origin_seq, hlc, kind, audience, ref, subject, reason)"
    " SELECT 1, no, 1, 40960, 14, 0, NULL, account.id, 0 FROM incarnation, account"
    " WHERE username = 'ada';"
    "INSERT INTO log (seq, origin, origin_seq, hlc, kind, audience, ref, reason)"
    " SELECT 2, no, 2, 40961, 5, 1, room.id, 0 FROM incarnation, room;"
    "INSERT INTO log (seq, origin, origin_seq, hlc, kind, audience, ref, reason)"
    " SELECT message.seq, no, message.seq, 40962, 1, 1, message.id, 0"
    " FROM incarnation, message;"
    "UPDATE counter SET messages = 2, head = 5, own_head = 5, hlc = 40962";

static unsigned complete_rows, rows_seen;

static void on_row_for_others(struct nc_query *q, const struct nc_row *row)
{
    (void)q;
    rows_seen++;
    complete_rows += row->foreign.record.kind != NC_STATE_NONE;
}

static void what_was_kept_before_can_be_told_to_other_nodes(void **state)
{
    struct nc_query q = {.kind = NC_Q_ORIGIN, .limit = 100, .row = on_row_for_others};
    sqlite3 *db;

    (void)state;
    world_close();
    unlink(w.path);
    assert_int_equal(sqlite3_open(w.path, &db), SQLITE_OK);
    assert_int_equal(nc_migrate(db, w.path, NULL, nc_migrations, 3), NC_OK);
    assert_int_equal(nc_sqlite_incarnate(db, false), NC_OK);
    sqlite3_close(db);
    sql(w.path, used_rows);

    for (unsigned i = 0; i < 2; i++) { /* the second opening changes nothing */
        assert_int_equal(world_open(), NC_OK);
        q.id = w.store->info.incarnation;
        complete_rows = rows_seen = 0;
        assert_int_equal(nc_store_read_now(w.store, &q), NC_OK);
        /* Ada, the room, two messages; and Bob and his membership, whose events are gone,
         * and Eve, of whom only that she is no more. */
        assert_int_equal(w.store->info.own_head, 7);
        assert_int_equal(rows_seen, 6);
        assert_int_equal(complete_rows, 5); /* not what is deleted */
        world_close();
    }
    assert_int_equal(number(w.path, "SELECT settled FROM counter"), 1);
    assert_int_equal(number(w.path, "SELECT count(*) FROM stamp WHERE state = 1"), 2);
    assert_int_equal(number(w.path, "SELECT created_hlc FROM name WHERE wanted = 'ada'"),
                     40960);
    assert_int_equal(number(w.path, "SELECT count(*) FROM name WHERE claim IS NULL"), 1);
    assert_int_equal(world_open(), NC_OK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(migrations_leave_a_copy_before_they_begin),
        T(a_migration_that_fails_changes_nothing),
        T(the_folder_for_the_copy_is_made),
        T(a_database_of_the_first_version_keeps_its_rows),
        T(what_was_kept_before_can_be_told_to_other_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
