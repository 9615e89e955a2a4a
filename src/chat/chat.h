/*
 * chat/chat: the product, as one object the other layers hold on to.
 *
 * Knows people, rooms and messages; knows no socket, no SQL, no libuv.  People,
 * rooms and memberships are held in memory, read from the store once at start
 * and changed only after a commit; messages stay on disk.  Loop thread only.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "crypto/jwt.h"
#include "store/store.h"
#include "wire/problem.h"

struct nc_hub;
struct nc_keyring;
struct nc_loop;
struct nc_pool;

enum nc_registration { NC_REG_OPEN, NC_REG_INVITE, NC_REG_CLOSED };

/* What may not be exceeded.  protocol.md section 1; every one is configurable. */
struct nc_limits {
    size_t message_max;     /* bytes of text: 65536 */
    size_t answer_max;      /* bytes of a generated answer: 524288 */
    unsigned room_name_max; /* characters: 100 */
    unsigned topic_max;     /* characters: 1000 */
    unsigned display_max;   /* characters: 100 */
    unsigned rooms_per_user, members_per_room, sessions_per_user, keys_per_user,
        invites_per_user;
    bool rates; /* false: --rate-limits off */
    unsigned sends_per_10s, registrations_per_hour, rooms_per_day, tickets_per_min,
        history_per_s;
    unsigned lists_per_10s, changes_per_10s;
    unsigned
        live_per_user; /* sockets, streams and polls of one account: 100; 0: any number */
    uint64_t disk_free_min;            /* bytes; below it sends are refused */
    size_t queue_max, queue_total_max; /* live queues: 1 MiB a listener, 64 MiB in all */
    uint32_t replay_max;               /* events a cursor may be behind: 10000 */
    unsigned replay_days;              /* … and days: 30 */
};
extern const struct nc_limits nc_limits_default;

/* One line for the audit log: who did what to what, from where.  Names and ids
 * only, never text or secrets. */
struct nc_audit {
    const char *action; /* "login", "room.create", "member.ban" … stable ids */
    bool ok;
    struct nc_str who;     /* username, or empty */
    struct nc_str target;  /* what it was done to, or empty */
    struct nc_str address; /* peer, or empty */
    struct nc_str detail;  /* short, e.g. the reason of a refusal; or empty */
};

struct nc_chat_opts {
    struct nc_loop *loop;
    struct nc_store *store;
    struct nc_keyring *ring;
    struct nc_pool *hashers; /* Argon2id runs here; its queue is the bound.  Free it before
                                the store is closed, and set it to NULL here */
    bool cheap_passwords;    /* --password-cost test */
    enum nc_registration registration;
    bool directory_open;
    struct nc_limits limits;
    struct nc_id node_id;          /* our node, `iss` of our tokens */
    struct nc_str public_url;      /* for invite links; empty: relative */
    struct nc_str owner_code;      /* empty: an owner exists or is made otherwise */
    void (*owner_made)(void *arg); /* the owner_code was used and is void; may be NULL */
    void *owner_arg;
    /* Is it an access token of a node that we trust as ourselves?  Asked where no key of
     * ours fits; as nc_jwt_verify.  NULL: there is none. */
    enum nc_jwt_why (*others)(void *arg, struct nc_str token, uint64_t now_ms,
                              unsigned leeway_s, struct nc_jwt *out);
    void *others_arg;
    void (*audit)(void *arg, const struct nc_audit *a);
    void *audit_arg;
};

struct nc_chat {
    struct nc_chat_opts opts;
    struct nc_hub *hub;
    struct nc_hlc clock;
    struct nc_map users_by_id;   /* struct nc_user; deleted ones too */
    struct nc_map users_by_name; /* without the deleted ones */
    struct nc_map rooms;         /* struct nc_room, hidden ones too */
    struct nc_list observers;    /* struct nc_observer */
    struct nc_people *people;    /* chat/people/people.c: sessions, throttles, tickets */
    struct nc_rooms *talk;       /* chat/talk/message.c: pending sends, commands */
    struct nc_merges *merges;    /* chat/merge.c: how far other nodes' logs are here */
    struct nc_user
        *default_persona;  /* joins new rooms of kind NC_ROOM; ai/ sets it; or NULL */
    struct nc_str room_ai; /* settings of a new room, JSON; ai/ sets it before the loop */
    uint64_t names; /* counts changes of usernames, and of what personas are called */
    /* Is somebody called so, besides their username?  ai/ sets it; or NULL. */
    bool (*name_held)(void *arg, struct nc_str name);
    void *name_held_arg;
    bool sends_stopped; /* disk below disk_free_min */
};

/* Reads people, rooms and memberships from the store (blocking, before the loop)
 * and brings unfinished generated messages to state failed.  NULL and a log
 * line when the store can't be read. */
struct nc_chat *nc_chat_new(const struct nc_chat_opts *opts);
void nc_chat_free(struct nc_chat *c); /* after the store was closed */
