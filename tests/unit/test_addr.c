/* Addresses: text, classes, networks, proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/addr.h"

static struct nc_addr addr(const char *z)
{
    struct nc_addr a;

    assert_int_equal(nc_addr_parse(nc_str(z), &a), NC_OK);
    return a;
}

static void test_text_goes_both_ways(void **state)
{
    static const char *const both[] = {"192.0.2.1:80", "[2001:db8::1]:8080", "[::]:0",
                                       "0.0.0.0:65535"};
    static const char *const bad[] = {
        "",           ":",        "127.0.0.1", "::1:80",
        "host:80",    "1.2.3:80", "1.2.3.4:",  "1.2.3.4:65536",
        "1.2.3.4:+1", "[::1:80",  "[::1]80",   "1.2.3.4 :80"};
    char text[NC_ADDR_TEXT];
    struct nc_addr a;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(both); i++) {
        assert_int_equal(nc_addr_parse_port(nc_str(both[i]), &a), NC_OK);
        assert_string_equal(nc_addr_text_port(&a, text), both[i]);
    }
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_int_equal(nc_addr_parse_port(nc_str(bad[i]), &a), NC_EINVAL);
    assert_int_equal(nc_addr_parse_port(NC_STR("localhost:8080"), &a), NC_OK);
    assert_string_equal(nc_addr_text(&a, text), "127.0.0.1");
    assert_int_equal(nc_addr_parse_port(NC_STR(":8080"), &a), NC_OK);
    assert_string_equal(nc_addr_text_port(&a, text), "[::]:8080");
    a = addr("::ffff:10.1.2.3"); /* one address, one form */
    assert_string_equal(nc_addr_text(&a, text), "10.1.2.3");
}

static void test_sockaddrs_go_both_ways(void **state)
{
    static const char *const some[] = {"127.0.0.1", "2001:db8::9"};
    struct sockaddr_storage sa;
    struct nc_addr back;

    (void)state;
    for (size_t i = 0; i < NC_COUNT(some); i++) {
        struct nc_addr a = addr(some[i]);
        a.port = 4711;
        nc_addr_to_sockaddr(&a, &sa);
        nc_addr_from_sockaddr((struct sockaddr *)&sa, &back);
        assert_true(nc_addr_eq_ip(&a, &back));
        assert_int_equal(back.port, 4711);
    }
}

static void test_where_addresses_lead(void **state)
{
    static const struct {
        const char *text;
        enum nc_reach reach;
    } cases[] = {
        {"127.0.0.1", NC_REACH_LOOPBACK},
        {"127.255.255.255", NC_REACH_LOOPBACK},
        {"::1", NC_REACH_LOOPBACK},
        {"::ffff:127.0.0.1", NC_REACH_LOOPBACK},
        {"10.0.0.1", NC_REACH_PRIVATE},
        {"172.16.0.1", NC_REACH_PRIVATE},
        {"172.31.255.255", NC_REACH_PRIVATE},
        {"172.32.0.1", NC_REACH_PUBLIC},
        {"172.15.0.1", NC_REACH_PUBLIC},
        {"192.168.1.1", NC_REACH_PRIVATE},
        {"100.64.0.1", NC_REACH_PRIVATE},
        {"100.127.255.1", NC_REACH_PRIVATE},
        {"100.128.0.1", NC_REACH_PUBLIC},
        {"fd00::1", NC_REACH_PRIVATE},
        {"fc00::1", NC_REACH_PRIVATE},
        {"169.254.169.254", NC_REACH_LINK_LOCAL},
        {"fe80::1", NC_REACH_LINK_LOCAL},
        {"febf::1", NC_REACH_LINK_LOCAL},
        {"::ffff:169.254.169.254", NC_REACH_LINK_LOCAL},
        {"64:ff9b::a9fe:a9fe", NC_REACH_LINK_LOCAL},   /* the same behind NAT64, */
        {"64:ff9b:1::a9fe:a9fe", NC_REACH_LINK_LOCAL}, /* a network's own, */
        {"::ffff:0:a9fe:a9fe", NC_REACH_LINK_LOCAL},   /* a stateless one */
        {"2002:a9fe:a9fe::1", NC_REACH_LINK_LOCAL},    /* and 6to4 */
        {"::169.254.169.254", NC_REACH_NONE},
        {"2002:808:808::1", NC_REACH_PUBLIC},
        {"2002:7f00:1::1", NC_REACH_NONE}, /* somebody's loopback, not ours */
        {"64:ff9b::7f00:1", NC_REACH_NONE},
        {"8.8.8.8", NC_REACH_PUBLIC},
        {"2001:4860::8888", NC_REACH_PUBLIC},
        {"0.0.0.0", NC_REACH_NONE},
        {"::", NC_REACH_NONE},
        {"224.0.0.1", NC_REACH_NONE},
        {"255.255.255.255", NC_REACH_NONE},
        {"ff02::1", NC_REACH_NONE},
    };

    (void)state;
    for (size_t i = 0; i < NC_COUNT(cases); i++) {
        struct nc_addr a = addr(cases[i].text);
        if (nc_addr_reach(&a) != cases[i].reach)
            fail_msg("%s: %d", cases[i].text, (int)nc_addr_reach(&a));
    }
}

static void test_networks(void **state)
{
    struct nc_nets nets;
    struct nc_str bad;
    struct nc_addr a, local = {.kind = NC_ADDR_UNIX};

    (void)state;
    assert_int_equal(
        nc_nets_parse(NC_STR("10.0.0.0/8, 192.0.2.7 ,2001:db8::/33,unix"), &nets, NULL),
        NC_OK);
    assert_int_equal(nets.n, 4);
    a = addr("10.255.0.1");
    assert_true(nc_nets_have(&nets, &a));
    a = addr("11.0.0.1");
    assert_false(nc_nets_have(&nets, &a));
    a = addr("192.0.2.7");
    assert_true(nc_nets_have(&nets, &a));
    a = addr("192.0.2.6");
    assert_false(nc_nets_have(&nets, &a));
    a = addr("2001:db8:7fff::1");
    assert_true(nc_nets_have(&nets, &a));
    a = addr("2001:db8:8000::1");
    assert_false(nc_nets_have(&nets, &a));
    assert_true(nc_nets_have(&nets, &local));

    assert_int_equal(nc_nets_parse(NC_STR(""), &nets, NULL), NC_OK);
    assert_false(nc_nets_have(&nets, &local));
    assert_int_equal(nc_nets_parse(NC_STR("::1,10.0.0.0/33"), &nets, &bad), NC_EINVAL);
    assert_true(nc_str_eqz(bad, "10.0.0.0/33"));
    assert_int_equal(nc_nets_parse(NC_STR("example.org"), &nets, &bad), NC_EINVAL);
}

static void test_only_trusted_proxies_name_the_client(void **state)
{
    static const struct {
        const char *peer, *header, *client;
    } cases[] = {
        {"203.0.113.9", "198.51.100.1", "203.0.113.9"}, /* not a proxy: a lie */
        {"10.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", "1.1.1.1, 198.51.100.1",
         "198.51.100.1"}, /* the left is the client's claim */
        {"10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"},
        {"10.0.0.1", "198.51.100.1:4711", "198.51.100.1"},
        {"10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"},
        {"10.0.0.1", "unknown", "10.0.0.1"},
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", ",,", "10.0.0.1"},
    };
    struct nc_nets trusted;
    char text[NC_ADDR_TEXT];

    (void)state;
    assert_int_equal(nc_nets_parse(NC_STR("10.0.0.0/8"), &trusted, NULL), NC_OK);
    for (size_t i = 0; i < NC_COUNT(cases); i++) {
        struct nc_addr peer = addr(cases[i].peer);
        struct nc_addr a = nc_addr_forwarded(&peer, nc_str(cases[i].header), &trusted);
        assert_string_equal(nc_addr_text(&a, text), cases[i].client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_goes_both_ways),
        cmocka_unit_test(test_sockaddrs_go_both_ways),
        cmocka_unit_test(test_where_addresses_lead),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_only_trusted_proxies_name_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
