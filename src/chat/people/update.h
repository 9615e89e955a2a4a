/*
 * chat/people/update: one change of one account, for the files about accounts.
 *
 * The store takes an account's fields together, so two changes at once would undo each
 * other: `renaming` of the user is a lock, held from begin to finish.
 */
#pragma once

#include "chat/people/account.h"
#include "chat/people/hashing.h"

struct nc_update {
    struct nc_op op;
    struct nc_user *user; /* never freed before the chat */
    struct nc_id actor, keep;
    const char *action;
    char who[33], target[33], address[64];
    bool locked, charged;
    struct nc_account account; /* what it will be; its text in `text` */
    struct nc_buf text;
    bool cuts;              /* all sessions but `keep` end */
    bool reproves;          /* logins under way must start again */
    struct nc_change extra; /* committed with it, unless its kind is the zero one */
    struct nc_query query;
    struct nc_hashing hashing;
    struct nc_session_cut cut;
    struct nc_commit commit;
    struct nc_change changes[3];
    nc_done_fn *done;
    void *arg;
};

/* `x` is zeroed.  False: it is refused and ends by itself. */
bool nc_update_begin(struct nc_update *x, struct nc_chat *c, const struct nc_actor *who,
                     struct nc_user *u, const char *action, nc_done_fn *done, void *arg);
void nc_update_commit(struct nc_update *x, const struct nc_actor *who,
                      const struct nc_id *keep);
void nc_update_finish(struct nc_op *op);

/* Would the node be without an owner?  What is being changed doesn't count. */
bool nc_account_last_owner(const struct nc_chat *c, const struct nc_user *u);
/* An owner rules over all, an admin over ordinary people. */
bool nc_account_rules(const struct nc_actor *who, const struct nc_user *u);
