#include <stdlib.h>
#include <string.h>

#include "store/mem.h"

/* Where the strings of each kind of row are, so that a row is copied as one block. */
#define S(type, field) offsetof(type, field)
static const struct shape {
    size_t size;
    unsigned n;
    size_t strs[5];
} shapes[TABLES] = {
    [T_ACCOUNT] = {sizeof(struct nc_account),
                   3,
                   {S(struct nc_account, username), S(struct nc_account, display_name),
                    S(struct nc_account, password)}},
    [T_NAME] = {sizeof(struct nc_mem_name), 1, {S(struct nc_mem_name, name)}},
    [T_SESSION] = {sizeof(struct nc_session),
                   2,
                   {S(struct nc_session, device), S(struct nc_session, address)}},
    [T_KEY] = {sizeof(struct nc_key),
               2,
               {S(struct nc_key, name), S(struct nc_key, scopes)}},
    [T_INVITE] = {sizeof(struct nc_invite), 1, {S(struct nc_invite, code)}},
    [T_ROOM] = {sizeof(struct nc_room_rec),
                4,
                {S(struct nc_room_rec, name), S(struct nc_room_rec, topic),
                 S(struct nc_room_rec, settings), S(struct nc_room_rec, encryption)}},
    [T_MEMBER] = {sizeof(struct nc_member_rec), 0, {0}},
    [T_BAN] = {sizeof(struct nc_ban), 0, {0}},
    [T_MESSAGE] = {sizeof(struct nc_mem_message),
                   5,
                   {S(struct nc_mem_message, m.content_type),
                    S(struct nc_mem_message, m.body), S(struct nc_mem_message, m.mentions),
                    S(struct nc_mem_message, m.ai), S(struct nc_mem_message, m.code)}},
    [T_ALTERNATIVE] = {sizeof(struct nc_alternative),
                       2,
                       {S(struct nc_alternative, body), S(struct nc_alternative, ai)}},
    [T_PROVIDER] = {sizeof(struct nc_provider_rec),
                    3,
                    {S(struct nc_provider_rec, name), S(struct nc_provider_rec, settings),
                     S(struct nc_provider_rec, secret)}},
    [T_PERSONA] = {sizeof(struct nc_persona_rec), 1, {S(struct nc_persona_rec, settings)}},
    [T_JOB] = {sizeof(struct nc_job_rec),
               3,
               {S(struct nc_job_rec, model), S(struct nc_job_rec, reason),
                S(struct nc_job_rec, code)}},
    [T_USAGE] = {sizeof(struct nc_usage),
                 2,
                 {S(struct nc_usage, provider), S(struct nc_usage, model)}},
    [T_CLIENT] = {sizeof(struct nc_mem_client), 1, {S(struct nc_mem_client, notice)}},
    [T_META] = {sizeof(struct nc_mem_meta),
                2,
                {S(struct nc_mem_meta, key), S(struct nc_mem_meta, value)}},
    [T_STAMP] = {sizeof(struct nc_mem_stamp), 0, {0}},
    [T_ALIAS] = {sizeof(struct nc_mem_alias), 0, {0}},
    [T_NAMED] = {sizeof(struct nc_mem_named), 1, {S(struct nc_mem_named, wanted)}},
    [T_ORIGIN] = {sizeof(struct nc_mem_origin), 0, {0}},
    [T_SEGMENT] = {sizeof(struct nc_mem_segment),
                   3,
                   {S(struct nc_mem_segment, s.hashes), S(struct nc_mem_segment, s.chain),
                    S(struct nc_mem_segment, s.signature)}},
    [T_LOG] = {sizeof(struct nc_event), 0, {0}},
};
#undef S

static void *clone(enum nc_mem_table t, const void *row)
{
    const struct shape *s = &shapes[t];
    size_t size = s->size;

    for (unsigned i = 0; i < s->n; i++)
        size += ((const struct nc_str *)((const char *)row + s->strs[i]))->n;
    char *copy = nc_alloc(size);
    memcpy(copy, row, s->size);
    char *to = copy + s->size;
    for (unsigned i = 0; i < s->n; i++) {
        struct nc_str *str = (struct nc_str *)(copy + s->strs[i]);
        if (str->n)
            memcpy(to, str->p, str->n);
        str->p = to;
        to += str->n;
    }
    return copy;
}

static void remember(struct nc_mem *m, enum nc_mem_table t, size_t at, void *old)
{
    if (m->undo_n == m->undo_cap) {
        m->undo_cap = m->undo_cap ? 2 * m->undo_cap : 16;
        m->undo = nc_realloc(m->undo, m->undo_cap * sizeof(*m->undo));
    }
    m->undo[m->undo_n++] = (struct nc_mem_undo){t, at, old};
}

void nc_mem_replace(struct nc_mem *m, enum nc_mem_table t, size_t at, const void *row)
{
    void *old = m->t[t].at[at];

    m->t[t].at[at] = row ? clone(t, row) : NULL;
    remember(m, t, at, old);
}

void nc_mem_insert(struct nc_mem *m, enum nc_mem_table t, const void *row)
{
    struct nc_mem_rows *rows = &m->t[t];

    if (rows->n == rows->cap) {
        rows->cap = rows->cap ? 2 * rows->cap : 16;
        rows->at = nc_realloc(rows->at, rows->cap * sizeof(*rows->at));
    }
    rows->at[rows->n++] = NULL;
    nc_mem_replace(m, t, rows->n - 1, row);
}

void nc_mem_drop(struct nc_mem *m, enum nc_mem_table t, size_t at)
{
    nc_mem_replace(m, t, at, NULL);
}

void nc_mem_drop_where(struct nc_mem *m, enum nc_mem_table t, size_t offset,
                       const struct nc_id *id)
{
    for (size_t i = 0; i < m->t[t].n; i++) {
        const char *row = m->t[t].at[i];
        if (row && memcmp(row + offset, id, sizeof(*id)) == 0)
            nc_mem_drop(m, t, i);
    }
}

void nc_mem_settle(struct nc_mem *m, bool keep)
{
    while (m->undo_n > 0) {
        struct nc_mem_undo *u = &m->undo[--m->undo_n];
        if (keep) {
            free(u->old);
        } else {
            free(m->t[u->table].at[u->at]);
            m->t[u->table].at[u->at] = u->old;
        }
    }
    if (keep) /* deleted rows at the end need no place */
        for (unsigned t = 0; t < TABLES; t++)
            while (m->t[t].n > 0 && !m->t[t].at[m->t[t].n - 1])
                m->t[t].n--;
}
