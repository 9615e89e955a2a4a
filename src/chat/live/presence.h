/*
 * chat/live/presence: who is there, and who is typing.
 *
 * Ephemeral: nothing of it is stored or replayed.  Somebody is there while one of
 * their live connections is, and for 20 s after the last one: a long poll breathes; or
 * while another node, or a broker, says that they are there.
 * A room hears of changes in one frame per 5 s at most, rooms of more than 200
 * members not at all.  Typing ends after 6 s, or with the message.
 *
 *   {"type":"presence","room":…,"online":[user…],"offline":[user…]}
 *   {"type":"typing","room":…,"user":…,"typing":true|false}
 */
#pragma once

#include "chat/rooms/room.h"

struct nc_presence;

struct nc_presence_times {
    unsigned every_ms;  /* one frame per room: 5000 */
    unsigned linger_ms; /* from the last connection to being away: 20000 */
    unsigned typing_ms; /* until typing ends by itself: 6000 */
    unsigned again_ms;  /* renewals of typing reach the room's ears no sooner: 3000 */
    /* What one turn may cost: memberships that are looked at, and frames given to
     * listeners; the rest follows in the next turns.  20000 */
    unsigned per_turn;
};
extern const struct nc_presence_times nc_presence_times; /* the above */

struct nc_presence *nc_presence_new(struct nc_chat *c, const struct nc_presence_times *t);
void nc_presence_free(struct nc_presence *p); /* NULL is fine */

/* The hub tells: a listener of theirs came or went. */
void nc_presence_seen(struct nc_presence *p, struct nc_user *u);

bool nc_presence_online(const struct nc_chat *c, const struct nc_user *u);

/*
 * Tell a listener who is here, of those whom its user shares a room of at most 200 with,
 * each once: changes alone say nothing of who came before.  Bounded; people of direct
 * rooms come first.  In this turn, or, where many come at once, in one of the next.
 *
 *   {"type":"online","users":[user…],"has_more":false}
 */
void nc_presence_tell(struct nc_presence *p, struct nc_listener *l);

/* They are at another node, too; or not any more.  Once for each node and each way. */
void nc_presence_far(struct nc_chat *c, struct nc_user *u, bool there);
/* A broker says that they are there, or not any more.  Once for each broker and each way.
 */
void nc_presence_broker(struct nc_chat *c, struct nc_user *u, bool there);
/* They are there as far as we know by ourselves: what other nodes are told. */
bool nc_presence_by_us(const struct nc_user *u);
/* Who tells other nodes hears when nc_presence_by_us has changed.  NULL: nobody. */
void nc_presence_watch(struct nc_chat *c, void (*watch)(void *arg, struct nc_user *u),
                       void *arg);

/* They type there, now. */
void nc_presence_typing(struct nc_chat *c, struct nc_room *r, struct nc_user *u);
