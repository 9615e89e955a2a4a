/* The Messages API: requests, events as it sends them, and OpenAI's shape of the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/anthropic.h"

static void eq(struct nc_str got, const char *want)
{
    if (!nc_str_eqz(got, want))
        fail_msg("got \"%.*s\", want \"%s\"", NC_FMT(got), want);
}

static json_t *parse(const char *text)
{
    json_t *root = json_loads(text, JSON_ALLOW_NUL, NULL);

    if (!root)
        fail_msg("no JSON: %s", text);
    return root;
}

#define HEAD(max) "{\"model\":\"m\",\"max_tokens\":" max ",\"stream\":true"
#define TEXT(t) "{\"type\":\"text\",\"text\":\"" t "\"}"
#define USER(blocks) "{\"role\":\"user\",\"content\":[" blocks "]}"
#define ASSISTANT(blocks) "{\"role\":\"assistant\",\"content\":[" blocks "]}"

static void test_request(void **state)
{
    (void)state;
    struct nc_openai_message messages[] = {
        {NC_OPENAI_SYSTEM, {NULL, 0}, NC_STR("S")},
        {NC_OPENAI_ASSISTANT, {NULL, 0}, NC_STR("earlier \n")},
        {NC_OPENAI_USER, NC_STR("ada"), NC_STR("one")},
        {NC_OPENAI_USER, NC_STR("bob"), NC_STR("two ")},
        {NC_OPENAI_SYSTEM, {NULL, 0}, NC_STR("T")},
        {NC_OPENAI_USER, NC_STR("eve"), NC_STR(" \n")},
    };
    struct nc_buf b = {0};

    nc_anthropic_write(&b, &(struct nc_anthropic_request){.model = NC_STR("m"),
                                                          .messages = messages,
                                                          .n_messages = NC_COUNT(messages),
                                                          .temperature = 1.5});
    eq(nc_buf_str(&b),
       HEAD("4096") ",\"temperature\":1,\"system\":\"S\\n\\nT\",\"messages\":[" USER(TEXT(
           "…")) "," ASSISTANT(TEXT("earlier")) "," USER(TEXT("one") "," TEXT("two ")) "]"
                                                                                       "}");
    nc_buf_clear(&b);
    nc_anthropic_write(&b, &(struct nc_anthropic_request){
                               .model = NC_STR("m"), .max_tokens = 7, .temperature = -1});
    eq(nc_buf_str(&b), HEAD("7") ",\"messages\":[" USER(TEXT("…")) "]}");
    nc_buf_fini(&b);
}

static void test_translate(void **state)
{
    (void)state;
#define HELLO "{\"role\":\"user\",\"content\":\"u\"}"
#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define TOOLS_OUT                                                                      \
    "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":" \
    "{}}}]"
    static const struct {
        const char *body, *want;
    } rows[] = {
        {"{\"messages\":[{\"role\":\"developer\",\"content\":\"d\"},{\"role\":\"system\","
         "\"content\":[{\"type\":\"text\",\"text\":\"s\"}]}," HELLO "," HELLO "]}",
         HEAD("4096") ",\"system\":\"d\\n\\ns\",\"messages\":[" USER(
             TEXT("u") "," TEXT("u")) "]}"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
         "url\":{\"url\":\"data:image/png;base64,QUJD\"}},{\"type\":\"image_url\",\"image_"
         "url\":{\"url\":\"https://example.net/a.png\"}}]}],\"temperature\":2,\"top_p\":"
         "0.5,\"seed\":1,\"stop\":[\"x\",\" \"],\"max_completion_tokens\":9}",
         HEAD("9") ",\"temperature\":1,\"top_p\":0.5,\"stop_sequences\":[\"x\"],"
                   "\"messages\":[" USER(
                       "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":"
                       "\"image/png\",\"data\":\"QUJD\"}},{\"type\":\"image\",\"source\":{"
                       "\"type\":\"url\",\"url\":\"https://example.net/a.png\"}}") "]}"},
        {"{\"messages\":[" HELLO ",{\"role\":\"assistant\",\"content\":\"let me \","
         "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":"
         "\"f\",\"arguments\":\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\","
         "\"content\":\"7\"}," HELLO "]}",
         HEAD("4096") ",\"messages\":[" USER(TEXT("u")) "," ASSISTANT(TEXT(
             "let me") ",{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":"
                       "{}}") "," USER("{\"type\":\"tool_result\",\"tool_use_id\":"
                                       "\"c1\",\"content\":\"7\"}," TEXT("u")) "]}"},
        {"{\"messages\":[" HELLO "]," TOOLS ",\"tool_choice\":\"required\","
         "\"parallel_tool_calls\":false}",
         HEAD("4096") ",\"messages\":[" USER(
             TEXT("u")) "]," TOOLS_OUT ",\"tool_choice\":{\"type\":\"any\",\"disable_"
                        "parallel_tool_use\":true}}"},
        {"{\"messages\":[" HELLO "]," TOOLS ",\"tool_choice\":{\"type\":\"function\","
         "\"function\":{\"name\":\"f\"}}}",
         HEAD("4096") ",\"messages\":[" USER(TEXT(
             "u")) "]," TOOLS_OUT ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}}"},
        {"{\"messages\":[" HELLO "]," TOOLS ",\"tool_choice\":\"none\"}",
         HEAD("4096") ",\"messages\":[" USER(
             TEXT("u")) "]," TOOLS_OUT ",\"tool_choice\":{\"type\":\"none\"}}"},
        {"{\"messages\":[" HELLO "]," TOOLS "}",
         HEAD("4096") ",\"messages\":[" USER(TEXT("u")) "]," TOOLS_OUT "}"},
        {"{\"messages\":[" HELLO "],\"tool_choice\":\"auto\",\"response_format\":{\"type\":"
         "\"text\"}}",
         HEAD("4096") ",\"messages\":[" USER(TEXT("u")) "]}"},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        json_t *body = parse(rows[i].body);
        char why[NC_OPENAI_REASON] = "";
        struct nc_buf b = {0};

        if (nc_anthropic_translate(&b, body, NC_STR("m"), why) != NC_OK)
            fail_msg("%s: %s", rows[i].body, why);
        eq(nc_buf_str(&b), rows[i].want);
        nc_buf_fini(&b);
        json_decref(body);
    }
    static const struct {
        const char *body, *member;
    } wrong[] = {
        {"{\"messages\":[" HELLO "],\"response_format\":{\"type\":\"json_object\"}}",
         "response_format"},
        {"{\"messages\":[{\"role\":\"system\",\"content\":7}]}", "messages[0].content"},
        {"{\"messages\":[" HELLO ",{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":"
         "[{\"type\":\"file\"}]}]}",
         "messages[1].content[0].type"},
        {"{\"messages\":[" HELLO "],\"tools\":[{}]}", "tools[0]"},
    };
    for (size_t i = 0; i < NC_COUNT(wrong); i++) {
        json_t *body = parse(wrong[i].body);
        char why[NC_OPENAI_REASON] = "";
        struct nc_buf b = {0};

        assert_int_equal(nc_anthropic_translate(&b, body, NC_STR("m"), why), NC_EINVAL);
        if (!strstr(why, wrong[i].member))
            fail_msg("%s: %s", wrong[i].body, why);
        nc_buf_fini(&b);
        json_decref(body);
    }
}

static void test_events(void **state)
{
    (void)state;
    static const struct {
        const char *data, *text, *reasoning;
        enum nc_openai_finish finish;
        unsigned prompt, completion;
        bool usage, done, failed, busy;
    } rows[] = {
        {"{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","
         "\"role\":\"assistant\",\"content\":[],\"model\":\"claude\",\"stop_reason\":null,"
         "\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":5,\"output_tokens\":1}"
         "}"
         "}",
         "", "", NC_OPENAI_GOING, 30, 0, false, false, false, false},
        {"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
         "\"text\",\"text\":\"\"}}",
         "", "", NC_OPENAI_GOING, 0, 0, false, false, false, false},
        {"{\"type\": \"ping\"}", "", "", NC_OPENAI_GOING, 0, 0, false, false, false, false},
        {"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
         "\"text\":\"При\\u0000вет\"}}",
         "Привет", "", NC_OPENAI_GOING, 0, 0, false, false, false, false},
        {"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_"
         "delta\",\"thinking\":\"hm\"}}",
         "", "hm", NC_OPENAI_GOING, 0, 0, false, false, false, false},
        {"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_"
         "delta\",\"signature\":\"EqQB\"}}",
         "", "", NC_OPENAI_GOING, 0, 0, false, false, false, false},
        {"{\"type\":\"content_block_stop\",\"index\":0}", "", "", NC_OPENAI_GOING, 0, 0,
         false, false, false, false},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_"
         "sequence\":null},\"usage\":{\"output_tokens\":15}}",
         "", "", NC_OPENAI_STOP, 0, 15, true, false, false, false},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"}}", "", "",
         NC_OPENAI_FILTER, 0, 0, false, false, false, false},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"}}", "", "",
         NC_OPENAI_LENGTH, 0, 0, false, false, false, false},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"pause_turn\"}}", "", "",
         NC_OPENAI_ODD, 0, 0, false, false, false, false},
        {"{\"type\":\"message_stop\"}", "", "", NC_OPENAI_GOING, 0, 0, false, true, false,
         false},
        {"{\"type\":\"something_new\",\"delta\":5}", "", "", NC_OPENAI_GOING, 0, 0, false,
         false, false, false},
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
         "\"Overloaded\"}}",
         "", "", NC_OPENAI_GOING, 0, 0, false, false, true, true},
        {"{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}", "",
         "", NC_OPENAI_GOING, 0, 0, false, false, true, false},
        {"{\"type\":\"error\"}", "", "", NC_OPENAI_GOING, 0, 0, false, false, true, false},
        {"{\"id\":\"msg_1\",\"type\":\"message\",\"model\":\"claude\",\"content\":[{"
         "\"type\":"
         "\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"},{\"type\":\"text\",\"text\":"
         "\"a\"},{\"type\":\"text\",\"text\":\"b\"},7],\"stop_reason\":\"stop_sequence\","
         "\"usage\":{\"input_tokens\":2,\"output_tokens\":3}}",
         "ab", "t", NC_OPENAI_STOP, 2, 3, true, true, false, false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_reply r;

        assert_int_equal(nc_anthropic_read(&r, nc_str(rows[i].data), NC_STR("")), NC_OK);
        eq(r.text, rows[i].text);
        eq(r.reasoning, rows[i].reasoning);
        assert_int_equal(r.finish, rows[i].finish);
        assert_int_equal(r.prompt_tokens, rows[i].prompt);
        assert_int_equal(r.completion_tokens, rows[i].completion);
        assert_int_equal(r.has_usage, rows[i].usage);
        assert_int_equal(r.done, rows[i].done);
        assert_int_equal(r.failed, rows[i].failed);
        assert_int_equal(r.busy, rows[i].busy);
        assert_int_equal(r.reason[0] != 0, rows[i].failed);
        nc_reply_fini(&r);
    }
    static const char *const wrong[] = {"", "x", "[]", "{}", "{\"type\":5}", "[DONE]"};
    for (size_t i = 0; i < NC_COUNT(wrong); i++) {
        struct nc_reply r;

        assert_int_equal(nc_anthropic_read(&r, nc_str(wrong[i]), NC_STR("")), NC_EINVAL);
        nc_reply_fini(&r);
    }
}

/* ---- the answer in OpenAI's shape ------------------------------------------------- */

static const char *const with_a_tool[] = {
    "{\"type\":\"message_start\",\"message\":{\"model\":\"claude\",\"usage\":{\"input_"
    "tokens\":11}}}",
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
    "\"text\":\"\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
    "\"thinking\":\"hm\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\"so\"}}",
    "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_"
    "use\","
    "\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}",
    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_"
    "delta\","
    "\"partial_json\":\"\"}}",
    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_"
    "delta\","
    "\"partial_json\":\"{\\\"x\\\":\"}}",
    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_"
    "delta\","
    "\"partial_json\":\"1}\"}}",
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{"
    "\"output_tokens\":7}}",
    "{\"type\":\"message_stop\"}",
};

static void add_line(void *arg, struct nc_str json)
{
    struct nc_buf *all = arg;

    nc_buf_adds(all, json);
    nc_buf_addc(all, '\n');
}

static enum nc_err play(struct nc_reply_out *o, struct nc_buf *all,
                        const char *const *events, size_t n)
{
    enum nc_err e = NC_OK;

    for (size_t i = 0; e == NC_OK && i < n; i++) {
        struct nc_buf chunk = {0};
        struct nc_reply r;

        assert_int_equal(nc_anthropic_read(&r, nc_str(events[i]), NC_STR("")), NC_OK);
        e = nc_reply_out(o, &r, &chunk);
        if (chunk.n)
            add_line(all, nc_buf_str(&chunk));
        nc_buf_fini(&chunk);
        nc_reply_fini(&r);
    }
    return e;
}

static void test_streamed(void **state)
{
    (void)state;
    struct nc_reply_out o = {
        .id = "chatcmpl-1", .model = NC_STR("asked"), .created = 5, .stream = true};
    struct nc_buf all = {0};

    assert_int_equal(play(&o, &all, with_a_tool, NC_COUNT(with_a_tool)), NC_OK);
    nc_reply_out_end(&o, add_line, &all);
#define CHUNK(delta, finish)                                                     \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5," \
    "\"model\":\"claude\",\"choices\":[{\"index\":0,\"delta\":{" delta           \
    "},\"finish_reason\":" finish "}]}\n"
    eq(nc_buf_str(&all),
       CHUNK("\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"content\":\"\"",
             "null") CHUNK("\"content\":\"so\"", "null")
           CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"toolu_1\",\"type\":\"function\","
                 "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]",
                 "null") CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                               "\"{\\\"x\\\":\"}}]",
                               "null")
               CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]",
                     "null")
                   CHUNK(
                       "",
                       "\"tool_calls\"") "{\"id\":\"chatcmpl-1\",\"object\":\"chat."
                                         "completion.chunk\",\"created\":"
                                         "5,\"model\":\"claude\",\"choices\":[],\"usage\":{"
                                         "\"prompt_tokens\":11,"
                                         "\"completion_tokens\":7,\"total_tokens\":18}}\n");
    nc_buf_fini(&all);
    nc_reply_out_fini(&o);
}

static void test_whole(void **state)
{
    (void)state;
    struct nc_reply_out o = {
        .id = "chatcmpl-1", .model = NC_STR("asked"), .created = 5, .limit = 1000};
    struct nc_buf all = {0};

    assert_int_equal(play(&o, &all, with_a_tool, NC_COUNT(with_a_tool)), NC_OK);
    assert_int_equal(all.n, 0);
    nc_reply_out_end(&o, add_line, &all);
    eq(nc_buf_str(&all),
       "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":5,\"model\":"
       "\"claude\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
       "\"content\":\"so\",\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":"
       "\"toolu_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
       "\\\"x\\\":1}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":"
       "11,\"completion_tokens\":7,\"total_tokens\":18}}\n");
    nc_buf_fini(&all);
    nc_reply_out_fini(&o);

    o = (struct nc_reply_out){.id = "c", .limit = 3};
    assert_int_equal(play(&o, &all, with_a_tool, NC_COUNT(with_a_tool)), NC_ELIMIT);
    nc_reply_out_fini(&o);

    /* Nothing said, nothing called: an empty answer is one all the same. */
    o = (struct nc_reply_out){.id = "c", .model = NC_STR("asked")};
    nc_reply_out_end(&o, add_line, &all);
    eq(nc_buf_str(&all),
       "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"asked\","
       "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
       "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":"
       "0,\"total_tokens\":0}}\n");
    nc_buf_fini(&all);
    nc_reply_out_fini(&o);
}

static void test_arguments_of_nothing(void **state)
{
    (void)state;
    struct nc_reply_out o = {.id = "c", .stream = true};
    struct nc_buf all = {0};

    assert_int_equal(play(&o, &all, &with_a_tool[6], 1), NC_EINVAL);
    nc_buf_fini(&all);
    nc_reply_out_fini(&o);
}

static void test_models(void **state)
{
    (void)state;
    json_t *list =
        parse("{\"data\":[{\"type\":\"model\",\"id\":\"claude-a\","
              "\"display_name\":\"A\"},{\"id\":\"claude-b\",\"max_input_tokens\":"
              "200000},{},5],\"has_more\":false}");
    struct nc_str name;
    uint64_t context;

    assert_int_equal(nc_anthropic_models(list), 4);
    assert_true(nc_anthropic_model(list, 0, &name, &context) && context == 0);
    eq(name, "claude-a");
    assert_true(nc_anthropic_model(list, 1, &name, &context) && context == 200000);
    assert_false(nc_anthropic_model(list, 2, &name, &context));
    assert_false(nc_anthropic_model(list, 3, &name, &context));
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request), cmocka_unit_test(test_translate),
        cmocka_unit_test(test_events),  cmocka_unit_test(test_streamed),
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_arguments_of_nothing),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
