#include "chat/talk/event.h"

#include <assert.h>
#include <string.h>

static const char *const names[] = {
    [NC_EV_MESSAGE_CREATED] = "message.created",
    [NC_EV_MESSAGE_UPDATED] = "message.updated",
    [NC_EV_MESSAGE_DELETED] = "message.deleted",
    [NC_EV_MESSAGE_COMPLETED] = "message.completed",
    [NC_EV_ROOM_CREATED] = "room.created",
    [NC_EV_ROOM_UPDATED] = "room.updated",
    [NC_EV_ROOM_DELETED] = "room.deleted",
    [NC_EV_MEMBER_JOINED] = "member.joined",
    [NC_EV_MEMBER_LEFT] = "member.left",
    [NC_EV_MEMBER_UPDATED] = "member.updated",
    [NC_EV_READ] = "read",
};

static const char *const account_kinds[] = {
    [NC_PERSON] = "user", [NC_PERSONA] = "persona", [NC_SYSTEM] = "system"};
static const char *const message_kinds[] = {
    [NC_TEXT] = "text", [NC_ACTION] = "action", [NC_NOTICE] = "notice"};
static const char *const states[] = {[NC_COMPLETE] = "complete",
                                     [NC_STREAMING] = "streaming",
                                     [NC_STOPPED] = "stopped",
                                     [NC_FAILED] = "failed"};
static const char *const room_kinds[] = {
    [NC_ROOM] = "room", [NC_DIRECT] = "direct", [NC_DIALOG] = "dialog"};
static const char *const roles[] = {
    [NC_MEMBER] = "member", [NC_MODERATOR] = "moderator", [NC_OWNER] = "owner"};
static const char *const reasons[] = {[NC_LEFT] = "left",
                                      [NC_KICKED] = "kicked",
                                      [NC_BANNED] = "banned",
                                      [NC_ACCOUNT_GONE] = "account_gone"};

/* A number from the disk; a newer version's unknown one reads as the first. */
#define WORD(table, i) nc_str((size_t)(i) < NC_COUNT(table) ? (table)[i] : (table)[0])

const char *nc_event_name(enum nc_event_kind k)
{
    return (size_t)k < NC_COUNT(names) ? names[k] : NULL;
}

const char *nc_event_state(enum nc_message_state state) { return WORD(states, state).p; }

const char *nc_member_role_name(enum nc_member_role role) { return WORD(roles, role).p; }

static void person(struct nc_json *j, const struct nc_id *id, struct nc_str username,
                   struct nc_str display, enum nc_account_kind kind)
{
    nc_json_obj(j);
    nc_json_kid(j, "id", id);
    nc_json_kstr(j, "username", username);
    nc_json_kstr(j, "display_name", display);
    nc_json_kstr(j, "kind", WORD(account_kinds, kind));
    nc_json_obj_end(j);
}

void nc_event_user(struct nc_json *j, const struct nc_account *a)
{
    person(j, &a->id, a->username, a->display_name, a->kind);
}

struct nc_str nc_event_room_ai(const struct nc_room_rec *r, struct nc_str room_ai)
{
    if (r->settings.n)
        return r->settings;
    if (room_ai.n)
        return room_ai;
    return NC_STR("{\"allowed\":true,\"destination\":\"cloud\",\"call\":\"name\","
                  "\"persona_turns\":0}");
}

void nc_event_room(struct nc_json *j, const struct nc_room_rec *r, struct nc_str room_ai)
{
    nc_json_obj(j);
    nc_json_kid(j, "id", &r->id);
    nc_json_kstr(j, "name", r->name);
    nc_json_kstr(j, "kind", WORD(room_kinds, r->kind));
    nc_json_kstr(j, "visibility",
                 nc_str(r->visibility == NC_PUBLIC ? "public" : "private"));
    nc_json_kstr(j, "topic", r->topic);
    nc_json_kuint(j, "retention_days", r->retention_days);
    nc_json_ktime(j, "created_at", r->created_ms);
    nc_json_kraw(j, "ai", nc_event_room_ai(r, room_ai));
    nc_json_obj_end(j);
}

static void word_list(struct nc_json *j, struct nc_str words)
{
    nc_json_arr(j);
    while (words.n) {
        struct nc_str w = nc_str_cut(&words, ' ');
        if (w.n)
            nc_json_str(j, w);
    }
    nc_json_arr_end(j);
}

/* client_id comes last: nc_event_own adds it to a finished event. */
void nc_event_message(struct nc_json *j, const struct nc_message *m, bool with_client_id)
{
    nc_json_obj(j);
    nc_json_kid(j, "id", &m->id);
    nc_json_kid(j, "room", &m->room);
    nc_json_key(j, "sender");
    person(j, &m->sender, m->sender_name, m->sender_display, m->sender_kind);
    nc_json_kstr(j, "kind", WORD(message_kinds, m->kind));
    nc_json_kstr(j, "text", m->deleted ? NC_STR("") : m->body);
    if (!nc_id_zero(&m->reply_to))
        nc_json_kid(j, "reply_to", &m->reply_to);
    nc_json_ktime(j, "created_at", m->created_ms);
    if (m->edited_ms && !m->deleted)
        nc_json_ktime(j, "edited_at", m->edited_ms);
    if (m->deleted)
        nc_json_kbool(j, "deleted", true);
    if (m->late)
        nc_json_kbool(j, "late", true);
    nc_json_key(j, "mentions");
    word_list(j, m->deleted ? NC_STR("") : m->mentions);
    nc_json_kstr(j, "state", WORD(states, m->deleted ? NC_COMPLETE : m->state));
    if (m->alternatives > 1 && !m->deleted) {
        nc_json_key(j, "alternatives");
        nc_json_obj(j);
        nc_json_kuint(j, "count", m->alternatives);
        nc_json_kuint(j, "chosen", m->chosen);
        nc_json_obj_end(j);
    }
    if (m->ai.n && !m->deleted)
        nc_json_kraw(j, "ai", m->ai);
    if (m->code.n && !m->deleted)
        nc_json_kstr(j, "code", m->code);
    if (with_client_id && !nc_id_zero(&m->client_id))
        nc_json_kid(j, "client_id", &m->client_id);
    nc_json_obj_end(j);
}

static void begin(struct nc_json *j, const struct nc_log_at *at, const struct nc_event *ev)
{
    nc_json_obj(j);
    nc_json_kstr(j, "type", nc_str(names[ev->kind]));
    nc_json_key(j, "event_id");
    nc_buf_addc(j->out, '"');
    nc_event_id_add(j->out, &ev->origin, ev->origin_seq);
    nc_buf_adds(j->out, NC_STR("\",\"cursor\":\""));
    nc_cursor_add_at(j->out, &at->incarnation, ev->seq, at->have);
    nc_buf_addc(j->out, '"');
    j->comma = true;
}

static void member_event(struct nc_json *j, const struct nc_row *row)
{
    const struct nc_event *ev = &row->log.event;
    /* Someone who has left since was there then: the log row keeps the role. */
    bool gone = nc_id_zero(&row->log.member.user);

    nc_json_kid(j, "room", &ev->ref);
    nc_json_key(j, "user");
    nc_event_user(j, &row->log.account);
    if (ev->kind == NC_EV_MEMBER_LEFT)
        nc_json_kstr(j, "reason", WORD(reasons, ev->reason));
    else
        nc_json_kstr(j, "role", WORD(roles, gone ? ev->reason : row->log.member.role));
    if (!nc_id_zero(&ev->actor) && !nc_id_eq(&ev->actor, &ev->subject))
        nc_json_kid(j, "by", &ev->actor);
}

/* One that is the same as another, or answers what another answers, is gone without a
 * trace: its subject stays.  The row that comes with it is then that one's. */
static bool deleted_event(struct nc_json *j, const struct nc_log_at *at,
                          const struct nc_row *row, bool own)
{
    const struct nc_event *ev = &row->log.event;
    bool given_up = ev->reason == NC_DELETED_DUPLICATE || ev->reason == NC_DELETED_ANOTHER;
    struct nc_message m = row->log.message;

    if (!nc_id_zero(&m.id) && !m.deleted && (!given_up || nc_id_eq(&m.id, &ev->ref)))
        return false; /* it was deleted as one, and its id is another's now; or it has not
                         been given up after all */
    if (given_up) {
        if (nc_id_zero(&m.id)) /* the one that stays is still on its way */
            m.created_ms = ev->hlc >> 12;
        m.id = ev->ref;
        m.room = ev->to;
    }
    if (nc_id_zero(&m.id))
        return false;
    m.deleted = true;
    begin(j, at, ev);
    if (given_up) {
        nc_json_kstr(j, "reason", NC_STR("duplicate"));
        nc_json_kid(j, "replaced_by", &ev->subject);
    }
    nc_json_key(j, "message");
    nc_event_message(j, &m, own);
    return true;
}

bool nc_event_encode(struct nc_buf *out, const struct nc_log_at *at, struct nc_str room_ai,
                     const struct nc_row *row, bool own)
{
    const struct nc_event *ev = &row->log.event;
    struct nc_json j = nc_json_to(out);

    switch (ev->kind) {
    case NC_EV_MESSAGE_CREATED:
    case NC_EV_MESSAGE_UPDATED:
    case NC_EV_MESSAGE_COMPLETED:
        if (nc_id_zero(&row->log.message.id))
            return false;
        begin(&j, at, ev);
        nc_json_key(&j, "message");
        nc_event_message(&j, &row->log.message, own);
        break;
    case NC_EV_MESSAGE_DELETED:
        if (!deleted_event(&j, at, row, own))
            return false;
        break;
    case NC_EV_ROOM_CREATED:
    case NC_EV_ROOM_UPDATED:
    case NC_EV_ROOM_DELETED:
        if (nc_id_zero(&row->log.room.id))
            return false;
        begin(&j, at, ev);
        nc_json_key(&j, "room");
        nc_event_room(&j, &row->log.room, room_ai);
        break;
    case NC_EV_MEMBER_JOINED:
    case NC_EV_MEMBER_LEFT:
    case NC_EV_MEMBER_UPDATED:
        if (nc_id_zero(&row->log.account.id))
            return false;
        begin(&j, at, ev);
        member_event(&j, row);
        break;
    case NC_EV_READ:
        if (nc_id_zero(&row->log.member.user))
            return false;
        begin(&j, at, ev);
        nc_json_kid(&j, "room", &ev->ref);
        nc_json_kid(&j, "message_id", &row->log.member.read_id);
        break;
    default: return false;
    }
    nc_json_obj_end(&j);
    return true;
}

void nc_event_own(struct nc_buf *out, struct nc_str shared, const struct nc_id *client_id)
{
    struct nc_json j = {out, true};

    assert(shared.n > 2 && memcmp(shared.p + shared.n - 2, "}}", 2) == 0);
    nc_buf_add(out, shared.p, shared.n - 2);
    nc_json_kid(&j, "client_id", client_id);
    nc_buf_adds(out, NC_STR("}}"));
}
