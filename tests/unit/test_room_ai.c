/* ai/room_ai: what a room says about AI; ai/tokens: a guess. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ai/room_ai.h"
#include "ai/tokens.h"
#include "base/buf.h"

/* Patch, and the settings that come of it; NULL: refused, and `why` says why. */
static struct nc_problem why;
static struct nc_buf result;

static const char *fresh = "";

static const char *patch(const char *settings, const char *with, bool dialog)
{
    json_t *body = json_loads(with, JSON_DECODE_ANY, NULL);

    assert_non_null(body);
    nc_buf_clear(&result);
    enum nc_err e =
        nc_room_ai_patch(nc_str(settings), nc_str(fresh), body, dialog, &result, &why);
    json_decref(body);
    nc_buf_addc(&result, '\0');
    return e ? NULL : result.p;
}

#define NEW \
    "{\"allowed\":true,\"destination\":\"cloud\",\"call\":\"name\",\"persona_turns\":0"

static void what_is_missing_or_odd_is_as_in_a_new_room(void **state)
{
    (void)state;
    const char *odd[] = {"", "{}", "no JSON", "[]",
                         "{\"allowed\":7,\"persona_turns\":99,\"call\":\"loud\"}"};
    struct nc_room_ai a;

    for (size_t i = 0; i < NC_COUNT(odd); i++) {
        nc_room_ai_read(&a, nc_str(odd[i]));
        assert_true(a.allowed && !a.strict && a.persona_turns == 0);
        assert_int_equal(a.furthest, NC_DEST_CLOUD);
        assert_true(a.temperature < 0 && a.max_tokens == 0 && !a.auto_title);
        assert_true(!a.model.n && !a.system_prompt.n);
        nc_room_ai_fini(&a);
    }
}

static void what_is_put_back_is_as_the_node_has_it(void **state)
{
    (void)state;
    fresh = "{\"destination\":\"this_node\"}";
    const char *s = patch("{\"destination\":\"lan\"}", "{\"destination\":null}", false);
    fresh = "";
    assert_non_null(s);
    assert_non_null(strstr(s, "\"destination\":\"this_node\""));
}

static void a_destination_nobody_knows_goes_nowhere_far(void **state)
{
    (void)state;
    struct nc_room_ai a;

    nc_room_ai_read(&a, NC_STR("{\"destination\":\"moon\",\"call\":\"strict\"}"));
    assert_int_equal(a.furthest, NC_DEST_THIS_NODE);
    nc_room_ai_fini(&a);
}

static void a_patch_is_merged(void **state)
{
    (void)state;
    assert_string_equal(patch("", "{}", false), NEW "}");
    const char *s = patch("", "{\"destination\":\"lan\",\"call\":\"strict\"}", false);
    assert_string_equal(s, "{\"allowed\":true,\"destination\":\"lan\",\"call\":\"strict\","
                           "\"persona_turns\":0}");
    char *kept = strdup(s);
    s = patch(kept, "{\"allowed\":false,\"call\":null,\"persona_turns\":3}", false);
    assert_string_equal(s, "{\"allowed\":false,\"destination\":\"lan\",\"call\":\"name\","
                           "\"persona_turns\":3}");
    free(kept);
}

static void a_dialog_has_more(void **state)
{
    (void)state;
    const char *s = patch("{\"branched_from\":{\"room\":\"r\"}}",
                          "{\"model\":\"box/llama\",\"system_prompt\":\"Be \\\"kind\\\".\","
                          "\"temperature\":0.5,\"max_tokens\":100,\"auto_title\":true}",
                          true);
    assert_string_equal(s, NEW ",\"model\":\"box/llama\",\"system_prompt\":\"Be "
                               "\\\"kind\\\".\",\"temperature\":0.5,\"max_tokens\":100,"
                               "\"auto_title\":true,\"branched_from\":{\"room\":\"r\"}}");
    char *kept = strdup(s);
    struct nc_room_ai a;
    nc_room_ai_read(&a, nc_str(kept));
    assert_true(nc_str_eqz(a.model, "box/llama"));
    assert_true(nc_str_eqz(a.system_prompt, "Be \"kind\"."));
    assert_true(a.temperature == 0.5 && a.max_tokens == 100 && a.auto_title);
    nc_room_ai_fini(&a);
    s = patch(kept,
              "{\"model\":null,\"system_prompt\":\"\",\"temperature\":null,"
              "\"max_tokens\":null,\"auto_title\":false}",
              true);
    assert_string_equal(s, NEW ",\"branched_from\":{\"room\":\"r\"}}");
    free(kept);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *with, *names;
        bool dialog;
    } rows[] = {
        {"7", "`ai`", false},
        {"[]", "`ai`", false},
        {"{\"allowed\":1}", "`allowed`", false},
        {"{\"destination\":\"moon\"}", "`destination`", false},
        {"{\"destination\":\"\"}", "`destination`", false},
        {"{\"destination\":\"lan:host\"}", "`destination`", false},
        {"{\"destination\":5}", "`destination`", false},
        {"{\"call\":\"loud\"}", "`call`", false},
        {"{\"persona_turns\":4}", "`persona_turns`", false},
        {"{\"persona_turns\":-1}", "`persona_turns`", false},
        {"{\"persona_turns\":1.5}", "`persona_turns`", false},
        {"{\"model\":\"m\"}", "`model`", false},
        {"{\"system_prompt\":null}", "`system_prompt`", false},
        {"{\"temperature\":1}", "`temperature`", false},
        {"{\"max_tokens\":1}", "`max_tokens`", false},
        {"{\"auto_title\":true}", "`auto_title`", false},
        {"{\"model\":\"two words\"}", "`model`", true},
        {"{\"model\":\"new\\nline\"}", "`model`", true},
        {"{\"model\":5}", "`model`", true},
        {"{\"system_prompt\":[]}", "`system_prompt`", true},
        {"{\"system_prompt\":\"nul\\u0000\"}", "`system_prompt`", true},
        {"{\"temperature\":-0.1}", "`temperature`", true},
        {"{\"temperature\":2.1}", "`temperature`", true},
        {"{\"temperature\":\"hot\"}", "`temperature`", true},
        {"{\"max_tokens\":0}", "`max_tokens`", true},
        {"{\"max_tokens\":-5}", "`max_tokens`", true},
        {"{\"max_tokens\":1000001}", "`max_tokens`", true},
        {"{\"auto_title\":\"yes\"}", "`auto_title`", true},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        json_t *body = json_loads(rows[i].with, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        nc_buf_clear(&result);
        assert_int_equal(
            nc_room_ai_patch(NC_STR(""), NC_STR(""), body, rows[i].dialog, &result, &why),
            NC_EINVAL);
        json_decref(body);
        if (!strstr(why.detail, rows[i].names))
            fail_msg("%s: %s", rows[i].with, why.detail);
        assert_int_equal(result.n, 0); /* nothing half-made */
    }
}

static void sizes_have_limits(void **state)
{
    (void)state;
    char prompt[20000], body[20100];

    memset(prompt, 'x', sizeof(prompt));
    prompt[16384] = '\0';
    snprintf(body, sizeof(body), "{\"system_prompt\":\"%s\"}", prompt);
    assert_non_null(patch("", body, true));
    prompt[16384] = 'x';
    prompt[16385] = '\0';
    snprintf(body, sizeof(body), "{\"system_prompt\":\"%s\"}", prompt);
    assert_null(patch("", body, true));
    assert_int_equal(why.code, NC_P_TOO_LARGE);
    prompt[199] = '\0';
    snprintf(body, sizeof(body), "{\"model\":\"%s\"}", prompt);
    assert_non_null(patch("", body, true));
    prompt[199] = 'x';
    prompt[200] = '\0';
    snprintf(body, sizeof(body), "{\"model\":\"%s\"}", prompt);
    assert_null(patch("", body, true));
}

static void tokens_are_guessed_by_script(void **state)
{
    (void)state;
    assert_int_equal(nc_tokens_guess(NC_STR("")), 0);
    assert_int_equal(nc_tokens_guess(NC_STR("a")), 1);
    assert_int_equal(nc_tokens_guess(NC_STR("twelve chars")), 3);
    assert_int_equal(nc_tokens_guess(NC_STR("двенадцать б")), 5);
    assert_int_equal(nc_tokens_guess(NC_STR("汉字汉字")), 4);
    assert_int_equal(nc_tokens_guess(NC_STR("🙏")), 2);
    assert_true(nc_tokens_guess(NC_STR("\xff\xfe")) > 0);
}

static int free_result(void **state)
{
    (void)state;
    nc_buf_fini(&result);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_or_odd_is_as_in_a_new_room),
        cmocka_unit_test(what_is_put_back_is_as_the_node_has_it),
        cmocka_unit_test(a_destination_nobody_knows_goes_nowhere_far),
        cmocka_unit_test(a_patch_is_merged),
        cmocka_unit_test(a_dialog_has_more),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(tokens_are_guessed_by_script),
    };
    return cmocka_run_group_tests(tests, NULL, free_result);
}
