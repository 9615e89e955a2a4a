/*
 * wire/topic: the MQTT topics of protocol section 6, to and from structs.
 *
 * Pure.  One text per topic: user names as accounts have them, ids in lower case; anything
 * else is no topic of ours, so what two sides compare can't be spelled in two ways.
 */
#pragma once

#include "base/id.h"

struct nc_buf;

enum nc_mqtt_kind {
    NC_MQTT_OTHER = 0, /* not below the root, or of no form we know */
    NC_MQTT_SEND,      /* u/<user>/send/<room> */
    NC_MQTT_INBOX,     /* u/<user>/inbox */
    NC_MQTT_HERE,      /* u/<user>/here */
    NC_MQTT_EVENTS,    /* r/<room>/events */
    NC_MQTT_LIVE,      /* r/<room>/live */
    NC_MQTT_NODE,      /* n/<node>/<rest> */
};

/* Views live as long as the topic. */
struct nc_mqtt_topic {
    enum nc_mqtt_kind kind;
    struct nc_str user;  /* SEND, INBOX, HERE */
    struct nc_id room;   /* SEND, EVENTS, LIVE */
    struct nc_id node;   /* NODE */
    struct nc_str rest;  /* NODE: never empty */
    struct nc_str below; /* the topic without root and slash; of what is not OTHER */
};

/* root: without a slash at its end.  The kind is returned, too. */
enum nc_mqtt_kind nc_mqtt_topic_parse(struct nc_str root, struct nc_str topic,
                                      struct nc_mqtt_topic *out);

/* Below which of the three trees a filter (of SUBSCRIBE) may match something. */
enum nc_mqtt_tree {
    NC_MQTT_NO_TREE = 0, /* another root, $SYS, $share, malformed; or wide enough for
                            more than one tree */
    NC_MQTT_USERS,       /* u/<user>/… */
    NC_MQTT_ROOMS,       /* r/<room>/… */
    NC_MQTT_NODES,       /* n/<node>/… */
};

struct nc_mqtt_filter {
    enum nc_mqtt_tree tree;
    bool any;           /* a wildcard where the user, room or node stands */
    struct nc_str user; /* otherwise one of these, by tree */
    struct nc_id room, node;
    struct nc_str rest; /* what follows that place ("send/+", "#"); with any by "#": "#" */
};

enum nc_mqtt_tree nc_mqtt_filter_parse(struct nc_str root, struct nc_str filter,
                                       struct nc_mqtt_filter *out);

/* The retained documents of a node, by the rest of their topic. */
enum nc_mqtt_doc {
    NC_MQTT_DOC_OTHER = 0,
    NC_MQTT_DOC_JWKS,     /* jwks */
    NC_MQTT_DOC_ACL,      /* acl/<room> */
    NC_MQTT_DOC_USER,     /* user/<user id> */
    NC_MQTT_DOC_HERE,     /* here */
    NC_MQTT_DOC_RENDERED, /* rendered */
};
/* *subject: the room or user; zero for the others. */
enum nc_mqtt_doc nc_mqtt_doc_parse(struct nc_str rest, struct nc_id *subject);

/* Append a topic, without a NUL.  An empty root leaves it and its slash out. */
void nc_mqtt_send_add(struct nc_buf *out, struct nc_str root, struct nc_str user,
                      const struct nc_id *room);
void nc_mqtt_inbox_add(struct nc_buf *out, struct nc_str root, struct nc_str user);
void nc_mqtt_here_add(struct nc_buf *out, struct nc_str root, struct nc_str user);
void nc_mqtt_events_add(struct nc_buf *out, struct nc_str root, const struct nc_id *room);
void nc_mqtt_live_add(struct nc_buf *out, struct nc_str root, const struct nc_id *room);
void nc_mqtt_node_add(struct nc_buf *out, struct nc_str root, const struct nc_id *node,
                      struct nc_str rest);
/* The rest of a document's topic, to give to nc_mqtt_node_add. */
void nc_mqtt_doc_add(struct nc_buf *out, enum nc_mqtt_doc doc, const struct nc_id *subject);

/* `[a-z0-9][a-z0-9._-]{1,31}` */
bool nc_mqtt_user_ok(struct nc_str name);
/* An id in the one form that topics have. */
NC_MUSTUSE enum nc_err nc_mqtt_id_parse(struct nc_str s, struct nc_id *out);
