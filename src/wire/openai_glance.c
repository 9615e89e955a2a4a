#include "wire/openai_glance.h"

#include <string.h>

#include "base/utf8.h"

#define DEPTH_MAX 64

/* A place in the text, and whether all was well on the way there. */
struct at {
    const char *p, *end;
    bool bad, deep;
    bool escaped; /* the last string had a backslash in it */
};

static void blanks(struct at *a)
{
    while (a->p < a->end &&
           (*a->p == ' ' || *a->p == '\n' || *a->p == '\r' || *a->p == '\t'))
        a->p++;
}

static char peek(const struct at *a) { return a->p < a->end ? *a->p : '\0'; }

static bool take(struct at *a, char c)
{
    blanks(a);
    if (peek(a) != c || a->p == a->end)
        return false;
    a->p++;
    return true;
}

/* How many bytes from p on are neither a quote nor a backslash nor a control character:
 * eight at once, as far as they reach. */
static size_t plain_run(const char *p, size_t n)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    size_t i = 0;

    for (uint64_t w; i + 8 <= n; i += 8) {
        memcpy(&w, p + i, 8);
        uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
        uint64_t hit =
            ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * ' ') & ~w);
        if (hit & highs)
            return i; /* the slow way knows which */
    }
    return i;
}

/* Past a string, whose inside is returned as it is written. */
static struct nc_str string(struct at *a)
{
    const char *from = ++a->p;

    a->escaped = false;
    a->p += plain_run(a->p, (size_t)(a->end - a->p));
    for (; a->p < a->end && *a->p != '"'; a->p++) {
        a->bad |= (uint8_t)*a->p < ' ';
        if (*a->p == '\\') {
            a->escaped = true;
            a->p++;
        }
    }
    if (a->p >= a->end) {
        a->bad = true;
        a->p = a->end;
        return (struct nc_str){NULL, 0};
    }
    return (struct nc_str){from, (size_t)(a->p++ - from)};
}

static void word(struct at *a)
{
    const char *from = a->p;

    while (a->p < a->end && !strchr(",:{}[]\" \n\r\t", *a->p))
        a->p++;
    a->bad |= a->p == from;
}

/* Past one value, which is returned as it is written. */
static struct nc_str value(struct at *a)
{
    uint64_t arrays = 0; /* a bit for each open bracket: which kind */
    unsigned depth = 0;

    blanks(a);
    const char *from = a->p;
    do {
        char c = peek(a);
        if (c == '{' || c == '[') {
            a->deep |= depth == DEPTH_MAX;
            a->bad |= a->deep;
            arrays = arrays << 1 | (c == '[');
            depth++;
            a->p++;
        } else if (depth && (c == '}' || c == ']')) {
            a->bad |= (arrays & 1) != (c == ']');
            arrays >>= 1;
            depth--;
            a->p++;
        } else if (c == '"') {
            string(a);
        } else if (depth && (c == ',' || c == ':')) {
            a->p++;
        } else {
            word(a);
        }
        if (depth)
            blanks(a);
    } while (depth && !a->bad);
    return (struct nc_str){from, (size_t)(a->p - from)};
}

typedef void member_fn(struct nc_openai_glance *g, struct nc_str name, struct at *a);

/* Each member of an object; `each` goes past its value. */
static void object(struct at *a, struct nc_openai_glance *g, member_fn *each)
{
    a->bad |= !take(a, '{');
    if (a->bad || take(a, '}'))
        return;
    do {
        blanks(a);
        a->bad |= peek(a) != '"';
        if (a->bad)
            return;
        struct nc_str name = string(a);
        g->parse |= a->escaped;
        a->bad |= !take(a, ':');
        if (!a->bad)
            each(g, name, a);
    } while (!a->bad && take(a, ','));
    a->bad |= !take(a, '}');
}

static void on_choice_member(struct nc_openai_glance *g, struct nc_str name, struct at *a)
{
    struct nc_str v = value(a);

    if (!nc_str_eqz(name, "finish_reason"))
        return;
    g->parse |= v.n && v.p[0] == '"' && a->escaped;
    g->finish = v.n > 2 && v.p[0] == '"'
                    ? nc_openai_finish((struct nc_str){v.p + 1, v.n - 2})
                    : NC_OPENAI_GOING;
    g->finished = g->finish != NC_OPENAI_GOING;
}

static void choices(struct nc_openai_glance *g, struct at *a)
{
    blanks(a);
    g->choices = peek(a) == '[';
    g->finished = false;
    g->finish = NC_OPENAI_GOING;
    if (!g->choices) {
        value(a);
        return;
    }
    a->p++;
    if (take(a, ']'))
        return;
    blanks(a);
    if (peek(a) == '{')
        object(a, g, on_choice_member);
    else
        value(a);
    while (!a->bad && take(a, ','))
        value(a);
    a->bad |= !take(a, ']');
}

static void on_member(struct nc_openai_glance *g, struct nc_str name, struct at *a)
{
    if (nc_str_eqz(name, "choices")) {
        choices(g, a);
        return;
    }
    struct nc_str v = value(a);
    char c = v.n ? v.p[0] : '\0';

    if (nc_str_eqz(name, "error"))
        g->error = c == '{' || c == '"';
    else if (nc_str_eqz(name, "object"))
        g->parse |= c == '"' && (a->escaped || nc_str_eqz(v, "\"error\""));
    else if (nc_str_eqz(name, "usage"))
        g->usage = c == '{' ? v : (struct nc_str){NULL, 0};
}

enum nc_err nc_openai_glance(struct nc_openai_glance *out, struct nc_str data)
{
    struct at a;

    *out = (struct nc_openai_glance){0};
    data = nc_str_trim(data);
    if (nc_str_eqz(data, "[DONE]")) {
        out->done = true;
        return NC_OK;
    }
    if (data.n == 0 || !nc_utf8_valid(data))
        return NC_EINVAL;
    a = (struct at){.p = data.p, .end = data.p + data.n};
    object(&a, out, on_member);
    out->lines = memchr(data.p, '\n', data.n) || memchr(data.p, '\r', data.n);
    out->parse |= a.deep;
    return !a.deep && (a.bad || a.p != a.end) ? NC_EINVAL : NC_OK;
}

static uint64_t count_of(const json_t *usage, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(usage, name));

    return n > 0 ? (uint64_t)n : 0;
}

bool nc_openai_usage(struct nc_str usage, uint64_t *prompt, uint64_t *completion)
{
    json_t *root = json_loadb(usage.n ? usage.p : "", usage.n, JSON_ALLOW_NUL, NULL);
    bool ok = json_is_object(root);

    if (ok) {
        *prompt = count_of(root, "prompt_tokens");
        *completion = count_of(root, "completion_tokens");
    }
    json_decref(root);
    return ok;
}
