#include "wire/ndjson.h"

#include <string.h>

enum nc_err nc_ndjson_next(struct nc_ndjson *s, struct nc_str *in, struct nc_str *line)
{
    while (in->n) {
        const char *end = memchr(in->p, '\n', in->n);
        size_t n = end ? (size_t)(end - in->p) : in->n;

        if (s->given)
            nc_buf_clear(&s->line);
        s->given = false;
        if (s->line.n + n > s->limit)
            return NC_ELIMIT;
        struct nc_str piece = {in->p, n};
        in->p += n + (end != NULL);
        in->n -= n + (end != NULL);
        if (!end || s->line.n)
            nc_buf_adds(&s->line, piece);
        if (!end)
            return NC_AGAIN;
        *line = nc_str_trim(s->line.n ? nc_buf_str(&s->line) : piece);
        s->given = true;
        if (line->n)
            return NC_OK;
    }
    return NC_AGAIN;
}

struct nc_str nc_ndjson_rest(struct nc_ndjson *s)
{
    return s->given ? (struct nc_str){NULL, 0} : nc_str_trim(nc_buf_str(&s->line));
}

void nc_ndjson_fini(struct nc_ndjson *s) { nc_buf_fini(&s->line); }
