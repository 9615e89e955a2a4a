/*
 * chat/rooms/room_json: rooms and their members as API answers, written on the loop.
 */
#pragma once

#include "chat/rooms/rooms.h"
#include "wire/json.h"

/* The room object as `reader` sees it, not closed: more members may follow. */
void nc_room_json_open(const struct nc_chat *c, struct nc_json *j, const struct nc_room *r,
                       const struct nc_user *reader);
/* What the room is called where `reader` reads it: a direct room by the other one. */
struct nc_str nc_room_shown_name(const struct nc_room *r, const struct nc_user *reader);
/* {"members":[{id, username, display_name, kind, role, online}]} */
void nc_room_members_json(struct nc_chat *c, struct nc_buf *out, const struct nc_room *r,
                          bool online_only);
/* {"bans":[{id, username, display_name, kind, banned_at, until?, by?}],"has_more"}: who is
 * kept out now, by username, those after `after`; for those who may lift bans.  false:
 * *why says no. */
bool nc_room_bans_json(struct nc_chat *c, struct nc_buf *out, const struct nc_actor *who,
                       const struct nc_room *r, struct nc_str after, unsigned limit,
                       struct nc_problem *why);
/* {"rooms":[…],"has_more"}: public rooms whose name contains `q`, case folded, by id,
 * those after `after` (zero: from the start). */
void nc_rooms_public_json(struct nc_chat *c, struct nc_buf *out,
                          const struct nc_user *reader, struct nc_str q,
                          const struct nc_id *after, unsigned limit);
