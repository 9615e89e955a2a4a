/*
 * server/models_setup: what ai/models is told of the settings.
 */
#pragma once

#include "ai/models.h"
#include "base/buf.h"

struct nc_server;

struct nc_models_setup {
    struct nc_models_opts opts; /* all but chat, changed and arg; views into the rest and
                                   into the settings */
    struct nc_buf key;
    char node[NC_ID_TEXT + 1];
    char *key_path;
    const char **look_at;
};

/* Reads the key file once: the key lives in the provider alone.  NC_EIO and what else
 * reading a file may say (logged). */
NC_MUSTUSE enum nc_err nc_models_setup(struct nc_models_setup *m,
                                       const struct nc_server *s);
void nc_models_setup_fini(struct nc_models_setup *m); /* wipes */
