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

static bool is_olga(const void *arg, struct nc_str folded)
{
    (void)arg;
    return nc_str_eqz(folded, "ольга");
}

static const struct nc_str olgas[] = {
    {"Ольга", 10}, {"Оля", 6}, {"Олечка", 12}, {"Olga", 4}, {"Olya", 4}};
static const struct nc_str alyonas[] = {{"Алёна", 10}, {"Алёнка", 12}, {"Alyona", 6}};

/* The second column of the table. */
static const struct who {
    const char *name;
    struct nc_asked_name asked;
    bool strict;
} everyone[] = {
    {"olga", {{"olga", 4}, olgas, NC_COUNT(olgas), NULL, NULL}, false},
    {"olga strict", {{"olga", 4}, olgas, NC_COUNT(olgas), NULL, NULL}, true},
    {"olga namesake", {{"olga", 4}, olgas, NC_COUNT(olgas), is_olga, NULL}, false},
    {"alyona", {{"alyona", 6}, alyonas, NC_COUNT(alyonas), NULL, NULL}, false},
};

static const struct who *who_is(struct nc_str name)
{
    for (size_t i = 0; i < NC_COUNT(everyone); i++)
        if (nc_str_eqz(name, everyone[i].name))
            return &everyone[i];
    return NULL;
}

/* "\n" and "\t" stand for what they say. */
static struct nc_str unescape(char *s)
{
    size_t n = 0;

    for (size_t i = 0; s[i] && s[i] != '\n'; i++) {
        if (s[i] == '\\' && (s[i + 1] == 'n' || s[i + 1] == 't'))
            s[n++] = s[++i] == 'n' ? '\n' : '\t';
        else
            s[n++] = s[i];
    }
    return (struct nc_str){s, n};
}

static void every_sentence_of_the_table(void **state)
{
    (void)state;
    char path[1024], line[1024];
    unsigned n[2] = {0}, wrong = 0;

    snprintf(path, sizeof(path), "%s/asked.tsv", getenv("NEURALCHAT_TESTDATA"));
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        char *name = strchr(line, '\t') + 1, *text = strchr(name, '\t') + 1;
        const struct who *who = who_is((struct nc_str){name, (size_t)(text - name - 1)});
        bool want = strncmp(line, "yes\t", 4) == 0;
        struct nc_str sentence = unescape(text);
        assert_true(want || strncmp(line, "no\t", 3) == 0);
        assert_non_null(who);
        n[want]++;
        if (nc_asked(sentence, &who->asked, who->strict) != want) {
            print_error("%s is wanted for %s: %.*s\n", want ? "yes" : "no", who->name,
                        NC_FMT(sentence));
            wrong++;
        }
    }
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(n[0] >= 110 && n[1] >= 110);
}

static void the_middle_of_a_long_text_is_not_looked_at(void **state)
{
    (void)state;
    size_t n = 10 << 20;
    char *text = malloc(n);

    for (size_t i = 0; i + 1 < n; i += 2) /* combining acute accents */
        memcpy(text + i, "\xcc\x81", 2);
    memcpy(text, "Olga, ", 6);
    assert_true(nc_asked((struct nc_str){text, n}, &everyone[0].asked, false));
    memcpy(text, "xOlga,", 6);
    assert_false(nc_asked((struct nc_str){text, n}, &everyone[0].asked, false));
    memcpy(text + n - 6, ", olga", 6);
    assert_true(nc_asked((struct nc_str){text, n}, &everyone[0].asked, false));
    free(text);
}

static void a_persona_without_aliases_is_called_by_its_username(void **state)
{
    (void)state;
    struct nc_asked_name bare = {.username = NC_STR("bot")};

    assert_true(nc_asked(NC_STR("Bot, hello"), &bare, false));
    assert_false(nc_asked(NC_STR("robot, hello"), &bare, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sentence_of_the_table),
        cmocka_unit_test(the_middle_of_a_long_text_is_not_looked_at),
        cmocka_unit_test(a_persona_without_aliases_is_called_by_its_username),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
