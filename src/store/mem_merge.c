#include <string.h>

#include "store/mem_merge_parts.h"

void nc_mem_put(struct nc_mem *m, enum nc_mem_table t, const void *row, size_t n)
{
    size_t at = nc_mem_find(m, t, row, n);

    if (at == MEM_NONE)
        nc_mem_insert(m, t, row);
    else
        nc_mem_replace(m, t, at, row);
}

/* ---- stamps -------------------------------------------------------------- */

static void stamp_key(const struct nc_state_key *k, uint8_t out[NC_STATE_KEY_MAX])
{
    memset(out, 0, NC_STATE_KEY_MAX);
    nc_state_key_bytes(k, out);
}

static bool op_stamp(void *db, const struct nc_state_key *k, struct nc_stamp *out)
{
    uint8_t key[NC_STATE_KEY_MAX];

    stamp_key(k, key);
    const struct nc_mem_stamp *row = nc_mem_found(nc_mem_of(db), T_STAMP, key, sizeof(key));
    *out = row ? row->stamp : (struct nc_stamp){0};
    return row != NULL;
}

static void op_set_stamp(void *db, const struct nc_state_key *k, const struct nc_stamp *s)
{
    struct nc_mem_stamp row = {.stamp = *s};

    stamp_key(k, row.key);
    nc_mem_put(nc_mem_of(db), T_STAMP, &row, sizeof(row.key));
}

bool nc_mem_stamped(const struct nc_mem *m, uint64_t seq)
{
    for (size_t i = 0; i < m->t[T_STAMP].n; i++) {
        const struct nc_mem_stamp *row = m->t[T_STAMP].at[i];
        if (row && row->stamp.seq == seq)
            return true;
    }
    return false;
}

void nc_mem_unstamp(struct nc_mem *m, const struct nc_id *message)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, message, NULL);
    uint8_t key[NC_STATE_KEY_MAX];

    stamp_key(&k, key);
    size_t at = nc_mem_find(m, T_STAMP, key, sizeof(key));
    if (at != MEM_NONE &&
        ((const struct nc_mem_stamp *)m->t[T_STAMP].at[at])->stamp.state == NC_STAMP_LIVING)
        nc_mem_drop(m, T_STAMP, at);
}

/* ---- records ------------------------------------------------------------- */

static bool get_account(const struct nc_mem *m, const struct nc_id *id,
                        struct nc_record *out)
{
    const struct nc_account *a = nc_mem_row(m, T_ACCOUNT, id);
    const struct nc_mem_named *n = nc_mem_row(m, T_NAMED, id);

    if (!a || !n)
        return false;
    out->account = *a;
    out->account.username = n->wanted;
    out->created_hlc = n->created_hlc;
    memcpy(out->claim, n->claim, sizeof(out->claim));
    return true;
}

bool nc_mem_record(const struct nc_mem *m, const struct nc_state_key *k,
                   struct nc_record *out)
{
    static const struct {
        enum nc_state_kind kind;
        enum nc_mem_table table;
        size_t key, size;
    } plain[] = {
        {NC_STATE_ROOM, T_ROOM, 16, sizeof(struct nc_room_rec)},
        {NC_STATE_MEMBER, T_MEMBER, 32, sizeof(struct nc_member_rec)},
        {NC_STATE_BAN, T_BAN, 32, sizeof(struct nc_ban)},
        {NC_STATE_PERSONA, T_PERSONA, 16, sizeof(struct nc_persona_rec)},
        {NC_STATE_KEY, T_KEY, 32, sizeof(struct nc_key)},
        {NC_STATE_MESSAGE, T_MESSAGE, 16, sizeof(struct nc_message)},
    };

    *out = (struct nc_record){.kind = k->kind};
    if (k->kind == NC_STATE_ACCOUNT)
        return get_account(m, &k->a, out);
    for (unsigned i = 0; i < NC_COUNT(plain); i++) {
        if (plain[i].kind != k->kind)
            continue;
        const void *row = nc_mem_found(m, plain[i].table, &k->a, plain[i].key);
        if (row)
            memcpy(&out->account, row, plain[i].size);
        return row != NULL;
    }
    return false;
}

static bool op_get(void *db, const struct nc_state_key *k, struct nc_record *out)
{
    return nc_mem_record(nc_mem_of(db), k, out);
}

static enum nc_standing op_standing(void *db, enum nc_state_kind kind,
                                    const struct nc_id *id)
{
    return nc_merge_standing(&nc_mem_merge_ops, db, kind, id);
}

static void set_account(struct nc_mem *m, const struct nc_account *in)
{
    const struct nc_account *old = nc_mem_row(m, T_ACCOUNT, &in->id);
    struct nc_account a = *in;

    a.username = old ? old->username : (struct nc_str){NULL, 0};
    a.deleted = false;
    nc_mem_put(m, T_ACCOUNT, &a, sizeof(a.id));
}

/* What was said before one came is not unread. */
static void set_member(struct nc_mem *m, const struct nc_member_rec *in, uint64_t pos)
{
    const struct nc_member_rec *old = nc_mem_member(m, &in->room, &in->user);
    struct nc_member_rec row = {0};

    if (old) {
        row = *old;
    } else {
        row.joined_seq = row.read_seq = pos;
        for (size_t i = 0; i < m->t[T_MESSAGE].n; i++) {
            const struct nc_message *said = m->t[T_MESSAGE].at[i];
            if (said && nc_id_eq(&said->room, &in->room) &&
                nc_id_cmp(&said->id, &row.read_id) > 0)
                row.read_id = said->id;
        }
    }
    row.room = in->room;
    row.user = in->user;
    row.role = in->role;
    row.joined_ms = in->joined_ms;
    nc_mem_put(m, T_MEMBER, &row, 2 * sizeof(struct nc_id));
}

static void set_key(struct nc_mem *m, const struct nc_key *in)
{
    struct nc_key row = *in;

    for (size_t i = 0; i < m->t[T_KEY].n; i++) {
        const struct nc_key *k = m->t[T_KEY].at[i];
        if (k && nc_id_eq(&k->id, &in->id))
            row.used_ms = k->used_ms;
        else if (k && memcmp(k->hash, in->hash, sizeof(in->hash)) == 0)
            return;
    }
    nc_mem_put(m, T_KEY, &row, 2 * sizeof(struct nc_id));
}

static void show_message(struct nc_mem *m, const struct nc_message *in, uint64_t pos)
{
    size_t at = nc_mem_find(m, T_MESSAGE, &in->id, sizeof(in->id));
    struct nc_mem_message row;

    memcpy(&row, m->t[T_MESSAGE].at[at], sizeof(row));
    if (in->state != NC_STREAMING && !row.ended) {
        row.again = pos;
        row.ended = true;
    }
    row.m.body = in->body;
    row.m.mentions = in->mentions;
    row.m.ai = in->ai;
    row.m.code = in->code;
    row.m.edited_ms = in->edited_ms;
    row.m.content_type = in->content_type;
    row.m.reply_to = in->reply_to;
    row.m.state = in->state;
    nc_mem_keep(m, &row.m);
    nc_mem_replace(m, T_MESSAGE, at, &row);
}

static void op_add(void *db, const struct nc_message *in)
{
    struct nc_mem *m = nc_mem_of(db);

    nc_mem_insert(m, T_MESSAGE,
                  &(struct nc_mem_message){.m = *in,
                                           .again = in->late ? in->seq : 0,
                                           .ended = in->state != NC_STREAMING});
    m->messages++;
}

static void op_set(void *db, const struct nc_record *r)
{
    struct nc_mem *m = nc_mem_of(db);
    uint64_t pos = ((struct nc_mem_merging *)db)->pos;

    switch (r->kind) {
    case NC_STATE_ACCOUNT: set_account(m, &r->account); break;
    case NC_STATE_ROOM: nc_mem_put(m, T_ROOM, &r->room, sizeof(struct nc_id)); break;
    case NC_STATE_MEMBER: set_member(m, &r->member, pos); break;
    case NC_STATE_BAN: nc_mem_put(m, T_BAN, &r->ban, 2 * sizeof(struct nc_id)); break;
    case NC_STATE_PERSONA:
        nc_mem_put(m, T_PERSONA, &r->persona, sizeof(struct nc_id));
        break;
    case NC_STATE_KEY: set_key(m, &r->key); break;
    case NC_STATE_MESSAGE: show_message(m, &r->message, pos); break;
    case NC_STATE_NONE:
    case NC_STATE_SESSION: break;
    }
}

static void drop_row(struct nc_mem *m, enum nc_mem_table t, const void *key, size_t n)
{
    size_t at = nc_mem_find(m, t, key, n);

    if (at != MEM_NONE)
        nc_mem_drop(m, t, at);
}

void nc_mem_unname(struct nc_mem *m, const struct nc_id *user)
{
    size_t at = nc_mem_find(m, T_NAMED, user, sizeof(*user));
    struct nc_mem_named row;

    if (at == MEM_NONE)
        return;
    memcpy(&row, m->t[T_NAMED].at[at], sizeof(row));
    row.wanted = (struct nc_str){NULL, 0};
    nc_mem_replace(m, T_NAMED, at, &row);
}

static void drop_account(struct nc_mem *m, const struct nc_id *id)
{
    const struct nc_account *old = nc_mem_row(m, T_ACCOUNT, id);

    if (old) {
        struct nc_account a = *old;
        a.deleted = true;
        a.username = a.display_name = a.password = (struct nc_str){NULL, 0};
        nc_mem_put(m, T_ACCOUNT, &a, sizeof(a.id));
    }
    nc_mem_drop_where(m, T_SESSION, offsetof(struct nc_session, user), id);
    nc_mem_drop_where(m, T_KEY, offsetof(struct nc_key, user), id);
    nc_mem_drop_where(m, T_PERSONA, 0, id);
    nc_mem_drop_where(m, T_MEMBER, offsetof(struct nc_member_rec, user), id);
    nc_mem_drop_where(m, T_BAN, offsetof(struct nc_ban, user), id);
    nc_mem_unname(m, id);
}

static void drop_room(struct nc_mem *m, const struct nc_id *id, uint64_t when_ms)
{
    const struct nc_room_rec *old = nc_mem_row(m, T_ROOM, id);

    if (!old || old->deleted_ms)
        return;
    struct nc_room_rec r = *old;
    r.deleted_ms = when_ms;
    nc_mem_put(m, T_ROOM, &r, sizeof(r.id));
}

static void drop_message(struct nc_mem *m, const struct nc_id *id)
{
    const struct nc_mem_message *old = nc_mem_row(m, T_MESSAGE, id);

    if (!old)
        return;
    struct nc_mem_message row = *old;
    row.m.deleted = true;
    row.m.body = row.m.mentions = row.m.ai = row.m.code = (struct nc_str){NULL, 0};
    row.m.alternatives = row.m.chosen = 0;
    nc_mem_put(m, T_MESSAGE, &row, sizeof(*id));
    nc_mem_drop_where(m, T_ALTERNATIVE, 0, id);
}

static void op_drop(void *db, const struct nc_state_key *k, uint64_t when_ms)
{
    struct nc_mem *m = nc_mem_of(db);

    switch (k->kind) {
    case NC_STATE_ACCOUNT: drop_account(m, &k->a); break;
    case NC_STATE_ROOM: drop_room(m, &k->a, when_ms); break;
    case NC_STATE_MEMBER: drop_row(m, T_MEMBER, &k->a, 32); break;
    case NC_STATE_BAN: drop_row(m, T_BAN, &k->a, 32); break;
    case NC_STATE_PERSONA: drop_row(m, T_PERSONA, &k->a, 16); break;
    case NC_STATE_KEY: drop_row(m, T_KEY, &k->a, 32); break;
    case NC_STATE_MESSAGE: drop_message(m, &k->a); break;
    case NC_STATE_NONE:
    case NC_STATE_SESSION: break;
    }
}

static void op_unmake(void *db, const struct nc_id *message)
{
    struct nc_mem *m = nc_mem_of(db);
    size_t at = nc_mem_find(m, T_MESSAGE, message, sizeof(*message));

    if (at == MEM_NONE)
        return;
    nc_mem_drop(m, T_MESSAGE, at);
    nc_mem_drop_where(m, T_ALTERNATIVE, 0, message);
    m->messages--;
}

/* ---- logs ---------------------------------------------------------------- */

static uint64_t op_origin(void *db, const struct nc_id *origin, bool *own)
{
    const struct nc_mem *m = nc_mem_of(db);
    const struct nc_mem_origin *row = nc_mem_row(m, T_ORIGIN, origin);

    *own = nc_id_eq(origin, &m->store.info.incarnation);
    return *own ? m->own_head : row ? row->head : 0;
}

static void op_set_origin(void *db, const struct nc_id *origin, uint64_t head)
{
    bool own;
    uint64_t here = op_origin(db, origin, &own);
    const struct nc_mem_origin *old = nc_mem_row(nc_mem_of(db), T_ORIGIN, origin);
    struct nc_mem_origin row = {*origin, head > here ? head : here, old && old->own};

    nc_mem_put(nc_mem_of(db), T_ORIGIN, &row, sizeof(row.origin));
}

static uint64_t op_next_own(void *db) { return nc_mem_of(db)->own_head + 1; }

const struct nc_merge_ops nc_mem_merge_ops = {
    .stamp = op_stamp,
    .set_stamp = op_set_stamp,
    .standing = op_standing,
    .get = op_get,
    .set = op_set,
    .add = op_add,
    .drop = op_drop,
    .unmake = op_unmake,
    .keep = nc_mem_op_keep,
    .turn_to = nc_mem_op_turn_to,
    .give = nc_mem_op_give,
    .newest = nc_mem_op_newest,
    .claimed = nc_mem_op_claimed,
    .claim = nc_mem_op_claim,
    .take = nc_mem_op_take,
    .alias = nc_mem_op_alias,
    .set_alias = nc_mem_op_set_alias,
    .end_sessions = nc_mem_op_end_sessions,
    .any = nc_mem_op_any,
    .set_name = nc_mem_op_set_name,
    .names = nc_mem_op_names,
    .username = nc_mem_op_username,
    .set_username = nc_mem_op_set_username,
    .origin = op_origin,
    .set_origin = op_set_origin,
    .next_own = op_next_own,
};

/* By who wrote it last, else by who said it. */
bool nc_mem_is_ours(const struct nc_mem *m, const struct nc_mem_message *row)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, &row->m.id, NULL);
    uint8_t key[NC_STATE_KEY_MAX];

    stamp_key(&k, key);
    const struct nc_mem_stamp *s = nc_mem_found(m, T_STAMP, key, sizeof(key));
    if (s)
        return nc_id_eq(&s->stamp.origin, &m->store.info.incarnation);
    for (size_t i = 0; i < m->t[T_LOG].n; i++) {
        const struct nc_event *e = m->t[T_LOG].at[i];
        if (e && e->seq == row->m.seq && nc_id_eq(&e->ref, &row->m.id))
            return nc_id_eq(&e->origin, &m->store.info.incarnation);
    }
    return true;
}
