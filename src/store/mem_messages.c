#include <string.h>

#include "store/mem.h"

/* Claims (sender, client id), or tells what it was used for. */
static enum nc_err claim(struct nc_mem *m, struct nc_mem_step *s,
                         const struct nc_id *message, struct nc_str notice)
{
    const struct nc_message *in = &s->ch->message;
    struct nc_mem_client row = {.client = in->client_id,
                                .sender = in->sender,
                                .message = *message,
                                .notice = notice,
                                .created_ms = in->created_ms};

    if (nc_id_zero(&in->client_id))
        return NC_OK;
    size_t at = nc_mem_find(m, T_CLIENT, &row, 2 * sizeof(struct nc_id));
    if (at == MEM_NONE) {
        nc_mem_insert(m, T_CLIENT, &row);
        return NC_OK;
    }
    const struct nc_mem_client *known = m->t[T_CLIENT].at[at];
    s->commit->existing = known->message;
    nc_buf_adds(&s->commit->notice, known->notice);
    return NC_EEXIST;
}

static enum nc_err message_insert(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_message *in = &s->ch->message;
    enum nc_err e = claim(m, s, &in->id, (struct nc_str){NULL, 0});

    if (e != NC_OK)
        return e;
    if (nc_mem_row(m, T_MESSAGE, &in->id)) {
        s->commit->existing = in->id;
        return NC_EEXIST;
    }
    in->seq = s->pos;
    struct nc_mem_message row = {
        .m = *in, .again = in->late ? in->seq : 0, .ended = in->state != NC_STREAMING};
    row.m.alternatives = row.m.chosen = 0;
    nc_mem_insert(m, T_MESSAGE, &row);
    m->messages++;
    return NC_OK;
}

static enum nc_err command_run(struct nc_mem *m, struct nc_mem_step *s)
{
    static const struct nc_id none;

    return claim(m, s, &none, s->ch->message.body);
}

/* The message unless deleted, copied to *out. */
static size_t message_find(const struct nc_mem *m, const struct nc_id *id,
                           struct nc_mem_message *out)
{
    size_t at = nc_mem_find(m, T_MESSAGE, id, sizeof(*id));

    if (at == MEM_NONE)
        return at;
    memcpy(out, m->t[T_MESSAGE].at[at], sizeof(*out));
    return out->m.deleted ? MEM_NONE : at;
}

/* What the message shows now, kept where it is one of several. */
void nc_mem_keep(struct nc_mem *m, const struct nc_message *msg)
{
    struct nc_alternative row = {.message = msg->id, .n = msg->chosen};
    size_t at = nc_mem_find(m, T_ALTERNATIVE, &row, offsetof(struct nc_alternative, state));

    if (at == MEM_NONE)
        return;
    memcpy(&row, m->t[T_ALTERNATIVE].at[at], sizeof(row));
    row.state = msg->state;
    row.body = msg->body;
    row.ai = msg->ai;
    nc_mem_replace(m, T_ALTERNATIVE, at, &row);
}

static enum nc_err message_edit(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_message *in = &s->ch->message;
    struct nc_mem_message row;
    size_t at = message_find(m, &in->id, &row);

    if (at == MEM_NONE)
        return NC_ENOENT;
    row.m.body = in->body;
    row.m.mentions = in->mentions;
    row.m.edited_ms = in->edited_ms;
    nc_mem_keep(m, &row.m);
    nc_mem_replace(m, T_MESSAGE, at, &row);
    return NC_OK;
}

static enum nc_err message_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_mem_message row;
    size_t at = message_find(m, &s->ch->message.id, &row);

    if (at == MEM_NONE)
        return NC_ENOENT;
    row.m.deleted = true;
    row.m.body = row.m.mentions = row.m.ai = row.m.code = (struct nc_str){NULL, 0};
    row.m.alternatives = row.m.chosen = 0;
    nc_mem_replace(m, T_MESSAGE, at, &row);
    nc_mem_drop_where(m, T_ALTERNATIVE, 0, &s->ch->message.id);
    return NC_OK;
}

static enum nc_err message_checkpoint(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_mem_message row;
    size_t at = message_find(m, &s->ch->message.id, &row);

    s->ch->touched = at != MEM_NONE && row.m.state == NC_STREAMING;
    if (s->ch->touched) {
        row.m.body = s->ch->message.body;
        nc_mem_replace(m, T_MESSAGE, at, &row);
    }
    return NC_OK;
}

static enum nc_err message_complete(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_message *in = &s->ch->message;
    struct nc_mem_message row;
    size_t at = message_find(m, &in->id, &row);

    if (at == MEM_NONE)
        return NC_ENOENT;
    if (!row.ended) /* it is news once */
        row.again = s->pos;
    row.ended = true;
    row.m.body = in->body;
    row.m.mentions = in->mentions;
    row.m.state = in->state;
    row.m.ai = in->ai;
    nc_mem_keep(m, &row.m);
    nc_mem_replace(m, T_MESSAGE, at, &row);
    return NC_OK;
}

static enum nc_err message_restart(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_message *in = &s->ch->message;
    struct nc_mem_message row;
    size_t at = message_find(m, &in->id, &row);

    if (at == MEM_NONE)
        return NC_ENOENT;
    if (row.m.chosen != in->chosen)
        return NC_EEXIST;
    /* Each has its row from its beginning; the first, which began with the message,
     * gets it when there is a second. */
    if (row.m.alternatives == 0) {
        row.m.alternatives = 1;
        nc_mem_insert(
            m, T_ALTERNATIVE,
            &(struct nc_alternative){.message = in->id, .created_ms = row.m.created_ms});
    }
    struct nc_message old = {.id = in->id,
                             .chosen = row.m.chosen,
                             .state = in->state,
                             .body = in->body,
                             .ai = in->ai};
    nc_mem_keep(m, &old);
    in->chosen = row.m.chosen = row.m.alternatives++;
    in->alternatives = row.m.alternatives;
    nc_mem_insert(m, T_ALTERNATIVE,
                  &(struct nc_alternative){.message = in->id,
                                           .n = in->chosen,
                                           .state = NC_STREAMING,
                                           .created_ms = in->created_ms});
    row.m.state = NC_STREAMING;
    row.m.body = row.m.mentions = (struct nc_str){NULL, 0};
    nc_mem_replace(m, T_MESSAGE, at, &row);
    return NC_OK;
}

static enum nc_err message_choose(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_message *in = &s->ch->message;
    struct nc_mem_message row;
    size_t at = message_find(m, &in->id, &row);

    if (at == MEM_NONE || row.m.state == NC_STREAMING || in->chosen >= row.m.alternatives)
        return NC_ENOENT;
    row.m.chosen = in->chosen;
    row.m.state = in->state;
    row.m.body = in->body;
    row.m.mentions = in->mentions;
    row.m.ai = in->ai;
    in->alternatives = row.m.alternatives;
    nc_mem_replace(m, T_MESSAGE, at, &row);
    return NC_OK;
}

size_t nc_mem_oldest(const struct nc_mem *m, const struct nc_id *room,
                     const struct nc_id *before)
{
    size_t found = MEM_NONE;

    for (size_t i = 0; i < m->t[T_MESSAGE].n; i++) {
        const struct nc_mem_message *row = m->t[T_MESSAGE].at[i];
        if (!row || !nc_id_eq(&row->m.room, room))
            continue;
        if (before && nc_id_cmp(&row->m.id, before) >= 0)
            continue;
        const struct nc_mem_message *best =
            found == MEM_NONE ? NULL : m->t[T_MESSAGE].at[found];
        if (!best || nc_id_cmp(&row->m.id, &best->m.id) < 0)
            found = i;
    }
    return found;
}

uint64_t nc_mem_erase(struct nc_mem *m, const struct nc_id *room,
                      const struct nc_id *before, uint32_t limit)
{
    uint64_t n = 0;

    for (; n < limit; n++) {
        size_t at = nc_mem_oldest(m, room, before);
        if (at == MEM_NONE)
            break;
        struct nc_id id = ((const struct nc_mem_message *)m->t[T_MESSAGE].at[at])->m.id;
        nc_mem_drop(m, T_MESSAGE, at);
        nc_mem_drop_where(m, T_ALTERNATIVE, 0, &id);
        nc_mem_unstamp(m, &id);
        nc_mem_drop_where(m, T_CLIENT, offsetof(struct nc_mem_client, message), &id);
    }
    m->messages -= n;
    return n;
}

static enum nc_err messages_expire(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_id before = {{0}};

    for (int i = 0; i < 6; i++)
        before.b[i] = (uint8_t)(s->ch->message.created_ms >> (40 - 8 * i));
    s->ch->touched = nc_mem_erase(m, &s->ch->message.room, &before, s->ch->limit);
    return NC_OK;
}

nc_mem_apply_fn *const nc_mem_messages[NC_CHANGE_KINDS] = {
    [NC_MESSAGE_INSERT] = message_insert,     [NC_MESSAGE_EDIT] = message_edit,
    [NC_MESSAGE_DELETE] = message_delete,     [NC_MESSAGE_CHECKPOINT] = message_checkpoint,
    [NC_MESSAGE_COMPLETE] = message_complete, [NC_MESSAGE_RESTART] = message_restart,
    [NC_MESSAGE_CHOOSE] = message_choose,     [NC_MESSAGES_EXPIRE] = messages_expire,
    [NC_COMMAND_RUN] = command_run,
};
