#include "mesh/vector_json.h"

void nc_json_vector(struct nc_json *j, const struct nc_vector *v)
{
    nc_json_obj(j);
    for (unsigned i = 0; i < v->n; i++) {
        char origin[NC_ID_TEXT];
        nc_id_text(&v->at[i].origin, origin);
        nc_json_keyn(j, origin, sizeof origin);
        nc_json_uint(j, v->at[i].n);
    }
    nc_json_obj_end(j);
}

static enum nc_err read_member(struct nc_vector *v, const char *key, const json_t *n,
                               const char **why)
{
    struct nc_id origin;

    if (nc_id_parse(nc_str(key), &origin) != NC_OK) {
        *why = "origin";
        return NC_EINVAL;
    }
    if (!json_is_integer(n) || json_integer_value(n) < 1) {
        *why = "number";
        return NC_EINVAL;
    }
    return nc_vector_read(v, &origin, (uint64_t)json_integer_value(n), why);
}

enum nc_err nc_vector_from_json(json_t *from, struct nc_vector *out, const char **why)
{
    const char *wrong = "object";
    enum nc_err e = json_is_object(from) ? NC_OK : NC_EINVAL;
    const char *key;
    json_t *n;

    out->n = 0;
    json_object_foreach(from, key, n)
    {
        e = read_member(out, key, n, &wrong);
        if (e != NC_OK)
            break;
    }
    if (e != NC_OK) {
        out->n = 0;
        if (why)
            *why = wrong;
    }
    return e;
}
