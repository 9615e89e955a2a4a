/* Request and reply heads: what is read, what is refused, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/http.h"

#define LIMIT 16384

static void eq(struct nc_str got, const char *want)
{
    if (!nc_str_eqz(got, want))
        fail_msg("got \"%.*s\", want \"%s\"", NC_FMT(got), want);
}

/* A copy without a byte behind it, so that ASan sees a step too far. */
static enum nc_err read_exact(struct nc_http_head *h, const char *p, size_t n, char **keep)
{
    struct nc_http_scan scan = {0};

    *keep = malloc(n ? n : 1);
    memcpy(*keep, p, n);
    return nc_http_head(h, &scan, (struct nc_str){*keep, n}, LIMIT);
}

static const struct bad {
    const char *name;
    struct nc_str bytes;
    enum nc_problem_code code;
} bad[] = {
#define H "Host: a\r\n"
#define BAD(name, text)                      \
    {                                        \
        name, NC_STR(text), NC_P_BAD_REQUEST \
    }
    BAD("host missing", "GET / HTTP/1.1\r\n\r\n"),
    BAD("host twice", "GET / HTTP/1.1\r\n" H H "\r\n"),
    BAD("host twice, other", "GET / HTTP/1.1\r\n" H "hOST: b\r\n\r\n"),
    BAD("host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    BAD("host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    BAD("host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    BAD("host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    BAD("host with blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD("obs-fold space", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"),
    BAD("obs-fold tab", "GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n"),
    BAD("obs-fold of an empty value", "GET / HTTP/1.1\r\n" H "X:\r\n b\r\n\r\n"),
    BAD("space before colon", "GET / HTTP/1.1\r\n" H "X : a\r\n\r\n"),
    BAD("tab before colon", "GET / HTTP/1.1\r\n" H "X\t: a\r\n\r\n"),
    BAD("length with space before colon",
        "POST / HTTP/1.1\r\n" H "Content-Length : 4\r\n\r\nabcd"),
    BAD("space before first header", "GET / HTTP/1.1\r\n X: a\r\n" H "\r\n"),
    BAD("space inside name", "GET / HTTP/1.1\r\n" H "X Y: a\r\n\r\n"),
    BAD("no colon", "GET / HTTP/1.1\r\n" H "X\r\n\r\n"),
    BAD("empty name", "GET / HTTP/1.1\r\n" H ": a\r\n\r\n"),
    BAD("high byte in name", "GET / HTTP/1.1\r\n" H "X\xC3\xA9: a\r\n\r\n"),
    BAD("bracket in name", "GET / HTTP/1.1\r\n" H "X[]: a\r\n\r\n"),
    BAD("bare LF after request line", "GET / HTTP/1.1\n" H "\r\n"),
    BAD("bare LF after header", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    BAD("bare LF at the end", "GET / HTTP/1.1\r\n" H "\n"),
    BAD("bare CR in a value", "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n"),
    BAD("bare CR before a header", "GET / HTTP/1.1\r\n" H "\rX: a\r\n\r\n"),
    BAD("CR CR LF", "GET / HTTP/1.1\r\r\n" H "\r\n"),
    BAD("NUL in a value", "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"),
    BAD("NUL in a name", "GET / HTTP/1.1\r\n" H "X\0: b\r\n\r\n"),
    BAD("NUL in the target", "GET /\0 HTTP/1.1\r\n" H "\r\n"),
    BAD("bell in a value", "GET / HTTP/1.1\r\n" H "X: a\ab\r\n\r\n"),
    BAD("DEL in a value", "GET / HTTP/1.1\r\n" H "X: a\x7F\r\n\r\n"),
    BAD("vertical tab", "GET / HTTP/1.1\r\n" H "X:\va\r\n\r\n"),
    BAD("length twice",
        "POST / HTTP/1.1\r\n" H "Content-Length: 4\r\nContent-Length: 5\r\n\r\n"),
    BAD("length twice, equal",
        "POST / HTTP/1.1\r\n" H "Content-Length: 4\r\nContent-Length: 4\r\n\r\n"),
    BAD("length list", "POST / HTTP/1.1\r\n" H "Content-Length: 4, 4\r\n\r\n"),
    BAD("length with plus", "POST / HTTP/1.1\r\n" H "Content-Length: +4\r\n\r\n"),
    BAD("length negative", "POST / HTTP/1.1\r\n" H "Content-Length: -4\r\n\r\n"),
    BAD("length hexadecimal", "POST / HTTP/1.1\r\n" H "Content-Length: 0x4\r\n\r\n"),
    BAD("length empty", "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"),
    BAD("length with blank inside", "POST / HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\n"),
    BAD("length too great",
        "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n"),
    BAD("length above 2^63",
        "POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n"),
    BAD("HTTP/0.9", "GET /\r\n\r\n"),
    BAD("no version", "GET / \r\n" H "\r\n"),
    BAD("lower-case protocol", "GET / http/1.1\r\n" H "\r\n"),
    BAD("version of three digits", "GET / HTTP/1.10\r\n" H "\r\n"),
    BAD("version with plus", "GET / HTTP/1.+1\r\n" H "\r\n"),
    BAD("other protocol", "GET / ICE/1.0\r\n" H "\r\n"),
    BAD("two spaces before target", "GET  / HTTP/1.1\r\n" H "\r\n"),
    BAD("two spaces before version", "GET /  HTTP/1.1\r\n" H "\r\n"),
    BAD("space after version", "GET / HTTP/1.1 \r\n" H "\r\n"),
    BAD("tab for space", "GET\t/ HTTP/1.1\r\n" H "\r\n"),
    BAD("space before method", " GET / HTTP/1.1\r\n" H "\r\n"),
    BAD("space in target", "GET /a b HTTP/1.1\r\n" H "\r\n"),
    BAD("fragment in target", "GET /a#b HTTP/1.1\r\n" H "\r\n"),
    BAD("high byte in target", "GET /\xC3\xA9 HTTP/1.1\r\n" H "\r\n"),
    BAD("relative target", "GET a HTTP/1.1\r\n" H "\r\n"),
    BAD("asterisk without OPTIONS", "GET * HTTP/1.1\r\n" H "\r\n"),
    BAD("other scheme", "GET ftp://a/ HTTP/1.1\r\n" H "\r\n"),
    BAD("absolute with user", "GET http://u@a/ HTTP/1.1\r\n" H "\r\n"),
    BAD("absolute without host", "GET http:///x HTTP/1.1\r\n" H "\r\n"),
    BAD("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"),
    BAD("empty method", " / HTTP/1.1\r\n" H "\r\n"),
    BAD("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00"),
    {"chunked",
     NC_STR("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     NC_P_NOT_IMPLEMENTED},
    {"chunked and length",
     NC_STR("POST / HTTP/1.1\r\n" H
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
     NC_P_NOT_IMPLEMENTED},
    {"chunked hidden by case",
     NC_STR("POST / HTTP/1.1\r\n" H "tRANSFER-eNCODING: x\r\n\r\n"), NC_P_NOT_IMPLEMENTED},
    {"identity", NC_STR("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"),
     NC_P_NOT_IMPLEMENTED},
    {"empty coding", NC_STR("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"),
     NC_P_NOT_IMPLEMENTED},
    {"chunked in HTTP/1.0", NC_STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
     NC_P_NOT_IMPLEMENTED},
    {"CONNECT", NC_STR("CONNECT a:443 HTTP/1.1\r\n" H "\r\n"), NC_P_NOT_IMPLEMENTED},
    {"unknown method", NC_STR("BREW / HTTP/1.1\r\n" H "\r\n"), NC_P_NOT_IMPLEMENTED},
    {"lower-case method", NC_STR("get / HTTP/1.1\r\n" H "\r\n"), NC_P_NOT_IMPLEMENTED},
    {"HTTP/2", NC_STR("GET / HTTP/2.0\r\n" H "\r\n"), NC_P_BAD_VERSION},
    {"HTTP/1.2", NC_STR("GET / HTTP/1.2\r\n" H "\r\n"), NC_P_BAD_VERSION},
    {"HTTP/9.9", NC_STR("GET / HTTP/9.9\r\n" H "\r\n"), NC_P_BAD_VERSION},
    {"the HTTP/2 preface", NC_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NC_P_BAD_VERSION},
    {"other expectation", NC_STR("POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n"),
     NC_P_EXPECTATION_FAILED},
};

static void test_bad_requests_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        struct nc_http_head h;
        char *keep;
        enum nc_err e = read_exact(&h, bad[i].bytes.p, bad[i].bytes.n, &keep);

        free(keep);
        if (e != NC_EINVAL || !h.why[0])
            fail_msg("%s: returned %s", bad[i].name, nc_strerr(e));
        if (h.problem != bad[i].code)
            fail_msg("%s: problem %s", bad[i].name, nc_problem_name(h.problem));
    }
}

/* However the bytes are cut, the verdict is the same. */
static void test_bad_requests_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        struct nc_http_scan scan = {0};
        struct nc_http_head h;
        enum nc_err e = NC_AGAIN;

        for (size_t n = 0; n <= bad[i].bytes.n && e == NC_AGAIN; n++)
            e = nc_http_head(&h, &scan, (struct nc_str){bad[i].bytes.p, n}, LIMIT);
        if (e != NC_EINVAL)
            fail_msg("%s: returned %s", bad[i].name, nc_strerr(e));
    }
}

static const char full[] = "POST /api/v1/rooms?limit=5&x=%20 HTTP/1.1\r\n"
                           "Host: chat.example:8080\r\n"
                           "User-Agent: \t  t/1 (\xD0\xAF) \t\r\n"
                           "Empty:\r\n"
                           "Cookie: a=b; nc=v%3D=; c\r\n"
                           "cookie: d=e\r\n"
                           "Connection: keep-alive, Upgrade\r\n"
                           "Upgrade: WebSocket\r\n"
                           "Expect: 100-Continue\r\n"
                           "Content-Length: 012\r\n"
                           "\r\n";

static void check_full(const struct nc_http_head *h, size_t size)
{
    assert_int_equal(h->size, size);
    assert_int_equal(h->method, NC_HTTP_POST);
    assert_int_equal(h->n_headers, 9);
    eq(h->path, "/api/v1/rooms");
    eq(h->query, "limit=5&x=%20");
    eq(h->host, "chat.example:8080");
    eq(nc_http_get(h, "user-agent"), "t/1 (\xD0\xAF)");
    assert_non_null(nc_http_get(h, "EMPTY").p);
    eq(nc_http_get(h, "EMPTY"), "");
    assert_null(nc_http_get(h, "Empt").p);
    eq(nc_http_cookie(h, "nc"), "v%3D=");
    eq(nc_http_cookie(h, "d"), "e");
    assert_null(nc_http_cookie(h, "c").p);
    assert_true(h->keep_alive && h->upgrade_ws && h->expect_continue && h->has_length);
    assert_int_equal(h->content_length, 12);
    assert_int_equal(h->minor, 1);
    assert_true(nc_http_has_token(h, "connection", "KEEP-ALIVE"));
    assert_false(nc_http_has_token(h, "connection", "keep"));
}

static void test_a_good_head_at_every_split(void **state)
{
    (void)state;
    size_t n = sizeof(full) - 1;
    char *copy = malloc(n + 5);

    memcpy(copy, full, n);
    memcpy(copy + n, "\0\n\n\n\n", 5); /* what follows is the body's business */
    for (size_t cut = 0; cut < n; cut++) {
        struct nc_http_scan scan = {0};
        struct nc_http_head h;

        assert_int_equal(nc_http_head(&h, &scan, (struct nc_str){copy, cut}, LIMIT),
                         NC_AGAIN);
        assert_int_equal(nc_http_head(&h, &scan, (struct nc_str){copy, n + 5}, LIMIT),
                         NC_OK);
        check_full(&h, n);
    }
    struct nc_http_scan scan = {0};
    struct nc_http_head h;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(nc_http_head(&h, &scan, (struct nc_str){copy, i}, LIMIT),
                         NC_AGAIN);
    assert_int_equal(nc_http_head(&h, &scan, (struct nc_str){copy, n}, LIMIT), NC_OK);
    check_full(&h, n);
    free(copy);
}

static const struct good {
    const char *bytes;
    enum nc_http_method method;
    const char *path, *query, *host;
    bool keep_alive;
} good[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", NC_HTTP_GET, "/", "", "a", true},
    {"\r\nGET / HTTP/1.1\r\n" H "\r\n", NC_HTTP_GET, "/", "", "a", true},
    {"GET / HTTP/1.0\r\n\r\n", NC_HTTP_GET, "/", "", "", false},
    {"GET / HTTP/1.0\r\n" H "Connection: Keep-Alive\r\n\r\n", NC_HTTP_GET, "/", "", "a",
     true},
    {"GET / HTTP/1.1\r\n" H "Connection: x, close\r\n\r\n", NC_HTTP_GET, "/", "", "a",
     false},
    {"GET /a?b?c=/ HTTP/1.1\r\n" H "\r\n", NC_HTTP_GET, "/a", "b?c=/", "a", true},
    {"GET /? HTTP/1.1\r\n" H "\r\n", NC_HTTP_GET, "/", "", "a", true},
    {"GET http://b:81/x?y HTTP/1.1\r\n" H "\r\n", NC_HTTP_GET, "/x", "y", "b:81", true},
    {"GET HTTPS://b HTTP/1.1\r\n" H "\r\n", NC_HTTP_GET, "/", "", "b", true},
    {"GET http://b?y HTTP/1.1\r\n" H "\r\n", NC_HTTP_GET, "/", "y", "b", true},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", NC_HTTP_OPTIONS, "*", "", "a", true},
    {"OPTIONS /x HTTP/1.1\r\n" H "\r\n", NC_HTTP_OPTIONS, "/x", "", "a", true},
    {"PATCH / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", NC_HTTP_PATCH, "/", "", "[::1]:80",
     true},
    {"DELETE / HTTP/1.1\r\nhost:a\r\n\r\n", NC_HTTP_DELETE, "/", "", "a", true},
    {"HEAD / HTTP/1.1\r\n" H "\r\n", NC_HTTP_HEAD, "/", "", "a", true},
    {"PUT / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", NC_HTTP_PUT, "/", "", "a", true},
    {"PROPFIND / HTTP/1.1\r\n" H "\r\n", NC_HTTP_OTHER, "/", "", "a", true},
    {"TRACE / HTTP/1.1\r\n" H "\r\n", NC_HTTP_OTHER, "/", "", "a", true},
    {"GET / HTTP/1.1\r\n" H "!#$%&'*+-.^_`|~09aZ: v\r\n\r\n", NC_HTTP_GET, "/", "", "a",
     true},
    {"GET / HTTP/1.1\r\n" H "X: a\tb  \"c\": d, \x80\xFF\r\n\r\n", NC_HTTP_GET, "/", "",
     "a", true},
    {"GET / HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", NC_HTTP_GET, "/",
     "", "a", true},
};

static void test_good_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < NC_COUNT(good); i++) {
        struct nc_http_head h;
        char *keep;
        enum nc_err e = read_exact(&h, good[i].bytes, strlen(good[i].bytes), &keep);

        if (e != NC_OK)
            fail_msg("%s: %s", good[i].bytes, h.why);
        assert_int_equal(h.size, strlen(good[i].bytes));
        assert_int_equal(h.method, good[i].method);
        eq(h.path, good[i].path);
        eq(h.query, good[i].query);
        eq(h.host, good[i].host);
        assert_int_equal(h.keep_alive, good[i].keep_alive);
        assert_false(h.upgrade_ws);
        free(keep);
    }
}

static void test_pipelined_heads(void **state)
{
    (void)state;
    static const char two[] = "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n";
    struct nc_str in = NC_STR(two);
    struct nc_http_head h;
    struct nc_http_scan scan = {0};

    assert_int_equal(nc_http_head(&h, &scan, in, LIMIT), NC_OK);
    eq(h.path, "/1");
    in = (struct nc_str){in.p + h.size, in.n - h.size};
    scan = (struct nc_http_scan){0};
    assert_int_equal(nc_http_head(&h, &scan, in, LIMIT), NC_OK);
    eq(h.path, "/2");
    assert_int_equal(h.size, in.n);
}

static void test_limits(void **state)
{
    (void)state;
    struct nc_buf b = {0};
    struct nc_http_head h;
    struct nc_http_scan scan = {0};

    nc_buf_adds(&b, NC_STR("GET / HTTP/1.1\r\n" H));
    for (unsigned i = 0; i < NC_HTTP_HEADERS_MAX - 1; i++)
        nc_buf_printf(&b, "X-%u: %u\r\n", i, i);
    struct nc_buf more = {0};
    nc_buf_adds(&more, nc_buf_str(&b));
    nc_buf_adds(&b, NC_STR("\r\n"));
    nc_buf_adds(&more, NC_STR("Y: 1\r\n\r\n"));
    assert_int_equal(nc_http_head(&h, &scan, nc_buf_str(&b), LIMIT), NC_OK);
    assert_int_equal(h.n_headers, NC_HTTP_HEADERS_MAX);
    eq(nc_http_get(&h, "x-98"), "98");
    scan = (struct nc_http_scan){0};
    assert_int_equal(nc_http_head(&h, &scan, nc_buf_str(&more), LIMIT), NC_ELIMIT);
    assert_int_equal(h.problem, NC_P_HEAD_TOO_LARGE);

    /* Exactly the limit passes, one byte more does not, complete or not. */
    scan = (struct nc_http_scan){0};
    assert_int_equal(nc_http_head(&h, &scan, nc_buf_str(&b), b.n), NC_OK);
    scan = (struct nc_http_scan){0};
    assert_int_equal(nc_http_head(&h, &scan, nc_buf_str(&b), b.n - 1), NC_ELIMIT);
    scan = (struct nc_http_scan){0};
    assert_int_equal(nc_http_head(&h, &scan, (struct nc_str){b.p, b.n - 1}, b.n), NC_AGAIN);
    nc_buf_fini(&b);
    nc_buf_fini(&more);
}

/* A head that trickles in is looked at once per byte, not once per arrival. */
static void test_slow_sender_is_not_quadratic(void **state)
{
    (void)state;
    static char big[1 << 20];
    struct nc_http_scan scan = {0};
    struct nc_http_head h;

    memset(big, 'a', sizeof(big));
    for (size_t n = 0; n < sizeof(big); n += 16) {
        assert_int_equal(nc_http_head(&h, &scan, (struct nc_str){big, n}, sizeof(big)),
                         NC_AGAIN);
        assert_true(scan.at == n);
    }
}

static void test_reply(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               "Connection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n\x81";
    size_t n = sizeof(text) - 2;
    struct nc_http_scan scan = {0};
    struct nc_http_reply r;

    for (size_t i = 0; i < n; i++)
        assert_int_equal(nc_http_reply(&r, &scan, (struct nc_str){text, i}, LIMIT),
                         NC_AGAIN);
    assert_int_equal(nc_http_reply(&r, &scan, (struct nc_str){text, n + 1}, LIMIT), NC_OK);
    assert_int_equal(r.size, n);
    assert_int_equal(r.status, 101);
    assert_true(r.head.upgrade_ws);
    eq(nc_http_get(&r.head, "sec-websocket-accept"), "x");

    static const char *const wrong[] = {
        "HTTP/1.1 99 x\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",    "HTTP/1.1 200 OK\r\n X: y\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",   "hello\r\n\r\n"};
    for (size_t i = 0; i < NC_COUNT(wrong); i++) {
        scan = (struct nc_http_scan){0};
        if (nc_http_reply(&r, &scan, nc_str(wrong[i]), LIMIT) != NC_EINVAL)
            fail_msg("accepted: %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_requests_are_refused),
        cmocka_unit_test(test_bad_requests_byte_by_byte),
        cmocka_unit_test(test_a_good_head_at_every_split),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_pipelined_heads),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_slow_sender_is_not_quadratic),
        cmocka_unit_test(test_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
