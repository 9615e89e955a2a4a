/*
 * store/sqlite_state: records of state in SQL, for the writer and for readers.
 *
 * Private to the backend.
 */
#pragma once

#include "store/sqlite_conn.h"
#include "store/state.h"

/* Statements that both kinds of connection have: one record by its key (:a, :b). */
#define NC_SQLITE_STATES 7
extern const struct nc_sqlite_def nc_sqlite_states[NC_SQLITE_STATES];
/* Which of them; NC_SQLITE_STATES: that kind has no record. */
unsigned nc_sqlite_state_no(enum nc_state_kind kind);
/* The row that `s` stands on; strings live until its next step. */
void nc_sqlite_state_take(const struct nc_sqlite_stmt *s, enum nc_state_kind kind,
                          struct nc_record *out);

/* All of a kind that nodes keep in common (in the order of nc_sqlite_state_no); messages
 * by :after and :limit.  Accounts: nc_sqlite_shown, which begins where records do. */
extern const struct nc_sqlite_def nc_sqlite_states_all[NC_SQLITE_STATES];
struct nc_sqlite_shown {
    struct nc_record r;
    struct nc_str username; /* as it is here; r.account.username is what was wanted */
};
