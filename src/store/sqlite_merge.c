#include "store/sqlite_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define AT(type, field) offsetof(struct type, field)

static const struct nc_field stamp_fields[] = {
    {"hlc", NC_F_U64, AT(nc_stamp, hlc)},
    {"origin", NC_F_KEY, AT(nc_stamp, origin)},
    {"origin_seq", NC_F_U64, AT(nc_stamp, origin_seq)},
    {"seq", NC_F_U64, AT(nc_stamp, seq)},
    {"state", NC_F_U32, AT(nc_stamp, state)},
    {0},
};
static const struct nc_field id_fields[] = {{"id", NC_F_KEY, 0}, {0}};
static const struct nc_field named_fields[] = {
    {"user", NC_F_KEY, AT(nc_named, user)},
    {"created_hlc", NC_F_U64, AT(nc_named, created_hlc)},
    {"claim", NC_F_HASH, AT(nc_named, claim)},
    {"deleted", NC_F_BOOL, AT(nc_named, deleted)},
    {"wanted", NC_F_TEXT, AT(nc_named, wanted)},
    {0},
};

/* An answer that gives way to another one. */
#define LOST                                                                         \
    "EXISTS (SELECT 1 FROM message AS lost WHERE lost.id = :id AND lost.deleted = 0" \
    " AND lost.state <> 1)"

const struct nc_sqlite_def nc_sqlite_merge_defs[M_N] = {
    [M_STAMP] = {"SELECT hlc, (SELECT id FROM incarnation WHERE no = stamp.origin) AS"
                 " origin, origin_seq, seq, state FROM stamp WHERE key = :key",
                 NULL, stamp_fields},
    [M_SET_STAMP] = {"INSERT OR REPLACE INTO stamp VALUES (:key, :hlc, :number,"
                     " :origin_seq, :seq, :state)",
                     stamp_fields, NULL},
    [M_SET_ACCOUNT] = {"INSERT INTO account VALUES (:id, :kind, :role, :disabled, 0, '',"
                       " :display_name, :password, :created_ms) ON CONFLICT DO UPDATE SET"
                       " kind = :kind, role = :role, disabled = :disabled, display_name ="
                       " :display_name, password = :password, created_ms = :created_ms",
                       nc_fields_account, NULL},
    [M_SET_ROOM] = {"INSERT OR REPLACE INTO room VALUES (:id, :created_by, :kind,"
                    " :visibility, :name, :topic, :created_ms, :deleted_ms,"
                    " :retention_days, :settings, :encryption, :home, :epoch)",
                    nc_fields_room, NULL},
    /* What was said before one came is not unread. */
    [M_SET_MEMBER] = {"INSERT INTO member VALUES (:room, :user, :role, :joined_ms, :pos,"
                      " coalesce((SELECT id FROM message WHERE message.room = :room"
                      " ORDER BY id DESC LIMIT 1), zeroblob(16)), :pos, 0)"
                      " ON CONFLICT DO UPDATE SET role = :role, joined_ms = :joined_ms",
                      nc_fields_member, NULL},
    [M_SET_BAN] = {"INSERT OR REPLACE INTO ban VALUES (:room, :user, :by, :created_ms,"
                   " :until_ms)",
                   nc_fields_ban, NULL},
    [M_SET_PERSONA] = {"INSERT OR REPLACE INTO persona VALUES (:user, :settings,"
                       " :created_ms)",
                       nc_fields_persona, NULL},
    [M_SET_KEY] = {"INSERT INTO api_key VALUES (:id, :user, :hash, :name, :scopes,"
                   " :created_ms, 0, :expires_ms, :tokens_per_day, :requests_per_day)"
                   " ON CONFLICT DO UPDATE SET name = :name, scopes = :scopes,"
                   " expires_ms = :expires_ms, tokens_per_day = :tokens_per_day,"
                   " requests_per_day = :requests_per_day WHERE id = :id",
                   nc_fields_key, NULL},
    /* It is news once: see NC_MESSAGE_COMPLETE. */
    [M_SHOW_MESSAGE] = {"UPDATE message SET body = :body, mentions = :mentions, ai = :ai,"
                        " code = :code, edited_ms = :edited_ms,"
                        " content_type = :content_type, reply_to = :reply_to,"
                        " again = CASE WHEN state = 1 AND :state <> 1"
                        " AND (again IS NULL OR late AND again = seq) THEN :pos"
                        " ELSE again END, state = :state WHERE id = :id",
                        nc_fields_message, NULL},
    [M_SHOW_ALTERNATIVE] = {"UPDATE alternative SET state = :state, body = :body, ai = :ai"
                            " WHERE message = :id"
                            " AND n = (SELECT chosen FROM message WHERE id = :id)",
                            nc_fields_message, NULL},
    [M_SET_MESSAGE] = {"INSERT INTO message VALUES (:room, :id, :seq, :sender, :client_id,"
                       " :reply_to, :kind, :state, :deleted, :late,"
                       " CASE WHEN :late THEN :seq END, :created_ms, :edited_ms,"
                       " :content_type, :mentions, :ai, :body, 0, 0, :code)",
                       nc_fields_message, NULL},
    [M_UNMENTION] = {"DELETE FROM mention WHERE id = :id", id_fields, NULL},
    [M_MENTION] = {"INSERT OR IGNORE INTO mention SELECT account.id, message.room,"
                   " message.id FROM account, message WHERE username = :username"
                   " AND message.id = :id",
                   nc_fields_message, NULL},
    [M_DROP_ACCOUNT] = {"UPDATE account SET deleted = 1, username = '', display_name = '',"
                        " password = '' WHERE id = :id AND deleted = 0",
                        id_fields, NULL},
    [M_DROP_ACCOUNT + 1] = {"DELETE FROM session WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 2] = {"DELETE FROM api_key WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 3] = {"DELETE FROM persona WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 4] = {"DELETE FROM mention WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 5] = {"DELETE FROM member WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 6] = {"DELETE FROM ban WHERE user = :id", id_fields, NULL},
    [M_DROP_ACCOUNT + 7] = {"UPDATE name SET wanted = '' WHERE user = :id", id_fields,
                            NULL},
    [M_DROP_ROOM] = {"UPDATE room SET deleted_ms = :when WHERE id = :id AND deleted_ms = 0",
                     id_fields, NULL},
    [M_DROP_MEMBER] = {"DELETE FROM member WHERE room = :id AND user = :b", id_fields,
                       NULL},
    [M_DROP_BAN] = {"DELETE FROM ban WHERE room = :id AND user = :b", id_fields, NULL},
    [M_DROP_PERSONA] = {"DELETE FROM persona WHERE user = :id", id_fields, NULL},
    [M_DROP_KEY] = {"DELETE FROM api_key WHERE id = :id AND user = :b", id_fields, NULL},
    [M_DROP_MESSAGE] = {"UPDATE message SET deleted = 1, body = x'', mentions = '',"
                        " ai = '', code = '', alternatives = 0, chosen = 0 WHERE id = :id",
                        id_fields, NULL},
    [M_UNMAKE] = {"DELETE FROM message WHERE id = :id", id_fields, NULL},
    /* As NC_MESSAGE_RESTART does it; the new one is filled by what shows it. */
    [M_KEEP] =
        {"INSERT OR IGNORE INTO alternative SELECT id, chosen, state, created_ms, ai,"
         " body FROM message WHERE id = :id",
         id_fields, NULL},
    [M_KEEP + 1] = {"UPDATE message SET alternatives = max(alternatives, 1) + 1,"
                    " chosen = max(alternatives, 1), again = coalesce(again, 0)"
                    " WHERE id = :id",
                    id_fields, NULL},
    [M_KEEP + 2] = {"INSERT INTO alternative SELECT id, chosen, 1, :when, '', x''"
                    " FROM message WHERE id = :id",
                    id_fields, NULL},
    [M_TURN_TO] = {"UPDATE message SET chosen = alternative.n FROM alternative"
                   " WHERE message.id = :id AND alternative.message = :id"
                   " AND alternative.state = :state AND alternative.body = :body"
                   " AND alternative.ai = :ai",
                   nc_fields_message, NULL},
    [M_GIVE] =
        {"INSERT OR IGNORE INTO alternative SELECT id, chosen, state, created_ms, ai,"
         " body FROM message WHERE id = :b AND deleted = 0 AND " LOST,
         id_fields, NULL},
    [M_GIVE + 1] = {"INSERT INTO alternative SELECT :b, max(kept.alternatives, 1),"
                    " message.state, message.created_ms, message.ai, message.body"
                    " FROM message, message AS kept WHERE message.id = :id"
                    " AND message.deleted = 0 AND message.state <> 1 AND kept.id = :b"
                    " AND kept.deleted = 0",
                    id_fields, NULL},
    [M_GIVE + 2] = {"UPDATE message SET alternatives = max(alternatives, 1) + 1"
                    " WHERE id = :b AND deleted = 0 AND " LOST,
                    id_fields, NULL},
    [M_NO_ALTERNATIVES] = {"DELETE FROM alternative WHERE message = :id", id_fields, NULL},
    [M_NEWEST] = {"SELECT id FROM message WHERE room = :id ORDER BY id DESC LIMIT 1",
                  id_fields, id_fields},
    [M_CLAIMED] = {"SELECT message FROM client WHERE client_id = :client_id"
                   " AND sender = :sender",
                   nc_fields_message, NULL},
    [M_CLAIM] = {"INSERT OR REPLACE INTO client VALUES (:client_id, :sender, :id, NULL,"
                 " NULL)",
                 nc_fields_message, NULL},
    [M_TAKE] = {"INSERT INTO client VALUES (:client_id, :sender, :id, NULL, NULL)"
                " ON CONFLICT DO NOTHING",
                nc_fields_message, NULL},
    [M_ALIAS] = {"SELECT kept AS id FROM alias WHERE lost = :id", id_fields, id_fields},
    [M_MOVE_ALIAS] = {"UPDATE alias SET kept = :b WHERE kept = :id", id_fields, NULL},
    [M_SET_ALIAS] = {"INSERT OR REPLACE INTO alias VALUES (:id, :b)", id_fields, NULL},
    [M_END_SESSION] = {"INSERT INTO session VALUES (:id, :b, 0, '', '', :when, :when,"
                       " :when, :when, NULL, 0, 0) ON CONFLICT DO UPDATE SET ended_ms ="
                       " CASE ended_ms WHEN 0 THEN :when ELSE ended_ms END"
                       " WHERE user = :b",
                       id_fields, NULL},
    [M_END_SESSIONS] = {"UPDATE session SET ended_ms = :when WHERE user = :id"
                        " AND ended_ms = 0 AND created_ms <= :when",
                        id_fields, NULL},
    [M_ANY_NAME] = {"SELECT 1 WHERE EXISTS (SELECT 1 FROM account WHERE username = :name)"
                    " OR EXISTS (SELECT 1 FROM name WHERE claim = :claim)",
                    named_fields, NULL},
    [M_SET_NAME] = {"INSERT OR REPLACE INTO name VALUES (:user, :created_hlc, :wanted,"
                    " :claim)",
                    named_fields, NULL},
    [M_NAMES] = {"SELECT name.user, created_hlc, wanted, claim, coalesce(deleted, 1) AS"
                 " deleted FROM name LEFT JOIN account ON account.id = name.user",
                 NULL, named_fields},
    [M_USERNAME] = {"SELECT username FROM account WHERE id = :id AND deleted = 0",
                    id_fields, NULL},
    [M_SET_USERNAME] = {"UPDATE account SET username = :name WHERE id = :id", id_fields,
                        NULL},
    [M_TAKE_USERNAME] = {"INSERT OR IGNORE INTO username VALUES (:name)", NULL, NULL},
    [M_ORIGIN] = {"SELECT no, known, current FROM incarnation WHERE id = :id", id_fields,
                  NULL},
    [M_ORIGIN_NEW] = {"INSERT INTO incarnation (id, own, current, created_ms)"
                      " VALUES (:id, 0, 0, :now)",
                      id_fields, NULL},
    [M_SET_ORIGIN] = {"UPDATE incarnation SET known = max(known, :head) WHERE no = :number",
                      NULL, NULL},
};

/* ---- running them -------------------------------------------------------- */

static struct nc_sqlite_stmt *bind(struct nc_sqlite_merging *x, unsigned i,
                                   const void *record)
{
    struct nc_sqlite_stmt *s =
        x->broken ? NULL : nc_sqlite_bind(&x->w->conn, x->base + i, record);

    x->broken = x->broken || !s;
    return s;
}

/* The row of a question; false: none. */
static bool row(struct nc_sqlite_merging *x, struct nc_sqlite_stmt *s)
{
    int rc = s ? nc_sqlite_step(s) : SQLITE_DONE;

    x->broken = x->broken || (rc != SQLITE_ROW && rc != SQLITE_DONE);
    return rc == SQLITE_ROW;
}

/* One that only writes; how many rows. */
static unsigned run(struct nc_sqlite_merging *x, struct nc_sqlite_stmt *s)
{
    if (row(x, s))
        nc_sqlite_reset(s);
    return s && !x->broken ? (unsigned)sqlite3_changes(x->w->conn.db) : 0;
}

static unsigned run_id(struct nc_sqlite_merging *x, unsigned i, const struct nc_id *id)
{
    return run(x, bind(x, i, id));
}

static unsigned run_ids(struct nc_sqlite_merging *x, unsigned i, const struct nc_id *id,
                        const struct nc_id *b, uint64_t when_ms)
{
    struct nc_sqlite_stmt *s = bind(x, i, id);

    if (!s)
        return 0;
    nc_sqlite_bind_field(s, ":b", NC_F_KEY, b);
    nc_sqlite_bind_u64(s, ":when", when_ms);
    return run(x, s);
}

static bool one_id(struct nc_sqlite_merging *x, unsigned i, const struct nc_id *id,
                   struct nc_id *out)
{
    struct nc_sqlite_stmt *s = bind(x, i, id);

    *out = (struct nc_id){{0}};
    if (!row(x, s))
        return false;
    nc_sqlite_columns(s, out);
    nc_sqlite_reset(s);
    return true;
}

void nc_sqlite_merging_forget(struct nc_sqlite_merging *x)
{
    nc_sqlite_known_clear(&x->known);
    x->log = (struct nc_sqlite_log){.no = 0};
}

void nc_sqlite_merging_fini(struct nc_sqlite_merging *m)
{
    for (unsigned i = 0; i < NC_COUNT(m->text); i++)
        nc_buf_fini(&m->text[i]);
    nc_buf_fini(&m->name);
}

/* ---- stamps -------------------------------------------------------------- */

static bool op_stamp(void *db, const struct nc_state_key *k, struct nc_stamp *out)
{
    struct nc_sqlite_merging *x = db;
    uint8_t bytes[NC_STATE_KEY_MAX];
    struct nc_str key = {(const char *)bytes, nc_state_key_bytes(k, bytes)};
    struct nc_sqlite_stmt *s = bind(x, M_STAMP, NULL);

    *out = (struct nc_stamp){0};
    if (!s)
        return false;
    nc_sqlite_bind_field(s, ":key", NC_F_BLOB, &key);
    if (!row(x, s))
        return false;
    nc_sqlite_columns(s, out);
    nc_sqlite_reset(s);
    return true;
}

static void op_set_stamp(void *db, const struct nc_state_key *k, const struct nc_stamp *in)
{
    struct nc_sqlite_merging *x = db;
    uint64_t no = nc_sqlite_origin_no(x, &in->origin);
    uint8_t bytes[NC_STATE_KEY_MAX];
    struct nc_str key = {(const char *)bytes, nc_state_key_bytes(k, bytes)};
    struct nc_sqlite_stmt *s = bind(x, M_SET_STAMP, in);

    nc_sqlite_known_forget(&x->known, k->kind, &k->a);
    if (!s)
        return;
    nc_sqlite_bind_field(s, ":key", NC_F_BLOB, &key);
    nc_sqlite_bind_u64(s, ":number", no);
    run(x, s);
}

/* ---- records ------------------------------------------------------------- */

/* The strings of what a statement stands on, so that it need not stand there. */
static void keep_strings(struct nc_buf *text, const struct nc_sqlite_stmt *s, char *record)
{
    size_t at = 0;

    nc_buf_clear(text);
    for (unsigned i = 0; i < s->out_n; i++)
        if (s->out[i]->type == NC_F_TEXT || s->out[i]->type == NC_F_BLOB)
            nc_buf_adds(text, *(struct nc_str *)(record + s->out[i]->at));
    for (unsigned i = 0; i < s->out_n; i++)
        if (s->out[i]->type == NC_F_TEXT || s->out[i]->type == NC_F_BLOB) {
            struct nc_str *str = (struct nc_str *)(record + s->out[i]->at);
            str->p = text->p + at;
            at += str->n;
        }
}

static bool op_get(void *db, const struct nc_state_key *k, struct nc_record *out)
{
    struct nc_sqlite_merging *x = db;
    unsigned i = nc_sqlite_state_no(k->kind);
    struct nc_sqlite_stmt *s = i < NC_SQLITE_STATES ? bind(x, M_STATE + i, k) : NULL;

    if (i == NC_SQLITE_STATES || !row(x, s))
        return false;
    nc_sqlite_state_take(s, k->kind, out);
    keep_strings(&x->text[i], s, (char *)&out->account);
    nc_sqlite_reset(s);
    return true;
}

static enum nc_standing op_standing(void *db, enum nc_state_kind kind,
                                    const struct nc_id *id)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_known_at *at = nc_sqlite_known_find(&x->known, kind, id);

    if (at)
        return at->is;
    enum nc_standing is = nc_merge_standing(&nc_sqlite_merge_ops, x, kind, id);
    if (is != NC_STANDS_NOWHERE && !x->broken)
        nc_sqlite_known_put(&x->known, kind, id, is);
    return is;
}

void nc_sqlite_mention(struct nc_sqlite_merging *x, const struct nc_message *m)
{
    struct nc_str rest = m->mentions;

    while (rest.n) {
        struct nc_str name = nc_str_cut(&rest, ' ');
        struct nc_sqlite_stmt *s = bind(x, M_MENTION, m);
        if (!s)
            return;
        nc_sqlite_bind_field(s, ":username", NC_F_TEXT, &name);
        run(x, s);
    }
}

static void show_message(struct nc_sqlite_merging *x, const struct nc_message *m)
{
    struct nc_sqlite_stmt *s = bind(x, M_SHOW_MESSAGE, m);

    if (s)
        nc_sqlite_bind_u64(s, ":pos", x->pos);
    run(x, s);
    run(x, bind(x, M_SHOW_ALTERNATIVE, m));
    run_id(x, M_UNMENTION, &m->id);
    nc_sqlite_mention(x, m);
}

static void op_add(void *db, const struct nc_message *m)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_counter *counter = &x->w->counter;

    run(x, bind(x, M_SET_MESSAGE, m));
    nc_sqlite_mention(x, m);
    nc_sqlite_known_said(&x->known, &m->room, &m->id);
    counter->messages++;
    if (nc_hlc_of(&m->id) > counter->hlc)
        counter->hlc = nc_hlc_of(&m->id);
}

static void op_set(void *db, const struct nc_record *r)
{
    static const struct {
        enum nc_state_kind kind;
        unsigned stmt;
    } plain[] = {
        {NC_STATE_ACCOUNT, M_SET_ACCOUNT}, {NC_STATE_ROOM, M_SET_ROOM},
        {NC_STATE_MEMBER, M_SET_MEMBER},   {NC_STATE_BAN, M_SET_BAN},
        {NC_STATE_PERSONA, M_SET_PERSONA}, {NC_STATE_KEY, M_SET_KEY},
    };
    struct nc_sqlite_merging *x = db;

    if (r->kind == NC_STATE_MESSAGE)
        show_message(x, &r->message);
    nc_sqlite_known_forget(&x->known, r->kind, &r->account.id);
    x->w->people = x->w->people || r->kind == NC_STATE_ACCOUNT;
    for (unsigned i = 0; i < NC_COUNT(plain); i++) {
        if (plain[i].kind != r->kind)
            continue;
        struct nc_sqlite_stmt *s = bind(x, plain[i].stmt, &r->account);
        if (s)
            nc_sqlite_bind_u64(s, ":pos", x->pos);
        run(x, s);
    }
}

static void op_drop(void *db, const struct nc_state_key *k, uint64_t when_ms)
{
    struct nc_sqlite_merging *x = db;

    nc_sqlite_known_forget(&x->known, k->kind, &k->a);
    switch (k->kind) {
    case NC_STATE_ACCOUNT:
        x->w->people = true;
        for (unsigned i = M_DROP_ACCOUNT; i < M_DROP_ROOM; i++)
            run_id(x, i, &k->a);
        break;
    case NC_STATE_ROOM: run_ids(x, M_DROP_ROOM, &k->a, &k->b, when_ms); break;
    case NC_STATE_MEMBER: run_ids(x, M_DROP_MEMBER, &k->a, &k->b, 0); break;
    case NC_STATE_BAN: run_ids(x, M_DROP_BAN, &k->a, &k->b, 0); break;
    case NC_STATE_PERSONA: run_id(x, M_DROP_PERSONA, &k->a); break;
    case NC_STATE_KEY: run_ids(x, M_DROP_KEY, &k->a, &k->b, 0); break;
    case NC_STATE_MESSAGE:
        run_id(x, M_DROP_MESSAGE, &k->a);
        run_id(x, M_NO_ALTERNATIVES, &k->a);
        run_id(x, M_UNMENTION, &k->a);
        break;
    case NC_STATE_NONE:
    case NC_STATE_SESSION: break;
    }
}

static void op_unmake(void *db, const struct nc_id *message)
{
    struct nc_sqlite_merging *x = db;

    x->w->counter.messages -= run_id(x, M_UNMAKE, message);
    nc_sqlite_known_clear(&x->known); /* it may be the newest of its room */
    run_id(x, M_NO_ALTERNATIVES, message);
    run_id(x, M_UNMENTION, message);
}

/* ---- alternatives -------------------------------------------------------- */

static void op_keep(void *db, const struct nc_id *message, uint64_t when_ms)
{
    run_id(db, M_KEEP, message);
    run_id(db, M_KEEP + 1, message);
    run_ids(db, M_KEEP + 2, message, message, when_ms);
}

static bool op_turn_to(void *db, const struct nc_message *m)
{
    return run(db, bind(db, M_TURN_TO, m)) > 0;
}

static void op_give(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    for (unsigned i = M_GIVE; i <= M_GIVE_END; i++)
        run_ids(db, i, lost, kept, 0);
}

static void op_newest(void *db, const struct nc_id *room, struct nc_id *out)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_known_at *at = nc_sqlite_known_find(&x->known, NC_STATE_ROOM, room);

    if (at && at->has_newest) {
        *out = at->newest;
        return;
    }
    (void)one_id(x, M_NEWEST, room, out);
    if (at) {
        at->newest = *out;
        at->has_newest = true;
    }
}

/* ---- client ids and aliases ---------------------------------------------- */

static bool op_claimed(void *db, const struct nc_message *m, struct nc_id *out)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_stmt *s = bind(x, M_CLAIMED, m);

    *out = (struct nc_id){{0}};
    if (!row(x, s))
        return false;
    if (sqlite3_column_bytes(s->stmt, 0) == sizeof(*out))
        memcpy(out, sqlite3_column_blob(s->stmt, 0), sizeof(*out));
    nc_sqlite_reset(s);
    return true;
}

static void op_claim(void *db, const struct nc_message *m)
{
    run(db, bind(db, M_CLAIM, m));
}

static bool op_take(void *db, const struct nc_message *m)
{
    return run(db, bind(db, M_TAKE, m)) > 0;
}

static bool op_alias(void *db, const struct nc_id *lost, struct nc_id *kept)
{
    return one_id(db, M_ALIAS, lost, kept);
}

static void op_set_alias(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    run_ids(db, M_MOVE_ALIAS, lost, kept, 0);
    run_ids(db, M_SET_ALIAS, lost, kept, 0);
}

/* ---- people -------------------------------------------------------------- */

static void op_end_sessions(void *db, const struct nc_id *user, const struct nc_id *session,
                            uint64_t when_ms)
{
    if (nc_id_zero(session))
        run_ids(db, M_END_SESSIONS, user, user, when_ms);
    else
        run_ids(db, M_END_SESSION, session, user, when_ms);
}

static bool op_any(void *db, struct nc_str name, const uint8_t claim[NC_STATE_HASH])
{
    struct nc_sqlite_merging *x = db;
    struct nc_named n = {0};

    memcpy(n.claim, claim, sizeof(n.claim));
    struct nc_sqlite_stmt *s = bind(x, M_ANY_NAME, &n);
    if (!s)
        return false;
    nc_sqlite_bind_field(s, ":name", NC_F_TEXT, &name);
    bool any = row(x, s);
    if (any)
        nc_sqlite_reset(s);
    return any;
}

static void op_set_name(void *db, const struct nc_named *n)
{
    run(db, bind(db, M_SET_NAME, n));
}

static size_t op_names(void *db, struct nc_named **out, struct nc_buf *text)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_stmt *s = bind(x, M_NAMES, NULL);
    struct nc_named *all = NULL;
    size_t n = 0, cap = 0, at = 0;

    while (row(x, s)) {
        if (n == cap) {
            cap = cap ? 2 * cap : 64;
            all = nc_realloc(all, cap * sizeof(*all));
        }
        all[n] = (struct nc_named){0};
        nc_sqlite_columns(s, &all[n]);
        nc_buf_adds(text, all[n++].wanted);
    }
    for (size_t i = 0; i < n; at += all[i++].wanted.n)
        all[i].wanted.p = text->p + at;
    *out = all;
    return n;
}

static bool op_username(void *db, const struct nc_id *user, struct nc_str *out)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_stmt *s = bind(x, M_USERNAME, user);

    *out = (struct nc_str){NULL, 0};
    if (!row(x, s))
        return false;
    nc_buf_clear(&x->name);
    nc_buf_add(&x->name, sqlite3_column_text(s->stmt, 0),
               (size_t)sqlite3_column_bytes(s->stmt, 0));
    nc_sqlite_reset(s);
    *out = nc_buf_str(&x->name);
    return true;
}

static void op_set_username(void *db, const struct nc_id *user, struct nc_str name)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_stmt *s = bind(x, M_SET_USERNAME, user);

    x->w->people = true;
    if (!s)
        return;
    nc_sqlite_bind_field(s, ":name", NC_F_TEXT, &name);
    run(x, s);
    if (!name.n || !(s = bind(x, M_TAKE_USERNAME, NULL)))
        return;
    nc_sqlite_bind_field(s, ":name", NC_F_TEXT, &name);
    run(x, s);
}

/* ---- logs ---------------------------------------------------------------- */

bool nc_sqlite_merging_flush(struct nc_sqlite_merging *x)
{
    struct nc_sqlite_stmt *s = x->log.raised ? bind(x, M_SET_ORIGIN, NULL) : NULL;

    x->log.raised = false;
    if (s) {
        nc_sqlite_bind_u64(s, ":head", x->log.head);
        nc_sqlite_bind_u64(s, ":number", x->log.no);
        run(x, s);
    }
    return !x->broken;
}

static struct nc_sqlite_log *find_log(struct nc_sqlite_merging *x,
                                      const struct nc_id *origin)
{
    struct nc_sqlite_log *l = &x->log;

    if (nc_id_eq(origin, &l->id) && l->no)
        return l;
    (void)nc_sqlite_merging_flush(x);
    *l = (struct nc_sqlite_log){.id = *origin};
    struct nc_sqlite_stmt *s = bind(x, M_ORIGIN, origin);
    if (!row(x, s))
        return l;
    l->no = (uint64_t)sqlite3_column_int64(s->stmt, 0);
    l->head = (uint64_t)sqlite3_column_int64(s->stmt, 1);
    l->current = sqlite3_column_int(s->stmt, 2);
    nc_sqlite_reset(s);
    return l;
}

uint64_t nc_sqlite_origin_no(struct nc_sqlite_merging *x, const struct nc_id *origin)
{
    if (nc_id_eq(origin, &x->w->counter.incarnation))
        return x->w->counter.origin;
    struct nc_sqlite_log *l = find_log(x, origin);
    if (l->no || x->broken)
        return l->no;
    struct nc_sqlite_stmt *s = bind(x, M_ORIGIN_NEW, origin);
    if (!s)
        return 0;
    nc_sqlite_bind_u64(s, ":now", nc_wall_ms());
    run(x, s);
    l->no = x->broken ? 0 : (uint64_t)sqlite3_last_insert_rowid(x->w->conn.db);
    return l->no;
}

static uint64_t op_origin(void *db, const struct nc_id *origin, bool *own)
{
    struct nc_sqlite_merging *x = db;
    const struct nc_sqlite_log *l = find_log(x, origin);

    *own = l->current;
    return *own ? x->w->counter.own_head : l->head;
}

static void op_set_origin(void *db, const struct nc_id *origin, uint64_t head)
{
    struct nc_sqlite_merging *x = db;

    if (!nc_sqlite_origin_no(x, origin))
        return;
    struct nc_sqlite_log *l = find_log(x, origin);
    if (head > l->head) {
        l->head = head;
        l->raised = true;
    }
}

static uint64_t op_next_own(void *db)
{
    return ((struct nc_sqlite_merging *)db)->w->counter.own_head + 1;
}

const struct nc_merge_ops nc_sqlite_merge_ops = {
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
