#include "wire/json_in.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "wire/utf8.h"

/* A value of jansson's is some 30 to 100 bytes, its text may be two: without this a
 * 1 MiB body could become 50 MiB. */
#define VALUES_MAX 50000

/* Depth and number of values, before jansson spends anything on them.  What looks
 * like a bracket in malformed text may miscount: then jansson refuses it anyway. */
static enum nc_err measure(struct nc_str in, struct nc_problem *why)
{
    unsigned depth = 0;
    size_t values = 0;
    bool text = false;

    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];

        if (text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                text = false;
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            if (++depth > NC_JSON_DEPTH) {
                nc_problem_set(why, NC_P_BAD_REQUEST,
                               "the JSON is nested deeper than %d levels", NC_JSON_DEPTH);
                return NC_EINVAL;
            }
            values++;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        } else if (c == ',') {
            values++;
        }
    }
    if (values > VALUES_MAX) {
        nc_problem_set(why, NC_P_TOO_LARGE, "the JSON has more than %d values", VALUES_MAX);
        return NC_EINVAL;
    }
    return NC_OK;
}

enum nc_err nc_json_parse(struct nc_str in, json_t **out, struct nc_problem *why)
{
    json_error_t err;

    *out = NULL;
    if (measure(in, why) != NC_OK)
        return NC_EINVAL;
    /* NUL is let through so that its member can be named by the one who takes it. */
    json_t *root =
        json_loadb(in.n ? in.p : "", in.n,
                   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &err);
    if (!root) {
        nc_problem_set(why, NC_P_INVALID_JSON, "not valid JSON (line %d, column %d)",
                       err.line, err.column);
        return NC_EINVAL;
    }
    if (!json_is_object(root)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "the body must be a JSON object");
        json_decref(root);
        return NC_EINVAL;
    }
    *out = root;
    return NC_OK;
}

/* The refusals, one wording each. */
static enum nc_err must(struct nc_problem *why, const char *name, const char *what)
{
    nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` must be %s", name, what);
    return NC_EINVAL;
}

static enum nc_err missing(struct nc_problem *why, const char *name)
{
    nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` is missing", name);
    return NC_EINVAL;
}

static bool absent(const json_t *obj, const char *name)
{
    const json_t *v = json_object_get(obj, name);

    return !v || json_is_null(v);
}

static enum nc_err take_text(const json_t *v, const char *name, struct nc_str *out,
                             struct nc_problem *why)
{
    if (!json_is_string(v))
        return must(why, name, "a string");
    struct nc_str s = {json_string_value(v), json_string_length(v)};
    if (memchr(s.p, 0, s.n))
        return must(why, name, "a string without NUL characters");
    *out = s;
    return NC_OK;
}

static enum nc_err take_str(const json_t *v, const char *name, size_t min, size_t max,
                            struct nc_str *out, struct nc_problem *why)
{
    struct nc_str s;
    enum nc_err e = take_text(v, name, &s, why);

    if (e != NC_OK)
        return e;
    size_t n = nc_utf8_count(s);
    if (n < min && max == SIZE_MAX)
        return must(why, name, "a string that is not empty");
    if (n < min || n > max) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` must have %zu to %zu characters", name,
                       min, max);
        return NC_EINVAL;
    }
    *out = s;
    return NC_OK;
}

enum nc_err nc_json_need_str(const json_t *obj, const char *name, size_t min, size_t max,
                             struct nc_str *out, struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);

    return v ? take_str(v, name, min, max, out, why) : missing(why, name);
}

enum nc_err nc_json_opt_str(const json_t *obj, const char *name, size_t min, size_t max,
                            struct nc_str *out, struct nc_problem *why)
{
    if (absent(obj, name))
        return NC_OK;
    return nc_json_need_str(obj, name, min, max, out, why);
}

enum nc_err nc_json_need_text(const json_t *obj, const char *name, size_t max,
                              struct nc_str *out, struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);
    struct nc_str s;

    if (!v)
        return missing(why, name);
    enum nc_err e = take_text(v, name, &s, why);
    if (e != NC_OK)
        return e;
    if (s.n == 0)
        return must(why, name, "a string that is not empty");
    if (s.n > max) {
        nc_problem_set(why, NC_P_TOO_LARGE, "`%s` may have at most %zu bytes", name, max);
        return NC_EINVAL;
    }
    *out = s;
    return NC_OK;
}

enum nc_err nc_json_need_id(const json_t *obj, const char *name, struct nc_id *out,
                            struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);
    struct nc_str s;

    if (!v)
        return missing(why, name);
    if (!json_is_string(v))
        return must(why, name, "a string");
    s = (struct nc_str){json_string_value(v), json_string_length(v)};
    return nc_id_parse(s, out) == NC_OK ? NC_OK : must(why, name, "a UUID");
}

enum nc_err nc_json_opt_id(const json_t *obj, const char *name, struct nc_id *out,
                           struct nc_problem *why)
{
    return absent(obj, name) ? NC_OK : nc_json_need_id(obj, name, out, why);
}

enum nc_err nc_json_need_bool(const json_t *obj, const char *name, bool *out,
                              struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);

    if (!v)
        return missing(why, name);
    if (!json_is_boolean(v))
        return must(why, name, "true or false");
    *out = json_is_true(v);
    return NC_OK;
}

enum nc_err nc_json_opt_bool(const json_t *obj, const char *name, bool *out,
                             struct nc_problem *why)
{
    return absent(obj, name) ? NC_OK : nc_json_need_bool(obj, name, out, why);
}

enum nc_err nc_json_need_int(const json_t *obj, const char *name, int64_t min, int64_t max,
                             int64_t *out, struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);

    if (!v)
        return missing(why, name);
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
        nc_problem_set(why, NC_P_BAD_REQUEST,
                       "`%s` must be a whole number from %lld to %lld", name,
                       (long long)min, (long long)max);
        return NC_EINVAL;
    }
    *out = json_integer_value(v);
    return NC_OK;
}

enum nc_err nc_json_opt_int(const json_t *obj, const char *name, int64_t min, int64_t max,
                            int64_t *out, struct nc_problem *why)
{
    return absent(obj, name) ? NC_OK : nc_json_need_int(obj, name, min, max, out, why);
}

enum nc_err nc_json_opt_time(const json_t *obj, const char *name, uint64_t *out,
                             struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);
    struct nc_str s;

    if (absent(obj, name))
        return NC_OK;
    s = (struct nc_str){json_string_value(v), json_string_length(v)};
    return json_is_string(v) && nc_time_parse(s, out) == NC_OK
               ? NC_OK
               : must(why, name, "a time in RFC 3339");
}

enum nc_err nc_json_need_word(const json_t *obj, const char *name, const char *const *words,
                              unsigned *out, struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);
    char list[120] = "one of";
    size_t n = strlen(list);

    if (!v)
        return missing(why, name);
    for (unsigned i = 0; words[i]; i++) {
        struct nc_str s = {json_string_value(v), json_string_length(v)};

        if (s.p && nc_str_eqz(s, words[i])) {
            *out = i;
            return NC_OK;
        }
        if (n < sizeof(list))
            n += (size_t)snprintf(list + n, sizeof(list) - n, " `%s`", words[i]);
    }
    return must(why, name, list);
}

enum nc_err nc_json_opt_word(const json_t *obj, const char *name, const char *const *words,
                             unsigned *out, struct nc_problem *why)
{
    return absent(obj, name) ? NC_OK : nc_json_need_word(obj, name, words, out, why);
}

enum nc_err nc_json_opt_strs(const json_t *obj, const char *name, size_t max, size_t each,
                             struct nc_str *out, size_t *n, bool *present,
                             struct nc_problem *why)
{
    const json_t *v = json_object_get(obj, name);

    *n = 0;
    if (present)
        *present = !absent(obj, name);
    if (absent(obj, name))
        return NC_OK;
    if (!json_is_array(v))
        return must(why, name, "an array of strings");
    if (json_array_size(v) > max) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` may have at most %zu elements", name,
                       max);
        return NC_EINVAL;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!json_is_string(json_array_get(v, i)))
            return must(why, name, "an array of strings");
        enum nc_err e = take_str(json_array_get(v, i), name, 1, each, &out[i], why);
        if (e != NC_OK)
            return e;
    }
    *n = json_array_size(v);
    return NC_OK;
}

/* What jansson and the allocator spend, on 64 bits. */
enum { WEIGHT_VALUE = 32, WEIGHT_TEXT = 64, WEIGHT_ARRAY = 128, WEIGHT_OBJECT = 256 };

size_t nc_json_weight(const json_t *v)
{
    size_t n = WEIGHT_VALUE;
    const char *name;
    json_t *each;

    if (json_is_string(v)) {
        n = WEIGHT_TEXT + json_string_length(v);
    } else if (json_is_array(v)) {
        n = WEIGHT_ARRAY;
        for (size_t i = 0; i < json_array_size(v); i++)
            n += sizeof(void *) + nc_json_weight(json_array_get(v, i));
    } else if (json_is_object(v)) {
        n = WEIGHT_OBJECT;
        json_object_foreach((json_t *)(uintptr_t)v, name, each) n +=
            WEIGHT_TEXT + strlen(name) + nc_json_weight(each);
    }
    return n;
}

bool nc_json_has(const json_t *obj, const char *name) { return json_object_get(obj, name); }

static int on_dump(const char *p, size_t n, void *arg)
{
    nc_buf_add(arg, p, n);
    return 0;
}

bool nc_json_copy(const json_t *obj, const char *name, struct nc_buf *out)
{
    const json_t *v = json_object_get(obj, name);

    if (v)
        json_dump_callback(v, on_dump, out,
                           JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    return v != NULL;
}
