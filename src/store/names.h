/*
 * store/names: which account has which username, where several wanted the same.
 *
 * First writer wins: accounts take their names in the order in which they were made (by
 * stamp, then id); who finds one taken is called name-2, name-3 and so on.  It depends on
 * nothing but the accounts, so every node that knows the same ones comes to the same names.
 * A deleted account goes on holding its place in that order.  Pure.
 */
#pragma once

#include "store/state.h"

#define NC_USERNAME_MAX 32

struct nc_named {
    struct nc_id user;
    uint64_t created_hlc;
    uint8_t claim[NC_STATE_HASH]; /* nc_name_claim(wanted); zeros: unknown, holds nothing */
    bool deleted;
    struct nc_str wanted;           /* empty when deleted */
    char name[NC_USERNAME_MAX + 1]; /* out, of living ones */
};

/* `[a-z0-9][a-z0-9._-]{1,31}`: names stand in topics and in front of people. */
bool nc_username_formed(struct nc_str s);

/* Puts `all` in order and gives names. */
void nc_names_give(struct nc_named *all, size_t n);
