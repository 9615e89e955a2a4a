/*
 * wire/json: JSON out: an append-only writer over a buffer.
 *
 * Commas are automatic; balance is the caller's.  Strings must be valid UTF-8 (they
 * were checked when they came in).  For JSON that comes in: wire/json_in.h.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/id.h"

struct nc_json {
    struct nc_buf *out;
    bool comma; /* a value was just written: the next one needs a comma before it */
};

static inline struct nc_json nc_json_to(struct nc_buf *out)
{
    return (struct nc_json){out, false};
}

void nc_json_obj(struct nc_json *j); /* { */
void nc_json_obj_end(struct nc_json *j);
void nc_json_arr(struct nc_json *j); /* [ */
void nc_json_arr_end(struct nc_json *j);

/* A member's name, written as it is: plain ASCII without quotes or backslashes. */
void nc_json_keyn(struct nc_json *j, const char *key, size_t n);
static inline void nc_json_key(struct nc_json *j, const char *key)
{
    nc_json_keyn(j, key, __builtin_strlen(key));
}

void nc_json_str(struct nc_json *j, struct nc_str s);
void nc_json_id(struct nc_json *j, const struct nc_id *id); /* "…" */
void nc_json_time(struct nc_json *j, uint64_t wall_ms);     /* RFC 3339, "…" */
void nc_json_int(struct nc_json *j, int64_t v);
void nc_json_uint(struct nc_json *j, uint64_t v);
void nc_json_real(struct nc_json *j, double v); /* finite; shortest that reads back */
void nc_json_bool(struct nc_json *j, bool v);
void nc_json_null(struct nc_json *j);
void nc_json_raw(struct nc_json *j, struct nc_str json); /* one whole value, already JSON */
void nc_json_value(struct nc_json *j, const json_t *v);  /* one that was parsed */

/* Key and value in one. */
#define NC_JSON_MEMBER(name, type)                                                 \
    static inline void nc_json_k##name(struct nc_json *j, const char *key, type v) \
    {                                                                              \
        nc_json_key(j, key);                                                       \
        nc_json_##name(j, v);                                                      \
    }
NC_JSON_MEMBER(str, struct nc_str)
NC_JSON_MEMBER(id, const struct nc_id *)
NC_JSON_MEMBER(time, uint64_t)
NC_JSON_MEMBER(int, int64_t)
NC_JSON_MEMBER(uint, uint64_t)
NC_JSON_MEMBER(real, double)
NC_JSON_MEMBER(bool, bool)
NC_JSON_MEMBER(raw, struct nc_str)
NC_JSON_MEMBER(value, const json_t *)
#undef NC_JSON_MEMBER
