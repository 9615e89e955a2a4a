#include "client/place.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

static const char *home(void)
{
    const char *h = getenv("HOME");

    if (!h || h[0] != '/') {
        const struct passwd *pw = getpwuid(getuid());
        h = pw ? pw->pw_dir : NULL;
    }
    return h;
}

/* The XDG base directory rules: a relative one is as if it weren't set. */
static bool base(struct nc_buf *out, const char *variable, const char *below_home)
{
    const char *v = getenv(variable), *h = home();

    if (v && v[0] == '/')
        nc_buf_printf(out, "%s/neuralchat", v);
    else if (h)
        nc_buf_printf(out, "%s/%s/neuralchat", h, below_home);
    return out->n > 0;
}

static char *finish(struct nc_buf *b)
{
    if (b->n == 0)
        return NULL;
    nc_buf_addc(b, '\0');
    return b->p;
}

static void add_server(struct nc_buf *out, const char *url)
{
    const char *rest = strstr(url, "://");
    size_t n = strlen(url);

    while (n > 0 && url[n - 1] == '/')
        n--;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)url[i];
        if (rest && url + i == rest) {
            nc_buf_addc(out, ',');
            i += 2;
        } else if (isalnum(c) || strchr("-._:[]", c)) {
            nc_buf_addc(out, (char)tolower(c));
        } else {
            nc_buf_printf(out, "%%%02x", c);
        }
    }
}

char *nc_place_config_file(void)
{
    struct nc_buf b = {0};

    if (base(&b, "XDG_CONFIG_HOME", ".config"))
        nc_buf_adds(&b, NC_STR("/client.conf"));
    return finish(&b);
}

char *nc_place_server(const char *url)
{
    struct nc_buf b = {0};

    if (base(&b, "XDG_CONFIG_HOME", ".config")) {
        nc_buf_adds(&b, NC_STR("/servers/"));
        add_server(&b, url);
    }
    return finish(&b);
}

char *nc_place_outbox(const char *url, const char *user)
{
    struct nc_buf b = {0};

    if (base(&b, "XDG_STATE_HOME", ".local/state")) {
        nc_buf_adds(&b, NC_STR("/outbox/"));
        add_server(&b, url);
        nc_buf_printf(&b, "/%s", user);
    }
    return finish(&b);
}

char *nc_place_join(const char *dir, struct nc_str name, const char *suffix)
{
    struct nc_buf b = {0};

    nc_buf_printf(&b, "%s/%.*s%s", dir, NC_FMT(name), suffix);
    nc_buf_addc(&b, '\0');
    return b.p;
}

enum nc_err nc_place_make(const char *dir)
{
    char *path = nc_str_dup(nc_str(dir));
    enum nc_err e = NC_OK;

    for (char *p = path + 1;; p++) {
        char was = *p;
        if (was != '/' && was != '\0')
            continue;
        *p = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            nc_log(NC_ERROR, "place.make", "path=%s error=%s", nc_log_q(nc_str(path)),
                   nc_log_q(nc_str(strerror(errno))));
            e = NC_EIO;
            break;
        }
        *p = was;
        if (was == '\0')
            break;
    }
    free(path);
    return e;
}
