#include "client/elsewhere.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/place.h"
#include "crypto/file.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum { FILE_MAX = 16u << 10, URL_MAX = 400 };

static void forget(struct nc_elsewhere *e)
{
    while (e->n)
        free(e->urls[--e->n]);
}

static bool is_there(const struct nc_elsewhere *e, struct nc_str url)
{
    for (unsigned i = 0; i < e->n; i++)
        if (nc_str_eqz(url, e->urls[i]))
            return true;
    return nc_str_eqz(url, e->home);
}

static void add(struct nc_elsewhere *e, struct nc_str url)
{
    bool secure = nc_str_starts(url, NC_STR("https://"));

    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    if (url.n > URL_MAX || e->n == NC_ELSEWHERE_MAX || is_there(e, url) ||
        (!secure && !nc_str_starts(url, NC_STR("http://"))) ||
        (!secure && nc_str_starts(nc_str(e->home), NC_STR("https://"))))
        return;
    e->urls[e->n++] = nc_str_dup(url);
}

static void read_all(struct nc_elsewhere *e, const json_t *nodes)
{
    const json_t *node;
    size_t i;

    forget(e);
    json_array_foreach(nodes, i, node) add(e, nc_json_text(json_object_get(node, "url")));
}

static void save(const struct nc_elsewhere *e)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    nc_json_obj(&j);
    nc_json_key(&j, "nodes");
    nc_json_arr(&j);
    for (unsigned i = 0; i < e->n; i++) {
        nc_json_obj(&j);
        nc_json_kstr(&j, "url", nc_str(e->urls[i]));
        nc_json_obj_end(&j);
    }
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    enum nc_err err = nc_file_replace(e->file, nc_buf_str(&b));
    (void)err; /* logged; only a convenience is lost */
    nc_buf_fini(&b);
}

void nc_elsewhere_init(struct nc_elsewhere *e, const char *home)
{
    char *dir = nc_place_server(home);
    struct nc_buf text = {0};
    struct nc_problem why;
    json_t *o = NULL;

    *e = (struct nc_elsewhere){.home = nc_str_dup(nc_str(home))};
    if (dir)
        e->file = nc_place_join(dir, NC_STR("nodes"), "");
    free(dir);
    if (e->file && nc_file_read(e->file, FILE_MAX, &text) == NC_OK &&
        nc_json_parse(nc_buf_str(&text), &o, &why) == NC_OK)
        read_all(e, json_object_get(o, "nodes"));
    json_decref(o);
    nc_buf_fini(&text);
}

void nc_elsewhere_fini(struct nc_elsewhere *e)
{
    forget(e);
    free(e->home);
    free(e->file);
    *e = (struct nc_elsewhere){0};
}

void nc_elsewhere_take(struct nc_elsewhere *e, const json_t *nodes)
{
    struct nc_elsewhere before = *e;
    bool same;

    if (!json_is_array(nodes))
        return;
    e->n = 0;
    read_all(e, nodes);
    same = before.n == e->n;
    for (unsigned i = 0; same && i < e->n; i++)
        same = strcmp(before.urls[i], e->urls[i]) == 0;
    forget(&before);
    if (!same && e->file)
        save(e);
}

const char *nc_elsewhere_next(const struct nc_elsewhere *e, const char *url)
{
    unsigned at = 0;

    if (e->n == 0)
        return NULL;
    if (strcmp(url, e->home) == 0)
        return e->urls[0];
    while (at < e->n && strcmp(url, e->urls[at]) != 0)
        at++;
    return at + 1 < e->n ? e->urls[at + 1] : e->home;
}
