/* HTTP/1.1 over connections of our own: what asks servers on this machine and network,
 * a thousand streams at once, without a buffer for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/conn.h"
#include "net/http_client_in.h"
#include "wire/http_in.h"

#define HEAD_MAX (64u << 10)
#define IDLE_MAX 1024
#define IDLE_MS 60000

/* A connection to one host, with a call on it or idle. */
struct link {
    struct nc_list node; /* of the client's idle ones */
    struct nc_http_client *client;
    struct nc_http_call *call; /* NULL: idle, or left alone */
    struct nc_conn *conn;
    struct nc_deadline rest;
    bool open, used; /* used: it has answered before */
    char host[];     /* "127.0.0.1:8080", as in the URL */
};

/* A call's part. */
struct nc_plain {
    struct link *link; /* NULL: not begun, or over */
    struct nc_buf request;
    char *host; /* as in link */
    size_t name_n;
    uint16_t port;
    bool head_only; /* asked by HEAD */
    bool keep;      /* the connection may be used again */
    bool heard;     /* of the answer, at least a byte */
    bool in_body;
    unsigned status;
    struct nc_http_scan scan;
    struct nc_http_in in;
    char *head; /* of the answer, NUL-ended */
};

/* ---- the request ---------------------------------------------------------- */

/* host and port of an http URL that is written plainly; what is not is curl's to judge. */
static bool read_url(const char *url, struct nc_str *host, struct nc_str *path,
                     uint16_t *port)
{
    static const char scheme[] = "http://";
    uint64_t n = 80;

    if (strncasecmp(url, scheme, sizeof(scheme) - 1) != 0)
        return false;
    url += sizeof(scheme) - 1;
    for (const char *c = url; *c; c++)
        if (*c <= ' ' || *c >= 0x7F || strchr("@#\\\"<>^`{|}", *c))
            return false;
    size_t name = *url == '[' ? strcspn(url, "]") + 1 : strcspn(url, ":/?");
    size_t all = strcspn(url, "/?");
    if (name == 0 || name > all || name > 255 || memchr(url, '%', all))
        return false;
    if (name < all &&
        (url[name] != ':' ||
         nc_str_u64((struct nc_str){url + name + 1, all - name - 1}, 65535, &n) != NC_OK ||
         n == 0))
        return false;
    *host = (struct nc_str){url, name};
    *path = nc_str(url + all);
    *port = (uint16_t)n;
    return true;
}

static bool named(const char *line, const char *name)
{
    size_t n = strlen(name);

    return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

static void write_request(struct nc_buf *out, const struct nc_http_call_opts *o,
                          const char *host, struct nc_str path)
{
    bool accept = false;

    nc_buf_printf(out, "%s %s%.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: neuralchat/%s\r\n",
                  o->method, path.n && path.p[0] == '/' ? "" : "/", NC_FMT(path), host,
                  NC_VERSION);
    for (const char *const *h = o->headers; h && *h; h++) {
        accept |= named(*h, "accept");
        nc_buf_printf(out, "%s\r\n", *h);
    }
    if (!accept)
        nc_buf_adds(out, NC_STR("Accept: */*\r\n"));
    /* Nothing packed: streams suffer from it. */
    nc_buf_adds(out, NC_STR("Accept-Encoding: identity\r\n"));
    if (o->body.p || strcmp(o->method, "POST") == 0)
        nc_buf_printf(out, "Content-Length: %zu\r\n", o->body.n);
    nc_buf_adds(out, NC_STR("\r\n"));
    nc_buf_adds(out, o->body);
}

bool nc_plain_take(struct nc_http_call *k, const struct nc_http_call_opts *o)
{
    struct nc_str host, path;
    uint16_t port;

    if (o->unix_socket || o->proxy || !read_url(o->url, &host, &path, &port))
        return false;
    for (const char *const *h = o->headers; h && *h; h++)
        if (strpbrk(*h, "\r\n") || named(*h, "host"))
            return false;

    struct nc_plain *p = nc_alloc(sizeof(*p));
    size_t n = host.n + sizeof(":65535");
    p->host = nc_alloc(n);
    p->name_n = host.n;
    p->port = port;
    memcpy(p->host, host.p, host.n);
    if (port != 80)
        snprintf(p->host + host.n, n - host.n, ":%u", port);
    p->head_only = strcmp(o->method, "HEAD") == 0;
    write_request(&p->request, o, p->host, path);
    k->plain = p;
    return true;
}

void nc_plain_free(struct nc_plain *p)
{
    if (!p)
        return;
    nc_buf_fini(&p->request);
    nc_http_in_fini(&p->in);
    free(p->head);
    free(p->host);
    free(p);
}

/* ---- the connection ------------------------------------------------------- */

static const struct nc_conn_ops conn_ops;

static void leave_idle(struct link *l)
{
    if (!nc_list_linked(&l->node))
        return;
    nc_list_del(&l->node);
    l->client->idle_n--;
    nc_loop_deadline(l->client->loop, &l->rest, 0);
}

static void on_rest(struct nc_deadline *d)
{
    struct link *l = nc_of(d, struct link, rest);

    leave_idle(l);
    nc_conn_close(l->conn, "idle");
}

static void become_idle(struct link *l)
{
    struct nc_http_client *c = l->client;

    l->used = true;
    if (c->idle_n == IDLE_MAX)
        on_rest(&nc_of(c->idle.next, struct link, node)->rest);
    nc_list_add(&c->idle, &l->node);
    c->idle_n++;
    nc_loop_deadline(c->loop, &l->rest, IDLE_MS);
}

void nc_plain_close_idle(struct nc_http_client *c)
{
    while (!nc_list_empty(&c->idle)) {
        struct link *l = nc_of(c->idle.next, struct link, node);
        leave_idle(l);
        nc_conn_abort(l->conn, "closed");
    }
}

/* The one that was used last, to the same host; its address is judged anew. */
static struct link *find_idle(struct nc_http_call *k)
{
    struct nc_http_client *c = k->client;

    for (struct nc_list *n = c->idle.prev; n != &c->idle; n = n->prev) {
        struct link *l = nc_of(n, struct link, node);
        if (strcmp(l->host, k->plain->host) == 0 &&
            nc_http_call_may(k, nc_conn_peer(l->conn)))
            return l;
    }
    return NULL;
}

static void send_request(struct nc_http_call *k)
{
    struct nc_plain *p = k->plain;
    struct nc_str v = nc_buf_str(&p->request);

    k->peer = *nc_conn_peer(p->link->conn);
    nc_conn_send(p->link->conn, &v, 1);
    nc_http_call_enter(k, NC_HTTP_WAITING, k->first_byte_ms);
}

static void dial(struct nc_http_call *k)
{
    struct nc_plain *p = k->plain;
    size_t n = strlen(p->host) + 1;
    struct link *l = nc_alloc(sizeof(*l) + n);
    bool v6 = p->host[0] == '[';
    char name[256];

    snprintf(name, sizeof(name), "%.*s", (int)(p->name_n - (v6 ? 2 : 0)), p->host + v6);
    memcpy(l->host, p->host, n);
    l->client = k->client;
    l->call = k;
    l->rest.fire = on_rest;
    p->link = l;
    nc_http_call_enter(k, NC_HTTP_CONNECTING, k->connect_ms);
    l->conn =
        nc_conn_dial(k->client->loop, name, p->port, NULL, k->connect_ms, &conn_ops, l);
}

void nc_plain_begin(struct nc_http_call *k)
{
    struct link *l = find_idle(k);

    if (!l) {
        k->judged_allowed = k->judged_denied = false;
        dial(k);
        return;
    }
    leave_idle(l);
    l->call = k;
    k->plain->link = l;
    send_request(k);
}

void nc_plain_leave(struct nc_http_call *k)
{
    struct nc_plain *p = k->plain;
    struct link *l = p->link;

    if (!l)
        return;
    p->link = NULL;
    l->call = NULL;
    if (k->paused)
        nc_conn_resume(l->conn);
    if (p->keep && p->in.done && nc_conn_is_open(l->conn))
        become_idle(l);
    else
        nc_conn_abort(l->conn, "call over");
}

void nc_plain_pause(struct nc_http_call *k, bool on)
{
    struct link *l = k->plain->link;

    if (!l || !l->open)
        return;
    if (on)
        nc_conn_pause(l->conn);
    else
        nc_conn_resume(l->conn);
}

/* ---- what comes ----------------------------------------------------------- */

static bool on_may(void *owner, const struct nc_addr *a)
{
    struct link *l = owner;

    return l->call && nc_http_call_may(l->call, a);
}

static void on_open(void *owner)
{
    struct link *l = owner;

    l->open = true;
    if (l->call && !l->call->over)
        send_request(l->call);
}

/* The head of the answer, if it is whole; returns the bytes used. */
static size_t take_head(struct nc_http_call *k, struct nc_str in)
{
    struct nc_plain *p = k->plain;
    struct nc_http_reply r;
    enum nc_err e = nc_http_reply(&r, &p->scan, in, HEAD_MAX);

    if (e == NC_AGAIN)
        return 0;
    if (e != NC_OK || r.status == 101) {
        nc_http_call_over(k, NC_EIO, "broken");
        return in.n;
    }
    p->scan = (struct nc_http_scan){0};
    if (r.status < 200)
        return r.size; /* more will come */
    if (nc_http_in_begin(&p->in, &r, p->head_only) != NC_OK) {
        nc_http_call_over(k, NC_EIO, "broken");
        return in.n;
    }
    p->status = r.status;
    p->keep = r.head.keep_alive;
    p->in_body = true;
    p->head = nc_str_dup((struct nc_str){in.p, r.size});
    nc_buf_fini(&p->request); /* it won't be said again */
    nc_http_call_enter(k, NC_HTTP_RECEIVING, k->idle_ms);
    if (k->ops->head)
        k->ops->head(k->arg, p->status);
    return r.size;
}

/* Packed bytes are unpacked to the last, paused or not: they are kept nowhere. */
static bool may_go_on(const struct nc_http_call *k)
{
    return !k->over && (!k->paused || k->plain->in.z);
}

static void take_body(struct nc_http_call *k, struct nc_str *in)
{
    struct nc_plain *p = k->plain;
    struct nc_str piece;

    while (may_go_on(k)) {
        enum nc_err e = nc_http_in_next(&p->in, in, &piece);
        if (e == NC_EINVAL)
            nc_http_call_over(k, NC_EIO, "broken");
        if (e != NC_OK)
            break;
        k->got += piece.n;
        if (k->got > k->max_bytes) {
            nc_http_call_over(k, NC_ELIMIT, "too much");
            return;
        }
        k->ops->data(k->arg, piece);
    }
    if (k->ops->lull && !k->over)
        k->ops->lull(k->arg);
    if (p->in.done && !k->over && !(k->paused && in->n)) {
        p->keep = p->keep && in->n == 0; /* nobody asked for more */
        nc_http_call_over(k, NC_OK, "done");
        nc_plain_leave(k);
    }
}

static size_t on_data(void *owner, char *bytes, size_t n)
{
    struct link *l = owner;
    struct nc_http_call *k = l->call;
    struct nc_str in = {bytes, n};

    if (!k || k->over) {
        leave_idle(l);
        nc_conn_abort(l->conn, "nothing was asked"); /* and nothing is waited for */
        return n;
    }
    k->plain->heard = true;
    while (!k->plain->in_body && !k->over) {
        size_t used = take_head(k, in);
        in = (struct nc_str){in.p + used, in.n - used};
        if (used == 0)
            return n - in.n;
    }
    if (!k->over)
        nc_http_call_enter(k, NC_HTTP_RECEIVING, k->idle_ms);
    take_body(k, &in);
    if (k->over)
        return n;
    if (k->paused)
        nc_loop_deadline(k->client->loop, &k->deadline, 0);
    return n - in.n;
}

static const char *why_gone(const struct link *l, const char *why)
{
    if (l->open)
        return "broken";
    return strcmp(why, "no address") == 0 || strncmp(why, "name", 4) == 0 ||
                   strcmp(why, "resolve timeout") == 0
               ? "resolve"
               : "connect";
}

/* The connection under a call is gone. */
static void lost(struct link *l, struct nc_http_call *k, const char *why)
{
    struct nc_plain *p = k->plain;

    p->link = NULL;
    if (k->over)
        return;
    if (p->in_body && nc_http_in_may_end(&p->in))
        nc_http_call_over(k, NC_OK, "done");
    else if (l->used && !p->heard)
        dial(k); /* it was closed while the request was under way */
    else if (!l->open && k->judged_denied && !k->judged_allowed)
        nc_http_call_over(k, NC_EACCESS, "address not allowed");
    else
        nc_http_call_over(k, NC_EIO, why_gone(l, why));
}

static void on_gone(void *owner, const char *why)
{
    struct link *l = owner;

    leave_idle(l);
    if (l->call)
        lost(l, l->call, why);
    free(l);
}

static const struct nc_conn_ops conn_ops = {
    .open = on_open, .data = on_data, .gone = on_gone, .may = on_may};

/* ---- what was said -------------------------------------------------------- */

unsigned nc_plain_status(const struct nc_plain *p) { return p->status; }

struct nc_str nc_plain_header(const struct nc_plain *p, const char *name)
{
    struct nc_str lines = nc_str(p->head);

    while (lines.n) {
        struct nc_str line = nc_str_cut(&lines, '\n');
        struct nc_str key = nc_str_cut(&line, ':');
        if (nc_str_ieq(key, nc_str(name)))
            return nc_str_trim(line);
    }
    return (struct nc_str){NULL, 0};
}
