/*
 * mesh/frame: what nodes say to one another, as bytes.
 *
 * A frame is version 1 (1 byte), its type (1), its members packed (mesh/pack.h); at most
 * NC_FRAME_MAX bytes (a relay: NC_FRAME_RELAY_MAX), and it travels in an envelope
 * (mesh/envelope.h).  Decoding is strict: nothing may be left over.  Pure.
 *
 *   hello      who I am, my clock, what I have, how I am reached; first on a link
 *   origins    signed introductions: which logs are whose; after it, and when new
 *   vector     what I have; now and then
 *   want       send me these, so many bytes at first; by whom lacks something
 *   segment    a signed run of one log, with what it announces; asked for, or just made
 *   ack        what I have on disk, and for how many bytes there is room
 *   ask/piece  a record that is too large for a frame, bit by bit
 *   ephemeral  deltas, typing, presence: not kept, not asked for again
 *   error      what is wrong with one that you sent
 *   probe/echo how far you are by this very way (mesh/routes.h)
 *   relay      pass this envelope on, as it is, to one whom I do not reach
 *   document   what I would keep at a broker, signed for itself (wire/signed.h)
 *   bye        the last that I say: I am stopping
 *   former     of authors that I don't trust (any more), so much is here: take it, too
 *   heads      where the chains end that I have, so that two pasts of one log are seen
 */
#pragma once

#include "base/buf.h"
#include "base/vector.h"
#include "mesh/origin.h"
#include "mesh/segment.h"

#define NC_FRAME_MAX (256 * 1024)
/* What carries a whole envelope, which carries any frame but another relay. */
#define NC_FRAME_RELAY_MAX (NC_FRAME_MAX + 192)
#define NC_FRAME_RECORDS_MAX \
    (1024 * 1024)                       /* those of a segment, unpacked (mesh/squeeze.h) */
#define NC_RECORD_MAX (4 * 1024 * 1024) /* one that travels in pieces */
#define NC_FRAME_ROUTES 16
#define NC_FRAME_JSON_MAX (64 * 1024)

enum nc_frame_type {
    NC_FRAME_HELLO = 1,
    NC_FRAME_ORIGINS = 2,
    NC_FRAME_VECTOR = 3,
    NC_FRAME_WANT = 4,
    NC_FRAME_SEGMENT = 5,
    NC_FRAME_ACK = 6,
    NC_FRAME_ASK = 7,
    NC_FRAME_PIECE = 8,
    NC_FRAME_EPHEMERAL = 9,
    NC_FRAME_ERROR = 10,
    NC_FRAME_PROBE = 11,
    NC_FRAME_ECHO = 12,
    NC_FRAME_RELAY = 13,
    NC_FRAME_DOCUMENT = 14,
    NC_FRAME_BYE = 15,
    NC_FRAME_FORMER = 16,
    NC_FRAME_HEADS = 17,
    NC_FRAME_TYPES
};
const char *nc_frame_name(enum nc_frame_type t); /* "hello" …, for logs and counters */

enum nc_ephemeral { /* others, of later versions, are numbers up to 255 */
                    NC_EPHEMERAL_DELTA = 1,
                    NC_EPHEMERAL_TYPING = 2,
                    NC_EPHEMERAL_PRESENCE = 3,
                    NC_EPHEMERAL_JOB = 4,
                    NC_EPHEMERAL_AI = 5, /* who answers a question (ai/mesh.h) */
};

/* Of each log the event at which what is here ends, and how the chain behind it begins. */
#define NC_HEAD_TAG 8
struct nc_heads {
    struct nc_head {
        struct nc_id origin;
        uint64_t n; /* 1..INT64_MAX */
        uint8_t tag[NC_HEAD_TAG];
    } at[NC_ORIGINS_MAX];
    unsigned n;
};
struct nc_head nc_head_of(const struct nc_id *origin, uint64_t n,
                          const uint8_t chain[NC_SHA256]);
/* Whether it ends at event n, too, and behind another chain. */
bool nc_head_forks(const struct nc_head *h, uint64_t n, const uint8_t chain[NC_SHA256]);

/* Strings are views into what was parsed, a segment's records into `records`.  Some 70 KiB:
 * one for a link, not for a call.  Zeroed it is ready; nc_frame_fini when it is done with.
 */
struct nc_frame {
    enum nc_frame_type type;
    struct nc_buf records;
    union {
        struct {
            struct nc_id node;
            struct nc_str name, version; /* 1..64 and 1..32 bytes */
            uint64_t wall_ms;
            struct nc_vector vector;
            struct nc_str routes[NC_FRAME_ROUTES]; /* addresses, 1..256 bytes each */
            unsigned routes_n;
        } hello;
        struct nc_origins origins; /* not verified */
        struct nc_vector vector;   /* of `former`, too */
        struct {
            struct nc_vector_range ranges[NC_VECTOR_MAX];
            unsigned n;
            uint64_t room; /* bytes that may be sent before the next ack */
        } want;
        struct nc_mesh_segment segment; /* not verified; node is zero */
        struct {
            struct nc_vector vector;
            uint64_t room;
        } ack;
        struct {
            struct nc_id origin;
            uint64_t origin_seq, at; /* from this byte of the record on */
        } ask;
        struct {
            struct nc_id origin;
            uint64_t origin_seq, at, size; /* size: of all of it; 0: it is not to be had */
            struct nc_str bytes;
        } piece;
        struct {
            enum nc_ephemeral what;
            struct nc_id room; /* zero: of no room */
            struct nc_str json;
        } ephemeral;
        struct {
            uint64_t counter;     /* of the envelope it is about; 0: of none */
            struct nc_str code;   /* a-z and _, 1..32 */
            struct nc_str detail; /* at most 200 bytes */
        } error;
        uint64_t probe; /* a token; of an echo, too: that of what it answers */
        struct {
            struct nc_id to;
            struct nc_str envelope; /* the sender's own, sealed to that one; not opened */
        } relay;
        struct {
            struct nc_str rest;    /* its topic, behind n/<sender>/: 1..64 bytes */
            struct nc_str payload; /* at most NC_FRAME_JSON_MAX */
        } document;
        struct nc_heads heads;
    };
};

/*
 * The hash that a row whose record is `record` has as body_hash; `ev` has all the rest.
 * Where it is so, which is the rule, the hash isn't sent.  False: the record is malformed.
 * NULL stands for SHA-256 of the record, as store/state.h has it.
 */
typedef bool nc_record_hash_fn(const struct nc_event *ev, struct nc_str record,
                               uint8_t out[NC_SHA256]);

void nc_frame_fini(struct nc_frame *f);

/* Appends a frame.  Records of a segment that find no room go as NC_RECORD_LARGE.
 * NC_ELIMIT: it would be larger than NC_FRAME_MAX, nothing was added. */
NC_MUSTUSE enum nc_err nc_frame_add(struct nc_buf *out, const struct nc_frame *f,
                                    nc_record_hash_fn *hash);
/*
 * NC_ELIMIT "size"; NC_EINVAL "version", "short" (or too long, or a number that is none),
 * or the member that is wrong; NC_ENOENT "type": of a later version, to be passed over.
 */
NC_MUSTUSE enum nc_err nc_frame_parse(struct nc_str in, nc_record_hash_fn *hash,
                                      struct nc_frame *out, const char **why);
