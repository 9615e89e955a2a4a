#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/vector.h"

static struct nc_id origin(unsigned n)
{
    struct nc_id id = {{0x01, 0x90, [6] = 0x70, [8] = 0x80}};
    id.b[14] = (uint8_t)(n >> 8);
    id.b[15] = (uint8_t)n;
    return id;
}

static void put(struct nc_vector *v, unsigned of, uint64_t n)
{
    struct nc_id id = origin(of);
    assert_int_equal(nc_vector_set(v, &id, n), NC_OK);
}

static uint64_t get(const struct nc_vector *v, unsigned of)
{
    struct nc_id id = origin(of);
    return nc_vector_get(v, &id);
}

static void absent_and_nought_are_the_same(void **state)
{
    struct nc_vector v = {.n = 0};

    (void)state;
    put(&v, 3, 5);
    put(&v, 1, 2);
    put(&v, 2, 0);
    assert_int_equal(v.n, 2);
    assert_int_equal(get(&v, 1), 2);
    assert_int_equal(get(&v, 2), 0);
    assert_int_equal(get(&v, 3), 5);
    put(&v, 3, 0);
    assert_int_equal(v.n, 1);
    struct nc_id id = origin(1);
    assert_true(nc_vector_has(&v, &id, 2));
    assert_false(nc_vector_has(&v, &id, 3));
}

static void raised_it_never_falls(void **state)
{
    struct nc_vector v = {.n = 0};
    struct nc_id id = origin(1);

    (void)state;
    assert_int_equal(nc_vector_raise(&v, &id, 7), NC_OK);
    assert_int_equal(nc_vector_raise(&v, &id, 3), NC_OK);
    assert_int_equal(get(&v, 1), 7);
}

static void it_holds_so_many_origins_and_no_more(void **state)
{
    static struct nc_vector v, w;
    struct nc_id one_more = origin(NC_VECTOR_MAX), none = {{0}}, first = origin(0);

    (void)state;
    for (unsigned i = NC_VECTOR_MAX; i-- > 0;)
        put(&v, i, i + 1);
    for (unsigned i = 0; i < NC_VECTOR_MAX; i++)
        assert_int_equal(get(&v, i), i + 1);
    assert_int_equal(nc_vector_set(&v, &one_more, 1), NC_ELIMIT);
    assert_int_equal(nc_vector_set(&v, &first, 9), NC_OK);
    assert_int_equal(nc_vector_set(&v, &none, 1), NC_EINVAL);
    assert_int_equal(nc_vector_set(&v, &first, (uint64_t)INT64_MAX + 1), NC_EINVAL);
    put(&w, 0, 100);
    put(&w, NC_VECTOR_MAX, 100);
    assert_int_equal(nc_vector_merge(&v, &w), NC_ELIMIT);
    assert_int_equal(get(&v, 0), 9); /* all or nothing */
}

static void merged_it_has_what_either_had(void **state)
{
    struct nc_vector a = {.n = 0}, b = {.n = 0};

    (void)state;
    put(&a, 1, 5), put(&a, 2, 2), put(&a, 4, 1);
    put(&b, 2, 9), put(&b, 3, 3), put(&b, 4, 1);
    assert_int_equal(nc_vector_compare(&a, &b), NC_VECTOR_CONCURRENT);
    assert_int_equal(nc_vector_merge(&a, &b), NC_OK);
    assert_int_equal(a.n, 4);
    assert_int_equal(get(&a, 1), 5);
    assert_int_equal(get(&a, 2), 9);
    assert_int_equal(get(&a, 3), 3);
    assert_int_equal(get(&a, 4), 1);
    assert_int_equal(nc_vector_compare(&a, &b), NC_VECTOR_AFTER);
    assert_int_equal(nc_vector_compare(&b, &a), NC_VECTOR_BEFORE);
    assert_int_equal(nc_vector_compare(&a, &a), NC_VECTOR_SAME);
}

static void what_is_lacking_is_told_as_ranges(void **state)
{
    struct nc_vector have = {.n = 0}, theirs = {.n = 0};
    struct nc_vector_range r[4];

    (void)state;
    put(&have, 1, 5), put(&have, 2, 2);
    put(&theirs, 1, 4), put(&theirs, 2, 7), put(&theirs, 3, 1);
    assert_int_equal(nc_vector_lacks(&have, &theirs, r, 4), 2);
    struct nc_id two = origin(2), three = origin(3);
    assert_true(nc_id_eq(&r[0].origin, &two) && r[0].from == 3 && r[0].to == 7);
    assert_true(nc_id_eq(&r[1].origin, &three) && r[1].from == 1 && r[1].to == 1);
    assert_int_equal(nc_vector_lacks(&have, &theirs, r, 1), 1);
    assert_int_equal(nc_vector_lacks(&theirs, &theirs, r, 4), 0);
}

static void as_text_and_back(void **state)
{
    struct nc_vector v = {.n = 0}, w;
    struct nc_buf b = {0};
    const char *why = NULL;

    (void)state;
    put(&v, 2, 17), put(&v, 1, INT64_MAX);
    nc_vector_add(&b, &v);
    assert_int_equal(nc_vector_parse(nc_buf_str(&b), &w, &why), NC_OK);
    assert_int_equal(nc_vector_compare(&v, &w), NC_VECTOR_SAME);
    assert_int_equal(nc_vector_parse((struct nc_str){NULL, 0}, &w, &why), NC_OK);
    assert_int_equal(w.n, 0);
    nc_buf_fini(&b);
}

static void what_is_none_is_refused_by_name(void **state)
{
#define A "01900000-0000-7000-8000-000000000001"
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"x", "origin"},
        {":1", "origin"},
        {A, "number"},
        {A ":", "number"},
        {A ":0", "number"},
        {A ":-1", "number"},
        {A ":9223372036854775808", "number"},
        {A ":1,", "origin"},
        {A ":1," A ":2", "twice"},
        {"00000000-0000-0000-0000-000000000000:1", "origin"},
    };
#undef A
    struct nc_vector v;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        const char *why = "";
        assert_int_equal(nc_vector_parse(nc_str(bad[i].text), &v, &why), NC_EINVAL);
        assert_string_equal(why, bad[i].why);
        assert_int_equal(v.n, 0);
    }
    struct nc_buf b = {0};
    const char *why = "";
    for (unsigned i = 0; i <= NC_VECTOR_MAX; i++) {
        char text[NC_ID_TEXT];
        struct nc_id id = origin(i);
        nc_id_text(&id, text);
        nc_buf_printf(&b, "%s%.36s:1", i ? "," : "", text);
    }
    assert_int_equal(nc_vector_parse(nc_buf_str(&b), &v, &why), NC_ELIMIT);
    assert_string_equal(why, "many");
    nc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_nought_are_the_same),
        cmocka_unit_test(raised_it_never_falls),
        cmocka_unit_test(it_holds_so_many_origins_and_no_more),
        cmocka_unit_test(merged_it_has_what_either_had),
        cmocka_unit_test(what_is_lacking_is_told_as_ranges),
        cmocka_unit_test(as_text_and_back),
        cmocka_unit_test(what_is_none_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
