#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/merge_rules.h"

/* ---- names --------------------------------------------------------------- */

static void rename_to(struct nc_rule_run *x, const struct nc_named *n)
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

void nc_rule_names(struct nc_rule_run *x)
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

static void keep_name(struct nc_rule_run *x, const struct nc_record *r, bool deleted)
{
    struct nc_named n = {.user = r->account.id,
                         .created_hlc = r->created_hlc,
                         .deleted = deleted,
                         .wanted =
                             deleted ? (struct nc_str){NULL, 0} : r->account.username};

    memcpy(n.claim, r->claim, sizeof(n.claim));
    x->ops->set_name(x->db, &n);
}

static void name_newcomer(struct nc_rule_run *x, const struct nc_record *r)
{
    struct nc_str name = r->account.username;

    bool clash = x->ops->any(x->db, name, r->claim);
    keep_name(x, r, false);
    if (clash)
        nc_rule_names(x);
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
static bool belongs_to_the_dead(struct nc_rule_run *x)
{
    const struct nc_state_key *k = &x->key;

    switch (k->kind) {
    case NC_STATE_MEMBER:
    case NC_STATE_BAN:
        return nc_rule_dead(x, NC_STATE_ROOM, &k->a) ||
               nc_rule_dead(x, NC_STATE_ACCOUNT, &k->b);
    case NC_STATE_PERSONA: return nc_rule_dead(x, NC_STATE_ACCOUNT, &k->a);
    case NC_STATE_KEY: return nc_rule_dead(x, NC_STATE_ACCOUNT, &k->b);
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
static void let_in(struct nc_rule_run *x, const struct nc_id *maker, enum nc_room_kind kind,
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
        nc_rule_dead(x, NC_STATE_ACCOUNT, maker))
        return;
    struct nc_state_key account = nc_state_key(NC_STATE_ACCOUNT, maker, NULL);
    if (!nc_rule_knows(x, NC_STATE_ACCOUNT, maker)) /* it is awaited from now on */
        nc_rule_stamp(x, &account, NC_STAMP_HOLLOW);
    x->ops->newest(x->db, &r.member.room, &x->out->newest);
    x->ops->set(x->db, &r);
    x->out->let_in = r.member;
}

/* Two may have made the same direct room, and the row names one of them. */
static void let_makers_in(struct nc_rule_run *x)
{
    if (x->key.kind != NC_STATE_ROOM || nc_rule_dead(x, NC_STATE_ROOM, &x->key.a))
        return;
    if (x->e->kind == NC_EV_ROOM_CREATED)
        let_in(x, &x->e->actor, (enum nc_room_kind)x->e->reason, nc_rule_ms(x->e));
    else if (x->r)
        let_in(x, &x->r->room.created_by, x->r->room.kind, x->r->room.created_ms);
}

static void end_state(struct nc_rule_run *x)
{
    bool account = x->key.kind == NC_STATE_ACCOUNT;

    if (account && x->r) /* the tombstone is told of to others, as it came */
        x->ops->set(x->db, x->r);
    x->ops->drop(x->db, &x->key, nc_rule_ms(x->e));
    if (account && x->r)
        keep_name(x, x->r, true);
    nc_rule_stamp(x, &x->key, NC_STAMP_DEAD);
    x->out->applied = true;
    if (account)
        nc_rule_names(x);
}

static void show_state(struct nc_rule_run *x)
{
    bool fresh = !x->known || x->here.state == NC_STAMP_HOLLOW;

    if (x->key.kind == NC_STATE_MEMBER)
        x->ops->newest(x->db, &x->key.a, &x->out->newest);
    x->ops->set(x->db, x->r);
    nc_rule_stamp(x, &x->key, NC_STAMP_LIVING);
    x->out->applied = true;
    x->out->awaited = x->known && fresh;
    if (fresh && x->key.kind == NC_STATE_ACCOUNT)
        name_newcomer(x, x->r);
}

static void settle(struct nc_rule_run *x)
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
        nc_rule_stamp(x, &x->key, NC_STAMP_HOLLOW);
    }
}

void nc_rule_state(struct nc_rule_run *x)
{
    settle(x);
    let_makers_in(x);
}
