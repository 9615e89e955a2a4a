/*
 * ai/personas: who the AI people of this node are.
 *
 * A persona is an account of kind NC_PERSONA with settings beside it.  Held in memory,
 * changed after the commit.  Loop thread only.
 */
#pragma once

#include <jansson.h>

#include "chat/people/people.h"

struct nc_personas;

#define NC_FALLBACKS_MAX 8

enum nc_who_may_ask { NC_ASK_EVERYONE, NC_ASK_MODERATORS, NC_ASK_OWNERS, NC_ASK_LISTED };

struct nc_persona {
    struct nc_user *user;
    struct nc_str *names; /* display name first, then the aliases; folded by ai/asked */
    size_t names_n;
    struct nc_str system_prompt; /* empty: the node's own words */
    struct nc_str model;         /* "provider/model", "model", or empty: the default */
    struct nc_str *fallbacks;    /* asked next, in order */
    size_t fallbacks_n;
    double temperature;        /* negative: not said */
    unsigned max_tokens;       /* 0: not said */
    unsigned context_messages; /* at most; 1..500 */
    unsigned context_tokens;   /* at most, with the prompt; 256..2000000 */
    enum nc_who_may_ask who_may_ask;
    struct nc_id *listed; /* users, with NC_ASK_LISTED */
    size_t listed_n;
    /* Of personas.c: */
    struct nc_list node;
    json_t *root; /* what the views are of */
    struct nc_personas *of;
    /* Of persona_names.c: */
    struct nc_id *taken; /* by names: who had it first and is called so instead; or zero */
    char *told;          /* what the log was told of that; or NULL */
};

/* Reads them (blocking, before the loop) and makes sure of the first one, Ольга / Olga,
 * and of a first room.  NULL: logged. */
struct nc_personas *nc_personas_new(struct nc_chat *c, struct nc_loop *l);
void nc_personas_free(struct nc_personas *p); /* NULL is fine */
/* The node's owner has come: the first room becomes theirs. */
void nc_personas_owner(struct nc_personas *p, struct nc_user *owner);
/* The node has just joined its first other one, which has rooms: its own first room goes,
 * if nobody has been in it. */
void nc_personas_joined(struct nc_personas *p);

/* Good until something is deleted or changed: across turns of the loop keep the user's id
 * and look again. */
struct nc_persona *nc_persona_of(const struct nc_personas *p, const struct nc_user *u);
struct nc_persona *nc_persona_find(const struct nc_personas *p, const struct nc_id *user);
/* Oldest first.  *at starts as NULL; NULL at the end. */
struct nc_persona *nc_persona_next(const struct nc_personas *p, struct nc_persona *at);

/* Who is called by names[i] instead, having had it first; NULL: it is. */
const struct nc_user *nc_persona_taken(const struct nc_persona *p, size_t i);

/* May this person ask it here?  Otherwise *why in words. */
bool nc_persona_may_ask(const struct nc_persona *p, const struct nc_room *r,
                        const struct nc_user *asker, struct nc_problem *why);
/* Called by this message: mention, name, or any word in a dialog?  (A reply to it calls
 * too; that takes a look at the parent, in ai.c.)  Whether it listens at all (a member,
 * AI allowed, kind text) is for nc_persona_listens. */
bool nc_persona_listens(const struct nc_persona *p, const struct nc_room *r,
                        const struct nc_message *m);
bool nc_persona_called(const struct nc_persona *p, const struct nc_room *r,
                       const struct nc_message *m);

/* Somebody has come, who may have the name of one. */
void nc_personas_met(struct nc_personas *p);
/* Another node set it, or (NULL) ended it. */
void nc_personas_follow(struct nc_personas *p, struct nc_user *u,
                        const struct nc_persona_rec *rec);

/* ---- the calls (server/routes_personas.c) ------------------------------------------ */
/* {id, username, display_name, aliases, model, who_may_ask, is_default}; for admins also
 * system_prompt, fallbacks, temperature, max_tokens, context:{messages, tokens}. */
void nc_personas_list(struct nc_personas *p, const struct nc_actor *who, nc_json_fn *done,
                      void *arg);
void nc_personas_add(struct nc_personas *p, const struct nc_actor *who, json_t *body,
                     nc_json_fn *done, void *arg);
void nc_personas_patch(struct nc_personas *p, const struct nc_actor *who,
                       const struct nc_id *id, json_t *body, nc_json_fn *done, void *arg);
void nc_personas_delete(struct nc_personas *p, const struct nc_actor *who,
                        const struct nc_id *id, nc_done_fn *done, void *arg);
