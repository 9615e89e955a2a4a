/*
 * client/model: what one server has told us: rooms, messages, who is there.
 *
 * Pure: answers and events go in as JSON, the screen reads what is here.  Everything may
 * come twice and in any order across REST and the live channel.  Texts are cleaned when
 * they come in (client/glyph.h), so all of it can be shown as it is.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/id.h"
#include "client/model_ai.h"

#define NC_MODEL_ORPHANS 64
#define NC_MODEL_KEEP 2000                 /* messages of a room that is not looked at */
#define NC_MODEL_MOST (10 * NC_MODEL_KEEP) /* of one that is */

enum nc_sender_kind { NC_SENDER_USER, NC_SENDER_PERSONA, NC_SENDER_SYSTEM };
enum nc_text_kind { NC_TEXT_PLAIN, NC_TEXT_ACTION, NC_TEXT_NOTICE, NC_TEXT_LOCAL };
enum nc_text_state {
    NC_ANSWER_COMPLETE,
    NC_ANSWER_STREAMING,
    NC_ANSWER_STOPPED,
    NC_ANSWER_FAILED
};

struct nc_model_message {
    struct nc_id id, sender, reply_to;
    char *username, *display;
    enum nc_sender_kind sender_kind;
    enum nc_text_kind kind;
    enum nc_text_state state;
    uint64_t created_ms;
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
    char *name, *topic, *kind, *role;
    char *peer; /* username of the other one in a direct room; NULL elsewhere */
    bool is_public;
    unsigned members_count, unread, mentions;
    struct nc_model_message **messages; /* by id, rising */
    size_t n, cap;
    bool loaded;               /* the newest page is here */
    bool loading;              /* a page is on its way: the caller's */
    bool has_more;             /* older ones exist */
    struct nc_id first_unread; /* where the line "new" stands; zero: nowhere */
    struct nc_id read;         /* newest one told as read: the caller's */
    bool behind; /* and something came whole behind it: it is to be told again */
    struct nc_model_typist *typists;
    size_t typists_n;
    char **people; /* usernames seen here: for completion */
    size_t people_n;
    bool *here; /* beside people: online */
    bool people_loaded;
    bool listed;               /* in the last list of rooms */
    bool ai_loading, ai_again; /* GET /rooms/{id} is under way: the caller's */
    struct nc_model_room_ai ai;
};

struct nc_model {
    struct nc_id me;
    char *username;
    struct nc_model_room **rooms; /* as they are shown: rooms, then direct ones, by name */
    size_t n, cap;
    /* Answers that grow, of which only deltas have come: their messages are yet to. */
    struct nc_model_message **orphans;
    size_t orphans_n;
};

void nc_model_fini(struct nc_model *m);
void nc_model_me(struct nc_model *m, const struct nc_id *id, const char *username);

struct nc_model_room *nc_model_room(const struct nc_model *m, const struct nc_id *id);
/* By id, name (case folded) or "@username" for a direct one; NULL if none, or if the name
 * is not unique (*ambiguous). */
struct nc_model_room *nc_model_find(const struct nc_model *m, struct nc_str name,
                                    bool *ambiguous);
struct nc_model_message *nc_model_message(const struct nc_model_room *r,
                                          const struct nc_id *id);

/* GET /rooms: what is not in it any more goes. */
void nc_model_take_rooms(struct nc_model *m, const json_t *rooms);
/* One room object, of an answer or an event; NULL if it is none. */
struct nc_model_room *nc_model_take_room(struct nc_model *m, const json_t *room);
void nc_model_drop_room(struct nc_model *m, const struct nc_id *id);
/* GET …/messages. `older`: asked with before=, so has_more is about the past. */
void nc_model_take_page(struct nc_model *m, struct nc_model_room *r, const json_t *answer,
                        bool older);
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
unsigned nc_model_event(struct nc_model *m, const json_t *event, uint64_t now_ms,
                        const struct nc_model_room *seen, struct nc_model_room **room);

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
