/* Routes as people and programs see them. */
#include "base/hist.h"
#include "mesh/paths_parts.h"
#include "mesh/way_ws.h"
#include "wire/json.h"

static void write_route(struct nc_json *j, const struct nc_node *node,
                        const struct nc_path_peer *peer, const struct nc_route *r)
{
    const struct nc_way *w = r->way;

    nc_json_obj(j);
    nc_json_kid(j, "node", &peer->id);
    nc_json_kstr(j, "name", nc_str(node->card.name));
    nc_json_kstr(j, "kind", nc_str(nc_way_kind_text(w->kind)));
    nc_json_kstr(j, "where", nc_str(w->where));
    if (*w->of)
        nc_json_kstr(j, w->kind == NC_WAY_RELAY ? "via" : "from", nc_str(w->of));
    nc_json_kstr(j, "state", nc_route_silent(r) ? NC_STR("silent") : NC_STR("up"));
    nc_json_kbool(j, "best", peer->routes.best == w);
    nc_json_ktime(j, "since", w->since_ms);
    if (r->measured)
        nc_json_kuint(j, "rtt_us", r->rtt_us);
    nc_json_kuint(j, "loss_ppm", r->loss_ppm);
    nc_json_kuint(j, "in", w->in);
    nc_json_kuint(j, "out", w->out);
    nc_json_kuint(j, "bytes_in", w->bytes_in);
    nc_json_kuint(j, "bytes_out", w->bytes_out);
    nc_json_obj_end(j);
}

struct losts {
    struct nc_json *j;
    const struct nc_node *node;
};

static void on_lost(void *arg, const struct nc_way_ws_lost *at)
{
    struct losts *l = arg;

    if (!nc_id_eq(at->peer, &l->node->card.id))
        return;
    nc_json_obj(l->j);
    nc_json_kid(l->j, "node", at->peer);
    nc_json_kstr(l->j, "name", nc_str(l->node->card.name));
    nc_json_kstr(l->j, "kind", NC_STR("dialled"));
    nc_json_kstr(l->j, "where", nc_str(at->url));
    nc_json_kstr(l->j, "state", NC_STR("down"));
    nc_json_kbool(l->j, "best", false);
    nc_json_ktime(l->j, "since", at->since_ms);
    if (*at->why)
        nc_json_kstr(l->j, "why", nc_str(at->why));
    nc_json_obj_end(l->j);
}

void nc_paths_json(struct nc_paths *p, struct nc_way_ws *ws, struct nc_json *j)
{
    nc_json_key(j, "routes");
    nc_json_arr(j);
    for (size_t i = 0; i < nc_nodes_count(p->o.nodes); i++) {
        const struct nc_node *node = nc_nodes_at(p->o.nodes, i);
        struct nc_path_peer *peer = nc_path_peer(p, &node->card.id);
        for (unsigned k = 0; peer && k < peer->routes.n; k++)
            write_route(j, node, peer, &peer->routes.at[k]);
        nc_way_ws_lost(ws, on_lost, &(struct losts){j, node});
    }
    nc_json_arr_end(j);
}

static void write_best(struct nc_paths *p, struct nc_buf *out)
{
    nc_buf_adds(out, NC_STR("# TYPE neuralchat_mesh_rtt_seconds gauge\n"
                            "# HELP neuralchat_mesh_rtt_seconds To a node and back by the "
                            "best way.\n"));
    nc_list_each(it, &p->peers) {
        struct nc_path_peer *peer = nc_of(it, struct nc_path_peer, node);
        const struct nc_node *node = nc_nodes_find(p->o.nodes, &peer->id);
        const struct nc_route *r =
            peer->routes.best ? nc_routes_find(&peer->routes, peer->routes.best) : NULL;
        if (node && r && r->measured)
            nc_buf_printf(out, "neuralchat_mesh_rtt_seconds{node=\"%s\",way=\"%s\"} %.6f\n",
                          node->card.name, nc_way_kind_text(r->kind), r->rtt_us / 1e6);
    }
}

void nc_paths_metrics(struct nc_paths *p, struct nc_buf *out)
{
    uint64_t switches = p->switches;

    nc_list_each(it, &p->peers)
        switches += nc_of(it, struct nc_path_peer, node)->routes.switches;
    write_best(p, out);
    const struct nc_counter counts[] = {
        {"route_switches", "Changes from one best way to another.", switches},
        {"probes_unanswered", "Probes of others whose echo found no room.", p->unanswered},
        {"relayed", "Envelopes passed on between other nodes.", p->relayed},
        {"relayed_bytes", "Bytes of these.", p->relay_bytes},
        {"relay_dropped", "Envelopes to or by third nodes that found no way or no room.",
         p->dropped},
    };
    nc_counters_write(out, "neuralchat_mesh_", counts, NC_COUNT(counts));
}
