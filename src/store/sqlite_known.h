/*
 * store/sqlite_known: what the writer remembers of rooms and accounts.
 *
 * Every message of another node asks whether its room and its sender are known, and for the
 * newest message of the room; of thousands in a row the answers are the same.  A slot for
 * each hash: what finds its slot taken takes it.  Whatever may change an answer forgets it
 * first; a transaction that is given up, everything.  Private to the writer.
 */
#pragma once

#include "store/merge.h"

#define NC_SQLITE_KNOWN 1024

struct nc_sqlite_known_at {
    struct nc_id id;
    enum nc_state_kind kind; /* NC_STATE_ROOM, NC_STATE_ACCOUNT */
    enum nc_standing is;
    uint32_t age;        /* that of the table, or nothing is here */
    bool has_newest;     /* of a room */
    struct nc_id newest; /* zero: nothing was said in it */
};

struct nc_sqlite_known {
    uint32_t age; /* from 1 on */
    struct nc_sqlite_known_at at[NC_SQLITE_KNOWN];
};

void nc_sqlite_known_clear(struct nc_sqlite_known *k); /* a zeroed one, too */
/* NULL: nothing is remembered of it. */
struct nc_sqlite_known_at *nc_sqlite_known_find(struct nc_sqlite_known *k,
                                                enum nc_state_kind kind,
                                                const struct nc_id *id);
struct nc_sqlite_known_at *nc_sqlite_known_put(struct nc_sqlite_known *k,
                                               enum nc_state_kind kind,
                                               const struct nc_id *id, enum nc_standing is);
/* Of any kind; one that is never remembered is fine. */
void nc_sqlite_known_forget(struct nc_sqlite_known *k, enum nc_state_kind kind,
                            const struct nc_id *id);
/* A message is in that room now. */
void nc_sqlite_known_said(struct nc_sqlite_known *k, const struct nc_id *room,
                          const struct nc_id *message);
