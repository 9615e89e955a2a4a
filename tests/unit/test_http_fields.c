/* Targets, conditions, ranges, and the response head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "wire/http_accept.h"
#include "wire/http_body.h"
#include "wire/http_target.h"
#include "wire/http_write.h"

static void eq(struct nc_str got, const char *want)
{
    if (!nc_str_eqz(got, want))
        fail_msg("got \"%.*s\", want \"%s\"", NC_FMT(got), want);
}

/* A head with one or two headers, as the parser would leave it. */
static struct nc_http_head with(const char *name, const char *value)
{
    struct nc_http_head h = {.method = NC_HTTP_GET, .n_headers = value ? 1 : 0};

    h.headers[0] = (struct nc_http_header){nc_str(name), nc_str(value)};
    return h;
}

static void test_paths(void **state)
{
    (void)state;
    struct nc_arena arena = {0};
    struct nc_http_path p;

    assert_int_equal(nc_http_path(&p, NC_STR("/"), &arena), NC_OK);
    assert_true(p.n == 0 && p.slash);
    assert_int_equal(nc_http_path(&p, NC_STR("/a/%D0%BE%2b/c.d+"), &arena), NC_OK);
    assert_int_equal(p.n, 3);
    eq(p.seg[0], "a");
    eq(p.seg[1], "о+");
    eq(p.seg[2], "c.d+");
    assert_false(p.slash);
    assert_int_equal(nc_http_path(&p, NC_STR("/a/"), &arena), NC_OK);
    assert_true(p.n == 1 && p.slash);

    static const char *const wrong[] = {
        "",        "a",         "*",      "//",     "/a//b",      "/a//",    "/.",   "/..",
        "/a/../b", "/%2e%2e/x", "/a%2fb", "/a%5Cb", "/a\\b",      "/%",      "/%4",  "/%4g",
        "/%00",    "/%0a",      "/%7f",   "/%ff",   "/%ED%A0%80", "/%C0%AF", "/a/.",
    };
    for (size_t i = 0; i < NC_COUNT(wrong); i++)
        if (nc_http_path(&p, nc_str(wrong[i]), &arena) != NC_EINVAL)
            fail_msg("accepted %s", wrong[i]);
    assert_int_equal(nc_http_path(&p, NC_STR("/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g"), &arena),
                     NC_OK);
    assert_int_equal(nc_http_path(&p, NC_STR("/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h"), &arena),
                     NC_ELIMIT);
    nc_arena_fini(&arena);
}

static void test_queries(void **state)
{
    (void)state;
    struct nc_arena arena = {0};
    struct nc_str q =
        NC_STR("q=%D0%B9+x&limit=50&&empty=&bare&n%61me=v&two=1&two=2&bad=%zz");
    struct nc_str v;

    assert_int_equal(nc_http_query(q, "q", &arena, &v), NC_OK);
    eq(v, "й x");
    assert_int_equal(nc_http_query(q, "empty", &arena, &v), NC_OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(nc_http_query(q, "bare", &arena, &v), NC_OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(nc_http_query(q, "name", &arena, &v), NC_OK);
    eq(v, "v");
    assert_int_equal(nc_http_query(q, "nam", &arena, &v), NC_ENOENT);
    assert_int_equal(nc_http_query(q, "two", &arena, &v), NC_EINVAL);
    assert_int_equal(nc_http_query(q, "bad", &arena, &v), NC_EINVAL);

    struct nc_problem why = {0};
    uint64_t n = 7;
    assert_int_equal(nc_http_query_u64(q, "none", 1, 200, &n, &why), NC_OK);
    assert_int_equal(n, 7);
    assert_int_equal(nc_http_query_u64(q, "limit", 1, 200, &n, &why), NC_OK);
    assert_int_equal(n, 50);
    assert_int_equal(nc_http_query_u64(q, "limit", 1, 49, &n, &why), NC_EINVAL);
    assert_int_equal(nc_http_query_u64(q, "limit", 51, 60, &n, &why), NC_EINVAL);
    assert_int_equal(nc_http_query_u64(q, "q", 1, 49, &n, &why), NC_EINVAL);
    assert_string_equal(why.detail, "`q` must be a number from 1 to 49");

    struct nc_buf b = {0};
    nc_http_escape(&b, NC_STR("a-Z_0.~ /й%"));
    eq(nc_buf_str(&b), "a-Z_0.~%20%2F%D0%B9%25");
    nc_buf_fini(&b);
    nc_arena_fini(&arena);
}

static void test_gzip_wish(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool want;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZip;q=0.5", true},
        {"gzip;q=0", false},
        {"gzip ; q=0.000", false},
        {"gzip;q=0.001", true},
        {"br, gzip", true},
        {"br", false},
        {"*", true},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"*, gzip;q=0", false},
        {"identity", false},
        {"deflate, x-gzip", true},
        {"agzip", false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_http_head h = with("accept-encoding", rows[i].value);
        if (nc_http_wants_gzip(&h) != rows[i].want)
            fail_msg("%s", rows[i].value);
    }
}

static void test_the_best_coding(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned br, gzip, identity;
    } rows[] = {
        {NULL, 0, 0, 1},
        {"gzip, deflate, br, zstd", 1000, 1000, 1},
        {"br;q=0.25, GZIP ; q=0.5", 250, 500, 1},
        {"br;q=0.001, gzip;q=0.0004", 1, 0, 1},
        {"*", 1000, 1000, 1},
        {"br;q=0, *;q=0.3", 0, 300, 1},
        {"identity, br;q=0.9", 900, 0, 1000},
        {"br, identity;q=0", 1000, 0, 0},
        {"br, *;q=0", 1000, 0, 0},
        {"br;q=1.000", 1000, 0, 1},
        {"br;q=what", 1000, 0, 1},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_http_head h = with("accept-encoding", rows[i].value);
        if (nc_http_coding(&h, "br") != rows[i].br ||
            nc_http_coding(&h, "gzip") != rows[i].gzip ||
            nc_http_coding(&h, "identity") != rows[i].identity)
            fail_msg("%s", rows[i].value);
    }
}

static void test_a_page_is_asked_for_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool names;
    } rows[] = {
        {NULL, false},
        {"*/*", false},
        {"text/*", false},
        {"text/html", true},
        {"application/xhtml+xml, Text/HTML;q=0.9, */*;q=0.8", true},
        {"text/html;q=0, */*", false},
        {"application/json", false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_http_head h = with("accept", rows[i].value);
        if (nc_http_names(&h, "text/html") != rows[i].names)
            fail_msg("%s", rows[i].value);
    }
}

static void test_accept(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool want;
    } rows[] = {
        {NULL, true},
        {"*/*", true},
        {"text/*", true},
        {"text/event-stream", true},
        {"TEXT/Event-Stream; q=0.1", true},
        {"application/json", false},
        {"text/event-stream;q=0, */*", false},
        {"*/*;q=0", false},
        {"*/*;q=0, text/*", true},
        {"te/*", false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_http_head h = with("accept", rows[i].value);
        if (nc_http_wants(&h, "text/event-stream") != rows[i].want)
            fail_msg("%s", rows[i].value);
    }
    struct nc_http_head h = with("Content-Type", "Application/JSON ; charset=utf-8");
    assert_true(nc_http_is(&h, "application/json"));
    assert_false(nc_http_is(&h, "text/plain"));
}

static void test_etag(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool same;
    } rows[] = {
        {NULL, false},    {"\"a\"", true},          {"W/\"a\"", true},
        {"\"b\"", false}, {"\"b\", W/\"a\"", true}, {"*", true},
        {"a", false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_http_head h = with("If-None-Match", rows[i].value);
        assert_int_equal(nc_http_unchanged(&h, NC_STR("\"a\"")), rows[i].same);
    }
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t size;
        enum nc_http_range want;
        uint64_t first, last;
    } rows[] = {
        {NULL, 10, NC_RANGE_NONE, 0, 0},
        {"bytes=0-0", 10, NC_RANGE_PART, 0, 0},
        {"bytes=2-5", 10, NC_RANGE_PART, 2, 5},
        {"Bytes=2-", 10, NC_RANGE_PART, 2, 9},
        {"bytes=2-99", 10, NC_RANGE_PART, 2, 9},
        {"bytes=-3", 10, NC_RANGE_PART, 7, 9},
        {"bytes=-30", 10, NC_RANGE_PART, 0, 9},
        {"bytes=-0", 10, NC_RANGE_BAD, 0, 0},
        {"bytes=10-", 10, NC_RANGE_BAD, 0, 0},
        {"bytes=0-", 0, NC_RANGE_BAD, 0, 0},
        {"bytes=-1", 0, NC_RANGE_BAD, 0, 0},
        {"bytes=5-2", 10, NC_RANGE_NONE, 0, 0},
        {"bytes=0-1,3-4", 10, NC_RANGE_NONE, 0, 0},
        {"bytes=-", 10, NC_RANGE_NONE, 0, 0},
        {"bytes=", 10, NC_RANGE_NONE, 0, 0},
        {"bytes", 10, NC_RANGE_NONE, 0, 0},
        {"bytes=a-b", 10, NC_RANGE_NONE, 0, 0},
        {"bytes=+1-2", 10, NC_RANGE_NONE, 0, 0},
        {"bytes=1-2-3", 10, NC_RANGE_NONE, 0, 0},
        {"lines=1-2", 10, NC_RANGE_NONE, 0, 0},
        {"bytes=18446744073709551615-", 10, NC_RANGE_BAD, 0, 0},
        {"bytes=18446744073709551616-", 10, NC_RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_http_head h = with("Range", rows[i].value);
        uint64_t first = 0, last = 0;

        if (nc_http_range(&h, rows[i].size, NC_STR("\"a\""), &first, &last) !=
                rows[i].want ||
            first != rows[i].first || last != rows[i].last)
            fail_msg("%s", rows[i].value);
    }
    struct nc_http_head h = with("Range", "bytes=0-1");
    uint64_t first, last;
    h.headers[h.n_headers++] = (struct nc_http_header){NC_STR("If-Range"), NC_STR("\"b\"")};
    assert_int_equal(nc_http_range(&h, 9, NC_STR("\"a\""), &first, &last), NC_RANGE_NONE);
    assert_int_equal(nc_http_range(&h, 9, NC_STR("\"b\""), &first, &last), NC_RANGE_PART);
    h.method = NC_HTTP_HEAD;
    assert_int_equal(nc_http_range(&h, 9, NC_STR("\"b\""), &first, &last), NC_RANGE_NONE);
}

static void test_response_head(void **state)
{
    (void)state;
    struct nc_http_date date = {0};
    struct nc_buf b = {0};
    struct nc_http_header more[] = {{NC_STR("ETag"), NC_STR("\"x\"")}};
    struct nc_http_response r = {.status = 200,
                                 .minor = 1,
                                 .length = 12,
                                 .keep_alive = true,
                                 .type = NC_STR("text/plain"),
                                 .date = nc_http_date(&date, 784111777000),
                                 .headers = more,
                                 .n_headers = 1};

    nc_http_write(&b, &r);
    eq(nc_buf_str(&b),
       "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
       "Content-Type: text/plain\r\nContent-Length: 12\r\nETag: \"x\"\r\n\r\n");
    nc_buf_clear(&b);
    nc_http_write(&b, &(struct nc_http_response){
                          .status = 204, .framing = NC_HTTP_BODILESS, .keep_alive = true});
    eq(nc_buf_str(&b), "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
    nc_buf_clear(&b);
    nc_http_write(&b, &(struct nc_http_response){.status = 299,
                                                 .minor = 1,
                                                 .framing = NC_HTTP_UNTIL_CLOSE,
                                                 .keep_alive = true});
    eq(nc_buf_str(&b), "HTTP/1.1 299 Unknown\r\nConnection: close\r\n\r\n");
    nc_buf_fini(&b);

    eq(nc_http_date(&date, 784111777999), "Sun, 06 Nov 1994 08:49:37 GMT");
    eq(nc_http_date(&date, 784111778000), "Sun, 06 Nov 1994 08:49:38 GMT");
    eq(nc_http_date(&date, 1709210096000), "Thu, 29 Feb 2024 12:34:56 GMT");
    eq(nc_http_date(&date, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void test_gzip_body(void **state)
{
    (void)state;
    struct nc_buf body = {0}, out = {0};
    char back[20000];

    for (int i = 0; i < 500; i++)
        nc_buf_printf(&body, "{\"line\":%d}", i);
    for (int round = 0; round < 3; round++) {
        z_stream z = {0};

        nc_buf_clear(&out);
        nc_buf_addc(&out, '!');
        assert_int_equal(nc_gzip(&out, nc_buf_str(&body)), NC_OK);
        assert_true(out.n < body.n / 2 && out.p[0] == '!');
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        z.next_in = (Bytef *)out.p + 1;
        z.avail_in = (uInt)out.n - 1;
        z.next_out = (Bytef *)back;
        z.avail_out = sizeof(back);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_true(z.avail_in == 0 && z.total_out == body.n);
        assert_memory_equal(back, body.p, body.n);
        inflateEnd(&z);
    }
    /* What does not shrink is left alone, and the next one is not harmed by it. */
    size_t had = out.n;
    for (int i = 0; i < 200; i++)
        back[i] = (char)(i * 151 + i * i * 7);
    assert_int_equal(nc_gzip(&out, (struct nc_str){back, 200}), NC_ELIMIT);
    assert_int_equal(nc_gzip(&out, NC_STR("short")), NC_ELIMIT);
    assert_int_equal(out.n, had);
    assert_int_equal(nc_gzip(&out, nc_buf_str(&body)), NC_OK);
    nc_buf_fini(&body);
    nc_buf_fini(&out);

    assert_true(nc_gzip_pays(NC_STR("text/html; charset=utf-8")));
    assert_true(nc_gzip_pays(NC_STR("application/JSON")));
    assert_false(nc_gzip_pays(NC_STR("text/event-stream")));
    assert_false(nc_gzip_pays(NC_STR("image/png")));
    assert_false(nc_gzip_pays(NC_STR("")));
}

static void test_unescape(void **state)
{
    struct nc_arena arena = {0};
    struct nc_str out;

    (void)state;
    assert_int_equal(nc_http_unescape(NC_STR("box/a%2Fb+c:7b"), &arena, &out), NC_OK);
    assert_true(nc_str_eqz(out, "box/a/b+c:7b"));
    assert_int_equal(nc_http_unescape(NC_STR("a%2"), &arena, &out), NC_EINVAL);
    assert_int_equal(nc_http_unescape(NC_STR("%00"), &arena, &out), NC_EINVAL);
    assert_int_equal(nc_http_unescape(NC_STR("%FF"), &arena, &out), NC_EINVAL);
    nc_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_gzip_wish),
        cmocka_unit_test(test_the_best_coding),
        cmocka_unit_test(test_a_page_is_asked_for_by_name),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_etag),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_response_head),
        cmocka_unit_test(test_gzip_body),
        cmocka_unit_test(test_unescape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
