/* SOCKS5: what is asked, byte by byte, and every answer there is, in any pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socks.h"

static int ours, theirs;
static struct nc_socks s;
static const char *why;

static void begin(const char *host, uint16_t port)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    ours = fds[0];
    theirs = fds[1];
    why = NULL;
    assert_int_equal(nc_socks_begin(&s, host, port), NC_OK);
}

static void end(void)
{
    close(ours);
    close(theirs);
}

static void said(const void *bytes, size_t n)
{
    char got[512];

    assert_int_equal(read(theirs, got, sizeof got), n);
    assert_memory_equal(got, bytes, n);
}

static void answer(const void *bytes, size_t n)
{
    assert_int_equal(write(theirs, bytes, n), n);
}

static enum nc_err step(void) { return nc_socks_step(&s, ours, &why); }

#define SAID(lit) said(lit, sizeof(lit) - 1)
#define ANSWER(lit) answer(lit, sizeof(lit) - 1)

static void greeted(const char *host, uint16_t port)
{
    begin(host, port);
    assert_int_equal(step(), NC_AGAIN);
    assert_true(nc_socks_reads(&s));
    SAID("\5\1\0");
    ANSWER("\5\0");
    assert_int_equal(step(), NC_AGAIN);
}

static void names_are_asked_for_as_they_are(void **state)
{
    (void)state;
    greeted("node.test", 443);
    SAID("\5\1\0\3\011node.test\1\273");
    ANSWER("\5\0\0\1\177\0\0\1\0\120");
    assert_int_equal(step(), NC_OK);
    end();
}

static void addresses_are_asked_for_as_addresses(void **state)
{
    (void)state;
    greeted("192.0.2.7", 80);
    SAID("\5\1\0\1\300\0\2\7\0\120");
    end();
    greeted("2001:db8::1", 80);
    SAID("\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\0\120");
    end();
}

static void an_answer_may_come_by_bytes_and_what_follows_is_left(void **state)
{
    static const char *const answers[] = {"\5\0\0\1\177\0\0\1\0\120", "\5\0\0\3\2ab\0\120",
                                          "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\120"};
    static const size_t sizes[] = {10, 9, 22};
    char next[8];

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(answers); i++) {
        greeted("a", 1);
        for (size_t k = 0; k + 1 < sizes[i]; k++) {
            answer(answers[i] + k, 1);
            assert_int_equal(step(), NC_AGAIN);
        }
        answer(answers[i] + sizes[i] - 1, 1);
        ANSWER("next");
        assert_int_equal(step(), NC_OK);
        assert_int_equal(read(ours, next, sizeof next), 4);
        end();
    }
}

static void refusals_have_words(void **state)
{
    static const struct {
        char code;
        const char *why;
    } codes[] = {{1, "the proxy failed"},
                 {2, "the proxy doesn't allow it"},
                 {3, "the proxy does not get there"},
                 {4, "the proxy does not get there"},
                 {5, "the proxy says: connection refused"},
                 {6, "the proxy says: no answer in time"},
                 {99, "the proxy failed"}};

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(codes); i++) {
        char bytes[] = {5, codes[i].code, 0, 1, 0, 0, 0, 0, 0, 0};
        greeted("a", 1);
        answer(bytes, sizeof bytes);
        assert_int_equal(step(), NC_EIO);
        assert_string_equal(why, codes[i].why);
        end();
    }
}

static void what_is_no_proxy_is_told_so(void **state)
{
    (void)state;
    begin("a", 1);
    assert_int_equal(step(), NC_AGAIN);
    ANSWER("HTTP/1.1 400 Bad Request");
    assert_int_equal(step(), NC_EIO);
    assert_string_equal(why, "what answers is no SOCKS5 proxy");
    end();
    begin("a", 1);
    assert_int_equal(step(), NC_AGAIN);
    ANSWER("\5\377");
    assert_int_equal(step(), NC_EIO);
    assert_string_equal(why, "the proxy wants a login");
    end();
    greeted("a", 1);
    ANSWER("\5\0\0\2\0\0\0\0\0\0");
    assert_int_equal(step(), NC_EIO);
    end();
    greeted("a", 1);
    shutdown(theirs, SHUT_WR);
    assert_int_equal(step(), NC_EIO);
    assert_string_equal(why, "the proxy ended the connection");
    end();
}

static void names_that_no_proxy_takes(void **state)
{
    char name[257];

    (void)state;
    memset(name, 'a', sizeof name);
    name[256] = '\0';
    assert_int_equal(nc_socks_begin(&s, name, 1), NC_EINVAL);
    assert_int_equal(nc_socks_begin(&s, "", 1), NC_EINVAL);
    name[255] = '\0';
    assert_int_equal(nc_socks_begin(&s, name, 1), NC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_asked_for_as_they_are),
        cmocka_unit_test(addresses_are_asked_for_as_addresses),
        cmocka_unit_test(an_answer_may_come_by_bytes_and_what_follows_is_left),
        cmocka_unit_test(refusals_have_words),
        cmocka_unit_test(what_is_no_proxy_is_told_so),
        cmocka_unit_test(names_that_no_proxy_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
