#include "client/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "client/api.h"
#include "client/words.h"
#include "crypto/hash.h"
#include "net/tls.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum {
    HELLO_MS = 10000,
    MARGIN_MS = 45000, /* a token is renewed that long before it ends */
    PING_MS = 20000,
    MESSAGE_MAX = 8u << 20,
    BACKOFF_MS = 500,
    BACKOFF_MAX_MS = 30000,
    REFUSALS_MAX = 3, /* a fresh token that is not taken: the login is over */
};

struct nc_live {
    struct nc_api *api;
    struct nc_loop *loop;
    const struct nc_live_ops *ops;
    void *arg;
    enum nc_live_state state;
    struct nc_ws ws;
    bool dialled; /* ws is in use until gone */
    bool freed;   /* gone will free */
    bool stopped; /* gone leads to IDLE */
    bool moved;   /* gone leads on at once */
    struct nc_tls *tls;
    struct nc_token_wait wait;
    struct nc_deadline deadline; /* of the state */
    struct nc_deadline renew;
    char *cursor;
    unsigned attempts, refusals, generation;
};

uint64_t nc_live_backoff_ms(unsigned attempt, uint32_t random)
{
    uint64_t full = attempt < 10 ? (uint64_t)BACKOFF_MS << attempt : BACKOFF_MAX_MS;

    if (full > BACKOFF_MAX_MS)
        full = BACKOFF_MAX_MS;
    return full / 2 + random % (full / 2 + 1);
}

enum nc_live_state nc_live_state(const struct nc_live *l) { return l->state; }

uint64_t nc_live_pause_ms(const struct nc_live *l)
{
    uint64_t now = nc_loop_now_ms(l->loop);
    return l->state == NC_LIVE_PAUSE && l->deadline.due > now ? l->deadline.due - now : 0;
}

static void go(struct nc_live *l, enum nc_live_state to, const char *why)
{
    l->state = to;
    nc_loop_deadline(l->loop, &l->deadline, to == NC_LIVE_HELLO ? HELLO_MS : 0);
    if (to != NC_LIVE_ONLINE)
        nc_loop_deadline(l->loop, &l->renew, 0);
    if (l->ops->state)
        l->ops->state(l->arg, to, why);
}

static void pause_then_again(struct nc_live *l, const char *why)
{
    uint32_t random;

    nc_entropy(&random, sizeof random);
    /* The deadline first: the observer may ask how long the pause is. */
    l->state = NC_LIVE_PAUSE;
    nc_loop_deadline(l->loop, &l->renew, 0);
    nc_loop_deadline(l->loop, &l->deadline,
                     l->moved ? 1 : nc_live_backoff_ms(l->attempts++, random));
    l->moved = false;
    if (l->ops->state)
        l->ops->state(l->arg, NC_LIVE_PAUSE, why);
}

static void set_cursor(struct nc_live *l, const json_t *event)
{
    const char *cursor = json_string_value(json_object_get(event, "cursor"));

    if (!cursor)
        return;
    free(l->cursor);
    l->cursor = nc_str_dup(nc_str(cursor));
}

/* ---- what we say ---------------------------------------------------------- */

static void send_token(struct nc_live *l, const char *type, const char *since)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", nc_str(type));
    nc_json_kstr(&j, "token", nc_str(l->api->session.tokens.access));
    if (since)
        nc_json_kstr(&j, "since", nc_str(since));
    nc_json_obj_end(&j);
    l->generation = l->api->session.generation;
    if (nc_ws_send_text(&l->ws, nc_buf_str(&b)) != NC_OK)
        nc_ws_abort(&l->ws, "send");
    nc_wipe(b.p, b.n);
    nc_buf_fini(&b);
}

static void set_renewal(struct nc_live *l)
{
    uint64_t now = nc_wall_ms(), end = l->api->session.tokens.expires_ms;

    nc_loop_deadline(l->loop, &l->renew,
                     end > now + MARGIN_MS ? end - now - MARGIN_MS : 1000);
}

static void on_renew(struct nc_deadline *d)
{
    struct nc_live *l = nc_of(d, struct nc_live, renew);

    if (!nc_list_linked(&l->wait.node))
        nc_session_wait(&l->api->session, &l->wait);
}

enum nc_err nc_live_send(struct nc_live *l, struct nc_str frame)
{
    return l->state == NC_LIVE_ONLINE ? nc_ws_send_text(&l->ws, frame) : NC_ECLOSED;
}

/* ---- what we hear --------------------------------------------------------- */

static void on_open(struct nc_ws *w)
{
    struct nc_live *l = nc_of(w, struct nc_live, ws);

    send_token(l, "hello", l->cursor);
    go(l, NC_LIVE_HELLO, NULL);
}

static void on_welcome(struct nc_live *l, const json_t *event)
{
    l->attempts = l->refusals = 0;
    /* With a cursor of our own the events that follow move it on, one by one. */
    if (!l->cursor)
        set_cursor(l, event);
    set_renewal(l);
    if (l->ops->nodes)
        l->ops->nodes(l->arg, json_object_get(event, "nodes"));
    go(l, NC_LIVE_ONLINE, NULL);
}

static void on_resync(struct nc_live *l, const json_t *event)
{
    free(l->cursor);
    l->cursor = NULL;
    set_cursor(l, event);
    if (l->ops->resync)
        l->ops->resync(l->arg);
}

static void on_message(struct nc_ws *w, enum nc_ws_op op, struct nc_str data)
{
    struct nc_live *l = nc_of(w, struct nc_live, ws);
    struct nc_problem why;
    json_t *event;

    if (op != NC_WS_TEXT || nc_json_parse(data, &event, &why) != NC_OK)
        return;
    const char *type = json_string_value(json_object_get(event, "type"));
    if (!type)
        type = "";
    if (strcmp(type, "welcome") == 0) {
        on_welcome(l, event);
    } else if (strcmp(type, "resync") == 0) {
        on_resync(l, event);
    } else {
        l->ops->event(l->arg, event);
        set_cursor(l, event);
    }
    json_decref(event);
}

static void on_gone(struct nc_ws *w, unsigned code, const char *why)
{
    struct nc_live *l = nc_of(w, struct nc_live, ws);
    char words[160];

    l->dialled = false;
    if (l->freed) {
        free(l);
        return;
    }
    if (l->stopped) {
        l->stopped = false;
        return;
    }
    if (code == 4401) {
        nc_session_stale(&l->api->session, l->generation);
        if (++l->refusals >= REFUSALS_MAX) {
            go(l, NC_LIVE_OVER, why);
            return;
        }
    }
    snprintf(words, sizeof words, code == 1006 ? "%s" : "%s (%u)",
             why && *why ? why : "closed", code);
    pause_then_again(l, words);
}

/* ---- connecting ----------------------------------------------------------- */

/* NC_EIO: no context; logged. */
static enum nc_err ready_tls(struct nc_live *l)
{
    if (l->tls || strncmp(l->api->url, "https:", 6) != 0)
        return NC_OK;
    return nc_tls_client(&l->tls, l->api->ca_file);
}

static void dial(struct nc_live *l)
{
    static const struct nc_ws_ops ops = {
        .message = on_message, .gone = on_gone, .open = on_open};
    struct nc_buf url = {0}, headers = {0};
    const char *base = l->api->url;
    bool secure = strncmp(base, "https:", 6) == 0;

    nc_buf_printf(&headers, "User-Agent: neuralchat/" NC_VERSION "\r\n%s\r\n",
                  nc_words_header());
    nc_buf_addc(&headers, '\0');
    nc_buf_printf(&url, "%s%s/ws", secure ? "wss" : "ws", strstr(base, "://"));
    nc_buf_addc(&url, '\0');
    go(l, NC_LIVE_DIAL, NULL);
    l->ws = (struct nc_ws){0};
    enum nc_err e = ready_tls(l);
    if (e == NC_OK)
        e = nc_ws_dial(&l->ws, l->loop,
                       &(struct nc_ws_dial){
                           .url = url.p,
                           .protocol = "neuralchat.v1",
                           .headers = headers.p,
                           .tls = l->tls,
                           .message_max = MESSAGE_MAX,
                           .ping_ms = PING_MS,
                           .deflate = true,
                       },
                       &ops);
    nc_buf_fini(&url);
    nc_buf_fini(&headers);
    if (e == NC_OK)
        l->dialled = true;
    else
        go(l, NC_LIVE_OVER, "url");
}

static void on_token(struct nc_token_wait *w, enum nc_err e)
{
    struct nc_live *l = nc_of(w, struct nc_live, wait);

    if (e == NC_ECLOSED)
        return;
    if (l->state == NC_LIVE_ONLINE) { /* renewed for the socket that is open */
        if (e == NC_OK)
            send_token(l, "auth", NULL);
        if (e == NC_OK)
            set_renewal(l);
        else
            nc_loop_deadline(l->loop, &l->renew, 5000);
        return;
    }
    if (l->state != NC_LIVE_TOKEN)
        return;
    if (e == NC_OK)
        dial(l);
    else if (e == NC_EACCESS)
        go(l, NC_LIVE_OVER, "login");
    else
        pause_then_again(l, "connect");
}

static void begin(struct nc_live *l)
{
    go(l, NC_LIVE_TOKEN, NULL);
    if (!nc_list_linked(&l->wait.node))
        nc_session_wait(&l->api->session, &l->wait);
}

static void on_deadline(struct nc_deadline *d)
{
    struct nc_live *l = nc_of(d, struct nc_live, deadline);

    if (l->state == NC_LIVE_HELLO)
        nc_ws_abort(&l->ws, "no welcome");
    else if ((l->state == NC_LIVE_PAUSE || l->state == NC_LIVE_TOKEN) && !l->dialled)
        begin(l);
    else if (l->state == NC_LIVE_PAUSE || l->state == NC_LIVE_TOKEN)
        nc_loop_deadline(l->loop, &l->deadline, 100); /* the old socket is still closing */
}

void nc_live_start(struct nc_live *l)
{
    if (l->state == NC_LIVE_IDLE || l->state == NC_LIVE_OVER) {
        l->attempts = l->refusals = 0;
        l->state = NC_LIVE_TOKEN; /* told at the next turn: no callback from in here */
        nc_loop_deadline(l->loop, &l->deadline, 1);
    }
}

void nc_live_hurry(struct nc_live *l)
{
    if (l->state == NC_LIVE_PAUSE)
        nc_loop_deadline(l->loop, &l->deadline, 1);
}

void nc_live_move(struct nc_live *l)
{
    l->attempts = l->refusals = 0;
    if (l->dialled && !l->stopped && l->state != NC_LIVE_PAUSE) {
        l->moved = true;
        nc_ws_abort(&l->ws, "moved");
        return;
    }
    nc_list_del(&l->wait.node);
    l->state = NC_LIVE_PAUSE;
    nc_loop_deadline(l->loop, &l->renew, 0);
    nc_loop_deadline(l->loop, &l->deadline, 1);
}

void nc_live_stop(struct nc_live *l)
{
    if (l->dialled && !l->stopped) {
        l->stopped = true;
        nc_ws_close(&l->ws, 1000, "");
    }
    nc_list_del(&l->wait.node);
    free(l->cursor);
    l->cursor = NULL;
    go(l, NC_LIVE_IDLE, NULL);
}

struct nc_live *nc_live_new(struct nc_api *api, const struct nc_live_ops *ops, void *arg)
{
    struct nc_live *l = nc_alloc(sizeof *l);

    l->api = api;
    l->loop = api->loop;
    l->ops = ops;
    l->arg = arg;
    l->wait.done = on_token;
    l->deadline.fire = on_deadline;
    l->renew.fire = on_renew;
    if (ready_tls(l) != NC_OK) {
        free(l);
        return NULL;
    }
    return l;
}

void nc_live_free(struct nc_live *l)
{
    if (!l)
        return;
    nc_list_del(&l->wait.node);
    nc_loop_deadline(l->loop, &l->deadline, 0);
    nc_loop_deadline(l->loop, &l->renew, 0);
    nc_tls_free(l->tls);
    free(l->cursor);
    if (l->dialled) {
        l->freed = true;
        nc_ws_abort(&l->ws, "freed");
    } else {
        free(l);
    }
}
