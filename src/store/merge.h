/*
 * store/merge: the rules by which nodes agree, for every backend.
 *
 * Last writer wins, by stamp; accounts, rooms and messages that are deleted stay so; of
 * messages that are one and the same the lowest id stays; names as in names.h.  The rules
 * know no tables: a backend lends them its own.  docs/architecture.md says them in words.
 * Private to the backends; on the writer's thread.
 */
#pragma once

#include "store/names.h"
#include "store/store.h"

/* What is known of an account or a room. */
enum nc_standing {
    NC_STANDS_NOWHERE, /* nothing, not even that it will come */
    NC_STANDS,
    NC_STANDS_NO_MORE, /* it is deleted */
};

/*
 * A backend's tables.  Nothing fails here: what a disk refuses the backend remembers, and
 * gives the whole commit up.  Strings that come out live until the same call comes again.
 */
struct nc_merge_ops {
    bool (*stamp)(void *db, const struct nc_state_key *k, struct nc_stamp *out);
    void (*set_stamp)(void *db, const struct nc_state_key *k, const struct nc_stamp *s);

    /* Of an account or a room: as nc_merge_standing finds it. */
    enum nc_standing (*standing)(void *db, enum nc_state_kind kind, const struct nc_id *id);

    /* What is kept under this key; deleted accounts, rooms, messages too. */
    bool (*get)(void *db, const struct nc_state_key *k, struct nc_record *out);
    /* Insert, or replace what a record holds of it.  A message is there: it is shown anew.
     * An account keeps the username it has, or has none yet. */
    void (*set)(void *db, const struct nc_record *r);
    /* One that is not there; with its `again` when it is late, without claiming its client
     * id. */
    void (*add)(void *db, const struct nc_message *m);
    /* As the deleting kinds do it; an account also leaves its rooms. */
    void (*drop)(void *db, const struct nc_state_key *k, uint64_t when_ms);
    void (*unmake)(void *db, const struct nc_id *message); /* without a trace */

    /* Alternatives of an answer.  What it shows stays as one, and the next begins. */
    void (*keep)(void *db, const struct nc_id *message, uint64_t when_ms);
    /* One with this very content is shown; false: there is none. */
    bool (*turn_to)(void *db, const struct nc_message *m);
    /* What `lost` shows, if that is whole, and its other alternatives are ones of `kept`,
     * behind those that it has. */
    void (*give)(void *db, const struct nc_id *lost, const struct nc_id *kept);

    void (*newest)(void *db, const struct nc_id *room, struct nc_id *out);
    /* What m->sender used m->client_id for; *out zero: a command. */
    bool (*claimed)(void *db, const struct nc_message *m, struct nc_id *out);
    void (*claim)(void *db, const struct nc_message *m); /* from now on it is m's */
    bool (*take)(void *db, const struct nc_message *m);  /* … unless it is anybody's */
    bool (*alias)(void *db, const struct nc_id *lost, struct nc_id *kept); /* has a stamp */
    /* Also those that were `lost`'s. */
    void (*set_alias)(void *db, const struct nc_id *lost, const struct nc_id *kept);

    /* Of one user (all of them: session zero) that began before. */
    void (*end_sessions)(void *db, const struct nc_id *user, const struct nc_id *session,
                         uint64_t when_ms);

    /* Names.  `any`: is the name, or a claim on it, anybody's? */
    bool (*any)(void *db, struct nc_str name, const uint8_t claim[NC_STATE_HASH]);
    void (*set_name)(void *db, const struct nc_named *n); /* the row of who wanted what */
    /* Every account; *out is the caller's to free with the strings' memory in `text`. */
    size_t (*names)(void *db, struct nc_named **out, struct nc_buf *text);
    bool (*username)(void *db, const struct nc_id *user, struct nc_str *out);
    void (*set_username)(void *db, const struct nc_id *user, struct nc_str name);

    /* How many events of this origin are here without a gap; *own: it is this log. */
    uint64_t (*origin)(void *db, const struct nc_id *origin, bool *own);
    void (*set_origin)(void *db, const struct nc_id *origin, uint64_t head);
    uint64_t (*next_own)(void *db); /* the origin_seq of our next event */
};

/* By its stamp, else by what is kept of it. */
enum nc_standing nc_merge_standing(const struct nc_merge_ops *ops, void *db,
                                   enum nc_state_kind kind, const struct nc_id *id);

struct nc_merging {
    const struct nc_merge_ops *ops;
    void *db;
    struct nc_id own;       /* this log */
    uint64_t pos;           /* the log position that the change has, if it is logged */
    struct nc_buf *records; /* those of local changes are added here, too; NULL: nowhere */
};

/* Before a local change: NC_EEXIST when a name is held by one who is gone, or a room of
 * this id was deleted elsewhere. */
enum nc_err nc_merge_may(const struct nc_merging *m, const struct nc_change *ch);
/* After it and before its log row: fills event.body_hash, keeps the stamp, and moves
 * event.hlc behind a later one that it replaces. */
void nc_merge_local(const struct nc_merging *m, struct nc_change *ch);
/* NC_MERGE: as there.  The log row is still to be written; then ch->merge.out->also. */
enum nc_err nc_merge_foreign(const struct nc_merging *m, struct nc_change *ch);
enum nc_err nc_merge_skip(const struct nc_merging *m, const struct nc_change *ch);
