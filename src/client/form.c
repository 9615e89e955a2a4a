#include "client/form.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "client/glyph.h"

/* ---- editing keys --------------------------------------------------------- */

static const struct {
    uint32_t key;
    enum nc_editor_move move;
    bool erase;
} edits[] = {
    {NC_KEY_LEFT, NC_EDIT_LEFT, false},
    {NC_CTRL('b'), NC_EDIT_LEFT, false},
    {NC_KEY_RIGHT, NC_EDIT_RIGHT, false},
    {NC_CTRL('f'), NC_EDIT_RIGHT, false},
    {NC_KEY_HOME, NC_EDIT_HOME, false},
    {NC_CTRL('a'), NC_EDIT_HOME, false},
    {NC_KEY_END, NC_EDIT_END, false},
    {NC_CTRL('e'), NC_EDIT_END, false},
    {NC_KEY_ALT + 'b', NC_EDIT_WORD_LEFT, false},
    {NC_KEY_ALT + NC_KEY_LEFT, NC_EDIT_WORD_LEFT, false},
    {NC_KEY_ALT + 'f', NC_EDIT_WORD_RIGHT, false},
    {NC_KEY_ALT + NC_KEY_RIGHT, NC_EDIT_WORD_RIGHT, false},
    {NC_KEY_BACKSPACE, NC_EDIT_LEFT, true},
    {NC_KEY_DELETE, NC_EDIT_RIGHT, true},
    {NC_CTRL('w'), NC_EDIT_WORD_LEFT, true},
    {NC_KEY_ALT + NC_KEY_BACKSPACE, NC_EDIT_WORD_LEFT, true},
    {NC_KEY_ALT + 'd', NC_EDIT_WORD_RIGHT, true},
    {NC_CTRL('u'), NC_EDIT_HOME, true},
    {NC_CTRL('k'), NC_EDIT_END, true},
};

bool nc_edit_key(struct nc_editor *e, uint32_t key, unsigned columns)
{
    struct nc_buf b = {0};

    for (size_t i = 0; i < NC_COUNT(edits); i++) {
        if (edits[i].key != key)
            continue;
        if (edits[i].erase)
            nc_editor_erase(e, edits[i].move);
        else
            nc_editor_move(e, edits[i].move);
        return true;
    }
    if (key == NC_CTRL('y')) {
        nc_editor_yank(e);
        return true;
    }
    if (key == NC_KEY_UP || key == NC_KEY_DOWN)
        return columns && nc_editor_step(e, columns, key == NC_KEY_UP ? -1 : 1);
    if (key < 0x20 || key >= NC_KEY_NONE || nc_utf8_unseen(key))
        return false;
    nc_utf8_add(&b, key);
    nc_editor_insert(e, nc_buf_str(&b));
    nc_buf_fini(&b);
    return true;
}

/* ---- the form ------------------------------------------------------------- */

void nc_form_fini(struct nc_form *f)
{
    for (unsigned i = 0; i < f->n; i++)
        nc_editor_fini(&f->fields[i].editor);
    *f = (struct nc_form){0};
}

void nc_form_add(struct nc_form *f, const char *label, int kind)
{
    struct nc_form_field *field = &f->fields[f->n++];

    *field = (struct nc_form_field){.label = label, .kind = kind};
    field->editor.secret = kind == NC_FIELD_SECRET;
}

struct nc_str nc_form_value(const struct nc_form *f, unsigned i)
{
    return nc_str_trim(nc_buf_str(&f->fields[i].editor.text));
}

bool nc_form_key(struct nc_form *f, uint32_t key)
{
    struct nc_form_field *field = &f->fields[f->at];

    if (key == NC_KEY_ENTER && f->at + 1 == f->n)
        return true;
    if (key == NC_KEY_TAB || key == NC_KEY_DOWN || key == NC_KEY_ENTER)
        f->at = (f->at + 1) % f->n;
    else if (key == NC_KEY_BACK_TAB || key == NC_KEY_UP)
        f->at = (f->at + f->n - 1) % f->n;
    else if (field->kind == NC_FIELD_SWITCH)
        field->on ^= key == ' ';
    else
        nc_edit_key(&field->editor, key, 0);
    return false;
}

static void draw_value(const struct nc_form_field *f, struct nc_screen *s, unsigned row,
                       unsigned column, unsigned columns, unsigned *cursor)
{
    struct nc_buf shown = {0};
    struct nc_str before = {f->editor.text.p, f->editor.at};
    size_t from = 0;

    if (f->kind == NC_FIELD_SWITCH) {
        nc_screen_put(s, row, column, columns, NC_INK_TEXT, nc_str(f->on ? "[x]" : "[ ]"));
        *cursor = column + 1;
        return;
    }
    if (f->kind == NC_FIELD_SECRET) {
        for (size_t i = 0; i < f->editor.text.n;
             i = nc_glyph_next(nc_buf_str(&f->editor.text), i))
            nc_buf_addc(&shown, '*');
        before = nc_buf_str(&shown);
    } else {
        nc_buf_adds(&shown, nc_buf_str(&f->editor.text));
    }
    /* A value longer than the field is shown around its cursor. */
    while (nc_text_width((struct nc_str){before.p + from, before.n - from}) >= columns)
        from = nc_glyph_next(nc_buf_str(&shown), from);
    nc_screen_put(s, row, column, columns, NC_INK_TEXT,
                  (struct nc_str){shown.p + from, shown.n - from});
    *cursor = column + nc_text_width((struct nc_str){before.p + from, before.n - from});
    nc_buf_fini(&shown);
}

void nc_form_draw(const struct nc_form *f, struct nc_screen *s, const char *words)
{
    unsigned label = 0, row = s->rows > 12 ? 3 : 1, cursor_row = 0, cursor = 0, at;

    for (unsigned i = 0; i < f->n; i++)
        label = nc_text_width(nc_str(f->fields[i].label)) > label
                    ? nc_text_width(nc_str(f->fields[i].label))
                    : label;
    nc_screen_clear(s);
    nc_screen_fill(s, 0, 0, s->columns, NC_INK_BAR);
    nc_screen_put(s, 0, 1, s->columns - 1, NC_INK_BAR, nc_str(f->title));
    for (unsigned i = 0; i < f->n; i++, row++) {
        nc_screen_put(s, row, 1, label, i == f->at ? NC_INK_BOLD : NC_INK_TEXT,
                      nc_str(f->fields[i].label));
        draw_value(&f->fields[i], s, row, label + 3,
                   s->columns > label + 5 ? s->columns - label - 4 : 2, &at);
        if (i == f->at) {
            cursor_row = row;
            cursor = at;
        }
    }
    if (words && *words)
        nc_screen_put(s, row + (s->rows > row + 3), 1, s->columns - 2, NC_INK_ALERT,
                      nc_str(words));
    nc_screen_put(s, s->rows - 1, 1, s->columns - 2, NC_INK_DIM, nc_str(f->hint));
    nc_screen_show(s, cursor_row, cursor);
}

/* ---- the picker ----------------------------------------------------------- */

void nc_picker_clear(struct nc_picker *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->items[i].label);
        free(p->items[i].note);
    }
    free(p->items);
    p->items = NULL;
    p->n = 0;
}

void nc_picker_fini(struct nc_picker *p)
{
    nc_picker_clear(p);
    nc_editor_fini(&p->filter);
    *p = (struct nc_picker){0};
}

void nc_picker_add(struct nc_picker *p, const struct nc_id *id, const char *label,
                   const char *note, bool marked)
{
    struct nc_buf clean = {0};
    struct nc_pick *it;

    p->items = nc_realloc(p->items, (p->n + 1) * sizeof(struct nc_pick));
    it = &p->items[p->n++];
    *it = (struct nc_pick){.id = *id, .marked = marked};
    nc_text_clean(&clean, nc_str(label), false);
    it->label = nc_str_dup(nc_buf_str(&clean));
    nc_buf_clear(&clean);
    nc_text_clean(&clean, nc_str(note), false);
    it->note = nc_str_dup(nc_buf_str(&clean));
    nc_buf_fini(&clean);
}

static bool passes(const struct nc_picker *p, const struct nc_pick *it)
{
    struct nc_buf label = {0}, want = {0};

    nc_utf8_fold(nc_str(it->label), true, &label);
    nc_utf8_fold(nc_buf_str(&p->filter.text), true, &want);
    bool yes = want.n == 0 || memmem(label.p, label.n, want.p, want.n);
    nc_buf_fini(&label);
    nc_buf_fini(&want);
    return yes;
}

/* The k-th that passes, or NULL. */
static const struct nc_pick *shown(const struct nc_picker *p, size_t k)
{
    for (size_t i = 0; i < p->n; i++)
        if (passes(p, &p->items[i]) && k-- == 0)
            return &p->items[i];
    return NULL;
}

const struct nc_pick *nc_picker_key(struct nc_picker *p, uint32_t key)
{
    if (key == NC_KEY_ENTER)
        return shown(p, p->at);
    if (key == NC_KEY_DOWN || key == NC_KEY_TAB)
        p->at += shown(p, p->at + 1) != NULL;
    else if (key == NC_KEY_UP || key == NC_KEY_BACK_TAB)
        p->at -= p->at > 0;
    else if (nc_edit_key(&p->filter, key, 0))
        p->at = 0;
    return NULL;
}

void nc_picker_draw(struct nc_picker *p, struct nc_screen *s)
{
    unsigned list = s->rows > 3 ? s->rows - 3 : 1;

    nc_screen_clear(s);
    nc_screen_fill(s, 0, 0, s->columns, NC_INK_BAR);
    nc_screen_put(s, 0, 1, s->columns - 1, NC_INK_BAR, nc_str(p->title));
    unsigned column = 1 + nc_screen_put(s, 1, 1, 2, NC_INK_DIM, NC_STR("> "));
    column += nc_screen_put(s, 1, column, s->columns - column, NC_INK_TEXT,
                            nc_buf_str(&p->filter.text));
    if (p->at < p->top)
        p->top = p->at;
    if (p->at >= p->top + list)
        p->top = p->at - list + 1;
    for (unsigned i = 0; i < list; i++) {
        const struct nc_pick *it = shown(p, p->top + i);
        enum nc_ink ink = p->top + i == p->at ? NC_INK_CHOSEN : NC_INK_TEXT;
        if (!it)
            break;
        nc_screen_fill(s, 2 + i, 0, s->columns, ink);
        unsigned note = nc_text_width(nc_str(it->note));
        unsigned label = s->columns > note + 4 ? s->columns - note - 4 : s->columns - 1;
        nc_screen_put(s, 2 + i, 1, label,
                      it->marked && ink == NC_INK_TEXT ? NC_INK_MENTION : ink,
                      nc_str(it->label));
        if (label + note + 4 <= s->columns)
            nc_screen_put(s, 2 + i, s->columns - note - 1, note, ink, nc_str(it->note));
    }
    if (!shown(p, 0))
        nc_screen_put(s, 3, 1, s->columns - 2, NC_INK_DIM, nc_str(p->empty));
    nc_screen_put(s, s->rows - 1, 1, s->columns - 2, NC_INK_DIM, nc_str(p->hint));
    nc_screen_show(s, 1, column);
}
