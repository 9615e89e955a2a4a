#include <string.h>

#include "mesh/serve_parts.h"

/* Callbacks named on_… run on a reader thread, those named …_read on the loop. */

static void read_from(struct nc_serve *s, struct nc_query q)
{
    s->state = NC_SERVE_READING;
    s->page.query = q;
    s->o.store->ops->read(s->o.store, &s->page.query);
}

static struct nc_serve *serve_of(struct nc_query *q)
{
    return nc_of(q, struct nc_serve, page.query);
}

/* ---- segments ------------------------------------------------------------ */

static struct nc_mesh_segment *segment_of(struct nc_serve_page *page, unsigned i)
{
    return &page->frames[i].segment;
}

static uint64_t last_of(const struct nc_mesh_segment *g) { return g->first + g->n - 1; }

/* Those of the page continue one another, and the first has the event that is wanted. */
static bool goes_on(struct nc_serve_page *page, const struct nc_kept *k)
{
    if (page->n == 0)
        return k->first <= page->from && page->from <= nc_kept_last(k);
    return k->first == last_of(segment_of(page, page->n - 1)) + 1;
}

static void on_segment(struct nc_query *q, const struct nc_row *row)
{
    struct nc_serve_page *page = &serve_of(q)->page;
    struct nc_kept k;

    if (page->n == NC_SERVE_PAGE || !nc_kept_read(&k, &row->segment) || !goes_on(page, &k))
        return;
    struct nc_mesh_segment *g = segment_of(page, page->n);
    page->frames[page->n++].type = NC_FRAME_SEGMENT;
    g->node = (struct nc_id){{0}};
    g->origin = k.origin;
    g->first = k.first;
    g->n = k.n;
    g->has_prev = true;
    memcpy(g->prev, k.chain[0], sizeof(g->prev));
    memcpy(g->sig, k.sig, sizeof(g->sig));
    for (unsigned i = 0; i < k.n; i++) {
        g->rows[i].hash_only = true;
        memcpy(g->rows[i].hash, k.hashes[i], NC_SHA256);
    }
}

static void read_rows(struct nc_serve *s, uint64_t since);

static void segments_read(struct nc_query *q, enum nc_err e)
{
    struct nc_serve *s = serve_of(q);

    if (s->stopped)
        return;
    if (e != NC_OK || !s->page.peer || !s->page.n) {
        nc_serve_read_done(s, e != NC_OK ? NC_SERVE_FAILED : NC_SERVE_NOTHING);
        return;
    }
    s->page.filling = 0;
    s->page.filled = 0;
    nc_buf_clear(&s->page.records);
    read_rows(s, segment_of(&s->page, 0)->first - 1);
}

void nc_serve_read_segments(struct nc_serve *s, const struct nc_serve_range *r)
{
    s->page.n = 0;
    s->page.origin = r->origin;
    s->page.from = r->from;
    read_from(s, (struct nc_query){.kind = NC_Q_SEGMENTS,
                                   .id = r->origin,
                                   .since = r->from - 1,
                                   .limit = NC_SERVE_PAGE,
                                   .row = on_segment,
                                   .done = segments_read});
}

/* ---- their rows ---------------------------------------------------------- */

static bool is_zero(const uint8_t hash[NC_SHA256])
{
    static const uint8_t zero[NC_SHA256];

    return memcmp(hash, zero, NC_SHA256) == 0;
}

/* What finds no room in a frame by itself, or no more in this one, is asked for. */
static void put_record(struct nc_serve_page *page, struct nc_mesh_row *r,
                       struct nc_str bytes)
{
    if (bytes.n > NC_FRAME_MAX || page->filled + bytes.n > NC_FRAME_RECORDS_MAX) {
        r->is = NC_RECORD_LARGE;
        r->size = bytes.n;
        return;
    }
    nc_buf_adds(&page->records, bytes);
    page->filled += bytes.n;
    r->is = NC_RECORD_HERE;
    r->record = (struct nc_str){NULL, bytes.n};
}

/* One that isn't what was signed is no better than one that is gone. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct nc_serve_page *page = &serve_of(q)->page;
    const struct nc_event *ev = &row->foreign.event;
    uint8_t hash[NC_SHA256];

    while (page->filling < page->n &&
           ev->origin_seq > last_of(segment_of(page, page->filling))) {
        page->filling++;
        page->filled = 0;
    }
    if (page->filling == page->n)
        return;
    struct nc_mesh_segment *g = segment_of(page, page->filling);
    struct nc_mesh_row *r = &g->rows[ev->origin_seq - g->first];
    nc_row_hash(ev, hash);
    if (nc_row_check(ev, NULL) != NC_OK || memcmp(hash, r->hash, NC_SHA256) != 0)
        return;
    r->hash_only = false;
    r->ev = *ev;
    r->size = 0;
    r->record = (struct nc_str){NULL, 0};
    r->exact = row->foreign.exact;
    r->is = is_zero(ev->body_hash) ? NC_RECORD_NONE : NC_RECORD_SUPERSEDED;
    if (row->foreign.record.kind != NC_STATE_NONE)
        put_record(page, r, row->foreign.bytes);
}

/* The records stand one behind the other. */
static void point(struct nc_serve_page *page)
{
    const char *p = page->records.p;

    for (unsigned i = 0; i < page->n; i++) {
        struct nc_mesh_segment *g = segment_of(page, i);
        for (unsigned k = 0; k < g->n; k++) {
            struct nc_mesh_row *r = &g->rows[k];
            if (r->hash_only || r->is != NC_RECORD_HERE)
                continue;
            r->record.p = p;
            p += r->record.n;
        }
    }
}

static void rows_read(struct nc_query *q, enum nc_err e)
{
    struct nc_serve *s = serve_of(q);
    struct nc_serve_page *page = &s->page;

    if (s->stopped)
        return;
    s->stats.pages++;
    if (e != NC_OK || !page->peer) {
        nc_serve_read_done(s, e != NC_OK ? NC_SERVE_FAILED : NC_SERVE_NOTHING);
        return;
    }
    /* It ended because that is much: those that are whole go; one alone is read on. */
    unsigned whole = q->more ? 0 : page->n;
    while (whole < page->n && last_of(segment_of(page, whole)) <= q->upto)
        whole++;
    if (!whole) {
        read_rows(s, q->upto);
        return;
    }
    page->n = whole;
    point(page);
    nc_serve_read_done(s, NC_SERVE_SEGMENTS);
}

static void read_rows(struct nc_serve *s, uint64_t since)
{
    uint64_t last = last_of(segment_of(&s->page, s->page.n - 1));

    read_from(s, (struct nc_query){.kind = NC_Q_ORIGIN,
                                   .id = s->page.origin,
                                   .since = since,
                                   .limit = (uint32_t)(last - since),
                                   .bytes_max = NC_SERVE_BYTES,
                                   .row = on_row,
                                   .done = rows_read});
}

/* ---- one record ---------------------------------------------------------- */

static void on_record(struct nc_query *q, const struct nc_row *row)
{
    struct nc_serve_page *page = &serve_of(q)->page;

    if (row->foreign.event.origin_seq == page->ask.origin_seq &&
        row->foreign.record.kind != NC_STATE_NONE)
        nc_buf_adds(&page->records, row->foreign.bytes);
}

static void record_read(struct nc_query *q, enum nc_err e)
{
    struct nc_serve *s = serve_of(q);

    if (s->stopped)
        return;
    nc_serve_read_done(s, e == NC_OK ? NC_SERVE_RECORD : NC_SERVE_FAILED);
}

void nc_serve_read_record(struct nc_serve *s)
{
    nc_buf_clear(&s->page.records);
    read_from(s, (struct nc_query){.kind = NC_Q_ORIGIN,
                                   .id = s->page.ask.origin,
                                   .since = s->page.ask.origin_seq - 1,
                                   .limit = 1,
                                   .row = on_record,
                                   .done = record_read});
}
