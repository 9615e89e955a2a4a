#include "wire/http_gate.h"

#include <string.h>

enum { CTL = 1, TOKEN = 2, GRAPH = 4 };

/* RFC 9110 5.6.2 for TOKEN; GRAPH is visible ASCII; CTL may stand nowhere. */
static const uint8_t kind[256] = {
    [0 ... 8] = CTL,       [10 ... 31] = CTL,
    [127] = CTL,           ['!'] = GRAPH | TOKEN,
    ['"'] = GRAPH,         ['#' ... '\''] = GRAPH | TOKEN,
    ['(' ... ')'] = GRAPH, ['*' ... '+'] = GRAPH | TOKEN,
    [','] = GRAPH,         ['-' ... '.'] = GRAPH | TOKEN,
    ['/'] = GRAPH,         ['0' ... '9'] = GRAPH | TOKEN,
    [':' ... '@'] = GRAPH, ['A' ... 'Z'] = GRAPH | TOKEN,
    ['[' ... ']'] = GRAPH, ['^' ... 'z'] = GRAPH | TOKEN,
    ['{'] = GRAPH,         ['|'] = GRAPH | TOKEN,
    ['}'] = GRAPH,         ['~'] = GRAPH | TOKEN,
};

static enum nc_err refuse(struct nc_http_head *out, enum nc_problem_code code,
                          const char *why)
{
    out->problem = code;
    out->why = why;
    return code == NC_P_HEAD_TOO_LARGE ? NC_ELIMIT : NC_EINVAL;
}

static bool all(struct nc_str s, uint8_t mask)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(kind[(uint8_t)s.p[i]] & mask))
            return false;
    return s.n > 0;
}

/* The first line ending that is not CRLF, or control character, ends the talk at
 * once: the rest of such a head need not arrive. */
enum nc_err nc_http_gate_scan(struct nc_http_scan *scan, struct nc_str in, size_t limit,
                              size_t *skip, struct nc_http_head *out)
{
    size_t n = in.n < limit ? in.n : limit;
    size_t i = scan->at;

    /* One empty line before the request line is old robustness (RFC 9112 2.2). */
    *skip = n >= 2 && in.p[0] == '\r' && in.p[1] == '\n' ? 2 : 0;
    for (; i < n; i++) {
        uint8_t c = (uint8_t)in.p[i];

        if (!(kind[c] & CTL))
            continue;
        if (c == '\n' && i > 0 && in.p[i - 1] == '\r') {
            if (i >= *skip + 3 && in.p[i - 2] == '\n') {
                out->size = i + 1;
                return NC_OK;
            }
            if (i == 3 && *skip)
                return refuse(out, NC_P_BAD_REQUEST, "empty lines before the request");
        } else if (c == '\r') {
            if (i + 1 < n && in.p[i + 1] != '\n')
                return refuse(out, NC_P_BAD_REQUEST, "CR without LF");
            if (i + 1 == n)
                break; /* look at it again with its successor */
        } else {
            return refuse(out, NC_P_BAD_REQUEST,
                          c == '\n' ? "LF without CR" : "control character in the head");
        }
    }
    scan->at = i;
    if (in.n >= limit)
        return refuse(out, NC_P_HEAD_TOO_LARGE, "the head is too long");
    return NC_AGAIN;
}

static enum nc_err version(struct nc_str v, struct nc_http_head *out)
{
    if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' || v.p[5] < '0' ||
        v.p[5] > '9' || v.p[7] < '0' || v.p[7] > '9')
        return refuse(out, NC_P_BAD_REQUEST, "malformed request line");
    if (v.p[5] != '1' || v.p[7] > '1')
        return refuse(out, NC_P_BAD_VERSION, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    out->minor = (unsigned)(v.p[7] - '0');
    return NC_OK;
}

enum nc_err nc_http_gate_line(struct nc_str line, struct nc_http_head *out)
{
    out->method_text = nc_str_cut(&line, ' ');
    out->target = nc_str_cut(&line, ' ');
    if (!all(out->method_text, TOKEN) || !all(out->target, GRAPH))
        return refuse(out, NC_P_BAD_REQUEST, "malformed request line");
    if (memchr(out->target.p, '#', out->target.n))
        return refuse(out, NC_P_BAD_REQUEST, "the target has a fragment");
    enum nc_err e = version(line, out);
    if (e != NC_OK)
        return e;
    if (nc_str_eqz(out->method_text, "CONNECT"))
        return refuse(out, NC_P_NOT_IMPLEMENTED, "this is no proxy");
    return NC_OK;
}

/* Every line is name ":" value, the name a token that touches the colon: no space
 * before it, no folded line, no line that begins with a blank. */
enum nc_err nc_http_gate_fields(struct nc_str lines, bool request, struct nc_http_head *out)
{
    bool coded = false;

    while (lines.n) {
        struct nc_str line = nc_str_cut(&lines, '\n');

        if (line.p[0] == ' ' || line.p[0] == '\t')
            return refuse(out, NC_P_BAD_REQUEST, "a header line begins with a blank");
        if (!memchr(line.p, ':', line.n))
            return refuse(out, NC_P_BAD_REQUEST, "a header line without colon");

        struct nc_str name = nc_str_cut(&line, ':');
        if (!all(name, TOKEN))
            return refuse(out, NC_P_BAD_REQUEST, "malformed header name");
        coded |= nc_str_ieq(name, NC_STR("transfer-encoding"));
    }
    /* Whatever the coding: parsers disagree over too many of them. */
    if (coded && request)
        return refuse(out, NC_P_NOT_IMPLEMENTED,
                      "no Transfer-Encoding: send a Content-Length");
    return NC_OK;
}

/* uri-host [":" port]: letters enough to be one, and nothing that ends an authority. */
static bool authority(struct nc_str s)
{
    if (!all(s, GRAPH) || s.p[0] == ':')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (strchr("/?@\\\",<>{}|^`", s.p[i]))
            return false;
    return true;
}

static enum nc_err host(struct nc_http_head *out)
{
    unsigned at = 0;
    const struct nc_http_header *h = nc_http_each(out, "host", &at);

    if (!h && out->minor == 0)
        return NC_OK; /* HTTP/1.0 knew no Host */
    if (!h)
        return refuse(out, NC_P_BAD_REQUEST, "Host is missing");
    if (nc_http_each(out, "host", &at))
        return refuse(out, NC_P_BAD_REQUEST, "Host is given twice");
    if (!authority(h->value))
        return refuse(out, NC_P_BAD_REQUEST, "malformed Host");
    out->host = h->value;
    return NC_OK;
}

static enum nc_err lengths(struct nc_http_head *out)
{
    unsigned at = 0;
    const struct nc_http_header *h = nc_http_each(out, "content-length", &at);

    /* Even an equal second one: somebody on the way added it. */
    if (h && nc_http_each(out, "content-length", &at))
        return refuse(out, NC_P_BAD_REQUEST, "Content-Length is given twice");
    if (h && nc_str_u64(h->value, INT64_MAX, &out->content_length) != NC_OK)
        return refuse(out, NC_P_BAD_REQUEST, "malformed Content-Length");
    out->has_length = h != NULL;
    return NC_OK;
}

static enum nc_err expect(struct nc_http_head *out)
{
    struct nc_str v = nc_http_get(out, "expect");

    if (!v.p || out->minor == 0)
        return NC_OK;
    if (!nc_str_ieq(v, NC_STR("100-continue")))
        return refuse(out, NC_P_EXPECTATION_FAILED, "only Expect: 100-continue is known");
    out->expect_continue = true;
    return NC_OK;
}

/* Origin, absolute or asterisk form (RFC 9112 3.2). */
static enum nc_err target(struct nc_http_head *out)
{
    struct nc_str t = out->target;

    if (nc_str_eqz(t, "*") && out->method == NC_HTTP_OPTIONS) {
        out->path = t;
        return NC_OK;
    }
    if (t.p[0] != '/') {
        size_t scheme =
            t.n >= 7 && nc_str_ieq((struct nc_str){t.p, 7}, NC_STR("http://"))    ? 7
            : t.n >= 8 && nc_str_ieq((struct nc_str){t.p, 8}, NC_STR("https://")) ? 8
                                                                                  : 0;
        struct nc_str rest = {t.p + scheme, t.n - scheme};
        size_t n = 0;

        while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
            n++;
        if (!scheme || !authority((struct nc_str){rest.p, n}))
            return refuse(out, NC_P_BAD_REQUEST, "malformed request target");
        out->host = (struct nc_str){rest.p, n};
        t = (struct nc_str){rest.p + n, rest.n - n};
    }
    out->path = t.n && t.p[0] == '?' ? (struct nc_str){NULL, 0} : nc_str_cut(&t, '?');
    if (out->path.n == 0) {
        out->path = NC_STR("/");
        if (t.n)
            t = (struct nc_str){t.p + 1, t.n - 1};
    }
    out->query = t;
    return NC_OK;
}

enum nc_err nc_http_gate_request(struct nc_http_head *out)
{
    enum nc_err e = host(out);

    if (e == NC_OK)
        e = lengths(out);
    if (e == NC_OK)
        e = expect(out);
    if (e == NC_OK)
        e = target(out);
    return e;
}
