#include "store/merge_rules.h"

static bool dead_message(struct nc_rule_run *x, const struct nc_id *id)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, id, NULL);
    struct nc_stamp s;

    return x->ops->stamp(x->db, &k, &s) && s.state == NC_STAMP_DEAD;
}

void nc_rule_leave(const struct nc_merging *m, const struct nc_id *lost,
                   const struct nc_id *kept)
{
    m->ops->unmake(m->db, lost);
    m->ops->set_alias(m->db, lost, kept);
}

static struct nc_id root_of(struct nc_rule_run *x, const struct nc_id *id)
{
    struct nc_id kept;

    return x->ops->alias(x->db, id, &kept) ? kept : *id;
}

static bool get_message(struct nc_rule_run *x, const struct nc_id *id,
                        struct nc_record *out)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, id, NULL);

    return x->ops->get(x->db, &k, out);
}

static void tell_message(struct nc_rule_run *x, const struct nc_message *m)
{
    struct nc_message *out = &x->out->message;

    *out = *m;
    out->content_type = out->body = out->mentions = out->ai = out->code =
        (struct nc_str){NULL, 0};
    out->sender_name = out->sender_display = (struct nc_str){NULL, 0};
}

/* A delete: it wins, whatever else is said of it, under every id it has. */
static void kill_message(struct nc_rule_run *x, const struct nc_id *id)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, id, NULL);
    struct nc_record r;

    if (dead_message(x, id))
        return;
    if (x->ops->get(x->db, &k, &r) && !r.message.deleted) {
        x->ops->drop(x->db, &k, nc_rule_ms(x->e));
        x->out->applied = true;
    }
    nc_rule_stamp(x, &k, NC_STAMP_DEAD);
}

static struct nc_event *also(struct nc_rule_run *x, const struct nc_id *room,
                             const struct nc_id *message)
{
    struct nc_event *e = x->out->also;

    if (e->kind)
        e++;
    *e = (struct nc_event){.kind = NC_EV_MESSAGE_DELETED,
                           .audience = NC_AUD_ROOM,
                           .hlc = x->e->hlc,
                           .to = *room,
                           .ref = *message};
    return e;
}

/* What it is the same as was deleted: nobody else says so of this one. */
static void tell_of_death(struct nc_rule_run *x, const struct nc_message *m)
{
    also(x, &m->room, &m->id);
}

/* `lost` is `kept` from now on.  Both are no aliases. */
static void unite(struct nc_rule_run *x, const struct nc_id *kept, const struct nc_id *lost)
{
    struct nc_state_key lost_key = nc_state_key(NC_STATE_MESSAGE, lost, NULL);
    bool gone = dead_message(x, lost);
    struct nc_record r;

    if (get_message(x, lost, &r)) {
        struct nc_message m = {.id = *kept,
                               .sender = r.message.sender,
                               .client_id = r.message.client_id,
                               .created_ms = r.message.created_ms};
        gone = gone || r.message.deleted;
        x->ops->unmake(x->db, lost);
        if (!nc_id_zero(&m.client_id))
            x->ops->claim(x->db, &m);
    }
    x->ops->set_alias(x->db, lost, kept);
    if (!dead_message(x, lost))
        nc_rule_stamp(x, &lost_key, NC_STAMP_ALIAS);
    if (gone && get_message(x, kept, &r) && !r.message.deleted)
        tell_of_death(x, &r.message);
    if (gone)
        kill_message(x, kept);
    x->out->applied = true;
    x->out->lost = *lost;
    x->out->kept = *kept;
}

/* So that those hear of it who never see one of the two.  room: of the one that is lost;
 * people may use a client id twice. */
static void tell_of_alias(struct nc_rule_run *x, const struct nc_id *room,
                          const struct nc_id *kept, const struct nc_id *lost)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, lost, NULL);
    unsigned nth = x->out->also[0].kind != NC_EV_NONE;
    struct nc_event *e = also(x, room, lost);

    e->subject = *kept;
    e->reason = NC_DELETED_DUPLICATE;
    if (dead_message(x, lost))
        return;
    x->ops->set_stamp(x->db, &k,
                      &(struct nc_stamp){.hlc = e->hlc,
                                         .origin = x->m->own,
                                         .origin_seq = x->ops->next_own(x->db) + nth,
                                         .seq = x->m->pos + 1 + nth,
                                         .state = NC_STAMP_ALIAS});
}

/* What its client id was used for; if for another message, *other. */
enum said { BY_ITSELF, BEFORE, TWICE, AS_COMMAND };

static enum said said_before(struct nc_rule_run *x, const struct nc_message *m,
                             struct nc_id *other)
{
    if (nc_id_zero(&m->client_id) || x->ops->take(x->db, m) ||
        !x->ops->claimed(x->db, m, other))
        return BY_ITSELF;
    if (nc_id_zero(other))
        return AS_COMMAND;
    *other = root_of(x, other); /* which may be this one, known before it came */
    return nc_id_eq(other, &m->id) ? BEFORE : TWICE;
}

/* A message that is not here.  False: it is another one, which stays. */
static bool insert(struct nc_rule_run *x)
{
    struct nc_record r = *x->r;
    struct nc_message *m = &r.message;
    struct nc_id other, newest;
    struct nc_record old;

    enum said said = said_before(x, m, &other);
    bool twice = said == TWICE;
    if (twice && nc_id_cmp(&other, &m->id) < 0) {
        unite(x, &other, &m->id);
        tell_of_alias(x, &m->room, &other, &m->id);
        return false;
    }
    if (twice) {
        struct nc_id room = get_message(x, &other, &old) ? old.message.room : m->room;
        unite(x, &m->id, &other);
        tell_of_alias(x, &room, &m->id, &other);
    }
    x->ops->newest(x->db, &m->room, &newest);
    m->late = nc_id_cmp(&m->id, &newest) < 0;
    m->deleted =
        twice ? dead_message(x, &m->id) : x->known && x->here.state == NC_STAMP_DEAD;
    m->seq = x->m->pos;
    m->alternatives = m->chosen = 0;
    if (m->deleted)
        m->body = m->mentions = m->ai = m->code = (struct nc_str){NULL, 0};
    else if (m->state == NC_STREAMING)
        m->body = (struct nc_str){NULL, 0};
    x->ops->add(x->db, m);
    /* A command's stays remembered as it is. */
    if (said == BEFORE || said == TWICE)
        x->ops->claim(x->db, m);
    x->out->applied = x->out->inserted = true;
    x->out->late = m->late;
    tell_message(x, m);
    return true;
}

static bool same_content(const struct nc_message *a, const struct nc_message *b)
{
    return a->state == b->state && nc_str_eq(a->body, b->body) && nc_str_eq(a->ai, b->ai);
}

/* An answer that was whole shows something else now: it was answered anew, or another
 * alternative was chosen.  One that has failed and is completed was only thought to have
 * failed. */
static void keep_alternative(struct nc_rule_run *x, const struct nc_message *here,
                             const struct nc_message *next)
{
    if (!here->ai.n || here->state == NC_STREAMING || same_content(here, next) ||
        (next->state != NC_STREAMING && x->ops->turn_to(x->db, next)))
        return;
    if (x->e->kind != NC_EV_MESSAGE_COMPLETED || here->state != NC_FAILED)
        x->ops->keep(x->db, &here->id, nc_rule_ms(x->e));
}

static void merge_content(struct nc_rule_run *x)
{
    bool update = x->e->kind != NC_EV_MESSAGE_CREATED;
    struct nc_record here;
    struct nc_id kept;

    if (!x->r || (x->known && x->ops->alias(x->db, &x->e->ref, &kept)) ||
        nc_rule_dead(x, NC_STATE_ROOM, &x->r->message.room))
        return;
    if (!get_message(x, &x->e->ref, &here)) {
        bool gone = x->known && x->here.state == NC_STAMP_DEAD;
        if (insert(x) && update && !gone && !dead_message(x, &x->e->ref))
            nc_rule_stamp(x, &x->key, NC_STAMP_LIVING);
        return;
    }
    if (!update || here.message.deleted)
        return;
    if (x->known && nc_stamp_cmp(&x->here, &x->now) > 0)
        return;
    struct nc_record r = *x->r;
    if (r.message.state == NC_STREAMING)
        r.message.body = (struct nc_str){NULL, 0};
    r.message.seq = x->m->pos;
    keep_alternative(x, &here.message, &r.message);
    x->ops->set(x->db, &r);
    nc_rule_stamp(x, &x->key, NC_STAMP_LIVING);
    x->out->applied = true;
}

/* It answers what another answers: gone without a trace, but for its text.  Of the other
 * nothing need be known yet, and whoever deletes this one does not mean that one. */
static void merge_another(struct nc_rule_run *x)
{
    const struct nc_id *lost = &x->e->ref;
    struct nc_id kept = root_of(x, &x->e->subject), before;

    if (x->ops->alias(x->db, lost, &before))
        return;
    x->ops->give(x->db, lost, &kept);
    kill_message(x, lost);
    if (nc_id_eq(lost, &kept)) /* each was given up for the other */
        return;
    nc_rule_leave(x->m, lost, &kept);
    x->out->applied = true;
    x->out->lost = *lost;
    x->out->kept = kept;
}

static void merge_delete(struct nc_rule_run *x)
{
    struct nc_id a = root_of(x, &x->e->ref);

    if (x->e->reason == NC_DELETED_ANOTHER && !nc_id_zero(&x->e->subject)) {
        merge_another(x);
        return;
    }
    if (x->e->reason == NC_DELETED_DUPLICATE && !nc_id_zero(&x->e->subject)) {
        struct nc_id b = root_of(x, &x->e->subject);
        int order = nc_id_cmp(&a, &b);
        if (order)
            unite(x, order < 0 ? &a : &b, order < 0 ? &b : &a);
        return;
    }
    if (dead_message(x, &x->e->ref)) /* what it left its id to may live */
        return;
    kill_message(x, &x->e->ref);
    kill_message(x, &a);
}

void nc_rule_message(struct nc_rule_run *x)
{
    bool deletes = x->e->kind == NC_EV_MESSAGE_DELETED;
    struct nc_id id;
    struct nc_record r;

    if (deletes)
        merge_delete(x);
    else
        merge_content(x);
    if (x->out->inserted)
        return;
    id = root_of(x, &x->e->ref);
    if (get_message(x, &id, &r))
        tell_message(x, &r.message);
}
