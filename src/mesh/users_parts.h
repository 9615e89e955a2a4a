/*
 * mesh/users_parts: what the files about people over MQTT share.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vector.h"
#include "chat/live/hub.h"
#include "chat/observer.h"
#include "loop/loop.h"
#include "mesh/brokers.h"
#include "mesh/hold.h"
#include "mesh/users.h"
#include "mesh/users_stamps.h"
#include "wire/json.h"
#include "wire/json_in.h"
#include "wire/topic.h"

struct nc_user_doc;
struct nc_user_replay;
struct nc_user_told;

#define NC_PEERS_MAX 64
/* Events at one broker without its acknowledgement: what nodes tell each other by the same
 * link waits no longer than these take.  Pages of the log may be as many more. */
#define NC_RENDER_UNDER_WAY 256u

/* What one broker has been told of the log, and what is on its way. */
struct nc_user_render {
    enum {
        NC_RENDER_OFF,     /* no link, or another node does it there */
        NC_RENDER_ASKING,  /* a page of the log is being read */
        NC_RENDER_STALLED, /* until the link has room */
        NC_RENDER_LIVE     /* events come from the tap */
    } state;
    bool placed;      /* since it came up this time: where it is has been found out */
    bool known;       /* pos means something */
    uint64_t pos;     /* log position up to which all was handed over */
    uint64_t came_at; /* the log's head when it came up */
    uint64_t base;    /* live: up to there it came from the log */
    uint64_t next;    /* live: in users->tells */
    bool full;        /* the link was; it says when it isn't */
    struct nc_user_replay *asking;
    /* Handed over and not acknowledged, oldest first; the first has tag `first`. */
    struct nc_user_sent *sent;
    uint32_t sent_at, sent_n, sent_cap;
    uint64_t first;
    uint64_t acked;         /* log position up to which the broker says it has all */
    struct nc_vector *have; /* the same by origin (their short ids); others' told, too */
    /* n/<self>/rendered: what the broker said it keeps, what we told it last. */
    uint64_t kept, kept_ms; /* log position, 0: none of ours; wall time it was written */
    bool kept_foreign;      /* of another log: the database was restored */
    bool others;            /* another node's was seen */
    uint64_t told;          /* log position of the mark that was told last */
    struct nc_deadline tell, again;
    size_t resync_at; /* place in chat->rooms while rooms are told of a resync */
    bool resyncing;
};

/* One broker. */
struct nc_user_end {
    struct nc_list node; /* in users->ends */
    struct nc_users *users;
    struct nc_link *link;
    uint64_t via; /* hash of its URL: the same after a restart */
    bool up;
    bool ready;                 /* what it keeps for us has come */
    uint64_t nonce;             /* of the mark that says so */
    struct nc_deadline barrier; /* or this time */
    struct nc_id peers[NC_PEERS_MAX];
    unsigned peers_n;
    struct nc_user_render render;
    struct nc_user_doc *doc; /* the next to be told; NULL: all are */
    struct nc_list answers;  /* struct nc_user_answer that wait for room */
    size_t answers_bytes;

    /* users_here.c */
    struct nc_map guests; /* user id: who says by this broker that they are here */
    struct nc_deadline look;
};

/* What is told and has not been handed over to every broker that is live, in order. */
struct nc_user_tells {
    struct nc_user_told **ring; /* of cap, a power of two */
    uint64_t first, end;        /* numbers, counted since the start */
    size_t cap, bytes;
    struct nc_task turn_end;
};

struct nc_users {
    struct nc_users_opts o;
    struct nc_chat *chat;
    char *root_z, *name;
    struct nc_str root;
    struct nc_id self;
    struct nc_brokers_hook hook;
    struct nc_hub_tap tap;
    struct nc_observer observer;
    struct nc_list ends; /* struct nc_user_end */
    struct nc_list late; /* struct nc_user_answer whose broker is not there yet */
    unsigned late_n;
    bool stopped;
    struct nc_users_stats stats;
    struct nc_buf topic, json; /* scratch */
    struct nc_task resume;     /* brokers that wait for the next turn */
    struct nc_user_tells tells;

    /* users_send.c */
    struct nc_hold *hold;
    struct nc_list holding; /* struct nc_held that others are to store, oldest first */
    struct nc_deadline overdue;

    /* users_say.c */
    struct nc_map lanes; /* user name: what they sent, in order */
    unsigned running;    /* calls into chat that have not answered */

    /* users_live.c */
    struct nc_map streams; /* message id: an answer that grows */
    struct nc_deadline snapshots;

    /* users_docs.c */
    struct nc_stamps *stamps;
    struct nc_map docs;    /* kind ‖ id: struct nc_user_doc */
    struct nc_list told;   /* struct nc_user_doc with a stamp, by when it changed */
    struct nc_list dirty;  /* to be looked at again */
    struct nc_list unread; /* of users: keys and sessions are to be read first */
    unsigned reading;
    struct nc_deadline settle; /* large rooms that changed lately */
    struct nc_list settling;
    struct nc_task look;
};

/* ---- users.c -------------------------------------------------------------- */

/* Publishes below the root; tag of events only.  As nc_link_publish. */
NC_MUSTUSE enum nc_err nc_users_publish(struct nc_user_end *e, const struct nc_mqtt_out *m);
/* n/<self>/<rest> */
struct nc_str nc_users_own_topic(struct nc_users *u, struct nc_str rest);
void nc_users_soon(struct nc_users *u); /* go on with every broker in the next turn */

/* ---- users_nodes.c -------------------------------------------------------- */

bool nc_users_alone(const struct nc_user_end *e); /* no other node of ours is there */
bool nc_users_first(const struct nc_user_end *e, const struct nc_id *room);
bool nc_users_lowest(const struct nc_user_end *e); /* it is we who render there */
#define NC_USERS_GONE NC_STR("gone")               /* the will in n/<self>/here */
/* n/<self>/here; leaving: the last word. */
void nc_users_say_here(struct nc_user_end *e, bool leaving);
/* What is kept for us comes before a mark that is asked for after it. */
void nc_users_ask_mark(struct nc_user_end *e);
void nc_users_no_mark(struct nc_deadline *d); /* of e->barrier */
void nc_users_on_node(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                      const struct nc_mqtt_in *m);

/* ---- users_answer.c ------------------------------------------------------- */

/* Into the inbox of a user at that broker; NULL: the one of hash `via`.  What can't be sent
 * now waits, bounded. */
void nc_users_answer(struct nc_users *u, struct nc_user_end *e, uint64_t via,
                     struct nc_str user, struct nc_str json);
/* A broker takes answers more slowly than they come: nothing more is said for now. */
bool nc_users_clogged(const struct nc_users *u);
void nc_users_answers_give(struct nc_user_end *e); /* as many as go */
void nc_users_answers_late(struct nc_user_end *e); /* those that waited for this broker */
void nc_users_answers_free(struct nc_list *answers);

/* ---- users_send.c --------------------------------------------------------- */

enum nc_err nc_users_send_open(struct nc_users *u);
void nc_users_send_close(struct nc_users *u);
void nc_users_took_in(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                      const struct nc_mqtt_in *m);
void nc_users_say_found(struct nc_users *u);    /* what was held when the node ended */
void nc_users_say_early(struct nc_user_end *e); /* it is known now who else is there */
/* Another node says that it has taken a message. */
void nc_users_taken(struct nc_users *u, struct nc_str payload);
void nc_users_stored(struct nc_users *u, const struct nc_message *m);

/* ---- users_say.c ---------------------------------------------------------- */

/* May they, at all?  What they may in the room, chat says.  NULL: there is no such person;
 * *why is set where they may not. */
struct nc_user *nc_users_sender(struct nc_users *u, struct nc_str name,
                                struct nc_problem *why);
/* Checking and parsing cost far more than sending did: it is counted. */
bool nc_users_may_parse(struct nc_users *u, struct nc_user *user, size_t bytes);
/* So much of theirs waits that these bytes find no room. */
bool nc_users_waits_too_much(struct nc_users *u, struct nc_str name, size_t bytes);
/* It is ours to say, when its turn comes. */
void nc_users_enter(struct nc_users *u, struct nc_held *d);
void nc_users_go_on_saying(struct nc_users *u); /* it isn't clogged any more */
void nc_users_lanes_free(struct nc_users *u);   /* nothing is being said any more */

/* ---- users_ask.c ---------------------------------------------------------- */

/* A frame for an inbox, its object open behind type and ref (JSON; empty: none). */
struct nc_json nc_users_frame(struct nc_buf *b, const char *type, struct nc_str ref);

/* What a payload wants.  Views live as long as `doc` and the payload. */
struct nc_user_wish {
    enum { NC_WISH_SEND, NC_WISH_HISTORY, NC_WISH_SNAPSHOT } kind;
    json_t *doc; /* NULL: bare text */
    struct nc_send send;
    struct nc_page page;
    struct nc_id snapshot;
    struct nc_buf ref; /* JSON, or empty */
};
/* client_id: of the user property; or zero.  NC_EINVAL: *why; *out is to be freed all the
 * same. */
NC_MUSTUSE enum nc_err nc_user_wish(struct nc_user_wish *out, struct nc_str payload,
                                    const struct nc_id *client_id, size_t text_max,
                                    struct nc_problem *why);
void nc_user_wish_fini(struct nc_user_wish *w);
/* What is not NC_WISH_SEND; answered by the broker of hash `via`. */
void nc_users_ask(struct nc_users *u, uint64_t via, struct nc_user *user,
                  struct nc_room *room, const struct nc_user_wish *w);
void nc_users_refuse(struct nc_users *u, struct nc_user_end *e, uint64_t via,
                     struct nc_str user, struct nc_str ref, const struct nc_problem *why);

/* ---- users_events.c ------------------------------------------------------- */

void nc_users_event(struct nc_hub_tap *tap, struct nc_topic *t, uint64_t seq,
                    const char *type, struct nc_str json);
void nc_users_fetched(struct nc_hub_tap *tap);
bool nc_users_hears(struct nc_hub_tap *tap);
/* Views of users->topic. */
struct nc_str nc_users_room_topic(struct nc_users *u, const struct nc_id *room,
                                  bool durable);
struct nc_str nc_users_inbox_topic(struct nc_users *u, const struct nc_user *user);
void nc_render_init(struct nc_user_end *e);
void nc_render_fini(struct nc_user_end *e);
void nc_render_begin(struct nc_user_end *e); /* ready; or who else is there changed */
void nc_render_up(struct nc_user_end *e);
void nc_render_stop(struct nc_user_end *e); /* the last mark of how far it is */
void nc_render_down(struct nc_user_end *e);
void nc_render_room(struct nc_user_end *e);
/* To a broker that is live; it may be so no longer afterwards. */
void nc_render_live(struct nc_user_end *e, struct nc_str topic, uint64_t seq,
                    struct nc_str json);
/* An ephemeral object to a room at every broker where we render. */
void nc_users_tell_room(struct nc_users *u, const struct nc_id *room, struct nc_str json);

/* ---- users_told.c --------------------------------------------------------- */

void nc_told_open(struct nc_users *u);
void nc_told_stop(
    struct nc_users *u); /* all that waits is handed over, as far as it goes */
void nc_told_close(struct nc_users *u);
/* To every broker that is live; copied.  seq 0: ephemeral. */
void nc_told_add(struct nc_users *u, struct nc_str topic, uint64_t seq, struct nc_str json);
void nc_told_soon(struct nc_users *u); /* a broker can take more */

/* ---- users_handed.c ------------------------------------------------------- */

/* An origin as event ids name it. */
struct nc_id nc_render_origin(const struct nc_id *origin);
/* NC_AGAIN, NC_ECLOSED: not now.  What no link will ever take is NC_OK. */
NC_MUSTUSE enum nc_err nc_render_hand_over(struct nc_user_end *e, struct nc_str topic,
                                           uint64_t seq, struct nc_str json);
void nc_render_acked(struct nc_user_end *e, uint64_t tag);
void nc_render_settle(struct nc_user_end *e); /* pos changed */
void nc_render_tell(struct nc_user_end *e);   /* n/<self>/rendered, if it isn't told */
/* What the broker keeps of how far it is.  node: NULL for our own mark. */
void nc_render_rendered(struct nc_user_end *e, const struct nc_id *node,
                        struct nc_str payload);

/* ---- users_replay.c ------------------------------------------------------- */

void nc_render_go_on(struct nc_user_end *e); /* from pos to the head, and live from there */
void nc_render_resync(struct nc_user_end *e); /* too far behind: the head it is */
void nc_render_resync_some(struct nc_user_end *e);
void nc_render_unask(struct nc_user_end *e); /* what is being read isn't wanted */

/* ---- users_here.c --------------------------------------------------------- */

void nc_here_init(struct nc_user_end *e);
void nc_here_fini(struct nc_user_end *e); /* nobody is here by that broker any more */
void nc_here_said(struct nc_user_end *e, struct nc_str name, struct nc_str payload);
void nc_here_up(struct nc_user_end *e, bool session_present);
void nc_here_down(struct nc_user_end *e);
/* It may have been renamed, disabled or deleted. */
void nc_here_account(struct nc_users *u, const struct nc_user *user);

/* ---- users_live.c --------------------------------------------------------- */

void nc_users_live_open(struct nc_users *u);
void nc_users_live_close(struct nc_users *u);
void nc_users_delta(struct nc_users *u, struct nc_str json);
void nc_users_grown(struct nc_users *u, struct nc_str json); /* completed or deleted */
/* The text so far of an answer that grows in that room, as `message.delta`s for which
 * tell() is called; false: it doesn't. */
bool nc_users_snapshot(struct nc_users *u, const struct nc_id *room,
                       const struct nc_id *message,
                       void (*tell)(void *arg, struct nc_str json), void *arg);

/* ---- users_docs.c --------------------------------------------------------- */

enum nc_err nc_users_docs_open(struct nc_users *u);
void nc_users_docs_close(struct nc_users *u);
void nc_users_docs_up(struct nc_user_end *e);   /* all are to be told there */
void nc_users_docs_pump(struct nc_user_end *e); /* as many as go */
void nc_users_doc_room(struct nc_users *u, const struct nc_room *r);
void nc_users_doc_user(struct nc_users *u, const struct nc_user *user);
void nc_users_doc_jwks(struct nc_users *u);
