/*
 * chat/people/builtin: accounts that each node makes for itself, alike on all of them.
 *
 * Their ids and the stamp of their making follow from their names, so that nodes which
 * join after both were used find one account there, not two that want one name.  The stamp
 * is the earliest there is: whatever anybody has changed of them since is later, also
 * where another node made them anew today.
 */
#pragma once

#include "store/record.h"

/* kind, username and display_name are views of the arguments. */
struct nc_account nc_builtin_account(enum nc_account_kind kind, struct nc_str username,
                                     struct nc_str display_name);
/* The stamp of the events that make it. */
uint64_t nc_builtin_stamp(const struct nc_account *a);
