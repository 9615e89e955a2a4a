/*
 * server/server: the node, assembled: every layer once, wired together.
 *
 * Only src/server sees this struct; the layers below get small options of
 * their own.  Loop thread only.
 */
#pragma once

#include "chat/chat.h"
#include "config/node.h"
#include "crypto/identity.h"
#include "loop/loop.h"
#include "net/httpd.h"
#include "net/listener.h"
#include "server/audit.h"
#include "server/folder.h"
#include "server/metrics.h"

struct nc_ai;
struct nc_brokers;
struct nc_nodes;
struct nc_paths;
struct nc_sync;
struct nc_way_ws;
struct nc_users;
struct nc_way_brokers;
struct nc_disk;
struct nc_http_client;
struct nc_own_broker;
struct nc_router;

struct nc_server {
    struct nc_options *options; /* the ones in force; cfg is what they filled */
    const struct nc_config *cfg;
    int argc;
    char *const *argv;

    struct nc_loop *loop;
    struct nc_store *store;
    struct nc_keyring *ring;
    struct nc_pool *hashers;
    struct nc_chat *chat;
    struct nc_http_client *http;
    struct nc_ai *ai;
    struct nc_router *router;
    struct nc_audit_log *audit;
    struct nc_disk *disk;
    struct nc_nodes *nodes;             /* other nodes that are trusted */
    struct nc_brokers *brokers;         /* all links; none is fine */
    struct nc_users *users;             /* people over MQTT; NULL without any broker */
    struct nc_sync *sync;               /* nodes that agree */
    struct nc_way_ws *way_ws;           /* ways to them by WebSocket */
    struct nc_paths *paths;             /* which way is the best */
    struct nc_near *near;               /* our addresses that they are told */
    struct nc_way_brokers *way_brokers; /* brokers as ways between them */
    struct nc_ai_link *ai_link;         /* who of them answers */
    struct nc_ephemera *ephemera;       /* what is seen and not kept, from node to node */
    struct nc_own_broker *own_broker;   /* NULL: off */

    struct nc_httpd *httpd;
    struct nc_listeners *listeners; /* TCP */
    struct nc_listeners *admin;     /* DIR/admin.sock, apart: never crowded out */
    struct nc_tls *tls;
    struct nc_nets trusted, admin_from;

    struct nc_id node_id;
    struct nc_identity identity; /* DIR/node.key: what the node signs with as itself */
    char node_name[64];          /* configured, or of this machine */
    char public_url[256];        /* configured, or the first listener's */
    uint64_t started_ms;         /* wall */
    int lock_fd;                 /* DIR/lock */
    bool stopping, drained;
    uint64_t stop_by; /* nc_loop_now_ms */
    struct nc_deadline stop_deadline;
    struct nc_deadline key_deadline; /* signing key rotation */
    struct nc_metrics metrics;
    unsigned unknown_bodies; /* large ones coming in by keys not yet looked up (call.c) */
    uint64_t large_bodies;   /* bytes that all large ones take (call.c) */
    struct nc_list heavy;    /* calls with such a body that is parsed (call.c) */
};

/* "DIR/name" in a buffer of the caller's. */

const char *nc_server_path(const struct nc_server *s, const char *name,
                           char out[NC_PATH_MAX]);

/* Everything from the data folder to the listeners.  NC_OK: nc_loop_run serves.
 * Otherwise the reason is logged; nc_server_close cleans up what there is. */
NC_MUSTUSE enum nc_err nc_server_open(struct nc_server *s);
/* SIGTERM: accept no more, tell clients (1012), flush, end the loop in stop_timeout. */
void nc_server_stop(struct nc_server *s);
void nc_server_reload(struct nc_server *s); /* SIGHUP */
void nc_server_close(struct nc_server *s);  /* after the loop ended; zeroes *s */

/* Whether the peer may see the full answers of /readyz and /metrics. */
bool nc_server_trusts(const struct nc_server *s, const struct nc_addr *peer);
