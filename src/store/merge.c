#include "store/merge.h"

#include <string.h>

#include "crypto/hash.h"
#include "store/merge_rules.h"

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

void nc_rule_stamp(struct nc_rule_run *x, const struct nc_state_key *k,
                   enum nc_stamp_state state)
{
    struct nc_stamp s = x->now;

    s.state = state;
    if (state == NC_STAMP_HOLLOW) /* whatever comes is later */
        s.hlc = 0;
    x->ops->set_stamp(x->db, k, &s);
}

/* ---- one event ----------------------------------------------------------- */

static bool lacks(struct nc_rule_run *x, enum nc_state_kind kind, const struct nc_id *id)
{
    if (nc_rule_knows(x, kind, id))
        return false;
    x->out->needs = *id;
    return true;
}

/* What it refers to may still be on its way. */
static bool refers_to_nothing(struct nc_rule_run *x)
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

static bool fits(const struct nc_rule_run *x)
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

static enum nc_err may_merge(struct nc_rule_run *x)
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
    struct nc_rule_run x = {
        .m = m,
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
    case NC_STATE_MESSAGE: nc_rule_message(&x); break;
    case NC_STATE_SESSION:
        x.ops->end_sessions(x.db, &e->subject, &e->ref, nc_rule_ms(e));
        x.out->applied = true;
        break;
    case NC_STATE_ACCOUNT:
    case NC_STATE_ROOM:
    case NC_STATE_MEMBER:
    case NC_STATE_BAN:
    case NC_STATE_PERSONA:
    case NC_STATE_KEY: nc_rule_state(&x); break;
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
    struct nc_rule_run x = {.m = m, .ops = m->ops, .db = m->db, .out = &none};

    nc_rule_names(&x);
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
        nc_rule_leave(m, &e->ref, &e->subject);
}
