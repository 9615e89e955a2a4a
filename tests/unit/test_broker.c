#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/log.h"
#include "crypto/file.h"
#include "crypto/token.h"
#include "mosquitto/acl.h"
#include "mosquitto/clients.h"
#include "mosquitto/copy.h"
#include "wire/signed.h"

#define N1 "018e0000-0000-7000-8000-000000000001"
#define N2 "018e0000-0000-7000-8000-000000000002"
#define ANNA "018e0000-0000-7000-8000-00000000000a"
#define BORIS "018e0000-0000-7000-8000-00000000000b"
#define ROOM "018e0000-0000-7000-8000-00000000000c"
#define OTHER "018e0000-0000-7000-8000-00000000000d"
#define SID "018e0000-0000-7000-8000-00000000000e"

enum { S = 1800000000 }; /* now, in seconds */
#define NOW (S * 1000ULL)
#define V(n) ((NOW << 12) + (n))

static const struct nc_str root = {"nc/v1", 5};

/* Two nodes, what they sign tokens with, and what a broker has heard of them. */
static struct world {
    struct nc_identity id[2];
    struct nc_keyring *ring[2];
    struct nc_pins pins;
    struct nc_docs *docs;
    struct nc_login login;
} w;

static struct nc_id id_of(const char *text)
{
    struct nc_id id;
    assert_int_equal(nc_id_parse(nc_str(text), &id), NC_OK);
    return id;
}

static int begin_with(struct nc_docs_limits limits)
{
    nc_log_level(NC_ERROR + 1);
    w = (struct world){0};
    for (int i = 0; i < 2; i++) {
        nc_identity_make(&w.id[i]);
        assert_int_equal(nc_keyring_new(&w.ring[i]), NC_OK);
        w.pins.at[i].id = id_of(i ? N2 : N1);
        memcpy(w.pins.at[i].key, w.id[i].key, NC_IDENTITY_KEY);
    }
    w.pins.n = 2;
    w.docs = nc_docs_new(&w.pins, limits);
    w.login = (struct nc_login){.docs = w.docs, .pins = &w.pins};
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with((struct nc_docs_limits){0});
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        nc_keyring_free(w.ring[i]);
    nc_budget_fini(&w.login.budget);
    nc_docs_free(w.docs);
    return 0;
}

/* A document of node `n`, signed by node `by`. */
static enum nc_err say_by(int by, int n, const char *rest, const char *json)
{
    struct nc_buf topic = {0}, payload = {0};
    struct nc_mqtt_topic t;
    nc_buf_printf(&topic, "nc/v1/n/%s/%s", n ? N2 : N1, rest);
    assert_int_equal(nc_mqtt_topic_parse(root, nc_buf_str(&topic), &t), NC_MQTT_NODE);
    nc_signed_add(&w.id[by], t.below, nc_str(json), &payload);
    enum nc_err e = nc_docs_take(w.docs, &t, nc_buf_str(&payload), NOW);
    nc_buf_fini(&topic);
    nc_buf_fini(&payload);
    return e;
}

static enum nc_err say(int n, const char *rest, uint64_t v, const char *more)
{
    struct nc_buf json = {0};
    nc_buf_printf(&json, "{\"v\":%llu,%s}", (unsigned long long)v, more);
    nc_buf_addc(&json, '\0');
    enum nc_err e = say_by(n, n, rest, json.p);
    nc_buf_fini(&json);
    return e;
}

static enum nc_err say_acl(int n, uint64_t v, const char *members)
{
    char more[200];
    snprintf(more, sizeof(more), "\"room\":\"" ROOM "\",\"members\":[%s]", members);
    return say(n, "acl/" ROOM, v, more);
}

static enum nc_err say_user(int n, uint64_t v, const char *id, const char *name,
                            const char *more)
{
    char rest[64], json[400];
    snprintf(rest, sizeof(rest), "user/%s", id);
    snprintf(json, sizeof(json), "\"id\":\"%s\",\"name\":\"%s\",%s", id, name, more);
    return say(n, rest, v, json);
}
#define FINE "\"disabled\":false,\"not_before\":0,\"sessions\":{},\"keys\":[]"

static enum nc_err say_jwks(int n, uint64_t v)
{
    struct nc_buf jwks = {0};
    nc_keyring_jwks(w.ring[n], &jwks);
    nc_buf_addc(&jwks, '\0');
    jwks.p[jwks.n - 2] = '\0'; /* {"keys":[…] */
    enum nc_err e = say(n, "jwks", v, jwks.p + 1);
    nc_buf_fini(&jwks);
    return e;
}

static void usual(void)
{
    assert_int_equal(say_jwks(0, V(1)), NC_OK);
    assert_int_equal(say_user(0, V(1), ANNA, "anna", FINE), NC_OK);
    assert_int_equal(say_user(0, V(1), BORIS, "boris", FINE), NC_OK);
    assert_int_equal(say_acl(0, V(1), "\"boris\",\"anna\""), NC_OK);
}

static bool in_room(const char *name)
{
    struct nc_id room = id_of(ROOM);
    return nc_docs_member(w.docs, &room, nc_str(name));
}

/* ---- who may do what ---- */

static void every_row_of_the_table_is_decided(void **state)
{
    enum {
        R = NC_ACL_READ,
        W = NC_ACL_WRITE,
        SUB = NC_ACL_SUBSCRIBE,
        UN = NC_ACL_UNSUBSCRIBE
    };
    static const struct {
        const char *who;
        int access;
        const char *topic;
        bool yes;
    } rows[] = {
        {"anna", W, "u/anna/send/" ROOM, true},
        {"anna", R, "u/anna/send/" ROOM, false},
        {"anna", W, "u/anna/send/" OTHER, false},
        {"anna", W, "u/boris/send/" ROOM, false},
        {"anna", R, "u/anna/inbox", true},
        {"anna", W, "u/anna/inbox", false},
        {"anna", R, "u/boris/inbox", false},
        {"anna", R, "r/" ROOM "/events", true},
        {"anna", R, "r/" ROOM "/live", true},
        {"anna", R, "r/" OTHER "/live", false},
        {"anna", W, "r/" ROOM "/live", false},
        {"anna", R, "n/" N1 "/jwks", false},
        {"anna", W, "n/" N1 "/jwks", false},
        {"anna", SUB, "u/anna/inbox", true},
        {"anna", SUB, "u/anna/#", true},
        {"anna", SUB, "u/anna/+", true},
        {"anna", SUB, "u/anna/send/#", false},
        {"anna", SUB, "u/+/inbox", false},
        {"anna", SUB, "u/#", false},
        {"anna", SUB, "r/" ROOM "/#", true},
        {"anna", SUB, "r/" ROOM "/+", true},
        {"anna", SUB, "r/" ROOM "/live", true},
        {"anna", SUB, "r/" ROOM "/other", false},
        {"anna", SUB, "r/" OTHER "/live", false},
        {"anna", UN, "r/" OTHER "/live", true},
        {"anna", SUB, "r/+/live", false},
        {"anna", UN, "r/+/live", false},
        {"anna", SUB, "n/#", false},
        {"anna", SUB, "#", false},
        {"carol", SUB, "u/carol/inbox", false}, /* nobody */
        {"carol", R, "r/" ROOM "/events", false},
        {"", R, "u/anna/inbox", false},
        {N1, W, "n/" N1 "/here", true},
        {N1, W, "n/" N2 "/here", false},
        {N1, R, "n/" N2 "/here", true},
        {N1, W, "u/anna/inbox", true},
        {N1, R, "u/anna/inbox", false},
        {N1, R, "u/anna/send/" ROOM, true},
        {N1, W, "u/anna/send/" ROOM, false},
        {N1, W, "r/" ROOM "/events", true},
        {N1, R, "r/" ROOM "/events", true},
        {N1, SUB, "u/+/send/+", true},
        {N1, SUB, "u/+/inbox", false},
        {N1, SUB, "u/#", false},
        {N1, SUB, "n/#", true},
        {N1, SUB, "r/+/events", true},
        {N1, SUB, "#", false},
        {ANNA, R, "n/" N1 "/here", false}, /* a UUID, but nobody's */
    };
    (void)state;
    usual();
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        char topic[120];
        snprintf(topic, sizeof(topic), "nc/v1/%s", rows[i].topic);
        const struct nc_acl_ask ask = {(enum nc_acl_access)rows[i].access,
                                       nc_str(rows[i].who), nc_str(topic), false};
        if (nc_acl_allows(w.docs, &w.pins, root, &ask) != rows[i].yes)
            fail_msg("%s %d %s", rows[i].who, rows[i].access, topic);
    }
}

static void what_is_kept_at_the_broker_is_the_nodes_own(void **state)
{
    static const struct {
        const char *who, *topic;
        bool yes;
    } rows[] = {
        {"anna", "nc/v1/u/anna/send/" ROOM, false}, {N1, "nc/v1/u/anna/inbox", false},
        {N1, "nc/v1/r/" ROOM "/events", false},     {N1, "nc/v1/n/" N1 "/here", true},
        {N1, "nc/v1/n/" N2 "/here", false},
    };
    (void)state;
    usual();
    for (size_t i = 0; i < NC_COUNT(rows); i++) {
        const struct nc_acl_ask ask = {NC_ACL_WRITE, nc_str(rows[i].who),
                                       nc_str(rows[i].topic), true};
        assert_int_equal(nc_acl_allows(w.docs, &w.pins, root, &ask), rows[i].yes);
    }
}

static void a_disabled_account_has_no_rights(void **state)
{
    const struct nc_acl_ask ask = {NC_ACL_READ, NC_STR("anna"),
                                   NC_STR("nc/v1/r/" ROOM "/events"), false};
    (void)state;
    usual();
    assert_true(nc_acl_allows(w.docs, &w.pins, root, &ask));
    assert_int_equal(say_user(0, V(2), ANNA, "anna", "\"disabled\":true,\"not_before\":0"),
                     NC_OK);
    assert_false(nc_acl_allows(w.docs, &w.pins, root, &ask));
}

/* ---- documents ---- */

static void the_highest_version_holds(void **state)
{
    (void)state;
    assert_false(in_room("anna"));
    assert_int_equal(say_acl(0, V(2), "\"anna\""), NC_OK);
    assert_int_equal(say_acl(0, V(1), "\"boris\""), NC_EEXIST);
    assert_int_equal(say_acl(1, V(1), "\"boris\""), NC_EEXIST);
    uint64_t changes = nc_docs_changes(w.docs);
    assert_int_equal(say_acl(0, V(2), "\"anna\""), NC_OK); /* the same again */
    assert_int_equal(say_acl(1, V(2), "\"boris\""), NC_OK);
    assert_int_equal(nc_docs_changes(w.docs), changes);
    assert_true(in_room("anna") && !in_room("boris"));
    assert_int_equal(say_acl(1, V(3), "\"boris\",\"carol\""), NC_OK);
    assert_true(!in_room("anna") && in_room("boris") && in_room("carol"));
    assert_int_equal(say_acl(0, V(4), ""), NC_OK);
    assert_false(in_room("boris"));
}

static void a_document_must_be_right_in_all(void **state)
{
    static const struct {
        const char *rest, *json;
        enum nc_err e;
    } rows[] = {
        {"here", "{\"v\":1}", NC_ENOENT},
        {"sync/1", "{\"v\":1}", NC_ENOENT},
        {"acl/" ROOM, "{\"v\":1,\"room\":\"" OTHER "\",\"members\":[]}", NC_EINVAL},
        {"acl/" ROOM, "{\"v\":0,\"room\":\"" ROOM "\",\"members\":[]}", NC_EINVAL},
        {"acl/" ROOM, "{\"v\":-1,\"room\":\"" ROOM "\",\"members\":[]}", NC_EINVAL},
        {"acl/" ROOM, "{\"v\":1.5,\"room\":\"" ROOM "\",\"members\":[]}", NC_EINVAL},
        {"acl/" ROOM, "{\"room\":\"" ROOM "\",\"members\":[]}", NC_EINVAL},
        {"acl/" ROOM, "{\"v\":1,\"room\":\"" ROOM "\"}", NC_EINVAL},
        {"acl/" ROOM, "{\"v\":1,\"room\":\"" ROOM "\",\"members\":\"anna\"}", NC_EINVAL},
        {"acl/" ROOM, "{\"v\":1,\"room\":\"" ROOM "\",\"members\":[1]}", NC_EINVAL},
        {"acl/" ROOM, "{\"v\":1,\"room\":\"" ROOM "\",\"members\":[\"anna\",\"A\"]}",
         NC_EINVAL},
        {"acl/" ROOM, "{\"v\":9000000000000000000,\"room\":\"" ROOM "\",\"members\":[]}",
         NC_EINVAL},
        {"acl/" ROOM, "[]", NC_EINVAL},
        {"user/" ANNA, "{\"v\":1,\"id\":\"" ANNA "\",\"name\":\"anna\",\"not_before\":0}",
         NC_EINVAL},
        {"user/" ANNA, "{\"v\":1,\"id\":\"" ANNA "\",\"name\":\"anna\",\"disabled\":false}",
         NC_EINVAL},
        {"user/" ANNA, "{\"v\":1,\"id\":\"" BORIS "\",\"name\":\"anna\"," FINE "}",
         NC_EINVAL},
        {"user/" ANNA, "{\"v\":1,\"id\":\"" ANNA "\",\"name\":\"Anna\"," FINE "}",
         NC_EINVAL},
        {"user/" ANNA, "{\"v\":1,\"id\":\"" ANNA "\",\"name\":\"\"," FINE "}", NC_EINVAL},
        {"user/" ANNA,
         "{\"v\":1,\"id\":\"" ANNA
         "\",\"name\":\"anna\",\"disabled\":false,\"not_before\":0,"
         "\"sessions\":{\"x\":1}}",
         NC_EINVAL},
        {"user/" ANNA,
         "{\"v\":1,\"id\":\"" ANNA
         "\",\"name\":\"anna\",\"disabled\":false,\"not_before\":0,"
         "\"sessions\":{\"" SID "\":-1}}",
         NC_EINVAL},
        {"user/" ANNA,
         "{\"v\":1,\"id\":\"" ANNA
         "\",\"name\":\"anna\",\"disabled\":false,\"not_before\":0,"
         "\"keys\":[{\"hash\":\"AAAA\",\"exp\":0}]}",
         NC_EINVAL},
        {"jwks", "{\"v\":1}", NC_EINVAL},
        {"jwks", "{\"v\":1,\"keys\":[]}", NC_EINVAL},
        {"jwks", "{\"v\":1,\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", NC_EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < NC_COUNT(rows); i++)
        if (say_by(0, 0, rows[i].rest, rows[i].json) != rows[i].e)
            fail_msg("%s %s", rows[i].rest, rows[i].json);
    assert_int_equal(nc_docs_count(w.docs), 0);
    assert_int_equal(
        say_by(1, 0, "acl/" ROOM, "{\"v\":1,\"room\":\"" ROOM "\",\"members\":[]}"),
        NC_EACCESS);
    w.pins.n = 1;
    assert_int_equal(say_acl(1, V(1), ""), NC_EACCESS);
}

static void there_is_room_for_so_much(void **state)
{
    (void)state;
    end(NULL);
    begin_with((struct nc_docs_limits){.count = 2, .bytes = 700});
    assert_int_equal(say_user(0, V(1), ANNA, "anna", FINE), NC_OK);
    assert_int_equal(say_acl(0, V(1), "\"anna\""), NC_OK);
    assert_int_equal(say_user(0, V(1), BORIS, "boris", FINE), NC_ELIMIT);
    assert_int_equal(say_user(0, V(2), ANNA, "anna", FINE), NC_OK); /* in its own place */
    assert_int_equal(say_user(0, V(3), ANNA, "anna",
                              FINE
                              ",\"more\":\"a text that nobody asked for, and one that is "
                              "long enough to be over the limit of what may be held, "
                              "however the other documents are, by a hundred bytes\""),
                     NC_ELIMIT);
    assert_int_equal(nc_docs_count(w.docs), 2);
}

static void a_name_is_the_older_accounts(void **state)
{
    struct nc_id anna = id_of(ANNA), boris = id_of(BORIS);
    (void)state;
    assert_int_equal(say_user(1, V(1), BORIS, "anna", FINE), NC_OK);
    assert_ptr_equal(nc_docs_named(w.docs, NC_STR("anna")), nc_docs_user(w.docs, &boris));
    assert_int_equal(say_user(0, V(2), ANNA, "anna", FINE), NC_OK);
    assert_ptr_equal(nc_docs_named(w.docs, NC_STR("anna")), nc_docs_user(w.docs, &anna));
    assert_int_equal(say_user(1, V(3), BORIS, "anna-2", FINE), NC_OK);
    assert_ptr_equal(nc_docs_named(w.docs, NC_STR("anna-2")), nc_docs_user(w.docs, &boris));
    assert_int_equal(say_user(1, V(4), BORIS, "anna", FINE), NC_OK);
    assert_int_equal(say_user(0, V(5), ANNA, "", "\"disabled\":true,\"not_before\":0"),
                     NC_OK);
    assert_ptr_equal(nc_docs_named(w.docs, NC_STR("anna")), nc_docs_user(w.docs, &boris));
    assert_null(nc_docs_named(w.docs, NC_STR("anna-2")));
    assert_null(nc_docs_named(w.docs, NC_STR("")));
}

static void what_was_kept_is_checked_again(void **state)
{
    struct nc_buf copy = {0};
    (void)state;
    usual();
    assert_int_equal(say_acl(1, V(5), "\"anna\""), NC_OK);
    nc_docs_save(w.docs, &copy);

    struct nc_docs *first = w.docs;
    w.docs = nc_docs_new(&w.pins, (struct nc_docs_limits){0});
    assert_int_equal(nc_docs_load(w.docs, nc_buf_str(&copy), NOW), NC_OK);
    assert_int_equal(nc_docs_count(w.docs), nc_docs_count(first));
    assert_true(in_room("anna") && !in_room("boris"));
    assert_int_equal(say_acl(0, V(4), "\"boris\""), NC_EEXIST);

    /* Any changed byte takes away at most what it stands in, and adds nothing. */
    for (size_t i = 0; i < copy.n; i += 3) {
        struct nc_docs *d = nc_docs_new(&w.pins, (struct nc_docs_limits){0});
        copy.p[i] ^= 1;
        enum nc_err e = nc_docs_load(d, nc_buf_str(&copy), NOW);
        assert_true(e == NC_OK || e == NC_EINVAL);
        assert_true(nc_docs_count(d) < nc_docs_count(w.docs));
        copy.p[i] ^= 1;
        nc_docs_free(d);
    }
    w.pins.n = 1; /* the second node isn't believed any more */
    nc_docs_repin(w.docs);
    assert_false(in_room("anna"));
    assert_int_equal(nc_docs_count(w.docs), nc_docs_count(first) - 1);
    nc_docs_free(first);
    nc_buf_fini(&copy);
}

/* ---- logging in ---- */

static const char *enter(const char *name, const char *password, const char *client,
                         const char *address, uint64_t mono_ms, struct nc_who *who)
{
    const struct nc_login_ask ask = {name, password, client, address, NOW, mono_ms};
    return nc_login(&w.login, &ask, who);
}

static char *token_of(int n, const char *sub, const char *name)
{
    struct nc_jwt c = {.role = "member", .sid = SID, .iat = S - 1, .exp = S + 900};
    struct nc_buf b = {0};
    snprintf(c.iss, sizeof(c.iss), "%s", n ? N2 : N1);
    snprintf(c.sub, sizeof(c.sub), "%s", sub);
    snprintf(c.name, sizeof(c.name), "%s", name);
    assert_int_equal(nc_jwt_sign(w.ring[n], &c, &b), NC_OK);
    nc_buf_addc(&b, '\0');
    return b.p;
}

static void a_token_lasts_as_long_as_all_it_rests_on(void **state)
{
    struct nc_who who, no;
    (void)state;
    usual();
    char *token = token_of(0, ANNA, "anna");
    assert_null(enter("anna", token, "anna", NULL, 1, &who));
    assert_int_equal(who.by, NC_WHO_TOKEN);
    assert_null(nc_login_over(&w.login, &who, NOW + 899000));
    assert_string_equal(nc_login_over(&w.login, &who, NOW + 900000), "token expired");
    w.login.leeway_s = 30;
    assert_null(nc_login_over(&w.login, &who, NOW + 929000));
    assert_string_equal(nc_login_over(&w.login, &who, NOW + 930000), "token expired");

    assert_int_equal(say_user(0, V(2), ANNA, "anna",
                              "\"disabled\":false,\"not_before\":0,\"sessions\":{\"" SID
                              "\":1800000900}"),
                     NC_OK);
    assert_string_equal(nc_login_over(&w.login, &who, NOW), "logged out");
    assert_string_equal(enter("anna", token, "anna", NULL, 1, &no), "logged out");
    assert_int_equal(
        say_user(0, V(3), ANNA, "anna", "\"disabled\":false,\"not_before\":1800000000"),
        NC_OK);
    assert_string_equal(nc_login_over(&w.login, &who, NOW), "logged out everywhere");
    assert_int_equal(say_user(0, V(4), ANNA, "anna-2", FINE), NC_OK);
    assert_string_equal(nc_login_over(&w.login, &who, NOW), "another's name");
    assert_string_equal(enter("anna", token, "anna", NULL, 1, &no), "unknown user");
    assert_string_equal(enter("anna-2", token, "anna-2", NULL, 1, &no), "another's token");
    assert_int_equal(say_user(0, V(5), ANNA, "anna", FINE), NC_OK);
    assert_null(nc_login_over(&w.login, &who, NOW));
    w.pins.n = 0;
    assert_string_equal(nc_login_over(&w.login, &who, NOW), "issuer unpinned");
    free(token);
}

static void the_keys_of_each_node_are_for_its_own_tokens(void **state)
{
    struct nc_who who;
    (void)state;
    usual();
    assert_int_equal(say_jwks(1, V(1)), NC_OK);
    char *one = token_of(0, ANNA, "anna"), *two = token_of(1, BORIS, "boris");
    for (int i = 0; i < 3; i++) {
        assert_null(enter("anna", one, "anna", NULL, 1, &who));
        assert_null(enter("boris", two, "boris", NULL, 1, &who));
        assert_memory_equal(&who.issuer, &w.pins.at[1].id, sizeof(who.issuer));
    }
    free(one);
    free(two);
}

static void a_key_is_known_by_its_digest(void **state)
{
    char key[4 + NC_TOKEN_RANDOM + 1], digest[44] = {0}, more[300];
    uint8_t hash[NC_SHA256];
    struct nc_who who;
    (void)state;
    usual();
    nc_token_new("nck_", key);
    nc_token_hash(nc_str(key), hash);
    nc_b64url(hash, sizeof(hash), digest);
    assert_string_equal(enter("anna", key, "anna", NULL, 1, &who), "no such key");
    snprintf(more, sizeof(more),
             "\"disabled\":false,\"not_before\":0,\"keys\":[{\"hash\":\"%s\",\"exp\":%d}]",
             digest, S + 10);
    assert_int_equal(say_user(0, V(2), ANNA, "anna", more), NC_OK);
    assert_null(enter("anna", key, "anna", NULL, 1, &who));
    assert_null(nc_login_over(&w.login, &who, NOW + 9000));
    assert_string_equal(nc_login_over(&w.login, &who, NOW + 10000), "key expired");
    assert_string_equal(enter("boris", key, "boris", NULL, 1, &who), "no such key");
    assert_string_equal(enter("anna", key, "boris", NULL, 1, &who), "another's client id");
}

static void a_client_id_begins_with_the_name(void **state)
{
    (void)state;
    assert_true(nc_login_client_id_ok("anna", "anna"));
    assert_true(nc_login_client_id_ok("anna", "anna/"));
    assert_true(nc_login_client_id_ok("anna", "anna/phone"));
    assert_true(nc_login_client_id_ok("anna", "auto-2C5C12D8-79E2-D37B-5C5B-E1C7CE0C0A65"));
    assert_false(nc_login_client_id_ok("anna", "annabel"));
    assert_false(nc_login_client_id_ok("anna", "ann"));
    assert_false(nc_login_client_id_ok("anna", "boris/anna"));
    assert_false(nc_login_client_id_ok("anna", "auto-pilot"));
    assert_false(nc_login_client_id_ok("anna", ""));
    assert_false(nc_login_client_id_ok("anna", NULL));
}

static void one_address_cannot_use_up_the_brokers_time(void **state)
{
    struct nc_who who;
    unsigned bad = 0;
    (void)state;
    usual();
    char *token = token_of(0, ANNA, "anna");
    char *worse = strdup(token);
    worse[strlen(worse) - 2] = worse[strlen(worse) - 2] == 'A' ? 'B' : 'A';
    while (strcmp(enter("anna", worse, "anna", "192.0.2.1", 5000, &who), "too many") != 0)
        assert_true(++bad < 100);
    assert_int_equal(bad, NC_BUDGET_ADDRESS / NC_BUDGET_FAILURE);
    assert_string_equal(enter("anna", token, "anna", "192.0.2.1", 5000, &who), "too many");
    assert_null(enter("anna", token, "anna", "192.0.2.2", 5000, &who));
    assert_null(
        enter("anna", token, "anna", "192.0.2.1", 5000, &who)); /* seen: costs nothing */
    assert_string_not_equal(enter("anna", worse, "anna", "192.0.2.1", 6000, &who),
                            "too many");
    free(token);
    free(worse);
}

static void all_together_have_a_limit_that_time_lifts(void **state)
{
    struct nc_budget b = {0};
    char address[32];
    (void)state;
    for (unsigned i = 0; i < NC_BUDGET_ALL; i++) {
        snprintf(address, sizeof(address), "192.0.2.%u", i);
        assert_true(nc_budget_may(&b, address, 7000));
        nc_budget_spent(&b, address, 7000, false);
    }
    assert_false(nc_budget_may(&b, "127.0.0.1", 7999));
    assert_false(nc_budget_may(&b, NULL, 7999));
    assert_true(nc_budget_may(&b, "127.0.0.1", 8000));
    /* Nor can addresses fill the memory. */
    for (unsigned i = 0; i < 3 * NC_BUDGET_ADDRESSES; i++) {
        snprintf(address, sizeof(address), "2001:db8::%x", i);
        nc_budget_spent(&b, address, 8000, true);
        assert_true(b.by_address.n <= NC_BUDGET_ADDRESSES);
    }
    nc_budget_fini(&b);
}

/* ---- clients ---- */

static void a_session_taken_over_leaves_its_successor(void **state)
{
    struct nc_clients c = {0};
    struct nc_clients_end ends[4];
    struct nc_who who, boris = {.by = NC_WHO_KEY, .name = "boris"};
    int first, next;
    (void)state;
    usual();
    char *token = token_of(0, ANNA, "anna");
    assert_null(enter("anna", token, "anna", NULL, 1, &who));
    nc_clients_add(&c, &first, "anna", &who);
    nc_clients_add(&c, &next, "anna", &who);
    nc_clients_gone(&c, &first);
    nc_clients_gone(&c, &first);
    assert_non_null(nc_clients_get(&c, &next));
    assert_false(nc_clients_others(&c, "anna", "anna"));
    assert_true(nc_clients_others(&c, "anna", "boris"));

    assert_int_equal(nc_clients_ended(&c, &w.login, NOW, true, ends, 4), 0);
    assert_int_equal(nc_clients_ended(&c, &w.login, NOW + 900000, false, ends, 4), 1);
    assert_string_equal(ends[0].id, "anna");
    free(ends[0].id);
    nc_clients_add(&c, &first, "boris", &boris); /* with no key that is known */
    assert_int_equal(nc_clients_ended(&c, &w.login, NOW + 900000, true, ends, 1), 1);
    free(ends[0].id);
    nc_clients_fini(&c);
    free(token);
}

/* ---- files ---- */

static void pins_are_whole_or_as_they_were(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"nodes\":{}}",
        "{\"nodes\":[1]}",
        "{\"nodes\":[{\"id\":\"" N1 "\"}]}",
        "{\"nodes\":[{\"id\":\"" N1 "\",\"key\":\"AAAA\"}]}",
        ("{\"nodes\":[{\"id\":\"x\",\"key\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"
         "]}"),
    };
    struct nc_pins p = w.pins;
    struct nc_buf text = {0};
    char key[NC_IDENTITY_TEXT];
    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        assert_int_equal(nc_pins_parse(&p, nc_str(bad[i])), NC_EINVAL);
        assert_int_equal(p.n, 2);
    }
    nc_identity_key_text(w.id[1].key, key);
    nc_buf_printf(&text,
                  "{\"nodes\":[{\"id\":\"" N2 "\",\"key\":\"%.*s\",\"name\":\"PC\"}]}",
                  NC_IDENTITY_TEXT, key);
    assert_int_equal(nc_pins_parse(&p, nc_buf_str(&text)), NC_OK);
    assert_int_equal(p.n, 1);
    assert_memory_equal(p.at[0].key, w.id[1].key, NC_IDENTITY_KEY);
    nc_buf_clear(&text);
    nc_buf_printf(&text,
                  "{\"nodes\":[{\"id\":\"" N2 "\",\"key\":\"%.*s\"},"
                  "{\"id\":\"" N2 "\",\"key\":\"%.*s\"}]}",
                  NC_IDENTITY_TEXT, key, NC_IDENTITY_TEXT, key);
    assert_int_equal(nc_pins_parse(&p, nc_buf_str(&text)), NC_EINVAL);
    nc_buf_fini(&text);
}

static void files_are_read_when_they_change_and_written_whole(void **state)
{
    char dir[64], path[80];
    struct nc_pins p = {0};
    struct nc_buf bytes = {0};
    (void)state;
    snprintf(dir, sizeof(dir), "%s/nc-broker-XXXXXX", getenv("TMPDIR") ?: "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/file", dir);
    assert_int_equal(nc_pins_read(&p, path), NC_EINVAL);
    assert_int_equal(nc_pins_read(&p, path), NC_AGAIN); /* said once that it isn't there */
    assert_int_equal(nc_file_replace(path, NC_STR("{\"nodes\":[]}")), NC_OK);
    assert_int_equal(nc_pins_read(&p, path), NC_OK);
    assert_int_equal(nc_pins_read(&p, path), NC_AGAIN);
    assert_int_equal(nc_file_replace(path, NC_STR("{\"nodes\":1}")), NC_OK);
    assert_int_equal(nc_pins_read(&p, path), NC_EINVAL);
    assert_int_equal(nc_pins_read(&p, path), NC_AGAIN);

    struct nc_copy *c = nc_copy_new(path);
    nc_buf_adds(&bytes, NC_STR("kept"));
    nc_copy_write(c, &bytes);
    assert_null(bytes.p);
    nc_copy_free(c);
    assert_int_equal(nc_file_read(path, 100, &bytes), NC_OK);
    assert_true(nc_str_eqz(nc_buf_str(&bytes), "kept"));
    nc_buf_fini(&bytes);
    unlink(path);

    snprintf(path, sizeof(path), "%s/none/file", dir);
    c = nc_copy_new(path);
    nc_copy_write(c, &bytes);
    while (nc_copy_busy(c))
        usleep(1000);
    assert_true(nc_copy_failed(c));
    nc_copy_free(c);
    rmdir(dir);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_row_of_the_table_is_decided),
        T(what_is_kept_at_the_broker_is_the_nodes_own),
        T(a_disabled_account_has_no_rights),
        T(the_highest_version_holds),
        T(a_document_must_be_right_in_all),
        T(there_is_room_for_so_much),
        T(a_name_is_the_older_accounts),
        T(what_was_kept_is_checked_again),
        T(a_token_lasts_as_long_as_all_it_rests_on),
        T(the_keys_of_each_node_are_for_its_own_tokens),
        T(a_key_is_known_by_its_digest),
        T(a_client_id_begins_with_the_name),
        T(one_address_cannot_use_up_the_brokers_time),
        T(all_together_have_a_limit_that_time_lifts),
        T(a_session_taken_over_leaves_its_successor),
        T(pins_are_whole_or_as_they_were),
        T(files_are_read_when_they_change_and_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
