/* Records as bytes, their digests, and who gets which name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/names.h"
#include "store/state.h"

static struct nc_id id(uint8_t n)
{
    return (struct nc_id){{[6] = 0x70, [8] = 0x80, [15] = n}};
}

static struct nc_record message(void)
{
    return (struct nc_record){.kind = NC_STATE_MESSAGE,
                              .message = {.id = id(1),
                                          .room = id(2),
                                          .sender = id(3),
                                          .client_id = id(4),
                                          .reply_to = id(5),
                                          .kind = NC_ACTION,
                                          .state = NC_FAILED,
                                          .body = NC_STR("waves"),
                                          .mentions = NC_STR("bob eve"),
                                          .ai = NC_STR("{}"),
                                          .code = NC_STR("c"),
                                          .content_type = NC_STR("text/x"),
                                          .created_ms = 77,
                                          .edited_ms = 78}};
}

static struct nc_record account(void)
{
    struct nc_record r = {.kind = NC_STATE_ACCOUNT,
                          .account = {.id = id(1),
                                      .kind = NC_PERSONA,
                                      .role = NC_ROLE_ADMIN,
                                      .disabled = true,
                                      .username = NC_STR("ada"),
                                      .display_name = NC_STR("Ада"),
                                      .password = NC_STR("$argon2id$x"),
                                      .created_ms = 5},
                          .created_hlc = 6};

    nc_name_claim(r.account.username, r.claim);
    return r;
}

/* The bytes are what other nodes sign and compare: they may not change by accident. */
static void the_bytes_of_a_record_are_fixed(void **state)
{
    static const char want[] = "\1p"
                               "\0\0\0\0\0\0\x70\0\x80\0\0\0\0\0\0\7"
                               "\0\0\0\2{}"
                               "\0\0\0\0\0\0\1\2";
    struct nc_record r = {
        .kind = NC_STATE_PERSONA,
        .persona = {.user = id(7), .settings = NC_STR("{}"), .created_ms = 258}};
    struct nc_buf b = {0};

    (void)state;
    nc_record_bytes(&r, &b);
    assert_int_equal(b.n, sizeof(want) - 1);
    assert_memory_equal(b.p, want, sizeof(want) - 1);
    nc_buf_fini(&b);
}

static void what_was_written_is_read_again(void **state)
{
    struct nc_record all[] = {
        message(),
        account(),
        {.kind = NC_STATE_ROOM,
         .room =
             {.id = id(1), .kind = NC_DIALOG, .name = NC_STR("n"), .retention_days = 7}},
        {.kind = NC_STATE_MEMBER,
         .member = {.room = id(1), .user = id(2), .role = NC_OWNER}},
        {.kind = NC_STATE_BAN, .ban = {.room = id(1), .user = id(2), .until_ms = 9}},
        {.kind = NC_STATE_KEY,
         .key = {.id = id(1), .user = id(2), .hash = {1, 2}, .scopes = NC_STR("mqtt")}},
    };

    (void)state;
    for (size_t i = 0; i < NC_COUNT(all); i++) {
        struct nc_buf once = {0}, again = {0};
        struct nc_record back;
        nc_record_bytes(&all[i], &once);
        assert_int_equal(nc_record_parse(nc_buf_str(&once), &back), NC_OK);
        nc_record_bytes(&back, &again);
        assert_int_equal(once.n, again.n);
        assert_memory_equal(once.p, again.p, once.n);
        /* Cut short, or longer, it is none. */
        for (size_t n = 0; n < once.n; n++)
            assert_int_equal(nc_record_parse((struct nc_str){once.p, n}, &back), NC_EINVAL);
        nc_buf_addc(&once, 0);
        assert_int_equal(nc_record_parse(nc_buf_str(&once), &back), NC_EINVAL);
        nc_buf_fini(&once);
        nc_buf_fini(&again);
    }
}

/* Another node's record with such a text ended the connections of all who heard it. */
static void a_text_that_no_client_could_be_told_is_none(void **state)
{
    static const struct nc_str bad[] = {
        {"\xff\xfe", 2}, {"a\0b", 3}, {"\xed\xa0\x80", 3}, {"\xd0", 1}};
    struct nc_record r = message(), back;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        struct nc_buf bytes = {0};
        r.message.body = bad[i];
        nc_record_bytes(&r, &bytes);
        assert_int_equal(nc_record_parse(nc_buf_str(&bytes), &back), NC_EINVAL);
        nc_buf_fini(&bytes);
    }
}

static void every_field_counts_in_the_digest(void **state)
{
    struct nc_record r = message(), other = message();
    uint8_t hash[NC_STATE_HASH];

    (void)state;
    nc_record_hash(&r, hash);
    assert_true(nc_record_fits(&r, hash));
    other.message.reply_to = id(6);
    assert_false(nc_record_fits(&other, hash));
    other = message();
    other.message.created_ms++;
    assert_false(nc_record_fits(&other, hash));
    other = message();
    other.message.late = true; /* each node's own */
    other.message.seq = 99;
    assert_true(nc_record_fits(&other, hash));
}

/* What is being written changes without events. */
static void a_streaming_message_has_no_body_yet(void **state)
{
    struct nc_record r = message(), other;
    uint8_t hash[NC_STATE_HASH];

    (void)state;
    r.message.state = NC_STREAMING;
    other = r;
    nc_record_hash(&r, hash);
    other.message.body = NC_STR("waves, and more");
    assert_true(nc_record_fits(&other, hash));
    /* Nor do its bytes, if somebody says so: a record has one form. */
    struct nc_buf bytes = {0};
    r.message.state = NC_COMPLETE;
    nc_record_bytes(&r, &bytes);
    assert_int_equal(nc_record_parse(nc_buf_str(&bytes), &other), NC_OK);
    for (size_t i = 2; i < bytes.n; i++) { /* wherever the state stands */
        bytes.p[i] ^= NC_STREAMING;
        if (nc_record_parse(nc_buf_str(&bytes), &other) == NC_OK)
            assert_false(other.message.state == NC_STREAMING && other.message.body.n);
        bytes.p[i] ^= NC_STREAMING;
    }
    nc_buf_fini(&bytes);
}

static void digests_of_earlier_versions_are_known(void **state)
{
    static const uint8_t old[NC_STATE_HASH] = {
        0x70, 0xbe, 0xca, 0x30, 0xd9, 0xec, 0x78, 0x00, 0xbe, 0x00, 0x2a,
        0x6f, 0x01, 0xa7, 0xa2, 0xba, 0xf5, 0xc4, 0xff, 0x25, 0x17, 0x6c,
        0x0a, 0x62, 0x41, 0x21, 0x99, 0xe1, 0x55, 0x09, 0x72, 0x43};
    struct nc_record r = message();

    (void)state;
    assert_true(nc_record_fits(&r, old));
    r.message.body = NC_STR("forged");
    assert_false(nc_record_fits(&r, old));
}

static void a_sum_knows_no_order(void **state)
{
    struct nc_record a = message(), b = account();
    uint8_t x[NC_STATE_HASH] = {0}, y[NC_STATE_HASH] = {0}, z[NC_STATE_HASH] = {0};

    (void)state;
    nc_state_add(x, &a, NC_STR(""));
    nc_state_add(x, &b, NC_STR("ada"));
    nc_state_add(y, &b, NC_STR("ada"));
    nc_state_add(y, &a, NC_STR(""));
    nc_state_add(z, &b, NC_STR("ada-2"));
    nc_state_add(z, &a, NC_STR(""));
    assert_memory_equal(x, y, sizeof(x));
    assert_memory_not_equal(x, z, sizeof(x));
}

/* ---- names --------------------------------------------------------------- */

static struct nc_named named(uint8_t user, uint64_t when, const char *wanted)
{
    struct nc_named n = {.user = id(user), .created_hlc = when, .wanted = nc_str(wanted)};

    nc_name_claim(n.wanted, n.claim);
    return n;
}

static const char *name_of(const struct nc_named *all, size_t n, uint8_t user)
{
    struct nc_id who = id(user);

    for (size_t i = 0; i < n; i++)
        if (nc_id_eq(&all[i].user, &who))
            return all[i].name;
    return NULL;
}

static void who_came_first_has_the_name(void **state)
{
    struct nc_named all[] = {named(3, 30, "anna"), named(1, 10, "anna"),
                             named(4, 40, "anna-2"), named(2, 20, "anna"),
                             named(5, 20, "boris")};

    (void)state;
    nc_names_give(all, NC_COUNT(all));
    assert_string_equal(name_of(all, 5, 1), "anna");
    assert_string_equal(name_of(all, 5, 2), "anna-2");
    assert_string_equal(name_of(all, 5, 3), "anna-3");
    assert_string_equal(name_of(all, 5, 4), "anna-2-2");
    assert_string_equal(name_of(all, 5, 5), "boris");
}

static void who_is_gone_keeps_a_place(void **state)
{
    struct nc_named all[] = {named(1, 10, "anna"), named(2, 20, "anna"),
                             named(3, 30, "anna")};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        all[i].deleted = true;
        all[i].wanted = (struct nc_str){NULL, 0};
    }
    nc_names_give(all, NC_COUNT(all));
    assert_string_equal(name_of(all, 3, 3), "anna-3");
    assert_string_equal(name_of(all, 3, 1), "");
}

static void a_long_name_is_cut_for_its_number(void **state)
{
    struct nc_named all[] = {named(1, 10, "abcdefghijklmnopqrstuvwxyz012345"),
                             named(2, 20, "abcdefghijklmnopqrstuvwxyz012345")};

    (void)state;
    nc_names_give(all, NC_COUNT(all));
    assert_string_equal(all[1].name, "abcdefghijklmnopqrstuvwxyz0123-2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_of_a_record_are_fixed),
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(a_text_that_no_client_could_be_told_is_none),
        cmocka_unit_test(every_field_counts_in_the_digest),
        cmocka_unit_test(a_streaming_message_has_no_body_yet),
        cmocka_unit_test(digests_of_earlier_versions_are_known),
        cmocka_unit_test(a_sum_knows_no_order),
        cmocka_unit_test(who_came_first_has_the_name),
        cmocka_unit_test(who_is_gone_keeps_a_place),
        cmocka_unit_test(a_long_name_is_cut_for_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
