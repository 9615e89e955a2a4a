/*
 * store/merge_rules: what one event of another node does to what is here.
 *
 * merge.c asks whether it may come at all, and says what happens to it: merge_state.c knows
 * accounts and what is theirs, rooms and who is in them; merge_messages.c what is said.
 * They know the tables as nc_merge_ops only.  For those three files.
 */
#pragma once

#include "store/merge.h"

struct nc_rule_run {
    const struct nc_merging *m;
    const struct nc_merge_ops *ops;
    void *db;
    const struct nc_event *e;
    const struct nc_record *r; /* NULL: it came without */
    struct nc_state_key key;
    struct nc_stamp now;  /* that of this event */
    struct nc_stamp here; /* that of what is here */
    bool known;           /* `here` is filled */
    struct nc_merged *out;
};

static inline uint64_t nc_rule_ms(const struct nc_event *e) { return e->hlc >> 12; }

/* An account or a room. */
static inline bool nc_rule_dead(struct nc_rule_run *x, enum nc_state_kind kind,
                                const struct nc_id *id)
{
    return x->ops->standing(x->db, kind, id) == NC_STANDS_NO_MORE;
}
static inline bool nc_rule_knows(struct nc_rule_run *x, enum nc_state_kind kind,
                                 const struct nc_id *id)
{
    return x->ops->standing(x->db, kind, id) != NC_STANDS_NOWHERE;
}

/* merge.c: this event made that state what it is. */
void nc_rule_stamp(struct nc_rule_run *x, const struct nc_state_key *k,
                   enum nc_stamp_state state);

/* merge_state.c: of any kind but messages and sessions. */
void nc_rule_state(struct nc_rule_run *x);
/* Everybody's name anew; what stays is left alone.  Of x only m, ops, db, key, out count.
 */
void nc_rule_names(struct nc_rule_run *x);

/* merge_messages.c */
void nc_rule_message(struct nc_rule_run *x);
/* `lost`, an answer that is dead, has no row from now on; its id is that of `kept`. */
void nc_rule_leave(const struct nc_merging *m, const struct nc_id *lost,
                   const struct nc_id *kept);
