#include "store/mem_merge_parts.h"

/* ---- alternatives -------------------------------------------------------- */

/* The one that it shows has a row from now on. */
static void have_alternatives(struct nc_mem *m, struct nc_mem_message *row)
{
    if (row->m.alternatives)
        return;
    row->m.alternatives = 1;
    nc_mem_insert(m, T_ALTERNATIVE,
                  &(struct nc_alternative){.message = row->m.id,
                                           .n = row->m.chosen,
                                           .state = row->m.state,
                                           .body = row->m.body,
                                           .ai = row->m.ai,
                                           .created_ms = row->m.created_ms});
}

void nc_mem_op_keep(void *db, const struct nc_id *message, uint64_t when_ms)
{
    struct nc_mem *m = nc_mem_of(db);
    struct nc_mem_message row =
        *(const struct nc_mem_message *)nc_mem_row(m, T_MESSAGE, message);

    have_alternatives(m, &row);
    row.m.chosen = row.m.alternatives++;
    nc_mem_insert(m, T_ALTERNATIVE,
                  &(struct nc_alternative){.message = *message,
                                           .n = row.m.chosen,
                                           .state = NC_STREAMING,
                                           .created_ms = when_ms});
    nc_mem_put(m, T_MESSAGE, &row, sizeof(*message));
}

bool nc_mem_op_turn_to(void *db, const struct nc_message *msg)
{
    struct nc_mem *m = nc_mem_of(db);
    struct nc_mem_message row =
        *(const struct nc_mem_message *)nc_mem_row(m, T_MESSAGE, &msg->id);

    for (size_t i = 0; i < m->t[T_ALTERNATIVE].n; i++) {
        const struct nc_alternative *a = m->t[T_ALTERNATIVE].at[i];
        if (!a || !nc_id_eq(&a->message, &msg->id) || a->state != msg->state ||
            !nc_str_eq(a->body, msg->body) || !nc_str_eq(a->ai, msg->ai))
            continue;
        row.m.chosen = a->n;
        nc_mem_put(m, T_MESSAGE, &row, sizeof(msg->id));
        return true;
    }
    return false;
}

void nc_mem_op_give(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    struct nc_mem *m = nc_mem_of(db);
    const struct nc_mem_message *from = nc_mem_row(m, T_MESSAGE, lost);
    const struct nc_mem_message *to = nc_mem_row(m, T_MESSAGE, kept);

    if (!from || !to || from->m.deleted || to->m.deleted || from->m.state == NC_STREAMING)
        return;
    struct nc_mem_message row = *to, gone = *from;
    have_alternatives(m, &row);
    have_alternatives(m, &gone);
    for (size_t i = 0, n = m->t[T_ALTERNATIVE].n; i < n; i++) {
        const struct nc_alternative *a = m->t[T_ALTERNATIVE].at[i];
        if (!a || !nc_id_eq(&a->message, lost))
            continue;
        struct nc_alternative one = *a;
        one.message = *kept;
        one.n = row.m.alternatives + a->n;
        nc_mem_insert(m, T_ALTERNATIVE, &one);
    }
    row.m.alternatives += gone.m.alternatives;
    nc_mem_put(m, T_MESSAGE, &row, sizeof(*kept));
}

void nc_mem_op_newest(void *db, const struct nc_id *room, struct nc_id *out)
{
    const struct nc_mem *m = nc_mem_of(db);

    *out = (struct nc_id){{0}};
    for (size_t i = 0; i < m->t[T_MESSAGE].n; i++) {
        const struct nc_message *row = m->t[T_MESSAGE].at[i];
        if (row && nc_id_eq(&row->room, room) && nc_id_cmp(&row->id, out) > 0)
            *out = row->id;
    }
}

/* ---- client ids and aliases ---------------------------------------------- */

bool nc_mem_op_claimed(void *db, const struct nc_message *msg, struct nc_id *out)
{
    struct nc_id key[2] = {msg->client_id, msg->sender};
    const struct nc_mem_client *row =
        nc_mem_found(nc_mem_of(db), T_CLIENT, key, sizeof(key));

    *out = row ? row->message : (struct nc_id){{0}};
    return row != NULL;
}

void nc_mem_op_claim(void *db, const struct nc_message *msg)
{
    struct nc_mem_client row = {.client = msg->client_id,
                                .sender = msg->sender,
                                .message = msg->id,
                                .created_ms = msg->created_ms};

    nc_mem_put(nc_mem_of(db), T_CLIENT, &row, 2 * sizeof(struct nc_id));
}

bool nc_mem_op_take(void *db, const struct nc_message *msg)
{
    struct nc_id other;

    if (nc_mem_op_claimed(db, msg, &other))
        return false;
    nc_mem_op_claim(db, msg);
    return true;
}

bool nc_mem_op_alias(void *db, const struct nc_id *lost, struct nc_id *kept)
{
    const struct nc_mem_alias *row = nc_mem_row(nc_mem_of(db), T_ALIAS, lost);

    *kept = row ? row->kept : (struct nc_id){{0}};
    return row != NULL;
}

void nc_mem_op_set_alias(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    struct nc_mem *m = nc_mem_of(db);
    struct nc_mem_alias row = {*lost, *kept};

    for (size_t i = 0; i < m->t[T_ALIAS].n; i++) {
        const struct nc_mem_alias *old = m->t[T_ALIAS].at[i];
        if (old && nc_id_eq(&old->kept, lost))
            nc_mem_replace(m, T_ALIAS, i, &(struct nc_mem_alias){old->lost, *kept});
    }
    nc_mem_put(m, T_ALIAS, &row, sizeof(row.lost));
}

const struct nc_mem_message *nc_mem_resolve(const struct nc_mem *m, const struct nc_id *id)
{
    const struct nc_mem_alias *alias = nc_mem_row(m, T_ALIAS, id);

    return nc_mem_row(m, T_MESSAGE, alias ? &alias->kept : id);
}
