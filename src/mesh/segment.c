#include "mesh/segment.h"

#include <string.h>

#include "mesh/pack.h"

enum { ROW_VERSION = 1 };

/* Nothing else that the key signs begins with these; the NUL is part of them. */
static const char chain_domain[] = "NeuralChat chain 1", domain[] = "NeuralChat segment 1";

static enum nc_err refuse(const char **why, const char *word, enum nc_err e)
{
    if (why)
        *why = word;
    return e;
}

static uint8_t *put_be(uint8_t *at, uint64_t v, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        *at++ = (uint8_t)(v >> 8 * i);
    return at;
}

static uint8_t *put(uint8_t *at, const void *p, size_t n)
{
    memcpy(at, p, n);
    return at + n;
}

void nc_row_bytes(const struct nc_event *ev, uint8_t out[NC_ROW_BYTES])
{
    uint8_t *at = out;

    *at++ = ROW_VERSION;
    at = put(at, ev->origin.b, 16);
    at = put_be(at, ev->origin_seq, 8);
    at = put_be(at, ev->hlc, 8);
    at = put_be(at, (uint64_t)ev->kind, 2);
    at = put_be(at, (uint64_t)ev->audience, 1);
    at = put(at, ev->to.b, 16);
    at = put(at, ev->ref.b, 16);
    at = put(at, ev->subject.b, 16);
    at = put(at, ev->actor.b, 16);
    at = put_be(at, ev->reason, 4);
    put(at, ev->body_hash, 32);
}

enum nc_err nc_row_check(const struct nc_event *ev, const char **why)
{
    if (nc_id_zero(&ev->origin))
        return refuse(why, "origin", NC_EINVAL);
    if (!ev->origin_seq || ev->origin_seq > INT64_MAX)
        return refuse(why, "number", NC_EINVAL);
    if (!ev->hlc || ev->hlc > INT64_MAX)
        return refuse(why, "stamp", NC_EINVAL);
    if (ev->kind == NC_EV_NONE || (unsigned)ev->kind > UINT16_MAX)
        return refuse(why, "kind", NC_EINVAL);
    /* Who may hear of it: what isn't understood here is not for anybody here. */
    if ((unsigned)ev->audience > NC_AUD_DEVICE)
        return refuse(why, "audience", NC_EINVAL);
    return NC_OK;
}

enum nc_err nc_row_parse(const uint8_t in[NC_ROW_BYTES], struct nc_event *out,
                         const char **why)
{
    struct nc_unpack u = {.in = {(const char *)in, NC_ROW_BYTES}};

    *out = (struct nc_event){0};
    if (nc_unpack_be(&u, 1) != ROW_VERSION)
        return refuse(why, "version", NC_EINVAL);
    out->origin = nc_unpack_id(&u);
    out->origin_seq = nc_unpack_be(&u, 8);
    out->hlc = nc_unpack_be(&u, 8);
    out->kind = (enum nc_event_kind)nc_unpack_be(&u, 2);
    out->audience = (enum nc_audience)nc_unpack_be(&u, 1);
    out->to = nc_unpack_id(&u);
    out->ref = nc_unpack_id(&u);
    out->subject = nc_unpack_id(&u);
    out->actor = nc_unpack_id(&u);
    out->reason = (uint32_t)nc_unpack_be(&u, 4);
    nc_unpack_copy(&u, out->body_hash, sizeof out->body_hash);
    return nc_row_check(out, why);
}

void nc_row_hash(const struct nc_event *ev, uint8_t out[NC_SHA256])
{
    uint8_t bytes[NC_ROW_BYTES];

    nc_row_bytes(ev, bytes);
    nc_sha256(bytes, sizeof bytes, out);
}

void nc_chain_begin(const struct nc_id *node, const struct nc_id *origin,
                    uint8_t chain[NC_SHA256])
{
    uint8_t bytes[sizeof chain_domain + 32], *at = bytes;

    at = put(at, chain_domain, sizeof chain_domain);
    at = put(at, node->b, 16);
    put(at, origin->b, 16);
    nc_sha256(bytes, sizeof bytes, chain);
}

void nc_chain_add(uint8_t chain[NC_SHA256], const uint8_t row_hash[NC_SHA256])
{
    uint8_t both[2 * NC_SHA256];

    memcpy(both, chain, NC_SHA256);
    memcpy(both + NC_SHA256, row_hash, NC_SHA256);
    nc_sha256(both, sizeof both, chain);
}

/* Its shape, and its rows' hashes. */
static enum nc_err check(struct nc_mesh_segment *s, const char **why)
{
    if (s->n < 1 || s->n > NC_SEGMENT_MAX)
        return refuse(why, "count", NC_EINVAL);
    if (nc_id_zero(&s->origin))
        return refuse(why, "origin", NC_EINVAL);
    if (!s->first || s->first > (uint64_t)INT64_MAX - s->n)
        return refuse(why, "number", NC_EINVAL);
    for (unsigned i = 0; i < s->n; i++) {
        struct nc_mesh_row *r = &s->rows[i];
        if (r->hash_only)
            continue;
        if (!nc_id_eq(&r->ev.origin, &s->origin))
            return refuse(why, "origin", NC_EINVAL);
        if (r->ev.origin_seq != s->first + i)
            return refuse(why, "gap", NC_EINVAL);
        enum nc_err e = nc_row_check(&r->ev, why);
        if (e != NC_OK)
            return e;
        nc_row_hash(&r->ev, r->hash);
    }
    return NC_OK;
}

#define SIGNED (sizeof domain + 16 + 16 + 8 + 2 + 2 * NC_SHA256)

/* What is signed, and the chain after the last row. */
static void said(const struct nc_mesh_segment *s, uint8_t head[NC_SHA256],
                 uint8_t out[SIGNED])
{
    uint8_t *at = out;

    memcpy(head, s->prev, NC_SHA256);
    for (unsigned i = 0; i < s->n; i++)
        nc_chain_add(head, s->rows[i].hash);
    at = put(at, domain, sizeof domain);
    at = put(at, s->node.b, 16);
    at = put(at, s->origin.b, 16);
    at = put_be(at, s->first, 8);
    at = put_be(at, s->n, 2);
    at = put(at, s->prev, NC_SHA256);
    put(at, head, NC_SHA256);
}

/* The first row's is no secret: everybody can make the beginning of a chain. */
static enum nc_err find_prev(struct nc_mesh_segment *s, const uint8_t *known,
                             const char **why)
{
    uint8_t begin[NC_SHA256];

    if (s->first == 1) {
        nc_chain_begin(&s->node, &s->origin, begin);
        known = begin;
    }
    if (!s->has_prev && !known)
        return refuse(why, "before", NC_AGAIN);
    if (s->has_prev && known && memcmp(s->prev, known, NC_SHA256) != 0)
        return refuse(why, "fork", NC_EEXIST);
    if (!s->has_prev)
        memcpy(s->prev, known, NC_SHA256);
    return NC_OK;
}

enum nc_err nc_segment_sign(struct nc_mesh_segment *s, const struct nc_identity *by,
                            uint8_t head[NC_SHA256], const char **why)
{
    uint8_t bytes[SIGNED];
    enum nc_err e = check(s, why);

    if (e == NC_OK)
        e = find_prev(s, NULL, why);
    if (e != NC_OK)
        return e;
    s->has_prev = true;
    said(s, head, bytes);
    nc_identity_sign(by, (struct nc_str){(const char *)bytes, sizeof bytes}, s->sig);
    return NC_OK;
}

enum nc_err nc_segment_verify(struct nc_mesh_segment *s, const uint8_t key[NC_IDENTITY_KEY],
                              const uint8_t *known, uint8_t head[NC_SHA256],
                              const char **why)
{
    uint8_t bytes[SIGNED];
    enum nc_err e = check(s, why);

    if (e == NC_OK)
        e = find_prev(s, known, why);
    if (e != NC_OK)
        return e;
    said(s, head, bytes);
    if (!nc_identity_verify(key, (struct nc_str){(const char *)bytes, sizeof bytes},
                            s->sig))
        return refuse(why, "signature", NC_EACCESS);
    s->has_prev = true;
    return NC_OK;
}
