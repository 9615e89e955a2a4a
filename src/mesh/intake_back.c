#include <string.h>

#include "base/log.h"
#include "mesh/intake_parts.h"

unsigned nc_back_lacks(const struct nc_intake *in, uint64_t theirs,
                       struct nc_vector_range *out)
{
    const struct nc_store_info *info = &nc_intake_store(in)->info;

    if (theirs <= info->own_head)
        return 0;
    *out = (struct nc_vector_range){info->incarnation, info->own_head + 1, theirs};
    return 1;
}

enum nc_err nc_back_segment(struct nc_intake *in, const struct nc_id *peer,
                            struct nc_mesh_segment *s, const char **why)
{
    const struct nc_store_info *info = &nc_intake_store(in)->info;
    uint8_t head[NC_SHA256];
    const char *word = "known";
    enum nc_err e = NC_EEXIST;

    if (s->first + s->n - 1 > info->own_head) {
        s->node = in->o.self;
        e = nc_segment_verify(s, in->o.identity->key, NULL, head, &word);
        if (e != NC_OK)
            nc_intake_refused(in, NC_INTAKE_SIGNATURE, NULL, peer, &s->origin, s->first,
                              word);
    }
    if (why)
        *why = word;
    return e;
}

void nc_back_free(struct nc_intake *in) { (void)in; }
