/*
 * chat/people/invite: a code that lets somebody in, so many times, until some day.
 */
#pragma once

#include "chat/people/people.h"

struct nc_json;

#define NC_INVITE_GROUPS 5
/* "XXXX-XXXX-XXXX-XXXX-XXXX" with its NUL */
#define NC_INVITE_TEXT (5 * NC_INVITE_GROUPS)
#define NC_INVITE_USES_MAX 1000

struct nc_invite_new {
    uint32_t uses;       /* 1..NC_INVITE_USES_MAX */
    uint64_t expires_ms; /* wall time; 0: in 7 days */
    struct nc_room
        *room; /* joined on use; the maker is its moderator, or it is public; or NULL */
};
typedef void nc_invite_fn(void *arg, const struct nc_problem *why,
                          const struct nc_invite *i, struct nc_str url);
/* forbidden: registration is closed and the maker no admin, too many of them, or no right
 * to bring people into that room. */
void nc_invite_create(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_invite_new *in, nc_invite_fn *done, void *arg);
/* {"invites":[{id, code, url, room, uses_left, created_at, expires_at}]}: one's own, those
 * that can still be used; all of them for an admin. */
void nc_invite_list(struct nc_chat *c, const struct nc_actor *who, nc_json_fn *done,
                    void *arg);
/* One's own, by an admin any; not_found otherwise. */
void nc_invite_delete(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                      nc_done_fn *done, void *arg);

/* Does it still bring people into that room: may who made it do so themselves? */
bool nc_invite_opens(struct nc_chat *c, const struct nc_invite *i, const struct nc_room *r);
/* What is typed is forgiving: blanks around, lower case. */
void nc_invite_hash(struct nc_str code, uint8_t out[32]);
/* <public url>/#invite=CODE */
void nc_invite_url(const struct nc_chat *c, struct nc_str code, struct nc_buf *out);
void nc_invite_json(struct nc_json *j, const struct nc_invite *i, struct nc_str public_url);
