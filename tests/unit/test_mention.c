#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chat/talk/mention.h"

static bool is_known(void *arg, struct nc_str name)
{
    static const char *const names[] = {"ada", "bob", "olga", "j.r", "a-b", "x1", "anna.k"};

    (void)arg;
    for (size_t i = 0; i < NC_COUNT(names); i++)
        if (nc_str_eqz(name, names[i]))
            return true;
    return false;
}

static const struct {
    const char *text, *mentions;
} table[] = {
    {"", ""},
    {"no one", ""},
    {"@ada", "ada"},
    {"hi @ada and @bob!", "ada bob"},
    {"@Ada @ADA @ada", "ada"},
    {"@ada.", "ada"},
    {"@ada, @bob: look", "ada bob"},
    {"(@ada)", "ada"},
    {"\"@ada\"", "ada"},
    {"«@olga»", "olga"},
    {"— @olga, привет", "olga"},
    {"привет,@olga", "olga"},
    {"@j.r", "j.r"},
    {"@j.r.", "j.r"},
    {"@a-b- @a-b", "a-b"},
    {"@anna.k...", "anna.k"},
    {"@ada-", "ada"},
    {"@ada's", "ada"},
    {"@nobody", ""},
    {"@adam", ""},
    {"@ada_", ""},
    {"@ada1", ""},
    {"mail ada@bob.example", ""},
    {"x@ada", ""},
    {"я@ada", ""},
    {"_@ada", ""},
    {"@@ada", ""},
    {"@ada@bob", ""},
    {"@adaя", ""},
    {"http://h/@ada", ""},
    {"🙂@ada🙂", "ada"},
    {"`@ada` @bob", "bob"},
    {"``a ` @ada`` @bob", "bob"},
    {"`open @ada", "ada"},
    {"```\n@ada\n```\n@bob", "bob"},
    {"```c\n@ada\n", ""},
    {"~~~\n@ada\n~~~\n@bob", "bob"},
    {"~~~\n```\n@ada\n~~~\n@bob", "bob"},
    {"    @ada", "ada"},
    {"@", ""},
    {"@ ada", ""},
    {"@x1@", ""},
    {"@-ada", ""},
};

static void mentions_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < NC_COUNT(table); i++) {
        struct nc_buf out = {0};
        nc_mention_find(&out, nc_str(table[i].text), is_known, NULL);
        if (!nc_str_eqz(nc_buf_str(&out), table[i].mentions))
            fail_msg("\"%s\" gives \"%.*s\", not \"%s\"", table[i].text,
                     NC_FMT(nc_buf_str(&out)), table[i].mentions);
        nc_buf_fini(&out);
    }
}

static bool all_known(void *arg, struct nc_str name)
{
    (void)arg;
    (void)name;
    return true;
}

static void no_more_than_the_limit(void **state)
{
    struct nc_buf text = {0}, out = {0};
    unsigned words = 1;

    (void)state;
    for (int i = 0; i < 200; i++)
        nc_buf_printf(&text, "@user%d ", i);
    nc_mention_find(&out, nc_buf_str(&text), all_known, NULL);
    for (size_t i = 0; i < out.n; i++)
        words += out.p[i] == ' ';
    assert_int_equal(words, NC_MENTIONS_MAX);
    nc_buf_fini(&text);
    nc_buf_fini(&out);
}

static void what_was_in_the_buffer_stays(void **state)
{
    struct nc_buf out = {0};

    (void)state;
    nc_buf_adds(&out, NC_STR("ada"));
    nc_mention_find(&out, NC_STR("@ada @bob"), is_known, NULL);
    assert_true(nc_str_eqz(nc_buf_str(&out), "adaada bob"));
    nc_buf_fini(&out);
}

static void asked_for_one(void **state)
{
    (void)state;
    assert_true(nc_mention_has(NC_STR("ada bob"), NC_STR("bob")));
    assert_false(nc_mention_has(NC_STR("ada bob"), NC_STR("bo")));
    assert_false(nc_mention_has(NC_STR(""), NC_STR("bob")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mentions_of_the_table),
        cmocka_unit_test(no_more_than_the_limit),
        cmocka_unit_test(what_was_in_the_buffer_stays),
        cmocka_unit_test(asked_for_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
