#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mesh/intake_parts.h"

static const char key[] = "mesh.origins"; /* of the store's META: an ORIGINS frame */

const uint8_t *nc_intake_key(const struct nc_intake *in, const struct nc_id *node)
{
    if (nc_id_eq(node, &in->o.self))
        return in->o.identity->key;
    return in->o.key_of(in->o.arg, node);
}

const struct nc_origins *nc_intake_known(const struct nc_intake *in)
{
    return &in->origins;
}

/* ---- kept ---------------------------------------------------------------- */

struct save {
    struct nc_commit commit;
    struct nc_change change;
    struct nc_intake *in;
};

static void on_saved(struct nc_commit *c, enum nc_err e)
{
    struct save *s = nc_of(c, struct save, commit);
    struct nc_intake *in = s->in;

    free(s);
    in->keeping--;
    in->origins_saving = false;
    if (e != NC_OK)
        in->origins_dirty = true; /* at the next tick, or when the next one comes */
    else if (in->origins_dirty)
        nc_origins_save(in);
}

void nc_origins_save(struct nc_intake *in)
{
    struct nc_store *store = nc_intake_store(in);

    if (in->stopped || in->origins_saving || !in->origins_dirty)
        return;
    struct nc_frame *f = nc_alloc(sizeof *f);
    f->type = NC_FRAME_ORIGINS;
    f->origins = in->origins;
    nc_buf_clear(&in->origins_bytes);
    enum nc_err e = nc_frame_add(&in->origins_bytes, f, NULL);
    free(f);
    if (e != NC_OK) /* 256 of them fit */
        return;
    struct save *s = nc_alloc(sizeof *s);
    s->in = in;
    s->change = (struct nc_change){
        .kind = NC_META_SET,
        .meta = {.key = nc_str(key), .value = nc_buf_str(&in->origins_bytes)}};
    s->commit.changes = &s->change;
    s->commit.n = 1;
    s->commit.done = on_saved;
    in->origins_dirty = false;
    in->origins_saving = true;
    in->keeping++;
    store->ops->commit(store, &s->commit);
}

struct loading {
    struct nc_query q;
    struct nc_buf bytes;
};

static void on_meta(struct nc_query *q, const struct nc_row *row)
{
    nc_buf_adds(&nc_of(q, struct loading, q)->bytes, row->meta);
}

/* They were verified when they came, by the keys of then; who isn't trusted any more made
 * his logs all the same. */
enum nc_err nc_origins_load(struct nc_intake *in)
{
    struct loading l = {.q = {.kind = NC_Q_META, .key = nc_str(key), .row = on_meta}};
    struct nc_frame *f = nc_alloc(sizeof *f);
    const char *why = "";
    enum nc_err e = nc_store_read_now(nc_intake_store(in), &l.q);

    if (e == NC_OK && l.bytes.n) {
        if (nc_frame_parse(nc_buf_str(&l.bytes), NULL, f, &why) == NC_OK &&
            f->type == NC_FRAME_ORIGINS)
            for (unsigned i = 0; i < f->origins.n; i++) {
                const struct nc_origin *o = &f->origins.at[i];
                if (nc_origins_add(&in->origins, o, o->key, &why) == NC_OK)
                    nc_lane_introduce(in, o);
            }
        else
            nc_log(NC_WARN, "mesh.origins", "what=unreadable why=%s", why);
    }
    nc_frame_fini(f);
    free(f);
    nc_buf_fini(&l.bytes);
    return e;
}

/* ---- new ones ------------------------------------------------------------ */

static bool is_known(const struct nc_intake *in, const struct nc_origin *o)
{
    const struct nc_origin *there = nc_origins_get(&in->origins, &o->origin);

    return there && nc_id_eq(&there->node, &o->node) &&
           memcmp(there->key, o->key, sizeof o->key) == 0;
}

/* One node doesn't fill the table for all; nor does who made up others of its name, before
 * it was trusted, fill it for that node. */
static bool too_many(const struct nc_intake *in, const struct nc_origin *o)
{
    unsigned n = 0;

    for (unsigned i = 0; i < in->origins.n; i++) {
        const struct nc_origin *other = &in->origins.at[i];
        n += nc_id_eq(&other->node, &o->node) &&
             memcmp(other->key, o->key, sizeof o->key) == 0;
    }
    return n >= NC_INTAKE_LOGS_PER_NODE;
}

static enum nc_intake_why reason(enum nc_err e)
{
    return e == NC_ENOENT    ? NC_INTAKE_NODE
           : e == NC_EACCESS ? NC_INTAKE_SIGNATURE
           : e == NC_EEXIST  ? NC_INTAKE_FORK
           : e == NC_ELIMIT  ? NC_INTAKE_ROOM
                             : NC_INTAKE_SHAPE;
}

static enum nc_err add(struct nc_intake *in, const struct nc_id *peer,
                       const struct nc_origin *o, const char **why)
{
    const uint8_t *pinned = nc_intake_key(in, &o->node);
    enum nc_err e = pinned ? NC_OK : nc_former_may(in, peer, o, why);

    if (e == NC_OK && too_many(in, o)) {
        *why = "many";
        e = NC_ELIMIT;
    }
    return e == NC_OK ? nc_origins_add(&in->origins, o, pinned ? pinned : o->key, why) : e;
}

void nc_intake_origins(struct nc_intake *in, const struct nc_id *peer,
                       const struct nc_origins *o)
{
    for (unsigned i = 0; i < o->n && !in->stopped; i++) {
        const struct nc_origin *one = &o->at[i];
        const char *why = "";
        if (is_known(in, one))
            continue;
        enum nc_err e = add(in, peer, one, &why);
        if (e != NC_OK) {
            nc_intake_refused(in, reason(e), NULL, peer, &one->origin, 0, why);
            continue;
        }
        nc_lane_introduce(in, one);
        in->origins_dirty = true;
        nc_log(NC_INFO, "mesh.origin", "node=%s origin=%s", nc_intake_text(&one->node).at,
               nc_intake_text(&one->origin).at);
        nc_intake_progress(in);
    }
    nc_origins_save(in);
}
