/*
 * chat/people/key: "nck_…", a password for machines: bots, the OpenAI-compatible API, MQTT.
 *
 * 256 random bits, shown once and kept as SHA-256.  What a key stands for is cached,
 * so that a busy bot costs no query; deleting one takes effect at once.
 */
#pragma once

#include "chat/people/session.h"

#define NC_KEY_PREFIX "nck_"
#define NC_KEY_TEXT 48 /* "nck_" + 43 characters + NUL */

enum nc_key_scope { NC_KEY_CHAT = 1, NC_KEY_AI = 2, NC_KEY_MQTT = 4, NC_KEY_ALL = 7 };
unsigned nc_key_scope(struct nc_str word);   /* 0: no such scope */
unsigned nc_key_scopes(struct nc_str words); /* separated by blanks */
const char *nc_key_scope_name(unsigned scope);

struct nc_key_new {
    struct nc_str name;
    unsigned scopes;                           /* at least one */
    uint64_t expires_ms;                       /* 0: never */
    uint64_t tokens_per_day, requests_per_day; /* of models; 0: no cap */
};
/* key: the only time it is seen. */
typedef void nc_key_fn(void *arg, const struct nc_problem *why, const struct nc_key *rec,
                       struct nc_str key);
void nc_key_create(struct nc_chat *c, const struct nc_actor *who,
                   const struct nc_key_new *in, nc_key_fn *done, void *arg);
/* {"keys":[{id, name, scopes, created_at, last_used_at, expires_at, tokens_per_day,
 * requests_per_day}]} */
void nc_key_list(struct nc_chat *c, const struct nc_user *user, nc_json_fn *done,
                 void *arg);
void nc_key_delete(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                   nc_done_fn *done, void *arg);
void nc_key_json(struct nc_json *j, const struct nc_key *k); /* as in the list */

/*
 * Whose key is this?
 *
 * done:    called if NC_AGAIN is returned, with the answer.
 * returns: NC_OK *out is it; NC_EACCESS *why says no; NC_AGAIN the store is asked.
 */
typedef void nc_auth_fn(void *arg, const struct nc_problem *why, const struct nc_auth *a);
NC_MUSTUSE enum nc_err nc_key_verify(struct nc_chat *c, struct nc_str key,
                                     struct nc_str address, struct nc_auth *out,
                                     struct nc_problem *why, nc_auth_fn *done, void *arg);

/* Has it been found to hold lately?  (It may have ended since.) */
bool nc_key_known(const struct nc_chat *c, struct nc_str key);

/* ---- for the files about accounts ---------------------------------------- */

struct nc_keys *nc_keys_new(void);
void nc_keys_free(struct nc_keys *k);
bool nc_keys_have(const struct nc_chat *c, const struct nc_id *id); /* in use lately */
void nc_keys_drop(struct nc_chat *c, const struct nc_id *id);
void nc_keys_forget(struct nc_chat *c, const struct nc_user *u); /* all of a user's */
