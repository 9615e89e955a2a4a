#include "mesh/envelope.h"

#include <assert.h>
#include <string.h>

#include "mesh/pack.h"

enum { VERSION = 1, TO_ONE = 1 };

static const char domain[] = "NeuralChat envelope 1"; /* its NUL is signed, too */

static const uint8_t *tail_of(const struct nc_id *id)
{
    return id->b + sizeof id->b - NC_ENVELOPE_TAIL;
}

/* What is signed: the ids stand in it whole, and so does not one byte of the wire twice. */
static void said(struct nc_buf *b, const struct nc_id *sender, const struct nc_id *receiver,
                 struct nc_str counters, struct nc_str payload)
{
    nc_buf_add(b, domain, sizeof domain);
    nc_pack_id(b, sender);
    nc_pack_id(b, receiver);
    nc_buf_adds(b, counters);
    nc_buf_adds(b, payload);
}

void nc_envelope_seal(const struct nc_envelope *e, const struct nc_identity *by,
                      struct nc_buf *out)
{
    static const struct nc_id none;
    bool to_one = !nc_id_zero(&e->receiver);
    struct nc_buf counters = {0}, bytes = {0};
    uint8_t sig[NC_IDENTITY_SIG];

    assert(e->payload.n <= NC_ENVELOPE_PAYLOAD_MAX);
    nc_pack_be(&counters, e->epoch_ms, 6);
    nc_pack_zigzag(&counters, (int64_t)(e->wall_ms - e->epoch_ms));
    nc_pack_var(&counters, e->counter);
    said(&bytes, &e->sender, to_one ? &e->receiver : &none, nc_buf_str(&counters),
         e->payload);
    nc_identity_sign(by, nc_buf_str(&bytes), sig);

    nc_pack_be(out, VERSION, 1);
    nc_pack_be(out, to_one ? TO_ONE : 0, 1);
    nc_buf_add(out, tail_of(&e->sender), NC_ENVELOPE_TAIL);
    if (to_one)
        nc_buf_add(out, tail_of(&e->receiver), NC_ENVELOPE_TAIL);
    nc_buf_adds(out, nc_buf_str(&counters));
    nc_buf_add(out, sig, sizeof sig);
    nc_buf_adds(out, e->payload);
    nc_buf_fini(&counters);
    nc_buf_fini(&bytes);
}

static enum nc_err refuse(const char **why, const char *word, enum nc_err e)
{
    if (why)
        *why = word;
    return e;
}

enum nc_err nc_envelope_peek(struct nc_str bytes, uint8_t tail[NC_ENVELOPE_TAIL],
                             const char **why)
{
    if (bytes.n > NC_ENVELOPE_MAX)
        return refuse(why, "size", NC_ELIMIT);
    if (bytes.n && bytes.p[0] != VERSION)
        return refuse(why, "version", NC_EINVAL);
    if (bytes.n < 2 + NC_ENVELOPE_TAIL)
        return refuse(why, "short", NC_EINVAL);
    memcpy(tail, bytes.p + 2, NC_ENVELOPE_TAIL);
    return NC_OK;
}

/* An envelope, taken apart; the ids are what is not in it. */
struct parts {
    uint8_t from[NC_ENVELOPE_TAIL], to[NC_ENVELOPE_TAIL], sig[NC_IDENTITY_SIG];
    bool to_one;
    struct nc_str counters;
};

static enum nc_err take_apart(struct nc_str bytes, struct parts *p, struct nc_envelope *out,
                              const char **why)
{
    struct nc_unpack u = {.in = bytes};
    enum nc_err e = nc_envelope_peek(bytes, p->from, why);

    if (e != NC_OK)
        return e;
    nc_unpack_be(&u, 1);
    uint64_t flags = nc_unpack_be(&u, 1);
    nc_unpack_bytes(&u, NC_ENVELOPE_TAIL);
    p->to_one = flags & TO_ONE;
    if (p->to_one)
        nc_unpack_copy(&u, p->to, sizeof p->to);
    p->counters = (struct nc_str){u.in.p, 0};
    out->epoch_ms = nc_unpack_be(&u, 6);
    int64_t age = nc_unpack_zigzag(&u);
    out->counter = nc_unpack_var(&u);
    p->counters.n = (size_t)(u.in.p - p->counters.p);
    nc_unpack_copy(&u, p->sig, sizeof p->sig);
    out->payload = u.in;
    out->wall_ms = out->epoch_ms + (uint64_t)age;
    if (u.bad)
        return refuse(why, "short", NC_EINVAL);
    if (flags & ~(uint64_t)TO_ONE || !out->counter || out->counter > INT64_MAX ||
        out->wall_ms >> 48 || out->payload.n > NC_ENVELOPE_PAYLOAD_MAX)
        return refuse(why, "head", NC_EINVAL);
    return NC_OK;
}

enum nc_err nc_envelope_look(struct nc_str bytes, uint8_t tail[NC_ENVELOPE_TAIL],
                             struct nc_envelope *out, const char **why)
{
    struct parts p;

    *out = (struct nc_envelope){.counter = 0};
    enum nc_err e = take_apart(bytes, &p, out, why);
    if (e == NC_OK)
        memcpy(tail, p.from, NC_ENVELOPE_TAIL);
    return e;
}

enum nc_err nc_envelope_open(struct nc_str bytes, const struct nc_id *sender,
                             const uint8_t key[NC_IDENTITY_KEY], const struct nc_id *self,
                             struct nc_envelope *out, const char **why)
{
    struct nc_buf signed_bytes = {0};
    struct parts p;

    *out = (struct nc_envelope){.sender = *sender};
    enum nc_err e = take_apart(bytes, &p, out, why);
    if (e != NC_OK)
        return e;
    if (memcmp(p.from, tail_of(sender), sizeof p.from) != 0)
        return refuse(why, "sender", NC_ENOENT);
    if (p.to_one) {
        if (memcmp(p.to, tail_of(self), sizeof p.to) != 0)
            return refuse(why, "receiver", NC_ENOENT);
        out->receiver = *self;
    }

    said(&signed_bytes, sender, &out->receiver, p.counters, out->payload);
    bool good = nc_identity_verify(key, nc_buf_str(&signed_bytes), p.sig);
    nc_buf_fini(&signed_bytes);
    return good ? NC_OK : refuse(why, "signature", NC_EACCESS);
}

/* ---- seen before? -------------------------------------------------------- */

static uint64_t *word_of(struct nc_replay *r, uint64_t counter)
{
    return &r->seen[counter % NC_REPLAY_WINDOW / 64];
}

enum nc_replay_is nc_replay_look(const struct nc_replay *r, uint64_t epoch_ms,
                                 uint64_t counter)
{
    struct nc_replay copy = *r;

    return nc_replay_take(&copy, epoch_ms, counter);
}

enum nc_replay_is nc_replay_take(struct nc_replay *r, uint64_t epoch_ms, uint64_t counter)
{
    uint64_t bit = 1ull << counter % 64;

    if (epoch_ms < r->epoch_ms)
        return NC_REPLAY_OLD;
    if (epoch_ms > r->epoch_ms)
        *r = (struct nc_replay){.epoch_ms = epoch_ms};
    if (counter > r->top) {
        if (counter - r->top >= NC_REPLAY_WINDOW)
            memset(r->seen, 0, sizeof r->seen);
        else
            for (uint64_t i = r->top + 1; i < counter; i++)
                *word_of(r, i) &= ~(1ull << i % 64);
        r->top = counter;
        *word_of(r, counter) |= bit;
        return NC_REPLAY_NEW;
    }
    if (r->top - counter >= NC_REPLAY_WINDOW)
        return NC_REPLAY_OLD;
    if (*word_of(r, counter) & bit)
        return NC_REPLAY_SEEN;
    *word_of(r, counter) |= bit;
    return NC_REPLAY_NEW;
}

void nc_replay_from(struct nc_replay *r, uint64_t epoch_ms, uint64_t top)
{
    *r = (struct nc_replay){.epoch_ms = epoch_ms, .top = top};
    memset(r->seen, 0xff, sizeof r->seen);
}
