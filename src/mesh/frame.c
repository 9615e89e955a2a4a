#include "mesh/frame.h"

#include <string.h>

#include "base/utf8.h"
#include "mesh/envelope.h"
#include "mesh/frame_parts.h"

enum {
    VERSION = 1,
    NAME_MAX_BYTES = 64,
    VERSION_MAX_BYTES = 32,
    ROUTE_MAX_BYTES = 256,
    CODE_MAX_BYTES = 32,
    DETAIL_MAX_BYTES = 200,
    REST_MAX_BYTES = 64,
    ENVELOPE_HEAD_MAX = NC_ENVELOPE_MAX - NC_ENVELOPE_PAYLOAD_MAX,
    RELAYED_MAX = NC_FRAME_MAX + ENVELOPE_HEAD_MAX, /* no relay in a relay */
};
_Static_assert(NC_FRAME_RELAY_MAX <= NC_ENVELOPE_PAYLOAD_MAX, "a relay fits an envelope");
_Static_assert(RELAYED_MAX + 32 <= NC_FRAME_RELAY_MAX, "an envelope fits a relay");

/* ---- members that several have ------------------------------------------- */

static void add_vector(struct nc_buf *b, const struct nc_vector *v)
{
    nc_pack_var(b, v->n);
    for (unsigned i = 0; i < v->n; i++) {
        nc_pack_id(b, &v->at[i].origin);
        nc_pack_var(b, v->at[i].n);
    }
}

/* A count is believed only as far as it can be, and each entry as it comes. */
static const char *read_vector(struct nc_unpack *u, struct nc_vector *v)
{
    uint64_t n = nc_unpack_var(u);

    v->n = 0;
    if (n > NC_VECTOR_MAX)
        return "many";
    for (uint64_t i = 0; i < n; i++) {
        const char *why;
        struct nc_id origin = nc_unpack_id(u);
        uint64_t at = nc_unpack_var(u);
        if (u->bad)
            return "short";
        if (nc_vector_read(v, &origin, at, &why) != NC_OK)
            return why;
    }
    return NULL;
}

static bool is_line(struct nc_str s)
{
    if (!nc_utf8_valid(s))
        return false;
    while (s.n)
        if (nc_utf8_unseen(nc_utf8_next(&s)))
            return false;
    return true;
}

static struct nc_str read_line(struct nc_unpack *u, size_t min, size_t max, bool *good)
{
    struct nc_str s = nc_unpack_str(u, max);
    *good = *good && !u->bad && s.n >= min && is_line(s);
    return s;
}

static uint64_t read_number(struct nc_unpack *u, bool *good)
{
    uint64_t n = nc_unpack_var(u);
    *good = *good && n >= 1 && n <= INT64_MAX;
    return n;
}

/* ---- each of them -------------------------------------------------------- */

static void add_hello(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_id(b, &f->hello.node);
    nc_pack_str(b, f->hello.name);
    nc_pack_str(b, f->hello.version);
    nc_pack_be(b, f->hello.wall_ms, 6);
    add_vector(b, &f->hello.vector);
    nc_pack_var(b, f->hello.routes_n);
    for (unsigned i = 0; i < f->hello.routes_n; i++)
        nc_pack_str(b, f->hello.routes[i]);
}

static const char *read_hello(struct nc_unpack *u, struct nc_frame *f)
{
    bool good = true;

    f->hello.node = nc_unpack_id(u);
    if (nc_id_zero(&f->hello.node))
        return u->bad ? "short" : "node";
    f->hello.name = read_line(u, 1, NAME_MAX_BYTES, &good);
    if (!good)
        return "name";
    f->hello.version = read_line(u, 1, VERSION_MAX_BYTES, &good);
    if (!good)
        return "software";
    f->hello.wall_ms = nc_unpack_be(u, 6);
    const char *why = read_vector(u, &f->hello.vector);
    if (why)
        return why;
    uint64_t n = nc_unpack_var(u);
    if (n > NC_FRAME_ROUTES)
        return "routes";
    f->hello.routes_n = (unsigned)n;
    for (unsigned i = 0; i < f->hello.routes_n; i++)
        f->hello.routes[i] = read_line(u, 1, ROUTE_MAX_BYTES, &good);
    return good ? NULL : "routes";
}

static void add_origins(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_var(b, f->origins.n);
    for (unsigned i = 0; i < f->origins.n; i++) {
        const struct nc_origin *o = &f->origins.at[i];
        nc_pack_id(b, &o->node);
        nc_pack_id(b, &o->origin);
        nc_buf_add(b, o->key, sizeof o->key);
        nc_pack_be(b, o->hlc, 8);
        nc_buf_add(b, o->sig, sizeof o->sig);
    }
}

static const char *read_origins(struct nc_unpack *u, struct nc_frame *f)
{
    uint64_t n = nc_unpack_var(u);

    f->origins.n = 0;
    if (n > NC_ORIGINS_MAX)
        return "many";
    for (; f->origins.n < n && !u->bad; f->origins.n++) {
        struct nc_origin *o = &f->origins.at[f->origins.n];
        o->node = nc_unpack_id(u);
        o->origin = nc_unpack_id(u);
        nc_unpack_copy(u, o->key, sizeof o->key);
        o->hlc = nc_unpack_be(u, 8);
        nc_unpack_copy(u, o->sig, sizeof o->sig);
    }
    return NULL;
}

static void add_just_vector(struct nc_buf *b, const struct nc_frame *f)
{
    add_vector(b, &f->vector);
}

static const char *read_just_vector(struct nc_unpack *u, struct nc_frame *f)
{
    return read_vector(u, &f->vector);
}

static void add_want(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_var(b, f->want.room);
    nc_pack_var(b, f->want.n);
    for (unsigned i = 0; i < f->want.n; i++) {
        const struct nc_vector_range *r = &f->want.ranges[i];
        nc_pack_id(b, &r->origin);
        nc_pack_var(b, r->from);
        nc_pack_var(b, r->to - r->from);
    }
}

static const char *read_want(struct nc_unpack *u, struct nc_frame *f)
{
    f->want.room = nc_unpack_var(u);
    uint64_t n = nc_unpack_var(u);

    f->want.n = 0;
    if (n > NC_VECTOR_MAX)
        return "many";
    for (; f->want.n < n && !u->bad; f->want.n++) {
        struct nc_vector_range *r = &f->want.ranges[f->want.n];
        r->origin = nc_unpack_id(u);
        r->from = nc_unpack_var(u);
        uint64_t more = nc_unpack_var(u);
        if (u->bad)
            return "short";
        if (nc_id_zero(&r->origin))
            return "origin";
        if (!r->from || r->from > INT64_MAX || more > INT64_MAX - r->from)
            return "number";
        r->to = r->from + more;
    }
    return NULL;
}

static void add_ack(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_var(b, f->ack.room);
    add_vector(b, &f->ack.vector);
}

static const char *read_ack(struct nc_unpack *u, struct nc_frame *f)
{
    f->ack.room = nc_unpack_var(u);
    return read_vector(u, &f->ack.vector);
}

static void add_ask(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_id(b, &f->ask.origin);
    nc_pack_var(b, f->ask.origin_seq);
    nc_pack_var(b, f->ask.at);
}

static const char *read_ask(struct nc_unpack *u, struct nc_frame *f)
{
    bool good = true;

    f->ask.origin = nc_unpack_id(u);
    f->ask.origin_seq = read_number(u, &good);
    f->ask.at = nc_unpack_var(u);
    if (u->bad)
        return "short";
    if (nc_id_zero(&f->ask.origin))
        return "origin";
    return !good ? "number" : f->ask.at >= NC_RECORD_MAX ? "at" : NULL;
}

static void add_piece(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_id(b, &f->piece.origin);
    nc_pack_var(b, f->piece.origin_seq);
    nc_pack_var(b, f->piece.at);
    nc_pack_var(b, f->piece.size);
    nc_pack_str(b, f->piece.bytes);
}

static const char *read_piece(struct nc_unpack *u, struct nc_frame *f)
{
    bool good = true;

    f->piece.origin = nc_unpack_id(u);
    f->piece.origin_seq = read_number(u, &good);
    f->piece.at = nc_unpack_var(u);
    f->piece.size = nc_unpack_var(u);
    f->piece.bytes = nc_unpack_str(u, NC_FRAME_MAX);
    if (u->bad)
        return "short";
    if (nc_id_zero(&f->piece.origin))
        return "origin";
    if (!good)
        return "number";
    if (f->piece.size > NC_RECORD_MAX)
        return "size";
    if (!f->piece.size && !f->piece.at && !f->piece.bytes.n)
        return NULL; /* it isn't to be had */
    if (!f->piece.bytes.n || f->piece.at > f->piece.size ||
        f->piece.bytes.n > f->piece.size - f->piece.at)
        return "at";
    return NULL;
}

static void add_ephemeral(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_be(b, (uint64_t)f->ephemeral.what, 1);
    nc_pack_id(b, &f->ephemeral.room);
    nc_pack_str(b, f->ephemeral.json);
}

static const char *read_ephemeral(struct nc_unpack *u, struct nc_frame *f)
{
    f->ephemeral.what = (enum nc_ephemeral)nc_unpack_be(u, 1);
    f->ephemeral.room = nc_unpack_id(u);
    f->ephemeral.json = nc_unpack_str(u, NC_FRAME_JSON_MAX);
    if (u->bad)
        return "short";
    if (!f->ephemeral.what)
        return "what";
    return f->ephemeral.json.n && nc_utf8_valid(f->ephemeral.json) ? NULL : "json";
}

static void add_error(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_var(b, f->error.counter);
    nc_pack_str(b, f->error.code);
    nc_pack_str(b, f->error.detail);
}

static const char *read_error(struct nc_unpack *u, struct nc_frame *f)
{
    bool good = true;

    f->error.counter = nc_unpack_var(u);
    f->error.code = nc_unpack_str(u, CODE_MAX_BYTES);
    f->error.detail = read_line(u, 0, DETAIL_MAX_BYTES, &good);
    if (u->bad)
        return "short";
    for (size_t i = 0; i < f->error.code.n; i++) {
        char c = f->error.code.p[i];
        good = good && ((c >= 'a' && c <= 'z') || c == '_');
    }
    return good && f->error.code.n ? NULL : "code";
}

static void add_token(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_be(b, f->probe, 8);
}

static const char *read_token(struct nc_unpack *u, struct nc_frame *f)
{
    f->probe = nc_unpack_be(u, 8);
    return u->bad ? "short" : NULL;
}

static void add_relay(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_id(b, &f->relay.to);
    nc_pack_str(b, f->relay.envelope);
}

static const char *read_relay(struct nc_unpack *u, struct nc_frame *f)
{
    f->relay.to = nc_unpack_id(u);
    f->relay.envelope = nc_unpack_str(u, RELAYED_MAX);
    if (u->bad)
        return "short";
    if (nc_id_zero(&f->relay.to))
        return "to";
    return f->relay.envelope.n ? NULL : "envelope";
}

static void add_document(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_str(b, f->document.rest);
    nc_pack_str(b, f->document.payload);
}

static const char *read_document(struct nc_unpack *u, struct nc_frame *f)
{
    bool good = true;

    f->document.rest = read_line(u, 1, REST_MAX_BYTES, &good);
    if (!good)
        return "rest";
    f->document.payload = nc_unpack_str(u, NC_FRAME_JSON_MAX);
    return u->bad || !f->document.payload.n ? "payload" : NULL;
}

static void add_heads(struct nc_buf *b, const struct nc_frame *f)
{
    nc_pack_var(b, f->heads.n);
    for (unsigned i = 0; i < f->heads.n; i++) {
        nc_pack_id(b, &f->heads.at[i].origin);
        nc_pack_var(b, f->heads.at[i].n);
        nc_buf_add(b, f->heads.at[i].tag, NC_HEAD_TAG);
    }
}

static const char *read_heads(struct nc_unpack *u, struct nc_frame *f)
{
    uint64_t n = nc_unpack_var(u);
    bool good = true;

    f->heads.n = 0;
    if (n > NC_ORIGINS_MAX)
        return "many";
    for (; f->heads.n < n && !u->bad && good; f->heads.n++) {
        struct nc_head *h = &f->heads.at[f->heads.n];
        h->origin = nc_unpack_id(u);
        h->n = read_number(u, &good);
        nc_unpack_copy(u, h->tag, sizeof h->tag);
        if (!u->bad && nc_id_zero(&h->origin))
            return "origin";
    }
    return u->bad ? "short" : good ? NULL : "number";
}

struct nc_head nc_head_of(const struct nc_id *origin, uint64_t n,
                          const uint8_t chain[NC_SHA256])
{
    struct nc_head h = {.origin = *origin, .n = n};

    memcpy(h.tag, chain, sizeof h.tag);
    return h;
}

bool nc_head_forks(const struct nc_head *h, uint64_t n, const uint8_t chain[NC_SHA256])
{
    return h->n == n && memcmp(h->tag, chain, sizeof h->tag) != 0;
}

/* It has no members. */
static void add_bye(struct nc_buf *b, const struct nc_frame *f) { (void)b, (void)f; }

static const char *read_bye(struct nc_unpack *u, struct nc_frame *f)
{
    (void)u, (void)f;
    return NULL;
}

/* The segment's are in frame_segment.c: they need more than this. */
static const struct {
    const char *name;
    void (*add)(struct nc_buf *b, const struct nc_frame *f);
    const char *(*read)(struct nc_unpack *u,
                        struct nc_frame *f); /* NULL, or what is wrong */
} types[NC_FRAME_TYPES] = {
    [NC_FRAME_HELLO] = {"hello", add_hello, read_hello},
    [NC_FRAME_ORIGINS] = {"origins", add_origins, read_origins},
    [NC_FRAME_VECTOR] = {"vector", add_just_vector, read_just_vector},
    [NC_FRAME_WANT] = {"want", add_want, read_want},
    [NC_FRAME_SEGMENT] = {"segment", NULL, NULL},
    [NC_FRAME_ACK] = {"ack", add_ack, read_ack},
    [NC_FRAME_ASK] = {"ask", add_ask, read_ask},
    [NC_FRAME_PIECE] = {"piece", add_piece, read_piece},
    [NC_FRAME_EPHEMERAL] = {"ephemeral", add_ephemeral, read_ephemeral},
    [NC_FRAME_ERROR] = {"error", add_error, read_error},
    [NC_FRAME_PROBE] = {"probe", add_token, read_token},
    [NC_FRAME_ECHO] = {"echo", add_token, read_token},
    [NC_FRAME_RELAY] = {"relay", add_relay, read_relay},
    [NC_FRAME_DOCUMENT] = {"document", add_document, read_document},
    [NC_FRAME_BYE] = {"bye", add_bye, read_bye},
    [NC_FRAME_FORMER] = {"former", add_just_vector, read_just_vector},
    [NC_FRAME_HEADS] = {"heads", add_heads, read_heads},
};

const char *nc_frame_name(enum nc_frame_type t)
{
    return t > 0 && t < NC_FRAME_TYPES ? types[t].name : "unknown";
}

static size_t max_of(enum nc_frame_type t)
{
    return t == NC_FRAME_RELAY ? NC_FRAME_RELAY_MAX : NC_FRAME_MAX;
}

void nc_frame_fini(struct nc_frame *f) { nc_buf_fini(&f->records); }

enum nc_err nc_frame_add(struct nc_buf *out, const struct nc_frame *f,
                         nc_record_hash_fn *hash)
{
    size_t start = out->n;

    nc_pack_be(out, VERSION, 1);
    nc_pack_be(out, (uint64_t)f->type, 1);
    if (f->type == NC_FRAME_SEGMENT)
        nc_frame_segment_add(out, &f->segment, hash);
    else
        types[f->type].add(out, f);
    if (out->n - start <= max_of(f->type))
        return NC_OK;
    out->n = start;
    return NC_ELIMIT;
}

static enum nc_err refuse(const char **why, const char *word, enum nc_err e)
{
    if (why)
        *why = word;
    return e;
}

enum nc_err nc_frame_parse(struct nc_str in, nc_record_hash_fn *hash, struct nc_frame *out,
                           const char **why)
{
    struct nc_unpack u = {.in = in};

    if (in.n > NC_FRAME_RELAY_MAX)
        return refuse(why, "size", NC_ELIMIT);
    uint64_t version = nc_unpack_be(&u, 1), type = nc_unpack_be(&u, 1);
    if (in.n && version != VERSION)
        return refuse(why, "version", NC_EINVAL);
    if (u.bad)
        return refuse(why, "short", NC_EINVAL);
    if (type == 0 || type >= NC_FRAME_TYPES)
        return refuse(why, "type", NC_ENOENT);
    out->type = (enum nc_frame_type)type;
    if (in.n > max_of(out->type))
        return refuse(why, "size", NC_ELIMIT);
    const char *wrong = out->type == NC_FRAME_SEGMENT ? nc_frame_segment_read(&u, out, hash)
                                                      : types[type].read(&u, out);
    if (!wrong && !nc_unpack_done(&u))
        wrong = u.bad ? "short" : "long";
    return wrong ? refuse(why, wrong, NC_EINVAL) : NC_OK;
}
