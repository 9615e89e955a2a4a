#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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
                   4,
                   {S(struct nc_mem_message, m.content_type),
                    S(struct nc_mem_message, m.body), S(struct nc_mem_message, m.mentions),
                    S(struct nc_mem_message, m.ai)}},
    [T_CLIENT] = {sizeof(struct nc_mem_client), 1, {S(struct nc_mem_client, notice)}},
    [T_META] = {sizeof(struct nc_mem_meta),
                2,
                {S(struct nc_mem_meta, key), S(struct nc_mem_meta, value)}},
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

static void replace(struct nc_mem *m, enum nc_mem_table t, size_t at, const void *row)
{
    void *old = m->t[t].at[at];

    m->t[t].at[at] = row ? clone(t, row) : NULL;
    remember(m, t, at, old);
}

static void insert(struct nc_mem *m, enum nc_mem_table t, const void *row)
{
    struct nc_mem_rows *rows = &m->t[t];

    if (rows->n == rows->cap) {
        rows->cap = rows->cap ? 2 * rows->cap : 16;
        rows->at = nc_realloc(rows->at, rows->cap * sizeof(*rows->at));
    }
    rows->at[rows->n++] = NULL;
    replace(m, t, rows->n - 1, row);
}

static void drop(struct nc_mem *m, enum nc_mem_table t, size_t at)
{
    replace(m, t, at, NULL);
}

/* Rows of `t` with `id` at byte `offset` go. */
static void drop_where(struct nc_mem *m, enum nc_mem_table t, size_t offset,
                       const struct nc_id *id)
{
    for (size_t i = 0; i < m->t[t].n; i++) {
        const char *row = m->t[t].at[i];
        if (row && memcmp(row + offset, id, sizeof(*id)) == 0)
            drop(m, t, i);
    }
}

static void settle(struct nc_mem *m, bool keep)
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

/* ---- one function per kind ----------------------------------------------- */

/* What is being applied: `pos` is the log position it will have, or the head. */
struct step {
    struct nc_commit *commit;
    struct nc_change *ch;
    uint64_t pos;
};

static bool username_taken(const struct nc_mem *m, struct nc_str name)
{
    for (size_t i = 0; i < m->t[T_NAME].n; i++) {
        const struct nc_mem_name *row = m->t[T_NAME].at[i];
        if (row && nc_str_eq(row->name, name))
            return true;
    }
    return false;
}

static enum nc_err account_insert(struct nc_mem *m, struct step *s)
{
    struct nc_account a = s->ch->account;

    if (username_taken(m, a.username) || nc_mem_row(m, T_ACCOUNT, &a.id))
        return NC_EEXIST;
    insert(m, T_NAME, &(struct nc_mem_name){a.username});
    insert(m, T_ACCOUNT, &a);
    return NC_OK;
}

/* The living account, copied to *out. */
static size_t account_find(const struct nc_mem *m, const struct nc_id *id,
                           struct nc_account *out)
{
    size_t at = nc_mem_find(m, T_ACCOUNT, id, sizeof(*id));

    if (at == MEM_NONE)
        return at;
    memcpy(out, m->t[T_ACCOUNT].at[at], sizeof(*out));
    return out->deleted ? MEM_NONE : at;
}

static enum nc_err account_update(struct nc_mem *m, struct step *s)
{
    const struct nc_account *in = &s->ch->account;
    struct nc_account a;
    size_t at = account_find(m, &in->id, &a);

    if (at == MEM_NONE)
        return NC_ENOENT;
    a.role = in->role;
    a.disabled = in->disabled;
    a.display_name = in->display_name;
    if (in->password.n)
        a.password = in->password;
    replace(m, T_ACCOUNT, at, &a);
    return NC_OK;
}

static enum nc_err account_delete(struct nc_mem *m, struct step *s)
{
    struct nc_account a;
    size_t at = account_find(m, &s->ch->account.id, &a);

    if (at == MEM_NONE)
        return NC_ENOENT;
    a.deleted = true;
    a.username = a.display_name = a.password = (struct nc_str){NULL, 0};
    replace(m, T_ACCOUNT, at, &a);
    drop_where(m, T_SESSION, offsetof(struct nc_session, user), &a.id);
    drop_where(m, T_KEY, offsetof(struct nc_key, user), &a.id);
    return NC_OK;
}

static enum nc_err session_insert(struct nc_mem *m, struct step *s)
{
    if (nc_mem_row(m, T_SESSION, &s->ch->session.id))
        return NC_EEXIST;
    insert(m, T_SESSION, &s->ch->session);
    return NC_OK;
}

static enum nc_err session_rotate(struct nc_mem *m, struct step *s)
{
    const struct nc_session *in = &s->ch->session;
    size_t at = nc_mem_find(m, T_SESSION, &in->id, sizeof(in->id));
    struct nc_session row;

    if (at == MEM_NONE)
        return NC_ENOENT;
    memcpy(&row, m->t[T_SESSION].at[at], sizeof(row));
    if (row.ended_ms)
        return NC_ENOENT;
    if (row.generation + 1 != in->generation)
        return NC_EEXIST;
    row.generation = in->generation;
    row.used_ms = in->used_ms;
    row.expires_ms = in->expires_ms;
    row.address = in->address;
    replace(m, T_SESSION, at, &row);
    return NC_OK;
}

static bool end_session(struct nc_mem *m, size_t at, uint64_t when)
{
    struct nc_session row;

    memcpy(&row, m->t[T_SESSION].at[at], sizeof(row));
    if (row.ended_ms)
        return false;
    row.ended_ms = when;
    replace(m, T_SESSION, at, &row);
    return true;
}

static enum nc_err session_end(struct nc_mem *m, struct step *s)
{
    const struct nc_session *in = &s->ch->session;
    size_t at = nc_mem_find(m, T_SESSION, &in->id, sizeof(in->id));

    return at != MEM_NONE && end_session(m, at, in->ended_ms) ? NC_OK : NC_ENOENT;
}

static enum nc_err sessions_end(struct nc_mem *m, struct step *s)
{
    const struct nc_session *in = &s->ch->session;

    s->ch->touched = 0;
    for (size_t i = 0; i < m->t[T_SESSION].n; i++) {
        const struct nc_session *row = m->t[T_SESSION].at[i];
        if (row && nc_id_eq(&row->user, &in->user) && !nc_id_eq(&row->id, &in->id))
            s->ch->touched += end_session(m, i, in->ended_ms);
    }
    return NC_OK;
}

static enum nc_err key_insert(struct nc_mem *m, struct step *s)
{
    const struct nc_key *in = &s->ch->key;

    for (size_t i = 0; i < m->t[T_KEY].n; i++) {
        const struct nc_key *row = m->t[T_KEY].at[i];
        if (row && (nc_id_eq(&row->id, &in->id) || !memcmp(row->hash, in->hash, 32)))
            return NC_EEXIST;
    }
    insert(m, T_KEY, in);
    return NC_OK;
}

static enum nc_err key_touch(struct nc_mem *m, struct step *s)
{
    size_t at = nc_mem_find(m, T_KEY, &s->ch->key.id, sizeof(struct nc_id));
    struct nc_key row;

    s->ch->touched = at != MEM_NONE;
    if (at == MEM_NONE)
        return NC_OK;
    memcpy(&row, m->t[T_KEY].at[at], sizeof(row));
    row.used_ms = s->ch->key.used_ms;
    replace(m, T_KEY, at, &row);
    return NC_OK;
}

static enum nc_err key_delete(struct nc_mem *m, struct step *s)
{
    struct nc_id key[2] = {s->ch->key.id, s->ch->key.user};
    size_t at = nc_mem_find(m, T_KEY, key, sizeof(key));

    if (at == MEM_NONE)
        return NC_ENOENT;
    drop(m, T_KEY, at);
    return NC_OK;
}

static size_t invite_by_hash(const struct nc_mem *m, const uint8_t hash[32])
{
    for (size_t i = 0; i < m->t[T_INVITE].n; i++) {
        const struct nc_invite *row = m->t[T_INVITE].at[i];
        if (row && memcmp(row->hash, hash, 32) == 0)
            return i;
    }
    return MEM_NONE;
}

static enum nc_err invite_insert(struct nc_mem *m, struct step *s)
{
    const struct nc_invite *in = &s->ch->invite;

    if (nc_mem_row(m, T_INVITE, &in->id) || invite_by_hash(m, in->hash) != MEM_NONE)
        return NC_EEXIST;
    insert(m, T_INVITE, in);
    return NC_OK;
}

static enum nc_err invite_use(struct nc_mem *m, struct step *s)
{
    const struct nc_invite *in = &s->ch->invite;
    size_t at = invite_by_hash(m, in->hash);
    struct nc_invite row;

    if (at == MEM_NONE)
        return NC_ENOENT;
    memcpy(&row, m->t[T_INVITE].at[at], sizeof(row));
    if (row.uses_left == 0 || (row.expires_ms && row.expires_ms <= in->created_ms))
        return NC_ENOENT;
    row.uses_left--;
    replace(m, T_INVITE, at, &row);
    return NC_OK;
}

static enum nc_err invite_delete(struct nc_mem *m, struct step *s)
{
    size_t at = nc_mem_find(m, T_INVITE, &s->ch->invite.id, sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    drop(m, T_INVITE, at);
    return NC_OK;
}

static enum nc_err room_insert(struct nc_mem *m, struct step *s)
{
    if (nc_mem_row(m, T_ROOM, &s->ch->room.id))
        return NC_EEXIST;
    insert(m, T_ROOM, &s->ch->room);
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

static enum nc_err room_update(struct nc_mem *m, struct step *s)
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
    replace(m, T_ROOM, at, &r);
    return NC_OK;
}

static enum nc_err room_delete(struct nc_mem *m, struct step *s)
{
    struct nc_room_rec r;
    size_t at = room_find(m, &s->ch->room.id, &r);

    if (at == MEM_NONE)
        return NC_ENOENT;
    r.deleted_ms = s->ch->room.deleted_ms;
    replace(m, T_ROOM, at, &r);
    return NC_OK;
}

/* The oldest message of `room` with an id below `before` (NULL: any), or MEM_NONE. */
static size_t oldest(const struct nc_mem *m, const struct nc_id *room,
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

static uint64_t erase(struct nc_mem *m, const struct nc_id *room,
                      const struct nc_id *before, uint32_t limit)
{
    uint64_t n = 0;

    for (; n < limit; n++) {
        size_t at = oldest(m, room, before);
        if (at == MEM_NONE)
            break;
        struct nc_id id = ((const struct nc_mem_message *)m->t[T_MESSAGE].at[at])->m.id;
        drop(m, T_MESSAGE, at);
        drop_where(m, T_CLIENT, offsetof(struct nc_mem_client, message), &id);
    }
    m->messages -= n;
    return n;
}

static enum nc_err room_erase(struct nc_mem *m, struct step *s)
{
    const struct nc_id *id = &s->ch->room.id;

    s->ch->touched = erase(m, id, NULL, s->ch->limit);
    if (oldest(m, id, NULL) == MEM_NONE) {
        drop_where(m, T_ROOM, 0, id);
        drop_where(m, T_MEMBER, 0, id);
        drop_where(m, T_BAN, 0, id);
        drop_where(m, T_INVITE, offsetof(struct nc_invite, room), id);
    }
    return NC_OK;
}

static enum nc_err messages_expire(struct nc_mem *m, struct step *s)
{
    struct nc_id before = {{0}};

    for (int i = 0; i < 6; i++)
        before.b[i] = (uint8_t)(s->ch->message.created_ms >> (40 - 8 * i));
    s->ch->touched = erase(m, &s->ch->message.room, &before, s->ch->limit);
    return NC_OK;
}

static enum nc_err member_set(struct nc_mem *m, struct step *s)
{
    struct nc_member_rec *in = &s->ch->member, row;
    size_t at = nc_mem_find(m, T_MEMBER, in, 2 * sizeof(struct nc_id));

    if (at != MEM_NONE) {
        memcpy(&row, m->t[T_MEMBER].at[at], sizeof(row));
        row.role = in->role;
        *in = row;
        replace(m, T_MEMBER, at, &row);
        return NC_OK;
    }
    in->joined_seq = in->read_seq = s->pos;
    insert(m, T_MEMBER, in);
    return NC_OK;
}

static enum nc_err member_delete(struct nc_mem *m, struct step *s)
{
    size_t at = nc_mem_find(m, T_MEMBER, &s->ch->member, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    drop(m, T_MEMBER, at);
    return NC_OK;
}

static enum nc_err ban_set(struct nc_mem *m, struct step *s)
{
    size_t at = nc_mem_find(m, T_BAN, &s->ch->ban, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        insert(m, T_BAN, &s->ch->ban);
    else
        replace(m, T_BAN, at, &s->ch->ban);
    return NC_OK;
}

static enum nc_err ban_delete(struct nc_mem *m, struct step *s)
{
    size_t at = nc_mem_find(m, T_BAN, &s->ch->ban, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    drop(m, T_BAN, at);
    return NC_OK;
}

/* Claims (sender, client id), or tells what it was used for. */
static enum nc_err claim(struct nc_mem *m, struct step *s, const struct nc_id *message,
                         struct nc_str notice)
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
        insert(m, T_CLIENT, &row);
        return NC_OK;
    }
    const struct nc_mem_client *known = m->t[T_CLIENT].at[at];
    s->commit->existing = known->message;
    nc_buf_adds(&s->commit->notice, known->notice);
    return NC_EEXIST;
}

static enum nc_err message_insert(struct nc_mem *m, struct step *s)
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
    insert(m, T_MESSAGE,
           &(struct nc_mem_message){.m = *in, .again = in->late ? in->seq : 0});
    m->messages++;
    return NC_OK;
}

static enum nc_err command_run(struct nc_mem *m, struct step *s)
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

static enum nc_err message_edit(struct nc_mem *m, struct step *s)
{
    const struct nc_message *in = &s->ch->message;
    struct nc_mem_message row;
    size_t at = message_find(m, &in->id, &row);

    if (at == MEM_NONE)
        return NC_ENOENT;
    row.m.body = in->body;
    row.m.mentions = in->mentions;
    row.m.edited_ms = in->edited_ms;
    replace(m, T_MESSAGE, at, &row);
    return NC_OK;
}

static enum nc_err message_delete(struct nc_mem *m, struct step *s)
{
    struct nc_mem_message row;
    size_t at = message_find(m, &s->ch->message.id, &row);

    if (at == MEM_NONE)
        return NC_ENOENT;
    row.m.deleted = true;
    row.m.body = row.m.mentions = row.m.ai = (struct nc_str){NULL, 0};
    replace(m, T_MESSAGE, at, &row);
    return NC_OK;
}

static enum nc_err message_checkpoint(struct nc_mem *m, struct step *s)
{
    struct nc_mem_message row;
    size_t at = message_find(m, &s->ch->message.id, &row);

    s->ch->touched = at != MEM_NONE && row.m.state == NC_STREAMING;
    if (s->ch->touched) {
        row.m.body = s->ch->message.body;
        replace(m, T_MESSAGE, at, &row);
    }
    return NC_OK;
}

static enum nc_err message_complete(struct nc_mem *m, struct step *s)
{
    const struct nc_message *in = &s->ch->message;
    struct nc_mem_message row;
    size_t at = message_find(m, &in->id, &row);

    if (at == MEM_NONE)
        return NC_ENOENT;
    if (row.m.state == NC_STREAMING) /* it is news once */
        row.again = s->pos;
    row.m.body = in->body;
    row.m.mentions = in->mentions;
    row.m.state = in->state;
    row.m.ai = in->ai;
    replace(m, T_MESSAGE, at, &row);
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

static enum nc_err read_set(struct nc_mem *m, struct step *s)
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
    replace(m, T_MEMBER, at, &row);
    s->ch->touched = 1;
    return NC_OK;
}

static enum nc_err clear_set(struct nc_mem *m, struct step *s)
{
    struct nc_member_rec *in = &s->ch->member, row;
    size_t at = nc_mem_find(m, T_MEMBER, in, 2 * sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    memcpy(&row, m->t[T_MEMBER].at[at], sizeof(row));
    row.cleared_seq = m->head;
    *in = row;
    replace(m, T_MEMBER, at, &row);
    return NC_OK;
}

static enum nc_err meta_set(struct nc_mem *m, struct step *s)
{
    struct nc_mem_meta row = {s->ch->meta.key, s->ch->meta.value};

    for (size_t i = 0; i < m->t[T_META].n; i++) {
        const struct nc_mem_meta *old = m->t[T_META].at[i];
        if (old && nc_str_eq(old->key, row.key)) {
            replace(m, T_META, i, &row);
            return NC_OK;
        }
    }
    insert(m, T_META, &row);
    return NC_OK;
}

#define DAY_MS (24 * 3600 * 1000ull)

static bool trimmable(enum nc_mem_table t, const void *row, uint64_t before)
{
    if (t == T_LOG) {
        const struct nc_event *e = row;
        return e->kind != NC_EV_MESSAGE_CREATED && e->hlc >> 12 < before;
    }
    if (t == T_CLIENT) {
        const struct nc_mem_client *c = row;
        return nc_id_zero(&c->message) && c->created_ms + DAY_MS < nc_wall_ms();
    }
    const struct nc_session *s = row;
    return (s->ended_ms && s->ended_ms < before) || s->expires_ms < before;
}

static enum nc_err trim(struct nc_mem *m, struct step *s)
{
    static const enum nc_mem_table tables[] = {T_LOG, T_CLIENT, T_SESSION};
    uint64_t n = 0;

    for (size_t t = 0; t < NC_COUNT(tables); t++)
        for (size_t i = 0; i < m->t[tables[t]].n && n < s->ch->limit; i++) {
            const void *row = m->t[tables[t]].at[i];
            if (row && trimmable(tables[t], row, s->ch->before_ms)) {
                drop(m, tables[t], i);
                n++;
            }
        }
    s->ch->touched = n;
    return NC_OK;
}

/* NC_AGAIN: fine, but nothing happened, so nothing is logged. */
typedef enum nc_err apply_fn(struct nc_mem *m, struct step *s);
static apply_fn *const kinds[NC_CHANGE_KINDS] = {
    [NC_ACCOUNT_INSERT] = account_insert,
    [NC_ACCOUNT_UPDATE] = account_update,
    [NC_ACCOUNT_DELETE] = account_delete,
    [NC_SESSION_INSERT] = session_insert,
    [NC_SESSION_ROTATE] = session_rotate,
    [NC_SESSION_END] = session_end,
    [NC_SESSIONS_END] = sessions_end,
    [NC_KEY_INSERT] = key_insert,
    [NC_KEY_TOUCH] = key_touch,
    [NC_KEY_DELETE] = key_delete,
    [NC_INVITE_INSERT] = invite_insert,
    [NC_INVITE_USE] = invite_use,
    [NC_INVITE_DELETE] = invite_delete,
    [NC_ROOM_INSERT] = room_insert,
    [NC_ROOM_UPDATE] = room_update,
    [NC_ROOM_DELETE] = room_delete,
    [NC_ROOM_ERASE] = room_erase,
    [NC_MEMBER_SET] = member_set,
    [NC_MEMBER_DELETE] = member_delete,
    [NC_BAN_SET] = ban_set,
    [NC_BAN_DELETE] = ban_delete,
    [NC_MESSAGE_INSERT] = message_insert,
    [NC_MESSAGE_EDIT] = message_edit,
    [NC_MESSAGE_DELETE] = message_delete,
    [NC_MESSAGE_CHECKPOINT] = message_checkpoint,
    [NC_MESSAGE_COMPLETE] = message_complete,
    [NC_MESSAGES_EXPIRE] = messages_expire,
    [NC_COMMAND_RUN] = command_run,
    [NC_READ_SET] = read_set,
    [NC_CLEAR_SET] = clear_set,
    [NC_META_SET] = meta_set,
    [NC_TRIM] = trim,
};

static enum nc_err log_event(struct nc_mem *m, struct nc_event *e)
{
    bool own = nc_id_zero(&e->origin) || nc_id_eq(&e->origin, &m->store.info.incarnation);

    if (own) {
        e->origin = m->store.info.incarnation;
        e->origin_seq = m->own_head + 1;
    } else {
        for (size_t i = 0; i < m->t[T_LOG].n; i++) {
            const struct nc_event *old = m->t[T_LOG].at[i];
            if (old && nc_id_eq(&old->origin, &e->origin) &&
                old->origin_seq == e->origin_seq)
                return NC_EEXIST;
        }
    }
    m->own_head += own;
    e->seq = ++m->head;
    if (e->hlc > m->store.info.hlc)
        m->store.info.hlc = e->hlc;
    insert(m, T_LOG, e);
    return NC_OK;
}

static enum nc_err apply_one(struct nc_mem *m, struct nc_commit *c, struct nc_change *ch)
{
    bool logged = ch->event.kind != NC_EV_NONE;
    struct step step = {.commit = c, .ch = ch, .pos = m->head + logged};

    ch->event.seq = 0;
    ch->touched = 0;
    enum nc_err e = kinds[ch->kind](m, &step);
    if (e != NC_OK)
        return e == NC_AGAIN ? NC_OK : e;
    return logged ? log_event(m, &ch->event) : NC_OK;
}

enum nc_err nc_mem_apply(struct nc_mem *m, struct nc_commit *c)
{
    uint64_t head = m->head, own = m->own_head, messages = m->messages;
    enum nc_err e = NC_OK;

    c->existing = (struct nc_id){{0}};
    c->notice = (struct nc_buf){0};
    for (c->failed = 0; c->failed < c->n; c->failed++) {
        e = apply_one(m, c, &c->changes[c->failed]);
        if (e != NC_OK)
            break;
    }
    if (e != NC_OK) {
        m->head = head;
        m->own_head = own;
        m->messages = messages;
    }
    settle(m, e == NC_OK);
    return e;
}
