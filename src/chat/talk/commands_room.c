#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "chat/talk/command_table.h"

/* Commands about the room and who is in it. */

/* A room by id, or by its name (a leading '#' aside), among those one may see: one's own
 * first.  NULL if there is none. */
static struct nc_room *find_room(struct nc_command_run *run, struct nc_str name)
{
    struct nc_chat *c = nc_command_chat(run);
    const struct nc_actor *who = nc_command_actor(run);
    struct nc_buf want = {0}, is = {0};
    struct nc_room *found = NULL;
    struct nc_id id;
    size_t at = 0;

    if (nc_id_parse(name, &id) == NC_OK)
        return nc_room_visible(c, who, &id, NULL);
    if (name.n && name.p[0] == '#')
        name.p++, name.n--;
    nc_utf8_fold(name, true, &want);
    for (struct nc_room *r; (r = nc_map_next(&c->rooms, &at));) {
        bool mine = nc_room_member(r, who->user) != NULL;

        if (!nc_room_is_alive(r) || !r->rec.name.n ||
            (!mine && r->rec.visibility != NC_PUBLIC))
            continue;
        nc_buf_clear(&is);
        nc_utf8_fold(r->rec.name, true, &is);
        if (nc_str_eq(nc_buf_str(&is), nc_buf_str(&want)) && (!found || mine))
            found = r;
    }
    nc_buf_fini(&want);
    nc_buf_fini(&is);
    return found;
}

static void on_joined(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_command_run *run = arg;

    if (why)
        nc_command_fail(run, why);
    else
        nc_command_answer(run,
                          nc_command_ru(run) ? "Вы в комнате «%.*s»."
                                             : "You are in the room “%.*s”.",
                          NC_FMT(r->rec.name));
}

static void run_join(struct nc_command_run *run)
{
    struct nc_str name = nc_command_rest(run);
    struct nc_room *r = name.n ? find_room(run, name) : nc_command_room(run);

    if (r)
        nc_room_join(nc_command_chat(run), nc_command_actor(run), r, on_joined, run);
    else
        nc_command_answer(run,
                          nc_command_ru(run) ? "Нет открытой комнаты «%.*s»."
                                             : "There is no open room “%.*s”.",
                          NC_FMT(name));
}

static void on_left(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_command_run *run = arg;

    if (why)
        nc_command_fail(run, why);
    else
        nc_command_answer(run,
                          nc_command_ru(run) ? "Вы вышли из комнаты «%.*s»."
                                             : "You have left the room “%.*s”.",
                          NC_FMT(r->rec.name));
}

static void run_leave(struct nc_command_run *run)
{
    nc_room_leave(nc_command_chat(run), nc_command_actor(run), nc_command_room(run),
                  on_left, run);
}

static void on_topic(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_command_run *run = arg;

    if (why)
        nc_command_fail(run, why);
    else
        nc_command_answer(run, nc_command_ru(run) ? "Тема: %.*s" : "The topic: %.*s",
                          NC_FMT(r->rec.topic));
}

static void run_topic(struct nc_command_run *run)
{
    struct nc_room *r = nc_command_room(run);
    struct nc_str topic = nc_command_rest(run);
    struct nc_room_patch patch = {.topic = &topic};

    if (topic.n)
        nc_room_update(nc_command_chat(run), nc_command_actor(run), r, &patch, on_topic,
                       run);
    else
        on_topic(run, NULL, r);
}

static void on_done(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    struct nc_command_run *run = arg;

    (void)r;
    if (why)
        nc_command_fail(run, why);
    else
        nc_command_answer(run, nc_command_ru(run) ? "Сделано." : "Done.");
}

static void run_invite(struct nc_command_run *run)
{
    struct nc_str rest = nc_command_rest(run);
    struct nc_user *u = nc_command_user(run, &rest);
    struct nc_room *r = nc_command_room(run);

    if (!u)
        return;
    if (nc_room_member(r, u))
        nc_command_answer(run,
                          nc_command_ru(run) ? "%.*s уже здесь." : "%.*s is here already.",
                          NC_FMT(u->a.username));
    else
        nc_room_put_member(nc_command_chat(run), nc_command_actor(run), r, u, NC_MEMBER,
                           on_done, run);
}

static void run_kick(struct nc_command_run *run)
{
    struct nc_str rest = nc_command_rest(run);
    struct nc_user *u = nc_command_user(run, &rest);

    if (u)
        nc_room_kick(nc_command_chat(run), nc_command_actor(run), nc_command_room(run), u,
                     on_done, run);
}

/* "30m", "2h", "7d" -> milliseconds; 0 for ever when nothing is said; false: neither. */
static bool duration(struct nc_str s, uint64_t *ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    uint64_t n;

    *ms = 0;
    if (!s.n)
        return true;
    for (size_t i = 0; i < NC_COUNT(units); i++)
        if (s.p[s.n - 1] == units[i].unit &&
            nc_str_u64((struct nc_str){s.p, s.n - 1}, 100000, &n) == NC_OK && n > 0) {
            *ms = n * units[i].ms;
            return true;
        }
    return false;
}

static void run_ban(struct nc_command_run *run)
{
    struct nc_str rest = nc_command_rest(run);
    struct nc_user *u = nc_command_user(run, &rest);
    uint64_t ms;

    if (!u)
        return;
    if (duration(nc_str_trim(rest), &ms))
        nc_room_ban(nc_command_chat(run), nc_command_actor(run), nc_command_room(run), u,
                    ms ? nc_wall_ms() + ms : 0, on_done, run);
    else
        nc_command_answer(run,
                          nc_command_ru(run)
                              ? "На сколько? 30m, 2h, 7d или навсегда: /ban @%.*s"
                              : "For how long? 30m, 2h, 7d, or for ever: /ban @%.*s",
                          NC_FMT(u->a.username));
}

const struct nc_command nc_commands_room[] = {
    {.name = "join",
     .args = "room",
     .args_ru = "комната",
     .help_en = "come into an open room",
     .help_ru = "войти в открытую комнату",
     .run = run_join},
    {.name = "leave",
     .args = "",
     .help_en = "leave this room",
     .help_ru = "выйти из этой комнаты",
     .run = run_leave},
    {.name = "topic",
     .args = "[text]",
     .args_ru = "[текст]",
     .help_en = "show or set the room's topic",
     .help_ru = "показать или сменить тему комнаты",
     .run = run_topic},
    {.name = "invite",
     .args = "@user",
     .args_ru = "@имя",
     .help_en = "bring somebody in",
     .help_ru = "позвать в комнату",
     .run = run_invite},
    {.name = "kick",
     .args = "@user",
     .args_ru = "@имя",
     .help_en = "put somebody out",
     .help_ru = "удалить из комнаты",
     .run = run_kick},
    {.name = "ban",
     .args = "@user [30m|2h|7d]",
     .args_ru = "@имя [30m|2h|7d]",
     .help_en = "put somebody out and keep them out",
     .help_ru = "удалить и не пускать",
     .run = run_ban},
    {.name = NULL},
};
