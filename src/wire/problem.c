#include "wire/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/russian.h"
#include "wire/json.h"
#include "wire/utf8.h"

static const struct {
    unsigned status;
    const char *name, *title;
} problems[NC_P_COUNT] = {
    [NC_P_NONE] = {200, "none", "OK"},
    [NC_P_BAD_REQUEST] = {400, "bad_request", "Bad Request"},
    [NC_P_INVALID_JSON] = {400, "invalid_json", "Invalid JSON"},
    [NC_P_UNAUTHORIZED] = {401, "unauthorized", "Unauthorized"},
    [NC_P_FORBIDDEN] = {403, "forbidden", "Forbidden"},
    [NC_P_NOT_FOUND] = {404, "not_found", "Not Found"},
    [NC_P_METHOD_NOT_ALLOWED] = {405, "method_not_allowed", "Method Not Allowed"},
    [NC_P_TIMEOUT] = {408, "timeout", "Request Timeout"},
    [NC_P_CONFLICT] = {409, "conflict", "Conflict"},
    [NC_P_TOO_LARGE] = {413, "too_large", "Content Too Large"},
    [NC_P_UNSUPPORTED_TYPE] = {415, "unsupported_type", "Unsupported Media Type"},
    [NC_P_BAD_RANGE] = {416, "bad_range", "Range Not Satisfiable"},
    [NC_P_EXPECTATION_FAILED] = {417, "expectation_failed", "Expectation Failed"},
    [NC_P_UPGRADE_REQUIRED] = {426, "upgrade_required", "Upgrade Required"},
    [NC_P_RATE_LIMITED] = {429, "rate_limited", "Too Many Requests"},
    [NC_P_HEAD_TOO_LARGE] = {431, "head_too_large", "Request Header Fields Too Large"},
    [NC_P_INTERNAL] = {500, "internal", "Internal Server Error"},
    [NC_P_NOT_IMPLEMENTED] = {501, "not_implemented", "Not Implemented"},
    [NC_P_BUSY] = {503, "busy", "Busy"},
    [NC_P_UNAVAILABLE] = {503, "unavailable", "Service Unavailable"},
    [NC_P_BAD_GATEWAY] = {502, "bad_gateway", "Bad Gateway"},
    [NC_P_GATEWAY_TIMEOUT] = {504, "gateway_timeout", "Gateway Timeout"},
    [NC_P_BAD_VERSION] = {505, "bad_version", "HTTP Version Not Supported"},
    [NC_P_LOOP] = {508, "loop_detected", "Loop Detected"},
};

unsigned nc_problem_status(enum nc_problem_code code) { return problems[code].status; }
const char *nc_problem_title(enum nc_problem_code code) { return problems[code].title; }
const char *nc_problem_name(enum nc_problem_code code) { return problems[code].name; }

enum nc_problem_code nc_problem_find(struct nc_str name)
{
    for (unsigned i = NC_P_NONE + 1; i < NC_P_COUNT; i++)
        if (nc_str_eqz(name, problems[i].name))
            return (enum nc_problem_code)i;
    return NC_P_NONE;
}

/* What does not fit is cut between characters, and a stray byte from outside must
 * not make our own answer invalid. */
static void tidy(char *text, size_t n)
{
    struct nc_utf8 u = {0};

    if (!nc_utf8_feed(&u, (struct nc_str){text, n})) {
        for (size_t i = 0; i < n; i++)
            if ((unsigned char)text[i] >= 0x80)
                text[i] = '?';
    } else if (!nc_utf8_whole(&u)) {
        while ((text[n - 1] & 0xC0) == 0x80)
            n--;
        text[n - 1] = 0;
    }
}

void nc_problem_set(struct nc_problem *p, enum nc_problem_code code, const char *fmt, ...)
{
    va_list ap;

    if (!p)
        return;
    *p = (struct nc_problem){.code = code};
    if (code == NC_P_RATE_LIMITED || problems[code].status == 503)
        p->retry_after_s = 1;
    va_start(ap, fmt);
    vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
    va_end(ap);
    tidy(p->detail, strlen(p->detail));
}

enum nc_problem_code nc_problem_of(enum nc_err e)
{
    switch (e) {
    case NC_OK: return NC_P_NONE;
    case NC_AGAIN: return NC_P_BUSY;
    case NC_EINVAL: return NC_P_BAD_REQUEST;
    case NC_EACCESS: return NC_P_FORBIDDEN;
    case NC_ENOENT: return NC_P_NOT_FOUND;
    case NC_EEXIST: return NC_P_CONFLICT;
    case NC_ELIMIT: return NC_P_TOO_LARGE;
    case NC_EIO: return NC_P_INTERNAL;
    case NC_ECLOSED: return NC_P_UNAVAILABLE;
    }
    return NC_P_INTERNAL;
}

void nc_problem_words(struct nc_buf *out, const struct nc_problem *p)
{
    struct nc_str words = nc_str(p->detail[0] ? p->detail : problems[p->code].title);

    if (p->russian)
        nc_russian(out, words);
    else
        nc_buf_adds(out, words);
}

static void add_detail(struct nc_json *j, const struct nc_problem *p)
{
    struct nc_buf words = {0};

    if (p->detail[0])
        nc_problem_words(&words, p);
    nc_json_kstr(j, "detail", nc_buf_str(&words));
    nc_buf_fini(&words);
}

void nc_problem_http(struct nc_buf *out, const struct nc_problem *p)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kuint(&j, "status", problems[p->code].status);
    nc_json_kstr(&j, "title", nc_str(problems[p->code].title));
    add_detail(&j, p);
    nc_json_kstr(&j, "code", nc_str(problems[p->code].name));
    nc_json_obj_end(&j);
}

void nc_problem_event(struct nc_buf *out, const struct nc_problem *p, struct nc_str ref)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("error"));
    if (ref.n)
        nc_json_kraw(&j, "ref", ref);
    nc_json_kstr(&j, "code", nc_str(problems[p->code].name));
    add_detail(&j, p);
    nc_json_obj_end(&j);
}
