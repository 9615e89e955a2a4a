#include "client/editor.h"

#include <ctype.h>
#include <string.h>

#include "client/glyph.h"
#include "crypto/hash.h"

void nc_editor_clear(struct nc_editor *e)
{
    if (e->secret && e->text.p)
        nc_wipe(e->text.p, e->text.n);
    nc_buf_clear(&e->text);
    e->at = 0;
}

void nc_editor_fini(struct nc_editor *e)
{
    nc_editor_clear(e);
    nc_buf_fini(&e->text);
    nc_buf_fini(&e->killed);
}

void nc_editor_set(struct nc_editor *e, struct nc_str text)
{
    nc_editor_clear(e);
    nc_editor_insert(e, text);
}

bool nc_editor_insert(struct nc_editor *e, struct nc_str text)
{
    struct nc_buf clean = {0};
    bool fits;

    nc_text_clean(&clean, text, true);
    fits = e->text.n + clean.n <= NC_EDITOR_MAX;
    if (fits && clean.n) {
        /* Room is made at the end, then the tail moves over. */
        nc_buf_reserve(&e->text, clean.n);
        memmove(e->text.p + e->at + clean.n, e->text.p + e->at, e->text.n - e->at);
        memcpy(e->text.p + e->at, clean.p, clean.n);
        nc_buf_grew(&e->text, clean.n);
        e->at += clean.n;
    }
    if (e->secret && clean.p)
        nc_wipe(clean.p, clean.n);
    nc_buf_fini(&clean);
    return fits;
}

/* ---- moving --------------------------------------------------------------- */

static bool in_word(char c) { return (c & 0x80) || isalnum((unsigned char)c) || c == '_'; }

static size_t target(const struct nc_editor *e, enum nc_editor_move how)
{
    struct nc_str s = nc_buf_str(&e->text);
    size_t at = e->at;

    switch (how) {
    case NC_EDIT_LEFT: return nc_glyph_prev(s, at);
    case NC_EDIT_RIGHT: return nc_glyph_next(s, at);
    case NC_EDIT_WORD_LEFT:
        while (at > 0 && !in_word(s.p[at - 1]))
            at--;
        while (at > 0 && in_word(s.p[at - 1]))
            at--;
        return at;
    case NC_EDIT_WORD_RIGHT:
        while (at < s.n && !in_word(s.p[at]))
            at++;
        while (at < s.n && in_word(s.p[at]))
            at++;
        return at;
    case NC_EDIT_HOME:
        while (at > 0 && s.p[at - 1] != '\n')
            at--;
        return at;
    case NC_EDIT_END:
        while (at < s.n && s.p[at] != '\n')
            at++;
        return at;
    case NC_EDIT_START: return 0;
    case NC_EDIT_FINISH: return s.n;
    }
    return at;
}

void nc_editor_move(struct nc_editor *e, enum nc_editor_move how)
{
    e->at = target(e, how);
}

void nc_editor_erase(struct nc_editor *e, enum nc_editor_move how)
{
    size_t to = target(e, how);
    size_t from = to < e->at ? to : e->at, end = to < e->at ? e->at : to;

    if (from == end)
        return;
    if (how != NC_EDIT_LEFT && how != NC_EDIT_RIGHT && !e->secret) {
        nc_buf_clear(&e->killed);
        nc_buf_add(&e->killed, e->text.p + from, end - from);
    }
    memmove(e->text.p + from, e->text.p + end, e->text.n - end);
    e->text.n -= end - from;
    e->at = from;
}

void nc_editor_yank(struct nc_editor *e) { nc_editor_insert(e, nc_buf_str(&e->killed)); }

struct nc_str nc_editor_word(const struct nc_editor *e)
{
    size_t from = e->at;

    while (from > 0 && e->text.p[from - 1] != ' ' && e->text.p[from - 1] != '\n')
        from--;
    return (struct nc_str){e->text.p + from, e->at - from};
}

void nc_editor_replace_word(struct nc_editor *e, struct nc_str with)
{
    size_t n = nc_editor_word(e).n;

    memmove(e->text.p + e->at - n, e->text.p + e->at, e->text.n - e->at);
    e->text.n -= n;
    e->at -= n;
    nc_editor_insert(e, with);
}

/* ---- as shown ------------------------------------------------------------- */

/* Lines are filled to the brim and keep their blanks: what one types must stay where it
 * stands.  The end of line `from`; *next is where the following one begins. */
static size_t line_end(struct nc_str s, unsigned columns, size_t from, size_t *next)
{
    struct nc_str rest = {s.p + from, s.n - from};
    const char *newline = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
    size_t n = newline ? (size_t)(newline - rest.p) : rest.n;
    size_t fit = nc_text_fit((struct nc_str){rest.p, n}, columns);

    if (fit == 0 && n > 0)
        fit = nc_glyph_next(s, from) - from; /* wider than the line: alone on it */
    *next = from + fit + (fit == n && newline);
    return from + fit;
}

struct nc_editor_shape nc_editor_shape(const struct nc_editor *e, unsigned columns)
{
    struct nc_str s = nc_buf_str(&e->text);
    struct nc_editor_shape shape = {0};
    size_t from = 0, next;

    for (;; from = next) {
        size_t end = line_end(s, columns, from, &next);
        bool last = next == s.n && (s.n == 0 || s.p[s.n - 1] != '\n' || from == s.n);
        if (e->at >= from && (e->at < next || (e->at == end && last))) {
            shape.line = shape.lines;
            shape.column = nc_text_width((struct nc_str){s.p + from, e->at - from});
        }
        shape.lines++;
        if (last)
            break;
    }
    if (shape.column >= columns) { /* past a full last line */
        shape.line++;
        shape.column = 0;
        if (shape.line == shape.lines)
            shape.lines++;
    }
    return shape;
}

struct nc_str nc_editor_line(const struct nc_editor *e, unsigned columns, unsigned line)
{
    struct nc_str s = nc_buf_str(&e->text);
    size_t from = 0, next = 0, end = line_end(s, columns, 0, &next);

    while (line-- > 0) {
        from = next;
        end = line_end(s, columns, from, &next);
    }
    return (struct nc_str){s.p + from, end - from};
}

bool nc_editor_step(struct nc_editor *e, unsigned columns, int by)
{
    struct nc_editor_shape shape = nc_editor_shape(e, columns);

    if ((by < 0 && shape.line == 0) || (by > 0 && shape.line + 1 >= shape.lines))
        return false;
    struct nc_str line = nc_editor_line(e, columns, (unsigned)((int)shape.line + by));
    size_t fit = nc_text_fit(line, shape.column);
    e->at = line.p ? (size_t)(line.p - e->text.p) + fit : 0;
    return true;
}
