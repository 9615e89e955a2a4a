#include "mosquitto/acl.h"

/* ---- users ---- */

static bool user_topic(const struct nc_docs *docs, const struct nc_mqtt_topic *t,
                       const struct nc_acl_ask *ask)
{
    switch (t->kind) {
    case NC_MQTT_SEND:
        return ask->access == NC_ACL_WRITE && !ask->retain &&
               nc_str_eq(t->user, ask->who) && nc_docs_member(docs, &t->room, ask->who);
    case NC_MQTT_INBOX: return ask->access == NC_ACL_READ && nc_str_eq(t->user, ask->who);
    case NC_MQTT_HERE: return ask->access == NC_ACL_WRITE && nc_str_eq(t->user, ask->who);
    case NC_MQTT_EVENTS:
    case NC_MQTT_LIVE:
        return ask->access == NC_ACL_READ && nc_docs_member(docs, &t->room, ask->who);
    case NC_MQTT_NODE:
    case NC_MQTT_OTHER: break;
    }
    return false;
}

/* One who is no member any more may still unsubscribe. */
static bool user_filter(const struct nc_docs *docs, const struct nc_mqtt_filter *f,
                        const struct nc_acl_ask *ask)
{
    bool wide = nc_str_eqz(f->rest, "+") || nc_str_eqz(f->rest, "#");

    if (f->any)
        return false;
    if (f->tree == NC_MQTT_USERS)
        return nc_str_eq(f->user, ask->who) && (wide || nc_str_eqz(f->rest, "inbox"));
    return f->tree == NC_MQTT_ROOMS &&
           (wide || nc_str_eqz(f->rest, "events") || nc_str_eqz(f->rest, "live")) &&
           (ask->access == NC_ACL_UNSUBSCRIBE || nc_docs_member(docs, &f->room, ask->who));
}

/* ---- nodes ---- */

static bool node_topic(const struct nc_id *node, const struct nc_mqtt_topic *t,
                       const struct nc_acl_ask *ask)
{
    switch (t->kind) {
    case NC_MQTT_SEND:
    case NC_MQTT_HERE: return ask->access == NC_ACL_READ;
    case NC_MQTT_INBOX: return ask->access == NC_ACL_WRITE && !ask->retain;
    case NC_MQTT_EVENTS:
    case NC_MQTT_LIVE: return ask->access == NC_ACL_READ || !ask->retain;
    case NC_MQTT_NODE: return ask->access == NC_ACL_READ || nc_id_eq(&t->node, node);
    case NC_MQTT_OTHER: break;
    }
    return false;
}

static bool node_filter(const struct nc_mqtt_filter *f)
{
    return f->tree == NC_MQTT_ROOMS || f->tree == NC_MQTT_NODES ||
           (f->tree == NC_MQTT_USERS &&
            (nc_str_starts(f->rest, NC_STR("send/")) || nc_str_eqz(f->rest, "here")));
}

bool nc_acl_allows(const struct nc_docs *docs, const struct nc_pins *pins,
                   struct nc_str root, const struct nc_acl_ask *ask)
{
    struct nc_mqtt_topic t;
    struct nc_mqtt_filter f;
    struct nc_id node;
    bool is_node = nc_mqtt_id_parse(ask->who, &node) == NC_OK;

    if (is_node ? !nc_pins_find(pins, &node) : !nc_docs_alive(docs, ask->who))
        return false;
    if (ask->access == NC_ACL_READ || ask->access == NC_ACL_WRITE) {
        nc_mqtt_topic_parse(root, ask->topic, &t);
        return is_node ? node_topic(&node, &t, ask) : user_topic(docs, &t, ask);
    }
    nc_mqtt_filter_parse(root, ask->topic, &f);
    return is_node ? node_filter(&f) : user_filter(docs, &f, ask);
}
