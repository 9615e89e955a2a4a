/* What a client may say: one row per frame type. */
#include "server/ws.h"

#include <stdlib.h>
#include <string.h>

#include "ai/ai.h"
#include "base/clock.h"
#include "chat/live/presence.h"
#include "chat/people/throttle.h"
#include "chat/talk/event.h"
#include "chat/talk/message.h"
#include "server/server.h"
#include "wire/json_in.h"

enum { REF_MAX = 256 };

static struct nc_chat *chat_of(const struct nc_socket *s) { return s->srv->chat; }

/* ---- answers ------------------------------------------------------------- */

static void end_with(struct nc_reply *r, struct nc_buf *json)
{
    nc_reply_say(r, nc_buf_str(json));
    nc_buf_fini(json);
    nc_reply_end(r);
}

static void refuse(struct nc_reply *r, const struct nc_problem *why)
{
    struct nc_problem said = *why;
    struct nc_buf b = {0};

    said.russian = r->s && r->s->language == NC_RUSSIAN;
    nc_problem_event(&b, &said, nc_buf_str(&r->ref));
    end_with(r, &b);
}

static struct nc_json begin(struct nc_buf *b, const char *type, const struct nc_reply *r)
{
    struct nc_json j = nc_json_to(b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", nc_str(type));
    if (r->ref.n)
        nc_json_kraw(&j, "ref", nc_buf_str(&r->ref));
    return j;
}

/* message: NULL where there is none. */
static void ack(struct nc_reply *r, const struct nc_message *message)
{
    struct nc_buf b = {0};
    struct nc_json j = begin(&b, "ack", r);

    nc_json_key(&j, "message");
    if (message)
        nc_event_message(&j, message, true);
    else
        nc_json_null(&j);
    nc_json_obj_end(&j);
    end_with(r, &b);
}

/* For frames whose success shows elsewhere: acknowledged only if they carry a ref. */
static void quiet_ack(struct nc_reply *r)
{
    if (r->ref.n)
        ack(r, NULL);
    else
        nc_reply_end(r);
}

static void on_done(void *arg, const struct nc_problem *why)
{
    if (why)
        refuse(arg, why);
    else
        quiet_ack(arg);
}

static void on_room_done(void *arg, const struct nc_problem *why, struct nc_room *room)
{
    (void)room;
    on_done(arg, why);
}

/* ---- the frames ---------------------------------------------------------- */

static struct nc_room *take_room(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_problem why;
    struct nc_actor who = nc_socket_actor(s);
    struct nc_room *room = NULL;
    struct nc_id id;

    if (nc_json_need_id(in, "room", &id, &why) == NC_OK)
        room = nc_room_visible(chat_of(s), &who, &id, &why);
    if (!room)
        refuse(r, &why);
    return room;
}

static void on_sent(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct nc_reply *r = arg;

    if (why) {
        refuse(r, why);
        return;
    }
    if (sent->is_notice) {
        struct nc_buf b = {0};
        struct nc_json j = begin(&b, "notice", r);
        nc_json_kid(&j, "room", &r->room);
        nc_json_kstr(&j, "text", sent->notice);
        nc_json_obj_end(&j);
        nc_reply_say(r, nc_buf_str(&b));
        nc_buf_fini(&b);
    }
    ack(r, sent->is_notice ? NULL : &sent->message);
}

static void on_send(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_actor who = nc_socket_actor(s);
    struct nc_send send = {0};
    struct nc_problem why;
    struct nc_room *room = take_room(s, in, r);

    if (!room)
        return;
    r->room = room->rec.id;
    if (nc_json_need_text(in, "text", chat_of(s)->opts.limits.message_max, &send.text,
                          &why) != NC_OK ||
        nc_json_opt_id(in, "client_id", &send.client_id, &why) != NC_OK ||
        nc_json_opt_id(in, "reply_to", &send.reply_to, &why) != NC_OK)
        refuse(r, &why);
    else
        nc_message_send(chat_of(s), &who, room, &send, on_sent, r);
}

static void on_typing(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_actor who = nc_socket_actor(s);
    struct nc_room *room = take_room(s, in, r);

    if (!room)
        return;
    nc_message_typing(chat_of(s), &who, room);
    quiet_ack(r);
}

static void on_read(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_actor who = nc_socket_actor(s);
    struct nc_problem why;
    struct nc_id id;
    struct nc_room *room = take_room(s, in, r);

    if (!room)
        return;
    if (nc_json_need_id(in, "message_id", &id, &why) != NC_OK)
        refuse(r, &why);
    else
        nc_message_read(chat_of(s), &who, room, &id, on_room_done, r);
}

static void on_stop(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_actor who = nc_socket_actor(s);
    struct nc_problem why;
    struct nc_id id;

    if (nc_json_need_id(in, "message_id", &id, &why) != NC_OK)
        refuse(r, &why);
    else
        nc_ai_stop(s->srv->ai, &who, &id, on_done, r);
}

static void on_ping(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_buf b = {0};
    struct nc_json j = begin(&b, "pong", r);

    (void)in;
    struct nc_buf cursor = {0};
    nc_hub_cursor(chat_of(s)->hub, &s->l, &cursor);
    nc_json_kstr(&j, "cursor", nc_buf_str(&cursor));
    nc_buf_fini(&cursor);
    nc_json_ktime(&j, "server_time", nc_wall_ms());
    nc_json_obj_end(&j);
    nc_socket_say(s, nc_buf_str(&b)); /* without waiting for what is being stored */
    nc_buf_fini(&b);
    nc_reply_end(r);
}

/* Closes the socket when the token is no good. */
static void on_auth(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_problem why;
    struct nc_str token;

    if (nc_json_need_str(in, "token", 1, 8192, &token, &why) != NC_OK) {
        refuse(r, &why);
        return;
    }
    nc_socket_verify(s, token);
    quiet_ack(r);
}

static bool keep_since(struct nc_socket *s, const json_t *in, struct nc_problem *why)
{
    struct nc_str since = {NULL, 0};

    if (nc_json_opt_str(in, "since", 0, 1024, &since, why) != NC_OK)
        return false;
    if (since.p) {
        free(s->since);
        s->since = nc_str_dup(since);
    }
    return true;
}

/* The first frame; or, where the upgrade said who it is, the one with the cursor. */
static void on_hello(struct nc_socket *s, const json_t *in, struct nc_reply *r)
{
    struct nc_problem why;
    struct nc_str token = {NULL, 0};

    if (!keep_since(s, in, &why) ||
        nc_json_opt_str(in, "token", 1, 8192, &token, &why) != NC_OK) {
        refuse(r, &why);
        if (!s->l.user)
            nc_socket_close(s, 4401, "unauthorized");
        return;
    }
    nc_reply_end(r);
    if (token.p) {
        nc_socket_verify(s, token);
    } else if (!s->l.user) {
        nc_socket_close(s, 4401, "unauthorized");
    } else {
        nc_socket_enter(s, &(struct nc_auth){.user = s->l.user,
                                             .ends_with = s->l.session,
                                             .expires_ms = s->expires_ms});
    }
}

static const struct {
    const char *type;
    void (*handle)(struct nc_socket *s, const json_t *in, struct nc_reply *r);
    bool counted; /* as a change; sends have a rate of their own */
} frames[] = {
    {"send", on_send, false},   {"typing", on_typing, true}, {"read", on_read, true},
    {"ping", on_ping, false},   {"stop", on_stop, true},     {"auth", on_auth, false},
    {"hello", on_hello, false},
};

/* ---- from text to a row -------------------------------------------------- */

static struct nc_reply *reply_to(struct nc_socket *s, const json_t *in,
                                 struct nc_problem *why, bool *ok)
{
    struct nc_buf ref = {0};

    nc_json_copy(in, "ref", &ref);
    *ok = ref.n <= REF_MAX;
    if (!*ok) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "ref: at most %d bytes", REF_MAX);
        nc_buf_clear(&ref);
    }
    struct nc_reply *r = nc_reply_new(s, nc_buf_str(&ref));
    nc_buf_fini(&ref);
    return r;
}

static void dispatch(struct nc_socket *s, const json_t *in)
{
    struct nc_problem why;
    struct nc_str type;
    bool ok;
    struct nc_reply *r = reply_to(s, in, &why, &ok);

    if (!ok || nc_json_need_str(in, "type", 1, 64, &type, &why) != NC_OK) {
        refuse(r, &why);
        return;
    }
    if (!s->l.user && !nc_str_eqz(type, "hello")) {
        nc_problem_set(&why, NC_P_UNAUTHORIZED, "the first frame is hello");
        refuse(r, &why);
        nc_socket_close(s, 4401, "unauthorized");
        return;
    }
    for (size_t i = 0; i < NC_COUNT(frames); i++)
        if (nc_str_eqz(type, frames[i].type)) {
            nc_loop_label(s->srv->loop, frames[i].type);
            if (frames[i].counted &&
                !nc_rate_take(chat_of(s), s->l.user, NC_RATE_CHANGES, &why))
                refuse(r, &why);
            else
                frames[i].handle(s, in, r);
            return;
        }
    nc_problem_set(&why, NC_P_BAD_REQUEST, "type: no such frame");
    refuse(r, &why);
}

void nc_socket_frame(struct nc_socket *s, struct nc_str text)
{
    struct nc_problem why;
    json_t *in;

    /* Inflating, checking and parsing cost far more than sending did. */
    if (s->l.user && text.n > 1024 &&
        !nc_rate_take_n(chat_of(s), s->l.user, NC_RATE_KIB, (unsigned)(text.n >> 10),
                        &why)) {
        refuse(nc_reply_new(s, NC_STR("")), &why);
        nc_socket_close(s, 4429, "too_much");
        return;
    }
    if (nc_json_parse(text, &in, &why) != NC_OK) {
        refuse(nc_reply_new(s, NC_STR("")), &why);
        if (!s->l.user)
            nc_socket_close(s, 4401, "unauthorized");
        return;
    }
    dispatch(s, in);
    json_decref(in);
}
