/* Server-sent events: written, and read however they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/sse.h"

static void eq(struct nc_str got, const char *want)
{
    if (!nc_str_eqz(got, want))
        fail_msg("got \"%.*s\", want \"%s\"", NC_FMT(got), want);
}

/* Every event as "id|event|data;", fed in pieces of `step`. */
static char *read_all(struct nc_str in, size_t step, size_t limit, enum nc_err *last)
{
    struct nc_sse s = {.limit = limit};
    struct nc_buf out = {0};
    struct nc_sse_event ev;

    *last = NC_AGAIN;
    for (size_t at = 0; at < in.n && *last == NC_AGAIN; at += step) {
        size_t n = step < in.n - at ? step : in.n - at;
        char *copy = malloc(n);
        struct nc_str piece = {copy, n};

        memcpy(copy, in.p + at, n);
        while ((*last = nc_sse_next(&s, &piece, &ev)) == NC_OK)
            nc_buf_printf(&out, "%.*s|%.*s|%.*s;", NC_FMT(ev.id), NC_FMT(ev.event),
                          NC_FMT(ev.data));
        free(copy);
    }
    if (nc_sse_retry_ms(&s))
        nc_buf_printf(&out, "retry=%u", (unsigned)nc_sse_retry_ms(&s));
    nc_sse_fini(&s);
    nc_buf_addc(&out, 0);
    return out.p;
}

static void expect(struct nc_str in, const char *want)
{
    for (size_t step = 1; step <= in.n; step++) {
        enum nc_err last;
        char *got = read_all(in, step, 100, &last);

        assert_int_equal(last, NC_AGAIN);
        if (strcmp(got, want))
            fail_msg("step %zu: got %s, want %s", step, got, want);
        free(got);
    }
}

static void test_reading(void **state)
{
    (void)state;
    /* The standard's own examples. */
    expect(NC_STR("data: YHOO\ndata: +2\ndata: 10\n\n"), "|message|YHOO\n+2\n10;");
    expect(NC_STR(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
                  "data:  third event\n\n"),
           "1|message|first event;|message|second event;|message| third event;");
    expect(NC_STR("data\n\ndata\ndata\n\ndata:"), "|message|;|message|\n;");
    expect(NC_STR("data:test\n\ndata: test\n\n"), "|message|test;|message|test;");
    /* Line ends of all kinds, mixed. */
    expect(
        NC_STR("event: a\r\ndata: 1\r\n\r\nevent: b\rdata: 2\r\rdata: 3\n\r\ndata:4\n\r"),
        "|a|1;|b|2;|message|3;|message|4;");
    /* An event name without data is forgotten; ids stay. */
    expect(NC_STR("id: 7\nevent: x\n\ndata: d\n\ndata: e\n\n"), "7|message|d;7|message|e;");
    expect(NC_STR("id: a\0b\ndata: 1\n\n"), "|message|1;");
    expect(NC_STR("retry: 1500\nretry: x\nunknown: y\ndata: 1\n\n"),
           "|message|1;retry=1500");
    expect(NC_STR("\xEF\xBB\xBF"
                  "data: bom\n\n"),
           "|message|bom;");
    expect(NC_STR("\xEF\xBB"
                  "data: no\ndata: yes\n\n"),
           "|message|yes;");
    expect(NC_STR("data: 1\n\n\xEF\xBB\xBF"
                  "data: 2\n\n"),
           "|message|1;");
    expect(NC_STR("data: not ended\n"), "");
    expect(NC_STR("\n\n\r\r\n:\n\n"), "");
    expect(NC_STR("data: {\"a\":\"\xD0\xB9\"}\n\ndata: [DONE]\n\n"),
           "|message|{\"a\":\"\xD0\xB9\"};|message|[DONE];");
}

static void test_limits(void **state)
{
    (void)state;
    static const char *const over[] = {
        "data: 0123456789012345\n\n",            /* a line */
        "data: 0123456\ndata: 0123456\ndata: 0", /* the data of one event */
        ": 012345678901234567890",               /* a comment */
        "0123456789012345678901234567890",
    };
    for (size_t i = 0; i < NC_COUNT(over); i++)
        for (size_t step = 1; step < 40; step++) {
            enum nc_err last;
            char *got = read_all(nc_str(over[i]), step, 17, &last);

            /* The last line of row two counts only when it ends. */
            if (i != 1)
                assert_int_equal(last, NC_ELIMIT);
            assert_string_equal(got, "");
            free(got);
        }
    enum nc_err last;
    char *got =
        read_all(NC_STR("data: 0123456\ndata: 0123456\ndata: 01\n\n"), 1, 17, &last);
    assert_int_equal(last, NC_ELIMIT);
    free(got);

    struct nc_sse s = {.limit = 4};
    struct nc_sse_event ev;
    struct nc_str in = NC_STR("123456"), more = NC_STR("\n\n");
    assert_int_equal(nc_sse_next(&s, &in, &ev), NC_ELIMIT);
    assert_int_equal(nc_sse_next(&s, &more, &ev), NC_ELIMIT); /* for good */
    nc_sse_fini(&s);
}

static void test_writing(void **state)
{
    (void)state;
    struct nc_buf b = {0};

    nc_sse_write(&b, NC_STR("c:1"), NC_STR("message.created"), NC_STR("{}"));
    eq(nc_buf_str(&b), "id: c:1\nevent: message.created\ndata: {}\n\n");
    nc_buf_clear(&b);
    nc_sse_write(&b, NC_STR(""), NC_STR(""), NC_STR("a\nb\r\nc\rd"));
    eq(nc_buf_str(&b), "data: a\ndata: b\ndata: c\ndata: d\n\n");
    nc_buf_clear(&b);
    nc_sse_write(&b, NC_STR("1"), NC_STR(""), NC_STR(""));
    eq(nc_buf_str(&b), "id: 1\ndata: \n\n");
    nc_buf_clear(&b);
    nc_sse_write_comment(&b, NC_STR("here"));
    nc_sse_write_retry(&b, 2000);
    nc_sse_write(&b, NC_STR("9"), NC_STR("e"), NC_STR("x\n\ny"));
    eq(nc_buf_str(&b),
       ": here\n\nretry: 2000\n\nid: 9\nevent: e\ndata: x\ndata: \ndata: y\n\n");
    expect(nc_buf_str(&b), "9|e|x\n\ny;retry=2000");
    nc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
