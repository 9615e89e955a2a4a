#include "chat/live/presence.h"
#include "chat/people/account.h"
#include "chat/talk/command_table.h"
#include "chat/talk/read.h"

/* Commands about oneself and about talking. */

static void help_row(struct nc_buf *out, const struct nc_command *cmd, bool ru)
{
    const char *args = ru && cmd->args_ru ? cmd->args_ru : cmd->args;

    nc_buf_printf(out, "/%s%s%s — %s\n", cmd->name, *args ? " " : "", args,
                  ru ? cmd->help_ru : cmd->help_en);
}

static void run_help(struct nc_command_run *run)
{
    struct nc_str wanted = nc_command_rest(run);
    bool ru = nc_command_ru(run);
    struct nc_buf out = {0};
    unsigned at = 0;

    if (wanted.n && wanted.p[0] == '/')
        wanted.p++, wanted.n--;
    for (const struct nc_command *cmd; (cmd = nc_command_next(run, &at));)
        if (!wanted.n || nc_str_ieq(wanted, nc_str(cmd->name)))
            help_row(&out, cmd, ru);
    if (!wanted.n)
        nc_buf_adds(&out, ru ? NC_STR("//текст — сказать /текст как есть")
                             : NC_STR("//text — say /text as it is"));
    if (out.n)
        nc_command_answer_str(run, nc_str_trim(nc_buf_str(&out)));
    else
        nc_command_answer(run, ru ? "Нет такой команды. Все команды: /help"
                                  : "There is no such command. All: /help");
    nc_buf_fini(&out);
}

static void run_me(struct nc_command_run *run)
{
    if (nc_command_rest(run).n)
        nc_command_say(run, NC_ACTION);
    else
        nc_command_answer(run, nc_command_ru(run) ? "Что вы делаете? /me машет рукой"
                                                  : "What do you do? /me waves");
}

static void on_cleared(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_command_run *run = arg;

    (void)r;
    if (why)
        nc_command_fail(run, why);
    else
        nc_command_answer(run, nc_command_ru(run)
                                   ? "Всё сказанное до сих пор скрыто — только для вас."
                                   : "What was said so far is hidden, for you alone.");
}

static void run_clear(struct nc_command_run *run)
{
    nc_room_clear(nc_command_chat(run), nc_command_actor(run), nc_command_room(run),
                  on_cleared, run);
}

static void on_renamed(void *arg, const struct nc_problem *why)
{
    struct nc_command_run *run = arg;

    if (why)
        nc_command_fail(run, why);
    else
        nc_command_answer(
            run, nc_command_ru(run) ? "Теперь вас зовут %.*s." : "You are called %.*s now.",
            NC_FMT(nc_command_actor(run)->user->a.display_name));
}

static void run_nick(struct nc_command_run *run)
{
    const struct nc_actor *who = nc_command_actor(run);

    if (nc_command_rest(run).n)
        nc_account_rename(nc_command_chat(run), who, who->user, nc_command_rest(run),
                          on_renamed, run);
    else
        nc_command_answer(run,
                          nc_command_ru(run) ? "Вас зовут %.*s. Сменить: /nick имя"
                                             : "You are called %.*s. Change: /nick name",
                          NC_FMT(who->user->a.display_name));
}

static void run_who(struct nc_command_run *run)
{
    struct nc_chat *c = nc_command_chat(run);
    struct nc_room *r = nc_command_room(run);
    struct nc_buf out = {0};
    unsigned here = 0, shown = 0;
    size_t at = 0;

    for (struct nc_member *m; (m = nc_map_next(&r->members, &at));) {
        if (m->leaving || !nc_presence_online(c, m->user))
            continue;
        here++;
        if (++shown <= 100)
            nc_buf_printf(&out, "%s%.*s", shown > 1 ? ", " : "",
                          NC_FMT(m->user->a.username));
    }
    const char *list = here ? ": " : ""; /* then comes who */
    if (nc_command_ru(run))
        nc_command_answer(run, "Здесь %u из %zu%s%.*s", here, r->members.n, list,
                          NC_FMT(nc_buf_str(&out)));
    else
        nc_command_answer(run, "%u of %zu are here%s%.*s", here, r->members.n, list,
                          NC_FMT(nc_buf_str(&out)));
    nc_buf_fini(&out);
}

const struct nc_command nc_commands_talk[] = {
    {.name = "help",
     .args = "[command]",
     .args_ru = "[команда]",
     .help_en = "what can be done here",
     .help_ru = "что здесь можно",
     .run = run_help},
    {.name = "me",
     .args = "text",
     .args_ru = "текст",
     .help_en = "say what you do",
     .help_ru = "сказать, что вы делаете",
     .run = run_me},
    {.name = "nick",
     .args = "name",
     .args_ru = "имя",
     .help_en = "change the name others see",
     .help_ru = "сменить имя, которое видят другие",
     .run = run_nick},
    {.name = "clear",
     .args = "",
     .help_en = "hide what was said so far, for you alone",
     .help_ru = "скрыть сказанное, только для вас",
     .run = run_clear},
    {.name = "who",
     .args = "",
     .help_en = "who is here now",
     .help_ru = "кто сейчас здесь",
     .run = run_who},
    {.name = NULL},
};
