#include "server/static.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/httpd.h"
#include "server/server.h"
#include "wire/http_accept.h"

#define PATH_LEN 512
#define HEADERS_MAX 12

/* Scripts and styles are ours; text becomes a page only through the DOM; the one policy of
 * our own makes addresses of scripts (workers). */
static const char policy[] =
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types vue neuralchat";

static const char permissions[] = "camera=(), display-capture=(), geolocation=(), "
                                  "microphone=(), midi=(), payment=(), usb=()";

static const char no_client[] =
    "This is a NeuralChat node, built without its web client: the API is under /api/v1,\n"
    "the terminal client is `neuralchat`. script/build makes the web client where Node 22\n"
    "is, and --web-dir serves one from a folder.\n\n"
    "Это узел NeuralChat, собранный без веб-клиента: API находится под /api/v1, "
    "терминальный\n"
    "клиент — `neuralchat`. script/build соберёт веб-клиент там, где есть Node 22, а\n"
    "--web-dir отдаёт его из папки.\n";

static const char no_index[] =
    "This is a NeuralChat node whose setting web_dir (--web-dir) names a folder that has\n"
    "no index.html, or that it may not read: its log says which. The API is under\n"
    "/api/v1, the terminal client is `neuralchat`.\n\n"
    "Это узел NeuralChat, настройка web_dir (--web-dir) которого указывает на папку без\n"
    "index.html или на такую, которую ему нельзя читать: подробности в журнале узла.\n"
    "API находится под /api/v1, терминальный клиент — `neuralchat`.\n";

/* ---- finding -------------------------------------------------------------- */

static int by_path(const void *key, const void *row)
{
    return strcmp(key, ((const struct nc_web_file *)row)->path);
}

static const struct nc_web_file *built_in(const struct nc_http_path *path)
{
    char text[PATH_LEN] = "/index.html";
    size_t n = 0;

    if (path->n && path->slash)
        return NULL;
    for (unsigned i = 0; i < path->n; i++) {
        if (n + path->seg[i].n + 2 > sizeof(text))
            return NULL;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "/%.*s", NC_FMT(path->seg[i]));
    }
    return bsearch(text, nc_web_files, nc_web_files_n, sizeof(nc_web_files[0]), by_path);
}

static bool look(const struct nc_server *s, const struct nc_http_head *h,
                 const struct nc_http_path *path, struct nc_static *out)
{
    if (*s->cfg->web_dir)
        return nc_web_find(s->cfg->web_dir, path, h,
                           h->method == NC_HTTP_GET && nc_http_get(h, "range").p,
                           &out->found);
    out->file = built_in(path);
    return out->file != NULL;
}

/* Programs ask there, and want to hear that it is not; so does a page that is older than
 * the node and looks for a piece of itself. */
static bool is_ours(const struct nc_http_path *path)
{
    static const char *const ours[] = {"api", "v1", "ws", "test", "assets"};

    if (path->n == 0)
        return false;
    if (path->seg[0].p[0] == '.')
        return true;
    for (size_t i = 0; i < NC_COUNT(ours); i++)
        if (nc_str_eqz(path->seg[0], ours[i]))
            return true;
    return false;
}

bool nc_static_find(const struct nc_server *s, const struct nc_http_head *h,
                    const struct nc_http_path *path, struct nc_static *out)
{
    struct nc_http_path root = {.slash = true};
    bool opens = (h->method == NC_HTTP_GET || h->method == NC_HTTP_HEAD) &&
                 nc_http_names(h, "text/html") && !is_ours(path);

    *out = (struct nc_static){.found.fd = -1};
    if (look(s, h, path, out) || (opens && look(s, h, &root, out)))
        return true;
    if (path->n == 0 || opens)
        out->words = *s->cfg->web_dir ? no_index : no_client;
    return out->words != NULL;
}

void nc_static_drop(struct nc_static *what) { nc_web_close(&what->found); }

/* ---- answering ------------------------------------------------------------ */

struct reply {
    struct nc_answer a;
    struct nc_http_header headers[HEADERS_MAX];
    char etag[72], range[64];
    struct nc_buf read;
};

static void add(struct reply *p, const char *name, struct nc_str value)
{
    p->headers[p->a.n_headers++] = (struct nc_http_header){nc_str(name), value};
    p->a.headers = p->headers;
}

/* The coding the client likes best; of equals the smallest. */
static const char *choose(struct reply *p, const struct nc_http_head *h,
                          const struct nc_web_file *f)
{
    const struct {
        const char *name;
        struct nc_str body;
    } forms[] = {{"br", f->br}, {"gzip", f->gzip}};
    unsigned best = nc_http_coding(h, "identity");
    const char *coding = NULL;

    p->a.body = f->plain;
    /* A range is of the bytes themselves. */
    if (h->method == NC_HTTP_GET && nc_http_get(h, "range").p)
        return NULL;
    for (size_t i = 0; i < NC_COUNT(forms); i++) {
        unsigned q = nc_http_coding(h, forms[i].name);

        if (forms[i].body.n == 0 || q == 0 || q < best || (coding && q == best))
            continue;
        p->a.body = forms[i].body;
        coding = forms[i].name;
        best = q;
    }
    return coding;
}

/* Fills type, etag, length and what depends on the coding; the bytes of a folder's file
 * are not read yet. */
static void describe(struct reply *p, const struct nc_http_head *h,
                     const struct nc_static *what)
{
    const struct nc_web_file *f = what->file;
    const char *coding = f ? choose(p, h, f) : what->found.coding;

    p->a.type = nc_str(f ? f->type : what->found.type);
    if (f)
        snprintf(p->etag, sizeof(p->etag), "\"%s%s%s\"", f->etag, coding ? "-" : "",
                 coding ? coding : "");
    else
        snprintf(p->etag, sizeof(p->etag), "\"%s\"", what->found.etag);
    if (!f)
        p->a.body = (struct nc_str){"", (size_t)what->found.size};
    add(p, "ETag", nc_str(p->etag));
    add(p, "Cache-Control",
        f && f->immutable ? NC_STR("max-age=31536000, immutable") : NC_STR("no-cache"));
    add(p, "Accept-Ranges", NC_STR("bytes"));
    if (coding)
        add(p, "Content-Encoding", nc_str(coding));
    p->a.lasting = f != NULL;
    /* What is not packed the httpd may pack, and then says so itself. */
    p->a.gzip = !f && !coding;
    if (!p->a.gzip && (!f || f->br.n || f->gzip.n))
        add(p, "Vary", NC_STR("Accept-Encoding"));
}

static void protect(struct reply *p, const struct nc_req *r)
{
    add(p, "X-Content-Type-Options", NC_STR("nosniff"));
    add(p, "Referrer-Policy", NC_STR("no-referrer"));
    add(p, "Content-Security-Policy", NC_STR(policy));
    add(p, "Permissions-Policy", NC_STR(permissions));
    add(p, "Cross-Origin-Resource-Policy", NC_STR("same-origin"));
    /* Browsers complain of it on a page that came by plain http from another machine. */
    if (r->secure || nc_addr_reach(&r->peer) == NC_REACH_LOOPBACK)
        add(p, "Cross-Origin-Opener-Policy", NC_STR("same-origin"));
}

/* The part that is asked for; false: there is no such part. */
static bool cut(struct reply *p, const struct nc_http_head *h)
{
    uint64_t first, last, size = p->a.body.n;

    switch (nc_http_range(h, size, nc_str(p->etag), &first, &last)) {
    case NC_RANGE_NONE: return true;
    case NC_RANGE_PART:
        snprintf(p->range, sizeof(p->range), "bytes %llu-%llu/%llu",
                 (unsigned long long)first, (unsigned long long)last,
                 (unsigned long long)size);
        add(p, "Content-Range", nc_str(p->range));
        p->a.status = 206;
        p->a.gzip = false;
        p->a.body = (struct nc_str){p->a.body.p + first, (size_t)(last - first + 1)};
        return true;
    case NC_RANGE_BAD: break;
    }
    snprintf(p->range, sizeof(p->range), "bytes */%llu", (unsigned long long)size);
    p->a = (struct nc_answer){.status = 416};
    add(p, "Content-Range", nc_str(p->range));
    return false;
}

static void serve_words(struct nc_req *r, struct reply *p, const char *words)
{
    p->a.type = NC_STR("text/plain; charset=utf-8");
    p->a.body = nc_str(words);
    add(p, "Cache-Control", NC_STR("no-cache"));
    protect(p, r);
    nc_respond(r, &p->a);
}

void nc_static_serve(struct nc_req *r, struct nc_static *what)
{
    struct reply p = {.a.status = 200};

    if (what->words) {
        serve_words(r, &p, what->words);
        return;
    }
    describe(&p, r->head, what);
    protect(&p, r);
    if (nc_http_unchanged(r->head, nc_str(p.etag))) {
        p.a.status = 304;
        p.a.body = NC_STR("");
    } else if (!what->file && r->head->method == NC_HTTP_GET) {
        if (nc_web_read(&what->found, &p.read) != NC_OK) {
            nc_respond_problem_code(r, NC_P_INTERNAL, "the file cannot be read");
            goto out;
        }
        p.a.body = nc_buf_str(&p.read);
    }
    if (p.a.status == 200)
        (void)cut(&p, r->head);
    nc_respond(r, &p.a);
out:
    nc_buf_fini(&p.read);
    nc_static_drop(what);
}
