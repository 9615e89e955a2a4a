/*
 * config/client: every setting of neuralchat, the terminal client.
 */
#pragma once

#include "config/option.h"

enum { NC_CFG_LANG_AUTO, NC_CFG_LANG_EN, NC_CFG_LANG_RU };
enum { NC_CFG_FORMAT_LINES, NC_CFG_FORMAT_MARKDOWN, NC_CFG_FORMAT_JSON };

struct nc_client_config {
    /* where */
    struct nc_strings servers;
    const char *user, *ca_file, *config, *data;
    uint64_t timeout;
    /* how it looks */
    bool plain;
    int language;
    /* coming in */
    const char *password_file, *owner_code, *invite, *display_name;
    /* commands */
    uint64_t history, limit;
    bool json, text, verbose, is_private, with_keys, yes, no_stream, wait_answer, all;
    bool ask_key, no_key;
    int format;
    struct nc_strings host, url;
    const char *listen, *ws_listen, *tls_cert, *tls_key, *place, *plugin;
    const char *topic, *reply_to, *system, *model, *persona, *passphrase_file, *key_file;
    /* actions of the command line */
    bool help, version, print_man, print_markdown;
};

extern const struct nc_option nc_client_config_table[];
extern const size_t nc_client_config_rows;
