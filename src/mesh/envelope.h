/*
 * mesh/envelope: who sent these bytes to whom, as the how manieth.
 *
 *   version 1 (1), flags (1), the last 4 bytes of the sender's id, those of the receiver's
 *   where flags has 1, epoch (6), age (zigzag varint), counter (varint),
 *   Ed25519 signature (64), payload
 *
 * Around every frame between nodes, on whatever way it goes: topics of a broker, or a
 * WebSocket.  The signature is over "NeuralChat envelope 1" 0 ‖ both whole ids (zero: to
 * all) ‖ epoch … counter ‖ payload.  The counter only rises, from 1 in each epoch, which is
 * the moment the sender started: so one that comes again by another broker is known, and
 * one that is replayed is, too, after a restart of either.  Pure.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "crypto/identity.h"

#define NC_ENVELOPE_PAYLOAD_MAX (256 * 1024 + 192) /* any frame, also a relay */
#define NC_ENVELOPE_MAX (NC_ENVELOPE_PAYLOAD_MAX + 128)
#define NC_ENVELOPE_TAIL 4

struct nc_envelope {
    struct nc_id sender, receiver; /* receiver zero: all who read there */
    uint64_t epoch_ms, counter;    /* counter 1..INT64_MAX */
    uint64_t wall_ms;              /* the sender's clock when it was sealed */
    struct nc_str payload;         /* borrowed */
};

/* Appends it.  The payload is at most NC_ENVELOPE_PAYLOAD_MAX bytes. */
void nc_envelope_seal(const struct nc_envelope *e, const struct nc_identity *by,
                      struct nc_buf *out);
/* Whose it says it is, before anything is verified: pinned nodes whose id ends so are to be
 * tried.  NC_EINVAL "version" or "short", NC_ELIMIT "size". */
NC_MUSTUSE enum nc_err nc_envelope_peek(struct nc_str bytes, uint8_t tail[NC_ENVELOPE_TAIL],
                                        const char **why);
/* The same, and which of its envelopes it says to be: out->epoch_ms, counter, wall_ms.
 * NC_EINVAL also "head". */
NC_MUSTUSE enum nc_err nc_envelope_look(struct nc_str bytes, uint8_t tail[NC_ENVELOPE_TAIL],
                                        struct nc_envelope *out, const char **why);
/* Open one of `sender` with `key`, sent to `self` or to all.  As peek; NC_EINVAL also
 * "head"; NC_ENOENT "sender" or "receiver": it is another's; NC_EACCESS "signature". */
NC_MUSTUSE enum nc_err nc_envelope_open(struct nc_str bytes, const struct nc_id *sender,
                                        const uint8_t key[NC_IDENTITY_KEY],
                                        const struct nc_id *self, struct nc_envelope *out,
                                        const char **why);

/*
 * Which of one sender's envelopes have been seen.  A zeroed one has seen none.  What is
 * kept over restarts is epoch_ms and top (nc_replay_from).
 */
#define NC_REPLAY_WINDOW \
    1024 /* how far behind one may come: brokers deliver as they like */
struct nc_replay {
    uint64_t epoch_ms, top;
    uint64_t seen[NC_REPLAY_WINDOW / 64]; /* bit counter % window, for top-window+1..top */
};

enum nc_replay_is {
    NC_REPLAY_NEW,
    NC_REPLAY_SEEN, /* a copy: by another broker, or a redelivery */
    NC_REPLAY_OLD,  /* of an earlier epoch, or behind the window: take nothing from it that
                       isn't signed by itself */
};
/* What it would be; nothing is remembered. */
enum nc_replay_is nc_replay_look(const struct nc_replay *r, uint64_t epoch_ms,
                                 uint64_t counter);
/* After the signature was verified; remembers it. */
enum nc_replay_is nc_replay_take(struct nc_replay *r, uint64_t epoch_ms, uint64_t counter);
void nc_replay_from(struct nc_replay *r, uint64_t epoch_ms, uint64_t top);
