#include "llm/provider.h"

static const char *const names[] = {
    [NC_DEST_NOWHERE] = "",          [NC_DEST_THIS_NODE] = "this_node",
    [NC_DEST_OWN_NODE] = "own_node", [NC_DEST_OWN_WORKER] = "own_worker",
    [NC_DEST_LAN] = "lan",           [NC_DEST_CLOUD] = "cloud",
};

const char *nc_destination_name(enum nc_destination d) { return names[d]; }

enum nc_err nc_destination_parse(struct nc_str word, enum nc_destination *out)
{
    for (size_t i = NC_DEST_THIS_NODE; i < NC_COUNT(names); i++)
        if (nc_str_eqz(word, names[i])) {
            *out = (enum nc_destination)i;
            return NC_OK;
        }
    return NC_EINVAL;
}
