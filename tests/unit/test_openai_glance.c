/* A chunk read in passing: what is seen, and that no more is seen than is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/openai_glance.h"

#define INSIDE "{\\\"error\\\":{},\\\"usage\\\":{\\\"prompt_tokens\\\":1}}"

static const struct {
    const char *data;
    bool done, lines, parse, error, choices;
    enum nc_openai_finish finish;
    const char *usage;
} rows[] = {
    {"[DONE]", .done = true, .usage = ""},
    {"{\"choices\":[]}", .choices = true, .usage = ""},
    {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}],\"usage\":"
     "null}",
     .choices = true, .usage = ""},
    {"{\"usage\" : {\"prompt_tokens\":3} , \"choices\" : [ { \"finish_reason\" : "
     "\"length\" "
     "} ]}",
     .choices = true, .finish = NC_OPENAI_LENGTH, .usage = "{\"prompt_tokens\":3}"},
    /* What the model writes is not the server's. */
    {"{\"choices\":[{\"delta\":{\"content\":\"" INSIDE "\",\"finish_reason\":\"stop\"}}]}",
     .choices = true, .usage = ""},
    {"{\"choices\":[{},{\"finish_reason\":\"stop\"}]}", .choices = true, .usage = ""},
    {"{\"error\":null,\"choices\":[]}", .choices = true, .usage = ""},
    {"{\"error\":{\"message\":\"it burns\"}}", .error = true, .usage = ""},
    {"{\"error\":\"it burns\"}", .error = true, .usage = ""},
    {"{\"object\":\"error\"}", .parse = true, .usage = ""},
    {"{\"err\\u006fr\":{}}", .parse = true, .usage = ""},
    {"{\"choices\":[],\n\"id\":1}", .choices = true, .lines = true, .usage = ""},
};

static void test_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_openai_glance g;

        if (nc_openai_glance(&g, nc_str(rows[i].data)) != NC_OK || g.done != rows[i].done ||
            g.lines != rows[i].lines || g.parse != rows[i].parse ||
            g.error != rows[i].error || g.choices != rows[i].choices ||
            g.finish != rows[i].finish ||
            g.finished != (rows[i].finish != NC_OPENAI_GOING) ||
            !nc_str_eqz(g.usage, rows[i].usage))
            fail_msg("%s", rows[i].data);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "\"a\"",
        "{",
        "{}x",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":\"b}",
        "{a:1}",
        "{\"a\":[}}",
        "{\"a\":{]}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\\",
    };
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        struct nc_openai_glance g;

        if (nc_openai_glance(&g, nc_str(bad[i])) != NC_EINVAL)
            fail_msg("%s", bad[i]);
    }
}

static void test_usage(void **state)
{
    (void)state;
    uint64_t in = 0, out = 0;

    assert_true(nc_openai_usage(
        NC_STR("{\"prompt_tokens\":3,\"completion_tokens\":-1,\"total_tokens\":5}"), &in,
        &out));
    assert_int_equal(in, 3);
    assert_int_equal(out, 0);
    assert_false(nc_openai_usage(NC_STR("{\"prompt_tokens\":"), &in, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
