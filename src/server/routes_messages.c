/* Messages: saying, reading, changing. */
#include "chat/rooms/dialog.h"
#include "chat/rooms/room_json.h"
#include "chat/talk/event.h"
#include "chat/talk/message.h"
#include "server/call.h"
#include "wire/http_target.h"
#include "wire/json_in.h"

enum {
    PAGE = 50,
    PAGE_MAX = 200,
    /* A text of 64 KiB may be six times as long when every character is escaped. */
    BODY_MAX = 512 << 10,
};

/* ---- answers ---------------------------------------------------------------- */

static void answer(struct nc_call *call, unsigned status, const struct nc_sent *sent)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);
    const struct nc_message *m = &sent->message;
    const struct nc_user *u = call->actor.user;

    if (sent->is_notice) {
        nc_json_obj(&j);
        nc_json_key(&j, "notice");
        nc_json_obj(&j);
        nc_json_kstr(&j, "text", sent->notice);
        nc_json_obj_end(&j);
        nc_json_obj_end(&j);
    } else {
        nc_event_message(&j, m, u && nc_id_eq(&m->sender, &u->a.id));
    }
    nc_call_json(call, status, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void on_said(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    if (why)
        nc_call_problem(arg, why);
    else
        answer(arg, sent->repeated || sent->is_notice ? 200 : 201, sent);
}

static void on_message(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    if (why)
        nc_call_problem(arg, why);
    else
        answer(arg, 200, sent);
}

static void on_deleted(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    (void)sent;
    if (why)
        nc_call_problem(arg, why);
    else
        nc_call_empty(arg);
}

/* What only a person does; the admin socket is nobody. */
static struct nc_room *persons_room(struct nc_call *call)
{
    if (call->actor.user)
        return nc_call_room(call, 0);
    nc_call_fail(call, NC_P_FORBIDDEN, "this takes a user");
    return NULL;
}

/* ---- a room's messages ---------------------------------------------------------- */

static void post_message(struct nc_call *call)
{
    struct nc_room *r = persons_room(call);
    struct nc_send in = {0};

    if (r && nc_call_need_str(call, "text", &in.text) &&
        nc_call_opt_id(call, "client_id", &in.client_id) &&
        nc_call_opt_id(call, "reply_to", &in.reply_to))
        nc_message_send(call->chat, &call->actor, r, &in, on_said, call);
}

/* A parameter that is there twice or badly encoded is no absent one. */
static bool query(struct nc_call *call, const char *name, struct nc_str *out, bool *found)
{
    enum nc_err e = nc_http_query(call->req->head->query, name, call->arena, out);

    *found = e == NC_OK;
    if (e != NC_EINVAL)
        return true;
    nc_call_fail(call, NC_P_BAD_REQUEST, "%s: badly encoded, or given twice", name);
    return false;
}

static bool read_page(struct nc_call *call, struct nc_page *page)
{
    static const char *const names[] = {"before", "after", "around"};
    struct nc_id *const ids[] = {&page->before, &page->after, &page->around};
    unsigned given = 0;
    uint64_t limit = PAGE;
    bool found;

    for (unsigned i = 0; i < NC_COUNT(names); i++) {
        struct nc_str text;
        if (!query(call, names[i], &text, &found))
            return false;
        given += found;
        if (found && nc_id_parse(text, ids[i]) != NC_OK) {
            nc_call_fail(call, NC_P_BAD_REQUEST, "%s: is no message id", names[i]);
            return false;
        }
    }
    if (given > 1) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "only one of before, after and around");
        return false;
    }
    struct nc_str text;
    if (!query(call, "limit", &text, &found))
        return false;
    if (found && (nc_str_u64(text, PAGE_MAX, &limit) != NC_OK || limit == 0)) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "limit: 1 to %d", PAGE_MAX);
        return false;
    }
    page->limit = (uint32_t)limit;
    return true;
}

static void get_messages(struct nc_call *call)
{
    struct nc_room *r = nc_call_room(call, 0);
    struct nc_page page = {0};

    if (r && read_page(call, &page))
        nc_message_history(call->chat, &call->actor, r, &page, nc_call_on_json, call);
}

static void post_read(struct nc_call *call)
{
    struct nc_room *r = persons_room(call);
    struct nc_id id;
    struct nc_problem why;

    if (!r)
        return;
    if (nc_json_need_id(call->body, "message_id", &id, &why))
        nc_call_problem(call, &why);
    else
        nc_message_read(call->chat, &call->actor, r, &id, nc_call_on_room_done, call);
}

static void post_typing(struct nc_call *call)
{
    struct nc_room *r = call->actor.user ? nc_call_joined(call, 0) : persons_room(call);

    if (!r)
        return;
    nc_message_typing(call->chat, &call->actor, r);
    nc_call_empty(call);
}

/* ---- one message ------------------------------------------------------------------ */

static void get_message(struct nc_call *call)
{
    nc_message_get(call->chat, &call->actor, &call->ids[0], on_message, call);
}

static void patch_message(struct nc_call *call)
{
    struct nc_str text;

    if (nc_call_need_str(call, "text", &text))
        nc_message_edit(call->chat, &call->actor, &call->ids[0], text, on_message, call);
}

static void delete_message(struct nc_call *call)
{
    nc_message_delete(call->chat, &call->actor, &call->ids[0], on_deleted, call);
}

static void on_branched(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct nc_call *call = arg;
    struct nc_room *r = sent ? nc_room_find(call->chat, &sent->message.room) : NULL;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (!r) {
        if (why)
            nc_call_problem(call, why);
        else
            nc_call_fail(call, NC_P_NOT_FOUND, "the dialog is gone already");
        return;
    }
    nc_json_obj(&j);
    nc_json_key(&j, "room");
    nc_room_json_open(call->chat, &j, r, call->actor.user);
    nc_json_obj_end(&j);
    nc_json_key(&j, "message");
    nc_event_message(&j, &sent->message, true);
    nc_json_obj_end(&j);
    nc_call_json(call, sent->repeated ? 200 : 201, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void post_branch(struct nc_call *call)
{
    struct nc_send in = {0};

    if (!call->actor.user)
        nc_call_fail(call, NC_P_FORBIDDEN, "this takes a user");
    else if (nc_call_need_str(call, "text", &in.text) &&
             nc_call_opt_id(call, "client_id", &in.client_id))
        nc_dialog_branch(call->chat, &call->actor, &call->ids[0], &in, on_branched, call);
}

const struct nc_route nc_routes_messages[] = {
    {"POST", "/api/v1/rooms/{room:id}/messages", post_message, NC_R_BODY | NC_R_FREE, 0,
     BODY_MAX},
    {"GET", "/api/v1/rooms/{room:id}/messages", get_messages, 0, 0, 0},
    {"POST", "/api/v1/rooms/{room:id}/read", post_read, NC_R_BODY, 0, 0},
    {"POST", "/api/v1/rooms/{room:id}/typing", post_typing, 0, 0, 0},
    {"GET", "/api/v1/messages/{id:id}", get_message, 0, 0, 0},
    {"PATCH", "/api/v1/messages/{id:id}", patch_message, NC_R_BODY, 0, BODY_MAX},
    {"DELETE", "/api/v1/messages/{id:id}", delete_message, 0, 0, 0},
    {"POST", "/api/v1/messages/{id:id}/branch", post_branch, NC_R_BODY | NC_R_FREE, 0,
     BODY_MAX},
    {NULL, NULL, NULL, 0, 0, 0},
};
