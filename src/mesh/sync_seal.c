/*
 * What is sealed and opened.
 *
 * Whoever can write to a broker can send bytes that look like an envelope of a pinned node.
 * They cost a look into a table; a signature is only checked of what claims to be new, and
 * of what fails it so much and no more, for each sender and way.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/sync_parts.h"

enum {
    FORGED_BURST = 64, /* signatures that fail, of one sender by one way */
    FORGED_PER_S = 16,
    OLD_BURST = 256, /* envelopes out of their time, likewise */
    OLD_PER_S = 32,
    QUIET_MS = 10000, /* of one reason a line is written so often */
};

bool nc_sync_spend(struct nc_sync_budget *b, uint64_t now_ms, unsigned burst,
                   unsigned per_s)
{
    uint64_t back = (now_ms - b->at_ms) * per_s;

    b->spent = back < b->spent ? b->spent - (uint32_t)back : 0;
    b->at_ms = now_ms;
    if (b->spent + 1000 > burst * 1000)
        return false;
    b->spent += 1000;
    return true;
}

/* Whether anything is left; nothing is spent. */
static bool can_spend(const struct nc_sync_budget *b, uint64_t now_ms, unsigned burst,
                      unsigned per_s)
{
    struct nc_sync_budget copy = *b;

    return nc_sync_spend(&copy, now_ms, burst, per_s);
}

/* ---- seal ---------------------------------------------------------------- */

enum nc_err nc_sync_encode(struct nc_sync *s, const struct nc_frame *f)
{
    nc_buf_clear(&s->payload);
    enum nc_err e = nc_frame_add(&s->payload, f, NULL);
    if (e == NC_OK)
        s->frames_out[f->type]++;
    return e;
}

void nc_sync_seal_payload(struct nc_sync *s, const struct nc_id *to, struct nc_buf *out)
{
    struct nc_envelope e = {.sender = s->o.self,
                            .receiver = *to,
                            .epoch_ms = s->epoch_ms,
                            .counter = ++s->counter,
                            .wall_ms = nc_wall_ms(),
                            .payload = nc_buf_str(&s->payload)};

    nc_envelope_seal(&e, s->o.identity, out);
}

enum nc_err nc_sync_seal(struct nc_sync *s, const struct nc_id *to,
                         const struct nc_frame *f, struct nc_buf *out)
{
    enum nc_err e = nc_sync_encode(s, f);

    if (e == NC_OK)
        nc_sync_seal_payload(s, to, out);
    return e;
}

/* ---- what is refused ----------------------------------------------------- */

enum refused { FORGED, STRANGE, MALFORMED, OLD, DROPPED, LATER };
static const char *const refusals[] = {
    [FORGED] = "forged", [STRANGE] = "strange", [MALFORMED] = "malformed",
    [OLD] = "old",       [DROPPED] = "dropped", [LATER] = "later",
};
_Static_assert(NC_COUNT(refusals) == NC_COUNT(((struct nc_sync *)0)->refused), "all");

/* It is counted where it is found out. */
static void tell_refused(struct nc_sync *s, const struct nc_way *w,
                         const struct nc_sync_peer *p, enum refused why, const char *detail)
{
    uint64_t now = nc_loop_now_ms(s->o.loop);

    if (s->refused[why].until_ms > now) {
        s->refused[why].missed++;
        return;
    }
    nc_log(why == OLD || why == LATER ? NC_INFO : NC_WARN, "mesh.envelope",
           "why=%s detail=%s node=%s where=%s missed=%u", refusals[why],
           detail ? nc_log_q(nc_str(detail)) : refusals[why], p ? p->name : "-",
           w ? nc_log_q(nc_str(w->where)) : "-", s->refused[why].missed);
    s->refused[why].until_ms = now + QUIET_MS;
    s->refused[why].missed = 0;
}

/* ---- open ---------------------------------------------------------------- */

/* One that is verified: what it is, `p` whose; or why it is nothing. */
static enum nc_sync_is open_of(struct nc_sync *s, struct nc_way *w, bool asked,
                               struct nc_sync_peer *p, struct nc_str bytes,
                               const struct nc_envelope *said, struct nc_envelope *e)
{
    struct nc_sync_path *path = nc_sync_path(p, w, true);
    uint64_t now = nc_loop_now_ms(s->o.loop);
    enum nc_replay_is before = nc_replay_look(&p->replay, said->epoch_ms, said->counter);
    const char *why;

    if (before == NC_REPLAY_SEEN) {
        s->copies++;
        return NC_SYNC_COPY;
    }
    /* A socket that is no way yet has one, and costs more than that to open. */
    if ((w && !can_spend(&path->forged, now, FORGED_BURST, FORGED_PER_S)) ||
        (before == NC_REPLAY_OLD && !asked &&
         !nc_sync_spend(&path->old, now, OLD_BURST, OLD_PER_S))) {
        s->dropped++;
        tell_refused(s, w, p, DROPPED, NULL);
        return NC_SYNC_COPY;
    }
    enum nc_err err = nc_envelope_open(bytes, &p->id, p->key, &s->o.self, e, &why);
    if (err != NC_OK) {
        if (err == NC_EACCESS) {
            (void)nc_sync_spend(&path->forged, now, FORGED_BURST, FORGED_PER_S);
            s->forged++;
            tell_refused(s, w, p, FORGED, NULL);
        }
        return NC_SYNC_BAD;
    }
    path->heard_ms = now;
    p->in++;
    p->bytes_in += bytes.n;
    if (before == NC_REPLAY_OLD) {
        s->old++;
        tell_refused(s, w, p, OLD, NULL);
        return NC_SYNC_OLD;
    }
    (void)nc_replay_take(&p->replay, e->epoch_ms, e->counter);
    s->unkept = true;
    return NC_SYNC_NEW;
}

static bool tail_is(const struct nc_sync_peer *p, const uint8_t tail[NC_ENVELOPE_TAIL])
{
    return memcmp(p->id.b + sizeof p->id.b - NC_ENVELOPE_TAIL, tail, NC_ENVELOPE_TAIL) == 0;
}

/* The ends of two ids may be alike: the one whose signature it has. */
static enum nc_sync_is open_any(struct nc_sync *s, struct nc_way *w, bool asked,
                                struct nc_str bytes, struct nc_sync_peer **from,
                                struct nc_envelope *e)
{
    uint8_t tail[NC_ENVELOPE_TAIL];
    struct nc_envelope said;
    enum nc_sync_is is = NC_SYNC_BAD;
    const char *why = NULL;
    bool known = false;

    *from = NULL;
    if (nc_envelope_look(bytes, tail, &said, &why) != NC_OK) {
        s->malformed++;
        tell_refused(s, w, NULL, MALFORMED, why);
        return NC_SYNC_BAD;
    }
    nc_list_each(it, &s->peers) {
        struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
        if (!tail_is(p, tail))
            continue;
        known = true;
        is = open_of(s, w, asked, p, bytes, &said, e);
        if (is != NC_SYNC_BAD) {
            *from = p;
            return is;
        }
    }
    if (!known) {
        s->strangers++;
        tell_refused(s, w, NULL, STRANGE, NULL);
    }
    return is;
}

void nc_sync_malformed(struct nc_sync *s, struct nc_sync_peer *p, uint64_t counter,
                       const char *why)
{
    s->malformed++;
    tell_refused(s, NULL, p, MALFORMED, why);
    nc_sync_tell_error(s, p, counter, "frame", why);
}

static enum nc_err parse(struct nc_sync *s, struct nc_sync_peer *p,
                         const struct nc_envelope *e)
{
    const char *why = "";
    enum nc_err err = nc_frame_parse(e->payload, NULL, &s->frame, &why);

    if (err == NC_OK) {
        s->frames_in[s->frame.type]++;
    } else if (err == NC_ENOENT) { /* of a later version: passed over */
        s->later++;
        tell_refused(s, NULL, p, LATER, why);
    } else {
        nc_sync_malformed(s, p, e->counter, why);
    }
    return err;
}

enum nc_err nc_sync_open(struct nc_sync *s, struct nc_str envelope, bool asked,
                         struct nc_id *from, const struct nc_frame **frame)
{
    struct nc_sync_peer *p;
    struct nc_envelope e;

    *frame = NULL;
    if (s->stopped)
        return NC_EACCESS;
    enum nc_sync_is is = open_any(s, NULL, asked, envelope, &p, &e);
    if (is == NC_SYNC_BAD)
        return NC_EACCESS;
    if (is == NC_SYNC_COPY || (is == NC_SYNC_OLD && e.epoch_ms >= p->replay.epoch_ms))
        return NC_EEXIST;
    *from = p->id;
    enum nc_err err = parse(s, p, &e);
    if (err != NC_OK)
        return err;
    *frame = &s->frame;
    return is == NC_SYNC_NEW ? NC_OK : NC_EEXIST;
}

bool nc_sync_is_from(struct nc_sync *s, const struct nc_id *by, const struct nc_id *from,
                     struct nc_str envelope)
{
    struct nc_sync_peer *carrier = nc_sync_peer(s, by), *p = nc_sync_peer(s, from);
    uint64_t now = nc_loop_now_ms(s->o.loop);
    uint8_t tail[NC_ENVELOPE_TAIL];
    struct nc_envelope e;

    if (!carrier || !p || nc_envelope_look(envelope, tail, &e, NULL) != NC_OK ||
        !tail_is(p, tail) ||
        nc_replay_look(&p->replay, e.epoch_ms, e.counter) == NC_REPLAY_SEEN)
        return false;
    if (!can_spend(&carrier->carried, now, FORGED_BURST, FORGED_PER_S)) {
        s->dropped++;
        return false;
    }
    if (nc_envelope_open(envelope, &p->id, p->key, &s->o.self, &e, NULL) == NC_OK)
        return true;
    (void)nc_sync_spend(&carrier->carried, now, FORGED_BURST, FORGED_PER_S);
    s->forged++;
    tell_refused(s, NULL, carrier, FORGED, "carried");
    return false;
}

void nc_sync_take(struct nc_sync *s, struct nc_way *w, struct nc_str envelope)
{
    struct nc_sync_peer *p;
    struct nc_envelope e;

    if (s->stopped || !w->up)
        return;
    w->in++;
    w->bytes_in += envelope.n;
    enum nc_sync_is is = open_any(s, w, false, envelope, &p, &e);
    if (is == NC_SYNC_BAD)
        w->refused++;
    if (is == NC_SYNC_BAD || is == NC_SYNC_COPY)
        return;
    if (is == NC_SYNC_OLD)
        nc_sync_tell_epoch(s, p, &e);
    if (parse(s, p, &e) == NC_OK)
        nc_sync_frame(s, w, p, &e, is == NC_SYNC_NEW);
}
