/*
 * client/model: what the servers have told us: rooms, messages, who is there.
 *
 * Pure: answers and events go in as JSON, the screen reads what is here.  Everything may
 * come twice and in any order across REST and the live channel.  Texts are cleaned when
 * they come in (client/glyph.h), so all of it can be shown as it is.
 *
 * Several servers tell of one conversation: `from` is which of them is speaking, from 0.
 * What one of them says stands in its own order, another may be behind: an event is taken
 * once, by its event_id, and a message never becomes what it was before.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/id.h"
#include "client/model_ai.h"
#include "client/origins.h"

#define NC_MODEL_ORPHANS 64
#define NC_MODEL_KEEP 2000                 /* messages of a room that is not looked at */
#define NC_MODEL_MOST (10 * NC_MODEL_KEEP) /* of one that is */
#define NC_MODEL_SERVERS 8

enum nc_sender_kind { NC_SENDER_USER, NC_SENDER_PERSONA, NC_SENDER_SYSTEM };
enum nc_text_kind { NC_TEXT_PLAIN, NC_TEXT_ACTION, NC_TEXT_NOTICE, NC_TEXT_LOCAL };
enum nc_text_state {
    NC_ANSWER_COMPLETE,
    NC_ANSWER_STREAMING,
    NC_ANSWER_STOPPED,
    NC_ANSWER_FAILED
};

struct nc_model_message {
    struct nc_id id, sender, reply_to, client_id; /* the last: of one's own, or zero */
    char *username, *display;
    enum nc_sender_kind sender_kind;
    enum nc_text_kind kind;
    enum nc_text_state state;
    uint64_t created_ms, edited_ms; /* edited_ms 0: never */
    unsigned from;                  /* who told it last */
    struct nc_buf text;
    size_t at; /* bytes of text as the server counts them: what `at` of a delta must be */
    struct nc_buf reasoning; /* as far as it was seen: it is not kept anywhere */
    int64_t
        run;   /* which of its answers is the newest: a higher one replaces what is shown */
    int64_t n; /* of the last delta; -1: none yet */
    unsigned alternatives, chosen; /* answers there are; the one that is shown, from 0 */
    struct nc_model_ai ai;
    bool edited, deleted, late, mentions_me, mine;
    bool gap; /* a delta was missed: what is shown stands still until a snapshot or the end
               */
};

struct nc_model_typist {
    char *name;
    struct nc_id user;
    uint64_t until_ms;
};

struct nc_model_room {
    struct nc_id id;
    unsigned servers; /* bits of those that hold it */
    char *name, *topic, *kind, *role;
    char *peer; /* username of the other one in a direct room; NULL elsewhere */
    bool is_public;
    unsigned members_count, unread, mentions;
    struct nc_model_message **messages; /* by id, rising */
    size_t n, cap;
    bool loaded;               /* the newest page is here */
    unsigned paged;            /* bits: from them */
    unsigned loading;          /* bits: a page of theirs is on its way: the caller's */
    bool has_more;             /* older ones exist */
    bool answered;             /* some of `loading` have come */
    struct nc_id floor;        /* below it somebody has more; zero: nobody */
    struct nc_id first_unread; /* where the line "new" stands; zero: nowhere */
    struct nc_id read;         /* newest one told as read: the caller's */
    bool behind; /* and something came whole behind it: it is to be told again */
    struct nc_model_typist *typists;
    size_t typists_n;
    char **people; /* usernames seen here: for completion */
    size_t people_n;
    bool *here; /* beside people: online */
    bool people_loaded;
    bool ai_loading, ai_again; /* GET /rooms/{id} is under way: the caller's */
    struct nc_model_room_ai ai;
};

struct nc_model {
    struct nc_model_me {
        struct nc_id id;
        char *username; /* NULL: nobody there */
    } me[NC_MODEL_SERVERS];
    struct nc_origins origins;    /* events that were taken */
    struct nc_model_room **rooms; /* as they are shown: rooms, then direct ones, by name */
    size_t n, cap;
    /* Answers that grow, of which only deltas have come: their messages are yet to. */
    struct nc_model_message **orphans;
    size_t orphans_n;
};

void nc_model_fini(struct nc_model *m);
void nc_model_me(struct nc_model *m, unsigned from, const struct nc_id *id,
                 const char *username);
const char *nc_model_username(const struct nc_model *m); /* of the first; may be "" */
/* Nobody any more there: what it alone held goes. */
void nc_model_leave(struct nc_model *m, unsigned from);

struct nc_model_room *nc_model_room(const struct nc_model *m, const struct nc_id *id);
/* By id, name (case folded) or "@username" for a direct one; NULL if none, or if the name
 * is not unique (*ambiguous). */
struct nc_model_room *nc_model_find(const struct nc_model *m, struct nc_str name,
                                    bool *ambiguous);
struct nc_model_message *nc_model_message(const struct nc_model_room *r,
                                          const struct nc_id *id);

/* GET /rooms: what is not in it any more, nor with another server, goes. */
void nc_model_take_rooms(struct nc_model *m, unsigned from, const json_t *rooms);
/* One room object, of an answer or an event; NULL if it is none. */
struct nc_model_room *nc_model_take_room(struct nc_model *m, unsigned from,
                                         const json_t *room);
/* Another room of another server is called the same. */
bool nc_model_same_name(const struct nc_model *m, const struct nc_model_room *r);
void nc_model_drop_room(struct nc_model *m, const struct nc_id *id);
/* GET …/messages. `older`: asked with before=, so has_more is about the past.  Of what
 * several servers have, only that is kept below which all of them were asked. */
void nc_model_take_page(struct nc_model *m, unsigned from, struct nc_model_room *r,
                        const json_t *answer, bool older);
void nc_model_forget(
    struct nc_model_room *r); /* its messages: they are to be asked for anew */
/* GET …/members */
void nc_model_take_members(struct nc_model_room *r, const json_t *members);

/* What an event changed. */
enum {
    NC_CHANGED_ROOMS = 1,    /* names, counts */
    NC_CHANGED_MESSAGES = 2, /* of *room */
    NC_CHANGED_STATUS = 4,   /* typing, presence */
    NC_CHANGED_MENTION = 8,  /* somebody called us */
    NC_CHANGED_ASK = 16,     /* a room we don't know: GET /rooms */
    NC_CHANGED_AI = 32,      /* who answers in *room, and where: GET /rooms/{id} */
};
/*
 * One event of the live channel.
 *
 * seen: the room one is looking at (its new messages are not unread), or NULL.
 * room: out, the room it was about, or NULL.
 */
unsigned nc_model_event(struct nc_model *m, unsigned from, const json_t *event,
                        uint64_t now_ms, const struct nc_model_room *seen,
                        struct nc_model_room **room);

/* Looked at: nothing is unread.  False if there was nothing to tell the server. */
bool nc_model_read(struct nc_model_room *r);
/* A line of our own, or a notice: only here, at the end. */
void nc_model_say(struct nc_model_room *r, struct nc_str text);
/* Who types now, as "a, b"; also forgets those who have stopped.  False if nobody. */
bool nc_model_typing(struct nc_model_room *r, uint64_t now_ms, struct nc_buf *out);
unsigned nc_model_online(const struct nc_model_room *r);
/* One's newest message that can be edited, or NULL. */
struct nc_model_message *nc_model_last_own(const struct nc_model_room *r);
/* The newest answer that still grows, or NULL. */
struct nc_model_message *nc_model_running(const struct nc_model_room *r);
/* The newest answer of a persona that has ended, or NULL. */
struct nc_model_message *nc_model_last_answer(const struct nc_model_room *r);
