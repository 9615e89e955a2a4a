/*
 * store/sqlite_changes: what each kind of change is in SQL.
 *
 * A change is a few statements; the ones that may refuse it come before
 * those that write.  Private to the writer.
 */
#pragma once

#include "store/sqlite_conn.h"
#include "store/store.h"

#define NC_SQLITE_STEPS 12

struct nc_sqlite_step {
    const char *sql;
    enum nc_err none; /* the answer when it finds or changes no row; NC_OK: goes on */
    bool counts;      /* its rows are added to `touched` */
    bool out;         /* its row goes back into the record */
};

struct nc_sqlite_kind {
    const struct nc_field *fields; /* of the record that the parameters name */
    bool claims;                   /* takes (sender, client_id) first */
    bool mentions;                 /* writes those of message.mentions at the end */
    bool erases;                   /* `touched` are messages that are no more */
    struct nc_sqlite_step steps[NC_SQLITE_STEPS];
};

/* Besides fields, statements may name :pos (the log position this change will
 * have, or the head), :head, :before, :left (of the limit), :now. */
extern const struct nc_sqlite_kind nc_sqlite_kinds[NC_CHANGE_KINDS];
