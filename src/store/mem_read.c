#include <stdlib.h>
#include <string.h>

#include "store/mem.h"

/* Rows that answer, in order.  Borrowed from the tables. */
struct found {
    const void **at;
    size_t n, cap;
};

static void add(struct found *f, const void *row)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 16;
        f->at = nc_realloc(f->at, f->cap * sizeof(*f->at));
    }
    f->at[f->n++] = row;
}

static void give(struct nc_query *q, const struct nc_row *row)
{
    if (q->row)
        q->row(q, row);
}

typedef bool match_fn(const struct nc_query *q, const void *row);
typedef int order_fn(const void *a, const void *b);

static void collect(struct found *f, const struct nc_mem *m, enum nc_mem_table t,
                    const struct nc_query *q, match_fn *match, order_fn *order)
{
    for (size_t i = 0; i < m->t[t].n; i++)
        if (m->t[t].at[i] && (!match || match(q, m->t[t].at[i])))
            add(f, m->t[t].at[i]);
    if (f->n > 1)
        qsort(f->at, f->n, sizeof(*f->at), order);
}

static int by_id(const void *a, const void *b)
{
    return nc_id_cmp(*(const struct nc_id *const *)a, *(const struct nc_id *const *)b);
}

static int by_two_ids(const void *a, const void *b)
{
    return memcmp(*(const void *const *)a, *(const void *const *)b,
                  2 * sizeof(struct nc_id));
}

static int by_n(const void *a, const void *b)
{
    const struct nc_alternative *x = *(const struct nc_alternative *const *)a;
    const struct nc_alternative *y = *(const struct nc_alternative *const *)b;

    return x->n < y->n ? -1 : x->n > y->n;
}

static int by_usage(const void *a, const void *b)
{
    return nc_mem_usage_cmp(*(const struct nc_usage *const *)a,
                            *(const struct nc_usage *const *)b);
}

static int by_seq(const void *a, const void *b)
{
    uint64_t x = (*(const struct nc_mem_message *const *)a)->m.seq;
    uint64_t y = (*(const struct nc_mem_message *const *)b)->m.seq;

    return x < y ? -1 : x > y;
}

static int by_use(const void *a, const void *b)
{
    const struct nc_session *x = *(const struct nc_session *const *)a;
    const struct nc_session *y = *(const struct nc_session *const *)b;

    if (x->used_ms != y->used_ms)
        return x->used_ms > y->used_ms ? -1 : 1;
    return nc_id_cmp(&x->id, &y->id);
}

/* ---- which rows ---------------------------------------------------------- */

static bool is_id(const struct nc_query *q, const void *row)
{
    return memcmp(row, &q->id, sizeof(q->id)) == 0;
}
static bool member_of(const struct nc_query *q, const void *row)
{
    const struct nc_member_rec *r = row;
    return nc_id_eq(&r->room, &q->id) || nc_id_eq(&r->user, &q->id);
}
static bool of_user_live(const struct nc_query *q, const void *row)
{
    const struct nc_session *s = row;
    return nc_id_eq(&s->user, &q->id) && !s->ended_ms;
}
static bool ended_since(const struct nc_query *q, const void *row)
{
    const struct nc_session *s = row;
    return s->ended_ms && s->ended_ms >= q->after_ms;
}
static bool key_hash(const struct nc_query *q, const void *row)
{
    return memcmp(((const struct nc_key *)row)->hash, q->hash, 32) == 0;
}
static bool key_user(const struct nc_query *q, const void *row)
{
    return nc_id_eq(&((const struct nc_key *)row)->user, &q->id);
}
static bool invite_hash(const struct nc_query *q, const void *row)
{
    return memcmp(((const struct nc_invite *)row)->hash, q->hash, 32) == 0;
}
static bool invite_by(const struct nc_query *q, const void *row)
{
    return nc_id_zero(&q->id) || nc_id_eq(&((const struct nc_invite *)row)->by, &q->id);
}
static bool streaming(const struct nc_query *q, const void *row)
{
    const struct nc_mem_message *r = row;
    (void)q;
    return r->m.state == NC_STREAMING && !r->m.deleted;
}
static bool job_open(const struct nc_query *q, const void *row)
{
    (void)q;
    return ((const struct nc_job_rec *)row)->state < NC_JOB_DONE;
}
static bool job_ended(const struct nc_query *q, const void *row)
{
    const struct nc_job_rec *j = row;
    return j->state >= NC_JOB_DONE &&
           (nc_id_zero(&q->before) || nc_id_cmp(&j->id, &q->before) < 0);
}
static bool used(const struct nc_query *q, const void *row)
{
    const struct nc_usage *u = row;
    return u->day >= q->since && u->day <= q->upto_day &&
           (nc_id_zero(&q->user) || nc_id_eq(&u->user, &q->user)) &&
           (nc_id_zero(&q->room) || nc_id_eq(&u->room, &q->room));
}

/* ---- kinds that are rows of one table ------------------------------------ */

void nc_mem_fill_message(const struct nc_mem *m, struct nc_message *out,
                         const struct nc_mem_message *row)
{
    *out = row->m;
    const struct nc_account *a = nc_mem_row(m, T_ACCOUNT, &out->sender);
    out->sender_name = a ? a->username : (struct nc_str){NULL, 0};
    out->sender_display = a ? a->display_name : (struct nc_str){NULL, 0};
    out->sender_kind = a ? a->kind : NC_PERSON;
}

static void fill(const struct nc_mem *m, struct nc_query *q, const void *row,
                 struct nc_row *out)
{
    switch (q->kind) {
    case NC_Q_ACCOUNTS:
        out->account = *(const struct nc_account *)row;
        out->account.password = (struct nc_str){NULL, 0};
        break;
    case NC_Q_PASSWORD: out->account = *(const struct nc_account *)row; break;
    case NC_Q_SESSION:
    case NC_Q_SESSIONS:
    case NC_Q_ENDED: out->session = *(const struct nc_session *)row; break;
    case NC_Q_KEY:
    case NC_Q_KEYS: out->key = *(const struct nc_key *)row; break;
    case NC_Q_INVITE:
    case NC_Q_INVITES: out->invite = *(const struct nc_invite *)row; break;
    case NC_Q_ROOMS: out->room = *(const struct nc_room_rec *)row; break;
    case NC_Q_MEMBERS:
    case NC_Q_MEMBERS_OF: out->member = *(const struct nc_member_rec *)row; break;
    case NC_Q_BANS:
    case NC_Q_BANS_OF: out->ban = *(const struct nc_ban *)row; break;
    case NC_Q_ALTERNATIVES: out->alternative = *(const struct nc_alternative *)row; break;
    case NC_Q_PROVIDERS: out->provider = *(const struct nc_provider_rec *)row; break;
    case NC_Q_PERSONAS: out->persona = *(const struct nc_persona_rec *)row; break;
    case NC_Q_JOBS:
    case NC_Q_JOBS_ENDED: out->job = *(const struct nc_job_rec *)row; break;
    case NC_Q_USAGE: out->usage = *(const struct nc_usage *)row; break;
    default: nc_mem_fill_message(m, &out->message, row);
    }
}

static const struct {
    bool plain;
    enum nc_mem_table table;
    match_fn *match;
    order_fn *order;
} plain[NC_QUERY_KINDS] = {
    [NC_Q_ACCOUNTS] = {true, T_ACCOUNT, NULL, by_id},
    [NC_Q_PASSWORD] = {true, T_ACCOUNT, is_id, by_id},
    [NC_Q_SESSION] = {true, T_SESSION, is_id, by_id},
    [NC_Q_SESSIONS] = {true, T_SESSION, of_user_live, by_use},
    [NC_Q_ENDED] = {true, T_SESSION, ended_since, by_id},
    [NC_Q_KEY] = {true, T_KEY, key_hash, by_id},
    [NC_Q_KEYS] = {true, T_KEY, key_user, by_id},
    [NC_Q_INVITE] = {true, T_INVITE, invite_hash, by_id},
    [NC_Q_INVITES] = {true, T_INVITE, invite_by, by_id},
    [NC_Q_ROOMS] = {true, T_ROOM, NULL, by_id},
    [NC_Q_MEMBERS] = {true, T_MEMBER, NULL, by_two_ids},
    [NC_Q_MEMBERS_OF] = {true, T_MEMBER, member_of, by_two_ids},
    [NC_Q_BANS] = {true, T_BAN, NULL, by_two_ids},
    [NC_Q_BANS_OF] = {true, T_BAN, is_id, by_two_ids}, /* the room is first in it */
    [NC_Q_ALTERNATIVES] = {true, T_ALTERNATIVE, is_id, by_n},
    [NC_Q_PROVIDERS] = {true, T_PROVIDER, NULL, by_id},
    [NC_Q_PERSONAS] = {true, T_PERSONA, NULL, by_id},
    [NC_Q_JOBS] = {true, T_JOB, job_open, by_id},
    [NC_Q_USAGE] = {true, T_USAGE, used, by_usage},
};

static void query_plain(struct nc_mem *m, struct nc_query *q)
{
    struct found f = {0};

    collect(&f, m, plain[q->kind].table, q, plain[q->kind].match, plain[q->kind].order);
    for (size_t i = 0; i < f.n; i++) {
        struct nc_row row = {0};
        fill(m, q, f.at[i], &row);
        give(q, &row);
    }
    free(f.at);
}

static void query_jobs_ended(struct nc_mem *m, struct nc_query *q)
{
    struct found f = {0};

    collect(&f, m, T_JOB, q, job_ended, by_id);
    for (size_t n = 0; n < q->limit && n < f.n; n++) {
        struct nc_row row = {0};
        fill(m, q, f.at[f.n - 1 - n], &row);
        give(q, &row);
    }
    free(f.at);
}

/* ---- messages ------------------------------------------------------------ */

static void query_message(struct nc_mem *m, struct nc_query *q)
{
    const struct nc_mem_message *msg = nc_mem_resolve(m, &q->id);
    struct nc_row row = {0};

    if (!msg)
        return;
    nc_mem_fill_message(m, &row.message, msg);
    give(q, &row);
}

static void query_streaming(struct nc_mem *m, struct nc_query *q)
{
    struct found f = {0};

    collect(&f, m, T_MESSAGE, q, streaming, by_id);
    for (size_t i = 0; i < f.n; i++) {
        struct nc_row row = {0};
        if (!nc_mem_is_ours(m, f.at[i]))
            continue;
        nc_mem_fill_message(m, &row.message, f.at[i]);
        give(q, &row);
    }
    free(f.at);
}

static void query_by_client(struct nc_mem *m, struct nc_query *q)
{
    struct nc_id key[2] = {q->id, q->user};
    size_t at = nc_mem_find(m, T_CLIENT, key, sizeof(key));
    struct nc_row row = {0};

    if (at == MEM_NONE)
        return;
    const struct nc_mem_client *c = m->t[T_CLIENT].at[at];
    row.is_notice = nc_id_zero(&c->message);
    if (row.is_notice) {
        row.notice = c->notice;
    } else {
        const struct nc_mem_message *msg = nc_mem_row(m, T_MESSAGE, &c->message);
        if (!msg)
            return;
        nc_mem_fill_message(m, &row.message, msg);
    }
    give(q, &row);
}

static bool in_history(const struct nc_query *q, const void *row)
{
    const struct nc_mem_message *r = row;
    return nc_id_eq(&r->m.room, &q->room) && r->m.seq > q->cleared_seq;
}

/* The rows [from, to) of a room's messages by id. */
static void window(const struct nc_query *q, const struct found *f, size_t *from,
                   size_t *to)
{
    const struct nc_id *edge = !nc_id_zero(&q->before)  ? &q->before
                               : !nc_id_zero(&q->after) ? &q->after
                                                        : &q->around;
    size_t at = 0, limit = q->limit;

    while (at < f->n && nc_id_cmp(f->at[at], edge) < 0)
        at++; /* the first that is not older */
    if (nc_id_zero(edge) || !nc_id_zero(&q->before)) {
        *to = nc_id_zero(edge) ? f->n : at;
        *from = *to > limit ? *to - limit : 0;
    } else if (!nc_id_zero(&q->after)) {
        *from = at < f->n && nc_id_cmp(f->at[at], edge) == 0 ? at + 1 : at;
        *to = f->n - *from > limit ? *from + limit : f->n;
    } else {
        size_t older = limit / 2;
        *from = at > older ? at - older : 0;
        *to = f->n - at > limit - older ? at + (limit - older) : f->n;
    }
}

static void query_history(struct nc_mem *m, struct nc_query *q)
{
    struct found f = {0};
    size_t from, to;

    collect(&f, m, T_MESSAGE, q, in_history, by_id);
    window(q, &f, &from, &to);
    bool newer = to<f.n, older = from> 0;
    q->more = !nc_id_zero(&q->after)    ? newer
              : !nc_id_zero(&q->around) ? older || newer
                                        : older;
    for (; from < to; from++) {
        struct nc_row row = {0};
        nc_mem_fill_message(m, &row.message, f.at[from]);
        give(q, &row);
    }
    free(f.at);
}

static bool own_after(const struct nc_query *q, const void *row)
{
    const struct nc_mem_message *r = row;
    return nc_id_eq(&r->m.sender, &q->user) && r->m.seq > q->since;
}

static void query_of_user(struct nc_mem *m, struct nc_query *q)
{
    struct found f = {0};
    uint64_t bytes = 0;

    collect(&f, m, T_MESSAGE, q, own_after, by_seq);
    q->more = false;
    q->upto = m->head > q->since ? m->head : q->since;
    for (size_t i = 0; i < f.n; i++) {
        struct nc_row row = {0};
        if (i == q->limit || (q->bytes_max && bytes >= q->bytes_max)) {
            q->more = true;
            q->upto = i ? ((const struct nc_mem_message *)f.at[i - 1])->m.seq : q->since;
            break;
        }
        nc_mem_fill_message(m, &row.message, f.at[i]);
        bytes += row.message.body.n;
        give(q, &row);
    }
    free(f.at);
}

static void query_expired(struct nc_mem *m, struct nc_query *q)
{
    q->count = 0;
    for (size_t i = 0; i < m->t[T_MESSAGE].n && q->count < q->limit; i++) {
        const struct nc_mem_message *r = m->t[T_MESSAGE].at[i];
        q->count +=
            r && nc_id_eq(&r->m.room, &q->room) && nc_id_ms(&r->m.id) < q->before_ms;
    }
}

static void query_before(struct nc_mem *m, struct nc_query *q)
{
    q->count = 0;
    for (size_t i = 0; i < m->t[T_MESSAGE].n && q->count < q->limit; i++) {
        const struct nc_mem_message *r = m->t[T_MESSAGE].at[i];
        q->count += r && !r->m.deleted && nc_id_eq(&r->m.room, &q->room) &&
                    nc_id_cmp(&r->m.id, &q->before) < 0;
    }
}

/* ---- unread -------------------------------------------------------------- */

static bool unread(const struct nc_mem_message *r, const struct nc_member_rec *member)
{
    if (r->m.deleted || r->m.state == NC_STREAMING || r->m.seq <= member->cleared_seq ||
        nc_id_eq(&r->m.sender, &member->user))
        return false;
    return nc_id_cmp(&r->m.id, &member->read_id) > 0 || r->again > member->read_seq;
}

static bool mentions(const struct nc_message *msg, struct nc_str username)
{
    struct nc_str rest = msg->mentions;

    while (rest.n)
        if (username.n && nc_str_eq(nc_str_cut(&rest, ' '), username))
            return true;
        else if (!username.n)
            return false;
    return false;
}

#define UNREAD_MAX 1000

static void query_unread(struct nc_mem *m, struct nc_query *q)
{
    for (unsigned i = 0; i < q->rooms_n; i++) {
        const struct nc_member_rec *member = &q->rooms[i];
        const struct nc_account *a = nc_mem_row(m, T_ACCOUNT, &member->user);
        const struct nc_mem_message *last = NULL;
        struct nc_row row = {.unread = {.room = member->room}};

        for (size_t k = 0; k < m->t[T_MESSAGE].n; k++) {
            const struct nc_mem_message *r = m->t[T_MESSAGE].at[k];
            if (!r || !nc_id_eq(&r->m.room, &member->room))
                continue;
            if (!r->m.deleted && r->m.seq > member->cleared_seq &&
                (!last || nc_id_cmp(&r->m.id, &last->m.id) > 0))
                last = r;
            if (!unread(r, member))
                continue;
            row.unread.unread += row.unread.unread < UNREAD_MAX;
            if (a && row.unread.mentions < UNREAD_MAX)
                row.unread.mentions += mentions(&r->m, a->username);
        }
        if (last)
            nc_mem_fill_message(m, &row.unread.last, last);
        give(q, &row);
    }
}

/* ---- the rest ------------------------------------------------------------ */

static void query_meta(struct nc_mem *m, struct nc_query *q)
{
    for (size_t i = 0; i < m->t[T_META].n; i++) {
        const struct nc_mem_meta *meta = m->t[T_META].at[i];
        if (meta && nc_str_eq(meta->key, q->key))
            give(q, &(struct nc_row){.meta = meta->value});
    }
}

static uint64_t count(const struct nc_mem *m, enum nc_mem_table t)
{
    uint64_t n = 0;

    for (size_t i = 0; i < m->t[t].n; i++)
        n += m->t[t].at[i] != NULL;
    return n;
}

static void query_stats(struct nc_mem *m, struct nc_query *q)
{
    give(q, &(struct nc_row){.stats = {.messages = m->messages,
                                       .events = m->head,
                                       .accounts = count(m, T_ACCOUNT),
                                       .rooms = count(m, T_ROOM)}});
}

static void (*const kinds[NC_QUERY_KINDS])(struct nc_mem *m, struct nc_query *q) = {
    [NC_Q_BY_CLIENT] = query_by_client,
    [NC_Q_HISTORY] = query_history,
    [NC_Q_LOG] = nc_mem_query_log,
    [NC_Q_DISTANCE] = nc_mem_query_distance,
    [NC_Q_UNREAD] = query_unread,
    [NC_Q_OF_USER] = query_of_user,
    [NC_Q_EXPIRED] = query_expired,
    [NC_Q_BEFORE] = query_before,
    [NC_Q_JOBS_ENDED] = query_jobs_ended,
    [NC_Q_META] = query_meta,
    [NC_Q_STATS] = query_stats,
    [NC_Q_MESSAGE] = query_message,
    [NC_Q_STREAMING] = query_streaming,
    [NC_Q_VECTOR] = nc_mem_query_vector,
    [NC_Q_ORIGIN] = nc_mem_query_origin,
    [NC_Q_SEGMENTS] = nc_mem_query_segments,
    [NC_Q_RENAMED] = nc_mem_query_renamed,
    [NC_Q_STATE] = nc_mem_query_state,
    [NC_Q_PLACE] = nc_mem_query_place,
};

enum nc_err nc_mem_query(struct nc_mem *m, struct nc_query *q)
{
    if (plain[q->kind].plain)
        query_plain(m, q);
    else
        kinds[q->kind](m, q);
    return NC_OK;
}
