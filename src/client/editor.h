/*
 * client/editor: the line one is typing, which may have several lines.
 *
 * Pure: keys come in as calls, the screen asks where the cursor is.  The text is always
 * valid UTF-8 without control characters but newlines.
 */
#pragma once

#include "base/buf.h"

#define NC_EDITOR_MAX (64u << 10)

struct nc_editor {
    struct nc_buf text;
    size_t at; /* the cursor, at the border of a glyph */
    struct nc_buf killed;
    bool secret; /* a password: shown as dots, never kept in `killed` */
};

void nc_editor_fini(struct nc_editor *e); /* wipes; fine on a zeroed one */
void nc_editor_clear(struct nc_editor *e);
void nc_editor_set(struct nc_editor *e, struct nc_str text); /* cursor at the end */
/* Cleans what comes in; what would be over NC_EDITOR_MAX is refused whole. */
bool nc_editor_insert(struct nc_editor *e, struct nc_str text);

enum nc_editor_move {
    NC_EDIT_LEFT,
    NC_EDIT_RIGHT,
    NC_EDIT_WORD_LEFT,
    NC_EDIT_WORD_RIGHT,
    NC_EDIT_HOME, /* of the line */
    NC_EDIT_END,
    NC_EDIT_START, /* of the text */
    NC_EDIT_FINISH,
};
void nc_editor_move(struct nc_editor *e, enum nc_editor_move how);
/* Erase from the cursor to where the move would lead.  Words and lines can be put back. */
void nc_editor_erase(struct nc_editor *e, enum nc_editor_move how);
void nc_editor_yank(struct nc_editor *e);

/* The word that ends at the cursor: for completion. */
struct nc_str nc_editor_word(const struct nc_editor *e);
void nc_editor_replace_word(struct nc_editor *e, struct nc_str with);

/* As shown in lines of `columns`: how many there are, and where the cursor stands. */
struct nc_editor_shape {
    unsigned lines, line, column;
};
struct nc_editor_shape nc_editor_shape(const struct nc_editor *e, unsigned columns);
/* The bytes of one such line. */
struct nc_str nc_editor_line(const struct nc_editor *e, unsigned columns, unsigned line);
/* To the line above (-1) or below (1); false when there is none. */
bool nc_editor_step(struct nc_editor *e, unsigned columns, int by);
