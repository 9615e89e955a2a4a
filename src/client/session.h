/*
 * client/session: the login of one API: whose it is, and a token that is fresh.
 */
#pragma once

#include "client/tokens.h"
#include "loop/loop.h"

struct nc_api;

struct nc_session {
    struct nc_api *api;
    char *dir; /* nc_place_server, or NULL: nothing is kept */
    struct nc_tokens tokens;
    unsigned generation; /* rises with every new access token */
    struct nc_list waiting;
    struct nc_task task;
    struct nc_deadline deadline;
    uint64_t give_up_ms;
    int lock;
    bool busy;  /* refreshing */
    bool guest; /* with another node's token, as long as that lasts: none is to be had */
    enum nc_err outcome;
};

void nc_session_init(struct nc_session *s, struct nc_api *api, const char *url);
void nc_session_fini(struct nc_session *s); /* who waits is told NC_ECLOSED */

/* The login on disk.  NC_ENOENT: nobody is logged in. */
NC_MUSTUSE enum nc_err nc_session_load(struct nc_session *s, const char *user);
/* The answer of login or register: kept, and the current one. NC_EINVAL, NC_EIO. */
NC_MUSTUSE enum nc_err nc_session_take(struct nc_session *s, const json_t *answer);
void nc_session_drop(struct nc_session *s); /* logged out: file and memory */
bool nc_session_present(const struct nc_session *s);

/*
 * From now on at another node of the same mesh, as `user`: with a login of there that is on
 * disk, else as a guest, with an access token of `home` or the one that we have.  Not while
 * one is being refreshed (`busy`).
 *
 * refused: no guests.  NC_ENOENT: there is neither.
 */
NC_MUSTUSE enum nc_err nc_session_move(struct nc_session *s, const char *url,
                                       const char *home, const char *user, bool refused);

/* Waits for a fresh access token; embedded. */
struct nc_token_wait {
    struct nc_list node;
    /* Once, never before the call returned.  NC_EACCESS: the login is over; NC_EIO: the
     * server was not reached; NC_ECLOSED. */
    void (*done)(struct nc_token_wait *w, enum nc_err e);
};
void nc_session_wait(struct nc_session *s, struct nc_token_wait *w);
/* The server did not take the token of this generation: get another. */
void nc_session_stale(struct nc_session *s, unsigned generation);
