/*
 * client/form: a few fields to fill in, and a list to choose from.
 */
#pragma once

#include "base/id.h"
#include "client/editor.h"
#include "client/screen.h"

enum { NC_FORM_FIELDS = 6 };

struct nc_form {
    const char *title, *hint;
    struct nc_form_field {
        const char *label;
        struct nc_editor editor;
        enum { NC_FIELD_TEXT, NC_FIELD_SECRET, NC_FIELD_SWITCH } kind;
        bool on; /* of a switch */
    } fields[NC_FORM_FIELDS];
    unsigned n, at;
};

void nc_form_fini(struct nc_form *f); /* wipes; fine on a zeroed one */
void nc_form_add(struct nc_form *f, const char *label, int kind);
/* True when Enter was pressed on the last field. */
bool nc_form_key(struct nc_form *f, uint32_t key);
void nc_form_draw(const struct nc_form *f, struct nc_screen *s, const char *words);
struct nc_str nc_form_value(const struct nc_form *f, unsigned i);

struct nc_picker {
    const char *title, *hint, *empty;
    struct nc_editor filter;
    struct nc_pick {
        struct nc_id id;
        char *label, *note;
        unsigned from; /* the caller's */
        bool marked;
    } * items;
    size_t n, at, top; /* at: among those the filter lets through */
};

void nc_picker_fini(struct nc_picker *p);
void nc_picker_clear(struct nc_picker *p); /* the items */
void nc_picker_add(struct nc_picker *p, const struct nc_id *id, const char *label,
                   const char *note, bool marked);
/* The chosen one when Enter was pressed; NULL otherwise. */
const struct nc_pick *nc_picker_key(struct nc_picker *p, uint32_t key);
void nc_picker_draw(struct nc_picker *p, struct nc_screen *s);

/* A key that edits: true if it was one.  columns: of the field, for up and down. */
bool nc_edit_key(struct nc_editor *e, uint32_t key, unsigned columns);
