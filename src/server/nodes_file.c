#include "server/nodes_file.h"

#include "crypto/identity.h"
#include "server/server.h"
#include "wire/json.h"

void nc_nodes_add(const struct nc_server *s, struct nc_buf *out)
{
    char key[NC_IDENTITY_TEXT];
    struct nc_json j = nc_json_to(out);

    nc_identity_key_text(s->identity.key, key);
    nc_json_arr(&j);
    nc_json_obj(&j);
    nc_json_kid(&j, "id", &s->node_id);
    nc_json_kstr(&j, "key", (struct nc_str){key, sizeof(key)});
    nc_json_kstr(&j, "name", nc_str(s->public_url));
    nc_json_obj_end(&j);
    nc_json_arr_end(&j);
}

void nc_nodes_file_add(const struct nc_server *s, struct nc_buf *out)
{
    nc_buf_adds(out, NC_STR("{\"nodes\":"));
    nc_nodes_add(s, out);
    nc_buf_adds(out, NC_STR("}\n"));
}
