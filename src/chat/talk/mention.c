#include "chat/talk/mention.h"

#include <string.h>

#include "base/utf8.h"

enum { NAME_MAX = 32, NAME_MIN = 2, SPAN_MAX = 8 };

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool in_name(char c)
{
    return letter_or_digit(c) || c == '.' || c == '_' || c == '-';
}

/* A character before '@' that makes it part of a word; bytes above ASCII are letters of
 * other scripts, except for general punctuation («quotes», dashes, no-break space). */
static bool glued(struct nc_str before)
{
    if (!before.n)
        return false;

    size_t at = nc_utf8_boundary(before, before.n - 1);
    struct nc_str last = {before.p + at, before.n - at};
    uint32_t cp = nc_utf8_next(&last);

    if (cp < 0x80)
        return letter_or_digit(lower((char)cp)) || cp == '_' || cp == '@' || cp == '.' ||
               cp == '/' || cp == '\\';
    if (cp <= 0xbf || (cp >= 0x2000 && cp <= 0x206f) || (cp >= 0x3000 && cp <= 0x303f))
        return false;
    return cp < 0x1f000; /* an emoji is no letter */
}

bool nc_mention_has(struct nc_str mentions, struct nc_str name)
{
    while (mentions.n)
        if (nc_str_eq(nc_str_cut(&mentions, ' '), name))
            return true;
    return false;
}

/* How many of the n characters name somebody, 0 for nobody: the longest known name that
 * ends where a word may end. */
static size_t whose(const char *name, size_t n, bool (*known)(void *, struct nc_str),
                    void *arg)
{
    while (n >= NAME_MIN) {
        if (known(arg, (struct nc_str){name, n}))
            return n;
        if (letter_or_digit(name[n - 1]) || name[n - 1] == '_')
            return 0;
        n--;
    }
    return 0;
}

/* The name at the head of `rest` (after '@'); returns what to skip. */
static size_t take(struct nc_buf *out, size_t start, struct nc_str rest,
                   bool (*known)(void *, struct nc_str), void *arg, unsigned *found)
{
    char name[NAME_MAX];
    size_t n = 0;

    while (n < rest.n && n < NAME_MAX && in_name(lower(rest.p[n]))) {
        name[n] = lower(rest.p[n]);
        n++;
    }
    /* Longer than any name, or going on in another script: no name of ours. */
    if (n < NAME_MIN || !letter_or_digit(name[0]) ||
        (n < rest.n && (in_name(lower(rest.p[n])) || rest.p[n] == '@')))
        return n;
    if (n < rest.n && (uint8_t)rest.p[n] >= 0x80) {
        struct nc_str after = {rest.p + n, rest.n - n};
        struct nc_str next = after;
        (void)nc_utf8_next(&next);
        if (glued((struct nc_str){after.p, after.n - next.n}))
            return n;
    }

    size_t len = whose(name, n, known, arg);
    struct nc_str who = {name, len};
    struct nc_str already = {out->p ? out->p + start : NULL, out->n - start};

    if (len && !nc_mention_has(already, who)) {
        if (already.n)
            nc_buf_addc(out, ' ');
        nc_buf_adds(out, who);
        ++*found;
    }
    return n;
}

static size_t run_of(struct nc_str s, char c)
{
    size_t n = 0;

    while (n < s.n && s.p[n] == c)
        n++;
    return n;
}

/* Where a code span that opens with `ticks` backquotes ends, or 0: not a span. */
static size_t span_end(struct nc_str after, size_t ticks)
{
    for (size_t i = 0; i < after.n;) {
        size_t n = run_of((struct nc_str){after.p + i, after.n - i}, '`');
        if (n == ticks)
            return i + n;
        i += n ? n : 1;
    }
    return 0;
}

/* A line that opens or closes a fenced block: up to three blanks and three or more of
 * ` or ~.  Returns the character, or 0. */
static char fence(struct nc_str line, size_t *len)
{
    size_t blanks = run_of(line, ' ');
    struct nc_str s = {line.p + blanks, line.n - blanks};

    if (blanks > 3 || !s.n || (s.p[0] != '`' && s.p[0] != '~'))
        return 0;
    *len = run_of(s, s.p[0]);
    return *len >= 3 ? s.p[0] : 0;
}

/* The bytes of `text` that are a fenced block from its head on, its closing line
 * included; 0 when it doesn't begin with one.  Unclosed, it runs to the end. */
static size_t fenced(struct nc_str text)
{
    struct nc_str rest = text;
    size_t open_n = 0, n;
    char open = fence(nc_str_cut(&rest, '\n'), &open_n);

    if (!open)
        return 0;
    while (rest.n) {
        struct nc_str line = nc_str_cut(&rest, '\n');
        if (fence(line, &n) == open && n >= open_n)
            return rest.p ? (size_t)(rest.p - text.p) : text.n;
    }
    return text.n;
}

void nc_mention_find(struct nc_buf *out, struct nc_str text,
                     bool (*known)(void *arg, struct nc_str name), void *arg)
{
    size_t start = out->n, i = 0;
    unsigned found = 0;

    /* Nearly every message has none: leave at once. */
    if (!text.n || !memchr(text.p, '@', text.n))
        return;
    while (i < text.n && found < NC_MENTIONS_MAX) {
        struct nc_str rest = {text.p + i, text.n - i};

        if (i == 0 || text.p[i - 1] == '\n') {
            size_t skip = fenced(rest);
            if (skip) {
                i += skip;
                continue;
            }
        }
        if (rest.p[0] == '`') {
            size_t ticks = run_of(rest, '`');
            i += ticks;
            /* Longer runs open nothing: every length would cost a look at all the rest. */
            if (ticks <= SPAN_MAX)
                i += span_end((struct nc_str){text.p + i, text.n - i}, ticks);
        } else if (rest.p[0] == '@' && !glued((struct nc_str){text.p, i})) {
            rest.p++, rest.n--;
            i += 1 + take(out, start, rest, known, arg, &found);
        } else {
            i++;
        }
    }
}
