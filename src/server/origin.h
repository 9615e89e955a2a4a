/*
 * server/origin: pages of other origins, by the CORS protocol (Fetch standard).
 *
 * Welcome are our own host and the setting cors_origins.
 */
#pragma once

#include "server/call.h"

/* No Origin header, or a welcome one. */
bool nc_origin_ok(const struct nc_call *call);
/* Say what a page of a welcome origin that isn't ours may read of the answer. */
void nc_origin_allow(struct nc_call *call, const struct nc_http_head *h);
/* Answer OPTIONS: the methods are `allow`. */
void nc_origin_preflight(struct nc_call *call, const char *allow);
