/*
 * store/sqlite_queries: what each question is in SQL.
 *
 * Statements by number; a parameter is a field of nc_query unless the
 * statement starts from another record.  Private to the readers.
 */
#pragma once

#include "store/sqlite_conn.h"
#include "store/sqlite_state.h"
#include "store/store.h"

/* Those of the kinds that are one statement have the kind's number. */
enum {
    R_BEGIN = NC_QUERY_KINDS,
    R_END,
    R_HEAD,
    R_WHEN,
    R_DISTANCE,
    R_LACKED,
    R_SENDER,
    R_CLEARED,
    R_LATE,
    R_EDGE,
    R_RANGE,
    R_LOG_MESSAGE,
    R_LOG_DELETED,
    R_LOG_ROOM,
    R_LOG_MEMBER,
    R_LOG_ACCOUNT,
    R_UNREAD,
    R_MENTIONS,
    R_LAST,
    R_USAGE_USER,
    R_USAGE_ROOM,
    R_ALIASES,
    R_SAID,
    R_STATE,                               /* one for each kind of state, by key … */
    R_STATES = R_STATE + NC_SQLITE_STATES, /* … and all of it */
    R_N = R_STATES + NC_SQLITE_STATES
};

/* Those before R_STATE; the rest is nc_sqlite_states and nc_sqlite_states_all. */
extern const struct nc_sqlite_def nc_sqlite_queries[R_STATE];
