#include "wire/sse.h"

#include <string.h>

static void field(struct nc_buf *out, const char *name, struct nc_str value)
{
    nc_buf_adds(out, nc_str(name));
    nc_buf_adds(out, value);
    nc_buf_addc(out, '\n');
}

void nc_sse_write(struct nc_buf *out, struct nc_str id, struct nc_str event,
                  struct nc_str data)
{
    if (id.n)
        field(out, "id: ", id);
    if (event.n)
        field(out, "event: ", event);
    /* CR, LF and CRLF all end a line for the reader, so each begins a new field. */
    for (size_t from = 0, i = 0; i <= data.n; i++) {
        if (i < data.n && data.p[i] != '\n' && data.p[i] != '\r')
            continue;
        field(out, "data: ", (struct nc_str){data.p + from, i - from});
        if (i + 1 < data.n && data.p[i] == '\r' && data.p[i + 1] == '\n')
            i++;
        from = i + 1;
    }
    nc_buf_addc(out, '\n');
}

void nc_sse_write_comment(struct nc_buf *out, struct nc_str text)
{
    field(out, ": ", text);
    nc_buf_addc(out, '\n');
}

void nc_sse_write_retry(struct nc_buf *out, unsigned ms)
{
    nc_buf_printf(out, "retry: %u\n\n", ms);
}

static void keep(struct nc_buf *to, struct nc_str value)
{
    nc_buf_clear(to);
    nc_buf_adds(to, value);
}

/* One field line.  False when the event's data is over the limit. */
static bool take_line(struct nc_sse *s, struct nc_str line)
{
    struct nc_str name = nc_str_cut(&line, ':');

    if (name.n == 0)
        return true; /* a comment */
    if (line.n && line.p[0] == ' ')
        line = (struct nc_str){line.p + 1, line.n - 1};
    if (nc_str_eqz(name, "data")) {
        if (s->data.n + line.n + 1 > s->limit)
            return false;
        if (s->has_data)
            nc_buf_addc(&s->data, '\n');
        nc_buf_adds(&s->data, line);
        s->has_data = true;
    } else if (nc_str_eqz(name, "event")) {
        keep(&s->event, line);
    } else if (nc_str_eqz(name, "id")) {
        if (!line.n || !memchr(line.p, 0, line.n))
            keep(&s->id, line);
    } else if (nc_str_eqz(name, "retry")) {
        uint64_t ms;

        if (nc_str_u64(line, UINT32_MAX, &ms) == NC_OK)
            s->retry_ms = ms;
    }
    return true;
}

/* A byte order mark may stand at the very start, and may come in pieces. */
static void skip_bom(struct nc_sse *s, struct nc_str *in)
{
    static const char bom[3] = "\xEF\xBB\xBF";

    while (s->bom < 3 && in->n) {
        if (in->p[0] != bom[s->bom]) {
            nc_buf_add(&s->line, bom, s->bom);
            s->bom = 3;
            return;
        }
        s->bom++;
        in->p++;
        in->n--;
    }
}

static size_t line_length(struct nc_str in)
{
    const char *lf = memchr(in.p, '\n', in.n);
    size_t n = lf ? (size_t)(lf - in.p) : in.n;
    const char *cr = memchr(in.p, '\r', n);

    return cr ? (size_t)(cr - in.p) : n;
}

/* A line is complete.  True when it was the empty one that ends an event with data. */
static bool end_line(struct nc_sse *s, struct nc_str piece)
{
    struct nc_str line = piece;

    if (s->line.n) {
        nc_buf_adds(&s->line, piece);
        line = nc_buf_str(&s->line);
    }
    if (line.n) {
        s->failed = !take_line(s, line);
        nc_buf_clear(&s->line);
        return false;
    }
    if (!s->has_data)
        nc_buf_clear(&s->event);
    return s->has_data;
}

/* What most servers send, a line of data and an empty one, is not copied if it is whole
 * in the input. */
static bool take_at_once(struct nc_sse *s, struct nc_str *in, struct nc_sse_event *ev)
{
    static const struct nc_str lead = NC_STR("data: ");

    if (s->cr || s->line.n || s->has_data || s->event.n || in->n < lead.n + 2 ||
        memcmp(in->p, lead.p, lead.n) != 0)
        return false;
    const char *lf = memchr(in->p, '\n', in->n);
    if (!lf)
        return false;
    size_t n = (size_t)(lf - in->p);
    if (n + 1 >= in->n || lf[1] != '\n' || n > s->limit || memchr(in->p, '\r', n))
        return false;
    *ev = (struct nc_sse_event){.id = nc_buf_str(&s->id),
                                .event = NC_STR("message"),
                                .data = {in->p + lead.n, n - lead.n}};
    *in = (struct nc_str){in->p + n + 2, in->n - n - 2};
    return true;
}

enum nc_err nc_sse_next(struct nc_sse *s, struct nc_str *in, struct nc_sse_event *ev)
{
    if (s->given) {
        nc_buf_clear(&s->data);
        nc_buf_clear(&s->event);
        s->has_data = s->given = false;
    }
    skip_bom(s, in);
    if (!s->failed && in->n && take_at_once(s, in, ev))
        return NC_OK;
    while (in->n && !s->failed) {
        if (s->cr && in->p[0] == '\n') {
            in->p++;
            in->n--;
            s->cr = false;
            continue;
        }
        s->cr = false;

        struct nc_str piece = {in->p, line_length(*in)};
        if (s->line.n + piece.n > s->limit) {
            s->failed = true;
            break;
        }
        if (piece.n == in->n) {
            nc_buf_adds(&s->line, piece);
            *in = (struct nc_str){NULL, 0};
            break;
        }
        s->cr = in->p[piece.n] == '\r';
        *in = (struct nc_str){in->p + piece.n + 1, in->n - piece.n - 1};
        if (end_line(s, piece)) {
            s->given = true;
            ev->id = nc_buf_str(&s->id);
            ev->event = s->event.n ? nc_buf_str(&s->event) : NC_STR("message");
            ev->data = nc_buf_str(&s->data);
            return NC_OK;
        }
    }
    if (!s->failed)
        return NC_AGAIN;
    nc_sse_fini(s);
    return NC_ELIMIT;
}

uint64_t nc_sse_retry_ms(const struct nc_sse *s) { return s->retry_ms; }

void nc_sse_fini(struct nc_sse *s)
{
    nc_buf_fini(&s->line);
    nc_buf_fini(&s->data);
    nc_buf_fini(&s->event);
    nc_buf_fini(&s->id);
}
