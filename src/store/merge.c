#include "store/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/hash.h"

/* What one event does here. */
struct run {
    const struct nc_merging *m;
    const struct nc_merge_ops *ops;
    void *db;
    const struct nc_event *e;
    const struct nc_record *r; /* NULL: it came without */
    struct nc_state_key key;
    struct nc_stamp now;  /* that of this event */
    struct nc_stamp here; /* that of what is here */
    bool known;           /* `here` is filled */
    struct nc_merged *out;
};

static uint64_t ms_of(const struct nc_event *e) { return e->hlc >> 12; }

static void stamp(struct run *x, const struct nc_state_key *k, enum nc_stamp_state state)
{
    struct nc_stamp s = x->now;

    s.state = state;
    if (state == NC_STAMP_HOLLOW) /* whatever comes is later */
        s.hlc = 0;
    x->ops->set_stamp(x->db, k, &s);
}

enum nc_standing nc_merge_standing(const struct nc_merge_ops *ops, void *db,
                                   enum nc_state_kind kind, const struct nc_id *id)
{
    struct nc_state_key k = nc_state_key(kind, id, NULL);
    struct nc_record r;
    struct nc_stamp s;

    if (ops->stamp(db, &k, &s))
        return s.state == NC_STAMP_DEAD ? NC_STANDS_NO_MORE : NC_STANDS;
    return ops->get(db, &k, &r) ? NC_STANDS : NC_STANDS_NOWHERE;
}

static bool dead(struct run *x, enum nc_state_kind kind, const struct nc_id *id)
{
    return x->ops->standing(x->db, kind, id) == NC_STANDS_NO_MORE;
}

static bool is_known(struct run *x, enum nc_state_kind kind, const struct nc_id *id)
{
    return x->ops->standing(x->db, kind, id) != NC_STANDS_NOWHERE;
}

static bool dead_message(struct run *x, const struct nc_id *id)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, id, NULL);
    struct nc_stamp s;

    return x->ops->stamp(x->db, &k, &s) && s.state == NC_STAMP_DEAD;
}

/* ---- names --------------------------------------------------------------- */

static void rename_to(struct run *x, const struct nc_named *n)
{
    struct nc_merged *out = x->out;

    x->ops->set_username(x->db, &n->user, nc_str(n->name));
    if (nc_str_eqz(n->wanted, n->name) && nc_id_eq(&n->user, &x->key.a))
        return; /* just as it wanted to be called */
    x->ops->end_sessions(x->db, &n->user, &(struct nc_id){{0}}, nc_wall_ms());
    if (out->renamed_n++ >= NC_RENAMED_MAX)
        return;
    out->renamed[out->renamed_n - 1].user = n->user;
    memcpy(out->renamed[out->renamed_n - 1].name, n->name, sizeof(n->name));
}

/* Everybody's name anew; what stays is left alone. */
static void give_names(struct run *x)
{
    struct nc_named *all = NULL;
    struct nc_buf text = {0};
    size_t n = x->ops->names(x->db, &all, &text), changed = 0;
    struct nc_str have;

    nc_names_give(all, n);
    for (size_t i = 0; i < n; i++)
        if (!all[i].deleted && all[i].name[0] &&
            x->ops->username(x->db, &all[i].user, &have) && !nc_str_eqz(have, all[i].name))
            all[changed++] = all[i];
    /* Two may change places: first nobody has them. */
    for (size_t i = 0; i < changed; i++)
        x->ops->set_username(x->db, &all[i].user, (struct nc_str){NULL, 0});
    for (size_t i = 0; i < changed; i++)
        rename_to(x, &all[i]);
    free(all);
    nc_buf_fini(&text);
}

static void keep_name(struct run *x, const struct nc_record *r, bool deleted)
{
    struct nc_named n = {.user = r->account.id,
                         .created_hlc = r->created_hlc,
                         .deleted = deleted,
                         .wanted =
                             deleted ? (struct nc_str){NULL, 0} : r->account.username};

    memcpy(n.claim, r->claim, sizeof(n.claim));
    x->ops->set_name(x->db, &n);
}

static void name_newcomer(struct run *x, const struct nc_record *r)
{
    struct nc_str name = r->account.username;

    bool clash = x->ops->any(x->db, name, r->claim);
    keep_name(x, r, false);
    if (clash)
        give_names(x);
    else
        x->ops->set_username(x->db, &r->account.id, name);
}

/* ---- accounts, rooms, members, bans, personas, keys ---------------------- */

/* What is deleted for ever; the others may come back. */
static bool for_ever(enum nc_state_kind k)
{
    return k == NC_STATE_ACCOUNT || k == NC_STATE_ROOM;
}

/* Nothing is kept for who is not there any more. */
static bool belongs_to_the_dead(struct run *x)
{
    const struct nc_state_key *k = &x->key;

    switch (k->kind) {
    case NC_STATE_MEMBER:
    case NC_STATE_BAN:
        return dead(x, NC_STATE_ROOM, &k->a) || dead(x, NC_STATE_ACCOUNT, &k->b);
    case NC_STATE_PERSONA: return dead(x, NC_STATE_ACCOUNT, &k->a);
    case NC_STATE_KEY: return dead(x, NC_STATE_ACCOUNT, &k->b);
    case NC_STATE_NONE:
    case NC_STATE_ACCOUNT:
    case NC_STATE_ROOM:
    case NC_STATE_MESSAGE:
    case NC_STATE_SESSION: break;
    }
    return false;
}

/* Who makes a room is in it, without an event of its own.  Anything said of that
 * membership is later. */
static void let_in(struct run *x, const struct nc_id *maker, enum nc_room_kind kind,
                   uint64_t when_ms)
{
    struct nc_record r = {.kind = NC_STATE_MEMBER,
                          .member = {.room = x->key.a,
                                     .user = *maker,
                                     .role = kind == NC_DIRECT ? NC_MEMBER : NC_OWNER,
                                     .joined_ms = when_ms}};
    struct nc_state_key k = nc_record_key(&r);
    struct nc_record old;
    struct nc_stamp s;

    if (nc_id_zero(maker) || x->ops->stamp(x->db, &k, &s) || x->ops->get(x->db, &k, &old) ||
        dead(x, NC_STATE_ACCOUNT, maker))
        return;
    struct nc_state_key account = nc_state_key(NC_STATE_ACCOUNT, maker, NULL);
    if (!is_known(x, NC_STATE_ACCOUNT, maker)) /* it is awaited from now on */
        stamp(x, &account, NC_STAMP_HOLLOW);
    x->ops->newest(x->db, &r.member.room, &x->out->newest);
    x->ops->set(x->db, &r);
    x->out->let_in = r.member;
}

/* Two may have made the same direct room, and the row names one of them. */
static void let_makers_in(struct run *x)
{
    if (x->key.kind != NC_STATE_ROOM || dead(x, NC_STATE_ROOM, &x->key.a))
        return;
    if (x->e->kind == NC_EV_ROOM_CREATED)
        let_in(x, &x->e->actor, (enum nc_room_kind)x->e->reason, ms_of(x->e));
    else if (x->r)
        let_in(x, &x->r->room.created_by, x->r->room.kind, x->r->room.created_ms);
}

static void end_state(struct run *x)
{
    bool account = x->key.kind == NC_STATE_ACCOUNT;

    if (account && x->r) /* the tombstone is told of to others, as it came */
        x->ops->set(x->db, x->r);
    x->ops->drop(x->db, &x->key, ms_of(x->e));
    if (account && x->r)
        keep_name(x, x->r, true);
    stamp(x, &x->key, NC_STAMP_DEAD);
    x->out->applied = true;
    if (account)
        give_names(x);
}

static void show_state(struct run *x)
{
    bool fresh = !x->known || x->here.state == NC_STAMP_HOLLOW;

    if (x->key.kind == NC_STATE_MEMBER)
        x->ops->newest(x->db, &x->key.a, &x->out->newest);
    x->ops->set(x->db, x->r);
    stamp(x, &x->key, NC_STAMP_LIVING);
    x->out->applied = true;
    x->out->awaited = x->known && fresh;
    if (fresh && x->key.kind == NC_STATE_ACCOUNT)
        name_newcomer(x, x->r);
}

static void merge_state(struct run *x)
{
    bool later = !x->known || nc_stamp_cmp(&x->here, &x->now) < 0;

    if (x->known && x->here.state == NC_STAMP_DEAD && for_ever(x->key.kind)) {
        /* Deleted on two nodes: the first came without what it was, the second has it. */
        struct nc_record r;
        if (nc_state_ends(x->e->kind) && x->r && !x->ops->get(x->db, &x->key, &r))
            end_state(x);
        return;
    }
    if (nc_state_ends(x->e->kind)) {
        if (later || for_ever(x->key.kind))
            end_state(x);
    } else if (x->r) {
        if (later && !belongs_to_the_dead(x))
            show_state(x);
    } else if (!x->known && for_ever(x->key.kind)) {
        stamp(x, &x->key, NC_STAMP_HOLLOW);
    }
}

/* ---- messages ------------------------------------------------------------ */

/* `lost`, an answer that is dead, has no row from now on; its id is that of `kept`. */
static void leave_to(const struct nc_merging *m, const struct nc_id *lost,
                     const struct nc_id *kept)
{
    m->ops->unmake(m->db, lost);
    m->ops->set_alias(m->db, lost, kept);
}

static struct nc_id root_of(struct run *x, const struct nc_id *id)
{
    struct nc_id kept;

    return x->ops->alias(x->db, id, &kept) ? kept : *id;
}

static bool get_message(struct run *x, const struct nc_id *id, struct nc_record *out)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, id, NULL);

    return x->ops->get(x->db, &k, out);
}

static void tell_message(struct run *x, const struct nc_message *m)
{
    struct nc_message *out = &x->out->message;

    *out = *m;
    out->content_type = out->body = out->mentions = out->ai = out->code =
        (struct nc_str){NULL, 0};
    out->sender_name = out->sender_display = (struct nc_str){NULL, 0};
}

/* A delete: it wins, whatever else is said of it, under every id it has. */
static void kill_message(struct run *x, const struct nc_id *id)
{
    struct nc_state_key k = nc_state_key(NC_STATE_MESSAGE, id, NULL);
    struct nc_record r;

    if (dead_message(x, id))
        return;
    if (x->ops->get(x->db, &k, &r) && !r.message.deleted) {
        x->ops->drop(x->db, &k, ms_of(x->e));
        x->out->applied = true;
    }
    stamp(x, &k, NC_STAMP_DEAD);
}

static struct nc_event *also(struct run *x, const struct nc_id *room,
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
static void tell_of_death(struct run *x, const struct nc_message *m)
{
    also(x, &m->room, &m->id);
}

/* `lost` is `kept` from now on.  Both are no aliases. */
static void unite(struct run *x, const struct nc_id *kept, const struct nc_id *lost)
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
        stamp(x, &lost_key, NC_STAMP_ALIAS);
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
static void tell_of_alias(struct run *x, const struct nc_id *room, const struct nc_id *kept,
                          const struct nc_id *lost)
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

static enum said said_before(struct run *x, const struct nc_message *m, struct nc_id *other)
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
static bool insert(struct run *x)
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
static void keep_alternative(struct run *x, const struct nc_message *here,
                             const struct nc_message *next)
{
    if (!here->ai.n || here->state == NC_STREAMING || same_content(here, next) ||
        (next->state != NC_STREAMING && x->ops->turn_to(x->db, next)))
        return;
    if (x->e->kind != NC_EV_MESSAGE_COMPLETED || here->state != NC_FAILED)
        x->ops->keep(x->db, &here->id, ms_of(x->e));
}

static void merge_content(struct run *x)
{
    bool update = x->e->kind != NC_EV_MESSAGE_CREATED;
    struct nc_record here;
    struct nc_id kept;

    if (!x->r || (x->known && x->ops->alias(x->db, &x->e->ref, &kept)) ||
        dead(x, NC_STATE_ROOM, &x->r->message.room))
        return;
    if (!get_message(x, &x->e->ref, &here)) {
        bool gone = x->known && x->here.state == NC_STAMP_DEAD;
        if (insert(x) && update && !gone && !dead_message(x, &x->e->ref))
            stamp(x, &x->key, NC_STAMP_LIVING);
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
    stamp(x, &x->key, NC_STAMP_LIVING);
    x->out->applied = true;
}

/* It answers what another answers: gone without a trace, but for its text.  Of the other
 * nothing need be known yet, and whoever deletes this one does not mean that one. */
static void merge_another(struct run *x)
{
    const struct nc_id *lost = &x->e->ref;
    struct nc_id kept = root_of(x, &x->e->subject), before;

    if (x->ops->alias(x->db, lost, &before))
        return;
    x->ops->give(x->db, lost, &kept);
    kill_message(x, lost);
    if (nc_id_eq(lost, &kept)) /* each was given up for the other */
        return;
    leave_to(x->m, lost, &kept);
    x->out->applied = true;
    x->out->lost = *lost;
    x->out->kept = kept;
}

static void merge_delete(struct run *x)
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

static void merge_message(struct run *x)
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

/* ---- one event ----------------------------------------------------------- */

static bool lacks(struct run *x, enum nc_state_kind kind, const struct nc_id *id)
{
    if (is_known(x, kind, id))
        return false;
    x->out->needs = *id;
    return true;
}

/* What it refers to may still be on its way. */
static bool refers_to_nothing(struct run *x)
{
    const struct nc_state_key *k = &x->key;

    switch (k->kind) {
    case NC_STATE_MEMBER:
    case NC_STATE_BAN:
        return lacks(x, NC_STATE_ROOM, &k->a) || lacks(x, NC_STATE_ACCOUNT, &k->b);
    case NC_STATE_PERSONA: return lacks(x, NC_STATE_ACCOUNT, &k->a);
    case NC_STATE_KEY: return lacks(x, NC_STATE_ACCOUNT, &k->b);
    case NC_STATE_MESSAGE:
        return lacks(x, NC_STATE_ROOM, &x->r->message.room) ||
               lacks(x, NC_STATE_ACCOUNT, &x->r->message.sender);
    case NC_STATE_NONE:
    case NC_STATE_ACCOUNT:
    case NC_STATE_ROOM:
    case NC_STATE_SESSION: break;
    }
    return false;
}

static bool same_key(const struct nc_state_key *a, const struct nc_state_key *b)
{
    return a->kind == b->kind && nc_id_eq(&a->a, &b->a) && nc_id_eq(&a->b, &b->b);
}

static bool fits(const struct run *x)
{
    struct nc_state_key k = nc_record_key(x->r);
    const struct nc_account *a = &x->r->account;

    if (!same_key(&k, &x->key) || !nc_record_fits(x->r, x->e->body_hash))
        return false;
    if (k.kind != NC_STATE_ACCOUNT)
        return true;
    uint8_t claim[NC_STATE_HASH];
    nc_name_claim(a->username, claim);
    if (a->deleted || nc_state_ends(x->e->kind))
        return a->deleted && nc_state_ends(x->e->kind) && a->username.n == 0;
    return nc_username_formed(a->username) &&
           memcmp(claim, x->r->claim, sizeof(claim)) == 0;
}

static enum nc_err may_merge(struct run *x)
{
    bool own = false;
    uint64_t head = x->ops->origin(x->db, &x->e->origin, &own);

    if (x->e->kind == NC_EV_NONE || nc_id_zero(&x->e->origin) || x->e->origin_seq == 0)
        return NC_EINVAL;
    if (x->e->origin_seq <= head)
        return NC_EEXIST;
    if (own) /* we never said that: this database is older than its peers' memory of it */
        return NC_EINVAL;
    if (x->e->origin_seq > head + 1)
        return NC_AGAIN;
    if (x->r && !fits(x))
        return NC_EINVAL;
    return x->r && refers_to_nothing(x) ? NC_ENOENT : NC_OK;
}

enum nc_err nc_merge_foreign(const struct nc_merging *m, struct nc_change *ch)
{
    struct nc_event *e = &ch->event;
    struct nc_merged none = {0};
    struct run x = {.m = m,
                    .ops = m->ops,
                    .db = m->db,
                    .e = e,
                    .r = ch->merge.record,
                    .key = nc_state_of(e),
                    .now = {e->hlc, e->origin, e->origin_seq, m->pos, NC_STAMP_LIVING},
                    .out = ch->merge.out ? ch->merge.out : &none};

    *x.out = (struct nc_merged){0};
    enum nc_err err = may_merge(&x);
    if (err != NC_OK)
        return err;
    x.known = x.key.kind && x.ops->stamp(x.db, &x.key, &x.here);
    switch (x.key.kind) {
    case NC_STATE_NONE: break;
    case NC_STATE_MESSAGE: merge_message(&x); break;
    case NC_STATE_SESSION:
        x.ops->end_sessions(x.db, &e->subject, &e->ref, ms_of(e));
        x.out->applied = true;
        break;
    case NC_STATE_ACCOUNT:
    case NC_STATE_ROOM:
    case NC_STATE_MEMBER:
    case NC_STATE_BAN:
    case NC_STATE_PERSONA:
    case NC_STATE_KEY:
        merge_state(&x);
        let_makers_in(&x);
        break;
    }
    return NC_OK;
}

enum nc_err nc_merge_skip(const struct nc_merging *m, const struct nc_change *ch)
{
    const struct nc_segment *in = &ch->segment;
    bool own = false;
    uint64_t head = m->ops->origin(m->db, &in->origin, &own);

    if (own || in->first == 0 || in->n == 0 || nc_id_zero(&in->origin))
        return NC_EINVAL;
    if (in->first + in->n - 1 <= head)
        return NC_EEXIST;
    if (in->first > head + 1)
        return NC_AGAIN;
    m->ops->set_origin(m->db, &in->origin, in->first + in->n - 1);
    return NC_OK;
}

/* ---- what happens here --------------------------------------------------- */

enum nc_err nc_merge_may(const struct nc_merging *m, const struct nc_change *ch)
{
    struct nc_state_key room = nc_state_key(NC_STATE_ROOM, &ch->room.id, NULL);
    uint8_t claim[NC_STATE_HASH];
    struct nc_stamp s;

    if (ch->kind == NC_MESSAGE_DELETE && ch->event.reason == NC_DELETED_ANOTHER)
        m->ops->give(m->db, &ch->message.id, &ch->event.subject);
    if (ch->kind == NC_ROOM_INSERT && m->ops->stamp(m->db, &room, &s))
        return s.state == NC_STAMP_DEAD ? NC_EEXIST : NC_OK;
    if (ch->kind != NC_ACCOUNT_INSERT)
        return NC_OK;
    nc_name_claim(ch->account.username, claim);
    return m->ops->any(m->db, ch->account.username, claim) ? NC_EEXIST : NC_OK;
}

/* Whom it leaves a place to.  Seldom anybody: it goes on holding its name. */
static void name_those_left(const struct nc_merging *m)
{
    struct nc_merged none = {0};
    struct run x = {.m = m, .ops = m->ops, .db = m->db, .out = &none};

    give_names(&x);
}

static void keep_wanted(const struct nc_merging *m, const struct nc_change *ch)
{
    struct nc_named n = {.user = ch->account.id,
                         .created_hlc = ch->event.hlc,
                         .wanted = ch->account.username};

    nc_name_claim(n.wanted, n.claim);
    m->ops->set_name(m->db, &n);
}

/* Ahead of what it replaces, also where clocks disagree. */
static void put_ahead(const struct nc_merging *m, struct nc_event *e,
                      const struct nc_state_key *k)
{
    struct nc_stamp here, now = {.hlc = e->hlc, .origin = m->own, .origin_seq = UINT64_MAX};

    if (m->ops->stamp(m->db, k, &here) && nc_stamp_cmp(&here, &now) > 0)
        e->hlc = here.hlc + 1;
}

/* What the event announces. */
static void announce(const struct nc_merging *m, struct nc_event *e,
                     const struct nc_record *r)
{
    if (!m->records) {
        nc_record_hash(r, e->body_hash);
        return;
    }
    size_t start = m->records->n;
    nc_record_bytes(r, m->records);
    nc_sha256(m->records->p + start, m->records->n - start, e->body_hash);
}

void nc_merge_local(const struct nc_merging *m, struct nc_change *ch)
{
    struct nc_event *e = &ch->event;
    struct nc_state_key k = nc_state_of(e);
    struct nc_record r;

    if (ch->kind == NC_ACCOUNT_INSERT)
        keep_wanted(m, ch);
    if (ch->kind == NC_ACCOUNT_DELETE)
        name_those_left(m);
    if (!k.kind || k.kind == NC_STATE_SESSION)
        return;
    memset(e->body_hash, 0, sizeof(e->body_hash));
    if (ch->kind == NC_MESSAGE_INSERT && e->kind == NC_EV_MESSAGE_CREATED) {
        r.kind = NC_STATE_MESSAGE;
        r.message = ch->message;
        announce(m, e, &r);
        return;
    }
    put_ahead(m, e, &k);
    bool ends = nc_state_ends(e->kind);
    if ((!ends || k.kind == NC_STATE_ACCOUNT) && m->ops->get(m->db, &k, &r)) {
        announce(m, e, &r);
        if (e->kind == NC_EV_ROOM_CREATED)
            e->reason = r.room.kind;
    }
    if (e->kind == NC_EV_MESSAGE_CREATED)
        return;
    m->ops->set_stamp(m->db, &k,
                      &(struct nc_stamp){.hlc = e->hlc,
                                         .origin = m->own,
                                         .origin_seq = m->ops->next_own(m->db),
                                         .seq = m->pos,
                                         .state = ends ? NC_STAMP_DEAD : NC_STAMP_LIVING});
    if (ch->kind == NC_MESSAGE_DELETE && e->reason == NC_DELETED_ANOTHER)
        leave_to(m, &e->ref, &e->subject);
}
