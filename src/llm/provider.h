/*
 * llm/provider: something that answers questions, behind one table of functions.
 *
 * Speaks to models and knows no chat.  A piece of text may come at any time until
 * the end; the end comes once.  Loop thread only.
 */
#pragma once

#include "base/base.h"

struct nc_http_client;
struct nc_loop;

enum nc_llm_role { NC_LLM_SYSTEM, NC_LLM_USER, NC_LLM_ASSISTANT };
enum nc_llm_channel { NC_LLM_TEXT, NC_LLM_REASONING };
enum nc_llm_finish { NC_LLM_STOP, NC_LLM_LENGTH, NC_LLM_FILTER, NC_LLM_TOOLS, NC_LLM_ODD };

struct nc_llm_message {
    enum nc_llm_role role;
    struct nc_str name;    /* who speaks, for back ends that take it; may be empty */
    struct nc_str content; /* UTF-8 */
};

#define NC_LLM_REASON 200

/* How an answer ended.  Views live until `end` returns. */
struct nc_llm_end {
    /* NC_OK: whole.  NC_ECLOSED: stopped by us.  NC_ELIMIT: too much to take.
     * NC_EIO: it broke off, or was refused; `reason` says why. */
    enum nc_err e;
    enum nc_llm_finish finish; /* valid with NC_OK */
    const char *reason;        /* printable, without secrets; "" with NC_OK */
    struct nc_str model;       /* who answered */
    /* "this_node", "lan:<host>", "cloud:<host>": by the address that was talked to;
     * empty if none was */
    struct nc_str destination;
    bool has_usage;
    uint64_t prompt_tokens, completion_tokens;
};

/* One question.  Embedded; what it points to is copied by ask(). */
struct nc_llm_ask {
    struct nc_str model; /* empty: the provider's choice */
    const struct nc_llm_message *messages;
    size_t messages_n;
    unsigned max_tokens; /* 0: not said */
    double temperature;  /* negative: not said */

    void (*text)(struct nc_llm_ask *a, enum nc_llm_channel channel, struct nc_str piece);
    /* Once, last, never from inside ask() or stop(). */
    void (*end)(struct nc_llm_ask *a, const struct nc_llm_end *end);
    void *priv; /* the provider's, from ask() until end() */
};

struct nc_provider_opts {
    struct nc_loop *loop;
    struct nc_http_client *http;
    const char *name;     /* for people: "openai" */
    const char *base_url; /* up to and including /v1, without a slash at the end */
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
};

extern const struct nc_provider_ops nc_provider_openai;
