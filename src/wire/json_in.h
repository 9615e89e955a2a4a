/*
 * wire/json_in: JSON in: one strict object, and members taken by name and type.
 *
 * Parsing is jansson's, with what protocol section 1 wants on top: depth 32, no
 * duplicate keys, no NUL.  Members nobody asks for are ignored.
 */
#pragma once

#include <jansson.h>

#include "base/id.h"
#include "wire/problem.h"

#define NC_JSON_DEPTH 32

/* Parse `in`, which must be one JSON object.  The caller json_decrefs *out.
 * NC_EINVAL with *why set (invalid_json, or bad_request if it is no object); *out is NULL.
 */
NC_MUSTUSE enum nc_err nc_json_parse(struct nc_str in, json_t **out,
                                     struct nc_problem *why);

/* A string's text, as long as `v` lives; empty if it is none. */
static inline struct nc_str nc_json_text(const json_t *v)
{
    return (struct nc_str){json_string_value(v), json_string_length(v)};
}

/*
 * Take member `name`.  NC_EINVAL with *why naming it (bad_request), when it has the
 * wrong type or range, or when a _need_ one is absent.  An _opt_ one that is absent or
 * null leaves *out as it was.  Strings are views that live as long as `obj`.
 */

/* min..max count characters (code points); no NUL. */
NC_MUSTUSE enum nc_err nc_json_need_str(const json_t *obj, const char *name, size_t min,
                                        size_t max, struct nc_str *out,
                                        struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_opt_str(const json_t *obj, const char *name, size_t min,
                                       size_t max, struct nc_str *out,
                                       struct nc_problem *why);
/* 1..max bytes, no NUL; over it the problem is too_large. */
NC_MUSTUSE enum nc_err nc_json_need_text(const json_t *obj, const char *name, size_t max,
                                         struct nc_str *out, struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_need_id(const json_t *obj, const char *name,
                                       struct nc_id *out, struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_opt_id(const json_t *obj, const char *name,
                                      struct nc_id *out, struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_need_bool(const json_t *obj, const char *name, bool *out,
                                         struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_opt_bool(const json_t *obj, const char *name, bool *out,
                                        struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_need_int(const json_t *obj, const char *name, int64_t min,
                                        int64_t max, int64_t *out, struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_opt_int(const json_t *obj, const char *name, int64_t min,
                                       int64_t max, int64_t *out, struct nc_problem *why);
/* A time in RFC 3339, as wall milliseconds. */
NC_MUSTUSE enum nc_err nc_json_opt_time(const json_t *obj, const char *name, uint64_t *out,
                                        struct nc_problem *why);
/* One of a NULL-ended list of words; *out is its index. */
NC_MUSTUSE enum nc_err nc_json_need_word(const json_t *obj, const char *name,
                                         const char *const *words, unsigned *out,
                                         struct nc_problem *why);
NC_MUSTUSE enum nc_err nc_json_opt_word(const json_t *obj, const char *name,
                                        const char *const *words, unsigned *out,
                                        struct nc_problem *why);
/* An array of at most `max` strings of 1..each characters into out[max]; *n is their
 * number, 0 when absent.  `present` (may be NULL) tells [] from absent. */
NC_MUSTUSE enum nc_err nc_json_opt_strs(const json_t *obj, const char *name, size_t max,
                                        size_t each, struct nc_str *out, size_t *n,
                                        bool *present, struct nc_problem *why);

/* Bytes of memory that it takes, about: for short values many times its text. */
size_t nc_json_weight(const json_t *v);

bool nc_json_has(const json_t *obj, const char *name); /* present, null included */
/* Member `name` of any type as compact JSON text appended to out (for `ref`), false if
 * absent. */
bool nc_json_copy(const json_t *obj, const char *name, struct nc_buf *out);
