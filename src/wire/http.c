#include "wire/http.h"

#include <llhttp.h>
#include <string.h>

#include "wire/http_gate.h"

static const char *const method_text[] = {
    [NC_HTTP_OTHER] = "",        [NC_HTTP_GET] = "GET",         [NC_HTTP_HEAD] = "HEAD",
    [NC_HTTP_POST] = "POST",     [NC_HTTP_PUT] = "PUT",         [NC_HTTP_PATCH] = "PATCH",
    [NC_HTTP_DELETE] = "DELETE", [NC_HTTP_OPTIONS] = "OPTIONS",
};

static enum nc_http_method method_of(struct nc_str text)
{
    for (unsigned i = NC_HTTP_GET; i < NC_COUNT(method_text); i++)
        if (nc_str_eqz(text, method_text[i]))
            return (enum nc_http_method)i;
    return NC_HTTP_OTHER;
}

/* llhttp's side: it splits the bytes, we note where. */
struct parse {
    llhttp_t ll;
    struct nc_http_head *out;
    bool in_value, done, many;
};

static int on_field(llhttp_t *ll, const char *p, size_t n)
{
    struct parse *ps = nc_of(ll, struct parse, ll);
    struct nc_http_head *h = ps->out;

    if (ps->in_value || h->n_headers == 0) {
        if (h->n_headers == NC_HTTP_HEADERS_MAX) {
            ps->many = true;
            return HPE_USER;
        }
        ps->in_value = false;
        h->headers[h->n_headers++] = (struct nc_http_header){.name = {p, 0}};
    }
    h->headers[h->n_headers - 1].name.n += n;
    return 0;
}

static int on_value(llhttp_t *ll, const char *p, size_t n)
{
    struct parse *ps = nc_of(ll, struct parse, ll);
    struct nc_str *v = &ps->out->headers[ps->out->n_headers - 1].value;

    if (!ps->in_value)
        *v = (struct nc_str){p, 0};
    ps->in_value = true;
    v->n = (size_t)(p - v->p) + n;
    return 0;
}

static int on_complete(llhttp_t *ll)
{
    nc_of(ll, struct parse, ll)->done = true;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_complete,
};

/* llhttp reads the whole head, no byte more. */
static enum nc_err read_head(struct parse *ps, llhttp_type_t type, struct nc_str head)
{
    struct nc_http_head *out = ps->out;

    llhttp_init(&ps->ll, type, &settings);
    llhttp_errno_t err = llhttp_execute(&ps->ll, head.p, head.n);
    if (ps->many) {
        out->problem = NC_P_HEAD_TOO_LARGE;
        out->why = "too many headers";
        return NC_ELIMIT;
    }
    if ((err != HPE_OK && err != HPE_PAUSED_UPGRADE) || !ps->done) {
        bool method = err == HPE_INVALID_METHOD;

        out->problem = method ? NC_P_NOT_IMPLEMENTED : NC_P_BAD_REQUEST;
        out->why = method ? "unknown method" : "malformed head";
        return NC_EINVAL;
    }
    for (unsigned i = 0; i < out->n_headers; i++)
        out->headers[i].value = nc_str_trim(out->headers[i].value);
    return NC_OK;
}

/* Both kinds of head: find it, check its lines, let llhttp read it.  *line is the
 * first one. */
static enum nc_err find_head(struct nc_http_head *out, struct nc_http_scan *scan,
                             struct nc_str in, size_t limit, struct nc_str *head,
                             struct nc_str *line, bool request)
{
    size_t skip;
    enum nc_err e;

    /* Not the headers: clearing them would cost more than parsing. */
    memset(out, 0, offsetof(struct nc_http_head, headers));
    out->problem = NC_P_NONE;
    out->why = "";
    e = nc_http_gate_scan(scan, in, limit, &skip, out);
    if (e != NC_OK)
        return e;
    *head = (struct nc_str){in.p + skip, out->size - skip};

    struct nc_str lines = {head->p, head->n - 2}; /* without the empty line */
    *line = nc_str_cut(&lines, '\n');
    line->n--;
    return nc_http_gate_fields(lines, request, out);
}

static void read_connection(struct nc_http_head *out)
{
    out->keep_alive = out->minor ? !nc_http_has_token(out, "connection", "close")
                                 : nc_http_has_token(out, "connection", "keep-alive") &&
                                       !nc_http_has_token(out, "connection", "close");
    out->upgrade_ws = out->minor && nc_http_has_token(out, "upgrade", "websocket") &&
                      nc_http_has_token(out, "connection", "upgrade");
}

enum nc_err nc_http_head(struct nc_http_head *out, struct nc_http_scan *scan,
                         struct nc_str in, size_t limit)
{
    struct parse ps = {.out = out};
    struct nc_str head, line;
    enum nc_err e = find_head(out, scan, in, limit, &head, &line, true);

    if (e != NC_OK)
        return e;
    e = nc_http_gate_line(line, out);
    if (e != NC_OK)
        return e;
    e = read_head(&ps, HTTP_REQUEST, head);
    if (e != NC_OK)
        return e;
    out->method = method_of(out->method_text);
    read_connection(out);
    return nc_http_gate_request(out);
}

enum nc_err nc_http_reply(struct nc_http_reply *out, struct nc_http_scan *scan,
                          struct nc_str in, size_t limit)
{
    struct parse ps = {.out = &out->head};
    struct nc_str head, line;
    enum nc_err e = find_head(&out->head, scan, in, limit, &head, &line, false);

    if (e != NC_OK)
        return e;
    e = read_head(&ps, HTTP_RESPONSE, head);
    if (e != NC_OK)
        return e;
    out->size = out->head.size;
    out->status = ps.ll.status_code;
    out->minor = ps.ll.http_minor;
    if (out->status < 100 || ps.ll.http_major != 1 || out->minor > 1) {
        out->head.problem = NC_P_BAD_REQUEST;
        out->head.why = "malformed status line";
        return NC_EINVAL;
    }
    out->head.minor = out->minor;
    read_connection(&out->head);
    return NC_OK;
}

const struct nc_http_header *nc_http_each(const struct nc_http_head *h, const char *name,
                                          unsigned *at)
{
    struct nc_str want = nc_str(name);

    while (*at < h->n_headers) {
        const struct nc_http_header *it = &h->headers[(*at)++];

        if (it->name.n == want.n && nc_str_ieq(it->name, want))
            return it;
    }
    return NULL;
}

struct nc_str nc_http_get(const struct nc_http_head *h, const char *name)
{
    unsigned at = 0;
    const struct nc_http_header *it = nc_http_each(h, name, &at);

    return it ? it->value : (struct nc_str){NULL, 0};
}

bool nc_http_has_token(const struct nc_http_head *h, const char *name, const char *token)
{
    const struct nc_http_header *it;

    for (unsigned at = 0; (it = nc_http_each(h, name, &at));) {
        struct nc_str rest = it->value;

        while (rest.n)
            if (nc_str_ieq(nc_str_trim(nc_str_cut(&rest, ',')), nc_str(token)))
                return true;
    }
    return false;
}

struct nc_str nc_http_cookie(const struct nc_http_head *h, const char *name)
{
    const struct nc_http_header *it;

    for (unsigned at = 0; (it = nc_http_each(h, "cookie", &at));) {
        struct nc_str rest = it->value;

        while (rest.n) {
            struct nc_str value = nc_str_trim(nc_str_cut(&rest, ';'));
            bool pair = value.n && memchr(value.p, '=', value.n);

            if (pair && nc_str_eqz(nc_str_cut(&value, '='), name))
                return value.p ? value : NC_STR("");
        }
    }
    return (struct nc_str){NULL, 0};
}
