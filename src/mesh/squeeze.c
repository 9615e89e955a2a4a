#include "mesh/squeeze.h"

#include <string.h>

enum {
    NOUGHTS = 0x80,
    ID = 0xc0,
    TIME = 0xe0,
    LITERAL_MOST = 128,
    NOUGHTS_LEAST = 3, /* fewer cost more as a step between two runs of bytes */
    NOUGHTS_MOST = 66,
    IDS = 5,
};

/* What may be copied; the time as records write it. */
struct known {
    const struct nc_id *ids[IDS];
    uint8_t time[8];
    uint64_t begins[4]; /* a bit for each byte that one of them, or noughts, begin with */
};

static struct known known_of(const struct nc_event *ev)
{
    struct known k = {{&ev->ref, &ev->to, &ev->subject, &ev->actor, &ev->origin}, {0}, {0}};
    for (unsigned i = 0; i < 8; i++)
        k.time[i] = (uint8_t)((ev->hlc >> 12) >> (56 - 8 * i));
    k.begins[0] = 1;
    k.begins[k.time[0] / 64] |= 1ull << k.time[0] % 64;
    for (unsigned i = 0; i < IDS; i++)
        k.begins[k.ids[i]->b[0] / 64] |= 1ull << k.ids[i]->b[0] % 64;
    return k;
}

static size_t noughts_at(const char *p, const char *end)
{
    size_t n = 0;
    while (n < NOUGHTS_MOST && p + n < end && p[n] == 0)
        n++;
    return n;
}

/* How many bytes at p one step stands for, and that step; 0: none. */
static size_t step_at(const struct known *k, const char *p, const char *end, uint8_t *step)
{
    size_t left = (size_t)(end - p);

    for (unsigned i = 0; i < IDS && left >= sizeof(struct nc_id); i++)
        if (memcmp(p, k->ids[i]->b, sizeof(struct nc_id)) == 0 && !nc_id_zero(k->ids[i])) {
            *step = (uint8_t)(ID | i);
            return sizeof(struct nc_id);
        }
    if (left >= sizeof k->time && memcmp(p, k->time, sizeof k->time) == 0) {
        *step = TIME;
        return sizeof k->time;
    }
    size_t n = noughts_at(p, end);
    if (n < NOUGHTS_LEAST)
        return 0;
    /* The time begins with noughts, too. */
    for (size_t i = 1; i < n; i++)
        if (left - i >= sizeof k->time && memcmp(p + i, k->time, sizeof k->time) == 0) {
            n = i;
            break;
        }
    *step = (uint8_t)(NOUGHTS | (n - NOUGHTS_LEAST));
    return n < NOUGHTS_LEAST ? 0 : n;
}

static void add_literal(struct nc_buf *out, const char *from, const char *to)
{
    while (from < to) {
        size_t n = (size_t)(to - from) < LITERAL_MOST ? (size_t)(to - from) : LITERAL_MOST;
        nc_buf_addc(out, (char)(n - 1));
        nc_buf_add(out, from, n);
        from += n;
    }
}

void nc_squeeze(struct nc_buf *out, const struct nc_event *ev, struct nc_str record)
{
    struct known k = known_of(ev);
    const char *p = record.p, *end = record.p + record.n, *plain = p;

    while (p < end) {
        uint8_t step, first = (uint8_t)*p;
        /* Text mostly begins nothing. */
        size_t n = k.begins[first / 64] >> first % 64 & 1 ? step_at(&k, p, end, &step) : 0;
        if (!n) {
            p++;
            continue;
        }
        add_literal(out, plain, p);
        nc_buf_addc(out, (char)step);
        plain = p += n;
    }
    add_literal(out, plain, end);
}

/* One step off `steps`; its bytes to *run, {NULL, n} for noughts.  False: it is none. */
static bool take_step(const struct known *k, struct nc_str *steps, struct nc_str *run)
{
    uint8_t step = (uint8_t)*steps->p++;

    steps->n--;
    if (step < NOUGHTS) {
        *run = (struct nc_str){steps->p, (size_t)step + 1};
        if (run->n > steps->n)
            return false;
        steps->p += run->n;
        steps->n -= run->n;
    } else if (step < ID) {
        *run = (struct nc_str){NULL, (size_t)(step - NOUGHTS) + NOUGHTS_LEAST};
    } else if (step < ID + IDS) {
        *run = (struct nc_str){(const char *)k->ids[step - ID]->b, sizeof(struct nc_id)};
    } else if (step == TIME) {
        *run = (struct nc_str){(const char *)k->time, sizeof k->time};
    } else {
        return false;
    }
    return true;
}

bool nc_unsqueeze(struct nc_buf *out, const struct nc_event *ev, struct nc_str *in,
                  size_t size)
{
    static const char noughts[NOUGHTS_MOST];
    struct known k = known_of(ev);
    struct nc_str steps = *in;
    size_t start = out->n;

    while (out->n - start < size) {
        struct nc_str run;
        if (!steps.n || !take_step(&k, &steps, &run) || run.n > size - (out->n - start)) {
            out->n = start;
            return false;
        }
        nc_buf_add(out, run.p ? run.p : noughts, run.n);
    }
    *in = steps;
    return true;
}
