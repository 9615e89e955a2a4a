#include <stdlib.h>
#include <string.h>

#include "store/mem.h"
#include "store/merge.h"

static struct nc_mem *mem_of(void *db) { return ((struct nc_mem_merging *)db)->m; }

static const void *find_row(const struct nc_mem *m, enum nc_mem_table t, const void *key,
                            size_t n)
{
    size_t at = nc_mem_find(m, t, key, n);

    return at == MEM_NONE ? NULL : m->t[t].at[at];
}

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
    const struct nc_mem_stamp *row = find_row(mem_of(db), T_STAMP, key, sizeof(key));
    *out = row ? row->stamp : (struct nc_stamp){0};
    return row != NULL;
}

static void op_set_stamp(void *db, const struct nc_state_key *k, const struct nc_stamp *s)
{
    struct nc_mem_stamp row = {.stamp = *s};

    stamp_key(k, row.key);
    nc_mem_put(mem_of(db), T_STAMP, &row, sizeof(row.key));
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
        const void *row = find_row(m, plain[i].table, &k->a, plain[i].key);
        if (row)
            memcpy(&out->account, row, plain[i].size);
        return row != NULL;
    }
    return false;
}

static bool op_get(void *db, const struct nc_state_key *k, struct nc_record *out)
{
    return nc_mem_record(mem_of(db), k, out);
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
    struct nc_mem *m = mem_of(db);

    nc_mem_insert(m, T_MESSAGE,
                  &(struct nc_mem_message){.m = *in,
                                           .again = in->late ? in->seq : 0,
                                           .ended = in->state != NC_STREAMING});
    m->messages++;
}

static void op_set(void *db, const struct nc_record *r)
{
    struct nc_mem *m = mem_of(db);
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
    struct nc_mem *m = mem_of(db);

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
    struct nc_mem *m = mem_of(db);
    size_t at = nc_mem_find(m, T_MESSAGE, message, sizeof(*message));

    if (at == MEM_NONE)
        return;
    nc_mem_drop(m, T_MESSAGE, at);
    nc_mem_drop_where(m, T_ALTERNATIVE, 0, message);
    m->messages--;
}

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

static void op_keep(void *db, const struct nc_id *message, uint64_t when_ms)
{
    struct nc_mem *m = mem_of(db);
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

static bool op_turn_to(void *db, const struct nc_message *msg)
{
    struct nc_mem *m = mem_of(db);
    struct nc_mem_message row =
        *(const struct nc_mem_message *)nc_mem_row(m, T_MESSAGE, &msg->id);

    for (size_t i = 0; i < m->t[T_ALTERNATIVE].n; i++) {
        const struct nc_alternative *a = m->t[T_ALTERNATIVE].at[i];
        if (!nc_id_eq(&a->message, &msg->id) || a->state != msg->state ||
            !nc_str_eq(a->body, msg->body) || !nc_str_eq(a->ai, msg->ai))
            continue;
        row.m.chosen = a->n;
        nc_mem_put(m, T_MESSAGE, &row, sizeof(msg->id));
        return true;
    }
    return false;
}

static void op_give(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    struct nc_mem *m = mem_of(db);
    const struct nc_mem_message *from = nc_mem_row(m, T_MESSAGE, lost);
    const struct nc_mem_message *to = nc_mem_row(m, T_MESSAGE, kept);

    if (!from || !to || from->m.deleted || to->m.deleted || from->m.state == NC_STREAMING)
        return;
    struct nc_mem_message row = *to;
    have_alternatives(m, &row);
    nc_mem_insert(m, T_ALTERNATIVE,
                  &(struct nc_alternative){.message = *kept,
                                           .n = row.m.alternatives++,
                                           .state = from->m.state,
                                           .body = from->m.body,
                                           .ai = from->m.ai,
                                           .created_ms = from->m.created_ms});
    nc_mem_put(m, T_MESSAGE, &row, sizeof(*kept));
}

static void op_newest(void *db, const struct nc_id *room, struct nc_id *out)
{
    const struct nc_mem *m = mem_of(db);

    *out = (struct nc_id){{0}};
    for (size_t i = 0; i < m->t[T_MESSAGE].n; i++) {
        const struct nc_message *row = m->t[T_MESSAGE].at[i];
        if (row && nc_id_eq(&row->room, room) && nc_id_cmp(&row->id, out) > 0)
            *out = row->id;
    }
}

/* ---- client ids and aliases ---------------------------------------------- */

static bool op_claimed(void *db, const struct nc_message *msg, struct nc_id *out)
{
    struct nc_id key[2] = {msg->client_id, msg->sender};
    const struct nc_mem_client *row = find_row(mem_of(db), T_CLIENT, key, sizeof(key));

    *out = row ? row->message : (struct nc_id){{0}};
    return row != NULL;
}

static void op_claim(void *db, const struct nc_message *msg)
{
    struct nc_mem_client row = {.client = msg->client_id,
                                .sender = msg->sender,
                                .message = msg->id,
                                .created_ms = msg->created_ms};

    nc_mem_put(mem_of(db), T_CLIENT, &row, 2 * sizeof(struct nc_id));
}

static bool op_take(void *db, const struct nc_message *msg)
{
    struct nc_id other;

    if (op_claimed(db, msg, &other))
        return false;
    op_claim(db, msg);
    return true;
}

static bool op_alias(void *db, const struct nc_id *lost, struct nc_id *kept)
{
    const struct nc_mem_alias *row = nc_mem_row(mem_of(db), T_ALIAS, lost);

    *kept = row ? row->kept : (struct nc_id){{0}};
    return row != NULL;
}

static void op_set_alias(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    struct nc_mem *m = mem_of(db);
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

/* ---- people -------------------------------------------------------------- */

static void op_end_sessions(void *db, const struct nc_id *user, const struct nc_id *session,
                            uint64_t when_ms)
{
    struct nc_mem *m = mem_of(db);
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

static bool op_any(void *db, struct nc_str name, const uint8_t claim[NC_STATE_HASH])
{
    const struct nc_mem *m = mem_of(db);

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

static void op_set_name(void *db, const struct nc_named *n)
{
    struct nc_mem_named row = {
        .user = n->user, .created_hlc = n->created_hlc, .wanted = n->wanted};

    memcpy(row.claim, n->claim, sizeof(row.claim));
    nc_mem_put(mem_of(db), T_NAMED, &row, sizeof(row.user));
}

static size_t op_names(void *db, struct nc_named **out, struct nc_buf *text)
{
    const struct nc_mem *m = mem_of(db);
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
    for (size_t i = 0; i < n; at += (*out)[i++].wanted.n)
        (*out)[i].wanted.p = text->p + at;
    return n;
}

static bool op_username(void *db, const struct nc_id *user, struct nc_str *out)
{
    const struct nc_account *a = nc_mem_row(mem_of(db), T_ACCOUNT, user);

    *out = a ? a->username : (struct nc_str){NULL, 0};
    return a && !a->deleted;
}

static void op_set_username(void *db, const struct nc_id *user, struct nc_str name)
{
    struct nc_mem *m = mem_of(db);
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

/* ---- logs ---------------------------------------------------------------- */

static uint64_t op_origin(void *db, const struct nc_id *origin, bool *own)
{
    const struct nc_mem *m = mem_of(db);
    const struct nc_mem_origin *row = nc_mem_row(m, T_ORIGIN, origin);

    *own = nc_id_eq(origin, &m->store.info.incarnation);
    return *own ? m->own_head : row ? row->head : 0;
}

static void op_set_origin(void *db, const struct nc_id *origin, uint64_t head)
{
    bool own;
    uint64_t here = op_origin(db, origin, &own);
    const struct nc_mem_origin *old = nc_mem_row(mem_of(db), T_ORIGIN, origin);
    struct nc_mem_origin row = {*origin, head > here ? head : here, old && old->own};

    nc_mem_put(mem_of(db), T_ORIGIN, &row, sizeof(row.origin));
}

static uint64_t op_next_own(void *db) { return mem_of(db)->own_head + 1; }

const struct nc_merge_ops nc_mem_merge_ops = {
    .stamp = op_stamp,
    .set_stamp = op_set_stamp,
    .standing = op_standing,
    .get = op_get,
    .set = op_set,
    .add = op_add,
    .drop = op_drop,
    .unmake = op_unmake,
    .keep = op_keep,
    .turn_to = op_turn_to,
    .give = op_give,
    .newest = op_newest,
    .claimed = op_claimed,
    .claim = op_claim,
    .take = op_take,
    .alias = op_alias,
    .set_alias = op_set_alias,
    .end_sessions = op_end_sessions,
    .any = op_any,
    .set_name = op_set_name,
    .names = op_names,
    .username = op_username,
    .set_username = op_set_username,
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
    const struct nc_mem_stamp *s = find_row(m, T_STAMP, key, sizeof(key));
    if (s)
        return nc_id_eq(&s->stamp.origin, &m->store.info.incarnation);
    for (size_t i = 0; i < m->t[T_LOG].n; i++) {
        const struct nc_event *e = m->t[T_LOG].at[i];
        if (e && e->seq == row->m.seq && nc_id_eq(&e->ref, &row->m.id))
            return nc_id_eq(&e->origin, &m->store.info.incarnation);
    }
    return true;
}
