/* Bodies of responses: framed by length, chunks, the end; packed; malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "wire/http_in.h"

/* What a body came to: its bytes, then how it ended. */
struct heard {
    struct nc_buf body;
    bool done, may_end;
    size_t left;
    enum nc_err e;
};

static void hear(struct heard *h, struct nc_str answer, size_t step, bool none)
{
    struct nc_http_reply r;
    struct nc_http_scan scan = {0};
    struct nc_http_in b;
    struct nc_str piece;

    *h = (struct heard){0};
    h->e = nc_http_reply(&r, &scan, answer, 4096);
    if (h->e != NC_OK)
        return; /* such a head is refused already */
    h->e = nc_http_in_begin(&b, &r, none);
    struct nc_str body = {answer.p + r.size, answer.n - r.size};
    while (h->e == NC_OK && body.n && !b.done) {
        struct nc_str in = {body.p, step < body.n ? step : body.n};
        body = (struct nc_str){body.p + in.n, body.n - in.n};
        while ((h->e = nc_http_in_next(&b, &in, &piece)) == NC_OK)
            nc_buf_adds(&h->body, piece);
        if (h->e == NC_AGAIN)
            h->e = NC_OK;
        h->left = body.n + in.n;
    }
    h->done = b.done;
    h->may_end = nc_http_in_may_end(&b);
    nc_http_in_fini(&b);
}

#define HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *body;
        bool done, may_end;
        size_t left;
    } rows[] = {
        {HEAD "Content-Length: 5\r\n\r\nhello", "hello", true, true, 0},
        {HEAD "Content-Length: 5\r\n\r\nhelloHTTP", "hello", true, true, 4},
        {HEAD "Content-Length: 5\r\n\r\nhell", "hell", false, false, 0},
        {HEAD "Content-Length: 0\r\n\r\n", "", true, true, 0},
        {HEAD "\r\nhello", "hello", false, true, 0},
        {CHUNKED "5\r\nhello\r\n0\r\n\r\n", "hello", true, true, 0},
        {CHUNKED "5\r\nhello\r\n6;a=\"b\"\r\n world\r\n0\r\nX: y\r\nZ: \r\n\r\nHTTP",
         "hello world", true, true, 4},
        {CHUNKED "00A \t\r\n0123456789\r\n000\r\n\r\n", "0123456789", true, true, 0},
        {CHUNKED "5\r\nhello\r\n", "hello", false, false, 0},
        {CHUNKED "5\r\nhello\r\n0\r\n", "hello", false, false, 0},
        {"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "", true, true, 0},
        {"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", "", true, true, 0},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        for (size_t step = 1; step < 80; step += step < 4 ? 1 : 75) {
            struct heard h;

            hear(&h, nc_str(rows[i].answer), step, false);
            if (h.e != NC_OK || !nc_str_eqz(nc_buf_str(&h.body), rows[i].body) ||
                h.done != rows[i].done || h.may_end != rows[i].may_end ||
                (h.done && h.body.n && h.left != rows[i].left))
                fail_msg("%s by %zu: %s \"%.*s\"", rows[i].answer, step, nc_strerr(h.e),
                         NC_FMT(nc_buf_str(&h.body)));
            nc_buf_fini(&h.body);
        }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        HEAD "Content-Length: 5x\r\n\r\nhello",
        HEAD "Content-Length: -1\r\n\r\n",
        HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD "Content-Length: 99999999999999999999\r\n\r\n",
        HEAD "Transfer-Encoding: gzip\r\n\r\n",
        HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n",
        HEAD "Content-Encoding: br\r\n\r\nhello",
        HEAD "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        CHUNKED "\r\nhello",
        CHUNKED "x\r\n",
        CHUNKED "5\nhello\n",
        CHUNKED "5\r\nhello5\r\n",
        CHUNKED "1000000000000000\r\nhello",
        CHUNKED "-5\r\nhello",
        CHUNKED "0x5\r\nhello",
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        for (size_t step = 1; step < 80; step += 70) {
            struct heard h;

            hear(&h, nc_str(rows[i]), step, false);
            if (h.e != NC_EINVAL)
                fail_msg("%s by %zu: %s", rows[i], step, nc_strerr(h.e));
            nc_buf_fini(&h.body);
        }
}

static void test_what_answers_head_has_no_body(void **state)
{
    (void)state;
    struct heard h;

    hear(&h, NC_STR(HEAD "Content-Length: 5\r\n\r\n"), 10, true);
    assert_true(h.e == NC_OK && h.done && h.body.n == 0);
}

/* 200,000 zeros and a word, which fill what is unpacked many times from little input. */
static void test_packed(void **state)
{
    (void)state;
    static char plain[200000], answer[4096];
    z_stream z = {0};

    memset(plain, '0', sizeof(plain));
    memcpy(plain + sizeof(plain) - 4, "last", 4);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t head =
        (size_t)snprintf(answer, sizeof(answer), HEAD "Content-Encoding: gzip\r\n\r\n");
    z.next_in = (Bytef *)plain;
    z.avail_in = sizeof(plain);
    z.next_out = (Bytef *)answer + head;
    z.avail_out = (uInt)(sizeof(answer) - head);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct nc_str all = {answer, head + z.total_out};
    deflateEnd(&z);
    for (size_t step = 1; step <= 4096; step = step * 16) {
        struct heard h;

        hear(&h, all, step, false);
        assert_int_equal(h.e, NC_OK);
        assert_true(nc_str_eq(nc_buf_str(&h.body), (struct nc_str){plain, sizeof(plain)}));
        nc_buf_fini(&h.body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_what_answers_head_has_no_body),
        cmocka_unit_test(test_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
