/* What one can do to a generated answer, and the questions on their way to one. */
#include "ai/ai.h"
#include "chat/talk/event.h"
#include "server/call.h"
#include "server/server.h"
#include "wire/json_in.h"

#define JOBS_LIMIT 50 /* if none is said; at most … */
#define JOBS_MAX 200

static void stop(struct nc_call *call)
{
    nc_ai_stop(call->srv->ai, &call->actor, &call->ids[0], nc_call_on_done, call);
}

static void on_regenerating(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    struct nc_call *call = arg;

    if (why)
        nc_call_problem(call, why);
    else
        nc_call_json(call, 202, nc_buf_str(json));
}

static void regenerate(struct nc_call *call)
{
    struct nc_str model = {NULL, 0};
    struct nc_problem why;

    if (call->body &&
        nc_json_opt_str(call->body, "model", 0, NC_LLM_MODEL - 1, &model, &why) != NC_OK)
        nc_call_problem(call, &why);
    else
        nc_ai_regenerate(call->srv->ai, &call->actor, &call->ids[0], model, on_regenerating,
                         call);
}

static void alternatives(struct nc_call *call)
{
    nc_answer_alternatives(call->chat, &call->actor, &call->ids[0], nc_call_on_json, call);
}

static void on_chosen(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct nc_call *call = arg;
    struct nc_buf b = {0};

    if (why) {
        nc_call_problem(call, why);
        return;
    }
    struct nc_json j = nc_json_to(&b);
    nc_event_message(&j, &sent->message, false);
    nc_call_json(call, 200, nc_buf_str(&b));
    nc_buf_fini(&b);
}

static void choose(struct nc_call *call)
{
    const json_t *n = json_object_get(call->body, "n");

    if (!json_is_integer(n) || json_integer_value(n) < 0 ||
        json_integer_value(n) > UINT32_MAX)
        nc_call_fail(call, NC_P_BAD_REQUEST, "n: must be the number of an alternative");
    else
        nc_answer_choose(call->chat, &call->actor, &call->ids[0],
                         (uint32_t)json_integer_value(n), on_chosen, call);
}

/* ---- jobs ---------------------------------------------------------------------- */

/* "queued,running"; absent: all. */
static bool take_states(struct nc_call *call, unsigned *out)
{
    static const char *const names[] = {
        [NC_JOB_QUEUED] = "queued",   [NC_JOB_RUNNING] = "running", [NC_JOB_DONE] = "done",
        [NC_JOB_STOPPED] = "stopped", [NC_JOB_FAILED] = "failed",
    };
    bool found;
    struct nc_str rest = nc_call_query(call, "state", &found);

    *out = found ? 0 : (1u << NC_COUNT(names)) - 1;
    while (rest.n) {
        struct nc_str word = nc_str_cut(&rest, ',');
        size_t i = 0;
        while (i < NC_COUNT(names) && !nc_str_eqz(word, names[i]))
            i++;
        if (i == NC_COUNT(names)) {
            nc_call_fail(call, NC_P_BAD_REQUEST,
                         "state: of queued, running, done, stopped, failed");
            return false;
        }
        *out |= 1u << i;
    }
    return true;
}

static void jobs(struct nc_call *call)
{
    bool has_before, has_limit;
    struct nc_str before_text = nc_call_query(call, "before", &has_before);
    struct nc_str limit_text = nc_call_query(call, "limit", &has_limit);
    struct nc_id before = {{0}};
    uint64_t limit = JOBS_LIMIT;
    unsigned states;

    if (!take_states(call, &states))
        return;
    if (has_before && nc_id_parse(before_text, &before) != NC_OK)
        nc_call_fail(call, NC_P_BAD_REQUEST, "before: must be the id of a job");
    else if (has_limit && (nc_str_u64(limit_text, JOBS_MAX, &limit) != NC_OK || !limit))
        nc_call_fail(call, NC_P_BAD_REQUEST, "limit: must be 1 to %d", JOBS_MAX);
    else
        nc_ai_jobs(call->srv->ai, &call->actor, states, &before, (unsigned)limit,
                   nc_call_on_json, call);
}

const struct nc_route nc_routes_ai[] = {
    {"POST", "/api/v1/messages/{message:id}/stop", stop, NC_R_BODY_OPTIONAL, 0, 0},
    {"POST", "/api/v1/messages/{message:id}/regenerate", regenerate, NC_R_BODY_OPTIONAL, 0,
     0},
    {"GET", "/api/v1/messages/{message:id}/alternatives", alternatives, 0, 0, 0},
    {"PUT", "/api/v1/messages/{message:id}/chosen", choose, NC_R_BODY, 0, 0},
    {"GET", "/api/v1/jobs", jobs, NC_R_LIST, 0, 0},
    {0},
};
