#include "client/glyph.h"

#include <wchar.h>

#include "base/utf8.h"

enum { ZWJ = 0x200d, REPLACEMENT = 0xfffd, TAB_COLUMNS = 4 };

unsigned nc_glyph_width(uint32_t cp)
{
    int w = cp == NC_UTF8_BAD ? 1 : wcwidth((wchar_t)cp);
    return w < 0 ? 1 : (unsigned)w;
}

static bool is_regional(uint32_t cp) { return cp >= 0x1f1e6 && cp <= 0x1f1ff; }
static bool is_modifier(uint32_t cp) { return cp >= 0x1f3fb && cp <= 0x1f3ff; }

static bool extends(uint32_t cp)
{
    return cp == ZWJ || is_modifier(cp) || (cp >= 0xe0020 && cp <= 0xe007f) ||
           (cp >= 0x300 && cp != NC_UTF8_BAD && nc_glyph_width(cp) == 0);
}

size_t nc_glyph_next(struct nc_str s, size_t at)
{
    struct nc_str rest = {s.p + at, s.n - at};

    if (rest.n == 0)
        return s.n;
    uint32_t before = nc_utf8_next(&rest);
    bool paired = false;
    while (rest.n && before != '\n') {
        struct nc_str ahead = rest;
        uint32_t cp = nc_utf8_next(&ahead);
        bool joins = extends(cp) || (before == ZWJ && cp != '\n' && cp != ' ') ||
                     (is_regional(before) && is_regional(cp) && !paired);
        if (!joins)
            break;
        paired = paired || is_regional(cp);
        before = cp;
        rest = ahead;
    }
    return s.n - rest.n;
}

size_t nc_glyph_prev(struct nc_str s, size_t at)
{
    size_t from = at, last;

    if (at == 0)
        return 0;
    /* Glyphs are found forwards only; a newline is always a border. */
    for (from = at - 1; from > 0 && s.p[from - 1] != '\n'; from--)
        ;
    do {
        last = from;
        from = nc_glyph_next(s, from);
    } while (from < at);
    return last;
}

unsigned nc_text_width(struct nc_str s)
{
    unsigned w = 0;

    while (s.n)
        w += nc_glyph_width(nc_utf8_next(&s));
    return w;
}

static unsigned span_width(struct nc_str s, size_t from, size_t to)
{
    return nc_text_width((struct nc_str){s.p + from, to - from});
}

size_t nc_text_fit(struct nc_str s, unsigned columns)
{
    size_t at = 0;
    unsigned used = 0;

    while (at < s.n) {
        size_t end = nc_glyph_next(s, at);
        used += span_width(s, at, end);
        if (used > columns)
            break;
        at = end;
    }
    return at;
}

void nc_text_clean(struct nc_buf *out, struct nc_str s, bool lines)
{
    while (s.n) {
        uint32_t cp = nc_utf8_next(&s);
        if (cp == '\r' && s.n && s.p[0] == '\n')
            continue;
        if (cp == '\n' || cp == '\r' || cp == 0x2028 || cp == 0x2029)
            nc_buf_addc(out, lines ? '\n' : ' ');
        else if (cp == '\t')
            nc_buf_add(out, "    ", lines ? TAB_COLUMNS : 1);
        else
            nc_utf8_add(out, cp == NC_UTF8_BAD || nc_utf8_unseen(cp) ? REPLACEMENT : cp);
    }
}

bool nc_text_line(struct nc_str s, unsigned columns, size_t *at, struct nc_str *line)
{
    size_t from = *at, end = from, blank = 0;
    unsigned used = 0;

    if (from > s.n || (from == s.n && from > 0 && s.p[from - 1] != '\n'))
        return false;
    while (end < s.n && s.p[end] != '\n') {
        size_t next = nc_glyph_next(s, end);
        used += span_width(s, end, next);
        if (used > columns && end > from) {
            /* At the last blank; a word longer than the line is cut. */
            size_t cut = s.p[end] == ' ' ? end : blank > from ? blank : end;
            *line = (struct nc_str){s.p + from, cut - from};
            *at = cut + (s.p[cut] == ' ' && cut > from);
            return true;
        }
        if (s.p[end] == ' ')
            blank = end;
        end = next;
    }
    *line = (struct nc_str){s.p + from, end - from};
    *at = end + 1; /* past the newline, or past the end: then nothing is left */
    return true;
}
