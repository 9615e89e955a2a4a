/*
 * bench/login: what the broker's plugin costs: a token seen for the first time, one seen
 * before, and one question about a topic, beside the floor, which is the signature alone.
 *
 *   login [USERS, 1000]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/key.h"
#include "mosquitto/acl.h"
#include "mosquitto/login.h"
#include "tool.h"
#include "wire/signed.h"

#define NODE "018e0000-0000-7000-8000-000000000001"
#define ROOM "018e0000-0000-7000-8000-00000000000c"

enum { S = 1800000000, USERS_MAX = 4096, ROUNDS = 5 };
#define NOW (S * 1000ULL)

static const struct nc_str root = {"nc/v1", 5};
static struct nc_identity identity;
static struct nc_keyring *ring;
static struct nc_pins pins;

static struct user {
    char id[NC_ID_TEXT + 1], name[16];
    char *token;
} users[USERS_MAX];

static void say(struct nc_docs *d, const char *rest, const char *more)
{
    struct nc_buf topic = {0}, json = {0}, payload = {0};
    struct nc_mqtt_topic t;

    nc_buf_printf(&topic, "nc/v1/n/" NODE "/%s", rest);
    nc_buf_printf(&json, "{\"v\":1,%s", more);
    nc_mqtt_topic_parse(root, nc_buf_str(&topic), &t);
    nc_signed_add(&identity, t.below, nc_buf_str(&json), &payload);
    if (nc_docs_take(d, &t, nc_buf_str(&payload), NOW))
        tool_die("%s is refused", rest);
    nc_buf_fini(&topic);
    nc_buf_fini(&json);
    nc_buf_fini(&payload);
}

static char *token_of(const struct user *u)
{
    struct nc_jwt c = {
        .iss = NODE, .role = "member", .sid = ROOM, .iat = S, .exp = S + 900};
    struct nc_buf b = {0};

    memcpy(c.sub, u->id, sizeof(u->id));
    memcpy(c.name, u->name, sizeof(u->name));
    if (nc_jwt_sign(ring, &c, &b))
        tool_die("cannot sign");
    nc_buf_addc(&b, '\0');
    return b.p;
}

static struct nc_docs *world(size_t n)
{
    struct nc_docs *d = nc_docs_new(&pins, (struct nc_docs_limits){0});
    struct nc_buf text = {0};

    nc_keyring_jwks(ring, &text);
    nc_buf_addc(&text, '\0');
    say(d, "jwks", text.p + 1);
    nc_buf_clear(&text);
    nc_buf_adds(&text, NC_STR("\"room\":\"" ROOM "\",\"members\":["));
    for (size_t i = 0; i < n; i++) {
        struct nc_buf rest = {0}, json = {0};
        nc_buf_printf(&rest, "user/%s%c", users[i].id, 0);
        nc_buf_printf(&json,
                      "\"id\":\"%s\",\"name\":\"%s\",\"disabled\":false,"
                      "\"not_before\":0}%c",
                      users[i].id, users[i].name, 0);
        say(d, rest.p, json.p);
        nc_buf_fini(&rest);
        nc_buf_fini(&json);
        nc_buf_printf(&text, "%s\"%s\"", i ? "," : "", users[i].name);
    }
    nc_buf_adds(&text, NC_STR("]}"));
    nc_buf_addc(&text, '\0');
    say(d, "acl/" ROOM, text.p);
    nc_buf_fini(&text);
    return d;
}

/* One of them in ns: the median over all users. */
enum what { FIRST, AGAIN, QUESTION };

static uint64_t measure(struct nc_login *l, size_t n, enum what what)
{
    static struct tool_hist h;
    struct nc_who who;

    h = (struct tool_hist){0};
    for (size_t i = 0; i < n; i++) {
        const struct nc_login_ask login = {
            users[i].name, users[i].token, users[i].name, "127.0.0.1", NOW, i * 1000};
        const struct nc_acl_ask ask = {NC_ACL_READ, nc_str(users[i].name),
                                       NC_STR("nc/v1/r/" ROOM "/events"), false};
        uint64_t begun = tool_now_ns();
        bool fine = what == QUESTION ? nc_acl_allows(l->docs, &pins, root, &ask)
                                     : !nc_login(l, &login, &who);
        tool_hist_add(&h, tool_now_ns() - begun);
        if (!fine)
            tool_die("%s is refused", users[i].name);
    }
    return tool_hist_at(&h, 0.5);
}

static uint64_t floor_ns(size_t n)
{
    static struct tool_hist h;
    const struct nc_eckey *k = nc_keyring_signer(ring);
    uint8_t sig[NC_ES256];

    if (nc_eckey_sign(k, NC_STR("as long as a token is"), sig))
        tool_die("cannot sign");
    for (size_t i = 0; i < n; i++) {
        uint64_t begun = tool_now_ns();
        if (!nc_eckey_verify(k, NC_STR("as long as a token is"), sig))
            tool_die("a signature is refused");
        tool_hist_add(&h, tool_now_ns() - begun);
    }
    return tool_hist_at(&h, 0.5);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    uint64_t best[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

    if (n == 0 || n > USERS_MAX)
        tool_die("usage: login [USERS, 1 to %d]", USERS_MAX);
    nc_identity_make(&identity);
    if (nc_keyring_new(&ring) || nc_id_parse(NC_STR(NODE), &pins.at[0].id))
        tool_die("no keys");
    memcpy(pins.at[0].key, identity.key, NC_IDENTITY_KEY);
    pins.n = 1;
    for (size_t i = 0; i < n; i++) {
        snprintf(users[i].id, sizeof(users[i].id), "018e0000-0000-7000-8000-%012zx",
                 i + 16);
        snprintf(users[i].name, sizeof(users[i].name), "user%zu", i);
        users[i].token = token_of(&users[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct nc_docs *d = world(n);
        struct nc_login l = {.docs = d, .pins = &pins};
        for (int what = FIRST; what <= QUESTION; what++) {
            uint64_t ns = measure(&l, n, (enum what)what);
            best[what] = ns < best[what] ? ns : best[what];
        }
        nc_budget_fini(&l.budget);
        nc_docs_free(d);
    }
    printf("{\"users\":%zu,\"signature_ns\":%llu,\"first_ns\":%llu,\"again_ns\":%llu,"
           "\"topic_ns\":%llu}\n",
           n, (unsigned long long)floor_ns(n), (unsigned long long)best[FIRST],
           (unsigned long long)best[AGAIN], (unsigned long long)best[QUESTION]);
    for (size_t i = 0; i < n; i++)
        free(users[i].token);
    nc_keyring_free(ring);
    return 0;
}
