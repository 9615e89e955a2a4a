/* What brokers bring of nodes that are trusted: that they live, and the keys they sign
 * tokens with. */
#include "base/log.h"
#include "mesh/nodes_parts.h"
#include "wire/topic.h"

static void on_message(struct nc_link *l, void *arg, const struct nc_mqtt_in *m)
{
    struct nc_nodes *n = arg;
    struct nc_mqtt_topic t;

    (void)l;
    if (nc_mqtt_topic_parse(nc_str(nc_brokers_root(n->brokers)), m->topic, &t) !=
            NC_MQTT_NODE ||
        !nc_nodes_find(n, &t.node))
        return;
    if (!m->retain) /* else it is what was said once */
        nc_nodes_seen(n, &t.node);
    if (!nc_str_eqz(t.rest, "jwks"))
        return;
    enum nc_err e = nc_nodes_jwks(n, &t.node, m->payload);
    if (e == NC_EACCESS || e == NC_EINVAL || e == NC_ELIMIT)
        nc_log(NC_WARN, "mesh.jwks", "node=%s reason=%s",
               nc_nodes_find(n, &t.node)->card.name, nc_strerr(e));
}

void nc_nodes_listen(struct nc_nodes *n, struct nc_brokers *brokers)
{
    static const struct nc_link_ops ops = {.message = on_message};
    struct nc_buf filter = {0};

    n->brokers = brokers;
    n->hook = (struct nc_brokers_hook){.ops = &ops, .arg = n};
    nc_brokers_hook(brokers, &n->hook);
    nc_buf_printf(&filter, "%s/n/+/jwks", nc_brokers_root(brokers));
    nc_buf_addc(&filter, '\0');
    if (nc_brokers_subscribe(brokers, filter.p, 1) != NC_OK)
        nc_log(NC_ERROR, "mesh.subscribe", "filter=%s", filter.p);
    nc_buf_fini(&filter);
}
