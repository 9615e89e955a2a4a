/*
 * chat/presence: who is there, and who is typing.
 *
 * Ephemeral: nothing of it is stored or replayed.  Somebody is there while one of
 * their live connections is, and for 20 s after the last one: a long poll breathes.
 * A room hears of changes in one frame per 5 s at most, rooms of more than 200
 * members not at all.  Typing ends after 6 s, or with the message.
 *
 *   {"type":"presence","room":…,"online":[user…],"offline":[user…]}
 *   {"type":"typing","room":…,"user":…,"typing":true|false}
 */
#pragma once

#include "chat/room.h"

struct nc_presence;

struct nc_presence *nc_presence_new(struct nc_chat *c);
void nc_presence_free(struct nc_presence *p); /* NULL is fine */

/* The hub tells: a listener of theirs came or went. */
void nc_presence_seen(struct nc_presence *p, struct nc_user *u);

bool nc_presence_online(const struct nc_chat *c, const struct nc_user *u);

/* They type there, now.  At most one event per 3 s for each person and room. */
void nc_presence_typing(struct nc_chat *c, struct nc_room *r, struct nc_user *u);
