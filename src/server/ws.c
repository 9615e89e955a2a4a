#include "server/ws.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/live/hub.h"
#include "chat/talk/event.h"
#include "server/auth.h"
#include "server/nodes_file.h"
#include "server/origin.h"
#include "server/server.h"
#include "wire/http_write.h"
#include "wire/ws_handshake.h"

enum {
    HELLO_MS = 5000,
    HELLO_MAX = 16 << 10,
    REPLIES_MAX = 256, /* sends of one socket that are not answered yet */
    SHARED_WINDOW = 15,
};

static struct nc_hub *hub_of(const struct nc_socket *s) { return s->srv->chat->hub; }

static void drop_out(struct nc_socket *s)
{
    if (!s->out)
        return;
    nc_loop_undefer(s->srv->loop, &s->out->flush);
    nc_buf_fini(&s->out->frames);
    free(s->out);
    s->out = NULL;
}

static void reply_free(struct nc_reply *r)
{
    nc_buf_fini(&r->ref);
    nc_buf_fini(&r->frames);
    free(r);
}

static void socket_free(struct nc_socket *s)
{
    struct nc_list *it;

    while ((it = nc_list_pop(&s->replies))) {
        struct nc_reply *r = nc_of(it, struct nc_reply, node);
        r->s = NULL;
        if (r->ready) /* it only waited for those before it */
            reply_free(r);
    }
    nc_loop_deadline(s->srv->loop, &s->deadline, 0);
    drop_out(s);
    free(s->since);
    free(s);
}

/* ---- going out ----------------------------------------------------------- */

/* What the peer does not take is not kept for ever: the queue's limit decides. */
static void send_blobs(struct nc_socket *s, struct nc_blob *const *v, unsigned n)
{
    if (nc_ws_send_blobs(&s->ws, v, n) == NC_ELIMIT)
        s->overflowed = true;
}

static struct nc_blob *take_out(struct nc_socket *s)
{
    struct nc_blob *b = nc_blob_new(s->out->frames.p, s->out->frames.n);

    drop_out(s);
    return b;
}

static void send_out(struct nc_socket *s)
{
    if (!s->out)
        return;
    struct nc_blob *b = take_out(s);
    send_blobs(s, &b, 1);
    nc_blob_unref(b);
}

static void on_flush(struct nc_task *t)
{
    struct nc_socket *s = nc_of(t, struct nc_socket_out, flush)->s;

    send_out(s);
    if (s->overflowed)
        nc_socket_close(s, 4408, "slow_consumer");
}

void nc_socket_close(struct nc_socket *s, unsigned code, const char *reason)
{
    nc_hub_detach(hub_of(s), &s->l);
    nc_loop_deadline(s->srv->loop, &s->deadline, 0);
    send_out(s);
    nc_ws_close(&s->ws, code, reason);
}

static struct nc_buf *out_of(struct nc_socket *s)
{
    if (!s->out) {
        s->out = nc_alloc(sizeof *s->out);
        s->out->s = s;
        s->out->flush.run = on_flush;
        nc_loop_defer(s->srv->loop, &s->out->flush);
    }
    return &s->out->frames;
}

/* Events, behind this turn's answers and in the same send. */
static void on_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    struct nc_socket *s = nc_of(l, struct nc_socket, l);

    if (!s->out) {
        send_blobs(s, frames, n);
        return;
    }
    struct nc_blob *both[2] = {take_out(s), frames[0]};
    send_blobs(s, both, 2);
    if (n > 1)
        send_blobs(s, frames + 1, n - 1);
    nc_blob_unref(both[0]);
}

static size_t on_queued(struct nc_listener *l)
{
    struct nc_socket *s = nc_of(l, struct nc_socket, l);
    return s->overflowed ? SIZE_MAX : nc_ws_queued(&s->ws);
}

static void on_end(struct nc_listener *l, unsigned code, const char *reason)
{
    nc_socket_close(nc_of(l, struct nc_socket, l), code, reason);
}

static void on_resync(struct nc_listener *l)
{
    struct nc_socket *s = nc_of(l, struct nc_socket, l);
    struct nc_buf json = {0};

    nc_buf_adds(&json, NC_STR("{\"type\":\"resync\",\"cursor\":\""));
    nc_hub_cursor(hub_of(s), l, &json);
    nc_buf_adds(&json, NC_STR("\"}"));
    nc_socket_say(s, nc_buf_str(&json));
    nc_buf_fini(&json);
}

static const struct nc_listener_ops listener_ops = {
    .deliver = on_deliver,
    .queued = on_queued,
    .end = on_end,
    .resync = on_resync,
};

void nc_socket_say(struct nc_socket *s, struct nc_str json)
{
    nc_ws_write(out_of(s), &(struct nc_ws_opts){.op = NC_WS_TEXT}, json);
}

/* ---- answers, in order --------------------------------------------------- */

static void set_paused(struct nc_socket *s)
{
    unsigned max = s->paused ? REPLIES_MAX / 2 : REPLIES_MAX;
    bool pause = s->verifying || s->replies_n >= max;

    if (pause == s->paused || s->ws.closing)
        return;
    s->paused = pause;
    if (pause)
        nc_ws_pause(&s->ws);
    else
        nc_ws_resume(&s->ws);
}

struct nc_reply *nc_reply_new(struct nc_socket *s, struct nc_str ref)
{
    struct nc_reply *r = nc_alloc(sizeof *r);

    r->s = s;
    nc_buf_adds(&r->ref, ref);
    nc_list_add(&s->replies, &r->node);
    s->replies_n++;
    set_paused(s);
    return r;
}

void nc_reply_say(struct nc_reply *r, struct nc_str json)
{
    struct nc_socket *s = r->s;

    if (!s)
        return;
    if (s->replies.next == &r->node)
        nc_socket_say(s, json);
    else
        nc_ws_write(&r->frames, &(struct nc_ws_opts){.op = NC_WS_TEXT}, json);
}

void nc_reply_end(struct nc_reply *r)
{
    struct nc_socket *s = r->s;

    if (!s) {
        reply_free(r);
        return;
    }
    r->ready = true;
    while (!nc_list_empty(&s->replies)) {
        r = nc_of(s->replies.next, struct nc_reply, node);
        /* The first one's frames go out even before it is ready: none is before it. */
        if (r->frames.n) {
            nc_buf_adds(out_of(s), nc_buf_str(&r->frames));
            nc_buf_fini(&r->frames);
        }
        if (!r->ready)
            break;
        nc_list_del(&r->node);
        s->replies_n--;
        reply_free(r);
    }
    set_paused(s);
}

/* ---- who it is ----------------------------------------------------------- */

static void set_expiry(struct nc_socket *s, const struct nc_auth *a)
{
    uint64_t now = nc_wall_ms();

    s->l.session = a->ends_with;
    s->expires_ms = a->expires_ms;
    nc_loop_deadline(s->srv->loop, &s->deadline,
                     !a->expires_ms        ? 0
                     : a->expires_ms > now ? a->expires_ms - now
                                           : 1);
}

static void on_deadline(struct nc_deadline *d)
{
    struct nc_socket *s = nc_of(d, struct nc_socket, deadline);
    uint64_t now = nc_wall_ms();

    if (s->l.user && s->expires_ms > now) /* the wall clock was set back */
        nc_loop_deadline(s->srv->loop, d, s->expires_ms - now);
    else
        nc_socket_close(s, 4401, s->l.user ? "token_expired" : "hello_overdue");
}

static void welcome(struct nc_socket *s)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("welcome"));
    nc_json_key(&j, "user");
    nc_event_user(&j, &s->l.user->a);
    struct nc_buf cursor = {0};
    nc_hub_cursor(hub_of(s), &s->l, &cursor);
    nc_json_kstr(&j, "cursor", nc_buf_str(&cursor));
    nc_buf_fini(&cursor);
    nc_json_kid(&j, "node", &s->srv->node_id);
    nc_json_ktime(&j, "server_time", nc_wall_ms());
    nc_nodes_for_clients(s->srv, &j);
    nc_json_obj_end(&j);
    nc_socket_say(s, nc_buf_str(&b));
    nc_buf_fini(&b);
}

/* May be entered again: a hello after an authenticated upgrade brings the cursor. */
void nc_socket_enter(struct nc_socket *s, const struct nc_auth *a)
{
    struct nc_str since = nc_str(s->since);

    if (s->srv->stopping) { /* the others have been told already */
        nc_socket_close(s, 1012, "restart");
        return;
    }
    nc_hub_detach(hub_of(s), &s->l);
    s->l.user = a->user;
    s->l.encoding = s->ws.out_bits == SHARED_WINDOW ? NC_ENC_DEFLATE : NC_ENC_WS;
    set_expiry(s, a);
    enum nc_err e = nc_hub_attach(hub_of(s), &s->l, s->since ? &since : NULL);
    bool bad = e == NC_EINVAL;
    free(s->since);
    s->since = NULL;
    if (bad)
        e = nc_hub_attach(hub_of(s), &s->l, NULL);
    if (e != NC_OK) {
        nc_socket_close(s, 4429, "too_many_connections");
        return;
    }
    s->ws.in.limit = s->srv->cfg->frame_max;
    welcome(s);
    if (bad)
        on_resync(&s->l);
}

static void on_verified(void *arg, const struct nc_problem *why, const struct nc_auth *a)
{
    struct nc_socket *s = arg;
    bool first = !s->l.user;

    s->verifying = false;
    if (s->gone) {
        socket_free(s);
        return;
    }
    if (why || (!first && a->user != s->l.user))
        nc_socket_close(s, 4401, "unauthorized");
    else if (nc_id_zero(&a->session) && !(a->scopes & NC_SCOPE_CHAT))
        nc_socket_close(s, 4401, "scope");
    else if (first || s->since)
        nc_socket_enter(s, a);
    else
        set_expiry(s, a);
    set_paused(s);
}

/* What comes behind waits until it is clear who says it. */
void nc_socket_verify(struct nc_socket *s, struct nc_str token)
{
    struct nc_auth a;
    struct nc_problem why;

    s->verifying = true;
    set_paused(s);
    switch (
        nc_auth_token(s->srv->chat, token, nc_str(s->address), &a, &why, on_verified, s)) {
    case NC_OK: on_verified(s, NULL, &a); break;
    case NC_AGAIN: break;
    default: on_verified(s, &why, NULL);
    }
}

/* ---- life ---------------------------------------------------------------- */

static void on_message(struct nc_ws *w, enum nc_ws_op op, struct nc_str data)
{
    struct nc_socket *s = nc_of(w, struct nc_socket, ws);

    if (op == NC_WS_TEXT)
        nc_socket_frame(s, data);
    else
        nc_socket_close(s, 1003, "text only");
}

static void on_drained(struct nc_ws *w)
{
    struct nc_socket *s = nc_of(w, struct nc_socket, ws);
    nc_hub_drained(hub_of(s), &s->l);
}

static void on_gone(struct nc_ws *w, unsigned code, const char *why)
{
    struct nc_socket *s = nc_of(w, struct nc_socket, ws);

    (void)code, (void)why;
    nc_hub_detach(hub_of(s), &s->l);
    s->gone = true;
    nc_loop_deadline(s->srv->loop, &s->deadline, 0);
    drop_out(s);
    if (!s->verifying) /* otherwise when that answer comes */
        socket_free(s);
}

static const struct nc_ws_ops ws_ops = {on_message, on_drained, on_gone, NULL};

struct nc_conn *nc_socket_upgrade(struct nc_call *call, const char *protocol,
                                  struct nc_ws_deflate *deflate)
{
    const struct nc_http_head *head = call->req->head;
    struct nc_ws_handshake hs;
    struct nc_http_date date = {0};
    struct nc_problem why;
    struct nc_buf b = {0};

    if (nc_ws_handshake(&hs, head, &why) != NC_OK) {
        if (why.code == NC_P_UPGRADE_REQUIRED)
            nc_call_header(call, "Sec-WebSocket-Version", NC_STR("13"));
        nc_call_problem(call, &why);
        return NULL;
    }
    if (!nc_origin_ok(call)) {
        nc_call_fail(call, NC_P_FORBIDDEN, "this Origin is not welcome here");
        return NULL;
    }
    nc_ws_welcome(&b, &hs,
                  protocol && nc_ws_offers(head, protocol) ? nc_str(protocol) : NC_STR(""),
                  nc_http_date(&date, nc_wall_ms()));
    *deflate = hs.deflate;
    struct nc_conn *c = nc_req_upgrade(call->req, nc_buf_str(&b));
    nc_buf_fini(&b);
    return c;
}

static struct nc_socket *socket_new(const struct nc_call *call)
{
    struct nc_str address = call->actor.address;
    struct nc_socket *s = nc_alloc(sizeof *s + address.n + 1);

    s->srv = call->srv;
    s->language = nc_call_language(call);
    memcpy(s->address, address.p, address.n);
    s->l.ops = &listener_ops;
    s->l.wants_online = true;
    s->deadline.fire = on_deadline;
    nc_list_init(&s->replies);
    return s;
}

void nc_socket_open(struct nc_call *call)
{
    struct nc_server *srv = call->srv;
    struct nc_auth auth = call->auth;
    struct nc_ws_deflate deflate;
    bool has_since;
    struct nc_str since = nc_call_query(call, "since", &has_since);
    char *kept = has_since ? nc_str_dup(since) : NULL;
    struct nc_socket *s = socket_new(call);
    struct nc_conn *c = nc_socket_upgrade(call, "neuralchat.v1", &deflate);

    s->since = kept; /* a copy: the query goes with the request */
    if (!c) {
        socket_free(s);
        return;
    }
    nc_ws_begin(&s->ws, c,
                &(struct nc_ws_start){.role = NC_WS_SERVER,
                                      /* Until somebody is known: a hello is short. */
                                      .message_max = HELLO_MAX,
                                      .deflate = deflate},
                &ws_ops);
    s->l.sink = c;
    nc_conn_limit(c, (uint32_t)srv->cfg->queue_max, 0);
    if (auth.user)
        on_verified(s, NULL, &auth);
    else
        nc_loop_deadline(srv->loop, &s->deadline, HELLO_MS);
    nc_call_done(call);
}
