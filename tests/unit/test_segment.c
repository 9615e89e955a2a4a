#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/encode.h"
#include "mesh/origin.h"
#include "mesh_rows.h"

static struct nc_identity ada, bob;
static struct nc_id node, origin;
static struct nc_mesh_segment s;
static uint8_t head[NC_SHA256];

static int begin(void **state)
{
    (void)state;
    nc_identity_make(&ada);
    nc_identity_make(&bob);
    node = mesh_id(9, 1);
    origin = mesh_id(1, 1);
    return 0;
}

/* Rows first..first+n-1 of the origin, signed, continuing `prev`. */
static void sign(uint64_t first, unsigned n, const uint8_t *prev)
{
    mesh_fill(&s, &node, &origin, first, n);
    s.has_prev = prev != NULL;
    if (prev)
        memcpy(s.prev, prev, sizeof s.prev);
    assert_int_equal(nc_segment_sign(&s, &ada, head, NULL), NC_OK);
}

static void refused(enum nc_err as, const char *word)
{
    uint8_t out[NC_SHA256];
    const char *why = "";

    assert_int_equal(nc_segment_verify(&s, ada.key, NULL, out, &why), as);
    assert_string_equal(why, word);
}

static void accepted(void)
{
    uint8_t out[NC_SHA256];

    assert_int_equal(nc_segment_verify(&s, ada.key, NULL, out, NULL), NC_OK);
    assert_memory_equal(out, head, sizeof head);
}

/* ---- rows ---------------------------------------------------------------- */

static void a_row_has_one_form_and_it_stays(void **state)
{
    struct nc_event ev = {
        .seq = 77, .origin = mesh_id(1, 2), .origin_seq = 0x0102030405060708};
    uint8_t bytes[NC_ROW_BYTES], hash[NC_SHA256];
    char hex[2 * NC_SHA256];

    (void)state;
    ev.hlc = (uint64_t)MESH_MS << 12 | 5;
    ev.kind = NC_EV_MEMBER_LEFT;
    ev.audience = NC_AUD_USER;
    ev.to = mesh_id(2, 1), ev.ref = mesh_id(3, 1), ev.subject = mesh_id(4, 1);
    ev.actor = mesh_id(5, 1);
    ev.reason = NC_KICKED;
    memset(ev.body_hash, 0xab, sizeof ev.body_hash);
    nc_row_bytes(&ev, bytes);
    assert_int_equal(bytes[0], 1);
    assert_memory_equal(bytes + 17, "\1\2\3\4\5\6\7\10", 8);
    nc_row_hash(&ev, hash);
    nc_hex(hash, sizeof hash, hex);
    /* Should this differ, every signature ever made is void. */
    assert_memory_equal(
        hex, "42fa3074364860c0d3ad0ea58ad000075dd03215e0a650ebacba958836d0dda0", 64);

    struct nc_event back;
    assert_int_equal(nc_row_parse(bytes, &back, NULL), NC_OK);
    back.seq = ev.seq;
    uint8_t again[NC_ROW_BYTES];
    nc_row_bytes(&back, again);
    assert_memory_equal(bytes, again, sizeof bytes);
    assert_int_equal(back.kind, ev.kind);
    assert_int_equal(back.reason, ev.reason);
}

static void a_row_that_cannot_be_is_refused_by_name(void **state)
{
    static const struct {
        unsigned at;
        uint8_t value;
        const char *why;
    } bad[] = {
        {0, 2, "version"},   {17, 0x80, "number"},  {25, 0x80, "stamp"},
        {35, 4, "audience"}, {35, 255, "audience"},
    };
    struct nc_event ev = mesh_event(&origin, 1), out;
    uint8_t bytes[NC_ROW_BYTES];
    const char *why;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        nc_row_bytes(&ev, bytes);
        bytes[bad[i].at] = bad[i].value;
        assert_int_equal(nc_row_parse(bytes, &out, &why), NC_EINVAL);
        assert_string_equal(why, bad[i].why);
    }
    nc_row_bytes(&ev, bytes);
    memset(bytes + 33, 0, 2);
    assert_int_equal(nc_row_parse(bytes, &out, &why), NC_EINVAL);
    assert_string_equal(why, "kind");
    nc_row_bytes(&ev, bytes);
    memset(bytes + 1, 0, 16);
    assert_int_equal(nc_row_parse(bytes, &out, &why), NC_EINVAL);
    assert_string_equal(why, "origin");
    nc_row_bytes(&ev, bytes);
    memset(bytes + 17, 0, 8);
    assert_int_equal(nc_row_parse(bytes, &out, &why), NC_EINVAL);
    assert_string_equal(why, "number");
}

static void a_kind_of_a_later_version_keeps_its_hash(void **state)
{
    struct nc_event ev = mesh_event(&origin, 1), back;
    uint8_t bytes[NC_ROW_BYTES], one[NC_SHA256], two[NC_SHA256];

    (void)state;
    ev.kind = (enum nc_event_kind)999;
    nc_row_bytes(&ev, bytes);
    assert_int_equal(nc_row_parse(bytes, &back, NULL), NC_OK);
    nc_row_hash(&ev, one);
    nc_row_hash(&back, two);
    assert_memory_equal(one, two, sizeof one);
}

/* ---- segments ------------------------------------------------------------ */

static void what_was_signed_verifies(void **state)
{
    (void)state;
    sign(1, 1, NULL);
    accepted();
    sign(1, NC_SEGMENT_MAX, NULL);
    accepted();
}

static void a_segment_continues_the_one_before(void **state)
{
    uint8_t first[NC_SHA256], out[NC_SHA256];
    const char *why = "";

    (void)state;
    sign(1, 3, NULL);
    memcpy(first, head, sizeof first);
    sign(4, 2, first);
    accepted();
    /* It may come without what it continues, to whom has that. */
    s.has_prev = false;
    refused(NC_AGAIN, "before");
    assert_int_equal(nc_segment_verify(&s, ada.key, first, out, NULL), NC_OK);
    assert_true(s.has_prev);
    assert_memory_equal(s.prev, first, sizeof first);
    /* Who has another past sees the fork. */
    uint8_t other[NC_SHA256];
    memcpy(other, first, sizeof other);
    other[0] ^= 1;
    assert_int_equal(nc_segment_verify(&s, ada.key, other, out, &why), NC_EEXIST);
    assert_string_equal(why, "fork");
    s.has_prev = false;
    assert_int_equal(nc_segment_verify(&s, ada.key, other, out, &why), NC_EACCESS);
}

static void the_cuts_between_segments_are_free(void **state)
{
    uint8_t whole[NC_SHA256], part[NC_SHA256];

    (void)state;
    sign(1, 9, NULL);
    memcpy(whole, head, sizeof whole);
    sign(1, 4, NULL);
    memcpy(part, head, sizeof part);
    sign(5, 5, part);
    assert_memory_equal(head, whole, sizeof whole);
}

static void the_first_has_no_past_but_its_own(void **state)
{
    (void)state;
    sign(1, 2, NULL);
    s.prev[3] ^= 1;
    refused(NC_EEXIST, "fork");
    s.has_prev = false;
    accepted();
}

static void trimmed_rows_are_known_by_their_hash(void **state)
{
    (void)state;
    sign(1, 5, NULL);
    for (unsigned i = 0; i < 5; i++) {
        s.rows[i].hash_only = true;
        memset(&s.rows[i].ev, 0, sizeof s.rows[i].ev);
        accepted();
    }
    s.rows[2].hash[0] ^= 1;
    refused(NC_EACCESS, "signature");
}

static void nothing_of_it_can_be_altered(void **state)
{
    (void)state;
    sign(1, 3, NULL);
    uint8_t *ev = (uint8_t *)s.rows[1].ev.ref.b;
    for (unsigned bit = 0; bit < 128; bit++) {
        ev[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused(NC_EACCESS, "signature");
        ev[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < 8 * sizeof s.sig; bit++) {
        s.sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused(NC_EACCESS, "signature");
        s.sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    s.rows[2].ev.reason++;
    refused(NC_EACCESS, "signature");
    s.rows[2].ev.reason--;
    s.rows[0].ev.hlc++;
    refused(NC_EACCESS, "signature");
    s.rows[0].ev.hlc--;
    s.rows[0].ev.body_hash[31]++;
    refused(NC_EACCESS, "signature");
    s.rows[0].ev.body_hash[31]--;
    s.n = 2;
    refused(NC_EACCESS, "signature");
    s.n = 3;
    accepted();
}

static void wrong_order_gaps_and_strangers_are_refused(void **state)
{
    struct nc_event was;

    (void)state;
    sign(1, 3, NULL);
    was = s.rows[1].ev;
    s.rows[1].ev = s.rows[2].ev;
    refused(NC_EINVAL, "gap");
    s.rows[1].ev = was;
    s.rows[1].ev.origin_seq = 9;
    refused(NC_EINVAL, "gap");
    s.rows[1].ev = was;
    s.rows[1].ev.origin = mesh_id(1, 2);
    refused(NC_EINVAL, "origin");
    s.rows[1].ev = was;
    s.n = 0;
    refused(NC_EINVAL, "count");
    s.n = NC_SEGMENT_MAX + 1;
    refused(NC_EINVAL, "count");
    s.n = 3;
    s.first = 0;
    refused(NC_EINVAL, "number");
    s.first = INT64_MAX;
    refused(NC_EINVAL, "number");
    s.first = 1;
    accepted();
}

static void another_key_or_another_node_did_not_say_it(void **state)
{
    uint8_t out[NC_SHA256];

    (void)state;
    sign(1, 3, NULL);
    assert_int_equal(nc_segment_verify(&s, bob.key, NULL, out, NULL), NC_EACCESS);
    s.node = mesh_id(9, 2);
    s.has_prev = false;
    refused(NC_EACCESS, "signature");
}

static void two_whole_segments_cannot_be_made_one_elsewhere(void **state)
{
    uint8_t first[NC_SHA256];
    struct nc_mesh_row moved;

    (void)state;
    sign(1, 2, NULL);
    memcpy(first, head, sizeof first);
    moved = s.rows[1];
    sign(3, 1, first);
    /* The last row of the first, in the second's place. */
    s.first = 2;
    s.rows[0] = moved;
    refused(NC_EACCESS, "signature");
}

/* ---- introductions ------------------------------------------------------- */

static struct nc_origin introduction(unsigned of_node, unsigned of_origin,
                                     const struct nc_identity *by)
{
    struct nc_origin o = {.node = mesh_id(9, of_node), .origin = mesh_id(1, of_origin)};
    o.hlc = (uint64_t)MESH_MS << 12;
    nc_origin_sign(&o, by);
    return o;
}

static void one_node_has_several_logs(void **state)
{
    static struct nc_origins t;
    struct nc_origin one = introduction(1, 1, &ada), two = introduction(1, 2, &ada);

    (void)state;
    t.n = 0;
    assert_int_equal(nc_origins_add(&t, &one, ada.key, NULL), NC_OK);
    assert_int_equal(nc_origins_add(&t, &two, ada.key, NULL), NC_OK);
    assert_int_equal(nc_origins_add(&t, &one, ada.key, NULL), NC_OK);
    assert_int_equal(t.n, 2);
    const struct nc_origin *found = nc_origins_get(&t, &two.origin);
    assert_non_null(found);
    assert_true(nc_id_eq(&found->node, &one.node));
    struct nc_id unknown = mesh_id(1, 3);
    assert_null(nc_origins_get(&t, &unknown));
}

static void a_log_belongs_to_one_node(void **state)
{
    static struct nc_origins t;
    struct nc_origin one = introduction(1, 1, &ada), claim = introduction(2, 1, &bob);
    struct nc_origin twin = introduction(2, 1, &bob);
    const char *why = "";

    (void)state;
    t.n = 0;
    assert_int_equal(nc_origins_add(&t, &one, ada.key, NULL), NC_OK);
    assert_int_equal(nc_origins_add(&t, &claim, bob.key, &why), NC_EEXIST);
    assert_string_equal(why, "taken");
    twin.origin.b[0] ^= 1; /* another id, the same name in event ids */
    nc_origin_sign(&twin, &bob);
    assert_int_equal(nc_origins_add(&t, &twin, bob.key, &why), NC_EEXIST);
    assert_int_equal(t.n, 1);
}

static void an_introduction_that_is_none_is_refused(void **state)
{
    struct nc_origin o = introduction(1, 1, &ada);
    const char *why = "";

    (void)state;
    assert_int_equal(nc_origin_verify(&o, bob.key, &why), NC_EACCESS);
    assert_string_equal(why, "key");
    o.hlc++;
    assert_int_equal(nc_origin_verify(&o, ada.key, &why), NC_EACCESS);
    assert_string_equal(why, "signature");
    o.hlc = 0;
    assert_int_equal(nc_origin_verify(&o, ada.key, &why), NC_EINVAL);
    assert_string_equal(why, "origin");
    o = introduction(1, 1, &ada);
    o.node.b[15]++;
    assert_int_equal(nc_origin_verify(&o, ada.key, &why), NC_EACCESS);
}

static void only_so_many_logs_are_known(void **state)
{
    static struct nc_origins t;
    const char *why = "";

    (void)state;
    t.n = 0;
    for (unsigned i = 0; i < NC_ORIGINS_MAX; i++) {
        struct nc_origin o = introduction(1, i, &ada);
        assert_int_equal(nc_origins_add(&t, &o, ada.key, NULL), NC_OK);
    }
    struct nc_origin o = introduction(1, NC_ORIGINS_MAX, &ada);
    assert_int_equal(nc_origins_add(&t, &o, ada.key, &why), NC_ELIMIT);
    assert_string_equal(why, "many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_one_form_and_it_stays),
        cmocka_unit_test(a_row_that_cannot_be_is_refused_by_name),
        cmocka_unit_test(a_kind_of_a_later_version_keeps_its_hash),
        cmocka_unit_test(what_was_signed_verifies),
        cmocka_unit_test(a_segment_continues_the_one_before),
        cmocka_unit_test(the_cuts_between_segments_are_free),
        cmocka_unit_test(the_first_has_no_past_but_its_own),
        cmocka_unit_test(trimmed_rows_are_known_by_their_hash),
        cmocka_unit_test(nothing_of_it_can_be_altered),
        cmocka_unit_test(wrong_order_gaps_and_strangers_are_refused),
        cmocka_unit_test(another_key_or_another_node_did_not_say_it),
        cmocka_unit_test(two_whole_segments_cannot_be_made_one_elsewhere),
        cmocka_unit_test(one_node_has_several_logs),
        cmocka_unit_test(a_log_belongs_to_one_node),
        cmocka_unit_test(an_introduction_that_is_none_is_refused),
        cmocka_unit_test(only_so_many_logs_are_known),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
