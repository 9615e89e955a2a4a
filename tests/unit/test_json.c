/* JSON out, read back by jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "wire/json.h"

static void eq(struct nc_str got, const char *want)
{
    if (!nc_str_eqz(got, want))
        fail_msg("got %.*s, want %s", NC_FMT(got), want);
}

static void test_shapes_and_commas(void **state)
{
    (void)state;
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_id id = {{1, 2, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};

    nc_json_obj(&j);
    nc_json_kstr(&j, "s", NC_STR("x"));
    nc_json_key(&j, "a");
    nc_json_arr(&j);
    nc_json_int(&j, -1);
    nc_json_arr(&j);
    nc_json_arr_end(&j);
    nc_json_obj(&j);
    nc_json_obj_end(&j);
    nc_json_null(&j);
    nc_json_arr_end(&j);
    nc_json_kbool(&j, "t", true);
    nc_json_kbool(&j, "f", false);
    nc_json_kid(&j, "id", &id);
    nc_json_ktime(&j, "at", 1767323045678);
    nc_json_kraw(&j, "r", NC_STR("{\"k\":[1]}"));
    nc_json_key(&j, "o");
    nc_json_obj(&j);
    nc_json_kuint(&j, "u", 0);
    nc_json_obj_end(&j);
    nc_json_obj_end(&j);
    eq(nc_buf_str(&b), "{\"s\":\"x\",\"a\":[-1,[],{},null],\"t\":true,\"f\":false,"
                       "\"id\":\"01020304-0506-7708-890a-0b0c0d0e0f10\",\"at\":\"2026-01-"
                       "02T03:04:05.678Z\","
                       "\"r\":{\"k\":[1]},\"o\":{\"u\":0}}");
    nc_buf_fini(&b);
}

static void test_numbers(void **state)
{
    (void)state;
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_arr(&j);
    nc_json_int(&j, INT64_MIN);
    nc_json_int(&j, INT64_MAX);
    nc_json_uint(&j, UINT64_MAX);
    nc_json_uint(&j, 10);
    nc_json_real(&j, 0.1);
    nc_json_real(&j, 0.7);
    nc_json_real(&j, 1e300);
    nc_json_real(&j, 2);
    nc_json_real(&j, 0.30000000000000004);
    nc_json_arr_end(&j);
    eq(nc_buf_str(&b), "[-9223372036854775808,9223372036854775807,18446744073709551615,10,"
                       "0.1,0.7,1e+300,2,0.30000000000000004]");
    nc_buf_fini(&b);
}

/* Every byte, at every place of the eight that are looked at together. */
static void test_strings_come_back(void **state)
{
    (void)state;
    struct nc_buf b = {0};

    for (unsigned c = 0; c < 128; c++)
        for (size_t n = 1; n < 26; n++)
            for (size_t at = 0; at < n; at++) {
                char text[26];
                struct nc_json j = nc_json_to(&b);

                memset(text, 'a' + (int)(n % 26), n);
                text[at] = (char)c;
                nc_buf_clear(&b);
                nc_json_str(&j, (struct nc_str){text, n});
                json_t *v = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
                if (!v || json_string_length(v) != n ||
                    memcmp(json_string_value(v), text, n))
                    fail_msg("byte %u at %zu of %zu: %.*s", c, at, n,
                             NC_FMT(nc_buf_str(&b)));
                json_decref(v);
            }
    nc_buf_clear(&b);
    struct nc_json j = nc_json_to(&b);
    nc_json_str(&j, NC_STR("\"\\/\b\f\n\r\t\x01\x1f\x7fдом 😀"));
    eq(nc_buf_str(&b), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7fдом 😀\"");
    nc_buf_clear(&b);
    j = nc_json_to(&b);
    nc_json_str(&j, (struct nc_str){NULL, 0});
    eq(nc_buf_str(&b), "\"\"");
    nc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_and_commas),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
