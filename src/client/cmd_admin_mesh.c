/* admin mesh …: which nodes trust one another. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"
#include "wire/json.h"

enum { CLOCK_OFF_MS = 60000 };

static void print_urls(const json_t *node)
{
    json_t *url;
    size_t i;

    json_array_foreach(json_object_get(node, "urls"), i, url)
    {
        printf("%s%s", i ? " " : "", json_string_value(url));
    }
}

/* The clock only where it is worth a word. */
static void print_node(const json_t *node, const char *what)
{
    double off = json_number_value(json_object_get(node, "clock_off_ms"));

    printf("%s  %-5s %-24s %s  ", nc_client_cell(node, "id"), what,
           nc_client_cell(node, "name"), nc_client_cell(node, "key"));
    print_urls(node);
    if (json_object_get(node, "seen_at"))
        printf("  seen %s", nc_client_cell(node, "seen_at"));
    if (off > CLOCK_OFF_MS || off < -CLOCK_OFF_MS)
        printf("  clock %+.0f s", off / 1e3);
    putchar('\n');
}

int nc_cmd_mesh(struct nc_client *c)
{
    struct nc_answer a;
    json_t *node;
    size_t i;

    if (c->args_n && strcmp(c->args[0], "list") != 0) {
        nc_client_fail_word(NC_W_USAGE, "admin mesh [list]");
        return NC_EXIT_USAGE;
    }
    if (!nc_client_ask(c, "GET", "/api/v1/admin/mesh", (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        print_node(json_object_get(a.body, "self"), "self");
        json_array_foreach(json_object_get(a.body, "nodes"), i, node)
        {
            print_node(node, "node");
        }
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- invite ---------------------------------------------------------------- */

int nc_cmd_mesh_invite(struct nc_client *c)
{
    struct nc_buf body = {0};
    struct nc_json j = nc_json_to(&body);
    struct nc_answer a;

    nc_json_obj(&j);
    nc_json_key(&j, "urls");
    nc_json_arr(&j);
    for (size_t i = 0; i < c->cfg->url.n; i++)
        nc_json_str(&j, nc_str(c->cfg->url.v[i]));
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    bool ok = nc_client_ask(c, "POST", "/api/v1/admin/mesh/invite", nc_buf_str(&body), &a);
    nc_buf_fini(&body);
    if (!ok)
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        /* The code alone is what scripts read. */
        fprintf(stderr, "%s\n", nc_word(NC_W_MESH_SHARES));
        fprintf(stderr, "%s %s\n", nc_word(NC_W_MESH_CODE),
                nc_client_cell(a.body, "expires_at"));
        puts(nc_client_cell(a.body, "code"));
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- join ------------------------------------------------------------------- */

static bool ask_join(struct nc_client *c, struct nc_str code, bool look,
                     struct nc_answer *out)
{
    struct nc_buf body = {0};
    struct nc_json j = nc_json_to(&body);

    nc_json_obj(&j);
    nc_json_kstr(&j, "code", code);
    nc_json_kbool(&j, "look", look);
    nc_json_obj_end(&j);
    bool ok = nc_client_ask(c, "POST", "/api/v1/admin/mesh/join", nc_buf_str(&body), out);
    nc_buf_fini(&body);
    return ok;
}

/* Shows who it is before anything is done.  False: told. */
static bool are_sure(struct nc_client *c, struct nc_str code)
{
    struct nc_answer a;

    if (c->cfg->yes)
        return true;
    if (!ask_join(c, code, true, &a))
        return false;
    print_node(a.body, "node");
    nc_answer_fini(&a);
    puts(nc_word(NC_W_MESH_SHARES));
    char *said = nc_client_prompt(nc_word(NC_W_MESH_SURE));
    bool sure = said && strcmp(said, nc_word(NC_W_MESH_YES)) == 0;
    free(said);
    if (!sure)
        nc_client_fail("%s", nc_word(NC_W_MESH_NOT));
    return sure;
}

int nc_cmd_mesh_join(struct nc_client *c)
{
    struct nc_buf text = {0};
    struct nc_answer a;
    char seconds[32];

    bool ok = nc_client_text(c->args[0], &text) && are_sure(c, nc_buf_str(&text)) &&
              ask_join(c, nc_buf_str(&text), false, &a);
    nc_buf_fini(&text);
    if (!ok)
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        printf("%s  %s\n", nc_client_cell(a.body, "id"), nc_client_cell(a.body, "name"));
    double off = json_number_value(json_object_get(a.body, "clock_off_ms"));
    snprintf(seconds, sizeof seconds, "%.0f", off < 0 ? -off / 1e3 : off / 1e3);
    if (off > CLOCK_OFF_MS || off < -CLOCK_OFF_MS)
        nc_client_fail_word(NC_W_MESH_CLOCK, seconds);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- forget ------------------------------------------------------------------ */

/* NODE is a name or an id.  False: told. */
static bool find_node(struct nc_client *c, const char *name, struct nc_id *out)
{
    struct nc_answer a;
    json_t *node;
    size_t i;
    bool found = false;

    if (nc_id_parse(nc_str(name), out) == NC_OK)
        return true;
    if (!nc_client_ask(c, "GET", "/api/v1/admin/mesh", (struct nc_str){0}, &a))
        return false;
    json_array_foreach(json_object_get(a.body, "nodes"), i, node)
    {
        const char *its = json_string_value(json_object_get(node, "name"));
        const char *id = json_string_value(json_object_get(node, "id"));
        if (its && id && strcmp(its, name) == 0)
            found = nc_id_parse(nc_str(id), out) == NC_OK;
    }
    nc_answer_fini(&a);
    if (!found)
        nc_client_fail_word(NC_W_NO_SUCH_NODE, name);
    return found;
}

int nc_cmd_mesh_forget(struct nc_client *c)
{
    char path[64 + NC_ID_TEXT], id[NC_ID_TEXT];
    struct nc_answer a;
    struct nc_id node;

    if (!find_node(c, c->args[0], &node))
        return NC_EXIT_FAILED;
    nc_id_text(&node, id);
    snprintf(path, sizeof path, "/api/v1/admin/mesh/%.*s", NC_ID_TEXT, id);
    if (!nc_client_ask(c, "DELETE", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- accept ------------------------------------------------------------------ */

int nc_cmd_mesh_accept(struct nc_client *c)
{
    char path[72 + NC_ID_TEXT], id[NC_ID_TEXT];
    struct nc_answer a;
    struct nc_id node;

    if (!find_node(c, c->args[0], &node))
        return NC_EXIT_FAILED;
    nc_id_text(&node, id);
    snprintf(path, sizeof path, "/api/v1/admin/mesh/%.*s/accept", NC_ID_TEXT, id);
    if (!nc_client_ask(c, "POST", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        puts(nc_client_cell(a.body, "events"));
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

/* ---- state ------------------------------------------------------------------- */

int nc_cmd_mesh_state(struct nc_client *c)
{
    struct nc_answer a;

    if (!nc_client_ask(c, "GET", "/api/v1/admin/mesh/state", (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        puts(nc_client_cell(a.body, "sum"));
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}
