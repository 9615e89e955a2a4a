/* mesh/vector_json: a version vector as JSON, {"<origin, a UUID>":<number>, …}.  Pure. */
#pragma once

#include "base/vector.h"
#include "wire/json.h"

void nc_json_vector(struct nc_json *j, const struct nc_vector *v); /* one value */
/* NC_EINVAL or NC_ELIMIT, *why (may be NULL): "object", or as nc_vector_parse. */
NC_MUSTUSE enum nc_err nc_vector_from_json(json_t *from, struct nc_vector *out,
                                           const char **why);
