/*
 * ai/personas_parts: what the files about personas share.
 */
#pragma once

#include "ai/asked.h"
#include "ai/personas.h"
#include "base/buf.h"
#include "loop/loop.h"

#define NC_FIRST_PERSONA "olga"

#define NC_ALIASES_MAX 20
#define NC_LISTED_MAX 200

struct nc_personas {
    struct nc_chat *chat;
    struct nc_loop *loop;
    struct nc_list all;            /* struct nc_persona, oldest account first */
    struct nc_map by_user;         /* the same, by user id */
    struct nc_user *owner_waiting; /* came before the first room was there */
    bool changing;                 /* one change at a time: names are compared first */
    bool renamed;                  /* a persona came, changed or went since names_seen */
    uint64_t names_seen;           /* chat->names when it was found who has which */
    struct nc_task names_soon;     /* that is to be found again, for the log */
    bool gone;                     /* freed by its owner */
    unsigned held;                 /* by what is still under way */
};

/* What is under way holds on to it past nc_personas_free: false from `let_go` when that
 * has happened. */
void nc_personas_hold(struct nc_personas *p);
bool nc_personas_let_go(struct nc_personas *p);

/* personas.c: memory follows a commit.  `settings` as kept; odd members are the
 * defaults. */
struct nc_persona *nc_personas_put(struct nc_personas *p, struct nc_user *u,
                                   struct nc_str settings);
void nc_personas_drop(struct nc_personas *p, struct nc_persona *x);

/* lounge.c: the first persona is there: so is a first room, soon. */
void nc_lounge_ensure(struct nc_personas *p, struct nc_user *persona);

/* persona_json.c: settings while they are put together; views. */
struct nc_draft {
    struct nc_str display_name; /* empty: not said */
    struct nc_str aliases[NC_ALIASES_MAX], fallbacks[NC_FALLBACKS_MAX];
    size_t aliases_n, fallbacks_n;
    struct nc_str system_prompt, model;
    double temperature;
    unsigned max_tokens, context_messages, context_tokens;
    enum nc_who_may_ask who_may_ask;
    struct nc_id listed[NC_LISTED_MAX];
    size_t listed_n;
};
void nc_draft_new(struct nc_draft *d);
void nc_draft_of(struct nc_draft *d, const struct nc_persona *x);
/* Members of `o` over what is there; null puts one back.  kept: as the store has it, where
 * people are ids; otherwise as in the API, where they are usernames of `c`.  The first
 * that is wrong ends it, NC_EINVAL. */
NC_MUSTUSE enum nc_err nc_draft_take(struct nc_draft *d, const json_t *o, bool kept,
                                     const struct nc_chat *c, struct nc_problem *why);
void nc_draft_write(const struct nc_draft *d, struct nc_buf *out); /* as kept */
/* For a reader: what only admins see is left out for others. */
void nc_persona_json(struct nc_json *j, const struct nc_personas *p,
                     const struct nc_persona *x, const struct nc_actor *who);
bool nc_personas_admin(const struct nc_actor *who);

/* persona_names.c: no name of a draft may mean somebody else.  `x`: whose draft it is, or
 * NULL; username: of a new one, or empty. */
NC_MUSTUSE enum nc_err nc_draft_names_ok(const struct nc_draft *d,
                                         const struct nc_personas *p,
                                         const struct nc_persona *x, struct nc_str username,
                                         struct nc_problem *why);
/* Does a persona have that name, by which somebody wants to be called? */
bool nc_personas_bear(void *personas, struct nc_str name);
/* Finds who has which name, unless nothing has changed since: x->taken, of all. */
void nc_personas_names(struct nc_personas *p);
/* nc_asked, by what is left to it of who->names, which are all of its own. */
bool nc_persona_asked(const struct nc_persona *x, struct nc_str text,
                      const struct nc_asked_name *who, bool strict);
