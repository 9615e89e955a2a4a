/*
 * chat/merge_parts: what the files that follow other nodes' events share.
 *
 * The store has applied an event; memory, the hub and the observers come after it, row by
 * row in the order of the log.  What is told live is what a replay of the log would give:
 * the event, and what it points to as that is now.
 */
#pragma once

#include "chat/merge.h"
#include "chat/rooms/rooms.h"

/* Reads how far each log is here (blocking, before the loop).  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_merge_load(struct nc_chat *c);
/* That log of ours ends with event n now. */
void nc_merge_renewed(struct nc_chat *c, const struct nc_id *origin, uint64_t n);
void nc_merge_free(struct nc_chat *c); /* the store is closed; fine when never loaded */

/* One commit that is being followed. */
struct nc_following {
    struct nc_chat *chat;
    bool fetch;        /* too much at once to be told one by one */
    unsigned topics_n; /* those whose listeners fetch what follows from the log */
    struct nc_topic *topics[NC_MERGE_ROWS];
};

/* One row of it. */
struct nc_follow {
    const struct nc_event *ev;
    const struct nc_record *record; /* NULL: it came without */
    const struct nc_merged *out;
};

/* merge_told.c: could people here have said it so? */
bool nc_merge_told(const struct nc_record *r);

/* An event of a kind that is theirs. */
void nc_merge_people(struct nc_following *f, const struct nc_follow *x);
void nc_merge_room(struct nc_following *f, const struct nc_follow *x);
void nc_merge_member(struct nc_following *f, const struct nc_follow *x);
void nc_merge_message(struct nc_following *f, const struct nc_follow *x);
/* Somebody is here now of whom memberships may have come before. */
void nc_merge_members_of(struct nc_following *f, const struct nc_id *user);

/* ---- telling ------------------------------------------------------------- */

/* Is it to be published there?  (Else nobody hears it, or those who do fetch it.) */
bool nc_merge_tells(struct nc_following *f, struct nc_topic *t);
/* What it is now only the store knows: whoever hears it fetches it. */
void nc_merge_fetched(struct nc_following *f, struct nc_topic *t);
/* Somebody came to a topic: from here on they hear it. */
void nc_merge_came(struct nc_following *f, const struct nc_topic *t);
