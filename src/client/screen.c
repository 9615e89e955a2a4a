#define NCURSES_WIDECHAR 1
#include "client/screen.h"

#include <limits.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/glyph.h"

enum { ESCAPE_MS = 25, OWN_KEYS = KEY_MAX + 1 };

/* Ink without colour, and the colour it gets where there are some (-1: none). */
static const struct {
    attr_t attr;
    short colour;
} inks[NC_INK_COUNT] = {
    [NC_INK_TEXT] = {A_NORMAL, -1},
    [NC_INK_DIM] = {A_DIM, -1},
    [NC_INK_BOLD] = {A_BOLD, -1},
    [NC_INK_BAR] = {A_REVERSE, -1},
    [NC_INK_CHOSEN] = {A_REVERSE, -1},
    [NC_INK_MENTION] = {A_BOLD, COLOR_YELLOW},
    [NC_INK_ALERT] = {A_BOLD, COLOR_RED},
    [NC_INK_PERSONA] = {A_BOLD, COLOR_MAGENTA},
    [NC_INK_MINE] = {A_BOLD, -1},
    [NC_INK_NAME] = {A_NORMAL, COLOR_CYAN},
    [NC_INK_NAME + 1] = {A_NORMAL, COLOR_GREEN},
    [NC_INK_NAME + 2] = {A_NORMAL, COLOR_BLUE},
    [NC_INK_NAME + 3] = {A_BOLD, COLOR_CYAN},
    [NC_INK_NAME + 4] = {A_BOLD, COLOR_GREEN},
    [NC_INK_NAME + 5] = {A_BOLD, COLOR_BLUE},
};

static const struct {
    int code;
    uint32_t key;
} keys[] = {
    {KEY_UP, NC_KEY_UP},
    {KEY_DOWN, NC_KEY_DOWN},
    {KEY_LEFT, NC_KEY_LEFT},
    {KEY_RIGHT, NC_KEY_RIGHT},
    {KEY_HOME, NC_KEY_HOME},
    {KEY_END, NC_KEY_END},
    {KEY_PPAGE, NC_KEY_PAGE_UP},
    {KEY_NPAGE, NC_KEY_PAGE_DOWN},
    {KEY_BACKSPACE, NC_KEY_BACKSPACE},
    {KEY_DC, NC_KEY_DELETE},
    {KEY_ENTER, NC_KEY_ENTER},
    {KEY_BTAB, NC_KEY_BACK_TAB},
    {KEY_RESIZE, NC_KEY_RESIZE},
    {KEY_F(1), NC_KEY_F1},
    {KEY_F(2), NC_KEY_F2},
    {KEY_F(3), NC_KEY_F3},
    {KEY_F(4), NC_KEY_F4},
    {KEY_F(5), NC_KEY_F5},
    {OWN_KEYS, NC_KEY_PASTE_BEGIN},
    {OWN_KEYS + 1, NC_KEY_PASTE_END},
    {OWN_KEYS + 2, NC_KEY_ALT + NC_KEY_UP},
    {OWN_KEYS + 3, NC_KEY_ALT + NC_KEY_DOWN},
    {OWN_KEYS + 4, NC_KEY_ALT + NC_KEY_RIGHT},
    {OWN_KEYS + 5, NC_KEY_ALT + NC_KEY_LEFT},
};

/* What terminals send although their description does not say so. */
static const struct {
    const char *bytes;
    int code;
} sequences[] = {
    {"\033[A", KEY_UP},          {"\033[B", KEY_DOWN},        {"\033[C", KEY_RIGHT},
    {"\033[D", KEY_LEFT},        {"\033[H", KEY_HOME},        {"\033[F", KEY_END},
    {"\033[1;3A", OWN_KEYS + 2}, {"\033[1;3B", OWN_KEYS + 3}, {"\033[1;3C", OWN_KEYS + 4},
    {"\033[1;3D", OWN_KEYS + 5}, {"\033[1;5C", OWN_KEYS + 4}, {"\033[1;5D", OWN_KEYS + 5},
    {"\033[200~", OWN_KEYS},     {"\033[201~", OWN_KEYS + 1},
};

static attr_t attributes(const struct nc_screen *s, enum nc_ink ink)
{
    attr_t a = inks[ink].attr;

    if (s->coloured && inks[ink].colour >= 0)
        a |= (attr_t)COLOR_PAIR((short)(ink + 1));
    return a;
}

enum nc_err nc_screen_open(struct nc_screen *s, bool plain)
{
    const char *none = getenv("NO_COLOR");
    SCREEN *term =
        isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? newterm(NULL, stdout, stdin) : NULL;

    *s = (struct nc_screen){.plain = plain};
    if (!term)
        return NC_EIO;
    set_term(term);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    for (size_t i = 0; i < NC_COUNT(sequences); i++)
        define_key(sequences[i].bytes, sequences[i].code);
    s->coloured = !plain && !(none && *none) && has_colors() && start_color() == OK;
    if (s->coloured) {
        bool own = use_default_colors() == OK;
        for (int i = 0; i < NC_INK_COUNT; i++)
            if (inks[i].colour >= 0)
                init_pair((short)(i + 1), inks[i].colour, own ? -1 : COLOR_BLACK);
    }
    fputs("\033[?2004h", stdout); /* pasted text comes marked as such */
    fflush(stdout);
    s->rows = (unsigned)LINES;
    s->columns = (unsigned)COLS;
    return NC_OK;
}

void nc_screen_close(struct nc_screen *s)
{
    (void)s;
    fputs("\033[?2004l", stdout);
    fflush(stdout);
    endwin();
}

void nc_screen_resized(struct nc_screen *s)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0)
        resize_term(w.ws_row, w.ws_col); /* resizeterm() would put KEY_RESIZE into the
                                            input, whose reader comes here again */
    s->rows = (unsigned)LINES;
    s->columns = (unsigned)COLS;
    clearok(stdscr, TRUE);
}

static uint32_t plain_key(wint_t c)
{
    switch (c) {
    case 0x7f:
    case 8: return NC_KEY_BACKSPACE;
    case '\r': return NC_KEY_ENTER;
    case '\t': return NC_KEY_TAB;
    default: return c;
    }
}

uint32_t nc_screen_key(struct nc_screen *s)
{
    wint_t c;
    int what = get_wch(&c);

    (void)s;
    if (what == ERR)
        return NC_KEY_NONE;
    if (what == KEY_CODE_YES) {
        for (size_t i = 0; i < NC_COUNT(keys); i++)
            if (keys[i].code == (int)c)
                return keys[i].key;
        return nc_screen_key(s);
    }
    if (c != 27)
        return plain_key(c);
    /* Escape, or Alt with the key that stands right behind it. */
    what = get_wch(&c);
    if (what == ERR)
        return NC_KEY_ESCAPE;
    if (what == KEY_CODE_YES) {
        for (size_t i = 0; i < NC_COUNT(keys); i++)
            if (keys[i].code == (int)c)
                return NC_KEY_ALT + keys[i].key;
        return NC_KEY_ESCAPE;
    }
    return NC_KEY_ALT + plain_key(c);
}

void nc_screen_clear(struct nc_screen *s)
{
    (void)s;
    erase();
}

unsigned nc_screen_put(struct nc_screen *s, unsigned row, unsigned column, unsigned columns,
                       enum nc_ink ink, struct nc_str text)
{
    size_t n;

    if (row >= s->rows || column >= s->columns)
        return 0;
    if (columns > s->columns - column)
        columns = s->columns - column;
    n = nc_text_fit(text, columns);
    attrset((int)attributes(s, ink));
    mvaddnstr((int)row, (int)column, text.p, (int)n);
    return nc_text_width((struct nc_str){text.p, n});
}

void nc_screen_fill(struct nc_screen *s, unsigned row, unsigned column, unsigned columns,
                    enum nc_ink ink)
{
    if (row >= s->rows || column >= s->columns)
        return;
    attrset((int)attributes(s, ink));
    mvhline((int)row, (int)column, ' ', (int)columns);
}

void nc_screen_bell(struct nc_screen *s)
{
    (void)s;
    beep();
}

void nc_screen_show(struct nc_screen *s, unsigned row, unsigned column)
{
    curs_set(row != UINT_MAX);
    if (row != UINT_MAX)
        move((int)(row < s->rows ? row : s->rows - 1),
             (int)(column < s->columns ? column : s->columns - 1));
    refresh();
}

enum nc_ink nc_screen_name_ink(struct nc_str name)
{
    unsigned h = 2166136261u;

    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619u;
    return (enum nc_ink)(NC_INK_NAME + h % (NC_INK_COUNT - NC_INK_NAME));
}
