/*
 * store/state: what nodes keep in common, and how each piece of it is named.
 *
 * A *state* is an account, a room, a membership, a ban, a persona's settings, a key, or
 * what became of a message after it was said.  Its *record* is what travels to other nodes;
 * its *stamp* says which event made it what it is.  Pure.
 */
#pragma once

#include "base/buf.h"
#include "store/record.h"

#define NC_STATE_HASH 32

enum nc_state_kind {
    NC_STATE_NONE = 0,
    NC_STATE_ACCOUNT = 'a',
    NC_STATE_ROOM = 'r',
    NC_STATE_MEMBER = 'm',
    NC_STATE_BAN = 'b',
    NC_STATE_PERSONA = 'p',
    NC_STATE_KEY = 'k',
    NC_STATE_MESSAGE = 't',
    NC_STATE_SESSION = 's', /* ended sessions: no record, no stamp */
};

/* Its name: the thing's id; for memberships and bans room and user, for keys also whose. */
struct nc_state_key {
    enum nc_state_kind kind;
    struct nc_id a, b;
};

#define NC_STATE_KEY_MAX 33
/* As bytes, in tables: kind, a and, where there is one, b.  Returns how many. */
size_t nc_state_key_bytes(const struct nc_state_key *k, uint8_t out[NC_STATE_KEY_MAX]);
struct nc_state_key nc_state_key(enum nc_state_kind kind, const struct nc_id *a,
                                 const struct nc_id *b /* NULL: none */);

/* What an event is about; NC_STATE_NONE: no state (read, invitations). */
struct nc_state_key nc_state_of(const struct nc_event *e);
bool nc_state_ends(enum nc_event_kind k); /* deleted, left, lifted */

/* What travels.  Strings are borrowed, as in the records themselves. */
struct nc_record {
    enum nc_state_kind kind;
    union {
        struct nc_account account; /* username: the one it was registered with */
        struct nc_room_rec room;
        struct nc_member_rec member; /* room, user, role, joined_ms */
        struct nc_ban ban;
        struct nc_persona_rec persona;
        struct nc_key key;         /* without used_ms */
        struct nc_message message; /* streaming: without body */
    };
    /* Accounts: the stamp of their making, which decides who has a name first, and what is
     * known of that name when the account is deleted. */
    uint64_t created_hlc;
    uint8_t claim[NC_STATE_HASH];
};

struct nc_state_key nc_record_key(const struct nc_record *r);

/*
 * The canonical bytes, appended: version (1), kind, then the fields in the order of
 * state.c; numbers big-endian (8, 4 or 1 bytes), ids 16 bytes, strings as length (4
 * bytes) and bytes.
 */
void nc_record_bytes(const struct nc_record *r, struct nc_buf *out);
/* The other way; strings point into `bytes`.  NC_EINVAL: not exactly one record, or a
 * string in it that is no UTF-8 or has a NUL: clients are told it as it is. */
NC_MUSTUSE enum nc_err nc_record_parse(struct nc_str bytes, struct nc_record *out);
/* What log rows carry as body_hash: SHA-256 of these bytes. */
void nc_record_hash(const struct nc_record *r, uint8_t out[NC_STATE_HASH]);
/* Is it the content that a row of this hash announced?  Rows of messages may carry the
 * digest of earlier versions: SHA-256 of id, room, sender (16 bytes each), kind (1),
 * content type, 0, body. */
bool nc_record_fits(const struct nc_record *r, const uint8_t hash[NC_STATE_HASH]);

/* May `r`, as it is kept here, go out with this event?  It fits, and is not erased.  Then
 * `bytes` are its canonical ones; *exact: body_hash is their digest, not one of earlier
 * versions. */
bool nc_record_announced(const struct nc_record *r, const struct nc_event *e,
                         struct nc_buf *bytes, bool *exact);
size_t nc_record_size(const struct nc_record *r); /* about how many bytes that is */

/* SHA-256 of a username: what stays of it when its account is deleted. */
void nc_name_claim(struct nc_str username, uint8_t out[NC_STATE_HASH]);

/*
 * A sum over records that does not depend on their order: two nodes with the same sum show
 * the same.  Begins as zeros.
 *
 * username: accounts: as it is shown here.
 */
void nc_state_add(uint8_t sum[NC_STATE_HASH], const struct nc_record *r,
                  struct nc_str username);
void nc_state_add_alias(uint8_t sum[NC_STATE_HASH], const struct nc_id *lost,
                        const struct nc_id *kept);

/* Which event made a state what it is. */
enum nc_stamp_state {
    NC_STAMP_LIVING = 0,
    NC_STAMP_DEAD = 1,   /* a tombstone */
    NC_STAMP_HOLLOW = 2, /* known to have been made, its content has not come */
    NC_STAMP_ALIAS = 3,  /* a message that was the same as another one */
};

struct nc_stamp {
    uint64_t hlc;
    struct nc_id origin;
    uint64_t origin_seq;
    uint64_t seq; /* local log position of that event; 0: none */
    enum nc_stamp_state state;
};

/* Which of two is the later: by clock, then origin, then the origin's own order. */
int nc_stamp_cmp(const struct nc_stamp *a, const struct nc_stamp *b);
