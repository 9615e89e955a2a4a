#include <stdlib.h>
#include <string.h>

#include "chat/live/hub.h"
#include "server/live.h"
#include "server/server.h"
#include "wire/http_target.h"

enum {
    TIMEOUT_S = 25,
    TIMEOUT_MAX_S = 60,
    TOGETHER_MS = 150, /* what is ephemeral waits for more: an answer that grows would
                          otherwise end each poll as it begins, with all its text */
};

/* One poll: what comes first is its answer; what comes after that is behind the cursor
 * it gives, and the next poll's. */
struct poll {
    struct nc_listener l;
    struct nc_call *call;
    struct nc_deadline deadline;
    struct nc_task finish;
    struct nc_buf events; /* objects, each with a comma behind it */
    struct nc_buf cursor; /* set when there is an answer */
    uint64_t until_ms;    /* of nc_loop_now_ms: its time is over */
    bool late;            /* it is; only what is in the log is waited for */
};

static struct nc_hub *hub_of(const struct poll *p) { return p->call->chat->hub; }

static void poll_free(struct poll *p)
{
    nc_hub_detach(hub_of(p), &p->l);
    nc_loop_deadline(p->call->srv->loop, &p->deadline, 0);
    nc_loop_undefer(p->call->srv->loop, &p->finish);
    p->call->left = NULL;
    nc_buf_fini(&p->events);
    nc_buf_fini(&p->cursor);
    free(p);
}

static void answer(struct poll *p)
{
    struct nc_call *call = p->call;
    struct nc_str events = nc_buf_str(&p->events);
    struct nc_buf b = {0};

    if (p->cursor.n == 0)
        nc_hub_cursor(hub_of(p), &p->l, &p->cursor);
    if (events.n)
        events.n--; /* the last comma */
    nc_buf_adds(&b, NC_STR("{\"events\":["));
    nc_buf_adds(&b, events);
    nc_buf_adds(&b, NC_STR("],\"cursor\":\""));
    nc_buf_adds(&b, nc_buf_str(&p->cursor));
    nc_buf_adds(&b, NC_STR("\"}"));
    poll_free(p);
    nc_call_json(call, 200, nc_buf_str(&b));
    nc_buf_fini(&b);
}

static void on_finish(struct nc_task *t) { answer(nc_of(t, struct poll, finish)); }

/* What was missed is told even to those who don't wait: the log is being read. */
static void on_timeout(struct nc_deadline *d)
{
    struct poll *p = nc_of(d, struct poll, deadline);

    if (p->l.state == NC_CATCHING_UP)
        p->late = true;
    else
        answer(p);
}

/* The hub must not be left from inside its calls. */
static void finish_soon(struct poll *p)
{
    nc_hub_cursor(hub_of(p), &p->l, &p->cursor);
    nc_loop_defer(p->call->srv->loop, &p->finish);
}

/* Within a string the quotes would be escaped. */
static bool has_durable(struct nc_str events)
{
    static const char mark[] = "\"event_id\":";

    return events.n && memmem(events.p, events.n, mark, sizeof mark - 1);
}

static void on_deliver(struct nc_listener *l, struct nc_blob **frames, unsigned n)
{
    struct poll *p = nc_of(l, struct poll, l);
    struct nc_loop *loop = p->call->srv->loop;
    bool first = p->events.n == 0, durable = false;

    if (p->cursor.n)
        return;
    for (unsigned i = 0; i < n; i++) {
        nc_buf_adds(&p->events, nc_blob_str(frames[i]));
        durable |= has_durable(nc_blob_str(frames[i]));
    }
    if (durable)
        finish_soon(p);
    else if (first && nc_loop_now_ms(loop) + TOGETHER_MS < p->until_ms)
        nc_loop_deadline(loop, &p->deadline, TOGETHER_MS);
}

static void on_live(struct nc_listener *l)
{
    struct poll *p = nc_of(l, struct poll, l);

    if (p->late && p->cursor.n == 0)
        finish_soon(p);
}

static size_t on_queued(struct nc_listener *l)
{
    (void)l;
    return 0;
}

static void on_end(struct nc_listener *l, unsigned code, const char *reason)
{
    struct poll *p = nc_of(l, struct poll, l);
    struct nc_call *call = p->call;

    (void)reason;
    poll_free(p);
    if (code == 4401)
        nc_call_fail(call, NC_P_UNAUTHORIZED, "the session has ended");
    else
        nc_call_fail(call, NC_P_UNAVAILABLE, "try again");
}

static void on_resync(struct nc_listener *l)
{
    struct poll *p = nc_of(l, struct poll, l);

    nc_buf_adds(&p->events, NC_STR("{\"type\":\"resync\",\"cursor\":\""));
    nc_hub_cursor(hub_of(p), l, &p->events);
    nc_buf_adds(&p->events, NC_STR("\"},"));
    finish_soon(p);
}

static const struct nc_listener_ops listener_ops = {
    .deliver = on_deliver,
    .queued = on_queued,
    .end = on_end,
    .live = on_live,
    .resync = on_resync,
};

static void on_left(struct nc_call *call)
{
    poll_free(call->owner);
    nc_call_done(call);
}

static void answer_head(struct nc_call *call)
{
    struct nc_buf b = {0};

    nc_buf_adds(&b, NC_STR("{\"events\":[],\"cursor\":\""));
    nc_hub_cursor(call->chat->hub, NULL, &b);
    nc_buf_adds(&b, NC_STR("\"}"));
    nc_call_json(call, 200, nc_buf_str(&b));
    nc_buf_fini(&b);
}

void nc_live_poll(struct nc_call *call)
{
    uint64_t timeout_s = TIMEOUT_S;
    struct nc_problem why;
    bool found;
    struct nc_str since = nc_call_query(call, "since", &found);

    if (nc_http_query_u64(call->req->head->query, "timeout", 0, TIMEOUT_MAX_S, &timeout_s,
                          &why) != NC_OK) {
        nc_call_problem(call, &why);
        return;
    }
    if (!call->actor.user) { /* the admin socket is nobody's stream */
        nc_call_fail(call, NC_P_UNAUTHORIZED, "this takes an access token or a key");
        return;
    }
    if (!found) {
        answer_head(call);
        return;
    }
    struct poll *p = nc_alloc(sizeof *p);
    p->call = call;
    p->l = (struct nc_listener){.ops = &listener_ops,
                                .user = call->actor.user,
                                .session = call->auth.ends_with,
                                .encoding = NC_ENC_JSON,
                                .wants_online =
                                    nc_str_eqz(nc_call_query(call, "online", NULL), "1")};
    p->deadline.fire = on_timeout;
    p->finish.run = on_finish;
    enum nc_err e = nc_hub_attach(hub_of(p), &p->l, &since);
    if (e != NC_OK) {
        free(p);
        nc_live_refuse(call, e);
        return;
    }
    call->owner = p;
    call->left = on_left;
    p->until_ms = nc_loop_now_ms(call->srv->loop) + (timeout_s ? timeout_s * 1000 : 1);
    nc_loop_deadline(call->srv->loop, &p->deadline, timeout_s ? timeout_s * 1000 : 1);
}
