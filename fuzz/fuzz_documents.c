/*
 * What the broker's plugin reads.  The first byte chooses: a payload as it comes, JSON
 * that we truly sign (or nothing behind the signature would ever be reached), the copy on
 * disk, or the file of pinned nodes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "mosquitto/login.h"
#include "wire/signed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NODE "018e0000-0000-7000-8000-000000000001"
#define SUBJECT "018e0000-0000-7000-8000-00000000000a"

enum { NOW_S = 1800000000 };
#define NOW (NOW_S * 1000ULL)

static struct nc_identity identity;
static struct nc_pins pins;

static void begin(void)
{
    nc_log_level((enum nc_level)(NC_ERROR + 1));
    nc_identity_make(&identity);
    if (nc_id_parse(NC_STR(NODE), &pins.at[0].id))
        abort();
    memcpy(pins.at[0].key, identity.key, NC_IDENTITY_KEY);
    pins.n = 1;
}

/* Whatever is held can be asked about, and is there again after a restart. */
static void hold_to_it(struct nc_docs *d)
{
    struct nc_id subject;
    struct nc_buf copy = {0};
    struct nc_login l = {.docs = d, .pins = &pins};
    struct nc_who who;
    if (nc_id_parse(NC_STR(SUBJECT), &subject))
        abort();
    nc_docs_member(d, &subject, NC_STR("anna"));
    const struct nc_docs_user *u = nc_docs_user(d, &subject);
    if (u && *u->name && nc_docs_named(d, nc_str(u->name)) != u)
        abort();
    const struct nc_login_ask ask = {u ? u->name : "anna",
                                     "nck_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                     u ? u->name : "anna",
                                     NULL,
                                     NOW,
                                     1};
    if (!nc_login(&l, &ask, &who) && !u)
        abort();
    nc_budget_fini(&l.budget);

    nc_docs_save(d, &copy);
    struct nc_docs *again = nc_docs_new(&pins, (struct nc_docs_limits){0});
    if (nc_docs_load(again, nc_buf_str(&copy), NOW) ||
        nc_docs_count(again) != nc_docs_count(d))
        abort();
    nc_docs_free(again);
    nc_buf_fini(&copy);
}

static void take(struct nc_docs *d, const char *topic, struct nc_str payload)
{
    struct nc_mqtt_topic t;
    if (nc_mqtt_topic_parse(NC_STR("nc/v1"), nc_str(topic), &t) != NC_MQTT_NODE)
        abort();
    if (nc_docs_take(d, &t, payload, NOW) != NC_OK && nc_docs_count(d))
        abort();
}

static void take_signed(struct nc_docs *d, const char *topic, struct nc_str json)
{
    struct nc_buf payload = {0};
    nc_signed_add(&identity, nc_str(topic + strlen("nc/v1/")), json, &payload);
    take(d, topic, nc_buf_str(&payload));
    nc_buf_fini(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!pins.n)
        begin();
    if (n == 0)
        return 0;
    struct nc_str rest = {(const char *)data + 1, n - 1};
    struct nc_docs *d = nc_docs_new(&pins, (struct nc_docs_limits){0});
    struct nc_pins p = pins;
    switch (data[0]) {
    case 'a': take_signed(d, "nc/v1/n/" NODE "/acl/" SUBJECT, rest); break;
    case 'u': take_signed(d, "nc/v1/n/" NODE "/user/" SUBJECT, rest); break;
    case 'k': take_signed(d, "nc/v1/n/" NODE "/jwks", rest); break;
    case 's':
        if (nc_docs_load(d, rest, NOW) == NC_OK && nc_docs_count(d))
            abort(); /* signed by nobody */
        break;
    case 'n':
        if (nc_pins_parse(&p, rest) && (p.n != pins.n || memcmp(&p, &pins, sizeof(p)) != 0))
            abort();
        break;
    default: take(d, "nc/v1/n/" NODE "/acl/" SUBJECT, rest); break;
    }
    hold_to_it(d);
    nc_docs_free(d);
    return 0;
}
