#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ai/ai.h"
#include "base/clock.h"
#include "base/log.h"
#include "chat/live/hub.h"
#include "chat/people/account.h"
#include "chat/people/session.h"
#include "chat/user.h"
#include "crypto/keyring.h"
#include "crypto/selfsigned.h"
#include "loop/work.h"
#include "mesh/nodes.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "server/ai_mesh.h"
#include "server/call.h"
#include "server/disk.h"
#include "server/mesh.h"
#include "server/models_setup.h"
#include "server/notify.h"
#include "server/own_broker.h"
#include "server/route.h"
#include "server/web_dir.h"

/* A signing key lives this long; then a new one signs and the old one stays published
 * until the last token it signed has ended: refresh tokens, 30 days. */
#define KEY_LIFE_MS (30ull * 86400 * 1000)
#define KEY_LOOK_MS (3600ull * 1000)
#define REFRESH_LIFE_MS (30ull * 86400 * 1000)
#define STOP_LOOK_MS 20
/* A self-signed certificate is made anew when it has less than this left. */
#define CERT_LEFT_S (30ull * 86400)

const char *nc_server_path(const struct nc_server *s, const char *name,
                           char out[NC_PATH_MAX])
{
    snprintf(out, NC_PATH_MAX, "%s/%s", s->cfg->data, name);
    return out;
}

bool nc_server_trusts(const struct nc_server *s, const struct nc_addr *peer)
{
    return nc_addr_reach(peer) == NC_REACH_LOOPBACK || nc_nets_have(&s->admin_from, peer);
}

/* ---- settings that layers below keep as their own ------------------------- */

static enum nc_err nets(const struct nc_strings *list, const char *key, struct nc_nets *out)
{
    struct nc_buf all = {0};
    struct nc_str bad = {0};

    for (size_t i = 0; i < list->n; i++)
        nc_buf_printf(&all, "%s%s", i ? "," : "", list->v[i]);
    *out = (struct nc_nets){0};
    enum nc_err e = all.n ? nc_nets_parse(nc_buf_str(&all), out, &bad) : NC_OK;
    if (e != NC_OK)
        nc_log(NC_ERROR, "config.network", "key=%s value=%s", key, nc_log_q(bad));
    nc_buf_fini(&all);
    return e;
}

static struct nc_limits limits_of(const struct nc_config *c)
{
    struct nc_limits l = nc_limits_default;

    l.message_max = c->message_max;
    l.answer_max = c->answer_max;
    l.room_name_max = (unsigned)c->room_name_max;
    l.topic_max = (unsigned)c->topic_max;
    l.display_max = (unsigned)c->display_name_max;
    l.rooms_per_user = (unsigned)c->rooms_per_user;
    l.members_per_room = (unsigned)c->members_per_room;
    l.sessions_per_user = (unsigned)c->sessions_per_user;
    l.keys_per_user = (unsigned)c->keys_per_user;
    l.invites_per_user = (unsigned)c->invites_per_user;
    l.rates = c->rate_limits;
    l.sends_per_10s = (unsigned)c->sends_per_10s;
    l.registrations_per_hour = (unsigned)c->registrations_per_hour;
    l.rooms_per_day = (unsigned)c->rooms_per_day;
    l.tickets_per_min = (unsigned)c->tickets_per_minute;
    l.history_per_s = (unsigned)c->history_per_second;
    l.lists_per_10s = (unsigned)c->lists_per_10s;
    l.changes_per_10s = (unsigned)c->changes_per_10s;
    l.live_per_user = (unsigned)c->live_per_user;
    l.disk_free_min = c->disk_free_min;
    l.queue_max = c->queue_max;
    l.queue_total_max = c->queue_total_max;
    l.replay_max = (uint32_t)c->replay_max;
    return l;
}

static struct nc_ai_opts ai_limits(const struct nc_config *c)
{
    return (struct nc_ai_opts){
        .caps = {.user_tokens = c->ai_user_tokens_per_day,
                 .user_requests = c->ai_user_requests_per_day,
                 .room_tokens = c->ai_room_tokens_per_day,
                 .persona_tokens = c->ai_persona_tokens_per_day,
                 .node_tokens = c->ai_node_tokens_per_day},
        .at_once = (unsigned)c->ai_at_once,
        .waiting_max = (unsigned)c->ai_waiting_max,
        .per_minute_room = (unsigned)c->ai_per_minute_room,
        .per_minute_user = (unsigned)c->ai_per_minute_user,
    };
}

/* What a reload changes too. */
static enum nc_err apply(struct nc_server *s)
{
    const struct nc_config *c = s->cfg;
    struct nc_nets trusted, admin_from;

    if (nets(&c->trusted_proxies, "trusted_proxies", &trusted) != NC_OK ||
        nets(&c->admin_from, "admin_from", &admin_from) != NC_OK)
        return NC_EINVAL;
    s->trusted = trusted;
    s->admin_from = admin_from;
    nc_log_level((enum nc_level)c->log_level);
    if (*c->web_dir)
        nc_web_check(c->web_dir);
    if (*c->public_url)
        snprintf(s->public_url, sizeof(s->public_url), "%s", c->public_url);
    if (s->chat) {
        s->chat->opts.registration = (enum nc_registration)c->registration;
        s->chat->opts.directory_open = c->directory == NC_CFG_DIR_OPEN;
        s->chat->opts.limits = limits_of(c);
        s->chat->opts.public_url = nc_str(s->public_url);
    }
    if (s->ai) {
        struct nc_ai_opts limits = ai_limits(c);
        nc_ai_limits(s->ai, &limits);
    }
    return NC_OK;
}

/* ---- start ---------------------------------------------------------------- */

static enum nc_err open_tls(struct nc_server *s)
{
    const struct nc_config *c = s->cfg;
    char cert[NC_PATH_MAX], key[NC_PATH_MAX];

    if (*c->tls_cert)
        return nc_tls_server(&s->tls, c->tls_cert, c->tls_key);
    if (c->tls == NC_CFG_TLS_OFF)
        return NC_OK;
    uint64_t left = 0;
    nc_server_path(s, "tls-cert.pem", cert);
    nc_server_path(s, "tls-key.pem", key);
    if (nc_selfsigned_left(cert, nc_wall_ms(), &left) != NC_OK || left < CERT_LEFT_S) {
        enum nc_err e = nc_selfsigned_make(cert, key, c->tls_names.v, c->tls_names.n);
        if (e != NC_OK) {
            nc_log(NC_ERROR, "tls.self_signed", "error=%s", nc_strerr(e));
            return e;
        }
        nc_log(NC_INFO, "tls.self_signed", "path=%s", nc_log_q(nc_str(cert)));
    }
    return nc_tls_server(&s->tls, cert, key);
}

static enum nc_err open_store(struct nc_server *s)
{
    char url[NC_PATH_MAX + 16], path[NC_PATH_MAX], backup[NC_PATH_MAX];

    nc_server_path(s, "neuralchat.db", path);
    snprintf(url, sizeof(url), "sqlite:%s", path);
    return nc_store_open(&s->store, s->loop, *s->cfg->store ? s->cfg->store : url,
                         *s->cfg->backup_dir ? s->cfg->backup_dir
                                             : nc_server_path(s, "backup", backup));
}

static void on_audit(void *arg, const struct nc_audit *a)
{
    struct nc_server *s = arg;
    nc_audit_write(s->audit, a);
}

static void on_owner_made(void *arg)
{
    struct nc_server *s = arg;
    size_t at = 0;

    nc_folder_owner_code_used(s->cfg->data);
    for (struct nc_user *u; (u = nc_map_next(&s->chat->users_by_id, &at));)
        if (u->a.role == NC_ROLE_OWNER && !u->a.deleted)
            nc_ai_owner(s->ai, u);
    nc_log(NC_INFO, "server.owner_made", "code=spent");
}

static enum nc_err open_chat(struct nc_server *s)
{
    const struct nc_config *c = s->cfg;

    enum nc_err e = nc_pool_new(&s->hashers, s->loop, "nc-hash", (unsigned)c->hash_threads,
                                (unsigned)c->hash_queue);
    if (e != NC_OK)
        return e;
    s->chat = nc_chat_new(&(struct nc_chat_opts){
        .loop = s->loop,
        .store = s->store,
        .ring = s->ring,
        .hashers = s->hashers,
        .cheap_passwords = c->password_cost == NC_CFG_PW_TEST,
        .registration = (enum nc_registration)c->registration,
        .directory_open = c->directory == NC_CFG_DIR_OPEN,
        .limits = limits_of(c),
        .node_id = s->node_id,
        .public_url = nc_str(s->public_url),
        .audit = on_audit,
        .audit_arg = s,
        .owner_made = on_owner_made,
        .owner_arg = s,
    });
    return s->chat ? NC_OK : NC_EIO;
}

/* Before anybody can ask: who reads server.listening finds the file. */
static void make_owner_code(struct nc_server *s)
{
    static char code[136]; /* chat keeps a view of it as long as it runs */

    if (nc_account_has_owner(s->chat))
        nc_folder_owner_code_used(s->cfg->data);
    else if (nc_folder_owner_code(s->cfg->data, s->cfg->owner_code, code) == NC_OK)
        s->chat->opts.owner_code = nc_str(code);
    /* else logged; the admin socket can still make an owner */
}

static void offer_owner_code(const struct nc_server *s)
{
    struct nc_str code = s->chat->opts.owner_code;

    if (code.n)
        nc_log(NC_INFO, "server.owner_code", "code=%.*s url=%s/#owner=%.*s", NC_FMT(code),
               s->public_url, NC_FMT(code));
}

static enum nc_err open_ai(struct nc_server *s)
{
    struct nc_ai_opts o = ai_limits(s->cfg);
    struct nc_models_setup models;

    s->http = nc_http_client_new(s->loop);
    enum nc_err e = nc_models_setup(&models, s);
    if (e == NC_OK) {
        o.chat = s->chat;
        o.loop = s->loop;
        o.models = models.opts;
        o.furthest = (enum nc_destination)(s->cfg->ai_destination + NC_DEST_THIS_NODE);
        s->ai = nc_ai_new(&o);
        e = s->ai ? NC_OK : NC_EIO;
    }
    nc_models_setup_fini(&models);
    return e;
}

static void on_accept(void *arg, int fd, const struct nc_addr *peer, void *tag)
{
    struct nc_server *s = arg;
    bool admin = tag == (void *)&s->admin;

    nc_httpd_accept(s->httpd, fd, peer, admin ? NULL : s->tls,
                    admin ? s->admin : s->listeners, tag);
}

#define BOUND_MAX 64

/* What the listeners became, told once everything else is ready. */
struct bound {
    struct nc_addr at[BOUND_MAX];
    unsigned n;
};

static void url_of(const struct nc_server *s, const struct nc_addr *at, char *url, size_t n)
{
    char text[NC_ADDR_TEXT];

    snprintf(url, n, "%s://%s", s->tls ? "https" : "http", nc_addr_text_port(at, text));
}

static enum nc_err open_listeners(struct nc_server *s, struct bound *b)
{
    const struct nc_config *c = s->cfg;
    char path[NC_PATH_MAX + 8];

    s->listeners = nc_listeners_new(
        s->loop,
        &(struct nc_listeners_opts){.total_max = (unsigned)c->connections_max,
                                    .per_addr_max = (unsigned)c->connections_per_address},
        on_accept, s);
    s->admin = nc_listeners_new(s->loop, &(struct nc_listeners_opts){.total_max = 32},
                                on_accept, s);
    unsigned inherited = nc_listeners_adopt_systemd(s->listeners, NULL, b->at, BOUND_MAX);
    b->n = inherited < BOUND_MAX ? inherited : BOUND_MAX;
    for (size_t i = 0; i < c->listen.n; i++) {
        struct nc_addr at;
        enum nc_err e = nc_listeners_add(s->listeners, nc_str(c->listen.v[i]), NULL, &at);
        /* systemd holds the very address that is also the default: not a clash */
        if (e == NC_EEXIST && inherited)
            continue;
        if (e == NC_EEXIST)
            nc_log(NC_ERROR, "server.listen", "addr=%s reason=taken", c->listen.v[i]);
        if (e != NC_OK)
            return e;
        if (b->n < BOUND_MAX)
            b->at[b->n++] = at;
    }
    if (!s->public_url[0] && b->n)
        url_of(s, &b->at[0], s->public_url, sizeof(s->public_url));
    snprintf(path, sizeof(path), "unix:%s/admin.sock", c->data);
    return nc_listeners_add(s->admin, nc_str(path), &s->admin, NULL);
}

/* The line that says so is what scripts wait for: it comes last. */
static void announce(const struct nc_server *s, const struct bound *b)
{
    char url[NC_ADDR_TEXT + 16];

    for (unsigned i = 0; i < b->n; i++) {
        url_of(s, &b->at[i], url, sizeof(url));
        nc_log(NC_INFO, "server.listening", "url=%s", url);
    }
}

static const struct nc_route *const tables[] = {
    nc_routes_ops,      nc_routes_auth,     nc_routes_people, nc_routes_rooms,
    nc_routes_messages, nc_routes_live,     nc_routes_admin,  nc_routes_admin_rooms,
    nc_routes_backup,   nc_routes_personas, nc_routes_ai,     nc_routes_providers,
    nc_routes_v1,       nc_routes_usage,    nc_routes_mesh,   NULL,
};
static const struct nc_route *const tables_with_tests[] = {
    nc_routes_ops,
    nc_routes_auth,
    nc_routes_people,
    nc_routes_rooms,
    nc_routes_messages,
    nc_routes_live,
    nc_routes_admin,
    nc_routes_admin_rooms,
    nc_routes_backup,
    nc_routes_personas,
    nc_routes_ai,
    nc_routes_providers,
    nc_routes_v1,
    nc_routes_usage,
    nc_routes_mesh,
    nc_routes_test,
    NULL,
};

static void open_httpd(struct nc_server *s)
{
    const struct nc_config *c = s->cfg;

    s->router = nc_router_new(c->test_endpoints ? tables_with_tests : tables);
    nc_metrics_init(&s->metrics);
    s->httpd = nc_httpd_new(s->loop,
                            &(struct nc_httpd_opts){
                                .head_max = (uint32_t)c->head_max,
                                .head_ms = (uint32_t)c->head_timeout,
                                .body_idle_ms = (uint32_t)c->body_timeout,
                                .idle_ms = (uint32_t)c->idle_timeout,
                                .write_ms = (uint32_t)c->write_timeout,
                                .trusted = &s->trusted,
                            },
                            &nc_call_httpd_ops, s);
}

static void on_key_deadline(struct nc_deadline *d)
{
    struct nc_server *s = nc_of(d, struct nc_server, key_deadline);
    uint64_t now = nc_wall_ms();

    if (now >= nc_keyring_since_ms(s->ring) + KEY_LIFE_MS &&
        nc_keyring_rotate(s->ring, now + REFRESH_LIFE_MS) == NC_OK)
        nc_log(NC_INFO, "keys.rotated", "kid=%.*s", NC_FMT(nc_keyring_kid(s->ring)));
    if (nc_keyring_expire(s->ring, now))
        nc_session_keys_changed(s->chat);
    nc_server_mesh_keys(s); /* if they did */
    nc_loop_deadline(s->loop, &s->key_deadline, KEY_LOOK_MS);
}

static void on_signal(void *arg, int signum)
{
    struct nc_server *s = arg;

    if (signum == SIGHUP)
        nc_server_reload(s);
    else
        nc_server_stop(s);
}

static enum nc_err open_signals(struct nc_server *s)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < NC_COUNT(signals); i++)
        if (nc_loop_signal(s->loop, signals[i], on_signal, s) != NC_OK)
            return NC_EIO;
    return NC_OK;
}

enum nc_err nc_server_open(struct nc_server *s)
{
    char path[NC_PATH_MAX];
    struct bound bound = {.n = 0};
    enum nc_err e;

    s->started_ms = nc_wall_ms();
    s->key_deadline.fire = on_key_deadline;
    nc_list_init(&s->heavy);
    if ((e = apply(s)) != NC_OK ||
        (e = nc_folder_open(s->cfg->data, &s->lock_fd)) != NC_OK ||
        (e = nc_folder_node_id(s->cfg->data, &s->node_id)) != NC_OK ||
        (e = nc_identity_open(&s->identity, nc_server_path(s, "node.key", path))) !=
            NC_OK ||
        (e = nc_audit_open(&s->audit, nc_server_path(s, "audit.log", path),
                           s->cfg->audit_max, (unsigned)s->cfg->audit_files)) != NC_OK ||
        (e = nc_keyring_open(&s->ring, nc_server_path(s, "keys", path))) != NC_OK ||
        (e = open_tls(s)) != NC_OK || (e = nc_loop_new(&s->loop)) != NC_OK ||
        (e = open_signals(s)) != NC_OK || (e = open_store(s)) != NC_OK ||
        (e = open_chat(s)) != NC_OK || (e = open_ai(s)) != NC_OK ||
        (e = nc_server_mesh_open(s)) != NC_OK)
        return e;
    s->disk = nc_disk_new(s);
    nc_loop_deadline(s->loop, &s->key_deadline, 1);
    open_httpd(s);
    make_owner_code(s);
    if ((e = open_listeners(s, &bound)) != NC_OK)
        return e;
    s->chat->opts.public_url = nc_str(s->public_url);
    nc_server_mesh_reached(s, bound.at, bound.n);
    offer_owner_code(s);
    announce(s, &bound);
    nc_notify("READY=1");
    return NC_OK;
}

/* ---- stop ----------------------------------------------------------------- */

/* Requests are answered; sockets and streams close on their own once they have told
 * their clients. */
static void on_drained(void *arg) { ((struct nc_server *)arg)->drained = true; }

static void on_stop_deadline(struct nc_deadline *d)
{
    struct nc_server *s = nc_of(d, struct nc_server, stop_deadline);
    unsigned open = nc_listeners_open(s->listeners) + nc_listeners_open(s->admin);
    bool late = nc_loop_now_ms(s->loop) >= s->stop_by;

    if (open && !late) {
        nc_loop_deadline(s->loop, &s->stop_deadline, STOP_LOOK_MS);
        return;
    }
    if (open)
        nc_log(NC_WARN, "server.stop_cut", "connections=%u requests_done=%d", open,
               s->drained);
    nc_loop_stop(s->loop);
}

void nc_server_stop(struct nc_server *s)
{
    if (s->stopping) {
        nc_loop_stop(s->loop); /* the second signal means it */
        return;
    }
    s->stopping = true;
    nc_log(NC_INFO, "server.stopping", "connections=%u", nc_listeners_open(s->listeners));
    nc_notify("STOPPING=1");
    nc_listeners_close(s->listeners);
    nc_listeners_close(s->admin);
    s->stop_deadline.fire = on_stop_deadline;
    s->stop_by = nc_loop_now_ms(s->loop) + s->cfg->stop_timeout;
    nc_loop_deadline(s->loop, &s->stop_deadline, STOP_LOOK_MS);
    nc_hub_end_all(s->chat->hub, 1012, "restart");
    nc_httpd_drain(s->httpd, on_drained, s);
}

void nc_server_reload(struct nc_server *s)
{
    extern char **environ;
    struct nc_options *fresh = nc_alloc(sizeof(*fresh));
    struct nc_config *cfg = nc_alloc(sizeof(*cfg));
    const char *wrong = NULL, *frozen;

    nc_notify("RELOADING=1");
    nc_options_init(fresh, nc_config_table, nc_config_rows, cfg);
    fresh->env_others = s->options->env_others;
    if (nc_options_load(fresh, s->argc, s->argv, environ, "config") != NC_OK)
        wrong = fresh->error;
    else
        wrong = nc_config_conflict(cfg);
    if (wrong) {
        nc_log(NC_ERROR, "config.reload", "result=kept reason=%s", nc_log_q(nc_str(wrong)));
        nc_options_fini(fresh);
        free(fresh);
        free(cfg);
    } else {
        if ((frozen = nc_options_frozen_change(s->options, fresh)))
            nc_log(NC_WARN, "config.reload", "key=%s reason=needs_restart", frozen);
        struct nc_options *old = s->options;
        struct nc_config *old_cfg = old->into;
        s->options = fresh;
        s->cfg = cfg;
        if (apply(s) != NC_OK) {
            s->options = old;
            s->cfg = old_cfg;
            (void)apply(s);
            old = fresh;
            old_cfg = cfg;
        } else {
            nc_log(NC_INFO, "config.reload", "result=ok");
        }
        nc_options_fini(old);
        free(old);
        free(old_cfg);
    }
    if (s->tls && nc_tls_reload(s->tls) == NC_OK)
        nc_log(NC_INFO, "tls.reload", "result=ok");
    nc_notify("READY=1");
}

/* The store goes before chat: what is pending hears NC_ECLOSED while there is
 * somebody to hear it. */
void nc_server_close(struct nc_server *s)
{
    if (s->loop) {
        nc_loop_deadline(s->loop, &s->stop_deadline, 0);
        nc_loop_deadline(s->loop, &s->key_deadline, 0);
    }
    nc_disk_free(s->disk);
    nc_ai_quiet(s->ai); /* a question that waits for another node goes on waiting */
    nc_server_mesh_stop(s);
    if (s->listeners)
        nc_conn_abort_all(s->listeners, "stopped");
    if (s->admin)
        nc_conn_abort_all(s->admin, "stopped");
    nc_httpd_free(s->httpd);
    if (s->loop)
        nc_loop_settle(s->loop); /* those who owned a connection hear that it is gone */
    nc_http_client_free(s->http);
    nc_listeners_free(s->listeners);
    nc_listeners_free(s->admin);
    nc_pool_free(s->hashers);
    if (s->chat) /* the store's last answers find it gone */
        s->chat->opts.hashers = NULL;
    if (s->store)
        s->store->ops->close(s->store);
    nc_server_mesh_free(s);
    nc_ai_free(s->ai);
    nc_ai_link_free(s->ai_link);
    nc_chat_free(s->chat);
    nc_nodes_free(s->nodes);
    nc_router_free(s->router);
    nc_tls_free(s->tls);
    nc_own_broker_free(s->own_broker);
    if (s->loop)
        nc_loop_free(s->loop);
    nc_keyring_free(s->ring);
    nc_identity_wipe(&s->identity);
    nc_audit_close(s->audit);
    if (s->lock_fd > 0)
        close(s->lock_fd);
    struct nc_options *options = s->options;
    *s = (struct nc_server){.options = options};
}
