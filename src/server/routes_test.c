/* What tests need of the production stack without its product: only with
 * --test-endpoints, and only on loopback. */
#include <stdlib.h>

#include "server/server.h"
#include "server/ws.h"

enum {
    ECHO_BODY_MAX = 16 << 20,
    ECHO_QUEUE_MAX = 64 << 20,
    ECHO_QUEUE_HIGH = 1 << 20, /* no more is read from who takes no echo */
    ECHO_QUEUE_LOW = 64 << 10,
};

struct echo {
    struct nc_ws ws;
};

static void on_message(struct nc_ws *w, enum nc_ws_op op, struct nc_str data)
{
    enum nc_err e =
        op == NC_WS_TEXT ? nc_ws_send_text(w, data) : nc_ws_send_binary(w, data);

    if (e == NC_ELIMIT)
        nc_ws_close(w, 1009, "queue full");
    else if (nc_ws_queued(w) > ECHO_QUEUE_HIGH)
        nc_ws_pause(w);
}

static void on_drained(struct nc_ws *w) { nc_ws_resume(w); }

static void on_gone(struct nc_ws *w, unsigned code, const char *why)
{
    (void)code, (void)why;
    free(nc_of(w, struct echo, ws));
}

static const struct nc_ws_ops echo_ops = {on_message, on_drained, on_gone, NULL};

static void echo_ws(struct nc_call *call)
{
    struct nc_ws_deflate deflate;
    struct nc_conn *c = nc_socket_upgrade(call, NULL, &deflate);

    if (!c)
        return;
    struct echo *e = nc_alloc(sizeof *e);
    nc_ws_begin(&e->ws, c,
                &(struct nc_ws_start){.role = NC_WS_SERVER,
                                      .message_max = call->srv->cfg->frame_max,
                                      .deflate = deflate},
                &echo_ops);
    nc_conn_limit(c, ECHO_QUEUE_MAX, ECHO_QUEUE_LOW);
    nc_call_done(call);
}

static void echo(struct nc_call *call)
{
    struct nc_str type = nc_http_get(call->req->head, "Content-Type");

    if (call->req->head->upgrade_ws)
        echo_ws(call);
    else
        nc_call_text(call, 200, type.n ? type : NC_STR("application/octet-stream"),
                     call->req->body);
}

const struct nc_route nc_routes_test[] = {
    {"*", "/test/echo", echo, NC_R_PUBLIC, 0, ECHO_BODY_MAX},
    {0},
};
