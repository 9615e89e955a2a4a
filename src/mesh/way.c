#include "mesh/way.h"

const char *nc_way_kind_text(enum nc_way_kind k)
{
    static const char *const texts[NC_WAY_KINDS] = {
        [NC_WAY_LAN] = "lan",
        [NC_WAY_WAN] = "wan",
        [NC_WAY_RELAY] = "relay",
        [NC_WAY_BROKER] = "broker",
    };
    return (unsigned)k < NC_WAY_KINDS ? texts[k] : "unknown";
}
