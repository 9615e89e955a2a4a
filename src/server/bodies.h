/*
 * server/bodies: how much of what calls bring is taken in.
 *
 * Large bodies share what there is for all of them; those by keys that are not known to
 * hold are few at once: anybody can make one up.
 */
#pragma once

#include "server/call.h"

/* The most bytes the call's body may have. */
size_t nc_body_max(const struct nc_call *call);
/* Is there room for it now?  It is counted, whether or not. */
bool nc_body_fits(struct nc_call *call, const struct nc_http_head *h);
/* It is in. */
void nc_body_in(struct nc_call *call);
/* What a program asks may wait for long.  From here on it is counted by what it takes in
 * memory, which may be a hundred times its text.  Whoever fills that does not shut the
 * others out: each may have one still.  False: *why. */
bool nc_body_waits(struct nc_call *call, struct nc_problem *why);
/* The call is over. */
void nc_body_forget(struct nc_call *call);
