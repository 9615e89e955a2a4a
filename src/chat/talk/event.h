/*
 * chat/talk/event: records -> the JSON of protocol.md sections 3 and 4.
 *
 * Pure functions over records, so that the loop (live) and the reader threads
 * (replay, history) say the same thing in the same bytes.
 */
#pragma once

#include "chat/live/cursor.h"
#include "store/store.h"
#include "wire/json.h"

/* The message object.  with_client_id: only for its own sender. */
void nc_event_message(struct nc_json *j, const struct nc_message *m, bool with_client_id);
/* room_ai: the settings of rooms that have none of their own (nc_chat.room_ai). */
void nc_event_room(struct nc_json *j, const struct nc_room_rec *r, struct nc_str room_ai);
void nc_event_user(struct nc_json *j,
                   const struct nc_account *a); /* {id,username,display_name,kind} */

/* The wire name, or NULL for kinds clients never see. */
const char *nc_event_name(enum nc_event_kind k);

/* "ai" of a room: its own, else the node's, else what every node begins with. */
struct nc_str nc_event_room_ai(const struct nc_room_rec *r, struct nc_str room_ai);

/*
 * One whole event object: {"type","event_id","cursor", …}.  Appends to `out`.
 * at: the log that is read and what of it comes with this event or before it, for the
 * cursor; room_ai: as above; row: as NC_Q_LOG gives it; own: with client_id.  For a deleted
 * message a tombstone.  Returns false, adding nothing, for kinds without a wire name or
 * when what it points to is gone.
 */
bool nc_event_encode(struct nc_buf *out, const struct nc_log_at *at, struct nc_str room_ai,
                     const struct nc_row *row, bool own);
/* The sender's variant of a message event that was encoded without client_id: the
 * same bytes with that one member added.  Appends to `out`. */
void nc_event_own(struct nc_buf *out, struct nc_str shared, const struct nc_id *client_id);
const char *nc_event_state(enum nc_message_state state);   /* "complete" … */
const char *nc_member_role_name(enum nc_member_role role); /* "owner" … */
