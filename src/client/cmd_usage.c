/* usage, admin usage: what was asked of the models, day by day. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"

/* What an id is called, or the id. */
static const char *name_of(const json_t *names, const json_t *row, const char *key)
{
    const char *id = nc_client_cell(row, key);
    const char *name = nc_client_cell(names, id);

    return *name ? name : id;
}

static void print_row(const json_t *names, const json_t *row, bool all)
{
    bool guessed = json_integer_value(json_object_get(row, "estimated")) > 0;

    printf("%s  ", nc_client_cell(row, "day"));
    if (all)
        printf("%-16s ", name_of(names, row, "user"));
    printf("%6s %10s %10s%c %s/%s", nc_client_cell(row, "requests"),
           nc_client_cell(row, "prompt_tokens"), nc_client_cell(row, "completion_tokens"),
           guessed ? '~' : ' ', nc_client_cell(row, "provider"),
           nc_client_cell(row, "model"));
    if (json_object_get(row, "room"))
        printf("  %s", name_of(names, row, "room"));
    else if (json_object_get(row, "key"))
        printf("  key %s", nc_client_cell(row, "key"));
    putchar('\n');
}

static int list(struct nc_client *c, bool all)
{
    static const char *const names[] = {"from", "to"};
    struct nc_buf path = {0};
    struct nc_answer a;
    json_t *row;
    size_t i;

    nc_buf_printf(&path, "/api/v1/usage?all=%d", all);
    for (i = 0; i < c->args_n && i < NC_COUNT(names); i++) {
        nc_buf_printf(&path, "&%s=", names[i]);
        nc_url_add(&path, nc_str(c->args[i]));
    }
    nc_buf_addc(&path, '\0');
    bool ok = nc_client_ask(c, "GET", path.p, (struct nc_str){0}, &a);
    nc_buf_fini(&path);
    if (!ok)
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        json_array_foreach(json_object_get(a.body, "rows"), i, row)
        {
            print_row(json_object_get(a.body, "names"), row, all);
        }
        row = json_object_get(a.body, "totals");
        printf("%10s  %s%6s %10s %10s\n", "", all ? "                 " : "",
               nc_client_cell(row, "requests"), nc_client_cell(row, "prompt_tokens"),
               nc_client_cell(row, "completion_tokens"));
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

int nc_cmd_usage(struct nc_client *c) { return list(c, false); }

int nc_cmd_all_usage(struct nc_client *c) { return list(c, true); }
