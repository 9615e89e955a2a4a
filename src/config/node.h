/*
 * config/node: every setting of neuralchatd.
 */
#pragma once

#include "config/option.h"

enum { NC_CFG_TLS_OFF, NC_CFG_TLS_SELF_SIGNED, NC_CFG_TLS_FILES };
enum { NC_CFG_REG_OPEN, NC_CFG_REG_INVITE, NC_CFG_REG_CLOSED };
enum { NC_CFG_DIR_SHARED, NC_CFG_DIR_OPEN };
enum { NC_CFG_PW_NORMAL, NC_CFG_PW_TEST };
enum { NC_CFG_AI_OPENAI, NC_CFG_AI_OLLAMA, NC_CFG_AI_ANTHROPIC };
/* Nearest first, as enum nc_destination from NC_DEST_THIS_NODE on. */
enum {
    NC_CFG_DEST_THIS_NODE,
    NC_CFG_DEST_OWN_NODE,
    NC_CFG_DEST_OWN_WORKER,
    NC_CFG_DEST_LAN,
    NC_CFG_DEST_CLOUD
};
enum { NC_CFG_LOG_DEBUG, NC_CFG_LOG_INFO, NC_CFG_LOG_WARN, NC_CFG_LOG_ERROR };

struct nc_config {
    /* place */
    const char *data, *config, *store, *backup_dir;
    /* network */
    struct nc_strings listen, trusted_proxies, admin_from, cors_origins;
    const char *public_url, *web_dir;
    int tls;
    const char *tls_cert, *tls_key;
    struct nc_strings tls_names;
    uint64_t connections_max, connections_per_address;
    uint64_t head_timeout, body_timeout, idle_timeout, write_timeout, stop_timeout;
    /* people */
    int registration, directory;
    const char *owner_code;
    int password_cost;
    uint64_t hash_threads, hash_queue;
    /* limits */
    bool rate_limits;
    uint64_t message_max, answer_max, frame_max, body_max, head_max;
    uint64_t room_name_max, topic_max, display_name_max;
    uint64_t rooms_per_user, members_per_room, sessions_per_user, keys_per_user,
        invites_per_user;
    uint64_t sends_per_10s, registrations_per_hour, rooms_per_day, tickets_per_minute,
        history_per_second, lists_per_10s, changes_per_10s, live_per_user;
    uint64_t queue_max, queue_total_max, replay_max, disk_free_min;
    /* AI */
    const char *ai_base_url, *ai_model, *ai_key_file, *ai_proxy;
    int ai_kind;
    uint64_t ai_connect_timeout, ai_first_byte_timeout, ai_idle_timeout;
    struct nc_strings ai_look_at; /* "off" among them: nowhere */
    int ai_destination;
    uint64_t ai_at_once, ai_waiting_max, ai_per_minute_room, ai_per_minute_user;
    uint64_t ai_user_tokens_per_day, ai_user_requests_per_day, ai_room_tokens_per_day,
        ai_persona_tokens_per_day, ai_node_tokens_per_day;
    const char *node_name; /* "": made of the machine's name */
    const char *mesh_ca, *mesh_proxy;
    /* MQTT */
    struct nc_strings brokers;
    const char *broker_user, *broker_password_file, *broker_ca, *broker_proxy, *broker_root;
    bool own_broker;
    const char *own_broker_listen, *mosquitto, *broker_plugin;
    /* operation */
    int log_level;
    uint64_t audit_max;
    uint64_t audit_files;
    bool test_endpoints;
    /* actions of the command line */
    bool help, version, check_config, print_config, print_man, print_man_keys,
        print_markdown;
    const char *restore, *passphrase_file;
};

extern const struct nc_option nc_config_table[];
extern const size_t nc_config_rows;

/* What no single row can see: certificate without key, test endpoints beyond loopback,
 * …  Returns what is wrong, or NULL. */
const char *nc_config_conflict(const struct nc_config *c);
