#include <string.h>

#include "store/mem_merge_parts.h"

void nc_mem_op_end_sessions(void *db, const struct nc_id *user, const struct nc_id *session,
                            uint64_t when_ms)
{
    struct nc_mem *m = nc_mem_of(db);
    struct nc_session ended = {.id = *session,
                               .user = *user,
                               .created_ms = when_ms,
                               .used_ms = when_ms,
                               .expires_ms = when_ms,
                               .ended_ms = when_ms};
    bool all = nc_id_zero(session), found = false;

    for (size_t i = 0; i < m->t[T_SESSION].n; i++) {
        const struct nc_session *row = m->t[T_SESSION].at[i];
        if (!row || (!all && !nc_id_eq(&row->id, session)))
            continue;
        found = true;
        if (row->ended_ms || !nc_id_eq(&row->user, user) ||
            (all && row->created_ms > when_ms))
            continue;
        struct nc_session s = *row;
        s.ended_ms = when_ms;
        nc_mem_replace(m, T_SESSION, i, &s);
    }
    if (!all && !found)
        nc_mem_insert(m, T_SESSION, &ended);
}

bool nc_mem_op_any(void *db, struct nc_str name, const uint8_t claim[NC_STATE_HASH])
{
    const struct nc_mem *m = nc_mem_of(db);

    for (size_t i = 0; i < m->t[T_ACCOUNT].n; i++) {
        const struct nc_account *a = m->t[T_ACCOUNT].at[i];
        if (a && nc_str_eq(a->username, name))
            return true;
    }
    for (size_t i = 0; i < m->t[T_NAMED].n; i++) {
        const struct nc_mem_named *n = m->t[T_NAMED].at[i];
        if (n && memcmp(n->claim, claim, NC_STATE_HASH) == 0)
            return true;
    }
    return false;
}

void nc_mem_op_set_name(void *db, const struct nc_named *n)
{
    struct nc_mem_named row = {
        .user = n->user, .created_hlc = n->created_hlc, .wanted = n->wanted};

    memcpy(row.claim, n->claim, sizeof(row.claim));
    nc_mem_put(nc_mem_of(db), T_NAMED, &row, sizeof(row.user));
}

size_t nc_mem_op_names(void *db, struct nc_named **out, struct nc_buf *text)
{
    const struct nc_mem *m = nc_mem_of(db);
    size_t n = 0, at = 0;

    *out = nc_alloc((m->t[T_NAMED].n + 1) * sizeof(**out));
    for (size_t i = 0; i < m->t[T_NAMED].n; i++) {
        const struct nc_mem_named *row = m->t[T_NAMED].at[i];
        if (!row)
            continue;
        const struct nc_account *a = nc_mem_row(m, T_ACCOUNT, &row->user);
        struct nc_named *to = &(*out)[n++];
        *to = (struct nc_named){.user = row->user,
                                .created_hlc = row->created_hlc,
                                .deleted = !a || a->deleted,
                                .wanted = row->wanted};
        memcpy(to->claim, row->claim, sizeof(to->claim));
        nc_buf_adds(text, row->wanted);
    }
    for (size_t i = 0; text->n && i < n; at += (*out)[i++].wanted.n)
        (*out)[i].wanted.p = text->p + at;
    return n;
}

bool nc_mem_op_username(void *db, const struct nc_id *user, struct nc_str *out)
{
    const struct nc_account *a = nc_mem_row(nc_mem_of(db), T_ACCOUNT, user);

    *out = a ? a->username : (struct nc_str){NULL, 0};
    return a && !a->deleted;
}

void nc_mem_op_set_username(void *db, const struct nc_id *user, struct nc_str name)
{
    struct nc_mem *m = nc_mem_of(db);
    const struct nc_account *old = nc_mem_row(m, T_ACCOUNT, user);

    if (!old)
        return;
    struct nc_account a = *old;
    a.username = name;
    nc_mem_put(m, T_ACCOUNT, &a, sizeof(a.id));
    for (size_t i = 0; name.n && i < m->t[T_NAME].n; i++) {
        const struct nc_mem_name *row = m->t[T_NAME].at[i];
        if (row && nc_str_eq(row->name, name))
            return;
    }
    if (name.n)
        nc_mem_insert(m, T_NAME, &(struct nc_mem_name){name});
}
