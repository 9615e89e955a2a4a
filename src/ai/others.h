/*
 * ai/others: what the files about several nodes share.
 *
 * away.c a question of ours that another node may answer · helping.c one of another's that
 * we may · watch.c questions whose node has gone · growing.c answers that grow elsewhere ·
 * able.c who has a model · twins.c two answers to one question · stop_mesh.c stopping ·
 * mesh.c the rest
 */
#pragma once

#include <jansson.h>

#include "ai/mesh.h"
#include "ai/parts.h"
#include "chat/live/hub.h"
#include "wire/json.h"

struct nc_job;

#define NC_GONE_MS (30u * 1000)       /* after that another node stands in */
#define NC_YOUNG_MS (10u * 60 * 1000) /* older questions are nobody's business any more */

struct nc_others {
    struct nc_ai *ai;
    struct nc_ai_mesh mesh;
    char *name;
    struct nc_list watched; /* struct nc_watched, oldest first (watch.c) */
    unsigned watched_n;
    struct nc_list growing; /* struct nc_growing (growing.c) */
    unsigned growing_n;
    struct nc_hub_tap tap;   /* their deltas */
    struct nc_deadline tick; /* looks at both while there are any */
    unsigned helping;        /* look-ups under way (helping.c) */
    uint64_t told_ms;        /* mono: when a line was written of what was not taken */
    struct nc_list twins;    /* answers to be looked at (twins.c) */
    unsigned twins_n;
    bool comparing;
    struct nc_list able; /* struct able: personas that others can ask (able.c) */
    unsigned able_n;
    struct nc_deadline able_due;
    struct nc_list stops, asked; /* stop_mesh.c: what others are asked, and ask */
    uint64_t stop_no;
};

/* ---- mesh.c ------------------------------------------------------------------------ */

bool nc_others_any(const struct nc_ai *ai);      /* is any node pinned? */
unsigned nc_others_here(const struct nc_ai *ai); /* how many of them are here */
uint64_t nc_others_gone_ms(const struct nc_ai *ai, const struct nc_id *which);
/* Of the nodes that are here (or were, until just now) and this one, is this the first for
 * that thing?  All that see the same nodes name the same one. */
bool nc_others_first(const struct nc_ai *ai, const struct nc_id *thing);
uint64_t nc_others_ms(const struct nc_ai *ai, uint64_t ms); /* at our pace */
/* Begin a word; it is said, and gone, with nc_others_say. */
struct nc_json nc_others_word(struct nc_buf *b, const char *type);
void nc_others_say(struct nc_ai *ai, const struct nc_id *to, struct nc_buf *b);
void nc_others_tick(struct nc_ai *ai);  /* there is something to look at */
void nc_others_quiet(struct nc_ai *ai); /* the node is going */
void nc_others_free(struct nc_ai *ai);  /* fine where there are none */

/* An event of another node. */
void nc_others_merged(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m,
                      const struct nc_event *ev);
/* A persona has answered, here or elsewhere. */
void nc_others_answered(struct nc_ai *ai, const struct nc_message *m);
void nc_others_deleted(struct nc_ai *ai, const struct nc_id *message);

/* What an answer says of itself (its `ai`). */
struct nc_made {
    struct nc_id job; /* that made the message; zero: an older version's */
    struct nc_id question;
    char asked_by[40]; /* username */
};
bool nc_made_of(const struct nc_message *m, struct nc_made *out); /* false: no answer */

/* ---- away.c ------------------------------------------------------------------------ */

/* It waits: must others be asked?  Then they are. */
void nc_away_look(struct nc_job *j);
/* It may not start here: others are being asked, or one of them has it. */
bool nc_away_holds(const struct nc_job *j);
void nc_away_end(struct nc_job *j); /* it begins here, or ends */
/* A node can (busy: later), has it already, or won't. */
void nc_away_can(struct nc_ai *ai, const struct nc_id *from, const json_t *word);
void nc_away_mine(struct nc_ai *ai, const struct nc_id *from, const json_t *word);
void nc_away_not(struct nc_ai *ai, const struct nc_id *from, const json_t *word);
/* An answer to that question, or the message's next, is here. */
void nc_away_answered(struct nc_ai *ai, const struct nc_message *m,
                      const struct nc_made *made);
/* Taken from another node's hands, or from before a restart: others may have it, so they
 * are asked first. */
void nc_away_ask_first(struct nc_job *j);

/* ---- helping.c --------------------------------------------------------------------- */

void nc_help(struct nc_ai *ai, const struct nc_id *from, const json_t *word, bool ours);
/* A job that was given to us ended before it began. */
void nc_help_ended(struct nc_job *j);

/* ---- able.c ------------------------------------------------------------------------ */

void nc_able_soon(struct nc_ai *ai); /* our models may have changed */
void nc_able_heard(struct nc_ai *ai, const struct nc_id *from, const json_t *word);
/* A node that is here can ask a model for that persona, in a room that lets text go so far:
 * which, and how far away from here that is. */
bool nc_able_elsewhere(const struct nc_ai *ai, const struct nc_id *persona,
                       enum nc_destination furthest, struct nc_str *model,
                       enum nc_destination *destination);
void nc_able_free(struct nc_ai *ai);

/* ---- watch.c ----------------------------------------------------------------------- */

/* Somebody has asked a persona at another node. */
void nc_watch(struct nc_ai *ai, const struct nc_id *origin, struct nc_room *r,
              const struct nc_persona *p, const struct nc_message *m,
              const struct nc_user *asker);
bool nc_watch_look(struct nc_ai *ai); /* every second; false: there are none */
void nc_watch_answered(struct nc_ai *ai, const struct nc_id *question,
                       const struct nc_id *persona);
void nc_watch_deleted(struct nc_ai *ai, const struct nc_id *question);
void nc_watch_free(struct nc_ai *ai);

/* ---- growing.c --------------------------------------------------------------------- */

void nc_growing_open(struct nc_ai *ai);
void nc_growing_merged(struct nc_ai *ai, const struct nc_message *m,
                       const struct nc_made *made, const struct nc_event *ev);
void nc_growing_gone(struct nc_ai *ai, const struct nc_id *message);
bool nc_growing_look(struct nc_ai *ai); /* every second; false: there are none */
void nc_growing_snapshots(struct nc_ai *ai, struct nc_listener *l, const struct nc_room *r);
/* How many of them in a room somebody may stop. */
unsigned nc_growing_count(struct nc_ai *ai, const struct nc_room *r,
                          const struct nc_actor *who);
void nc_growing_free(struct nc_ai *ai);

/* ---- twins.c ----------------------------------------------------------------------- */

void nc_twins_look(struct nc_ai *ai, const struct nc_message *m,
                   const struct nc_made *made);
/* An answer of ours is whole, and theirs had come before; zero: none had. */
void nc_twins_ended(struct nc_ai *ai, const struct nc_id *theirs);
void nc_twins_free(struct nc_ai *ai);

/* ---- stop_mesh.c ------------------------------------------------------------------- */

/* nc_ai_stop here and at all others that are here. */
void nc_stop_with_others(struct nc_ai *ai, const struct nc_actor *who,
                         const struct nc_id *message, nc_done_fn *done, void *arg);
void nc_stop_room_with_others(struct nc_ai *ai, const struct nc_actor *who,
                              const struct nc_room *r);
void nc_stop_asked(struct nc_ai *ai, const struct nc_id *from, const json_t *word);
void nc_stop_room_asked(struct nc_ai *ai, const json_t *word);
void nc_stop_done(struct nc_ai *ai, const json_t *word);
void nc_stops_free(struct nc_ai *ai);
