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

/* Puts a row where one with the same first n bytes is, or at the end. */
static void put_row(struct nc_mem *m, enum nc_mem_table t, const void *row, size_t n)
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
    put_row(mem_of(db), T_STAMP, &row, sizeof(row.key));
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

static bool get_record(const struct nc_mem *m, const struct nc_state_key *k,
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
    return get_record(mem_of(db), k, out);
}

static void set_account(struct nc_mem *m, const struct nc_account *in)
{
    const struct nc_account *old = nc_mem_row(m, T_ACCOUNT, &in->id);
    struct nc_account a = *in;

    a.username = old ? old->username : (struct nc_str){NULL, 0};
    a.deleted = false;
    put_row(m, T_ACCOUNT, &a, sizeof(a.id));
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
    put_row(m, T_MEMBER, &row, 2 * sizeof(struct nc_id));
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
    put_row(m, T_KEY, &row, 2 * sizeof(struct nc_id));
}

static void show_message(struct nc_mem *m, size_t at, const struct nc_message *in,
                         uint64_t pos)
{
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

static void set_message(struct nc_mem *m, const struct nc_message *in, uint64_t pos)
{
    size_t at = nc_mem_find(m, T_MESSAGE, &in->id, sizeof(in->id));

    if (at != MEM_NONE) {
        show_message(m, at, in, pos);
        return;
    }
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
    case NC_STATE_ROOM: put_row(m, T_ROOM, &r->room, sizeof(struct nc_id)); break;
    case NC_STATE_MEMBER: set_member(m, &r->member, pos); break;
    case NC_STATE_BAN: put_row(m, T_BAN, &r->ban, 2 * sizeof(struct nc_id)); break;
    case NC_STATE_PERSONA: put_row(m, T_PERSONA, &r->persona, sizeof(struct nc_id)); break;
    case NC_STATE_KEY: set_key(m, &r->key); break;
    case NC_STATE_MESSAGE: set_message(m, &r->message, pos); break;
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
        put_row(m, T_ACCOUNT, &a, sizeof(a.id));
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
    put_row(m, T_ROOM, &r, sizeof(r.id));
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
    put_row(m, T_MESSAGE, &row, sizeof(*id));
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

    put_row(mem_of(db), T_CLIENT, &row, 2 * sizeof(struct nc_id));
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
    put_row(m, T_ALIAS, &row, sizeof(row.lost));
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
    put_row(mem_of(db), T_NAMED, &row, sizeof(row.user));
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
    put_row(m, T_ACCOUNT, &a, sizeof(a.id));
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
    struct nc_mem_origin row = {*origin, head > here ? head : here};

    put_row(mem_of(db), T_ORIGIN, &row, sizeof(row.origin));
}

static uint64_t op_next_own(void *db) { return mem_of(db)->own_head + 1; }

const struct nc_merge_ops nc_mem_merge_ops = {
    .stamp = op_stamp,
    .set_stamp = op_set_stamp,
    .get = op_get,
    .set = op_set,
    .drop = op_drop,
    .unmake = op_unmake,
    .newest = op_newest,
    .claimed = op_claimed,
    .claim = op_claim,
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

static enum nc_err segment_set(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_segment *in = &s->ch->segment;
    struct nc_mem_segment row = {in->origin, in->first, *in};

    if (!nc_id_eq(&in->origin, &m->store.info.incarnation) &&
        !nc_mem_row(m, T_ORIGIN, &in->origin))
        return NC_ENOENT;
    put_row(m, T_SEGMENT, &row, offsetof(struct nc_mem_segment, s));
    return NC_OK;
}

nc_mem_apply_fn *const nc_mem_mesh[NC_CHANGE_KINDS] = {[NC_SEGMENT_SET] = segment_set};

/* ---- questions ----------------------------------------------------------- */

static void give(struct nc_query *q, const struct nc_row *row)
{
    if (q->row)
        q->row(q, row);
}

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

static int by_id(const void *a, const void *b)
{
    return nc_id_cmp(*(const struct nc_id *const *)a, *(const struct nc_id *const *)b);
}

static int by_origin_seq(const void *a, const void *b)
{
    const struct nc_event *x = *(const struct nc_event *const *)a;
    const struct nc_event *y = *(const struct nc_event *const *)b;

    return (x->origin_seq > y->origin_seq) - (x->origin_seq < y->origin_seq);
}

static int by_first(const void *a, const void *b)
{
    const struct nc_mem_segment *x = *(const struct nc_mem_segment *const *)a;
    const struct nc_mem_segment *y = *(const struct nc_mem_segment *const *)b;

    return (x->first > y->first) - (x->first < y->first);
}

/* The rows of a table in order; the caller frees. */
static const void **sorted(const struct nc_mem *m, enum nc_mem_table t, size_t *n,
                           int (*order)(const void *, const void *))
{
    const void **all = nc_alloc((m->t[t].n + 1) * sizeof(*all));

    *n = 0;
    for (size_t i = 0; i < m->t[t].n; i++)
        if (m->t[t].at[i])
            all[(*n)++] = m->t[t].at[i];
    if (*n > 1)
        qsort(all, *n, sizeof(*all), order);
    return all;
}

void nc_mem_query_vector(struct nc_mem *m, struct nc_query *q)
{
    size_t n;
    const void **all = sorted(m, T_ORIGIN, &n, by_id);
    struct nc_row own = {.origin = {m->store.info.incarnation, m->own_head, true, true}};
    bool given = false;

    for (size_t i = 0; i < n; i++) {
        const struct nc_mem_origin *o = all[i];
        if (!given && nc_id_cmp(&own.origin.id, &o->origin) < 0) {
            give(q, &own);
            given = true;
        }
        give(q, &(struct nc_row){.origin = {o->origin, o->head, false, false}});
    }
    if (!given)
        give(q, &own);
    free(all);
}

void nc_mem_query_origin(struct nc_mem *m, struct nc_query *q)
{
    size_t n;
    const void **all = sorted(m, T_LOG, &n, by_origin_seq);
    uint64_t bytes = 0;
    uint32_t rows = 0;

    q->upto = q->since;
    q->more = false;
    for (size_t i = 0; i < n && !q->more; i++) {
        const struct nc_event *e = all[i];
        if (!nc_id_eq(&e->origin, &q->id) || e->origin_seq <= q->since)
            continue;
        if (rows == q->limit || (q->bytes_max && bytes >= q->bytes_max)) {
            q->more = true;
            break;
        }
        struct nc_row row = {.foreign = {.event = *e}};
        struct nc_state_key k = nc_state_of(e);
        struct nc_record *r = &row.foreign.record;
        if (get_record(m, &k, r) && nc_record_announced(r, e))
            bytes += nc_record_size(r);
        else
            r->kind = NC_STATE_NONE;
        rows++;
        q->upto = e->origin_seq;
        give(q, &row);
    }
    free(all);
}

void nc_mem_query_segments(struct nc_mem *m, struct nc_query *q)
{
    size_t n;
    const void **all = sorted(m, T_SEGMENT, &n, by_first);
    uint32_t rows = 0;

    for (size_t i = 0; i < n && rows < q->limit; i++) {
        const struct nc_mem_segment *s = all[i];
        if (!nc_id_eq(&s->origin, &q->id) || s->first + s->s.n <= q->since + 1)
            continue;
        rows++;
        give(q, &(struct nc_row){.segment = s->s});
    }
    free(all);
}

static bool living(const struct nc_mem *m, const struct nc_id *room,
                   const struct nc_id *user)
{
    const struct nc_room_rec *r = room ? nc_mem_row(m, T_ROOM, room) : NULL;
    const struct nc_account *a = user ? nc_mem_row(m, T_ACCOUNT, user) : NULL;

    return (!room || (r && !r->deleted_ms)) && (!user || (a && !a->deleted));
}

/* Is it part of what nodes keep in common?  Its key, too. */
static bool in_common(const struct nc_mem *m, enum nc_mem_table t, const void *row,
                      struct nc_state_key *k)
{
    const struct nc_id *a = row, *b = a + 1; /* where both are the key */

    switch (t) {
    case T_ACCOUNT: *k = nc_state_key(NC_STATE_ACCOUNT, a, NULL); return living(m, NULL, a);
    case T_ROOM: *k = nc_state_key(NC_STATE_ROOM, a, NULL); return living(m, a, NULL);
    case T_MEMBER: *k = nc_state_key(NC_STATE_MEMBER, a, b); return living(m, a, b);
    case T_BAN: *k = nc_state_key(NC_STATE_BAN, a, b); return living(m, a, b);
    case T_PERSONA: *k = nc_state_key(NC_STATE_PERSONA, a, NULL); return living(m, NULL, a);
    case T_KEY: *k = nc_state_key(NC_STATE_KEY, a, b); return living(m, NULL, b);
    default: return false;
    }
}

static void sum_few(const struct nc_mem *m, uint8_t sum[NC_STATE_HASH])
{
    static const enum nc_mem_table tables[] = {T_ACCOUNT, T_ROOM,    T_MEMBER,
                                               T_BAN,     T_PERSONA, T_KEY};

    for (unsigned t = 0; t < NC_COUNT(tables); t++)
        for (size_t i = 0; i < m->t[tables[t]].n; i++) {
            const void *row = m->t[tables[t]].at[i];
            struct nc_state_key k;
            struct nc_record r;
            if (!row || !in_common(m, tables[t], row, &k) || !get_record(m, &k, &r))
                continue;
            const struct nc_account *a = nc_mem_row(m, T_ACCOUNT, &k.a);
            nc_state_add(sum, &r, a ? a->username : (struct nc_str){NULL, 0});
        }
    for (size_t i = 0; i < m->t[T_ALIAS].n; i++) {
        const struct nc_mem_alias *row = m->t[T_ALIAS].at[i];
        const struct nc_mem_message *to = row ? nc_mem_row(m, T_MESSAGE, &row->kept) : NULL;
        if (to && !to->m.deleted && living(m, &to->m.room, NULL))
            nc_state_add_alias(sum, &row->lost, &row->kept);
    }
}

void nc_mem_query_state(struct nc_mem *m, struct nc_query *q)
{
    uint32_t rows = 0;
    size_t n;

    if (nc_id_zero(&q->after))
        sum_few(m, q->hash);
    const void **all = sorted(m, T_MESSAGE, &n, by_id);
    for (size_t i = 0; i < n && rows < q->limit; i++) {
        const struct nc_mem_message *row = all[i];
        struct nc_record r = {.kind = NC_STATE_MESSAGE, .message = row->m};
        if (nc_id_cmp(&row->m.id, &q->after) <= 0 || row->m.deleted ||
            !living(m, &row->m.room, NULL))
            continue;
        nc_state_add(q->hash, &r, (struct nc_str){NULL, 0});
        q->after = row->m.id;
        rows++;
    }
    q->more = rows > 0 && rows == q->limit;
    free(all);
}
