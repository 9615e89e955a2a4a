/*
 * chat/people/session: a login on a device, and the tokens that stand for it.
 *
 * Access tokens (15 minutes) are checked without the store, so what ended lately is
 * held in memory until its tokens are over; refresh tokens (30 days, sliding) are
 * spent one by one in the store, and one that comes twice ends its session, unless the
 * answer of its first use may have been lost just now.
 */
#pragma once

#include "chat/people/people.h"

#define NC_ACCESS_S 900 /* life of an access token */

/* Where a request comes from.  Views; what is kept is copied. */
struct nc_from {
    struct nc_str address;
    struct nc_str device; /* User-Agent; cut to 200 bytes, dropped if it is not UTF-8 */
};

/* What register, login and refresh give.  Views until the callback returns. */
struct nc_login {
    struct nc_user *user;
    struct nc_id session;
    struct nc_str access, refresh;
    unsigned expires_s; /* of the access token */
    unsigned refresh_s; /* of the refresh token */
};
typedef void nc_login_fn(void *arg, const struct nc_problem *why, const struct nc_login *l);

/* Who a token, a key or a ticket stands for. */
struct nc_auth {
    struct nc_user *user;
    struct nc_id session;   /* zero for a key */
    struct nc_id ends_with; /* the session or the key: what a listener ends with */
    uint64_t expires_ms;    /* wall time; 0: never */
    unsigned scopes;        /* enum nc_key_scope; all of them for a session */
    uint64_t tokens_per_day, requests_per_day; /* what a key may ask of models; 0: no cap */
};

/* Is this an access token that holds now?  False: *why is unauthorized. */
bool nc_session_verify(struct nc_chat *c, struct nc_str token, struct nc_auth *out,
                       struct nc_problem *why);
/* Has it ended, as far as it matters (a token of it may still be about)? */
bool nc_session_ended(const struct nc_chat *c, const struct nc_id *user,
                      const struct nc_id *session);
/* The ring's keys changed: forget verified tokens. */
void nc_session_keys_changed(struct nc_chat *c);

/* unauthorized: not ours, over, spent (then its session has ended), or its user may not. */
void nc_session_refresh(struct nc_chat *c, struct nc_str refresh_token,
                        const struct nc_from *from, nc_login_fn *done, void *arg);
/* Log out: also fine when it had ended already. */
void nc_session_logout(struct nc_chat *c, const struct nc_actor *who,
                       const struct nc_id *session, nc_done_fn *done, void *arg);
/* End a session of `user` by its id; not_found if it is not theirs. */
void nc_session_end(struct nc_chat *c, const struct nc_actor *who, struct nc_user *user,
                    const struct nc_id *session, nc_done_fn *done, void *arg);
/* {"sessions":[{id, device, address, created_at, used_at, expires_at, current}]} */
void nc_session_list(struct nc_chat *c, const struct nc_user *user,
                     const struct nc_id *current, nc_json_fn *done, void *arg);

/* ---- for the files about accounts ---------------------------------------- */

enum nc_err nc_sessions_load(struct nc_chat *c);
void nc_sessions_free(struct nc_sessions *s);

/* A new session as a record and a change; strings belong to `s`. */
struct nc_session_new {
    struct nc_session rec;
    char address[64], device[208];
    struct nc_buf access, refresh;
};
void nc_session_make(struct nc_chat *c, struct nc_session_new *s, const struct nc_user *u,
                     const struct nc_id *user, const struct nc_from *from);
/* Sign its tokens (after the commit, so that they name what is kept).  NC_EINVAL. */
NC_MUSTUSE enum nc_err nc_session_sign(struct nc_chat *c, struct nc_session_new *s,
                                       const struct nc_user *u, struct nc_login *out);
void nc_session_new_fini(struct nc_session_new *s); /* wipes; fine on a zeroed one */
/* Too many sessions ended lately to remember one more: no new one now. */
bool nc_sessions_full(const struct nc_chat *c);

/* After the commit: its tokens are refused and its listeners end.  u: NULL where it is
 * unknown whose it was. */
void nc_session_ended_now(struct nc_chat *c, struct nc_user *u,
                          const struct nc_id *session);
/* All that began before `stamp`: another node says so, or the account has another name. */
void nc_session_cut_at(struct nc_chat *c, struct nc_user *u, uint64_t stamp);
/* The change that ends all sessions of a user but `keep` (NULL: all), and what follows
 * its commit.  `cut` is decided when the change is made. */
struct nc_session_cut {
    uint64_t stamp;
    struct nc_id keep;
};
void nc_session_cut_make(struct nc_chat *c, struct nc_change *ch,
                         struct nc_session_cut *cut, const struct nc_user *u,
                         const struct nc_id *keep, const struct nc_actor *who);
void nc_session_cut_done(struct nc_chat *c, struct nc_user *u,
                         const struct nc_session_cut *cut);
