/*
 * bench/floor_sqlite: plain SQLite, as durable as we are: WAL, synchronous=FULL.
 *
 *   floor_sqlite DIR [SECONDS]
 *
 * Rows of a message's shape into one table, 1, 16, 256 and 1,000 to a transaction.
 * One line of JSON for each.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;"
    "CREATE TABLE msg (room INT, seq INT, sender INT, ts INT, body TEXT,"
    " PRIMARY KEY (room, seq)) WITHOUT ROWID";

static void check(int ok, sqlite3 *db, const char *what)
{
    if (!ok)
        tool_die("%s: %s", what, sqlite3_errmsg(db));
}

static void measure(sqlite3 *db, sqlite3_stmt *insert, unsigned batch, double seconds)
{
    static struct tool_hist h;
    static char body[200];
    static sqlite3_int64 seq;
    uint64_t rows = 0, begun = tool_now_ns(), now;

    h = (struct tool_hist){0};
    do {
        uint64_t from = tool_now_ns();
        check(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK, db,
              "begin");
        for (unsigned i = 0; i < batch; i++) {
            sqlite3_bind_int64(insert, 1, random() % 100);
            sqlite3_bind_int64(insert, 2, ++seq);
            sqlite3_bind_int64(insert, 3, random() % 1000);
            sqlite3_bind_int64(insert, 4, time(NULL));
            sqlite3_bind_text(insert, 5, body, sizeof body, SQLITE_STATIC);
            check(sqlite3_step(insert) == SQLITE_DONE, db, "insert");
            sqlite3_reset(insert);
        }
        check(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, db, "commit");
        now = tool_now_ns();
        tool_hist_add(&h, now - from);
        rows += batch;
    } while ((double)(now - begun) / 1e9 < seconds);
    printf("{\"batch\":%u,\"rows_per_s\":%.0f,\"commit_p50_us\":%.1f,\"commit_p99_us\":%."
           "1f}\n",
           batch, (double)rows / ((double)(now - begun) / 1e9),
           (double)tool_hist_at(&h, .5) / 1e3, (double)tool_hist_at(&h, .99) / 1e3);
}

int main(int argc, char **argv)
{
    static const unsigned batches[] = {1, 16, 256, 1000};
    char path[512];
    sqlite3 *db;
    sqlite3_stmt *insert;

    if (argc < 2)
        tool_die("usage: floor_sqlite DIR [SECONDS]");
    snprintf(path, sizeof path, "%s/floor.db", argv[1]);
    check(sqlite3_open(path, &db) == SQLITE_OK, db, path);
    check(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK, db, "table");
    check(sqlite3_prepare_v2(db, "INSERT INTO msg VALUES (?,?,?,?,?)", -1, &insert, NULL) ==
              SQLITE_OK,
          db, "statement");
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
        measure(db, insert, batches[i], argc > 2 ? atof(argv[2]) : 2);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    unlink(path);
    return 0;
}
