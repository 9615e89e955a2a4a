/*
 * chat/people/ticket: a word that stands for its maker's session or key, once, for 30 s.
 *
 * For browsers, where a WebSocket or an event stream cannot carry a header: what lives
 * longer must not stand in a URL.  In memory only.
 */
#pragma once

#include "chat/people/session.h"

#define NC_TICKET_TEXT 48 /* with its NUL */
#define NC_TICKET_MS 30000

/* False: *why is rate_limited (30 a minute per user) or busy. */
bool nc_ticket_new(struct nc_chat *c, const struct nc_auth *of, char out[NC_TICKET_TEXT],
                   struct nc_problem *why);
/* False: *why is unauthorized: unknown, used, over, or its session has ended. */
bool nc_ticket_use(struct nc_chat *c, struct nc_str ticket, struct nc_auth *out,
                   struct nc_problem *why);

struct nc_tickets *nc_tickets_new(void);
void nc_tickets_free(struct nc_tickets *t);
/* Those of one session or key; NULL: all. */
void nc_tickets_forget(struct nc_chat *c, const struct nc_id *ends_with);
