/*
 * mesh/serve_parts: what serve.c, which decides, and serve_read.c, which reads, share.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "loop/loop.h"
#include "mesh/kept.h"
#include "mesh/serve.h"
#include "store/store.h"

enum {
    NC_SERVE_PAGE = 4,            /* segments */
    NC_SERVE_BYTES = 1024 * 1024, /* of records in one page, unless it is one segment */
    NC_SERVE_SENT = 1024,         /* segments on their way to one peer */
    NC_SERVE_AGAIN_MS = 3000,     /* after so long they may be wanted again */
    NC_SERVE_ASKS = 8,            /* of one peer, waiting */
    NC_SERVE_PIECE = 192 * 1024,  /* bytes of a record in one frame */
    NC_SERVE_RETRY_MS = 1000,     /* after a read has failed */
};

struct nc_serve_range {
    struct nc_id origin;
    uint64_t from, to;
    uint64_t hlc; /* of the last event that was sent: the next is no earlier, mostly */
    bool awaited; /* nc_serve_kept will come */
};

struct nc_serve_sent {
    struct nc_id origin;
    uint64_t first, last, cost, at_ms;
};

struct nc_serve_ask {
    struct nc_id origin;
    uint64_t origin_seq, at;
};

struct nc_serve_peer {
    struct nc_list node; /* in the order of their turns */
    struct nc_id id;
    struct nc_serve_range ranges[NC_VECTOR_MAX];
    unsigned ranges_n;
    uint64_t room;
    bool blocked; /* send said NC_AGAIN */
    struct nc_serve_ask asks[NC_SERVE_ASKS];
    unsigned asks_n;
    struct nc_serve_sent sent[NC_SERVE_SENT]; /* and not acknowledged */
    unsigned sent_n;
};

enum nc_serve_found {
    NC_SERVE_SEGMENTS, /* page.frames[0..n) */
    NC_SERVE_RECORD,   /* page.records is it; empty: it isn't to be had */
    NC_SERVE_NOTHING,  /* no segment has event page.from */
    NC_SERVE_FAILED,
};

struct nc_serve {
    struct nc_serve_opts o;
    bool stopped;
    enum { NC_SERVE_IDLE, NC_SERVE_READING, NC_SERVE_SENDING } state;
    struct nc_map peers;
    struct nc_list turns;
    struct nc_task work;
    struct nc_deadline retry;
    struct nc_serve_stats stats;

    /* While it is read a reader thread's, all but `peer` and `at`. */
    struct nc_serve_page {
        struct nc_serve_peer *peer; /* for whom; NULL: it has gone */
        struct nc_id origin;
        uint64_t from;
        struct nc_serve_ask ask;
        struct nc_query query;
        struct nc_frame frames[NC_SERVE_PAGE]; /* segments, one behind the other */
        unsigned n, at;                        /* at: to be sent next */
        struct nc_buf records;                 /* theirs, as offsets until all are there */
        unsigned filling;                      /* the segment that rows belong to */
        size_t filled;                         /* bytes of records in it */
    } page;
};

/* serve.c */
void nc_serve_go_on(struct nc_serve *s);
void nc_serve_read_done(struct nc_serve *s, enum nc_serve_found found);

/* serve_read.c: for page.peer; ends with nc_serve_read_done. */
void nc_serve_read_segments(struct nc_serve *s, const struct nc_serve_range *r);
void nc_serve_read_record(struct nc_serve *s); /* page.ask */
