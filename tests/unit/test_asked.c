/* ai/asked: the table of sentences is the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ai/asked.h"

static const struct nc_str names[] = {
    {"Ольга", 10}, {"Оля", 6}, {"Олечка", 12}, {"Olga", 4}, {"Olya", 4}};
static const struct nc_asked_name olga = {
    .username = {"olga", 4}, .names = names, .names_n = NC_COUNT(names)};

static void every_sentence_of_the_table(void **state)
{
    (void)state;
    char path[1024], line[1024];
    unsigned n = 0, wrong = 0;

    snprintf(path, sizeof(path), "%s/asked.tsv", getenv("NEURALCHAT_TESTDATA"));
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        struct nc_str rest = nc_str(line);
        rest.n -= rest.n && rest.p[rest.n - 1] == '\n';
        if (rest.n == 0 || rest.p[0] == '#')
            continue;
        bool want = nc_str_eqz(nc_str_cut(&rest, '\t'), "yes");
        n++;
        if (nc_asked(rest, &olga, false) != want) {
            print_error("%s is wanted: %.*s\n", want ? "yes" : "no", NC_FMT(rest));
            wrong++;
        }
    }
    fclose(f);
    assert_true(n > 60);
    assert_int_equal(wrong, 0);
}

static void a_human_namesake_keeps_the_bare_form(void **state)
{
    (void)state;
    struct nc_asked_name two = olga;
    two.namesake = true;
    assert_false(nc_asked(NC_STR("Ольга расскажи анекдот"), &two, false));
    assert_true(nc_asked(NC_STR("Ольга, расскажи анекдот"), &two, false));
}

static void strict_wants_a_comma_or_a_colon(void **state)
{
    (void)state;
    assert_true(nc_asked(NC_STR("Ольга, привет"), &olga, true));
    assert_true(nc_asked(NC_STR("olga: hello"), &olga, true));
    assert_false(nc_asked(NC_STR("olga tell a joke"), &olga, true));
    assert_false(nc_asked(NC_STR("olga! hello"), &olga, true));
    assert_false(nc_asked(NC_STR("tell a joke, olga"), &olga, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sentence_of_the_table),
        cmocka_unit_test(a_human_namesake_keeps_the_bare_form),
        cmocka_unit_test(strict_wants_a_comma_or_a_colon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
