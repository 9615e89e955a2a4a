/*
 * ai/why: why there is no answer, or no whole one, in words for programs.
 *
 * They stand as `code` beside what people read, in answers, jobs and notices, and are the
 * same in every language (docs/protocol.md section 5).  Static strings; NULL: none.
 */
#pragma once

/* How the model ended it. */
#define NC_WHY_LENGTH "length"     /* the limit of an answer */
#define NC_WHY_DECLINED "declined" /* its filter */
#define NC_WHY_EMPTY "empty"       /* it said nothing */

/* Which model. */
#define NC_WHY_NO_MODEL "no_model"
#define NC_WHY_UNKNOWN_MODEL "unknown_model"
#define NC_WHY_TOO_FAR "too_far" /* than the room allows */
#define NC_WHY_PROVIDER_DOWN "provider_down"
#define NC_WHY_PROVIDER_GONE "provider_gone" /* changed or deleted meanwhile */

/* What its server did. */
#define NC_WHY_UNREACHABLE "unreachable"
#define NC_WHY_TIMEOUT "timeout"
#define NC_WHY_BUSY "busy"
#define NC_WHY_SERVER "server_failed"
#define NC_WHY_REFUSED "refused"
#define NC_WHY_TOO_LONG "too_long" /* what it was to read */
#define NC_WHY_TOO_MUCH "too_much" /* what it sent */
#define NC_WHY_KEY "provider_key"
#define NC_WHY_LOOP "loop"

/* What is not allowed, and how much is. */
#define NC_WHY_ONLY_MODERATORS "only_moderators"
#define NC_WHY_ONLY_OWNERS "only_owners"
#define NC_WHY_ONLY_LISTED "only_listed"
#define NC_WHY_AI_OFF "ai_off" /* this room allows none, or none any more */
#define NC_WHY_CAP_KEY "cap_key"
#define NC_WHY_CAP_USER "cap_user"
#define NC_WHY_CAP_ROOM "cap_room"
#define NC_WHY_CAP_PERSONA "cap_persona"
#define NC_WHY_CAP_NODE "cap_node"
#define NC_WHY_RATE_USER "rate_user"
#define NC_WHY_RATE_ROOM "rate_room"
#define NC_WHY_QUEUE_FULL "queue_full"

/* What is no longer there. */
#define NC_WHY_PERSONA_GONE "persona_gone"
#define NC_WHY_QUESTION_GONE "question_gone"
#define NC_WHY_ANSWER_GONE "answer_gone"
#define NC_WHY_HISTORY "history_unreadable"
#define NC_WHY_NODE_STOPPED "node_stopped"
