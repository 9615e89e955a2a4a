#include "server/mesh_state.h"

#include <stdlib.h>

#include "base/encode.h"
#include "mesh/vector_json.h"
#include "server/call.h"
#include "server/server.h"

/* Messages of one page: a hundredth of what a question may take of the reader's time. */
enum { PAGE = 2000 };

struct state {
    struct nc_query query;
    struct nc_call *call;
    uint64_t head; /* of the log when the sum was begun */
    bool many;     /* more logs than a vector tells of */
    struct nc_vector vector;
};

static void on_origin(struct nc_query *q, const struct nc_row *row)
{
    struct state *s = nc_of(q, struct state, query);

    if (nc_vector_set(&s->vector, &row->origin.id, row->origin.n) != NC_OK)
        s->many = true;
}

static void answer(struct state *s)
{
    bool settled = s->head == s->call->srv->store->info.head;
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);
    char sum[2 * sizeof(s->query.hash)];

    nc_hex(s->query.hash, sizeof(s->query.hash), sum);
    nc_json_obj(&j);
    nc_json_kstr(&j, "sum", (struct nc_str){sum, sizeof(sum)});
    nc_json_kbool(&j, "settled", settled);
    nc_json_kid(&j, "origin", &s->call->srv->store->info.incarnation);
    if (!s->many) {
        nc_json_key(&j, "vector");
        nc_json_vector(&j, &s->vector);
    }
    nc_json_obj_end(&j);
    nc_call_json(s->call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

static void on_page(struct nc_query *q, enum nc_err e)
{
    struct state *s = nc_of(q, struct state, query);
    struct nc_store *store = s->call->srv->store;

    if (e == NC_OK && q->more && !s->call->gone) {
        store->ops->read(store, q);
        return;
    }
    if (e == NC_OK)
        answer(s);
    else
        nc_call_fail(s->call, NC_P_UNAVAILABLE, "the store can't be read");
    free(s);
}

static void on_vector(struct nc_query *q, enum nc_err e)
{
    struct state *s = nc_of(q, struct state, query);
    struct nc_store *store = s->call->srv->store;

    if (e != NC_OK) {
        nc_call_fail(s->call, NC_P_UNAVAILABLE, "the store can't be read");
        free(s);
        return;
    }
    s->query = (struct nc_query){.kind = NC_Q_STATE, .limit = PAGE, .done = on_page};
    store->ops->read(store, &s->query);
}

void nc_mesh_state(struct nc_call *call)
{
    struct nc_store *store = call->srv->store;
    struct state *s = nc_alloc(sizeof(*s));

    s->call = call;
    s->head = store->info.head;
    s->query = (struct nc_query){.kind = NC_Q_VECTOR, .row = on_origin, .done = on_vector};
    store->ops->read(store, &s->query);
}
