/* What is said about an answer and about the job it comes from. */
#include <stdio.h>

#include "ai/job.h"
#include "ai/others.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "wire/json.h"

struct nc_part *nc_job_part(struct nc_job *j)
{
    const char *provider = nc_source_name(j->choice.source);
    struct nc_part *last = j->parts_n ? &j->parts[j->parts_n - 1] : NULL;

    if (last && j->tries && nc_str_eqz(nc_str(last->provider), provider)) {
        last->reason[0] = '\0';
        last->why = NULL;
        return last; /* once more */
    }
    if (j->parts_n < NC_PARTS)
        j->parts_n++;
    last = &j->parts[j->parts_n - 1];
    *last = (struct nc_part){.from = nc_deltas_text(&j->deltas, NC_LLM_TEXT).n};
    snprintf(last->provider, sizeof(last->provider), "%s", provider);
    snprintf(last->model, sizeof(last->model), "%s", j->choice.model);
    return last;
}

/* Where several nodes read it "this node" is none of them for sure. */
static void write_destination(struct nc_json *w, const struct nc_ai *ai, const char *where)
{
    struct nc_buf b = {0};

    if (nc_others_any(ai) && nc_str_eqz(nc_str(where), "this_node"))
        nc_buf_printf(&b, "own_node:%s", ai->others->name);
    else
        nc_buf_adds(&b, nc_str(where));
    nc_json_kstr(w, "destination", nc_buf_str(&b));
    nc_buf_fini(&b);
}

static void write_who(struct nc_json *w, const struct nc_ai *ai, const char *model,
                      const char *provider, const char *destination)
{
    nc_json_kstr(w, "model", nc_str(model));
    nc_json_kstr(w, "provider", nc_str(provider));
    write_destination(w, ai, destination);
}

/* Who answers.  Before anything was asked, who will be, and where that is, if it is known
 * and nobody else may have to be asked instead. */
static void write_answerer(struct nc_json *w, const struct nc_job *j)
{
    const struct nc_part *last = &j->parts[j->parts_n ? j->parts_n - 1 : 0];
    const struct nc_persona *p = nc_job_persona(j);
    bool certain = j->wish[0] || (p && !p->fallbacks_n);

    if (j->parts_n)
        write_who(w, j->ai, last->model, last->provider, last->destination);
    else if (j->inside)
        write_who(w, j->ai, j->choice.model, nc_source_name(j->choice.source),
                  certain ? nc_source_where(j->choice.source) : "");
    else
        write_who(w, j->ai, "", "", "");
}

static void write_reason(struct nc_json *w, struct nc_str reason, struct nc_str code)
{
    if (reason.n)
        nc_json_kstr(w, "reason", reason);
    if (code.n)
        nc_json_kstr(w, "code", code);
}

static void write_parts(struct nc_json *w, const struct nc_job *j)
{
    nc_json_key(w, "parts");
    nc_json_arr(w);
    for (unsigned i = 0; i < j->parts_n; i++) {
        const struct nc_part *p = &j->parts[i];
        nc_json_obj(w);
        write_who(w, j->ai, p->model, p->provider, p->destination);
        nc_json_kuint(w, "from", p->from);
        write_reason(w, nc_str(p->reason), nc_str(p->why ? p->why : ""));
        nc_json_obj_end(w);
    }
    nc_json_arr_end(w);
}

struct nc_str nc_job_describe(struct nc_job *j)
{
    struct nc_json w = nc_json_to(&j->ai_json);

    nc_buf_clear(&j->ai_json);
    nc_json_obj(&w);
    write_answerer(&w, j);
    if (j->parts_n)
        write_parts(&w, j);
    if (j->counted) {
        nc_json_kuint(&w, "prompt_tokens", j->prompt_tokens);
        nc_json_kuint(&w, "completion_tokens", j->completion_tokens);
        if (j->estimated)
            nc_json_kbool(&w, "estimated", true);
    }
    nc_json_kuint(&w, "omitted_messages", j->context.omitted);
    nc_json_kuint(&w, "reasoning_chars",
                  nc_utf8_count(nc_deltas_text(&j->deltas, NC_LLM_REASONING)));
    nc_json_kstr(&w, "asked_by", nc_str(j->asker_name));
    nc_json_kid(&w, "asked_message", &j->kept.rec.question);
    if (!nc_id_zero(&j->maker))
        nc_json_kid(&w, "job", &j->maker);
    write_reason(&w, nc_str(j->reason), nc_str(j->why ? j->why : ""));
    nc_json_obj_end(&w);
    return nc_buf_str(&j->ai_json);
}

/* ---- the job ---------------------------------------------------------------- */

static const char *const states[] = {
    [NC_JOB_QUEUED] = "queued",   [NC_JOB_RUNNING] = "running", [NC_JOB_DONE] = "done",
    [NC_JOB_STOPPED] = "stopped", [NC_JOB_FAILED] = "failed",
};

static struct nc_str name_of(const struct nc_ai *ai, const struct nc_id *user)
{
    const struct nc_user *u = nc_user_find(ai->o.chat, user);

    return u ? u->a.username : NC_STR("");
}

void nc_job_write(struct nc_json *w, const struct nc_ai *ai, const struct nc_job_rec *rec,
                  const struct nc_work *waits, uint64_t since_ms)
{
    unsigned position = waits && rec->state == NC_JOB_QUEUED ? nc_fair_position(waits) : 0;

    nc_json_obj(w);
    nc_json_kid(w, "id", &rec->id);
    nc_json_kstr(w, "state", nc_str(states[rec->state]));
    if (position) {
        nc_json_kuint(w, "position", position);
        nc_json_kuint(w, "waiting_ms", nc_mono_ms() - since_ms);
    }
    if (!nc_id_zero(&rec->room)) {
        nc_json_kid(w, "room", &rec->room);
        nc_json_kid(w, "question", &rec->question);
        nc_json_kstr(w, "persona", name_of(ai, &rec->persona));
    }
    if (!nc_id_zero(&rec->message))
        nc_json_kid(w, "message_id", &rec->message);
    nc_json_kstr(w, "model", rec->model);
    nc_json_kstr(w, "asked_by", name_of(ai, &rec->asker));
    nc_json_ktime(w, "created_at", rec->created_ms);
    if (rec->started_ms)
        nc_json_ktime(w, "started_at", rec->started_ms);
    if (rec->ended_ms)
        nc_json_ktime(w, "ended_at", rec->ended_ms);
    write_reason(w, rec->reason, rec->code);
    nc_json_obj_end(w);
}
