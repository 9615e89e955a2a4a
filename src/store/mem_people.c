#include <string.h>

#include "base/clock.h"
#include "store/mem.h"

static bool username_taken(const struct nc_mem *m, struct nc_str name)
{
    for (size_t i = 0; i < m->t[T_NAME].n; i++) {
        const struct nc_mem_name *row = m->t[T_NAME].at[i];
        if (row && nc_str_eq(row->name, name))
            return true;
    }
    return false;
}

static enum nc_err account_insert(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_account a = s->ch->account;

    if (username_taken(m, a.username) || nc_mem_row(m, T_ACCOUNT, &a.id))
        return NC_EEXIST;
    nc_mem_insert(m, T_NAME, &(struct nc_mem_name){a.username});
    nc_mem_insert(m, T_ACCOUNT, &a);
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

static enum nc_err account_update(struct nc_mem *m, struct nc_mem_step *s)
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
    nc_mem_replace(m, T_ACCOUNT, at, &a);
    return NC_OK;
}

static enum nc_err account_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_account a;
    size_t at = account_find(m, &s->ch->account.id, &a);

    if (at == MEM_NONE)
        return NC_ENOENT;
    a.deleted = true;
    a.username = a.display_name = a.password = (struct nc_str){NULL, 0};
    nc_mem_replace(m, T_ACCOUNT, at, &a);
    nc_mem_drop_where(m, T_SESSION, offsetof(struct nc_session, user), &a.id);
    nc_mem_drop_where(m, T_KEY, offsetof(struct nc_key, user), &a.id);
    nc_mem_drop_where(m, T_PERSONA, 0, &a.id);
    nc_mem_unname(m, &a.id);
    return NC_OK;
}

static enum nc_err session_insert(struct nc_mem *m, struct nc_mem_step *s)
{
    if (nc_mem_row(m, T_SESSION, &s->ch->session.id))
        return NC_EEXIST;
    nc_mem_insert(m, T_SESSION, &s->ch->session);
    return NC_OK;
}

static enum nc_err session_rotate(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_session *in = &s->ch->session;
    size_t at = nc_mem_find(m, T_SESSION, &in->id, sizeof(in->id));
    struct nc_session row;

    if (at == MEM_NONE)
        return NC_ENOENT;
    memcpy(&row, m->t[T_SESSION].at[at], sizeof(row));
    if (row.ended_ms)
        return NC_ENOENT;
    if (row.generation == in->spent)
        row.spent_ms = in->used_ms;
    else if (!in->spent || row.spent != in->spent || row.spent_ms < in->spent_ms ||
             row.spent_ms > in->used_ms)
        return NC_EEXIST;
    row.spent = in->spent;
    s->ch->session.generation = ++row.generation;
    row.used_ms = in->used_ms;
    row.expires_ms = in->expires_ms;
    row.address = in->address;
    nc_mem_replace(m, T_SESSION, at, &row);
    return NC_OK;
}

static bool end_session(struct nc_mem *m, size_t at, uint64_t when)
{
    struct nc_session row;

    memcpy(&row, m->t[T_SESSION].at[at], sizeof(row));
    if (row.ended_ms)
        return false;
    row.ended_ms = when;
    nc_mem_replace(m, T_SESSION, at, &row);
    return true;
}

static enum nc_err session_end(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_session *in = &s->ch->session;
    size_t at = nc_mem_find(m, T_SESSION, &in->id, sizeof(in->id));

    return at != MEM_NONE && end_session(m, at, in->ended_ms) ? NC_OK : NC_ENOENT;
}

static enum nc_err sessions_end(struct nc_mem *m, struct nc_mem_step *s)
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

static enum nc_err key_insert(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_key *in = &s->ch->key;

    for (size_t i = 0; i < m->t[T_KEY].n; i++) {
        const struct nc_key *row = m->t[T_KEY].at[i];
        if (row && (nc_id_eq(&row->id, &in->id) || !memcmp(row->hash, in->hash, 32)))
            return NC_EEXIST;
    }
    nc_mem_insert(m, T_KEY, in);
    return NC_OK;
}

static enum nc_err key_touch(struct nc_mem *m, struct nc_mem_step *s)
{
    size_t at = nc_mem_find(m, T_KEY, &s->ch->key.id, sizeof(struct nc_id));
    struct nc_key row;

    s->ch->touched = at != MEM_NONE;
    if (at == MEM_NONE)
        return NC_OK;
    memcpy(&row, m->t[T_KEY].at[at], sizeof(row));
    row.used_ms = s->ch->key.used_ms;
    nc_mem_replace(m, T_KEY, at, &row);
    return NC_OK;
}

static enum nc_err key_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_id key[2] = {s->ch->key.id, s->ch->key.user};
    size_t at = nc_mem_find(m, T_KEY, key, sizeof(key));

    if (at == MEM_NONE)
        return NC_ENOENT;
    nc_mem_drop(m, T_KEY, at);
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

static enum nc_err invite_insert(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_invite *in = &s->ch->invite;

    if (nc_mem_row(m, T_INVITE, &in->id) || invite_by_hash(m, in->hash) != MEM_NONE)
        return NC_EEXIST;
    nc_mem_insert(m, T_INVITE, in);
    return NC_OK;
}

static enum nc_err invite_use(struct nc_mem *m, struct nc_mem_step *s)
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
    nc_mem_replace(m, T_INVITE, at, &row);
    return NC_OK;
}

static enum nc_err invite_delete(struct nc_mem *m, struct nc_mem_step *s)
{
    size_t at = nc_mem_find(m, T_INVITE, &s->ch->invite.id, sizeof(struct nc_id));

    if (at == MEM_NONE)
        return NC_ENOENT;
    nc_mem_drop(m, T_INVITE, at);
    return NC_OK;
}

static enum nc_err meta_set(struct nc_mem *m, struct nc_mem_step *s)
{
    struct nc_mem_meta row = {s->ch->meta.key, s->ch->meta.value};

    for (size_t i = 0; i < m->t[T_META].n; i++) {
        const struct nc_mem_meta *old = m->t[T_META].at[i];
        if (old && nc_str_eq(old->key, row.key)) {
            nc_mem_replace(m, T_META, i, &row);
            return NC_OK;
        }
    }
    nc_mem_insert(m, T_META, &row);
    return NC_OK;
}

#define DAY_MS (24 * 3600 * 1000ull)

static bool trimmable(const struct nc_mem *m, enum nc_mem_table t, const void *row,
                      uint64_t before)
{
    if (t == T_LOG) {
        const struct nc_event *e = row;
        return e->kind != NC_EV_MESSAGE_CREATED && e->hlc >> 12 < before &&
               !nc_mem_stamped(m, e->seq);
    }
    if (t == T_CLIENT) {
        const struct nc_mem_client *c = row;
        return nc_id_zero(&c->message) && c->created_ms + DAY_MS < nc_wall_ms();
    }
    if (t == T_JOB) {
        const struct nc_job_rec *j = row;
        return j->state >= NC_JOB_DONE && j->ended_ms < before;
    }
    if (t == T_USAGE)
        return ((const struct nc_usage *)row)->day + 400ull < nc_wall_ms() / DAY_MS;
    const struct nc_session *s = row;
    return (s->ended_ms && s->ended_ms < before) || s->expires_ms < before;
}

static enum nc_err trim(struct nc_mem *m, struct nc_mem_step *s)
{
    static const enum nc_mem_table tables[] = {T_LOG, T_CLIENT, T_SESSION, T_JOB, T_USAGE};
    uint64_t n = 0;

    for (size_t t = 0; t < NC_COUNT(tables); t++)
        for (size_t i = 0; i < m->t[tables[t]].n && n < s->ch->limit; i++) {
            const void *row = m->t[tables[t]].at[i];
            if (row && trimmable(m, tables[t], row, s->ch->before_ms)) {
                nc_mem_drop(m, tables[t], i);
                n++;
            }
        }
    s->ch->touched = n;
    return NC_OK;
}

nc_mem_apply_fn *const nc_mem_people[NC_CHANGE_KINDS] = {
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
    [NC_META_SET] = meta_set,
    [NC_TRIM] = trim,
};
