#include "chat/talk/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/russian.h"
#include "base/utf8.h"
#include "chat/people/throttle.h"
#include "chat/talk/command_table.h"
#include "chat/talk/fetch.h"
#include "chat/talk/put.h"
#include "chat/talk/say.h"

/* The same command under the same client_id came again before the first was done. */
struct again {
    struct again *next;
    nc_sent_fn *done;
    void *arg;
};

struct nc_command_run {
    struct nc_query query;
    struct nc_commit commit;
    struct nc_change change;
    struct nc_chat *chat;
    struct nc_room *room;
    struct nc_actor who;
    const struct nc_command *row;
    char address[64];
    struct nc_id key[2]; /* user ‖ client_id; the latter may be zero */
    struct nc_str name, rest;
    struct nc_id said; /* client_id is a message's */
    bool known;        /* client_id is a command's: `answer` is what it said */
    struct nc_buf answer;
    nc_sent_fn *done;
    void *arg;
    struct again *again;
    char line[];
};

static const struct nc_command *const tables[] = {nc_commands_talk, nc_commands_room};

void nc_commands_init(struct nc_rooms *t) { nc_list_init(&t->commands); }

void nc_command_add(struct nc_chat *c, struct nc_command *cmd)
{
    nc_list_add(&c->talk->commands, &cmd->node);
}

const struct nc_command *nc_command_next(struct nc_command_run *run, unsigned *at)
{
    unsigned i = (*at)++;

    for (size_t t = 0; t < NC_COUNT(tables); t++)
        for (const struct nc_command *cmd = tables[t]; cmd->name; cmd++)
            if (i-- == 0)
                return cmd;
    nc_list_each(n, &run->chat->talk->commands)
        if (i-- == 0)
            return nc_of(n, struct nc_command, node);
    return NULL;
}

struct nc_chat *nc_command_chat(struct nc_command_run *run) { return run->chat; }
const struct nc_actor *nc_command_actor(struct nc_command_run *run) { return &run->who; }
struct nc_room *nc_command_room(struct nc_command_run *run) { return run->room; }
struct nc_str nc_command_rest(struct nc_command_run *run) { return run->rest; }
void *nc_command_arg(struct nc_command_run *run) { return run->row->arg; }

bool nc_command_ru(const struct nc_command_run *run)
{
    if (run->who.language != NC_ANY_LANGUAGE)
        return run->who.language == NC_RUSSIAN;
    return nc_is_cyrillic(run->name) || nc_is_cyrillic(run->rest) ||
           nc_is_cyrillic(run->who.user->a.display_name);
}

/* ---- the end of one ------------------------------------------------------------- */

static void finish(struct nc_command_run *run, const struct nc_problem *why,
                   const struct nc_sent *sent)
{
    struct again *a;

    if (!nc_id_zero(&run->key[1]))
        nc_map_del(&run->chat->talk->running, run->key, sizeof(run->key));
    run->done(run->arg, why, sent);
    while ((a = run->again)) {
        struct nc_sent repeat = sent ? *sent : (struct nc_sent){0};

        run->again = a->next;
        repeat.repeated = true;
        a->done(a->arg, why, why ? NULL : &repeat);
        free(a);
    }
    nc_buf_fini(&run->answer);
    free(run);
}

static void notice(struct nc_command_run *run, bool repeated)
{
    struct nc_sent sent = {
        .is_notice = true, .repeated = repeated, .notice = nc_buf_str(&run->answer)};

    finish(run, NULL, &sent);
}

void nc_command_fail(struct nc_command_run *run, const struct nc_problem *why)
{
    finish(run, why, NULL);
}

static void on_remembered(struct nc_commit *commit, enum nc_err e)
{
    struct nc_command_run *run = nc_of(commit, struct nc_command_run, commit);
    struct nc_problem why;

    if (e && e != NC_EEXIST) { /* done, but a repeat would do it again: say so */
        nc_rooms_why(&why, e);
        finish(run, &why, NULL);
        return;
    }
    notice(run, false);
}

static void answered(struct nc_command_run *run)
{
    struct nc_chat *c = run->chat;
    struct nc_message *m = &run->change.message;

    if (nc_id_zero(&run->key[1])) {
        notice(run, false);
        return;
    }
    run->change.kind = NC_COMMAND_RUN;
    m->sender = run->key[0];
    m->client_id = run->key[1];
    m->body = nc_buf_str(&run->answer);
    m->created_ms = nc_wall_ms();
    run->commit.changes = &run->change;
    run->commit.n = 1;
    run->commit.done = on_remembered;
    c->opts.store->ops->commit(c->opts.store, &run->commit);
}

void nc_command_answer_str(struct nc_command_run *run, struct nc_str text)
{
    nc_buf_adds(&run->answer, text);
    answered(run);
}

void nc_command_answer(struct nc_command_run *run, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        char *p = nc_buf_reserve(&run->answer, (size_t)n + 1);
        va_start(args, fmt);
        vsnprintf(p, (size_t)n + 1, fmt, args);
        va_end(args);
        nc_buf_grew(&run->answer, (size_t)n);
    }
    answered(run);
}

static void on_said(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    finish(arg, why, sent);
}

void nc_command_say(struct nc_command_run *run, enum nc_message_kind kind)
{
    struct nc_send in = {.text = run->rest, .client_id = run->key[1]};
    struct nc_problem why;

    if (!nc_message_text_ok(in.text, run->chat->opts.limits.message_max, &why) ||
        !nc_message_may_write(run->chat, &run->who, run->room, &why))
        finish(run, &why, NULL);
    else
        nc_message_say(run->chat, &run->who, run->room, &in, kind, on_said, run);
}

struct nc_user *nc_command_user(struct nc_command_run *run, struct nc_str *rest)
{
    struct nc_str word = nc_str_cut(rest, ' ');
    char name[32];
    size_t n = 0;
    struct nc_user *u;

    if (word.n && word.p[0] == '@')
        word.p++, word.n--;
    while (n < word.n && n < sizeof(name)) {
        char c = word.p[n];
        name[n++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    u = n == word.n ? nc_user_named(run->chat, (struct nc_str){name, n}) : NULL;
    if (!u && word.n == 0)
        nc_command_answer(run,
                          nc_command_ru(run) ? "Кого? Нужно имя: /%.*s @имя"
                                             : "Who? A name is needed: /%.*s @name",
                          NC_FMT(run->name));
    else if (!u)
        nc_command_answer(run,
                          nc_command_ru(run) ? "Нет никого с именем %.*s."
                                             : "There is nobody called %.*s.",
                          NC_FMT(word));
    return u;
}

/* ---- the beginning of one ------------------------------------------------------- */

static void dispatch(struct nc_command_run *run)
{
    unsigned at = 0;

    for (const struct nc_command *cmd; (cmd = nc_command_next(run, &at));)
        if (nc_str_ieq(run->name, nc_str(cmd->name))) {
            run->row = cmd;
            cmd->run(run);
            return;
        }
    nc_buf_printf(&run->answer,
                  nc_command_ru(run) ? "Нет команды /%.*s. Все команды: /help"
                                     : "There is no command /%.*s. All commands: /help",
                  NC_FMT(run->name));
    notice(run, false);
}

/* Reader thread. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_command_run *run = nc_of(q, struct nc_command_run, query);

    if (row->is_notice) {
        run->known = true;
        nc_buf_adds(&run->answer, row->notice);
    } else {
        run->said = row->message.id;
    }
}

static void on_message(struct nc_fetch *f, enum nc_err e)
{
    struct nc_command_run *run = f->arg;
    struct nc_sent sent = {.repeated = true, .message = f->message};
    struct nc_problem why;

    if (e || !f->found) {
        nc_rooms_why(&why, e ? e : NC_ENOENT);
        finish(run, &why, NULL);
    } else {
        finish(run, NULL, &sent);
    }
}

static void on_looked_up(struct nc_query *q, enum nc_err e)
{
    struct nc_command_run *run = nc_of(q, struct nc_command_run, query);
    struct nc_problem why;

    if (e) {
        nc_rooms_why(&why, e);
        finish(run, &why, NULL);
    } else if (run->known) {
        notice(run, true);
    } else if (!nc_id_zero(&run->said)) {
        nc_fetch(run->chat, &run->said, on_message, run);
    } else {
        dispatch(run);
    }
}

static void on_turn_end(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_command_run *run = arg;

    (void)r;
    if (why)
        finish(run, why, NULL);
    else
        dispatch(run);
}

static struct nc_command_run *run_new(struct nc_chat *c, const struct nc_actor *who,
                                      struct nc_room *r, const struct nc_send *in)
{
    struct nc_command_run *run = nc_alloc(sizeof(*run) + in->text.n);
    struct nc_str line = {run->line, in->text.n};
    size_t address = who->address.n < sizeof(run->address) ? who->address.n : 0;

    memcpy(run->line, in->text.p, in->text.n);
    if (address)
        memcpy(run->address, who->address.p, address);
    run->chat = c;
    run->room = r;
    run->who = *who;
    run->who.address = (struct nc_str){run->address, address};
    run->key[0] = who->user->a.id;
    run->key[1] = in->client_id;

    line.p++, line.n--;
    size_t n = 0;
    while (n < line.n && line.p[n] != ' ' && line.p[n] != '\n' && line.p[n] != '\t')
        n++;
    run->name = (struct nc_str){line.p, n};
    run->rest = nc_str_trim((struct nc_str){line.p + n, line.n - n});
    return run;
}

static bool may_run(struct nc_chat *c, const struct nc_actor *who, const struct nc_room *r,
                    struct nc_problem *why)
{
    if (!nc_room_is_alive(r) ||
        (!nc_room_member(r, who->user) && r->rec.visibility != NC_PUBLIC)) {
        nc_problem_set(why, NC_P_NOT_FOUND,
                       "There is no such room, or it is not open to you.");
        return false;
    }
    return nc_rate_take(c, who->user, NC_RATE_SENDS, why);
}

void nc_command_start(struct nc_chat *c, const struct nc_actor *who, struct nc_room *r,
                      const struct nc_send *in, nc_sent_fn *done, void *arg)
{
    struct nc_id key[2] = {who->user->a.id, in->client_id};
    bool once = !nc_id_zero(&in->client_id);
    struct nc_command_run *run =
        once ? nc_map_get(&c->talk->running, key, sizeof(key)) : NULL;
    struct nc_problem why;

    if (!may_run(c, who, r, &why)) {
        nc_rooms_later_sent(c, done, arg, &why, NULL);
        return;
    }
    if (run) {
        struct again *a = nc_alloc(sizeof(*a));
        *a = (struct again){run->again, done, arg};
        run->again = a;
        return;
    }
    run = run_new(c, who, r, in);
    run->done = done;
    run->arg = arg;
    if (!once) {
        nc_rooms_later(c, on_turn_end, run, NULL, r);
        return;
    }
    nc_map_put(&c->talk->running, run->key, sizeof(run->key), run);
    run->query.kind = NC_Q_BY_CLIENT;
    run->query.user = run->key[0];
    run->query.id = run->key[1];
    run->query.row = on_row;
    run->query.done = on_looked_up;
    c->opts.store->ops->read(c->opts.store, &run->query);
}
