/*
 * Topics and filters from strangers.  What is taken for one of ours is, written again, the
 * same text; a filter that is bound to one user, room or node names it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct nc_str root = {"nc/v1", 5};

static void write_again(const struct nc_mqtt_topic *t, struct nc_buf *out)
{
    switch (t->kind) {
    case NC_MQTT_SEND: nc_mqtt_send_add(out, root, t->user, &t->room); break;
    case NC_MQTT_INBOX: nc_mqtt_inbox_add(out, root, t->user); break;
    case NC_MQTT_HERE: nc_mqtt_here_add(out, root, t->user); break;
    case NC_MQTT_EVENTS: nc_mqtt_events_add(out, root, &t->room); break;
    case NC_MQTT_LIVE: nc_mqtt_live_add(out, root, &t->room); break;
    case NC_MQTT_NODE: nc_mqtt_node_add(out, root, &t->node, t->rest); break;
    case NC_MQTT_OTHER: break;
    }
}

static void documents(struct nc_str rest)
{
    struct nc_id subject;
    struct nc_buf again = {0};
    enum nc_mqtt_doc doc = nc_mqtt_doc_parse(rest, &subject);
    if (doc == NC_MQTT_DOC_OTHER)
        return;
    nc_mqtt_doc_add(&again, doc, &subject);
    if (!nc_str_eq(nc_buf_str(&again), rest))
        abort();
    nc_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct nc_str in = {(const char *)data, n};
    struct nc_mqtt_topic t;
    struct nc_mqtt_filter f;
    struct nc_buf again = {0};
    if (nc_mqtt_topic_parse(root, in, &t) != NC_MQTT_OTHER) {
        write_again(&t, &again);
        if (!nc_str_eq(nc_buf_str(&again), in))
            abort();
        if (t.kind == NC_MQTT_NODE)
            documents(t.rest);
        /* Every topic is a filter that matches itself alone. */
        if (nc_mqtt_filter_parse(root, in, &f) == NC_MQTT_NO_TREE || f.any)
            abort();
    }
    if (nc_mqtt_filter_parse(root, in, &f) != NC_MQTT_NO_TREE &&
        (!f.rest.n || (f.tree == NC_MQTT_USERS && f.any != !f.user.n) ||
         (!f.any && f.tree == NC_MQTT_ROOMS && nc_id_zero(&f.room) &&
          !memmem(in.p, in.n, "00000000-0000-0000-0000-000000000000", NC_ID_TEXT))))
        abort();
    nc_buf_fini(&again);
    return 0;
}
