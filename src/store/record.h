/*
 * store/record: the things that are kept, as plain structs.
 *
 * Shared vocabulary of the store and of chat.  Strings are borrowed views;
 * whoever hands a record over says how long they live.  Numbers in enums are
 * on disk: append only, never renumber.
 */
#pragma once

#include "base/id.h"

enum nc_account_kind { NC_PERSON = 0, NC_PERSONA = 1, NC_SYSTEM = 2 };
enum nc_account_role { NC_ROLE_USER = 0, NC_ROLE_ADMIN = 1, NC_ROLE_OWNER = 2 };

struct nc_account {
    struct nc_id id;
    enum nc_account_kind kind;
    enum nc_account_role role;
    bool disabled, deleted;
    struct nc_str username, display_name;
    struct nc_str password; /* "$argon2id$…"; empty where reads don't give it */
    uint64_t created_ms;
};

/* One login on one device.  `generation` is that of its newest refresh token;
 * the id is the token family and the access tokens' `sid`. */
struct nc_session {
    struct nc_id id, user;
    uint64_t generation;
    uint64_t spent, spent_ms; /* the one that was given for it, and when first; 0: none */
    struct nc_str device, address; /* User-Agent; where it was last used from */
    uint64_t created_ms, used_ms, expires_ms;
    uint64_t ended_ms; /* 0 while it lives */
};

struct nc_key { /* "nck_…", kept as SHA-256 only */
    struct nc_id id, user;
    uint8_t hash[32];
    struct nc_str name, scopes;               /* scopes: space-separated */
    uint64_t created_ms, used_ms, expires_ms; /* expires 0: never */
    /* What it may ask of models in a day (UTC); 0: as much as its owner. */
    uint64_t tokens_per_day, requests_per_day;
};

struct nc_invite {
    struct nc_id id, by, room; /* room: joined on use, or zero */
    uint8_t hash[32];          /* SHA-256 of the code */
    struct nc_str code;        /* kept so that its maker can show the link again */
    uint32_t uses_left;
    uint64_t created_ms, expires_ms;
};

enum nc_room_kind { NC_ROOM = 0, NC_DIRECT = 1, NC_DIALOG = 2 };
enum nc_visibility { NC_PRIVATE = 0, NC_PUBLIC = 1 };

struct nc_room_rec {
    struct nc_id id, created_by;
    enum nc_room_kind kind;
    enum nc_visibility visibility;
    struct nc_str name, topic;
    uint64_t created_ms;
    uint64_t deleted_ms;      /* hidden since; erased 7 days later; 0: alive */
    uint32_t retention_days;  /* 0: for ever */
    struct nc_str settings;   /* JSON object of room settings that only some layer reads */
    struct nc_str encryption; /* empty: none; reserved: "mls" */
    struct nc_id home;        /* reserved: node that orders the handshakes */
    uint64_t epoch;           /* reserved */
};

enum nc_member_role { NC_MEMBER = 0, NC_MODERATOR = 1, NC_OWNER = 2 };

struct nc_member_rec {
    struct nc_id room, user;
    enum nc_member_role role;
    uint64_t joined_ms;
    uint64_t joined_seq;  /* log position of the join; set by the store */
    struct nc_id read_id; /* read marker: message id … */
    uint64_t read_seq;    /* … and log position when it was set */
    uint64_t cleared_seq; /* messages at or below it are hidden from this member (/clear) */
};

struct nc_ban {
    struct nc_id room, user, by;
    uint64_t created_ms, until_ms; /* until 0: for ever */
};

enum nc_message_kind { NC_TEXT = 0, NC_ACTION = 1, NC_NOTICE = 2 };
enum nc_message_state { NC_COMPLETE = 0, NC_STREAMING = 1, NC_STOPPED = 2, NC_FAILED = 3 };

struct nc_message {
    struct nc_id id, room, sender;
    struct nc_id client_id; /* zero: none */
    struct nc_id reply_to;  /* zero: none */
    enum nc_message_kind kind;
    enum nc_message_state state;
    bool deleted, late;
    struct nc_str content_type; /* empty: text/plain; charset=utf-8 */
    struct nc_str body;
    struct nc_str mentions; /* usernames, space-separated */
    struct nc_str ai;       /* JSON object of the `ai` member, or empty */
    struct nc_str code;     /* NC_NOTICE: what it is about, for programs; or empty */
    uint64_t created_ms, edited_ms; /* edited 0: never */
    /* Of a generated answer: how many there are, the one shown counted; 0: just one.  The
     * row is always the chosen one, `chosen` counts from 0 and is its run. */
    uint32_t alternatives, chosen;
    uint64_t seq; /* log position of its message.created; set by the store */
    /* Filled by reads (joined), ignored by writes: */
    struct nc_str sender_name, sender_display;
    enum nc_account_kind sender_kind;
};

/* One of several answers to the same question: what the message shows when it is chosen. */
struct nc_alternative {
    struct nc_id message;
    uint32_t n;
    enum nc_message_state state;
    struct nc_str body, ai;
    uint64_t created_ms;
};

/* Where models are asked.  `settings` is a JSON object that only ai/ reads. */
struct nc_provider_rec {
    struct nc_id id;
    struct nc_str name;     /* unique */
    struct nc_str settings; /* kind, base_url, models … */
    struct nc_str secret;   /* the API key, sealed with the node's key file; or empty */
    uint64_t created_ms;
};

/* What makes an account of kind NC_PERSONA one: `settings` as above. */
struct nc_persona_rec {
    struct nc_id user;
    struct nc_str settings; /* aliases, system_prompt, model … */
    uint64_t created_ms;
};

enum nc_job_state {
    NC_JOB_QUEUED = 0,
    NC_JOB_RUNNING = 1,
    NC_JOB_DONE = 2,
    NC_JOB_STOPPED = 3,
    NC_JOB_FAILED = 4
};

/* A question for a persona on its way to an answer. */
struct nc_job_rec {
    struct nc_id id; /* its order in the queue */
    enum nc_job_state state;
    struct nc_id room, question, asker, persona;
    struct nc_id message; /* the answer; zero until it has begun */
    uint32_t depth;       /* turns between personas before it */
    uint32_t tries;       /* requests made upstream so far */
    bool again;           /* regenerate: `message` was there already */
    struct nc_str model;  /* what is asked, "provider/model", once that is known */
    struct nc_str reason; /* why it ended so; or empty */
    struct nc_str code;   /* the same for programs; or empty */
    uint64_t created_ms, started_ms, ended_ms; /* 0: not yet */
};

/* What was used, added up per day and all the names beside it. */
struct nc_usage {
    uint32_t day;         /* since 1970, UTC */
    struct nc_id user;    /* who asked */
    struct nc_id room;    /* zero: by the API */
    struct nc_id persona; /* zero: by the API */
    struct nc_id key;     /* the API key; zero: none */
    struct nc_str provider, model;
    uint64_t requests, prompt_tokens, completion_tokens;
    uint64_t estimated; /* of the tokens: those the provider did not count */
};

/* What a log row says happened.  The wire's event names in comments; kinds
 * without one are for other nodes and are not shown to clients. */
enum nc_event_kind {
    NC_EV_NONE = 0,
    NC_EV_MESSAGE_CREATED = 1,   /* message.created    ref: message */
    NC_EV_MESSAGE_UPDATED = 2,   /* message.updated    ref: message */
    NC_EV_MESSAGE_DELETED = 3,   /* message.deleted    ref: message */
    NC_EV_MESSAGE_COMPLETED = 4, /* message.completed  ref: message */
    NC_EV_ROOM_CREATED = 5,  /* room.created       ref: room, actor: maker, reason: kind */
    NC_EV_ROOM_UPDATED = 6,  /* room.updated       ref: room */
    NC_EV_ROOM_DELETED = 7,  /* room.deleted       ref: room */
    NC_EV_MEMBER_JOINED = 8, /* member.joined      ref: room, subject: user */
    NC_EV_MEMBER_LEFT = 9,   /* member.left        ref: room, subject: user, reason */
    NC_EV_MEMBER_UPDATED = 10, /* member.updated     ref: room, subject: user */
    NC_EV_READ = 11,           /* read               ref: room, subject: user */
    NC_EV_BAN_SET = 12,
    NC_EV_BAN_DELETED = 13,
    NC_EV_ACCOUNT_CREATED = 14, /*                    subject: user */
    NC_EV_ACCOUNT_UPDATED = 15,
    NC_EV_ACCOUNT_DELETED = 16,
    NC_EV_SESSION_ENDED = 17, /*                    ref: session, subject: user */
    NC_EV_KEY_SET = 18,
    NC_EV_KEY_DELETED = 19,
    NC_EV_INVITE_SET = 20,
    NC_EV_INVITE_DELETED = 21,
    NC_EV_MLS_COMMIT = 22,  /* reserved: accepted only with expect_epoch */
    NC_EV_MLS_WELCOME = 23, /* reserved: audience device */
    NC_EV_PERSONA_SET = 24, /*                    subject: its account */
    NC_EV_PERSONA_DELETED = 25,
};

enum nc_audience { NC_AUD_ADMINS = 0, NC_AUD_ROOM = 1, NC_AUD_USER = 2, NC_AUD_DEVICE = 3 };

/* Why a member left (enum nc_event.reason). */
enum nc_left_reason { NC_LEFT = 0, NC_KICKED = 1, NC_BANNED = 2, NC_ACCOUNT_GONE = 3 };

/* Why a message was deleted (enum nc_event.reason): by somebody; because it is the same as
 * another one, the event's subject; because that is another answer to the same question,
 * and stays.  In the latter two it has no row any more, and its id resolves to that one. */
enum nc_deleted_reason { NC_DELETED = 0, NC_DELETED_DUPLICATE = 1, NC_DELETED_ANOTHER = 2 };

/* One row of the event log: what, who may hear of it, what it points to; never text. */
struct nc_event {
    uint64_t seq;        /* local position, gap-free; set by the store */
    struct nc_id origin; /* the log incarnation that made it; zero on writes: this one */
    uint64_t origin_seq; /* gap-free per origin; set by the store for its own */
    uint64_t hlc;
    enum nc_event_kind kind;
    enum nc_audience audience;
    struct nc_id to; /* room, user or device of the audience */
    struct nc_id ref, subject, actor;
    uint32_t reason;
    uint8_t body_hash[32]; /* SHA-256 of the content it announces (state.h), set by the
                              store for its own; zero where there is none */
};

/* What is left of log rows so that others can check what stayed: made by their origin,
 * kept as it came.  The bytes are mesh/'s. */
struct nc_segment {
    struct nc_id origin;
    uint64_t first; /* origin_seq of the first of n rows */
    uint32_t n;
    struct nc_str hashes;    /* 32 bytes a row */
    struct nc_str chain;     /* the head of the origin's chain behind the last; or empty */
    struct nc_str signature; /* 64 bytes */
};
