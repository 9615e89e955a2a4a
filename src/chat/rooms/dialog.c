#include "chat/rooms/dialog.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chat/rooms/rooms.h"
#include "chat/talk/event.h"
#include "wire/json_in.h"

#define AUTO_TITLE "auto_title"

/* The settings as an object; NULL where there are none. */
static json_t *settings_of(struct nc_str settings)
{
    struct nc_problem odd;
    json_t *root = NULL;

    return settings.n && nc_json_parse(settings, &root, &odd) == NC_OK ? root : NULL;
}

/* Written into *out, which the record borrows from then on.  Frees `root`. */
static void rewrite(struct nc_room_rec *rec, json_t *root, struct nc_buf *out)
{
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));

    if (text) {
        nc_buf_clear(out);
        nc_buf_adds(out, nc_str(text));
        rec->settings = nc_buf_str(out);
    }
    free(text);
    json_decref(root);
}

void nc_dialog_unnamed(const struct nc_chat *c, const struct nc_user *maker,
                       struct nc_room_rec *rec, struct nc_buf *settings)
{
    json_t *root = settings_of(nc_event_room_ai(rec, c->room_ai));
    bool ru = nc_is_cyrillic(maker->a.display_name) || nc_is_cyrillic(rec->topic) ||
              nc_is_cyrillic(rec->settings);

    rec->name = ru ? NC_STR("Новый диалог") : NC_STR("New dialog");
    if (!root)
        return;
    json_object_set_new(root, AUTO_TITLE, json_true());
    rewrite(rec, root, settings);
}

void nc_dialog_named(struct nc_room_rec *rec, struct nc_buf *settings)
{
    json_t *root = rec->kind == NC_DIALOG ? settings_of(rec->settings) : NULL;

    if (root && json_object_del(root, AUTO_TITLE) == 0)
        rewrite(rec, root, settings);
    else
        json_decref(root);
}

static void on_titled(void *arg, const struct nc_problem *why, struct nc_room *r)
{
    (void)arg;
    (void)r;
    if (why)
        nc_log(NC_WARN, "dialog.title", "error=%s", nc_problem_name(why->code));
}

void nc_dialog_title(struct nc_chat *c, struct nc_room *r, struct nc_str title)
{
    /* In the name of who made it: a change of a room is somebody's. */
    struct nc_actor who = {.user = nc_user_find(c, &r->rec.created_by)};
    struct nc_room_patch patch = {.name = &title};
    json_t *root = r->rec.kind == NC_DIALOG ? settings_of(r->rec.settings) : NULL;
    bool untitled = root && json_is_true(json_object_get(root, AUTO_TITLE));

    json_decref(root);
    if (untitled && who.user && !r->changing)
        nc_room_update(c, &who, r, &patch, on_titled, NULL);
}

void nc_dialog_from(struct nc_room_rec *rec, const struct nc_message *from,
                    struct nc_buf *settings)
{
    char room[NC_ID_TEXT + 1] = "", message[NC_ID_TEXT + 1] = "";
    json_t *root = settings_of(rec->settings);

    if (!root)
        return;
    nc_id_text(&from->room, room);
    nc_id_text(&from->id, message);
    json_object_set_new(root, "branched_from",
                        json_pack("{ss,ss}", "room", room, "message", message));
    rewrite(rec, root, settings);
}
