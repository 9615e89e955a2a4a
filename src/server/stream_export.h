/*
 * server/stream_export: chat/people/export as a streamed answer.
 */
#pragma once

struct nc_call;

/* Answers the call.  One page at a time: the next is read when the peer has taken most
 * of the last. */
void nc_stream_export(struct nc_call *call);
