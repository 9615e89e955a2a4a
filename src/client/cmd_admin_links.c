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

int nc_cmd_links(struct nc_client *c)
{
    struct nc_answer a;
    json_t *link;
    size_t i;

    if (!nc_client_ask(c, "GET", "/api/v1/admin/links", (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    json_array_foreach(json_object_get(a.body, "links"), i, link)
    {
        if (!nc_client_printed(c, link))
            print_link(link);
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}
