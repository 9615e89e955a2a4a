#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mesh/envelope.h"
#include "mesh_rows.h"

static struct nc_identity ada, bob;
static struct nc_id node_a, node_b, node_c;

static int begin(void **state)
{
    (void)state;
    nc_identity_make(&ada);
    nc_identity_make(&bob);
    node_a = mesh_id(9, 1), node_b = mesh_id(9, 2), node_c = mesh_id(9, 3);
    return 0;
}

static struct nc_buf sealed(const struct nc_id *to)
{
    struct nc_envelope e = {.sender = node_a,
                            .epoch_ms = MESH_MS,
                            .counter = 300,
                            .wall_ms = MESH_MS + 5000,
                            .payload = NC_STR("what is said")};
    struct nc_buf b = {0};

    if (to)
        e.receiver = *to;
    nc_envelope_seal(&e, &ada, &b);
    return b;
}

static enum nc_err open_at(const struct nc_id *self, struct nc_str bytes, const char **why)
{
    struct nc_envelope out;
    return nc_envelope_open(bytes, &node_a, ada.key, self, &out, why);
}

static void what_is_sealed_can_be_opened(void **state)
{
    struct nc_buf b = sealed(NULL);
    struct nc_envelope out;
    uint8_t tail[NC_ENVELOPE_TAIL];

    (void)state;
    assert_int_equal(nc_envelope_peek(nc_buf_str(&b), tail, NULL), NC_OK);
    assert_memory_equal(tail, node_a.b + 12, sizeof tail);
    assert_int_equal(
        nc_envelope_open(nc_buf_str(&b), &node_a, ada.key, &node_b, &out, NULL), NC_OK);
    assert_true(nc_str_eqz(out.payload, "what is said"));
    assert_true(nc_id_eq(&out.sender, &node_a));
    assert_true(nc_id_zero(&out.receiver));
    assert_int_equal(out.epoch_ms, MESH_MS);
    assert_int_equal(out.counter, 300);
    assert_int_equal(out.wall_ms, MESH_MS + 5000);
    assert_true(b.n - out.payload.n <= 82);
    nc_buf_fini(&b);
}

static void only_the_receiver_opens_what_is_for_one(void **state)
{
    struct nc_buf b = sealed(&node_b);
    struct nc_id looks_like_b = node_b;
    const char *why = "";

    (void)state;
    assert_int_equal(open_at(&node_b, nc_buf_str(&b), NULL), NC_OK);
    assert_int_equal(open_at(&node_c, nc_buf_str(&b), &why), NC_ENOENT);
    assert_string_equal(why, "receiver");
    looks_like_b.b[0] ^= 1;
    assert_int_equal(open_at(&looks_like_b, nc_buf_str(&b), &why), NC_EACCESS);
    nc_buf_fini(&b);
}

static void every_bit_counts(void **state)
{
    struct nc_buf b = sealed(&node_b);

    (void)state;
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
        assert_int_not_equal(open_at(&node_b, nc_buf_str(&b), NULL), NC_OK);
        b.p[bit / 8] = (char)(b.p[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = 0; n < b.n; n++)
        assert_int_not_equal(open_at(&node_b, (struct nc_str){b.p, n}, NULL), NC_OK);
    assert_int_equal(open_at(&node_b, nc_buf_str(&b), NULL), NC_OK);
    nc_buf_fini(&b);
}

static void another_key_did_not_seal_it(void **state)
{
    struct nc_buf b = sealed(NULL);
    struct nc_envelope out;
    const char *why = "";

    (void)state;
    assert_int_equal(
        nc_envelope_open(nc_buf_str(&b), &node_a, bob.key, &node_b, &out, &why),
        NC_EACCESS);
    assert_string_equal(why, "signature");
    assert_int_equal(
        nc_envelope_open(nc_buf_str(&b), &node_c, ada.key, &node_b, &out, &why), NC_ENOENT);
    assert_string_equal(why, "sender");
    nc_buf_fini(&b);
}

static void an_unknown_version_and_too_much_are_named(void **state)
{
    static char much[NC_ENVELOPE_MAX + 1];
    struct nc_buf b = sealed(NULL);
    const char *why = "";

    (void)state;
    b.p[0] = 2;
    assert_int_equal(open_at(&node_b, nc_buf_str(&b), &why), NC_EINVAL);
    assert_string_equal(why, "version");
    assert_int_equal(open_at(&node_b, (struct nc_str){much, sizeof much}, &why), NC_ELIMIT);
    assert_string_equal(why, "size");
    assert_int_equal(open_at(&node_b, (struct nc_str){NULL, 0}, &why), NC_EINVAL);
    assert_string_equal(why, "short");
    nc_buf_fini(&b);
}

static void a_clock_that_was_set_back_is_no_reason_to_refuse(void **state)
{
    struct nc_envelope e = {.sender = node_a,
                            .epoch_ms = MESH_MS,
                            .counter = 1,
                            .wall_ms = MESH_MS - 86400000,
                            .payload = NC_STR("x")},
                       out;
    struct nc_buf b = {0};

    (void)state;
    nc_envelope_seal(&e, &ada, &b);
    assert_int_equal(
        nc_envelope_open(nc_buf_str(&b), &node_a, ada.key, &node_b, &out, NULL), NC_OK);
    assert_int_equal(out.wall_ms, e.wall_ms);
    nc_buf_fini(&b);
}

static void which_one_it_says_to_be_is_read_without_its_key(void **state)
{
    struct nc_envelope e = {.sender = node_a,
                            .receiver = node_b,
                            .epoch_ms = MESH_MS,
                            .counter = 77,
                            .wall_ms = MESH_MS + 5,
                            .payload = NC_STR("x")},
                       out;
    uint8_t tail[NC_ENVELOPE_TAIL];
    struct nc_buf b = {0};
    const char *why;

    (void)state;
    nc_envelope_seal(&e, &ada, &b);
    assert_int_equal(nc_envelope_look(nc_buf_str(&b), tail, &out, &why), NC_OK);
    assert_memory_equal(tail, node_a.b + 12, sizeof tail);
    assert_int_equal(out.epoch_ms, MESH_MS);
    assert_int_equal(out.counter, 77);
    assert_int_equal(out.wall_ms, MESH_MS + 5);
    for (size_t n = 0; n + 1 < b.n; n++)
        assert_int_equal(nc_envelope_look((struct nc_str){b.p, n}, tail, &out, &why),
                         NC_EINVAL);
    b.p[1] = 3; /* a flag of a later version */
    assert_int_equal(nc_envelope_look(nc_buf_str(&b), tail, &out, &why), NC_EINVAL);
    assert_string_equal(why, "head");
    nc_buf_fini(&b);
}

static void looking_remembers_nothing(void **state)
{
    struct nc_replay r = {0};

    (void)state;
    assert_int_equal(nc_replay_look(&r, 10, 5), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 5), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_look(&r, 10, 5), NC_REPLAY_SEEN);
    assert_int_equal(nc_replay_look(&r, 9, 6), NC_REPLAY_OLD);
    assert_int_equal(nc_replay_look(&r, 11, 1), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 5), NC_REPLAY_SEEN);
    assert_int_equal(nc_replay_take(&r, 10, 4), NC_REPLAY_NEW);
}

static void each_is_taken_once_in_any_order(void **state)
{
    struct nc_replay r = {0};

    (void)state;
    assert_int_equal(nc_replay_take(&r, 10, 1), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 5), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 3), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 3), NC_REPLAY_SEEN);
    assert_int_equal(nc_replay_take(&r, 10, 1), NC_REPLAY_SEEN);
    assert_int_equal(nc_replay_take(&r, 10, 5 + NC_REPLAY_WINDOW - 1), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 5), NC_REPLAY_SEEN);
    assert_int_equal(nc_replay_take(&r, 10, 6), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 4), NC_REPLAY_OLD);
    assert_int_equal(nc_replay_take(&r, 10, 1u << 20), NC_REPLAY_NEW);
    for (uint64_t i = (1u << 20) - NC_REPLAY_WINDOW + 1; i < 1u << 20; i++)
        assert_int_equal(nc_replay_take(&r, 10, i), NC_REPLAY_NEW);
    for (uint64_t i = (1u << 20) - NC_REPLAY_WINDOW + 1; i <= 1u << 20; i++)
        assert_int_equal(nc_replay_take(&r, 10, i), NC_REPLAY_SEEN);
}

static void a_restart_of_either_lets_nothing_in_again(void **state)
{
    struct nc_replay r = {0}, again;

    (void)state;
    assert_int_equal(nc_replay_take(&r, 10, 7), NC_REPLAY_NEW);
    /* Of the receiver: */
    nc_replay_from(&again, r.epoch_ms, r.top);
    assert_int_equal(nc_replay_take(&again, 10, 7), NC_REPLAY_SEEN);
    assert_int_equal(nc_replay_take(&again, 10, 6), NC_REPLAY_SEEN);
    assert_int_equal(nc_replay_take(&again, 10, 9), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&again, 10, 8), NC_REPLAY_NEW);
    /* Of the sender: */
    assert_int_equal(nc_replay_take(&r, 11, 1), NC_REPLAY_NEW);
    assert_int_equal(nc_replay_take(&r, 10, 8), NC_REPLAY_OLD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_can_be_opened),
        cmocka_unit_test(only_the_receiver_opens_what_is_for_one),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(another_key_did_not_seal_it),
        cmocka_unit_test(an_unknown_version_and_too_much_are_named),
        cmocka_unit_test(a_clock_that_was_set_back_is_no_reason_to_refuse),
        cmocka_unit_test(which_one_it_says_to_be_is_read_without_its_key),
        cmocka_unit_test(looking_remembers_nothing),
        cmocka_unit_test(each_is_taken_once_in_any_order),
        cmocka_unit_test(a_restart_of_either_lets_nothing_in_again),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
