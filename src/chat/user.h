/*
 * chat/user: a person, persona or the system itself, as memory holds it.
 */
#pragma once

#include "chat/chat.h"
#include "chat/live/hub.h"

struct nc_user {
    struct nc_account a;        /* strings owned by the user; password empty */
    struct nc_list memberships; /* struct nc_member, by_user */
    struct nc_list listeners;   /* struct nc_listener, by_user: sockets and streams */
    struct nc_topic topic;      /* what concerns this user alone */
    struct nc_bucket *buckets;  /* rate limits, made on first use; chat/people/throttle.h */
    uint64_t seen_ms;           /* last sign of life, for presence */
    struct {
        struct nc_list going; /* chat/live/presence.c: without a listener since lately */
        uint64_t gone_ms;
        uint32_t counted; /* the last list of who is here that named them */
        uint16_t far;     /* other nodes where they are */
        uint16_t brokers; /* of ours, that say so */
        bool local;       /* they are at this one, or were a moment ago */
        bool here;        /* any of them */
        bool untold;      /* other nodes are to hear that nc_presence_by_us changed */
    } presence;
    uint32_t proof;  /* counts changes of password and standing, odd while one is being
                        committed: a login that began before doesn't hold after */
    bool renaming;   /* a change of the account is being committed */
    bool going;      /* the account is being deleted: it comes into no room any more */
    unsigned coming; /* memberships of it that are being committed */
};

struct nc_user *nc_user_find(const struct nc_chat *c, const struct nc_id *id); /* or NULL */
/* Living accounts only; NULL if unknown. */
struct nc_user *nc_user_named(const struct nc_chat *c, struct nc_str username);
/* Memory follows a commit: insert what was committed (copies the strings). */
struct nc_user *nc_user_add(struct nc_chat *c, const struct nc_account *a);
void nc_user_changed(struct nc_chat *c, struct nc_user *u, const struct nc_account *a);
void nc_user_deleted(struct nc_chat *c,
                     struct nc_user *u); /* leaves every room, ends listeners */
/* Another username; empty: none for the moment, so that two can change places. */
void nc_user_renamed(struct nc_chat *c, struct nc_user *u, struct nc_str username);

void nc_user_free(struct nc_user *u); /* at the end, in no room; NULL is fine */

/* `[a-z0-9][a-z0-9._-]{1,31}` */
bool nc_username_ok(struct nc_str s);
