/*
 * client/follow: waits for what personas answer, and prints it as it comes, for scripts.
 *
 * Listens before anything is asked, so that nothing is missed; what came before the caller
 * knew the question's id is looked at then.  The text goes to stdout, everything else to
 * stderr.  Ctrl-C stops the answer, a second one leaves at once.
 */
#pragma once

#include "client/client.h"

struct nc_follow;

/* Runs the loop until the live channel is there.  NULL: told on stderr. */
struct nc_follow *nc_follow_new(struct nc_client *c);
void nc_follow_free(struct nc_follow *f); /* NULL is fine */

/* All answers to a message.  NC_EXIT_OK: at least one, and all came whole. */
int nc_follow_question(struct nc_follow *f, const struct nc_id *room,
                       const struct nc_id *question);
/* The next answer of a message that has one; `message` as the node gave it before that was
 * asked for, `job` what then was queued. */
int nc_follow_again(struct nc_follow *f, const json_t *message, const struct nc_id *job);
