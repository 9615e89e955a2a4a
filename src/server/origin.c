#include "server/origin.h"

#include <string.h>

#include "server/server.h"

/* "https://chat.example" of the Origin header is our own host, or one configured. */
static bool origin_allowed(const struct nc_server *s, const struct nc_http_head *h,
                           struct nc_str origin, bool *ours)
{
    char *colons = memmem(origin.p, origin.n, "://", 3);

    *ours = false;
    if (colons) {
        size_t at = (size_t)(colons - origin.p) + 3;
        *ours = nc_str_ieq((struct nc_str){origin.p + at, origin.n - at}, h->host);
    }
    if (*ours)
        return true;
    for (size_t i = 0; i < s->cfg->cors_origins.n; i++)
        if (nc_str_ieq(origin, nc_str(s->cfg->cors_origins.v[i])))
            return true;
    return false;
}

bool nc_origin_ok(const struct nc_call *call)
{
    struct nc_str origin = nc_http_get(call->req->head, "Origin");
    bool ours;

    return !origin.p || origin_allowed(call->srv, call->req->head, origin, &ours);
}

/* What a page of another allowed origin may read of the answer (Fetch, CORS protocol). */
void nc_origin_allow(struct nc_call *call, const struct nc_http_head *h)
{
    struct nc_str origin = nc_http_get(h, "Origin");
    bool ours;

    if (!origin.p || !origin_allowed(call->srv, h, origin, &ours) || ours)
        return;
    nc_call_header(call, "Access-Control-Allow-Origin", origin);
    nc_call_header(call, "Access-Control-Allow-Credentials", NC_STR("true"));
    nc_call_header(call, "Access-Control-Expose-Headers", NC_STR("Retry-After, Location"));
    nc_call_header(call, "Vary", NC_STR("Origin"));
}

/* To a page of a welcome origin the headers it names are as welcome: libraries send some of
 * their own (X-Stainless-…), which nobody here reads. */
static struct nc_str headers_allowed(const struct nc_call *call)
{
    struct nc_str asked = nc_http_get(call->req->head, "Access-Control-Request-Headers");

    return asked.n ? asked : NC_STR("Authorization, Content-Type, Last-Event-ID");
}

void nc_origin_preflight(struct nc_call *call, const char *allow)
{
    nc_call_header(call, "Allow",
                   nc_str(nc_arena_printf(call->arena, "%s, OPTIONS", allow)));
    for (unsigned i = 0; i < call->extra_n; i++)
        if (nc_str_eqz(call->extra[i].name, "Access-Control-Allow-Origin")) {
            nc_call_header(call, "Access-Control-Allow-Methods", nc_str(allow));
            nc_call_header(call, "Access-Control-Allow-Headers", headers_allowed(call));
            nc_call_header(call, "Access-Control-Max-Age", NC_STR("600"));
            break;
        }
    nc_call_empty(call);
}
