/* Everything around the messages: rooms, title, status, the input line. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/ai_words.h"
#include "client/glyph.h"
#include "client/tui_parts.h"

#pragma GCC diagnostic ignored \
    "-Wformat-nonliteral" /* formats are words of two languages */

enum {
    SIDE_FROM = 72,
    SIDE = 22,
    HEAD_FROM = 16,
    HINT_FROM = 72,
    WIDE = 60,
    INPUT_MAX = 6,
    TICK_MS = 1000
};

/* ---- rooms ---------------------------------------------------------------- */

static void counts(const struct nc_model_room *r, char out[24])
{
    out[0] = '\0';
    if (r->mentions)
        snprintf(out, 24, "@%u", r->mentions);
    else if (r->unread)
        snprintf(out, 24, r->unread >= 1000 ? "%u+" : "%u", r->unread);
}

/* Called by the name of the other one.  A dialog has a peer, too, and a name of its own. */
static bool is_direct(const struct nc_model_room *r)
{
    return r->peer && strcmp(r->kind, "direct") == 0;
}

static void draw_side(struct nc_tui *t, unsigned rows)
{
    const struct nc_model *m = &t->servers.model;
    struct nc_screen *s = &t->screen;
    size_t here = 0, top;

    for (size_t i = 0; i < m->n; i++)
        if (nc_id_eq(&m->rooms[i]->id, &t->room))
            here = i;
    top = here >= rows ? here - rows + 1 : 0;
    for (unsigned y = 0; y < rows; y++) {
        nc_screen_put(s, y + 1, SIDE - 1, 1, NC_INK_DIM, nc_str(s->plain ? "|" : "│"));
        if (top + y >= m->n)
            continue;
        const struct nc_model_room *r = m->rooms[top + y];
        char n[24];
        counts(r, n);
        enum nc_ink ink = nc_id_eq(&r->id, &t->room) ? NC_INK_CHOSEN
                          : r->mentions              ? NC_INK_MENTION
                          : r->unread                ? NC_INK_BOLD
                                                     : NC_INK_TEXT;
        nc_screen_fill(s, y + 1, 0, SIDE - 1, ink);
        unsigned w = (unsigned)strlen(n), x = 1;
        if (is_direct(r))
            x += nc_screen_put(s, y + 1, x, 1, ink, NC_STR("@"));
        struct nc_buf name = {0};
        nc_servers_room_name(&t->servers, r, &name);
        nc_screen_put(s, y + 1, x, SIDE - 2 - x - w, ink, nc_buf_str(&name));
        nc_buf_fini(&name);
        nc_screen_put(s, y + 1, SIDE - 2 - w, w, ink, nc_str(n));
    }
}

/* ---- title ---------------------------------------------------------------- */

/* Of several servers: how many are connected, of how many. */
static void connection(struct nc_tui *t, char *out, size_t n)
{
    const struct nc_live *live = nc_tui_remote(t)->live;
    const char *name = nc_model_username(&t->servers.model);
    size_t online = nc_servers_online(&t->servers);

    if (t->servers.n > 1 && online) {
        if (t->screen.columns < WIDE)
            snprintf(out, n, "%zu/%zu", online, t->servers.n);
        else
            snprintf(out, n, nc_word(NC_W_CONNECTED_TO), name, online, t->servers.n);
        return;
    }
    switch (nc_live_state(live)) {
    case NC_LIVE_ONLINE: snprintf(out, n, "%s", name); return;
    case NC_LIVE_PAUSE:
        snprintf(out, n, nc_word(NC_W_RETRY_IN),
                 (unsigned)(nc_live_pause_ms(live) / 1000 + 1));
        return;
    case NC_LIVE_OVER:
    case NC_LIVE_IDLE: snprintf(out, n, "%s", nc_word(NC_W_OFFLINE)); return;
    case NC_LIVE_TOKEN:
    case NC_LIVE_DIAL:
    case NC_LIVE_HELLO: snprintf(out, n, "%s…", nc_word(NC_W_CONNECTING)); return;
    }
}

/* What waits in other rooms: where there is no list of rooms, this is all one sees of it.
 */
static void elsewhere(const struct nc_tui *t, char out[48])
{
    unsigned unread = 0, mentions = 0;

    for (size_t i = 0; i < t->servers.model.n; i++) {
        unread += t->servers.model.rooms[i]->unread;
        mentions += t->servers.model.rooms[i]->mentions;
    }
    out[0] = '\0';
    if (mentions)
        snprintf(out, 48, " +%u @%u", unread, mentions);
    else if (unread)
        snprintf(out, 48, " +%u", unread);
}

static void draw_title(struct nc_tui *t)
{
    const struct nc_model_room *r = nc_tui_room(t);
    struct nc_screen *s = &t->screen;
    struct nc_buf left = {0};
    char state[96], more[48];
    bool online = t->servers.n == 1 && nc_servers_online(&t->servers);

    nc_screen_fill(s, 0, 0, s->columns, NC_INK_BAR);
    connection(t, state, sizeof state);
    elsewhere(t, more);
    unsigned right = nc_text_width(nc_str(state)) + nc_text_width(nc_str(more));
    if (right + 2 > s->columns / 2 && online) { /* the room matters more than who one is */
        snprintf(state, sizeof state, "%s", "");
        right = nc_text_width(nc_str(more));
    }
    unsigned room = s->columns > right + 3 ? s->columns - right - 3 : 0;
    nc_buf_adds(&left, nc_str(r && is_direct(r) ? "@" : ""));
    if (r)
        nc_servers_room_name(&t->servers, r, &left);
    else
        nc_buf_adds(&left, NC_STR("NeuralChat"));
    if (r && nc_model_online(r) && s->columns >= 60)
        nc_buf_printf(&left, " (%u/%u %s)", nc_model_online(r), r->members_count,
                      nc_word(NC_W_HERE));
    if (r && s->rows < HEAD_FROM && r->ai.personas_n) { /* no line of its own */
        nc_buf_adds(&left, nc_str(s->plain ? " - " : " · "));
        nc_say_room(&left, &r->ai, true, s->plain);
    }
    if (r && r->topic && *r->topic)
        nc_buf_printf(&left, " — %s", r->topic);
    nc_screen_put(s, 0, 1, room, NC_INK_BAR, nc_buf_str(&left));
    nc_screen_put(s, 0, s->columns - right - 1, right, NC_INK_BAR, nc_str(state));
    nc_screen_put(s, 0, s->columns - 1 - nc_text_width(nc_str(more)), 48, NC_INK_BAR,
                  nc_str(more));
    nc_buf_fini(&left);
    if (nc_live_state(nc_tui_remote(t)->live) == NC_LIVE_PAUSE && !t->tick.due)
        nc_loop_deadline(t->loop, &t->tick, TICK_MS);
}

/* Who answers here and where the text goes; the rows it took. */
static unsigned draw_head(struct nc_tui *t, const struct nc_model_room *r, unsigned column)
{
    struct nc_screen *s = &t->screen;
    struct nc_buf b = {0};

    if (r && s->rows >= HEAD_FROM)
        nc_say_room(&b, &r->ai, false, s->plain);
    nc_screen_put(s, 1, column, s->columns - column, NC_INK_DIM, nc_buf_str(&b));
    bool any = b.n > 0;
    nc_buf_fini(&b);
    return any;
}

/* ---- status --------------------------------------------------------------- */

static void add_reply(struct nc_tui *t, struct nc_model_room *r, struct nc_buf *out)
{
    const struct nc_model_message *x = nc_model_message(r, &t->reply_to);
    struct nc_buf what = {0};

    if (x) {
        nc_buf_printf(&what, "%s: ", x->username);
        nc_text_clean(&what, nc_buf_str(&x->text), false);
        what.n = nc_text_fit(nc_buf_str(&what), 40);
    }
    nc_buf_addc(&what, '\0');
    nc_buf_printf(out, nc_word(NC_W_REPLYING), what.p);
    nc_buf_fini(&what);
}

/* One line: what matters most of what there is to say. */
static void draw_status(struct nc_tui *t, unsigned row)
{
    struct nc_model_room *r = nc_tui_room(t);
    struct nc_screen *s = &t->screen;
    struct nc_buf b = {0}, names = {0};
    enum nc_ink ink = NC_INK_DIM;

    if (*t->words) {
        nc_buf_adds(&b, nc_str(t->words));
        ink = NC_INK_ALERT;
    } else if (t->mode == NC_TUI_SELECT) {
        nc_buf_adds(&b, nc_str(nc_word(t->delete_asked          ? NC_W_DELETE_SURE
                                       : s->columns < HINT_FROM ? NC_W_SELECT_HINT_NARROW
                                                                : NC_W_SELECT_HINT)));
        ink = NC_INK_BOLD;
    } else if (!nc_id_zero(&t->editing)) {
        nc_buf_adds(&b, nc_str(nc_word(NC_W_EDITING)));
        ink = NC_INK_BOLD;
    } else if (r && !nc_id_zero(&t->reply_to)) {
        add_reply(t, r, &b);
        ink = NC_INK_BOLD;
    } else if (r && nc_model_typing(r, nc_mono_ms(), &names)) {
        nc_buf_addc(&names, '\0');
        nc_buf_printf(&b, nc_word(NC_W_TYPES), names.p);
        nc_loop_deadline(t->loop, &t->tick, TICK_MS);
    } else if (r && r->loading) {
        nc_buf_adds(&b, nc_str(nc_word(NC_W_LOADING)));
    } else {
        nc_buf_adds(&b, nc_str(nc_word(NC_W_F1)));
    }
    nc_screen_put(s, row, 1, s->columns - 2, ink, nc_buf_str(&b));
    if (t->scroll && s->columns > 40)
        nc_screen_put(s, row, s->columns - 10, 9, NC_INK_BOLD, NC_STR("PgDn  ..."));
    nc_buf_fini(&b);
    nc_buf_fini(&names);
}

/* ---- the input line ------------------------------------------------------- */

static void draw_input(struct nc_tui *t, unsigned top, unsigned rows, unsigned columns,
                       unsigned *cursor_row, unsigned *cursor_column)
{
    struct nc_editor_shape shape = nc_editor_shape(&t->editor, columns);
    unsigned first = shape.line >= rows ? shape.line - rows + 1 : 0;

    for (unsigned i = 0; i < rows && first + i < shape.lines; i++)
        nc_screen_put(&t->screen, top + i, 2, columns, NC_INK_TEXT,
                      nc_editor_line(&t->editor, columns, first + i));
    nc_screen_put(&t->screen, top, 0, 1, NC_INK_BOLD, NC_STR(">"));
    *cursor_row = top + shape.line - first;
    *cursor_column = 2 + shape.column;
}

static void draw_empty(struct nc_tui *t, unsigned column, unsigned columns)
{
    const char *words = !nc_servers_loaded(&t->servers) ? nc_word(NC_W_LOADING)
                        : t->servers.model.n            ? nc_word(NC_W_CHOOSE_ROOM)
                                                        : nc_word(NC_W_NO_ROOMS);
    struct nc_str line;
    size_t at = 0;

    for (unsigned y = 2; nc_text_line(nc_str(words), columns - 1, &at, &line); y++)
        nc_screen_put(&t->screen, y, column, columns, NC_INK_DIM, line);
}

static void draw_chat(struct nc_tui *t)
{
    struct nc_screen *s = &t->screen;
    unsigned width = s->columns > 4 ? s->columns - 3 : 2, row, column;
    unsigned lines = nc_editor_shape(&t->editor, width).lines;
    unsigned most = s->rows / 3 < INPUT_MAX ? s->rows / 3 : INPUT_MAX;
    unsigned input = lines > most ? (most ? most : 1) : lines;
    unsigned body = s->rows > input + 2 ? s->rows - input - 2 : 0;
    unsigned side = s->columns >= SIDE_FROM ? SIDE : 0;
    struct nc_model_room *r = nc_tui_room(t);

    nc_screen_clear(s);
    draw_title(t);
    if (side)
        draw_side(t, body);
    unsigned head = draw_head(t, r, side);
    unsigned rows = body > head ? body - head : 0;
    if (!r)
        draw_empty(t, side + 1, s->columns - side - 1);
    else if (t->mode == NC_TUI_SELECT)
        nc_view_reveal(t, rows, s->columns - side);
    if (r && rows && !nc_view_chat(t, 1 + head, rows, side, s->columns - side) && r->loaded)
        nc_servers_older(&t->servers, r);
    draw_status(t, 1 + body);
    draw_input(t, 2 + body, input, width, &row, &column);
    nc_screen_show(s, t->mode == NC_TUI_SELECT ? UINT_MAX : row, column);
}

void nc_tui_draw(struct nc_tui *t)
{
    if (t->screen.rows < 3 || t->screen.columns < 10)
        return;
    switch (t->mode) {
    case NC_TUI_CHAT:
    case NC_TUI_SELECT: draw_chat(t); return;
    case NC_TUI_ROOMS:
    case NC_TUI_PUBLIC: nc_picker_draw(&t->picker, &t->screen); return;
    case NC_TUI_LOGIN:
    case NC_TUI_REGISTER:
    case NC_TUI_CREATE: nc_form_draw(&t->form, &t->screen, t->words); return;
    case NC_TUI_HELP: nc_view_help(t); return;
    }
}

void nc_view_help(struct nc_tui *t)
{
    struct nc_screen *s = &t->screen;
    struct nc_str line, text = nc_str(nc_word(NC_W_HELP));
    unsigned n = 0, rows = s->rows - 2;
    size_t at = 0;

    nc_screen_clear(s);
    nc_screen_fill(s, 0, 0, s->columns, NC_INK_BAR);
    nc_screen_put(s, 0, 1, s->columns - 2, NC_INK_BAR, nc_str(nc_word(NC_W_HELP_TITLE)));
    for (; nc_text_line(text, s->columns - 2, &at, &line); n++)
        if (n >= t->help_top && n < t->help_top + rows)
            nc_screen_put(s, 1 + n - t->help_top, 1, s->columns - 2, NC_INK_TEXT, line);
    nc_screen_put(s, s->rows - 1, 1, s->columns - 2, NC_INK_DIM,
                  nc_str(s->plain ? "Up Down PgUp PgDn Esc" : "↑ ↓ PgUp PgDn Esc"));
    if (t->help_top + rows > n)
        t->help_top = n > rows ? n - rows : 0;
    nc_screen_show(s, UINT_MAX, 0);
}
