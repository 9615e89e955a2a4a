/* config: four places, one table, and errors that name where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "config/manual.h"
#include "config/node.h"

struct fixture {
    struct nc_options o;
    struct nc_config c;
};

static struct fixture fresh(void) { return (struct fixture){0}; }

static void init(struct fixture *f)
{
    nc_options_init(&f->o, nc_config_table, nc_config_rows, &f->c);
}

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    struct fixture f = fresh();
    init(&f);
    assert_string_equal(f.c.data, "./data");
    assert_int_equal(f.c.listen.n, 1);
    assert_string_equal(f.c.listen.v[0], "127.0.0.1:8080");
    assert_int_equal(f.c.registration, NC_CFG_REG_INVITE);
    assert_int_equal(f.c.message_max, 65536);
    assert_int_equal(f.c.frame_max, 1 << 20);
    assert_int_equal(f.c.head_timeout, 10000);
    assert_true(f.c.rate_limits);
    assert_null(nc_config_conflict(&f.c));
    nc_options_fini(&f.o);
}

static void flags_beat_environment_beats_file(void **state)
{
    (void)state;
    struct fixture f = fresh();
    char *env[] = {"NEURALCHAT_REGISTRATION=closed", "NEURALCHAT_MESSAGE_MAX=2KiB",
                   "NEURALCHAT_CLIENT_SERVER=http://x", "PATH=/bin", NULL};
    char *argv[] = {"neuralchatd", "--registration", "open", NULL};

    init(&f);
    f.o.env_others = "NEURALCHAT_CLIENT_";
    assert_int_equal(nc_options_flags(&f.o, 3, argv), NC_OK);
    assert_int_equal(nc_options_env(&f.o, env), NC_OK);
    assert_int_equal(nc_options_text(&f.o,
                                     NC_STR("registration = invite\nmessage_max = 1KiB\n"
                                            "log_level = warn\n"),
                                     "x.conf"),
                     NC_OK);
    assert_int_equal(f.c.registration, NC_CFG_REG_OPEN);
    assert_int_equal(f.c.message_max, 2048);
    assert_int_equal(f.c.log_level, NC_CFG_LOG_WARN);
    nc_options_fini(&f.o);
}

static void a_list_grows_within_a_place_and_is_replaced_by_a_higher_one(void **state)
{
    (void)state;
    struct fixture f = fresh();
    char *argv[] = {"neuralchatd", "--listen", "127.0.0.1:1", "--listen=[::1]:2", NULL};

    init(&f);
    assert_int_equal(nc_options_text(&f.o, NC_STR("listen = 10.0.0.1:9"), "x.conf"), NC_OK);
    assert_int_equal(f.c.listen.n, 1);
    assert_int_equal(nc_options_flags(&f.o, 4, argv), NC_OK);
    assert_int_equal(f.c.listen.n, 2);
    assert_string_equal(f.c.listen.v[1], "[::1]:2");
    nc_options_fini(&f.o);
}

static void units_are_understood(void **state)
{
    (void)state;
    struct fixture f = fresh();
    init(&f);
    assert_int_equal(nc_options_text(&f.o,
                                     NC_STR("head_timeout = 500ms\nidle_timeout = 2min\n"
                                            "disk_free_min = 1GiB\nqueue_max=128 KiB\n"),
                                     "x"),
                     NC_OK);
    assert_int_equal(f.c.head_timeout, 500);
    assert_int_equal(f.c.idle_timeout, 120000);
    assert_int_equal(f.c.disk_free_min, 1u << 30);
    assert_int_equal(f.c.queue_max, 128u << 10);
    nc_options_fini(&f.o);
}

static void what_is_wrong_is_named_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"\n# a comment\nlisen = 1\n", "x.conf:3: unknown key `lisen`"},
        {"listen = here", "x.conf:1: `listen` must be ADDR:PORT, not `here`"},
        {"listen = 1.2.3.4:70000", "x.conf:1: `listen` must end in a port"},
        {"registration = maybe",
         "x.conf:1: `registration` must be one of open, invite, closed"},
        {"head_timeout = soon", "x.conf:1: `head_timeout` must be a time"},
        {"head_timeout = 1ms", "x.conf:1: `head_timeout` must be 100 to 600000"},
        {"message_max = 64MB", "x.conf:1: `message_max` must be a size"},
        {"message_max = 99999999999999999999", "x.conf:1: `message_max` must be a size"},
        {"disk_free_min = 18446744073709551615KiB",
         "x.conf:1: `disk_free_min` must be a size"},
        {"rate_limits = perhaps", "x.conf:1: `rate_limits` must be on or off"},
        {"just words", "x.conf:1: expected `key = value`"},
        {"ai_base_url = ftp://x", "x.conf:1: `ai_base_url` must begin with http"},
        {"ai_base_url = http://me:secret@x/v1",
         "x.conf:1: `ai_base_url` must not contain cred"},
        {"ai_kind = mine", "x.conf:1: `ai_kind` must be one of openai, ollama, anthropic"},
        {"ai_look_at = off, nowhere", "x.conf:1: `ai_look_at` must begin with http"},
        {"ai_look_at = http://127.0.0.1:1/v1", "x.conf:1: `ai_look_at` must be an address"},
        {"ai_destination = moon", "x.conf:1: `ai_destination` must be one of this_node"},
        {"ai_at_once = 0", "x.conf:1: `ai_at_once` must be 1 to"},
        {"ai_user_tokens_per_day = -1", "x.conf:1: `ai_user_tokens_per_day` must be"},
        {"ai_key_file = /no/such/file", "x.conf:1: `ai_key_file` must name a file"},
        {"restore = /x", "x.conf:1: unknown key `restore`"},
        {"config = /x", "x.conf:1: unknown key `config`"},
    };
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        struct fixture f = fresh();
        init(&f);
        assert_int_equal(nc_options_text(&f.o, nc_str(bad[i].text), "x.conf"), NC_EINVAL);
        if (strncmp(f.o.error, bad[i].says, strlen(bad[i].says)) != 0)
            fail_msg("said \"%s\", not \"%s\"", f.o.error, bad[i].says);
        nc_options_fini(&f.o);
    }
}

static void unknown_flags_and_environment_are_refused(void **state)
{
    (void)state;
    char *unknown[] = {"neuralchatd", "--lisen", "x", NULL};
    char *missing[] = {"neuralchatd", "--listen", NULL};
    char *env[] = {"NEURALCHAT_LISEN=x", NULL};
    struct fixture f = fresh();

    init(&f);
    assert_int_equal(nc_options_flags(&f.o, 3, unknown), NC_EINVAL);
    assert_string_equal(f.o.error, "unknown option --lisen");
    assert_int_equal(nc_options_flags(&f.o, 2, missing), NC_EINVAL);
    assert_string_equal(f.o.error, "option --listen needs a value (ADDR:PORT)");
    assert_int_equal(nc_options_env(&f.o, env), NC_EINVAL);
    assert_string_equal(f.o.error, "environment: unknown setting NEURALCHAT_LISEN");
    nc_options_fini(&f.o);
}

static void loopback_only_switches_stay_on_loopback(void **state)
{
    (void)state;
    static const char *const switches[] = {"--test-endpoints", "--rate-limits=off",
                                           "--password-cost=test"};
    for (size_t i = 0; i < NC_COUNT(switches); i++) {
        char flag[40];
        snprintf(flag, sizeof(flag), "%s", switches[i]);
        char *argv[] = {"neuralchatd", "--listen", "0.0.0.0:80", flag, NULL};
        struct fixture f = fresh();
        init(&f);
        assert_int_equal(nc_options_flags(&f.o, 4, argv), NC_OK);
        assert_non_null(nc_config_conflict(&f.c));
        nc_options_fini(&f.o);
    }
}

static void the_address_of_a_broker_is_looked_at_closely(void **state)
{
    (void)state;
    static const char *const good[] = {
        "--brokers=mqtt://h",          "--brokers=mqtts://h.example:8883",
        "--brokers=mqtt://[::1]",      "--brokers=mqtt://[::1]:1883",
        "--brokers=mqtt://a,mqtt://b", "--broker-proxy=socks5h://127.0.0.1:9050",
        "--broker-root=a/b",           "--own-broker-listen=127.0.0.1:0"};
    static const char *const bad[] = {
        "--brokers=http://h",         "--brokers=mqtt://",
        "--brokers=mqtt://u:p@h",     "--brokers=mqtt://h:0",
        "--brokers=mqtt://h:65536",   "--brokers=mqtt://h:x",
        "--brokers=mqtt://h/",        "--brokers=mqtt://::1",
        "--brokers=mqtt://[::1",      "--brokers=mqtt://[]",
        "--brokers=mqtt://[::1]x",    "--broker-proxy=socks5://127.0.0.1:9050",
        "--broker-proxy=socks5h://h", "--broker-root=/a",
        "--broker-root=a/",           "--broker-root=a//b",
        "--broker-root=a/+",          "--broker-root=$a",
        "--own-broker-listen=unix:/x"};

    for (size_t i = 0; i < NC_COUNT(good) + NC_COUNT(bad); i++) {
        bool fine = i < NC_COUNT(good);
        char flag[64];
        char *argv[] = {"neuralchatd", flag, NULL};
        struct fixture f = fresh();

        snprintf(flag, sizeof(flag), "%s", fine ? good[i] : bad[i - NC_COUNT(good)]);
        init(&f);
        enum nc_err e = nc_options_flags(&f.o, 2, argv);
        if ((e == NC_OK) != fine)
            fail_msg("%s: %s", flag, f.o.error);
        nc_options_fini(&f.o);
    }
}

static void a_user_of_a_broker_has_a_password(void **state)
{
    (void)state;
    char *argv[] = {"neuralchatd", "--broker-user=anna", NULL};
    struct fixture f = fresh();

    init(&f);
    assert_int_equal(nc_options_flags(&f.o, 2, argv), NC_OK);
    assert_non_null(nc_config_conflict(&f.c));
    nc_options_fini(&f.o);
}

static void what_is_shown_reads_back_the_same(void **state)
{
    (void)state;
    struct fixture a = fresh(), b = fresh();
    init(&a);
    init(&b);
    assert_int_equal(
        nc_options_text(&a.o,
                        NC_STR("message_max = 3KiB\nhead_timeout = 1500ms\n"
                               "idle_timeout = 2min\nlisten = [::1]:1, [::1]:2\n"
                               "rate_limits = off\nregistration = closed\n"
                               "disk_free_min = 0\n"),
                        "x"),
        NC_OK);
    struct nc_buf text = {0};
    for (size_t i = 0; i < nc_config_rows; i++) {
        if (nc_config_table[i].flags & NC_OPT_FLAG)
            continue;
        nc_buf_printf(&text, "%s = ", nc_config_table[i].key);
        nc_options_show(&a.o, i, &text);
        nc_buf_addc(&text, '\n');
    }
    if (nc_options_text(&b.o, nc_buf_str(&text), "shown") != NC_OK)
        fail_msg("%s", b.o.error);
    assert_int_equal(b.c.head_timeout, 1500);
    assert_int_equal(b.c.message_max, 3072);
    assert_int_equal(b.c.listen.n, 2);
    assert_int_equal(b.c.registration, NC_CFG_REG_CLOSED);
    assert_false(b.c.rate_limits);
    nc_buf_fini(&text);
    nc_options_fini(&a.o);
    nc_options_fini(&b.o);
}

static void a_change_that_cannot_reload_is_named(void **state)
{
    (void)state;
    struct fixture a = fresh(), b = fresh();
    init(&a);
    init(&b);
    assert_int_equal(nc_options_text(&b.o, NC_STR("log_level = debug"), "x"), NC_OK);
    assert_null(nc_options_frozen_change(&a.o, &b.o));
    assert_int_equal(nc_options_text(&b.o, NC_STR("listen = 127.0.0.1:9"), "x"), NC_OK);
    assert_string_equal(nc_options_frozen_change(&a.o, &b.o), "listen");
    nc_options_fini(&a.o);
    nc_options_fini(&b.o);
}

static void every_row_is_in_every_manual(void **state)
{
    (void)state;
    struct fixture f = fresh();
    char *text = NULL;
    size_t n = 0;

    init(&f);
    FILE *out = open_memstream(&text, &n);
    nc_manual_help(&f.o, out, "usage");
    nc_manual_sample(&f.o, out);
    nc_manual_roff_flags(&f.o, out);
    nc_manual_roff_keys(&f.o, out);
    nc_manual_markdown(&f.o, out);
    fclose(out);
    for (size_t i = 0; i < nc_config_rows; i++)
        assert_non_null(strstr(text, nc_config_table[i].help));
    free(text);
    nc_options_fini(&f.o);
}

static void the_sample_file_is_a_valid_file_once_uncommented(void **state)
{
    (void)state;
    struct fixture f = fresh();
    char *text = NULL;
    size_t n = 0;

    init(&f);
    FILE *out = open_memstream(&text, &n);
    nc_manual_sample(&f.o, out);
    fclose(out);
    for (char *p = text; (p = strstr(p, "\n#")); p++)
        if (p[2] != ' ' && p[2] != '#')
            p[1] = ' ';
    if (nc_options_text(&f.o, nc_str(text), "sample") != NC_OK)
        fail_msg("%s", f.o.error);
    free(text);
    nc_options_fini(&f.o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(flags_beat_environment_beats_file),
        cmocka_unit_test(a_list_grows_within_a_place_and_is_replaced_by_a_higher_one),
        cmocka_unit_test(units_are_understood),
        cmocka_unit_test(what_is_wrong_is_named_with_file_and_line),
        cmocka_unit_test(unknown_flags_and_environment_are_refused),
        cmocka_unit_test(loopback_only_switches_stay_on_loopback),
        cmocka_unit_test(the_address_of_a_broker_is_looked_at_closely),
        cmocka_unit_test(a_user_of_a_broker_has_a_password),
        cmocka_unit_test(what_is_shown_reads_back_the_same),
        cmocka_unit_test(a_change_that_cannot_reload_is_named),
        cmocka_unit_test(every_row_is_in_every_manual),
        cmocka_unit_test(the_sample_file_is_a_valid_file_once_uncommented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
