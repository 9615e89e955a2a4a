/* What machines ask: is it up, can it serve, how is it doing, what can it do. */
#include "base/id.h"
#include "mesh/brokers.h"
#include "server/call.h"
#include "server/disk.h"
#include "server/nodes_file.h"
#include "server/own_broker.h"
#include "server/server.h"

/* Loopback, --admin-from, or an owner's token (protocol.md section 7).  Through a proxy
 * that is not configured everybody would come from loopback: its header gives it away. */
static bool full(const struct nc_call *call)
{
    const struct nc_http_head *h = call->req->head;
    bool forwarded = nc_http_get(h, "X-Forwarded-For").p || nc_http_get(h, "Forwarded").p;
    bool near = nc_addr_reach(&call->req->peer) == NC_REACH_LOOPBACK;

    return (nc_server_trusts(call->srv, &call->req->peer) && !(near && forwarded)) ||
           call->actor.admin_socket ||
           (call->actor.user && call->actor.user->a.role == NC_ROLE_OWNER);
}

static void healthz(struct nc_call *call)
{
    nc_call_json(call, 200, NC_STR("{\"status\":\"ok\"}"));
}

static void part(struct nc_json *j, const char *name, const char *state)
{
    nc_json_key(j, name);
    nc_json_obj(j);
    nc_json_kstr(j, "state", nc_str(state));
    nc_json_obj_end(j);
}

/* The node serves without it: it never makes the answer a 503. */
static void own_broker(struct nc_json *j, const struct nc_server *s)
{
    struct nc_own_broker_stats stats = nc_own_broker_stats(s->own_broker);

    nc_json_key(j, "own_broker");
    nc_json_obj(j);
    nc_json_kstr(j, "state", nc_str(stats.state));
    if (*stats.url)
        nc_json_kstr(j, "url", nc_str(stats.url));
    if (*stats.reason)
        nc_json_kstr(j, "reason", nc_str(stats.reason));
    nc_json_obj_end(j);
}

/* Never a reason to be unready: without brokers everything works but MQTT. */
static void brokers_part(struct nc_json *j, struct nc_brokers *b)
{
    if (nc_brokers_count(b) == 0) {
        part(j, "brokers", nc_brokers_state(b));
        return;
    }
    nc_json_key(j, "brokers");
    nc_json_obj(j);
    nc_brokers_json(b, j);
    nc_json_obj_end(j);
}

static void readyz(struct nc_call *call)
{
    const struct nc_server *s = call->srv;
    bool ok = !s->store->info.failing && !s->stopping;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "status", ok ? NC_STR("ok") : NC_STR("unavailable"));
    if (full(call)) {
        part(&j, "store", s->store->info.failing ? "failing" : "ok");
        part(&j, "queue", s->store->info.pending_commits > 100000 ? "full" : "ok");
        brokers_part(&j, s->brokers);
        if (s->own_broker)
            own_broker(&j, s);
        part(&j, "disk", nc_disk_state(s->disk));
    }
    nc_json_obj_end(&j);
    nc_call_json(call, ok ? 200 : 503, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void metrics(struct nc_call *call)
{
    struct nc_buf out = {0};

    if (!full(call)) {
        nc_call_fail(call, NC_P_NOT_FOUND, "no such path");
        return;
    }
    nc_metrics_write(call->srv, &out);
    nc_call_text(call, 200, NC_STR("text/plain; version=0.0.4; charset=utf-8"),
                 nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void limits(struct nc_json *j, const struct nc_config *c)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"message_bytes", c->message_max},
        {"answer_bytes", c->answer_max},
        {"frame_bytes", c->frame_max},
        {"body_bytes", c->body_max},
        {"room_name_chars", c->room_name_max},
        {"topic_chars", c->topic_max},
        {"display_name_chars", c->display_name_max},
        {"password_bytes_min", 8},
        {"password_bytes_max", 1024},
        {"sends_per_10s", c->sends_per_10s},
        {"replay_events", c->replay_max},
    };

    nc_json_key(j, "limits");
    nc_json_obj(j);
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        nc_json_kuint(j, rows[i].name, rows[i].value);
    nc_json_obj_end(j);
}

/* What clients may show.  A word here is a promise that its calls are there. */
static const char *const features[] = {
    "rooms",  "direct",   "dialogs",    "invites",      "commands", "replies", "mentions",
    "typing", "presence", "online",     "bans",         "keys",     "ai",      "providers",
    "models", "jobs",     "regenerate", "alternatives", "openai",   "usage"};

static void server(struct nc_call *call)
{
    static const char *const registration[] = {"open", "invite", "closed"};
    const struct nc_config *c = call->srv->cfg;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "name", NC_STR("NeuralChat"));
    nc_json_kstr(&j, "version", NC_STR(NC_VERSION));
    nc_json_kuint(&j, "protocol", 1);
    nc_json_kid(&j, "node", &call->srv->node_id);
    nc_json_kstr(&j, "registration", nc_str(registration[c->registration]));
    limits(&j, c);
    nc_json_key(&j, "features");
    nc_json_arr(&j);
    for (size_t i = 0; i < NC_COUNT(features); i++)
        nc_json_str(&j, nc_str(features[i]));
    if (c->own_broker || c->brokers.n) /* people may come by it */
        nc_json_str(&j, NC_STR("mqtt"));
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

/* Not for strangers: where the owner's machines are is nobody else's business. */
static void nodes(struct nc_call *call)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_nodes_for_clients(call->srv, &j);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

const struct nc_route nc_routes_ops[] = {
    {"GET", "/healthz", healthz, NC_R_PUBLIC, 0, 0},
    {"GET", "/readyz", readyz, NC_R_PUBLIC, 0, 0},
    {"GET", "/metrics", metrics, NC_R_PUBLIC, 0, 0},
    {"GET", "/api/v1/server", server, NC_R_PUBLIC, 0, 0},
    {"GET", "/api/v1/nodes", nodes, 0, 0, 0},
    {0},
};
