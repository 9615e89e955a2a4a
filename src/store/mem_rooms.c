#include <string.h>

#include "store/mem.h"

static enum nc_err room_insert(struct nc_mem *m, struct nc_mem_step *s)
{
    if (nc_mem_row(m, T_ROOM, &s->ch->room.id))
        return NC_EEXIST;
    nc_mem_insert(m, T_ROOM, &s->ch->room);
    return NC_OK;
}

static size_t room_find(const struct nc_mem *m, const struct nc_id *id,
                        struct nc_room_rec *out)
{
    size_t at = nc_mem_find(m, T_ROOM, id, sizeof(*id));

    if (at == MEM_NONE)
        return at;
    memcpy(out, m->t[T_ROOM].at[at], sizeof(*out));
    return out->deleted_ms ? MEM_NONE : at;
}

static enum nc_err room_update(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_room_rec *in = &s->ch->room;
    struct nc_room_rec r;
    size_t at = room_find(m, &in->id, &r);

    if (at == MEM_NONE)
        return NC_ENOENT;
    r.name = in->name;
    r.topic = in->topic;
    r.visibility = in->visibility;
    r.retention_days = in->retention_days;
    r.settings = in->settings;
    nc_mem_replace(m, T_ROOM, at, &r);
    return NC_OK;
}

static enum nc_err room_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_room_rec r;
    size_t at = room_find(m, &s->ch->room.id, &r);

    if (at == MEM_NONE)
        return NC_ENOENT;
    r.deleted_ms = s->ch->room.deleted_ms;
    nc_mem_replace(m, T_ROOM, at, &r);
    return NC_OK;
}

static enum nc_err room_erase(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_id *id = &s->ch->room.id;

    s->ch->touched = nc_mem_erase(m, id, NULL, s->ch->limit);
    if (nc_mem_oldest(m, id, NULL) == MEM_NONE) {
        nc_mem_drop_where(m, T_ROOM, 0, id);
        nc_mem_drop_where(m, T_MEMBER, 0, id);
        nc_mem_drop_where(m, T_BAN, 0, id);
        nc_mem_drop_where(m, T_JOB, offsetof(struct nc_job_rec, room), id);
        nc_mem_drop_where(m, T_INVITE, offsetof(struct nc_invite, room), id);
    }
    return NC_OK;
}

static enum nc_err member_set(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_member_rec *in = &s->ch->member, row;
    size_t at = nc_mem_find(m, T_MEMBER, in, 2 * sizeof(struct nc_id));

    if (at != MEM_NONE) {
        memcpy(&row, m->t[T_MEMBER].at[at], sizeof(row));
        row.role = in->role;
        *in = row;
        nc_mem_replace(m, T_MEMBER, at, &row);
        return NC_OK;
    }
    in->joined_seq = in->read_seq = s->pos;
    nc_mem_insert(m, T_MEMBER, in);
    return NC_OK;
}

static enum nc_err member_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    size_t at = nc_mem_find(m, T_MEMBER, &s->ch->member, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    nc_mem_drop(m, T_MEMBER, at);
    return NC_OK;
}

static enum nc_err ban_set(struct nc_mem *m, struct nc_mem_step *s)
{
    size_t at = nc_mem_find(m, T_BAN, &s->ch->ban, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        nc_mem_insert(m, T_BAN, &s->ch->ban);
    else
        nc_mem_replace(m, T_BAN, at, &s->ch->ban);
    return NC_OK;
}

static enum nc_err ban_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    size_t at = nc_mem_find(m, T_BAN, &s->ch->ban, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    nc_mem_drop(m, T_BAN, at);
    return NC_OK;
}

static bool news_since(const struct nc_mem *m, const struct nc_id *room, uint64_t seq)
{
    for (size_t i = 0; i < m->t[T_MESSAGE].n; i++) {
        const struct nc_mem_message *row = m->t[T_MESSAGE].at[i];
        if (row && row->again > seq && nc_id_eq(&row->m.room, room))
            return true;
    }
    return false;
}

static enum nc_err read_set(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_member_rec *in = &s->ch->member, row;
    size_t at = nc_mem_find(m, T_MEMBER, in, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    memcpy(&row, m->t[T_MEMBER].at[at], sizeof(row));
    int order = nc_id_cmp(&in->read_id, &row.read_id);
    if (order < 0 || (order == 0 && !news_since(m, &row.room, row.read_seq)))
        return NC_AGAIN;
    row.read_id = in->read_id;
    row.read_seq = m->head;
    *in = row;
    nc_mem_replace(m, T_MEMBER, at, &row);
    s->ch->touched = 1;
    return NC_OK;
}

static enum nc_err clear_set(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_member_rec *in = &s->ch->member, row;
    size_t at = nc_mem_find(m, T_MEMBER, in, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    memcpy(&row, m->t[T_MEMBER].at[at], sizeof(row));
    row.cleared_seq = m->head;
    *in = row;
    nc_mem_replace(m, T_MEMBER, at, &row);
    return NC_OK;
}

nc_mem_apply_fn *const nc_mem_rooms[NC_CHANGE_KINDS] = {
    [NC_ROOM_INSERT] = room_insert, [NC_ROOM_UPDATE] = room_update,
    [NC_ROOM_DELETE] = room_delete, [NC_ROOM_ERASE] = room_erase,
    [NC_MEMBER_SET] = member_set,   [NC_MEMBER_DELETE] = member_delete,
    [NC_BAN_SET] = ban_set,         [NC_BAN_DELETE] = ban_delete,
    [NC_READ_SET] = read_set,       [NC_CLEAR_SET] = clear_set,
};
