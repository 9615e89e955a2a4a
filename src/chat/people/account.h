/*
 * chat/people/account: people's accounts: made, proved, changed, ended.
 *
 * Passwords are hashed on the pool, everything durable goes through the store and
 * memory follows it.  Whoever may do what to whom is decided here.
 */
#pragma once

#include "chat/people/session.h"

struct nc_json;

const char *nc_role_name(enum nc_account_role r);   /* "owner", "admin", "member" */
bool nc_account_has_owner(const struct nc_chat *c); /* a living one */

/* ---- coming in ----------------------------------------------------------- */

struct nc_register {
    struct nc_str username, password, display_name, invite,
        owner_code; /* empty: not given */
    struct nc_from from;
};
/* bad_request, too_large (names the member), conflict (name taken), forbidden (closed, or
 * a bad invite or code), rate_limited, busy. */
void nc_account_register(struct nc_chat *c, const struct nc_register *in, nc_login_fn *done,
                         void *arg);

/* unauthorized (the same words and time for an unknown user), forbidden (the password
 * was right, but the account is disabled), conflict (it is that of somebody who took this
 * name and is called otherwise since: the detail says how), rate_limited, busy. */
void nc_account_login(struct nc_chat *c, struct nc_str username, struct nc_str password,
                      const struct nc_from *from, nc_login_fn *done, void *arg);

/* ---- one's own ----------------------------------------------------------- */

/* {"id","username","display_name","role","created_at"}; `admin` adds kind and disabled. */
void nc_account_json(struct nc_json *j, const struct nc_account *a, bool admin);

/* Also of others, by an admin.  bad_request, forbidden, busy (another change is under way).
 */
void nc_account_rename(struct nc_chat *c, const struct nc_actor *who, struct nc_user *u,
                       struct nc_str display_name, nc_done_fn *done, void *arg);
/* The other sessions end, `session` stays.  unauthorized is never said here: a wrong old
 * password is forbidden, and counts like a failed login. */
void nc_account_password(struct nc_chat *c, const struct nc_actor *who,
                         const struct nc_id *session, struct nc_str old,
                         struct nc_str new_one, nc_done_fn *done, void *arg);
/* conflict for the node's last owner.  Rooms only this one owned pass to the
 * longest-standing moderator or member; those without anybody else are deleted. */
void nc_account_delete(struct nc_chat *c, const struct nc_actor *who, nc_done_fn *done,
                       void *arg);

/* ---- administration: owner, admin, or the admin socket ------------------- */

/* {"users":[…],"has_more"} of the living, by id, those after `after` (zero: from the
 * start). */
void nc_account_list(const struct nc_chat *c, const struct nc_id *after, unsigned limit,
                     struct nc_buf *out);
/* disabled: ends all sessions and sockets at once.  forbidden: an admin touches an owner,
 * or makes one; conflict: the last owner.  NULL: unchanged. */
struct nc_account_patch {
    const bool *disabled;
    const enum nc_account_role *role;
};
void nc_account_patch(struct nc_chat *c, const struct nc_actor *who, struct nc_user *u,
                      const struct nc_account_patch *in, nc_done_fn *done, void *arg);
/* A code that sets a new password once, within 24 h; the one before is void. */
typedef void nc_reset_fn(void *arg, const struct nc_problem *why, struct nc_str code,
                         struct nc_str url);
void nc_account_reset_code(struct nc_chat *c, const struct nc_actor *who, struct nc_user *u,
                           nc_reset_fn *done, void *arg);
/* POST /api/v1/auth/reset.  All sessions end.  forbidden: unknown, used or over. */
void nc_account_reset(struct nc_chat *c, struct nc_str code, struct nc_str password,
                      const struct nc_from *from, nc_done_fn *done, void *arg);

/* ---- finding people ------------------------------------------------------ */

/* May `who` know that `u` is here?  Themselves, who shares a room, everyone with an open
 * directory, and always for an admin. */
bool nc_account_visible(const struct nc_chat *c, const struct nc_actor *who,
                        const struct nc_user *u);
/* {"users":[{id,username,display_name,kind}],"has_more"} that match q and are visible. */
void nc_account_search(struct nc_chat *c, const struct nc_actor *who, struct nc_str q,
                       unsigned limit, struct nc_buf *out);
