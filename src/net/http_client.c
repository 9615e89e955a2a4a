#include "net/http_client.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/http_client_in.h"

#define CONNECT_MS 10000
#define FIRST_BYTE_MS 300000
#define IDLE_MS 60000
#define MAX_BYTES (64ull << 20)
#define IDLE_CONNECTIONS 64
#define REACH_DEFAULT (NC_REACH_LOOPBACK | NC_REACH_PRIVATE | NC_REACH_PUBLIC)

/* A descriptor of curl's that we watch. */
struct watched {
    struct nc_http_client *client;
    struct nc_io *io;
    curl_socket_t fd;
};

/* --- the end of a call --- */

void nc_http_call_over(struct nc_http_call *k, enum nc_err e, const char *why)
{
    if (k->over)
        return;
    k->over = true;
    k->e = e;
    k->why = why;
    nc_loop_deadline(k->client->loop, &k->deadline, 0);
    nc_loop_defer(k->client->loop, &k->client->work);
}

/* Out of curl, which closes the connection unless the answer was whole.  Not from
 * inside curl. */
static void retire(struct nc_http_call *k)
{
    if (k->plain)
        nc_plain_leave(k);
    else
        curl_multi_remove_handle(k->client->multi, k->easy);
    nc_list_del(&k->node);
    nc_list_add(&k->client->ended, &k->node);
    nc_loop_defer(k->client->loop, &k->client->work);
}

static void bury(struct nc_http_call *k)
{
    nc_list_del(&k->node);
    nc_loop_deadline(k->client->loop, &k->deadline, 0);
    k->ops->end(k->arg, k->e, k->why);
    nc_plain_free(k->plain);
    curl_easy_cleanup(k->easy);
    curl_slist_free_all(k->headers);
    free(k);
}

static const struct {
    CURLcode code;
    enum nc_err e;
    const char *why;
} results[] = {
    {CURLE_OK, NC_OK, "done"},
    {CURLE_URL_MALFORMAT, NC_EINVAL, "url"},
    {CURLE_UNSUPPORTED_PROTOCOL, NC_EINVAL, "url"},
    {CURLE_COULDNT_RESOLVE_HOST, NC_EIO, "resolve"},
    {CURLE_COULDNT_RESOLVE_PROXY, NC_EIO, "resolve"},
    {CURLE_COULDNT_CONNECT, NC_EIO, "connect"},
    {CURLE_OPERATION_TIMEDOUT, NC_EIO, "connect"},
    {CURLE_PROXY, NC_EIO, "connect"},
    {CURLE_SSL_CONNECT_ERROR, NC_EIO, "tls"},
    {CURLE_PEER_FAILED_VERIFICATION, NC_EIO, "tls"},
    {CURLE_SSL_CERTPROBLEM, NC_EIO, "tls"},
    {CURLE_SSL_CIPHER, NC_EIO, "tls"},
    {CURLE_SSL_CACERT_BADFILE, NC_EIO, "tls"},
};

static void settle(struct nc_http_call *k, CURLcode code)
{
    size_t i = 0;

    while (i < NC_COUNT(results) && results[i].code != code)
        i++;
    if (k->judged_denied && !k->judged_allowed)
        nc_http_call_over(k, NC_EACCESS, "address not allowed");
    else if (i < NC_COUNT(results))
        nc_http_call_over(k, results[i].e, results[i].why);
    else
        nc_http_call_over(k, NC_EIO, "broken");
}

/* --- turning curl --- */

static void collect(struct nc_http_client *c)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(c->multi, &left))) {
        struct nc_http_call *k = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &k);
        settle(k, code);
        retire(k);
    }
}

static void turn(struct nc_http_client *c, curl_socket_t fd, int events)
{
    int running;

    c->in_curl = true;
    curl_multi_socket_action(c->multi, fd, events, &running);
    c->in_curl = false;
    collect(c);
}

static void on_work(struct nc_task *t)
{
    struct nc_http_client *c = nc_of(t, struct nc_http_client, work);
    struct nc_list *n;

    while ((n = nc_list_pop(&c->fresh))) {
        struct nc_http_call *k = nc_of(n, struct nc_http_call, node);
        nc_list_add(&c->running, n);
        if (!k->over && k->plain)
            nc_plain_begin(k);
        else if (!k->over && curl_multi_add_handle(c->multi, k->easy) != CURLM_OK)
            nc_http_call_over(k, NC_EIO, "broken");
    }
    nc_list_each(r, &c->running) {
        struct nc_http_call *k = nc_of(r, struct nc_http_call, node);
        if (k->over) {
            retire(k);
        } else if (k->resume) {
            k->resume = false;
            if (k->plain) {
                nc_plain_pause(k, false);
                continue;
            }
            c->in_curl = true; /* it hands out what it holds */
            curl_easy_pause(k->easy, CURLPAUSE_CONT);
            c->in_curl = false;
        }
    }
    if (c->timer_due) {
        c->timer_due = false;
        turn(c, CURL_SOCKET_TIMEOUT, 0);
    }
    struct nc_list ended;
    nc_list_init(&ended);
    while ((n = nc_list_pop(&c->ended))) /* end() may end others */
        nc_list_add(&ended, n);
    while ((n = nc_list_pop(&ended)))
        bury(nc_of(n, struct nc_http_call, node));
}

static void on_timer(struct nc_deadline *d)
{
    turn(nc_of(d, struct nc_http_client, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* curl wants to be turned in so many ms.  It must not be turned from here. */
static int set_timer(CURLM *multi, long ms, void *arg)
{
    struct nc_http_client *c = arg;

    (void)multi;
    c->timer_due = ms == 0;
    nc_loop_deadline(c->loop, &c->timer, ms > 0 ? (uint64_t)ms : 0);
    if (c->timer_due)
        nc_loop_defer(c->loop, &c->work);
    return 0;
}

static void on_ready(void *arg, unsigned ready)
{
    struct watched *w = arg;

    turn(w->client, w->fd,
         (ready & NC_IO_READ ? CURL_CSELECT_IN : 0) |
             (ready & NC_IO_WRITE ? CURL_CSELECT_OUT : 0) |
             (ready & NC_IO_LOST ? CURL_CSELECT_ERR : 0));
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
    struct nc_http_client *c = arg;
    struct watched *w = sock;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            nc_io_free(w->io);
            free(w);
        }
        curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    if (!w) {
        w = nc_alloc(sizeof(*w));
        w->client = c;
        w->fd = fd;
        if (nc_io_new(&w->io, c->loop, fd, on_ready, w) != NC_OK) {
            free(w);
            return -1;
        }
        curl_multi_assign(c->multi, fd, w);
    }
    nc_io_want(w->io, (what & CURL_POLL_IN ? NC_IO_READ : 0u) |
                          (what & CURL_POLL_OUT ? NC_IO_WRITE : 0u));
    return 0;
}

/* --- what curl tells of a call --- */

/* ms: UINT_MAX if the phase itself may last; the total goes on. */
void nc_http_call_enter(struct nc_http_call *k, enum nc_http_phase phase, unsigned ms)
{
    uint64_t now = nc_loop_now_ms(k->client->loop);

    k->phase = phase;
    if (k->ends_at) {
        uint64_t left = k->ends_at > now ? k->ends_at - now : 1;
        if (left < ms)
            ms = (unsigned)left;
    }
    nc_loop_deadline(k->client->loop, &k->deadline, ms == UINT_MAX ? 0 : ms);
}

static void on_deadline(struct nc_deadline *d)
{
    static const char *const late[] = {[NC_HTTP_CONNECTING] = "connect",
                                       [NC_HTTP_WAITING] = "first byte",
                                       [NC_HTTP_RECEIVING] = "idle"};
    struct nc_http_call *k = nc_of(d, struct nc_http_call, deadline);
    bool total = k->ends_at && nc_loop_now_ms(k->client->loop) >= k->ends_at;

    nc_http_call_over(k, NC_EIO, total ? "total" : late[k->phase]);
}

bool nc_http_call_may(struct nc_http_call *k, const struct nc_addr *a)
{
    bool ok = nc_addr_reach(a) & k->reach;

    if (ok)
        k->judged_allowed = true;
    else
        k->judged_denied = true;
    return ok;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
    struct nc_http_call *k = arg;
    struct nc_addr a;

    (void)purpose;
    nc_addr_from_sockaddr(&sa->addr, &a);
    if (!k->local && !nc_http_call_may(k, &a))
        return CURL_SOCKET_BAD;
    return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

/* Connected, the request goes out next; also on a connection used again, which may
 * have been opened for a call that was allowed more. */
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct nc_http_call *k = arg;

    (void)local_ip;
    (void)local_port;
    k->judged_allowed = k->judged_denied = false;
    if (!k->local) {
        if (nc_addr_parse(nc_str(ip), &k->peer) != NC_OK ||
            !nc_http_call_may(k, &k->peer)) {
            k->judged_denied = true;
            return CURL_PREREQFUNC_ABORT;
        }
        k->peer.port = (uint16_t)port;
    } else {
        k->peer.kind = NC_ADDR_UNIX;
    }
    nc_http_call_enter(k, NC_HTTP_WAITING, k->first_byte_ms);
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct nc_http_call *k = arg;
    bool last = (n == 2 && p[0] == '\r') || (n == 1 && p[0] == '\n');
    unsigned status = nc_http_call_status(k);

    (void)size;
    if (k->over)
        return 0;
    if (!last || status < 200 || k->phase == NC_HTTP_RECEIVING)
        return n; /* not the end of the head, or a trailer */
    nc_http_call_enter(k, NC_HTTP_RECEIVING, k->idle_ms);
    if (k->ops->head)
        k->ops->head(k->arg, status);
    return k->over ? 0 : n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct nc_http_call *k = arg;

    (void)size;
    if (k->over)
        return 0;
    k->got += n;
    if (k->got > k->max_bytes) {
        nc_http_call_over(k, NC_ELIMIT, "too much");
        return 0;
    }
    nc_http_call_enter(k, NC_HTTP_RECEIVING, k->idle_ms);
    k->ops->data(k->arg, (struct nc_str){p, n});
    if (k->paused)
        nc_http_call_enter(k, NC_HTTP_RECEIVING, UINT_MAX);
    return k->over ? 0 : n;
}

/* --- starting one --- */

static void add_header(struct nc_http_call *k, const char *line)
{
    struct curl_slist *longer = curl_slist_append(k->headers, line);

    if (longer)
        k->headers = longer;
}

static void set_headers(struct nc_http_call *k, const struct nc_http_call_opts *o)
{
    bool typed = false;

    for (const char *const *h = o->headers; h && *h; h++) {
        typed |= strncasecmp(*h, "content-type:", 13) == 0;
        add_header(k, *h);
    }
    if (!typed)
        add_header(k, "Content-Type:"); /* not curl's guess of a form */
    add_header(k, "Expect:");           /* a round trip saved, and less to go wrong */
    curl_easy_setopt(k->easy, CURLOPT_HTTPHEADER, k->headers);
}

static void set_request(struct nc_http_call *k, const struct nc_http_call_opts *o)
{
    bool plain_get = strcmp(o->method, "GET") == 0 && !o->body.p;

    curl_easy_setopt(k->easy, CURLOPT_URL, o->url);
    if (strcmp(o->method, "HEAD") == 0) {
        curl_easy_setopt(k->easy, CURLOPT_NOBODY, 1L);
    } else if (!plain_get) {
        bool none = !o->body.p && strcmp(o->method, "POST") != 0;
        if (!none) {
            curl_easy_setopt(k->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body.n);
            curl_easy_setopt(k->easy, CURLOPT_COPYPOSTFIELDS, o->body.p ? o->body.p : "");
        }
        curl_easy_setopt(k->easy, CURLOPT_CUSTOMREQUEST, o->method);
    }
    set_headers(k, o);
}

static void set_route(struct nc_http_call *k, const struct nc_http_call_opts *o,
                      unsigned connect_ms)
{
    CURL *easy = k->easy;

    /* "" keeps curl from reading http_proxy and no_proxy. */
    curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy ? o->proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    /* Nothing packed is asked for, for streams suffer from it, but what comes packed all
     * the same is understood. */
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms + 1000);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (o->unix_socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
    if (o->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
    if (o->any_peer) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "neuralchat/" NC_VERSION);
}

static void set_callbacks(struct nc_http_call *k)
{
    CURL *easy = k->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, k);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, k);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, k);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, k);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, k);
}

static unsigned or (unsigned v, unsigned otherwise) { return v ? v : otherwise; }

struct nc_http_call *nc_http_call_start(struct nc_http_client *c,
                                        const struct nc_http_call_opts *o,
                                        const struct nc_http_call_ops *ops, void *arg)
{
    struct nc_http_call *k = nc_alloc(sizeof(*k));
    unsigned connect_ms = or (o->connect_ms, CONNECT_MS);

    k->client = c;
    k->ops = ops;
    k->arg = arg;
    k->deadline.fire = on_deadline;
    k->first_byte_ms = or (o->first_byte_ms, FIRST_BYTE_MS);
    k->idle_ms = or (o->idle_ms, IDLE_MS);
    k->reach = or (o->reach, REACH_DEFAULT);
    k->max_bytes = o->max_bytes ? o->max_bytes : MAX_BYTES;
    k->local = o->unix_socket != NULL;
    if (o->total_ms)
        k->ends_at = nc_loop_now_ms(c->loop) + o->total_ms;
    k->connect_ms = connect_ms;
    nc_list_add(&c->fresh, &k->node);
    nc_loop_defer(c->loop, &c->work);
    if (nc_plain_take(k, o)) {
        nc_http_call_enter(k, NC_HTTP_CONNECTING, connect_ms);
        return k;
    }
    k->easy = curl_easy_init();
    if (!k->easy) {
        nc_http_call_over(k, NC_EIO, "broken");
        return k;
    }
    set_request(k, o);
    set_route(k, o, connect_ms);
    set_callbacks(k);
    nc_http_call_enter(k, NC_HTTP_CONNECTING, connect_ms);
    return k;
}

void nc_http_call_cancel(struct nc_http_call *k)
{
    nc_http_call_over(k, NC_ECLOSED, "cancelled");
    /* From inside curl its callbacks refuse, or the work does it at the turn's end. */
    if (k->plain)
        nc_plain_leave(k);
    else if (!k->client->in_curl && nc_list_linked(&k->node) && k->easy)
        curl_multi_remove_handle(k->client->multi, k->easy);
}

void nc_http_call_pause(struct nc_http_call *k)
{
    k->resume = false;
    if (k->paused || k->over)
        return;
    k->paused = true;
    nc_http_call_enter(k, k->phase, UINT_MAX);
    if (k->plain)
        nc_plain_pause(k, true);
    else
        curl_easy_pause(k->easy, CURLPAUSE_RECV);
}

void nc_http_call_resume(struct nc_http_call *k)
{
    if (!k->paused || k->over)
        return;
    k->paused = false;
    k->resume = true; /* at the end of the turn: curl would hand out data from here */
    nc_http_call_enter(k, k->phase, k->idle_ms);
    nc_loop_defer(k->client->loop, &k->client->work);
}

unsigned nc_http_call_status(const struct nc_http_call *k)
{
    long status = 0;

    if (k->plain)
        return nc_plain_status(k->plain);
    curl_easy_getinfo(k->easy, CURLINFO_RESPONSE_CODE, &status);
    return (unsigned)status;
}

struct nc_str nc_http_call_header(struct nc_http_call *k, const char *name)
{
    struct curl_header *h;

    if (k->plain)
        return nc_plain_header(k->plain, name);
    if (!k->easy || curl_easy_header(k->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return (struct nc_str){0};
    return nc_str(h->value);
}

struct nc_addr nc_http_call_peer(struct nc_http_call *k) { return k->peer; }

/* --- the client --- */

struct nc_http_client *nc_http_client_new(struct nc_loop *l)
{
    static bool ready;
    struct nc_http_client *c = nc_alloc(sizeof(*c));

    if (!ready)
        curl_global_init(CURL_GLOBAL_DEFAULT);
    ready = true;
    c->loop = l;
    c->work.run = on_work;
    c->timer.fire = on_timer;
    nc_list_init(&c->fresh);
    nc_list_init(&c->running);
    nc_list_init(&c->ended);
    nc_list_init(&c->idle);
    c->multi = curl_multi_init();
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return c;
}

void nc_http_client_free(struct nc_http_client *c)
{
    struct nc_list *n;

    if (!c)
        return;
    while ((n = nc_list_pop(&c->fresh)))
        nc_list_add(&c->running, n);
    while (!nc_list_empty(&c->running)) {
        struct nc_http_call *k = nc_of(c->running.next, struct nc_http_call, node);
        nc_http_call_over(k, NC_ECLOSED, "cancelled");
        retire(k);
    }
    while ((n = nc_list_pop(&c->ended)))
        bury(nc_of(n, struct nc_http_call, node));
    nc_plain_close_idle(c);
    curl_multi_cleanup(c->multi);
    nc_loop_deadline(c->loop, &c->timer, 0);
    nc_loop_undefer(c->loop, &c->work);
    free(c);
}
