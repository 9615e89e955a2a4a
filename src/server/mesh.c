#include "server/mesh.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "chat/live/hub.h"
#include "mesh/brokers.h"
#include "mesh/ephemera.h"
#include "mesh/nodes.h"
#include "mesh/paths.h"
#include "mesh/sync.h"
#include "mesh/users.h"
#include "mesh/way_broker.h"
#include "mesh/way_ws.h"
#include "server/ai_mesh.h"
#include "server/near.h"
#include "server/own_broker.h"
#include "server/server.h"

/* The node's own broker accepts clients: we are one. */
static void on_own_broker(void *arg, const char *url)
{
    struct nc_server *s = arg;

    if (!s->brokers) /* the node is closing, and the broker goes last */
        return;
    if (nc_brokers_own(s->brokers, url) != NC_OK)
        nc_log(NC_WARN, "broker.link", "url=%s", nc_log_q(nc_str(url)));
}

/* Two nodes on one machine, or on two of one name, are told apart by the end of the id. */
static void name_node(struct nc_server *s)
{
    char host[40] = "", id[NC_ID_TEXT];

    if (*s->cfg->node_name) {
        snprintf(s->node_name, sizeof(s->node_name), "%s", s->cfg->node_name);
        return;
    }
    (void)gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    nc_id_text(&s->node_id, id);
    snprintf(s->node_name, sizeof(s->node_name), "%s-%.6s",
             nc_card_name_ok(nc_str(host)) ? host : "node", id + NC_ID_TEXT - 6);
}

static void on_nodes_changed(void *arg)
{
    struct nc_server *s = arg;

    nc_own_broker_pin(s->own_broker);
    nc_hub_mesh(s->chat->hub, nc_nodes_count(s->nodes) > 0);
    nc_sync_nodes_changed(s->sync);
    if (s->brokers)
        nc_brokers_retry(s->brokers);
    nc_way_ws_look(s->way_ws);
}

static enum nc_err open_nodes(struct nc_server *s)
{
    char path[NC_PATH_MAX];

    name_node(s);
    enum nc_err e = nc_nodes_open(
        &s->nodes, &(struct nc_nodes_opts){.path = nc_server_path(s, "nodes.json", path),
                                           .self = s->node_id,
                                           .identity = &s->identity,
                                           .name = s->node_name,
                                           .changed = on_nodes_changed,
                                           .arg = s});
    if (e == NC_OK) {
        s->chat->opts.others = nc_nodes_verify;
        s->chat->opts.others_arg = s->nodes;
        nc_hub_mesh(s->chat->hub, nc_nodes_count(s->nodes) > 0);
    }
    return e;
}

static bool any_node(void *nodes) { return nc_nodes_count(nodes) > 0; }

static enum nc_err open_sync(struct nc_server *s)
{
    enum nc_err e = nc_sync_new(&s->sync, &(struct nc_sync_opts){
                                              .loop = s->loop,
                                              .chat = s->chat,
                                              .nodes = s->nodes,
                                              .identity = &s->identity,
                                              .self = s->node_id,
                                              .name = s->node_name,
                                              .version = NC_VERSION,
                                              .dir = s->cfg->data,
                                          });
    if (e == NC_OK)
        s->way_brokers = nc_way_brokers_new(s->sync, s->brokers, &s->node_id);
    return e;
}

static enum nc_err open_ways(struct nc_server *s)
{
    s->paths = nc_paths_new(&(struct nc_paths_opts){
        .loop = s->loop, .sync = s->sync, .nodes = s->nodes, .self = s->node_id});
    return nc_way_ws_new(&s->way_ws, &(struct nc_way_ws_opts){.loop = s->loop,
                                                              .sync = s->sync,
                                                              .nodes = s->nodes,
                                                              .ca = s->cfg->mesh_ca,
                                                              .proxy = s->cfg->mesh_proxy});
}

enum nc_err nc_server_mesh_open(struct nc_server *s)
{
    const struct nc_config *c = s->cfg;
    enum nc_err e = open_nodes(s);

    if (e == NC_OK)
        e = nc_brokers_new(&s->brokers, &(struct nc_brokers_opts){
                                            .loop = s->loop,
                                            .identity = &s->identity,
                                            .node_id = s->node_id,
                                            .root = c->broker_root,
                                            .urls = c->brokers.v,
                                            .urls_n = c->brokers.n,
                                            .user = c->broker_user,
                                            .password_file = c->broker_password_file,
                                            .ca = c->broker_ca,
                                            .proxy = c->broker_proxy,
                                        });
    if (e == NC_OK && (c->brokers.n || c->own_broker))
        e = nc_users_new(&s->users, &(struct nc_users_opts){
                                        .chat = s->chat,
                                        .loop = s->loop,
                                        .brokers = s->brokers,
                                        .identity = &s->identity,
                                        .dir = c->data,
                                        .name = "",
                                        .is_peer = nc_nodes_has,
                                        .any_peer = any_node,
                                        .arg = s->nodes,
                                    });
    if (e == NC_OK && (c->brokers.n || c->own_broker))
        nc_nodes_listen(s->nodes, s->brokers);
    if (e == NC_OK)
        e = open_sync(s);
    if (e == NC_OK)
        e = open_ways(s);
    if (e == NC_OK)
        s->ai_link = nc_ai_link_new(s->ai, s->sync, s->nodes, &s->node_id, s->node_name);
    if (e == NC_OK)
        s->ephemera = nc_ephemera_new(s->loop, s->chat, s->sync);
    if (e == NC_OK)
        s->own_broker = nc_own_broker_new(s, on_own_broker, s);
    return e;
}

void nc_server_mesh_reached(struct nc_server *s, const struct nc_addr *at, unsigned n)
{
    s->near = nc_near_new(s, at, n);
    nc_way_ws_self(s->way_ws, s->public_url);
}

void nc_server_mesh_keys(struct nc_server *s)
{
    nc_users_keys_changed(s->users);
    nc_sync_keys_changed(s->sync);
}

void nc_server_mesh_stop(struct nc_server *s)
{
    /* First of all: what a broker answers to what follows may meet a closed socket, and
     * then it reads no further. */
    nc_sync_goodbye(s->sync);
    nc_near_free(s->near);
    s->near = NULL;
    nc_users_stop(s->users);
    nc_ai_link_stop(s->ai_link);
    nc_ephemera_free(s->ephemera);
    s->ephemera = NULL;
    nc_paths_free(s->paths); /* what others are to pass on goes by sockets */
    s->paths = NULL;
    nc_way_ws_free(s->way_ws);
    s->way_ws = NULL;
    nc_sync_stop(s->sync);
    nc_way_brokers_free(s->way_brokers);
    nc_brokers_free(s->brokers);
    s->brokers = NULL;
}

void nc_server_mesh_free(struct nc_server *s)
{
    nc_users_free(s->users);
    nc_sync_free(s->sync);
    s->sync = NULL;
}
