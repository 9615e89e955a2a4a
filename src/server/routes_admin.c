/* /api/v1/admin: for the owner, admins, and whoever may open DIR/admin.sock. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/people/account.h"
#include "chat/people/people.h"
#include "chat/people/update.h"
#include "crypto/hash.h"
#include "mesh/brokers.h"
#include "mesh/paths.h"
#include "server/call.h"
#include "server/disk.h"
#include "server/nodes_file.h"
#include "server/server.h"
#include "wire/http_target.h"
#include "wire/json_in.h"

/* {user:id} of the pattern, or the call has been failed. */
static struct nc_user *user_of(struct nc_call *call)
{
    struct nc_user *u = nc_user_find(call->chat, &call->ids[0]);

    if (u && !u->a.deleted)
        return u;
    nc_call_fail(call, NC_P_NOT_FOUND, "no such user");
    return NULL;
}

/* ---- people --------------------------------------------------------------- */

static void users(struct nc_call *call)
{
    struct nc_buf out = {0};
    struct nc_id after;
    uint64_t limit = 200;

    if (!nc_call_page(call, 1000, &limit, &after))
        return;
    nc_account_list(call->chat, &after, (unsigned)limit, &out);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void patch_user(struct nc_call *call)
{
    static const char *const roles[] = {"member", "admin", "owner", NULL};
    struct nc_user *u = user_of(call);
    struct nc_account_patch in = {0};
    enum nc_account_role role;
    struct nc_problem why;
    unsigned word = NC_COUNT(roles);
    bool disabled;

    if (!u)
        return;
    if (nc_json_opt_word(call->body, "role", roles, &word, &why) != NC_OK ||
        nc_json_opt_bool(call->body, "disabled", &disabled, &why) != NC_OK) {
        nc_call_problem(call, &why);
        return;
    }
    if (word < NC_COUNT(roles)) {
        role = (enum nc_account_role)word;
        in.role = &role;
    }
    if (nc_json_has(call->body, "disabled"))
        in.disabled = &disabled;
    nc_account_patch(call->chat, &call->actor, u, &in, nc_call_on_done, call);
}

static void on_reset(void *arg, const struct nc_problem *why, struct nc_str code,
                     struct nc_str url)
{
    struct nc_call *call = arg;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (why) {
        nc_call_problem(call, why);
        return;
    }
    nc_json_obj(&j);
    nc_json_kstr(&j, "code", code);
    nc_json_kstr(&j, "url", url);
    nc_json_ktime(&j, "expires_at", nc_wall_ms() + 24ull * 3600 * 1000);
    nc_json_obj_end(&j);
    nc_call_json(call, 201, nc_buf_str(&out));
    nc_wipe(out.p, out.n);
    nc_buf_fini(&out);
}

static void reset_user(struct nc_call *call)
{
    struct nc_user *u = user_of(call);

    if (u)
        nc_account_reset_code(call->chat, &call->actor, u, on_reset, call);
}

/* ---- sessions ------------------------------------------------------------- */

static void sessions(struct nc_call *call)
{
    bool given;
    struct nc_str name = nc_call_query(call, "user", &given);
    struct nc_user *u = given ? nc_user_named(call->chat, name) : call->actor.user;

    if (!u) {
        nc_call_fail(call, given ? NC_P_NOT_FOUND : NC_P_BAD_REQUEST,
                     given ? "no such user" : "`user` must name an account");
        return;
    }
    nc_session_list(call->chat, u, &call->session, nc_call_on_json, call);
}

/* Whose it is must be looked up before it can be ended. */
struct ending {
    struct nc_query query;
    struct nc_call *call;
    struct nc_id user;
};

static void on_session_row(struct nc_query *q, const struct nc_row *row)
{
    nc_of(q, struct ending, query)->user = row->session.user;
}

static void on_session_found(struct nc_query *q, enum nc_err e)
{
    struct ending *end = nc_of(q, struct ending, query);
    struct nc_call *call = end->call;
    struct nc_user *u = nc_user_find(call->chat, &end->user);

    if (e != NC_OK)
        nc_call_fail(call, NC_P_UNAVAILABLE, "the store can't be read");
    else if (!u)
        nc_call_fail(call, NC_P_NOT_FOUND, "no such session");
    else if (u != call->actor.user && !nc_account_rules(&call->actor, u))
        nc_call_fail(call, NC_P_FORBIDDEN, "only an owner may do that");
    else
        nc_session_end(call->chat, &call->actor, u, &q->id, nc_call_on_done, call);
    free(end);
}

static void end_session(struct nc_call *call)
{
    struct ending *end = nc_alloc(sizeof(*end));

    end->call = call;
    end->query = (struct nc_query){.kind = NC_Q_SESSION,
                                   .id = call->ids[0],
                                   .row = on_session_row,
                                   .done = on_session_found};
    call->srv->store->ops->read(call->srv->store, &end->query);
}

/* ---- audit, health --------------------------------------------------------- */

static void audit(struct nc_call *call)
{
    uint64_t before = UINT64_MAX, limit = 100, next;
    struct nc_str query = call->req->head->query;
    struct nc_problem why;
    struct nc_buf out = {0}, entries = {0};
    struct nc_json j = nc_json_to(&out);

    if (nc_http_query_u64(query, "before", 0, UINT64_MAX, &before, &why) != NC_OK ||
        nc_http_query_u64(query, "limit", 1, 1000, &limit, &why) != NC_OK) {
        nc_call_problem(call, &why);
        return;
    }
    nc_audit_tail(call->srv->audit, before, (unsigned)limit, &entries, &next);
    nc_json_obj(&j);
    nc_json_kraw(&j, "entries", nc_buf_str(&entries));
    nc_json_kuint(&j, "next", next);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&entries);
    nc_buf_fini(&out);
}

struct health {
    struct nc_query query;
    struct nc_call *call;
    uint64_t messages, events, accounts, rooms, bytes;
};

static void on_stats(struct nc_query *q, const struct nc_row *row)
{
    struct health *h = nc_of(q, struct health, query);

    h->messages = row->stats.messages;
    h->events = row->stats.events;
    h->accounts = row->stats.accounts;
    h->rooms = row->stats.rooms;
    h->bytes = row->stats.bytes;
}

static void on_health(struct nc_query *q, enum nc_err e)
{
    struct health *h = nc_of(q, struct health, query);
    const struct nc_server *s = h->call->srv;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "version", NC_STR(NC_VERSION));
    nc_json_kid(&j, "node", &s->node_id);
    nc_json_kuint(&j, "uptime_s", (nc_wall_ms() - s->started_ms) / 1000);
    nc_json_kstr(&j, "store",
                 e || s->store->info.failing ? NC_STR("failing") : NC_STR("ok"));
    nc_json_kstr(&j, "disk", nc_str(nc_disk_state(s->disk)));
    nc_json_kuint(&j, "disk_left_bytes", nc_disk_left(s->disk));
    nc_json_kuint(&j, "connections", nc_listeners_open(s->listeners));
    nc_json_kuint(&j, "listeners", nc_hub_stats(s->chat->hub)->listeners);
    nc_json_kuint(&j, "messages", h->messages);
    nc_json_kuint(&j, "events", h->events);
    nc_json_kuint(&j, "accounts", h->accounts);
    nc_json_kuint(&j, "rooms", h->rooms);
    nc_json_kuint(&j, "store_bytes", h->bytes);
    nc_json_obj_end(&j);
    nc_call_json(h->call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
    free(h);
}

static void health(struct nc_call *call)
{
    struct health *h = nc_alloc(sizeof(*h));

    h->call = call;
    h->query = (struct nc_query){.kind = NC_Q_STATS, .row = on_stats, .done = on_health};
    call->srv->store->ops->read(call->srv->store, &h->query);
}

/* The settings in force.  None of them is a secret but the owner code. */
static void settings(struct nc_call *call)
{
    const struct nc_options *o = call->srv->options;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_json_key(&j, "settings");
    nc_json_obj(&j);
    for (size_t i = 0; i < o->n; i++) {
        struct nc_buf value = {0};
        if ((o->table[i].flags & NC_OPT_FLAG) || strcmp(o->table[i].key, "owner_code") == 0)
            continue;
        nc_options_show(o, i, &value);
        nc_json_kstr(&j, o->table[i].key, nc_buf_str(&value));
        nc_buf_fini(&value);
    }
    nc_json_obj_end(&j);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

/* What a broker of ours is set up with: no secret, so that it can be written anywhere. */
static void broker(struct nc_call *call)
{
    struct nc_buf out = {0}, nodes = {0};
    struct nc_json j = nc_json_to(&out);

    nc_nodes_file_rows(call->srv, &nodes);
    nc_json_obj(&j);
    nc_json_kraw(&j, "nodes", nc_buf_str(&nodes));
    nc_json_kstr(&j, "root", nc_str(call->srv->cfg->broker_root));
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&nodes);
    nc_buf_fini(&out);
}

static void links(struct nc_call *call)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_brokers_json(call->srv->brokers, &j);
    nc_paths_json(call->srv->paths, call->srv->way_ws, &j);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

/* An API key of an administrator is not an administrator. */
#define ADMIN (NC_R_ADMIN | NC_R_SESSION)

const struct nc_route nc_routes_admin[] = {
    {"GET", "/api/v1/admin/users", users, ADMIN, 0, 0},
    {"PATCH", "/api/v1/admin/users/{user:id}", patch_user, ADMIN | NC_R_BODY, 0, 0},
    {"POST", "/api/v1/admin/users/{user:id}/reset", reset_user, ADMIN | NC_R_BODY_OPTIONAL,
     0, 0},
    {"GET", "/api/v1/admin/sessions", sessions, ADMIN, 0, 0},
    {"DELETE", "/api/v1/admin/sessions/{session:id}", end_session, ADMIN, 0, 0},
    {"GET", "/api/v1/admin/audit", audit, ADMIN, 0, 0},
    {"GET", "/api/v1/admin/health", health, ADMIN, 0, 0},
    {"GET", "/api/v1/admin/settings", settings, ADMIN, 0, 0},
    {"GET", "/api/v1/admin/broker", broker, ADMIN, 0, 0},
    {"GET", "/api/v1/admin/links", links, ADMIN, 0, 0},
    {0},
};
