/* Ollama's own protocol: requests, lines as it really sends them, models, embeddings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/ndjson.h"
#include "wire/ollama.h"

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

static void test_request(void **state)
{
    (void)state;
    struct nc_openai_message messages[] = {
        {NC_OPENAI_SYSTEM, {NULL, 0}, NC_STR("You are \"Olga\".\n")},
        {NC_OPENAI_USER, NC_STR("ada"), NC_STR("привет")},
        {NC_OPENAI_ASSISTANT, {NULL, 0}, NC_STR("да")},
    };
    struct nc_ollama_request r = {.model = NC_STR("llama3:8b"),
                                  .messages = messages,
                                  .n_messages = 3,
                                  .max_tokens = 512,
                                  .context_tokens = 32768,
                                  .temperature = 0.5};
    struct nc_buf b = {0};

    nc_ollama_write(&b, &r);
    eq(nc_buf_str(&b),
       "{\"model\":\"llama3:8b\",\"messages\":[{\"role\":\"system\",\"content\":\"You are "
       "\\\"Olga\\\".\\n\"},{\"role\":\"user\",\"content\":\"привет\"},{\"role\":"
       "\"assistant\",\"content\":\"да\"}],\"stream\":true,\"options\":{\"num_ctx\":32768,"
       "\"num_predict\":512,\"temperature\":0.5}}");
    nc_buf_clear(&b);
    nc_ollama_write(&b,
                    &(struct nc_ollama_request){.model = NC_STR("m"), .temperature = -1});
    eq(nc_buf_str(&b), "{\"model\":\"m\",\"messages\":[],\"stream\":true,\"options\":{}}");
    nc_buf_fini(&b);
}

static void test_translate(void **state)
{
    (void)state;
#define OPTIONS(s) ",\"stream\":true,\"options\":{" s "}}"
#define USER "{\"role\":\"user\",\"content\":\"u\"}"
    static const struct {
        const char *body, *want;
    } rows[] = {
        {"{\"messages\":[{\"role\":\"developer\",\"content\":\"d\"}," USER "]}",
         "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"d\"}," USER
         "]" OPTIONS("")},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}"
         ","
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUJD\"}},"
         "{\"type\":\"text\",\"text\":\"b\"}]}]}",
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"ab\",\"images\":["
         "\"QUJD\"]}]" OPTIONS("")},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
         "\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
         "\\\"x\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"7\"}]"
         ","
         "\"max_tokens\":5,\"max_completion_tokens\":9,\"temperature\":0,\"top_p\":0.5,"
         "\"seed\":-3,\"stop\":[\"x\",\"y\"],\"frequency_penalty\":1,\"user\":\"ignored\"}",
         "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_"
         "calls\":[{\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]},"
         "{\"role\":\"tool\",\"content\":\"7\",\"tool_name\":\"f\",\"tool_call_id\":"
         "\"c1\"}]" OPTIONS("\"num_predict\":9,\"temperature\":0,\"top_p\":0.5,\"seed\":-3,"
                            "\"frequency_penalty\":1,\"stop\":[\"x\",\"y\"]")},
        {"{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":{"
         "\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":\"object\"}}},"
         "{\"type\":\"function\",\"function\":{\"name\":\"g\"}}],\"tool_choice\":{\"type\":"
         "\"function\",\"function\":{\"name\":\"g\"}}}",
         "{\"model\":\"m\",\"messages\":[" USER "],\"tools\":[{\"type\":\"function\","
         "\"function\":{\"name\":\"g\",\"parameters\":{\"type\":\"object\",\"properties\":"
         "{}}}}]" OPTIONS("")},
        {"{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":{"
         "\"name\":\"f\"}}],\"tool_choice\":\"none\"}",
         "{\"model\":\"m\",\"messages\":[" USER "]" OPTIONS("")},
        {"{\"messages\":[" USER "],\"stop\":\"x\",\"response_format\":{\"type\":"
         "\"json_object\"},\"reasoning_effort\":\"none\"}",
         "{\"model\":\"m\",\"messages\":[" USER
         "],\"stream\":true,\"format\":\"json\",\"think\":false,\"options\":{\"stop\":["
         "\"x\"]}}"},
        {"{\"messages\":[" USER "],\"response_format\":{\"type\":\"json_schema\","
         "\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}},"
         "\"reasoning_effort\":\"low\"}",
         "{\"model\":\"m\",\"messages\":[" USER
         "],\"stream\":true,\"format\":{\"type\":\"object\"},\"think\":\"low\","
         "\"options\":{}}"},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        json_t *body = parse(rows[i].body);
        char why[NC_OPENAI_REASON] = "";
        struct nc_buf b = {0};

        if (nc_ollama_translate(&b, body, NC_STR("m"), 0, why) != NC_OK)
            fail_msg("%s: %s", rows[i].body, why);
        eq(nc_buf_str(&b), rows[i].want);
        nc_buf_fini(&b);
        json_decref(body);
    }

    json_t *body = parse("{\"messages\":[" USER "]}");
    char why[NC_OPENAI_REASON];
    struct nc_buf b = {0};
    assert_int_equal(nc_ollama_translate(&b, body, NC_STR("m"), 8192, why), NC_OK);
    eq(nc_buf_str(&b),
       "{\"model\":\"m\",\"messages\":[" USER "]" OPTIONS("\"num_ctx\":8192"));
    nc_buf_fini(&b);
    json_decref(body);
}

/* What is wrong is named; a prompt's text never stands in it. */
static void test_refused(void **state)
{
    (void)state;
#define IMAGE(url)                                                                    \
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_" \
    "url\":{\"url\":\"" url "\"}}]}]}"
#define CALL(call) \
    "{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" call "]}]}"
    static const struct {
        const char *body, *member;
    } rows[] = {
        {"[]", "body"},
        {"{}", "messages"},
        {"{\"messages\":[]}", "messages"},
        {"{\"messages\":{}}", "messages"},
        {"{\"messages\":[5]}", "messages[0].role"},
        {"{\"messages\":[{\"role\":\"king\",\"content\":\"secret\"}]}", "messages[0].role"},
        {"{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":5}]}", "messages[0].content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":5}]}]"
         "}",
         "messages[0].content[0].text"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[\"secret\"]}]}",
         "messages[0].content[0].type"},
        {"{\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"image_url\"}]}]}",
         "messages[0].content[0]"},
        {"{\"messages\":[{\"role\":\"tool\",\"content\":\"secret\"}]}",
         "messages[0].tool_call_id"},
        {IMAGE("https://example.net/secret.png"), "image_url"},
        {IMAGE("file:///etc/passwd"), "image_url"},
        {IMAGE("data:text/plain;base64,QUJD"), "image_url"},
        {IMAGE("data:image/png,QUJD"), "image_url"},
        {IMAGE("data:image/png;base64,"), "image_url"},
        {IMAGE("data:image/png;base64,se cret"), "image_url"},
        {CALL("5"), "tool_calls[0].id"},
        {CALL("{\"id\":\"c\"}"), "tool_calls[0].function.name"},
        {CALL("{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"[1]\"}}"),
         "tool_calls[0].function.arguments"},
        {CALL("{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}"),
         "tool_calls[0].function.arguments"},
        {"{\"messages\":[" USER "],\"n\":2}", "n"},
        {"{\"messages\":[" USER "],\"stream\":1}", "stream"},
        {"{\"messages\":[" USER "],\"temperature\":\"hot\"}", "temperature"},
        {"{\"messages\":[" USER "],\"temperature\":3}", "temperature"},
        {"{\"messages\":[" USER "],\"top_p\":-0.1}", "top_p"},
        {"{\"messages\":[" USER "],\"max_tokens\":-1}", "max_tokens"},
        {"{\"messages\":[" USER "],\"max_tokens\":1.5}", "max_tokens"},
        {"{\"messages\":[" USER "],\"max_completion_tokens\":0}", "max_completion_tokens"},
        {"{\"messages\":[" USER "],\"seed\":\"1\"}", "seed"},
        {"{\"messages\":[" USER "],\"stop\":5}", "stop"},
        {"{\"messages\":[" USER "],\"stop\":[5]}", "stop"},
        {"{\"messages\":[" USER "],\"tools\":{}}", "tools"},
        {"{\"messages\":[" USER "],\"tools\":[{}]}", "tools[0].type"},
        {"{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\"}]}",
         "tools[0].function.name"},
        {"{\"messages\":[" USER
         "],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
         "\"f\",\"parameters\":[]}}]}",
         "tools[0].function.parameters"},
        {"{\"messages\":[" USER "],\"tool_choice\":5}", "tool_choice"},
        {"{\"messages\":[" USER "],\"response_format\":{}}", "response_format"},
        {"{\"messages\":[" USER "],\"response_format\":{\"type\":\"json_schema\"}}",
         "response_format"},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        json_t *body = parse(rows[i].body);
        char why[NC_OPENAI_REASON] = "";
        struct nc_buf b = {0};

        if (nc_ollama_translate(&b, body, NC_STR("m"), 0, why) != NC_EINVAL)
            fail_msg("taken: %s", rows[i].body);
        if (!strstr(why, rows[i].member) || strstr(why, "secret"))
            fail_msg("%s: %s", rows[i].body, why);
        nc_buf_fini(&b);
        json_decref(body);
    }
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text, *reasoning;
        enum nc_openai_finish finish;
        bool done, usage, failed;
    } rows[] = {
        {"{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":"
         "\"assistant\",\"content\":\"При\"},\"done\":false}",
         "При", "", NC_OPENAI_GOING, false, false, false},
        {" {\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},"
         "\"done\":false}\r",
         "", "hm", NC_OPENAI_GOING, false, false, false},
        {"{\"message\":{\"content\":\"a\\u0000b\"}}", "ab", "", NC_OPENAI_GOING, false,
         false, false},
        {"{\"message\":{\"content\":null,\"thinking\":5}}", "", "", NC_OPENAI_GOING, false,
         false, false},
        {"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
         "\"done_reason\":\"stop\",\"done\":true,\"total_duration\":5,"
         "\"prompt_eval_count\":11,\"eval_count\":7}",
         "", "", NC_OPENAI_STOP, true, true, false},
        {"{\"done\":true}", "", "", NC_OPENAI_STOP, true, false, false},
        {"{\"message\":{\"content\":\"x\"},\"done\":true,\"done_reason\":\"length\","
         "\"prompt_eval_count\":11,\"eval_count\":7}",
         "x", "", NC_OPENAI_LENGTH, true, true, false},
        {"{\"done\":true,\"done_reason\":\"tired\"}", "", "", NC_OPENAI_ODD, true, false,
         false},
        {"{\"error\":\"an error was encountered while running the model\"}", "", "",
         NC_OPENAI_GOING, false, false, true},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_reply r;
        unsigned block = 0;

        assert_int_equal(nc_ollama_read(&r, nc_str(rows[i].line), NC_STR(""), &block),
                         NC_OK);
        eq(r.text, rows[i].text);
        eq(r.reasoning, rows[i].reasoning);
        assert_int_equal(r.finish, rows[i].finish);
        assert_int_equal(r.done, rows[i].done);
        assert_int_equal(r.has_usage, rows[i].usage);
        assert_int_equal(r.failed, rows[i].failed);
        assert_int_equal(r.reason[0] != 0, rows[i].failed);
        if (r.has_usage)
            assert_true(r.prompt_tokens == 11 && r.completion_tokens == 7);
        nc_reply_fini(&r);
    }
    static const char *const wrong[] = {
        "", "x", "[]", "{}", "{\"message\":5}", "null", "{\"message\":{\"content\":\"a\"}"};
    for (size_t i = 0; i < NC_COUNT(wrong); i++) {
        struct nc_reply r;
        unsigned block = 0;

        assert_int_equal(nc_ollama_read(&r, nc_str(wrong[i]), NC_STR(""), &block),
                         NC_EINVAL);
        nc_reply_fini(&r);
    }
}

static void test_tools(void **state)
{
    (void)state;
    struct nc_reply r;
    unsigned block = 0;

    assert_int_equal(
        nc_ollama_read(&r,
                       NC_STR("{\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":"
                              "\"call_1\",\"function\":{\"name\":\"f\",\"arguments\":{"
                              "\"x\":1}}},5,{\"function\":{\"name\":\"g\"}}]}}"),
                       NC_STR(""), &block),
        NC_OK);
    assert_int_equal(r.tools_n, 2);
    eq(r.tools[0].id, "call_1");
    eq(r.tools[0].name, "f");
    eq(r.tools[0].arguments, "{\"x\":1}");
    eq(r.tools[1].id, "");
    eq(r.tools[1].name, "g");
    eq(r.tools[1].arguments, "{}");
    assert_true(r.tools[0].begins && r.tools[1].begins && block == 2);
    nc_reply_fini(&r);

    assert_int_equal(nc_ollama_read(&r, NC_STR("{\"done\":true,\"done_reason\":\"stop\"}"),
                                    NC_STR(""), &block),
                     NC_OK);
    assert_int_equal(r.finish, NC_OPENAI_TOOLS);
    nc_reply_fini(&r);
}

static void test_ndjson(void **state)
{
    (void)state;
    static const char stream[] = "{\"a\":1}\n\r\n  \n{\"b\":\"ж\"}\r\nlast";

    for (size_t step = 1; step < sizeof(stream); step++) {
        struct nc_ndjson s = {.limit = 20};
        struct nc_buf got = {0};

        for (size_t i = 0; i < sizeof(stream) - 1; i += step) {
            size_t n = sizeof(stream) - 1 - i < step ? sizeof(stream) - 1 - i : step;
            struct nc_str in = {stream + i, n}, line;

            while (nc_ndjson_next(&s, &in, &line) == NC_OK) {
                nc_buf_adds(&got, line);
                nc_buf_addc(&got, '|');
            }
            assert_int_equal(in.n, 0);
        }
        nc_buf_adds(&got, nc_ndjson_rest(&s));
        eq(nc_buf_str(&got), "{\"a\":1}|{\"b\":\"ж\"}|last");
        nc_buf_fini(&got);
        nc_ndjson_fini(&s);
    }

    struct nc_ndjson s = {.limit = 4};
    struct nc_str in = NC_STR("1234\n12"), line;
    assert_int_equal(nc_ndjson_next(&s, &in, &line), NC_OK);
    eq(line, "1234");
    assert_int_equal(nc_ndjson_next(&s, &in, &line), NC_AGAIN);
    in = NC_STR("345");
    assert_int_equal(nc_ndjson_next(&s, &in, &line), NC_ELIMIT);
    nc_ndjson_fini(&s);
}

static void test_models(void **state)
{
    (void)state;
    json_t *tags = parse(
        "{\"models\":[{\"name\":\"llama3:latest\",\"model\":\"llama3:latest\",\"size\":"
        "4661224676,\"digest\":\"sha256:1\",\"details\":{}},{\"name\":\"old\"},{},7,"
        "{\"name\":\"a\\u0000b\",\"size\":-5}]}");
    struct nc_ollama_model m;

    assert_int_equal(nc_ollama_models(tags), 5);
    assert_true(nc_ollama_model(tags, 0, &m));
    eq(m.name, "llama3:latest");
    eq(m.digest, "sha256:1");
    assert_true(m.bytes == 4661224676u);
    assert_true(nc_ollama_model(tags, 1, &m) && m.bytes == 0);
    for (size_t i = 2; i < 6; i++)
        assert_false(nc_ollama_model(tags, i, &m));
    json_decref(tags);
    assert_int_equal(nc_ollama_models(NULL), 0);

    tags = parse("{\"models\":[{\"name\":\"a\",\"details\":{\"family\":\"nomic-bert\"}},"
                 "{\"name\":\"b\",\"details\":{\"family\":\"llama\"}}]}");
    assert_true(nc_ollama_model(tags, 0, &m) && m.embeds);
    assert_true(nc_ollama_model(tags, 1, &m) && !m.embeds);
    json_decref(tags);

    json_t *show =
        parse("{\"model_info\":{\"general.architecture\":\"qwen3\","
              "\"qwen3.embedding_length\":4096,\"qwen3.context_length\":40960}}");
    assert_true(nc_ollama_context(show) == 40960);
    json_decref(show);
    show = parse("{\"model_info\":{\".context_length\":5,\"x.context_length\":\"7\"}}");
    assert_true(nc_ollama_context(show) == 0);
    json_decref(show);
    assert_true(nc_ollama_context(NULL) == 0);

    struct nc_buf b = {0};
    nc_ollama_show(&b, NC_STR("a\"b"));
    eq(nc_buf_str(&b), "{\"model\":\"a\\\"b\"}");
    nc_buf_fini(&b);
}

static void test_what_is_served_elsewhere(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool cloud;
    } rows[] = {
        {"gpt-oss:120b-cloud", true}, {"glm-4.6:cloud", true}, {"cloud", false},
        {"cloudy:7b", false},         {"mycloud", false},      {"", false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        assert_int_equal(nc_ollama_is_cloud(nc_str(rows[i].name)), rows[i].cloud);

    struct nc_reply r;
    unsigned block = 0;
    assert_int_equal(
        nc_ollama_read(&r,
                       NC_STR("{\"model\":\"m\",\"remote_model\":\"gpt-oss:120b\","
                              "\"remote_host\":\"https://ollama.com:443\",\"message\":{"
                              "\"content\":\"a\"}}"),
                       NC_STR(""), &block),
        NC_OK);
    eq(r.remote, "https://ollama.com:443");
    nc_reply_fini(&r);
}

static void test_embeddings(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want; /* NULL: refused */
        bool base64;
    } rows[] = {
        {"{\"input\":\"x\"}", "{\"model\":\"m\",\"input\":\"x\"}", false},
        {"{\"input\":[\"x\",\"y\"],\"encoding_format\":\"base64\",\"dimensions\":64}",
         "{\"model\":\"m\",\"input\":[\"x\",\"y\"],\"dimensions\":64}", true},
        {"{}", NULL, false},
        {"{\"input\":[]}", NULL, false},
        {"{\"input\":[1,2]}", NULL, false},
        {"{\"input\":\"x\",\"encoding_format\":\"hex\"}", NULL, false},
        {"{\"input\":\"x\",\"dimensions\":0}", NULL, false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        json_t *body = parse(rows[i].body);
        char why[NC_OPENAI_REASON] = "";
        struct nc_buf b = {0};
        bool base64 = false;
        enum nc_err e = nc_ollama_embed(&b, body, NC_STR("m"), &base64, why);

        assert_int_equal(e, rows[i].want ? NC_OK : NC_EINVAL);
        if (rows[i].want)
            eq(nc_buf_str(&b), rows[i].want);
        assert_int_equal(why[0] != 0, !rows[i].want);
        assert_int_equal(base64 && e == NC_OK, rows[i].base64);
        nc_buf_fini(&b);
        json_decref(body);
    }

    static const char answer[] =
        "{\"model\":\"m\",\"embeddings\":[[1,-0.5]],\"prompt_eval_count\":3}";
#define EMBEDDED(vector)                                                    \
    "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0," \
    "\"embedding\":" vector                                                 \
    "}],\"model\":\"m\",\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"
    uint64_t tokens;
    struct nc_buf b = {0};
    assert_int_equal(nc_ollama_embedded(&b, nc_str(answer), NC_STR("m"), false, &tokens),
                     NC_OK);
    eq(nc_buf_str(&b), EMBEDDED("[1,-0.5]"));
    nc_buf_clear(&b);
    assert_int_equal(nc_ollama_embedded(&b, nc_str(answer), NC_STR("m"), true, &tokens),
                     NC_OK);
    eq(nc_buf_str(&b), EMBEDDED("\"AACAPwAAAL8=\""));
    assert_true(tokens == 3);
    static const char *const wrong[] = {"", "{}", "{\"embeddings\":[5]}", "<html>"};
    for (size_t i = 0; i < NC_COUNT(wrong); i++)
        assert_int_equal(
            nc_ollama_embedded(&b, nc_str(wrong[i]), NC_STR("m"), false, &tokens),
            NC_EINVAL);
    nc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_translate),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_ndjson),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_embeddings),
        cmocka_unit_test(test_what_is_served_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
