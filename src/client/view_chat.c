/*
 * The messages of a room, wrapped, newest at the bottom.
 *
 * Laid out anew for every drawing, from the end upwards and only as far as is seen: a room
 * of thousands costs no more than a window full.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "client/ai_words.h"
#include "client/glyph.h"
#include "client/tui_parts.h"

enum { NARROW = 48, LINES_MAX = 4096, TICK_MS = 1000 };

struct row {
    struct nc_str head, text; /* the head has ink of its own */
    enum nc_ink head_ink, ink;
    unsigned indent;
    bool chosen;
};

struct layout {
    struct nc_tui *t;
    struct nc_model_room *room;
    unsigned columns;
    struct row *rows; /* of one message, top down */
    size_t n, cap;
    struct nc_arena arena; /* heads and marks */
};

static void add(struct layout *l, struct row row)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 32;
        l->rows = nc_realloc(l->rows, l->cap * sizeof(struct row));
    }
    l->rows[l->n++] = row;
}

/* The first line begins behind the head, the others under it. */
static void add_wrapped(struct layout *l, struct nc_str head, enum nc_ink head_ink,
                        struct nc_str text, enum nc_ink ink, unsigned indent)
{
    unsigned used = nc_text_width(head);
    bool first = true;
    struct nc_str line;
    size_t at = 0;

    if (used + 10 > l->columns && text.n) { /* too little is left beside the head */
        add(l, (struct row){.head = head, .head_ink = head_ink});
        first = false;
    }
    for (;;) {
        unsigned left = first ? used : indent;
        if (!nc_text_line(text, l->columns > left + 2 ? l->columns - left : 2, &at,
                          &line) ||
            l->n > LINES_MAX)
            break;
        add(l, (struct row){.head = first ? head : NC_STR(""),
                            .head_ink = head_ink,
                            .text = line,
                            .ink = ink,
                            .indent = first ? 0 : indent});
        first = false;
    }
}

static const char *clock_text(struct layout *l, uint64_t ms, const char *format)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    char s[40] = "";

    if (localtime_r(&t, &tm)) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        strftime(s, sizeof s, format, &tm);
#pragma GCC diagnostic pop
    }
    return nc_arena_printf(&l->arena, "%s", s);
}

static void add_separator(struct layout *l, const char *label, enum nc_ink ink)
{
    const char *dash = l->t->screen.plain ? "-" : "─";
    struct nc_buf b = {0};
    unsigned w = nc_text_width(nc_str(label)) + 2,
             side = l->columns > w ? (l->columns - w) / 2 : 0;

    for (unsigned i = 0; i < side; i++)
        nc_buf_adds(&b, nc_str(dash));
    nc_buf_printf(&b, " %s ", label);
    for (unsigned i = 0; i < side; i++)
        nc_buf_adds(&b, nc_str(dash));
    add(l, (struct row){.text = nc_arena_str(&l->arena, nc_buf_str(&b)), .ink = ink});
    nc_buf_fini(&b);
}

static void add_quote(struct layout *l, const struct nc_id *id)
{
    const struct nc_model_message *x = nc_model_message(l->room, id);
    const char *mark = l->t->screen.plain ? "  > " : "  ↳ ";
    struct nc_buf b = {0};

    if (x) {
        nc_buf_printf(&b, "%s%s: ", mark, x->username);
        nc_text_clean(&b, nc_buf_str(&x->text), false);
        b.n = nc_text_fit(nc_buf_str(&b), l->columns);
    } else {
        nc_buf_printf(&b, "%s…", mark);
    }
    add(l,
        (struct row){.text = nc_arena_str(&l->arena, nc_buf_str(&b)), .ink = NC_INK_DIM});
    nc_buf_fini(&b);
}

static enum nc_ink name_ink(const struct nc_model_message *x)
{
    if (x->mine)
        return NC_INK_MINE;
    if (x->sender_kind == NC_SENDER_PERSONA)
        return NC_INK_PERSONA;
    return nc_screen_name_ink(nc_str(x->username));
}

/* The text with what is to be said about it; a view while nothing is. */
static struct nc_str told(struct layout *l, const struct nc_model_message *x)
{
    struct nc_buf b = {0};
    const char *cursor = l->t->screen.plain ? "_" : "▌";

    if (x->deleted)
        return nc_str(nc_arena_printf(&l->arena, "[%s]", nc_word(NC_W_DELETED)));
    nc_buf_adds(&b, nc_buf_str(&x->text));
    if (x->state == NC_ANSWER_STREAMING)
        nc_buf_adds(&b, nc_str(cursor));
    if (x->state == NC_ANSWER_STOPPED || x->state == NC_ANSWER_FAILED)
        nc_buf_printf(&b, "%s[%s%s%s]",
                      x->text.n && x->text.p[x->text.n - 1] != ' ' ? " " : "",
                      nc_word(x->state == NC_ANSWER_STOPPED ? NC_W_STOPPED : NC_W_FAILED),
                      x->ai.reason ? ": " : "", nc_say_reason(&x->ai));
    if (x->edited)
        nc_buf_printf(&b, " (%s)", nc_word(NC_W_EDITED));
    if (x->late)
        nc_buf_printf(&b, " (%s)", nc_word(NC_W_LATE));
    struct nc_str out = nc_arena_str(&l->arena, nc_buf_str(&b));
    nc_buf_fini(&b);
    return out;
}

/* What the model thought, before what it said: a line, or all that was seen of it. */
static void add_thoughts(struct layout *l, const struct nc_model_message *x)
{
    const char *mark = l->t->screen.plain ? "  ~ " : "  ✻ ";
    struct nc_buf b = {0};

    nc_say_thoughts(&b, x, l->t->screen.plain);
    if (b.n)
        add_wrapped(l, nc_str(mark), NC_INK_DIM, nc_arena_str(&l->arena, nc_buf_str(&b)),
                    NC_INK_DIM, 4);
    if (b.n && x->reasoning.n && l->t->thoughts && x->chosen == x->run)
        add_wrapped(l, NC_STR("    "), NC_INK_DIM, nc_buf_str(&x->reasoning), NC_INK_DIM,
                    4);
    nc_buf_fini(&b);
}

/* How an answer that has ended came to be. */
static void add_facts(struct layout *l, const struct nc_model_message *x, unsigned indent)
{
    static const char blanks[] = "      ";
    struct nc_buf b = {0};

    nc_say_answer(&b, x, l->t->screen.plain);
    if (b.n)
        add_wrapped(l, (struct nc_str){blanks, indent}, NC_INK_DIM,
                    nc_arena_str(&l->arena, nc_buf_str(&b)), NC_INK_DIM, indent);
    nc_buf_fini(&b);
}

static bool same_day(struct layout *l, uint64_t a, uint64_t b)
{
    return strcmp(clock_text(l, a, "%Y%j"), clock_text(l, b, "%Y%j")) == 0;
}

static void lay_message(struct layout *l, size_t i)
{
    const struct nc_model_message *x = l->room->messages[i];
    bool wide = l->columns >= NARROW;
    const char *at = clock_text(l, x->created_ms, wide ? "%H:%M " : "");
    unsigned indent = wide ? 6 : 2;
    bool answer = x->sender_kind == NC_SENDER_PERSONA && !x->deleted;
    enum nc_ink ink = x->mentions_me ? NC_INK_MENTION
                      : x->deleted   ? NC_INK_DIM
                                     : NC_INK_TEXT;
    size_t from;

    l->n = 0;
    if (i == 0 ? !l->room->has_more
               : !same_day(l, l->room->messages[i - 1]->created_ms, x->created_ms))
        add_separator(l, clock_text(l, x->created_ms, "%Y-%m-%d"), NC_INK_DIM);
    if (nc_id_eq(&x->id, &l->room->first_unread))
        add_separator(l, nc_word(NC_W_NEW), NC_INK_ALERT);
    from = l->n;
    if (!nc_id_zero(&x->reply_to))
        add_quote(l, &x->reply_to);
    if (answer)
        add_thoughts(l, x);
    if (x->kind == NC_TEXT_LOCAL || x->kind == NC_TEXT_NOTICE)
        add_wrapped(l, nc_str(nc_arena_printf(&l->arena, "%s* ", at)), NC_INK_DIM,
                    told(l, x), NC_INK_DIM, indent);
    else if (x->kind == NC_TEXT_ACTION)
        add_wrapped(l, nc_str(nc_arena_printf(&l->arena, "%s* %s ", at, x->username)),
                    name_ink(x), told(l, x), ink, indent);
    else
        add_wrapped(l, nc_str(nc_arena_printf(&l->arena, "%s%s: ", at, x->username)),
                    name_ink(x), told(l, x), ink, indent);
    if (answer && x->state != NC_ANSWER_STREAMING)
        add_facts(l, x, indent);
    if (l->t->mode == NC_TUI_SELECT && nc_id_eq(&x->id, &l->t->chosen))
        for (; from < l->n; from++)
            l->rows[from].chosen = true;
}

/* Not acknowledged yet: shown where they will stand. */
static void lay_pending(struct layout *l, const struct nc_outbox_item *it)
{
    bool refused = it->state == NC_OUT_REFUSED;
    const char *mark =
        l->t->screen.plain ? (refused ? "! " : "~ ") : (refused ? "✗ " : "… ");
    struct nc_buf clean = {0};

    l->n = 0;
    nc_text_clean(&clean, nc_str(it->text), true);
    if (refused) {
        nc_buf_printf(&clean, " [%s: ", nc_word(NC_W_NOT_SENT));
        nc_text_clean(&clean, nc_str(it->why), false);
        nc_buf_addc(&clean, ']');
    }
    add_wrapped(l,
                nc_str(nc_arena_printf(&l->arena, "%s%s: ", mark,
                                       nc_model_username(&l->t->servers.model))),
                NC_INK_DIM, nc_arena_str(&l->arena, nc_buf_str(&clean)),
                refused ? NC_INK_ALERT : NC_INK_DIM, 2);
    nc_buf_fini(&clean);
}

/* A question that waits for its turn. */
static void lay_waiting(struct layout *l, const struct nc_model_waiting *w)
{
    struct nc_buf b = {0};

    l->n = 0;
    nc_say_waiting(&b, &l->room->ai, w, nc_mono_ms());
    add_wrapped(l, nc_str(l->t->screen.plain ? "~ " : "… "), NC_INK_DIM,
                nc_arena_str(&l->arena, nc_buf_str(&b)), NC_INK_DIM, 2);
    nc_buf_fini(&b);
}

/* ---- onto the screen ------------------------------------------------------ */

struct window {
    unsigned top, rows, column;
    unsigned skip; /* lines below the window */
    unsigned left; /* rows still free, from the top */
};

static void put_row(struct layout *l, const struct window *w, unsigned y,
                    const struct row *r)
{
    struct nc_screen *s = &l->t->screen;
    unsigned x = w->column;

    if (r->chosen)
        nc_screen_fill(s, y, x, l->columns, NC_INK_CHOSEN);
    x += r->indent;
    x += nc_screen_put(s, y, x, l->columns - r->indent,
                       r->chosen ? NC_INK_CHOSEN : r->head_ink, r->head);
    nc_screen_put(s, y, x, l->columns - (x - w->column), r->chosen ? NC_INK_CHOSEN : r->ink,
                  r->text);
}

static void place(struct layout *l, struct window *w)
{
    for (size_t i = l->n; i > 0 && w->left > 0; i--) {
        if (w->skip > 0) {
            w->skip--;
            continue;
        }
        w->left--;
        put_row(l, w, w->top + w->left, &l->rows[i - 1]);
    }
}

void nc_view_reveal(struct nc_tui *t, unsigned rows, unsigned columns)
{
    struct layout l = {.t = t, .room = nc_tui_room(t), .columns = columns};
    unsigned below = 0;

    for (size_t i = l.room ? l.room->n : 0; i > 0; i--) {
        lay_message(&l, i - 1);
        if (nc_id_eq(&l.room->messages[i - 1]->id, &t->chosen)) {
            if (below < t->scroll)
                t->scroll = below;
            if (below + l.n > t->scroll + rows)
                t->scroll = below + (unsigned)l.n - rows;
            break;
        }
        below += (unsigned)l.n;
    }
    free(l.rows);
    nc_arena_fini(&l.arena);
}

bool nc_view_chat(struct nc_tui *t, unsigned top, unsigned rows, unsigned column,
                  unsigned columns)
{
    struct layout l = {.t = t, .room = nc_tui_room(t), .columns = columns};
    struct window w = {top, rows, column, t->scroll, rows};

    if (!l.room)
        return true;
    for (size_t i = t->servers.n; i > 0; i--) {
        struct nc_list *box = &t->servers.v[i - 1].outbox.list;
        for (struct nc_list *node = box->prev; box->next && node != box;
             node = node->prev) {
            const struct nc_outbox_item *it = nc_of(node, struct nc_outbox_item, node);
            if (!nc_id_eq(&it->room, &l.room->id))
                continue;
            lay_pending(&l, it);
            place(&l, &w);
        }
    }
    for (size_t i = l.room->ai.waiting_n; i > 0; i--) {
        lay_waiting(&l, &l.room->ai.waiting[i - 1]);
        place(&l, &w);
        nc_loop_deadline(t->loop, &t->tick, TICK_MS);
    }
    for (size_t i = l.room->n; i > 0 && w.left > 0; i--) {
        lay_message(&l, i - 1);
        place(&l, &w);
    }
    /* Scrolled past the very first line: stop there. */
    if (w.left > 0 && t->scroll > 0 && !l.room->has_more) {
        unsigned over = w.left + w.skip;
        t->scroll = t->scroll > over ? t->scroll - over : 0;
        nc_tui_redraw(t);
    }
    free(l.rows);
    nc_arena_fini(&l.arena);
    return w.left == 0;
}
