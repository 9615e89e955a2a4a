#include "mosquitto/pins.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/file.h"
#include "wire/json_in.h"
#include "wire/topic.h"

const struct nc_pin *nc_pins_find(const struct nc_pins *p, const struct nc_id *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (nc_id_eq(&p->at[i].id, id))
            return &p->at[i];
    return NULL;
}

static enum nc_err parse_one(const json_t *node, struct nc_pins *p)
{
    struct nc_pin *pin = &p->at[p->n];

    if (nc_mqtt_id_parse(nc_json_text(json_object_get(node, "id")), &pin->id) ||
        nc_identity_key_parse(nc_json_text(json_object_get(node, "key")), pin->key) ||
        nc_pins_find(p, &pin->id))
        return NC_EINVAL;
    p->n++;
    return NC_OK;
}

enum nc_err nc_pins_parse(struct nc_pins *p, struct nc_str text)
{
    struct nc_pins fresh = *p;
    struct nc_problem why;
    json_t *root, *node;
    size_t at;

    fresh.n = 0;
    if (nc_json_parse(text, &root, &why))
        return NC_EINVAL;
    json_t *nodes = json_object_get(root, "nodes");
    enum nc_err e = !json_is_array(nodes)                  ? NC_EINVAL
                    : json_array_size(nodes) > NC_PINS_MAX ? NC_ELIMIT
                                                           : NC_OK;
    if (e == NC_OK) {
        json_array_foreach(nodes, at, node)
        {
            e = parse_one(node, &fresh);
            if (e)
                break;
        }
    }
    json_decref(root);
    if (e == NC_OK)
        *p = fresh;
    return e;
}

/* The file as it is now; one that isn't there is a state like any other. */
static bool look(const char *path, struct nc_pins *seen)
{
    struct stat st;

    if (stat(path, &st)) {
        seen->size = -1;
        seen->inode = 0;
        seen->mtime = (struct timespec){0};
        return false;
    }
    seen->size = st.st_size;
    seen->inode = st.st_ino;
    seen->mtime = st.st_mtim;
    return true;
}

static bool same_file(const struct nc_pins *a, const struct nc_pins *b)
{
    return a->inode == b->inode && a->size == b->size &&
           a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

enum nc_err nc_pins_read(struct nc_pins *p, const char *path)
{
    struct nc_buf text = {0};
    struct nc_pins seen = *p;

    bool there = look(path, &seen);
    if (same_file(p, &seen))
        return NC_AGAIN;
    *p = seen;
    enum nc_err e = there ? nc_file_read(path, NC_PINS_FILE, &text) : NC_ENOENT;
    if (e == NC_OK)
        e = nc_pins_parse(p, nc_buf_str(&text));
    nc_buf_fini(&text);
    if (e == NC_OK)
        nc_log(NC_INFO, "broker.nodes", "path=%s nodes=%zu", nc_log_q(nc_str(path)), p->n);
    else
        nc_log(NC_ERROR, "broker.nodes_unread", "path=%s reason=%s kept=%zu",
               nc_log_q(nc_str(path)), nc_log_q(nc_str(nc_strerr(e))), p->n);
    return e == NC_OK || e == NC_EIO ? e : NC_EINVAL;
}
