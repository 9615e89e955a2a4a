#include "store/mem.h"
#include "store/merge.h"

static nc_mem_apply_fn *kind_of(enum nc_change_kind k)
{
    return nc_mem_people[k]     ? nc_mem_people[k]
           : nc_mem_rooms[k]    ? nc_mem_rooms[k]
           : nc_mem_messages[k] ? nc_mem_messages[k]
           : nc_mem_ai[k]       ? nc_mem_ai[k]
                                : nc_mem_mesh[k];
}

/* `since`: where the record that it announces begins. */
static enum nc_err log_event(struct nc_mem *m, struct nc_event *e, struct nc_log_mark since)
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
    if (!own)
        nc_mem_merge_ops.set_origin(&(struct nc_mem_merging){m, 0}, &e->origin,
                                    e->origin_seq);
    e->seq = ++m->head;
    nc_mem_insert(m, T_LOG, e);
    if (own)
        nc_log_tail_add(&m->tail, e, since);
    return NC_OK;
}

static enum nc_err apply_merge(struct nc_mem *m, const struct nc_merging *rules,
                               struct nc_change *ch)
{
    struct nc_merged *out = ch->merge.out, mine;

    if (!out)
        ch->merge.out = &mine;
    enum nc_err e = nc_merge_foreign(rules, ch);
    if (e == NC_OK)
        e = log_event(m, &ch->event, nc_log_tail_mark(&m->tail));
    for (unsigned i = 0; e == NC_OK && i < NC_ALSO_MAX && ch->merge.out->also[i].kind; i++)
        e = log_event(m, &ch->merge.out->also[i], nc_log_tail_mark(&m->tail));
    ch->merge.out = out;
    return e;
}

static enum nc_err apply_one(struct nc_mem *m, struct nc_commit *c, struct nc_change *ch)
{
    bool logged = ch->event.kind != NC_EV_NONE;
    bool own = nc_id_zero(&ch->event.origin) ||
               nc_id_eq(&ch->event.origin, &m->store.info.incarnation);
    struct nc_mem_step step = {.commit = c, .ch = ch, .pos = m->head + logged};
    struct nc_mem_merging tables = {m, step.pos};
    struct nc_merging rules = {.ops = &nc_mem_merge_ops,
                               .db = &tables,
                               .own = m->store.info.incarnation,
                               .pos = step.pos,
                               .records = m->tail.on ? &m->tail.records : NULL};
    struct nc_log_mark since = nc_log_tail_mark(&m->tail);

    ch->event.seq = 0;
    ch->touched = 0;
    if (ch->kind == NC_MERGE)
        return apply_merge(m, &rules, ch);
    if (ch->kind == NC_ORIGIN_SKIP)
        return nc_merge_skip(&rules, ch);
    enum nc_err e = nc_merge_may(&rules, ch);
    if (e == NC_OK)
        e = kind_of(ch->kind)(m, &step);
    if (e != NC_OK)
        return e == NC_AGAIN ? NC_OK : e;
    if (own)
        nc_merge_local(&rules, ch);
    return logged ? log_event(m, &ch->event, since) : NC_OK;
}

enum nc_err nc_mem_apply(struct nc_mem *m, struct nc_commit *c)
{
    uint64_t head = m->head, own = m->own_head, messages = m->messages;
    struct nc_log_mark since = nc_log_tail_mark(&m->tail);
    enum nc_err e = NC_OK;

    c->existing = (struct nc_id){{0}};
    c->notice = (struct nc_buf){0};
    for (c->failed = 0; c->failed < c->n; c->failed++) {
        e = apply_one(m, c, &c->changes[c->failed]);
        if (e != NC_OK)
            break;
    }
    c->applied = e == NC_OK || c->partly ? c->failed : 0;
    if (e != NC_OK && !c->partly) {
        m->head = head;
        m->own_head = own;
        m->messages = messages;
        nc_log_tail_cut(&m->tail, since);
    }
    nc_mem_settle(m, e == NC_OK || c->partly);
    return e;
}
