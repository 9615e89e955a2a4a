/*
 * ai/models: the providers there are, how they are, and which of them a name means.
 *
 * Providers are configured (ai_base_url), made by the owner (kept, keys sealed) or found
 * on this machine.  Each is checked now and then, and learns from every answer.  A model
 * is named "provider/model", or "model" if that is clear enough, or "" for the default.
 * Loop thread only.
 */
#pragma once

#include <jansson.h>

#include "chat/people/people.h"
#include "llm/provider.h"

struct nc_ai;
struct nc_models;
struct nc_source;

struct nc_models_opts {
    struct nc_chat *chat;
    struct nc_loop *loop;
    struct nc_http_client *http;
    const char *node;           /* our id */
    const char *key_path;       /* the file that seals API keys; made when first needed */
    const char *const *look_at; /* addresses where servers are looked for */
    size_t look_at_n;
    unsigned connect_ms, first_byte_ms, idle_ms; /* when a provider says nothing else */
    /* The one of the configuration; base_url empty: none.  Borrowed only for the call. */
    const char *base_url, *kind, *model, *key, *proxy;
    /* Something came up or went, or has a free place: who waits may try.  On the loop. */
    void (*changed)(void *arg);
    void *arg;
};

/* Reads what is kept (blocking, before the loop), checks and looks around once the loop
 * runs.  NULL: logged. */
struct nc_models *nc_models_new(const struct nc_models_opts *o);
void nc_models_quiet(struct nc_models *m); /* no check begins any more */
void nc_models_free(struct nc_models *m);  /* ends what runs, NC_ECLOSED; NULL is fine */

/* What a name leads to. */
struct nc_choice {
    struct nc_source *source;
    char model[NC_LLM_MODEL]; /* as the provider calls it; "" lets it choose */
};

/*
 * NC_OK; NC_ENOENT: nothing is set up, or nothing has that name; NC_EACCESS: it is known
 * to be farther than `furthest`; NC_AGAIN: it is down (*out is valid all the same, for who
 * wants to try).  *why says it in words for whoever asked.
 */
NC_MUSTUSE enum nc_err nc_models_choose(struct nc_models *m, struct nc_str name,
                                        enum nc_destination furthest, struct nc_choice *out,
                                        struct nc_problem *why);
/* Would one more fit?  (Each provider has as many at once as its `at_once` says, and one
 * model no more than its `per_model`.) */
bool nc_source_has_room(const struct nc_choice *c);
/* Tokens that its model can read and write together, as its server says; 0: unknown. */
uint64_t nc_choice_context(const struct nc_choice *c);
/* Occupy a place, which also keeps the source from being freed; leave it. */
void nc_source_enter(const struct nc_choice *c);
void nc_source_leave(const struct nc_choice *c);
/* To ask it, while inside.  NULL: it was deleted meanwhile, or its key can't be read. */
struct nc_provider *nc_source_provider(struct nc_source *s);
const char *nc_source_name(const struct nc_source *s);
/* Why an answer ended with NC_ECLOSED that nobody stopped. */
#define NC_SOURCE_CLOSED "the provider was changed or deleted meanwhile"
/* What is known: NOWHERE while it isn't. */
enum nc_destination nc_source_destination(const struct nc_source *s);
const char *nc_source_where(const struct nc_source *s); /* "lan:<host>"; or empty */
/* Its health, from how an answer ended. */
void nc_source_learn(struct nc_source *s, const struct nc_llm_end *end);

unsigned nc_models_count(const struct nc_models *m); /* sources, up or down */

/* {"models":[{id:"provider/model", model, provider, kind, context?, bytes?, destination,
 * state:"up"|"down"|"unknown", is_default}]}, for anybody who is logged in. */
void nc_models_json(struct nc_models *m, struct nc_buf *out);
/* Health in a few numbers for /metrics and /readyz. */
struct nc_models_stats {
    unsigned providers, up, models;
};
void nc_models_stats(const struct nc_models *m, struct nc_models_stats *out);
/* Every provider by name, from inside the call. */
void nc_models_each(const struct nc_models *m,
                    void (*each)(void *arg, const char *name, const char *kind, bool up),
                    void *arg);

/* ---- the owner's calls (server/routes_providers.c) -------------------------------- */
/* Providers as JSON, never with a key: {id, name, kind, base_url, proxy, models,
 * is_default, timeout_s, at_once, per_model, has_key, origin:"made"|"configured"|"found",
 * state, destination, reason?, checked_at?}.  Answers as nc_json_fn: json is that object,
 * or
 * {"providers":[…]}. */
void nc_models_list(struct nc_models *m, nc_json_fn *done, void *arg);
void nc_models_add(struct nc_models *m, const struct nc_actor *who, json_t *body,
                   nc_json_fn *done, void *arg);
void nc_models_patch(struct nc_models *m, const struct nc_actor *who,
                     const struct nc_id *id, json_t *body, nc_json_fn *done, void *arg);
void nc_models_delete(struct nc_models *m, const struct nc_actor *who,
                      const struct nc_id *id, nc_done_fn *done, void *arg);
/* Ask it for its models now: {"state":"up","models":[…]} or {"state":"down","reason":…}. */
void nc_models_check(struct nc_models *m, const struct nc_actor *who,
                     const struct nc_id *id, nc_json_fn *done, void *arg);
/* Look around now; then as nc_models_list. */
void nc_models_discover(struct nc_models *m, const struct nc_actor *who, nc_json_fn *done,
                        void *arg);
