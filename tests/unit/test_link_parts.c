/* mesh/link_url and link_sent: addresses of brokers; what waits for an acknowledgement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh/link_sent.h"
#include "mesh/link_url.h"

static void an_address_of_a_broker_is_taken_apart(void **state)
{
    static const struct {
        const char *url, *host;
        uint16_t port;
        bool tls;
    } good[] = {
        {"mqtt://h", "h", 1883, false},
        {"mqtts://h.example", "h.example", 8883, true},
        {"mqtt://127.0.0.1:1884", "127.0.0.1", 1884, false},
        {"mqtts://[::1]:9", "::1", 9, true},
        {"mqtt://[fe80::1]", "fe80::1", 1883, false},
    };
    static const char *const bad[] = {
        "",           "mqtt://",     "mqtt://:1",      "http://h",    "mqtt://h:",
        "mqtt://h:0", "mqtt://h:1x", "mqtt://h:65536", "mqtt://h/x",  "mqtt://u@h",
        "mqtt://[",   "mqtt://[]",   "mqtt://[::1",    "mqtt://[h]x", "mqtt://::1",
        "mqtt://a b"};
    struct nc_link_url out;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(good); i++) {
        assert_int_equal(nc_link_url_broker(nc_str(good[i].url), &out), NC_OK);
        assert_string_equal(out.host, good[i].host);
        assert_int_equal(out.port, good[i].port);
        assert_int_equal(out.tls, good[i].tls);
    }
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_link_url_broker(nc_str(bad[i]), &out), NC_EINVAL);
}

static void a_proxy_needs_a_port(void **state)
{
    struct nc_link_url out;

    (void)state;
    assert_int_equal(nc_link_url_proxy(NC_STR("socks5h://127.0.0.1:9050"), &out), NC_OK);
    assert_int_equal(out.port, 9050);
    assert_int_equal(nc_link_url_proxy(NC_STR("socks5h://h"), &out), NC_EINVAL);
    assert_int_equal(nc_link_url_proxy(NC_STR("socks5://h:1"), &out), NC_EINVAL);
}

static void where_a_node_is_and_whether_by_a_proxy(void **state)
{
    static const struct {
        const char *url, *host;
        uint16_t port;
        bool tls, proxied, onion;
    } nodes[] = {
        {"http://abc.onion", "abc.onion", 80, false, true, true},
        {"https://ABC.ONION/under/", "ABC.ONION", 443, true, true, true},
        {"https://node.test:8443/x", "node.test", 8443, true, true, false},
        {"http://localhost:8080", "localhost", 8080, false, true, false},
        {"http://127.0.0.1:8080", "127.0.0.1", 8080, false, false, false},
        {"http://[::1]:8080/", "::1", 8080, false, false, false},
        {"http://192.168.1.5:8080", "192.168.1.5", 8080, false, false, false},
        {"https://[fd00::1]", "fd00::1", 443, true, false, false},
        {"http://169.254.169.254", "169.254.169.254", 80, false, true, false},
        {"https://192.0.2.1", "192.0.2.1", 443, true, true, false},
        {"http://.onion", ".onion", 80, false, true, false},
    };
    static const char *const bad[] = {"", "http://", "ftp://h", "http://h:0", "http:///x"};
    struct nc_link_url out;

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(nodes); i++) {
        assert_int_equal(nc_link_url_node(nc_str(nodes[i].url), &out), NC_OK);
        assert_string_equal(out.host, nodes[i].host);
        assert_int_equal(out.port, nodes[i].port);
        assert_int_equal(out.tls, nodes[i].tls);
        assert_int_equal(nc_link_url_proxied(&out), nodes[i].proxied);
        assert_int_equal(nc_link_url_onion(&out), nodes[i].onion);
    }
    for (unsigned i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_link_url_node(nc_str(bad[i]), &out), NC_EINVAL);
}

static void put(struct nc_sent *s, uint16_t mid, bool qos1)
{
    nc_sent_add(s, &(struct nc_sent_row){
                       .mid = mid, .tag = mid, .bytes = 10, .at_us = mid, .qos1 = qos1});
}

static void what_is_acknowledged_is_out_in_any_order(void **state)
{
    struct nc_sent s = {0};
    struct nc_sent_row row;

    (void)state;
    for (uint16_t mid = 1; mid <= 200; mid++)
        put(&s, mid, true);
    assert_int_equal(s.waiting, 200);
    assert_int_equal(s.bytes, 2000);
    assert_true(nc_sent_take(&s, 100, &row));
    assert_int_equal(row.tag, 100);
    assert_false(nc_sent_take(&s, 100, &row));
    assert_int_equal(nc_sent_since_us(&s), 1);
    for (uint16_t mid = 1; mid < 100; mid++)
        assert_true(nc_sent_take(&s, mid, &row));
    assert_int_equal(nc_sent_since_us(&s), 101);
    for (uint16_t mid = 200; mid > 100; mid--)
        assert_true(nc_sent_take(&s, mid, &row));
    assert_int_equal(s.n, 0);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.bytes, 0);
    assert_int_equal(nc_sent_since_us(&s), 0);
    nc_sent_fini(&s);
}

static void a_lost_connection_takes_what_had_qos_0(void **state)
{
    struct nc_sent s = {0};
    struct nc_sent_row row;

    (void)state;
    for (uint16_t mid = 1; mid <= 10; mid++)
        put(&s, mid, mid % 2 == 0);
    nc_sent_lost(&s);
    assert_int_equal(s.waiting, 5);
    assert_int_equal(s.bytes, 50);
    assert_false(nc_sent_take(&s, 1, &row));
    assert_true(nc_sent_take(&s, 2, &row));
    nc_sent_fini(&s);
}

static void packet_ids_never_meet_one_that_still_waits(void **state)
{
    struct nc_sent s = {0};
    struct nc_sent_row row;
    uint16_t mid = 65000;
    unsigned lap = 0;

    (void)state;
    put(&s, mid, true); /* is never acknowledged */
    while (!nc_sent_full(&s, mid)) {
        mid = mid == 65535 ? 1 : (uint16_t)(mid + 1);
        put(&s, mid, false);
        assert_true(nc_sent_take(&s, mid, &row));
        assert_true(++lap < 65535);
    }
    assert_true(lap > 50000);
    assert_true(nc_sent_take(&s, 65000, &row));
    assert_false(nc_sent_full(&s, mid));
    nc_sent_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_of_a_broker_is_taken_apart),
        cmocka_unit_test(a_proxy_needs_a_port),
        cmocka_unit_test(what_is_acknowledged_is_out_in_any_order),
        cmocka_unit_test(a_lost_connection_takes_what_had_qos_0),
        cmocka_unit_test(packet_ids_never_meet_one_that_still_waits),
        cmocka_unit_test(where_a_node_is_and_whether_by_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
