#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "wire/topic.h"

#define ROOM "018e0000-0000-7000-8000-00000000000a"
#define NODE "018e0000-0000-7000-8000-00000000000b"
#define BIG "018E0000-0000-7000-8000-00000000000A"
#define LONG "a23456789012345678901234567890123"

static const struct nc_str root = {"nc/v1", 5};

static void every_topic_is_of_one_kind(void **state)
{
    static const struct {
        const char *topic;
        enum nc_mqtt_kind kind;
    } rows[] = {
        {"nc/v1/u/anna/send/" ROOM, NC_MQTT_SEND},
        {"nc/v1/u/a.n-n_a/inbox", NC_MQTT_INBOX},
        {"nc/v1/u/anna/here", NC_MQTT_HERE},
        {"nc/v1/u/anna/here/", NC_MQTT_OTHER},
        {"nc/v1/u/Anna/here", NC_MQTT_OTHER},
        {"nc/v1/r/" ROOM "/events", NC_MQTT_EVENTS},
        {"nc/v1/r/" ROOM "/live", NC_MQTT_LIVE},
        {"nc/v1/n/" NODE "/jwks", NC_MQTT_NODE},
        {"nc/v1/n/" NODE "/a/b/", NC_MQTT_NODE},
        {"", NC_MQTT_OTHER},
        {"nc/v1", NC_MQTT_OTHER},
        {"nc/v1/", NC_MQTT_OTHER},
        {"nc/v1/u", NC_MQTT_OTHER},
        {"nc/v1/u/", NC_MQTT_OTHER},
        {"nc/v1/u/anna", NC_MQTT_OTHER},
        {"nc/v1/u/anna/", NC_MQTT_OTHER},
        {"nc/v1/u/anna/inbox/", NC_MQTT_OTHER},
        {"nc/v1/u/anna/send", NC_MQTT_OTHER},
        {"nc/v1/u/anna/send/", NC_MQTT_OTHER},
        {"nc/v1/u/anna/send/" ROOM "/", NC_MQTT_OTHER},
        {"nc/v1/u/anna/send/" BIG, NC_MQTT_OTHER},
        {"nc/v1/u/Anna/inbox", NC_MQTT_OTHER},
        {"nc/v1/u/a/inbox", NC_MQTT_OTHER},
        {"nc/v1/u/" LONG "/inbox", NC_MQTT_OTHER},
        {"nc/v1/u/.an/inbox", NC_MQTT_OTHER},
        {"nc/v1/u//inbox", NC_MQTT_OTHER},
        {"nc/v1/u/an\xd0\xb0/inbox", NC_MQTT_OTHER},
        {"nc/v1/u/+/inbox", NC_MQTT_OTHER},
        {"nc/v1/r/" BIG "/events", NC_MQTT_OTHER},
        {"nc/v1/r/" ROOM "/other", NC_MQTT_OTHER},
        {"nc/v1/r/" ROOM, NC_MQTT_OTHER},
        {"nc/v1/r/" ROOM "/#", NC_MQTT_OTHER},
        {"nc/v1/n/" NODE, NC_MQTT_OTHER},
        {"nc/v1/n/" NODE "/", NC_MQTT_OTHER},
        {"nc/v1/n/" NODE "/a+b", NC_MQTT_OTHER},
        {"nc/v1/n/node/jwks", NC_MQTT_OTHER},
        {"nc/v2/u/anna/inbox", NC_MQTT_OTHER},
        {"nc/v1u/anna/inbox", NC_MQTT_OTHER},
        {"/nc/v1/u/anna/inbox", NC_MQTT_OTHER},
        {"$SYS/broker", NC_MQTT_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_mqtt_topic t;
        if (nc_mqtt_topic_parse(root, nc_str(rows[i].topic), &t) != rows[i].kind ||
            t.kind != rows[i].kind)
            fail_msg("%s is kind %d", rows[i].topic, t.kind);
    }
}

static void what_is_written_reads_back(void **state)
{
    struct nc_id room, node, subject;
    struct nc_mqtt_topic t;
    struct nc_buf b = {0}, rest = {0};

    (void)state;
    assert_int_equal(nc_mqtt_id_parse(NC_STR(ROOM), &room), NC_OK);
    assert_int_equal(nc_mqtt_id_parse(NC_STR(NODE), &node), NC_OK);

    nc_mqtt_send_add(&b, root, NC_STR("anna"), &room);
    assert_int_equal(nc_mqtt_topic_parse(root, nc_buf_str(&b), &t), NC_MQTT_SEND);
    assert_true(nc_str_eqz(t.user, "anna") && nc_id_eq(&t.room, &room));
    assert_true(nc_str_eqz(t.below, "u/anna/send/" ROOM));

    nc_buf_clear(&b);
    nc_mqtt_inbox_add(&b, root, NC_STR("anna"));
    assert_int_equal(nc_mqtt_topic_parse(root, nc_buf_str(&b), &t), NC_MQTT_INBOX);
    assert_true(nc_str_eqz(t.user, "anna"));

    nc_buf_clear(&b);
    nc_mqtt_here_add(&b, root, NC_STR("anna"));
    assert_int_equal(nc_mqtt_topic_parse(root, nc_buf_str(&b), &t), NC_MQTT_HERE);
    assert_true(nc_str_eqz(t.user, "anna"));

    nc_buf_clear(&b);
    nc_mqtt_events_add(&b, root, &room);
    assert_int_equal(nc_mqtt_topic_parse(root, nc_buf_str(&b), &t), NC_MQTT_EVENTS);
    assert_true(nc_id_eq(&t.room, &room));

    nc_buf_clear(&b);
    nc_mqtt_live_add(&b, root, &room);
    assert_int_equal(nc_mqtt_topic_parse(root, nc_buf_str(&b), &t), NC_MQTT_LIVE);

    nc_buf_clear(&b);
    nc_mqtt_doc_add(&rest, NC_MQTT_DOC_ACL, &room);
    nc_mqtt_node_add(&b, root, &node, nc_buf_str(&rest));
    assert_int_equal(nc_mqtt_topic_parse(root, nc_buf_str(&b), &t), NC_MQTT_NODE);
    assert_true(nc_id_eq(&t.node, &node));
    assert_int_equal(nc_mqtt_doc_parse(t.rest, &subject), NC_MQTT_DOC_ACL);
    assert_true(nc_id_eq(&subject, &room));

    nc_buf_clear(&b);
    nc_mqtt_node_add(&b, NC_STR(""), &node, NC_STR("here"));
    assert_true(nc_str_eqz(nc_buf_str(&b), "n/" NODE "/here"));
    nc_buf_fini(&b);
    nc_buf_fini(&rest);
}

static void a_document_has_its_subject_or_none(void **state)
{
    static const struct {
        const char *rest;
        enum nc_mqtt_doc doc;
    } rows[] = {
        {"jwks", NC_MQTT_DOC_JWKS},           {"here", NC_MQTT_DOC_HERE},
        {"rendered", NC_MQTT_DOC_RENDERED},   {"acl/" ROOM, NC_MQTT_DOC_ACL},
        {"user/" ROOM, NC_MQTT_DOC_USER},     {"", NC_MQTT_DOC_OTHER},
        {"jwks/", NC_MQTT_DOC_OTHER},         {"acl", NC_MQTT_DOC_OTHER},
        {"acl/", NC_MQTT_DOC_OTHER},          {"acl/" BIG, NC_MQTT_DOC_OTHER},
        {"acl/" ROOM "/", NC_MQTT_DOC_OTHER}, {"user/anna", NC_MQTT_DOC_OTHER},
        {"sync/1", NC_MQTT_DOC_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_id subject;
        if (nc_mqtt_doc_parse(nc_str(rows[i].rest), &subject) != rows[i].doc)
            fail_msg("%s", rows[i].rest);
    }
}

static void a_filter_says_where_it_is_wide(void **state)
{
    static const struct {
        const char *filter;
        enum nc_mqtt_tree tree;
        bool any;
        const char *rest;
    } rows[] = {
        {"nc/v1/u/anna/inbox", NC_MQTT_USERS, false, "inbox"},
        {"nc/v1/u/anna/#", NC_MQTT_USERS, false, "#"},
        {"nc/v1/u/anna/+", NC_MQTT_USERS, false, "+"},
        {"nc/v1/u/+/inbox", NC_MQTT_USERS, true, "inbox"},
        {"nc/v1/u/+/send/+", NC_MQTT_USERS, true, "send/+"},
        {"nc/v1/u/#", NC_MQTT_USERS, true, "#"},
        {"nc/v1/r/" ROOM "/+", NC_MQTT_ROOMS, false, "+"},
        {"nc/v1/r/" ROOM "/events", NC_MQTT_ROOMS, false, "events"},
        {"nc/v1/r/+/events", NC_MQTT_ROOMS, true, "events"},
        {"nc/v1/n/#", NC_MQTT_NODES, true, "#"},
        {"nc/v1/n/+/acl/+", NC_MQTT_NODES, true, "acl/+"},
        {"nc/v1/n/" NODE "/jwks", NC_MQTT_NODES, false, "jwks"},
        {"#", NC_MQTT_NO_TREE, false, NULL},
        {"+/#", NC_MQTT_NO_TREE, false, NULL},
        {"nc/#", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/#", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/+/anna/inbox", NC_MQTT_NO_TREE, false, NULL},
        {"nc/+/u/anna/inbox", NC_MQTT_NO_TREE, false, NULL},
        {"+/v1/u/anna/inbox", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/u", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/u/", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/u/anna", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/u/anna/", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/u/an+/inbox", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/u/#/inbox", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/u/anna/in#", NC_MQTT_NO_TREE, false, NULL},
        {"nc/v1/r/" BIG "/events", NC_MQTT_NO_TREE, false, NULL},
        {"$share/g/nc/v1/u/anna/inbox", NC_MQTT_NO_TREE, false, NULL},
        {"$SYS/#", NC_MQTT_NO_TREE, false, NULL},
        {"", NC_MQTT_NO_TREE, false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_mqtt_filter f;
        if (nc_mqtt_filter_parse(root, nc_str(rows[i].filter), &f) != rows[i].tree ||
            f.any != rows[i].any || !nc_str_eq(f.rest, nc_str(rows[i].rest)))
            fail_msg("%s is tree %d, any %d, %.*s", rows[i].filter, f.tree, f.any,
                     NC_FMT(f.rest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_topic_is_of_one_kind),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_document_has_its_subject_or_none),
        cmocka_unit_test(a_filter_says_where_it_is_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
