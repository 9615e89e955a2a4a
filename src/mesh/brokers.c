#include "mesh/brokers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/identity.h"
#include "loop/loop.h"
#include "wire/json.h"

#define TAG_BITS 56
#define PASSWORD_MAX 4096u
#define OWN_BACKOFF_MAX_MS 5000u /* it is beside us: nobody is hurt by asking often */

struct broker {
    struct nc_list node;
    struct nc_brokers *all;
    struct nc_link *link;
    char *url;
    bool own, up;
};

struct filter {
    struct nc_list node;
    unsigned qos;
    char text[];
};

struct nc_brokers {
    struct nc_loop *loop;
    const struct nc_identity *identity;
    char node[NC_ID_TEXT + 1];
    char *root, *user, *password_file, *ca, *proxy, *probe;
    struct nc_list brokers, hooks, filters;
    unsigned n;
    uint8_t last_index;
    struct nc_task fresh; /* tells new hooks what is up */
    struct nc_deadline retry;
    unsigned retries; /* that are left */
    char *will_topic, *will_payload;
};

/* --- from a link to all hooks --- */

static void on_up(struct nc_link *l, void *arg, bool session_present)
{
    struct broker *k = arg;

    k->up = true;
    nc_list_each(it, &k->all->hooks) {
        struct nc_brokers_hook *h = nc_of(it, struct nc_brokers_hook, node);
        if (h->ops->up && !h->fresh)
            h->ops->up(l, h->arg, session_present);
    }
}

static void on_down(struct nc_link *l, void *arg, const char *why)
{
    struct broker *k = arg;

    k->up = false;
    nc_list_each(it, &k->all->hooks) {
        struct nc_brokers_hook *h = nc_of(it, struct nc_brokers_hook, node);
        if (h->ops->down && !h->fresh)
            h->ops->down(l, h->arg, why);
    }
}

static void on_message(struct nc_link *l, void *arg, const struct nc_mqtt_in *m)
{
    struct broker *k = arg;

    nc_list_each(it, &k->all->hooks) {
        struct nc_brokers_hook *h = nc_of(it, struct nc_brokers_hook, node);
        if (h->ops->message)
            h->ops->message(l, h->arg, m);
    }
}

static struct nc_brokers_hook *hook_of(struct broker *k, uint64_t *tag)
{
    unsigned index = (unsigned)(*tag >> TAG_BITS);

    *tag &= (1ull << TAG_BITS) - 1;
    nc_list_each(it, &k->all->hooks) {
        struct nc_brokers_hook *h = nc_of(it, struct nc_brokers_hook, node);
        if (h->index == index)
            return h;
    }
    return NULL;
}

static void on_acked(struct nc_link *l, void *arg, uint64_t tag)
{
    struct nc_brokers_hook *h = hook_of(arg, &tag);

    if (h && h->ops->acked)
        h->ops->acked(l, h->arg, tag);
}

static void on_refused(struct nc_link *l, void *arg, uint64_t tag, unsigned reason)
{
    struct nc_brokers_hook *h = hook_of(arg, &tag);

    if (h && h->ops->refused)
        h->ops->refused(l, h->arg, tag, reason);
}

static void on_room(struct nc_link *l, void *arg)
{
    struct broker *k = arg;

    nc_list_each(it, &k->all->hooks) {
        struct nc_brokers_hook *h = nc_of(it, struct nc_brokers_hook, node);
        if (h->ops->room)
            h->ops->room(l, h->arg);
    }
}

static const struct nc_link_ops ops = {
    .up = on_up,
    .down = on_down,
    .message = on_message,
    .acked = on_acked,
    .refused = on_refused,
    .room = on_room,
};

/* --- links --- */

static void add_password(void *arg, struct nc_buf *out)
{
    struct broker *k = arg;
    const struct nc_brokers *b = k->all;

    if (k->own || !b->user) {
        if (nc_identity_token(b->identity, b->node, nc_wall_ms(), out) != NC_OK)
            nc_log(NC_ERROR, "broker.token", "node=%s", b->node);
        return;
    }
    if (nc_file_read(b->password_file, PASSWORD_MAX, out) != NC_OK) {
        nc_log(NC_WARN, "broker.password", "path=%s", nc_log_q(nc_str(b->password_file)));
        return;
    }
    while (out->n && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
        out->n--;
}

static void free_broker(struct broker *k)
{
    nc_list_del(&k->node);
    k->all->n--;
    nc_link_free(k->link);
    free(k->url);
    free(k);
}

static enum nc_err add(struct nc_brokers *b, const char *url, bool own)
{
    struct broker *k = nc_alloc(sizeof(*k));

    k->all = b;
    k->own = own;
    k->url = nc_str_dup(nc_str(url));
    nc_list_add(&b->brokers, &k->node);
    b->n++;
    enum nc_err e =
        nc_link_new(&k->link, &(struct nc_link_opts){
                                  .loop = b->loop,
                                  .url = url,
                                  .ca = b->ca,
                                  .proxy = own ? NULL : b->proxy,
                                  .client_id = b->node,
                                  .username = own || !b->user ? b->node : b->user,
                                  .password = add_password,
                                  .probe = b->probe,
                                  .backoff_max_ms = own ? OWN_BACKOFF_MAX_MS : 0,
                                  .ops = &ops,
                                  .arg = k,
                              });
    if (e != NC_OK) {
        free_broker(k);
        return e;
    }
    if (b->will_topic)
        nc_link_will(k->link, nc_str(b->will_topic), nc_str(b->will_payload));
    nc_list_each(it, &b->filters) {
        struct filter *f = nc_of(it, struct filter, node);
        if ((e = nc_link_subscribe(k->link, f->text, f->qos)) != NC_OK)
            return e;
    }
    return NC_OK;
}

static void forget(struct broker *k)
{
    struct nc_brokers *b = k->all;

    if (k->up)
        on_down(k->link, k, "removed");
    nc_list_each(it, &b->hooks) {
        struct nc_brokers_hook *h = nc_of(it, struct nc_brokers_hook, node);
        if (h->gone)
            h->gone(k->link, h->arg);
    }
    free_broker(k);
}

static struct broker *find(struct nc_brokers *b, const char *url)
{
    nc_list_each(it, &b->brokers) {
        struct broker *k = nc_of(it, struct broker, node);
        if (strcmp(k->url, url) == 0)
            return k;
    }
    return NULL;
}

enum nc_err nc_brokers_own(struct nc_brokers *b, const char *url)
{
    nc_list_each(it, &b->brokers) {
        struct broker *k = nc_of(it, struct broker, node);
        if (k->own && strcmp(k->url, url) != 0)
            forget(k);
    }
    struct broker *k = find(b, url);
    if (!k)
        return add(b, url, true);
    nc_link_retry(k->link);
    return NC_OK;
}

void nc_brokers_each(struct nc_brokers *b, void (*fn)(void *arg, struct nc_link *l),
                     void *arg)
{
    nc_list_each(it, &b->brokers)
        fn(arg, nc_of(it, struct broker, node)->link);
}

const char *nc_brokers_root(const struct nc_brokers *b) { return b->root; }

const char *nc_brokers_node(const struct nc_brokers *b) { return b->node; }

unsigned nc_brokers_count(const struct nc_brokers *b) { return b->n; }

unsigned nc_brokers_up(const struct nc_brokers *b)
{
    unsigned n = 0;

    nc_list_each(it, &b->brokers)
        n += nc_of(it, struct broker, node)->up;
    return n;
}

/* --- hooks --- */

static void on_fresh(struct nc_task *t)
{
    struct nc_brokers *b = nc_of(t, struct nc_brokers, fresh);

    nc_list_each(it, &b->hooks) {
        struct nc_brokers_hook *h = nc_of(it, struct nc_brokers_hook, node);
        if (!h->fresh)
            continue;
        h->fresh = false;
        nc_list_each(jt, &b->brokers) {
            struct broker *k = nc_of(jt, struct broker, node);
            if (k->up && h->ops->up)
                h->ops->up(k->link, h->arg, true);
        }
    }
}

void nc_brokers_hook(struct nc_brokers *b, struct nc_brokers_hook *h)
{
    h->index = ++b->last_index;
    assert(h->index && "up to 255 hooks in all");
    h->fresh = true;
    nc_list_add(&b->hooks, &h->node);
    nc_loop_defer(b->loop, &b->fresh);
}

void nc_brokers_unhook(struct nc_brokers *b, struct nc_brokers_hook *h)
{
    (void)b;
    nc_list_del(&h->node);
}

enum nc_err nc_brokers_publish(struct nc_brokers *b, struct nc_brokers_hook *h,
                               struct nc_link *l, const struct nc_mqtt_out *m)
{
    struct nc_mqtt_out mine = *m;

    (void)b;
    assert(m->tag >> TAG_BITS == 0);
    if (mine.tag)
        mine.tag |= (uint64_t)h->index << TAG_BITS;
    return nc_link_publish(l, &mine);
}

enum nc_err nc_brokers_subscribe(struct nc_brokers *b, const char *filter, unsigned qos)
{
    size_t n = strlen(filter) + 1;
    struct filter *f;
    enum nc_err e = NC_OK;

    nc_list_each(it, &b->filters)
        if (strcmp(nc_of(it, struct filter, node)->text, filter) == 0)
            return NC_OK;
    nc_list_each(it, &b->brokers)
        if (e == NC_OK)
            e = nc_link_subscribe(nc_of(it, struct broker, node)->link, filter, qos);
    if (e != NC_OK)
        return e;
    f = nc_alloc(sizeof(*f) + n);
    memcpy(f->text, filter, n);
    f->qos = qos;
    nc_list_add(&b->filters, &f->node);
    return NC_OK;
}

void nc_brokers_will(struct nc_brokers *b, struct nc_str topic, struct nc_str payload)
{
    free(b->will_topic);
    free(b->will_payload);
    b->will_topic = nc_str_dup(topic);
    b->will_payload = nc_str_dup(payload);
    nc_list_each(it, &b->brokers)
        nc_link_will(nc_of(it, struct broker, node)->link, topic, payload);
}

/* --- health --- */

const char *nc_brokers_state(struct nc_brokers *b)
{
    unsigned up = nc_brokers_up(b);

    return b->n == 0 ? "none" : up == b->n ? "up" : up ? "degraded" : "down";
}

static void link_json(const struct broker *k, struct nc_json *j)
{
    struct nc_link_stats s;

    nc_link_stats(k->link, &s);
    nc_json_obj(j);
    nc_json_kstr(j, "url", nc_str(s.url));
    nc_json_kstr(j, "kind", NC_STR("mqtt"));
    nc_json_kbool(j, "own", k->own);
    nc_json_kstr(j, "state", nc_str(nc_link_state_text(s.state)));
    nc_json_ktime(j, "since", s.since_ms);
    if (s.state != NC_LINK_UP && *s.why)
        nc_json_kstr(j, "why", nc_str(s.why));
    nc_json_kuint(j, "reconnects", s.reconnects);
    nc_json_kuint(j, "failures", s.failures);
    nc_json_kuint(j, "in", s.in);
    nc_json_kuint(j, "out", s.out);
    nc_json_kuint(j, "bytes_in", s.bytes_in);
    nc_json_kuint(j, "bytes_out", s.bytes_out);
    nc_json_kuint(j, "refused", s.refused);
    nc_json_kuint(j, "inflight", s.inflight);
    nc_json_kuint(j, "queued_bytes", s.queued);
    nc_json_kuint(j, "lag_ms", s.lag_ms);
    if (s.state == NC_LINK_UP && s.rtt_us)
        nc_json_kuint(j, "rtt_us", s.rtt_us);
    nc_json_obj_end(j);
}

void nc_brokers_json(struct nc_brokers *b, struct nc_json *j)
{
    nc_json_kstr(j, "state", nc_str(nc_brokers_state(b)));
    nc_json_key(j, "links");
    nc_json_arr(j);
    nc_list_each(it, &b->brokers)
        link_json(nc_of(it, struct broker, node), j);
    nc_json_arr_end(j);
}

static double metric_up(const struct nc_link_stats *s) { return s->state == NC_LINK_UP; }
static double metric_in(const struct nc_link_stats *s) { return (double)s->in; }
static double metric_out(const struct nc_link_stats *s) { return (double)s->out; }
static double metric_bytes_in(const struct nc_link_stats *s) { return (double)s->bytes_in; }
static double metric_bytes_out(const struct nc_link_stats *s)
{
    return (double)s->bytes_out;
}
static double metric_refused(const struct nc_link_stats *s) { return (double)s->refused; }
static double metric_failures(const struct nc_link_stats *s) { return (double)s->failures; }
static double metric_queued(const struct nc_link_stats *s) { return (double)s->queued; }
static double metric_lag(const struct nc_link_stats *s) { return s->lag_ms / 1e3; }
static double metric_rtt(const struct nc_link_stats *s) { return s->rtt_us / 1e6; }

static const struct {
    const char *name, *type, *help;
    double (*value)(const struct nc_link_stats *s);
} metrics[] = {
    {"up", "gauge", "1 while the session with the broker is up.", metric_up},
    {"messages_in_total", "counter", "Messages that came.", metric_in},
    {"messages_out_total", "counter", "Messages the broker took.", metric_out},
    {"bytes_in_total", "counter", "Topics and payloads of those that came.",
     metric_bytes_in},
    {"bytes_out_total", "counter", "Topics and payloads of those it took.",
     metric_bytes_out},
    {"refused_total", "counter", "Messages the broker did not take.", metric_refused},
    {"failures_total", "counter", "Attempts that failed, connections that were lost.",
     metric_failures},
    {"queue_bytes", "gauge", "What waits for the broker's acknowledgement.", metric_queued},
    {"lag_seconds", "gauge", "How long the oldest of that has waited.", metric_lag},
    {"round_trip_seconds", "gauge", "The last round trip; 0: not measured.", metric_rtt},
};

void nc_brokers_metrics(struct nc_brokers *b, struct nc_buf *out)
{
    struct nc_link_stats s;

    for (size_t i = 0; i < NC_COUNT(metrics) && b->n; i++) {
        nc_buf_printf(out,
                      "# HELP neuralchat_broker_%s %s\n# TYPE neuralchat_broker_%s %s\n",
                      metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type);
        nc_list_each(it, &b->brokers) {
            nc_link_stats(nc_of(it, struct broker, node)->link, &s);
            nc_buf_printf(out, "neuralchat_broker_%s{broker=\"%s\"} %.9g\n",
                          metrics[i].name, s.url, metrics[i].value(&s));
        }
    }
}

/* --- life --- */

static char *copy(const char *z) { return z && *z ? nc_str_dup(nc_str(z)) : NULL; }

static const unsigned retry_ms[] = {6000, 3000, 1000}; /* by how many are left, less one */

static void on_retry(struct nc_deadline *d)
{
    struct nc_brokers *b = nc_of(d, struct nc_brokers, retry);

    nc_list_each(it, &b->brokers) {
        struct broker *k = nc_of(it, struct broker, node);
        if (!k->up)
            nc_link_retry(k->link);
    }
    if (--b->retries)
        nc_loop_deadline(b->loop, &b->retry, retry_ms[b->retries - 1]);
}

void nc_brokers_retry(struct nc_brokers *b)
{
    b->retries = NC_COUNT(retry_ms);
    nc_loop_deadline(b->loop, &b->retry, retry_ms[b->retries - 1]);
}

enum nc_err nc_brokers_new(struct nc_brokers **out, const struct nc_brokers_opts *o)
{
    struct nc_brokers *b = nc_alloc(sizeof(*b));
    struct nc_buf probe = {0};
    enum nc_err e = NC_OK;

    *out = NULL;
    b->loop = o->loop;
    b->identity = o->identity;
    nc_id_text(&o->node_id, b->node);
    b->root = nc_str_dup(nc_str(o->root));
    b->user = copy(o->user);
    b->password_file = copy(o->password_file);
    b->ca = copy(o->ca);
    b->proxy = copy(o->proxy);
    nc_buf_printf(&probe, "%s/n/%s/probe", b->root, b->node);
    b->probe = nc_str_dup(nc_buf_str(&probe));
    nc_buf_fini(&probe);
    b->fresh.run = on_fresh;
    b->retry.fire = on_retry;
    nc_list_init(&b->brokers);
    nc_list_init(&b->hooks);
    nc_list_init(&b->filters);
    for (size_t i = 0; i < o->urls_n && e == NC_OK; i++)
        if (!find(b, o->urls[i])) /* two sessions of one name would end each other */
            e = add(b, o->urls[i], false);
    if (e != NC_OK) {
        nc_brokers_free(b);
        return e;
    }
    *out = b;
    return NC_OK;
}

void nc_brokers_free(struct nc_brokers *b)
{
    struct nc_list *n;

    if (!b)
        return;
    nc_loop_undefer(b->loop, &b->fresh);
    nc_loop_deadline(b->loop, &b->retry, 0);
    while (!nc_list_empty(&b->brokers))
        free_broker(nc_of(b->brokers.next, struct broker, node));
    while ((n = nc_list_pop(&b->filters)))
        free(nc_of(n, struct filter, node));
    while (nc_list_pop(&b->hooks))
        ;
    free(b->root);
    free(b->user);
    free(b->password_file);
    free(b->ca);
    free(b->proxy);
    free(b->probe);
    free(b->will_topic);
    free(b->will_payload);
    free(b);
}
