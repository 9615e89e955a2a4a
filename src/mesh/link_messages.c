/* mesh/link_messages: what a link carries: published, subscribed, come, acknowledged. */
#include "mesh/link_parts.h"

#define OVERHEAD 256u /* what a queued message costs besides its bytes, about */
#define USER_PROPERTIES_MAX 32u
#define SUBSCRIPTIONS_MAX 256u
#define PROBE_EVERY_MS 10000u

/* What of a message's user properties is ours. */
struct ours {
    char *client_id, *event;
};

static void read_ours(const mosquitto_property *props, struct ours *out)
{
    const mosquitto_property *p = props;

    for (unsigned i = 0; i < USER_PROPERTIES_MAX; i++) {
        char *name = NULL, *value = NULL, **into = NULL;
        p = mosquitto_property_read_string_pair(p, MQTT_PROP_USER_PROPERTY, &name, &value,
                                                i > 0);
        if (!p)
            return;
        if (name && strcmp(name, "nc-client-id") == 0)
            into = &out->client_id;
        else if (name && strcmp(name, "nc-event") == 0)
            into = &out->event;
        if (into && !*into) {
            *into = value;
            value = NULL;
        }
        free(name);
        free(value);
    }
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *msg,
                       const mosquitto_property *props)
{
    struct nc_link *l = arg;
    struct ours ours = {NULL, NULL};
    char *response = NULL;

    (void)m;
    l->heard = true;
    if (msg->payloadlen < 0 || (unsigned)msg->payloadlen > NC_LINK_PAYLOAD_MAX)
        return;
    struct nc_mqtt_in in = {
        .topic = nc_str(msg->topic),
        .payload = {msg->payload, (size_t)msg->payloadlen},
        .retain = msg->retain,
        .qos = (unsigned)msg->qos,
    };
    l->in++;
    l->bytes_in += in.topic.n + in.payload.n;
    if (!l->ops->message)
        return;
    if (props) {
        read_ours(props, &ours);
        mosquitto_property_read_string(props, MQTT_PROP_RESPONSE_TOPIC, &response, false);
    }
    in.client_id = nc_str(ours.client_id);
    in.event = nc_str(ours.event);
    in.response_topic = nc_str(response);
    l->ops->message(l, l->arg, &in);
    free(ours.client_id);
    free(ours.event);
    free(response);
}

/* qos 0: written; qos 1: PUBACK. */
static void on_publish(struct mosquitto *m, void *arg, int mid, int rc,
                       const mosquitto_property *props)
{
    struct nc_link *l = arg;
    struct nc_sent_row row;

    (void)m;
    (void)props;
    l->heard = true;
    if (!nc_sent_take(&l->sent, (uint16_t)mid, &row))
        return;
    if (row.alone)
        l->rtt_us = (uint32_t)(nc_link_now_us() - row.at_us);
    if (l->wants_room && l->sent.bytes <= l->queue_max / 2)
        nc_loop_defer(l->loop, &l->roomy);
    if (rc >= 0x80) {
        if (l->refused++ == 0)
            nc_log(NC_WARN, "link.refused", "url=%s why=%s", nc_log_q(nc_str(l->url)),
                   nc_log_q(nc_str(mosquitto_reason_string(rc))));
        if (row.tag && l->ops->refused)
            l->ops->refused(l, l->arg, row.tag, (unsigned)rc);
        return;
    }
    l->out++;
    l->bytes_out += row.bytes - OVERHEAD;
    if (row.qos1 && row.tag && l->ops->acked)
        l->ops->acked(l, l->arg, row.tag);
}

static void on_roomy(struct nc_task *t)
{
    struct nc_link *l = nc_of(t, struct nc_link, roomy);

    l->wants_room = false;
    if (l->phase == NC_LINK_USABLE && l->ops->room)
        l->ops->room(l, l->arg);
}

/* A SUBACK need not hold a single reason, and must not be looked into then. */
static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *reasons,
                         const mosquitto_property *props)
{
    struct nc_link *l = arg;

    (void)m;
    (void)props;
    l->heard = true;
    nc_list_each(it, &l->subscriptions) {
        struct nc_link_subscription *s = nc_of(it, struct nc_link_subscription, node);
        if (s->mid != mid || (n > 0 && reasons[0] < 0x80))
            continue;
        nc_log(NC_WARN, "link.subscribe", "url=%s filter=%s why=%s",
               nc_log_q(nc_str(l->url)), nc_log_q(nc_str(s->filter)),
               n > 0 ? nc_log_q(nc_str(mosquitto_reason_string(reasons[0]))) : "none");
    }
}

static void on_unsubscribe(struct mosquitto *m, void *arg, int mid)
{
    struct nc_link *l = arg;

    (void)m;
    l->heard = true;
    if (mid != l->probe_mid)
        return;
    l->probe_mid = 0;
    l->rtt_us = (uint32_t)(nc_link_now_us() - l->probed_at_us);
}

void nc_link_listen(struct nc_link *l)
{
    l->roomy.run = on_roomy;
    mosquitto_message_v5_callback_set(l->m, on_message);
    mosquitto_publish_v5_callback_set(l->m, on_publish);
    mosquitto_subscribe_v5_callback_set(l->m, on_subscribe);
    mosquitto_unsubscribe_callback_set(l->m, on_unsubscribe);
}

void nc_link_probe(struct nc_link *l)
{
    uint64_t now = nc_loop_now_ms(l->loop);

    if (!l->probe || l->probe_mid || now < l->probe_next_ms)
        return;
    l->probe_next_ms = now + PROBE_EVERY_MS;
    if (mosquitto_unsubscribe(l->m, &l->probe_mid, l->probe) != MOSQ_ERR_SUCCESS)
        l->probe_mid = 0;
    l->probed_at_us = nc_link_now_us();
    nc_link_soon(l);
}

static void ask(struct nc_link *l, struct nc_link_subscription *s)
{
    if (mosquitto_subscribe_v5(l->m, &s->mid, s->filter, (int)(s->qos & 3),
                               (int)(s->qos & NC_LINK_NOT_OWN), NULL) != MOSQ_ERR_SUCCESS)
        s->mid = 0;
    nc_link_soon(l);
}

void nc_link_ask_all(struct nc_link *l)
{
    nc_list_each(it, &l->subscriptions)
        ask(l, nc_of(it, struct nc_link_subscription, node));
}

static bool has_nul(struct nc_str s) { return s.n && memchr(s.p, 0, s.n); }

enum nc_err nc_link_publish(struct nc_link *l, const struct nc_mqtt_out *m)
{
    size_t whole = m->topic.n + m->payload.n + m->event.n;
    struct nc_sent_row row = {.tag = m->tag, .qos1 = m->qos == 1};
    mosquitto_property *props = NULL;
    char *topic = NULL;
    int mid = 0;

    if (l->phase != NC_LINK_USABLE)
        return NC_ECLOSED;
    if (m->qos > 1 || m->topic.n > 65535 || has_nul(m->topic) || m->event.n > 256 ||
        has_nul(m->event))
        return NC_EINVAL;
    if (m->payload.n > NC_LINK_PAYLOAD_MAX || whole + 64 > l->packet_max)
        return NC_ELIMIT;
    if ((l->sent.waiting && l->sent.bytes + whole + OVERHEAD > l->queue_max) ||
        nc_sent_full(&l->sent, l->last_mid)) {
        l->wants_room = true;
        return NC_AGAIN;
    }
    if (m->event.n) {
        char *event = nc_str_dup(m->event);
        mosquitto_property_add_string_pair(&props, MQTT_PROP_USER_PROPERTY, "nc-event",
                                           event);
        free(event);
    }
    topic = nc_str_dup(m->topic);
    int rc = mosquitto_publish_v5(l->m, &mid, topic, (int)m->payload.n, m->payload.p,
                                  (int)m->qos, m->retain, props);
    free(topic);
    mosquitto_property_free_all(&props);
    if (rc == MOSQ_ERR_OVERSIZE_PACKET)
        return NC_ELIMIT;
    if (rc != MOSQ_ERR_SUCCESS)
        return rc == MOSQ_ERR_NO_CONN ? NC_ECLOSED : NC_EINVAL;
    row.mid = l->last_mid = (uint16_t)mid;
    row.at_us = nc_link_now_us();
    row.bytes = (uint32_t)(whole + OVERHEAD);
    row.alone = row.qos1 && l->sent.waiting == 0;
    nc_sent_add(&l->sent, &row);
    nc_link_soon(l);
    return NC_OK;
}

enum nc_err nc_link_subscribe(struct nc_link *l, const char *filter, unsigned qos)
{
    size_t n = strlen(filter);

    if ((qos & ~NC_LINK_NOT_OWN) > 1 || n == 0 || n > 65535 ||
        mosquitto_sub_topic_check(filter) != 0)
        return NC_EINVAL;
    nc_list_each(it, &l->subscriptions)
        if (strcmp(nc_of(it, struct nc_link_subscription, node)->filter, filter) == 0)
            return NC_OK;
    if (l->subscriptions_n == SUBSCRIPTIONS_MAX)
        return NC_ELIMIT;
    struct nc_link_subscription *s = nc_alloc(sizeof(*s) + n + 1);
    memcpy(s->filter, filter, n + 1);
    s->qos = qos;
    nc_list_add(&l->subscriptions, &s->node);
    l->subscriptions_n++;
    if (l->phase == NC_LINK_USABLE)
        ask(l, s);
    return NC_OK;
}
