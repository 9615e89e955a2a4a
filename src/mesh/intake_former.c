/*
 * Authors that aren't trusted here, of which others hold something.
 *
 * A node that is forgotten says nothing more to anybody, but what it said before is part of
 * the rooms, and whoever joins later never trusted it.  Those who took its log while they
 * did say how much of it they hold; so much is taken on their word, under the signatures of
 * its author all the same.  Nobody holds more than it took from whom it trusted then, so
 * the word of all of them together says no more than somebody once took.
 */
#include <stdlib.h>
#include <string.h>

#include "mesh/intake_parts.h"
#include "wire/json.h"

/* What one peer said, as long as it is trusted. */
struct nc_former {
    struct nc_list node; /* in intake's formers */
    struct nc_id peer;
    struct nc_vector said;
};

/* ---- what others say ----------------------------------------------------- */

static struct nc_former *find(const struct nc_intake *in, const struct nc_id *peer)
{
    nc_list_each(it, &in->formers) {
        struct nc_former *f = nc_of(it, struct nc_former, node);
        if (nc_id_eq(&f->peer, peer))
            return f;
    }
    return NULL;
}

static void drop(struct nc_former *f)
{
    nc_list_del(&f->node);
    free(f);
}

bool nc_intake_former(struct nc_intake *in, const struct nc_id *peer,
                      const struct nc_vector *said)
{
    static const struct nc_vector nothing;
    struct nc_former *f = find(in, peer);

    if (in->stopped || !nc_intake_key(in, peer) ||
        nc_vector_compare(f ? &f->said : &nothing, said) == NC_VECTOR_SAME)
        return false;
    if (f && !said->n) {
        drop(f);
        return true;
    }
    if (!f) {
        f = nc_alloc(sizeof *f);
        f->peer = *peer;
        nc_list_add(&in->formers, &f->node);
    }
    f->said = *said;
    nc_intake_progress(in); /* there may be more to ask for, of anybody */
    return true;
}

void nc_former_forget(struct nc_intake *in, const struct nc_id *peer)
{
    struct nc_former *f = find(in, peer);

    if (f && !nc_intake_key(in, peer))
        drop(f);
}

void nc_former_free(struct nc_intake *in)
{
    for (struct nc_list *it; (it = nc_list_pop(&in->formers));)
        free(nc_of(it, struct nc_former, node));
}

static uint64_t said_of(const struct nc_intake *in, const struct nc_id *origin)
{
    uint64_t most = 0;

    nc_list_each(it, &in->formers) {
        const struct nc_former *f = nc_of(it, struct nc_former, node);
        uint64_t n = nc_vector_get(&f->said, origin);
        most = n > most ? n : most;
    }
    return most;
}

/* ---- what follows for a log ---------------------------------------------- */

static bool is_former(const struct nc_intake *in, const struct nc_lane *l)
{
    return !nc_id_zero(&l->node) && !nc_intake_key(in, &l->node);
}

uint64_t nc_lane_upto(const struct nc_intake *in, const struct nc_lane *l)
{
    if (nc_id_zero(&l->node))
        return 0;
    return is_former(in, l) ? said_of(in, &l->origin) : UINT64_MAX;
}

const uint8_t *nc_lane_key(const struct nc_intake *in, const struct nc_lane *l)
{
    const uint8_t *pinned = nc_intake_key(in, &l->node);
    const struct nc_origin *o = nc_origins_get(&in->origins, &l->origin);

    return pinned || !o ? pinned : o->key;
}

/* A log belongs to whom it is introduced as first: so who introduces it speaks for it. */
enum nc_err nc_former_may(const struct nc_intake *in, const struct nc_id *peer,
                          const struct nc_origin *o, const char **why)
{
    const struct nc_former *f = find(in, peer);
    unsigned n = 0;

    *why = "node";
    if (!f || !nc_vector_get(&f->said, &o->origin))
        return NC_ENOENT;
    for (unsigned i = 0; i < in->origins.n; i++) {
        const struct nc_origin *other = &in->origins.at[i];
        n += !nc_intake_key(in, &other->node);
        *why = "key";
        if (nc_id_eq(&other->node, &o->node) &&
            memcmp(other->key, o->key, sizeof o->key) != 0)
            return NC_EACCESS;
    }
    *why = "many"; /* those of nodes that are trusted find room */
    return n < NC_INTAKE_LOGS_FORMER ? NC_OK : NC_ELIMIT;
}

/* ---- what we say --------------------------------------------------------- */

/* Up to where others can have it of us: of a segment that was begun, nothing. */
static uint64_t whole(const struct nc_lane *l)
{
    const struct nc_bundle *b = nc_lane_first(l);
    uint64_t upto = b ? b->first - 1 : l->tip;

    return upto < l->head ? upto : l->head;
}

const struct nc_vector *nc_intake_formers(struct nc_intake *in)
{
    const struct nc_lane *l;
    size_t at = 0;

    in->held.n = 0;
    while ((l = nc_map_next(&in->lanes, &at)) != NULL)
        if (is_former(in, l) && whole(l) &&
            nc_vector_set(&in->held, &l->origin, whole(l)) != NC_OK)
            break; /* a vector has room for all that are introduced */
    return &in->held;
}

bool nc_intake_knows(const struct nc_intake *in, const struct nc_id *node)
{
    for (unsigned i = 0; i < in->origins.n; i++)
        if (nc_id_eq(&in->origins.at[i].node, node))
            return true;
    return false;
}

static bool first_of_its(const struct nc_intake *in, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (nc_id_eq(&in->origins.at[k].node, &in->origins.at[i].node))
            return false;
    return !nc_intake_key(in, &in->origins.at[i].node);
}

static void write_node(const struct nc_intake *in, const struct nc_id *node,
                       struct nc_json *j)
{
    uint64_t events = 0, lacking = 0;
    const struct nc_lane *l;
    size_t at = 0;

    while ((l = nc_map_next(&in->lanes, &at)) != NULL) {
        if (!nc_id_eq(&l->node, node))
            continue;
        uint64_t said = said_of(in, &l->origin);
        events += l->head;
        lacking += said > l->head ? said - l->head : 0;
    }
    nc_json_obj(j);
    nc_json_kid(j, "id", node);
    nc_json_kuint(j, "events", events);
    nc_json_kuint(j, "we_lack", lacking);
    nc_intake_json(in, node, j);
    nc_json_obj_end(j);
}

void nc_intake_former_json(const struct nc_intake *in, struct nc_json *j)
{
    nc_json_arr(j);
    for (unsigned i = 0; i < in->origins.n; i++)
        if (first_of_its(in, i))
            write_node(in, &in->origins.at[i].node, j);
    nc_json_arr_end(j);
}
