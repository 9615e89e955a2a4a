/*
 * chat/talk/message: saying something, and what happens to what was said.
 */
#pragma once

#include "chat/rooms/room.h"

struct nc_send {
    struct nc_str text;     /* copied before the call returns */
    struct nc_id client_id; /* zero: none */
    struct nc_id reply_to;  /* zero: none */
};

/* What became of a send.  Strings live until the callback returns. */
struct nc_sent {
    bool repeated;             /* (sender, client_id) was known: 200, not 201 */
    bool is_notice;            /* a command: `notice` is its answer, message is empty */
    struct nc_message message; /* as stored, sender filled in */
    struct nc_str notice;
};
/* Once, never before the call returned; why == NULL: durable, and delivered in this
 * same loop turn. */
typedef void nc_sent_fn(void *arg, const struct nc_problem *why,
                        const struct nc_sent *sent);

/* A leading '/' is a command (chat/talk/command.h), "//" a literal slash. */
void nc_message_send(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                     const struct nc_send *in, nc_sent_fn *done, void *arg);
void nc_message_edit(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                     struct nc_str text, nc_sent_fn *done, void *arg);
void nc_message_delete(struct nc_chat *c, const struct nc_actor *who,
                       const struct nc_id *id, nc_sent_fn *done, void *arg);
void nc_message_read(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                     const struct nc_id *id, nc_room_fn *done, void *arg);
void nc_message_typing(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r);

/* Look one up for someone who may see it.  not_found otherwise. */
void nc_message_get(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                    nc_sent_fn *done, void *arg);

/* JSON answers, encoded on a reader thread.  json is the finished object, owned by the
 * caller of done until it returns. */
typedef void nc_json_fn(void *arg, const struct nc_problem *why, struct nc_buf *json);
struct nc_page {
    struct nc_id before, after, around; /* at most one non-zero */
    uint32_t limit;                     /* 1..200 */
};
void nc_message_history(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                        const struct nc_page *page, nc_json_fn *done, void *arg);
/* Which rooms of one's own. */
struct nc_room_filter {
    const enum nc_room_kind *kind; /* NULL: all */
    struct nc_str q;               /* their name, as it is shown, holds this; case folded */
};
/* GET /api/v1/rooms of the caller, with last message and unread counts.  only: NULL, all */
void nc_room_overview(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_room_filter *only, nc_json_fn *done, void *arg);

/*
 * A generated answer (protocol.md section 4): one stored message that grows.
 * `start` stores it empty in state streaming; `checkpoint` keeps a partial text;
 * `finish` makes it complete, stopped or failed and delivers message.completed.
 * The deltas between are ephemeral and go through the hub (nc_hub_publish).
 */
void nc_answer_start(struct nc_chat *c, struct nc_user *persona, struct nc_room *r,
                     const struct nc_id *reply_to, struct nc_str ai_json, nc_sent_fn *done,
                     void *arg);
void nc_answer_checkpoint(struct nc_chat *c, const struct nc_id *message,
                          struct nc_str text);
void nc_answer_finish(struct nc_chat *c, const struct nc_id *message, struct nc_str text,
                      enum nc_message_state state, struct nc_str ai_json, nc_sent_fn *done,
                      void *arg);
/*
 * What there is of it (text, state, ai_json) becomes an alternative, and it streams again,
 * empty, as the next one: regenerate, and another model that begins anew in the middle.
 * sent->message.chosen is the new run.  Delivers message.updated.  not_found: no such
 * generated answer.
 */
void nc_answer_restart(struct nc_chat *c, const struct nc_id *message, struct nc_str text,
                       enum nc_message_state state, struct nc_str ai_json, nc_sent_fn *done,
                       void *arg);
/* An answer that the last run of the node left streaming without a word of it is still
 * open after nc_chat_new: true, and it goes on as if begun now; `finish` ends it.  False:
 * unknown, or it was ended as failed. */
bool nc_answer_resume(struct nc_chat *c, const struct nc_id *message);
/* The same of the one that `persona` had begun in reply to `question`: its id. */
bool nc_answer_resume_reply(struct nc_chat *c, const struct nc_id *persona,
                            const struct nc_id *question, struct nc_id *message);
/* Those that nobody resumed fail. */
void nc_answers_abandon(struct nc_chat *c);
/* {"alternatives":[{n, text, state, ai?, created_at}], "chosen"}: for who may see it. */
void nc_answer_alternatives(struct nc_chat *c, const struct nc_actor *who,
                            const struct nc_id *message, nc_json_fn *done, void *arg);
/* Show that one.  The asker (ai.asked_by) and moderators.  Delivers message.updated. */
void nc_answer_choose(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_id *message, uint32_t n, nc_sent_fn *done, void *arg);

/* What the node itself says: words for people, and the same for programs. */
struct nc_notice {
    struct nc_str text;
    const char *code;       /* a static word; or NULL */
    unsigned retry_after_s; /* when it may be tried again; 0: not said */
};
/* An ephemeral {"type":"notice","room","text","code"?,"retry_after"?} to all of one user's
 * devices. */
void nc_message_notice(struct nc_chat *c, struct nc_user *u, const struct nc_room *r,
                       const struct nc_notice *n);
/* A line in the room from the system account (kind notice), e.g. that no model is set up;
 * without retry_after_s. */
void nc_message_system(struct nc_chat *c, struct nc_room *r, const struct nc_notice *n);
