/*
 * ai/room_ai: what a room says about AI.
 *
 * The room record's `settings` is the JSON object shown as the room's `ai` member:
 *   {"allowed":true,"destination":"cloud","call":"name"|"strict","persona_turns":0}
 * and in a dialog also "model", "system_prompt", "temperature", "max_tokens", and
 * "auto_title" until it has its title.  Pure.
 */
#pragma once

#include <jansson.h>

#include "llm/provider.h"
#include "wire/problem.h"

struct nc_buf;
struct nc_room;

struct nc_room_ai {
    bool allowed;
    enum nc_destination furthest;
    bool strict;            /* only @, comma and colon call */
    unsigned persona_turns; /* 0..3: personas answer personas that deep */
    /* Of dialogs; empty, negative and 0: the persona's. */
    struct nc_str model, system_prompt;
    double temperature;
    unsigned max_tokens;
    bool auto_title;
    json_t *root; /* what the views are of */
};

/* Always succeeds: what is missing or odd is as in a new room.  End with _fini. */
void nc_room_ai_read(struct nc_room_ai *out, struct nc_str settings);
void nc_room_ai_fini(struct nc_room_ai *a); /* only the strings go */
/*
 * Merge the members of `patch` (null puts one back) into `settings`; the result is
 * complete, in one order.  NC_EINVAL: *why names the member.
 *
 * fresh: the settings of a new room, as null puts them back; empty: as the program has
 * them.  dialog: whether the members of dialogs are welcome.
 */
NC_MUSTUSE enum nc_err nc_room_ai_patch(struct nc_str settings, struct nc_str fresh,
                                        const json_t *patch, bool dialog,
                                        struct nc_buf *out, struct nc_problem *why);
