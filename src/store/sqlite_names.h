/*
 * store/sqlite_names: who the senders of messages are, remembered by a reader.
 *
 * Looking up fifty senders costs as much as reading their fifty messages, and
 * people change their names seldom.  What was looked up is good as long as no
 * commit has touched the accounts since.
 */
#pragma once

#include <stdatomic.h>

#include "store/record.h"

struct nc_sqlite_names {
    const atomic_uint *changes; /* rises after every commit that touched accounts; NULL:
                                   nothing is remembered */
    unsigned now;               /* as it was before the running question began */
    struct nc_sqlite_name *slots;
};

void nc_sqlite_names_begin(struct nc_sqlite_names *n); /* before the reading transaction */
/* Fill in m->sender_*, whose strings live until the next put; false if not known. */
bool nc_sqlite_names_get(const struct nc_sqlite_names *n, struct nc_message *m);
void nc_sqlite_names_put(struct nc_sqlite_names *n, const struct nc_message *m);
void nc_sqlite_names_fini(struct nc_sqlite_names *n);
