/*
 * client/tokens: the login of one user at one server, in a file (0600).
 *
 * A refresh token is spent once, and using it twice ends the login for all: so whoever
 * refreshes holds the lock, reads the file again, and writes it before letting go.
 */
#pragma once

#include <jansson.h>

#include "base/id.h"

struct nc_tokens {
    char *username, *role;
    struct nc_id user;
    char *access, *refresh;
    uint64_t expires_ms; /* wall time */
};

void nc_tokens_fini(struct nc_tokens *t); /* wipes; fine on a zeroed one */
/* From the answer of login, register or refresh.  NC_EINVAL if something is missing. */
NC_MUSTUSE enum nc_err nc_tokens_take(struct nc_tokens *t, const json_t *answer,
                                      uint64_t now_ms);
bool nc_tokens_fresh(const struct nc_tokens *t, uint64_t now_ms); /* for a minute more */

/* `dir`: nc_place_server.  user NULL: the one that logged in last.  NC_ENOENT: nobody. */
NC_MUSTUSE enum nc_err nc_tokens_load(struct nc_tokens *t, const char *dir,
                                      const char *user);
/* current: also becomes the user that is taken.  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_tokens_save(const struct nc_tokens *t, const char *dir,
                                      bool current);
void nc_tokens_erase(const char *dir, const char *user);

/* Try to take the lock; *fd is closed to let go.  NC_AGAIN: somebody has it. */
NC_MUSTUSE enum nc_err nc_tokens_lock(int *fd, const char *dir, const char *user);
