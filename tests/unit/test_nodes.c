/* mesh/paircode, pair and nodes: who is trusted, and what it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "crypto/keyring.h"
#include "mesh/nodes.h"
#include "wire/json_in.h"
#include "wire/signed.h"

/* A node with everything but a network. */
struct side {
    struct nc_identity identity;
    struct nc_id id;
    struct nc_keyring *ring;
    struct nc_nodes *nodes;
    char path[64], name[16];
    unsigned changes;
};

static void on_changed(void *arg) { ((struct side *)arg)->changes++; }

static void boot(struct side *s)
{
    assert_int_equal(
        nc_nodes_open(&s->nodes, &(struct nc_nodes_opts){.path = s->path,
                                                         .self = s->id,
                                                         .identity = &s->identity,
                                                         .name = s->name,
                                                         .changed = on_changed,
                                                         .arg = s}),
        NC_OK);
}

static void begin(struct side *s, const char *name)
{
    *s = (struct side){.id = nc_id_random()};
    snprintf(s->name, sizeof(s->name), "%s", name);
    strcpy(s->path, "/tmp/nc-nodes-XXXXXX");
    int fd = mkstemp(s->path);
    assert_true(fd >= 0);
    close(fd);
    unlink(s->path);
    nc_identity_make(&s->identity);
    assert_int_equal(nc_keyring_new(&s->ring), NC_OK);
    boot(s);
}

static void end(struct side *s)
{
    nc_nodes_free(s->nodes);
    nc_keyring_free(s->ring);
    unlink(s->path);
}

static void card_of(const struct side *s, struct nc_card *out)
{
    *out = (struct nc_card){.id = s->id, .at_ms = nc_wall_ms(), .urls_n = 1};
    memcpy(out->key, s->identity.key, sizeof(out->key));
    snprintf(out->name, sizeof(out->name), "%s", s->name);
    strcpy(out->urls[0], "http://127.0.0.1:1");
    nc_keyring_jwks(s->ring, &out->jwks);
}

static struct nc_pair_code invite(struct side *s)
{
    struct nc_pair_code code = {.urls_n = 1, .urls = {"https://h.example:8443"}};

    assert_int_equal(nc_nodes_invite(s->nodes, &code), NC_OK);
    return code;
}

/* `guest` asks with the code, `host` answers, `guest` believes or not. */
static enum nc_err pair(struct side *host, struct side *guest,
                        const struct nc_pair_code *code, struct nc_problem *why)
{
    struct nc_buf request = {0}, answer = {0};
    uint8_t digest[NC_SHA256];
    const struct nc_node *node;
    struct nc_card card;
    json_t *o;

    card_of(guest, &card);
    nc_pair_request_add(&guest->identity, code, &card, &request, digest);
    nc_card_fini(&card);
    assert_int_equal(nc_json_parse(nc_buf_str(&request), &o, NULL), NC_OK);
    card_of(host, &card);
    enum nc_err e = nc_nodes_take(host->nodes, o, &card, &answer, &node, why);
    nc_card_fini(&card);
    json_decref(o);
    if (e == NC_OK) {
        e = nc_pair_answer_open(nc_buf_str(&answer), code, digest, &card, why);
        if (e == NC_OK)
            e = nc_nodes_pin(guest->nodes, &card, 0, why);
    }
    nc_buf_fini(&request);
    nc_buf_fini(&answer);
    return e;
}

/* ---- codes ------------------------------------------------------------------- */

static void a_code_says_what_it_was_made_of(void **state)
{
    struct nc_pair_code in = {.exp_s = 1234567890123, .urls_n = 2}, out;
    struct nc_buf text = {0};

    (void)state;
    in.node = nc_id_random();
    memset(in.key, 7, sizeof(in.key));
    memset(in.secret, 9, sizeof(in.secret));
    strcpy(in.urls[0], "https://h.example/base");
    strcpy(in.urls[1], "http://[::1]:8080");
    nc_buf_adds(&text, NC_STR(" "));
    nc_pair_code_add(&in, &text);
    nc_buf_addc(&text, '\n');
    assert_int_equal(nc_pair_code_parse(nc_buf_str(&text), &out), NC_OK);
    assert_memory_equal(&in, &out, sizeof(in));
    nc_buf_fini(&text);
}

static void a_code_with_a_slip_in_it_is_none(void **state)
{
    struct nc_pair_code in = {.exp_s = 1, .urls_n = 1, .urls = {"http://h"}}, out;
    struct nc_buf text = {0};

    (void)state;
    nc_pair_code_add(&in, &text);
    for (size_t i = 0; i < text.n; i++) {
        char was = text.p[i];
        text.p[i] = was == 'x' ? 'y' : 'x';
        assert_int_equal(nc_pair_code_parse(nc_buf_str(&text), &out), NC_EINVAL);
        assert_int_equal(out.urls_n, 0);
        text.p[i] = was;
        assert_int_equal(nc_pair_code_parse((struct nc_str){text.p, i}, &out), NC_EINVAL);
    }
    nc_buf_fini(&text);
}

static void addresses_of_nodes_are_plain_ones(void **state)
{
    static const char *const good[] = {"http://h", "https://h:1/a", "http://[::1]:80"};
    static const char *const bad[] = {"",           "h",          "http://",
                                      "http:///x",  "ftp://h",    "http://:1",
                                      "http://a b", "http://u@h", "http://h?q",
                                      "http://h#",  "http://h\n", "http://\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < NC_COUNT(good); i++)
        assert_true(nc_pair_url_ok(nc_str(good[i])));
    for (size_t i = 0; i < NC_COUNT(bad); i++)
        assert_false(nc_pair_url_ok(nc_str(bad[i])));
}

/* ---- pairing ------------------------------------------------------------------- */

static void both_have_the_other_and_keep_it(void **state)
{
    struct side host, guest;
    struct nc_problem why;

    (void)state;
    begin(&host, "host");
    begin(&guest, "guest");
    struct nc_pair_code code = invite(&host);
    assert_int_equal(nc_nodes_open_invites(host.nodes, nc_wall_ms()), 1);
    assert_int_equal(pair(&host, &guest, &code, &why), NC_OK);
    assert_int_equal(host.changes, 1);
    assert_int_equal(nc_nodes_open_invites(host.nodes, nc_wall_ms()), 0);
    nc_nodes_free(host.nodes);
    boot(&host);
    const struct nc_node *node = nc_nodes_find(host.nodes, &guest.id);
    assert_non_null(node);
    assert_memory_equal(node->card.key, guest.identity.key, NC_IDENTITY_KEY);
    assert_string_equal(node->card.name, "guest");
    assert_string_equal(node->card.urls[0], "http://127.0.0.1:1");
    assert_true(nc_nodes_has(guest.nodes, &host.id));
    assert_int_equal(pair(&host, &guest, &code, &why), NC_OK); /* asked again */
    assert_int_equal(nc_nodes_count(host.nodes), 1);
    end(&host);
    end(&guest);
}

static void a_code_is_good_once_and_for_an_hour(void **state)
{
    struct side host, one, two;
    struct nc_problem why;

    (void)state;
    begin(&host, "host");
    begin(&one, "one");
    begin(&two, "two");
    struct nc_pair_code code = invite(&host);
    assert_int_equal(pair(&host, &one, &code, &why), NC_OK);
    assert_int_equal(pair(&host, &two, &code, &why), NC_EACCESS);
    assert_string_equal(why.detail, "the invitation was used");

    code = invite(&host);
    nc_wall_bend(NC_NODES_INVITE_S * 1000 + 1000);
    assert_int_equal(pair(&host, &two, &code, &why), NC_EACCESS);
    assert_string_equal(why.detail, "the invitation is over");
    nc_wall_bend(0);

    code.secret[3] ^= 1;
    assert_int_equal(pair(&host, &two, &code, &why), NC_EACCESS);
    assert_string_equal(why.detail, "there is no such invitation");
    assert_int_equal(nc_nodes_count(two.nodes), 0);
    assert_int_equal(nc_nodes_forget(host.nodes, &one.id), NC_OK);
    assert_int_equal(nc_nodes_forget(host.nodes, &one.id), NC_ENOENT);
    end(&host);
    end(&one);
    end(&two);
}

static void what_would_confuse_nodes_is_refused(void **state)
{
    struct side host, one, two;
    struct nc_problem why;
    struct nc_card card;

    (void)state;
    begin(&host, "host");
    begin(&one, "one");
    begin(&two, "one");
    struct nc_pair_code code = invite(&host), next = invite(&host);
    assert_int_equal(pair(&host, &host, &next, &why), NC_EEXIST); /* itself */
    assert_int_equal(pair(&host, &one, &code, &why), NC_OK);
    assert_int_equal(pair(&host, &two, &next, &why), NC_EEXIST); /* its name */
    assert_string_equal(why.detail, "another node has the name one");
    two.id = one.id;
    assert_int_equal(pair(&host, &two, &next, &why), NC_EEXIST); /* another's id */
    two.id = nc_id_random();
    two.identity = one.identity;
    assert_int_equal(pair(&host, &two, &next, &why), NC_EEXIST); /* another's key */
    card_of(&two, &card);
    strcpy(card.name, "host");
    assert_int_equal(nc_nodes_pin(host.nodes, &card, 0, &why), NC_EEXIST);
    assert_int_equal(nc_nodes_count(host.nodes), 1);
    assert_int_equal(nc_nodes_open_invites(host.nodes, nc_wall_ms()), 1);
    end(&host);
    end(&one);
    end(&two);
}

static void an_answer_of_another_key_is_not_believed(void **state)
{
    struct side host, guest;
    struct nc_problem why;

    (void)state;
    begin(&host, "host");
    begin(&guest, "guest");
    struct nc_pair_code code = invite(&host);
    code.key[0] ^= 1; /* then host is not who is meant */
    assert_int_equal(pair(&host, &guest, &code, &why), NC_EACCESS);
    code.key[0] ^= 1;
    code.node = nc_id_random();
    assert_int_equal(pair(&host, &guest, &code, &why), NC_EACCESS);
    assert_int_equal(nc_nodes_count(guest.nodes), 0);
    end(&host);
    end(&guest);
}

static void too_many_invitations_are_refused(void **state)
{
    struct side host;
    struct nc_pair_code code = {.urls_n = 1, .urls = {"http://h"}};

    (void)state;
    begin(&host, "host");
    for (unsigned i = 0; i < NC_NODES_INVITES; i++)
        assert_int_equal(nc_nodes_invite(host.nodes, &code), NC_OK);
    assert_int_equal(nc_nodes_invite(host.nodes, &code), NC_ELIMIT);
    nc_wall_bend(NC_NODES_INVITE_S * 1000 + 1000);
    assert_int_equal(nc_nodes_invite(host.nodes, &code), NC_OK);
    nc_wall_bend(0);
    end(&host);
}

static void a_broken_file_is_not_guessed_at(void **state)
{
    struct side host;

    (void)state;
    begin(&host, "host");
    nc_nodes_free(host.nodes);
    host.nodes = NULL;
    FILE *f = fopen(host.path, "w");
    assert_non_null(f);
    fputs("{\"nodes\":[{}],\"invites\":[]}", f);
    fclose(f);
    assert_int_equal(
        nc_nodes_open(&host.nodes, &(struct nc_nodes_opts){.path = host.path,
                                                           .self = host.id,
                                                           .identity = &host.identity,
                                                           .name = "host"}),
        NC_EINVAL);
    end(&host);
}

/* ---- their tokens ----------------------------------------------------------------- */

static struct nc_buf token_of(const struct nc_keyring *ring, const struct nc_id *iss)
{
    struct nc_jwt claims = {.iat = nc_wall_ms() / 1000, .exp = nc_wall_ms() / 1000 + 900};
    struct nc_buf out = {0};

    nc_id_text(iss, claims.iss);
    nc_id_text(iss, claims.sub);
    assert_int_equal(nc_jwt_sign(ring, &claims, &out), NC_OK);
    return out;
}

static enum nc_jwt_why judge(struct side *s, const struct nc_keyring *ring,
                             const struct nc_id *iss)
{
    struct nc_buf token = token_of(ring, iss);
    struct nc_jwt claims;
    enum nc_jwt_why why =
        nc_nodes_verify(s->nodes, nc_buf_str(&token), nc_wall_ms(), 30, &claims);

    nc_buf_fini(&token);
    return why;
}

static void a_token_is_good_by_a_key_of_the_very_node_it_names(void **state)
{
    struct side host, one, two;
    struct nc_problem why;

    (void)state;
    begin(&host, "host");
    begin(&one, "one");
    begin(&two, "two");
    assert_int_equal(judge(&host, one.ring, &one.id), NC_JWT_UNKNOWN);
    struct nc_pair_code code = invite(&host), next = invite(&host);
    assert_int_equal(pair(&host, &one, &code, &why), NC_OK);
    assert_int_equal(pair(&host, &two, &next, &why), NC_OK);
    assert_int_equal(judge(&host, one.ring, &one.id), NC_JWT_OK);
    assert_int_equal(judge(&host, two.ring, &two.id), NC_JWT_OK);
    assert_int_not_equal(judge(&host, one.ring, &two.id), NC_JWT_OK);
    assert_int_not_equal(judge(&host, one.ring, &host.id), NC_JWT_OK);
    assert_int_equal(nc_nodes_forget(host.nodes, &one.id), NC_OK);
    assert_int_equal(judge(&host, one.ring, &one.id), NC_JWT_UNKNOWN);
    end(&host);
    end(&one);
    end(&two);
}

/* The document n/<of>/jwks with the keys of `ring`, signed by `by`. */
static enum nc_err publish(struct side *to, const struct nc_id *of,
                           const struct nc_identity *by, const struct nc_keyring *ring,
                           uint64_t v)
{
    struct nc_buf below = {0}, json = {0}, jwks = {0}, payload = {0};
    char id[NC_ID_TEXT];

    nc_id_text(of, id);
    nc_buf_printf(&below, "n/%.*s/jwks", NC_ID_TEXT, id);
    nc_keyring_jwks(ring, &jwks);
    nc_buf_printf(&json, "{\"v\":%llu,%.*s", (unsigned long long)v, (int)jwks.n - 1,
                  jwks.p + 1);
    nc_signed_add(by, nc_buf_str(&below), nc_buf_str(&json), &payload);
    enum nc_err e = nc_nodes_jwks(to->nodes, of, nc_buf_str(&payload));
    nc_buf_fini(&below);
    nc_buf_fini(&json);
    nc_buf_fini(&jwks);
    nc_buf_fini(&payload);
    return e;
}

static void keys_change_by_a_newer_document_of_the_node_itself(void **state)
{
    struct side host, one, two;
    struct nc_problem why;

    (void)state;
    begin(&host, "host");
    begin(&one, "one");
    begin(&two, "two");
    assert_int_equal(publish(&host, &one.id, &one.identity, two.ring, 5), NC_ENOENT);
    struct nc_pair_code code = invite(&host), next = invite(&host);
    assert_int_equal(pair(&host, &one, &code, &why), NC_OK);
    assert_int_equal(publish(&host, &one.id, &two.identity, two.ring, 5), NC_EACCESS);
    assert_int_equal(judge(&host, one.ring, &one.id), NC_JWT_OK);
    assert_int_equal(publish(&host, &one.id, &one.identity, two.ring, 5), NC_OK);
    assert_int_equal(judge(&host, one.ring, &one.id), NC_JWT_UNKNOWN);
    assert_int_equal(judge(&host, two.ring, &one.id), NC_JWT_OK);
    assert_int_equal(publish(&host, &one.id, &one.identity, one.ring, 5), NC_EEXIST);
    nc_nodes_free(host.nodes);
    boot(&host);
    assert_int_equal(judge(&host, two.ring, &one.id), NC_JWT_OK);
    assert_int_equal(publish(&host, &one.id, &one.identity, one.ring, 4), NC_EEXIST);

    /* One that publishes another's key takes nothing from it. */
    assert_int_equal(publish(&host, &one.id, &one.identity, two.ring, 6), NC_OK);
    assert_int_equal(pair(&host, &two, &next, &why), NC_OK);
    assert_int_equal(judge(&host, two.ring, &two.id), NC_JWT_OK);
    end(&host);
    end(&one);
    end(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_says_what_it_was_made_of),
        cmocka_unit_test(a_code_with_a_slip_in_it_is_none),
        cmocka_unit_test(addresses_of_nodes_are_plain_ones),
        cmocka_unit_test(both_have_the_other_and_keep_it),
        cmocka_unit_test(a_code_is_good_once_and_for_an_hour),
        cmocka_unit_test(what_would_confuse_nodes_is_refused),
        cmocka_unit_test(an_answer_of_another_key_is_not_believed),
        cmocka_unit_test(too_many_invitations_are_refused),
        cmocka_unit_test(a_broken_file_is_not_guessed_at),
        cmocka_unit_test(a_token_is_good_by_a_key_of_the_very_node_it_names),
        cmocka_unit_test(keys_change_by_a_newer_document_of_the_node_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
