#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json_in.h"
#include "wire/openai_server.h"

static enum nc_err judge(const char *what, struct nc_str body, struct nc_openai_wrong *w)
{
    json_t *root = NULL;
    enum nc_err e;

    *w = (struct nc_openai_wrong){0};
    if (nc_json_parse(body, &root, &w->why) != NC_OK)
        return NC_EINVAL;
    if (strcmp(what, "chat") == 0)
        e = nc_openai_judge_chat(root, w);
    else
        e = nc_openai_judge_embeddings(root, w);
    json_decref(root);
    return e;
}

/* Every line of the table is refused, and names what is wrong. */
static void test_bad_bodies(void **state)
{
    char path[512], *line = NULL;
    size_t cap = 0;
    unsigned rows = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/openai-bad.tsv", getenv("NEURALCHAT_TESTDATA"));
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
        struct nc_str rest = {line, (size_t)n - 1};
        struct nc_openai_wrong w;
        char what[16], param[100];
        if (line[0] == '#')
            continue;
        struct nc_str a = nc_str_cut(&rest, '\t'), b = nc_str_cut(&rest, '\t');
        snprintf(what, sizeof what, "%.*s", NC_FMT(a));
        snprintf(param, sizeof param, "%.*s", NC_FMT(b));
        if (judge(what, rest, &w) != NC_EINVAL)
            fail_msg("taken: %s", line);
        assert_int_equal(nc_problem_status(w.why.code), 400);
        assert_string_equal(w.param, strcmp(param, "-") == 0 ? "" : param);
        assert_true(w.why.detail[0] != 0);
        rows++;
    }
    assert_true(rows >= 60);
    free(line);
    fclose(f);
}

static void test_good_bodies(void **state)
{
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
    static const char *const good[] = {
        "{\"model\":\"m\"," HI "}",
        "{\"model\":\"m\"," HI
        ",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"temperature\":0,\"top_p\":1,\"n\":2,\"max_tokens\":5,\"stop\":[\"a\"],\"seed\":-"
        "7,"
        "\"user\":null,\"logit_bias\":{\"5\":-100},\"top_k\":40,\"min_p\":0.1}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":"
        "\"text\",\"text\":\"\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
        "\"image_url\":{\"url\":\"data:\"}}]},{\"role\":\"assistant\",\"content\":null,"
        "\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"\"}"
        "],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}"
        "],"
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"role\":\"assistant\",\"content\":\"\"}],\"stop\":\"\",\"response_format\":"
        "{\"type\":\"json_object\"}}",
    };
    struct nc_openai_wrong w;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(good); i++)
        if (judge("chat", nc_str(good[i]), &w) != NC_OK)
            fail_msg("%s: %s", good[i], w.why.detail);
    assert_int_equal(judge("embeddings", NC_STR("{\"model\":\"m\",\"input\":\"hi\"}"), &w),
                     NC_OK);
    assert_int_equal(
        judge("embeddings", NC_STR("{\"model\":\"m\",\"input\":[[1,2],\"b\"]}"), &w),
        NC_OK);
    assert_int_equal(judge("embeddings", NC_STR("{\"model\":\"m\",\"input\":[1,2]}"), &w),
                     NC_OK);
}

static void expect_error(enum nc_problem_code code, const char *param, const char *word,
                         const char *want)
{
    struct nc_problem why;
    struct nc_buf out = {0};

    nc_problem_set(&why, code, "why");
    nc_openai_error(&out, &why, param, word);
    nc_buf_addc(&out, 0);
    assert_string_equal(out.p, want);
    nc_buf_fini(&out);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error(NC_P_BAD_REQUEST, "stop[0]", NULL,
                 "{\"error\":{\"message\":\"why\",\"type\":\"invalid_request_error\","
                 "\"param\":\"stop[0]\",\"code\":null}}");
    expect_error(NC_P_UNAUTHORIZED, NULL, NULL,
                 "{\"error\":{\"message\":\"why\",\"type\":\"invalid_request_error\","
                 "\"param\":null,\"code\":\"invalid_api_key\"}}");
    expect_error(NC_P_RATE_LIMITED, "", "insufficient_quota",
                 "{\"error\":{\"message\":\"why\",\"type\":\"insufficient_quota\","
                 "\"param\":null,\"code\":\"insufficient_quota\"}}");
    expect_error(NC_P_LOOP, NULL, NULL,
                 "{\"error\":{\"message\":\"why\",\"type\":\"server_error\","
                 "\"param\":null,\"code\":\"loop_detected\"}}");
}

/* Floats as the API's base64: 1.0 and -2.5 are 0x3f800000 and 0xc0200000. */
static void test_pack_embeddings(void **state)
{
    struct nc_buf out = {0};

    (void)state;
    assert_true(nc_openai_pack_embeddings(
        NC_STR("{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[1,-2.5]}]}"),
        &out));
    nc_buf_addc(&out, 0);
    assert_string_equal(out.p, "{\"object\":\"list\",\"data\":[{\"index\":0,"
                               "\"embedding\":\"AACAPwAAIMA=\"}]}");
    nc_buf_clear(&out);
    assert_false(nc_openai_pack_embeddings(
        NC_STR("{\"data\":[{\"embedding\":\"AACAPw==\"}]}"), &out));
    assert_false(nc_openai_pack_embeddings(NC_STR("nothing"), &out));
    assert_int_equal(out.n, 0);
    nc_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_good_bodies),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_pack_embeddings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
