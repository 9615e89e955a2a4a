#include "chat/people/invite.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/rooms/rooms.h"
#include "crypto/token.h"
#include "wire/json.h"

#define WEEK_MS (7ull * 86400 * 1000)
#define YEAR_MS (366ull * 86400 * 1000)
enum { FORMED_MAX = 64 };

void nc_invite_hash(struct nc_str code, uint8_t out[32])
{
    char text[FORMED_MAX];
    size_t n = 0;

    code = nc_str_trim(code);
    for (; n < code.n && n < sizeof text; n++)
        text[n] = (char)toupper((unsigned char)code.p[n]);
    nc_sha256(text, n, out);
}

static void url_add(struct nc_buf *out, struct nc_str public_url, struct nc_str code)
{
    nc_buf_printf(out, "%.*s/#invite=%.*s", NC_FMT(public_url), NC_FMT(code));
}

void nc_invite_url(const struct nc_chat *c, struct nc_str code, struct nc_buf *out)
{
    url_add(out, c->opts.public_url, code);
}

void nc_invite_json(struct nc_json *j, const struct nc_invite *i, struct nc_str public_url)
{
    struct nc_buf url = {0};

    url_add(&url, public_url, i->code);
    nc_json_kid(j, "id", &i->id);
    nc_json_kstr(j, "code", i->code);
    nc_json_kstr(j, "url", nc_buf_str(&url));
    if (!nc_id_zero(&i->room))
        nc_json_kid(j, "room", &i->room);
    nc_json_kuint(j, "uses_left", i->uses_left);
    nc_json_ktime(j, "created_at", i->created_ms);
    nc_json_ktime(j, "expires_at", i->expires_ms);
    nc_buf_fini(&url);
}

struct op {
    struct nc_op op;
    struct nc_user *user; /* NULL: the admin socket */
    char address[64];
    struct nc_invite rec;
    char code[NC_INVITE_TEXT];
    bool admin, found;
    unsigned held;
    uint64_t now_ms;
    struct nc_query query;
    struct nc_commit commit;
    struct nc_change change;
    struct nc_buf url, json;
    struct nc_json out;
    nc_invite_fn *made;
    nc_done_fn *done;
    nc_json_fn *listed;
    void *arg;
};

static bool is_admin(const struct nc_actor *who)
{
    return who->admin_socket || (who->user && who->user->a.role >= NC_ROLE_ADMIN);
}

static struct op *op_new(struct nc_chat *c, const struct nc_actor *who,
                         void (*finish)(struct nc_op *op), void *arg)
{
    struct op *x = nc_alloc(sizeof *x);

    nc_op_init(&x->op, c, finish);
    nc_people_copy(x->address, sizeof x->address, who->address);
    x->user = who->user;
    x->admin = is_admin(who);
    x->now_ms = nc_wall_ms();
    x->arg = arg;
    return x;
}

static const struct nc_id *actor_id(const struct op *x)
{
    return x->user ? &x->user->a.id : NULL;
}

static void audit(struct op *x, const char *action)
{
    nc_people_audit(x->op.chat, action, x->user ? x->user->a.username : NC_STR(""),
                    NC_STR(""), nc_str(x->address), nc_op_why(&x->op));
}

static void op_free(struct op *x)
{
    nc_buf_fini(&x->url);
    nc_buf_fini(&x->json);
    nc_wipe(x->code, sizeof x->code);
    free(x);
}

static void query(struct op *x, void (*row)(struct nc_query *q, const struct nc_row *row),
                  void (*done)(struct nc_query *q, enum nc_err e))
{
    struct nc_store *s = x->op.chat->opts.store;

    x->query = (struct nc_query){.kind = NC_Q_INVITES, .row = row, .done = done};
    if (!x->admin)
        x->query.id = x->user->a.id;
    s->ops->read(s, &x->query);
}

static bool usable(const struct op *x, const struct nc_invite *i)
{
    return i->uses_left && (!i->expires_ms || i->expires_ms > x->now_ms);
}

/* ---- create -------------------------------------------------------------- */

static void finish_create(struct nc_op *op)
{
    struct op *x = nc_of(op, struct op, op);

    audit(x, "invite.create");
    if (!op->why.code)
        nc_invite_url(op->chat, x->rec.code, &x->url);
    x->made(x->arg, nc_op_why(op), op->why.code ? NULL : &x->rec, nc_buf_str(&x->url));
    op_free(x);
}

static void on_created(struct nc_commit *commit, enum nc_err e)
{
    struct op *x = nc_of(commit, struct op, commit);

    if (e)
        nc_op_err(&x->op, e);
    else
        nc_op_end(&x->op);
}

static void on_held(struct nc_query *q, const struct nc_row *row)
{
    struct op *x = nc_of(q, struct op, query);

    if (usable(x, &row->invite) && nc_id_eq(&row->invite.by, &x->rec.by))
        x->held++;
}

static void on_held_read(struct nc_query *q, enum nc_err e)
{
    struct op *x = nc_of(q, struct op, query);
    struct nc_chat *c = x->op.chat;
    unsigned max = c->opts.limits.invites_per_user;

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    if (x->held >= max) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "at most %u open invites: delete one first",
                   max);
        return;
    }
    x->change = (struct nc_change){.kind = NC_INVITE_INSERT, .invite = x->rec};
    x->change.event =
        nc_people_event(c, NC_EV_INVITE_SET, NC_AUD_ADMINS, &x->rec.id, NULL, actor_id(x));
    nc_op_commit(&x->op, &x->commit, &x->change, 1, on_created);
}

static bool may_bring_into(const struct nc_actor *who, const struct nc_room *r)
{
    if (r->rec.kind != NC_ROOM || !nc_room_is_alive(r))
        return false;
    return r->rec.visibility == NC_PUBLIC || nc_room_rank(r, who) > NC_MODERATOR;
}

bool nc_invite_opens(struct nc_chat *c, const struct nc_invite *i, const struct nc_room *r)
{
    struct nc_actor by = {.user = nc_user_find(c, &i->by),
                          .admin_socket = nc_id_zero(&i->by)};

    return may_bring_into(&by, r);
}

void nc_invite_create(struct nc_chat *c, const struct nc_actor *who,
                      const struct nc_invite_new *in, nc_invite_fn *done, void *arg)
{
    struct op *x = op_new(c, who, finish_create, arg);

    x->made = done;
    if (in->uses < 1 || in->uses > NC_INVITE_USES_MAX) {
        nc_op_fail(&x->op, NC_P_BAD_REQUEST, "uses must be 1 to %d", NC_INVITE_USES_MAX);
        return;
    }
    if (in->expires_ms &&
        (in->expires_ms <= x->now_ms || in->expires_ms > x->now_ms + YEAR_MS)) {
        nc_op_fail(&x->op, NC_P_BAD_REQUEST, "expires_at must lie within the next year");
        return;
    }
    if (c->opts.registration == NC_REG_CLOSED && !x->admin) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN, "registration is closed");
        return;
    }
    if (in->room && !may_bring_into(who, in->room)) {
        nc_op_fail(&x->op, NC_P_FORBIDDEN,
                   "only its moderators bring people into that room");
        return;
    }
    nc_token_code(NC_INVITE_GROUPS, x->code);
    x->rec = (struct nc_invite){.id = nc_hlc_id(nc_hlc_now(&c->clock)),
                                .code = nc_str(x->code),
                                .uses_left = in->uses,
                                .created_ms = x->now_ms,
                                .expires_ms =
                                    in->expires_ms ? in->expires_ms : x->now_ms + WEEK_MS};
    if (x->user)
        x->rec.by = x->user->a.id;
    if (in->room)
        x->rec.room = in->room->rec.id;
    nc_invite_hash(x->rec.code, x->rec.hash);
    query(x, on_held, on_held_read);
}

/* ---- list ---------------------------------------------------------------- */

static void finish_list(struct nc_op *op)
{
    struct op *x = nc_of(op, struct op, op);

    x->listed(x->arg, nc_op_why(op), op->why.code ? NULL : &x->json);
    op_free(x);
}

static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct op *x = nc_of(q, struct op, query);

    if (!usable(x, &row->invite))
        return;
    nc_json_obj(&x->out);
    nc_invite_json(&x->out, &row->invite, x->op.chat->opts.public_url);
    nc_json_obj_end(&x->out);
}

static void on_listed(struct nc_query *q, enum nc_err e)
{
    struct op *x = nc_of(q, struct op, query);

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    nc_json_arr_end(&x->out);
    nc_json_obj_end(&x->out);
    nc_op_end(&x->op);
}

void nc_invite_list(struct nc_chat *c, const struct nc_actor *who, nc_json_fn *done,
                    void *arg)
{
    struct op *x = op_new(c, who, finish_list, arg);

    x->listed = done;
    x->out = nc_json_to(&x->json);
    nc_json_obj(&x->out);
    nc_json_key(&x->out, "invites");
    nc_json_arr(&x->out);
    query(x, on_row, on_listed);
}

/* ---- delete -------------------------------------------------------------- */

static void finish_delete(struct nc_op *op)
{
    struct op *x = nc_of(op, struct op, op);

    audit(x, "invite.delete");
    x->done(x->arg, nc_op_why(op));
    op_free(x);
}

static void no_such(struct op *x)
{
    nc_op_fail(&x->op, NC_P_NOT_FOUND, "there is no such invite");
}

static void on_deleted(struct nc_commit *commit, enum nc_err e)
{
    struct op *x = nc_of(commit, struct op, commit);

    if (e == NC_ENOENT)
        no_such(x);
    else if (e)
        nc_op_err(&x->op, e);
    else
        nc_op_end(&x->op);
}

static void on_mine(struct nc_query *q, const struct nc_row *row)
{
    struct op *x = nc_of(q, struct op, query);

    if (nc_id_eq(&row->invite.id, &x->rec.id))
        x->found = true;
}

static void on_mine_read(struct nc_query *q, enum nc_err e)
{
    struct op *x = nc_of(q, struct op, query);

    if (e) {
        nc_op_err(&x->op, e);
        return;
    }
    if (!x->found) {
        no_such(x);
        return;
    }
    x->change = (struct nc_change){.kind = NC_INVITE_DELETE, .invite = {.id = x->rec.id}};
    x->change.event = nc_people_event(x->op.chat, NC_EV_INVITE_DELETED, NC_AUD_ADMINS,
                                      &x->rec.id, NULL, actor_id(x));
    nc_op_commit(&x->op, &x->commit, &x->change, 1, on_deleted);
}

void nc_invite_delete(struct nc_chat *c, const struct nc_actor *who, const struct nc_id *id,
                      nc_done_fn *done, void *arg)
{
    struct op *x = op_new(c, who, finish_delete, arg);

    x->done = done;
    x->rec.id = *id;
    query(x, on_mine, on_mine_read);
}
