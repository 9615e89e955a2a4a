#include "server/ai_mesh.h"

#include <stdlib.h>

#include "ai/mesh.h"
#include "base/log.h"
#include "mesh/nodes.h"
#include "mesh/sync.h"

struct nc_ai_link {
    struct nc_sync_hook hook;
    struct nc_ai *ai;
    struct nc_sync *sync; /* NULL: stopped */
    struct nc_nodes *nodes;
    struct nc_frame frame; /* scratch: it is large */
};

static unsigned nodes_of(void *arg, struct nc_id *out, unsigned max)
{
    const struct nc_ai_link *l = arg;
    unsigned n = 0;

    if (!l->sync)
        return 0;
    for (; n < nc_nodes_count(l->nodes) && n < max; n++)
        out[n] = nc_nodes_at(l->nodes, n)->card.id;
    return n;
}

static uint64_t gone_ms(void *arg, const struct nc_id *which)
{
    const struct nc_ai_link *l = arg;

    return l->sync ? nc_sync_gone_ms(l->sync, which) : UINT64_MAX;
}

/* What can't go now is said again, or is not worth it. */
static void tell(void *arg, const struct nc_id *to, struct nc_str json)
{
    struct nc_ai_link *l = arg;

    if (!l->sync || json.n > NC_FRAME_JSON_MAX)
        return;
    l->frame.type = NC_FRAME_EPHEMERAL;
    l->frame.ephemeral.what = NC_EPHEMERAL_AI;
    l->frame.ephemeral.room = (struct nc_id){{0}};
    l->frame.ephemeral.json = json;
    enum nc_err e = nc_sync_send(l->sync, to, &l->frame);
    if (e != NC_OK)
        nc_log(NC_DEBUG, "ai.unsaid", "error=%s", nc_strerr(e));
}

static void on_frame(struct nc_sync_hook *h, struct nc_way *w, const struct nc_id *from,
                     const struct nc_frame *f)
{
    struct nc_ai_link *l = nc_of(h, struct nc_ai_link, hook);

    (void)w;
    if (l->sync && f->type == NC_FRAME_EPHEMERAL && f->ephemeral.what == NC_EPHEMERAL_AI)
        nc_ai_mesh_told(l->ai, from, f->ephemeral.json);
}

static void on_peer(struct nc_sync_hook *h, const struct nc_id *peer, bool here,
                    bool forgotten)
{
    struct nc_ai_link *l = nc_of(h, struct nc_ai_link, hook);

    (void)peer;
    (void)forgotten;
    if (l->sync && here)
        nc_ai_mesh_came(l->ai);
}

struct nc_ai_link *nc_ai_link_new(struct nc_ai *ai, struct nc_sync *sync,
                                  struct nc_nodes *nodes, const struct nc_id *self,
                                  const char *name)
{
    static const struct nc_sync_hook_ops ops = {.frame = on_frame, .peer = on_peer};
    struct nc_ai_link *l = nc_alloc(sizeof(*l));

    l->hook.ops = &ops;
    l->ai = ai;
    l->sync = sync;
    l->nodes = nodes;
    nc_sync_hook(sync, &l->hook);
    nc_ai_mesh(ai, &(struct nc_ai_mesh){.self = *self,
                                        .name = name,
                                        .nodes = nodes_of,
                                        .gone_ms = gone_ms,
                                        .tell = tell,
                                        .arg = l});
    return l;
}

void nc_ai_link_stop(struct nc_ai_link *l)
{
    if (!l || !l->sync)
        return;
    nc_sync_unhook(l->sync, &l->hook);
    l->sync = NULL;
}

void nc_ai_link_free(struct nc_ai_link *l)
{
    if (l)
        nc_frame_fini(&l->frame);
    free(l);
}
