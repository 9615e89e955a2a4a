/*
 * client/screen: the terminal through curses.
 *
 * Attributes are named by meaning; colours and plain mode are decided here alone.
 */
#pragma once

#include "base/base.h"

struct nc_loop;

enum nc_ink {
    NC_INK_TEXT,
    NC_INK_DIM,
    NC_INK_BOLD,
    NC_INK_BAR,    /* title and status */
    NC_INK_CHOSEN, /* the row under the cursor */
    NC_INK_MENTION,
    NC_INK_ALERT,
    NC_INK_PERSONA,
    NC_INK_MINE,
    NC_INK_NAME, /* and the five after it: names of people */
    NC_INK_COUNT = NC_INK_NAME + 6,
};

/* Keys are code points, or these. */
enum nc_key {
    NC_KEY_NONE = 0x200000,
    NC_KEY_UP,
    NC_KEY_DOWN,
    NC_KEY_LEFT,
    NC_KEY_RIGHT,
    NC_KEY_HOME,
    NC_KEY_END,
    NC_KEY_PAGE_UP,
    NC_KEY_PAGE_DOWN,
    NC_KEY_BACKSPACE,
    NC_KEY_DELETE,
    NC_KEY_ESCAPE,
    NC_KEY_ENTER,
    NC_KEY_TAB,
    NC_KEY_BACK_TAB,
    NC_KEY_RESIZE,
    NC_KEY_PASTE_BEGIN,
    NC_KEY_PASTE_END,
    NC_KEY_F1,
    NC_KEY_F2,
    NC_KEY_F3,
    NC_KEY_F4,
    NC_KEY_F5,
    NC_KEY_ALT = 0x400000, /* added to a key */
};
#define NC_CTRL(c) ((c)&0x1f)

struct nc_screen {
    unsigned rows, columns;
    bool plain, coloured;
};

/* NC_EIO: no terminal that could do it. */
NC_MUSTUSE enum nc_err nc_screen_open(struct nc_screen *s, bool plain);
void nc_screen_close(struct nc_screen *s);
void nc_screen_resized(struct nc_screen *s); /* the window has another size */
/* The next key that waits, or NC_KEY_NONE. */
uint32_t nc_screen_key(struct nc_screen *s);

void nc_screen_clear(struct nc_screen *s);
/* Clean text at most `columns` wide; returns the columns used. */
unsigned nc_screen_put(struct nc_screen *s, unsigned row, unsigned column, unsigned columns,
                       enum nc_ink ink, struct nc_str text);
void nc_screen_fill(struct nc_screen *s, unsigned row, unsigned column, unsigned columns,
                    enum nc_ink ink); /* with blanks */
void nc_screen_bell(struct nc_screen *s);
/* Show it, with the cursor there (hidden if row is UINT_MAX). */
void nc_screen_show(struct nc_screen *s, unsigned row, unsigned column);
enum nc_ink nc_screen_name_ink(struct nc_str name);
