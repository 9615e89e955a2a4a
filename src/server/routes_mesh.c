/* /api/v1/admin/mesh: which nodes this one trusts; /mesh/join: who wants to be one. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "chat/live/hub.h"
#include "chat/people/people.h"
#include "chat/people/throttle.h"
#include "chat/people/ticket.h"
#include "mesh/nodes.h"
#include "mesh/sync.h"
#include "mesh/way_ws.h"
#include "server/call.h"
#include "server/mesh_state.h"
#include "server/near.h"
#include "server/pairing.h"
#include "server/server.h"
#include "server/ws.h"
#include "wire/json_in.h"

static struct nc_str who(const struct nc_call *call)
{
    return call->actor.user ? call->actor.user->a.username : NC_STR("admin.sock");
}

/* ---- list ------------------------------------------------------------------- */

static void list(struct nc_call *call)
{
    const struct nc_nodes *nodes = call->srv->nodes;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);
    struct nc_card self;

    nc_pairing_card(call->srv, &self);
    nc_json_obj(&j);
    nc_json_key(&j, "self");
    nc_json_obj(&j);
    nc_card_write_public(&j, &self);
    nc_json_obj_end(&j);
    nc_json_key(&j, "nodes");
    nc_json_arr(&j);
    for (size_t i = 0; i < nc_nodes_count(nodes); i++) {
        const struct nc_node *node = nc_nodes_at(nodes, i);
        nc_json_obj(&j);
        nc_card_write_public(&j, &node->card);
        nc_json_ktime(&j, "added_at", node->added_ms);
        nc_json_ktime(&j, "seen_at", node->seen_ms);
        nc_json_kint(&j, "clock_off_ms", node->clock_off_ms);
        nc_sync_node_json(call->srv->sync, &node->card.id, &j);
        nc_json_obj_end(&j);
    }
    nc_json_arr_end(&j);
    if (call->srv->sync) {
        nc_json_key(&j, "former");
        nc_sync_former_json(call->srv->sync, &j);
    }
    nc_json_kuint(&j, "open_invites", nc_nodes_open_invites(nodes, nc_wall_ms()));
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
    nc_card_fini(&self);
}

/* ---- invite ------------------------------------------------------------------ */

/* `urls`, or where we are to our own knowledge.  False: the call has been failed. */
static bool urls_of(struct nc_call *call, struct nc_pair_code *code)
{
    struct nc_str urls[NC_PAIR_URLS];
    const char *own[NC_PAIR_URLS];
    struct nc_problem why;
    size_t n;

    if (nc_json_opt_strs(call->body, "urls", NC_PAIR_URLS, NC_PAIR_URL, urls, &n, NULL,
                         &why) != NC_OK) {
        nc_call_problem(call, &why);
        return false;
    }
    if (n == 0) {
        n = nc_near_urls(call->srv->near, own, NC_PAIR_URLS);
        for (size_t i = 0; i < n; i++)
            urls[i] = nc_str(own[i]);
    }
    if (n == 0) {
        nc_call_fail(call, NC_P_BAD_REQUEST,
                     "this node doesn't know where it is reached: give `urls`, or set "
                     "public_url");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!nc_pair_url_ok(urls[i])) {
            nc_call_fail(call, NC_P_BAD_REQUEST,
                         "`urls` must be http or https addresses of this node");
            return false;
        }
        memcpy(code->urls[i], urls[i].p, urls[i].n);
    }
    code->urls_n = (unsigned)n;
    return true;
}

static void invite(struct nc_call *call)
{
    struct nc_pair_code code = {.urls_n = 0};
    struct nc_buf text = {0}, out = {0};
    struct nc_json j = nc_json_to(&out);

    if (!urls_of(call, &code))
        return;
    enum nc_err e = nc_nodes_invite(call->srv->nodes, &code);
    if (e == NC_ELIMIT)
        nc_call_fail(call, NC_P_CONFLICT,
                     "there are %d invitations already; each is over "
                     "an hour after it was made",
                     NC_NODES_INVITES);
    else if (e != NC_OK)
        nc_call_fail(call, NC_P_UNAVAILABLE, "it could not be written down; see the log");
    if (e != NC_OK)
        return;
    nc_people_audit(call->chat, "mesh.invite", who(call), NC_STR(""), call->actor.address,
                    NULL);
    nc_pair_code_add(&code, &text);
    nc_json_obj(&j);
    nc_json_kstr(&j, "code", nc_buf_str(&text));
    nc_json_ktime(&j, "expires_at", code.exp_s * 1000);
    nc_card_write_urls(&j, "urls", code.urls, code.urls_n);
    nc_json_obj_end(&j);
    nc_call_json(call, 201, nc_buf_str(&out));
    nc_wipe(&code, sizeof(code));
    nc_wipe(text.p, text.n);
    nc_wipe(out.p, out.n);
    nc_buf_fini(&text);
    nc_buf_fini(&out);
}

/* ---- join --------------------------------------------------------------------- */

/* What the code says, and nobody is asked yet. */
static void show_code(struct nc_call *call, const struct nc_pair_code *code)
{
    char key[NC_IDENTITY_TEXT];
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_identity_key_text(code->key, key);
    nc_json_obj(&j);
    nc_json_kid(&j, "id", &code->node);
    nc_json_kstr(&j, "key", (struct nc_str){key, sizeof(key)});
    nc_card_write_urls(&j, "urls", code->urls, code->urls_n);
    nc_json_ktime(&j, "expires_at", code->exp_s * 1000);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void join(struct nc_call *call)
{
    struct nc_pair_code code;
    struct nc_problem why;
    struct nc_str text;
    bool look = false;

    if (nc_json_need_text(call->body, "code", 4096, &text, &why) != NC_OK ||
        nc_json_opt_bool(call->body, "look", &look, &why) != NC_OK) {
        nc_call_problem(call, &why);
        return;
    }
    if (nc_pair_code_parse(text, &code) != NC_OK)
        nc_call_fail(call, NC_P_BAD_REQUEST, "this is no code of an invitation");
    else if (nc_id_eq(&code.node, &call->srv->node_id))
        nc_call_fail(call, NC_P_CONFLICT, "the code is this node's own");
    else if (look)
        show_code(call, &code);
    else
        nc_pairing_join(call, &code);
    nc_wipe(&code, sizeof(code));
}

/* Another node asks: whoever has an invitation, and nobody else. */
static void on_join(struct nc_call *call)
{
    struct nc_throttle *guesses = call->chat->people->throttle;
    struct nc_str from = call->actor.address;
    const struct nc_node *node = NULL;
    struct nc_buf answer = {0};
    struct nc_problem why;
    struct nc_card self;

    unsigned wait = nc_throttle_guesses(guesses, from, nc_wall_ms());
    if (wait) {
        nc_problem_set(&why, NC_P_RATE_LIMITED, "too many wrong codes from there");
        why.retry_after_s = wait;
        nc_call_problem(call, &why);
        return;
    }
    nc_pairing_card(call->srv, &self);
    enum nc_err e =
        nc_nodes_take(call->srv->nodes, call->body, &self, &answer, &node, &why);
    nc_card_fini(&self);
    if (e == NC_EACCESS)
        nc_throttle_guessed(guesses, from, nc_wall_ms());
    nc_people_audit(call->chat, "mesh.joined", NC_STR(""),
                    node ? nc_str(node->card.name) : NC_STR(""), from, e ? &why : NULL);
    if (e != NC_OK) {
        nc_call_problem(call, &why);
    } else {
        nc_log(NC_INFO, "mesh.joined", "node=%s by=them", node->card.name);
        nc_call_json(call, 200, nc_buf_str(&answer));
    }
    nc_buf_fini(&answer);
}

/* ---- forget ------------------------------------------------------------------- */

/* Streams and tickets don't say by whose token they came, and some may be the forgotten
 * node's: all go.  Who came by another is back at once, and has missed nothing. */
static void end_streams(struct nc_chat *c)
{
    nc_tickets_forget(c, NULL);
    nc_hub_end_all(c->hub, 1012, "restart");
}

static void forget(struct nc_call *call)
{
    const struct nc_node *node = nc_nodes_find(call->srv->nodes, &call->ids[0]);
    char name[NC_CARD_NAME];

    if (!node) {
        nc_call_fail(call, NC_P_NOT_FOUND, "no such node");
        return;
    }
    memcpy(name, node->card.name, sizeof(name));
    enum nc_err e = nc_nodes_forget(call->srv->nodes, &call->ids[0]);
    nc_people_audit(call->chat, "mesh.forget", who(call), nc_str(name), call->actor.address,
                    NULL);
    nc_log(NC_INFO, "mesh.forgotten", "node=%s", name);
    end_streams(call->chat);
    if (e != NC_OK)
        nc_call_fail(call, NC_P_UNAVAILABLE,
                     "it could not be written down, and it comes back with a restart; see "
                     "the log");
    else
        nc_call_empty(call);
}

/* ---- what is ahead of its time -------------------------------------------------- */

static void accept_ahead(struct nc_call *call)
{
    const struct nc_id *id = &call->ids[0];
    const struct nc_node *node = nc_nodes_find(call->srv->nodes, id);
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (!call->srv->sync || (!node && !nc_id_eq(id, &call->srv->node_id) &&
                             !nc_sync_knows(call->srv->sync, id))) {
        nc_call_fail(call, NC_P_NOT_FOUND, "no such node");
        return;
    }
    unsigned events = nc_sync_accept(call->srv->sync, id);
    nc_people_audit(call->chat, "mesh.accept", who(call),
                    node ? nc_str(node->card.name) : NC_STR(""), call->actor.address, NULL);
    nc_json_obj(&j);
    nc_json_kuint(&j, "events", events);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

/* ---- envelopes ------------------------------------------------------------------ */

/* Another node comes; who it is it says, and proves, by the first of them. */
static void on_socket(struct nc_call *call)
{
    struct nc_server *s = call->srv;
    struct nc_ws_deflate deflate;

    if (!nc_nodes_count(s->nodes) || s->stopping || !s->way_ws) {
        nc_call_fail(call, NC_P_NOT_FOUND, "this node has no others");
        return;
    }
    struct nc_conn *c = nc_socket_upgrade(call, NC_WAY_WS_PROTOCOL, &deflate);
    if (!c)
        return;
    nc_way_ws_take(s->way_ws, c, &deflate, call->actor.address);
    nc_call_done(call);
}

/* Whoever comes in has all that the node has: the owner alone lets one in. */
#define OWNER (NC_R_OWNER | NC_R_SESSION)

const struct nc_route nc_routes_mesh[] = {
    {"GET", "/api/v1/admin/mesh", list, NC_R_ADMIN | NC_R_SESSION, 0, 0},
    {"GET", "/api/v1/admin/mesh/state", nc_mesh_state,
     NC_R_ADMIN | NC_R_SESSION | NC_R_LIST, 0, 0},
    {"POST", "/api/v1/admin/mesh/invite", invite, OWNER | NC_R_BODY_OPTIONAL, 0, 0},
    {"POST", "/api/v1/admin/mesh/join", join, OWNER | NC_R_BODY, 0, 0},
    {"DELETE", "/api/v1/admin/mesh/{node:id}", forget, OWNER, 0, 0},
    {"POST", "/api/v1/admin/mesh/{node:id}/accept", accept_ahead, OWNER, 0, 0},
    {"GET", "/mesh", on_socket, NC_R_PUBLIC, 0, 0},
    {"POST", "/mesh/join", on_join, NC_R_PUBLIC | NC_R_BODY, 0, 0},
    {0},
};
