/* Accounts, sessions, keys and personas of other nodes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "chat/merge_parts.h"
#include "chat/people/key.h"
#include "chat/people/renamed.h"
#include "chat/people/ticket.h"
#include "wire/json.h"

/* ---- names --------------------------------------------------------------- */

struct renaming {
    struct nc_user *user;
    char from[33], to[33];
};

/* Everybody is called as they are now: then they hear of it, and their sessions end. */
static void renamed(struct nc_chat *c, const struct renaming *n)
{
    nc_log(NC_WARN, "account.renamed", "from=%s to=%s", n->from, n->to);
    nc_people_audit(c, "account.renamed", NC_STR(""), nc_str(n->from), NC_STR(""), NULL);
    nc_renamed_now(c, n->user, nc_str(n->from));
    nc_session_cut_at(c, n->user, nc_hlc_now(&c->clock));
    nc_observe_account(c, n->user);
}

struct renamings {
    struct nc_query q;
    struct nc_chat *chat;
    struct renaming *all;
    unsigned n, cap;
};

static void note(struct renamings *r, struct nc_user *u, struct nc_str from,
                 struct nc_str to)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : NC_RENAMED_MAX;
        r->all = nc_realloc(r->all, r->cap * sizeof(*r->all));
    }
    struct renaming *n = &r->all[r->n++];
    n->user = u;
    nc_people_copy(n->from, sizeof(n->from), from);
    nc_people_copy(n->to, sizeof(n->to), to);
}

static void rename_one(struct renamings *r, const struct nc_id *user, struct nc_str name)
{
    struct nc_user *u = nc_user_find(r->chat, user);

    if (!u || u->a.deleted || nc_str_eq(u->a.username, name))
        return;
    note(r, u, u->a.username, name);
    nc_user_renamed(r->chat, u, NC_STR("")); /* two may change places */
}

static void on_account(struct nc_query *q, const struct nc_row *row)
{
    if (!row->account.deleted)
        rename_one(nc_of(q, struct renamings, q), &row->account.id, row->account.username);
}

/* Whoever is called otherwise now. */
static void take_names(struct renamings *r, const struct nc_merged *out)
{
    for (unsigned i = 0; i < out->renamed_n && i < NC_RENAMED_MAX; i++)
        rename_one(r, &out->renamed[i].user, nc_str(out->renamed[i].name));
    if (out->renamed_n <= NC_RENAMED_MAX)
        return;
    r->q = (struct nc_query){.kind = NC_Q_ACCOUNTS, .row = on_account};
    enum nc_err e = nc_store_read_now(r->chat->opts.store, &r->q);
    if (e != NC_OK)
        nc_log(NC_ERROR, "merge.read", "error=%s", nc_strerr(e));
}

static void give_names(struct renamings *r)
{
    for (unsigned i = 0; i < r->n; i++)
        nc_user_renamed(r->chat, r->all[i].user, nc_str(r->all[i].to));
    for (unsigned i = 0; i < r->n; i++)
        renamed(r->chat, &r->all[i]);
    free(r->all);
}

/* ---- accounts ------------------------------------------------------------ */

struct persona_of {
    struct nc_query q;
    struct nc_chat *chat;
    struct nc_user *user;
};

static void on_persona(struct nc_query *q, const struct nc_row *row)
{
    struct persona_of *p = nc_of(q, struct persona_of, q);

    if (nc_id_eq(&row->persona.user, &p->user->a.id))
        nc_observe_persona(p->chat, p->user, &row->persona);
}

/* What came before the account itself. */
static void take_awaited(struct nc_following *f, struct nc_user *u)
{
    struct persona_of p = {
        .q = {.kind = NC_Q_PERSONAS, .row = on_persona}, .chat = f->chat, .user = u};

    nc_merge_members_of(f, &u->a.id);
    if (u->a.kind == NC_PERSONA) {
        enum nc_err e = nc_store_read_now(f->chat->opts.store, &p.q);
        if (e != NC_OK)
            nc_log(NC_ERROR, "merge.read", "error=%s", nc_strerr(e));
    }
}

/* It has the name it wanted, or that of the list. */
static struct nc_user *add(struct nc_chat *c, const struct nc_follow *x)
{
    struct nc_account a = x->record->account;
    const struct nc_merged *out = x->out;

    for (unsigned i = 0; i < out->renamed_n && i < NC_RENAMED_MAX; i++)
        if (nc_id_eq(&out->renamed[i].user, &a.id))
            a.username = nc_str(out->renamed[i].name);
    return nc_user_add(c, &a);
}

static void update(struct nc_chat *c, struct nc_user *u, const struct nc_account *a)
{
    u->a.kind = a->kind;
    u->a.created_ms = a->created_ms;
    u->proof += 2; /* the password may be another one */
    nc_user_changed(c, u, a);
}

static void shown(struct nc_following *f, const struct nc_follow *x,
                  struct renamings *names)
{
    struct nc_chat *c = f->chat;
    struct nc_user *u = nc_user_find(c, &x->ev->subject);

    if (!x->out->applied || !x->record)
        return;
    if (u) {
        update(c, u, &x->record->account);
    } else {
        u = add(c, x);
        if (!nc_str_eq(u->a.username, x->record->account.username))
            note(names, u, x->record->account.username, u->a.username);
        if (x->out->awaited)
            take_awaited(f, u);
    }
    if (u->a.disabled) {
        nc_hub_end(c->hub, u, NULL, 4401, "account disabled");
        nc_observe_ended(c, u, NULL);
    } else {
        nc_observe_account(c, u);
    }
}

/* It leaves its rooms without a word: those that were said before are events of theirs. */
static void leave(struct nc_chat *c, struct nc_user *u)
{
    unsigned n = 0;

    nc_list_each(it, &u->memberships)
        n++;
    struct nc_room **rooms = nc_alloc((n + 1) * sizeof(*rooms));
    n = 0;
    nc_list_each(it, &u->memberships)
        rooms[n++] = nc_of(it, struct nc_member, by_user)->room;
    nc_keys_forget(c, u);
    nc_user_deleted(c, u);
    for (unsigned i = 0; i < n; i++)
        nc_observe_member(c, rooms[i], u, NC_EV_MEMBER_LEFT);
    free(rooms);
}

/* Of somebody who goes before they came: their messages stay, as those of a deleted
 * account. */
static void went(struct nc_chat *c, const struct nc_follow *x)
{
    size_t slot = 0;

    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &slot));)
        free(nc_map_del(&r->bans, &x->ev->subject, sizeof(x->ev->subject)));
    if (!x->record)
        return;
    struct nc_account gone = x->record->account;
    gone.deleted = true;
    gone.username = gone.display_name = NC_STR("");
    nc_user_add(c, &gone);
}

static void deleted(struct nc_chat *c, const struct nc_follow *x)
{
    struct nc_user *u = nc_user_find(c, &x->ev->subject);

    if (!x->out->applied)
        return;
    if (!u)
        went(c, x);
    if (!u || u->a.deleted)
        return;
    if (x->record) {
        u->a.kind = x->record->account.kind;
        u->a.role = x->record->account.role;
        u->a.disabled = x->record->account.disabled;
        u->a.created_ms = x->record->account.created_ms;
    }
    leave(c, u);
    if (u->a.kind == NC_PERSONA)
        nc_observe_persona(c, u, NULL);
}

static void account(struct nc_following *f, const struct nc_follow *x)
{
    struct renamings names = {.chat = f->chat};

    take_names(&names, x->out);
    if (x->ev->kind == NC_EV_ACCOUNT_DELETED)
        deleted(f->chat, x);
    else
        shown(f, x, &names);
    give_names(&names);
}

/* ---- what is theirs ------------------------------------------------------ */

static void session_ended(struct nc_chat *c, const struct nc_event *ev)
{
    struct nc_user *u = nc_user_find(c, &ev->subject);

    if (!nc_id_zero(&ev->ref))
        nc_session_ended_now(c, u, &ev->ref);
    else if (u) /* all that began in or before its millisecond */
        nc_session_cut_at(c, u, ((ev->hlc >> 12) + 1) << 12);
}

static void key_changed(struct nc_chat *c, const struct nc_event *ev)
{
    struct nc_user *u = nc_user_find(c, &ev->subject);

    nc_keys_drop(c, &ev->ref); /* what is known of it is not so any more */
    if (ev->kind == NC_EV_KEY_DELETED)
        nc_tickets_forget(c, &ev->ref);
    if (!u)
        return;
    if (ev->kind == NC_EV_KEY_SET) {
        nc_observe_account(c, u);
        return;
    }
    nc_hub_end(c->hub, u, &ev->ref, 4401, "key deleted");
    nc_observe_ended(c, u, &ev->ref);
}

static void persona_changed(struct nc_chat *c, const struct nc_follow *x)
{
    struct nc_user *u = nc_user_find(c, &x->ev->subject);

    if (!u || (x->ev->kind == NC_EV_PERSONA_SET && (!x->record || u->a.deleted)))
        return;
    nc_observe_persona(c, u, x->ev->kind == NC_EV_PERSONA_SET ? &x->record->persona : NULL);
}

void nc_merge_people(struct nc_following *f, const struct nc_follow *x)
{
    switch (x->ev->kind) {
    case NC_EV_ACCOUNT_CREATED:
    case NC_EV_ACCOUNT_UPDATED:
    case NC_EV_ACCOUNT_DELETED: account(f, x); break;
    case NC_EV_SESSION_ENDED: session_ended(f->chat, x->ev); break;
    case NC_EV_KEY_SET:
    case NC_EV_KEY_DELETED:
        if (x->out->applied)
            key_changed(f->chat, x->ev);
        break;
    case NC_EV_PERSONA_SET:
    case NC_EV_PERSONA_DELETED:
        if (x->out->applied)
            persona_changed(f->chat, x);
        break;
    default: break;
    }
}
