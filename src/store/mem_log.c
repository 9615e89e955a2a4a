#include "store/audience.h"
#include "store/mem.h"

static void fill_log(const struct nc_mem *m, struct nc_row *row, const struct nc_event *e)
{
    row->log.event = *e;
    if (e->kind <= NC_EV_MESSAGE_COMPLETED) {
        const struct nc_mem_message *msg = e->kind == NC_EV_MESSAGE_DELETED
                                               ? nc_mem_resolve(m, &e->ref)
                                               : nc_mem_row(m, T_MESSAGE, &e->ref);
        if (msg)
            nc_mem_fill_message(m, &row->log.message, msg);
        return;
    }
    const struct nc_room_rec *room = nc_mem_row(m, T_ROOM, &e->ref);
    if (room)
        row->log.room = *room;
    if (e->kind < NC_EV_MEMBER_JOINED)
        return;
    const struct nc_member_rec *member = nc_mem_member(m, &e->ref, &e->subject);
    if (member)
        row->log.member = *member;
    const struct nc_account *a = nc_mem_row(m, T_ACCOUNT, &e->subject);
    if (a) {
        row->log.account = *a;
        row->log.account.password = (struct nc_str){NULL, 0};
    }
}

void nc_mem_query_log(struct nc_mem *m, struct nc_query *q)
{
    uint64_t bytes = 0;
    uint32_t rows = 0;

    q->upto = q->since;
    q->more = false;
    for (size_t i = 0; i < m->t[T_LOG].n; i++) {
        const struct nc_event *e = m->t[T_LOG].at[i];
        if (!e || e->seq <= q->since)
            continue;
        if (rows >= q->limit || (q->bytes_max && bytes >= q->bytes_max)) {
            q->more = true;
            return;
        }
        q->upto = e->seq;
        if (!nc_audience_lacks(q, e))
            continue;
        struct nc_row row = {0};
        fill_log(m, &row, e);
        rows++;
        bytes += row.log.message.body.n;
        if (q->row)
            q->row(q, &row);
    }
    if (m->head > q->upto) /* what was trimmed at the end */
        q->upto = m->head;
}

void nc_mem_query_distance(struct nc_mem *m, struct nc_query *q)
{
    q->count = q->at_ms = 0;
    for (size_t i = 0; i < m->t[T_LOG].n && q->count < q->limit; i++) {
        const struct nc_event *e = m->t[T_LOG].at[i];
        if (e && e->seq <= q->since && e->seq + NC_WHEN_ROWS > q->since &&
            e->hlc >> 12 > q->at_ms)
            q->at_ms = e->hlc >> 12; /* milliseconds of the stamp */
        q->count += e && e->seq > q->since && nc_audience_lacks(q, e);
    }
}

void nc_mem_query_place(struct nc_mem *m, struct nc_query *q)
{
    q->upto = m->head;
    for (size_t i = 0; i < m->t[T_LOG].n; i++) {
        const struct nc_event *e = m->t[T_LOG].at[i];
        if (e && e->seq <= q->upto && !nc_vector_has(q->have, &e->origin, e->origin_seq))
            q->upto = e->seq - 1;
    }
}
