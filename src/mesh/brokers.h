/*
 * mesh/brokers: all links of this node, from its settings.
 *
 * Each broker is independent of the others.  Whoever works over them (users, sync) adds
 * its hooks and hears of every link.  A node without brokers has none of this but an empty
 * list.  Loop thread only.
 */
#pragma once

#include "base/id.h"
#include "base/list.h"
#include "mesh/link.h"

struct nc_brokers;
struct nc_identity;
struct nc_json;

struct nc_brokers_opts {
    struct nc_loop *loop;
    const struct nc_identity *identity; /* borrowed; logs in where no user is set */
    struct nc_id node_id;
    const char *root;        /* "nc/v1" */
    const char *const *urls; /* what settings name; the same twice is one */
    size_t urls_n;
    const char *user;          /* "" : the node's id, with a token of its own */
    const char *password_file; /* of user; read for each attempt */
    const char *ca, *proxy;    /* "" : none */
};
/* Everything but identity is copied.  NC_EINVAL: a URL; NC_EIO.  Logged. */
NC_MUSTUSE enum nc_err nc_brokers_new(struct nc_brokers **out,
                                      const struct nc_brokers_opts *o);
void nc_brokers_free(struct nc_brokers *b); /* no callback comes; NULL is fine */

/* The node's own broker is there: never by the proxy, always with the node's token.  Said
 * again for the same url, or for one that settings name, it only hastens a new attempt; for
 * another url the link to the old one goes.  Not from inside a hook. */
NC_MUSTUSE enum nc_err nc_brokers_own(struct nc_brokers *b, const char *url);

/* Who is let in where has just changed: links that are down are tried again in a second,
 * and twice more, as brokers take some seconds to see it. */
void nc_brokers_retry(struct nc_brokers *b);

const char *nc_brokers_root(const struct nc_brokers *b);
const char *nc_brokers_node(const struct nc_brokers *b); /* the node's id, text */
unsigned nc_brokers_count(const struct nc_brokers *b);
unsigned nc_brokers_up(const struct nc_brokers *b);
/* Every link, up or not. */
void nc_brokers_each(struct nc_brokers *b, void (*fn)(void *arg, struct nc_link *l),
                     void *arg);

/*
 * Somebody who works over all links, embedded; zeroed with ops set.  ops as those of one
 * link, called with `arg`; a message is told to every hook, acked and refused only to the
 * one that published (by nc_brokers_publish), room to all.  Up to 255 of them.
 */
struct nc_brokers_hook {
    struct nc_list node;
    const struct nc_link_ops *ops;
    void *arg;
    /* The link is about to be freed: forget it.  May be NULL. */
    void (*gone)(struct nc_link *l, void *arg);
    uint8_t index; /* ours, as what follows */
    bool fresh;
};
/* Links that are up already are told by up(session_present true) in the next turn. */
void nc_brokers_hook(struct nc_brokers *b, struct nc_brokers_hook *h);
void nc_brokers_unhook(struct nc_brokers *b, struct nc_brokers_hook *h);

/* As nc_link_publish, so that m->tag comes back to this hook alone; tags are below 2^56. */
NC_MUSTUSE enum nc_err nc_brokers_publish(struct nc_brokers *b, struct nc_brokers_hook *h,
                                          struct nc_link *l, const struct nc_mqtt_out *m);
/* On all links there are and will be; as nc_link_subscribe. */
NC_MUSTUSE enum nc_err nc_brokers_subscribe(struct nc_brokers *b, const char *filter,
                                            unsigned qos);
/* What brokers tell of us, retained, when they lose us, or when we leave: for what
 * connects from now on.  Copied. */
void nc_brokers_will(struct nc_brokers *b, struct nc_str topic, struct nc_str payload);

/* "none": there are no brokers; "up": all are; "degraded": some; "down". */
const char *nc_brokers_state(struct nc_brokers *b);
/* The members "state" and "links" of an object that is open. */
void nc_brokers_json(struct nc_brokers *b, struct nc_json *j);
void nc_brokers_metrics(struct nc_brokers *b, struct nc_buf *out);
