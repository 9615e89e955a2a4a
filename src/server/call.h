/*
 * server/call: one HTTP request on its way through a handler.
 *
 * A handler answers exactly once, now or later.  If the peer leaves first the
 * call lives on (`gone`), the answer is swallowed and frees it: so a handler
 * never needs to know.
 */
#pragma once

#include <jansson.h>

#include "base/russian.h"
#include "chat/people/session.h"
#include "net/httpd.h"
#include "wire/json.h"

struct nc_server;

enum nc_scope { NC_SCOPE_CHAT = 1, NC_SCOPE_AI = 2, NC_SCOPE_MQTT = 4 };

struct nc_call {
    struct nc_server *srv;
    struct nc_chat *chat;
    struct nc_req *req;
    struct nc_arena *arena;  /* dies with the call */
    json_t *body;            /* the parsed object, if the route takes one */
    struct nc_str params[4]; /* percent-decoded {…} of the pattern, in order */
    struct nc_id ids[4];     /* the same, where the pattern says {…:id} */
    struct nc_actor actor;   /* user is NULL on public routes without a token */
    struct nc_id session;    /* the access token's `sid`; zero with an API key */
    struct nc_auth auth;     /* who that is, as the token, key or ticket says */
    bool gone;               /* the peer left: req is NULL */
    uint64_t large;          /* counted in srv->large_bodies */
    struct nc_list heavy;    /* srv->heavy */
    bool unknown;            /* counted in srv->unknown_bodies */
    bool begun;              /* its body is there: a handler answers, or has answered */
    /* For those who answer in pieces by call->req themselves (streams).  left: the peer
     * is gone (req is NULL already); nc_call_done must follow, now or later. */
    void (*drained)(struct nc_call *call);
    void (*left)(struct nc_call *call);
    void *owner;
    /* Under /v1: errors in OpenAI's shape; param and code as in nc_openai_error. */
    bool openai;
    const char *openai_param, *openai_code;
    /* call.c's and door.c's: */
    const struct nc_route *route;
    struct nc_arena memory;
    struct nc_http_header extra[10];
    unsigned extra_n;
};

enum nc_route_flags {
    NC_R_PUBLIC = 1, /* no token needed; one that is given must still be valid */
    NC_R_ADMIN = 2,  /* owner or admin, or the admin socket */
    NC_R_OWNER = 4,
    NC_R_BODY = 8,     /* JSON object required: 415, 400 otherwise */
    NC_R_SESSION = 16, /* not with an API key */
    NC_R_BODY_OPTIONAL = 32,
    NC_R_COOKIE = 64, /* reads the refresh cookie: Origin is checked */
    NC_R_LIST = 128,  /* walks rooms or people: counted by NC_RATE_LISTS */
    NC_R_FREE = 256,  /* a change that is not counted, or by a rate of its own */
    NC_R_LARGE = 512, /* its body_max holds even where the option body_max is lower */
};

struct nc_route {
    const char *method;
    const char *pattern; /* "/api/v1/rooms/{room:id}/messages" */
    void (*handle)(struct nc_call *call);
    unsigned flags;
    unsigned scopes; /* of API keys that may call it; 0: NC_SCOPE_CHAT */
    size_t body_max; /* 0: the default of 64 KiB + 8 KiB */
};

/* Tables end with a row whose method is NULL; one per routes_*.c. */
extern const struct nc_route nc_routes_auth[], nc_routes_people[], nc_routes_rooms[],
    nc_routes_messages[], nc_routes_live[], nc_routes_ops[], nc_routes_admin[],
    nc_routes_admin_rooms[], nc_routes_backup[], nc_routes_personas[], nc_routes_ai[],
    nc_routes_v1[], nc_routes_usage[], nc_routes_test[], nc_routes_providers[],
    nc_routes_mesh[];

/*
 * The front door, between httpd and the tables.
 *
 * Finds the route, checks token, scope and role, reads and parses the body, then
 * hands over; everything refused on the way is answered here.
 */
extern const struct nc_httpd_ops nc_call_httpd_ops; /* arg: struct nc_server */

/* A model's name may hold '/', encoded or not: what follows this is one name. */
#define NC_V1_MODELS "/v1/models/"

void nc_call_json(struct nc_call *call, unsigned status, struct nc_str json);
void nc_call_text(struct nc_call *call, unsigned status, struct nc_str type,
                  struct nc_str body);
void nc_call_empty(struct nc_call *call); /* 204 */
/* After answering through call->req (nc_stream_end, nc_req_upgrade): frees the call. */
void nc_call_done(struct nc_call *call);
/* The request, NULL if the peer has left; the call no longer belongs to it. */
struct nc_req *nc_call_detach(struct nc_call *call);
/* What who asks says they read (Accept-Language). */
enum nc_language nc_call_language(const struct nc_call *call);
/* Is it Russian rather than anything else?  Problems are written so. */
bool nc_call_russian(const struct nc_call *call);
void nc_call_problem(struct nc_call *call, const struct nc_problem *why);

/* The ends of what was begun for a call: `arg` is the call, and its answer the problem, or
 * the JSON with 200 or 201, or 204. */
void nc_call_on_json(void *arg, const struct nc_problem *why, struct nc_buf *json);
void nc_call_on_added(void *arg, const struct nc_problem *why, struct nc_buf *json);
void nc_call_on_done(void *arg, const struct nc_problem *why);
void nc_call_on_room_done(void *arg, const struct nc_problem *why, struct nc_room *r);
/* The common cases in one line. */
void nc_call_fail(struct nc_call *call, enum nc_problem_code code, const char *fmt, ...)
    NC_PRINTF(3, 4);
/* Add a response header before answering; copied. */
void nc_call_header(struct nc_call *call, const char *name, struct nc_str value);
struct nc_str nc_call_query(const struct nc_call *call, const char *name, bool *found);
/* ?limit=, from 1 to `most` (*limit stays where there is none), and ?after=, the id that
 * the page before ended with (zero: the first): false when the call has been failed
 * already. */
bool nc_call_page(struct nc_call *call, unsigned most, uint64_t *limit,
                  struct nc_id *after);
/* ?q=, what names are searched for (empty: nothing): false when the call has been failed
 * already. */
bool nc_call_q(struct nc_call *call, struct nc_str *q);
/* Member names of the body, checked: false when the call has been failed already. */
bool nc_call_need_str(struct nc_call *call, const char *name, struct nc_str *out);
bool nc_call_opt_str(struct nc_call *call, const char *name,
                     struct nc_str *out); /* n==0, p==NULL: absent */
bool nc_call_opt_id(struct nc_call *call, const char *name,
                    struct nc_id *out); /* zero: absent */
/* {room} of the pattern -> a room the caller may see / is a member of; else failed, NULL.
 */
struct nc_room *nc_call_room(struct nc_call *call, unsigned param);
struct nc_room *nc_call_joined(struct nc_call *call, unsigned param);
