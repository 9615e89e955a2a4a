#include <stdlib.h>
#include <string.h>

#include "store/mem.h"

static bool covers(const struct nc_segment *a, const struct nc_segment *b)
{
    return nc_id_eq(&a->origin, &b->origin) && a->first <= b->first &&
           a->first + a->n >= b->first + b->n;
}

static enum nc_err segment_set(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_segment *in = &s->ch->segment;
    struct nc_mem_segment row = {in->origin, in->first, *in};

    if (!nc_id_eq(&in->origin, &m->store.info.incarnation) &&
        !nc_mem_row(m, T_ORIGIN, &in->origin))
        return NC_ENOENT;
    for (size_t i = 0; i < m->t[T_SEGMENT].n; i++) {
        const struct nc_mem_segment *old = m->t[T_SEGMENT].at[i];
        if (old && covers(&old->s, in) && !covers(in, &old->s))
            return NC_AGAIN;
        if (old && covers(in, &old->s))
            nc_mem_drop(m, T_SEGMENT, i);
    }
    nc_mem_insert(m, T_SEGMENT, &row);
    return NC_OK;
}

static void rename_log(struct nc_mem *m, const struct nc_id *old, uint64_t kept)
{
    struct nc_mem_origin was = {*old, kept, true};
    const struct nc_id *now = &m->store.info.incarnation;

    nc_mem_put(m, T_ORIGIN, &was, sizeof(was.origin));
    for (size_t i = 0; i < m->t[T_LOG].n; i++) {
        const struct nc_event *e = m->t[T_LOG].at[i];
        if (!e || !nc_id_eq(&e->origin, old) || e->origin_seq <= kept)
            continue;
        struct nc_event to = *e;
        to.origin = *now;
        to.origin_seq -= kept;
        nc_mem_replace(m, T_LOG, i, &to);
    }
    for (size_t i = 0; i < m->t[T_STAMP].n; i++) {
        const struct nc_mem_stamp *s = m->t[T_STAMP].at[i];
        if (!s || !nc_id_eq(&s->stamp.origin, old) || s->stamp.origin_seq <= kept)
            continue;
        struct nc_mem_stamp to = *s;
        to.stamp.origin = *now;
        to.stamp.origin_seq -= kept;
        nc_mem_replace(m, T_STAMP, i, &to);
    }
    for (size_t i = 0; i < m->t[T_SEGMENT].n; i++) {
        const struct nc_mem_segment *s = m->t[T_SEGMENT].at[i];
        if (s && nc_id_eq(&s->origin, old) && s->first + s->s.n - 1 > kept)
            nc_mem_drop(m, T_SEGMENT, i);
    }
}

static enum nc_err origin_renew(struct nc_mem *m, struct nc_mem_step *s)
{
    const struct nc_segment *in = &s->ch->segment;
    struct nc_id old = m->store.info.incarnation;

    if (!in->first || in->first > m->own_head + 1 || !nc_id_eq(&in->origin, &old))
        return NC_EINVAL;
    m->store.info.incarnation = nc_id_random();
    rename_log(m, &old, in->first - 1);
    m->own_head -= in->first - 1;
    nc_log_tail_cut(&m->tail, (struct nc_log_mark){0});
    return NC_OK;
}

nc_mem_apply_fn *const nc_mem_mesh[NC_CHANGE_KINDS] = {
    [NC_SEGMENT_SET] = segment_set,
    [NC_ORIGIN_RENEW] = origin_renew,
};

/* ---- questions ----------------------------------------------------------- */

static void give(struct nc_query *q, const struct nc_row *row)
{
    if (q->row)
        q->row(q, row);
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

static int by_making(const void *a, const void *b)
{
    const struct nc_mem_named *const *x = a, *const *y = b;

    if ((*x)->created_hlc != (*y)->created_hlc)
        return (*x)->created_hlc < (*y)->created_hlc ? -1 : 1;
    return nc_id_cmp(&(*x)->user, &(*y)->user);
}

void nc_mem_query_renamed(struct nc_mem *m, struct nc_query *q)
{
    const struct nc_mem_named **all = nc_alloc((m->t[T_NAMED].n + 1) * sizeof(*all));
    size_t n = 0;

    for (size_t i = 0; i < m->t[T_NAMED].n; i++) {
        const struct nc_mem_named *row = m->t[T_NAMED].at[i];
        const struct nc_account *a = row ? nc_mem_row(m, T_ACCOUNT, &row->user) : NULL;
        if (a && !a->deleted && !nc_str_eq(a->username, row->wanted))
            all[n++] = row;
    }
    qsort(all, n, sizeof(*all), by_making);
    for (size_t i = 0; q->row && i < n; i++)
        q->row(q, &(struct nc_row){.renamed = {all[i]->user, all[i]->wanted}});
    free(all);
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
        give(q, &(struct nc_row){.origin = {o->origin, o->head, o->own, false}});
    }
    if (!given)
        give(q, &own);
    free(all);
}

void nc_mem_query_origin(struct nc_mem *m, struct nc_query *q)
{
    size_t n;
    const void **all = sorted(m, T_LOG, &n, by_origin_seq);
    struct nc_buf text = {0};
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
        if (!q->bare && nc_mem_record(m, &k, r) &&
            nc_record_announced(r, e, &text, &row.foreign.exact))
            row.foreign.bytes = nc_buf_str(&text);
        else
            r->kind = NC_STATE_NONE;
        bytes += row.foreign.bytes.n;
        rows++;
        q->upto = e->origin_seq;
        give(q, &row);
    }
    nc_buf_fini(&text);
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
            if (!row || !in_common(m, tables[t], row, &k) || !nc_mem_record(m, &k, &r))
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
