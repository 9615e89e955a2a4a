#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "chat/talk/event.h"

static struct nc_id id_of(uint8_t b)
{
    struct nc_id id = {{1, 2, 3, b, 0, 6, 0x70, 8, 0x80}};

    return id;
}

static struct nc_row message_row(struct nc_str body)
{
    struct nc_row row = {0};
    struct nc_message *m = &row.log.message;

    row.log.event.kind = NC_EV_MESSAGE_CREATED;
    row.log.event.seq = 1234567;
    row.log.event.origin_seq = 1234567;
    row.log.event.origin = id_of(9);
    m->id = id_of(1);
    m->room = id_of(2);
    m->sender = id_of(3);
    m->client_id = id_of(4);
    m->body = body;
    m->created_ms = 1767323045678;
    m->sender_name = NC_STR("alice");
    m->sender_display = NC_STR("Alice");
    return row;
}

static json_t *encoded(const struct nc_row *row, bool own, size_t *size)
{
    struct nc_log_at at = {id_of(9), NULL};
    struct nc_buf out = {0};
    json_t *root;

    assert_true(nc_event_encode(&out, &at, NC_STR(""), row, own));
    if (size)
        *size = out.n;
    root = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    nc_buf_fini(&out);
    return root;
}

static const char *str(const json_t *root, const char *a, const char *b)
{
    const json_t *v = json_object_get(root, a);

    return json_string_value(b ? json_object_get(v, b) : v);
}

static void a_message_of_200_bytes_is_at_most_600(void **state)
{
    char text[200];
    struct nc_row row;
    size_t size;

    (void)state;
    memset(text, 'x', sizeof(text));
    row = message_row((struct nc_str){text, sizeof(text)});
    json_decref(encoded(&row, false, &size));
    assert_true(size <= 600);
}

static void a_message_says_what_it_must(void **state)
{
    struct nc_row row = message_row(NC_STR("hi \"there\""));
    json_t *root = encoded(&row, false, NULL);
    json_t *m = json_object_get(root, "message");

    (void)state;
    assert_string_equal(str(root, "type", NULL), "message.created");
    assert_non_null(str(root, "event_id", NULL));
    assert_non_null(str(root, "cursor", NULL));
    assert_string_equal(str(m, "text", NULL), "hi \"there\"");
    assert_string_equal(str(m, "kind", NULL), "text");
    assert_string_equal(str(m, "state", NULL), "complete");
    assert_string_equal(str(m, "created_at", NULL), "2026-01-02T03:04:05.678Z");
    assert_string_equal(str(m, "sender", "kind"), "user");
    assert_string_equal(str(m, "sender", "username"), "alice");
    assert_int_equal(json_array_size(json_object_get(m, "mentions")), 0);
    assert_null(json_object_get(m, "client_id"));
    assert_null(json_object_get(m, "deleted"));
    assert_null(json_object_get(m, "late"));
    assert_null(json_object_get(m, "edited_at"));
    assert_null(json_object_get(m, "reply_to"));
    assert_null(json_object_get(m, "ai"));
    json_decref(root);
}

static void the_senders_variant_adds_one_member(void **state)
{
    struct nc_row row = message_row(NC_STR("x"));
    struct nc_log_at at = {id_of(9), NULL};
    struct nc_buf shared = {0}, own = {0}, whole = {0};

    (void)state;
    assert_true(nc_event_encode(&shared, &at, NC_STR(""), &row, false));
    assert_true(nc_event_encode(&whole, &at, NC_STR(""), &row, true));
    nc_event_own(&own, nc_buf_str(&shared), &row.log.message.client_id);
    assert_true(nc_str_eq(nc_buf_str(&own), nc_buf_str(&whole)));
    nc_buf_fini(&shared);
    nc_buf_fini(&own);
    nc_buf_fini(&whole);
}

static void optional_members_come_when_there(void **state)
{
    struct nc_row row = message_row(NC_STR("x"));
    struct nc_message *m = &row.log.message;
    json_t *root, *j;

    (void)state;
    m->late = true;
    m->edited_ms = m->created_ms;
    m->reply_to = id_of(5);
    m->mentions = NC_STR("ada bob");
    m->ai = NC_STR("{\"model\":\"m\"}");
    m->state = NC_STREAMING;
    m->kind = NC_ACTION;
    m->sender_kind = NC_PERSONA;
    root = encoded(&row, true, NULL);
    j = json_object_get(root, "message");
    assert_true(json_is_true(json_object_get(j, "late")));
    assert_non_null(str(j, "edited_at", NULL));
    assert_non_null(str(j, "reply_to", NULL));
    assert_non_null(str(j, "client_id", NULL));
    assert_string_equal(str(j, "ai", "model"), "m");
    assert_string_equal(str(j, "state", NULL), "streaming");
    assert_string_equal(str(j, "kind", NULL), "action");
    assert_string_equal(str(j, "sender", "kind"), "persona");
    assert_int_equal(json_array_size(json_object_get(j, "mentions")), 2);
    json_decref(root);
}

static void a_deleted_message_is_a_tombstone(void **state)
{
    struct nc_row row = message_row(NC_STR("secret"));
    json_t *root, *j;

    (void)state;
    row.log.message.deleted = true;
    row.log.message.mentions = NC_STR("ada");
    row.log.message.ai = NC_STR("{}");
    root = encoded(&row, false, NULL);
    j = json_object_get(root, "message");
    assert_true(json_is_true(json_object_get(j, "deleted")));
    assert_string_equal(str(j, "text", NULL), "");
    assert_int_equal(json_array_size(json_object_get(j, "mentions")), 0);
    assert_null(json_object_get(j, "ai"));
    json_decref(root);
}

static void members_and_rooms(void **state)
{
    struct nc_row row = message_row(NC_STR(""));
    json_t *root;

    (void)state;
    row.log.event.kind = NC_EV_MEMBER_JOINED;
    row.log.event.ref = id_of(2);
    row.log.event.subject = id_of(3);
    row.log.event.actor = id_of(3);
    row.log.account.id = id_of(3);
    row.log.account.username = NC_STR("bob");
    row.log.account.display_name = NC_STR("Боб");
    row.log.member.user = id_of(3);
    row.log.member.role = NC_MODERATOR;
    root = encoded(&row, false, NULL);
    assert_string_equal(str(root, "type", NULL), "member.joined");
    assert_non_null(str(root, "room", NULL));
    assert_string_equal(str(root, "user", "display_name"), "Боб");
    assert_string_equal(str(root, "role", NULL), "moderator");
    assert_null(json_object_get(root, "by"));
    json_decref(root);

    row.log.event.kind = NC_EV_MEMBER_LEFT;
    row.log.event.reason = NC_KICKED;
    row.log.event.actor = id_of(7);
    root = encoded(&row, false, NULL);
    assert_string_equal(str(root, "reason", NULL), "kicked");
    assert_non_null(str(root, "by", NULL));
    json_decref(root);

    row.log.event.kind = NC_EV_ROOM_UPDATED;
    row.log.room.id = id_of(2);
    row.log.room.name = NC_STR("den");
    row.log.room.visibility = NC_PUBLIC;
    root = encoded(&row, false, NULL);
    assert_string_equal(str(root, "room", "name"), "den");
    assert_string_equal(str(root, "room", "visibility"), "public");
    json_decref(root);

    row.log.event.kind = NC_EV_READ;
    row.log.member.read_id = id_of(1);
    root = encoded(&row, false, NULL);
    assert_string_equal(str(root, "type", NULL), "read");
    assert_non_null(str(root, "message_id", NULL));
    json_decref(root);
}

static void someone_who_left_since_still_joined(void **state)
{
    struct nc_row row = {0};
    json_t *root;

    (void)state;
    row.log.event.kind = NC_EV_MEMBER_JOINED;
    row.log.event.reason = NC_OWNER;
    row.log.account.id = id_of(3);
    root = encoded(&row, false, NULL);
    assert_string_equal(str(root, "role", NULL), "owner");
    json_decref(root);
}

static void what_is_gone_or_private_adds_nothing(void **state)
{
    static const enum nc_event_kind kinds[] = {NC_EV_MESSAGE_CREATED,
                                               NC_EV_ROOM_CREATED,
                                               NC_EV_MEMBER_JOINED,
                                               NC_EV_READ,
                                               NC_EV_BAN_SET,
                                               NC_EV_SESSION_ENDED,
                                               NC_EV_NONE,
                                               (enum nc_event_kind)99};
    struct nc_log_at at = {id_of(9), NULL};
    struct nc_buf out = {0};

    (void)state;
    for (size_t i = 0; i < NC_COUNT(kinds); i++) {
        struct nc_row row = {.log.event.kind = kinds[i]};
        assert_false(nc_event_encode(&out, &at, NC_STR(""), &row, false));
    }
    assert_int_equal(out.n, 0);
    assert_null(nc_event_name(NC_EV_ACCOUNT_CREATED));
    assert_null(nc_event_name((enum nc_event_kind)99));
    nc_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_of_200_bytes_is_at_most_600),
        cmocka_unit_test(a_message_says_what_it_must),
        cmocka_unit_test(the_senders_variant_adds_one_member),
        cmocka_unit_test(optional_members_come_when_there),
        cmocka_unit_test(a_deleted_message_is_a_tombstone),
        cmocka_unit_test(members_and_rooms),
        cmocka_unit_test(someone_who_left_since_still_joined),
        cmocka_unit_test(what_is_gone_or_private_adds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
