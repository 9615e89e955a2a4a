/*
 * store/sqlite_merge: the tables that merge.h works on, in SQL.
 *
 * Private to the writer, whose statements are these from some number on.
 */
#pragma once

#include "store/merge.h"
#include "store/sqlite.h"
#include "store/sqlite_known.h"
#include "store/sqlite_state.h"

enum {
    M_STATE, /* one for each kind of state */
    M_STAMP = M_STATE + NC_SQLITE_STATES,
    M_SET_STAMP,
    M_SET_ACCOUNT,
    M_SET_ROOM,
    M_SET_MEMBER,
    M_SET_BAN,
    M_SET_PERSONA,
    M_SET_KEY,
    M_SHOW_MESSAGE,
    M_SHOW_ALTERNATIVE,
    M_SET_MESSAGE,
    M_UNMENTION,
    M_MENTION,
    M_DROP_ACCOUNT, /* several */
    M_DROP_ROOM = M_DROP_ACCOUNT + 8,
    M_DROP_MEMBER,
    M_DROP_BAN,
    M_DROP_PERSONA,
    M_DROP_KEY,
    M_DROP_MESSAGE,
    M_UNMAKE,
    M_KEEP,
    M_KEEP_END = M_KEEP + 2,
    M_TURN_TO,
    M_GIVE,
    M_GIVE_END = M_GIVE + 2,
    M_NO_ALTERNATIVES,
    M_NEWEST,
    M_CLAIMED,
    M_CLAIM,
    M_TAKE,
    M_ALIAS,
    M_MOVE_ALIAS,
    M_SET_ALIAS,
    M_END_SESSION,
    M_END_SESSIONS,
    M_ANY_NAME,
    M_SET_NAME,
    M_NAMES,
    M_USERNAME,
    M_SET_USERNAME,
    M_TAKE_USERNAME,
    M_ORIGIN,
    M_ORIGIN_NEW,
    M_SET_ORIGIN,
    M_N
};

extern const struct nc_sqlite_def nc_sqlite_merge_defs[M_N];
extern const struct nc_merge_ops nc_sqlite_merge_ops;

/* A row of `incarnation`. */
struct nc_sqlite_log {
    struct nc_id id; /* zero: none */
    uint64_t no;     /* 0: it is not known */
    uint64_t head;   /* its events that are known, without a gap; of ours see the counter */
    bool current;
    bool raised; /* … and not written yet */
};

struct nc_sqlite_merging {
    struct nc_sqlite_writer *w;
    unsigned base; /* the number of M_STATE in the writer's connection */
    uint64_t pos;  /* see nc_merging */
    bool broken;   /* a statement failed: nothing of it may be kept */
    struct nc_buf text[NC_SQLITE_STATES]; /* the strings that nc_merge_ops.get gave */
    struct nc_buf name;
    struct nc_sqlite_known known;
    struct nc_sqlite_log log; /* the one that was looked up last */
};

void nc_sqlite_merging_fini(struct nc_sqlite_merging *m);
/* What was remembered may not be so: something was undone, or changed by other ways.  Also
 * that it is broken: read that before. */
void nc_sqlite_merging_forget(struct nc_sqlite_merging *m);
/* What was put off is written: before a commit ends.  False: broken. */
bool nc_sqlite_merging_flush(struct nc_sqlite_merging *m);

/* The number of a log, known from now on; 0 when that failed. */
uint64_t nc_sqlite_origin_no(struct nc_sqlite_merging *m, const struct nc_id *origin);
/* Writes m->mentions, whose rows are gone. */
void nc_sqlite_mention(struct nc_sqlite_merging *x, const struct nc_message *m);
/* NC_ORIGIN_RENEW, as there.  NC_EIO: nothing of the transaction may be kept. */
NC_MUSTUSE enum nc_err nc_sqlite_renew(struct nc_sqlite_writer *w,
                                       const struct nc_segment *in);
/* See nc_sqlite_writer_settle. */
NC_MUSTUSE enum nc_err nc_sqlite_settle(struct nc_sqlite_merging *x);
