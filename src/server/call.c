/* What handlers do with a call: take what it asks with, and answer it. */
#include "server/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/russian.h"
#include "chat/user.h"
#include "server/bodies.h"
#include "server/server.h"
#include "wire/http_target.h"
#include "wire/json_in.h"
#include "wire/openai_server.h"

static void release(struct nc_call *call)
{
    nc_body_forget(call);
    json_decref(call->body);
    nc_arena_fini(&call->memory);
    free(call);
}

struct nc_req *nc_call_detach(struct nc_call *call)
{
    struct nc_req *r = call->req;

    if (r)
        r->user = NULL;
    call->req = NULL;
    return r;
}

void nc_call_done(struct nc_call *call)
{
    nc_call_detach(call);
    release(call);
}

static void answer(struct nc_call *call, struct nc_answer *a)
{
    struct nc_req *r = nc_call_detach(call);

    if (r) {
        a->headers = call->extra;
        a->n_headers = call->extra_n;
        nc_respond(r, a);
    }
    release(call);
}

void nc_call_text(struct nc_call *call, unsigned status, struct nc_str type,
                  struct nc_str body)
{
    nc_call_header(call, "Cache-Control",
                   NC_STR("no-store")); /* it was for this asker, now */
    nc_call_header(call, "X-Content-Type-Options", NC_STR("nosniff"));
    answer(call,
           &(struct nc_answer){.status = status, .type = type, .body = body, .gzip = true});
}

void nc_call_json(struct nc_call *call, unsigned status, struct nc_str json)
{
    nc_call_text(call, status, NC_STR("application/json"), json);
}

void nc_call_empty(struct nc_call *call)
{
    answer(call, &(struct nc_answer){.status = 204});
}

enum nc_language nc_call_language(const struct nc_call *call)
{
    return call->req ? nc_language_wanted(nc_http_get(call->req->head, "Accept-Language"))
                     : NC_ANY_LANGUAGE;
}

bool nc_call_russian(const struct nc_call *call)
{
    return nc_call_language(call) == NC_RUSSIAN;
}

void nc_call_problem(struct nc_call *call, const struct nc_problem *why)
{
    struct nc_problem said = *why;
    struct nc_buf body = {0};

    said.russian = nc_call_russian(call);
    if (why->retry_after_s)
        nc_call_header(call, "Retry-After",
                       nc_str(nc_arena_printf(call->arena, "%u", why->retry_after_s)));
    if (why->code == NC_P_UNAUTHORIZED)
        nc_call_header(call, "WWW-Authenticate", NC_STR("Bearer"));
    if (call->openai)
        nc_openai_error(&body, &said, call->openai_param, call->openai_code);
    else
        nc_problem_http(&body, &said);
    nc_call_text(call, nc_problem_status(why->code),
                 call->openai ? NC_STR("application/json")
                              : NC_STR("application/problem+json"),
                 nc_buf_str(&body));
    nc_buf_fini(&body);
}

static void end(struct nc_call *call, unsigned status, const struct nc_problem *why,
                const struct nc_buf *json)
{
    if (why)
        nc_call_problem(call, why);
    else
        nc_call_json(call, status, nc_buf_str(json));
}

void nc_call_on_json(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    end(arg, 200, why, json);
}

void nc_call_on_added(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    end(arg, 201, why, json);
}

void nc_call_on_done(void *arg, const struct nc_problem *why)
{
    if (why)
        nc_call_problem(arg, why);
    else
        nc_call_empty(arg);
}

void nc_call_on_room_done(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    (void)r;
    nc_call_on_done(arg, why);
}

void nc_call_fail(struct nc_call *call, enum nc_problem_code code, const char *fmt, ...)
{
    struct nc_problem why;
    char detail[sizeof(why.detail)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    nc_problem_set(&why, code, "%s", detail);
    nc_call_problem(call, &why);
}

void nc_call_header(struct nc_call *call, const char *name, struct nc_str value)
{
    assert(call->extra_n < NC_COUNT(call->extra));
    call->extra[call->extra_n++] =
        (struct nc_http_header){nc_str(name), nc_arena_str(call->arena, value)};
}

/* ---- reading -------------------------------------------------------------- */

struct nc_str nc_call_query(const struct nc_call *call, const char *name, bool *found)
{
    struct nc_str value = {0};
    enum nc_err e = call->req
                        ? nc_http_query(call->req->head->query, name, call->arena, &value)
                        : NC_ENOENT;

    if (found)
        *found = e == NC_OK;
    return value;
}

bool nc_call_page(struct nc_call *call, unsigned most, uint64_t *limit, struct nc_id *after)
{
    struct nc_problem why;
    bool given;
    struct nc_str text = nc_call_query(call, "after", &given);

    *after = (struct nc_id){0};
    if (given && nc_id_parse(text, after) != NC_OK)
        nc_problem_set(&why, NC_P_BAD_REQUEST, "`after` must be an id");
    else if (nc_http_query_u64(call->req->head->query, "limit", 1, most, limit, &why) ==
             NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

bool nc_call_q(struct nc_call *call, struct nc_str *q)
{
    enum { BYTES_MAX = 400 };

    *q = nc_call_query(call, "q", NULL);
    if (q->n <= BYTES_MAX)
        return true;
    nc_call_fail(call, NC_P_BAD_REQUEST, "q: at most 100 characters");
    return false;
}

bool nc_call_need_str(struct nc_call *call, const char *name, struct nc_str *out)
{
    struct nc_problem why;

    if (nc_json_need_str(call->body, name, 0, SIZE_MAX, out, &why) == NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

bool nc_call_opt_str(struct nc_call *call, const char *name, struct nc_str *out)
{
    struct nc_problem why;

    *out = (struct nc_str){0};
    if (nc_json_opt_str(call->body, name, 0, SIZE_MAX, out, &why) == NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

bool nc_call_opt_id(struct nc_call *call, const char *name, struct nc_id *out)
{
    struct nc_problem why;

    *out = (struct nc_id){0};
    if (nc_json_opt_id(call->body, name, out, &why) == NC_OK)
        return true;
    nc_call_problem(call, &why);
    return false;
}

struct nc_room *nc_call_room(struct nc_call *call, unsigned param)
{
    struct nc_problem why;
    struct nc_room *r = nc_room_visible(call->chat, &call->actor, &call->ids[param], &why);

    if (!r)
        nc_call_problem(call, &why);
    return r;
}

struct nc_room *nc_call_joined(struct nc_call *call, unsigned param)
{
    struct nc_room *r = nc_call_room(call, param);

    if (r && !(call->actor.user && nc_room_member(r, call->actor.user))) {
        nc_call_fail(call, NC_P_FORBIDDEN, "you are not a member of this room");
        return NULL;
    }
    return r;
}
