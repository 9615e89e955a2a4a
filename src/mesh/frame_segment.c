/*
 * A row is told by how it differs from what one would guess: two bits for each of its ids,
 * its stamp by the distance from the last one's, its body's hash by the record.
 */
#include <string.h>

#include "mesh/frame_parts.h"
#include "mesh/squeeze.h"

enum {
    HAS_PREV = 1, /* beside the number of the first row */

    IS = 0x07, /* first byte of a row: enum nc_record_is, or … */
    HASH_ONLY = 0x07,
    BODY = 0x18, /* its body_hash: */
    BODY_ZERO = 0x00,
    BODY_SENT = 0x08,
    BODY_OF_RECORD = 0x10,
    REASON = 0x20, /* it isn't 0 */
    AUDIENCE_AT = 6,

    ID_ZERO = 0, /* two bits of the second byte, for ref, to, subject, actor */
    ID_SENT = 1,
    ID_AGAIN = 2,   /* what it was in the row before */
    ID_SPECIAL = 3, /* ref: made of the stamp; to: ref; actor: subject */

    HEAD_MOST = 160, /* bytes at most: of what comes before the rows */
    ROW_MOST = 160,  /* of a row without its record */
};

static bool hash_of(nc_record_hash_fn *hash, const struct nc_event *ev,
                    struct nc_str record, uint8_t out[NC_SHA256])
{
    if (hash)
        return hash(ev, record, out);
    nc_sha256(record.p, record.n, out);
    return true;
}

/* ---- out ----------------------------------------------------------------- */

static bool is_of_stamp(const struct nc_id *id, uint64_t hlc)
{
    return id->b[6] >> 4 == 7 && nc_hlc_of(id) == hlc;
}

static unsigned how(const struct nc_id *id, const struct nc_id *last, bool special)
{
    return nc_id_zero(id)       ? ID_ZERO
           : special            ? ID_SPECIAL
           : nc_id_eq(id, last) ? ID_AGAIN
                                : ID_SENT;
}

static void add_id(struct nc_buf *b, unsigned is, const struct nc_id *id)
{
    if (is == ID_SENT)
        nc_pack_id(b, id);
}

static unsigned body_is(const struct nc_mesh_row *r, enum nc_record_is is,
                        nc_record_hash_fn *hash)
{
    static const uint8_t zero[NC_SHA256];
    uint8_t of_record[NC_SHA256];

    if (memcmp(r->ev.body_hash, zero, sizeof zero) == 0)
        return BODY_ZERO;
    if (is == NC_RECORD_HERE && r->exact && !hash)
        return BODY_OF_RECORD;
    if (is == NC_RECORD_HERE && hash_of(hash, &r->ev, r->record, of_record) &&
        memcmp(r->ev.body_hash, of_record, sizeof of_record) == 0)
        return BODY_OF_RECORD;
    return BODY_SENT;
}

static void add_row(struct nc_buf *b, const struct nc_mesh_row *r, enum nc_record_is is,
                    struct nc_str steps, const struct nc_event *last,
                    nc_record_hash_fn *hash)
{
    const struct nc_event *ev = &r->ev;
    unsigned body = body_is(r, is, hash);
    unsigned ref = how(&ev->ref, &last->ref, is_of_stamp(&ev->ref, ev->hlc));
    unsigned to = how(&ev->to, &last->to, nc_id_eq(&ev->to, &ev->ref));
    unsigned subject = how(&ev->subject, &last->subject, false);
    unsigned actor = how(&ev->actor, &last->actor, nc_id_eq(&ev->actor, &ev->subject));

    nc_pack_be(
        b, is | body | (ev->reason ? REASON : 0) | (unsigned)ev->audience << AUDIENCE_AT,
        1);
    nc_pack_be(b, ref | to << 2 | subject << 4 | actor << 6, 1);
    nc_pack_var(b, (uint64_t)ev->kind);
    nc_pack_zigzag(b, (int64_t)(ev->hlc - last->hlc));
    if (ref == ID_SPECIAL)
        nc_buf_add(b, ev->ref.b + 8, 8);
    add_id(b, ref, &ev->ref);
    add_id(b, to, &ev->to);
    add_id(b, subject, &ev->subject);
    add_id(b, actor, &ev->actor);
    if (ev->reason)
        nc_pack_var(b, ev->reason);
    if (body == BODY_SENT)
        nc_buf_add(b, ev->body_hash, sizeof ev->body_hash);
    if (is == NC_RECORD_LARGE)
        nc_pack_var(b, r->is == NC_RECORD_LARGE ? r->size : r->record.n);
    if (is == NC_RECORD_HERE) {
        nc_pack_var(b, r->record.n);
        nc_buf_adds(b, steps);
    }
}

/* Rows as bytes, and what their records are when they are unpacked. */
struct rows {
    struct nc_buf bytes, steps;
    size_t records;
};

/* All that follow must still find room, at their largest. */
static bool fits(const struct rows *w, const struct nc_mesh_segment *s, unsigned i)
{
    size_t most = HEAD_MOST + w->bytes.n + (size_t)(s->n - i) * ROW_MOST + w->steps.n;
    return most <= NC_FRAME_MAX && w->records + s->rows[i].record.n <= NC_FRAME_RECORDS_MAX;
}

static void add_rows(struct rows *w, const struct nc_mesh_segment *s,
                     nc_record_hash_fn *hash)
{
    static const struct nc_event none;
    const struct nc_event *last = &none;

    for (unsigned i = 0; i < s->n; i++) {
        const struct nc_mesh_row *r = &s->rows[i];
        enum nc_record_is is = r->is;

        if (r->hash_only) {
            nc_pack_be(&w->bytes, HASH_ONLY, 1);
            nc_buf_add(&w->bytes, r->hash, sizeof r->hash);
            continue;
        }
        nc_buf_clear(&w->steps);
        if (is == NC_RECORD_HERE && r->record.n <= NC_FRAME_MAX)
            nc_squeeze(&w->steps, &r->ev, r->record);
        if (is == NC_RECORD_HERE && (r->record.n > NC_FRAME_MAX || !fits(w, s, i)))
            is = NC_RECORD_LARGE;
        add_row(&w->bytes, r, is, nc_buf_str(&w->steps), last, hash);
        if (is == NC_RECORD_HERE)
            w->records += r->record.n;
        last = &r->ev;
    }
}

void nc_frame_segment_add(struct nc_buf *out, const struct nc_mesh_segment *s,
                          nc_record_hash_fn *hash)
{
    struct rows w = {.records = 0};

    add_rows(&w, s, hash);
    nc_pack_id(out, &s->origin);
    nc_pack_var(out, s->first << 1 | (s->has_prev ? HAS_PREV : 0));
    nc_pack_be(out, s->n - 1, 1);
    if (s->has_prev)
        nc_buf_add(out, s->prev, sizeof s->prev);
    nc_buf_add(out, s->sig, sizeof s->sig);
    nc_buf_adds(out, nc_buf_str(&w.bytes));
    nc_buf_fini(&w.bytes);
    nc_buf_fini(&w.steps);
}

/* ---- in ------------------------------------------------------------------ */

static struct nc_id read_id(struct nc_unpack *u, unsigned is, const struct nc_id *last,
                            const struct nc_id *special)
{
    switch (is) {
    case ID_SENT: return nc_unpack_id(u);
    case ID_AGAIN: return *last;
    case ID_SPECIAL:
        if (special)
            return *special;
        u->bad = true;
        break;
    }
    return (struct nc_id){{0}};
}

static struct nc_id read_ref(struct nc_unpack *u, unsigned is, const struct nc_id *last,
                             uint64_t hlc)
{
    struct nc_id made = {{0}};

    if (is != ID_SPECIAL)
        return read_id(u, is, last, NULL);
    for (unsigned i = 0; i < 6; i++)
        made.b[i] = (uint8_t)(hlc >> (52 - 8 * i));
    made.b[6] = (uint8_t)(0x70 | (hlc >> 8 & 0x0f));
    made.b[7] = (uint8_t)hlc;
    nc_unpack_copy(u, made.b + 8, 8);
    return made;
}

/* The record, unpacked to the end of `records`: good until the next one is. */
static bool read_here(struct nc_unpack *u, struct nc_mesh_row *r, struct nc_buf *records)
{
    uint64_t size = nc_unpack_var(u);

    if (u->bad || size > NC_FRAME_RECORDS_MAX - records->n ||
        !nc_unsqueeze(records, &r->ev, &u->in, (size_t)size))
        return false;
    r->record = (struct nc_str){size ? records->p + records->n - size : "", (size_t)size};
    return true;
}

static const char *read_record(struct nc_unpack *u, struct nc_mesh_row *r, unsigned body,
                               struct nc_buf *records, nc_record_hash_fn *hash)
{
    if (r->is == NC_RECORD_LARGE) {
        r->size = nc_unpack_var(u);
        if (!u->bad && (!r->size || r->size > NC_RECORD_MAX))
            return "record";
    }
    if (r->is == NC_RECORD_HERE && !read_here(u, r, records))
        return u->bad ? "short" : "record";
    if (u->bad)
        return "short";
    if (body == BODY_OF_RECORD &&
        (r->is != NC_RECORD_HERE || !hash_of(hash, &r->ev, r->record, r->ev.body_hash)))
        return "record";
    return NULL;
}

static const char *read_row(struct nc_unpack *u, struct nc_mesh_row *r, unsigned *body,
                            const struct nc_event *last)
{
    struct nc_event *ev = &r->ev;
    const char *why = NULL;
    unsigned first = (unsigned)nc_unpack_be(u, 1);

    if ((first & IS) == HASH_ONLY) {
        r->hash_only = true;
        nc_unpack_copy(u, r->hash, sizeof r->hash);
        return u->bad ? "short" : first != HASH_ONLY ? "row" : NULL;
    }
    unsigned ids = (unsigned)nc_unpack_be(u, 1);

    *body = first & BODY;
    if ((first & IS) > NC_RECORD_LARGE || *body == BODY)
        return "row";
    r->is = (enum nc_record_is)(first & IS);
    ev->audience = (enum nc_audience)(first >> AUDIENCE_AT);
    uint64_t kind = nc_unpack_var(u);
    if (kind > UINT16_MAX)
        return "kind";
    ev->kind = (enum nc_event_kind)kind;
    ev->hlc = last->hlc + (uint64_t)nc_unpack_zigzag(u);
    ev->ref = read_ref(u, ids & 3, &last->ref, ev->hlc);
    ev->to = read_id(u, ids >> 2 & 3, &last->to, &ev->ref);
    ev->subject = read_id(u, ids >> 4 & 3, &last->subject, NULL);
    ev->actor = read_id(u, ids >> 6 & 3, &last->actor, &ev->subject);
    uint64_t reason = first & REASON ? nc_unpack_var(u) : 0;
    if (reason > UINT32_MAX)
        return "reason";
    ev->reason = (uint32_t)reason;
    if (*body == BODY_SENT)
        nc_unpack_copy(u, ev->body_hash, sizeof ev->body_hash);
    if (u->bad)
        return "short";
    return nc_row_check(ev, &why) == NC_OK ? NULL : why;
}

/* While they were read the records moved: they stand one behind the other from `p` on. */
static void settle(struct nc_mesh_segment *s, const char *p)
{
    for (unsigned i = 0; i < s->n; i++) {
        struct nc_mesh_row *r = &s->rows[i];
        if (r->hash_only || !r->record.n)
            continue;
        r->record.p = p;
        p += r->record.n;
    }
}

const char *nc_frame_segment_read(struct nc_unpack *u, struct nc_frame *f,
                                  nc_record_hash_fn *hash)
{
    struct nc_mesh_segment *s = &f->segment;
    static const struct nc_event none;
    const struct nc_event *last = &none;

    s->node = (struct nc_id){{0}};
    s->origin = nc_unpack_id(u);
    uint64_t first = nc_unpack_var(u);
    s->first = first >> 1;
    s->has_prev = first & HAS_PREV;
    s->n = (unsigned)nc_unpack_be(u, 1) + 1;
    if (s->has_prev)
        nc_unpack_copy(u, s->prev, sizeof s->prev);
    nc_unpack_copy(u, s->sig, sizeof s->sig);
    if (u->bad)
        return "short";
    if (!s->first || s->first > (uint64_t)INT64_MAX - s->n)
        return "number";
    nc_buf_clear(&f->records);
    for (unsigned i = 0; i < s->n; i++) {
        struct nc_mesh_row *r = &s->rows[i];
        *r = (struct nc_mesh_row){.ev = {.origin = s->origin, .origin_seq = s->first + i}};
        unsigned body = BODY_ZERO;
        const char *why = read_row(u, r, &body, last);
        if (!why && !r->hash_only)
            why = read_record(u, r, body, &f->records, hash);
        if (why)
            return why;
        if (!r->hash_only)
            last = &r->ev;
    }
    settle(s, f->records.p);
    return NULL;
}
