#include "server/static.h"

#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "wire/http_accept.h"

/* A file of web/ as bytes of the program: see embed. */
#define FILE_OF(symbol) extern const char nc_web_##symbol[], nc_web_##symbol##_end[]
FILE_OF(index_html);
FILE_OF(page_js);
FILE_OF(page_css);
FILE_OF(icon_svg);
#define BYTES_OF(symbol) nc_web_##symbol, nc_web_##symbol##_end

static struct file {
    const char *name; /* "" is '/' */
    const char *type;
    const char *begin, *end;
    char etag[24]; /* of the content; made on first use */
} files[] = {
    {"", "text/html; charset=utf-8", BYTES_OF(index_html), ""},
    {"page.js", "text/javascript; charset=utf-8", BYTES_OF(page_js), ""},
    {"page.css", "text/css; charset=utf-8", BYTES_OF(page_css), ""},
    {"icon.svg", "image/svg+xml", BYTES_OF(icon_svg), ""},
};

#define HEADER(name_, value_)                          \
    {                                                  \
        .name = NC_STR(name_), .value = NC_STR(value_) \
    }

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

static struct file *find(const struct nc_http_path *path)
{
    struct nc_str name = path->n ? path->seg[0] : NC_STR("");

    if (path->n > 1 || (path->n && path->slash))
        return NULL;
    for (size_t i = 0; i < NC_COUNT(files); i++)
        if (nc_str_eqz(name, files[i].name))
            return &files[i];
    return NULL;
}

static struct nc_str etag_of(struct file *f)
{
    if (!f->etag[0]) {
        uint8_t digest[NC_SHA256];
        char hex[NC_SHA256 * 2 + 1];
        nc_sha256(f->begin, (size_t)(f->end - f->begin), digest);
        for (int i = 0; i < 8; i++)
            snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        snprintf(f->etag, sizeof(f->etag), "\"%.16s\"", hex);
    }
    return nc_str(f->etag);
}

bool nc_static_has(const struct nc_http_path *path) { return find(path) != NULL; }

void nc_static_serve(struct nc_req *r, const struct nc_http_path *path)
{
    struct file *f = find(path);
    char range[64];
    uint64_t first, last;

    uint64_t size = (uint64_t)(f->end - f->begin);
    struct nc_http_header headers[] = {
        {NC_STR("ETag"), etag_of(f)},
        HEADER("Cache-Control", "no-cache"),
        HEADER("X-Content-Type-Options", "nosniff"),
        HEADER("Referrer-Policy", "no-referrer"),
        {NC_STR("Content-Security-Policy"), NC_STR(policy)},
        HEADER("Accept-Ranges", "bytes"),
        {NC_STR("Content-Range"), {range, 0}},
    };
    struct nc_answer a = {.status = 200,
                          .type = nc_str(f->type),
                          .headers = headers,
                          .n_headers = NC_COUNT(headers) - 1,
                          .body = {f->begin, (size_t)size},
                          .gzip = true};

    if (nc_http_unchanged(r->head, headers[0].value)) {
        a.status = 304;
        a.body = NC_STR("");
        nc_respond(r, &a);
        return;
    }
    switch (nc_http_range(r->head, size, headers[0].value, &first, &last)) {
    case NC_RANGE_NONE: break;
    case NC_RANGE_PART:
        headers[6].value.n = (size_t)snprintf(
            range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)first,
            (unsigned long long)last, (unsigned long long)size);
        a.status = 206;
        a.n_headers++;
        a.gzip = false; /* a range is of the bytes themselves */
        a.body = (struct nc_str){f->begin + first, (size_t)(last - first + 1)};
        break;
    case NC_RANGE_BAD:
        headers[6].value.n = (size_t)snprintf(range, sizeof(range), "bytes */%llu",
                                              (unsigned long long)size);
        nc_respond(
            r, &(struct nc_answer){.status = 416, .headers = headers + 6, .n_headers = 1});
        return;
    }
    nc_respond(r, &a);
}
