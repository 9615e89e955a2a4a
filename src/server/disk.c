#include "server/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "chat/live/hub.h"
#include "chat/user.h"
#include "loop/loop.h"
#include "server/server.h"
#include "wire/json.h"

#define LOOK_EVERY_MS 5000

enum state { OK, LOW, FULL };
static const char *const names[] = {[OK] = "ok", [LOW] = "low", [FULL] = "full"};

struct nc_disk {
    struct nc_server *server;
    struct nc_deadline deadline;
    enum state state;
    uint64_t left;
};

/* Both languages in one line: the node does not know which one its owner reads. */
static void tell_owners(struct nc_disk *d, const char *en, const char *ru)
{
    struct nc_buf text = {0}, json = {0};
    size_t at = 0;

    nc_buf_printf(&text, "%s / %s (%llu MiB)", en, ru, (unsigned long long)(d->left >> 20));
    struct nc_json j = nc_json_to(&json);
    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("notice"));
    nc_json_kstr(&j, "text", nc_buf_str(&text));
    nc_json_obj_end(&j);
    for (struct nc_user *u; (u = nc_map_next(&d->server->chat->users_by_id, &at));)
        if (u->a.role == NC_ROLE_OWNER)
            nc_hub_publish_ephemeral(d->server->chat->hub, &u->topic, "notice",
                                     nc_buf_str(&json));
    nc_buf_fini(&json);
    nc_buf_fini(&text);
}

static void enter(struct nc_disk *d, enum state to)
{
    if (to == d->state)
        return;
    nc_log(to == OK ? NC_INFO : NC_WARN, "disk.state", "state=%s left_bytes=%llu",
           names[to], (unsigned long long)d->left);
    if (to > d->state)
        tell_owners(d,
                    to == FULL ? "The disk is full: messages are refused"
                               : "The disk is filling up",
                    to == FULL ? "Диск заполнен: сообщения не принимаются"
                               : "На диске заканчивается место");
    d->state = to;
    d->server->chat->sends_stopped = to == FULL;
}

static void look(struct nc_disk *d)
{
    uint64_t min = d->server->cfg->disk_free_min;
    struct statvfs fs;

    if (statvfs(d->server->cfg->data, &fs) != 0) {
        nc_log(NC_WARN, "disk.statvfs", "errno=%d", errno);
        return;
    }
    d->left = (uint64_t)fs.f_bavail * fs.f_frsize;
    enter(d, d->left < min ? FULL : d->left / 2 < min ? LOW : OK);
}

static void on_deadline(struct nc_deadline *deadline)
{
    struct nc_disk *d = nc_of(deadline, struct nc_disk, deadline);

    look(d);
    nc_loop_deadline(d->server->loop, &d->deadline, LOOK_EVERY_MS);
}

struct nc_disk *nc_disk_new(struct nc_server *s)
{
    struct nc_disk *d = nc_alloc(sizeof(*d));

    *d = (struct nc_disk){.server = s, .deadline = {.fire = on_deadline}};
    look(d);
    nc_loop_deadline(s->loop, &d->deadline, LOOK_EVERY_MS);
    return d;
}

void nc_disk_free(struct nc_disk *d)
{
    if (!d)
        return;
    nc_loop_deadline(d->server->loop, &d->deadline, 0);
    free(d);
}

uint64_t nc_disk_left(const struct nc_disk *d) { return d->left; }
const char *nc_disk_state(const struct nc_disk *d) { return names[d->state]; }
