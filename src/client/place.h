/*
 * client/place: where things are kept.
 *
 *   $XDG_CONFIG_HOME/neuralchat/client.conf              settings
 *   $XDG_CONFIG_HOME/neuralchat/servers/<server>/current the user that is taken
 *   …/<server>/<user>.json, .lock                        tokens (0600)
 *   $XDG_STATE_HOME/neuralchat/outbox/<server>/<user>/   what is to be sent
 *
 * <server> is the URL with ',' for "://", so that a token is only ever shown to the
 * server that gave it.
 */
#pragma once

#include "base/base.h"

/* Each returns a path the caller frees, or NULL if there is no home. */
char *nc_place_config_file(void);
char *nc_place_server(const char *url);                   /* the folder of one server */
char *nc_place_outbox(const char *url, const char *user); /* of one user there */

char *nc_place_join(const char *dir, struct nc_str name, const char *suffix);
/* The folder and those above it, 0700.  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_place_make(const char *dir);
