#include "wire/topic.h"

#include <string.h>

#include "base/buf.h"

/* ---- places ---- */

bool nc_mqtt_user_ok(struct nc_str s)
{
    if (s.n < 2 || s.n > 32)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}

enum nc_err nc_mqtt_id_parse(struct nc_str s, struct nc_id *out)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z')
            return NC_EINVAL;
    return nc_id_parse(s, out);
}

static bool below_root(struct nc_str root, struct nc_str topic, struct nc_str *rest)
{
    if (!nc_str_starts(topic, root) || topic.n <= root.n || topic.p[root.n] != '/')
        return false;
    *rest = (struct nc_str){topic.p + root.n + 1, topic.n - root.n - 1};
    return true;
}

/* ---- topics ---- */

static enum nc_mqtt_kind of_user(struct nc_str rest, struct nc_mqtt_topic *out)
{
    out->user = nc_str_cut(&rest, '/');
    if (!nc_mqtt_user_ok(out->user) || !rest.p)
        return NC_MQTT_OTHER;
    if (nc_str_eqz(rest, "inbox"))
        return NC_MQTT_INBOX;
    if (nc_str_eqz(rest, "here"))
        return NC_MQTT_HERE;
    struct nc_str what = nc_str_cut(&rest, '/');
    return nc_str_eqz(what, "send") && rest.p && nc_mqtt_id_parse(rest, &out->room) == NC_OK
               ? NC_MQTT_SEND
               : NC_MQTT_OTHER;
}

static enum nc_mqtt_kind of_room(struct nc_str rest, struct nc_mqtt_topic *out)
{
    if (nc_mqtt_id_parse(nc_str_cut(&rest, '/'), &out->room) != NC_OK || !rest.p)
        return NC_MQTT_OTHER;
    return nc_str_eqz(rest, "events") ? NC_MQTT_EVENTS
           : nc_str_eqz(rest, "live") ? NC_MQTT_LIVE
                                      : NC_MQTT_OTHER;
}

static enum nc_mqtt_kind of_node(struct nc_str rest, struct nc_mqtt_topic *out)
{
    if (nc_mqtt_id_parse(nc_str_cut(&rest, '/'), &out->node) != NC_OK || !rest.n)
        return NC_MQTT_OTHER;
    out->rest = rest;
    return NC_MQTT_NODE;
}

enum nc_mqtt_kind nc_mqtt_topic_parse(struct nc_str root, struct nc_str topic,
                                      struct nc_mqtt_topic *out)
{
    struct nc_mqtt_topic t = {0};
    struct nc_str rest;

    *out = t;
    if (!below_root(root, topic, &rest) || memchr(rest.p, '+', rest.n) ||
        memchr(rest.p, '#', rest.n))
        return NC_MQTT_OTHER;
    t.below = rest;
    struct nc_str tree = nc_str_cut(&rest, '/');
    if (!rest.p)
        return NC_MQTT_OTHER;
    t.kind = nc_str_eqz(tree, "u")   ? of_user(rest, &t)
             : nc_str_eqz(tree, "r") ? of_room(rest, &t)
             : nc_str_eqz(tree, "n") ? of_node(rest, &t)
                                     : NC_MQTT_OTHER;
    if (t.kind != NC_MQTT_OTHER)
        *out = t;
    return t.kind;
}

/* ---- filters ---- */

/* Wildcards fill their level, and "#" is the last one (MQTT 5 section 4.7.1). */
static bool well_formed(struct nc_str filter)
{
    while (filter.p) {
        struct nc_str level = nc_str_cut(&filter, '/');
        if (level.n > 1 && (memchr(level.p, '+', level.n) || memchr(level.p, '#', level.n)))
            return false;
        if (nc_str_eqz(level, "#") && filter.p)
            return false;
    }
    return true;
}

enum nc_mqtt_tree nc_mqtt_filter_parse(struct nc_str root, struct nc_str filter,
                                       struct nc_mqtt_filter *out)
{
    struct nc_mqtt_filter f = {0};
    struct nc_str rest;

    *out = f;
    if (!below_root(root, filter, &rest) || !well_formed(rest))
        return NC_MQTT_NO_TREE;
    struct nc_str tree = nc_str_cut(&rest, '/');
    f.tree = nc_str_eqz(tree, "u")   ? NC_MQTT_USERS
             : nc_str_eqz(tree, "r") ? NC_MQTT_ROOMS
             : nc_str_eqz(tree, "n") ? NC_MQTT_NODES
                                     : NC_MQTT_NO_TREE;
    if (!rest.p || f.tree == NC_MQTT_NO_TREE)
        return NC_MQTT_NO_TREE;

    f.rest = rest;
    struct nc_str place = nc_str_cut(&rest, '/');
    f.any = nc_str_eqz(place, "+") || nc_str_eqz(place, "#");
    if (!nc_str_eqz(place, "#"))
        f.rest = rest;
    bool known = f.any || (f.tree == NC_MQTT_USERS   ? nc_mqtt_user_ok(place)
                           : f.tree == NC_MQTT_ROOMS ? !nc_mqtt_id_parse(place, &f.room)
                                                     : !nc_mqtt_id_parse(place, &f.node));
    if (!known || !f.rest.n)
        return NC_MQTT_NO_TREE;
    if (f.tree == NC_MQTT_USERS && !f.any)
        f.user = place;
    *out = f;
    return f.tree;
}

/* ---- documents ---- */

static const struct {
    const char *name;
    bool has_subject;
} docs[] = {
    [NC_MQTT_DOC_JWKS] = {"jwks", false},         [NC_MQTT_DOC_ACL] = {"acl", true},
    [NC_MQTT_DOC_USER] = {"user", true},          [NC_MQTT_DOC_HERE] = {"here", false},
    [NC_MQTT_DOC_RENDERED] = {"rendered", false},
};

enum nc_mqtt_doc nc_mqtt_doc_parse(struct nc_str rest, struct nc_id *subject)
{
    struct nc_str word = nc_str_cut(&rest, '/');

    *subject = (struct nc_id){0};
    for (size_t i = NC_MQTT_DOC_JWKS; i < NC_COUNT(docs); i++) {
        if (!nc_str_eqz(word, docs[i].name))
            continue;
        bool whole = docs[i].has_subject
                         ? rest.p && nc_mqtt_id_parse(rest, subject) == NC_OK
                         : !rest.p;
        return whole ? (enum nc_mqtt_doc)i : NC_MQTT_DOC_OTHER;
    }
    return NC_MQTT_DOC_OTHER;
}

/* ---- writing ---- */

static void add_id(struct nc_buf *out, const struct nc_id *id)
{
    nc_id_text(id, nc_buf_reserve(out, NC_ID_TEXT));
    nc_buf_grew(out, NC_ID_TEXT);
}

static void add_root(struct nc_buf *out, struct nc_str root, const char *tree)
{
    nc_buf_adds(out, root);
    if (root.n)
        nc_buf_addc(out, '/');
    nc_buf_adds(out, nc_str(tree));
}

void nc_mqtt_send_add(struct nc_buf *out, struct nc_str root, struct nc_str user,
                      const struct nc_id *room)
{
    add_root(out, root, "u/");
    nc_buf_adds(out, user);
    nc_buf_adds(out, NC_STR("/send/"));
    add_id(out, room);
}

void nc_mqtt_inbox_add(struct nc_buf *out, struct nc_str root, struct nc_str user)
{
    add_root(out, root, "u/");
    nc_buf_adds(out, user);
    nc_buf_adds(out, NC_STR("/inbox"));
}

void nc_mqtt_here_add(struct nc_buf *out, struct nc_str root, struct nc_str user)
{
    add_root(out, root, "u/");
    nc_buf_adds(out, user);
    nc_buf_adds(out, NC_STR("/here"));
}

void nc_mqtt_events_add(struct nc_buf *out, struct nc_str root, const struct nc_id *room)
{
    add_root(out, root, "r/");
    add_id(out, room);
    nc_buf_adds(out, NC_STR("/events"));
}

void nc_mqtt_live_add(struct nc_buf *out, struct nc_str root, const struct nc_id *room)
{
    add_root(out, root, "r/");
    add_id(out, room);
    nc_buf_adds(out, NC_STR("/live"));
}

void nc_mqtt_node_add(struct nc_buf *out, struct nc_str root, const struct nc_id *node,
                      struct nc_str rest)
{
    add_root(out, root, "n/");
    add_id(out, node);
    nc_buf_addc(out, '/');
    nc_buf_adds(out, rest);
}

void nc_mqtt_doc_add(struct nc_buf *out, enum nc_mqtt_doc doc, const struct nc_id *subject)
{
    nc_buf_adds(out, nc_str(docs[doc].name));
    if (docs[doc].has_subject) {
        nc_buf_addc(out, '/');
        add_id(out, subject);
    }
}
