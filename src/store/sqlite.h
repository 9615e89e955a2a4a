/*
 * store/sqlite: the backend's own parts, shared by its files.
 *
 * Who may touch what: the writer's fields belong to the batcher's thread while
 * it lives, a reader to the pool thread of its number (or whoever holds its
 * lock), the rest to the loop.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/hist.h"
#include "loop/loop.h"
#include "loop/work.h"
#include "store/logged.h"
#include "store/sqlite_conn.h"
#include "store/sqlite_names.h"

#define NC_SQLITE_READERS 2

struct nc_sqlite_merging;

struct nc_sqlite_counter {
    uint64_t head, own_head, hlc, messages;
    uint64_t origin;          /* incarnation.no of ours */
    struct nc_id incarnation; /* its id */
};

struct nc_sqlite_writer {
    struct nc_sqlite_conn conn;
    sqlite3 *keeper; /* idle; see nc_sqlite_writer_keep */
    const char *path;
    struct nc_sqlite_counter counter;  /* as in the open transaction */
    bool failing, dirty;               /* dirty: the transaction changed something */
    bool people;                       /* … and accounts */
    atomic_uint people_changes;        /* transactions that did */
    atomic_bool listened;              /* somebody wants to know of our events */
    struct nc_log_tail tail;           /* those of this batch */
    struct nc_sqlite_merging *merging; /* see sqlite_merge.h */
    pthread_mutex_t lock;              /* guards results */
    struct nc_list results;            /* of finished batches, for the loop */
};

struct nc_sqlite_reader {
    pthread_mutex_t lock;
    struct nc_sqlite_conn conn; /* opened when first used */
    struct nc_sqlite_names names;
    unsigned limit_ms; /* what a question may cost */
};

#define NC_SQLITE_QUERY_MS 2000

struct nc_sqlite {
    struct nc_store store; /* first */
    struct nc_loop *loop;
    char *path;
    int lock_fd;
    struct nc_sqlite_writer writer;
    struct nc_sqlite_reader readers[NC_SQLITE_READERS];
    struct nc_batcher *batcher;
    struct nc_pool *pool;   /* readers */
    struct nc_pool *copier; /* backups; made when first asked for */
    struct nc_hist commit_time;
    struct nc_commit probe; /* while failing: an empty commit now and then */
    struct nc_deadline retry;
    struct nc_list refused_commits, refused_queries, refused_backups;
    struct nc_task refuse; /* tells those, at the end of the turn */
    atomic_bool stop;      /* backups give up */
    bool closing, probing;
};

/* sqlite_write.c */
NC_MUSTUSE int nc_sqlite_writer_open(struct nc_sqlite_writer *w, const char *path);
void nc_sqlite_writer_close(struct nc_sqlite_writer *w); /* fine on one never opened */
/* Hold the database open beside `conn`.  The last connection that closes takes with it
 * how far the log is valid; the next one would read it anew, to its end, with whatever
 * a failed transaction left there: what was refused would be there after all. */
NC_MUSTUSE enum nc_err nc_sqlite_writer_keep(struct nc_sqlite_writer *w);
/* Counters and incarnation.  NC_EINVAL: there are none. */
NC_MUSTUSE enum nc_err nc_sqlite_writer_load(struct nc_sqlite_writer *w);
/* What an earlier version kept gets the digests that other nodes check it by.  Once. */
NC_MUSTUSE enum nc_err nc_sqlite_writer_settle(struct nc_sqlite_writer *w);
void nc_sqlite_writer_run(struct nc_sqlite_writer *w, struct nc_list *batch);
/* What became of one batch, in order; freed by the taker. */
struct nc_sqlite_result {
    struct nc_list node;
    struct nc_sqlite_counter counter;
    struct nc_log_tail tail; /* the taker's, too */
    uint64_t ns;
    bool failed;
};
struct nc_sqlite_result *nc_sqlite_writer_result(struct nc_sqlite_writer *w);

/* sqlite_read.c: runs `q` on `r`, whose lock the caller holds. */
enum nc_err nc_sqlite_query(struct nc_sqlite_reader *r, const char *path,
                            struct nc_query *q);

/* sqlite_backup.c */
/* Give the log a name if it has none, or `anew`: a new one, whose events begin at 1. */
NC_MUSTUSE enum nc_err nc_sqlite_incarnate(sqlite3 *db, bool anew);
/* All of `from` as it is now, into a new file that is whole when it appears.
 * NC_EEXIST if `to` is there, NC_ECLOSED if *stop became true, NC_EIO (logged). */
struct nc_sqlite_extra {
    const struct nc_attachment *attachments;
    unsigned n;
    const atomic_bool *stop;
};
NC_MUSTUSE enum nc_err nc_sqlite_copy(sqlite3 *from, const char *to,
                                      const struct nc_sqlite_extra *extra);
void nc_sqlite_backup(struct nc_sqlite *s, struct nc_backup *b);
enum nc_err nc_sqlite_restore(const char *where, const char *file,
                              void (*each)(void *arg, struct nc_str name,
                                           struct nc_str bytes),
                              void *arg);
