/* JSON in: what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/json_in.h"

static enum nc_err parse(struct nc_str in, struct nc_problem *why)
{
    json_t *root;
    char *copy = malloc(in.n ? in.n : 1);

    memcpy(copy, in.p, in.n);
    enum nc_err e = nc_json_parse((struct nc_str){copy, in.n}, &root, why);
    assert_int_equal(e == NC_OK, root != NULL);
    json_decref(root);
    free(copy);
    return e;
}

static void test_refused_texts(void **state)
{
    (void)state;
    static const struct {
        struct nc_str text;
        enum nc_problem_code code;
    } rows[] = {
        {NC_STR(""), NC_P_INVALID_JSON},
        {NC_STR(" "), NC_P_INVALID_JSON},
        {NC_STR("{"), NC_P_INVALID_JSON},
        {NC_STR("{}x"), NC_P_INVALID_JSON},
        {NC_STR("{}{}"), NC_P_INVALID_JSON},
        {NC_STR("{}\0"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":1,}"), NC_P_INVALID_JSON},
        {NC_STR("{'a':1}"), NC_P_INVALID_JSON},
        {NC_STR("{a:1}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":01}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":+1}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":.5}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":NaN}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":1e999}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":99999999999999999999}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":\"\n\"}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":\"\\x\"}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":\"\\ud800\"}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":\"\xFF\"}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":\"\xC0\x80\"}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":\"\xED\xA0\x80\"}"), NC_P_INVALID_JSON},
        {NC_STR("{\"\xFF\":1}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":1,\"a\":1}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\":1,\"\\u0061\":1}"), NC_P_INVALID_JSON},
        {NC_STR("{\"a\\u0000\":1}"), NC_P_INVALID_JSON},
        {NC_STR("{/**/}"), NC_P_INVALID_JSON},
        {NC_STR("\xEF\xBB\xBF{}"), NC_P_INVALID_JSON},
        {NC_STR("[]"), NC_P_BAD_REQUEST},
        {NC_STR("1"), NC_P_BAD_REQUEST},
        {NC_STR("\"x\""), NC_P_BAD_REQUEST},
        {NC_STR("null"), NC_P_BAD_REQUEST},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_problem why = {0};

        if (parse(rows[i].text, &why) != NC_EINVAL || why.code != rows[i].code ||
            !why.detail[0])
            fail_msg("%.*s: %s", NC_FMT(rows[i].text), nc_problem_name(why.code));
    }
    struct nc_problem why = {0};
    assert_int_equal(
        parse(NC_STR(" {\"a\":[1,-2.5e3,true,null,\"\\ud83d\\ude00\"]}\n"), &why), NC_OK);
}

static void test_depth(void **state)
{
    (void)state;
    for (int depth = 30; depth < 35; depth++) {
        struct nc_buf b = {0};
        struct nc_problem why = {0};

        nc_buf_adds(&b, NC_STR("{\"brackets in text\":\"[[[[\\\"{{{{\",\"a\":"));
        for (int i = 1; i < depth; i++)
            nc_buf_addc(&b, '[');
        for (int i = 1; i < depth; i++)
            nc_buf_addc(&b, ']');
        nc_buf_addc(&b, '}');
        assert_int_equal(parse(nc_buf_str(&b), &why), depth <= 32 ? NC_OK : NC_EINVAL);
        if (depth > 32)
            assert_non_null(strstr(why.detail, "32"));
        nc_buf_fini(&b);
    }
    /* A million brackets are counted, never followed. */
    struct nc_buf b = {0};
    struct nc_problem why = {0};
    for (int i = 0; i < 1000000; i++)
        nc_buf_adds(&b, NC_STR("[{\"a\":"));
    assert_int_equal(parse(nc_buf_str(&b), &why), NC_EINVAL);
    nc_buf_clear(&b);
    nc_buf_adds(&b, NC_STR("{\"a\":[0"));
    for (int i = 0; i < 60000; i++)
        nc_buf_adds(&b, NC_STR(",0"));
    nc_buf_adds(&b, NC_STR("]}"));
    assert_int_equal(parse(nc_buf_str(&b), &why), NC_EINVAL);
    assert_int_equal(why.code, NC_P_TOO_LARGE);
    nc_buf_fini(&b);
}

static json_t *sample(void)
{
    struct nc_problem why;
    json_t *root = NULL;

    assert_int_equal(
        nc_json_parse(
            NC_STR("{\"s\":\"\u0434\u043e\u043c\",\"empty\":\"\",\"nul\":\"a\\u0000b\","
                   "\"null\":null,\"i\":42,\"r\":1.0,\"t\":true,"
                   "\"id\":\"01020304-0506-7708-890a-0b0c0d0e0f10\",\"noid\":\"1\","
                   "\"list\":[\"a\",\"b\"],\"bad\":[\"a\",1],\"hollow\":[\"\"],"
                   "\"at\":\"2026-01-02T03:04:05.678Z\",\"kind\":\"direct\"}"),
            &root, &why),
        NC_OK);
    return root;
}

#define REFUSED(call, words)                          \
    do {                                              \
        why = (struct nc_problem){0};                 \
        assert_int_equal(call, NC_EINVAL);            \
        assert_int_equal(why.code, NC_P_BAD_REQUEST); \
        assert_string_equal(why.detail, words);       \
    } while (0)

static void test_strings(void **state)
{
    (void)state;
    json_t *o = sample();
    struct nc_str s = {NULL, 0};
    struct nc_problem why;

    assert_int_equal(nc_json_need_str(o, "s", 1, 3, &s, &why), NC_OK);
    assert_true(nc_str_eqz(s, "дом"));
    REFUSED(nc_json_need_str(o, "s", 4, 9, &s, &why), "`s` must have 4 to 9 characters");
    REFUSED(nc_json_need_str(o, "s", 1, 2, &s, &why), "`s` must have 1 to 2 characters");
    REFUSED(nc_json_need_str(o, "none", 1, 2, &s, &why), "`none` is missing");
    REFUSED(nc_json_need_str(o, "i", 1, 2, &s, &why), "`i` must be a string");
    REFUSED(nc_json_need_str(o, "null", 1, 2, &s, &why), "`null` must be a string");
    REFUSED(nc_json_need_str(o, "nul", 1, 9, &s, &why),
            "`nul` must be a string without NUL characters");
    s = NC_STR("as it was");
    assert_int_equal(nc_json_opt_str(o, "none", 1, 2, &s, &why), NC_OK);
    assert_int_equal(nc_json_opt_str(o, "null", 1, 2, &s, &why), NC_OK);
    assert_true(nc_str_eqz(s, "as it was"));
    REFUSED(nc_json_opt_str(o, "i", 1, 2, &s, &why), "`i` must be a string");
    assert_int_equal(nc_json_opt_str(o, "empty", 0, 2, &s, &why), NC_OK);
    assert_int_equal(s.n, 0);

    assert_int_equal(nc_json_need_text(o, "s", 6, &s, &why), NC_OK);
    assert_int_equal(nc_json_need_text(o, "s", 5, &s, &why), NC_EINVAL);
    assert_int_equal(why.code, NC_P_TOO_LARGE);
    assert_string_equal(why.detail, "`s` may have at most 5 bytes");
    REFUSED(nc_json_need_text(o, "empty", 5, &s, &why),
            "`empty` must be a string that is not empty");
    json_decref(o);
}

static void test_other_types(void **state)
{
    (void)state;
    static const char *const kinds[] = {"room", "direct", NULL};
    json_t *o = sample();
    struct nc_problem why;
    struct nc_id id;
    int64_t i = 0;
    uint64_t at = 0;
    unsigned word = 9;
    bool flag = false;

    assert_int_equal(nc_json_need_id(o, "id", &id, &why), NC_OK);
    assert_int_equal(id.b[15], 16);
    assert_int_equal(nc_json_opt_id(o, "none", &id, &why), NC_OK);
    REFUSED(nc_json_need_id(o, "noid", &id, &why), "`noid` must be a UUID");
    REFUSED(nc_json_need_id(o, "none", &id, &why), "`none` is missing");
    REFUSED(nc_json_opt_id(o, "i", &id, &why), "`i` must be a string");

    assert_int_equal(nc_json_need_int(o, "i", 0, 42, &i, &why), NC_OK);
    assert_int_equal(i, 42);
    REFUSED(nc_json_need_int(o, "i", 0, 41, &i, &why),
            "`i` must be a whole number from 0 to 41");
    REFUSED(nc_json_need_int(o, "r", 0, 9, &i, &why),
            "`r` must be a whole number from 0 to 9");
    assert_int_equal(nc_json_opt_int(o, "null", 0, 9, &i, &why), NC_OK);
    assert_int_equal(i, 42);

    assert_int_equal(nc_json_need_bool(o, "t", &flag, &why), NC_OK);
    assert_true(flag);
    REFUSED(nc_json_opt_bool(o, "i", &flag, &why), "`i` must be true or false");
    REFUSED(nc_json_need_bool(o, "none", &flag, &why), "`none` is missing");

    assert_int_equal(nc_json_opt_time(o, "at", &at, &why), NC_OK);
    assert_int_equal(at, 1767323045678);
    REFUSED(nc_json_opt_time(o, "s", &at, &why), "`s` must be a time in RFC 3339");
    REFUSED(nc_json_opt_time(o, "i", &at, &why), "`i` must be a time in RFC 3339");

    assert_int_equal(nc_json_need_word(o, "kind", kinds, &word, &why), NC_OK);
    assert_int_equal(word, 1);
    REFUSED(nc_json_need_word(o, "s", kinds, &word, &why),
            "`s` must be one of `room` `direct`");
    REFUSED(nc_json_need_word(o, "i", kinds, &word, &why),
            "`i` must be one of `room` `direct`");
    assert_int_equal(nc_json_opt_word(o, "none", kinds, &word, &why), NC_OK);
    assert_int_equal(word, 1);
    json_decref(o);
}

static void test_lists_and_copies(void **state)
{
    (void)state;
    json_t *o = sample();
    struct nc_problem why;
    struct nc_str out[2];
    struct nc_buf b = {0};
    size_t n = 7;
    bool present;

    assert_int_equal(nc_json_opt_strs(o, "list", 2, 5, out, &n, &present, &why), NC_OK);
    assert_true(present && n == 2 && nc_str_eqz(out[1], "b"));
    assert_int_equal(nc_json_opt_strs(o, "none", 2, 5, out, &n, &present, &why), NC_OK);
    assert_true(!present && n == 0);
    REFUSED(nc_json_opt_strs(o, "list", 1, 5, out, &n, NULL, &why),
            "`list` may have at most 1 elements");
    REFUSED(nc_json_opt_strs(o, "bad", 2, 5, out, &n, NULL, &why),
            "`bad` must be an array of strings");
    REFUSED(nc_json_opt_strs(o, "i", 2, 5, out, &n, NULL, &why),
            "`i` must be an array of strings");
    REFUSED(nc_json_opt_strs(o, "hollow", 2, 5, out, &n, NULL, &why),
            "`hollow` must have 1 to 5 characters");

    assert_true(nc_json_has(o, "null"));
    assert_false(nc_json_has(o, "none"));
    assert_true(nc_json_copy(o, "bad", &b));
    assert_true(nc_json_copy(o, "nul", &b));
    assert_false(nc_json_copy(o, "none", &b));
    assert_true(nc_str_eqz(nc_buf_str(&b), "[\"a\",1]\"a\\u0000b\""));
    nc_buf_fini(&b);
    json_decref(o);
}

static void test_without_end(void **state)
{
    (void)state;
    json_t *o = sample();
    struct nc_problem why;
    struct nc_str out;

    json_object_set_new(o, "empty", json_string(""));
    REFUSED(nc_json_need_str(o, "empty", 1, SIZE_MAX, &out, &why),
            "`empty` must be a string that is not empty");
    json_decref(o);
}

static void test_weight(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t least, most;
    } table[] = {
        {"{}", 200, 300},
        {"{\"a\":[{},{},{}]}", 1100, 1500},
        {"{\"a\":[1,2,true,null]}", 400, 700},
        {"{\"a\":\"0123456789\"}", 300, 500},
    };

    for (size_t i = 0; i < NC_COUNT(table); i++) {
        struct nc_problem why;
        json_t *o;
        assert_int_equal(nc_json_parse(nc_str(table[i].text), &o, &why), NC_OK);
        assert_in_range(nc_json_weight(o), table[i].least, table[i].most);
        json_decref(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_texts),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_strings),          cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_lists_and_copies), cmocka_unit_test(test_weight),
        cmocka_unit_test(test_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
