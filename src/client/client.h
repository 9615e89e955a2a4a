/*
 * client/client: what a command has to work with.
 *
 * A command is one row of the table in commands.c: neuralchat NAME ARGS.  It may wait for
 * answers (nc_api_wait) and returns the exit status.
 */
#pragma once

#include <stdio.h>

#include "client/api.h"
#include "client/model.h"
#include "client/words.h"
#include "config/client.h"

/* Exit statuses, as the manual page has them. */
enum { NC_EXIT_OK, NC_EXIT_FAILED, NC_EXIT_USAGE };

struct nc_client {
    const struct nc_client_config *cfg;
    struct nc_loop *loop;
    struct nc_api *apis[NC_MODEL_SERVERS]; /* in the order they were named */
    size_t apis_n;
    struct nc_api *api; /* the one that is spoken to */
    unsigned holders;   /* bits of those that may hold the room of nc_client_room */
    char *username;     /* asked for once, for all of them */
    const char **args;  /* what follows the command's name */
    size_t args_n;
};

struct nc_client_command {
    const char *name;  /* "send", "admin users" */
    const char *args;  /* "ROOM TEXT" */
    const char *help;  /* one line */
    unsigned min, max; /* number of arguments */
    unsigned who;      /* NC_FOR_… | NC_AT_… */
    int (*run)(struct nc_client *c);
};
enum { NC_FOR_ANYBODY, NC_FOR_LOGGED_IN, NC_FOR_ADMIN, NC_FOR_MASK = 3 };
/* Of several servers: one after the other, or all together, which is the command's business
 * then; without either it is the first that is reached. */
enum { NC_AT_EACH = 4, NC_AT_ALL = 8 };

extern const struct nc_client_command nc_client_commands[];
extern const size_t nc_client_commands_n;
/* The longest name that `args` begin with; NULL if none. *used: how many of them it took.
 */
const struct nc_client_command *nc_client_command_find(const char **args, size_t n,
                                                       size_t *used);

/* "neuralchat: …" on stderr; returns NC_EXIT_FAILED. */
int nc_client_fail(const char *fmt, ...) NC_PRINTF(1, 2);
/* The words are a format of client/words. */
int nc_client_fail_word(enum nc_words w, const char *arg);

/* Ask and wait; what is not 2xx is told on stderr, and false. */
bool nc_client_ask(struct nc_client *c, const char *method, const char *path,
                   struct nc_str json, struct nc_answer *out);
/* ROOM as a person writes it: an id, a name among one's own and the public ones, @username
 * (the direct room, made if needed).  False: told on stderr.
 * Of several servers c->api is the first that has it then, and c->holders tells of all. */
bool nc_client_room(struct nc_client *c, const char *name, struct nc_id *out);
/* A password: from --password-file, else from the terminal without echo, twice if it is a
 * new one; the question names the server where there are several.  NULL: told on stderr.
 * Caller wipes and frees. */
char *nc_client_password(struct nc_client *c, bool twice);
/* Any other secret, asked for on the terminal without echo.  NULL: told on stderr. */
char *nc_client_secret(const char *label);
/* The first line of a file, or "-" for the first of stdin.  NULL: told on stderr. */
char *nc_client_first_line(const char *path);
void nc_client_forget(char *secret); /* wipes and frees; NULL is fine */
/* TEXT itself, or, of "-", all of stdin but the newline at its end.  False: told on stderr.
 */
bool nc_client_text(const char *arg, struct nc_buf *out);
/* Let time pass while the loop runs. */
void nc_client_pause(struct nc_client *c, uint64_t ms);
/* One line from the terminal; NULL at its end. */
char *nc_client_prompt(const char *label);

/* Cleaned text of member `key`, for a table; "" if it has none.  In rotating buffers. */
const char *nc_client_cell(const json_t *obj, const char *key);
/* Likewise, of words that the node has in English: in our language. */
const char *nc_client_words(const json_t *obj, const char *key);
/* Likewise, with blanks behind it to fill so many columns of the terminal: what printf
 * counts for that is bytes. */
const char *nc_client_column(const json_t *obj, const char *key, unsigned columns);
/* Print as JSON, if that is what was asked for. */
bool nc_client_printed(struct nc_client *c, const json_t *body);
/* A string, cleaned, with its newlines, and one after it. */
void nc_client_print_text(FILE *out, const json_t *text);
/* A message for people: "2026-01-02 15:04  name: text", in local time. */
void nc_client_print_message(FILE *out, const json_t *message);
