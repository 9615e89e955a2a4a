/*
 * server/live: the stream of events by HTTP: server-sent events and long polls.
 * (By WebSocket: server/ws.h.)
 */
#pragma once

#include "server/call.h"

/* Why nc_hub_attach did not: answered. */
void nc_live_refuse(struct nc_call *call, enum nc_err e);

void nc_live_sse(struct nc_call *call);  /* GET /api/v1/events?since= */
void nc_live_poll(struct nc_call *call); /* GET /api/v1/poll?since=&timeout= */
