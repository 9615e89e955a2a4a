#include "server/web_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "wire/http_accept.h"

/* Read in one go, on the loop: no place for videos. */
#define FILE_MAX (16u << 20)
#define NAME_LEN 255

static const struct {
    const char *ending, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"webp", "image/webp"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"wasm", "application/wasm"},
    {"txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < NC_COUNT(types); i++)
        if (strcmp(dot + 1, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* One step down.  A FIFO would hold up who opens it, a link may lead anywhere. */
static int step(int at, const char *name, bool last)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

    if (name[0] == '.')
        return -1;
    return openat(at, name, last ? flags : flags | O_DIRECTORY);
}

static bool name_of(struct nc_str seg, char name[static NAME_LEN + 1])
{
    if (seg.n == 0 || seg.n > NAME_LEN || memchr(seg.p, '\0', seg.n))
        return false;
    memcpy(name, seg.p, seg.n);
    name[seg.n] = '\0';
    return true;
}

/* The folder the file is in, and its name; "/" is index.html. */
static int folder_of(const char *dir, const struct nc_http_path *path,
                     char name[static NAME_LEN + 1])
{
    int at = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);

    if (at < 0) {
        nc_log(NC_ERROR, "web.dir", "path=%s errno=%d", nc_log_q(nc_str(dir)), errno);
        return -1;
    }
    for (unsigned i = 0; i + 1 < path->n; i++) {
        int next = name_of(path->seg[i], name) ? step(at, name, false) : -1;
        close(at);
        if ((at = next) < 0)
            return -1;
    }
    bool named = name_of(path->n ? path->seg[path->n - 1] : NC_STR("index.html"), name);
    if (named && !(path->n && path->slash))
        return at;
    close(at);
    return -1;
}

static bool open_file(int folder, const char *name, const char *coding,
                      struct nc_web_found *out)
{
    struct stat st = {0};

    out->fd = step(folder, name, true);
    if (out->fd < 0 || fstat(out->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size > FILE_MAX) {
        if (out->fd >= 0 && S_ISREG(st.st_mode))
            nc_log(NC_WARN, "web.too_large", "path=%s", nc_log_q(nc_str(name)));
        nc_web_close(out);
        return false;
    }
    out->size = (uint64_t)st.st_size;
    out->coding = coding;
    snprintf(out->etag, sizeof(out->etag), "%llx-%llx%s%s",
             (unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
                 (unsigned long long)st.st_mtim.tv_nsec,
             (unsigned long long)st.st_size, coding ? "-" : "", coding ? coding : "");
    return true;
}

/* FILE.br or FILE.gz, where the client likes it and it is no older than FILE. */
static void try_packed(int folder, const char *name, const struct nc_http_head *h,
                       struct nc_web_found *out)
{
    static const struct {
        const char *coding, *ending;
    } packed[] = {{"br", ".br"}, {"gzip", ".gz"}};
    unsigned best = nc_http_coding(h, "identity");
    char with_ending[NAME_LEN + 4];
    struct stat plain, st;

    if (fstat(out->fd, &plain) != 0)
        return;
    for (size_t i = 0; i < NC_COUNT(packed); i++) {
        struct nc_web_found other;
        unsigned q = nc_http_coding(h, packed[i].coding);

        snprintf(with_ending, sizeof(with_ending), "%s%s", name, packed[i].ending);
        if (q == 0 || q < best || (out->coding && q == best) ||
            !open_file(folder, with_ending, packed[i].coding, &other))
            continue;
        if (fstat(other.fd, &st) != 0 || st.st_mtime < plain.st_mtime) {
            nc_web_close(&other);
            continue;
        }
        nc_web_close(out);
        *out = other;
        best = q;
    }
}

void nc_web_check(const char *dir)
{
    char name[NAME_LEN + 1];
    struct nc_web_found page = {.fd = -1};
    int folder = folder_of(dir, &(struct nc_http_path){.slash = true}, name);

    if (folder < 0)
        return; /* logged */
    if (!open_file(folder, name, NULL, &page))
        nc_log(NC_WARN, "web.no_index", "path=%s", nc_log_q(nc_str(dir)));
    nc_web_close(&page);
    close(folder);
}

bool nc_web_find(const char *dir, const struct nc_http_path *path,
                 const struct nc_http_head *h, bool whole, struct nc_web_found *out)
{
    char name[NAME_LEN + 1];
    int folder = folder_of(dir, path, name);

    out->fd = -1;
    if (folder < 0)
        return false;
    if (open_file(folder, name, NULL, out)) {
        if (!whole)
            try_packed(folder, name, h, out);
        out->type = type_of(name);
    }
    close(folder);
    return out->fd >= 0;
}

enum nc_err nc_web_read(const struct nc_web_found *f, struct nc_buf *out)
{
    size_t left = (size_t)f->size;

    while (left) {
        ssize_t n = pread(f->fd, nc_buf_reserve(out, left), left, (off_t)(f->size - left));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            nc_log(NC_ERROR, "web.read", "errno=%d", n < 0 ? errno : 0);
            return NC_EIO;
        }
        nc_buf_grew(out, (size_t)n);
        left -= (size_t)n;
    }
    return NC_OK;
}

void nc_web_close(struct nc_web_found *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
