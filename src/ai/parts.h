/*
 * ai/parts: what the files of ai/ share.
 */
#pragma once

#include "ai/ai.h"
#include "base/buf.h"

struct nc_fair;
struct nc_models;
struct nc_personas;
struct nc_usages;

#define NC_PERSONA_NAME "olga"
#define NC_ANSWERS_AT_ONCE 8   /* generations under way, on the whole node */
#define NC_ANSWERS_WAITING 256 /* questions that may wait for one */
#define NC_CONTEXT_MESSAGES 30
#define NC_CONTEXT_BYTES (24u << 10)

struct nc_ai {
    struct nc_ai_opts o;
    struct nc_models *models;
    struct nc_personas *personas;
    struct nc_usages *usages;
    struct nc_fair *fair; /* whose turn it is: questions in rooms, and of programs */
    struct nc_observer observer;
    struct nc_user *persona;       /* NULL until its account is durable */
    struct nc_user *owner_waiting; /* came before the first room was there */
    struct nc_list jobs;           /* struct nc_job, oldest first */
    struct nc_ai_stats stats;
    struct nc_map told; /* rooms that were told what is missing: struct nc_told */
    bool closing;
};

/* persona.c */
void nc_olga_ensure(struct nc_ai *ai);
/* Would it answer this at all: a person's words, in a room the persona is in? */
bool nc_olga_listens(const struct nc_ai *ai, const struct nc_room *r,
                     const struct nc_message *m);
/* Called by this message: mention, name, or any word in a dialog?  (A reply to the persona
 * calls too; that takes a look at the parent, in ai.c.) */
bool nc_olga_called(const struct nc_ai *ai, const struct nc_room *r,
                    const struct nc_message *m);

/* dispatch.c */
void nc_dispatch_ask(struct nc_ai *ai, struct nc_room *r, const struct nc_message *m);
void nc_dispatch_free(struct nc_ai *ai);
void nc_dispatch_room_gone(struct nc_ai *ai, const struct nc_room *r);
void nc_dispatch_message_gone(struct nc_ai *ai, const struct nc_id *message);
/* Show a listener what streams in its rooms; only one room's if `r` is given. */
void nc_dispatch_snapshots(struct nc_ai *ai, struct nc_listener *l,
                           const struct nc_room *r);

/* context.c: what the model is given to read. */
struct nc_context {
    struct nc_query query;
    struct nc_id persona, question;
    struct nc_buf text; /* all strings, offsets in `at` */
    struct nc_context_line {
        enum nc_llm_role role;
        size_t from, n;
    } line[NC_CONTEXT_MESSAGES];
    unsigned lines;
    unsigned omitted; /* of the page that was read */
    struct nc_buf system;
    struct nc_llm_message out[NC_CONTEXT_MESSAGES + 1];
};
/* Read the room's last messages up to the question; done on the loop, once. */
void nc_context_read(struct nc_chat *c, struct nc_context *x, const struct nc_room *r,
                     const struct nc_user *persona, const struct nc_id *question,
                     void (*done)(struct nc_query *q, enum nc_err e));
/* The messages for the model, the system prompt first; views into x.  Returns how many. */
size_t nc_context_messages(struct nc_context *x, const struct nc_room *r,
                           const struct nc_user *persona);
void nc_context_fini(struct nc_context *x);
