/* What we tell a server: messages through the outbox, and small calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/servers.h"
#include "client/words.h"
#include "wire/json.h"

enum { TYPING_EVERY_MS = 3000, PAUSE_MS = 1000 };

/* ---- the outbox ----------------------------------------------------------- */

bool nc_remote_put(struct nc_remote *r, const struct nc_outbox_item *it)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("send"));
    nc_json_kid(&j, "ref", &it->client_id);
    nc_json_kid(&j, "room", &it->room);
    nc_json_kstr(&j, "text", nc_str(it->text));
    nc_json_kid(&j, "client_id", &it->client_id);
    if (!nc_id_zero(&it->reply_to))
        nc_json_kid(&j, "reply_to", &it->reply_to);
    nc_json_obj_end(&j);
    bool ok = nc_live_send(r->live, nc_buf_str(&b)) == NC_OK;
    nc_buf_fini(&b);
    return ok;
}

static void changed(struct nc_remote *r, unsigned what, const struct nc_id *room)
{
    r->set->ops->changed(r->set->arg, what, room);
}

static void said(struct nc_remote *r, const char *words)
{
    r->set->ops->said(r->set->arg, words);
}

static bool passing(const char *code)
{
    static const char *const codes[] = {"rate_limited", "busy",    "unavailable",
                                        "internal",     "timeout", "unauthorized"};

    for (size_t i = 0; i < NC_COUNT(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

/* What a command did to us that no event says. */
static void after_command(struct nc_remote *r, const struct nc_id *room, const char *text)
{
    struct nc_model_room *mr = nc_model_room(&r->set->model, room);

    if (strncmp(text, "/clear", 6) == 0 && mr) {
        nc_model_forget(mr);
        nc_servers_older(r->set, mr);
    } else if (strncmp(text, "/join", 5) == 0 || strncmp(text, "/leave", 6) == 0) {
        nc_remote_rooms(r);
    }
}

static void acknowledged(struct nc_remote *r, struct nc_outbox *box,
                         struct nc_outbox_item *it, const json_t *event)
{
    struct nc_model *m = &r->set->model;
    json_t *message = json_object_get(event, "message");
    struct nc_id room = it->room;

    if (json_is_object(message)) {
        json_t *created =
            json_pack("{s:s, s:O}", "type", "message.created", "message", message);
        struct nc_model_room *mr;
        nc_model_event(m, r->from, created, nc_mono_ms(), nc_model_room(m, &r->set->seen),
                       &mr);
        json_decref(created);
    } else {
        after_command(r, &room, it->text);
    }
    nc_outbox_drop(box, it);
    changed(r, NC_CHANGED_MESSAGES, &room);
}

static void tell(struct nc_remote *r, struct nc_str words)
{
    struct nc_buf b = {0};

    if (r->api.named)
        nc_buf_printf(&b, "%s: ", r->api.url);
    nc_buf_adds(&b, words);
    nc_buf_addc(&b, '\0');
    said(r, b.p);
    nc_buf_fini(&b);
}

void nc_remote_answer(struct nc_remote *r, const json_t *event, const char *type)
{
    const char *ref = json_string_value(json_object_get(event, "ref"));
    const char *code = json_string_value(json_object_get(event, "code"));
    const char *detail = json_string_value(json_object_get(event, "detail"));
    struct nc_outbox_item *it = NULL;
    struct nc_outbox *box = NULL;
    struct nc_id id;

    if (ref && nc_id_parse(nc_str(ref), &id) == NC_OK)
        it = nc_servers_sent(r->set, &id, &box);
    if (strcmp(type, "ack") == 0) {
        if (it)
            acknowledged(r, box, it, event);
    } else if (it && code && passing(code)) {
        nc_outbox_again(it, nc_mono_ms(), PAUSE_MS);
    } else {
        struct nc_buf clean = {0};
        nc_buf_adds(&clean, nc_str(detail ? detail : code ? code : ""));
        if (it)
            nc_outbox_refused(it, nc_buf_str(&clean));
        tell(r, nc_buf_str(&clean));
        nc_buf_fini(&clean);
    }
    nc_servers_pump(r->set);
    changed(r, NC_CHANGED_MESSAGES | NC_CHANGED_STATUS, NULL);
}

/* ---- small frames --------------------------------------------------------- */

static bool frame(struct nc_remote *r, const char *type, const char *key,
                  const struct nc_id *id, const char *key2, const struct nc_id *id2)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", nc_str(type));
    nc_json_kid(&j, key, id);
    if (key2)
        nc_json_kid(&j, key2, id2);
    nc_json_obj_end(&j);
    bool ok = nc_live_send(r->live, nc_buf_str(&b)) == NC_OK;
    nc_buf_fini(&b);
    return ok;
}

void nc_remote_read(struct nc_remote *r, const struct nc_id *room,
                    const struct nc_id *message)
{
    frame(r, "read", "room", room, "message_id", message);
}

void nc_remote_typing(struct nc_remote *r, const struct nc_id *room)
{
    uint64_t now = nc_mono_ms();

    if (r->typing_told_ms && now - r->typing_told_ms < TYPING_EVERY_MS)
        return;
    if (frame(r, "typing", "room", room, NULL, NULL))
        r->typing_told_ms = now;
}

void nc_remote_stop(struct nc_remote *r, const struct nc_id *message)
{
    if (!frame(r, "stop", "message_id", message, "ref", message))
        said(r, nc_word(NC_W_OFFLINE));
}

/* ---- calls ---------------------------------------------------------------- */

static void on_done(void *arg, const struct nc_answer *a)
{
    struct nc_remote *r = arg;

    if (a->err == NC_ECLOSED)
        return;
    if (!nc_answer_ok(a))
        said(r, a->detail);
    changed(r, NC_CHANGED_STATUS, NULL);
}

/* what: "" for the message itself, or "/chosen". */
static void about_message(struct nc_remote *r, const char *method,
                          const struct nc_id *message, const char *what, struct nc_str json)
{
    char path[128], id[NC_ID_TEXT];

    nc_id_text(message, id);
    snprintf(path, sizeof path, "/api/v1/messages/%.*s%s", NC_ID_TEXT, id, what);
    nc_api_call(&r->api, &(struct nc_api_ask){method, path, json, 0}, on_done, r);
}

void nc_remote_edit(struct nc_remote *r, const struct nc_id *message, struct nc_str text)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "text", text);
    nc_json_obj_end(&j);
    about_message(r, "PATCH", message, "", nc_buf_str(&b));
    nc_buf_fini(&b);
}

void nc_remote_delete(struct nc_remote *r, const struct nc_id *message)
{
    about_message(r, "DELETE", message, "", (struct nc_str){0});
}

void nc_remote_regenerate(struct nc_remote *r, const struct nc_id *message)
{
    about_message(r, "POST", message, "/regenerate", NC_STR("{}"));
}

void nc_remote_choose(struct nc_remote *r, const struct nc_id *message, unsigned n)
{
    char json[32];

    snprintf(json, sizeof json, "{\"n\":%u}", n);
    about_message(r, "PUT", message, "/chosen", nc_str(json));
}

struct arrival {
    struct nc_remote *r;
    struct nc_id room;
};

static void on_arrived(void *arg, const struct nc_answer *a)
{
    struct arrival *v = arg;
    struct nc_remote *r = v->r;
    struct nc_id room = v->room;
    const char *id = json_string_value(json_object_get(a->body, "id"));

    free(v);
    if (a->err == NC_ECLOSED)
        return;
    if (!nc_answer_ok(a)) {
        said(r, a->detail);
        return;
    }
    if (id && nc_id_parse(nc_str(id), &room) == NC_OK)
        nc_model_take_room(&r->set->model, r->from, a->body);
    nc_remote_rooms(r);
    r->set->ops->arrived(r->set->arg, &room);
}

static void arrive(struct nc_remote *r, const char *path, struct nc_str json,
                   const struct nc_id *room)
{
    struct arrival *v = nc_alloc(sizeof *v);

    v->r = r;
    if (room)
        v->room = *room;
    nc_api_call(&r->api, &(struct nc_api_ask){"POST", path, json, 0}, on_arrived, v);
}

void nc_remote_join(struct nc_remote *r, const struct nc_id *room)
{
    char path[128], id[NC_ID_TEXT];

    nc_id_text(room, id);
    snprintf(path, sizeof path, "/api/v1/rooms/%.*s/join", NC_ID_TEXT, id);
    arrive(r, path, (struct nc_str){0}, room);
}

void nc_remote_create(struct nc_remote *r, struct nc_str name, struct nc_str topic,
                      bool is_private)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "kind", NC_STR("room"));
    nc_json_kstr(&j, "name", name);
    nc_json_kstr(&j, "visibility", nc_str(is_private ? "private" : "public"));
    if (topic.n)
        nc_json_kstr(&j, "topic", topic);
    nc_json_obj_end(&j);
    arrive(r, "/api/v1/rooms", nc_buf_str(&b), NULL);
    nc_buf_fini(&b);
}

void nc_remote_public(struct nc_remote *r, nc_api_fn *done, void *arg)
{
    nc_api_call(&r->api,
                &(struct nc_api_ask){"GET", "/api/v1/rooms/public?limit=200", {0}, 0}, done,
                arg);
}
