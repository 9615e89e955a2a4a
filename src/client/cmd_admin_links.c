/* admin links: what the node is connected to, and how well. */
#include <stdlib.h>

#include "client/client.h"
#include "client/commands.h"

static void print_link(const json_t *link)
{
    double rtt_us = json_number_value(json_object_get(link, "rtt_us"));

    printf("%-10s %-40s in %s out %s queued %s lag %s ms", nc_client_cell(link, "state"),
           nc_client_cell(link, "url"), nc_client_cell(link, "in"),
           nc_client_cell(link, "out"), nc_client_cell(link, "inflight"),
           nc_client_cell(link, "lag_ms"));
    if (rtt_us > 0)
        printf(" rtt %.1f ms", rtt_us / 1e3);
    printf(" reconnects %s since %s", nc_client_cell(link, "reconnects"),
           nc_client_cell(link, "since"));
    if (json_object_get(link, "why"))
        printf("  %s", nc_client_cell(link, "why"));
    putchar('\n');
}

/* To another node: "*" before the one that is used. */
static void print_route(const json_t *r)
{
    const json_t *rtt = json_object_get(r, "rtt_us");
    double lost = json_number_value(json_object_get(r, "loss_ppm")) / 1e4;

    printf("%c %-6s %-16s %-7s %-32s", json_is_true(json_object_get(r, "best")) ? '*' : ' ',
           nc_client_cell(r, "state"), nc_client_cell(r, "name"), nc_client_cell(r, "kind"),
           nc_client_cell(r, "where"));
    if (rtt)
        printf(" rtt %.1f ms lost %.0f %%", json_number_value(rtt) / 1e3, lost);
    if (json_object_get(r, "in"))
        printf(" in %s out %s", nc_client_cell(r, "in"), nc_client_cell(r, "out"));
    printf(" since %s", nc_client_cell(r, "since"));
    if (json_object_get(r, "why"))
        printf("  %s", nc_client_cell(r, "why"));
    putchar('\n');
}

int nc_cmd_links(struct nc_client *c)
{
    struct nc_answer a;
    json_t *link, *route;
    size_t i;

    if (!nc_client_ask(c, "GET", "/api/v1/admin/links", (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    json_array_foreach(json_object_get(a.body, "links"), i, link)
    {
        if (!nc_client_printed(c, link))
            print_link(link);
    }
    json_array_foreach(json_object_get(a.body, "routes"), i, route)
    {
        if (!nc_client_printed(c, route))
            print_route(route);
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}
