/*
 * ai/deltas: the text of one answer while it grows.
 *
 * Told to the room in numbered deltas at most every 40 ms, shown whole to who comes in
 * the middle, kept in the store at least every second or 2 KiB.  docs/protocol.md,
 * section 4.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "llm/provider.h"
#include "loop/loop.h"

struct nc_chat;
struct nc_listener;

/* Embedded in a job. */
struct nc_deltas {
    struct nc_chat *chat;
    struct nc_loop *loop;
    struct nc_id room, message;
    /* By enum nc_llm_channel: all of it, and how much everybody has been told. */
    struct nc_delta_channel {
        struct nc_buf text;
        size_t sent;
    } channel[2];
    uint32_t run;  /* which answer of the message it is; deltas of a higher one replace */
    uint64_t n;    /* of the next delta */
    bool replaces; /* its beginning is a snapshot: there may be words on screens that the
                      last run of the node did not live to keep */
    uint64_t flushed_ms;
    size_t kept; /* bytes of the last checkpoint */
    struct nc_task turn_end;
    struct nc_deadline flush, checkpoint;
};

void nc_deltas_init(struct nc_deltas *d, struct nc_chat *c, struct nc_loop *l,
                    const struct nc_id *room);
void nc_deltas_fini(struct nc_deltas *d);

/* The message is there, empty, as its answer number `run`: everything begins anew. */
void nc_deltas_begin(struct nc_deltas *d, const struct nc_id *message, uint32_t run);
/* Text came.  False: it went up to the limit of an answer, and no further. */
bool nc_deltas_add(struct nc_deltas *d, enum nc_llm_channel ch, struct nc_str piece);
/* Tell what is left and stop the clocks: completed comes next. */
void nc_deltas_end(struct nc_deltas *d);
/* What everybody has been told so far, to one listener: the next delta continues it. */
void nc_deltas_snapshot(const struct nc_deltas *d, struct nc_listener *l);

struct nc_str nc_deltas_text(const struct nc_deltas *d, enum nc_llm_channel ch);
