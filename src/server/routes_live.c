/* The stream of events, by three transports. */
#include "server/live.h"
#include "server/ws.h"

const struct nc_route nc_routes_live[] = {
    {"GET", "/ws", nc_socket_open, NC_R_PUBLIC, 0, 0},
    {"GET", "/api/v1/events", nc_live_sse, 0, 0, 0},
    {"GET", "/api/v1/poll", nc_live_poll, 0, 0, 0},
    {0},
};
