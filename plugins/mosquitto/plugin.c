/*
 * mosquitto/plugin: what Mosquitto calls, and nothing that decides.
 *
 * All on the broker's one thread.  source: mosquitto_plugin.h and mosquitto_broker.h, API
 * version 5, and what 2.0.11 does:
 * - wills are asked about (as writing) when they are sent, which may be after the
 *   disconnection, and they pass no message event;
 * - retained messages are asked about again as writing of their writer, who may be away,
 *   whenever somebody subscribes;
 * - a session that is taken over disconnects after its successor was authenticated.
 */
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/hash.h"
#include "mosquitto/acl.h"
#include "mosquitto/clients.h"
#include "mosquitto/copy.h"
#include "mosquitto/stamp.h"

enum {
    LOOK_MS = 2000,   /* for a change of the nodes' file */
    CHECK_MS = 250,   /* whose time is over */
    COPY_MS = 1000,   /* between two copies */
    RETRY_MS = 30000, /* after one that failed */
    KICKS = 256,      /* in one turn */
    REFUSALS = 10,    /* that are logged in a second */
    STATE_MAX = 80 << 20,
    LEEWAY_S = 30,
    LEEWAY_MAX_S = 2 * 86400,
};

static struct plugin {
    const char *nodes_path, *state_path; /* of the broker's options */
    struct nc_str root;
    struct nc_pins pins;
    struct nc_docs *docs;
    struct nc_login login;
    struct nc_clients clients;
    struct nc_copy *copy;
    uint64_t checked_changes, copied_changes;  /* of the documents */
    uint64_t looked_ms, checked_ms, copied_ms; /* monotonic */
    struct {
        uint64_t second;
        unsigned n;
    } refusals;
} self;

/* ---- logging in ---- */

/* Strangers can make any number of lines; some are enough. */
static bool may_log(uint64_t mono_ms)
{
    if (self.refusals.second != mono_ms / 1000) {
        if (self.refusals.n > REFUSALS)
            nc_log(NC_WARN, "broker.logins_refused", "more=%u", self.refusals.n - REFUSALS);
        self.refusals.second = mono_ms / 1000;
        self.refusals.n = 0;
    }
    return ++self.refusals.n <= REFUSALS;
}

static int on_login(int event, void *data, void *arg)
{
    struct mosquitto_evt_basic_auth *e = data;
    struct nc_who who;
    const struct nc_login_ask ask = {
        .username = e->username,
        .password = e->password,
        .client_id = mosquitto_client_id(e->client),
        .address = mosquitto_client_address(e->client),
        .now_ms = nc_wall_ms(),
        .mono_ms = nc_mono_ms(),
    };

    (void)event;
    (void)arg;
    const char *why = nc_login(&self.login, &ask, &who);
    if (!why && nc_clients_others(&self.clients, ask.client_id, who.name))
        why = "another's session";
    if (why) {
        if (may_log(ask.mono_ms))
            nc_log(NC_WARN, "broker.login_refused",
                   "name=%s client=%s address=%s reason=%s", nc_log_q(nc_str(ask.username)),
                   nc_log_q(nc_str(ask.client_id)), nc_log_q(nc_str(ask.address)),
                   nc_log_q(nc_str(why)));
        return MOSQ_ERR_AUTH;
    }
    nc_clients_add(&self.clients, e->client, ask.client_id, &who);
    return MOSQ_ERR_SUCCESS;
}

static int on_gone(int event, void *data, void *arg)
{
    const struct mosquitto_evt_disconnect *e = data;

    (void)event;
    (void)arg;
    nc_clients_gone(&self.clients, e->client);
    return MOSQ_ERR_SUCCESS;
}

/* ---- topics ---- */

/* A document that isn't right shall not lie at the broker, either. */
static bool take_document(const struct mosquitto_evt_acl_check *e)
{
    struct nc_mqtt_topic t;

    if (!e->payloadlen ||
        nc_mqtt_topic_parse(self.root, nc_str(e->topic), &t) != NC_MQTT_NODE)
        return true;
    enum nc_err err = nc_docs_take(
        self.docs, &t, (struct nc_str){e->payload, e->payloadlen}, nc_wall_ms());
    if (err == NC_OK || err == NC_ENOENT)
        return true;
    if (may_log(nc_mono_ms()))
        nc_log(NC_WARN, "broker.document_refused", "topic=%s bytes=%u reason=%s",
               nc_log_q(nc_str(e->topic)), e->payloadlen, nc_log_q(nc_str(nc_strerr(err))));
    return false;
}

static bool access_of(int access, enum nc_acl_access *out)
{
    switch (access) {
    case MOSQ_ACL_READ: *out = NC_ACL_READ; return true;
    case MOSQ_ACL_WRITE: *out = NC_ACL_WRITE; return true;
    case MOSQ_ACL_SUBSCRIBE: *out = NC_ACL_SUBSCRIBE; return true;
    case MOSQ_ACL_UNSUBSCRIBE: *out = NC_ACL_UNSUBSCRIBE; return true;
    default: return false;
    }
}

static int on_acl(int event, void *data, void *arg)
{
    const struct mosquitto_evt_acl_check *e = data;
    struct nc_acl_ask ask = {
        .who = nc_str(mosquitto_client_username(e->client)),
        .topic = nc_str(e->topic),
        .retain = e->retain,
    };

    (void)event;
    (void)arg;
    bool fine = access_of(e->access, &ask.access) &&
                nc_acl_allows(self.docs, &self.pins, self.root, &ask) &&
                (ask.access != NC_ACL_WRITE || take_document(e));
    return fine ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

static int on_message(int event, void *data, void *arg)
{
    struct mosquitto_evt_message *e = data;
    struct nc_mqtt_topic t;
    const char *name = mosquitto_client_username(e->client);

    (void)event;
    (void)arg;
    if (!name || nc_mqtt_topic_parse(self.root, nc_str(e->topic), &t) != NC_MQTT_SEND)
        return MOSQ_ERR_SUCCESS;
    switch (nc_stamp(&e->properties, name)) {
    case NC_OK: return MOSQ_ERR_SUCCESS;
    case NC_EIO: return MOSQ_ERR_NOMEM;
    default: return MOSQ_ERR_MALFORMED_PACKET; /* ends the connection */
    }
}

/* ---- time ---- */

static void look_at_nodes(void)
{
    if (nc_pins_read(&self.pins, self.nodes_path) != NC_OK)
        return;
    nc_docs_repin(self.docs);
    self.checked_changes = UINT64_MAX; /* those who came in by them, too */
}

static void kick_the_ended(void)
{
    struct nc_clients_end ends[KICKS];
    uint64_t changes = nc_docs_changes(self.docs);
    size_t n = nc_clients_ended(&self.clients, &self.login, nc_wall_ms(),
                                changes != self.checked_changes, ends, KICKS);

    /* Kicking calls on_gone: the table is not being walked now. */
    for (size_t i = 0; i < n; i++) {
        nc_log(NC_INFO, "broker.kicked", "client=%s reason=%s",
               nc_log_q(nc_str(ends[i].id)), nc_log_q(nc_str(ends[i].why)));
        mosquitto_kick_client_by_clientid(ends[i].id, false);
        free(ends[i].id);
    }
    if (n < KICKS)
        self.checked_changes = changes;
}

static void keep_copy(uint64_t now_ms)
{
    struct nc_buf bytes = {0};

    if (nc_copy_busy(self.copy) ||
        now_ms - self.copied_ms < (nc_copy_failed(self.copy) ? RETRY_MS : COPY_MS) ||
        (self.copied_changes == nc_docs_changes(self.docs) && !nc_copy_failed(self.copy)))
        return;
    self.copied_ms = now_ms;
    self.copied_changes = nc_docs_changes(self.docs);
    nc_docs_save(self.docs, &bytes);
    nc_copy_write(self.copy, &bytes);
}

static int on_tick(int event, void *data, void *arg)
{
    uint64_t now_ms = nc_mono_ms();

    (void)event;
    (void)data;
    (void)arg;
    if (now_ms - self.looked_ms >= LOOK_MS) {
        self.looked_ms = now_ms;
        look_at_nodes();
    }
    if (now_ms - self.checked_ms >= CHECK_MS) {
        self.checked_ms = now_ms;
        kick_the_ended();
    }
    if (self.copy)
        keep_copy(now_ms);
    return MOSQ_ERR_SUCCESS;
}

static int on_reload(int event, void *data, void *arg)
{
    (void)event;
    (void)data;
    (void)arg;
    look_at_nodes();
    return MOSQ_ERR_SUCCESS;
}

/* ---- beginning and end ---- */

static const struct {
    int event;
    MOSQ_FUNC_generic_callback call;
} callbacks[] = {
    {MOSQ_EVT_BASIC_AUTH, on_login}, {MOSQ_EVT_DISCONNECT, on_gone},
    {MOSQ_EVT_ACL_CHECK, on_acl},    {MOSQ_EVT_MESSAGE, on_message},
    {MOSQ_EVT_TICK, on_tick},        {MOSQ_EVT_RELOAD, on_reload},
};

/* plugin_opt_<key> in mosquitto.conf */
static bool take_option(const char *key, const char *value)
{
    uint64_t seconds;

    if (strcmp(key, "nodes") == 0) {
        self.nodes_path = value;
    } else if (strcmp(key, "state") == 0) {
        self.state_path = value;
    } else if (strcmp(key, "root") == 0) {
        self.root = nc_str(value);
    } else if (strcmp(key, "leeway") == 0) {
        if (nc_str_u64(nc_str(value), LEEWAY_MAX_S, &seconds))
            return false;
        self.login.leeway_s = (unsigned)seconds;
    } else {
        return false;
    }
    return true;
}

static void read_copy(void)
{
    struct nc_buf text = {0};

    if (!self.state_path) {
        nc_log(
            NC_WARN, "broker.no_state",
            "detail=\"without plugin_opt_state a restarted broker lets nobody in until a "
            "node has come\"");
        return;
    }
    self.copy = nc_copy_new(self.state_path);
    enum nc_err e = nc_file_read(self.state_path, STATE_MAX, &text);
    if (e == NC_OK)
        e = nc_docs_load(self.docs, nc_buf_str(&text), nc_wall_ms());
    nc_buf_fini(&text);
    self.copied_changes = nc_docs_changes(self.docs);
    if (e == NC_OK || e == NC_ENOENT)
        nc_log(NC_INFO, "broker.documents", "held=%zu", nc_docs_count(self.docs));
    else
        nc_log(NC_ERROR, "broker.documents_broken", "path=%s reason=%s held=%zu",
               nc_log_q(nc_str(self.state_path)), nc_log_q(nc_str(nc_strerr(e))),
               nc_docs_count(self.docs));
}

#define EXPORT __attribute__((visibility("default")))

EXPORT int mosquitto_plugin_version(int n, const int *versions)
{
    for (int i = 0; i < n; i++)
        if (versions[i] == MOSQ_PLUGIN_VERSION)
            return MOSQ_PLUGIN_VERSION;
    return -1;
}

EXPORT int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **data,
                                 struct mosquitto_opt *options, int n)
{
    self = (struct plugin){.root = NC_STR("nc/v1"), .login = {.leeway_s = LEEWAY_S}};
    for (int i = 0; i < n; i++)
        if (!take_option(options[i].key, options[i].value)) {
            nc_log(NC_ERROR, "broker.option", "option=%s value=%s",
                   nc_log_q(nc_str(options[i].key)), nc_log_q(nc_str(options[i].value)));
            return MOSQ_ERR_INVAL;
        }
    if (!self.nodes_path || !self.root.n) {
        nc_log(NC_ERROR, "broker.option", "detail=\"plugin_opt_nodes FILE is needed\"");
        return MOSQ_ERR_INVAL;
    }
    nc_crypto_init();
    self.docs = nc_docs_new(&self.pins, (struct nc_docs_limits){0});
    self.login.docs = self.docs;
    self.login.pins = &self.pins;
    look_at_nodes();
    read_copy();
    for (size_t i = 0; i < NC_COUNT(callbacks); i++) {
        int rc = mosquitto_callback_register(id, callbacks[i].event, callbacks[i].call,
                                             NULL, NULL);
        if (rc != MOSQ_ERR_SUCCESS)
            return rc;
    }
    *data = &self;
    return MOSQ_ERR_SUCCESS;
}

EXPORT int mosquitto_plugin_cleanup(void *data, struct mosquitto_opt *options, int n)
{
    struct nc_buf bytes = {0};

    (void)data;
    (void)options;
    (void)n;
    bool keep = self.copy && (self.copied_changes != nc_docs_changes(self.docs) ||
                              nc_copy_failed(self.copy));
    nc_copy_free(self.copy); /* what is being written goes first */
    if (keep) {
        nc_docs_save(self.docs, &bytes);
        if (nc_file_replace(self.state_path, nc_buf_str(&bytes)) != NC_OK)
            nc_log(NC_WARN, "broker.documents_unsaved", "path=%s",
                   nc_log_q(nc_str(self.state_path)));
        nc_buf_fini(&bytes);
    }
    nc_clients_fini(&self.clients);
    nc_budget_fini(&self.login.budget);
    nc_docs_free(self.docs);
    self = (struct plugin){0};
    return MOSQ_ERR_SUCCESS;
}
