#include "mesh/way_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mesh/brokers.h"
#include "mesh/sync.h"
#include "wire/topic.h"

#define REST "sync"

/* One broker. */
struct end {
    struct nc_way way;
    struct nc_list node;
    struct nc_way_brokers *all;
    struct nc_link *link;
};

struct nc_way_brokers {
    struct nc_sync *sync;
    struct nc_brokers *brokers;
    struct nc_id self;
    struct nc_brokers_hook hook;
    struct nc_list ends;
};

/* ---- out ----------------------------------------------------------------- */

static enum nc_err on_send(struct nc_way *w, const struct nc_id *to, struct nc_str envelope,
                           bool keep)
{
    struct end *e = nc_of(w, struct end, way);
    struct nc_buf topic = {0};
    char id[NC_ID_TEXT], rest[sizeof REST + 1 + NC_ID_TEXT] = REST;

    if (!nc_id_zero(to)) {
        nc_id_text(to, id);
        snprintf(rest, sizeof rest, REST "/%.*s", NC_ID_TEXT, id);
    }
    nc_mqtt_node_add(&topic, nc_str(nc_brokers_root(e->all->brokers)), &e->all->self,
                     nc_str(rest));
    struct nc_mqtt_out m = {
        .topic = nc_buf_str(&topic), .payload = envelope, .qos = keep ? 1 : 0};
    enum nc_err err = nc_brokers_publish(e->all->brokers, &e->all->hook, e->link, &m);
    nc_buf_fini(&topic);
    return err;
}

static const struct nc_way_ops way_ops = {.send = on_send};

/* ---- in ------------------------------------------------------------------ */

static struct end *end_of(struct nc_way_brokers *all, struct nc_link *l, bool make)
{
    struct nc_link_stats stats;

    nc_list_each(it, &all->ends) {
        struct end *e = nc_of(it, struct end, node);
        if (e->link == l)
            return e;
    }
    if (!make)
        return NULL;
    struct end *e = nc_alloc(sizeof *e);
    e->all = all;
    e->link = l;
    e->way.ops = &way_ops;
    e->way.kind = NC_WAY_BROKER;
    nc_link_stats(l, &stats);
    snprintf(e->way.where, sizeof e->way.where, "%s", stats.url);
    nc_list_add(&all->ends, &e->node);
    return e;
}

static void on_up(struct nc_link *l, void *arg, bool session_present)
{
    struct nc_way_brokers *all = arg;

    (void)session_present; /* what was kept for us comes as anything else does */
    nc_sync_way_up(all->sync, &end_of(all, l, true)->way);
}

static void on_down(struct nc_link *l, void *arg, const char *why)
{
    struct end *e = end_of(arg, l, false);

    if (e)
        nc_sync_way_down(e->all->sync, &e->way, why);
}

static void on_gone(struct nc_link *l, void *arg)
{
    struct end *e = end_of(arg, l, false);

    if (!e)
        return;
    nc_sync_way_down(e->all->sync, &e->way, "gone");
    nc_list_del(&e->node);
    free(e);
}

static void on_room(struct nc_link *l, void *arg)
{
    struct end *e = end_of(arg, l, false);

    if (e)
        nc_sync_way_room(e->all->sync, &e->way);
}

/* What is kept by the broker for ever would be no envelope of ours. */
static void on_message(struct nc_link *l, void *arg, const struct nc_mqtt_in *m)
{
    struct nc_way_brokers *all = arg;
    struct nc_mqtt_topic t;
    struct nc_id to;

    if (m->retain || nc_mqtt_topic_parse(nc_str(nc_brokers_root(all->brokers)), m->topic,
                                         &t) != NC_MQTT_NODE)
        return;
    if (!nc_str_eqz(t.rest, REST)) {
        struct nc_str head = {t.rest.p, sizeof REST};
        if (t.rest.n < head.n || !nc_str_eq(head, NC_STR(REST "/")) ||
            nc_mqtt_id_parse((struct nc_str){t.rest.p + head.n, t.rest.n - head.n}, &to) !=
                NC_OK ||
            !nc_id_eq(&to, &all->self))
            return;
    }
    struct end *e = end_of(all, l, false);
    if (e && !nc_id_eq(&t.node, &all->self))
        nc_sync_take(all->sync, &e->way, m->payload);
}

static const struct nc_link_ops link_ops = {
    .up = on_up,
    .down = on_down,
    .message = on_message,
    .room = on_room,
};

/* ---- from start to end --------------------------------------------------- */

static void subscribe(struct nc_way_brokers *all, const char *rest)
{
    struct nc_buf filter = {0};

    nc_buf_printf(&filter, "%s/n/+/%s", nc_brokers_root(all->brokers), rest);
    nc_buf_addc(&filter, '\0');
    if (nc_brokers_subscribe(all->brokers, filter.p, 1 | NC_LINK_NOT_OWN) != NC_OK)
        nc_log(NC_ERROR, "mesh.subscribe", "filter=%s", filter.p);
    nc_buf_fini(&filter);
}

struct nc_way_brokers *nc_way_brokers_new(struct nc_sync *s, struct nc_brokers *b,
                                          const struct nc_id *self)
{
    struct nc_way_brokers *all = nc_alloc(sizeof *all);
    char id[NC_ID_TEXT], rest[sizeof REST + 1 + NC_ID_TEXT];

    *all = (struct nc_way_brokers){.sync = s, .brokers = b, .self = *self};
    nc_list_init(&all->ends);
    all->hook = (struct nc_brokers_hook){.ops = &link_ops, .arg = all, .gone = on_gone};
    nc_brokers_hook(b, &all->hook);
    nc_id_text(self, id);
    snprintf(rest, sizeof rest, REST "/%.*s", NC_ID_TEXT, id);
    subscribe(all, REST);
    subscribe(all, rest);
    return all;
}

void nc_way_brokers_free(struct nc_way_brokers *all)
{
    struct nc_list *it;

    if (!all)
        return;
    nc_brokers_unhook(all->brokers, &all->hook);
    while ((it = nc_list_pop(&all->ends))) {
        struct end *e = nc_of(it, struct end, node);
        nc_sync_way_down(all->sync, &e->way, "closed");
        free(e);
    }
    free(all);
}
