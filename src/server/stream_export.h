/*
 * server/stream_export: what is exported piece by piece, as a streamed answer: all that is
 * kept of a person (chat/people/export), or a room (chat/talk/transcript).
 */
#pragma once

struct nc_call;
struct nc_room;

/* Both answer the call.  One piece at a time: the next is read when the peer has taken
 * most of the last. */
void nc_stream_export(struct nc_call *call);
/* ?format=markdown (as without it) or json; the caller is a member. */
void nc_stream_room(struct nc_call *call, struct nc_room *r);
