/*
 * chat/people/renamed: who has another name than the one they took, as nodes that could not
 * see each other had given it twice (store/names.h).
 *
 * They are told, and so is who kept the name: at once where they listen, else as soon as
 * they do, also after a restart.  Each node tells them by itself.  Who comes to the door
 * with the name they took, and their password, is told the new one (login.c).
 */
#pragma once

#include "chat/chat.h"

/* Reads who is, and who is still to be told (blocking, before the loop; accounts are there
 * already).  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_renamed_new(struct nc_chat *c);
void nc_renamed_free(struct nc_chat *c); /* the store is closed; fine when never made */

/* `u` was called `from` until now; memory has everybody's new name already. */
void nc_renamed_now(struct nc_chat *c, struct nc_user *u, struct nc_str from);

/*
 * The i-th person who took that name and is called otherwise; NULL: there are not so many.
 * i < nc_renamed_tries: how many there are of any name at most, and no more than are worth
 * a password's time each.  Whoever asks does so for every name that often: else it would
 * show which names there are.
 */
struct nc_user *nc_renamed_who(const struct nc_chat *c, struct nc_str took, unsigned i);
unsigned nc_renamed_tries(const struct nc_chat *c);
