#include "chat/talk/system.h"

#include <stdlib.h>

#include "base/log.h"
#include "chat/people/builtin.h"
#include "chat/talk/put.h"
#include "wire/json.h"

/* A line that waits until the account has been made. */
struct line {
    struct nc_list node;
    struct nc_room *room;
    struct nc_buf text;
    const char *code;
};

static void on_said(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    (void)arg;
    (void)sent;
    if (why)
        nc_log(NC_WARN, "system.say", "error=%s", nc_problem_name(why->code));
}

static void say(struct nc_chat *c, struct nc_user *system, struct nc_room *r,
                struct nc_str text, const char *code)
{
    struct nc_put put = {.kind = NC_NOTICE, .text = text, .code = nc_str(code ? code : "")};

    nc_put_run(nc_put_new(c, r, system, &put, on_said, NULL));
}

struct making {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
};

static void on_made(struct nc_commit *commit, enum nc_err e)
{
    struct making *m = nc_of(commit, struct making, commit);
    struct nc_rooms *t = m->chat->talk;
    struct nc_user *system = e ? NULL : nc_user_add(m->chat, &m->change.account);

    if (e == NC_EEXIST) { /* another node's came meanwhile */
        system = nc_user_find(m->chat, &m->change.account.id);
        e = system ? NC_OK : e;
    }
    if (e)
        nc_log(NC_WARN, "system.account", "error=%s", nc_strerr(e));
    t->making_system = false;
    for (struct nc_list *n; (n = nc_list_pop(&t->unsaid));) {
        struct line *l = nc_of(n, struct line, node);
        if (system)
            say(m->chat, system, l->room, nc_buf_str(&l->text), l->code);
        nc_buf_fini(&l->text);
        free(l);
    }
    free(m);
}

static void make(struct nc_chat *c)
{
    struct making *m = nc_alloc(sizeof(*m));
    struct nc_account *a = &m->change.account;
    struct nc_event *ev = &m->change.event;

    m->chat = c;
    m->change.kind = NC_ACCOUNT_INSERT;
    *a = nc_builtin_account(NC_SYSTEM, NC_STR(NC_SYSTEM_NAME), NC_STR("NeuralChat"));
    *ev = nc_room_event(c, NC_EV_ACCOUNT_CREATED, &a->id, NULL, NULL);
    ev->audience = NC_AUD_ADMINS;
    ev->subject = a->id;
    ev->hlc = nc_builtin_stamp(a);
    m->commit.changes = &m->change;
    m->commit.n = 1;
    m->commit.done = on_made;
    c->talk->making_system = true;
    c->opts.store->ops->commit(c->opts.store, &m->commit);
}

void nc_message_system(struct nc_chat *c, struct nc_room *r, const struct nc_notice *n)
{
    struct nc_user *system = nc_user_named(c, NC_STR(NC_SYSTEM_NAME));

    if (system && system->a.kind != NC_SYSTEM) {
        nc_log(NC_WARN, "system.account", "error=taken");
        return;
    }
    if (system) {
        say(c, system, r, n->text, n->code);
        return;
    }

    struct line *l = nc_alloc(sizeof(*l));

    l->room = r;
    l->code = n->code;
    nc_buf_adds(&l->text, n->text);
    nc_list_add(&c->talk->unsaid, &l->node);
    if (!c->talk->making_system)
        make(c);
}

void nc_message_notice(struct nc_chat *c, struct nc_user *u, const struct nc_room *r,
                       const struct nc_notice *n)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("notice"));
    nc_json_kid(&j, "room", &r->rec.id);
    nc_json_kstr(&j, "text", n->text);
    if (n->code)
        nc_json_kstr(&j, "code", nc_str(n->code));
    if (n->retry_after_s)
        nc_json_kuint(&j, "retry_after", n->retry_after_s);
    nc_json_obj_end(&j);
    nc_hub_publish_ephemeral(c->hub, &u->topic, "notice", nc_buf_str(&out));
    nc_buf_fini(&out);
}

void nc_system_free(struct nc_rooms *t)
{
    for (struct nc_list *n; (n = nc_list_pop(&t->unsaid));) {
        struct line *l = nc_of(n, struct line, node);
        nc_buf_fini(&l->text);
        free(l);
    }
}
