#include "server/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_MAX 4

/* A pattern cut into segments once, at start. */
struct row {
    const struct nc_route *route;
    unsigned n;
    struct nc_str seg[NC_HTTP_SEGMENTS_MAX];
};

struct nc_router {
    struct row *rows;
    unsigned n;
};

static void cut(struct row *row)
{
    struct nc_str rest = nc_str(row->route->pattern + 1); /* after the leading '/' */

    while (rest.p && rest.n)
        row->seg[row->n++] = nc_str_cut(&rest, '/');
}

struct nc_router *nc_router_new(const struct nc_route *const *tables)
{
    struct nc_router *r = nc_alloc(sizeof(*r));
    unsigned n = 0;

    for (const struct nc_route *const *t = tables; *t; t++)
        for (const struct nc_route *route = *t; route->method; route++)
            n++;
    r->rows = nc_alloc(n * sizeof(*r->rows));
    for (const struct nc_route *const *t = tables; *t; t++)
        for (const struct nc_route *route = *t; route->method; route++) {
            r->rows[r->n].route = route;
            cut(&r->rows[r->n++]);
        }
    return r;
}

void nc_router_free(struct nc_router *r)
{
    if (!r)
        return;
    free(r->rows);
    free(r);
}

static bool takes(struct nc_str pattern, struct nc_str seg, struct nc_match *m,
                  unsigned *at)
{
    if (pattern.n == 0 || pattern.p[0] != '{')
        return nc_str_eq(pattern, seg);
    bool wants_id = pattern.n > 4 && memcmp(pattern.p + pattern.n - 4, ":id}", 4) == 0;
    if (*at == PARAMS_MAX || (wants_id && nc_id_parse(seg, &m->ids[*at]) != NC_OK))
        return false;
    m->params[(*at)++] = seg;
    return true;
}

static bool matches(const struct row *row, const struct nc_http_path *path,
                    struct nc_match *m)
{
    unsigned at = 0;

    if (row->n != path->n || (path->slash && path->n))
        return false;
    for (unsigned i = 0; i < row->n; i++)
        if (!takes(row->seg[i], path->seg[i], m, &at))
            return false;
    return true;
}

static void allow(struct nc_match *m, const char *method)
{
    size_t n = strlen(m->allow);

    if (!strstr(m->allow, method))
        snprintf(m->allow + n, sizeof(m->allow) - n, "%s%s", n ? ", " : "", method);
}

enum nc_err nc_router_find(const struct nc_router *r, struct nc_str method,
                           const struct nc_http_path *path, struct nc_match *m)
{
    *m = (struct nc_match){0};
    for (unsigned i = 0; i < r->n; i++) {
        const struct nc_route *route = r->rows[i].route;
        if (!matches(&r->rows[i], path, m))
            continue;
        if (route->method[0] == '*' || nc_str_eqz(method, route->method) ||
            (nc_str_eqz(method, "HEAD") && strcmp(route->method, "GET") == 0)) {
            m->route = route;
            return NC_OK;
        }
        allow(m, route->method);
        if (strcmp(route->method, "GET") == 0)
            allow(m, "HEAD");
    }
    return m->allow[0] ? NC_EINVAL : NC_ENOENT;
}
