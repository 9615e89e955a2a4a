/* WebSocket frames and messages: RFC 6455, its examples and its prohibitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/ws.h"
#include "wire/ws_deflate.h"

static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};
static const uint8_t zero[4];

/* What a reader made of some bytes, as one line of text. */
struct heard {
    struct nc_buf text;
};

static void hear(struct heard *h, enum nc_ws_what what, const struct nc_ws_event *ev)
{
    static const char *const names[] = {[NC_WS_GOT_MESSAGE] = "msg",
                                        [NC_WS_GOT_PING] = "ping",
                                        [NC_WS_GOT_PONG] = "pong",
                                        [NC_WS_GOT_CLOSE] = "close",
                                        [NC_WS_FAILED] = "failed"};
    nc_buf_printf(&h->text, "%s(%d,%u,", names[what], ev->op, ev->code);
    if (what != NC_WS_FAILED)
        nc_buf_adds(&h->text, ev->data);
    nc_buf_adds(&h->text, NC_STR(")"));
}

/* Feed bytes in pieces of `step` (0: in one), from memory that ends where they end. */
static char *feed(struct nc_ws_in *w, const void *bytes, size_t n, size_t step)
{
    struct heard h = {0};

    for (size_t at = 0; at < n;) {
        size_t piece = step && step < n - at ? step : n - at;
        char *copy = malloc(piece), *p = copy;
        size_t left = piece;
        struct nc_ws_event ev;
        enum nc_ws_what what;

        memcpy(copy, (const char *)bytes + at, piece);
        while ((what = nc_ws_next(w, &p, &left, &ev)) != NC_WS_MORE)
            hear(&h, what, &ev);
        assert_int_equal(left, 0);
        assert_ptr_equal(p, copy + piece);
        free(copy);
        at += piece;
    }
    nc_buf_addc(&h.text, 0);
    return h.text.p;
}

static void expect(const void *bytes, size_t n, enum nc_ws_role role, bool deflate,
                   uint64_t limit, const char *want)
{
    for (size_t step = 0; step <= n && step < 40; step++) {
        struct nc_ws_in w = {.role = role, .deflate = deflate, .limit = limit};
        char *got = feed(&w, bytes, n, step);

        if (strcmp(got, want))
            fail_msg("step %zu: got %s, want %s", step, got, want);
        free(got);
        nc_ws_fini(&w);
    }
}

#define SERVER(bytes, want) \
    expect(bytes, sizeof(bytes) - 1, NC_WS_SERVER, false, 1000, want)
#define CLIENT(bytes, want) \
    expect(bytes, sizeof(bytes) - 1, NC_WS_CLIENT, false, 70000, want)
#define DEFLATED(bytes, want) \
    expect(bytes, sizeof(bytes) - 1, NC_WS_CLIENT, true, 1000, want)
#define M "\0\0\0\0"

static void test_rfc_examples(void **state)
{
    (void)state;
    CLIENT("\x81\x05Hello", "msg(1,0,Hello)");
    SERVER("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "msg(1,0,Hello)");
    CLIENT("\x01\x03Hel\x80\x02lo", "msg(1,0,Hello)");
    CLIENT("\x89\x05Hello", "ping(9,0,Hello)");
    SERVER("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "pong(10,0,Hello)");

    char big[4 + 256] = "\x82\x7E\x01\x00", huge[10 + 65536] = "\x82\x7F\0\0\0\0\0\x01\0\0";
    struct nc_ws_in w = {.role = NC_WS_CLIENT, .limit = 65536};
    char *p = big;
    size_t n = sizeof(big);
    struct nc_ws_event ev;
    assert_int_equal(nc_ws_next(&w, &p, &n, &ev), NC_WS_GOT_MESSAGE);
    assert_int_equal(ev.data.n, 256);
    assert_ptr_equal(ev.data.p, big + 4); /* no copy was made */
    p = huge;
    n = sizeof(huge);
    assert_int_equal(nc_ws_next(&w, &p, &n, &ev), NC_WS_GOT_MESSAGE);
    assert_int_equal(ev.data.n, 65536);
    nc_ws_fini(&w);
}

static void test_messages(void **state)
{
    (void)state;
    CLIENT("\x81\x00", "msg(1,0,)");
    CLIENT("\x82\x00\x81\x01x", "msg(2,0,)msg(1,0,x)");
    SERVER("\x82\x80" M "\x89\x80" M, "msg(2,0,)ping(9,0,)");
    CLIENT("\x01\x00\x00\x00\x80\x00", "msg(1,0,)");
    CLIENT("\x01\x01"
           "a\x89\x01p\x00\x01"
           "b\x8a\x00\x80\x01"
           "c\x81\x01"
           "d",
           "ping(9,0,p)pong(10,0,)msg(1,0,abc)msg(1,0,d)");
    CLIENT("\x82\x02\xFF\x00", "msg(2,0,\xFF"); /* binary may hold anything */
}

static void test_prohibitions(void **state)
{
    (void)state;
    SERVER("\x81\x05Hello", "failed(8,1002,)"); /* not masked */
    CLIENT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "failed(8,1002,)"); /* masked */
    CLIENT("\xC1\x00", "failed(8,1002,)"); /* RSV1 not agreed */
    CLIENT("\xA1\x00", "failed(8,1002,)"); /* RSV2 */
    CLIENT("\x91\x00", "failed(8,1002,)"); /* RSV3 */
    CLIENT("\x83\x00", "failed(8,1002,)"); /* reserved opcodes */
    CLIENT("\x87\x00", "failed(8,1002,)");
    CLIENT("\x8B\x00", "failed(8,1002,)");
    CLIENT("\x8F\x00", "failed(8,1002,)");
    CLIENT("\x09\x00", "failed(8,1002,)");         /* fragmented ping */
    CLIENT("\x89\x7E\x00\x7E", "failed(8,1002,)"); /* long ping */
    CLIENT("\x88\x7E\x00\x7E", "failed(8,1002,)"); /* long close */
    CLIENT("\x80\x01x", "failed(8,1002,)");        /* bare continuation */
    CLIENT("\x00\x01x", "failed(8,1002,)");
    CLIENT("\x01\x01x\x81\x01y", "failed(8,1002,)"); /* message in a message */
    CLIENT("\x01\x01x\x80\x01y\x80\x01z", "msg(1,0,xy)failed(8,1002,)");
    CLIENT("\x82\x7E\x00\x7D", "failed(8,1002,)"); /* length not shortest */
    CLIENT("\x82\x7F\0\0\0\0\0\0\xFF\xFF", "failed(8,1002,)");
    CLIENT("\x82\x7F\x80\0\0\0\0\0\0\0", "failed(8,1002,)"); /* top bit of the length */
    CLIENT("\x83\x00\x81\x01x", "failed(8,1002,)");          /* nothing after a failure */
    DEFLATED("\xC9\x00", "failed(8,1002,)");                 /* RSV1 on a ping */
    DEFLATED("\x01\x01x\xC0\x00", "failed(8,1002,)");        /* RSV1 on a continuation */
}

static void test_sizes(void **state)
{
    (void)state;
    expect("\x82\x05hello", 7, NC_WS_CLIENT, false, 5, "msg(2,0,hello)");
    expect("\x82\x06hello!", 8, NC_WS_CLIENT, false, 5, "failed(8,1009,)");
    expect("\x02\x03hel\x80\x03lo!", 10, NC_WS_CLIENT, false, 5, "failed(8,1009,)");
    expect("\x02\x03hel\x89\x09pingpingp\x80\x02lo", 20, NC_WS_CLIENT, false, 5,
           "ping(9,0,pingpingp)msg(2,0,hello)");
    expect("\x82\x7F\x40\0\0\0\0\0\0\0", 10, NC_WS_CLIENT, false, 1 << 20,
           "failed(8,1009,)"); /* 2^62, at its head */
}

static void test_empty_fragments_end(void **state)
{
    (void)state;
    struct nc_ws_in w = {.role = NC_WS_CLIENT, .limit = 10};
    char start[] = "\x01\x00";
    struct nc_ws_event ev;
    char *p = start;
    size_t n = 2;
    enum nc_ws_what what = nc_ws_next(&w, &p, &n, &ev);

    for (int i = 0; i < 1 << 20 && what == NC_WS_MORE; i++) {
        char more[] = "\x00\x00";
        p = more;
        n = 2;
        what = nc_ws_next(&w, &p, &n, &ev);
    }
    assert_int_equal(what, NC_WS_FAILED);
    assert_int_equal(ev.code, 1009);
}

static void test_text_is_utf8(void **state)
{
    (void)state;
    CLIENT("\x81\x06\xD0\xBE\xF0\x9F\x98\x80", "msg(1,0,\xD0\xBE\xF0\x9F\x98\x80)");
    CLIENT("\x01\x01\xD0\x80\x01\xBE", "msg(1,0,\xD0\xBE)"); /* split inside a character */
    CLIENT("\x81\x01\xFF", "failed(8,1007,)");
    CLIENT("\x81\x01\xD0", "failed(8,1007,)"); /* ends inside a character */
    CLIENT("\x01\x01\xD0\x80\x00", "failed(8,1007,)");
    CLIENT("\x81\x02\xC0\x80", "failed(8,1007,)");         /* overlong */
    CLIENT("\x81\x03\xED\xA0\x80", "failed(8,1007,)");     /* surrogate */
    CLIENT("\x81\x04\xF4\x90\x80\x80", "failed(8,1007,)"); /* above U+10FFFF */
    /* It ends at the bad byte, though most of the message is still to come. */
    CLIENT("\x01\x7E\x40\x00good\xF8", "failed(8,1007,)");
    CLIENT("\x81\x7E\x40\x00\xCE\xBA\xE1\xBD\xB9\xF4\x90", "failed(8,1007,)");
}

static void test_close(void **state)
{
    (void)state;
    CLIENT("\x88\x00", "close(8,1005,)");
    CLIENT("\x88\x02\x03\xE8", "close(8,1000,)");
    CLIENT("\x88\x05\x0F\xA0"
           "bye\x81\x01x",
           "close(8,4000,bye)"); /* nothing counts after it */
    CLIENT("\x88\x01\x03", "failed(8,1002,)");
    CLIENT("\x88\x03\x03\xE8\xFF", "failed(8,1007,)");

    static const unsigned ok[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                  1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const unsigned not_ok[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                      1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < NC_COUNT(ok); i++)
        assert_true(nc_ws_close_valid(ok[i]));
    for (size_t i = 0; i < NC_COUNT(not_ok); i++) {
        char frame[4] = {(char)0x88, 2, (char)(not_ok[i] >> 8), (char)not_ok[i]};
        assert_false(nc_ws_close_valid(not_ok[i]));
        expect(frame, 4, NC_WS_CLIENT, false, 10, "failed(8,1002,)");
    }
}

static void test_mask_any_offset(void **state)
{
    (void)state;
    uint8_t data[100], want[100];

    for (size_t off = 0; off < 9; off++)
        for (size_t n = 0; n + off <= 90; n += 7)
            for (uint64_t at = 0; at < 6; at++) {
                for (size_t i = 0; i < 100; i++)
                    data[i] = want[i] = (uint8_t)(i * 37);
                for (size_t i = 0; i < n; i++)
                    want[off + i] ^= mask[(at + i) & 3];
                nc_ws_mask(data + off, n, mask, at);
                assert_memory_equal(data, want, 100);
            }
}

static void test_writing(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 69999};
    char *payload = calloc(1, 70000);

    for (size_t i = 0; i < NC_COUNT(sizes); i++)
        for (int masked = 0; masked < 2; masked++) {
            struct nc_buf b = {0};
            struct nc_ws_in w = {.role = masked ? NC_WS_SERVER : NC_WS_CLIENT,
                                 .limit = 70000};
            struct nc_ws_event ev;

            memset(payload, 'x', sizes[i]);
            nc_ws_write(
                &b, &(struct nc_ws_opts){.op = NC_WS_TEXT, .mask = masked ? mask : NULL},
                (struct nc_str){payload, sizes[i]});
            char *p = b.p;
            size_t n = b.n;
            assert_int_equal(nc_ws_next(&w, &p, &n, &ev), NC_WS_GOT_MESSAGE);
            assert_true(n == 0 && ev.data.n == sizes[i]);
            assert_memory_equal(ev.data.p, payload, sizes[i]);
            nc_ws_fini(&w);
            nc_buf_fini(&b);
        }
    free(payload);

    struct nc_buf b = {0};
    char reason[200];
    memset(reason, 'r', sizeof(reason));
    memcpy(reason + 122, "\xD0\xB9", 2); /* must not be cut in two */
    nc_ws_write_close(&b, 1008, (struct nc_str){reason, sizeof(reason)}, NULL);
    assert_int_equal(b.n, 2 + 2 + 122);
    nc_buf_clear(&b);
    nc_ws_write_close(&b, 0, NC_STR(""), zero);
    assert_int_equal(b.n, 6);
    nc_buf_fini(&b);
}

static void test_deflated_messages(void **state)
{
    (void)state;
    /* RFC 7692 7.2.3.1 to 7.2.3.5 */
    DEFLATED("\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00", "msg(1,0,Hello)");
    DEFLATED("\x41\x03\xF2\x48\xCD\x80\x04\xC9\xC9\x07\x00", "msg(1,0,Hello)");
    DEFLATED("\xC1\x0B\x00\x05\x00\xFA\xFFHello\x00", "msg(1,0,Hello)");
    DEFLATED("\xC1\x08\xF3\x48\xCD\xC9\xC9\x07\x00\x00", "msg(1,0,Hello)");
    DEFLATED("\xC1\x0D\xF2\x48\x05\x00\x00\x00\xFF\xFF\xCA\xC9\xC9\x07\x00",
             "msg(1,0,Hello)");
    DEFLATED("\xC1\x01\x00\x81\x01x", "msg(1,0,)msg(1,0,x)");
    /* Context does not carry over: each of these stands alone. */
    DEFLATED("\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00",
             "msg(1,0,Hello)msg(1,0,Hello)");
    DEFLATED("\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\x00\xC1\x05\xF2\x00\x11\x00\x00",
             "msg(1,0,Hello)failed(8,1007,)");
    DEFLATED("\xC1\x04\xFF\xFF\xFF\xFF", "failed(8,1007,)");
    DEFLATED("\xC1\x03\xF2\x48\xCD", "failed(8,1007,)"); /* cut short */
    DEFLATED("\xC1\x08\x01\x01\x00\xFE\xFF\xFF\x00\x00",
             "failed(8,1007,)"); /* text is 0xFF */
}

static void test_bomb(void **state)
{
    (void)state;
    struct nc_buf zeros = {0}, packed = {0}, frame = {0};
    memset(nc_buf_reserve(&zeros, 64 << 20), 0, 64 << 20);
    nc_buf_grew(&zeros, 64 << 20);
    assert_int_equal(nc_ws_deflate_run(&packed, nc_buf_str(&zeros), 15), NC_OK);
    nc_ws_write(&frame, &(struct nc_ws_opts){.op = NC_WS_BINARY, .deflated = true},
                nc_buf_str(&packed));
    expect(frame.p, frame.n, NC_WS_CLIENT, true, 1 << 20, "failed(8,1009,)");
    nc_buf_fini(&zeros);
    nc_buf_fini(&packed);
    nc_buf_fini(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_examples),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_prohibitions),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_empty_fragments_end),
        cmocka_unit_test(test_text_is_utf8),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_mask_any_offset),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_deflated_messages),
        cmocka_unit_test(test_bomb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
