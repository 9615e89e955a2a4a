/*
 * ai/models_parts: what the files about providers share; nobody else needs it.
 */
#pragma once

#include "ai/models.h"
#include "base/buf.h"
#include "base/list.h"
#include "llm/discover.h"
#include "loop/loop.h"
#include "wire/json.h"

#define NC_SOURCE_NAME 33     /* bytes of a provider's name, with NUL */
#define NC_SOURCE_MODELS 500  /* names the owner may list */
#define NC_SOURCE_KEY 1024    /* bytes of an API key */
#define NC_SOURCE_URL 500     /* characters of a base_url or a proxy */
#define NC_LISTED_MODELS 5000 /* of those a server lists, so many are kept */

struct nc_box;

enum nc_origin { NC_MADE, NC_CONFIGURED, NC_FOUND };
enum nc_source_state { NC_SOURCE_UNKNOWN, NC_SOURCE_UP, NC_SOURCE_DOWN };

/* One provider. */
struct nc_source {
    struct nc_list node; /* models->sources; unlinked: it was deleted */
    struct nc_models *models;
    struct nc_id id;
    enum nc_origin origin;
    char name[NC_SOURCE_NAME];
    json_t *settings;     /* as nc_source_settings gives them */
    struct nc_buf secret; /* its API key, sealed; empty: none, or of the configuration */
    bool has_key;
    uint64_t created_ms;
    const struct nc_provider_ops *ops;
    struct nc_provider *provider; /* NULL: deleted, or its key can't be read */

    /* health (models_health.c) */
    enum nc_source_state state;
    char reason[NC_LLM_REASON]; /* why it is down */
    char where[300];            /* "lan:<host>", once it is known */
    enum nc_destination destination;
    uint64_t checked_ms;         /* wall; 0: not yet */
    struct nc_llm_model *listed; /* what it said it has; names are owned */
    size_t listed_n;
    bool has_listed;
    struct nc_deadline check_at;
    unsigned back_off_ms; /* 0 while it is up */
    struct nc_llm_list list;
    bool listing;
    uint64_t chosen_ms;    /* loop time at which somebody last wanted it */
    struct nc_list checks; /* struct nc_check: who waits for the list */

    /* places (models_choose.c) */
    unsigned inside; /* questions that hold on to it */
    unsigned at_once, per_model;
    struct nc_list busy; /* struct nc_busy: models that are asked now */
};

struct nc_models {
    struct nc_models_opts o; /* its strings are ours */
    struct nc_box *box;      /* NULL: there is no key file, or it can't be used */
    struct nc_list sources;  /* configured, made by age, found */
    struct nc_list calls;    /* struct nc_source_call, the first is under way */
    struct nc_task tell;     /* `changed`, once per turn */
    bool quiet;

    /* looking around (models_look.c) */
    struct nc_discover *looking;
    struct nc_list lookers; /* struct nc_look: who waits for what is found */
    struct nc_deadline look_at;
    unsigned look_back_off_ms;
};

/* ---- settings (models_settings.c) ----------------------------------------- */

/* A whole object of settings from what `in` says and, where it says nothing, from `old`
 * (NULL: the defaults).  The caller json_decrefs *out.  NC_EINVAL: *why names the member.
 */
NC_MUSTUSE enum nc_err nc_source_settings(const json_t *in, const json_t *old, json_t **out,
                                          struct nc_problem *why);
const char *nc_setting_text(const json_t *settings, const char *name);
unsigned nc_setting_number(const json_t *settings, const char *name);
bool nc_setting_flag(const json_t *settings, const char *name);
/* NC_EINVAL: no name for a provider. */
NC_MUSTUSE enum nc_err nc_source_name_ok(struct nc_str name, struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_source_key_ok(struct nc_str key, struct nc_problem *why);
/* Do two base URLs mean the same server, whatever path is asked there? */
bool nc_source_same_server(const char *a, const char *b);

/* ---- sources (models_source.c) -------------------------------------------- */

/* Takes over `settings`; not opened, in no list. */
struct nc_source *nc_source_new(struct nc_models *m, enum nc_origin origin,
                                const struct nc_id *id, const char *name, json_t *settings);
/* Open its back end, with this key.  NC_EINVAL: it can't be (logged). */
NC_MUSTUSE enum nc_err nc_source_open(struct nc_source *s, struct nc_str key);
/* The same with the key as it is sealed; one that can't be read leaves it down, with a
 * reason. */
void nc_source_unlock(struct nc_source *s);
/* In its place among the others; the first check follows soon. */
void nc_source_join(struct nc_source *s);
/* Another name or other settings, which are taken over.  What runs there ends with
 * NC_ECLOSED if it has to be opened anew. */
void nc_source_change(struct nc_source *s, const char *name, json_t *settings,
                      const struct nc_buf *secret);
/* Out of the list: what runs ends with NC_ECLOSED, and it is freed when nobody is inside.
 */
void nc_source_drop(struct nc_source *s);
/* `wanted`, or what comes near to it and nobody has. */
void nc_source_free_name(const struct nc_models *m, const char *wanted,
                         char out[NC_SOURCE_NAME]);
struct nc_source *nc_source_named(const struct nc_models *m, struct nc_str name);
struct nc_source *nc_source_find(const struct nc_models *m, const struct nc_id *id);

/* ---- health (models_health.c) --------------------------------------------- */

/* Somebody waits for the next list; embedded.  `done` once, on the loop; `s` is NULL if it
 * was deleted, or can't be asked. */
struct nc_check {
    struct nc_list node;
    void (*done)(struct nc_check *c, struct nc_source *s);
};
void nc_source_check(struct nc_source *s, struct nc_check *c); /* c may be NULL */
void nc_source_check_soon(struct nc_source *s);
void nc_source_forget(struct nc_source *s);     /* what it listed, and how it was */
void nc_source_checks_end(struct nc_source *s); /* it will not be asked: tell who waits */
/* Tell who waits for places at the end of this turn. */
void nc_models_changed(struct nc_models *m);

/* ---- looking around (models_look.c) --------------------------------------- */

/* Somebody waits for what is found; embedded.  `done` once, also from inside
 * nc_models_look where there is nowhere to look. */
struct nc_look {
    struct nc_list node;
    void (*done)(struct nc_look *l);
};
void nc_models_look(struct nc_models *m, struct nc_look *l); /* NULL: soon, for ourselves */
void nc_models_look_end(struct nc_models *m);                /* nobody looks any more */
/* Found ones that are also configured or made, or whose name another needs. */
void nc_models_sift(struct nc_models *m);

/* ---- the owner's calls (models_calls.c) ----------------------------------- */

void nc_models_calls_end(struct nc_models *m);

/* ---- as JSON (models_json.c) ---------------------------------------------- */

void nc_source_json(struct nc_json *j, const struct nc_source *s);
void nc_source_list_json(struct nc_json *j,
                         const struct nc_models *m); /* {"providers":…} */
/* What "" leads to; NULL: nothing is there. */
struct nc_source *nc_models_default(const struct nc_models *m);
/* Its model when none is named; "" when that isn't known yet. */
struct nc_str nc_source_default_model(const struct nc_source *s);
