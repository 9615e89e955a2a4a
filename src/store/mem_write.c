#include "store/mem.h"

static nc_mem_apply_fn *kind_of(enum nc_change_kind k)
{
    return nc_mem_people[k]     ? nc_mem_people[k]
           : nc_mem_rooms[k]    ? nc_mem_rooms[k]
           : nc_mem_messages[k] ? nc_mem_messages[k]
                                : nc_mem_ai[k];
}

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
    nc_mem_insert(m, T_LOG, e);
    return NC_OK;
}

static enum nc_err apply_one(struct nc_mem *m, struct nc_commit *c, struct nc_change *ch)
{
    bool logged = ch->event.kind != NC_EV_NONE;
    struct nc_mem_step step = {.commit = c, .ch = ch, .pos = m->head + logged};

    ch->event.seq = 0;
    ch->touched = 0;
    enum nc_err e = kind_of(ch->kind)(m, &step);
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
    nc_mem_settle(m, e == NC_OK);
    return e;
}
