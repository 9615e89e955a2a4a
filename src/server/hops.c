#include "server/hops.h"

#include "base/buf.h"
#include "server/server.h"

#define HOPS_MAX 8

/* The next node of X-NeuralChat-Node; what is no id is none. */
static bool next_node(struct nc_str *list, struct nc_id *out)
{
    while (list->n)
        if (nc_id_parse(nc_str_trim(nc_str_cut(list, ',')), out) == NC_OK)
            return true;
    return false;
}

bool nc_hops_loop(const struct nc_call *call, const struct nc_http_head *h)
{
    struct nc_str list = nc_http_get(h, "X-NeuralChat-Node");
    struct nc_id from;
    unsigned hops = 0;

    while (next_node(&list, &from))
        if (nc_id_eq(&from, &call->srv->node_id) || ++hops > HOPS_MAX)
            return true;
    return false;
}

struct nc_str nc_hops_via(const struct nc_call *call)
{
    struct nc_str list = nc_http_get(call->req->head, "X-NeuralChat-Node");
    struct nc_buf via = {0};
    struct nc_id from;
    char text[NC_ID_TEXT];

    while (next_node(&list, &from)) {
        nc_id_text(&from, text);
        nc_buf_printf(&via, "%s%.*s", via.n ? ", " : "", NC_ID_TEXT, text);
    }
    struct nc_str kept = nc_arena_str(call->arena, nc_buf_str(&via));
    nc_buf_fini(&via);
    return kept;
}
