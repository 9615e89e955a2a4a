/*
 * config/option: settings as one table, filled from four places.
 *
 * defaults < file < environment < flags.  A row of the table gives a setting
 * its key, type, bounds and help; the flag (`--listen`), the environment
 * variable (NEURALCHAT_LISTEN), the file key (`listen`), `--help`, the man page
 * and the sample file all come from that row.  An unknown key or a value out of
 * bounds is an error that names where it stands.  Secrets are never values,
 * only the names of files that hold them.
 */
#pragma once

#include "base/arena.h"
#include "base/base.h"

enum nc_option_kind {
    NC_OPT_TEXT, /* const char * */
    NC_OPT_LIST, /* struct nc_strings: the key may be repeated, or values split by commas */
    NC_OPT_UINT, /* uint64_t */
    NC_OPT_SIZE, /* uint64_t, bytes: 65536, 64KiB, 32MiB, 1GiB */
    NC_OPT_DURATION, /* uint64_t, milliseconds: 500ms, 10s, 5min, 24h, 30d */
    NC_OPT_BOOL,     /* bool: on, off; the bare flag means on */
    NC_OPT_CHOICE,   /* int: index of the word in `choices` */
};

enum nc_option_flags {
    NC_OPT_RELOAD = 1, /* follows SIGHUP */
    NC_OPT_FLAG = 2,   /* an action of the command line: not in file or environment */
};

struct nc_option {
    const char *key; /* lower case with underscores; flags use dashes */
    enum nc_option_kind kind;
    size_t at;         /* offset in the struct that is filled */
    const char *def;   /* as one would write it */
    uint64_t min, max; /* numbers; max 0: no bound */
    const char *const *choices;
    const char *arg;   /* "ADDR:PORT", for the help */
    const char *help;  /* one or two sentences */
    const char *group; /* heading; NULL: as the row before */
    unsigned flags;
    /* NULL, or what is wrong with a value, in words ("must begin with http"). */
    const char *(*check)(const char *value);
};

struct nc_strings {
    const char **v;
    size_t n;
};

struct nc_options {
    const struct nc_option *table;
    size_t n;
    const char *env_prefix; /* "NEURALCHAT_" */
    const char *env_others; /* a longer prefix that is another program's, or NULL */
    const char *program;    /* for messages */
    void *into;             /* the struct that is filled; strings live in `arena` */
    struct nc_arena arena;
    const char **operands; /* what on the command line was no option */
    size_t operands_n;
    char error[512]; /* the first thing that was wrong, and where */
    uint8_t *from;   /* per row: which place it was set by */
};

/* `into` is zeroed memory of the caller's; sets every default. */
void nc_options_init(struct nc_options *o, const struct nc_option *table, size_t n,
                     void *into);
void nc_options_fini(struct nc_options *o); /* the strings in `into` go too */

/* Each returns NC_EINVAL with o->error set at the first thing that is wrong. */
NC_MUSTUSE enum nc_err nc_options_env(struct nc_options *o, char *const *environ_);
NC_MUSTUSE enum nc_err nc_options_flags(struct nc_options *o, int argc, char *const *argv);
/* `name` for messages.  "key = value" lines, '#' comments; NC_EINVAL names file and line.
 */
NC_MUSTUSE enum nc_err nc_options_text(struct nc_options *o, struct nc_str text,
                                       const char *name);
/* Reads at most 1 MiB.  NC_ENOENT (error set) when it can't be read. */
NC_MUSTUSE enum nc_err nc_options_file(struct nc_options *o, const char *path);

/* The whole order of precedence at once: finds `config_key` in flags and environment
 * first, reads that file if it names one, then environment, then flags. */
NC_MUSTUSE enum nc_err nc_options_load(struct nc_options *o, int argc, char *const *argv,
                                       char *const *environ_, const char *config_key);

/* The value in force of a row, as one would write it. */
struct nc_buf;
void nc_options_show(const struct nc_options *o, size_t row, struct nc_buf *out);

/* The key of the first row that differs and doesn't follow SIGHUP, or NULL.  Both
 * structs were filled by the same table. */
const char *nc_options_frozen_change(const struct nc_options *a,
                                     const struct nc_options *b);
