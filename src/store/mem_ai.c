#include <string.h>

#include "store/mem.h"

static enum nc_err provider_set(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_provider_rec in = s->ch->provider;
    size_t at = nc_mem_find(m, T_PROVIDER, &in.id, sizeof(in.id));

    for (size_t i = 0; i < m->t[T_PROVIDER].n; i++) {
        const struct nc_provider_rec *row = m->t[T_PROVIDER].at[i];
        if (row && i != at && nc_str_eq(row->name, in.name))
            return NC_EEXIST;
    }
    if (at == MEM_NONE) {
        nc_mem_insert(m, T_PROVIDER, &in);
        return NC_OK;
    }
    in.created_ms = ((const struct nc_provider_rec *)m->t[T_PROVIDER].at[at])->created_ms;
    nc_mem_replace(m, T_PROVIDER, at, &in);
    return NC_OK;
}

static enum nc_err provider_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    size_t at = nc_mem_find(m, T_PROVIDER, &s->ch->provider.id, sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    nc_mem_drop(m, T_PROVIDER, at);
    return NC_OK;
}

static enum nc_err persona_set(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_persona_rec in = s->ch->persona;
    size_t at = nc_mem_find(m, T_PERSONA, &in.user, sizeof(in.user));

    if (at == MEM_NONE) {
        nc_mem_insert(m, T_PERSONA, &in);
        return NC_OK;
    }
    in.created_ms = ((const struct nc_persona_rec *)m->t[T_PERSONA].at[at])->created_ms;
    nc_mem_replace(m, T_PERSONA, at, &in);
    return NC_OK;
}

static enum nc_err persona_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    size_t at = nc_mem_find(m, T_PERSONA, &s->ch->persona.user, sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    nc_mem_drop(m, T_PERSONA, at);
    return NC_OK;
}

static enum nc_err job_insert(struct nc_mem *m, struct nc_mem_step *s)
{
    if (nc_mem_row(m, T_JOB, &s->ch->job.id))
        return NC_EEXIST;
    nc_mem_insert(m, T_JOB, &s->ch->job);
    return NC_OK;
}

static enum nc_err job_update(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_job_rec *in = &s->ch->job;
    size_t at = nc_mem_find(m, T_JOB, &in->id, sizeof(in->id));
    struct nc_job_rec row;

    if (at == MEM_NONE)
        return NC_ENOENT;
    memcpy(&row, m->t[T_JOB].at[at], sizeof(row));
    if (row.state >= NC_JOB_DONE)
        return NC_ENOENT;
    row.state = in->state;
    row.message = in->message;
    row.tries = in->tries;
    row.model = in->model;
    row.reason = in->reason;
    row.code = in->code;
    row.started_ms = in->started_ms;
    row.ended_ms = in->ended_ms;
    nc_mem_replace(m, T_JOB, at, &row);
    return NC_OK;
}

static int cmp_str(struct nc_str a, struct nc_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

int nc_mem_usage_cmp(const struct nc_usage *a, const struct nc_usage *b)
{
    const struct nc_id *const ids[][2] = {{&a->user, &b->user},
                                          {&a->room, &b->room},
                                          {&a->persona, &b->persona},
                                          {&a->key, &b->key}};
    int order = (a->day > b->day) - (a->day < b->day);

    for (size_t i = 0; order == 0 && i < NC_COUNT(ids); i++)
        order = nc_id_cmp(ids[i][0], ids[i][1]);
    if (order == 0)
        order = cmp_str(a->provider, b->provider);
    return order ? order : cmp_str(a->model, b->model);
}

static enum nc_err usage_add(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_usage sum = s->ch->usage;

    for (size_t i = 0; i < m->t[T_USAGE].n; i++) {
        const struct nc_usage *row = m->t[T_USAGE].at[i];
        if (!row || nc_mem_usage_cmp(row, &sum) != 0)
            continue;
        sum.requests += row->requests;
        sum.prompt_tokens += row->prompt_tokens;
        sum.completion_tokens += row->completion_tokens;
        sum.estimated += row->estimated;
        nc_mem_replace(m, T_USAGE, i, &sum);
        return NC_OK;
    }
    nc_mem_insert(m, T_USAGE, &sum);
    return NC_OK;
}

nc_mem_apply_fn *const nc_mem_ai[NC_CHANGE_KINDS] = {
    [NC_PROVIDER_SET] = provider_set, [NC_PROVIDER_DELETE] = provider_delete,
    [NC_PERSONA_SET] = persona_set,   [NC_PERSONA_DELETE] = persona_delete,
    [NC_JOB_INSERT] = job_insert,     [NC_JOB_UPDATE] = job_update,
    [NC_USAGE_ADD] = usage_add,
};
