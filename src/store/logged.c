#include "store/logged.h"

#include <stdlib.h>

void nc_log_tail_cut(struct nc_log_tail *t, struct nc_log_mark to)
{
    t->n = to.n;
    t->records.n = to.records;
}

void nc_log_tail_add(struct nc_log_tail *t, const struct nc_event *e,
                     struct nc_log_mark since)
{
    if (!t->on)
        return;
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 16;
        t->rows = nc_realloc(t->rows, t->cap * sizeof(*t->rows));
    }
    t->rows[t->n++] = (struct nc_logged){*e, {NULL, t->records.n - since.records}};
}

void nc_log_tail_tell(struct nc_log_tail *t, struct nc_store *s)
{
    const char *p = t->records.p;

    for (unsigned i = 0; i < t->n; i++) {
        if (t->rows[i].record.n)
            t->rows[i].record.p = p;
        p += t->rows[i].record.n;
    }
    if (s->logged)
        s->logged(s->logged_arg, t->rows, t->n);
}

void nc_log_tail_fini(struct nc_log_tail *t)
{
    nc_buf_fini(&t->records);
    free(t->rows);
    *t = (struct nc_log_tail){0};
}
