#include "client/tui.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tui_parts.h"

#pragma GCC diagnostic ignored \
    "-Wformat-nonliteral" /* formats are words of two languages */

enum { WORDS_MS = 8000 };

struct nc_model_room *nc_tui_room(const struct nc_tui *t)
{
    return nc_id_zero(&t->room) ? NULL : nc_model_room(&t->servers.model, &t->room);
}

struct nc_remote *nc_tui_remote(struct nc_tui *t)
{
    return nc_servers_for(&t->servers, nc_id_zero(&t->room) ? NULL : &t->room);
}

void nc_tui_redraw(struct nc_tui *t) { nc_loop_defer(t->loop, &t->draw); }

static void on_draw(struct nc_task *task) { nc_tui_draw(nc_of(task, struct nc_tui, draw)); }

static void on_words_end(struct nc_deadline *d)
{
    struct nc_tui *t = nc_of(d, struct nc_tui, words_end);

    t->words[0] = '\0';
    nc_tui_redraw(t);
}

static void on_tick(struct nc_deadline *d) { nc_tui_redraw(nc_of(d, struct nc_tui, tick)); }

void nc_tui_say(struct nc_tui *t, const char *words)
{
    snprintf(t->words, sizeof t->words, "%s", words);
    nc_loop_deadline(t->loop, &t->words_end, WORDS_MS);
    nc_tui_redraw(t);
}

void nc_tui_open_room(struct nc_tui *t, const struct nc_id *room)
{
    if (!nc_id_eq(&t->room, room)) {
        t->editing = t->reply_to = (struct nc_id){0};
        t->scroll = 0;
    }
    t->room = *room;
    nc_tui_goto(t, NC_TUI_CHAT);
    nc_servers_look(&t->servers, room);
    nc_tui_redraw(t);
}

/* ---- what the server tells ------------------------------------------------ */

static bool at_the_door(const struct nc_tui *t)
{
    return t->mode == NC_TUI_LOGIN || t->mode == NC_TUI_REGISTER;
}

bool nc_tui_may_skip(const struct nc_tui *t)
{
    for (size_t i = 0; i < t->servers.n; i++)
        if (nc_session_present(&t->servers.v[i].api.session))
            return true;
    return false;
}

/* There is always a room to look at, if there is any. */
static void look_at_one(struct nc_tui *t)
{
    const struct nc_model *m = &t->servers.model;

    if (nc_servers_loaded(&t->servers) && !nc_tui_room(t) && m->n && t->mode == NC_TUI_CHAT)
        nc_tui_open_room(t, &m->rooms[0]->id);
}

void nc_tui_enter_next(struct nc_tui *t)
{
    t->entering = NULL;
    for (size_t i = 0; i < t->servers.n && !t->entering; i++)
        if (!nc_session_present(&t->servers.v[i].api.session) && !(t->skipped & 1u << i))
            t->entering = &t->servers.v[i];
    t->began = t->began || !t->entering;
    nc_tui_goto(t, t->entering ? NC_TUI_LOGIN : NC_TUI_CHAT);
    look_at_one(t); /* they may have come while the form stood there */
}

static void on_changed(void *arg, unsigned what, const struct nc_id *room)
{
    struct nc_tui *t = arg;
    (void)room;
    if (what & NC_CHANGED_MENTION)
        nc_screen_bell(&t->screen);
    if (at_the_door(t) && t->entering && nc_session_present(&t->entering->api.session)) {
        t->words[0] = '\0';
        nc_tui_enter_next(t);
    }
    look_at_one(t);
    if (t->mode == NC_TUI_ROOMS && (what & NC_CHANGED_ROOMS))
        nc_tui_fill_rooms(t);
    nc_tui_redraw(t);
}

static void on_said(void *arg, const char *words) { nc_tui_say(arg, words); }

/* With others to go on by it is only said: somebody may be writing.  Not so in the
 * beginning, where all that were named are asked for one by one. */
static void on_login(void *arg, struct nc_remote *r)
{
    struct nc_tui *t = arg;
    char words[sizeof t->words];

    if (t->began && nc_tui_may_skip(t)) {
        t->skipped |= 1u << r->from;
        snprintf(words, sizeof words, nc_word(NC_W_LOGIN_OVER_AT), r->api.url);
        nc_tui_say(t, words);
    } else if (!at_the_door(t) || !t->entering) {
        nc_tui_enter_next(t);
    }
}

static void on_arrived(void *arg, const struct nc_id *room) { nc_tui_open_room(arg, room); }

/* ---- what the terminal tells ---------------------------------------------- */

static void end(struct nc_tui *t)
{
    t->over = true;
    nc_loop_stop(t->loop);
}

static void on_keys(void *arg, unsigned ready)
{
    struct nc_tui *t = arg;
    uint32_t key;

    if (ready & NC_IO_LOST) { /* the terminal is gone: the outbox is on disk */
        end(t);
        return;
    }
    for (int i = 0;
         i < 4096 && !t->over && (key = nc_screen_key(&t->screen)) != NC_KEY_NONE; i++)
        nc_tui_key(t, key);
    if (t->over)
        end(t);
    nc_tui_redraw(t);
}

static void on_signal(void *arg, int signum)
{
    struct nc_tui *t = arg;

    if (signum == SIGWINCH) {
        nc_screen_resized(&t->screen);
        nc_tui_redraw(t);
    } else {
        end(t);
    }
}

/* ---- from start to end ---------------------------------------------------- */

static bool watch(struct nc_tui *t)
{
    static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT};

    for (size_t i = 0; i < NC_COUNT(signals); i++)
        if (nc_loop_signal(t->loop, signals[i], on_signal, t) != NC_OK)
            return false;
    /* A descriptor of its own: the loop makes it non-blocking, and stdout may be the same
     * open file as stdin, on which curses counts to block. */
    t->tty = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (t->tty < 0 || nc_io_new(&t->io, t->loop, t->tty, on_keys, t) != NC_OK)
        return false;
    nc_io_want(t->io, NC_IO_READ);
    return true;
}

/* Log lines must not land on the screen. */
static void mute_stderr(void)
{
    int null = isatty(STDERR_FILENO) ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

    if (null >= 0) {
        dup2(null, STDERR_FILENO);
        close(null);
    }
}

static void close_all(struct nc_tui *t)
{
    nc_loop_deadline(t->loop, &t->words_end, 0);
    nc_loop_deadline(t->loop, &t->tick, 0);
    nc_io_free(t->io);
    if (t->tty >= 0)
        close(t->tty);
    nc_servers_close(&t->servers);
    nc_loop_undefer(t->loop, &t->draw);
    nc_form_fini(&t->form);
    nc_picker_fini(&t->picker);
    nc_editor_fini(&t->editor);
    nc_buf_fini(&t->pasted);
    nc_screen_close(&t->screen);
}

int nc_tui_run(struct nc_client *c)
{
    static const struct nc_servers_ops ops = {
        .changed = on_changed, .said = on_said, .login = on_login, .arrived = on_arrived};
    struct nc_tui *t = nc_alloc(sizeof *t);
    int rc = NC_EXIT_OK;

    t->client = c;
    t->loop = c->loop;
    t->tty = -1;
    t->draw.run = on_draw;
    t->words_end.fire = on_words_end;
    t->tick.fire = on_tick;
    if (nc_screen_open(&t->screen, c->cfg->plain) != NC_OK) {
        free(t);
        return nc_client_fail("%s", nc_word(NC_W_NO_TERMINAL));
    }
    mute_stderr();
    struct nc_api_opts opts = {
        .loop = c->loop, .ca_file = c->cfg->ca_file, .total_ms = (unsigned)c->cfg->timeout};
    if (!watch(t) || nc_servers_open(&t->servers, &opts, c->cfg->servers.v,
                                     c->cfg->servers.n, c->cfg->user, &ops, t) != NC_OK)
        rc = NC_EXIT_FAILED;
    t->began = true;
    nc_tui_redraw(t);
    while (rc == NC_EXIT_OK && !t->over)
        nc_loop_run(c->loop);
    signal(SIGWINCH, SIG_IGN); /* `t` is about to go */
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    close_all(t);
    free(t);
    return rc;
}
