#include "net/httpd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/httpd_in.h"

/* Above this the next request of a pipeline waits until answers have left. */
#define ANSWERS_MAX NC_CONN_QUEUE_LOW
/* Answers exist in memory already; streams have a limit of their own. */
#define NO_QUEUE_LIMIT (1u << 30)

static const struct nc_conn_ops conn_ops;

static void tell_ends(struct nc_httpd *h);

/* --- a connection --- */

static void wait_for(struct nc_http_peer *p, uint32_t ms)
{
    nc_loop_deadline(p->httpd->loop, &p->deadline, ms);
}

static void on_deadline(struct nc_deadline *d)
{
    struct nc_http_peer *p = nc_of(d, struct nc_http_peer, deadline);

    if (!p->c || !nc_conn_is_open(p->c))
        return;
    if (!p->req && !p->in_head)
        nc_conn_close(p->c, "idle");
    else if (!p->req)
        nc_httpd_refuse(p, NC_P_TIMEOUT, "The request's head did not come in time.");
    else if (p->req->state == NC_REQ_BODY)
        nc_respond_problem_code(&p->req->r, NC_P_TIMEOUT,
                                "The request's body did not come in time.");
    /* else it is being served: that may last */
}

void nc_httpd_accept(struct nc_httpd *h, int fd, const struct nc_addr *addr,
                     struct nc_tls *tls, struct nc_listeners *ls, void *tag)
{
    struct nc_http_peer *p = nc_alloc(sizeof(*p));

    p->httpd = h;
    p->tag = tag;
    p->deadline.fire = on_deadline;
    p->c = nc_conn_new(h->loop, fd, addr, tls, ls, &conn_ops, p);
    nc_conn_limit(p->c, NO_QUEUE_LIMIT, NC_CONN_QUEUE_LOW);
    nc_conn_write_timeout(p->c, h->opts.write_ms);
    nc_list_add(&h->peers, &p->node);
    h->open++;
    wait_for(p, tls ? h->opts.head_ms * 2 : h->opts.head_ms); /* a handshake comes first */
}

static void forget_peer(struct nc_http_peer *p)
{
    struct nc_httpd *h = p->httpd;

    p->httpd = NULL;
    if (!h)
        return;
    nc_loop_deadline(h->loop, &p->deadline, 0);
    nc_list_del(&p->node);
    if (--h->open == 0 && h->draining)
        nc_loop_defer(h->loop, &h->end_task);
}

/* --- a request begins --- */

static struct nc_str moved(struct nc_str s, const char *from, size_t n, const char *to)
{
    /* Views into the input move with it; others ("" and the like) stay. */
    if (s.p && s.p >= from && s.p <= from + n)
        s.p = to + (s.p - from);
    return s;
}

/* The head outlives the buffer it was read from: copy it, with as many headers as
 * there are. */
static const struct nc_http_head *keep_head(struct nc_arena *arena,
                                            const struct nc_http_head *h, const char *from)
{
    size_t size =
        offsetof(struct nc_http_head, headers) + h->n_headers * sizeof(h->headers[0]);
    struct nc_http_head *k = nc_arena_alloc(arena, size);
    const char *to = nc_arena_str(arena, (struct nc_str){from, h->size}).p;

    memcpy(k, h, size);
    k->method_text = moved(h->method_text, from, h->size, to);
    k->target = moved(h->target, from, h->size, to);
    k->path = moved(h->path, from, h->size, to);
    k->query = moved(h->query, from, h->size, to);
    k->host = moved(h->host, from, h->size, to);
    for (unsigned i = 0; i < h->n_headers; i++) {
        k->headers[i].name = moved(h->headers[i].name, from, h->size, to);
        k->headers[i].value = moved(h->headers[i].value, from, h->size, to);
    }
    return k;
}

/* All lines of X-Forwarded-For as one list. */
static struct nc_str forwarded_for(struct nc_req *r)
{
    unsigned at = 0;
    const struct nc_http_header *line = nc_http_each(r->head, "x-forwarded-for", &at),
                                *more;
    struct nc_str all = line ? line->value : (struct nc_str){0};

    while ((more = nc_http_each(r->head, "x-forwarded-for", &at)))
        all = nc_str(
            nc_arena_printf(&r->arena, "%.*s,%.*s", NC_FMT(all), NC_FMT(more->value)));
    return all;
}

static void name_client(struct nc_http_peer *p, struct nc_req *r)
{
    const struct nc_nets *trusted = p->httpd->opts.trusted;

    r->peer = *nc_conn_peer(p->c);
    r->secure = nc_conn_is_tls(p->c);
    if (!trusted || !nc_nets_have(trusted, &r->peer))
        return;
    if (nc_str_ieq(nc_http_get(r->head, "x-forwarded-proto"), NC_STR("https")))
        r->secure = true;
    r->peer = nc_addr_forwarded(&r->peer, forwarded_for(r), trusted);
}

static void begin(struct nc_http_peer *p, const struct nc_http_head *head, const char *from)
{
    struct nc_httpd *h = p->httpd;
    struct nc_req_own *o = nc_alloc(sizeof(*o));

    o->httpd = h;
    o->peer = p;
    o->keep_alive = head->keep_alive && ++p->served < h->opts.requests_max;
    o->body_left = head->has_length ? head->content_length : 0;
    o->stream_max = NC_CONN_QUEUE_MAX;
    o->r.head = keep_head(&o->r.arena, head, from);
    o->r.id = ++h->last_id;
    o->r.started_ns = nc_mono_ns();
    o->r.tag = p->tag;
    name_client(p, &o->r);
    p->req = o;
    p->in_head = false;
    h->ops->head(h->arg, &o->r);
    assert((o->state != NC_REQ_HEAD || p->req != o) && "head() must accept or answer");
}

void nc_req_accept(struct nc_req *r, size_t body_max)
{
    struct nc_req_own *o = nc_req_own(r);

    assert(o->state == NC_REQ_HEAD);
    if (o->body_left > body_max) {
        nc_respond_problem_code(r, NC_P_TOO_LARGE, "The body may have %zu bytes.",
                                body_max);
        return;
    }
    o->state = o->body_left ? NC_REQ_BODY : NC_REQ_SERVE;
    o->body_max = body_max;
    if (o->state == NC_REQ_BODY) {
        struct nc_str go_on = NC_HTTP_CONTINUE;
        o->body_ends_at = nc_loop_now_ms(o->httpd->loop) + o->httpd->opts.body_ms;
        wait_for(o->peer, o->httpd->opts.body_idle_ms);
        if (r->head->expect_continue)
            nc_conn_send(o->peer->c, &go_on, 1);
    }
}

void nc_req_needs_reader(struct nc_req *r) { nc_req_own(r)->needs_reader = true; }

void nc_req_forget_body(struct nc_req *r)
{
    r->body = NC_STR("");
    nc_buf_fini(&nc_req_own(r)->body);
}

static void serve(struct nc_req_own *o)
{
    o->state = NC_REQ_SERVE;
    if (o->body.n) {
        nc_buf_addc(&o->body, 0);
        o->r.body = (struct nc_str){o->body.p, o->body.n - 1};
    } else {
        o->r.body = NC_STR("");
    }
    o->httpd->ops->request(o->httpd->arg, &o->r);
}

static size_t take_body(struct nc_http_peer *p, const char *bytes, size_t n)
{
    struct nc_req_own *o = p->req;
    uint64_t now = nc_loop_now_ms(p->httpd->loop);
    uint32_t ms = p->httpd->opts.body_idle_ms;

    if (n > o->body_left)
        n = o->body_left;
    nc_buf_add(&o->body, bytes, n);
    o->body_left -= n;
    if (o->body_left == 0) {
        serve(o);
        return n;
    }
    if (now >= o->body_ends_at)
        ms = 1;
    else if (o->body_ends_at - now < ms)
        ms = (uint32_t)(o->body_ends_at - now);
    wait_for(p, ms);
    return n;
}

/* Read a head off the front.  0: not whole yet, or refused. */
static size_t take_head(struct nc_http_peer *p, const char *bytes, size_t n)
{
    static _Thread_local struct nc_http_head head;
    struct nc_httpd *h = p->httpd;

    switch (nc_http_head(&head, &p->scan, (struct nc_str){bytes, n}, h->opts.head_max)) {
    case NC_OK: break;
    case NC_AGAIN:
        if (!p->in_head)
            wait_for(p, h->opts.head_ms);
        p->in_head = true;
        return 0;
    case NC_ELIMIT:
        nc_httpd_refuse(p, NC_P_HEAD_TOO_LARGE, "The request's head is too large.");
        return 0;
    default: nc_httpd_refuse(p, head.problem, head.why); return 0;
    }
    p->scan = (struct nc_http_scan){0};
    begin(p, &head, bytes);
    if (p->req && p->req->state == NC_REQ_SERVE)
        serve(p->req);
    return head.size;
}

static size_t on_data(void *owner, char *bytes, size_t n)
{
    struct nc_http_peer *p = owner;
    struct nc_httpd *h = p->httpd;
    size_t used = 0;

    p->in_data = true;
    while (used < n && p->c && p->httpd && nc_conn_is_open(p->c)) {
        size_t step = 0;
        if (p->req && p->req->state == NC_REQ_BODY) {
            step = take_body(p, bytes + used, n - used);
        } else if (!p->req) {
            p->stalled = nc_conn_queued(p->c) > ANSWERS_MAX;
            if (!p->stalled)
                step = take_head(p, bytes + used, n - used);
        } /* else one is being served: the rest is read ahead and stays */
        if (step == 0)
            break;
        used += step;
        /* Now, not at the turn's end: a pipeline of small requests must not be in
         * memory all at once.  No handler is running here. */
        tell_ends(h);
    }
    p->in_data = false;
    if (!p->c)
        free(p); /* upgraded meanwhile */
    return used;
}

static void on_drained(void *owner)
{
    struct nc_http_peer *p = owner;
    struct nc_httpd *h = p->httpd;

    if (p->stalled)
        nc_conn_resume(p->c);
    if (h && h->ops->drained && p->req && p->req->state == NC_REQ_STREAM)
        h->ops->drained(h->arg, &p->req->r);
}

/* --- a request ends --- */

static void free_req(struct nc_req_own *o)
{
    nc_buf_fini(&o->body);
    nc_arena_fini(&o->r.arena);
    free(o);
}

static void tell_end(struct nc_req_own *o, bool complete)
{
    o->peer = NULL;
    o->httpd->ops->end(o->httpd->arg, &o->r, complete);
    free_req(o);
}

void nc_httpd_ended(struct nc_req_own *o)
{
    struct nc_http_peer *p = o->peer;
    struct nc_httpd *h = o->httpd;

    o->state = NC_REQ_DONE;
    o->complete = !p->c || nc_conn_is_open(p->c); /* upgraded, or still there to take it */
    o->peer = NULL;
    p->req = NULL;
    nc_list_add(&h->ended, &o->node);
    nc_loop_defer(h->loop, &h->end_task);
    if (!p->c)
        return;
    if (!o->keep_alive) {
        nc_conn_close(p->c, "answered");
        return;
    }
    wait_for(p, h->opts.idle_ms);
    if (!p->in_data)
        nc_conn_resume(p->c); /* what was read ahead */
}

static void tell_ends(struct nc_httpd *h)
{
    struct nc_list *n;

    while ((n = nc_list_pop(&h->ended))) {
        struct nc_req_own *o = nc_of(n, struct nc_req_own, node);
        tell_end(o, o->complete);
    }
}

static void on_end_task(struct nc_task *t)
{
    struct nc_httpd *h = nc_of(t, struct nc_httpd, end_task);

    tell_ends(h);
    if (h->draining && h->open == 0 && h->drained) {
        void (*drained)(void *arg) = h->drained;
        h->drained = NULL;
        drained(h->drained_arg); /* may free h */
    }
}

static void on_gone(void *owner, const char *why)
{
    struct nc_http_peer *p = owner;
    struct nc_req_own *o = p->req;

    (void)why;
    p->c = NULL;
    p->req = NULL;
    if (o)
        tell_end(o, false);
    forget_peer(p);
    free(p);
}

/* "printf … | nc": the request is whole and its sender has nothing to add.  A stream
 * has nobody left who could end it, so there it means that the peer has gone. */
static bool on_half(void *owner)
{
    struct nc_http_peer *p = owner;

    if (p->req && (p->req->state == NC_REQ_STREAM || p->req->needs_reader))
        return false;
    if (p->req && p->req->state == NC_REQ_SERVE)
        p->req->keep_alive = false;
    else
        nc_conn_close(p->c, "peer closed");
    return true;
}

static const struct nc_conn_ops conn_ops = {
    .data = on_data, .drained = on_drained, .half = on_half, .gone = on_gone};

struct nc_conn *nc_req_upgrade(struct nc_req *r, struct nc_str head101)
{
    struct nc_req_own *o = nc_req_own(r);
    struct nc_http_peer *p = o->peer;
    struct nc_conn *c = p->c;

    assert(o->state == NC_REQ_HEAD || o->state == NC_REQ_SERVE);
    r->status = 101;
    nc_conn_send(c, &head101, 1);
    nc_conn_limit(c, NC_CONN_QUEUE_MAX, NC_CONN_QUEUE_LOW);
    p->c = NULL;
    nc_httpd_ended(o);
    forget_peer(p);
    if (!p->in_data)
        free(p);
    return c;
}

/* --- the whole --- */

static uint32_t or (uint32_t v, uint32_t otherwise) { return v ? v : otherwise; }

struct nc_httpd *nc_httpd_new(struct nc_loop *l, const struct nc_httpd_opts *o,
                              const struct nc_httpd_ops *ops, void *arg)
{
    struct nc_httpd *h = nc_alloc(sizeof(*h));

    h->loop = l;
    h->opts = *o;
    h->opts.head_max = or (o->head_max, 16384);
    h->opts.head_ms = or (o->head_ms, 10000);
    h->opts.body_idle_ms = or (o->body_idle_ms, 15000);
    h->opts.body_ms = or (o->body_ms, 600000);
    h->opts.idle_ms = or (o->idle_ms, 75000);
    h->opts.write_ms = or (o->write_ms, 30000);
    h->opts.requests_max = or (o->requests_max, 10000);
    h->ops = ops;
    h->arg = arg;
    h->end_task.run = on_end_task;
    nc_list_init(&h->peers);
    nc_list_init(&h->ended);
    return h;
}

void nc_httpd_drain(struct nc_httpd *h, void (*done)(void *arg), void *arg)
{
    h->draining = true;
    h->drained = done;
    h->drained_arg = arg;
    nc_list_each(n, &h->peers) {
        struct nc_http_peer *p = nc_of(n, struct nc_http_peer, node);
        if (!p->req)
            nc_conn_close(p->c, "shutting down");
    }
    if (h->open == 0)
        nc_loop_defer(h->loop, &h->end_task);
}

unsigned nc_httpd_open(const struct nc_httpd *h) { return h->open; }

void nc_httpd_free(struct nc_httpd *h)
{
    struct nc_list *n;

    if (!h)
        return;
    h->draining = false;
    while ((n = nc_list_pop(&h->peers))) {
        struct nc_http_peer *p = nc_of(n, struct nc_http_peer, node);
        struct nc_req_own *o = p->req;
        p->req = NULL;
        if (o)
            tell_end(o, false);
        nc_conn_abort(p->c, "shutting down");
        forget_peer(p); /* its conn is freed at the end of the turn, and p with it */
    }
    tell_ends(h);
    nc_loop_undefer(h->loop, &h->end_task);
    nc_buf_fini(&h->out);
    free(h);
}
