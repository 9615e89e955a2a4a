/*
 * mesh/author_parts: what the files of author share; for nobody else.
 *
 * author.c which logs are ours, what they had before we began · _keep runs of 256 and their
 * way to the disk · _live what is new.
 */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"
#include "mesh/author.h"
#include "mesh/kept.h"
#include "store/store.h"

enum {
    NC_AUTHOR_PAGE = 4 * NC_SEGMENT_MAX, /* events read at once */
    NC_AUTHOR_PAGE_MIN = NC_SEGMENT_MAX, /* … after one took too long */
    NC_AUTHOR_RETRY_MS = 1000,           /* after a disk has failed */
    NC_AUTHOR_GATHER_MS = 1,             /* what is new waits for more, … */
    NC_AUTHOR_BURST = 8,                 /* … after so many segments, and one more a ms */
    NC_AUTHOR_FEW = 32,                  /* events at once; more than these don't wait */
    NC_AUTHOR_FEW_BYTES = 65536,         /* … nor more of records: what a frame has no
                                            room for is asked for one by one */
};

enum nc_author_state {
    NC_AUTHOR_OFF,     /* nobody to tell */
    NC_AUTHOR_ASKING,  /* which logs are ours? */
    NC_AUTHOR_FINDING, /* how far is this one kept? */
    NC_AUTHOR_SIGNING, /* what it has behind that, page by page */
    NC_AUTHOR_LIVE,    /* all of it is signed; the rest comes by `logged` */
};

/* One of our logs; all but the last of the list are from before a restore. */
struct nc_author_log {
    struct nc_id origin;
    uint64_t n; /* events that are known; of the current one: when it was asked */
    uint64_t signed_n, kept_n;
};

/* Events from `first` to the end of a run of 256 whose numbers begin with k * 256 + 1. */
struct nc_author_run {
    uint64_t first;
    unsigned n;
    uint8_t before[NC_SHA256]; /* the chain before it */
    uint8_t after[NC_SHA256];  /* … and behind its n-th */
    uint8_t hashes[NC_SEGMENT_MAX][NC_SHA256];
};

/* What was made so soon after other segments that it waits for company. */
struct nc_author_gather {
    struct nc_alarm *alarm;
    struct nc_logged rows[NC_SEGMENT_MAX];
    unsigned n;
    struct nc_buf records; /* theirs, one behind the other */
};

/* Segments on their way to the disk. */
struct nc_author_keeping {
    struct nc_kept *at;
    unsigned n, cap;
};

struct nc_author {
    struct nc_author_opts o;
    enum nc_author_state state;
    bool stopped, asking; /* asking: `query` is under way */
    bool again;           /* … and then all begins anew */
    struct nc_query query;
    struct nc_deadline retry, quiet;

    struct nc_author_log logs[NC_ORIGINS_MAX];
    unsigned logs_n, at;       /* at: the one that is being worked on */
    struct nc_origins origins; /* of these */
    uint64_t low, high; /* NC_AUTHOR_FINDING: kept is up to low, and not up to high */
    bool ran_over;      /* a page took too long */

    struct nc_author_run run; /* of logs[at], up to its signed_n */
    uint64_t queued;          /* … and of it are kept, or on their way there */
    struct nc_mesh_segment segment, whole; /* what is new, and a run */
    struct nc_author_gather gather;        /* behind logs[at].signed_n */
    struct {
        uint64_t at_ms;
        unsigned left; /* segments that may go at once, as of then */
    } pace;
    struct nc_author_keeping waiting, going;
    struct nc_commit commit;
    struct nc_change *changes;
    bool committing;
    struct nc_author_stats stats;

    /* Written by a reader thread while `asking`. */
    struct nc_author_log asked[NC_ORIGINS_MAX];
    unsigned asked_n;
    struct nc_kept found;
    bool has_found;
    struct {
        uint64_t since;
        unsigned n;
        uint8_t hashes[NC_AUTHOR_PAGE][NC_SHA256];
    } page;
};

static inline struct nc_author_log *nc_author_current(struct nc_author *a)
{
    return &a->logs[a->logs_n - 1];
}

static inline uint64_t nc_author_end_of_run(const struct nc_author_run *r)
{
    return ((r->first - 1) / NC_SEGMENT_MAX + 1) * NC_SEGMENT_MAX;
}

/* author.c: what is to be done next, unless something is under way. */
void nc_author_step(struct nc_author *a);

/* author_keep.c */
/* The next event of logs[at] is signed; a run that is whole is kept. */
void nc_author_add_hash(struct nc_author *a, const uint8_t hash[NC_SHA256]);
/* The run as far as it goes, signed once more as one, waits for its commit. */
void nc_author_keep_run(struct nc_author *a);
/* What waits is committed, unless something is. */
void nc_author_write_out(struct nc_author *a);
void nc_author_on_committed(struct nc_commit *c, enum nc_err e);
void nc_author_on_retry(struct nc_deadline *d); /* of commits and of questions */
void nc_author_on_quiet(struct nc_deadline *d); /* an unfinished run waited long enough */

/* author_live.c */
void nc_author_on_gathered(void *author);
/* What waits is not handed on: it has another number, or another log, from now on. */
void nc_author_drop(struct nc_author *a);
/* nc_store.logged. */
void nc_author_on_logged(void *arg, const struct nc_logged *rows, unsigned n);
