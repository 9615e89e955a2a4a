#include "mosquitto/docs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "mosquitto/docs_parts.h"
#include "wire/signed.h"

enum {
    COUNT_MAX = 1 << 17,
    BYTES_MAX = 64 << 20,
};

/* A stamp from beyond would keep every later one out.  A clock that says less than 2026 is
 * wrong itself. */
#define EPOCH_MS 1767225600000ULL
#define AHEAD_MS (3650 * 86400000ULL)

static const char magic[] = "neuralchat documents 1\n";

/* What a document is about: what two versions of one have in common. */
struct about {
    struct nc_id subject; /* of a JWKS: the node */
    uint8_t kind;
};
_Static_assert(sizeof(struct about) == 17, "it is hashed as bytes");

struct doc {
    struct about about;
    struct nc_pin by; /* who signed it, with which key */
    struct nc_docs_body body;
    size_t below_n, payload_n;
    char text[]; /* the topic below the root, then the payload */
};

struct nc_docs {
    const struct nc_pins *pins;
    struct nc_docs_limits limits;
    struct nc_map by_about;
    struct nc_map by_name; /* users who bear one; the map's key is the user's name */
    size_t bytes;
    uint64_t changes;
    struct nc_id issuer_first; /* whose token was the last that was good */
};

static struct nc_str payload_of(const struct doc *doc)
{
    return (struct nc_str){doc->text + doc->below_n, doc->payload_n};
}

static struct doc *find(const struct nc_docs *d, enum nc_mqtt_doc kind,
                        const struct nc_id *subject)
{
    const struct about about = {*subject, (uint8_t)kind};

    return nc_map_get(&d->by_about, &about, sizeof(about));
}

struct nc_docs *nc_docs_new(const struct nc_pins *pins, struct nc_docs_limits limits)
{
    struct nc_docs *d = nc_alloc(sizeof(*d));

    d->pins = pins;
    d->limits = limits;
    if (!limits.count)
        d->limits.count = COUNT_MAX;
    if (!limits.bytes)
        d->limits.bytes = BYTES_MAX;
    return d;
}

static void doc_free(struct doc *doc)
{
    nc_docs_body_fini(&doc->body);
    free(doc);
}

void nc_docs_free(struct nc_docs *d)
{
    struct doc *doc;

    if (!d)
        return;
    for (size_t at = 0; (doc = nc_map_next(&d->by_about, &at));)
        doc_free(doc);
    nc_map_fini(&d->by_about);
    nc_map_fini(&d->by_name);
    free(d);
}

/* ---- names ---- */

static void name_taken(struct nc_docs *d, struct nc_docs_user *u)
{
    size_t n = strlen(u->name);
    const struct nc_docs_user *other = nc_map_get(&d->by_name, u->name, n);

    /* The first account of a name has it; the later one is about to be renamed. */
    if (n && (!other || nc_id_cmp(&u->id, &other->id) < 0))
        nc_map_put(&d->by_name, u->name, n, u);
}

/* heir: who follows, if that is known; then nobody else is looked for. */
static void name_left(struct nc_docs *d, const struct nc_docs_user *u,
                      const struct nc_docs_user *heir)
{
    size_t n = strlen(u->name);
    struct doc *doc;

    if (!n || nc_map_get(&d->by_name, u->name, n) != u)
        return;
    nc_map_del(&d->by_name, u->name, n);
    if (heir && strcmp(heir->name, u->name) == 0)
        return;
    for (size_t at = 0; (doc = nc_map_next(&d->by_about, &at));)
        if (doc->about.kind == NC_MQTT_DOC_USER && &doc->body.user != u &&
            strcmp(doc->body.user.name, u->name) == 0)
            name_taken(d, &doc->body.user);
}

/* ---- taking ---- */

static void drop(struct nc_docs *d, struct doc *doc, const struct doc *next)
{
    if (doc->about.kind == NC_MQTT_DOC_USER)
        name_left(d, &doc->body.user, next ? &next->body.user : NULL);
    nc_map_del(&d->by_about, &doc->about, sizeof(doc->about));
    d->bytes -= doc->below_n + doc->payload_n;
    d->changes++;
    doc_free(doc);
}

static void hold(struct nc_docs *d, struct doc *doc)
{
    d->bytes += doc->below_n + doc->payload_n;
    d->changes++;
    nc_map_put(&d->by_about, &doc->about, sizeof(doc->about), doc);
    if (doc->about.kind == NC_MQTT_DOC_USER)
        name_taken(d, &doc->body.user);
}

static bool room_for(const struct nc_docs *d, const struct doc *before, size_t n)
{
    size_t less = before ? before->below_n + before->payload_n : 0;

    return (before || d->by_about.n < d->limits.count) &&
           d->bytes - less + n <= d->limits.bytes;
}

enum nc_err nc_docs_take(struct nc_docs *d, const struct nc_mqtt_topic *t,
                         struct nc_str payload, uint64_t now_ms)
{
    const struct nc_pin *pin = nc_pins_find(d->pins, &t->node);
    struct nc_id subject;
    struct nc_str json;
    struct nc_docs_body body;
    enum nc_mqtt_doc kind = nc_mqtt_doc_parse(t->rest, &subject);

    if (kind != NC_MQTT_DOC_JWKS && kind != NC_MQTT_DOC_ACL && kind != NC_MQTT_DOC_USER)
        return NC_ENOENT;
    if (!pin)
        return NC_EACCESS;
    if (kind == NC_MQTT_DOC_JWKS)
        subject = t->node;
    struct doc *before = find(d, kind, &subject);
    /* What is published again when a node comes back costs next to nothing. */
    if (before && nc_id_eq(&before->by.id, &pin->id) &&
        nc_str_eq(payload_of(before), payload))
        return NC_OK;

    enum nc_err e = nc_signed_open(pin->key, t->below, payload, &json);
    if (e == NC_OK)
        e = nc_docs_read(&body, kind, &subject, json);
    if (e)
        return e;
    if (body.v >> 12 > (now_ms > EPOCH_MS ? now_ms : EPOCH_MS) + AHEAD_MS)
        e = NC_EINVAL;
    else if (before && body.v <= before->body.v)
        e = body.v < before->body.v ? NC_EEXIST : NC_AGAIN;
    else if (!room_for(d, before, t->below.n + payload.n))
        e = NC_ELIMIT;
    if (e) {
        nc_docs_body_fini(&body);
        return e == NC_AGAIN ? NC_OK : e;
    }

    struct doc *doc = nc_alloc(sizeof(*doc) + t->below.n + payload.n);
    doc->about.subject = subject;
    doc->about.kind = (uint8_t)kind;
    doc->by = *pin;
    doc->body = body;
    doc->below_n = t->below.n;
    doc->payload_n = payload.n;
    memcpy(doc->text, t->below.p, t->below.n);
    memcpy(doc->text + t->below.n, payload.p, payload.n);
    if (before)
        drop(d, before, doc);
    hold(d, doc);
    return NC_OK;
}

void nc_docs_repin(struct nc_docs *d)
{
    struct doc *doc;
    struct nc_buf gone = {0};

    for (size_t at = 0; (doc = nc_map_next(&d->by_about, &at));) {
        const struct nc_pin *pin = nc_pins_find(d->pins, &doc->by.id);
        if (!pin || memcmp(pin->key, doc->by.key, sizeof(pin->key)) != 0)
            nc_buf_add(&gone, &doc, sizeof(doc));
    }
    for (size_t i = 0; i < gone.n; i += sizeof(doc)) {
        memcpy(&doc, gone.p + i, sizeof(doc));
        drop(d, doc, NULL);
    }
    nc_buf_fini(&gone);
}

/* ---- asking ---- */

bool nc_docs_member(const struct nc_docs *d, const struct nc_id *room, struct nc_str name)
{
    const struct doc *doc = find(d, NC_MQTT_DOC_ACL, room);
    char z[NC_DOCS_NAME] = {0};

    if (!doc || name.n >= sizeof(z))
        return false;
    memcpy(z, name.p, name.n);
    size_t lo = 0, hi = doc->body.room.n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int way = strcmp(z, doc->body.room.names[mid]);
        if (way == 0)
            return true;
        *(way < 0 ? &hi : &lo) = way < 0 ? mid : mid + 1;
    }
    return false;
}

const struct nc_docs_user *nc_docs_user(const struct nc_docs *d, const struct nc_id *id)
{
    const struct doc *doc = find(d, NC_MQTT_DOC_USER, id);

    return doc ? &doc->body.user : NULL;
}

const struct nc_docs_user *nc_docs_named(const struct nc_docs *d, struct nc_str name)
{
    return name.n ? nc_map_get(&d->by_name, name.p, name.n) : NULL;
}

bool nc_docs_alive(const struct nc_docs *d, struct nc_str name)
{
    const struct nc_docs_user *u = nc_docs_named(d, name);

    return u && !u->disabled;
}

static enum nc_jwt_why verify_as(struct doc *doc, struct nc_str token, uint64_t now_ms,
                                 unsigned leeway_s, struct nc_jwt *out)
{
    struct nc_docs_issuer *i = &doc->body.issuer;

    return nc_jwt_cache_verify(i->verified, i->keys, token, now_ms, leeway_s, i->iss, out);
}

static bool seen_as(struct doc *doc, struct nc_str token, uint64_t now_ms,
                    unsigned leeway_s, struct nc_jwt *out)
{
    struct nc_docs_issuer *i = &doc->body.issuer;

    return nc_jwt_cache_seen(i->verified, i->keys, token, now_ms, leeway_s, i->iss, out);
}

/* The documents of the nodes, the one first whose token was the last that was good. */
static size_t issuers(const struct nc_docs *d, struct doc *out[NC_PINS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < d->pins->n; i++) {
        struct doc *doc = find(d, NC_MQTT_DOC_JWKS, &d->pins->at[i].id);
        if (!doc)
            continue;
        out[n] = doc;
        if (nc_id_eq(&doc->about.subject, &d->issuer_first)) {
            out[n] = out[0];
            out[0] = doc;
        }
        n++;
    }
    return n;
}

/* A key is named by its digest: only the node that has it can say more than "unknown". */
enum nc_jwt_why nc_docs_verify(struct nc_docs *d, struct nc_str token, uint64_t now_ms,
                               unsigned leeway_s, struct nc_jwt *out)
{
    struct doc *docs[NC_PINS_MAX];
    enum nc_jwt_why why = NC_JWT_UNKNOWN;
    size_t n = issuers(d, docs);

    for (size_t i = 0; why == NC_JWT_UNKNOWN && i < n; i++) {
        why = verify_as(docs[i], token, now_ms, leeway_s, out);
        if (why == NC_JWT_OK)
            d->issuer_first = docs[i]->about.subject;
    }
    return why;
}

bool nc_docs_verified(struct nc_docs *d, struct nc_str token, uint64_t now_ms,
                      unsigned leeway_s, struct nc_jwt *out)
{
    struct doc *docs[NC_PINS_MAX];
    size_t n = issuers(d, docs);

    for (size_t i = 0; i < n; i++)
        if (seen_as(docs[i], token, now_ms, leeway_s, out)) {
            d->issuer_first = docs[i]->about.subject;
            return true;
        }
    return false;
}

size_t nc_docs_count(const struct nc_docs *d) { return d->by_about.n; }
uint64_t nc_docs_changes(const struct nc_docs *d) { return d->changes; }

/* ---- the copy ---- */

void nc_docs_save(const struct nc_docs *d, struct nc_buf *out)
{
    struct doc *doc;

    nc_buf_reserve(out, d->bytes + d->by_about.n * 16 + sizeof(magic));
    nc_buf_adds(out, nc_str(magic));
    for (size_t at = 0; (doc = nc_map_next(&d->by_about, &at));) {
        nc_buf_add(out, doc->text, doc->below_n);
        nc_buf_printf(out, " %zu\n", doc->payload_n);
        nc_buf_adds(out, payload_of(doc));
        nc_buf_addc(out, '\n');
    }
}

enum nc_err nc_docs_load(struct nc_docs *d, struct nc_str text, uint64_t now_ms)
{
    struct nc_mqtt_topic t;
    struct nc_buf topic = {0};
    uint64_t n;

    if (!nc_str_starts(text, nc_str(magic)))
        return NC_EINVAL;
    text = (struct nc_str){text.p + strlen(magic), text.n - strlen(magic)};
    while (text.n) {
        struct nc_str line = nc_str_cut(&text, '\n');
        struct nc_str below = nc_str_cut(&line, ' ');
        if (nc_str_u64(line, NC_SIGNED_MAX, &n) || n >= text.n || text.p[n] != '\n')
            break;
        nc_buf_clear(&topic);
        nc_buf_addc(&topic, '/'); /* the root is no part of it: parsed with the empty one */
        nc_buf_adds(&topic, below);
        if (nc_mqtt_topic_parse(NC_STR(""), nc_buf_str(&topic), &t) == NC_MQTT_NODE) {
            enum nc_err e = nc_docs_take(d, &t, (struct nc_str){text.p, n}, now_ms);
            if (e)
                nc_log(NC_WARN, "broker.document_dropped", "topic=%s reason=%s",
                       nc_log_q(below), nc_log_q(nc_str(nc_strerr(e))));
        }
        text = (struct nc_str){text.p + n + 1, text.n - n - 1};
    }
    nc_buf_fini(&topic);
    return text.n ? NC_EINVAL : NC_OK;
}
