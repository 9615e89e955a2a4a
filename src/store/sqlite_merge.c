#include <string.h>

#include "store/sqlite_merge_parts.h"

/* ---- running statements -------------------------------------------------- */

struct nc_sqlite_stmt *nc_sqm_bind(struct nc_sqlite_merging *x, unsigned i,
                                   const void *record)
{
    struct nc_sqlite_stmt *s =
        x->broken ? NULL : nc_sqlite_bind(&x->w->conn, x->base + i, record);

    x->broken = x->broken || !s;
    return s;
}

/* The row of a question; false: none. */
bool nc_sqm_row(struct nc_sqlite_merging *x, struct nc_sqlite_stmt *s)
{
    int rc = s ? nc_sqlite_step(s) : SQLITE_DONE;

    x->broken = x->broken || (rc != SQLITE_ROW && rc != SQLITE_DONE);
    return rc == SQLITE_ROW;
}

/* One that only writes; how many rows. */
unsigned nc_sqm_run(struct nc_sqlite_merging *x, struct nc_sqlite_stmt *s)
{
    if (nc_sqm_row(x, s))
        nc_sqlite_reset(s);
    return s && !x->broken ? (unsigned)sqlite3_changes(x->w->conn.db) : 0;
}

static unsigned run_id(struct nc_sqlite_merging *x, unsigned i, const struct nc_id *id)
{
    return nc_sqm_run(x, nc_sqm_bind(x, i, id));
}

unsigned nc_sqm_run_ids(struct nc_sqlite_merging *x, unsigned i, const struct nc_id *id,
                        const struct nc_id *b, uint64_t when_ms)
{
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, i, id);

    if (!s)
        return 0;
    nc_sqlite_bind_field(s, ":b", NC_F_KEY, b);
    nc_sqlite_bind_u64(s, ":when", when_ms);
    return nc_sqm_run(x, s);
}

static bool one_id(struct nc_sqlite_merging *x, unsigned i, const struct nc_id *id,
                   struct nc_id *out)
{
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, i, id);

    *out = (struct nc_id){{0}};
    if (!nc_sqm_row(x, s))
        return false;
    nc_sqlite_columns(s, out);
    nc_sqlite_reset(s);
    return true;
}

void nc_sqlite_merging_forget(struct nc_sqlite_merging *x)
{
    nc_sqlite_known_clear(&x->known);
    x->log = (struct nc_sqlite_log){.no = 0};
    x->broken = false;
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
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_STAMP, NULL);

    *out = (struct nc_stamp){0};
    if (!s)
        return false;
    nc_sqlite_bind_field(s, ":key", NC_F_BLOB, &key);
    if (!nc_sqm_row(x, s))
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
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_SET_STAMP, in);

    nc_sqlite_known_forget(&x->known, k->kind, &k->a);
    if (!s)
        return;
    nc_sqlite_bind_field(s, ":key", NC_F_BLOB, &key);
    nc_sqlite_bind_u64(s, ":number", no);
    nc_sqm_run(x, s);
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
            str->p = text->p ? text->p + at : NULL;
            at += str->n;
        }
}

static bool op_get(void *db, const struct nc_state_key *k, struct nc_record *out)
{
    struct nc_sqlite_merging *x = db;
    unsigned i = nc_sqlite_state_no(k->kind);
    struct nc_sqlite_stmt *s = i < NC_SQLITE_STATES ? nc_sqm_bind(x, M_STATE + i, k) : NULL;

    if (i == NC_SQLITE_STATES || !nc_sqm_row(x, s))
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
        struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_MENTION, m);
        if (!s)
            return;
        nc_sqlite_bind_field(s, ":username", NC_F_TEXT, &name);
        nc_sqm_run(x, s);
    }
}

static void show_message(struct nc_sqlite_merging *x, const struct nc_message *m)
{
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_SHOW_MESSAGE, m);

    if (s)
        nc_sqlite_bind_u64(s, ":pos", x->pos);
    nc_sqm_run(x, s);
    nc_sqm_run(x, nc_sqm_bind(x, M_SHOW_ALTERNATIVE, m));
    run_id(x, M_UNMENTION, &m->id);
    nc_sqlite_mention(x, m);
}

static void op_add(void *db, const struct nc_message *m)
{
    struct nc_sqlite_merging *x = db;
    struct nc_sqlite_counter *counter = &x->w->counter;

    nc_sqm_run(x, nc_sqm_bind(x, M_SET_MESSAGE, m));
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
        struct nc_sqlite_stmt *s = nc_sqm_bind(x, plain[i].stmt, &r->account);
        if (s)
            nc_sqlite_bind_u64(s, ":pos", x->pos);
        nc_sqm_run(x, s);
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
    case NC_STATE_ROOM: nc_sqm_run_ids(x, M_DROP_ROOM, &k->a, &k->b, when_ms); break;
    case NC_STATE_MEMBER: nc_sqm_run_ids(x, M_DROP_MEMBER, &k->a, &k->b, 0); break;
    case NC_STATE_BAN: nc_sqm_run_ids(x, M_DROP_BAN, &k->a, &k->b, 0); break;
    case NC_STATE_PERSONA: run_id(x, M_DROP_PERSONA, &k->a); break;
    case NC_STATE_KEY: nc_sqm_run_ids(x, M_DROP_KEY, &k->a, &k->b, 0); break;
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
    nc_sqm_run_ids(db, M_KEEP + 2, message, message, when_ms);
}

static bool op_turn_to(void *db, const struct nc_message *m)
{
    return nc_sqm_run(db, nc_sqm_bind(db, M_TURN_TO, m)) > 0;
}

static void op_give(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    for (unsigned i = M_GIVE; i <= M_GIVE_END; i++)
        nc_sqm_run_ids(db, i, lost, kept, 0);
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
    struct nc_sqlite_stmt *s = nc_sqm_bind(x, M_CLAIMED, m);

    *out = (struct nc_id){{0}};
    if (!nc_sqm_row(x, s))
        return false;
    if (sqlite3_column_bytes(s->stmt, 0) == sizeof(*out))
        memcpy(out, sqlite3_column_blob(s->stmt, 0), sizeof(*out));
    nc_sqlite_reset(s);
    return true;
}

static void op_claim(void *db, const struct nc_message *m)
{
    nc_sqm_run(db, nc_sqm_bind(db, M_CLAIM, m));
}

static bool op_take(void *db, const struct nc_message *m)
{
    return nc_sqm_run(db, nc_sqm_bind(db, M_TAKE, m)) > 0;
}

static bool op_alias(void *db, const struct nc_id *lost, struct nc_id *kept)
{
    return one_id(db, M_ALIAS, lost, kept);
}

static void op_set_alias(void *db, const struct nc_id *lost, const struct nc_id *kept)
{
    nc_sqm_run_ids(db, M_MOVE_ALIAS, lost, kept, 0);
    nc_sqm_run_ids(db, M_SET_ALIAS, lost, kept, 0);
}

/* ---- all of them --------------------------------------------------------- */

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
    .end_sessions = nc_sqm_end_sessions,
    .any = nc_sqm_any,
    .set_name = nc_sqm_set_name,
    .names = nc_sqm_names,
    .username = nc_sqm_username,
    .set_username = nc_sqm_set_username,
    .origin = nc_sqm_origin,
    .set_origin = nc_sqm_set_origin,
    .next_own = nc_sqm_next_own,
};
