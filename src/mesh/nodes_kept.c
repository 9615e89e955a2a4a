/*
 * The table in its file: {"nodes":[card + "added_at","seen_at","clock_off_ms","jwks_v"],
 * "invites":[{"secret","exp","used_by"?}]}.
 */
#include <string.h>

#include "base/encode.h"
#include "base/log.h"
#include "crypto/file.h"
#include "mesh/nodes_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum { FILE_MAX = 1 << 20 };

static void write_node(struct nc_json *j, const struct nc_node *node)
{
    nc_json_obj(j);
    nc_card_write(j, &node->card);
    nc_json_kuint(j, "added", node->added_ms);
    nc_json_kuint(j, "seen", node->seen_ms);
    nc_json_kint(j, "clock_off", node->clock_off_ms);
    nc_json_kuint(j, "jwks_v", node->jwks_v);
    nc_json_obj_end(j);
}

static void write_invite(struct nc_json *j, const struct nc_invite_open *i)
{
    char secret[NC_B64URL_LEN(NC_PAIR_SECRET)];

    nc_b64url(i->secret, NC_PAIR_SECRET, secret);
    nc_json_obj(j);
    nc_json_kstr(j, "secret", (struct nc_str){secret, sizeof(secret)});
    nc_json_kuint(j, "exp", i->exp_s);
    if (!nc_id_zero(&i->used_by))
        nc_json_kid(j, "used_by", &i->used_by);
    nc_json_obj_end(j);
}

enum nc_err nc_nodes_save(const struct nc_nodes *n)
{
    struct nc_buf text = {0};
    struct nc_json j = nc_json_to(&text);

    nc_json_obj(&j);
    nc_json_key(&j, "nodes");
    nc_json_arr(&j);
    for (size_t i = 0; i < n->n; i++)
        write_node(&j, n->at[i]);
    nc_json_arr_end(&j);
    nc_json_key(&j, "invites");
    nc_json_arr(&j);
    for (size_t i = 0; i < n->invites_n; i++)
        write_invite(&j, &n->invites[i]);
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    nc_buf_addc(&text, '\n');
    enum nc_err e = nc_file_replace(n->path, nc_buf_str(&text));
    nc_wipe(text.p, text.n);
    nc_buf_fini(&text);
    return e;
}

static bool read_uint(const json_t *o, const char *key, uint64_t *out,
                      struct nc_problem *why)
{
    int64_t v = 0;

    if (nc_json_opt_int(o, key, 0, INT64_MAX, &v, why) != NC_OK)
        return false;
    *out = (uint64_t)v;
    return true;
}

static bool read_node(struct nc_nodes *n, const json_t *o, struct nc_problem *why)
{
    struct nc_card card;

    if (nc_card_read(o, &card, why) != NC_OK)
        return false;
    struct nc_node *node = nc_node_new(&card);
    if (!node)
        return false;
    n->at[n->n++] = node;
    return read_uint(o, "added", &node->added_ms, why) &&
           read_uint(o, "seen", &node->seen_ms, why) &&
           read_uint(o, "jwks_v", &node->jwks_v, why) &&
           nc_json_opt_int(o, "clock_off", INT64_MIN, INT64_MAX, &node->clock_off_ms,
                           why) == NC_OK;
}

static bool read_invite(struct nc_nodes *n, const json_t *o, struct nc_problem *why)
{
    struct nc_invite_open i = {.exp_s = 0};
    struct nc_str secret;
    size_t got;

    if (nc_json_need_str(o, "secret", 1, 2 * NC_PAIR_SECRET, &secret, why) != NC_OK ||
        nc_b64url_decode(secret, i.secret, NC_PAIR_SECRET, &got) || got != NC_PAIR_SECRET ||
        !read_uint(o, "exp", &i.exp_s, why) ||
        nc_json_opt_id(o, "used_by", &i.used_by, why) != NC_OK)
        return false;
    n->invites[n->invites_n++] = i;
    return true;
}

static bool read_all(struct nc_nodes *n, const json_t *root, struct nc_problem *why)
{
    json_t *nodes = json_object_get(root, "nodes"), *invites, *o;
    size_t i;

    invites = json_object_get(root, "invites");
    if (!json_is_array(nodes) || json_array_size(nodes) > NC_NODES_MAX ||
        !json_is_array(invites) || json_array_size(invites) > NC_NODES_INVITES)
        return false;
    json_array_foreach(nodes, i, o)
    {
        if (!read_node(n, o, why))
            return false;
    }
    json_array_foreach(invites, i, o)
    {
        if (!read_invite(n, o, why))
            return false;
    }
    return true;
}

enum nc_err nc_nodes_load(struct nc_nodes *n)
{
    struct nc_buf text = {0};
    struct nc_problem why = {.code = NC_P_NONE};
    json_t *root = NULL;

    enum nc_err e = nc_file_read(n->path, FILE_MAX, &text);
    if (e == NC_OK) {
        if (nc_json_parse(nc_buf_str(&text), &root, &why) != NC_OK ||
            !read_all(n, root, &why))
            e = NC_EINVAL;
        json_decref(root);
        nc_wipe(text.p, text.n);
    }
    nc_buf_fini(&text);
    if (e == NC_ENOENT)
        return NC_OK;
    /* Nobody's trust is guessed at: who runs the node decides. */
    if (e == NC_EINVAL || e == NC_ELIMIT)
        nc_log(NC_ERROR, "nodes.broken", "path=%s reason=%s", nc_log_q(nc_str(n->path)),
               nc_log_q(nc_str(why.code ? why.detail : "it is not a list of nodes")));
    return e == NC_ELIMIT ? NC_EINVAL : e;
}
