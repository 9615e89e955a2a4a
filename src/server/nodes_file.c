#include "server/nodes_file.h"

#include "mesh/nodes.h"
#include "server/server.h"
#include "wire/json.h"

static void add_row(struct nc_json *j, const struct nc_id *id,
                    const uint8_t its_key[NC_IDENTITY_KEY], const char *name)
{
    char key[NC_IDENTITY_TEXT];

    nc_identity_key_text(its_key, key);
    nc_json_obj(j);
    nc_json_kid(j, "id", id);
    nc_json_kstr(j, "key", (struct nc_str){key, sizeof(key)});
    nc_json_kstr(j, "name", nc_str(name));
    nc_json_obj_end(j);
}

void nc_nodes_file_rows(const struct nc_server *s, struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);

    nc_json_arr(&j);
    add_row(&j, &s->node_id, s->identity.key, s->node_name);
    for (size_t i = 0; i < nc_nodes_count(s->nodes); i++) {
        const struct nc_card *c = &nc_nodes_at(s->nodes, i)->card;
        add_row(&j, &c->id, c->key, c->name);
    }
    nc_json_arr_end(&j);
}

void nc_nodes_file_add(const struct nc_server *s, struct nc_buf *out)
{
    nc_buf_adds(out, NC_STR("{\"nodes\":"));
    nc_nodes_file_rows(s, out);
    nc_buf_adds(out, NC_STR("}\n"));
}

static void add_place(struct nc_json *j, const char *name, const char *url)
{
    nc_json_obj(j);
    nc_json_kstr(j, "name", nc_str(name));
    nc_json_kstr(j, "url", nc_str(url));
    nc_json_obj_end(j);
}

void nc_nodes_for_clients(const struct nc_server *s, struct nc_json *j)
{
    nc_json_key(j, "nodes");
    nc_json_arr(j);
    if (nc_nodes_count(s->nodes))
        add_place(j, s->node_name, s->public_url);
    for (size_t i = 0; i < nc_nodes_count(s->nodes); i++) {
        const struct nc_card *c = &nc_nodes_at(s->nodes, i)->card;
        for (unsigned k = 0; k < c->urls_n; k++)
            add_place(j, c->name, c->urls[k]);
    }
    nc_json_arr_end(j);
}
