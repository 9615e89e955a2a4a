/* The chat completions protocol: requests, chunks as servers really send them, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "wire/openai.h"

static void eq(struct nc_str got, const char *want)
{
    if (!nc_str_eqz(got, want))
        fail_msg("got \"%.*s\", want \"%s\"", NC_FMT(got), want);
}

static void test_request(void **state)
{
    (void)state;
    struct nc_openai_message messages[] = {
        {NC_OPENAI_SYSTEM, {NULL, 0}, NC_STR("You are \"Olga\".\n")},
        {NC_OPENAI_USER, NC_STR("ada"), NC_STR("привет")},
    };
    struct nc_openai_request r = {.model = NC_STR("m"),
                                  .messages = messages,
                                  .n_messages = 2,
                                  .stream = true,
                                  .max_tokens = 512,
                                  .temperature = 0.7};
    struct nc_buf b = {0};

    nc_openai_write(&b, &r);
    eq(nc_buf_str(&b),
       "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"You are "
       "\\\"Olga\\\".\\n\"},{\"role\":\"user\",\"name\":\"ada\",\"content\":\"привет\"}],"
       "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":512,"
       "\"temperature\":0.7}");
    nc_buf_clear(&b);
    nc_openai_write(&b,
                    &(struct nc_openai_request){.model = NC_STR("m"), .temperature = -1});
    eq(nc_buf_str(&b), "{\"model\":\"m\",\"messages\":[],\"stream\":false}");
    nc_buf_fini(&b);
}

static void test_chunks(void **state)
{
    (void)state;
    static const struct {
        struct nc_str data;
        const char *text, *reasoning, *refusal;
        enum nc_openai_finish finish;
        bool done, usage, failed;
    } rows[] = {
        {NC_STR("[DONE]"), "", "", "", NC_OPENAI_GOING, true, false, false},
        {NC_STR(" [DONE] "), "", "", "", NC_OPENAI_GOING, true, false, false},
        {NC_STR("{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
                "\"\"},"
                "\"finish_reason\":null}],\"usage\":null}"),
         "", "", "", NC_OPENAI_GOING, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"content\":\"При\"}}]}"), "При", "", "",
         NC_OPENAI_GOING, false, false, false},
        {NC_STR(
             "{\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"hm\"}}]}"),
         "", "hm", "", NC_OPENAI_GOING, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}"), "", "hm", "",
         NC_OPENAI_GOING, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}"), "", "", "no",
         NC_OPENAI_GOING, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"), "", "", "",
         NC_OPENAI_STOP, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"length\"}"
                "]}"),
         "x", "", "", NC_OPENAI_LENGTH, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}"), "",
         "", "", NC_OPENAI_FILTER, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"tool_calls\":[]},\"finish_reason\":\"tool_"
                "calls\"}]}"),
         "", "", "", NC_OPENAI_TOOLS, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{},\"finish_reason\":\"tired\"}]}"), "", "", "",
         NC_OPENAI_ODD, false, false, false},
        {NC_STR("{\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,"
                "\"total_tokens\":18}}"),
         "", "", "", NC_OPENAI_GOING, false, true, false},
        {NC_STR("{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"whole\"},"
                "\"finish_reason\":\"stop\"}],"
                "\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}"),
         "whole", "", "", NC_OPENAI_STOP, false, true, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"text\":"
                "\"t\"},"
                "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"},7]}}"
                "]}"),
         "ab", "", "", NC_OPENAI_GOING, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"content\":\"a\\u0000b\\u0000\"}}]}"), "ab", "",
         "", NC_OPENAI_GOING, false, false, false},
        {NC_STR("{\"choices\":[{\"delta\":{\"content\":5}}]}"), "", "", "", NC_OPENAI_GOING,
         false, false, false},
        {NC_STR("{\"error\":{\"message\":\"overloaded\",\"code\":529}}"), "", "", "",
         NC_OPENAI_GOING, false, false, true},
        {NC_STR("{\"error\":\"model not loaded\"}"), "", "", "", NC_OPENAI_GOING, false,
         false, true},
        {NC_STR("{\"object\":\"error\",\"message\":\"too long\"}"), "", "", "",
         NC_OPENAI_GOING, false, false, true},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_openai_chunk c;

        assert_int_equal(nc_openai_chunk(&c, rows[i].data, NC_STR("")), NC_OK);
        eq(c.text, rows[i].text);
        eq(c.reasoning, rows[i].reasoning);
        eq(c.refusal, rows[i].refusal);
        assert_int_equal(c.finish, rows[i].finish);
        assert_int_equal(c.done, rows[i].done);
        assert_int_equal(c.has_usage, rows[i].usage);
        assert_int_equal(c.failed, rows[i].failed);
        assert_int_equal(c.reason[0] != 0, rows[i].failed);
        if (c.has_usage)
            assert_true(c.prompt_tokens == 11 && c.completion_tokens == 7);
        nc_openai_chunk_fini(&c);
    }
    static const char *const wrong[] = {
        "", "x", "[]", "{}", "{\"choices\":5}", "{\"choices\":[", "null", "[DONE"};
    for (size_t i = 0; i < NC_COUNT(wrong); i++) {
        struct nc_openai_chunk c;

        assert_int_equal(nc_openai_chunk(&c, nc_str(wrong[i]), NC_STR("")), NC_EINVAL);
        nc_openai_chunk_fini(&c);
    }
}

static void test_reasons(void **state)
{
    (void)state;
#define SECRET "hunter2-key"
    static const struct {
        unsigned status;
        const char *body, *want;
    } rows[] = {
        {429, "{\"error\":{\"message\":\"Rate limit reached\",\"type\":\"requests\"}}",
         "HTTP 429: Rate limit reached"},
        {0, "{\"error\":\"model not found\"}", "model not found"},
        {400, "{\"detail\":\"bad  \\n model\"}", "HTTP 400: bad model"},
        {500, "[{\"error\":{\"message\":\"first\"}}]", "HTTP 500: first"},
        {401,
         "{\"error\":{\"message\":\"Incorrect API key provided: sk-ab***********xyz. "
         "See\"}}",
         "HTTP 401: Incorrect API key provided: [hidden]. See"},
        {401, "got Authorization: Bearer abc.def/ghi from you",
         "HTTP 401: got Authorization: [hidden] from you"},
        {401, "what is " SECRET "?", "HTTP 401: what is [hidden]?"},
        {401, "key=A1b2C3d4E5f6G7h8I9j0K1 bad", "HTTP 401: key=[hidden] bad"},
        {404, "no model meta-llama-3.1-70b-instruct here",
         "HTTP 404: no model meta-llama-3.1-70b-instruct here"},
        {502, "<html>\r\n<head><title>502 Bad Gateway</title></head><body>x</body></html>",
         "HTTP 502: 502 Bad Gateway"},
        {502, "<h1>Oops</h1><p>try <b>later</b></p>", "HTTP 502: Oops try later"},
        {503, "", "HTTP 503, and not a word why"},
        {500, "{}", "HTTP 500, and not a word why"},
        {0, "", "the back end failed without saying why"},
        {500,
         "a\xFF"
         "b",
         "HTTP 500: a?b"},
        {0, "\xF3\x8F\x8F\x02", "???"},
        {500, "\x1b[31mred\x07", "HTTP 500: [31mred"},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        char out[NC_OPENAI_REASON];

        nc_openai_reason(out, rows[i].status, nc_str(rows[i].body), NC_STR(SECRET));
        assert_string_equal(out, rows[i].want);
    }

    struct nc_buf b = {0};
    char out[NC_OPENAI_REASON];
    nc_buf_addc(&b, 'x');
    for (int i = 0; i < 5000; i++)
        nc_buf_adds(&b, NC_STR("ж"));
    nc_openai_reason(out, 500, nc_buf_str(&b), NC_STR(""));
    assert_true(strlen(out) >= NC_OPENAI_REASON - 3 && nc_utf8_valid(nc_str(out)));
    nc_buf_fini(&b);
}

/* The key must not show even where the text is cut, or glued to other words. */
static void test_secret_never_shows(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 2 * NC_OPENAI_REASON; lead++) {
        struct nc_buf b = {0};
        char out[NC_OPENAI_REASON];

        for (size_t i = 0; i < lead; i++)
            nc_buf_addc(&b, 'x');
        nc_buf_adds(&b, NC_STR("Zq9-secret"));
        nc_openai_reason(out, 401, nc_buf_str(&b), NC_STR("Zq9-secret"));
        assert_null(strstr(out, "Zq9"));
        nc_buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_secret_never_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
