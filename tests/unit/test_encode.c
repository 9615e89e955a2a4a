#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/hist.h"

/* RFC 4648 section 10, without the padding, and the two letters that differ */
static void base64url_vectors(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""},
                 {"f", "Zg"},
                 {"fo", "Zm8"},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg"},
                 {"fooba", "Zm9vYmE"},
                 {"foobar", "Zm9vYmFy"},
                 {"\xfb\xff\xfe", "-__-"}};
    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++) {
        struct nc_buf b = {0};
        char back[16];
        size_t n = 99;
        nc_b64url_add(&b, cases[i].bytes, strlen(cases[i].bytes));
        assert_true(nc_str_eqz(nc_buf_str(&b), cases[i].text));
        assert_int_equal(nc_b64url_decode(nc_str(cases[i].text), back, sizeof back, &n),
                         NC_OK);
        assert_int_equal(n, strlen(cases[i].bytes));
        assert_memory_equal(back, cases[i].bytes, n);
        nc_buf_fini(&b);
    }
}

static void base64url_refuses(void **state)
{
    static const char *const bad[] = {"Z",    "Zg==",  "Zg=",     "Zm9v\n",
                                      "Zm+v", "Zm/v",  "Zm 9",    "Zh" /* stray bits */,
                                      "Zm9",  "Zm9vY", "\xc3\xa9"};
    char out[16];
    size_t n = 7;
    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_b64url_decode(nc_str(bad[i]), out, sizeof out, &n), NC_EINVAL);
    assert_int_equal(nc_b64url_decode(NC_STR("Zm9v"), out, 2, &n), NC_ELIMIT);
    assert_int_equal(n, 7);
}

static void hexadecimal(void **state)
{
    char text[8];
    uint8_t bytes[4];
    (void)state;
    nc_hex("\x00\xff\x1a\x5b", 4, text);
    assert_memory_equal(text, "00ff1a5b", 8);
    assert_int_equal(nc_hex_decode(NC_STR("00fF1A5b"), bytes, 4), NC_OK);
    assert_memory_equal(bytes, "\x00\xff\x1a\x5b", 4);
    assert_int_equal(nc_hex_decode(NC_STR("00ff1a5"), bytes, 4), NC_EINVAL);
    assert_int_equal(nc_hex_decode(NC_STR("00ff1a5b0"), bytes, 4), NC_EINVAL);
    assert_int_equal(nc_hex_decode(NC_STR("00ff1a5g"), bytes, 4), NC_EINVAL);
    assert_int_equal(nc_hex_decode(NC_STR(""), bytes, 0), NC_OK);
}

static void histogram(void **state)
{
    static const double bounds[] = {0.001, 0.01};
    struct nc_hist h;
    struct nc_buf b = {0};
    (void)state;
    nc_hist_init(&h, bounds, NC_COUNT(bounds));
    nc_hist_observe_ns(&h, 500000);
    nc_hist_observe_ns(&h, 1000000); /* a bound belongs to its bucket */
    nc_hist_observe_ns(&h, 5000000);
    nc_hist_observe_ns(&h, 2000000000);
    assert_int_equal(nc_hist_count(&h), 4);
    nc_hist_write(&h, "commit_seconds", "Time of a commit.", &b);
    nc_metric_write(&b, "connections", "gauge", "Open.", 3);
    nc_buf_addc(&b, '\0');
    assert_string_equal(b.p, "# HELP commit_seconds Time of a commit.\n"
                             "# TYPE commit_seconds histogram\n"
                             "commit_seconds_bucket{le=\"0.001\"} 2\n"
                             "commit_seconds_bucket{le=\"0.01\"} 3\n"
                             "commit_seconds_bucket{le=\"+Inf\"} 4\n"
                             "commit_seconds_sum 2.0065\n"
                             "commit_seconds_count 4\n"
                             "# HELP connections Open.\n"
                             "# TYPE connections gauge\n"
                             "connections 3\n");
    nc_buf_fini(&b);
}

static void counters(void **state)
{
    const struct nc_counter counts[] = {
        {"said", "What was said.", 0},
        {"heard", "What was heard.", UINT64_C(123456789012)}};
    struct nc_buf b = {0};

    (void)state;
    nc_counters_write(&b, "some_", counts, NC_COUNT(counts));
    nc_buf_addc(&b, 0);
    assert_string_equal(b.p, "# HELP some_said_total What was said.\n"
                             "# TYPE some_said_total counter\n"
                             "some_said_total 0\n"
                             "# HELP some_heard_total What was heard.\n"
                             "# TYPE some_heard_total counter\n"
                             "some_heard_total 123456789012\n");
    nc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_vectors), cmocka_unit_test(base64url_refuses),
        cmocka_unit_test(hexadecimal),       cmocka_unit_test(histogram),
        cmocka_unit_test(counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
