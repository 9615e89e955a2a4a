/*
 * client/tui_parts: what the files of the chat in the terminal share.  Private to them.
 */
#pragma once

#include "client/client.h"
#include "client/form.h"
#include "client/screen.h"
#include "client/servers.h"

enum nc_tui_mode {
    NC_TUI_CHAT,
    NC_TUI_SELECT, /* a message is chosen */
    NC_TUI_ROOMS,  /* pickers */
    NC_TUI_PUBLIC,
    NC_TUI_LOGIN, /* forms */
    NC_TUI_REGISTER,
    NC_TUI_CREATE,
    NC_TUI_HELP,
};

struct nc_tui {
    struct nc_client *client;
    struct nc_loop *loop;
    struct nc_screen screen;
    struct nc_servers servers;
    struct nc_remote *entering; /* where the form logs in */
    unsigned skipped;           /* bits of servers one goes on without */
    enum nc_tui_mode mode;
    struct nc_editor editor;
    struct nc_form form;
    struct nc_picker picker;
    struct nc_id room;     /* the one on the screen; zero: none */
    struct nc_id editing;  /* the message being changed; zero: none */
    struct nc_id reply_to; /* zero: none */
    struct nc_id chosen;   /* in NC_TUI_SELECT */
    unsigned scroll;       /* lines up from the end */
    unsigned help_top;
    bool pasting, delete_asked, leave_asked, over;
    bool began;    /* all servers have been asked who is logged in */
    bool thoughts; /* shown whole, not as a line */
    struct nc_buf pasted;
    char words[240]; /* the line above the input, for a while */
    struct nc_deadline words_end, tick;
    struct nc_task draw;
    struct nc_io *io;
    int tty;
};

/* The room on the screen, or NULL. */
struct nc_model_room *nc_tui_room(const struct nc_tui *t);
/* The best server for it, or for anything. */
struct nc_remote *nc_tui_remote(struct nc_tui *t);
/* The form for the next server where nobody is logged in; the chat if there is none. */
void nc_tui_enter_next(struct nc_tui *t);
/* One can go on without the server that the form is about. */
bool nc_tui_may_skip(const struct nc_tui *t);
void nc_tui_redraw(struct nc_tui *t); /* at the end of this turn */
void nc_tui_say(struct nc_tui *t, const char *words);
void nc_tui_open_room(struct nc_tui *t, const struct nc_id *room);
void nc_tui_goto(struct nc_tui *t, enum nc_tui_mode mode); /* readies forms and pickers */
void nc_tui_fill_rooms(struct nc_tui *t);                  /* the picker, anew */
void nc_tui_key(struct nc_tui *t, uint32_t key);
bool nc_tui_key_in_dialog(struct nc_tui *t,
                          uint32_t key); /* tui_dialog.c; false: not its mode */
/* tui_ai.c: what one does about answers.  True: it was a key of theirs. */
bool nc_tui_key_of_answers(struct nc_tui *t, uint32_t key);
/* The same about the message that is chosen. */
bool nc_tui_key_of_answer(struct nc_tui *t, const struct nc_model_message *x, uint32_t key);
void nc_tui_stop(struct nc_tui *t); /* what is being written, or waits, in this room */
void nc_tui_draw(struct nc_tui *t);

/* view_chat.c: messages into rows top..top+rows-1, from column on.  Returns false if the
 * past that is loaded ended before the window was full: older is wanted. */
bool nc_view_chat(struct nc_tui *t, unsigned top, unsigned rows, unsigned column,
                  unsigned columns);
/* Scrolls so that the chosen message is in a window of that size. */
void nc_view_reveal(struct nc_tui *t, unsigned rows, unsigned columns);
void nc_view_help(struct nc_tui *t);
