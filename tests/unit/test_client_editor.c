/* client/glyph, client/editor: what backspace removes, where lines break, where the cursor
 * is */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/editor.h"
#include "client/glyph.h"

#define FAMILY "\U0001f468\u200d\U0001f469\u200d\U0001f467"
#define FLAG "\U0001f1f7\U0001f1fa"
#define THUMB "\U0001f44d\U0001f3fd"
#define SHORT_I "\u0438\u0306" /* й in two code points */

static void assert_text(const struct nc_editor *e, const char *want)
{
    assert_int_equal(e->text.n, strlen(want));
    assert_memory_equal(e->text.p, want, e->text.n);
}

static void test_glyphs(void **state)
{
    static const char *const glyphs[] = {"a",      "\u0451", SHORT_I, FAMILY,
                                         FLAG,     FLAG,     THUMB,   "\u2764\ufe0f",
                                         "\u4e2d", "\n",     "z"};
    struct nc_buf b = {0};
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(glyphs); i++)
        nc_buf_adds(&b, nc_str(glyphs[i]));
    for (size_t i = 0; i < NC_COUNT(glyphs); i++) {
        size_t end = nc_glyph_next(nc_buf_str(&b), at);
        assert_int_equal(end - at, strlen(glyphs[i]));
        assert_int_equal(nc_glyph_prev(nc_buf_str(&b), end), at);
        at = end;
    }
    assert_int_equal(at, b.n);
    nc_buf_fini(&b);
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(nc_text_width(NC_STR("hello")), 5);
    assert_int_equal(nc_text_width(nc_str("\u043f\u0440\u0438\u0432\u0435\u0442")), 6);
    assert_int_equal(nc_text_width(nc_str(SHORT_I)), 1);
    assert_int_equal(nc_text_width(nc_str("\u4e2d\u6587")), 4);
    assert_int_equal(nc_text_width(nc_str("\U0001f600")), 2);
    assert_int_equal(nc_text_fit(nc_str("a\u4e2d\u6587"), 2), 1);
    assert_int_equal(nc_text_fit(nc_str("a\u4e2d\u6587"), 3), 4);
}

static void test_strangers_cannot_steer_the_terminal(void **state)
{
    struct nc_buf b = {0};

    (void)state;
    nc_text_clean(&b,
                  nc_str("a\033[2Jb\u202ec\xc2\x9b"
                         "d\xff\te\r\nf\ng\u2028h"),
                  true);
    nc_buf_addc(&b, '\0');
    assert_string_equal(b.p, "a\ufffd[2Jb\ufffdc\ufffdd\ufffd    e\nf\ng\nh");
    nc_buf_clear(&b);
    nc_text_clean(&b, nc_str("a\tb\nc"), false);
    nc_buf_addc(&b, '\0');
    assert_string_equal(b.p, "a b c");
    nc_buf_fini(&b);
}

static void assert_lines(const char *text, unsigned columns, const char *const *want)
{
    struct nc_str line;
    size_t at = 0, n = 0;

    while (nc_text_line(nc_str(text), columns, &at, &line)) {
        assert_non_null(want[n]);
        assert_int_equal(line.n, strlen(want[n]));
        assert_memory_equal(line.p, want[n], line.n);
        n++;
    }
    assert_null(want[n]);
}

static void test_wrapping(void **state)
{
    (void)state;
    assert_lines("", 10, (const char *[]){"", NULL});
    assert_lines("one two three", 8, (const char *[]){"one two", "three", NULL});
    assert_lines("one two", 7, (const char *[]){"one two", NULL});
    assert_lines("abcdefgh", 3, (const char *[]){"abc", "def", "gh", NULL});
    assert_lines("a\n\nb\n", 5, (const char *[]){"a", "", "b", "", NULL});
    assert_lines("\u4e2d\u6587\u5b57", 5, (const char *[]){"\u4e2d\u6587", "\u5b57", NULL});
    assert_lines("\u4e2d\u6587", 2, (const char *[]){"\u4e2d", "\u6587", NULL});
    assert_lines("ab " FAMILY, 6, (const char *[]){"ab", FAMILY, NULL});
}

static void test_backspace_takes_a_glyph(void **state)
{
    struct nc_editor e = {0};

    (void)state;
    nc_editor_insert(&e, nc_str("\u043f" SHORT_I FAMILY FLAG THUMB));
    nc_editor_erase(&e, NC_EDIT_LEFT);
    assert_text(&e, "\u043f" SHORT_I FAMILY FLAG);
    nc_editor_erase(&e, NC_EDIT_LEFT);
    assert_text(&e, "\u043f" SHORT_I FAMILY);
    nc_editor_erase(&e, NC_EDIT_LEFT);
    assert_text(&e, "\u043f" SHORT_I);
    nc_editor_erase(&e, NC_EDIT_LEFT);
    assert_text(&e, "\u043f");
    nc_editor_erase(&e, NC_EDIT_LEFT);
    nc_editor_erase(&e, NC_EDIT_LEFT);
    assert_int_equal(e.text.n, 0);
    nc_editor_fini(&e);
}

static void test_editing(void **state)
{
    struct nc_editor e = {0};

    (void)state;
    nc_editor_insert(&e, NC_STR("hello big world"));
    nc_editor_move(&e, NC_EDIT_WORD_LEFT);
    nc_editor_erase(&e, NC_EDIT_WORD_LEFT);
    assert_text(&e, "hello world");
    nc_editor_move(&e, NC_EDIT_FINISH);
    nc_editor_insert(&e, NC_STR(" "));
    nc_editor_yank(&e);
    assert_text(&e, "hello world big ");
    nc_editor_move(&e, NC_EDIT_HOME);
    nc_editor_erase(&e, NC_EDIT_RIGHT);
    assert_text(&e, "ello world big ");
    nc_editor_erase(&e, NC_EDIT_END);
    assert_text(&e, "");
    nc_editor_set(&e, NC_STR("hi @al"));
    assert_true(nc_str_eqz(nc_editor_word(&e), "@al"));
    nc_editor_replace_word(&e, NC_STR("@alice "));
    assert_text(&e, "hi @alice ");
    nc_editor_insert(&e, nc_str("\033[A"));
    assert_text(&e, "hi @alice \ufffd[A");
    nc_editor_fini(&e);
}

static void test_too_long_is_refused_whole(void **state)
{
    struct nc_editor e = {0};
    char *big = nc_alloc(NC_EDITOR_MAX);

    (void)state;
    memset(big, 'x', NC_EDITOR_MAX);
    assert_true(nc_editor_insert(&e, (struct nc_str){big, NC_EDITOR_MAX - 1}));
    assert_false(nc_editor_insert(&e, NC_STR("yz")));
    assert_int_equal(e.text.n, NC_EDITOR_MAX - 1);
    nc_editor_fini(&e);
    free(big);
}

static void assert_shape(const struct nc_editor *e, unsigned columns, unsigned lines,
                         unsigned line, unsigned column)
{
    struct nc_editor_shape s = nc_editor_shape(e, columns);

    assert_int_equal(s.lines, lines);
    assert_int_equal(s.line, line);
    assert_int_equal(s.column, column);
}

static void test_where_the_cursor_is(void **state)
{
    struct nc_editor e = {0};

    (void)state;
    assert_shape(&e, 10, 1, 0, 0);
    nc_editor_set(&e, NC_STR("abc"));
    assert_shape(&e, 10, 1, 0, 3);
    nc_editor_set(&e, NC_STR("abcde"));
    assert_shape(&e, 5, 2, 1, 0); /* a full line: the cursor needs the next one */
    nc_editor_set(&e, NC_STR("abcdefg"));
    assert_shape(&e, 5, 2, 1, 2);
    nc_editor_set(&e, NC_STR("ab\n"));
    assert_shape(&e, 5, 2, 1, 0);
    nc_editor_set(&e, NC_STR("ab\ncd"));
    nc_editor_move(&e, NC_EDIT_START);
    assert_shape(&e, 5, 2, 0, 0);
    assert_true(nc_editor_step(&e, 5, 1));
    assert_int_equal(e.at, 3);
    assert_false(nc_editor_step(&e, 5, 1));
    assert_true(nc_editor_step(&e, 5, -1));
    assert_int_equal(e.at, 0);
    nc_editor_set(&e, nc_str("\u4e2d\u6587\u5b57"));
    assert_shape(&e, 5, 2, 1, 2);
    assert_true(nc_str_eqz(nc_editor_line(&e, 5, 1), "\u5b57"));
    nc_editor_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glyphs),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_strangers_cannot_steer_the_terminal),
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_backspace_takes_a_glyph),
        cmocka_unit_test(test_editing),
        cmocka_unit_test(test_too_long_is_refused_whole),
        cmocka_unit_test(test_where_the_cursor_is),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
