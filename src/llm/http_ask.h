/*
 * llm/http_ask: one question over HTTP, the part that all back ends share.
 *
 * Who is connected to and how far that may be, time limits, refusals, pieces and whole
 * bodies, models listed, stop and the end.  What stands in the bodies is a back end's:
 * a wire, a table of functions.  Private to llm/.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "llm/provider.h"
#include "loop/loop.h"
#include "wire/openai.h"
#include "wire/sse.h"

struct nc_http_call;
struct nc_http_ask;

#define NC_HTTP_EVENT_MAX (1u << 20)  /* bytes of one event of a stream */
#define NC_HTTP_WHOLE_MAX (32u << 20) /* of an answer that is not streamed */
#define NC_HTTP_MODELS 1000           /* models of one list; more are not told */

struct nc_http_wire {
    const char *auth;     /* "Authorization: Bearer ": what stands before the key */
    const char *header;   /* one header line more, NULL: none */
    const char *strip[4]; /* ends taken off a base URL, NULL-ended */
    const char *models;   /* path of the list of models, behind the base URL */
    const char *type;     /* Content-Type of a stream, as it begins */
    const char *begins;   /* … or the bytes one of which a stream begins with */
    size_t state;         /* bytes of q->state, zeroed when the question begins */
    size_t kept;          /* bytes of provider->kept, zeroed when it is opened */

    /*
     * The request for q->asked and q->model: path behind the base URL (has its start
     * already, as `models` has; append), and body.  May set q->streamed to false.
     * False: it can't be said on this wire; nc_http_ask_fail was called.
     */
    bool (*write)(struct nc_http_ask *q, struct nc_buf *path, struct nc_buf *body);
    /* Bytes of a stream, cut anywhere.  nc_http_ask_events, or its own. */
    void (*data)(struct nc_http_ask *q, struct nc_str piece);
    /* One server-sent event, from nc_http_ask_events. */
    void (*event)(struct nc_http_ask *q, struct nc_str event, struct nc_str data);
    /* The body of an answer that isn't streamed. */
    void (*whole)(struct nc_http_ask *q, struct nc_str body);
    /* A stream has ended without q->done: what is left of it.  May be NULL. */
    void (*rest)(struct nc_http_ask *q);
    /* The answer is whole, end() is next: last words.  May be NULL. */
    void (*close)(struct nc_http_ask *q);
    /* What q->state holds; once, at the end.  May be NULL. */
    void (*fini)(struct nc_http_ask *q);

    /* Tell the models of a list by nc_http_ask_model.  False: it is no list. */
    bool (*listed)(struct nc_http_ask *q, const json_t *root);
    /* What to ask next to know more of q->models (POST if the body isn't empty); false:
     * nothing.  A path "/../x" is beside the base URL's last part.  Both may be NULL. */
    bool (*more)(struct nc_http_ask *q, struct nc_buf *path, struct nc_buf *body);
    void (*told)(struct nc_http_ask *q, const json_t *root); /* NULL: it was refused */
};

struct nc_http_provider {
    struct nc_provider base;
    const struct nc_http_wire *wire;
    struct nc_loop *loop;
    struct nc_http_client *http;
    char *name, *url, *key, *proxy, *node;
    char model[NC_LLM_MODEL]; /* configured, or the first one listed */
    bool model_found;         /* the latter */
    unsigned connect_ms, first_byte_ms, idle_ms;
    void *kept; /* what the wire remembers between questions */
    struct nc_list asks;
};

/* The slots of nc_provider_ops; open() is a back end's, by nc_http_provider_open. */
enum nc_err nc_http_provider_open(struct nc_provider **out,
                                  const struct nc_provider_opts *o,
                                  const struct nc_http_wire *wire,
                                  const struct nc_provider_ops *ops);
void nc_http_provider_close(struct nc_provider *p);
void nc_http_provider_ask(struct nc_provider *p, struct nc_llm_ask *a);
void nc_http_provider_stop(struct nc_provider *p, struct nc_llm_ask *a);
void nc_http_provider_pause(struct nc_provider *p, struct nc_llm_ask *a, bool on);
void nc_http_provider_list(struct nc_provider *p, struct nc_llm_list *l);

/* One question, or one list, under way. */
struct nc_http_ask {
    /* For wires to read. */
    struct nc_http_provider *provider; /* not after stop or close */
    struct nc_llm_ask asked;           /* valid in write() */
    char model[NC_LLM_MODEL];
    void *state;
    struct nc_llm_model *models; /* of a list; names live as long */
    size_t models_n;

    /* For wires to set. */
    bool streamed;         /* a stream is expected; true to begin with */
    bool finished;         /* the model said why it stopped: set end.finish */
    bool done;             /* the answer is whole: nothing more is looked at */
    struct nc_llm_end end; /* finish and usage */

    /* http_ask's own. */
    struct nc_list node;
    struct nc_llm_ask *ask;
    struct nc_llm_list *list;
    struct nc_http_call *call;
    struct nc_task refusal;      /* it failed before anything was asked */
    struct nc_deadline patience; /* with a server that sends bytes and says nothing */
    bool heard;                  /* a word of the answer */
    enum { NC_HTTP_LISTING, NC_HTTP_TELLING, NC_HTTP_ASKING } step;
    bool stopped, failed, collects, sniffed;
    enum nc_err error; /* with failed */
    uint64_t ends_at;  /* at the latest, ms of the loop's clock */
    size_t after;      /* bytes that came when the answer was whole and told */
    json_t *request;   /* asked.request's copy, while the model isn't known */
    struct nc_sse sse;
    struct nc_buf body; /* a refusal, a list, an answer that isn't streamed */
    struct nc_arena arena;
    char destination[300];
    char reason[NC_LLM_REASON];
};

/* ---- for wires ------------------------------------------------------------------- */

/* It has failed; the first reason stays.  why: printable, without secrets. */
void nc_http_ask_fail(struct nc_http_ask *q, enum nc_llm_fault fault, const char *why);
/* Same, for an error that came in the stream or with status 200: the fault by its words
 * and codes. */
void nc_http_ask_refused(struct nc_http_ask *q, struct nc_str body, const char *why);
/* It is over for whoever asked: don't go on with what came. */
static inline bool nc_http_ask_over(const struct nc_http_ask *q)
{
    return q->stopped || q->failed || q->done;
}
/* The key, not to be shown. */
struct nc_str nc_http_ask_secret(const struct nc_http_ask *q);
enum nc_llm_finish nc_http_ask_finish(enum nc_openai_finish f); /* a word of the wire */
void nc_http_ask_text(struct nc_http_ask *q, enum nc_llm_channel c, struct nc_str piece);
void nc_http_ask_raw(struct nc_http_ask *q, struct nc_str json);
/* A `data` slot: cuts a stream into events. */
void nc_http_ask_events(struct nc_http_ask *q, struct nc_str piece);
/* A model of a list; names are copied, too long ones and those past the limit left out. */
void nc_http_ask_model(struct nc_http_ask *q, struct nc_str name, uint64_t context,
                       uint64_t bytes);

/* ---- for http_provider ------------------------------------------------------------ */

/* Send a request: POST if there is a body. */
void nc_http_ask_start(struct nc_http_ask *q, const char *path, struct nc_str body);
/* What came for a list, and for the questions behind it, is whole in q->body. */
void nc_http_ask_listed(struct nc_http_ask *q);
void nc_http_ask_told(struct nc_http_ask *q, bool ok);
/* Time is not counted while the asker takes nothing. */
void nc_http_ask_pause(struct nc_http_ask *q, bool on);
void nc_http_ask_conclude(struct nc_http_ask *q); /* tell how it ended; q is freed */
void nc_http_ask_close(struct nc_http_ask *q);    /* tell NC_ECLOSED now */
