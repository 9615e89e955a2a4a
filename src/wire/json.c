#include "wire/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define EACH(byte) (0x0101010101010101u * (byte))
#define HIGH EACH(0x80)

/* High bit set in each byte of w that is zero (exact in the lowest one that is). */
static uint64_t zeros(uint64_t w) { return (w - EACH(1)) & ~w & HIGH; }

static bool special(uint8_t c) { return c < 0x20 || c == '"' || c == '\\'; }

/* How many of the first bytes stand for themselves in a JSON string. */
static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;

    for (uint64_t w; i + 8 <= n; i += 8) {
        memcpy(&w, p + i, 8);
        uint64_t low = (w - EACH(0x20)) & ~w & HIGH;
        if (low | zeros(w ^ EACH('"')) | zeros(w ^ EACH('\\')))
            break;
    }
    while (i < n && !special((uint8_t)p[i]))
        i++;
    return i;
}

/* Room for n bytes more, the comma before them already in place. */
static char *value(struct nc_json *j, size_t n)
{
    char *p = nc_buf_reserve(j->out, n + 1);

    if (j->comma) {
        *p++ = ',';
        nc_buf_grew(j->out, 1);
    }
    j->comma = true;
    return p;
}

static void put(struct nc_json *j, const char *text, size_t n)
{
    memcpy(value(j, n), text, n);
    nc_buf_grew(j->out, n);
}

static void end(struct nc_json *j, char c)
{
    nc_buf_addc(j->out, c);
    j->comma = true;
}

void nc_json_obj(struct nc_json *j)
{
    put(j, "{", 1);
    j->comma = false;
}

void nc_json_arr(struct nc_json *j)
{
    put(j, "[", 1);
    j->comma = false;
}

void nc_json_obj_end(struct nc_json *j) { end(j, '}'); }
void nc_json_arr_end(struct nc_json *j) { end(j, ']'); }

void nc_json_keyn(struct nc_json *j, const char *key, size_t n)
{
    char *p = value(j, n + 3);

    p[0] = '"';
    memcpy(p + 1, key, n);
    p[n + 1] = '"';
    p[n + 2] = ':';
    nc_buf_grew(j->out, n + 3);
    j->comma = false;
}

static void escape(struct nc_buf *out, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char brief[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                 ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    if (c < sizeof(brief) && brief[c])
        nc_buf_add(out, (char[]){'\\', brief[c]}, 2);
    else
        nc_buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

void nc_json_str(struct nc_json *j, struct nc_str s)
{
    size_t run = plain_run(s.p, s.n);
    char *p = value(j, s.n + 2);

    *p++ = '"';
    if (run)
        memcpy(p, s.p, run);
    if (run == s.n) {
        p[run] = '"';
        nc_buf_grew(j->out, run + 2);
        return;
    }
    nc_buf_grew(j->out, run + 1);
    while (run < s.n) {
        size_t more;

        escape(j->out, (uint8_t)s.p[run++]);
        more = plain_run(s.p + run, s.n - run);
        nc_buf_add(j->out, s.p + run, more);
        run += more;
    }
    nc_buf_addc(j->out, '"');
}

void nc_json_id(struct nc_json *j, const struct nc_id *id)
{
    char *p = value(j, NC_ID_TEXT + 2);

    p[0] = p[NC_ID_TEXT + 1] = '"';
    nc_id_text(id, p + 1);
    nc_buf_grew(j->out, NC_ID_TEXT + 2);
}

void nc_json_time(struct nc_json *j, uint64_t wall_ms)
{
    char *p = value(j, NC_TIME_TEXT + 2);

    p[0] = p[NC_TIME_TEXT + 1] = '"';
    nc_time_text(wall_ms, p + 1);
    nc_buf_grew(j->out, NC_TIME_TEXT + 2);
}

static void number(struct nc_json *j, bool minus, uint64_t v)
{
    char text[21];
    size_t at = sizeof(text);

    do
        text[--at] = (char)('0' + v % 10);
    while (v /= 10);
    if (minus)
        text[--at] = '-';
    put(j, text + at, sizeof(text) - at);
}

void nc_json_int(struct nc_json *j, int64_t v)
{
    number(j, v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void nc_json_uint(struct nc_json *j, uint64_t v) { number(j, false, v); }

void nc_json_real(struct nc_json *j, double v)
{
    char text[40];
    int n = 0;

    assert(isfinite(v));
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    /* A program may have set a locale in which the point is a comma. */
    for (int i = 0; i < n; i++)
        if (!strchr("0123456789+-e", text[i]))
            text[i] = '.';
    put(j, text, (size_t)n);
}

void nc_json_bool(struct nc_json *j, bool v) { put(j, v ? "true" : "false", v ? 4 : 5); }
void nc_json_null(struct nc_json *j) { put(j, "null", 4); }
void nc_json_raw(struct nc_json *j, struct nc_str json) { put(j, json.p, json.n); }

void nc_json_value(struct nc_json *j, const json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    nc_json_raw(j, nc_str(text));
    free(text);
}
