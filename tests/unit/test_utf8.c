#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

static void well_formed(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "plain ascii, longer than eight",
                                       "ё",
                                       "Привет, Ольга!",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "12345678ё",
                                       "👩‍💻"};
    (void)state;
    for (size_t i = 0; i < NC_COUNT(good); i++)
        assert_true(nc_utf8_valid(nc_str(good[i])));
    assert_true(nc_utf8_valid((struct nc_str){"a\0b", 3})); /* NUL is a character */
}

static void malformed(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x9f\xbf",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe1\x80",
        "\xe1\x80\xc0",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf1\x80\x80",
        "\xff",
        "\xfe",
        "12345678\x80",
        "abc\xd0",
    };
    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_false(nc_utf8_valid(nc_str(bad[i])));
}

/* Every code point, encoded and taken back; and nothing else is accepted. */
static void all_code_points(void **state)
{
    struct nc_buf b = {0};
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        bool real = cp <= 0x10ffff && !(cp >= 0xd800 && cp < 0xe000);
        nc_buf_clear(&b);
        nc_utf8_add(&b, cp);
        if (nc_utf8_valid(nc_buf_str(&b)) != real)
            fail_msg("U+%04X", (unsigned)cp);
        if (!real)
            continue;
        struct nc_str s = nc_buf_str(&b);
        assert_int_equal(nc_utf8_next(&s), cp);
        assert_int_equal(s.n, 0);
        assert_int_equal(nc_utf8_count(nc_buf_str(&b)), 1);
    }
    nc_buf_fini(&b);
}

static void counting_and_cutting(void **state)
{
    struct nc_str s = NC_STR("aё€👍"); /* 1 + 2 + 3 + 4 bytes */
    static const size_t boundary[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    (void)state;
    assert_int_equal(nc_utf8_count(s), 4);
    for (size_t at = 0; at < NC_COUNT(boundary); at++)
        assert_int_equal(nc_utf8_boundary(s, at), boundary[at]);
    struct nc_str bad = NC_STR("\xff"
                               "a");
    assert_int_equal(nc_utf8_next(&bad), NC_UTF8_BAD);
    assert_int_equal(nc_utf8_next(&bad), 'a');
}

static void folds_to(const char *in, bool yo, const char *want)
{
    struct nc_buf b = {0};
    nc_utf8_fold(nc_str(in), yo, &b);
    nc_buf_addc(&b, '\0');
    assert_string_equal(b.p, want);
    nc_buf_fini(&b);
}

static void folding(void **state)
{
    (void)state;
    folds_to("OLGA [ok] 42", true, "olga [ok] 42");
    folds_to("ОЛЬГА", true, "ольга");
    folds_to("Ёлка ЁЖ", true, "елка еж");
    folds_to("Ёлка", false, "ёлка");
    folds_to("Е\xcc\x88лка", true, "елка"); /* the same in two code points */
    folds_to("o\xcc\x88", true, "o\xcc\x88");
    folds_to("ÀÖØÞ×ŸŽŹ", true, "àöøþ×ÿžź");
    folds_to("ΑΣΟΣ ς", true, "ασοσ σ");
    folds_to("ЋЏҐӀӁ", true, "ћџґӏӂ");
    folds_to("ß ẞ", true, "ß ß");
    folds_to("日本 👍", true, "日本 👍");
    folds_to("a\xff"
             "b",
             true,
             "a\xef\xbf\xbd"
             "b");
    for (uint32_t cp = 0; cp < 0x11000; cp++) /* folding what is folded changes nothing */
        assert_int_equal(nc_utf8_fold_one(nc_utf8_fold_one(cp)), nc_utf8_fold_one(cp));
}

static void unseen(void **state)
{
    (void)state;
    assert_true(nc_utf8_unseen(0));
    assert_true(nc_utf8_unseen('\n'));
    assert_true(nc_utf8_unseen(0x85));
    assert_true(nc_utf8_unseen(0x202e));
    assert_true(nc_utf8_unseen(0x2066));
    assert_false(nc_utf8_unseen(' '));
    assert_false(nc_utf8_unseen(0x451));
    assert_false(nc_utf8_unseen(0x200d)); /* emoji are joined by it */
}

static void visible(void **state)
{
    (void)state;
    assert_true(nc_utf8_visible(NC_STR("a")));
    assert_true(nc_utf8_visible(NC_STR(" \u200d\u0451")));
    assert_true(nc_utf8_visible(NC_STR("\U0001f469\u200d\U0001f467")));
    assert_false(nc_utf8_visible(NC_STR("")));
    assert_false(nc_utf8_visible(NC_STR(" \t\u00a0\u3000")));
    assert_false(nc_utf8_visible(NC_STR("\u200b\u3164\u2800\ufe0f\U000e0041")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed),     cmocka_unit_test(malformed),
        cmocka_unit_test(all_code_points), cmocka_unit_test(counting_and_cutting),
        cmocka_unit_test(folding),         cmocka_unit_test(unseen),
        cmocka_unit_test(visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
