/* The opening handshake, both sides (RFC 6455 section 4, RFC 7692 section 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/ws_handshake.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static void eq(struct nc_str got, const char *want)
{
    if (!nc_str_eqz(got, want))
        fail_msg("got \"%.*s\", want \"%s\"", NC_FMT(got), want);
}

static enum nc_err shake(const char *method, const char *fields, struct nc_ws_handshake *hs,
                         struct nc_problem *why)
{
    static char text[4096];
    static struct nc_http_head h;
    struct nc_http_scan scan = {0};

    snprintf(text, sizeof(text), "%s /ws HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields);
    assert_int_equal(nc_http_head(&h, &scan, nc_str(text), sizeof(text)), NC_OK);
    return nc_ws_handshake(hs, &h, why);
}

static void test_the_rfc_example(void **state)
{
    (void)state;
    struct nc_ws_handshake hs;
    struct nc_problem why;
    struct nc_buf b = {0};

    assert_int_equal(shake("GET", UPGRADE KEY VERSION, &hs, &why), NC_OK);
    assert_memory_equal(hs.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", NC_WS_ACCEPT);
    assert_false(hs.deflate.on);
    nc_ws_welcome(&b, &hs, NC_STR("chat"), NC_STR(""));
    eq(nc_buf_str(&b), "HTTP/1.1 101 Switching Protocols\r\n" UPGRADE
                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                       "Sec-WebSocket-Protocol: chat\r\n\r\n");
    nc_buf_fini(&b);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *method, *fields;
        enum nc_problem_code code;
    } rows[] = {
        {"GET", KEY VERSION, NC_P_UPGRADE_REQUIRED},
        {"GET", "Upgrade: websocket\r\n" KEY VERSION, NC_P_UPGRADE_REQUIRED},
        {"GET", "Connection: Upgrade\r\nUpgrade: h2c\r\n" KEY VERSION,
         NC_P_UPGRADE_REQUIRED},
        {"GET", UPGRADE KEY, NC_P_UPGRADE_REQUIRED},
        {"GET", UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", NC_P_UPGRADE_REQUIRED},
        {"POST", UPGRADE KEY VERSION, NC_P_BAD_REQUEST},
        {"GET", UPGRADE KEY VERSION "Content-Length: 1\r\n", NC_P_BAD_REQUEST},
        {"GET", UPGRADE VERSION, NC_P_BAD_REQUEST},
        {"GET", UPGRADE KEY KEY VERSION, NC_P_BAD_REQUEST},
        {"GET", UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n",
         NC_P_BAD_REQUEST},
        {"GET", UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n",
         NC_P_BAD_REQUEST},
        {"GET", UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j?Q==\r\n",
         NC_P_BAD_REQUEST},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_ws_handshake hs;
        struct nc_problem why = {0};

        assert_int_equal(shake(rows[i].method, rows[i].fields, &hs, &why), NC_EINVAL);
        if (why.code != rows[i].code)
            fail_msg("row %zu: %s", i, nc_problem_name(why.code));
    }
}

static void test_protocols(void **state)
{
    (void)state;
    struct nc_http_head h = {.n_headers = 2};

    h.headers[0] =
        (struct nc_http_header){NC_STR("Sec-WebSocket-Protocol"), NC_STR("a ,b")};
    h.headers[1] =
        (struct nc_http_header){NC_STR("sec-websocket-protocol"), NC_STR("neuralchat.v1")};
    assert_true(nc_ws_offers(&h, "a"));
    assert_true(nc_ws_offers(&h, "b"));
    assert_true(nc_ws_offers(&h, "neuralchat.v1"));
    assert_false(nc_ws_offers(&h, "neuralchat"));
    assert_false(nc_ws_offers(&h, "B"));
}

static void test_deflate_offers(void **state)
{
    (void)state;
#define ANSWER "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    static const struct {
        const char *offer, *answer; /* NULL: declined */
    } rows[] = {
        {"permessage-deflate", ANSWER},
        {"permessage-deflate; client_max_window_bits", ANSWER},
        {"permessage-deflate; client_max_window_bits=10", ANSWER},
        {"permessage-deflate; client_max_window_bits=\"10\"", ANSWER},
        {"Permessage-Deflate;server_no_context_takeover;client_no_context_takeover",
         ANSWER},
        {"permessage-deflate; server_max_window_bits=15", ANSWER},
        {"permessage-deflate; server_max_window_bits=9",
         ANSWER "; server_max_window_bits=9"},
        {"permessage-deflate; server_max_window_bits=8, permessage-deflate", ANSWER},
        {"x-webkit-deflate-frame, permessage-deflate", ANSWER},
        {"permessage-deflate; unknown, permessage-deflate; server_max_window_bits=12",
         ANSWER "; server_max_window_bits=12"},
        {"permessage-deflate; server_max_window_bits=8", NULL},
        {"permessage-deflate; server_max_window_bits", NULL},
        {"permessage-deflate; server_max_window_bits=16", NULL},
        {"permessage-deflate; server_max_window_bits=09", NULL},
        {"permessage-deflate; client_max_window_bits=7", NULL},
        {"permessage-deflate; client_max_window_bits=", NULL},
        {"permessage-deflate; server_no_context_takeover=1", NULL},
        {"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
         NULL},
        {"permessage-deflate;", ANSWER},
        {"permessage-bzip2", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_ws_deflate d = {0};
        struct nc_buf b = {0};

        nc_ws_deflate_choose(&d, nc_str(rows[i].offer));
        if (d.on != (rows[i].answer != NULL))
            fail_msg("%s", rows[i].offer);
        if (d.on) {
            nc_ws_deflate_answer(&d, &b);
            eq(nc_buf_str(&b), rows[i].answer);
        }
        nc_buf_fini(&b);
    }
}

static enum nc_err agreed(const char *reply, bool deflate, struct nc_ws_deflate *d)
{
    struct nc_ws_request r = {.host = NC_STR("a"),
                              .target = NC_STR("/ws"),
                              .protocol = NC_STR("neuralchat.v1"),
                              .deflate = deflate};
    static struct nc_http_reply parsed;
    struct nc_http_scan scan = {0};

    memcpy(r.nonce, "the sample nonce", 16);
    assert_int_equal(nc_http_reply(&parsed, &scan, nc_str(reply), 4096), NC_OK);
    return nc_ws_agreed(d, &r, &parsed);
}

#define OK_HEAD \
    "HTTP/1.1 101 x\r\n" UPGRADE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: neuralchat.v1\r\n"
#define EXT "Sec-WebSocket-Extensions: "

static void test_client_checks_the_reply(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        bool deflate, good, on;
    } rows[] = {
        {OK_HEAD PROTOCOL "\r\n", false, true, false},
        {OK_HEAD PROTOCOL "\r\n", true, true, false},
        {OK_HEAD PROTOCOL EXT ANSWER "\r\n\r\n", true, true, true},
        {OK_HEAD PROTOCOL EXT ANSWER "; client_max_window_bits=9\r\n\r\n", true, true,
         true},
        {OK_HEAD "\r\n", false, false, false},
        {OK_HEAD "Sec-WebSocket-Protocol: other\r\n\r\n", false, false, false},
        {OK_HEAD PROTOCOL EXT ANSWER "\r\n\r\n", false, false, false},
        {OK_HEAD PROTOCOL EXT "permessage-deflate\r\n\r\n", true, false, false},
        {OK_HEAD PROTOCOL EXT "bzip2\r\n\r\n", true, false, false},
        {OK_HEAD PROTOCOL EXT ANSWER ", bzip2\r\n\r\n", true, false, false},
        {OK_HEAD PROTOCOL EXT ANSWER "\r\n" EXT ANSWER "\r\n\r\n", true, false, false},
        {"HTTP/1.1 200 OK\r\n" UPGRADE PROTOCOL "\r\n", false, false, false},
        {"HTTP/1.1 101 x\r\n" UPGRADE PROTOCOL
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n",
         false, false, false},
        {"HTTP/1.1 101 x\r\n" UPGRADE PROTOCOL "\r\n", false, false, false},
    };
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        struct nc_ws_deflate d;

        if ((agreed(rows[i].reply, rows[i].deflate, &d) == NC_OK) != rows[i].good ||
            d.on != rows[i].on)
            fail_msg("row %zu", i);
    }
}

static void test_both_sides_meet(void **state)
{
    (void)state;
    struct nc_ws_request r = {.host = NC_STR("h:1"),
                              .target = NC_STR("/ws?x"),
                              .protocol = NC_STR("neuralchat.v1"),
                              .headers = NC_STR("Authorization: Bearer t\r\n"),
                              .nonce = {1, 2, 3},
                              .deflate = true};
    struct nc_buf ask = {0}, answer = {0};
    static struct nc_http_head h;
    static struct nc_http_reply reply;
    struct nc_http_scan a = {0}, b = {0};
    struct nc_ws_handshake hs;
    struct nc_ws_deflate d;
    struct nc_problem why;

    nc_ws_request(&ask, &r);
    assert_int_equal(nc_http_head(&h, &a, nc_buf_str(&ask), 4096), NC_OK);
    assert_int_equal(h.size, ask.n);
    eq(nc_http_get(&h, "authorization"), "Bearer t");
    assert_int_equal(nc_ws_handshake(&hs, &h, &why), NC_OK);
    assert_true(nc_ws_offers(&h, "neuralchat.v1") && hs.deflate.on);
    nc_ws_welcome(&answer, &hs, NC_STR("neuralchat.v1"), NC_STR("today"));
    assert_int_equal(nc_http_reply(&reply, &b, nc_buf_str(&answer), 4096), NC_OK);
    assert_int_equal(nc_ws_agreed(&d, &r, &reply), NC_OK);
    assert_true(d.on && d.server_bits == 15 && d.client_bits == 15);
    nc_buf_fini(&ask);
    nc_buf_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rfc_example),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_deflate_offers),
        cmocka_unit_test(test_client_checks_the_reply),
        cmocka_unit_test(test_both_sides_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
