/*
 * ai/asked: is this sentence said *to* a persona, or about one?
 *
 * Pure.  The rules of docs/protocol.md section 5; tests/data/asked.tsv is their
 * definition.
 */
#pragma once

#include "base/base.h"

struct nc_asked_name {
    struct nc_str username;     /* of the persona */
    const struct nc_str *names; /* display name and aliases */
    size_t names_n;
    /* Does a human member bear this name (folded)?  Then the bare form "olga tell" is for
     * them.  Asked only when it matters; NULL: nobody does. */
    bool (*namesake)(const void *arg, struct nc_str folded);
    const void *arg;
};

/* Does `text` call this persona by name?  (Mentions, replies and dialogs are the
 * caller's to know.)  strict: only name + comma or colon. */
bool nc_asked(struct nc_str text, const struct nc_asked_name *who, bool strict);
