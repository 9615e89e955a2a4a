/* rooms, join, create, invite */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"
#include "client/glyph.h"
#include "wire/json.h"

/* at: the server, where only that tells it from another; else NULL. */
static void print_room(const json_t *room, const char *at)
{
    const char *kind = nc_client_cell(room, "kind"), *name = nc_client_cell(room, "name");
    long long unread = json_integer_value(json_object_get(room, "unread"));
    long long mentions = json_integer_value(json_object_get(room, "mentions"));

    printf("%s  %-8s %4s  ", nc_client_cell(room, "id"),
           strcmp(kind, "room") == 0 ? nc_client_cell(room, "visibility") : kind,
           nc_client_cell(room, "members_count"));
    fputs(name, stdout);
    if (at)
        printf("  (%s)", at);
    if (unread)
        printf("  +%lld", unread);
    if (mentions)
        printf(" @%lld", mentions);
    putchar('\n');
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
    return x && json_equal(x, y);
}

/* Those of one server behind the others', each room once; at: of each the server's place.
 */
static void merge(json_t *rooms, json_t *at, const json_t *more, size_t from)
{
    size_t i, k, n = json_array_size(rooms); /* it names none twice itself */
    json_t *room;

    json_array_foreach(more, i, room)
    {
        for (k = 0; k < n && !same(json_array_get(rooms, k), room, "id"); k++)
            continue;
        if (k < n)
            continue;
        json_array_append(rooms, room);
        json_array_append_new(at, json_integer((json_int_t)from));
    }
}

/* Where a room is, if another server has one of that name. */
static const char *which(const struct nc_client *c, const json_t *rooms, const json_t *at,
                         size_t i)
{
    const json_t *here = json_array_get(at, i);

    for (size_t k = 0; k < json_array_size(rooms); k++)
        if (!json_equal(json_array_get(at, k), here) &&
            same(json_array_get(rooms, k), json_array_get(rooms, i), "name"))
            return c->apis[json_integer_value(here)]->url;
    return NULL;
}

static int rooms_of_all(struct nc_client *c, const char *path)
{
    json_t *rooms = json_array(), *at = json_array(), *room;
    json_t *body = json_pack("{s:o}", "rooms", rooms);
    int rc = NC_EXIT_FAILED;
    size_t i;

    for (i = 0; i < c->apis_n; i++) {
        struct nc_answer a;
        c->api = c->apis[i];
        if (!nc_client_ask(c, "GET", path, (struct nc_str){0}, &a))
            continue;
        merge(rooms, at, json_object_get(a.body, "rooms"), i);
        nc_answer_fini(&a);
        rc = NC_EXIT_OK;
    }
    if (rc == NC_EXIT_OK && !nc_client_printed(c, body)) {
        json_array_foreach(rooms, i, room) print_room(room, which(c, rooms, at, i));
    }
    json_decref(body);
    json_decref(at);
    return rc;
}

int nc_cmd_rooms(struct nc_client *c)
{
    const char *path = c->args_n ? "/api/v1/rooms/public?limit=200" : "/api/v1/rooms";
    struct nc_answer a;
    json_t *room;
    size_t i;

    if (c->args_n && strcmp(c->args[0], "public") != 0) {
        nc_client_fail_word(NC_W_USAGE, "rooms [public]");
        return NC_EXIT_USAGE;
    }
    if (c->apis_n > 1)
        return rooms_of_all(c, path);
    if (!nc_client_ask(c, "GET", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        json_array_foreach(json_object_get(a.body, "rooms"), i, room)
            print_room(room, NULL);
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

static int told(struct nc_client *c, struct nc_answer *a, enum nc_words w)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (!nc_client_printed(c, a->body)) {
        printf(nc_word(w), nc_client_cell(a->body, "name"));
        if (c->cfg->verbose)
            printf(" %s", nc_client_cell(a->body, "id"));
        putchar('\n');
    }
#pragma GCC diagnostic pop
    nc_answer_fini(a);
    return NC_EXIT_OK;
}

int nc_cmd_join(struct nc_client *c)
{
    char path[128], id[NC_ID_TEXT];
    struct nc_answer a;
    struct nc_id room;

    if (!nc_client_room(c, c->args[0], &room))
        return NC_EXIT_FAILED;
    nc_id_text(&room, id);
    snprintf(path, sizeof path, "/api/v1/rooms/%.*s/join", NC_ID_TEXT, id);
    if (!nc_client_ask(c, "POST", path, (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!json_object_get(a.body, "name")) { /* the node need not say more than yes */
        if (!a.body)
            a.body = json_object();
        json_object_set_new(a.body, "name", json_string(c->args[0]));
    }
    return told(c, &a, NC_W_JOINED);
}

int nc_cmd_create(struct nc_client *c)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_answer a;
    bool ok;

    nc_json_obj(&j);
    nc_json_kstr(&j, "name", nc_str(c->args[0]));
    nc_json_kstr(&j, "kind", NC_STR("room"));
    nc_json_kstr(&j, "visibility", nc_str(c->cfg->is_private ? "private" : "public"));
    if (*c->cfg->topic)
        nc_json_kstr(&j, "topic", nc_str(c->cfg->topic));
    nc_json_obj_end(&j);
    ok = nc_client_ask(c, "POST", "/api/v1/rooms", nc_buf_str(&b), &a);
    nc_buf_fini(&b);
    return ok ? told(c, &a, NC_W_CREATED) : NC_EXIT_FAILED;
}

/* One account, by whoever gets the code; with a room it leads there. */
int nc_cmd_invite(struct nc_client *c)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_answer a;
    struct nc_id room;
    bool ok;

    if (c->args_n && !nc_client_room(c, c->args[0], &room))
        return NC_EXIT_FAILED;
    nc_json_obj(&j);
    nc_json_kuint(&j, "uses", 1);
    if (c->args_n)
        nc_json_kid(&j, "room", &room);
    nc_json_obj_end(&j);
    ok = nc_client_ask(c, "POST", "/api/v1/invites", nc_buf_str(&b), &a);
    nc_buf_fini(&b);
    if (!ok)
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body)) {
        puts(nc_client_cell(a.body, "url"));
        printf("neuralchat register --invite %s\n", nc_client_cell(a.body, "code"));
    }
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}
