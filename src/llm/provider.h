/*
 * llm/provider: something that answers questions, behind one table of functions.
 *
 * Speaks to models and knows no chat.  A piece of text may come at any time until
 * the end; the end comes once.  Loop thread only.
 */
#pragma once

#include <jansson.h>

#include "base/base.h"

struct nc_http_client;
struct nc_loop;

enum nc_llm_role { NC_LLM_SYSTEM, NC_LLM_USER, NC_LLM_ASSISTANT };
enum nc_llm_channel { NC_LLM_TEXT, NC_LLM_REASONING };
enum nc_llm_finish { NC_LLM_STOP, NC_LLM_LENGTH, NC_LLM_FILTER, NC_LLM_TOOLS, NC_LLM_ODD };

/* How far text may travel, nearest first; docs/protocol.md section 5. */
enum nc_destination {
    NC_DEST_NOWHERE, /* nothing was talked to (yet) */
    NC_DEST_THIS_NODE,
    NC_DEST_OWN_NODE,
    NC_DEST_OWN_WORKER,
    NC_DEST_LAN,
    NC_DEST_CLOUD
};
/* "this_node", "own_node", "own_worker", "lan", "cloud"; "" for NOWHERE. */
const char *nc_destination_name(enum nc_destination d);
/* NC_EINVAL: no such word. */
NC_MUSTUSE enum nc_err nc_destination_parse(struct nc_str word, enum nc_destination *out);

struct nc_llm_message {
    enum nc_llm_role role;
    struct nc_str name;    /* who speaks, for back ends that take it; may be empty */
    struct nc_str content; /* UTF-8 */
};

#define NC_LLM_REASON 200
#define NC_LLM_MODEL 200 /* bytes of a model's name, with NUL */

/* Why it failed, as far as what to do next depends on it. */
enum nc_llm_fault {
    NC_FAULT_NONE,
    NC_FAULT_UNREACHABLE, /* resolve, connect, TLS: nothing was asked */
    NC_FAULT_BUSY,        /* 429, 503, 529: later; retry_ms says when, if it did */
    NC_FAULT_SERVER,      /* 5xx, a stream that broke off, stalled, or made no sense */
    NC_FAULT_REQUEST,     /* 4xx: the same question will fail again */
    NC_FAULT_MODEL,       /* 404, or words saying so: it has no such model */
    NC_FAULT_CONTEXT,     /* too long for the model */
    NC_FAULT_KEY,         /* 401, 403 */
    NC_FAULT_TOO_FAR,     /* the address is farther than `furthest` */
    NC_FAULT_LOOP,        /* 508: it came back to us */
};

/* How an answer ended.  Views live until `end` returns. */
struct nc_llm_end {
    /* NC_OK: whole.  NC_ECLOSED: stopped by us.  NC_ELIMIT: too much to take.
     * NC_EIO: it broke off, or was refused; `reason` says why. */
    enum nc_err e;
    enum nc_llm_finish finish; /* valid with NC_OK */
    enum nc_llm_fault fault;   /* NONE with NC_OK and NC_ECLOSED */
    bool late;                 /* it took too long: to begin, or to go on */
    unsigned status;           /* of the HTTP answer; 0: none came */
    unsigned retry_ms;         /* Retry-After; 0: not said */
    const char *reason;        /* printable, without secrets; "" with NC_OK */
    struct nc_str model;       /* who answered */
    /* "this_node", "lan:<host>", "cloud:<host>": by the address that was talked to;
     * empty if none was */
    struct nc_str destination;
    bool passed_on; /* the destination is this answer's: the server passed it on */
    bool has_usage;
    uint64_t prompt_tokens, completion_tokens;
};

/* One question.  Embedded; what it points to is copied by ask(). */
struct nc_llm_ask {
    struct nc_str model; /* empty: the provider's choice */
    const struct nc_llm_message *messages;
    size_t messages_n;
    unsigned max_tokens;          /* 0: not said */
    unsigned context_tokens;      /* room the model should make, for back ends that can
                                     be told (Ollama's num_ctx); 0: not said */
    double temperature;           /* negative: not said */
    enum nc_destination furthest; /* NOWHERE: no limit.  Judged by the address that is
                                     connected to; a proxy counts as CLOUD */

    /*
     * Instead of messages, max_tokens and temperature: the body of a request of OpenAI's
     * API (/chat/completions, or /embeddings if `embed`), checked to be an object with a
     * "model"; `model` above replaces that.  Then `raw` hears what comes instead of
     * `text`: with "stream":true the JSON of each chunk in OpenAI's shape (usage always
     * asked for, as a chunk of its own or the last; never "[DONE]"), otherwise the whole
     * answer, once.  Back ends of another wire translate.
     */
    const json_t *request;
    bool embed;
    struct nc_str via; /* nodes the request came through, "id, id"; none: it begins here */

    void (*text)(struct nc_llm_ask *a, enum nc_llm_channel channel, struct nc_str piece);
    void (*raw)(struct nc_llm_ask *a, struct nc_str json); /* on one line */
    /* All that has come was told: a good moment to pass it on.  May be NULL; need not
     * come. */
    void (*lull)(struct nc_llm_ask *a);
    /* Once, last, never from inside ask() or stop(). */
    void (*end)(struct nc_llm_ask *a, const struct nc_llm_end *end);
    void *priv; /* the provider's, from ask() until end() */
};

struct nc_llm_model {
    struct nc_str name;
    uint64_t context; /* tokens; 0: not told */
    uint64_t bytes;   /* of its weights; 0: not told */
};

/* What models are there, which is also whether the server is up.  Embedded. */
struct nc_llm_list {
    /* Once, never from inside list().  e, fault, reason, destination as in nc_llm_end;
     * the models live until it returns. */
    void (*done)(struct nc_llm_list *l, const struct nc_llm_end *end,
                 const struct nc_llm_model *models, size_t n);
    void *priv;
};

struct nc_provider_opts {
    struct nc_loop *loop;
    struct nc_http_client *http;
    const char *name;     /* for people: "openai" */
    const char *base_url; /* openai: up to and including /v1.  ollama, anthropic: without
                             a path (".../api", ".../v1" are taken off) */
    const char *model;    /* when an ask names none; empty: the first one listed */
    const char *key;      /* or empty; wiped by the caller after open() */
    const char *proxy;    /* or empty */
    const char *node;     /* our node's id, so that a request that comes back is known */
    unsigned connect_ms, first_byte_ms, idle_ms;
};

struct nc_provider {
    const struct nc_provider_ops *ops; /* first field of every back end's struct */
    const char *name;
};

struct nc_provider_ops {
    const char *kind; /* "openai" */
    /* Connects to nothing yet.  NC_EINVAL: a setting can't be (logged). */
    enum nc_err (*open)(struct nc_provider **out, const struct nc_provider_opts *o);
    /* Ends what runs (NC_ECLOSED) before it returns.  NULL is fine. */
    void (*close)(struct nc_provider *p);
    void (*ask)(struct nc_provider *p, struct nc_llm_ask *a);
    /* The connection upstream is closed now; end(NC_ECLOSED) follows.  Idempotent. */
    void (*stop)(struct nc_provider *p, struct nc_llm_ask *a);
    /* Who reads the answer can take no more now: the upstream waits until it goes on.
     * NULL: it can't be made to. */
    void (*pause)(struct nc_provider *p, struct nc_llm_ask *a, bool on);
    /* Answered within 10 s, whatever happens; close() ends it, too. */
    void (*list)(struct nc_provider *p, struct nc_llm_list *l);
};

extern const struct nc_provider_ops nc_provider_openai, nc_provider_ollama,
    nc_provider_anthropic;
/* By kind: "openai", "ollama", "anthropic"; NULL if there is none of that name. */
const struct nc_provider_ops *nc_provider_kind(struct nc_str kind);
/* Why this can't be a provider's base_url: another scheme, credentials, query or fragment
 * in it, no host, a link-local address.  NULL: it can. */
const char *nc_provider_url_problem(struct nc_str base_url);
