#include "client/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "client/place.h"
#include "crypto/file.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum { FILE_MAX = 512u << 10, TEXT_MAX = 64u << 10, PAUSE_MAX_MS = 60000 };

static char *path_of(const struct nc_outbox *o, const struct nc_id *client_id)
{
    char name[NC_ID_TEXT];

    nc_id_text(client_id, name);
    return nc_place_join(o->dir, (struct nc_str){name, sizeof name}, ".json");
}

static void free_item(struct nc_outbox_item *it)
{
    nc_list_del(&it->node);
    free(it->text);
    free(it);
}

/* ---- on disk -------------------------------------------------------------- */

static enum nc_err keep(const struct nc_outbox *o, const struct nc_outbox_item *it)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    char *path;

    if (!o->dir)
        return NC_OK;
    path = path_of(o, &it->client_id);
    nc_json_obj(&j);
    nc_json_kid(&j, "room", &it->room);
    if (!nc_id_zero(&it->reply_to))
        nc_json_kid(&j, "reply_to", &it->reply_to);
    nc_json_kstr(&j, "text", nc_str(it->text));
    nc_json_obj_end(&j);
    enum nc_err e = nc_file_replace(path, nc_buf_str(&b));
    free(path);
    nc_buf_fini(&b);
    return e;
}

static void add_sorted(struct nc_outbox *o, struct nc_outbox_item *it)
{
    struct nc_list *after = &o->list;

    nc_list_each(node, &o->list) {
        if (nc_id_cmp(&nc_of(node, struct nc_outbox_item, node)->client_id,
                      &it->client_id) > 0)
            break;
        after = node;
    }
    nc_list_add(after->next, &it->node);
}

/* A file that can't be understood stays where it is: it may be somebody's words. */
static void load_one(struct nc_outbox *o, const struct nc_id *client_id)
{
    char *path = path_of(o, client_id);
    struct nc_outbox_item *it = nc_alloc(sizeof *it);
    struct nc_buf b = {0};
    struct nc_problem why;
    struct nc_str text = {0};
    json_t *obj = NULL;

    it->client_id = *client_id;
    if (nc_file_read(path, FILE_MAX, &b) != NC_OK ||
        nc_json_parse(nc_buf_str(&b), &obj, &why) != NC_OK ||
        nc_json_need_id(obj, "room", &it->room, &why) != NC_OK ||
        nc_json_opt_id(obj, "reply_to", &it->reply_to, &why) != NC_OK ||
        nc_json_need_text(obj, "text", TEXT_MAX, &text, &why) != NC_OK) {
        nc_log(NC_WARN, "outbox.unreadable", "path=%s", nc_log_q(nc_str(path)));
        free_item(it);
    } else {
        it->text = nc_str_dup(text);
        add_sorted(o, it);
    }
    json_decref(obj);
    nc_buf_fini(&b);
    free(path);
}

enum nc_err nc_outbox_open(struct nc_outbox *o, const char *dir)
{
    struct dirent *entry;
    struct nc_id id;

    *o = (struct nc_outbox){0};
    nc_list_init(&o->list);
    if (!dir)
        return NC_OK;
    if (nc_place_make(dir) != NC_OK)
        return NC_EIO;
    DIR *d = opendir(dir);
    if (!d)
        return NC_EIO;
    o->dir = nc_str_dup(nc_str(dir));
    while ((entry = readdir(d))) {
        struct nc_str name = nc_str(entry->d_name);
        if (name.n == NC_ID_TEXT + 5 && strcmp(entry->d_name + NC_ID_TEXT, ".json") == 0 &&
            nc_id_parse((struct nc_str){name.p, NC_ID_TEXT}, &id) == NC_OK)
            load_one(o, &id);
    }
    closedir(d);
    return NC_OK;
}

void nc_outbox_close(struct nc_outbox *o)
{
    struct nc_list *node;

    if (!o->list.next)
        return;
    while ((node = nc_list_pop(&o->list)))
        free_item(nc_of(node, struct nc_outbox_item, node));
    free(o->dir);
    *o = (struct nc_outbox){0};
}

/* ---- what is due ---------------------------------------------------------- */

/* After everything in the list, even if the clock went back. */
static struct nc_id next_id(const struct nc_outbox *o)
{
    struct nc_id id = nc_id_random();

    if (!nc_list_empty(&o->list)) {
        const struct nc_id *last =
            &nc_of(o->list.prev, struct nc_outbox_item, node)->client_id;
        if (nc_id_cmp(&id, last) <= 0)
            id = nc_hlc_id(nc_hlc_of(last) + 1);
    }
    return id;
}

enum nc_err nc_outbox_add(struct nc_outbox *o, const struct nc_id *room,
                          const struct nc_id *reply_to, struct nc_str text,
                          struct nc_outbox_item **out)
{
    struct nc_outbox_item *it = nc_alloc(sizeof *it);

    *out = NULL;
    it->client_id = next_id(o);
    it->room = *room;
    if (reply_to)
        it->reply_to = *reply_to;
    it->text = nc_str_dup(text);
    if (keep(o, it) != NC_OK) {
        free_item(it);
        return NC_EIO;
    }
    nc_list_add(&o->list, &it->node);
    *out = it;
    return NC_OK;
}

/* Nothing of its room stands before it that still may arrive. */
static bool is_first(const struct nc_outbox *o, const struct nc_outbox_item *it)
{
    nc_list_each(node, &o->list) {
        const struct nc_outbox_item *before = nc_of(node, struct nc_outbox_item, node);
        if (before == it)
            return true;
        if (before->state != NC_OUT_REFUSED && nc_id_eq(&before->room, &it->room))
            return false;
    }
    return false;
}

struct nc_outbox_item *nc_outbox_due(struct nc_outbox *o, uint64_t now_ms,
                                     uint64_t *wait_ms, nc_outbox_to *to, void *arg)
{
    *wait_ms = 0;
    nc_list_each(node, &o->list) {
        struct nc_outbox_item *it = nc_of(node, struct nc_outbox_item, node);
        if (it->state != NC_OUT_WAITING || !is_first(o, it) || (to && !to(arg, it)))
            continue;
        if (it->not_before_ms <= now_ms)
            return it;
        uint64_t wait = it->not_before_ms - now_ms;
        if (*wait_ms == 0 || wait < *wait_ms)
            *wait_ms = wait;
    }
    return NULL;
}

void nc_outbox_sent(struct nc_outbox_item *it, const void *via)
{
    it->state = NC_OUT_SENT;
    it->via = via;
}

struct nc_outbox_item *nc_outbox_find(struct nc_outbox *o, const struct nc_id *client_id)
{
    nc_list_each(node, &o->list) {
        struct nc_outbox_item *it = nc_of(node, struct nc_outbox_item, node);
        if (nc_id_eq(&it->client_id, client_id))
            return it;
    }
    return NULL;
}

void nc_outbox_drop(struct nc_outbox *o, struct nc_outbox_item *it)
{
    if (o->dir) {
        char *path = path_of(o, &it->client_id);
        if (unlink(path) != 0 && errno != ENOENT)
            nc_log(NC_WARN, "outbox.unlink", "path=%s", nc_log_q(nc_str(path)));
        free(path);
    }
    free_item(it);
}

void nc_outbox_again(struct nc_outbox_item *it, uint64_t now_ms, uint64_t pause_ms)
{
    uint64_t grown = 250ull << (it->attempts < 8 ? it->attempts : 8);

    it->attempts++;
    it->state = NC_OUT_WAITING;
    if (grown > PAUSE_MAX_MS)
        grown = PAUSE_MAX_MS;
    it->not_before_ms = now_ms + (pause_ms > grown ? pause_ms : grown);
}

void nc_outbox_refused(struct nc_outbox_item *it, struct nc_str why)
{
    it->state = NC_OUT_REFUSED;
    snprintf(it->why, sizeof it->why, "%.*s", NC_FMT(why));
}

void nc_outbox_offline(struct nc_outbox *o, const void *via)
{
    nc_list_each(node, &o->list) {
        struct nc_outbox_item *it = nc_of(node, struct nc_outbox_item, node);
        if (it->state == NC_OUT_SENT && it->via == via)
            it->state = NC_OUT_WAITING;
    }
}
