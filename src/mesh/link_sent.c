#include "mesh/link_sent.h"

#include <stdlib.h>
#include <string.h>

/* Of 65535 packet ids: the rest is for subscriptions and probes, which are not counted. */
#define LAP 60000u

void nc_sent_fini(struct nc_sent *s)
{
    free(s->rows);
    *s = (struct nc_sent){0};
}

static struct nc_sent_row *row_at(const struct nc_sent *s, size_t i)
{
    return &s->rows[(s->head + i) & (s->cap - 1)];
}

bool nc_sent_full(const struct nc_sent *s, uint16_t last)
{
    return s->n && (uint16_t)(last - row_at(s, 0)->mid) >= LAP;
}

static void grow(struct nc_sent *s)
{
    size_t cap = s->cap ? 2 * s->cap : 64;
    struct nc_sent_row *rows = nc_alloc(cap * sizeof(*rows));

    for (size_t i = 0; i < s->n; i++)
        rows[i] = *row_at(s, i);
    free(s->rows);
    s->rows = rows;
    s->head = 0;
    s->cap = cap;
}

void nc_sent_add(struct nc_sent *s, const struct nc_sent_row *row)
{
    if (s->n == s->cap)
        grow(s);
    *row_at(s, s->n++) = *row;
    s->bytes += row->bytes;
    s->waiting++;
}

static void shrink(struct nc_sent *s)
{
    while (s->n && row_at(s, 0)->gone) {
        s->head = (s->head + 1) & (s->cap - 1);
        s->n--;
    }
}

static void mark(struct nc_sent *s, struct nc_sent_row *row)
{
    row->gone = true;
    s->bytes -= row->bytes;
    s->waiting--;
}

bool nc_sent_take(struct nc_sent *s, uint16_t mid, struct nc_sent_row *out)
{
    /* Brokers acknowledge in order, so it is the first one, or it stands as far behind that
     * as its id does, or a little nearer. */
    for (size_t i = 0; i < s->n; i++) {
        uint16_t far = (uint16_t)(mid - row_at(s, 0)->mid);
        struct nc_sent_row *row =
            row_at(s, ((far < s->n ? far : s->n - 1) + s->n - i) % s->n);
        if (row->mid != mid || row->gone)
            continue;
        *out = *row;
        mark(s, row);
        shrink(s);
        return true;
    }
    return false;
}

void nc_sent_lost(struct nc_sent *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!row_at(s, i)->qos1 && !row_at(s, i)->gone)
            mark(s, row_at(s, i));
    shrink(s);
}

uint64_t nc_sent_since_us(const struct nc_sent *s)
{
    return s->n ? row_at(s, 0)->at_us : 0;
}
