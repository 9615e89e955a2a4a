/* Base URLs, destinations, faults by status and words, Retry-After. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "llm/fault.h"

static void test_base_urls(void **state)
{
    (void)state;
    static const char *const good[] = {
        "http://127.0.0.1:11434",     "https://api.openai.com/v1",
        "HTTP://localhost:8080/v1/",  "http://[::1]:8000/v1",
        "http://[fd00::1]",           "https://xn--e1afmkfd.example:65535/a/b",
        "http://192.168.1.5:1234/v1", "http://ai",
    };
    static const struct {
        const char *url, *says;
    } bad[] = {
        {"", "empty"},
        {"ftp://127.0.0.1", "http://"},
        {"file:///etc/passwd", "http://"},
        {"127.0.0.1:8080", "http://"},
        {"http:/127.0.0.1", "http://"},
        {"http://user:pw@127.0.0.1", "password"},
        {"https://sk-key@api.example/v1", "password"},
        {"http://127.0.0.1/v1?key=x", "query"},
        {"http://127.0.0.1/v1#x", "fragment"},
        {"http://", "no host"},
        {"http:///v1", "no host"},
        {"http://:8080", "no host"},
        {"http://169.254.169.254/latest", "link-local"},
        {"http://[fe80::1]:80", "link-local"},
        {"http://[fe80::1%25eth0]", "link-local"},
        {"http://[::ffff:169.254.1.1]", "link-local"},
        {"http://0.0.0.0:8080", "nobody"},
        {"http://224.0.0.1", "nobody"},
        {"http://[::1", "bracket"},
        {"http://[nonsense]", "none"},
        {"http://ai:0", "port"},
        {"http://ai:65536", "port"},
        {"http://ai:", "port"},
        {"http://ai:80:80", "port"},
        {"http://a b", "character"},
        {"http://ai\r\nX: y", "character"},
    };
    char longest[600];

    for (size_t i = 0; i < NC_COUNT(good); i++) {
        const char *why = nc_provider_url_problem(nc_str(good[i]));
        if (why)
            fail_msg("%s: %s", good[i], why);
    }
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        const char *why = nc_provider_url_problem(nc_str(bad[i].url));
        if (!why || !strstr(why, bad[i].says))
            fail_msg("%s: %s", bad[i].url, why ? why : "fine");
    }
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "http://", 7);
    assert_null(nc_provider_url_problem((struct nc_str){longest, 500}));
    assert_non_null(
        strstr(nc_provider_url_problem((struct nc_str){longest, 501}), "500 bytes"));
}

static void test_destinations(void **state)
{
    (void)state;
    enum nc_destination d = NC_DEST_NOWHERE;

    for (unsigned i = NC_DEST_THIS_NODE; i <= NC_DEST_CLOUD; i++) {
        assert_int_equal(
            nc_destination_parse(nc_str(nc_destination_name((enum nc_destination)i)), &d),
            NC_OK);
        assert_int_equal(d, i);
    }
    assert_int_equal(nc_destination_parse(NC_STR(""), &d), NC_EINVAL);
    assert_int_equal(nc_destination_parse(NC_STR("Cloud"), &d), NC_EINVAL);
}

static void test_kinds(void **state)
{
    (void)state;
    static const char *const kinds[] = {"openai", "ollama", "anthropic"};

    for (size_t i = 0; i < NC_COUNT(kinds); i++)
        assert_string_equal(nc_provider_kind(nc_str(kinds[i]))->kind, kinds[i]);
    assert_null(nc_provider_kind(NC_STR("")));
    assert_null(nc_provider_kind(NC_STR("OpenAI")));
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *body;
        enum nc_llm_fault fault;
    } rows[] = {
        {401, "", NC_FAULT_KEY},
        {403, "{\"error\":\"context length\"}", NC_FAULT_KEY},
        {404, "<html>", NC_FAULT_MODEL},
        {400, "{\"error\":{\"message\":\"bad\"}}", NC_FAULT_REQUEST},
        {400, "{\"error\":{\"code\":\"context_length_exceeded\"}}", NC_FAULT_CONTEXT},
        {400,
         "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available "
         "context size, try increasing it\",\"type\":\"exceed_context_size_error\"}}",
         NC_FAULT_CONTEXT},
        {400,
         "{\"object\":\"error\",\"message\":\"This model's Maximum Context Length is "
         "2048 tokens\"}",
         NC_FAULT_CONTEXT},
        {400, "{\"error\":{\"message\":\"nope is not a valid model ID\",\"code\":400}}",
         NC_FAULT_MODEL},
        {413, "", NC_FAULT_CONTEXT},
        {422, "{\"detail\":[]}", NC_FAULT_REQUEST},
        {429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", NC_FAULT_BUSY},
        {429, "{\"error\":{\"code\":\"insufficient_quota\"}}", NC_FAULT_KEY},
        {500, "", NC_FAULT_SERVER},
        {500, "{\"error\":\"input length exceeds the context length\"}", NC_FAULT_CONTEXT},
        {503, "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
         NC_FAULT_BUSY},
        {508, "", NC_FAULT_LOOP},
        {529, "", NC_FAULT_BUSY},
        {302, "", NC_FAULT_SERVER},
        /* In the stream, with status 200. */
        {200, "{\"error\":{\"code\":429,\"message\":\"later\"}}", NC_FAULT_BUSY},
        {200, "{\"error\":{\"code\":502,\"message\":\"upstream\"}}", NC_FAULT_SERVER},
        {200, "{\"error\":{\"type\":\"overloaded_error\"}}", NC_FAULT_BUSY},
        {200, "{\"error\":\"it burns\"}", NC_FAULT_SERVER},
        {200, "no JSON", NC_FAULT_SERVER},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        if (nc_llm_fault_of(rows[i].status, nc_str(rows[i].body)) != rows[i].fault)
            fail_msg("%u %s", rows[i].status, rows[i].body);
}

static void test_retry_after(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned ms;
    } rows[] = {
        {"7", 7000},
        {" 7 ", 7000},
        {"0", 0},
        {"1.5", 1000},
        {"", 0},
        {"soon", 0},
        {"-3", 0},
        {"99999999999", 0},
        {"90000", 86400000},
        {"Thu, 01 Jan 1970 00:16:45 GMT", 5000},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        assert_int_equal(nc_llm_retry_ms(nc_str(rows[i].value), 1000000), rows[i].ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_urls),   cmocka_unit_test(test_destinations),
        cmocka_unit_test(test_kinds),       cmocka_unit_test(test_faults),
        cmocka_unit_test(test_retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
