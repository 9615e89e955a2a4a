/*
 * bench/store: durable messages per second and the cost of a page of history,
 * beside a floor of plain SQLite batches, chunk by chunk in turn.
 *
 *   store [DIR] [MESSAGES] [ROOMS] [BATCH]
 *
 * A message is all its rows: message, log, client id, counters.  DIR must be on
 * the disk that is to be measured; what is written there is removed at the end.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/log.h"
#include "loop/loop.h"
#include "store/store.h"

#define CHUNK_BATCHES 20 /* before it is the other's turn */
#define BODY 200
#define READS 3000

struct bench {
    struct nc_loop *loop;
    struct nc_store *store;
    sqlite3 *floor;
    sqlite3_stmt *insert;
    unsigned rooms, batch;
    uint64_t n, done, rows; /* messages asked for, durable; rows of history read */
    struct nc_hlc clock;
    char body[BODY];
};

struct send {
    struct nc_commit commit;
    struct nc_change change;
    struct bench *bench;
};

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench/store: %s\n", what);
    exit(1);
}

static struct nc_id name(unsigned kind, uint64_t n)
{
    struct nc_id id = {{0}};

    id.b[0] = (uint8_t)(n * 0x9e3779b97f4a7c15ull >> 56); /* ids of rooms are no sequence */
    id.b[6] = 0x70;
    id.b[7] = (uint8_t)kind;
    for (int i = 0; i < 8; i++)
        id.b[15 - i] = (uint8_t)(n >> (8 * i));
    return id;
}

/* ---- writing ------------------------------------------------------------- */

static void on_stored(struct nc_commit *c, enum nc_err e)
{
    struct send *s = nc_of(c, struct send, commit);

    check(e == NC_OK, "a commit failed");
    s->bench->done++;
}

static void submit(struct bench *b, struct send *s)
{
    uint64_t stamp = nc_hlc_now(&b->clock);
    struct nc_change *c = &s->change;

    *s = (struct send){.bench = b};
    s->commit = (struct nc_commit){.changes = c, .n = 1, .done = on_stored};
    c->kind = NC_MESSAGE_INSERT;
    c->message = (struct nc_message){
        .id = nc_hlc_id(stamp),
        .room = name(1, (uint64_t)random() % b->rooms),
        .sender = name(2, (uint64_t)random() % 1000),
        .client_id = nc_id_random(),
        .body = {b->body, sizeof(b->body)},
        .created_ms = nc_wall_ms(),
    };
    c->event = (struct nc_event){
        .kind = NC_EV_MESSAGE_CREATED,
        .audience = NC_AUD_ROOM,
        .to = c->message.room,
        .ref = c->message.id,
        .actor = c->message.sender,
        .hlc = stamp,
        .body_hash = {1},
    };
    b->store->ops->commit(b->store, &s->commit);
}

/* `n` messages in batches; seconds. */
static double write_store(struct bench *b, struct send *sends, uint64_t n)
{
    uint64_t begun = nc_mono_ns();

    for (uint64_t left = n; left > 0;) {
        unsigned k = left < b->batch ? (unsigned)left : b->batch;
        for (unsigned i = 0; i < k; i++)
            submit(b, &sends[i]);
        nc_loop_run(b->loop);
        left -= k;
    }
    b->n += n;
    check(b->done == b->n, "a commit is missing");
    return (double)(nc_mono_ns() - begun) / 1e9;
}

static double write_floor(struct bench *b, uint64_t n)
{
    uint64_t begun = nc_mono_ns();
    static sqlite3_int64 seq;

    for (uint64_t left = n; left > 0;) {
        unsigned k = left < b->batch ? (unsigned)left : b->batch;
        sqlite3_exec(b->floor, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        for (unsigned i = 0; i < k; i++) {
            sqlite3_bind_int64(b->insert, 1, random() % b->rooms);
            sqlite3_bind_int64(b->insert, 2, ++seq);
            sqlite3_bind_int64(b->insert, 3, random() % 1000);
            sqlite3_bind_int64(b->insert, 4, (sqlite3_int64)nc_wall_ms());
            sqlite3_bind_text(b->insert, 5, b->body, BODY, SQLITE_STATIC);
            check(sqlite3_step(b->insert) == SQLITE_DONE, "floor");
            sqlite3_reset(b->insert);
        }
        check(sqlite3_exec(b->floor, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "floor");
        left -= k;
    }
    return (double)(nc_mono_ns() - begun) / 1e9;
}

static void fill(struct bench *b, uint64_t messages)
{
    uint64_t chunk = (uint64_t)CHUNK_BATCHES * b->batch, stored = 0, plain = 0;
    struct send *sends = nc_alloc(b->batch * sizeof(*sends));
    double store_s = 0, floor_s = 0;

    while (b->n < messages) {
        uint64_t n = messages - b->n < chunk ? messages - b->n : chunk;
        store_s += write_store(b, sends, n);
        stored += n;
        floor_s += write_floor(b, n);
        plain += n;
        if (b->n % 500000 < n || b->n == messages) {
            printf("write messages=%llu rooms=%u batch=%u store=%.0f/s floor=%.0f/s "
                   "ratio=%.2f\n",
                   (unsigned long long)b->n, b->rooms, b->batch, (double)stored / store_s,
                   (double)plain / floor_s, store_s / floor_s);
            fflush(stdout);
            stored = plain = 0;
            store_s = floor_s = 0;
        }
    }
    free(sends);
}

/* ---- reading ------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static struct bench *reading; /* a query has no room for whose it is */

static void on_row(struct nc_query *q, const struct nc_row *row)
{
    (void)q;
    reading->rows += row->message.body.n == BODY;
}

static void read_history(struct bench *b)
{
    uint64_t *ns = nc_alloc(READS * sizeof(*ns));
    size_t median = READS / 2, slow = READS * 99 / 100;

    reading = b;
    for (unsigned i = 0; i < READS; i++) {
        struct nc_query q = {.kind = NC_Q_HISTORY,
                             .room = name(1, (uint64_t)random() % b->rooms),
                             .limit = 50,
                             .row = on_row};
        uint64_t begun = nc_mono_ns();
        check(nc_store_read_now(b->store, &q) == NC_OK, "history");
        ns[i] = nc_mono_ns() - begun;
    }
    qsort(ns, READS, sizeof(*ns), by_value);
    printf("history messages=%llu rooms=%u limit=50 rows=%.1f p50_us=%.1f p99_us=%.1f\n",
           (unsigned long long)b->n, b->rooms, (double)b->rows / READS,
           (double)ns[median] / 1e3, (double)ns[slow] / 1e3);
    free(ns);
}

/* ---- setting up ---------------------------------------------------------- */

static void set_up_people(struct bench *b)
{
    static struct send sends[1000];
    static char names[1000][8];

    for (unsigned i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "u%u", i);
        sends[i].bench = b;
        sends[i].change =
            (struct nc_change){.kind = NC_ACCOUNT_INSERT,
                               .account = {.id = name(2, i),
                                           .username = nc_str(names[i]),
                                           .display_name = nc_str("Someone")}};
        sends[i].commit =
            (struct nc_commit){.changes = &sends[i].change, .n = 1, .done = on_stored};
        b->store->ops->commit(b->store, &sends[i].commit);
    }
    nc_loop_run(b->loop);
    b->done = 0;
}

static void open_both(struct bench *b, const char *dir)
{
    char url[512], path[512];

    snprintf(url, sizeof(url), "sqlite:%s/store.db", dir);
    snprintf(path, sizeof(path), "%s/floor.db", dir);
    check(nc_loop_new(&b->loop) == NC_OK, "no loop");
    check(nc_store_open(&b->store, b->loop, url, NULL) == NC_OK, "no store");
    check(sqlite3_open(path, &b->floor) == SQLITE_OK, "no floor");
    check(sqlite3_exec(b->floor,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "PRAGMA cache_size = -65536;"
                       "CREATE TABLE msg (room INT, seq INT, sender INT, ts INT, body TEXT,"
                       " PRIMARY KEY (room, seq)) WITHOUT ROWID",
                       NULL, NULL, NULL) == SQLITE_OK,
          "no table");
    check(sqlite3_prepare_v2(b->floor, "INSERT INTO msg VALUES (?,?,?,?,?)", -1, &b->insert,
                             NULL) == SQLITE_OK,
          "no statement");
}

int main(int argc, char **argv)
{
    const char *base = argc > 1 ? argv[1] : ".";
    uint64_t messages = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
    struct bench b = {.rooms = argc > 3 ? (unsigned)atoi(argv[3]) : 1000,
                      .batch = argc > 4 ? (unsigned)atoi(argv[4]) : 1000};
    char dir[256], command[300];

    nc_log_level(NC_WARN);
    check(b.rooms > 0 && b.batch > 0, "rooms and batch are at least 1");
    snprintf(dir, sizeof(dir), "%s/nc-bench-XXXXXX", base);
    check(mkdtemp(dir) != NULL, "no folder");
    memset(b.body, 'x', sizeof(b.body));
    nc_hlc_init(&b.clock, 0);
    open_both(&b, dir);
    set_up_people(&b);
    fill(&b, messages);
    read_history(&b);

    sqlite3_finalize(b.insert);
    sqlite3_close(b.floor);
    b.store->ops->close(b.store);
    nc_loop_free(b.loop);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : 1;
}
