/*
 * client/model_ai: what one server has told us about AI: how an answer came to be, who
 * answers in a room and where its text goes, which questions wait.
 *
 * A part of client/model, and as pure.  Texts are clean.
 */
#pragma once

#include <jansson.h>

#include "base/id.h"

/* Of one answer.  Strings are NULL while nothing was told. */
struct nc_model_ai {
    char *model, *destination, *reason, *asked_by;
    char *instead; /* the model that was to answer, and failed */
    struct nc_id question;
    uint64_t prompt_tokens, completion_tokens, omitted, reasoning_chars;
    bool counted, estimated; /* there are counts of tokens; they are guesses */
};
void nc_model_ai_fini(struct nc_model_ai *a);
/* The `ai` member of a message. */
void nc_model_ai_take(struct nc_model_ai *a, const json_t *ai);

struct nc_model_persona {
    char *username, *display, *model, *destination;
    enum nc_persona_state {
        NC_PERSONA_UP,
        NC_PERSONA_DOWN,
        NC_PERSONA_TOO_FAR, /* farther than the room allows */
        NC_PERSONA_MISSING  /* no model at all */
    } state;
};

/* A question that waits for its turn. */
struct nc_model_waiting {
    struct nc_id job, question;
    char *persona; /* username */
    unsigned position;
    uint64_t since_ms; /* monotonic */
};
#define NC_MODEL_WAITING 16 /* of one room that are told of */

/* Of one room. */
struct nc_model_room_ai {
    struct nc_model_persona *personas;
    size_t personas_n;
    char *furthest; /* NULL: not told */
    bool forbidden; /* no AI at all */
    struct nc_model_waiting waiting[NC_MODEL_WAITING];
    size_t waiting_n;
};
void nc_model_room_ai_fini(struct nc_model_room_ai *a);
/* The members `ai` and `personas` of a room object, as far as they are in it. */
void nc_model_room_ai_take(struct nc_model_room_ai *a, const json_t *room);
/* The `job` of job.updated, or one of GET /jobs.  True: there is something to draw. */
bool nc_model_job_take(struct nc_model_room_ai *a, const json_t *job, uint64_t now_ms);
/* The persona has begun to answer that question. */
void nc_model_job_begun(struct nc_model_room_ai *a, const struct nc_id *question,
                        const char *persona);
void nc_model_jobs_forget(struct nc_model_room_ai *a);
/* What a persona is called here: the display name, else the username itself. */
const char *nc_model_persona_name(const struct nc_model_room_ai *a, const char *username);
