#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/httpd_in.h"
#include "wire/http_accept.h"
#include "wire/http_body.h"

/* Longer ones would hold up the loop; they should be stored compressed. */
#define GZIP_MAX (64u << 10)
#define HEADERS_MAX 32
/* Of one chunk. */
#define BLOBS_AT_ONCE 62

/* The head of an answer, in the httpd's buffer until the next one. */
static struct nc_str write_head(struct nc_req_own *o, const struct nc_answer *a,
                                enum nc_http_framing framing, uint64_t length)
{
    struct nc_httpd *h = o->httpd;
    struct nc_http_header headers[HEADERS_MAX];
    unsigned n = 0;

    assert(a->n_headers <= HEADERS_MAX - 1);
    if (h->opts.server)
        headers[n++] = (struct nc_http_header){NC_STR("Server"), nc_str(h->opts.server)};
    for (unsigned i = 0; i < a->n_headers; i++)
        headers[n++] = a->headers[i];
    nc_buf_clear(&h->out);
    nc_http_write(&h->out, &(struct nc_http_response){
                               .status = a->status,
                               .minor = o->r.head->minor,
                               .framing = framing,
                               .length = length,
                               .keep_alive = o->keep_alive,
                               .type = framing == NC_HTTP_BODILESS ? NC_STR("") : a->type,
                               .date = nc_http_date(&h->date, nc_wall_ms()),
                               .headers = headers,
                               .n_headers = n,
                           });
    return nc_buf_str(&h->out);
}

/* Whether the connection can carry another request after this one. */
static void decide_keep_alive(struct nc_req_own *o, const struct nc_answer *a)
{
    /* A body that is not read stands where the next head should. */
    if (a->close || o->httpd->draining || o->body_left > 0)
        o->keep_alive = false;
}

static bool bodiless(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

/* Other bytes than the ETag was made for: no range of those may be appended to these. */
static void weaken(struct nc_req_own *o, struct nc_http_header *headers, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (nc_str_eqz(headers[i].name, "ETag") && headers[i].value.p[0] == '"')
            headers[i].value =
                nc_str(nc_arena_printf(&o->r.arena, "W/%.*s", NC_FMT(headers[i].value)));
}

/* Compress into the request's arena, if that is asked for and pays. */
static struct nc_answer squeezed(struct nc_req_own *o, const struct nc_answer *a)
{
    struct nc_answer z = *a;
    struct nc_buf out = {0};

    if (!a->gzip || a->blob || !nc_gzip_pays(a->type) || a->n_headers + 3 > HEADERS_MAX)
        return z;
    struct nc_http_header *headers =
        nc_arena_alloc(&o->r.arena, (a->n_headers + 2) * sizeof(*headers));
    for (unsigned i = 0; i < a->n_headers; i++)
        headers[i] = a->headers[i];
    headers[z.n_headers++] =
        (struct nc_http_header){NC_STR("Vary"), NC_STR("Accept-Encoding")};
    z.headers = headers;
    if (a->body.n < NC_GZIP_MIN || a->body.n > GZIP_MAX ||
        o->r.head->method == NC_HTTP_HEAD || !nc_http_wants_gzip(o->r.head))
        return z;
    if (nc_gzip(&out, a->body) == NC_OK) {
        z.body = nc_arena_str(&o->r.arena, nc_buf_str(&out));
        weaken(o, headers, z.n_headers);
        headers[z.n_headers++] =
            (struct nc_http_header){NC_STR("Content-Encoding"), NC_STR("gzip")};
    }
    nc_buf_fini(&out);
    return z;
}

/* Held for bytes that need no holding. */
static struct nc_blob program = {.refs = 1};

void nc_respond(struct nc_req *r, const struct nc_answer *answer)
{
    struct nc_req_own *o = nc_req_own(r);
    struct nc_answer a = squeezed(o, answer);
    struct nc_str body = a.blob ? nc_blob_str(a.blob) : a.body;
    bool none = bodiless(a.status);

    assert(o->state < NC_REQ_STREAM);
    decide_keep_alive(o, &a);
    r->status = a.status;
    struct nc_str head =
        write_head(o, &a, none ? NC_HTTP_BODILESS : NC_HTTP_LENGTH, body.n);
    if (none || r->head->method == NC_HTTP_HEAD)
        body.n = 0;
    r->sent = body.n;
    struct nc_blob *holder = a.lasting ? &program : a.blob;
    struct nc_piece pieces[] = {{head.p, head.n, NULL}, {body.p, body.n, holder}};
    nc_conn_send_pieces(o->peer->c, pieces, body.n ? 2 : 1);
    nc_httpd_ended(o);
}

/* --- problems --- */

static unsigned retry_header(const struct nc_problem *p, char text[16],
                             struct nc_http_header *h)
{
    if (!p->retry_after_s)
        return 0;
    int n = snprintf(text, 16, "%u", p->retry_after_s);
    *h = (struct nc_http_header){NC_STR("Retry-After"), {text, (size_t)n}};
    return 1;
}

void nc_respond_problem(struct nc_req *r, const struct nc_problem *p)
{
    struct nc_buf body = {0};
    struct nc_http_header h;
    char text[16];
    unsigned n = retry_header(p, text, &h);

    nc_problem_http(&body, p);
    nc_respond(r, &(struct nc_answer){.status = nc_problem_status(p->code),
                                      .type = NC_STR("application/problem+json"),
                                      .headers = &h,
                                      .n_headers = n,
                                      .body = nc_buf_str(&body)});
    nc_buf_fini(&body);
}

void nc_respond_problem_code(struct nc_req *r, enum nc_problem_code code, const char *fmt,
                             ...)
{
    struct nc_problem p;
    char detail[sizeof(p.detail)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    nc_problem_set(&p, code, "%s", detail);
    nc_respond_problem(r, &p);
}

void nc_httpd_refuse(struct nc_http_peer *peer, enum nc_problem_code code, const char *why)
{
    struct nc_httpd *h = peer->httpd;
    struct nc_buf body = {0};
    struct nc_problem p;

    nc_log(NC_DEBUG, "http.refused", "conn=%llu code=%s why=%s",
           (unsigned long long)nc_conn_id(peer->c), nc_problem_name(code),
           nc_log_q(nc_str(why)));
    nc_problem_set(&p, code, "%s", why ? why : "");
    nc_problem_http(&body, &p);
    nc_buf_clear(&h->out);
    nc_http_write(&h->out, &(struct nc_http_response){
                               .status = nc_problem_status(code),
                               .minor = 1,
                               .framing = NC_HTTP_LENGTH,
                               .length = body.n,
                               .type = NC_STR("application/problem+json"),
                               .date = nc_http_date(&h->date, nc_wall_ms()),
                           });
    struct nc_str v[] = {nc_buf_str(&h->out), nc_buf_str(&body)};
    nc_conn_send(peer->c, v, 2);
    nc_buf_fini(&body);
    nc_conn_close(peer->c, "refused");
}

/* --- answers in pieces --- */

void nc_stream_begin(struct nc_req *r, const struct nc_answer *a)
{
    struct nc_req_own *o = nc_req_own(r);

    assert(o->state < NC_REQ_STREAM);
    decide_keep_alive(o, a);
    o->chunked = r->head->minor >= 1;
    if (!o->chunked)
        o->keep_alive = false; /* its end is the connection's */
    r->status = a->status;
    struct nc_str head =
        write_head(o, a, o->chunked ? NC_HTTP_CHUNKED : NC_HTTP_UNTIL_CLOSE, 0);
    o->state = NC_REQ_STREAM;
    nc_conn_send(o->peer->c, &head, 1);
}

static enum nc_err admit(const struct nc_req_own *o, size_t total)
{
    assert(o->state == NC_REQ_STREAM || o->state == NC_REQ_DONE);
    if (!o->peer || !nc_conn_is_open(o->peer->c))
        return NC_ECLOSED;
    size_t queued = nc_conn_queued(o->peer->c);
    return queued > 0 && queued + total > o->stream_max ? NC_ELIMIT : NC_OK;
}

/* v[0] and v[n - 1] are kept free for the chunk's frame. */
/* "1f\r\n" at the end of `size`; returns where it begins. */
static char *chunk_size(char size[static 20], size_t n)
{
    char *p = size + 18;

    memcpy(p, "\r\n", 2);
    do
        *--p = "0123456789abcdef"[n & 15];
    while (n >>= 4);
    return p;
}

static void send_chunk(struct nc_req_own *o, struct nc_piece *v, unsigned n, size_t total)
{
    char size[20];

    if (total == 0 || o->r.head->method == NC_HTTP_HEAD)
        return; /* an empty chunk would be the last */
    o->r.sent += total;
    if (!o->chunked) {
        nc_conn_send_pieces(o->peer->c, v + 1, n - 2);
        return;
    }
    char *from = chunk_size(size, total);
    v[0] = (struct nc_piece){from, (size_t)(size + sizeof(size) - from), NULL};
    v[n - 1] = (struct nc_piece){"\r\n", 2, NULL};
    nc_conn_send_pieces(o->peer->c, v, n);
}

enum nc_err nc_stream_write(struct nc_req *r, struct nc_str piece)
{
    struct nc_piece v[3] = {[1] = {piece.p, piece.n, NULL}};
    enum nc_err e = admit(nc_req_own(r), piece.n);

    if (e == NC_OK)
        send_chunk(nc_req_own(r), v, 3, piece.n);
    return e;
}

enum nc_err nc_stream_blobs(struct nc_req *r, struct nc_blob *const *blobs, unsigned n)
{
    struct nc_piece v[BLOBS_AT_ONCE + 2];
    struct nc_req_own *o = nc_req_own(r);
    size_t total = 0;

    for (unsigned i = 0; i < n; i++)
        total += blobs[i]->n;
    enum nc_err e = admit(o, total);
    if (e != NC_OK)
        return e;
    for (unsigned at = 0; at < n; at += BLOBS_AT_ONCE) {
        unsigned k = n - at < BLOBS_AT_ONCE ? n - at : BLOBS_AT_ONCE;
        total = 0;
        for (unsigned i = 0; i < k; i++) {
            struct nc_blob *b = blobs[at + i];
            v[i + 1] = (struct nc_piece){b->p, b->n, b};
            total += b->n;
        }
        send_chunk(o, v, k + 2, total);
    }
    return NC_OK;
}

size_t nc_stream_queued(const struct nc_req *r)
{
    const struct nc_req_own *o =
        (const void *)((const char *)r - offsetof(struct nc_req_own, r));

    return o->peer ? nc_conn_queued(o->peer->c) : 0;
}

void nc_stream_limit(struct nc_req *r, uint32_t queue_max, uint32_t queue_low)
{
    struct nc_req_own *o = nc_req_own(r);

    o->stream_max = queue_max;
    if (o->peer)
        nc_conn_limit(o->peer->c, 1u << 30, queue_low);
}

void nc_stream_end(struct nc_req *r)
{
    struct nc_req_own *o = nc_req_own(r);
    struct nc_str last = NC_STR("0\r\n\r\n");

    assert(o->state == NC_REQ_STREAM);
    if (o->chunked && r->head->method != NC_HTTP_HEAD)
        nc_conn_send(o->peer->c, &last, 1);
    nc_httpd_ended(o);
}

void nc_stream_abort(struct nc_req *r, const char *why)
{
    struct nc_req_own *o = nc_req_own(r);

    assert(o->state == NC_REQ_STREAM);
    nc_conn_abort(o->peer->c, why); /* and end() with what follows from it */
}
