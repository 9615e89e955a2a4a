/*
 * ai/context_text: how the talk of a room is written down for a model.
 *
 * Pure.  What people say and are called can't be taken for somebody else's line: names
 * lose the marks that lines are made of, and a line inside a message that looks like the
 * beginning of one is moved aside.
 */
#pragma once

#include "ai/personas.h"
#include "base/buf.h"

struct nc_speech {
    struct nc_str display, username; /* empty: the account is gone */
    uint64_t at_ms;
    bool action; /* "/me waves" */
    struct nc_str body;
};

/* "[2026-11-21 10:00] Ada (@ada): body"; plain: the body alone. */
void nc_speech_write(const struct nc_speech *s, bool plain, struct nc_buf *out);
/* What is answered, before the answer to it: every line of it after "> ", cut to `most`
 * bytes. */
void nc_speech_quote(const struct nc_speech *s, bool plain, size_t most,
                     struct nc_buf *out);
/* What the model is told of itself.  own: the words of the dialog or the persona; empty:
 * the node's. */
void nc_speech_system(const struct nc_persona *p, struct nc_str room, bool dialog,
                      struct nc_str own, struct nc_buf *out);
